"""Deletions, settings and modes: what is refused, and what has to be written. No I/O.

Each function answers with the records and raises RegistryError. Confluent: KafkaSchemaRegistry.
"""

from __future__ import annotations

from ottla.registry import records
from ottla.registry.errors import (
    association_for_subject_exists,
    context_not_empty,
    no_active_version,
    not_permitted,
    reference_exists,
    subject_not_soft_deleted,
    version_not_soft_deleted,
)
from ottla.registry.json_fields import JsonObject
from ottla.registry.modes import Mode
from ottla.registry.records import StoredSchema
from ottla.registry.registration import Write, in_context_shown
from ottla.registry.state import RegistryState
from ottla.registry.subject_config import NOTHING_SET, SubjectConfig
from ottla.registry.subjects import GLOBAL_SUBJECT, context_of, context_subject


def delete_version(state: RegistryState, schema: StoredSchema, *, permanent: bool) -> list[Write]:
    """Delete one version, softly or for good."""
    subject = schema.subject
    _check_writable(state, subject)
    _check_unassociated(state, schema, permanent=permanent)
    if state.referencing(subject, schema.version, deleted=permanent):
        raise reference_exists(subject, schema.version)
    if permanent:
        if not schema.deleted:
            raise version_not_soft_deleted(subject, schema.version)
        writes = [*_remembered_ids(state, [schema]), _tombstone(state, schema)]
        if state.versions(subject, deleted=True) == [schema]:
            writes += _without_settings(state, subject)
        return writes
    deleted = StoredSchema(subject, schema.version, schema.id, schema.content, deleted=True)
    return [Write(state.key_of_version(subject, schema.version), records.schema_value(deleted))]


def delete_subject(state: RegistryState, subject: str, *, permanent: bool) -> tuple[list[int], list[Write]]:
    """Delete all versions; answers with these."""
    _check_writable(state, subject)
    if state.associations.of_subject(subject):
        raise association_for_subject_exists(subject)
    schemas = state.versions(subject, deleted=permanent)
    for schema in schemas:
        _check_unreferenced_elsewhere(state, schema, deleted=permanent)
        if permanent and not schema.deleted:
            raise subject_not_soft_deleted(subject)
    versions = [schema.version for schema in schemas]
    if permanent:
        return versions, _gone(state, subject, schemas)
    last = versions[-1] if versions else 0
    key = records.subject_key("DELETE_SUBJECT", subject)
    return versions, [Write(key, records.delete_subject_value(subject, last))]


def purge_subject(state: RegistryState, subject: str) -> list[Write]:
    """Delete all versions for good, whether they are deleted softly or not, and what is set for the subject."""
    _check_writable(state, subject)
    schemas = state.versions(subject, deleted=True)
    for schema in schemas:
        _check_unreferenced_elsewhere(state, schema, deleted=True)
    return _gone(state, subject, schemas)


def delete_context(state: RegistryState, context: str) -> list[Write]:
    """Forget a context that holds nothing, not even what is deleted softly."""
    if state.has_subjects(context_subject(context) or "", deleted=True):
        raise context_not_empty(context)
    return [Write(records.context_key(context), None)]


def set_config(
    state: RegistryState, subject: str | None, change: SubjectConfig, given: JsonObject
) -> list[Write]:
    """Change the fields that are given."""
    _check_writable(state, subject)
    config = (state.config(subject) or NOTHING_SET).updated(change, given)
    return [Write(state.key_of("CONFIG", subject), records.config_value(subject, config))]


def delete_config(state: RegistryState, subject: str | None) -> list[Write]:
    """Let the wider scope's settings hold."""
    _check_writable(state, subject)
    return [Write(state.key_of("CONFIG", subject), None)]


def set_mode(state: RegistryState, subject: str | None, mode: Mode, *, force: bool) -> list[Write]:
    """Change the mode. To import, there must be nothing under the subject or context, unless `force`."""
    if mode is Mode.FORWARD and subject not in {None, GLOBAL_SUBJECT}:
        raise not_permitted("Forward mode only supported on global level")
    writes: list[Write] = []
    if mode is Mode.IMPORT and state.mode_in_scope(subject) is not Mode.IMPORT and not force:
        writes = _cleared(state, subject)
    return [*writes, Write(state.key_of("MODE", subject), records.mode_value(subject, mode))]


def delete_mode(state: RegistryState, subject: str | None, *, recursive: bool) -> list[Write]:
    """Let the wider scope's mode hold; `recursive` also for all subjects of a context."""
    below = state.modes_below(subject) if recursive else []
    return [Write(state.key_of("MODE", each), None) for each in (subject, *below)]


def _cleared(state: RegistryState, subject: str | None) -> list[Write]:
    if state.has_subjects(subject):
        raise not_permitted("Cannot import since found existing subjects")
    schemas = [
        schema
        for name in state.matching(subject, deleted=True)
        for schema in state.versions(name, deleted=True)
    ]
    for schema in schemas:
        if state.referencing(schema.subject, schema.version):
            raise reference_exists(schema.subject, schema.version)
    clear = Write(records.subject_key("CLEAR_SUBJECT", subject), records.clear_subject_value(subject))
    return [*_remembered_ids(state, schemas), *(_tombstone(state, each) for each in schemas), clear]


def _remembered_ids(state: RegistryState, schemas: list[StoredSchema]) -> list[Write]:
    """Before the schema with a context's highest id goes for good, its id is kept where compaction leaves it."""
    for schema in schemas:
        context = context_of(schema.subject)
        if schema.id >= state.highest_id(context) and not state.vouches_for(context, schema.id):
            return [Write(records.NOOP_KEY, records.noop_value(state.highest_ids()))]
    return []


def _gone(state: RegistryState, subject: str, schemas: list[StoredSchema]) -> list[Write]:
    """The last first: it may refer to those before it, and none may refer to what is no more."""
    tombstones = [_tombstone(state, each) for each in reversed(schemas)]
    return [*_remembered_ids(state, schemas), *tombstones, *_without_settings(state, subject)]


def _tombstone(state: RegistryState, schema: StoredSchema) -> Write:
    return Write(state.key_of_version(schema.subject, schema.version), None)


def _without_settings(state: RegistryState, subject: str) -> list[Write]:
    writes = []
    if state.mode(subject) is not None:
        writes.append(Write(state.key_of("MODE", subject), None))
    if state.config(subject) is not None:
        writes.append(Write(state.key_of("CONFIG", subject), None))
    return writes


def _check_writable(state: RegistryState, subject: str | None) -> None:
    if state.mode_in_scope(subject).forbids_writes:
        raise not_permitted(
            f"Subject {subject} in context {in_context_shown(subject or '')} is in read-only mode"
        )


def _check_unassociated(state: RegistryState, schema: StoredSchema, *, permanent: bool) -> None:
    """A subject that resources are described by keeps a version, and what it ever had."""
    if not state.associations.of_subject(schema.subject):
        return
    if permanent:
        raise association_for_subject_exists(schema.subject)
    if all(each is schema for each in state.versions(schema.subject)):
        raise no_active_version(schema.subject)


def _check_unreferenced_elsewhere(state: RegistryState, schema: StoredSchema, *, deleted: bool) -> None:
    """A subject's own versions go together, whatever they refer to."""
    referrers = state.referrers(schema.subject, schema.version, deleted=deleted)
    if any(each.subject != schema.subject for each in referrers):
        raise reference_exists(schema.subject, schema.version)
