"""Delegation tokens on the wire (KIP-48, KIP-373): who gets which, what becomes of them, and log-in by one."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.create_delegation_token import (
    CreatableRenewers,
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.messages.describe_delegation_token import (
    DescribedDelegationToken,
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)
from ottla.protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateResponse
from sasl_broker import PLAIN_USERS, SaslBroker, sasl_broker
from sasl_client import SaslClient, ScramConversation

KEY = "the master key"
MAX_LIFETIME_MS = 3_600_000
RENEWAL_MS = 600_000
SETTINGS = {
    "delegation.token.secret.key": KEY,
    "delegation.token.max.lifetime.ms": str(MAX_LIFETIME_MS),
    "delegation.token.expiry.time.ms": str(RENEWAL_MS),
    "delegation.token.expiry.check.interval.ms": "200",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}

USER, TOPIC, TOKEN = 7, 2, 6
CREATE_TOKENS, DESCRIBE_TOKENS, DESCRIBE = 13, 14, 8


@pytest.fixture(scope="module")
def tokens_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker with tokens and access rules, where whoever comes over PLAINTEXT may do everything."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and has no delegation tokens")
    made = sasl_broker(broker_kind, tmp_path_factory.mktemp("tokens"), SETTINGS)
    with made.broker:
        yield made


@pytest.fixture
def anyone(tokens_broker: SaslBroker) -> Iterator[WireClient]:
    """Nobody, over PLAINTEXT."""
    with WireClient(tokens_broker.broker.host, tokens_broker.broker.port) as client:
        yield client


def connected(tokens_broker: SaslBroker, user: str) -> SaslClient:
    """A user's connection."""
    client = SaslClient(tokens_broker.broker.host, tokens_broker.sasl_port)
    assert client.plain(user, PLAIN_USERS[user]).error_code == 0
    return client


@pytest.fixture
def alice(tokens_broker: SaslBroker) -> Iterator[SaslClient]:
    """Alice's connection."""
    with connected(tokens_broker, "alice") as client:
        yield client


@pytest.fixture
def bob(tokens_broker: SaslBroker) -> Iterator[SaslClient]:
    """Bob's connection."""
    with connected(tokens_broker, "bob") as client:
        yield client


def create(
    client: WireClient,
    *renewers: str,
    owner: str | None = None,
    max_lifetime_ms: int = -1,
    version: int = 3,
    renewer_type: str = "User",
) -> CreateDelegationTokenResponse:
    """Ask for a token."""
    request = CreateDelegationTokenRequest(
        renewers=[CreatableRenewers(principal_type=renewer_type, principal_name=each) for each in renewers],
        max_lifetime_ms=max_lifetime_ms,
    )
    if version >= 3:
        request.owner_principal_type = None if owner is None else "User"
        request.owner_principal_name = owner
    return client.ask(request, CreateDelegationTokenResponse, version)


def made(client: WireClient, *renewers: str, **wanted: object) -> CreateDelegationTokenResponse:
    """A token, once the broker knows of it: Apache's hears from its controller."""
    answer = create(client, *renewers, **wanted)  # type: ignore[arg-type]
    assert answer.error_code == ErrorCode.NONE, answer
    until(lambda: answer.token_id in {each.token_id for each in described(client)})
    return answer


def described(
    client: WireClient, owners: list[str] | None = None, version: int = 3
) -> list[DescribedDelegationToken]:
    """The tokens that a client is shown."""
    asked = None
    if owners is not None:
        asked = [DescribeDelegationTokenOwner(principal_type="User", principal_name=each) for each in owners]
    request = DescribeDelegationTokenRequest(owners=asked)
    answer = client.ask(request, DescribeDelegationTokenResponse, version)
    assert answer.error_code == ErrorCode.NONE, answer
    return answer.tokens


def renew(
    client: WireClient, secret: bytes, period_ms: int = -1, version: int = 2
) -> RenewDelegationTokenResponse:
    """Prolong a token."""
    request = RenewDelegationTokenRequest(hmac=secret, renew_period_ms=period_ms)
    return client.ask(request, RenewDelegationTokenResponse, version)


def expire(
    client: WireClient, secret: bytes, period_ms: int = -1, version: int = 2
) -> ExpireDelegationTokenResponse:
    """Shorten or end a token's life."""
    request = ExpireDelegationTokenRequest(hmac=secret, expiry_time_period_ms=period_ms)
    return client.ask(request, ExpireDelegationTokenResponse, version)


