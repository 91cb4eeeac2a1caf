"""The registry as it follows from the records of `_schemas`, one after the other. No I/O.

Of every schema there is one `StoredSchema` a version and one `SchemaContent` an id. What is looked up is found by a key:
nothing here takes longer the more schemas there are, but for lists of all. One schema may be many subjects' (every topic's keys
are strings) and one subject may have thousands of versions: what asks for both goes through the fewer.

    subjects: name ─▶ version ─▶ StoredSchema            contexts: name ─▶ id ─▶ (StoredSchema, …)
                                                                    └─▶ identity of a content ─▶ id

Records come in the order of the topic, from whatever registry. Where two writers gave one id to two contents, or two
contents to one version, because one of them did not know yet that it was replaced, the first one in the topic has it:
`apply` tells, and whoever wrote the second takes it back (`schemas_topic.py`).

Confluent: KafkaStoreMessageHandler, InMemoryCache.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Final, NamedTuple, TypeVar

from ottla.registry.associations import Associations
from ottla.registry.content import TYPE_TAGS, SchemaContent
from ottla.registry.modes import Mode
from ottla.registry.records import (
    AssociationRecord,
    ClearSubjectRecord,
    ConfigRecord,
    ContextRecord,
    DeleteSubjectRecord,
    ModeRecord,
    NoopRecord,
    Record,
    SchemaRecord,
    StoredSchema,
    schema_key,
    subject_key,
)
from ottla.registry.schemas.compatibility import CompatibilityLevel
from ottla.registry.subject_config import NOTHING_SET, SubjectConfig
from ottla.registry.subjects import (
    ALL_CONTEXTS,
    DEFAULT_CONTEXT,
    GLOBAL_CONTEXT,
    GLOBAL_SUBJECT,
    QualifiedSubject,
    context_of,
    context_subject,
    in_context,
    normalized,
    qualified,
)

LATEST: Final = -1

_Value = TypeVar("_Value")


class Conflict(NamedTuple):
    """A version whose id or number was another's already. `earlier` is what its number had before, if it was that."""

    schema: StoredSchema
    earlier: StoredSchema | None


class ContextSchemas:
    """What one context holds."""

    __slots__ = ("by_id", "by_identity", "highest_id", "vouched_id")

    def __init__(self) -> None:
        self.by_id: dict[int, list[StoredSchema]] = {}
        """All versions that have an id, in the order of the topic: the first one's content is the id's."""
        self.by_identity: dict[bytes, int] = {}
        self.highest_id = 0
        """The highest id ever seen; the next is above it."""
        self.vouched_id = 0
        """The highest id that a NOOP record remembers."""


