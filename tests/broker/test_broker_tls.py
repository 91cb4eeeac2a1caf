"""TLS on a listener: what clients say and hear through it, who they are, what happens to those who break it, and renewal."""

from __future__ import annotations

import gc
import logging
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from certificates import PASSWORD, Authority, Identity
from conditions import until
from ottla.broker import listener_tls, tls_layer
from ottla.config.checks import InvalidConfigurationError
from ottla.metrics.page import page
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch

AUTHORITY = Authority()
STRANGERS = Authority("Strangers")
BROKER = AUTHORITY.issue("broker")
BROKER_RESOURCE = 4


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Settings of a broker with a plain and a TLS listener, its certificates in PEM files."""
    return {
        "listeners": "PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(BROKER.write_pem(tmp_path / "broker.pem")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(AUTHORITY.write_pem(tmp_path / "trust.pem")),
    }


@pytest.fixture(params=["uvloop", "asyncio"])
def tls_broker(request, start_broker, files):
    """A broker with TLS, on either loop."""
    return start_broker(files, uvloop=request.param == "uvloop")


@pytest.fixture
def secured(raw_client, tmp_path) -> Iterator[Callable[..., Any]]:
    """Open raw connections over TLS: `secured(broker, identity)`."""
    opened = []

    def open_one(broker, identity: Identity | None = None, listener: str = "SSL", **versions):
        client = raw_client(broker.server.port(listener))
        opened.append(client)
        client.socket = context(tmp_path, identity, **versions).wrap_socket(
            client.socket, server_hostname="localhost"
        )
        return client

    yield open_one
    for each in opened:
        each.socket.close()


def context(directory: Path, identity: Identity | None = None, **versions) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=AUTHORITY.pem())
    for name, version in versions.items():
        setattr(made, name, version)
    if identity is not None:
        made.load_cert_chain(identity.write_pem(directory / f"client-{id(identity)}.pem"))
    return made


def assert_serves(client) -> None:
    assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE


def principals(broker) -> list[str]:
    return broker.call(lambda server: [str(each.info.principal) for each in server.each_connection()])


# What is said through it


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered(tls_broker, secured, version) -> None:
    """In each version of TLS; the answer names the listener by which the client came."""
    client = secured(tls_broker, minimum_version=version, maximum_version=version)
    assert_serves(client)
    answer = client.ask(MetadataRequest(topics=[]), MetadataResponse, 12)
    (node,) = answer.brokers
    assert (node.host, node.port) == ("127.0.0.1", tls_broker.server.port("SSL"))


def test_frames_may_lie_in_records_as_they_like(tls_broker, secured) -> None:
    """A byte a record, several requests in one, and a request over many: TLS's borders mean nothing to Kafka's."""
    client = secured(tls_broker)
    for byte in client.frame(ApiVersionsRequest(), 0):
        client.socket.sendall(bytes([byte]))
    assert client.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE
    client.socket.sendall(b"".join(client.frame(ApiVersionsRequest(), 0) for _ in range(300)))
    for number in range(300):
        assert client.receive(ApiVersionsResponse, 0)[0] == number + 2


def test_what_was_produced_is_fetched(tls_broker, secured) -> None:
    """Megabytes in both directions: requests over many records, answers of several slices, none of it by sendfile."""
    client = secured(tls_broker)
    created = client.ask(
        CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=1, replication_factor=1)]),
        CreateTopicsResponse,
        5,
    )
    assert created.topics[0].error_code == ErrorCode.NONE
    values = [os.urandom(1000) for _ in range(900)]
    batch = build_batch([Record(number, 1, None, value) for number, value in enumerate(values)])
    for _ in range(5):
        answer = client.ask(
            ProduceRequest(
                acks=-1,
                timeout_ms=10_000,
                topic_data=[
                    TopicProduceData(
                        name="t", partition_data=[PartitionProduceData(index=0, records=memoryview(batch))]
                    )
                ],
            ),
            ProduceResponse,
            9,
        )
        assert answer.responses[0].partition_responses[0].error_code == ErrorCode.NONE
    fetched = client.ask(
        FetchRequest(
            replica_id=-1,
            max_wait_ms=1000,
            min_bytes=1,
            max_bytes=50_000_000,
            topics=[
                FetchTopic(
                    topic="t",
                    partitions=[FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=50_000_000)],
                )
            ],
        ),
        FetchResponse,
        11,
    )
    records = bytes(fetched.responses[0].partitions[0].records)
    assert len(records) == 5 * len(batch)
    # What the broker wrote into each batch lies in its first bytes: base offset and leader epoch.
    for number in range(5):
        assert records[number * len(batch) + 21 :][: len(batch) - 21] == bytes(batch)[21:]


def test_a_client_that_does_not_read_is_waited_for(tls_broker, secured) -> None:
    """Hundreds of requests before the first answer is read: none is lost, and nobody else waits."""
    client = secured(tls_broker)
    request = b"".join(client.frame(ApiVersionsRequest(), 0) for _ in range(3000))
    sending = threading.Thread(target=client.socket.sendall, args=(request,))
    sending.start()
    assert_serves(secured(tls_broker))
    for number in range(3000):
        assert client.receive(ApiVersionsResponse, 0)[0] == number + 1
    sending.join(30)
    assert not sending.is_alive()


def test_a_client_says_farewell(tls_broker, secured) -> None:
    """TLS's own end of a session ends the connection, without a word in the log."""
    client = secured(tls_broker)
    assert_serves(client)
    client.socket.unwrap()
    until(lambda: not tls_broker.call(lambda server: server.each_connection()))