def log_in(
    client: SaslClient, token_id: str, password: str, mechanism: str = "SCRAM-SHA-256"
) -> SaslAuthenticateResponse:
    """Log in by a token, or try to; the answer that decided it."""
    conversation = ScramConversation(mechanism, token_id, password, extensions=",tokenauth=true")
    assert client.handshake(mechanism).error_code == 0
    challenged = client.authenticate(conversation.first())
    if challenged.error_code:
        return challenged
    return client.authenticate(conversation.final(challenged.auth_bytes))


def allow(anyone: WireClient, user: str, operation: int, resource_type: int, name: str) -> None:
    """Grant a right."""
    rule = AclCreation(
        resource_type=resource_type,
        resource_name=name,
        resource_pattern_type=3,
        principal=f"User:{user}",
        host="*",
        operation=operation,
        permission_type=3,
    )
    [result] = anyone.ask(CreateAclsRequest(creations=[rule]), CreateAclsResponse, 3).results
    assert result.error_code == 0, result


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_token_for_oneself(alice: SaslClient, version: int) -> None:
    """Its secret is what the key and its id come to; it lives as long as the settings say."""
    token = create(alice, "bob", version=version)
    assert token.error_code == ErrorCode.NONE
    assert (token.principal_type, token.principal_name) == ("User", "alice")
    requester = (token.token_requester_principal_type, token.token_requester_principal_name)
    assert requester == (("User", "alice") if version >= 3 else ("", ""))
    assert len(token.token_id) == 22
    assert token.hmac == hmac.digest(KEY.encode(), token.token_id.encode(), "sha512")
    assert token.max_timestamp_ms - token.issue_timestamp_ms == MAX_LIFETIME_MS
    assert token.expiry_timestamp_ms - token.issue_timestamp_ms == RENEWAL_MS


@pytest.mark.parametrize(
    ("asked_ms", "lives_ms"),
    [(-1, MAX_LIFETIME_MS), (0, MAX_LIFETIME_MS), (1, 1), (60_000, 60_000), (2**62, MAX_LIFETIME_MS)],
)
def test_how_long_a_token_lives(alice: SaslClient, asked_ms: int, lives_ms: int) -> None:
    """As long as is asked for, within `delegation.token.max.lifetime.ms`."""
    token = create(alice, max_lifetime_ms=asked_ms)
    assert token.max_timestamp_ms - token.issue_timestamp_ms == lives_ms
    assert token.expiry_timestamp_ms - token.issue_timestamp_ms == min(lives_ms, RENEWAL_MS)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_token_is_described(alice: SaslClient, bob: SaslClient, version: int) -> None:
    """To its owner and its renewers, secret and all; to those alone, whoever is asked for."""
    token = made(alice, "bob")
    for client in (alice, bob):
        [seen] = [each for each in described(client, version=version) if each.token_id == token.token_id]
        assert (seen.principal_name, seen.hmac) == ("alice", token.hmac)
        assert [each.principal_name for each in seen.renewers] == ["bob"]
        assert seen.token_requester_principal_name == ("alice" if version >= 3 else "")
        assert (seen.issue_timestamp, seen.expiry_timestamp, seen.max_timestamp) == (
            token.issue_timestamp_ms,
            token.expiry_timestamp_ms,
            token.max_timestamp_ms,
        )
    own = made(alice)
    assert own.token_id not in {each.token_id for each in described(bob)}
    assert own.token_id not in {each.token_id for each in described(bob, ["alice"])}
    assert own.token_id in {each.token_id for each in described(alice, ["carol", "alice"])}
    assert token.token_id in {each.token_id for each in described(alice, ["bob"])}
    assert described(alice, ["carol"]) == []
    assert described(alice, []) == []


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_is_prolonged(alice: SaslClient, bob: SaslClient, version: int) -> None:
    """By its owner and its renewers, for as long as the settings allow and not beyond its end."""
    token = made(alice, "bob")
    for client in (alice, bob):
        for period_ms in (-1, 0, 2**62):
            answer = renew(client, token.hmac, period_ms, version)
            assert answer.error_code == ErrorCode.NONE
            assert 0 <= answer.expiry_timestamp_ms - token.expiry_timestamp_ms < RENEWAL_MS
        shorter = renew(client, token.hmac, 30_000, version)
        assert 30_000 <= shorter.expiry_timestamp_ms - token.issue_timestamp_ms < RENEWAL_MS
        assert renew(client, token.hmac, -1, version).error_code == ErrorCode.NONE
    short = made(alice, max_lifetime_ms=60_000)
    assert renew(alice, short.hmac, -1, version).expiry_timestamp_ms == short.max_timestamp_ms


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_is_ended(alice: SaslClient, version: int) -> None:
    """After a time, or at once: then nobody knows it any more."""
    token = made(alice)
    answer = expire(alice, token.hmac, 60_000, version)
    assert answer.error_code == ErrorCode.NONE
    assert 60_000 <= answer.expiry_timestamp_ms - token.issue_timestamp_ms < 600_000
    assert expire(alice, token.hmac, -1, version).error_code == ErrorCode.NONE
    until(lambda: token.token_id not in {each.token_id for each in described(alice)})
    for error in (expire(alice, token.hmac), renew(alice, token.hmac)):
        assert (error.error_code, error.expiry_timestamp_ms) == (ErrorCode.DELEGATION_TOKEN_NOT_FOUND, 0)


