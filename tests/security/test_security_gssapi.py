"""GSSAPI's exchange (RFC 4752) with tickets of a real KDC: the right way, and what a client could try instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gssapi
import pytest

from kerberos import REALM, KerberosRealm
from ottla.security.gssapi_mechanism import Gssapi, KerberosUnusable, acceptor, default_realm
from ottla.security.kerberos_names import UserNames
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    Exchange,
    InThread,
    Outcome,
)
from ottla.security.principal import KafkaPrincipal

FACTS = ConnectionFacts("connection", "SASL", "SASL_PLAINTEXT", "127.0.0.1")
SERVICE = "kafka/localhost"
NO_LAYER = b"\x01\0\0\0"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerberosRealm]:
    """A realm, which this process is in as well."""
    with (
        KerberosRealm(tmp_path_factory.mktemp("realm")) as running,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name in ("KRB5_CONFIG", "KRB5RCACHEDIR"):
            environment.setenv(name, running.environment[name])
        yield running


@pytest.fixture(scope="module")
def mechanism(realm: KerberosRealm) -> Gssapi:
    """That of a broker with a key of its own."""
    keys = acceptor(f"{SERVICE}@{REALM}", str(realm.key_table(SERVICE)))
    return Gssapi(keys, UserNames(["DEFAULT"], default_realm()))


def client(realm: KerberosRealm, user: str = "alice", service: str = SERVICE) -> gssapi.SecurityContext:
    """A user who has logged in at the KDC and wants to speak to a service."""
    cache = realm.ticket(user)["KRB5CCNAME"]
    return gssapi.SecurityContext(
        name=gssapi.Name(f"{service}@{REALM}", gssapi.NameType.kerberos_principal),
        creds=gssapi.Credentials(usage="initiate", store={"ccache": cache}),
        usage="initiate",
    )


def stepped(exchange: Exchange, token: bytes) -> Outcome:
    """What a token comes to, a thread's work done on the spot."""
    outcome = exchange.step(token)
    return outcome.function() if isinstance(outcome, InThread) else outcome


def offered(exchange: Exchange, context: gssapi.SecurityContext) -> bytes:
    """Go as far as the broker's offer of layers; the offer, unwrapped."""
    token = context.step()
    while True:
        outcome = stepped(exchange, token or b"")
        assert isinstance(outcome, Challenge)
        if context.complete:
            return bytes(context.unwrap(outcome.token).message)
        token = context.step(outcome.token)


def test_a_ticket(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """Whoever has one is who it names; the broker offers no layer of encryption."""
    exchange, context = mechanism.new_exchange(FACTS), client(realm)
    assert offered(exchange, context) == NO_LAYER
    outcome = stepped(exchange, context.wrap(NO_LAYER, encrypt=False).message)
    assert outcome == Authenticated(b"", KafkaPrincipal("User", "alice"))


@pytest.mark.parametrize("authorization_id", [b"bob", b"admin", b"\0" * 100, b"x" * 10_000])
def test_whom_a_client_wants_to_act_as(
    realm: KerberosRealm, mechanism: Gssapi, authorization_id: bytes
) -> None:
    """Counts for nothing: the ticket does."""
    exchange, context = mechanism.new_exchange(FACTS), client(realm)
    offered(exchange, context)
    outcome = stepped(exchange, context.wrap(NO_LAYER + authorization_id, encrypt=False).message)
    assert outcome == Authenticated(b"", KafkaPrincipal("User", "alice"))


@pytest.mark.parametrize(
    "choice", [b"", b"\x01", b"\x02\0\0\0", b"\x04\0\xff\xff", b"\x03\0\0\0", b"\0\0\0\0"]
)
def test_layers_that_are_not_offered(realm: KerberosRealm, mechanism: Gssapi, choice: bytes) -> None:
    """End the attempt."""
    exchange, context = mechanism.new_exchange(FACTS), client(realm)
    offered(exchange, context)
    with pytest.raises(AuthenticationFailed, match="layer"):
        stepped(exchange, context.wrap(choice, encrypt=False).message)


def test_a_choice_that_nobody_signed(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """Somebody between the two can't put one in."""
    exchange, context = mechanism.new_exchange(FACTS), client(realm)
    offered(exchange, context)
    with pytest.raises(AuthenticationFailed):
        stepped(exchange, NO_LAYER)


def test_a_ticket_for_another_service(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """Though both are of the realm."""
    realm.key_table("http/localhost")
    with pytest.raises(AuthenticationFailed):
        stepped(mechanism.new_exchange(FACTS), client(realm, service="http/localhost").step())


def test_a_token_sent_twice(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """Somebody who has listened gets in by it neither a second time nor as far as the end."""
    token = client(realm).step()
    assert isinstance(stepped(mechanism.new_exchange(FACTS), token), Challenge)
    with pytest.raises(AuthenticationFailed):
        stepped(mechanism.new_exchange(FACTS), token)


@pytest.mark.parametrize(
    "token", [b"", b"\0", b"\x60\x82\x02\x00" + b"x" * 512, b"NTLMSSP\0" + b"\0" * 32, b"n,,n=alice"]
)
def test_tokens_that_are_none(mechanism: Gssapi, token: bytes) -> None:
    """The log gets a line, the client Kafka's sentence."""
    with pytest.raises(AuthenticationFailed) as failed:
        stepped(mechanism.new_exchange(FACTS), token)
    assert failed.value.message_for_client is None
    assert "\n" not in failed.value.reason_for_log


def test_a_truncated_token(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """Likewise."""
    token = client(realm).step()
    for length in (1, 10, len(token) // 2, len(token) - 1):
        with pytest.raises(AuthenticationFailed):
            stepped(mechanism.new_exchange(FACTS), token[:length])


def test_a_service_principal_is_its_primary(realm: KerberosRealm, mechanism: Gssapi) -> None:
    """By the default rule."""
    exchange = mechanism.new_exchange(FACTS)
    context = client(realm, user="reader/host")
    offered(exchange, context)
    outcome = stepped(exchange, context.wrap(NO_LAYER, encrypt=False).message)
    assert outcome == Authenticated(b"", KafkaPrincipal("User", "reader"))


def test_principals_that_no_rule_is_for(realm: KerberosRealm) -> None:
    """Have a ticket and no user name."""
    keys = acceptor("", str(realm.key_table(SERVICE)))
    mechanism = Gssapi(keys, UserNames(["RULE:[2:$1]"], default_realm()))
    exchange, context = mechanism.new_exchange(FACTS), client(realm)
    offered(exchange, context)
    with pytest.raises(AuthenticationFailed, match="no rule"):
        stepped(exchange, context.wrap(NO_LAYER, encrypt=False).message)


def test_key_tables_that_can_not_be_used(realm: KerberosRealm, tmp_path: Path) -> None:
    """Are told at the start: absent, no key table, without the service's key."""
    (tmp_path / "text").write_text("no keys")
    for principal, file in [
        (f"{SERVICE}@{REALM}", tmp_path / "absent"),
        (f"{SERVICE}@{REALM}", tmp_path / "text"),
        (f"other/localhost@{REALM}", realm.key_table(SERVICE)),
        ("", tmp_path / "absent"),
    ]:
        with pytest.raises(KerberosUnusable, match=file.name):
            acceptor(principal, str(file))
