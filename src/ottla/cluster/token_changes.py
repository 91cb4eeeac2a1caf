"""Delegation tokens made, prolonged, shortened and taken away (KIP-48); what they are good for is the SASL listeners' matter.

Rules and their order: `DelegationTokenControlManager` of 4.1, `DelegationTokenManagerZk` of 3.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from ottla.cluster import token_nodes
from ottla.cluster.decision import Decision
from ottla.cluster.delegation_token import DelegationToken
from ottla.cluster.image import ImageDraft, MetadataImage
from ottla.cluster.tree import Create, Delete, Operation, SetData
from ottla.protocol.errors import ErrorCode, KafkaError

T = TypeVar("T")

AnnounceToken: TypeAlias = Callable[[str], list[Operation]]
"""Token id → the operations that tell other brokers of it."""

TokenChange: TypeAlias = Callable[[MetadataImage, AnnounceToken], Decision[T]]

MAX_TOKENS: Final = 20_000
"""Of a cluster; one more is refused with POLICY_VIOLATION until some have ended. Whoever may log in may make tokens."""

_LATEST_MS: Final = 2**63 - 1


def issued(
    token_id: str,
    owner: str,
    requester: str,
    renewers: tuple[str, ...],
    *,
    now_ms: int,
    lifetime_ms: int,
    max_lifetime_ms: int,
    renewal_ms: int,
) -> DelegationToken:
    """A new token. `lifetime_ms` is what was asked for, 0 or less: as long as may be, which is `max_lifetime_ms`."""
    longest_ms = min(lifetime_ms, max_lifetime_ms) if lifetime_ms > 0 else max_lifetime_ms
    max_timestamp_ms = min(now_ms + longest_ms, _LATEST_MS)
    return DelegationToken(
        token_id=token_id,
        owner=owner,
        requester=requester,
        renewers=renewers,
        issue_timestamp_ms=now_ms,
        max_timestamp_ms=max_timestamp_ms,
        expiry_timestamp_ms=min(max_timestamp_ms, now_ms + renewal_ms),
    )


def create_token(token: DelegationToken) -> TokenChange[DelegationToken]:
    """Keep a new token. Raises POLICY_VIOLATION."""

    def change(image: MetadataImage, announce: AnnounceToken) -> Decision[DelegationToken]:
        if len(image.tokens) >= MAX_TOKENS:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                f"There are {MAX_TOKENS} delegation tokens; some have to expire first.",
            )
        create = Create(token_nodes.path(token.token_id), token_nodes.encode(token))
        return _stored(image, token, create, token, announce)

    return change


def renew_token(token_id: str, principal: str, *, period_ms: int, now_ms: int) -> TokenChange[int]:
    """Let the token live for `period_ms` from now, as far as its maximum allows; the outcome is its new expiry.

    Raises DELEGATION_TOKEN_NOT_FOUND, DELEGATION_TOKEN_EXPIRED, DELEGATION_TOKEN_OWNER_MISMATCH.
    """

    def change(image: MetadataImage, announce: AnnounceToken) -> Decision[int]:
        token = _existing(image, token_id)
        _ensure_alive(token, now_ms)
        _ensure_changeable(token, principal)
        return _expiring(image, token, period_ms, now_ms, announce)

    return change


def expire_token(token_id: str, principal: str, *, period_ms: int, now_ms: int) -> TokenChange[int]:
    """Let the token end `period_ms` from now, or at once if that is negative; the outcome is its new expiry.

    Raises as `renew_token`; a token that is over can still be taken away.
    """

    def change(image: MetadataImage, announce: AnnounceToken) -> Decision[int]:
        token = _existing(image, token_id)
        _ensure_changeable(token, principal)
        if period_ms >= 0:
            _ensure_alive(token, now_ms)
            return _expiring(image, token, period_ms, now_ms, announce)
        decision: Decision[int] = Decision(ImageDraft(image), [now_ms])
        _remove(decision, image, [token], announce)
        return decision

    return change


def remove_expired_tokens(now_ms: int) -> TokenChange[DelegationToken]:
    """Take away every token that is over; the outcomes are these."""

    def change(image: MetadataImage, announce: AnnounceToken) -> Decision[DelegationToken]:
        expired = [token for token in image.tokens.values() if token.is_over(now_ms)]
        decision: Decision[DelegationToken] = Decision(ImageDraft(image), expired)
        if expired:
            _remove(decision, image, expired, announce)
        return decision

    return change


def _existing(image: MetadataImage, token_id: str) -> DelegationToken:
    token = image.tokens.get(token_id)
    if token is None:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_NOT_FOUND)
    return token


def _ensure_changeable(token: DelegationToken, principal: str) -> None:
    if not token.may_be_renewed_by(principal):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH)


def _ensure_alive(token: DelegationToken, now_ms: int) -> None:
    if token.is_over(now_ms):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_EXPIRED)


def _expiring(
    image: MetadataImage, token: DelegationToken, period_ms: int, now_ms: int, announce: AnnounceToken
) -> Decision[int]:
    expiry_timestamp_ms = min(token.max_timestamp_ms, now_ms + period_ms)
    changed = token._replace(expiry_timestamp_ms=expiry_timestamp_ms)
    write = SetData(token_nodes.path(token.token_id), token_nodes.encode(changed))
    return _stored(image, changed, write, expiry_timestamp_ms, announce)


def _stored(
    image: MetadataImage, token: DelegationToken, write: Operation, outcome: T, announce: AnnounceToken
) -> Decision[T]:
    decision: Decision[T] = Decision(ImageDraft(image), [outcome])
    decision.add_step([write, *announce(token.token_id)])
    decision.draft.set_tokens({**image.tokens, token.token_id: token})
    return decision


def _remove(
    decision: Decision[T], image: MetadataImage, tokens: list[DelegationToken], announce: AnnounceToken
) -> None:
    kept = dict(image.tokens)
    for token in tokens:
        del kept[token.token_id]
        decision.add_to_last_step([Delete(token_nodes.path(token.token_id)), *announce(token.token_id)])
    decision.draft.set_tokens(kept)
