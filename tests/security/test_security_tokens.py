"""Delegation tokens (KIP-48): their secrets, and who may change one when."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cluster import token_nodes
from ottla.cluster.delegation_token import DelegationToken
from ottla.cluster.image import EMPTY_IMAGE, ImageDraft, MetadataImage
from ottla.cluster.token_changes import (
    MAX_TOKENS,
    TokenChange,
    create_token,
    expire_token,
    issued,
    remove_expired_tokens,
    renew_token,
)
from ottla.cluster.tree import Create, Delete, Operation, SetData
from ottla.cluster.znodes import MalformedNode
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.security.delegation_tokens import DelegationTokens

NOW_MS = 1_000_000
TOKEN = DelegationToken("id-1", "User:alice", "User:admin", ("User:bob",), NOW_MS, NOW_MS + 900, NOW_MS + 500)


def image_with(*tokens: DelegationToken) -> MetadataImage:
    """An image that holds these tokens."""
    draft = ImageDraft(EMPTY_IMAGE)
    draft.set_tokens({each.token_id: each for each in tokens})
    return draft.finish()[0]


def applied(image: MetadataImage, change: TokenChange[object]) -> tuple[MetadataImage, list[Operation]]:
    """The image after a change, and what is done to the tree."""
    decision = change(image, lambda token_id: [Create("/announced", token_id.encode(), sequence=True)])
    after = decision.draft.finish()[0] if decision.draft.touched else image
    return after, [operation for step in decision.steps for operation in step]


def test_a_new_token() -> None:
    """Lives as long as was asked for and the broker allows, and expires at the first renewal that doesn't come."""

    def times(lifetime_ms: int) -> tuple[int, int]:
        token = issued(
            "id",
            "User:alice",
            "User:alice",
            (),
            now_ms=NOW_MS,
            lifetime_ms=lifetime_ms,
            max_lifetime_ms=700,
            renewal_ms=300,
        )
        return token.max_timestamp_ms - NOW_MS, token.expiry_timestamp_ms - NOW_MS

    assert times(-1) == times(0) == times(701) == times(2**63 - 1) == (700, 300)
    assert times(500) == (500, 300)
    assert times(200) == (200, 200)


def test_a_token_is_kept_announced_and_known() -> None:
    """One node for it and one that tells the other brokers; its secret is in neither."""
    image, operations = applied(EMPTY_IMAGE, create_token(TOKEN))
    assert image.tokens == {"id-1": TOKEN}
    created, announced = operations
    assert isinstance(created, Create)
    assert created.path == "/delegation_token/tokens/id-1"
    assert isinstance(announced, Create)
    tokens = DelegationTokens("master")
    assert base64.b64encode(tokens.secret_of("id-1")) not in created.data + announced.data


def test_tokens_have_a_bound() -> None:
    """Or whoever may log in could fill the memory of all brokers."""
    full = image_with(*(TOKEN._replace(token_id=f"id-{number}") for number in range(MAX_TOKENS)))
    with pytest.raises(KafkaError) as refused:
        applied(full, create_token(TOKEN._replace(token_id="one more")))
    assert refused.value.code is ErrorCode.POLICY_VIOLATION
    after, _ = applied(full, expire_token("id-1", "User:alice", period_ms=-1, now_ms=NOW_MS))
    assert len(applied(after, create_token(TOKEN._replace(token_id="one more")))[0].tokens) == MAX_TOKENS


@pytest.mark.parametrize(
    ("principal", "allowed"), [("User:alice", True), ("User:bob", True), ("User:eve", False)]
)
def test_who_may_change_a_token(principal: str, allowed: bool) -> None:
    """Its owner and its renewers."""
    for change in (
        renew_token("id-1", principal, period_ms=100, now_ms=NOW_MS),
        expire_token("id-1", principal, period_ms=100, now_ms=NOW_MS),
        expire_token("id-1", principal, period_ms=-1, now_ms=NOW_MS),
    ):
        if allowed:
            applied(image_with(TOKEN), change)
        else:
            with pytest.raises(KafkaError) as refused:
                applied(image_with(TOKEN), change)
            assert refused.value.code is ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH


@pytest.mark.parametrize(
    ("period_ms", "expiry_ms"), [(0, 0), (100, 100), (900, 900), (901, 900), (2**62, 900)]
)
def test_an_expiry_stays_below_the_maximum(period_ms: int, expiry_ms: int) -> None:
    """Whether by a renewal or by an expiration."""
    for make in (renew_token, expire_token):
        change = make("id-1", "User:alice", period_ms=period_ms, now_ms=NOW_MS)
        image, operations = applied(image_with(TOKEN), change)
        assert image.tokens["id-1"].expiry_timestamp_ms == NOW_MS + expiry_ms
        assert isinstance(operations[0], SetData)


