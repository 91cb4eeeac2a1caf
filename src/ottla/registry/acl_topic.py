"""The topic of the registry's own rules, followed from its beginning for as long as the registry runs.

    ottla schema acl add ─▶ _schemas_acl ─▶ consumer's thread ─▶ the loop's thread: `AclRules`

The registry reads it, and makes it if it isn't there. A rule holds for requests that come after it was read.
"""

from __future__ import annotations

from collections.abc import Mapping

from ottla.registry.acls import AclRule, AclRules, MalformedAclError, decode_acl
from ottla.registry.records import MalformedRecordError
from ottla.registry.schemas_topic import Place, StateTopic


class _Kept:
    """Implements `TopicState`."""

    def __init__(self, rules: AclRules) -> None:
        self._rules = rules

    def apply(self, record: AclRule, _key: bytes) -> None:
        self._rules.apply(record)


def acl_topic(rules: AclRules, place: Place, client: Mapping[str, str]) -> StateTopic[AclRule, None]:
    """Keeps the rules as the topic has them, from `start` to `stop`. `client` are librdkafka's properties."""
    return StateTopic(_Kept(rules), _decoded, place, client)


def _decoded(key: bytes, value: bytes | None, _timestamp_ms: int) -> AclRule:
    try:
        return decode_acl(key, value)
    except MalformedAclError as error:
        raise MalformedRecordError(f"{error}; rules are added by `ottla schema acl add`") from None
