"""`/subjects`: versions of subjects listed, told, looked up, registered, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from ottla.registry import json_fields
from ottla.registry.content import references_as_json
from ottla.registry.dek.rule_defaults import completed
from ottla.registry.errors import (
    RegistryError,
    invalid_subject,
    invalid_version,
    schema_not_found,
    subject_not_found,
    subject_soft_deleted,
    version_not_found,
    version_soft_deleted,
)
from ottla.registry.inline_tags import retagged_submission, tags_as_json
from ottla.registry.json_fields import JsonObject
from ottla.registry.metadata import Metadata
from ottla.registry.records import StoredSchema, references_from_json
from ottla.registry.registration import ANY_VERSION, NO_ID, Submitted
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer, page
from ottla.registry.rest.routing import route
from ottla.registry.rule_sets import RuleSet
from ottla.registry.schemas.schema import SchemaType
from ottla.registry.state import LATEST
from ottla.registry.subjects import (
    ALL_CONTEXTS,
    DEFAULT_CONTEXT,
    QualifiedSubject,
    context_of,
    in_context,
    is_valid,
    normalized,
    qualified,
)

QUALIFIED: Final = "qualified"
"""The `referenceFormat` in which references name the context of what they refer to."""
TAG_FIELDS: Final = ("schemaTagsToAdd", "schemaTagsToRemove")
_HIGHEST_VERSION: Final = 2**31 - 1
_DESCRIPTOR: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
"""Bytes in base64: no .proto text is without a blank, a brace or a semicolon."""


def subject_of(registry: Registry, request: Request) -> str:
    """The subject of the path: in its one spelling, and whom an alias stands for."""
    return registry.state.alias_target(normalized(request.parameters["subject"]))


def version_number(text: str) -> int:
    """A version as paths tell it; `latest` and -1 are the latest. Raises 42202."""
    text = text.strip()
    if text.lower() == "latest" or text == "-1":
        return LATEST
    if not text.isdecimal() or not 0 < int(text) <= _HIGHEST_VERSION:
        raise invalid_version(text)
    return int(text)


def submitted_in(body: JsonObject) -> Submitted:
    """The schema in a body; raises 422 and 42210."""
    json_fields.check_characters(body, "references", "metadata", "ruleSet", *TAG_FIELDS)
    rule_set = completed(RuleSet.from_json(json_fields.mapping(body, "ruleSet")))
    if rule_set is not None:
        rule_set.check()
    schema_id, version = json_fields.integer(body, "id"), json_fields.integer(body, "version")
    submitted = Submitted(
        json_fields.text(body, "schemaType"),
        json_fields.text(body, "schema"),
        references_from_json(json_fields.objects(body, "references")),
        Metadata.from_json(json_fields.mapping(body, "metadata")),
        rule_set,
        NO_ID if schema_id is None else schema_id,
        ANY_VERSION if version is None else version,
        bool(json_fields.boolean(body, "propagateSchemaTags")),
    )
    retagged = retagged_submission(submitted, body, *TAG_FIELDS)
    if retagged is not submitted and retagged.version == ANY_VERSION:
        # Tags make a version of their own: its number becomes part of the content.
        retagged = replace(retagged, version=LATEST)
    return retagged


def found_version(
    registry: Registry,
    subject: str,
    version: int,
    *,
    deleted: bool = False,
    sees: Callable[[str], bool] = lambda _subject: True,
) -> StoredSchema:
    """A version, also of the subject of that name in another context that may be seen; raises 40401 or 40402."""
    state = registry.state
    schema = state.version(subject, version, deleted=deleted)
    if schema is None and qualified(subject).context == DEFAULT_CONTEXT:
        names = (str(QualifiedSubject(context, subject)) for context in state.context_names())
        others = (state.version(name, version, deleted=deleted) for name in names if sees(name))
        schema = next((other for other in others if other is not None), None)
    if schema is None:
        if not state.has_subjects(subject, deleted=deleted):
            raise subject_not_found(subject)
        raise version_not_found(version)
    return schema


def _shown_version(registry: Registry, request: Request, version: int, *, deleted: bool) -> StoredSchema:
    subject = subject_of(registry, request)
    return found_version(registry, subject, version, deleted=deleted, sees=request.sees)


def normalizes(registry: Registry, subject: str, request: Request) -> bool:
    """Whether schemas are brought to their simplest form: by the request or by the subject's settings."""
    return request.flag("normalize") or bool(registry.state.config_in_scope(subject).normalize)


