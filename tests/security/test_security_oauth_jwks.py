"""The keys of an identity provider: read from a file or by HTTP within bounds, and read anew when they change."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from certificates import Authority
from conditions import until
from identity_provider import IdentityProvider, send
from ottla.security.jwks import InvalidJwks, parse_jwks
from ottla.security.jwks_download import MAX_BYTES, Download, DownloadFailed, checked_address
from ottla.security.jwks_store import JwksStore, StoreTimes

SOON = StoreTimes(refresh_s=1_000, retry_backoff_s=0.01, retry_backoff_max_s=0.02)


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """An identity provider."""
    with IdentityProvider() as running:
        yield running


def store_of(provider: IdentityProvider, times: StoreTimes = SOON) -> JwksStore:
    """A store of its keys, reading."""
    store = JwksStore(provider.jwks_url, Download(provider.jwks_url), times)
    store.start()
    return store


def test_keys_by_http(provider: IdentityProvider) -> None:
    """What is published is found by its id."""
    store = store_of(provider)
    try:
        [found] = until(lambda: store.find(provider.key.key_id, "RS256"))
        assert found.key_id == provider.key.key_id
        assert store.find(provider.key.key_id, "ES256") == []
    finally:
        store.close()


def test_keys_in_a_file(tmp_path: Path, provider: IdentityProvider) -> None:
    """By a file's address."""
    file = tmp_path / "my keys.json"
    file.write_bytes(provider.keys())
    assert parse_jwks(Download(f"file://{tmp_path}/my%20keys.json").fetch()).keys
    with pytest.raises(DownloadFailed, match="No such file"):
        Download(f"file://{tmp_path}/absent.json").fetch()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/etc/jwks.json",
        "ftp://host/jwks",
        "file://host/jwks",
        "gopher://host",
        "http://",
        "http://user:pass@host/jwks",
        "http://host:port/",
        "http://host:99999/",
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    """Are told at the start."""
    with pytest.raises(ValueError, match=r".+"):
        checked_address(address)


def test_a_rotated_key_is_found(provider: IdentityProvider) -> None:
    """A token signed by a key that nobody has seen makes the store read anew, and gets in."""
    store = store_of(provider)
    try:
        old = provider.key.key_id
        until(lambda: store.find(old, "RS256"))
        provider.rotate()
        until(lambda: bool(store.find(provider.key.key_id, "RS256")))
        assert store.find(old, "RS256") == []
    finally:
        store.close()


def test_invented_key_ids_do_not_flood(provider: IdentityProvider) -> None:
    """Between two readings out of turn lies `retry.backoff.max`, whatever tokens come."""
    store = store_of(provider, SOON._replace(retry_backoff_max_s=1_000))
    try:
        until(lambda: store.find(provider.key.key_id, "RS256"))
        for number in range(200):
            assert store.find(f"invented-{number}", "RS256") == []
        assert provider.times_read == 1
    finally:
        store.close()


def test_a_slow_identity_provider_does_not_hold_all_log_ins(provider: IdentityProvider) -> None:
    """While two wait for keys that may come, others by unknown keys are refused at once, and known ones let in."""
    store = store_of(provider)
    try:
        known = provider.key.key_id
        until(lambda: store.find(known, "RS256"))
        provider.answer_keys_with(provider.drip)
        seen = provider.times_read
        with ThreadPoolExecutor(8) as threads:
            until(lambda: (threads.submit(store.find, "unknown", "RS256"), provider.times_read > seen)[1])
            looks = [threads.submit(store.find, f"unknown-{each}", "RS256") for each in range(8)]
            done, _ = wait(looks, timeout=30, return_when=FIRST_COMPLETED)
            assert done
            assert store.find(known, "RS256")
            store.close()
            assert all(look.result(30) == [] for look in looks)
    finally:
        store.close()