class RegistryState:
    """Made empty; grows by `apply`."""

    def __init__(
        self,
        default_level: CompatibilityLevel = CompatibilityLevel.BACKWARD,
        *,
        validate_fields: bool = False,
    ) -> None:
        self._defaults = SubjectConfig(level=default_level, validate_fields=validate_fields or None)
        self.associations = Associations()
        self._subjects: dict[str, dict[int, StoredSchema]] = {}
        self._contexts: dict[str, ContextSchemas] = {}
        self._known_contexts: set[str] = set()
        self._context_names: list[str] | None = None
        self._configs: dict[str | None, SubjectConfig] = {}
        self._modes: dict[str | None, Mode] = {}
        self._keys: dict[tuple[str, str | None], bytes] = {}
        self._referenced_by: dict[tuple[str, int], dict[StoredSchema, None]] = {}
        """By the version they refer to, all versions that do, deleted softly or not."""
        self._referring: dict[str, dict[int, StoredSchema]] = {}
        """The versions of each subject that refer to others, by number."""
        self._sorted: list[str] | None = None
        self._without_live: set[str] = set()
        """The subjects all of whose versions are deleted softly."""
        self._no_schemas = ContextSchemas()

    # Versions of subjects

    def version(self, subject: str, version: int, *, deleted: bool = False) -> StoredSchema | None:
        """A version, or the latest that is not deleted for `LATEST`; `deleted` also finds what is."""
        if version == LATEST:
            return self.latest(subject)
        found = self._subjects.get(subject, {}).get(version)
        return found if found is not None and (deleted or not found.deleted) else None

    def latest(self, subject: str) -> StoredSchema | None:
        """The latest version that is not deleted."""
        versions = self._subjects.get(subject, {})
        return next((each for each in reversed(versions.values()) if not each.deleted), None)

    def last_version(self, subject: str) -> int:
        """The number of the last version, deleted softly or not; 0 where there is none."""
        return next(reversed(self._subjects.get(subject, {})), 0)

    def versions(self, subject: str, *, deleted: bool = False) -> list[StoredSchema]:
        """The versions of a subject in ascending order."""
        found = self._subjects.get(subject, {}).values()
        return list(found) if deleted else [each for each in found if not each.deleted]

    def referring_versions(self, subject: str) -> list[StoredSchema]:
        """The versions that refer to other schemas, those deleted softly too."""
        found = self._referring.get(subject)
        return [found[number] for number in sorted(found)] if found else []

    def has_subjects(self, subject: str | None, *, deleted: bool = False) -> bool:
        """Whether a subject has versions; for a context's name or None, whether any subject there has."""
        return next(self.matching(subject, deleted=deleted), None) is not None

    def matching(self, subject: str | None, *, deleted: bool = False) -> Iterator[str]:
        """The subject if it has versions, or all subjects of a context that have."""
        context = DEFAULT_CONTEXT if subject is None else qualified(subject).context
        if subject is not None and qualified(subject).name:
            candidates: Iterable[str] = [subject]
        else:
            candidates = [
                name for name in self.subject_names() if subject is None or context_of(name) == context
            ]
        return (
            name
            for name in candidates
            if name in self._subjects and (deleted or name not in self._without_live)
        )

    def subject_names(self) -> list[str]:
        """All names, sorted, those of deleted subjects included."""
        if self._sorted is None:
            self._sorted = sorted(self._subjects)
        return self._sorted

    def names_with_prefix(self, prefix: str) -> list[str]:
        """The subjects whose names begin so; `:*:` in front stands for every context."""
        if prefix.startswith(ALL_CONTEXTS):
            rest = prefix.removeprefix(ALL_CONTEXTS)
            if not rest:
                return self.subject_names()
            elsewhere = (name for name in self._beginning(":.") if qualified(name).name.startswith(rest))
            return sorted([*self._plain_beginning(rest), *elsewhere])
        if prefix.startswith(":.:"):
            return self._plain_beginning(prefix[3:])
        return self._beginning(prefix)

    def live_among(self, names: list[str]) -> list[str]:
        """Those of the subjects that have a version which is not deleted."""
        gone = self._without_live
        return [name for name in names if name not in gone] if gone else names

    def _beginning(self, prefix: str) -> list[str]:
        names = self.subject_names()
        first = bisect_left(names, prefix)
        return list(takewhile(lambda name: name.startswith(prefix), names[first:])) if prefix else names

    def _plain_beginning(self, prefix: str) -> list[str]:
        return [name for name in self._beginning(prefix) if not name.startswith(":.")]

    # What has an id, and what id a content has

    def id_of(self, context: str, content: SchemaContent) -> int | None:
        """The id that a content has in a context."""
        return self.id_by_identity(context, content.identity)

    def id_by_identity(self, context: str, identity: bytes) -> int | None:
        """Likewise for a content of which only the identity is known."""
        schemas = self._contexts.get(context)
        found = None if schemas is None else schemas.by_identity.get(identity)
        return found if schemas is not None and found is not None and schemas.by_id.get(found) else None

    def with_id(self, context: str, schema_id: int) -> tuple[StoredSchema, ...]:
        """All versions of an id in a context."""
        return tuple(self._holders(context, schema_id))

    def first_with_id(self, context: str, schema_id: int) -> StoredSchema | None:
        """The version of an id that came first."""
        return next(iter(self._holders(context, schema_id)), None)

    def _holders(self, context: str, schema_id: int) -> list[StoredSchema]:
        return self._contexts.get(context, self._no_schemas).by_id.get(schema_id, [])

    def versions_with_id(self, subject: str, schema_id: int) -> list[StoredSchema]:
        """The versions of a subject that have an id, those deleted softly too."""
        holders, versions = self._holders(context_of(subject), schema_id), self._subjects.get(subject, {})
        if len(holders) <= len(versions):
            return [each for each in holders if each.subject == subject]
        return [each for each in versions.values() if each.id == schema_id]

    def under_subject(self, subject: str, schema_id: int) -> StoredSchema | None:
        """The version that an id has in a subject; the one not deleted if there is one."""
        holders = self.versions_with_id(subject, schema_id)
        return next(
            (each for each in reversed(holders) if not each.deleted), holders[-1] if holders else None
        )

    def find_id(self, schema_id: int, subject: str | None) -> tuple[StoredSchema, ...]:
        """All versions of an id where `subject` looks for it, that of `found_by_id` first."""
        first = self.found_by_id(schema_id, subject)
        if first is None:
            return ()
        holders = self._holders(context_of(first.subject), schema_id)
        if not subject or qualified(first.subject).name != qualified(subject).name:
            return tuple(holders)
        others = (each for each in holders if each.subject != first.subject)
        return (*self.versions_with_id(first.subject, schema_id), *others)

    def found_by_id(self, schema_id: int, subject: str | None) -> StoredSchema | None:
        """The version of an id that `subject` asks for.

        A subject that has a context is looked for in that alone; one that has none in the default context, then, if
        the id is not that subject's there, in every other context where it is; last, whoever has the id by default.
        """
        place = qualified(subject or "")
        here = self.first_with_id(place.context, schema_id)
        if not place.name:
            return here
        if place.context != DEFAULT_CONTEXT:
            return next(iter(self.versions_with_id(subject or "", schema_id)), None)
        for context in (DEFAULT_CONTEXT, *self.context_names()):
            own = self.versions_with_id(str(QualifiedSubject(context, place.name)), schema_id)
            if own:
                return own[0]
        return here

    def ids_of_guid(self, md5: bytes) -> list[tuple[str, int]]:
        """Context and id of each schema with this hash."""
        found = []
        for context in (DEFAULT_CONTEXT, *self.context_names()):
            schemas = self._contexts.get(context)
            if schemas is not None:
                ids = (schemas.by_identity.get(md5 + tag) for tag in TYPE_TAGS.values())
                found += [(context, each) for each in ids if each is not None and schemas.by_id.get(each)]
        return found

    def highest_id(self, context: str) -> int:
        """The highest id ever given in a context; 0 before the first."""
        return self._contexts.get(context, self._no_schemas).highest_id

    def highest_ids(self) -> dict[str, int]:
        """The highest id of every context that has one."""
        return {name: each.highest_id for name, each in self._contexts.items() if each.highest_id}

    def vouches_for(self, context: str, schema_id: int) -> bool:
        """Whether a NOOP record remembers that the id was given."""
        return self._contexts.get(context, self._no_schemas).vouched_id >= schema_id

    def referencing(self, subject: str, version: int, *, deleted: bool = False) -> list[int]:
        """The ids of the schemas that refer to a version; `deleted` also of those deleted softly."""
        return sorted({each.id for each in self.referrers(subject, version, deleted=deleted)})

    def referrers(self, subject: str, version: int, *, deleted: bool = False) -> Iterator[StoredSchema]:
        """The versions that refer to a version."""
        found = self._referenced_by.get((subject, version), {})
        return (each for each in found if deleted or not each.deleted)

    # Contexts, settings and modes

    def context_names(self) -> list[str]:
        """All contexts but the default one, sorted."""
        if self._context_names is None:
            self._context_names = sorted(self._known_contexts - {DEFAULT_CONTEXT})
        return self._context_names

    def knows_context(self, context: str) -> bool:
        """Whether the context exists; the default one always does."""
        return context == DEFAULT_CONTEXT or context in self._known_contexts

    def config(self, subject: str | None) -> SubjectConfig | None:
        """What is set for exactly this subject or context."""
        return self._configs.get(subject)

    def config_in_scope(self, subject: str | None) -> SubjectConfig:
        """What holds for a subject: its own settings, its context's, those for all, the defaults."""
        if not self._configs:
            return self._defaults
        config = self._configs.get(subject, NOTHING_SET) if subject is not None else NOTHING_SET
        context = None if subject is None else context_subject(context_of(subject))
        for wider in (context, GLOBAL_SUBJECT):
            if wider in self._configs and wider != subject:
                config = config.within(self._configs[wider])
        if subject is None and None in self._configs:
            config = self._configs[None].within(config)
        return config.within(self._defaults)

    def mode(self, subject: str | None) -> Mode | None:
        """What is set for exactly this subject or context."""
        return self._modes.get(subject)

    def mode_in_scope(self, subject: str | None) -> Mode:
        """What holds for a subject: an override for all, its own mode, its context's, that for all."""
        if not self._modes:
            return Mode.READWRITE
        context = None if subject is None else context_subject(context_of(subject))
        for everywhere in (None, GLOBAL_SUBJECT):
            if self._modes.get(everywhere) is Mode.READONLY_OVERRIDE:
                return Mode.READONLY_OVERRIDE
        scopes = (subject, context, GLOBAL_SUBJECT)
        return next((self._modes[scope] for scope in scopes if scope in self._modes), Mode.READWRITE)

    def modes_below(self, subject: str | None) -> list[str]:
        """The subjects of a context, None for the default one, that have a mode of their own."""
        context = DEFAULT_CONTEXT if subject is None else qualified(subject).context
        return sorted(
            name
            for name in self._modes
            if name is not None and name != subject and context_of(name) == context
        )

    def alias_target(self, subject: str) -> str:
        """The subject that an alias stands for; any other subject is itself."""
        config = self._configs.get(subject)
        if config is None or not config.alias:
            return subject
        return normalized(in_context(context_of(subject), config.alias))

    def aliases(self) -> dict[str, list[str]]:
        """By subject, the names that stand for it."""
        found: dict[str, list[str]] = {}
        for name, config in self._configs.items():
            if name is not None and config.alias:
                found.setdefault(self.alias_target(name), []).append(name)
        return found

    def key_of(self, keytype: str, subject: str | None) -> bytes:
        """The key of the CONFIG or MODE record of a subject: the one that it has in the topic."""
        return self._keys.get((keytype, subject)) or subject_key(keytype, subject)

    # Records, one after the other

    def apply(self, record: Record, key: bytes = b"") -> Conflict | None:
        """Take the next record of the topic in; tells if it wanted what another one had."""
        match record:
            case SchemaRecord(subject, version, None):
                self._forget(subject, version)
            case SchemaRecord(_, _, StoredSchema() as schema):
                return self._keep(schema)
            case DeleteSubjectRecord(subject, up_to):
                for each in self.versions(subject):
                    if each.version <= up_to:
                        each.deleted = True
                self._note_deletion(subject)
            case ClearSubjectRecord(subject):
                for name in list(self.matching(subject, deleted=True)):
                    for each in self.versions(name, deleted=True):
                        if each.deleted:
                            self._forget(name, each.version)
            case ConfigRecord(subject, config):
                _set(self._configs, subject, config)
                self._note_key("CONFIG", subject, key)
            case ModeRecord(subject, mode):
                _set(self._modes, subject, mode)
                self._note_key("MODE", subject, key)
            case ContextRecord(context, exists):
                (self._known_contexts.add if exists else self._known_contexts.discard)(context)
                self._context_names = None
            case AssociationRecord(of, association):
                self.associations.apply(of, association)
            case NoopRecord(highest_ids):
                for context, highest in highest_ids.items():
                    schemas = self._contexts.setdefault(context, ContextSchemas())
                    schemas.vouched_id = max(schemas.vouched_id, highest)
                    schemas.highest_id = max(schemas.highest_id, highest)
        return None

    def _keep(self, schema: StoredSchema) -> Conflict | None:
        versions = self._subjects.get(schema.subject)
        if versions is None:
            versions = self._subjects[schema.subject] = {}
            if self._sorted is not None:
                insort(self._sorted, schema.subject)
        earlier = versions.get(schema.version)
        context = context_of(schema.subject)
        schemas = self._contexts.setdefault(context, ContextSchemas())
        self._share_content(schemas, schema)
        conflict = self._conflict(schemas, schema, earlier)
        if earlier is not None and earlier.id == schema.id:
            # In its place: the first one's content is the id's.
            self._forget_references(earlier)
            holders = schemas.by_id[schema.id]
            holders[holders.index(earlier)] = schema
        else:
            if earlier is not None:
                self._drop(schemas, earlier)
            schemas.by_id.setdefault(schema.id, []).append(schema)
        _insert(versions, schema)
        self._note_references(schema.subject, schema.version, schema)
        schemas.by_identity.setdefault(schema.content.identity, schema.id)
        schemas.highest_id = max(schemas.highest_id, schema.id)
        if context not in self._known_contexts and context not in {DEFAULT_CONTEXT, GLOBAL_CONTEXT}:
            self._known_contexts.add(context)
            self._context_names = None
        self._keep_references(schema)
        if schema.deleted:
            self._note_deletion(schema.subject)
        else:
            self._without_live.discard(schema.subject)
        return conflict

    def _note_references(self, subject: str, version: int, schema: StoredSchema | None) -> None:
        """After a version has come, or gone for good."""
        if schema is not None and schema.content.references:
            self._referring.setdefault(subject, {})[version] = schema
        elif subject in self._referring:
            self._referring[subject].pop(version, None)
            if not self._referring[subject]:
                del self._referring[subject]

    def _note_deletion(self, subject: str) -> None:
        if subject in self._subjects and self.latest(subject) is None:
            self._without_live.add(subject)

    def _conflict(
        self, schemas: ContextSchemas, schema: StoredSchema, earlier: StoredSchema | None
    ) -> Conflict | None:
        if earlier is not None and not earlier.deleted and earlier.id != schema.id:
            if not self.mode_in_scope(schema.subject).takes_ids:
                return Conflict(schema, earlier)
        elif schemas.by_id.get(schema.id, [schema])[0].content.identity != schema.content.identity:
            return Conflict(schema, None)
        return None

    @staticmethod
    def _share_content(schemas: ContextSchemas, schema: StoredSchema) -> None:
        """One object for equal contents: many subjects may have the same schema."""
        for other in schemas.by_id.get(schema.id, ())[:1]:
            if other.content.identity == schema.content.identity:
                schema.content = other.content

    def _forget(self, subject: str, version: int) -> None:
        versions = self._subjects.get(subject, {})
        schema = versions.pop(version, None)
        if schema is None:
            return
        self._drop(self._contexts[context_of(subject)], schema)
        self._note_references(subject, version, None)
        if not versions:
            del self._subjects[subject]
            if self._sorted is not None:
                del self._sorted[bisect_left(self._sorted, subject)]
            self._without_live.discard(subject)
        elif not schema.deleted:
            self._note_deletion(subject)

    def _drop(self, schemas: ContextSchemas, schema: StoredSchema) -> None:
        holders = schemas.by_id.get(schema.id, [])
        if schema in holders:
            holders.remove(schema)
        if not holders:
            schemas.by_id.pop(schema.id, None)
        if schemas.by_identity.get(schema.content.identity) == schema.id and not holders:
            del schemas.by_identity[schema.content.identity]
        self._forget_references(schema)

    def _keep_references(self, schema: StoredSchema) -> None:
        for target in _referred_to(schema):
            self._referenced_by.setdefault(target, {})[schema] = None

    def _forget_references(self, schema: StoredSchema) -> None:
        for target in _referred_to(schema):
            found = self._referenced_by.get(target, {})
            found.pop(schema, None)
            if not found:
                self._referenced_by.pop(target, None)

    def _note_key(self, keytype: str, subject: str | None, key: bytes) -> None:
        if key and key != subject_key(keytype, subject):
            self._keys[keytype, subject] = key

    def key_of_version(self, subject: str, version: int) -> bytes:
        """The key of a version's record: the one that it has in the topic."""
        schema = self.version(subject, version, deleted=True)
        return (schema.key if schema is not None else None) or schema_key(subject, version)


def _referred_to(schema: StoredSchema) -> Iterator[tuple[str, int]]:
    context = context_of(schema.subject)
    return ((in_context(context, each.subject), each.version) for each in schema.content.references)


def _insert(versions: dict[int, StoredSchema], schema: StoredSchema) -> None:
    """Keep the versions in ascending order, in which nearly all of them come."""
    in_order = schema.version in versions or not versions or schema.version > next(reversed(versions))
    versions[schema.version] = schema
    if not in_order:
        ordered = sorted(versions.items())
        versions.clear()
        versions.update(ordered)


def _set(values: dict[str | None, _Value], subject: str | None, value: _Value | None) -> None:
    if value is None:
        values.pop(subject, None)
    else:
        values[subject] = value
