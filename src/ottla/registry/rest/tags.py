"""`/subjects/{subject}/versions/{version}/tags`: the same schema with other tags, metadata or rules, as a new version."""

from __future__ import annotations

from ottla.registry import json_fields
from ottla.registry.dek.rule_defaults import completed
from ottla.registry.inline_tags import retagged_submission
from ottla.registry.json_fields import JsonObject
from ottla.registry.metadata import NO_METADATA, VERSION_PROPERTY, Metadata
from ottla.registry.registration import ANY_VERSION, Submitted
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import found_version, registered_answer, subject_of, version_number
from ottla.registry.rule_sets import RuleSet, merged


@route("POST", "/subjects/{subject}/versions/{version}/tags", writes=True)
async def change_tags(registry: Registry, request: Request) -> Answer:
    """Registers a version like the one named, changed as the body says."""
    version = version_number(request.parameters["version"])
    schema = found_version(
        registry, subject_of(registry, request), version, sees=lambda _name: request.rights is None
    )
    body, content = request.json(), schema.content
    json_fields.check_characters(body, *body)
    metadata = Metadata.from_json(json_fields.mapping(body, "metadata")) or content.metadata or NO_METADATA
    new_version = json_fields.integer(body, "newVersion")
    submitted = Submitted(
        content.type,
        content.text,
        content.references,
        # It becomes the version's own number, which makes this a new content whatever else is the same.
        metadata.with_property(VERSION_PROPERTY, "0"),
        _rule_set(body, content.rule_set),
        version=ANY_VERSION if new_version is None else new_version,
    )
    submitted = retagged_submission(submitted, body, "tagsToAdd", "tagsToRemove")
    return registered_answer(await registry.register(schema.subject, submitted, normalize=False))


def _rule_set(body: JsonObject, stored: RuleSet | None) -> RuleSet | None:
    rule_set = RuleSet.from_json(json_fields.mapping(body, "ruleSet")) or stored
    rule_set = merged(rule_set, RuleSet.from_json(json_fields.mapping(body, "rulesToMerge")))
    if rule_set is None:
        return None
    rule_set = rule_set.without(json_fields.texts(body, "rulesToRemove"))
    rule_set.check()
    return completed(rule_set)
