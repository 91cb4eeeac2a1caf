"""`/associations`: which subjects describe the keys and values of which topics.

Confluent: AssociationsResource.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import uuid4

from ottla.registry import associations_changes
from ottla.registry.associations import ANY_NAMESPACE, TOPIC, Association, Resource, Selection
from ottla.registry.associations_changes import Wanted
from ottla.registry.errors import (
    RegistryError,
    association_not_found,
    batch_too_long,
    invalid_association,
)
from ottla.registry.json_fields import Json, JsonObject
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Associated, Registry
from ottla.registry.rest.association_bodies import (
    Operation,
    Query,
    operations_in,
    query_in,
    requests_in,
    resource_in,
    wanted_in,
)
from ottla.registry.rest.association_queries import selection_of
from ottla.registry.rest.messages import Answer, Request, json_answer, page
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import subject_of
from ottla.registry.subjects import DEFAULT_CONTEXT, context_name

MAX_BATCH_REQUESTS: Final = 1_000
"""As many resources as one batch changes or looks up."""

_TOLD_IN_BATCH: Final = frozenset({40901, 40903, 40904, 40905, 40907, 40908, 42209, 42212})
"""What keeps its code in the results of a batch."""
_INVALID_SCHEMA: Final = 42201
_INVALID_ASSOCIATION: Final = 42212


@route("GET", "/associations/subjects/{subject}")
def of_subject(registry: Registry, request: Request) -> Answer:
    """The associations of a subject."""
    subject = subject_of(registry, request)
    return _listed(registry, registry.state.associations.of_subject(subject, selection_of(request)), request)


@route("GET", "/associations/resources/{resourceId}")
def of_resource(registry: Registry, request: Request) -> Answer:
    """The associations of a resource by its id."""
    resource_id = request.parameters["resourceId"]
    return _listed(
        registry, registry.state.associations.of_resource(resource_id, selection_of(request)), request
    )


@route("GET", "/associations/resources/{resourceNamespace}/{resourceName}")
def of_resource_name(registry: Registry, request: Request) -> Answer:
    """The associations of a resource by its name; the namespace `-` stands for any."""
    # The router knows a place in a path by the first name that a route gives it.
    namespace = request.parameters["resourceId"]
    found = registry.state.associations.named(
        request.parameters["resourceName"], namespace, selection_of(request)
    )
    return _listed(registry, found, request)


@route("POST", "/associations", writes=True)
async def create(registry: Registry, request: Request) -> Answer:
    """Makes associations, and registers the schemas that come with them; what is there already may not differ."""
    body, dry_run = request.json(), request.flag("dryRun")
    resource = resource_in(body, dry_run=dry_run)
    return await _associated(registry, request, resource, wanted_in(body, resource), create_only=True)


@route("PUT", "/associations/resources/{resourceId}", writes=True)
async def create_or_update(registry: Registry, request: Request) -> Answer:
    """The same, and changes the lifecycle of associations that are there."""
    resource_id = request.parameters["resourceId"]
    body: JsonObject = {**request.json()}
    if body.get("resourceId") is None:
        body["resourceId"] = resource_id
    if body["resourceId"] != resource_id:
        raise invalid_association(
            "resourceId",
            "Resource ID in the path parameter does not match the resource ID in the request body",
        )
    resource = resource_in(body, dry_run=request.flag("dryRun"))
    return await _associated(registry, request, resource, wanted_in(body, resource), create_only=False)


@route("DELETE", "/associations/resources/{resourceId}", writes=True)
async def delete(registry: Registry, request: Request) -> Answer:
    """Deletes associations of a resource; `cascadeLifecycle` with the subjects of those that are STRONG."""
    resource_id, selection = request.parameters["resourceId"], selection_of(request)
    if not registry.state.associations.of_resource(resource_id, selection):
        raise association_not_found(resource_id)
    await _delete(
        registry,
        resource_id,
        selection,
        cascade_lifecycle=request.flag("cascadeLifecycle"),
        dry_run=request.flag("dryRun"),
    )
    return Answer(status=204)


@route("POST", "/associations:batchGet")
def batch_get(registry: Registry, request: Request) -> Answer:
    """The associations of many resources; with `includeSchemas` also the latest schemas of their subjects."""
    queries = requests_in(request.json())
    if len(queries) > MAX_BATCH_REQUESTS:
        raise batch_too_long()
    results: list[Json] = []
    for body in queries:
        try:
            found = _looked_up(registry, request, query_in(body))
            results.append({"result": found})
        except RegistryError as error:
            results.append(_error(500, f"Error while getting associations: {error.message}"))
    return json_answer({"results": results})


@route("POST", "/associations:batchMutate", writes=True)
async def batch_mutate(registry: Registry, request: Request) -> Answer:
    """Makes, changes and deletes associations of many resources, each resource for itself."""
    bodies = requests_in(request.json())
    if len(bodies) > MAX_BATCH_REQUESTS:
        raise batch_too_long()
    return json_answer({"results": [await _mutated(registry, request, body) for body in bodies]})


def _listed(registry: Registry, associations: list[Association], request: Request) -> Answer:
    shown = [each for each in associations if request.sees(each.subject)]
    return json_answer([each.as_json() for each in page(shown, request, registry.facts.limits.schemas)])


def _context(request: Request) -> str:
    given = request.text("context")
    return context_name(given) if given else DEFAULT_CONTEXT


async def _associated(
    registry: Registry, request: Request, resource: Resource, wanted: list[Wanted], *, create_only: bool
) -> Answer:
    done = await _associate(registry, request, resource, wanted, create_only=create_only)
    return json_answer(_resource_as_json(resource, done.associations, done.schemas))


async def _associate(
    registry: Registry, request: Request, resource: Resource, wanted: list[Wanted], *, create_only: bool
) -> Associated:
    context = _context(request)

    def decide() -> associations_changes.Plan:
        return associations_changes.decide(
            registry.catalogue,
            resource,
            wanted,
            context=context,
            create_only=create_only,
            new_guid=lambda: str(uuid4()),
            now_ms=int(time.time() * 1000),
        )

    if request.flag("dryRun"):
        await registry.work.decided(decide)
        return Associated([], {})
    return await registry.associate(
        lambda: associations_changes.keys(registry.state, resource, wanted, context=context), decide
    )


async def _delete(
    registry: Registry, resource_id: str, selection: Selection, *, cascade_lifecycle: bool, dry_run: bool
) -> None:
    if dry_run:
        associations_changes.delete(
            registry.state, resource_id, selection, cascade_lifecycle=cascade_lifecycle
        )
    else:
        await registry.delete_associations(resource_id, selection, cascade_lifecycle=cascade_lifecycle)


async def _mutated(registry: Registry, request: Request, body: JsonObject) -> JsonObject:
    """The result of one request of a batch; what came before one that is refused stays."""
    dry_run = request.flag("dryRun")
    schemas: dict[str, StoredSchema] = {}
    try:
        resource = resource_in(body, dry_run=dry_run)
        for operation, wanted in operations_in(body, resource):
            if operation is Operation.DELETE:
                selection = Selection(resource.type, (wanted.type,))
                if registry.state.associations.of_resource(resource.id, selection):
                    await _delete(
                        registry, resource.id or "", selection, cascade_lifecycle=False, dry_run=dry_run
                    )
                continue
            create_only = operation is Operation.CREATE
            done = await _associate(registry, request, resource, [wanted], create_only=create_only)
            schemas |= done.schemas
    except RegistryError as error:
        if error.code in _TOLD_IN_BATCH:
            return _error(error.code, error.message)
        if error.code == _INVALID_SCHEMA:
            return _error(_INVALID_ASSOCIATION, error.message)
        return _error(500, f"Error while creating association: {error.message}")
    found = [] if dry_run else registry.state.associations.of_resource(resource.id, Selection(resource.type))
    return {"result": _resource_as_json(resource, found, schemas)}


def _looked_up(registry: Registry, request: Request, query: Query) -> JsonObject:
    known = registry.state.associations
    if query.resource_id is not None:
        found = known.of_resource(query.resource_id, query.selection)
    else:
        found = known.named(query.name or "", query.namespace or ANY_NAMESPACE, query.selection)
    found = [each for each in found if request.sees(each.subject)]
    first = found[0].resource if found else None
    resource = Resource(
        query.name or (first.name if first else ""),
        query.namespace or (first.namespace if first else ""),
        query.resource_id or (first.id if first else None),
        query.selection.resource_type or TOPIC,
    )
    schemas = {}
    if request.flag("includeSchemas"):
        latest = {each.type: registry.state.latest(each.subject) for each in found}
        schemas = {name: schema for name, schema in latest.items() if schema is not None}
    return _resource_as_json(resource, found, schemas)


def _resource_as_json(
    resource: Resource, associations: list[Association], schemas: dict[str, StoredSchema]
) -> JsonObject:
    listed: list[Json] = []
    for each in associations:
        parts: JsonObject = {
            "subject": each.subject,
            "associationType": each.type,
            "lifecycle": each.lifecycle,
            "frozen": each.frozen,
        }
        if each.type in schemas:
            parts["schema"] = schemas[each.type].as_json()
        listed.append(parts)
    answer = resource.as_json()
    if listed:
        answer["associations"] = listed
    return answer


def _error(code: int, message: str) -> JsonObject:
    return {"error": {"error_code": code, "message": message.encode("utf-8", "replace").decode()}}
