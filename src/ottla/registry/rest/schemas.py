"""`/schemas`: by id, by GUID, or all of them."""

from __future__ import annotations

from itertools import chain
from uuid import UUID

from ottla.registry.errors import schema_not_found
from ottla.registry.json_fields import JsonObject
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Registry
from ottla.registry.rest.association_queries import selection_of
from ottla.registry.rest.messages import Answer, Request, json_answer, page, path_integer
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import formatted
from ottla.registry.subjects import ALL_CONTEXTS, context_of, has_prefix, normalized

_OF_SERIALIZERS = frozenset({"subject", "fetchMaxId"})
"""What deserializers ask by; their answers are kept."""
_ASSOCIATION_PARAMETERS = frozenset({"resourceType", "associationType", "lifecycle"})


def holders_of_id(registry: Registry, request: Request) -> tuple[StoredSchema, ...]:
    """All versions that have the id of the path, the one that `subject` asks for first; raises 40403."""
    schema_id = path_integer(request.parameters["id"])
    subject = request.text("subject")
    if subject is not None:
        subject = registry.state.alias_target(normalized(subject))
    holders = registry.state.find_id(schema_id, subject)
    if request.rights is not None:
        holders = tuple(each for each in holders if request.sees(each.subject))
    if not holders:
        raise schema_not_found(schema_id)
    return holders


def holder_of_id(registry: Registry, request: Request) -> StoredSchema:
    """The version by which the id of the path is told; raises 40403."""
    if request.rights is not None:
        return holders_of_id(registry, request)[0]
    schema_id = path_integer(request.parameters["id"])
    subject = request.text("subject")
    if subject is not None:
        subject = registry.state.alias_target(normalized(subject))
    holder = registry.state.found_by_id(schema_id, subject)
    if holder is None:
        raise schema_not_found(schema_id)
    return holder


@route("GET", "/schemas/types")
def types(_registry: Registry, _request: Request) -> Answer:
    """The languages of schemas."""
    return json_answer(["JSON", "PROTOBUF", "AVRO"])


@route("GET", "/schemas/ids/{id}")
def by_id(registry: Registry, request: Request) -> Answer:
    """A schema; with `fetchMaxId` also the highest id of its context."""
    schema = holder_of_id(registry, request)
    if request.query.keys() <= _OF_SERIALIZERS and not request.flag("fetchMaxId"):
        kind = "by id" if request.text("subject") is None else "by id, with its place"
        return Answer(registry.answers.of(schema, kind, lambda: _by_id(registry, schema, request).body))
    return _by_id(registry, schema, request)


def _by_id(registry: Registry, schema: StoredSchema, request: Request) -> Answer:
    parts = _without_id(formatted(registry, schema, request))
    if request.text("subject") is None:
        parts = _without_place(parts)
    if request.flag("fetchMaxId"):
        parts["maxId"] = registry.state.highest_id(context_of(schema.subject))
    return json_answer(parts)


def _without_id(parts: JsonObject) -> JsonObject:
    return {name: value for name, value in parts.items() if name not in {"id", "deleted"}}


def _without_place(parts: JsonObject) -> JsonObject:
    """One of many places has the content: none is told unless it was asked for."""
    return {name: value for name, value in parts.items() if name not in {"subject", "version"}}


@route("GET", "/schemas/ids/{id}/schema")
def text_by_id(registry: Registry, request: Request) -> Answer:
    """A schema's text, and nothing around it."""
    text = formatted(registry, holder_of_id(registry, request), request)["schema"]
    return Answer(str(text).encode("utf-8", "surrogatepass"))


@route("GET", "/schemas/ids/{id}/subjects")
def subjects_of_id(registry: Registry, request: Request) -> Answer:
    """The subjects that have the id."""
    names = [each.subject for each in _shown(registry, request)]
    return json_answer(list(page(list(dict.fromkeys(names)), request, registry.facts.limits.subjects)))


@route("GET", "/schemas/ids/{id}/versions")
def versions_of_id(registry: Registry, request: Request) -> Answer:
    """Subject and version wherever the id is."""
    shown = page(_shown(registry, request), request, registry.facts.limits.versions)
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
    if request.rights is not None:
        found = [
            place
            for place in found
            if any(request.sees(each.subject) for each in registry.state.with_id(*place))
        ]
    if not found:
        raise schema_not_found(guid)
    return found


@route("GET", "/schemas/guids/{guid}")
def by_guid(registry: Registry, request: Request) -> Answer:
    """A schema by the hash of its content, which is the same in every registry."""
    context, schema_id = _ids_of_guid(registry, request)[0]
    holders = registry.state.with_id(context, schema_id)
    parts = formatted(registry, next(each for each in holders if request.sees(each.subject)), request)
    return json_answer(_without_place(_without_id(parts)))


@route("GET", "/schemas/guids/{guid}/ids")
def ids_of_guid(registry: Registry, request: Request) -> Answer:
    """Context and id wherever the content is."""
    found = sorted(_ids_of_guid(registry, request))
    return json_answer([{"context": context, "id": schema_id} for context, schema_id in found])


@route("GET", "/schemas")
def search(registry: Registry, request: Request) -> Answer:
    """All versions, `latestOnly` or with what is `deleted`; `ruleType` those with such a rule.

    `resourceType`, `associationType` and `lifecycle` ask for subjects with such an association; `aliases` tells by which
    other names subjects go, and lists also subjects by theirs.
    """
    state, deleted = registry.state, request.flag("deleted")
    prefix = request.text("subjectPrefix")
    prefix = ALL_CONTEXTS if prefix is None else prefix
    names, aliases = state.names_with_prefix(prefix), _aliases(registry, request, prefix)
    if aliases:
        names = sorted({*names, *aliases})
    if not _ASSOCIATION_PARAMETERS.isdisjoint(request.query):
        selection = selection_of(request, None)
        names = [name for name in names if state.associations.of_subject(name, selection)]
    found = (state.versions(name, deleted=deleted) for name in names if request.sees(name))
    if request.flag("latestOnly"):
        found = (versions[-1:] for versions in found)
    rule_type = request.text("ruleType")
    schemas = (each for each in chain.from_iterable(found) if rule_type is None or _has_rule(each, rule_type))
    shown = [each.as_json() for each in page(schemas, request, registry.facts.limits.schemas)]
    for parts in shown if aliases else ():
        if known := aliases.get(str(parts["subject"])):
            parts["aliases"] = [*known]
    return json_answer([*shown])


def _aliases(registry: Registry, request: Request, prefix: str) -> dict[str, list[str]]:
    """By subject, the names that stand for it and begin so."""
    if not request.flag("aliases"):
        return {}
    begin_so = {
        subject: [name for name in names if has_prefix(name, prefix) and request.knows(name)]
        for subject, names in registry.state.aliases().items()
    }
    return {subject: names for subject, names in begin_so.items() if names}


def _has_rule(schema: StoredSchema, rule_type: str) -> bool:
    return schema.content.rule_set is not None and schema.content.rule_set.has_type(rule_type)