def test_a_connection_that_is_over_leaves_nothing(tls_broker, secured) -> None:
    """A session's memory doesn't wait for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            client = secured(tls_broker)
            assert_serves(client)
            client.socket.close()
        until(lambda: not principals(tls_broker))
        until(lambda: not [each for each in gc.get_objects() if isinstance(each, tls_layer.TlsLayer)])
    finally:
        gc.enable()


# Who it is


def test_a_certificate_makes_the_principal(start_broker, secured, files) -> None:
    """And who shows none is anonymous."""
    broker = start_broker(
        {
            **files,
            "ssl.client.auth": "requested",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/U,DEFAULT",
        }
    )
    alice = secured(broker, AUTHORITY.issue("alice"))
    assert_serves(alice)
    assert principals(broker) == ["User:ALICE"]
    assert_serves(secured(broker))
    assert sorted(principals(broker)) == ["User:ALICE", "User:ANONYMOUS"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("identity", "said"),
    [
        (None, "the client showed no certificate (ssl.client.auth=required)"),
        (STRANGERS.issue("mallory"), "the client's certificate is refused"),
        (AUTHORITY.issue("late", valid_from_days=-9, valid_for_days=-1), "certificate has expired"),
    ],
)
def test_who_has_no_right_certificate_is_told_so(
    start_broker, secured, files, caplog, version, identity, said
) -> None:
    """By an alert that arrives, and one line in the log."""
    broker = start_broker({**files, "ssl.client.auth": "required"})
    with caplog.at_level(logging.INFO):
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            client = secured(broker, identity, minimum_version=version, maximum_version=version)
            # With TLS 1.3 the client learns of it by the first read.
            client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        until(lambda: said in caplog.text, otherwise=lambda: caplog.text)
    assert len([each for each in caplog.records if "Closed connection" in each.message]) == 1
    until(lambda: not principals(broker))
    assert_serves(secured(broker, AUTHORITY.issue("alice")))
    text = broker.call(lambda server: b"".join(page(server.metrics))).decode()
    for outcome in ("successful", "failed"):
        name = f"kafka_server_socket_server_metrics_{outcome}_authentication_total"
        assert f'{name}{{listener="SSL"}} 1' in text


def test_a_certificate_that_no_rule_names_is_nobodys(start_broker, secured, files, caplog) -> None:
    """Its connection ends: it must not become somebody else's."""
    broker = start_broker(
        {**files, "ssl.client.auth": "required", "ssl.principal.mapping.rules": "RULE:^CN=bob$/bob/"}
    )
    with caplog.at_level(logging.INFO):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client = secured(broker, AUTHORITY.issue("alice"))
            client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        until(lambda: "no rule of ssl.principal.mapping.rules applies to 'CN=alice'" in caplog.text)
    assert_serves(secured(broker, AUTHORITY.issue("bob")))


