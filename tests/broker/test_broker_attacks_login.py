"""Over real sockets, before anybody is known: no request is served, no length is believed, no secret guessed by a trick."""

import contextlib
import os
import struct

import pytest

from ottla.broker.handlers.registered import all_registrations
from ottla.protocol.errors import ErrorCode
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from sasl_client import SaslClient, ScramConversation, plain_token

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SETTINGS = {
    "listeners": "PLAINTEXT://127.0.0.1:0,INSIDE://127.0.0.1:0",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INSIDE:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
    "listener.name.inside.plain.sasl.jaas.config": f'{PLAIN} required user_alice="hunter2" user_bob="b";',
    "connection.failed.authentication.delay.ms": "0",
}
BEFORE_ANYBODY_IS_KNOWN = {"API_VERSIONS", "SASL_HANDSHAKE"}


@pytest.fixture
def inside(start_broker):
    """Opens connections to a listener with SASL."""
    broker = start_broker(SETTINGS)
    port = broker.call(lambda server: server.port("INSIDE"))
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(SaslClient("127.0.0.1", port))


def test_no_api_is_served_before_the_log_in(inside):
    """Each that is announced, first on its connection and between handshake and token: hung up on, or told it is out of turn."""
    for each in all_registrations():
        if each.api_key.name in BEFORE_ANYBODY_IS_KNOWN:
            continue
        frame = bytes(encode_request(each.request_class(), each.highest_version, 1, "eve"))
        first = inside()
        first.send_bytes(frame)
        assert first.closed_by_peer(), each.api_key.name
        if each.api_key.name == "SASL_AUTHENTICATE":
            continue
        between = inside()
        between.handshake("PLAIN")
        between.send_bytes(frame)
        with contextlib.suppress(ConnectionError):
            between.receive_bare()
        assert between.closed_by_peer(), each.api_key.name


def test_requests_sent_along_with_a_failing_log_in_are_not_served(inside):
    """All in one packet: what waits behind a refused token is thrown away with the connection."""
    client = inside()
    client.handshake("PLAIN")
    token = plain_token("alice", "wrong")
    client.send_bytes(
        bytes(authenticate(token)) + bytes(encode_request(MetadataRequest(topics=None), 9, 99, "eve"))
    )
    answer = client.receive_bare()
    assert struct.unpack_from(">i", answer)[0] == 7
    assert client.closed_by_peer()


def authenticate(token: bytes) -> bytearray:
    """A frame with a token."""
    return encode_request(SaslAuthenticateRequest(auth_bytes=token), 1, 7, "eve")


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">i", 0),
        struct.pack(">i", 7) + bytes(7),
        struct.pack(">i", -(2**31)),
        struct.pack(">i", 2**31 - 1) + bytes(100),
        bytes.fromhex("16030100f8010000f40303") + os.urandom(64),
        struct.pack(">ihhih", 10, 17, 1, 1, 32_767),
        struct.pack(">ihhih", 60, 17, 1, 1, -1) + b"\x7f\xff" + bytes(48),
        struct.pack(">ihhih", 10, 32_000, 0, 1, -1),
    ],
    ids=["nothing", "short", "least", "most", "TLS", "long-client-id", "long-mechanism", "unknown-api"],
)
def test_frames_that_are_none(inside, sent):
    """The connection is over; the next client is let in."""
    client = inside()
    client.send_bytes(sent)
    assert client.closed_by_peer()
    assert inside().plain("alice", "hunter2").error_code == ErrorCode.NONE


def test_a_client_is_one_user_only(inside):
    """A second log-in, as somebody else or as oneself, is none where sessions have no end; the first stands no more."""
    client = inside()
    assert client.plain("alice", "hunter2").error_code == ErrorCode.NONE
    assert client.ask(MetadataRequest(topics=[]), MetadataResponse, 9)
    again = inside()
    again.plain("bob", "b")
    again.send_bytes(bytes(authenticate(plain_token("alice", "hunter2"))))
    with contextlib.suppress(ConnectionError):
        assert struct.unpack_from(">ih", again.receive_bare())[1] == ErrorCode.ILLEGAL_SASL_STATE
    assert client.ask(MetadataRequest(topics=[]), MetadataResponse, 9)


def test_a_proof_of_one_connection_is_worth_nothing_on_another(inside):
    """Challenges of two exchanges mixed: each has a nonce of its own."""
    one, two = inside(), inside()
    mine, other = (ScramConversation("SCRAM-SHA-256", "alice", "hunter2") for _ in range(2))
    for each in (one, two):
        each.handshake("SCRAM-SHA-256")
    first = one.authenticate(mine.first()).auth_bytes
    two.authenticate(other.first())
    assert two.authenticate(mine.final(first)).error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert two.closed_by_peer()
