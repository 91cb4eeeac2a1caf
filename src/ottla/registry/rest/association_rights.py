"""What requests about associations ask of rights: those of the subjects that they would tie to a topic, or untie from one."""

from __future__ import annotations

from collections.abc import Iterator

from ottla.registry.acls import Operation
from ottla.registry.associations import Association, Lifecycle, Selection
from ottla.registry.json_fields import JsonObject
from ottla.registry.registry import Registry
from ottla.registry.rest.association_bodies import Operation as Change
from ottla.registry.rest.association_bodies import operations_in, requests_in, resource_in, wanted_in
from ottla.registry.rest.association_queries import selection_of
from ottla.registry.rest.messages import Request
from ottla.registry.subjects import DEFAULT_CONTEXT, context_name, context_of, in_context, normalized

_WRITE = Operation.SUBJECT_WRITE


def changed(registry: Registry, request: Request) -> Iterator[tuple[Operation, str]]:
    """For one resource: its associations' subjects as they are, and as the body wants them."""
    body = request.json()
    given = request.parameters.get("resourceId")
    yield from _changed_by(registry, request, body if given is None else {"resourceId": given, **body})


def changed_in_batch(registry: Registry, request: Request) -> Iterator[tuple[Operation, str]]:
    """For many resources at once: who may not change one changes none."""
    for body in requests_in(request.json()):
        yield from _changed_by(registry, request, body)


def deleted(registry: Registry, request: Request) -> Iterator[tuple[Operation, str]]:
    """For what is deleted; with its subjects, where they go too."""
    cascades = request.flag("cascadeLifecycle")
    for each in _of(registry, request.parameters["resourceId"], selection_of(request)):
        yield _WRITE, each.subject
        if cascades and each.lifecycle is Lifecycle.STRONG:
            yield Operation.SUBJECT_DELETE, each.subject


def _changed_by(registry: Registry, request: Request, body: JsonObject) -> Iterator[tuple[Operation, str]]:
    resource = resource_in(body, dry_run=request.flag("dryRun"))
    context = context_name(given) if (given := request.text("context")) else DEFAULT_CONTEXT
    is_batch = any("opType" in each for each in _objects(body))
    wanted = (
        [each for change, each in operations_in(body, resource) if change is not Change.DELETE]
        if is_batch
        else wanted_in(body, resource)
    )
    for each in wanted:
        subject = in_context(context, each.subject or resource.default_subject(each.type))
        subject = registry.state.alias_target(normalized(subject))
        yield _WRITE, subject
        # A schema finds what it refers to in its subject's context, whatever the request's is.
        for reference in each.schema.references if each.schema is not None else ():
            yield Operation.SUBJECT_READ, normalized(in_context(context_of(subject), reference.subject))
    for held in _of(registry, resource.id or "", Selection(resource.type)):
        yield _WRITE, held.subject


def _objects(body: JsonObject) -> list[JsonObject]:
    listed = body.get("associations")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _of(registry: Registry, resource_id: str, selection: Selection) -> list[Association]:
    return registry.state.associations.of_resource(resource_id, selection)
