"""Registering a schema and looking one up: what is found, what is refused, what has to be written. No I/O.

    mode ─▶ text, metadata and rules completed ─▶ canonical ─▶ known under the subject? ─▶ compatible? ─▶ version, id

Confluent: KafkaSchemaRegistry.register, lookUpSchemaUnderSubject, isCompatibleWithPrevious.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, overload

from ottla.registry import records
from ottla.registry.content import SchemaContent
from ottla.registry.errors import incompatible, invalid_schema, not_permitted
from ottla.registry.metadata import NO_METADATA, VERSION_PROPERTY, Metadata, reserved_fields
from ottla.registry.modes import Mode
from ottla.registry.parsed_schemas import ParsedSchemas
from ottla.registry.records import StoredSchema
from ottla.registry.rule_sets import RuleSet
from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.schema import (
    CompatibilityPolicy,
    Conditions,
    InvalidSchema,
    Reference,
    Schema,
    SchemaType,
    normalized_references,
)
from ottla.registry.state import RegistryState
from ottla.registry.subject_config import SubjectConfig
from ottla.registry.subjects import DEFAULT_CONTEXT, context_of, in_context, qualified

ANY_VERSION: Final = 0
"""A schema sent without a version gets the next."""
NO_ID: Final = -1

MAX_SHOWN_CHARACTERS: Final = 10 * 1024
"""Of an earlier schema's text in the answer that a new one does not fit it."""

_TYPE_NAMES: Final = frozenset({None, *SchemaType})


@dataclass(frozen=True, slots=True)
class Submitted:
    """A schema as a request brings it."""

    schema_type: str | None
    text: str | None
    references: tuple[Reference, ...] = ()
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    id: int = NO_ID
    version: int = ANY_VERSION

    @property
    def type(self) -> SchemaType:
        """Raises 42201 for a type there is none of."""
        if self.schema_type is None:
            return SchemaType.AVRO
        try:
            return SchemaType(self.schema_type)
        except ValueError:
            raise invalid_schema(f"Invalid schema type {self.schema_type}") from None

    @property
    def is_empty(self) -> bool:
        return self.text is None or not self.text.strip()

    def content(self) -> SchemaContent:
        """As it stands, not brought to any form."""
        return SchemaContent(self.type, self.text or "", self.references, self.metadata, self.rule_set)


class Write(NamedTuple):
    """A record to write; a value of None deletes for good."""

    key: bytes
    value: bytes | None


class Candidate(NamedTuple):
    """A schema that may be registered. `id` is None for a content that has none yet."""

    subject: str
    version: int
    content: SchemaContent
    id: int | None


