"""Our own client gets in by each protocol and mechanism, by the properties that other clients are given; and by none it is not allowed to."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from certificates import Authority
from identity_provider import AUDIENCE, IdentityProvider, send
from ottla.client.access import Access, AccessError, access_of
from ottla.client.brokers import Brokers
from ottla.client.oauth_login import MAX_ANSWER_BYTES, ClientSecret, OAuthLogin, TokenEndpoint
from ottla.client.one_request import ask
from ottla.client.sasl import LoginError
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import set_scram_password
from wire.wire_client import WireClient

OAUTH_MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
Handler = http.server.BaseHTTPRequestHandler


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """Gives tokens and tells the keys to verify them by."""
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker with all mechanisms of passwords and tokens, with TLS and without."""
    prefix = "listener.name.sasl_plaintext.oauthbearer"
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("guarded"),
        {
            "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
            f"{prefix}.sasl.jaas.config": f"{OAUTH_MODULE} required;",
            "sasl.oauthbearer.jwks.endpoint.url": provider.jwks_url,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
        },
        tls=True,
    )
    with made.broker:
        with WireClient(made.broker.host, made.broker.port) as wire:
            set_scram_password(wire, "SCRAM-SHA-256", "alice", "alice-secret")
        yield made


def node_of(servers: str, access: Access) -> int:
    """Asked over a connection that is kept: the controller's id."""

    async def asked() -> int:
        async with Brokers(servers, tls=access.tls, credentials=access.login) as brokers:
            return (await brokers.send(MetadataRequest(topics=[]), MetadataResponse)).controller_id

    return asyncio.run(asked())


def node_at_once(servers: str, access: Access) -> int:
    """The same by a single request."""
    host, _, port = servers.rpartition(":")
    request = MetadataRequest(topics=[])
    return ask(host, int(port), request, MetadataResponse, 9, 30, access).controller_id


def by_token(provider: IdentityProvider, secret: str = "alice") -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.token.endpoint.url": provider.token_url,
        "sasl.oauthbearer.client.id": "alice",
        "sasl.oauthbearer.client.secret": secret,
        "sasl.oauthbearer.scope": "kafka",
    }


@pytest.mark.parametrize("asked", [node_of, node_at_once])
@pytest.mark.parametrize("names", ["librdkafka", "java"])
def test_a_token_for_a_client_s_secret(
    guarded: SaslBroker,
    provider: IdentityProvider,
    names: str,
    asked: Callable[[str, Access], int],
) -> None:
    """Under librdkafka's names and Java's; a second log-in uses the token again."""
    properties = by_token(provider)
    if names == "java":
        login = f'{OAUTH_MODULE} required clientId="alice" clientSecret="alice" extension_team="a b";'
        properties = {
            name: value
            for name, value in properties.items()
            if not name.startswith("sasl.oauthbearer.client")
        } | {"sasl.jaas.config": login}
    access, before = access_of(properties), provider.tokens_given
    assert asked(guarded.sasl_servers, access) == 1
    assert asked(guarded.sasl_servers, access) == 1
    assert provider.tokens_given == before + 1


def test_a_wrong_secret_gets_no_token(guarded: SaslBroker, provider: IdentityProvider) -> None:
    """The identity provider's reason is told, the secret is not."""
    access = access_of(by_token(provider, "hunter2"))
    with pytest.raises(LoginError, match=r"answers 401 \(invalid_client\)") as refused:
        node_of(guarded.sasl_servers, access)
    assert "hunter2" not in f"{refused.value}{access!r}"


def test_a_token_from_a_file(guarded: SaslBroker, provider: IdentityProvider, tmp_path: Path) -> None:
    """Read anew by each log-in; a token that the broker refuses is told so, and doesn't show."""
    file = tmp_path / "token"
    access = access_of(
        {
            "security.protocol": "sasl_plaintext",
            "sasl.mechanisms": "OAUTHBEARER",
            "sasl.oauthbearer.token.endpoint.url": file.as_uri(),
        }
    )
    file.write_text(f"{provider.token()}\n")
    assert node_at_once(guarded.sasl_servers, access) == 1
    refused_token = provider.token(aud="others")
    file.write_text(refused_token)
    with pytest.raises(LoginError, match="refuses the log-in") as refused:
        node_of(guarded.sasl_servers, access)
    assert refused_token not in str(refused.value)
    file.unlink()
    with pytest.raises(LoginError, match="can't be read"):
        node_at_once(guarded.sasl_servers, access)


def test_passwords_over_tls(guarded: SaslBroker) -> None:
    """With the authority as librdkafka and as Java name it; by one request and by kept connections."""
    for trust in (
        {"ssl.ca.location": str(guarded.authority)},
        {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(guarded.authority)},
        {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": guarded.authority.read_text()},
    ):
        access = access_of(
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": f'{PLAIN_MODULE} required username="alice" password="alice-secret";',
                **trust,
            }
        )
        assert node_at_once(guarded.sasl_ssl_servers, access) == 1
    assert node_of(guarded.sasl_ssl_servers, access) == 1


