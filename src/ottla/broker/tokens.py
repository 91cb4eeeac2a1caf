"""The broker's delegation tokens (KIP-48): made, prolonged and ended for clients, taken away when they are over.

There while `delegation.token.secret.key` is set. The rules are in `cluster/token_changes`, the secrets in
`security/delegation_tokens`; this knows clock, random source and settings.
"""

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from ottla.cluster.delegation_token import DelegationToken
from ottla.cluster.image import MetadataImage
from ottla.cluster.token_changes import create_token, expire_token, issued, remove_expired_tokens, renew_token
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import random_uuid, uuid_text
from ottla.security.delegation_tokens import DelegationTokens
from ottla.security.principal import KafkaPrincipal

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.security.scram import TokenProof

_log = logging.getLogger(__name__)


class Tokens:
    """Used on the loop. Each method that changes a token raises the `KafkaError` to answer with."""

    def __init__(self, broker: "BrokerServer", key: str) -> None:
        self._broker = broker
        self.known = DelegationTokens(key)
        self._next_check_ms = 0
        self._checking: asyncio.Task[None] | None = None

    def take(self, image: MetadataImage) -> None:
        """Know the tokens that the image holds."""
        self.known.take(image.tokens)

    def proof_of(self, token_id: str) -> "TokenProof | None":
        """By what a client shows that it has this token; None if there is none of the id, or it is over."""
        token = self.known.in_force(token_id, self._broker.now_ms())
        if token is None:
            return None
        from ottla.security.scram import TokenProof  # noqa: PLC0415 - loaded by the log-in that asks

        _, _, owner = token.owner.partition(":")
        return TokenProof(owner, self.known.password_of(token), token.expiry_timestamp_ms)

    async def create(
        self,
        owner: KafkaPrincipal,
        requester: KafkaPrincipal,
        renewers: tuple[KafkaPrincipal, ...],
        lifetime_ms: int,
    ) -> DelegationToken:
        """A new token; `lifetime_ms` of 0 or less is the longest that the broker allows."""
        token = issued(
            uuid_text(random_uuid(os.urandom(16))),
            str(owner),
            str(requester),
            tuple(dict.fromkeys(map(str, renewers))),
            now_ms=self._broker.now_ms(),
            lifetime_ms=lifetime_ms,
            max_lifetime_ms=self._milliseconds("delegation.token.max.lifetime.ms"),
            renewal_ms=self._milliseconds("delegation.token.expiry.time.ms"),
        )
        await self._broker.metadata.change_tokens(create_token(token))
        _log.info("Created delegation token %s for owner %r", token.token_id, token.owner)
        return token

    async def renew(self, secret: bytes, principal: KafkaPrincipal, period_ms: int) -> int:
        """Prolong the token of this secret; when it now expires. A period of 0 or less is the longest that there is."""
        longest_ms = self._milliseconds("delegation.token.expiry.time.ms")
        period_ms = min(period_ms, longest_ms) if period_ms > 0 else longest_ms
        token = self._token_of(secret)
        change = renew_token(
            token.token_id, str(principal), period_ms=period_ms, now_ms=self._broker.now_ms()
        )
        (expiry_timestamp_ms,) = await self._broker.metadata.change_tokens(change)
        return expiry_timestamp_ms

    async def expire(self, secret: bytes, principal: KafkaPrincipal, period_ms: int) -> int:
        """Let the token of this secret end after the period, or at once if that is negative; when it now expires."""
        token = self._token_of(secret)
        change = expire_token(
            token.token_id, str(principal), period_ms=period_ms, now_ms=self._broker.now_ms()
        )
        (expiry_timestamp_ms,) = await self._broker.metadata.change_tokens(change)
        return expiry_timestamp_ms

    def tick(self, now_ms: int) -> None:
        """Take away what is over, every `delegation.token.expiry.check.interval.ms`."""
        if now_ms < self._next_check_ms or self._checking is not None:
            return
        self._next_check_ms = now_ms + self._milliseconds("delegation.token.expiry.check.interval.ms")
        if any(token.is_over(now_ms) for token in self._broker.metadata.image.tokens.values()):
            self._checking = asyncio.get_running_loop().create_task(self._remove_expired(now_ms))
            self._checking.add_done_callback(self._checked)

    async def _remove_expired(self, now_ms: int) -> None:
        try:
            for token in await self._broker.metadata.change_tokens(remove_expired_tokens(now_ms)):
                _log.info("Delegation token %s of owner %r has expired", token.token_id, token.owner)
        except KafkaError as error:
            _log.error("Expired delegation tokens could not be taken away: %s", error)

    def _checked(self, _task: "asyncio.Task[None]") -> None:
        self._checking = None

    def _token_of(self, secret: bytes) -> DelegationToken:
        token = self.known.by_secret(secret)
        if token is None:
            raise KafkaError(ErrorCode.DELEGATION_TOKEN_NOT_FOUND)
        return token

    def _milliseconds(self, setting: str) -> int:
        value = self._broker.config.get(setting)
        assert isinstance(value, int)
        return value