class Catalogue:
    """What registrations are decided by: the state and the schemas parsed from it."""

    def __init__(self, state: RegistryState, schemas: ParsedSchemas) -> None:
        self.state = state
        self.schemas = schemas

    def look_up(
        self, subject: str, submitted: Submitted, *, normalize: bool, deleted: bool = False
    ) -> StoredSchema | None:
        """The version of a subject that has this content; raises 42201."""
        if submitted.is_empty:
            return None
        found = None
        if not normalize:
            # What was read from here comes back as it was stored: found without being parsed.
            found = self._known(subject, submitted.content(), deleted=deleted)
        if found is None:
            _, content = self.canonical(subject, submitted, normalize=normalize, new=False)
            found = self._known(subject, content, deleted=deleted)
        return found

    def as_sent(self, subject: str, submitted: Submitted) -> StoredSchema | None:
        """The version of a subject that has just this text: found without parsing it."""
        if submitted.is_empty or submitted.schema_type not in _TYPE_NAMES:
            return None
        return self._known(subject, submitted.content(), deleted=False)

    def _known(self, subject: str, content: SchemaContent, *, deleted: bool) -> StoredSchema | None:
        schema_id = self.state.id_of(context_of(subject), content)
        found = None if schema_id is None else self.state.under_subject(subject, schema_id)
        return found if found is not None and (deleted or not found.deleted) else None

    def canonical(
        self, subject: str, submitted: Submitted, *, normalize: bool, new: bool
    ) -> tuple[Schema, SchemaContent]:
        """The schema and the content it is stored by; raises 42201."""
        context = context_of(subject)
        references = self.schemas.with_versions(context, submitted.references)
        schema = self.schemas.parse(context, submitted.type, submitted.text or "", references, new=new)
        if not self.state.mode_in_scope(subject).takes_ids:
            strict = bool(self.state.config_in_scope(subject).validate_fields)
            try:
                schema.validate(strict=strict)
            except InvalidSchema as error:
                raise invalid_schema(f"Invalid schema of type {schema.type}, details: {error}") from None
        text, references = schema.canonical, schema.references
        if normalize:
            text, references = schema.normalized, normalized_references(references)
        return schema, SchemaContent(schema.type, text, references, submitted.metadata, submitted.rule_set)

    def decide(
        self, subject: str, submitted: Submitted, *, normalize: bool, force: bool = False
    ) -> StoredSchema | Candidate:
        """The version that is there already, or what would be a new one. Raises RegistryError."""
        state = self.state
        mode, config = state.mode_in_scope(subject), state.config_in_scope(subject)
        _check_mode(subject, submitted, mode)
        versions = state.versions(subject, deleted=True)
        live = [each for each in versions if not each.deleted]
        next_version = versions[-1].version + 1 if versions else 1
        if not mode.takes_ids:
            submitted = completed(submitted, config, live[-1] if live else None, next_version)
        if submitted.is_empty:
            raise invalid_schema("Empty schema")
        new = submitted.id < 0 and config.validate_new_schemas is not False
        schema, content = self.canonical(subject, submitted, normalize=normalize, new=new)
        known_id = state.id_of(context_of(subject), content)
        if known_id is not None and submitted.version == ANY_VERSION and submitted.id in {NO_ID, known_id}:
            found = state.under_subject(subject, known_id)
            if found is not None and not found.deleted:
                return found
        if not (mode.takes_ids or force):
            texts = self.incompatibilities(config, schema, content, live)
            if texts:
                raise incompatible(subject, texts)
        version = _version(submitted, next_version, mode)
        if submitted.id >= 0:
            self._check_id_is_free(subject, submitted.id, content)
        return Candidate(subject, version, content, submitted.id if submitted.id >= 0 else known_id)

    def _check_id_is_free(self, subject: str, schema_id: int, content: SchemaContent) -> None:
        holders = self.state.with_id(context_of(subject), schema_id)
        if any(each.content.identity != content.identity for each in holders):
            raise not_permitted(f"Overwrite new schema with id {schema_id} is not permitted.")

    def writes(self, schema: StoredSchema) -> list[Write]:
        """The records that register a schema: its context if it is the first there, itself, and an end to what is deleted
        and has the same content."""
        context = qualified(schema.subject).context
        writes = []
        if context != DEFAULT_CONTEXT and context not in self.state.context_names():
            writes.append(Write(records.context_key(context), records.context_value(context)))
        key = self.state.key_of_version(schema.subject, schema.version)
        writes.append(Write(key, records.schema_value(schema)))
        writes += [
            Write(self.state.key_of_version(each.subject, each.version), None)
            for each in self.state.versions(schema.subject, deleted=True)
            if each.deleted and each.id == schema.id and each.version < schema.version
        ]
        return writes

    def incompatibilities(
        self, config: SubjectConfig, schema: Schema, content: SchemaContent, previous: Sequence[StoredSchema]
    ) -> list[str]:
        """What keeps `schema` from following `previous` (oldest first), in Confluent's words."""
        level = config.level or CompatibilityLevel.BACKWARD
        strict = bool(config.validate_fields)
        texts = _reserved_field_faults(schema, content, previous) if strict else []
        if config.group is not None:
            group = _property(content.metadata, config.group)
            previous = [each for each in previous if _property(each.content.metadata, config.group) == group]
        if level is CompatibilityLevel.NONE:
            previous = ()
        found = check(
            level,
            schema,
            _ParsedOnDemand(self.schemas, previous),
            conditions=Conditions(
                policy=config.policy or CompatibilityPolicy.STRICT, reserved=reserved_fields(content.metadata)
            ),
            previous_reserved=[reserved_fields(each.content.metadata) for each in previous],
        )
        texts += [each.text for each in found]
        if found:
            earlier = previous[found[0].earlier]
            texts += [f"{{oldSchemaVersion: {earlier.version}}}", _old_schema(earlier.content.text)]
        if texts:
            texts.append(f"{{validateFields: '{str(strict).lower()}', compatibility: '{level}'}}")
        return texts


