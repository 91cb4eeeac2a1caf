"""`/schemas`: by id, by GUID, or all of them."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from ottla.registry.errors import schema_not_found
from ottla.registry.json_fields import JsonObject
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer, page, path_integer
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import formatted
from ottla.registry.subjects import ALL_CONTEXTS, context_of, normalized

SEARCH_LIMIT = 1_000
"""As many schemas as one answer lists (`schema.search.max.limit` of the original)."""


def holders_of_id(registry: Registry, request: Request) -> tuple[StoredSchema, ...]:
    """All versions that have the id of the path, the one that `subject` asks for first; raises 40403."""
    schema_id = path_integer(request.parameters["id"])
    subject = request.text("subject")
    if subject is not None:
        subject = registry.state.alias_target(normalized(subject))
    holders = registry.state.find_id(schema_id, subject)
    if not holders:
        raise schema_not_found(schema_id)
    return holders


@route("GET", "/schemas/types")
def types(_registry: Registry, _request: Request) -> Answer:
    """The languages of schemas."""
    return json_answer(["JSON", "PROTOBUF", "AVRO"])


@route("GET", "/schemas/ids/{id}")
def by_id(registry: Registry, request: Request) -> Answer:
    """A schema; with `fetchMaxId` also the highest id of its context."""
    schema = holders_of_id(registry, request)[0]
    parts = _without_place(formatted(registry, schema, request))
    if request.flag("fetchMaxId"):
        parts["maxId"] = registry.state.highest_id(context_of(schema.subject))
    return json_answer(parts)


def _without_place(parts: JsonObject) -> JsonObject:
    for name in ("id", "deleted"):
        parts.pop(name, None)
    return parts


@route("GET", "/schemas/ids/{id}/schema")
def text_by_id(registry: Registry, request: Request) -> Answer:
    """A schema's text, and nothing around it."""
    text = formatted(registry, holders_of_id(registry, request)[0], request)["schema"]
    return Answer(str(text).encode("utf-8", "surrogatepass"))


@route("GET", "/schemas/ids/{id}/subjects")
def subjects_of_id(registry: Registry, request: Request) -> Answer:
    """The subjects that have the id."""
    names = [each.subject for each in _shown(registry, request)]
    return json_answer(list(page(list(dict.fromkeys(names)), request)))


@route("GET", "/schemas/ids/{id}/versions")
def versions_of_id(registry: Registry, request: Request) -> Answer:
    """Subject and version wherever the id is."""
    shown = page(_shown(registry, request), request)
    return json_answer([{"subject": each.subject, "version": each.version} for each in shown])


def _shown(registry: Registry, request: Request) -> list[StoredSchema]:
    deleted = request.flag("deleted")
    return [each for each in holders_of_id(registry, request) if deleted or not each.deleted]


def _ids_of_guid(registry: Registry, request: Request) -> list[tuple[str, int]]:
    guid = request.parameters["guid"]
    try:
        found = registry.state.ids_of_guid(UUID(guid).bytes)
    except ValueError:
        found = []
    if not found:
        raise schema_not_found(guid)
    return found


@route("GET", "/schemas/guids/{guid}")
def by_guid(registry: Registry, request: Request) -> Answer:
    """A schema by the hash of its content, which is the same in every registry."""
    context, schema_id = _ids_of_guid(registry, request)[0]
    parts = formatted(registry, registry.state.with_id(context, schema_id)[0], request)
    for name in ("subject", "version"):
        parts.pop(name)
    return json_answer(_without_place(parts))


@route("GET", "/schemas/guids/{guid}/ids")
def ids_of_guid(registry: Registry, request: Request) -> Answer:
    """Context and id wherever the content is."""
    found = sorted(_ids_of_guid(registry, request))
    return json_answer([{"context": context, "id": schema_id} for context, schema_id in found])


@route("GET", "/schemas")
def search(registry: Registry, request: Request) -> Answer:
    """All versions, `latestOnly` or with what is `deleted`; `ruleType` those with such a rule."""
    state, deleted = registry.state, request.flag("deleted")
    prefix = request.text("subjectPrefix")
    names = state.names_with_prefix(ALL_CONTEXTS if prefix is None else prefix)
    found = (state.versions(name, deleted=deleted) for name in names)
    if request.flag("latestOnly"):
        found = (versions[-1:] for versions in found)
    rule_type = request.text("ruleType")
    schemas = [each for each in chain.from_iterable(found) if rule_type is None or _has_rule(each, rule_type)]
    shown = [each.as_json() for each in page(schemas, request, SEARCH_LIMIT)]
    if request.flag("aliases"):
        aliases = state.aliases()
        for parts in shown:
            parts["aliases"] = [*aliases.get(str(parts["subject"]), ())]
    return json_answer([*shown])


def _has_rule(schema: StoredSchema, rule_type: str) -> bool:
    return schema.content.rule_set is not None and schema.content.rule_set.has_type(rule_type)