def formatted(registry: Registry, schema: StoredSchema, request: Request) -> JsonObject:
    """A version as answers tell it, its text in the format asked for."""
    parts = schema.as_json()
    name = request.text("format")
    if name:
        parts["schema"] = registry.catalogue.schemas.formatted(schema, name)
    if (request.text("referenceFormat") or "").lower() == QUALIFIED and schema.content.references:
        context = context_of(schema.subject)
        qualified_ones = (
            each._replace(subject=in_context(context, each.subject)) for each in schema.content.references
        )
        parts["references"] = references_as_json(tuple(qualified_ones))
    wanted = request.texts("findTags")
    if wanted and (tags := tags_as_json(schema.content, wanted)):
        parts["schemaTags"] = tags
    return parts


@route("GET", "/subjects")
def list_subjects(registry: Registry, request: Request) -> Answer:
    """Names, sorted; `deleted` with those deleted softly, `deletedOnly` only these."""
    state = registry.state
    prefix = request.text("subjectPrefix")
    names = state.names_with_prefix(ALL_CONTEXTS if prefix is None else prefix)
    if request.flag("deletedOnly"):
        names = [name for name in names if state.latest(name) is None]
    elif not request.flag("deleted"):
        names = state.live_among(names)
    if request.rights is not None:
        names = [name for name in names if request.knows(name)]
    return json_answer(list(page(names, request, registry.facts.limits.subjects)))


@route("POST", "/subjects/{subject}")
def look_up(registry: Registry, request: Request) -> Answer:
    """The version of a subject that has the body's schema."""
    subject, deleted = subject_of(registry, request), request.flag("deleted")
    submitted = submitted_in(request.json())
    state, catalogue = registry.state, registry.catalogue
    if not state.has_subjects(subject, deleted=deleted) and not _elsewhere(
        registry, subject, deleted=deleted
    ):
        raise subject_not_found(subject)
    normalize = normalizes(registry, subject, request)
    for name in (subject, *_elsewhere(registry, subject, deleted=deleted)):
        found = catalogue.look_up(name, submitted, normalize=normalize, deleted=deleted)
        if found is not None and request.sees(name):
            return json_answer(formatted(registry, found, request))
    raise schema_not_found()


def _elsewhere(registry: Registry, subject: str, *, deleted: bool) -> list[str]:
    """The subjects of that name in other contexts, if it names none."""
    if qualified(subject).context != DEFAULT_CONTEXT:
        return []
    names = (str(QualifiedSubject(context, subject)) for context in registry.state.context_names())
    return [name for name in names if registry.state.has_subjects(name, deleted=deleted)]


@route("DELETE", "/subjects/{subject}", writes=True)
async def delete_subject(registry: Registry, request: Request) -> Answer:
    """Answers with the versions deleted; `permanent` for those that are deleted softly already."""
    subject, permanent = subject_of(registry, request), request.flag("permanent")
    state = registry.state
    if not state.has_subjects(subject, deleted=True):
        raise subject_not_found(subject)
    if not permanent and not state.has_subjects(subject):
        raise subject_soft_deleted(subject)
    return json_answer([*await registry.delete_subject(subject, permanent=permanent)])


@route("GET", "/subjects/{subject}/metadata")
def latest_with_metadata(registry: Registry, request: Request) -> Answer:
    """The latest version whose metadata has these properties, given as `key` and `value` in pairs."""
    subject, deleted = subject_of(registry, request), request.flag("deleted")
    wanted = dict(zip(request.texts("key"), request.texts("value"), strict=False))
    versions = registry.state.versions(subject, deleted=deleted)
    if not versions:
        raise subject_not_found(subject)
    for schema in reversed(versions):
        metadata = schema.content.metadata
        if metadata is not None and wanted.items() <= dict(metadata.properties).items():
            return json_answer(formatted(registry, schema, request))
    raise schema_not_found()


@route("GET", "/subjects/{subject}/versions")
def list_versions(registry: Registry, request: Request) -> Answer:
    """Numbers in ascending order; `deletedAsNegative` shows those deleted softly with a minus."""
    subject = subject_of(registry, request)
    deleted_only, negative = request.flag("deletedOnly"), request.flag("deletedAsNegative")
    deleted = request.flag("deleted") or deleted_only or negative
    if not registry.state.has_subjects(subject, deleted=deleted):
        raise subject_not_found(subject)
    versions = registry.state.versions(subject, deleted=deleted)
    shown = [each for each in versions if each.deleted or not deleted_only]
    numbers = [-each.version if negative and each.deleted else each.version for each in shown]
    return json_answer(list(page(numbers, request, registry.facts.limits.versions)))