def test_an_identity_provider_that_is_down(provider: IdentityProvider) -> None:
    """Keys that are known stay; when it is back, its new ones are found."""
    store = store_of(provider, SOON._replace(refresh_s=0.02))
    try:
        known = provider.key.key_id
        until(lambda: store.find(known, "RS256"))
        provider.answer_keys_with(lambda handler: send(handler, b"no", 503))
        seen = provider.times_read
        until(lambda: provider.times_read >= seen + 5)
        assert store.find(known, "RS256")
        provider.rotate()
        provider.answer_keys_with(None)
        until(lambda: bool(store.find(provider.key.key_id, "RS256")))
    finally:
        store.close()


def huge(handler: BaseHTTPRequestHandler) -> None:
    """More than a JWK set may have, without saying so first."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(2 * MAX_BYTES // 65_536 + 2):
        handler.wfile.write(b" " * 65_536)


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    """Sends the reader to an address inside the network."""
    handler.send_response(302)
    handler.send_header("Location", "http://169.254.169.254/latest/meta-data/")
    handler.end_headers()


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{}")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (huge, "larger than"),
        (elsewhere, "302"),
        (cut_off, "IncompleteRead|too early"),
        (lambda handler: send(handler, b"", 404), "404"),
        (lambda handler: handler.wfile.write(b"\x00" * 100), r".+"),
    ],
    ids=["huge", "redirected", "cut off", "absent", "no HTTP"],
)
def test_answers_that_are_no_keys(provider: IdentityProvider, answer: object, why: str) -> None:
    """End the download, and the text says how."""
    provider.answer_keys_with(answer)  # type: ignore[arg-type]
    with pytest.raises(DownloadFailed, match=why):
        Download(provider.jwks_url).fetch()


def test_a_slow_identity_provider(provider: IdentityProvider) -> None:
    """A byte now and then doesn't prolong a download's time."""
    provider.answer_keys_with(provider.drip)
    with pytest.raises(DownloadFailed):
        Download(provider.jwks_url, timeout_s=0.3).fetch()


def test_a_slow_identity_provider_does_not_hold_the_stop(provider: IdentityProvider) -> None:
    """`close` breaks the download off."""
    provider.answer_keys_with(provider.drip)
    store = store_of(provider)
    until(lambda: provider.times_read > 0)
    store.close()
    until(lambda: not any(each.name == "ottla-jwks" for each in threading.enumerate()))


def test_an_identity_provider_by_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose certificate has to be of an authority that the machine, or `SSL_CERT_FILE`, trusts, and for its host."""
    authority = Authority()
    keys = authority.issue("provider", hosts=["127.0.0.1"]).write_pem(tmp_path / "keys.pem")
    trusted = authority.write_pem(tmp_path / "authority.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(keys)
    with IdentityProvider(tls) as provider:
        with pytest.raises(DownloadFailed, match="CERTIFICATE_VERIFY_FAILED"):
            Download(provider.jwks_url).fetch()
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert parse_jwks(Download(provider.jwks_url).fetch()).keys
        with pytest.raises(DownloadFailed, match="CERTIFICATE_VERIFY_FAILED"):
            Download(provider.jwks_url.replace("127.0.0.1", "localhost")).fetch()


def test_nobody_answers() -> None:
    """A closed port is a failure like others."""
    with pytest.raises(DownloadFailed, match="ConnectionRefused"):
        Download("http://127.0.0.1:1/jwks").fetch()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        b"[" * 99_999,
    ],
)
def test_documents_that_are_no_jwk_set(document: bytes) -> None:
    """Are refused whole: the keys that are known stay."""
    with pytest.raises(InvalidJwks):
        parse_jwks(document)


def test_too_many_keys(provider: IdentityProvider) -> None:
    """Bounds what a set may cost."""
    with pytest.raises(InvalidJwks, match="201 keys"):
        parse_jwks(json.dumps({"keys": [provider.key.published] * 201}).encode())


def test_log_ins_before_the_first_reading_wait(provider: IdentityProvider) -> None:
    """A broker that has just started does not turn its first clients away."""

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        send(handler, provider.keys())

    provider.answer_keys_with(slowly)
    store = store_of(provider)
    try:
        assert store.find(provider.key.key_id, "RS256")
    finally:
        store.close()
