"""Which subject describes the keys or values of a topic: associations of subjects with resources. No I/O.

    resource: name `orders`, namespace (a cluster's id) `lkc-1`, id `lkc-1:orders`, type `topic`
    association: resource ─ type `key` or `value` ─▶ subject; lifecycle; frozen

A STRONG association has its subject for itself: the subject goes when the association is deleted with
`cascadeLifecycle`. Subjects of WEAK ones live on their own and may be shared. A frozen association keeps the one schema it
was made with. Where no subject is named it is `:.<namespace>:<name>-<type>`, in a context of the resource's namespace.

Confluent: entities.Association, storage.AssociationValue, InMemoryCache.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from ottla.registry.json_fields import JsonObject

TOPIC: Final = "topic"
"""The only type of resources."""
KEY, VALUE = "key", "value"
ASSOCIATION_TYPES: Final = (KEY, VALUE)
ANY_NAMESPACE: Final = "-"
"""Stands for every namespace in a look-up by name."""


class Lifecycle(StrEnum):
    """What becomes of a subject with its association."""

    STRONG = "STRONG"
    WEAK = "WEAK"


class Resource(NamedTuple):
    """What is described by subjects. No id is needed to try whether an association could be made."""

    name: str
    namespace: str
    id: str | None
    type: str = TOPIC

    def default_subject(self, association_type: str) -> str:
        """The subject where none is named."""
        return f":.{self.namespace}:{self.name}-{association_type}"

    def as_json(self) -> JsonObject:
        """As answers tell it."""
        parts: JsonObject = {
            "resourceName": self.name,
            "resourceNamespace": self.namespace,
            "resourceId": self.id,
            "resourceType": self.type,
        }
        return {name: value for name, value in parts.items() if value}


class Association(NamedTuple):
    """Never changed once made: what replaces it has the same `guid`."""

    subject: str
    guid: str
    resource: Resource
    type: str
    lifecycle: Lifecycle
    frozen: bool
    created_ms: int = 0
    """0 where its record doesn't tell."""

    def as_json(self) -> JsonObject:
        """As look-ups answer with it."""
        return {
            "subject": self.subject,
            "guid": self.guid,
            **self.resource.as_json(),
            "associationType": self.type,
            "lifecycle": self.lifecycle,
            "frozen": self.frozen,
        }

    @property
    def order(self) -> tuple[str, ...]:
        """What lists are sorted by."""
        resource = self.resource
        return resource.name, resource.namespace, resource.type, self.type, self.subject


class Selection(NamedTuple):
    """Which associations are meant; what is None or empty leaves all."""

    resource_type: str | None = TOPIC
    types: tuple[str, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()

    def of(self, associations: Iterable[Association]) -> list[Association]:
        """Those meant, in the order of lists."""
        return sorted(filter(self._means, associations), key=lambda each: each.order)

    def _means(self, association: Association) -> bool:
        return (
            (self.resource_type is None or association.resource.type == self.resource_type)
            and (not self.types or association.type in self.types)
            and (not self.lifecycles or association.lifecycle in self.lifecycles)
        )


ALL: Final = Selection(resource_type=None)


class Associations:
    """All that the records tell, found by subject, by the resource's id or by its name."""

    __slots__ = ("_by_key", "_by_resource_id", "_by_resource_name", "_by_subject")

    def __init__(self) -> None:
        self._by_key: dict[bytes, Association] = {}
        self._by_subject: dict[str, dict[bytes, Association]] = {}
        self._by_resource_id: dict[str, dict[bytes, Association]] = {}
        self._by_resource_name: dict[str, dict[bytes, Association]] = {}

    def apply(self, key: bytes, association: Association | None) -> None:
        """Take a record in. By the bytes of its key, as compaction does: older ones lack a field of later ones."""
        before = self._by_key.pop(key, None)
        if before is not None:
            for index, name in self._places(before):
                del index[name][key]
                if not index[name]:
                    del index[name]
        if association is not None:
            self._by_key[key] = association
            for index, name in self._places(association):
                index.setdefault(name, {})[key] = association

    def _places(self, association: Association) -> list[tuple[dict[str, dict[bytes, Association]], str]]:
        resource = association.resource
        return [
            (self._by_subject, association.subject),
            (self._by_resource_id, resource.id or ""),
            (self._by_resource_name, resource.name),
        ]

    def of_subject(self, subject: str, selection: Selection = ALL) -> list[Association]:
        """The associations of a subject."""
        found = self._by_subject.get(subject)
        return selection.of(found.values()) if found else []

    def of_resource(self, resource_id: str | None, selection: Selection = ALL) -> list[Association]:
        """The associations of a resource."""
        found = self._by_resource_id.get(resource_id or "") if resource_id else None
        return selection.of(found.values()) if found else []

    def named(self, name: str, namespace: str, selection: Selection = ALL) -> list[Association]:
        """The associations of the resources of a name, in one namespace or in any."""
        found = self._by_resource_name.get(name, {}).values()
        return selection.of(each for each in found if namespace in {ANY_NAMESPACE, each.resource.namespace})

    def keys_of(self, association: Association) -> list[bytes]:
        """The keys of its records in the topic."""
        found = self._by_resource_id.get(association.resource.id or "", {})
        return [key for key, each in found.items() if each == association]

    def freezing(self, subject: str) -> Association | None:
        """The association that keeps a subject as it is, if there is one."""
        found = self._by_subject.get(subject)
        return next((each for each in found.values() if each.frozen), None) if found else None
