"""Associations made, changed and deleted: what is refused, and what has to be written. No I/O.

    wanted ─▶ aliases, contexts ─▶ against what the resource has ─▶ against what the subject has ─▶ schemas compatible?
           ─▶ the schemas to register, then the records

All of a request's associations are decided before the first of its schemas is registered.
Confluent: KafkaSchemaRegistry.createOrUpdateAssociation, deleteAssociations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ottla.registry import changes, records
from ottla.registry.associations import Association, Lifecycle, Resource, Selection
from ottla.registry.errors import (
    RegistryError,
    association_for_resource_exists,
    association_for_subject_exists,
    association_frozen,
    invalid_association,
    invalid_schema,
    no_active_version,
    not_permitted,
    strong_association_exists,
)
from ottla.registry.registration import Catalogue, Submitted, Write
from ottla.registry.state import RegistryState
from ottla.registry.subjects import DEFAULT_CONTEXT, in_context, normalized, qualified


class Wanted(NamedTuple):
    """One association as a request asks for it; what is None is left as it is, or to the default."""

    subject: str | None
    type: str
    lifecycle: Lifecycle | None = None
    frozen: bool | None = None
    schema: Submitted | None = None
    normalize: bool = False


class Registration(NamedTuple):
    """A schema to register before the associations are written."""

    association_type: str
    subject: str
    schema: Submitted
    normalize: bool


class Plan(NamedTuple):
    """What a request comes to."""

    registrations: list[Registration]
    associations: list[Association]
    """All that were asked for, as they are when it is done."""
    writes: list[Write]


def decide(
    catalogue: Catalogue,
    resource: Resource,
    wanted: Sequence[Wanted],
    *,
    context: str = DEFAULT_CONTEXT,
    create_only: bool,
    new_guid: Callable[[], str],
    now_ms: int,
) -> Plan:
    """Make associations, or change those that are there unless `create_only`. Raises RegistryError."""
    state = catalogue.state
    wanted = [_placed(state, resource, each, context) for each in wanted]
    _check_types_differ(wanted)
    existing = {each.type: each for each in state.associations.of_resource(resource.id, _of(resource))}
    frozen = next((each.frozen for each in existing.values()), None)
    for each in wanted:
        _check_frozen_alike(each, frozen)
        frozen = each.frozen if frozen is None else frozen
        _check_against_resource(catalogue, resource, each, existing.get(each.type), create_only=create_only)
    completed = [_completed(resource, each, existing.get(each.type)) for each in wanted]
    for complete in completed:
        _check_against_subject(state, complete, existing.get(complete.type))
    for complete in completed:
        _check_compatible(catalogue, complete)
    associations = [
        _association(resource, each, existing.get(each.type), new_guid, now_ms) for each in completed
    ]
    return Plan(_registrations(state, completed), associations, _writes(state, associations, existing))


def keys(
    state: RegistryState, resource: Resource, wanted: Sequence[Wanted], *, context: str = DEFAULT_CONTEXT
) -> list[str]:
    """What nobody else may write to while this is decided and written: the subjects and the resource."""
    # No subject's name holds a control character.
    return [f"resource\0{resource.id}", *(_subject(state, resource, each, context) for each in wanted)]


def delete(
    state: RegistryState, resource_id: str, selection: Selection, *, cascade_lifecycle: bool
) -> list[Write]:
    """Delete a resource's associations; `cascade_lifecycle` with the subjects of the STRONG ones, for good."""
    associations = state.associations.of_resource(resource_id, selection)
    for each in associations:
        _check_writable(state, each.subject)
        if each.frozen and not cascade_lifecycle:
            raise association_frozen(each.type, each.subject)
    writes: list[Write] = []
    for each in associations:
        # The association goes last: a primary that ends in between leaves something to delete again.
        if (
            cascade_lifecycle
            and each.lifecycle is Lifecycle.STRONG
            and not state.mode_in_scope(each.subject).takes_ids
        ):
            writes += changes.purge_subject(state, each.subject)
        writes += [Write(key, None) for key in state.associations.keys_of(each)]
    return writes


def _of(resource: Resource) -> Selection:
    return Selection(resource.type)


def _placed(state: RegistryState, resource: Resource, wanted: Wanted, context: str) -> Wanted:
    """With its subject's full name."""
    subject = _subject(state, resource, wanted, context)
    _check_writable(state, subject)
    return wanted._replace(subject=subject)


def _subject(state: RegistryState, resource: Resource, wanted: Wanted, context: str) -> str:
    """In its context, and whom an alias stands for."""
    subject = wanted.subject or resource.default_subject(wanted.type)
    return state.alias_target(normalized(in_context(context, subject)))


def _check_writable(state: RegistryState, subject: str) -> None:
    if state.mode_in_scope(subject).forbids_writes:
        place = qualified(subject)
        raise not_permitted(f"Subject {place.name} in context {place.context} is in read-only mode")


def _check_types_differ(wanted: Sequence[Wanted]) -> None:
    types = set()
    for each in wanted:
        if each.type in types:
            raise invalid_association("associationType", f"Duplicate association type: {each.type}")
        types.add(each.type)


def _check_frozen_alike(wanted: Wanted, frozen: bool | None) -> None:
    if frozen is not None and wanted.frozen is not None and wanted.frozen != frozen:
        raise invalid_association(
            "frozen", "all associations for a resource must be consistently frozen or non-frozen"
        )


