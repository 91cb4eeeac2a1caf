"""Which limit holds for a client: the most particular that is set (`cluster.quota_entities` has the order).

A limit is shared by all that it is set for by name: one for a user counts what all of the user's clients do, one for
`<default>` users counts each such user apart.

Source: KIP-55; `ClientQuotaManager.DefaultQuotaCallback`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.cluster.quota_entities import QuotaEntity


class Share(NamedTuple):
    """Whose use counts together, and how much of it is allowed a second."""

    user: str
    """Empty when the user doesn't matter; likewise the next."""
    client_id: str
    limit: float


class QuotaLimits:
    """All limits of one quota."""

    __slots__ = ("_found", "_limits")

    def __init__(self, limits: Mapping[QuotaEntity, float]) -> None:
        self._limits = limits
        self._found: dict[tuple[str, str], Share | None] = {}

    def __bool__(self) -> bool:
        return bool(self._limits)

    def find(self, user: str, client_id: str) -> Share | None:
        """The share of a client, None for one without limit. `client_id` may be empty."""
        key = (user, client_id)
        if key in self._found:
            return self._found[key]
        if len(self._found) >= _REMEMBERED_MAX:
            self._found.clear()
        found = self._found[key] = self._look_up(user, client_id)
        return found

    def _look_up(self, user: str, client_id: str) -> Share | None:
        limits = self._limits
        named = (client_id,) if client_id else ()
        for quota_user in (user, None):
            for quota_client in (*named, None):
                limit = limits.get(QuotaEntity(quota_user, quota_client))
                if limit is not None:
                    return Share(user, client_id, limit)
            limit = limits.get(QuotaEntity(quota_user))
            if limit is not None:
                return Share(user, "", limit)
        for quota_client in (*named, None):
            limit = limits.get(QuotaEntity(client_id=quota_client))
            if limit is not None:
                return Share("", client_id, limit)
        return None


_REMEMBERED_MAX = 10_000
"""Clients whose share is remembered; one more and all are looked up anew."""


def limits_of(name: str, entities: Iterable[tuple[QuotaEntity, Mapping[str, str]]]) -> QuotaLimits:
    """The limits of the quota `name` among all that is set for entities."""
    return QuotaLimits({entity: float(values[name]) for entity, values in entities if name in values})
