"""Our own client logs in, checks what the server says, and does not outstay its session."""

import asyncio
import base64
from collections.abc import Iterator

import pytest

from ottla.client.brokers import Brokers
from ottla.client.connection import open_connection
from ottla.client.sasl import MAX_ITERATIONS, Credentials, LoginError
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import set_scram_password
from wire.wire_client import WireClient

SESSION_MS = 4_000


@pytest.fixture(scope="module")
def sasl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """Knows alice by PLAIN and SCRAM; sessions by SCRAM-SHA-512 are short."""
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("sasl"),
        {"listener.name.sasl_plaintext.scram-sha-512.connections.max.reauth.ms": str(SESSION_MS)},
    )
    with made.broker:
        with WireClient(made.broker.host, made.broker.port) as wire:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                set_scram_password(wire, mechanism, "alice", "alice-secret")
        yield made


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_it_logs_in(sasl: SaslBroker, mechanism: str) -> None:
    """On each connection to each broker."""

    async def node() -> int:
        credentials = Credentials(mechanism, "alice", "alice-secret")
        async with Brokers(sasl.sasl_servers, credentials=credentials) as brokers:
            controller = await brokers.to_controller()
            return (await controller.send(MetadataRequest(topics=[]), MetadataResponse)).controller_id

    assert asyncio.run(node()) == 1


@pytest.mark.parametrize(
    ("mechanism", "said"),
    [("PLAIN", "Invalid username or password"), ("SCRAM-SHA-256", "invalid credentials with SASL mechanism")],
)
def test_a_wrong_password_is_told(sasl: SaslBroker, mechanism: str, said: str) -> None:
    """In the broker's words, without the password."""

    async def connect() -> None:
        await open_connection(
            "127.0.0.1", sasl.sasl_port, credentials=Credentials(mechanism, "alice", "hunter2")
        )

    with pytest.raises(LoginError, match=said) as refused:
        asyncio.run(connect())
    assert "hunter2" not in str(refused.value)


def test_a_listener_without_sasl_is_called_so(sasl: SaslBroker) -> None:
    """Whoever has the wrong port hears of it."""

    async def connect() -> None:
        await open_connection("127.0.0.1", sasl.broker.port, credentials=Credentials("PLAIN", "a", "b"))

    with pytest.raises(LoginError, match="wants no log-in"):
        asyncio.run(connect())


def test_a_connection_is_replaced_before_its_session_ends(sasl: SaslBroker) -> None:
    """The shared one is opened anew; nobody sees an error."""

    async def talk() -> int:
        credentials = Credentials("SCRAM-SHA-512", "alice", "alice-secret")
        async with Brokers(sasl.sasl_servers, credentials=credentials) as brokers:
            first, connections = await brokers.any(), set()
            async with asyncio.timeout(30):
                while len(connections) < 2:
                    await brokers.send(MetadataRequest(topics=[]), MetadataResponse)
                    connections.add(id(await brokers.any()))
                    await asyncio.sleep(0.02)
            assert not first.is_open
            return len(connections)

    assert asyncio.run(talk()) == 2


@pytest.mark.parametrize(
    ("challenge", "said"),
    [
        ("r={nonce},s=c2FsdA==,i=4096", "does not go on from ours"),
        ("r=other{nonce}x,s=c2FsdA==,i=4096", "does not go on from ours"),
        ("r={nonce}x,s=!,i=4096", "none of SCRAM"),
        ("r={nonce}x,s=c2FsdA==", "none of SCRAM"),
        ("r={nonce}x,s=c2FsdA==,i=0", "0 iterations"),
        (f"r={{nonce}}x,s=c2FsdA==,i={MAX_ITERATIONS + 1}", "iterations"),
    ],
)
def test_a_challenge_that_is_a_trick_is_refused(challenge: str, said: str) -> None:
    """A recorded nonce, endless computing."""
    exchange = Credentials("SCRAM-SHA-256", "alice", "x").exchange()
    nonce = next(exchange).decode().rpartition("r=")[2]
    with pytest.raises(LoginError, match=said):
        exchange.send(challenge.format(nonce=nonce).encode())


def test_a_server_that_can_not_prove_that_it_knows_the_password_is_refused() -> None:
    """It may be anyone who lets everyone in."""
    exchange = Credentials("SCRAM-SHA-256", "alice", "x").exchange()
    nonce = next(exchange).decode().rpartition("r=")[2]
    exchange.send(f"r={nonce}x,s=c2FsdA==,i=4096".encode())
    with pytest.raises(LoginError, match="has not proven"):
        exchange.send(b"v=" + base64.b64encode(bytes(32)))


def test_credentials_do_not_show() -> None:
    """They may end up in a trace."""
    assert "hunter2" not in repr(Credentials("PLAIN", "alice", "hunter2"))
    with pytest.raises(ValueError, match="none of PLAIN"):
        Credentials("GSSAPI", "alice", "hunter2")
