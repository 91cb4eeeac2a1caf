"""`/compatibility`: whether a schema could be registered, without registering it."""

from __future__ import annotations

from ottla.registry.errors import RegistryError, invalid_schema, subject_not_found, version_not_found
from ottla.registry.json_fields import Json, JsonObject
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import normalizes, subject_of, submitted_in, version_number
from ottla.registry.state import LATEST

INVALID_SCHEMA = 42201


@route("POST", "/compatibility/subjects/{subject}/versions/{version}")
def with_version(registry: Registry, request: Request) -> Answer:
    """Against one version, by the level of the subject."""
    subject = subject_of(registry, request)
    version = version_number(request.parameters["version"])
    schema = registry.state.version(subject, version)
    if schema is None and version != LATEST:
        if not registry.state.has_subjects(subject):
            raise subject_not_found(subject)
        raise version_not_found(version)
    return _checked(registry, request, subject, [] if schema is None else [schema])


@route("POST", "/compatibility/subjects/{subject}/versions")
def with_all(registry: Registry, request: Request) -> Answer:
    """Against all versions that the subject's level asks for."""
    subject = subject_of(registry, request)
    return _checked(registry, request, subject, registry.state.versions(subject))


def _checked(registry: Registry, request: Request, subject: str, previous: list[StoredSchema]) -> Answer:
    submitted = submitted_in(request.json())
    verbose = request.flag("verbose")
    try:
        if submitted.is_empty:
            raise invalid_schema("Empty schema")
        schema, content = registry.catalogue.canonical(
            subject, submitted, normalize=normalizes(registry, subject, request), new=True
        )
        config = registry.state.config_in_scope(subject)
        texts = registry.catalogue.incompatibilities(config, schema, content, previous)
    except RegistryError as error:
        if error.code != INVALID_SCHEMA or not verbose:
            raise
        texts = [error.message]
    answer: JsonObject = {"is_compatible": not texts}
    if verbose:
        answer["messages"] = list[Json](texts)
    return json_answer(answer)
