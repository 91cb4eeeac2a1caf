"""Registering a schema and looking one up: what is found, what is refused, what has to be written. No I/O.

What has to be parsed or compared may be large; decisions are then put off until that is done (`long_work.py`).

    mode ─▶ text, metadata and rules completed ─▶ canonical ─▶ known under the subject? ─▶ compatible? ─▶ version, id

Confluent: KafkaSchemaRegistry.register, lookUpSchemaUnderSubject, isCompatibleWithPrevious.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ottla.registry import records
from ottla.registry.content import SchemaContent
from ottla.registry.errors import association_frozen, incompatible, invalid_schema, not_permitted
from ottla.registry.long_work import COMPARED_CHARACTERS, LARGE_CHARACTERS
from ottla.registry.metadata import NO_METADATA, VERSION_PROPERTY, Metadata, reserved_fields
from ottla.registry.modes import Mode
from ottla.registry.parsed_schemas import EarlierSchemas, ParsedSchemas
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
from ottla.registry.schemas.tags import with_tags_of
from ottla.registry.spellings import Spellings
from ottla.registry.state import RegistryState
from ottla.registry.subject_config import SubjectConfig
from ottla.registry.subjects import DEFAULT_CONTEXT, context_of, in_context, qualified

ANY_VERSION: Final = 0
"""A schema sent without a version gets the next."""
NO_ID: Final = -1

MAX_SHOWN_CHARACTERS: Final = 10 * 1024
"""Of an earlier schema's text in the answer that a new one does not fit it."""

