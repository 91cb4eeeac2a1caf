"""What requests about associations ask for, read from their bodies and checked field by field.

    {"resourceName": "orders", "resourceNamespace": "lkc-1", "resourceId": "lkc-1:orders", "resourceType": "topic",
     "associations": [{"associationType": "value", "subject": …, "lifecycle": "STRONG", "frozen": …, "schema": {…}}]}

Confluent: entities.requests.AssociationCreateOrUpdateRequest, AssociationOpRequest, AssociationGetRequest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ottla.registry import json_fields
from ottla.registry.associations import (
    ASSOCIATION_TYPES,
    TOPIC,
    VALUE,
    Lifecycle,
    Resource,
    Selection,
)
from ottla.registry.associations_changes import Wanted
from ottla.registry.errors import invalid_association
from ottla.registry.json_fields import JsonObject
from ottla.registry.rest.subjects import submitted_in
from ottla.registry.subjects import is_valid


class Operation(StrEnum):
    """What a batch does with an association."""

    CREATE = "CREATE"
    UPSERT = "UPSERT"
    DELETE = "DELETE"


def resource_in(body: JsonObject, *, dry_run: bool) -> Resource:
    """The resource of a body; raises 42212. No id is needed for a dry run."""
    json_fields.check_characters(body, "resourceName", "resourceNamespace", "resourceId", "resourceType")
    name, namespace = (_name(body, field) for field in ("resourceName", "resourceNamespace"))
    resource_id = json_fields.text(body, "resourceId")
    if not resource_id and not dry_run:
        raise invalid_association("resourceId", "cannot be null or empty")
    return Resource(name, namespace, resource_id or None, _resource_type(body))


def _name(body: JsonObject, field: str) -> str:
    name = json_fields.text(body, field)
    if not name:
        raise invalid_association(field, "cannot be null or empty")
    if any(ord(each) < 32 or 127 <= ord(each) < 160 for each in name):
        raise invalid_association(field, "cannot contain control characters")
    return name


def _resource_type(body: JsonObject) -> str:
    resource_type = json_fields.text(body, "resourceType") or TOPIC
    if resource_type != TOPIC:
        raise invalid_association("resourceType", f"must be '{TOPIC}'")
    return resource_type


def wanted_in(body: JsonObject, resource: Resource) -> list[Wanted]:
    """The associations of a body; raises 42212."""
    wanted = [_wanted(each, resource) for each in _associations(body)]
    _check_frozen_alike(wanted)
    return wanted


def operations_in(body: JsonObject, resource: Resource) -> list[tuple[Operation, Wanted]]:
    """What one request of a batch does, in its order; raises 42212."""
    operations = [(_operation(each), _wanted(each, resource)) for each in _associations(body)]
    _check_frozen_alike([wanted for operation, wanted in operations if operation is not Operation.DELETE])
    return operations


def _associations(body: JsonObject) -> list[JsonObject]:
    associations = json_fields.objects(body, "associations")
    if not associations:
        raise invalid_association("associations", "cannot be null or empty")
    return associations


def _operation(fields: JsonObject) -> Operation:
    name = json_fields.text(fields, "opType") or ""
    if name not in Operation.__members__:
        raise invalid_association("opType", f"must be one of {', '.join(Operation)}")
    return Operation(name)


def _wanted(fields: JsonObject, resource: Resource) -> Wanted:
    json_fields.check_characters(fields, "subject", "associationType", "lifecycle")
    association_type = json_fields.text(fields, "associationType") or VALUE
    if association_type not in ASSOCIATION_TYPES:
        raise invalid_association(
            "associationType", f"must be one of {', '.join(repr(each) for each in ASSOCIATION_TYPES)}"
        )
    subject = json_fields.text(fields, "subject")
    if subject is not None and not is_valid(subject):
        raise invalid_association("subject", f"'{subject}' is no valid name of a subject")
    lifecycle, frozen = lifecycle_in(fields), json_fields.boolean(fields, "frozen")
    if frozen and lifecycle is Lifecycle.WEAK:
        raise invalid_association("frozen", "association with lifecycle of WEAK cannot be frozen")
    default = resource.default_subject(association_type)
    if frozen and subject not in {None, default}:
        raise invalid_association("subject", f"frozen associations must use subject '{default}'")
    schema = json_fields.mapping(fields, "schema")
    return Wanted(
        subject,
        association_type,
        lifecycle,
        frozen,
        None if schema is None else submitted_in(schema),
        bool(json_fields.boolean(fields, "normalize")),
    )


def lifecycle_in(fields: JsonObject) -> Lifecycle | None:
    """Raises 42212 for one there is none of."""
    name = json_fields.text(fields, "lifecycle")
    if name is None:
        return None
    if name not in Lifecycle.__members__:
        raise invalid_association("lifecycle", f"must be one of {', '.join(Lifecycle)}")
    return Lifecycle(name)


def _check_frozen_alike(wanted: list[Wanted]) -> None:
    if len({each.frozen for each in wanted if each.frozen is not None}) > 1:
        raise invalid_association(
            "frozen", "all associations for a resource must be consistently frozen or non-frozen"
        )


class Query(NamedTuple):
    """One request of a `batchGet`: by the resource's id, else by its name."""

    name: str | None
    namespace: str | None
    resource_id: str | None
    selection: Selection


def query_in(body: JsonObject) -> Query:
    """Raises 42212."""
    resource_id = json_fields.text(body, "resourceId") or None
    name = json_fields.text(body, "resourceName") or None
    if resource_id is None and name is None:
        raise invalid_association("resourceName", "cannot be null or empty")
    lifecycle = lifecycle_in(body)
    return Query(
        name,
        json_fields.text(body, "resourceNamespace") or None,
        resource_id,
        Selection(
            _resource_type(body),
            tuple(json_fields.texts(body, "associationTypes")),
            () if lifecycle is None else (lifecycle,),
        ),
    )


def requests_in(body: JsonObject) -> list[JsonObject]:
    """The requests of a batch; raises 42212 where there are none."""
    requests = json_fields.objects(body, "requests")
    if not requests:
        raise invalid_association("requests", "cannot be null or empty")
    return requests