# Who breaks it


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (
            struct.pack(">ihhih", 10, 18, 0, 1, -1),
            "SSL handshake failed: no TLS: is security.protocol of the client PLAINTEXT",
        ),
        (b"GET / HTTP/1.1\r\n\r\n", "an HTTP request; this port speaks Kafka's protocol over TLS"),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "SSL handshake failed"),
        (os.urandom(3) + b"\xff" * 100_000, "SSL handshake failed"),
    ],
)
def test_who_speaks_no_tls_is_closed_with_one_line(tls_broker, raw_client, caplog, sent, said) -> None:
    """Plain Kafka, a browser, a broken hello, noise."""
    with caplog.at_level(logging.INFO), raw_client(tls_broker.server.port("SSL")) as client:
        try:
            client.socket.sendall(sent)
            while client.socket.recv(65536):  # an alert, perhaps
                pass
        except ConnectionError:
            pass
        until(lambda: said in caplog.text, otherwise=lambda: caplog.text)
    assert len([each for each in caplog.records if "Closed connection" in each.message]) == 1


def test_a_damaged_record_ends_the_connection(tls_broker, secured, caplog) -> None:
    """After the handshake: what can't be authenticated is from nobody."""
    client = secured(tls_broker)
    assert_serves(client)
    with caplog.at_level(logging.INFO), socket.socket(fileno=os.dup(client.socket.fileno())) as beneath:
        beneath.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        until(lambda: "TLS failed: " in caplog.text, otherwise=lambda: caplog.text)
    until(lambda: not tls_broker.call(lambda server: server.each_connection()))


def test_a_client_that_never_shakes_hands_is_given_up(
    start_broker, raw_client, files, caplog, monkeypatch
) -> None:
    """It counts among the connections meanwhile, and its time is short."""
    monkeypatch.setattr(tls_layer, "HANDSHAKE_SECONDS", 4.0)
    broker = start_broker({**files, "max.connections.per.ip": "2"})
    with (
        caplog.at_level(logging.INFO),
        raw_client(broker.server.port("SSL")) as silent,
        raw_client(broker.server.port("SSL")) as half,
    ):
        half.socket.sendall(b"\x16\x03\x01")
        until(lambda: len(principals(broker)) == 2)
        with raw_client(broker.server.port("SSL")) as third:
            assert third.is_closed()
        assert "max.connections.per.ip" in caplog.text
        assert silent.is_closed()
        assert half.is_closed()
        until(lambda: caplog.text.count("no TLS handshake within") == 2)


def test_hundreds_shake_hands_at_once(tls_broker, tmp_path) -> None:
    """All of them are served, and so is who was there before."""
    made = context(tmp_path)
    port = tls_broker.server.port("SSL")
    sockets = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(200)]
    before = made.wrap_socket(sockets.pop(), server_hostname="localhost")
    done: list[ssl.SSLSocket] = []

    def shake(some: list[socket.socket]) -> None:
        done.extend(made.wrap_socket(each, server_hostname="localhost") for each in some)

    threads = [threading.Thread(target=shake, args=(sockets[start::8],)) for start in range(8)]
    for each in threads:
        each.start()
    frame = struct.pack(">ihhih", 10, 18, 0, 1, -1)
    for _ in range(20):
        before.sendall(frame)
        (size,) = struct.unpack(">i", before.recv(4))
        while size:
            size -= len(before.recv(size))
    for each in threads:
        each.join(60)
    assert len(done) == 199
    for each in [before, *done]:
        each.close()


# Starting, and renewing


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ssl.keystore.location": "/nowhere.pem"}, "ssl.keystore.location=/nowhere.pem (program)"),
        (
            {"ssl.keystore.type": "PKCS12", "ssl.keystore.password": PASSWORD},
            "the type says PKCS12",
        ),
        ({"listener.name.ssl.ssl.cipher.suites": "NONE"}, "listener.name.ssl.ssl.cipher.suites=NONE"),
    ],
)
def test_a_broker_without_usable_certificates_does_not_start(start_broker, files, changes, said) -> None:
    """What is wrong is told with the setting to mend, and without a secret."""
    with pytest.raises(InvalidConfigurationError) as raised:
        start_broker({**files, **changes})
    assert said in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_broker_whose_certificate_has_expired_says_so(start_broker, files, caplog) -> None:
    """It starts, as Apache's does: other listeners may not need it."""
    expired = AUTHORITY.issue("broker", valid_from_days=-9, valid_for_days=-1)
    expired.write_pem(Path(files["ssl.keystore.location"]))
    with caplog.at_level(logging.ERROR):
        start_broker(files)
    assert "the certificate of CN=broker expired at" in caplog.text