def test_a_broker_that_nobody_trusts_gets_no_password(guarded: SaslBroker, tmp_path: Path) -> None:
    """Neither over TLS that another authority signed, nor over TLS of another name."""
    stranger = tmp_path / "stranger.pem"
    Authority().write_pem(stranger)
    for properties in ({"ssl.ca.location": str(stranger)}, {}):
        access = access_of(
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "alice",
                "sasl.password": "alice-secret",
                **properties,
            }
        )
        with pytest.raises(OSError, match="certificate verify failed"):
            node_at_once(guarded.sasl_ssl_servers, access)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"security.protocol": "tls"}, "security.protocol: 'tls' is none of plaintext, ssl"),
        ({"security.protocol": "sasl_ssl", "sasl.mechanism": "DIGEST-MD5"}, "sasl.mechanism: 'DIGEST-MD5'"),
        ({"sasl.mechanism": "OAUTHBEARER"}, "sasl.oauthbearer.token.endpoint.url: OAUTHBEARER needs"),
        (
            {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": "ftp://x/"},
            "sasl.oauthbearer.token.endpoint.url: .*client's id",
        ),
        (
            {
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.token.endpoint.url": "https://a:hunter2@x/",
                "sasl.oauthbearer.client.id": "a",
            },
            "must not hold a user",
        ),
        (
            {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.token.endpoint.url": "file://host/x"},
            "three slashes",
        ),
        (
            {"sasl.mechanism": "PLAIN", "sasl.jaas.config": 'X required password="hunter2"'},
            "sasl.jaas.config",
        ),
        (
            {
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.token.endpoint.url": "file:///x",
                "sasl.oauthbearer.extensions": "auth=hunter2",
            },
            "sasl.oauthbearer.extensions",
        ),
        (
            {"security.protocol": "ssl", "ssl.ca.location": "/no/such/file"},
            "ssl.ca.location: .*can't be read",
        ),
        (
            {"security.protocol": "ssl", "ssl.certificate.location": "/no/such/file"},
            "ssl.certificate.location: .*can't be read",
        ),
    ],
)
def test_properties_that_lead_nowhere_are_told_by_name(properties: Mapping[str, str], said: str) -> None:
    """And without a secret."""
    with pytest.raises(AccessError, match=said) as refused:
        access_of({"security.protocol": "sasl_plaintext", **properties})
    assert "hunter2" not in str(refused.value)


@contextmanager
def identity_provider_that(answer: Callable[[Handler], None]) -> Iterator[str]:
    """One that answers so; its address."""

    class Answers(Handler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            try:
                answer(self)
            except OSError:
                return  # the client has had enough

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


def token_at(address: str, timeout_s: float = 30) -> str:
    return TokenEndpoint(address, ClientSecret("alice", "hunter2"), timeout_s=timeout_s).token()


def redirect(handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(MAX_ANSWER_BYTES // 65_536 + 2):
        handler.wfile.write(b" " * 65_536)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (redirect, "answers 302"),
        (endless, "larger than"),
        (lambda handler: send(handler, b"<html>"), "answers without a token"),
        (lambda handler: send(handler, b"[" * 100_000), "answers without a token"),
        (lambda handler: send(handler, b'{"access_token":["a"]}'), "something else than a token"),
        (lambda handler: send(handler, b'{"access_token":"a\\u0001auth=Bearer b"}'), "something else"),
        (lambda handler: send(handler, b'{"error":"\\u001b[2J"}', 400), "answers 400$"),
        (lambda handler: send(handler, b"", 503), "answers 503"),
    ],
    ids=["redirect", "endless", "html", "nested", "list", "injection", "terminal", "down"],
)
def test_identity_providers_that_mean_harm_or_are_broken(
    answer: Callable[[Handler], None], said: str
) -> None:
    """An error that says what, in bounded time and memory; the secret goes nowhere else."""
    with identity_provider_that(answer) as address, pytest.raises(LoginError, match=said) as refused:
        token_at(address)
    assert "hunter2" not in str(refused.value)
    assert str(refused.value).isprintable()


def test_an_identity_provider_that_drips_is_given_up() -> None:
    """A byte now and then, each in time."""
    done = threading.Event()

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not done.wait(0.01):
            handler.wfile.write(b" ")

    with identity_provider_that(drip) as address:
        try:
            with pytest.raises(LoginError, match="timed out"):
                token_at(address, timeout_s=0.2)
        finally:
            done.set()


def test_an_identity_provider_is_asked_again_when_it_was_down() -> None:
    """Not when it said no."""
    given = [(503, b""), (200, json.dumps({"access_token": "a.b.c", "expires_in": 60}).encode())]
    asked: list[str | None] = []

    def answer(handler: Handler) -> None:
        asked.append(handler.headers["Authorization"])
        status, body = given[len(asked) - 1]
        send(handler, body, status)

    with identity_provider_that(answer) as address:
        assert token_at(address) == "a.b.c"
    assert len(asked) == 2


def test_a_life_that_no_clock_can_count() -> None:
    """The token is good all the same."""
    body = b'{"access_token":"a.b.c","expires_in":1' + b"0" * 400 + b"}"
    with identity_provider_that(lambda handler: send(handler, body)) as address:
        assert token_at(address) == "a.b.c"


def test_the_message_that_carries_the_token() -> None:
    """RFC 7628's, with what is told besides."""

    class Source:
        def token(self) -> str:
            return "a.b.c"

    exchange = OAuthLogin(Source(), {"team": "x"}).exchange("h")
    assert next(exchange) == b"n,,\x01auth=Bearer a.b.c\x01team=x\x01\x01"
    assert exchange.send(b'{"status":"invalid_token"}') == b"\x01"
    with pytest.raises(LoginError, match="refuses the token"):
        exchange.send(b"")