def _check_against_resource(
    catalogue: Catalogue,
    resource: Resource,
    wanted: Wanted,
    existing: Association | None,
    *,
    create_only: bool,
) -> None:
    default = resource.default_subject(wanted.type)
    lifecycle = existing.lifecycle if existing is not None else _lifecycle(resource, wanted)
    if wanted.subject == default and lifecycle is not Lifecycle.STRONG:
        raise invalid_association("subject", f"subject '{default}' is only allowed for strong associations")
    if wanted.subject != default and (existing.frozen if existing is not None else wanted.frozen):
        raise invalid_association("subject", f"frozen associations must use subject '{default}'")
    if existing is None:
        _check_new(catalogue.state, wanted)
    elif not _is_equivalent(existing, wanted):
        if create_only:
            raise association_for_resource_exists(existing.type, existing.resource.name)
        _check_change(existing, wanted, default)
    elif create_only and wanted.schema is not None:
        found = catalogue.look_up(existing.subject, wanted.schema, normalize=wanted.normalize)
        if found is None:
            raise association_for_resource_exists(existing.type, existing.resource.name)


def _check_new(state: RegistryState, wanted: Wanted) -> None:
    if wanted.frozen:
        if wanted.schema is None:
            raise invalid_association("schema", "schema must be provided when creating a frozen association")
        if state.latest(wanted.subject or "") is not None:
            raise invalid_association(
                "frozen", "cannot create a frozen association when schemas already exist in the subject"
            )


def _is_equivalent(existing: Association, wanted: Wanted) -> bool:
    return (
        existing.subject == wanted.subject
        and wanted.lifecycle in {None, existing.lifecycle}
        and wanted.frozen in {None, existing.frozen}
    )


def _check_change(existing: Association, wanted: Wanted, default: str) -> None:
    """Only the lifecycle may change."""
    if existing.subject != wanted.subject:
        raise invalid_association("subject", "subject of association cannot be changed")
    if wanted.lifecycle is Lifecycle.WEAK and existing.subject == default:
        raise invalid_association(
            "lifecycle", f"cannot change to WEAK when subject matches default format '{default}'"
        )
    if wanted.frozen not in {None, existing.frozen}:
        raise invalid_association("frozen", "frozen attribute of association cannot be changed")
    if existing.frozen:
        raise association_frozen(existing.type, existing.subject)


def _lifecycle(resource: Resource, wanted: Wanted) -> Lifecycle:
    """A subject that is named for the resource is its own."""
    if wanted.lifecycle is not None:
        return wanted.lifecycle
    own = wanted.frozen or wanted.subject == resource.default_subject(wanted.type)
    return Lifecycle.STRONG if own else Lifecycle.WEAK


class _Complete(NamedTuple):
    """An association with nothing left open."""

    subject: str
    type: str
    lifecycle: Lifecycle
    frozen: bool
    schema: Submitted | None
    normalize: bool


def _completed(resource: Resource, wanted: Wanted, existing: Association | None) -> _Complete:
    if existing is None:
        lifecycle, frozen = _lifecycle(resource, wanted), bool(wanted.frozen)
    else:
        lifecycle, frozen = wanted.lifecycle or existing.lifecycle, existing.frozen
    return _Complete(wanted.subject or "", wanted.type, lifecycle, frozen, wanted.schema, wanted.normalize)


def _check_against_subject(state: RegistryState, wanted: _Complete, existing: Association | None) -> None:
    if wanted.schema is None and state.latest(wanted.subject) is None:
        raise no_active_version(wanted.subject)
    others = [each for each in state.associations.of_subject(wanted.subject) if each != existing]
    if wanted.lifecycle is Lifecycle.STRONG:
        if others:
            raise association_for_subject_exists(wanted.subject)
        return
    if wanted.frozen:
        raise invalid_association("frozen", "association with lifecycle of WEAK cannot be frozen")
    if any(each.lifecycle is Lifecycle.STRONG for each in others):
        raise strong_association_exists(wanted.subject)


def _check_compatible(catalogue: Catalogue, wanted: _Complete) -> None:
    """As the registration would, but before anything is written."""
    state, subject = catalogue.state, wanted.subject
    if wanted.schema is None or state.mode_in_scope(subject).takes_ids:
        return
    if wanted.schema.is_empty:
        raise invalid_schema("Empty schema")
    config = state.config_in_scope(subject)
    new = config.validate_new_schemas is not False
    schema, content = catalogue.canonical(subject, wanted.schema, normalize=wanted.normalize, new=new)
    previous = catalogue.earlier_versions(subject, config)
    texts = catalogue.incompatibilities(config, schema, content, previous)
    if texts:
        raise RegistryError(40901, f"[{', '.join(texts)}]")


def _registrations(state: RegistryState, wanted: Sequence[_Complete]) -> list[Registration]:
    """Where schemas come with ids of their own, they come from elsewhere."""
    return [
        Registration(each.type, each.subject, each.schema, each.normalize)
        for each in wanted
        if each.schema is not None and not state.mode_in_scope(each.subject).takes_ids
    ]


def _association(
    resource: Resource,
    wanted: _Complete,
    existing: Association | None,
    new_guid: Callable[[], str],
    now_ms: int,
) -> Association:
    if existing is not None:
        return existing._replace(lifecycle=wanted.lifecycle)
    return Association(
        wanted.subject, new_guid(), resource, wanted.type, wanted.lifecycle, wanted.frozen, now_ms
    )


def _writes(
    state: RegistryState, associations: Sequence[Association], existing: dict[str, Association]
) -> list[Write]:
    writes = []
    for each in associations:
        before = existing.get(each.type)
        if before == each:
            continue
        own_key = records.association_key(each)
        keys = state.associations.keys_of(before) if before is not None else []
        writes.append(Write(own_key, records.association_value(each)))
        # An older registry's key has fewer fields: left alone it would come back.
        writes += [Write(key, None) for key in keys if key != own_key]
    return writes