def test_a_token_that_is_over() -> None:
    """Is not prolonged, can be taken away, and is by the next check."""
    image = image_with(TOKEN, TOKEN._replace(token_id="id-2", expiry_timestamp_ms=NOW_MS + 800))
    later_ms = NOW_MS + 501
    for make in (renew_token, expire_token):
        with pytest.raises(KafkaError) as refused:
            applied(image, make("id-1", "User:alice", period_ms=100, now_ms=later_ms))
        assert refused.value.code is ErrorCode.DELEGATION_TOKEN_EXPIRED
    after, _ = applied(image, expire_token("id-1", "User:alice", period_ms=-1, now_ms=later_ms))
    assert list(after.tokens) == ["id-2"]
    after, operations = applied(image, remove_expired_tokens(later_ms))
    assert list(after.tokens) == ["id-2"]
    assert operations[0] == Delete("/delegation_token/tokens/id-1")
    assert applied(after, remove_expired_tokens(later_ms)) == (after, [])


def test_a_token_that_does_not_exist() -> None:
    """Nor any more."""
    for make in (renew_token, expire_token):
        with pytest.raises(KafkaError) as refused:
            applied(EMPTY_IMAGE, make("id-1", "User:alice", period_ms=100, now_ms=NOW_MS))
        assert refused.value.code is ErrorCode.DELEGATION_TOKEN_NOT_FOUND


def test_secrets_follow_from_the_key() -> None:
    """As Apache computes them: HMAC-SHA-512 of the id; another key gives another secret."""
    tokens = DelegationTokens("master")
    tokens.take({"id-1": TOKEN})
    secret = hmac.new(b"master", b"id-1", hashlib.sha512).digest()
    assert tokens.secret_of("id-1") == secret
    assert tokens.by_secret(secret) == TOKEN
    assert tokens.password_of(TOKEN) == base64.b64encode(secret)
    assert DelegationTokens("other").secret_of("id-1") != secret
    assert "master" not in repr(tokens)


def test_tokens_come_and_go() -> None:
    """What isn't there any more is found neither by its id nor by its secret."""
    tokens = DelegationTokens("master")
    tokens.take({"id-1": TOKEN})
    other = TOKEN._replace(token_id="id-2")
    tokens.take({"id-2": other})
    assert tokens.by_secret(tokens.secret_of("id-1")) is None
    assert tokens.by_secret(tokens.secret_of("id-2")) == other
    assert tokens.by_secret(b"") is None
    assert tokens.in_force("id-1", NOW_MS) is None
    assert tokens.in_force("id-2", NOW_MS + 500) == other
    assert tokens.in_force("id-2", NOW_MS + 501) is None


def test_nodes_are_written_as_apache_3_9_writes_them() -> None:
    """The bytes are those of its `DelegationTokenInfoZNode`, so that either broker can go on with the other's tokens."""
    token = DelegationToken("id-1", "User:a l*ice~é", "User:x", ("User:b", "User:c"), 1, 2, 3)
    assert token_nodes.encode(token).decode() == (
        '{"issueTimestamp":1,"renewers":["User%3Ab","User%3Ac"],"tokenRequester":"User%3Ax","tokenId":"id-1",'
        '"owner":"User%3Aa%20l%2Aice%7E%C3%A9","expiryTimestamp":3,"maxTimestamp":2,"version":3}'
    )


PRINCIPALS = st.text(min_size=1).map(lambda name: f"User:{name}")


@given(owner=PRINCIPALS, requester=PRINCIPALS, renewers=st.lists(PRINCIPALS, max_size=3))
def test_nodes_are_read_as_they_were_written(owner: str, requester: str, renewers: list[str]) -> None:
    """Whatever the names hold."""
    token = TOKEN._replace(owner=owner, requester=requester, renewers=tuple(renewers))
    assert token_nodes.decode("/path", token_nodes.encode(token)) == token


def test_nodes_of_older_kafkas() -> None:
    """Before KIP-373 nobody else could ask for a token."""
    node = token_nodes.encode(TOKEN).replace(b'"tokenRequester":"User%3Aadmin",', b"").replace(b":3,", b":2,")
    assert token_nodes.decode("/path", node) == TOKEN._replace(requester="User:alice")


@pytest.mark.parametrize("node", [b"", b"[]", b"{}", b'{"owner":1}', b"null", b"[" * 99_999])
def test_nodes_that_are_no_token(node: bytes) -> None:
    """Are told by their path."""
    with pytest.raises(MalformedNode, match="/path"):
        token_nodes.decode("/path", node)