def test_a_token_that_is_over_goes_by_itself(alice: SaslClient) -> None:
    """At the next check."""
    token = create(alice, max_lifetime_ms=1)
    assert token.error_code == ErrorCode.NONE
    until(lambda: token.token_id not in {each.token_id for each in described(alice)})


def test_a_stranger_changes_nothing(alice: SaslClient, bob: SaslClient) -> None:
    """Though he has the secret."""
    token = made(alice)
    for error in (renew(bob, token.hmac), expire(bob, token.hmac)):
        assert (error.error_code, error.expiry_timestamp_ms) == (
            ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH,
            0,
        )


@pytest.mark.parametrize("secret", [b"", b"x", b"\0" * 64])
def test_a_secret_of_nothing(alice: SaslClient, secret: bytes) -> None:
    """Is not found."""
    for error in (renew(alice, secret), expire(alice, secret)):
        assert (error.error_code, error.expiry_timestamp_ms) == (ErrorCode.DELEGATION_TOKEN_NOT_FOUND, 0)


def test_renewers_are_users(alice: SaslClient) -> None:
    """Nothing else."""
    answer = create(alice, "staff", renewer_type="Group")
    assert answer.error_code == ErrorCode.INVALID_PRINCIPAL_TYPE
    assert (answer.token_id, answer.hmac, answer.max_timestamp_ms) == ("", b"", -1)


def test_over_plaintext_there_are_no_tokens(anyone: WireClient) -> None:
    """Nobody has proven who they are."""
    answer = create(anyone, owner="alice")
    assert answer.error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
    assert (answer.principal_name, answer.token_requester_principal_name) == ("alice", "ANONYMOUS")
    not_allowed = (ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, -1)
    for error in (renew(anyone, b"x"), expire(anyone, b"x")):
        assert (error.error_code, error.expiry_timestamp_ms) == not_allowed
    request = DescribeDelegationTokenRequest(owners=None)
    assert anyone.ask(request, DescribeDelegationTokenResponse, 3).error_code == not_allowed[0]


def test_a_token_for_somebody_else(anyone: WireClient, alice: SaslClient, bob: SaslClient) -> None:
    """Takes the right to make tokens for that user; its owner and its requester both know it afterwards."""
    refused = create(alice, owner="carol")
    assert refused.error_code == ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED
    assert (refused.principal_name, refused.token_requester_principal_name) == ("carol", "alice")
    allow(anyone, "alice", CREATE_TOKENS, USER, "User:bob")
    answer = until(lambda: create(alice, owner="bob"), lambda seen: seen.error_code == ErrorCode.NONE)
    assert (answer.principal_name, answer.token_requester_principal_name) == ("bob", "alice")
    for client in (alice, bob):
        until(lambda client=client: answer.token_id in {each.token_id for each in described(client)})
    assert renew(alice, answer.hmac).error_code == ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH
    assert renew(bob, answer.hmac).error_code == ErrorCode.NONE