class _ParsedOnDemand(Sequence[Schema]):
    """Stored schemas, parsed as they are asked for: mostly the latest decides."""

    def __init__(self, schemas: ParsedSchemas, stored: Sequence[StoredSchema]) -> None:
        self._schemas = schemas
        self._stored = stored

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, index: int) -> Schema: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Schema]: ...

    def __getitem__(self, index: int | slice) -> Schema | Sequence[Schema]:
        if isinstance(index, slice):
            return [self._schemas.stored(each) for each in self._stored[index]]
        return self._schemas.stored(self._stored[index])


def completed(
    submitted: Submitted, config: SubjectConfig, previous: StoredSchema | None, next_version: int
) -> Submitted:
    """With what is not given taken from the version before, and what the settings add; raises 42201."""
    earlier = None if previous is None else previous.content
    schema_type, text, references = submitted.schema_type, submitted.text, submitted.references
    if submitted.is_empty:
        if earlier is None:
            raise invalid_schema("Empty schema")
        schema_type, text, references = earlier.type, earlier.text, earlier.references
    metadata, rule_set = submitted.metadata, submitted.rule_set
    if earlier is not None:
        metadata = earlier.metadata if metadata is None else metadata
        rule_set = earlier.rule_set if rule_set is None else rule_set
    metadata = config.complete_metadata(metadata)
    if submitted.version != ANY_VERSION or _property(metadata, VERSION_PROPERTY) is not None:
        metadata = (metadata or NO_METADATA).with_property(VERSION_PROPERTY, str(next_version))
    return Submitted(
        schema_type,
        text,
        references,
        metadata,
        config.complete_rule_set(rule_set),
        submitted.id,
        submitted.version,
    )


def _check_mode(subject: str, submitted: Submitted, mode: Mode) -> None:
    place = f"Subject {subject} in context {in_context_shown(subject)}"
    if mode.forbids_writes:
        raise not_permitted(f"{place} is in read-only mode")
    if submitted.id >= 0 and not mode.takes_ids:
        raise not_permitted(f"{place} is not in import mode")
    if submitted.id < 0 and mode is not Mode.READWRITE:
        raise not_permitted(f"{place} is not in read-write mode")


def in_context_shown(subject: str) -> str:
    """A subject's context as messages name it."""
    return in_context(context_of(subject), "") or f":{DEFAULT_CONTEXT}:"


def _version(submitted: Submitted, next_version: int, mode: Mode) -> int:
    if submitted.version <= ANY_VERSION:
        return next_version
    if submitted.version != next_version and not mode.takes_ids:
        raise invalid_schema("Version is not one more than previous version")
    return submitted.version


def _property(metadata: Metadata | None, name: str) -> str | None:
    return None if metadata is None else metadata.properties.get(name)


def _old_schema(text: str) -> str:
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return f"{{oldSchema: '{text}'}}"
    shown = text[:MAX_SHOWN_CHARACTERS]
    return f"{{oldSchema: <truncated to {MAX_SHOWN_CHARACTERS} characters> '{shown}'}}"


def _reserved_field_faults(
    schema: Schema, content: SchemaContent, previous: Sequence[StoredSchema]
) -> list[str]:
    reserved = reserved_fields(content.metadata)
    earlier = reserved_fields(previous[-1].content.metadata) if previous else frozenset()
    return [
        "{errorType:'RESERVED_FIELD_REMOVED', description:'The new schema has reserved field "
        f"{name} removed from its metadata which is present in the old schema's metadata.'}}"
        for name in sorted(earlier - reserved)
    ] + [
        "{errorType:'FIELD_CONFLICTS_WITH_RESERVED_FIELD', description:'The new schema has field that "
        f"conflicts with the reserved field {name}.'}}"
        for name in sorted(reserved)
        if schema.has_top_level_field(name)
    ]
