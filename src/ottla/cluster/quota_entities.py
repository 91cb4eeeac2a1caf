"""Whom a quota is for: a user, a client id, a user's client, or an IP address; of each one by name or all others.

    entity                           node in the tree (`kafka.zk.ZkData`)      goes before
    user=alice, client-id=reader     /config/users/alice/clients/reader        all below
    user=alice, client-id=<default>  /config/users/alice/clients/<default>
    user=alice                       /config/users/alice
    user=<default>, client-id=reader /config/users/<default>/clients/reader
    user=<default>, client-id=<default>  …/<default>/clients/<default>
    user=<default>                   /config/users/<default>
    client-id=reader                 /config/clients/reader
    client-id=<default>              /config/clients/<default>
    ip=10.0.0.1, ip=<default>        /config/ips/…                             (for itself)

Names of users and clients may hold anything, so the tree has them as Java's `URLEncoder` writes them.

Source: KIP-13, KIP-124, KIP-546, KIP-612; `Sanitizer`, `ZkAdminManager`, `ClientQuotaEntity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ottla.cluster.image import DEFAULT_ENTITY, ConfigResource, ConfigType
from ottla.cluster.sanitized_names import desanitized, sanitized

USER: Final = "user"
CLIENT_ID: Final = "client-id"
IP: Final = "ip"

ABSENT: Final = ""
"""Stands where an entity has no part of a type; no name is empty."""


class QuotaEntity(NamedTuple):
    """Each part is a name, None for the default of its type, or `ABSENT`."""

    user: str | None = ABSENT
    client_id: str | None = ABSENT
    ip: str | None = ABSENT

    def parts(self) -> dict[str, str | None]:
        """The parts that are there, by type."""
        return {
            kind: name
            for kind, name in ((USER, self.user), (CLIENT_ID, self.client_id), (IP, self.ip))
            if name != ABSENT
        }

    def resource(self) -> ConfigResource:
        """Where its quotas are stored."""
        if self.ip != ABSENT:
            return ConfigResource(ConfigType.IP, _written(self.ip))
        if self.user == ABSENT:
            return ConfigResource(ConfigType.CLIENT, _written(self.client_id))
        if self.client_id == ABSENT:
            return ConfigResource(ConfigType.USER, _written(self.user))
        return ConfigResource(ConfigType.USER, f"{_written(self.user)}/clients/{_written(self.client_id)}")


def entity_of(resource: ConfigResource) -> QuotaEntity | None:
    """Whose quotas a node holds; None for nodes of other things."""
    match resource.type:
        case ConfigType.IP:
            return QuotaEntity(ip=_read(resource.name))
        case ConfigType.CLIENT:
            return QuotaEntity(client_id=_read(resource.name))
        case ConfigType.USER:
            user, separator, client_id = resource.name.partition("/clients/")
            return QuotaEntity(_read(user), _read(client_id) if separator else ABSENT)
        case _:
            return None


def entities(
    configs: Mapping[ConfigResource, Mapping[str, str]],
) -> Iterator[tuple[QuotaEntity, Mapping[str, str]]]:
    """Every entity with what is set for it, which may hold more than quotas (SCRAM credentials) or nothing."""
    for resource, values in configs.items():
        entity = entity_of(resource)
        if entity is not None:
            yield entity, values


def _written(name: str | None) -> str:
    if name is None:
        return DEFAULT_ENTITY
    return sanitized(name)


def _read(text: str) -> str | None:
    return None if text == DEFAULT_ENTITY else desanitized(text)
