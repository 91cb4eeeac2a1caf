"""The exchange of OAUTHBEARER (RFC 7628): one message of the client's, and how a wrong one ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    Exchange,
    InThread,
    Outcome,
)
from ottla.security.oauth_bearer import OAuthBearer, parse_first_message
from ottla.security.oauth_claims import BearerToken, InvalidToken
from ottla.security.principal import KafkaPrincipal

FACTS = ConnectionFacts("connection", "SASL", "SASL_PLAINTEXT", "127.0.0.1")


def verify(token: str) -> BearerToken:
    """Takes one token alone."""
    if token != "good.token.x":
        raise InvalidToken("it isn't the good one")
    return BearerToken("alice", 5_000)


def begin() -> Exchange:
    """An attempt to log in."""
    return OAuthBearer(verify).new_exchange(FACTS)


def stepped(exchange: Exchange, token: bytes) -> Outcome:
    """What a token comes to, a thread's work done on the spot."""
    outcome = exchange.step(token)
    return outcome.function() if isinstance(outcome, InThread) else outcome


def test_a_good_token() -> None:
    """Whoever it names is in until it ends, with what the client gives besides."""
    outcome = stepped(begin(), b"n,,\x01auth=Bearer good.token.x\x01logicalCluster=lkc-1\x01\x01")
    assert outcome == Authenticated(b"", KafkaPrincipal("User", "alice"), 5_000, {"logicalCluster": "lkc-1"})


def test_a_bad_token() -> None:
    """The client is told as RFC 7628 says, answers with one byte, and is out; the log has the reason."""
    exchange = begin()
    assert stepped(exchange, b"n,,\x01auth=Bearer bad\x01\x01") == Challenge(b'{"status":"invalid_token"}')
    with pytest.raises(AuthenticationFailed) as failed:
        exchange.step(b"\x01")
    assert failed.value.message_for_client == '{"status":"invalid_token"}'
    assert failed.value.reason_for_log == "it isn't the good one"


def test_no_second_token_in_one_exchange() -> None:
    """Or a connection could try as many as it likes."""
    exchange = begin()
    stepped(exchange, b"n,,\x01auth=Bearer bad\x01\x01")
    with pytest.raises(AuthenticationFailed):
        stepped(exchange, b"n,,\x01auth=Bearer good.token.x\x01\x01")


def test_an_authorization_id() -> None:
    """May only be the token's own."""
    assert isinstance(stepped(begin(), b"n,a=alice,\x01auth=Bearer good.token.x\x01\x01"), Authenticated)
    with pytest.raises(AuthenticationFailed, match="authorization id"):
        stepped(begin(), b"n,a=admin,\x01auth=Bearer good.token.x\x01\x01")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b"n,,",
        b"n,,\x01\x01",
        b"n,,\x01auth=Bearer good.token.x\x01",
        b"y,,\x01auth=Bearer good.token.x\x01\x01",
        b"p=tls-unique,,\x01auth=Bearer good.token.x\x01\x01",
        b"n,a=,\x01auth=Bearer good.token.x\x01\x01",
        b"n,,\x01auth=Basic good.token.x\x01\x01",
        b"n,,\x01auth=Bearer\x01\x01",
        b"n,,\x01auth=Bearer good token\x01\x01",
        b"n,,\x01auth=Bearer good.token.x=\x01\x01",
        b"n,,\x01other=Bearer good.token.x\x01\x01",
        b"n,,\x01auth=Bearer good.token.x\x01k1=v\x01\x01",
        b"n,,\x01auth=Bearer good.token.x\x01k=\x01\x01",
        b"n,,\x01auth=Bearer good.token.x\x01\x01trailing",
        b"n,,\x01auth=Bearer good.token.\xff\x01\x01",
        b"\x00alice\x00secret",
    ],
)
def test_messages_that_are_none(message: bytes) -> None:
    """The client gets Kafka's sentence for all of them."""
    with pytest.raises(AuthenticationFailed) as failed:
        stepped(begin(), message)
    assert failed.value.message_for_client is None


@given(
    message=st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b"n", b",", b"a=", b"\x01", b"auth", b"=", b"Bearer ", b"x.y.z", b"k=v", b"\xff"]),
        max_size=20,
    ).map(b"".join)
)
def test_any_bytes_are_a_message_or_none(message: bytes) -> None:
    """Nothing else comes of them."""
    try:
        parsed = parse_first_message(message)
    except AuthenticationFailed:
        return
    assert parsed.token


def test_a_token_does_not_show() -> None:
    """Where a message is printed, its token is not."""
    message = parse_first_message(b"n,,\x01auth=bEaReR good.token.x\x01\x01")
    assert message.token == "good.token.x"
    assert "good.token" not in repr(message)