@contextmanager
def renewing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files are looked at all the time."""
    with monkeypatch.context() as patched:
        patched.setattr(listener_tls, "LOOK_SECONDS", 0.05)
        yield


def replace_file(path: str, identity: Identity) -> None:
    """As a tool that renews certificates does: by a rename."""
    identity.write_pem(Path(path + ".new")).replace(path)


def shown(client) -> bytes:
    return client.socket.getpeercert(binary_form=True)


def test_certificates_are_renewed_under_load(start_broker, secured, files, monkeypatch) -> None:
    """Connections come and go all the while, each with the old or the new certificate; those there stay."""
    with renewing(monkeypatch):
        broker = start_broker(files)
    stays = secured(broker)
    before = shown(stays)
    failures: list[Exception] = []
    stopping = threading.Event()

    def come_and_go() -> None:
        while not stopping.is_set():
            try:
                client = secured(broker)
                assert_serves(client)
                client.socket.close()
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    threads = [threading.Thread(target=come_and_go) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        seen = {before}
        for _ in range(3):
            replace_file(files["ssl.keystore.location"], AUTHORITY.issue("broker"))
            seen.add(until(lambda: shown(secured(broker)), lambda found: found not in seen))
            assert_serves(stays)
    finally:
        stopping.set()
        for each in threads:
            each.join(30)
    assert not failures


def test_certificates_that_cannot_be_used_change_nothing(
    start_broker, secured, files, monkeypatch, caplog
) -> None:
    """Said once; the next good one is taken."""
    with renewing(monkeypatch), caplog.at_level(logging.ERROR):
        broker = start_broker(files)
        before = shown(secured(broker))
        nothing = Path(files["ssl.keystore.location"] + ".new")
        nothing.write_text("nothing")
        nothing.replace(files["ssl.keystore.location"])  # in one step: nobody may find it empty
        until(lambda: "Listener SSL keeps the certificates it has: ssl.keystore.location" in caplog.text)
        replace_file(files["ssl.keystore.location"], AUTHORITY.issue("somebody else"))
        until(lambda: "Keystore DistinguishedName does not match" in caplog.text)
        assert shown(secured(broker)) == before
        replace_file(files["ssl.keystore.location"], AUTHORITY.issue("broker"))
        until(lambda: shown(secured(broker)), lambda found: found != before)
    assert len([each for each in caplog.records if "keeps the certificates" in each.message]) == 2


def test_a_trust_store_is_renewed(start_broker, secured, files, monkeypatch) -> None:
    """Who is trusted from now on comes in, who isn't any more stays out."""
    with renewing(monkeypatch):
        broker = start_broker({**files, "ssl.client.auth": "required"})
    assert_serves(secured(broker, AUTHORITY.issue("alice")))
    mallory = STRANGERS.issue("mallory")
    Path(files["ssl.truststore.location"]).write_text(STRANGERS.pem())

    def is_let_in() -> bool:
        try:
            assert_serves(secured(broker, mallory))
        except (ssl.SSLError, ConnectionError):
            return False
        return True

    until(is_let_in)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        assert_serves(secured(broker, AUTHORITY.issue("alice")))


def alter(client, **values: str | None) -> ErrorCode:
    answer = client.ask(
        IncrementalAlterConfigsRequest(
            resources=[
                AlterConfigsResource(
                    resource_type=BROKER_RESOURCE,
                    resource_name="1",
                    configs=[
                        AlterableConfig(
                            name=f"listener.name.ssl.ssl.{name.replace('_', '.')}",
                            config_operation=0,
                            value=value,
                        )
                        for name, value in values.items()
                    ],
                )
            ]
        ),
        IncrementalAlterConfigsResponse,
        1,
    )
    return ErrorCode(answer.responses[0].error_code)


def test_certificates_are_renewed_by_alter_configs(start_broker, secured, connect, files, tmp_path) -> None:
    """Another file, or PEM text, for one listener (KIP-226)."""
    broker = start_broker(files)
    before = shown(secured(broker))
    second = AUTHORITY.issue("broker")
    path = second.write_pem(tmp_path / "second.pem")
    client = connect(broker)
    assert alter(client, keystore_location=str(path)) is ErrorCode.NONE
    until(lambda: shown(secured(broker)), lambda found: found != before)
    assert alter(client, keystore_password="x") is ErrorCode.INVALID_REQUEST
    assert alter(client, client_auth="required") is ErrorCode.NONE

    def is_refused() -> bool:
        try:
            assert_serves(secured(broker))
        except (ssl.SSLError, ConnectionError):
            return True
        return False

    until(is_refused)
    assert_serves(secured(broker, AUTHORITY.issue("alice")))
