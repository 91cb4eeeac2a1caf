"""SASL PLAIN: names and passwords against a JAAS entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.jaas import jaas_entry
from ottla.security.mechanisms import Authenticated, AuthenticationFailed, ConnectionFacts
from ottla.security.plain import LOGIN_MODULE, PlainMechanism
from ottla.security.principal import KafkaPrincipal

FACTS = ConnectionFacts("1", "SASL", "SASL_PLAINTEXT", "127.0.0.1")
ENTRY = jaas_entry(
    f'{LOGIN_MODULE} required username="broker" password="b" user_alice="secret" user_jörg="grün";'
)


def step(token: bytes):
    return PlainMechanism(ENTRY).new_exchange(FACTS).step(token)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (b"\0alice\0secret", "alice"),
        (b"alice\0alice\0secret", "alice"),
        ("\0jörg\0grün".encode(), "jörg"),
    ],
)
def test_a_user_of_the_entry_is_let_in(token, name):
    """With or without an authorization id, which has to be the user itself."""
    assert step(token) == Authenticated(b"", KafkaPrincipal("User", name))


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (b"\0alice\0wrong", "Authentication failed: Invalid username or password"),
        (b"\0nobody\0secret", "Authentication failed: Invalid username or password"),
        (b"\0broker\0b", "Authentication failed: Invalid username or password"),
        (b"\0\0secret", "Authentication failed: username not specified"),
        (b"\0alice\0", "Authentication failed: password not specified"),
        (
            b"bob\0alice\0secret",
            "Authentication failed: Client requested an authorization id that is different from username",
        ),
        (b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        (b"alice\0secret", "Invalid SASL/PLAIN response: expected 3 tokens, got 2"),
        (b"\0alice\0secret\0", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        (b"\0" * 100_000, "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        (b"\0alice\xff\0secret", "Authentication failed: Invalid username or password"),
    ],
)
def test_everybody_else_is_refused_in_apaches_words(token, message):
    """The broker's own name (`username`) is no user; a wrong name and a wrong password look the same."""
    with pytest.raises(AuthenticationFailed) as refused:
        step(token)
    assert refused.value.message_for_client == message
    assert "secret" not in refused.value.reason_for_log


def test_an_entry_for_another_mechanism_has_no_users():
    """A ScramLoginModule's options do not let anyone in by PLAIN."""
    mechanism = PlainMechanism(jaas_entry('a.ScramLoginModule required user_alice="secret";'))
    with pytest.raises(AuthenticationFailed):
        mechanism.new_exchange(FACTS).step(b"\0alice\0secret")


def test_what_a_client_calls_itself_can_not_break_a_log_line():
    """A line's end in a user name would write a line of the client's own."""
    with pytest.raises(AuthenticationFailed) as refused:
        step(b"\0eve\n[2026-01-01] INFO all is well\r\0x")
    assert "\n" not in refused.value.reason_for_log
    assert "\r" not in refused.value.reason_for_log


@given(st.binary(max_size=200))
def test_any_bytes_let_nobody_in(token):
    """Nothing but a right token passes, and nothing else is raised."""
    with pytest.raises(AuthenticationFailed):
        step(token)