@route("POST", "/subjects/{subject}/versions", writes=True)
async def register(registry: Registry, request: Request) -> Answer:
    """Registers the body's schema, or finds it registered."""
    subject = subject_of(registry, request)
    submitted = submitted_in(request.json())
    if not is_valid(subject):
        raise invalid_subject(subject)
    normalize = normalizes(registry, subject, request)
    try:
        schema = await registry.register(subject, submitted, normalize=normalize, force=request.flag("force"))
    except RegistryError as error:
        # What was registered before a rule came about is there all the same.
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        answer = await registry.work.decided(lambda: registered_already(registry, request))
        if answer is None:
            raise
        return answer
    return registered_answer(schema, submitted.text)


def registered_answer(schema: StoredSchema, sent: str | None = None) -> Answer:
    """What registering answers with."""
    parts: JsonObject = {"id": schema.id, "version": schema.version, "guid": schema.content.guid}
    parts |= schema.content.as_json()
    if schema.timestamp_ms:
        parts["ts"] = schema.timestamp_ms
    if sent is not None and schema.content.type is SchemaType.PROTOBUF and _DESCRIPTOR.fullmatch(sent):
        # Python's client keeps the answer's text as what it would be told with format=serialized, and reads it so.
        parts["schema"] = sent
    return json_answer(parts)


def registered_already(registry: Registry, request: Request, *, as_sent: bool = False) -> Answer | None:
    """The answer to a registration that changes nothing, which any registry can give, whatever the mode.

    `as_sent`: only if the text is the one that is stored, which is known without parsing it.
    """
    subject = subject_of(registry, request)
    submitted = submitted_in(request.json())
    if submitted.version != ANY_VERSION or not is_valid(subject) or submitted.is_empty:
        return None
    if submitted.propagates_tags or registry.state.config_in_scope(subject).changes_schemas:
        return None
    normalize = normalizes(registry, subject, request)
    if as_sent:
        found = None if normalize else registry.catalogue.as_sent(subject, submitted)
    else:
        found = registry.catalogue.look_up(subject, submitted, normalize=normalize)
    if found is None or submitted.id not in {NO_ID, found.id}:
        return None
    if found.content.type is SchemaType.PROTOBUF:
        return registered_answer(found, submitted.text)
    return Answer(registry.answers.of(found, "registered", lambda: registered_answer(found).body))


@route("GET", "/subjects/{subject}/versions/{version}")
def tell_version(registry: Registry, request: Request) -> Answer:
    """One version, in a `format` if that is asked for."""
    version = version_number(request.parameters["version"])
    schema = _shown_version(registry, request, version, deleted=request.flag("deleted"))
    return json_answer(formatted(registry, schema, request))


@route("GET", "/subjects/{subject}/versions/{version}/schema")
def tell_schema_alone(registry: Registry, request: Request) -> Answer:
    """The text of one version, and nothing around it."""
    version = version_number(request.parameters["version"])
    schema = _shown_version(registry, request, version, deleted=request.flag("deleted"))
    text = formatted(registry, schema, request)["schema"]
    return Answer(str(text).encode("utf-8", "surrogatepass"))


@route("GET", "/subjects/{subject}/versions/{version}/referencedby")
def referenced_by(registry: Registry, request: Request) -> Answer:
    """The ids of the schemas that refer to a version; `deleted` also of those deleted softly."""
    version = version_number(request.parameters["version"])
    schema = _shown_version(registry, request, version, deleted=True)
    ids = registry.state.referencing(schema.subject, schema.version, deleted=request.flag("deleted"))
    return json_answer(list(page(ids, request, registry.facts.limits.versions)))


@route("DELETE", "/subjects/{subject}/versions/{version}", writes=True)
async def delete_version(registry: Registry, request: Request) -> Answer:
    """Answers with the number; `permanent` for one that is deleted softly already."""
    subject, permanent = subject_of(registry, request), request.flag("permanent")
    text = request.parameters["version"]
    version = version_number(text)
    schema = registry.state.version(subject, version, deleted=True)
    if schema is None:
        if not registry.state.has_subjects(subject, deleted=True):
            raise subject_not_found(subject)
        raise version_not_found(version)
    if schema.deleted and not permanent:
        raise version_soft_deleted(subject, text)
    return json_answer(await registry.delete_version(schema, permanent=permanent))