@pytest.mark.parametrize("by", ["token", "user"])
def test_the_right_to_see_others_tokens(
    anyone: WireClient, alice: SaslClient, bob: SaslClient, by: str
) -> None:
    """DESCRIBE on the token, or DESCRIBE_TOKENS on its owner."""
    token = made(alice if by == "token" else bob)
    seer = bob if by == "token" else alice
    assert token.token_id not in {each.token_id for each in described(seer)}
    if by == "token":
        allow(anyone, "bob", DESCRIBE, TOKEN, token.token_id)
    else:
        allow(anyone, "alice", DESCRIBE_TOKENS, USER, "User:bob")
    until(lambda: token.token_id in {each.token_id for each in described(seer)})


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_log_in_by_a_token(
    tokens_broker: SaslBroker, anyone: WireClient, alice: SaslClient, topic: str, mechanism: str
) -> None:
    """Whoever has it acts as its owner for as long as it lives; only further tokens it doesn't get."""
    token = made(alice)
    password = base64.b64encode(token.hmac).decode()
    allow(anyone, "alice", DESCRIBE, TOPIC, topic)
    anyone.create_topic(topic)
    with SaslClient(tokens_broker.broker.host, tokens_broker.sasl_port) as client:
        assert until(lambda: _logged_in(tokens_broker, token.token_id, password, mechanism))
        answer = log_in(client, token.token_id, password, mechanism)
        assert answer.error_code == ErrorCode.NONE
        assert RENEWAL_MS - 120_000 < answer.session_lifetime_ms <= RENEWAL_MS
        until(lambda: client.topic(topic).error_code == ErrorCode.NONE)
        assert create(client).error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
        assert renew(client, token.hmac).error_code == ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED


def _logged_in(tokens_broker: SaslBroker, token_id: str, password: str, mechanism: str) -> bool:
    with SaslClient(tokens_broker.broker.host, tokens_broker.sasl_port) as client:
        return log_in(client, token_id, password, mechanism).error_code == ErrorCode.NONE


def test_who_has_no_token(tokens_broker: SaslBroker, alice: SaslClient) -> None:
    """A wrong password, a token that doesn't exist or no more, a user's name and password: all of them stay outside."""
    token = made(alice)
    password = base64.b64encode(token.hmac).decode()
    gone = made(alice)
    assert expire(alice, gone.hmac).error_code == ErrorCode.NONE
    until(lambda: gone.token_id not in {each.token_id for each in described(alice)})
    attempts = [
        (token.token_id, "wrong"),
        (token.token_id, ""),
        ("x" * 22, password),
        (gone.token_id, base64.b64encode(gone.hmac).decode()),
        ("alice", PLAIN_USERS["alice"]),
    ]
    for token_id, secret in attempts:
        assert not _logged_in(tokens_broker, token_id, secret, "SCRAM-SHA-256"), token_id


def test_a_token_is_no_user(tokens_broker: SaslBroker, alice: SaslClient) -> None:
    """Without the word that it is a token, its id is a name that nobody has."""
    token = made(alice)
    with SaslClient(tokens_broker.broker.host, tokens_broker.sasl_port) as client:
        answer = client.scram("SCRAM-SHA-256", token.token_id, base64.b64encode(token.hmac).decode())
        assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED


def test_tokens_outlive_the_broker(broker_kind: str, tokens_broker: SaslBroker, alice: SaslClient) -> None:
    """They are in the metadata, and their secrets follow from the key."""
    token = made(alice)
    tokens_broker.broker.stop()
    tokens_broker.broker.start()
    with connected(tokens_broker, "alice") as again:
        until(lambda: token.token_id in {each.token_id for each in described(again)})
        [seen] = [each for each in described(again) if each.token_id == token.token_id]
        assert seen.hmac == token.hmac


def test_a_broker_without_the_key(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Says that it has no tokens."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's")
    without = sasl_broker(broker_kind, tmp_path_factory.mktemp("no-tokens"))
    with without.broker, connected(without, "alice") as client:
        answer = create(client)
        assert answer.error_code == ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED
        assert (answer.issue_timestamp_ms, answer.max_timestamp_ms) == (0, 0)
        assert (answer.principal_name, answer.token_requester_principal_name) == ("alice", "alice")
        for error in (renew(client, b"x"), expire(client, b"x")):
            assert error.error_code == ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED
        request = DescribeDelegationTokenRequest(owners=None)
        answered = client.ask(request, DescribeDelegationTokenResponse, 3)
        assert answered.error_code == ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED
