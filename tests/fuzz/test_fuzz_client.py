"""What our own client reads: answers of brokers and of identity providers, which may be anybody's."""

from __future__ import annotations

import contextlib
import struct

from fuzzing import fuzz

from ottla.client.oauth_login import _token_in
from ottla.client.sasl import Credentials, LoginError, log_in_requests, next_request
from ottla.protocol.codec import decode_from, encode
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeResponse


def test_challenges_of_brokers() -> None:
    """SCRAM's: a log-in goes on or is given up, and no broker that lacks the password is believed."""
    seeds = [b"r={nonce}x,s=c2FsdA==,i=4096", b"r={nonce}x,s=,i=1", b"e=other-error", b""]

    def target(content: bytes) -> None:
        exchange = Credentials("SCRAM-SHA-256", "alice", "pencil").exchange()
        nonce = next(exchange).rpartition(b"r=")[2]
        try:
            exchange.send(content.replace(b"{nonce}", nonce))
        except LoginError:
            return
        with contextlib.suppress(LoginError):
            exchange.send(content)
            raise AssertionError("believed")

    fuzz(target, seeds, [b"{nonce}", b",", b"i=", b"i=1000001", b"s=", b"m=ext"])


def test_answers_to_a_log_in() -> None:
    """As they come from the wire, in the order of a log-in."""
    handshake = bytes(encode(SaslHandshakeResponse(error_code=0, mechanisms=["PLAIN"]), 1))
    authenticated = bytes(encode(SaslAuthenticateResponse(session_lifetime_ms=1_000, auth_bytes=b""), 1))
    refused = bytes(encode(SaslAuthenticateResponse(error_code=58, error_message="no", auth_bytes=b""), 1))

    def target(content: bytes) -> None:
        requests = log_in_requests(Credentials("PLAIN", "alice", "pencil"), "h", "h:1")
        asked = next_request(requests, None)
        with contextlib.suppress(LoginError, ProtocolError, ValueError):
            while not isinstance(asked, int):
                answer, end = decode_from(asked.response, asked.version, memoryview(content), 0)
                content = content[end:]
                asked = next_request(requests, answer)

    fuzz(
        target, [handshake + authenticated, handshake + refused, handshake], [struct.pack(">h", 34), b"\0\1"]
    )


def test_answers_of_identity_providers() -> None:
    """A token that can be sent, or an error."""
    seeds = [
        b'{"access_token":"a.b.c","expires_in":60}',
        b'{"access_token":"a","expires_in":"60"}',
        b'{"error":"x"}',
    ]

    def target(content: bytes) -> None:
        with contextlib.suppress(LoginError):
            token, life_s = _token_in(content, "there")
            assert token.isprintable()
            assert " " not in token
            assert life_s > 0

    fuzz(target, seeds, [b"null", b"NaN", b"-Infinity", b"1e999", b"\\u0001", b'"access_token":'])
