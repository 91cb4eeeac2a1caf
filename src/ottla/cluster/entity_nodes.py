"""The nodes in which users, clients and addresses have what is set for them, written with those above them.

A user's node is shared: quotas and SCRAM credentials stand side by side in it, and its clients' nodes hang below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from ottla.cluster import paths, znodes
from ottla.cluster.decision import Decision
from ottla.cluster.image import ConfigResource
from ottla.cluster.quota_entities import ABSENT, QuotaEntity
from ottla.cluster.tree import Create, Operation, SetData

Announce: TypeAlias = Callable[[ConfigResource], Sequence[Operation]]
"""Gives the operations by which other brokers hear of a changed node."""

_T = TypeVar("_T")


def store(
    decision: Decision[_T],
    stored: dict[ConfigResource, Mapping[str, str]],
    entity: QuotaEntity,
    values: Mapping[str, str],
    announce: Announce,
) -> None:
    """All that is set for an entity from now on. `stored` is what the decision has made of the image's configs so far."""
    resource = entity.resource()
    missing = _missing_above(entity, stored)
    data = znodes.encode_config(values)
    path = paths.config(resource)
    decision.add_to_last_step(
        [
            *(Create(above) for above in missing),
            SetData(path, data) if resource in stored else Create(path, data),
            *announce(resource),
        ]
    )
    if missing and entity.user != ABSENT:
        user = QuotaEntity(user=entity.user).resource()
        if user not in stored:
            stored[user] = {}
            decision.draft.put_config(user, {})
    stored[resource] = values
    decision.draft.put_config(resource, values)


def _missing_above(entity: QuotaEntity, stored: Mapping[ConfigResource, Mapping[str, str]]) -> list[str]:
    """Nodes that have to be there before the entity's own can be."""
    if ABSENT in (entity.user, entity.client_id):
        return []
    user = QuotaEntity(user=entity.user).resource()
    above = f"{user.name}/clients/"
    if any(each.type is user.type and each.name.startswith(above) for each in stored):
        return []
    clients = f"{paths.config(user)}/clients"
    return [clients] if user in stored else [paths.config(user), clients]