COMPARED_VERSIONS: Final = 32
"""Versions that are compared in one piece of work."""

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
    propagates_tags: bool = False
    """Whether what has tags in the version before keeps them."""

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
        self._spellings = Spellings()

    def look_up(
        self, subject: str, submitted: Submitted, *, normalize: bool, deleted: bool = False
    ) -> StoredSchema | None:
        """The version of a subject that has this content; raises 42201."""
        if submitted.is_empty:
            return None
        found = None
        if not normalize:
            # What was read from here comes back as it was stored: found without being parsed.
            found = self._known(subject, submitted.content().identity, deleted=deleted)
        if found is None:
            schema, content = self.canonical(subject, submitted, normalize=normalize, new=False)
            found = self._known(subject, content.identity, deleted=deleted)
            if found is None:
                found = self._written_out(subject, schema, content, deleted=deleted)
        return found

    def as_sent(self, subject: str, submitted: Submitted) -> StoredSchema | None:
        """The version of a subject that has just this text, or whose text this was seen to be: found without parsing it."""
        if submitted.is_empty or submitted.schema_type not in _TYPE_NAMES:
            return None
        sent = submitted.content()
        found = self._known(subject, sent.identity, deleted=False)
        if found is None:
            strict = bool(self.state.config_in_scope(subject).validate_fields)
            identity = self._spellings.stored_identity(sent, strict=strict)
            found = None if identity is None else self._known(subject, identity, deleted=False)
        return found

    def _known(self, subject: str, identity: bytes, *, deleted: bool) -> StoredSchema | None:
        schema_id = self.state.id_by_identity(context_of(subject), identity)
        found = None if schema_id is None else self.state.under_subject(subject, schema_id)
        return found if found is not None and (deleted or not found.deleted) else None

    def _written_out(
        self, subject: str, schema: Schema, content: SchemaContent, *, deleted: bool
    ) -> StoredSchema | None:
        """The latest version that refers to what this schema has written out, and says the same else: some clients
        know schemas by their types alone, without where these came from."""
        if content.references:
            return None
        wanted = content.type, content.metadata, content.rule_set
        referring = [
            each
            for each in reversed(self.state.referring_versions(subject))
            if (deleted or not each.deleted)
            and (each.content.type, each.content.metadata, each.content.rule_set) == wanted
        ]
        if not referring:
            return None
        earlier = self.schemas.earlier(referring)

        def search() -> tuple[EarlierSchemas, StoredSchema | None]:
            same = (
                each for each, parsed in zip(referring, earlier, strict=True) if schema.says_the_same(parsed)
            )
            return earlier, next(same, None)

        characters = earlier.unparsed_characters + len(content.text) * len(referring)
        if characters < COMPARED_CHARACTERS:
            parsed, found = search()
        else:
            key = ("written out", schema, *referring)
            parsed, found = self.schemas.long_work.made(key, search)
        self.schemas.keep(parsed)
        return found

    def canonical(
        self, subject: str, submitted: Submitted, *, normalize: bool, new: bool
    ) -> tuple[Schema, SchemaContent]:
        """The schema and the content it is stored by; raises 42201."""
        context = context_of(subject)
        references = self.schemas.with_versions(context, submitted.references)
        schema = self.schemas.parse(context, submitted.type, submitted.text or "", references, new=new)
        validated = not self.state.mode_in_scope(subject).takes_ids
        strict = bool(self.state.config_in_scope(subject).validate_fields)
        if validated:
            try:
                schema.validate(strict=strict)
            except InvalidSchema as error:
                raise invalid_schema(f"Invalid schema of type {schema.type}, details: {error}") from None
        text, references = schema.canonical, schema.references
        if normalize:
            text, references = self.schemas.normalized(schema), normalized_references(references)
        content = SchemaContent(schema.type, text, references, submitted.metadata, submitted.rule_set)
        if validated and not normalize:
            self._spellings.keep(submitted.content(), content, strict=strict)
        return schema, content

    def decide(
        self, subject: str, submitted: Submitted, *, normalize: bool, force: bool = False
    ) -> StoredSchema | Candidate:
        """The version that is there already, or what would be a new one. Raises RegistryError.

        Until the new one is written nobody else may write to the subject, or settings (`write_order.py`).
        """
        state = self.state
        mode, config = state.mode_in_scope(subject), state.config_in_scope(subject)
        _check_mode(subject, submitted, mode)
        next_version = state.last_version(subject) + 1
        if not mode.takes_ids:
            submitted = completed(submitted, config, state.latest(subject), next_version)
        if submitted.is_empty:
            raise invalid_schema("Empty schema")
        new = submitted.id < 0 and config.validate_new_schemas is not False
        schema, content = self.canonical(subject, submitted, normalize=normalize, new=new)
        known_id = state.id_of(context_of(subject), content)
        if known_id is not None and submitted.version == ANY_VERSION and submitted.id in {NO_ID, known_id}:
            found = state.under_subject(subject, known_id)
            if found is not None and not found.deleted:
                return found
        if submitted.version == ANY_VERSION and submitted.id == NO_ID:
            found = self._written_out(subject, schema, content, deleted=False)
            if found is not None:
                return found
        frozen = state.associations.freezing(subject)
        if frozen is not None and not mode.takes_ids:
            raise association_frozen(frozen.type, subject)
        if not (mode.takes_ids or force):
            previous = self.earlier_versions(subject, config)
            texts = self.incompatibilities(config, schema, content, previous)
            if texts:
                raise incompatible(subject, texts)
        version = _version(submitted, next_version, mode)
        if submitted.id >= 0:
            self._check_id_is_free(subject, submitted.id, content)
        return Candidate(subject, version, content, submitted.id if submitted.id >= 0 else known_id)

    def earlier_versions(self, subject: str, config: SubjectConfig) -> list[StoredSchema]:
        """Those that a new one has to get along with by the settings: all, or the latest, which mostly is enough."""
        if config.group is not None or (config.level is not None and config.level.transitive):
            return self.state.versions(subject)
        latest = self.state.latest(subject)
        return [] if latest is None else [latest]

    def _check_id_is_free(self, subject: str, schema_id: int, content: SchemaContent) -> None:
        holder = self.state.first_with_id(context_of(subject), schema_id)
        if holder is not None and holder.content.identity != content.identity:
            raise not_permitted(f"Overwrite new schema with id {schema_id} is not permitted.")

    def writes(self, schema: StoredSchema) -> list[Write]:
        """The records that register a schema: its context if it is the first there, itself, and an end to what is deleted
        and has the same content."""
        context = qualified(schema.subject).context
        writes = []
        if not self.state.knows_context(context):
            writes.append(Write(records.context_key(context), records.context_value(context)))
        key = self.state.key_of_version(schema.subject, schema.version)
        writes.append(Write(key, records.schema_value(schema)))
        writes += [
            Write(self.state.key_of_version(each.subject, each.version), None)
            for each in self.state.versions_with_id(schema.subject, schema.id)
            if each.deleted and each.version < schema.version
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
        if config.policy is CompatibilityPolicy.LOGICAL:
            texts += self._without_columns(schema)
        if level is not CompatibilityLevel.NONE:
            texts += self._against(level, config, schema, content, previous)
        if texts:
            texts.append(f"{{validateFields: '{str(strict).lower()}', compatibility: '{level}'}}")
        return texts

    def _without_columns(self, schema: Schema) -> list[str]:
        from ottla.registry.schemas.logical_policy import without_columns  # noqa: PLC0415 - few subjects ask for it

        if len(schema.canonical) < LARGE_CHARACTERS:
            return without_columns(schema)
        return self.schemas.long_work.made(("columns", schema), lambda: without_columns(schema))

    def _against(
        self,
        level: CompatibilityLevel,
        config: SubjectConfig,
        schema: Schema,
        content: SchemaContent,
        previous: Sequence[StoredSchema],
    ) -> list[str]:
        """What the newest of the versions that the schema does not get along with has against it."""
        compared = previous[::-1] if level.transitive else previous[-1:]
        # Groups are counted from the oldest version: one that comes in between leaves all but the first as they are.
        ends = range(len(compared) % COMPARED_VERSIONS, len(compared) + 1, COMPARED_VERSIONS)
        for end in ends:
            group = compared[max(0, end - COMPARED_VERSIONS) : end]
            if not group:
                continue
            comparison = _Comparison(level, config, schema, content, group, self.schemas.earlier(group))
            if comparison.is_short:
                texts = comparison.texts()
            else:
                key = ("compared", level, config.policy, schema, content.identity, *group)
                # What was compared in a thread is another object than this one when the decision is taken anew.
                comparison, texts = self.schemas.long_work.made(key, comparison.with_texts)
            self.schemas.keep(comparison.earlier)
            if texts:
                return texts
        return []


class _Comparison(NamedTuple):
    """A schema and some of its subject's versions, newest first."""

    level: CompatibilityLevel
    config: SubjectConfig
    schema: Schema
    content: SchemaContent
    group: Sequence[StoredSchema]
    earlier: EarlierSchemas

    @property
    def is_short(self) -> bool:
        """Whether it takes so little time that the loop can do it."""
        characters = sum(len(each.content.text) for each in self.group) + self.earlier.unparsed_characters
        return len(self.content.text) * len(self.group) + characters < COMPARED_CHARACTERS

    def texts(self) -> list[str]:
        """What the first version that does not get along with it has against it; in whatever thread."""
        reserved = reserved_fields(self.content.metadata)
        policy = self.config.policy or CompatibilityPolicy.STRICT
        for stored, parsed in zip(self.group, self.earlier, strict=True):
            found = check(
                self.level,
                self.schema,
                (parsed,),
                conditions=Conditions(policy=policy, reserved=reserved),
                previous_reserved=(reserved_fields(stored.content.metadata),),
            )
            if found:
                return [
                    *(each.text for each in found),
                    f"{{oldSchemaVersion: {stored.version}}}",
                    _old_schema(stored.content.text),
                ]
        return []

    def with_texts(self) -> tuple[_Comparison, list[str]]:
        return self, self.texts()


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
    elif submitted.propagates_tags and earlier is not None and earlier.type is submitted.type:
        text = with_tags_of(earlier.type, text or "", earlier.text)
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
