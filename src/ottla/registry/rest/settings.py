"""`/config` and `/mode`: of everything, of a context, of a subject."""

from __future__ import annotations

from typing import Final

from ottla.registry import json_fields
from ottla.registry.errors import (
    invalid_mode,
    invalid_subject,
    level_not_configured,
    mode_not_configured,
    not_permitted,
    policy_against_level,
    subject_not_found,
)
from ottla.registry.json_fields import JsonObject
from ottla.registry.modes import Mode
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer
from ottla.registry.rest.routing import route
from ottla.registry.schemas.compatibility import CompatibilityLevel
from ottla.registry.schemas.schema import CompatibilityPolicy
from ottla.registry.subject_config import SubjectConfig
from ottla.registry.subjects import may_have_settings, settings_subject

FORWARD_ONLY: Final = frozenset({CompatibilityLevel.FORWARD, CompatibilityLevel.FORWARD_TRANSITIVE})


def _subject(request: Request) -> str | None:
    """Whose settings are meant; None for those of everything. Raises 42208."""
    subject = request.parameters.get("subject")
    if subject is not None and not may_have_settings(subject):
        raise invalid_subject(subject)
    return settings_subject(subject)


@route("GET", "/config")
@route("GET", "/config/{subject}")
def tell_config(registry: Registry, request: Request) -> Answer:
    """What is set; with `defaultToGlobal`, or for everything, what holds."""
    subject = _subject(request)
    config = registry.state.config(subject)
    if subject is None or request.flag("defaultToGlobal"):
        config = registry.state.config_in_scope(subject)
    if config is None:
        raise level_not_configured(subject)
    return json_answer(config.as_json())


@route("PUT", "/config", writes=True)
@route("PUT", "/config/{subject}", writes=True)
async def set_config(registry: Registry, request: Request) -> Answer:
    """Sets the fields that are given; a null takes one away. Answers with all that are set now."""
    subject, body = _subject(request), request.json()
    json_fields.check_characters(body, *body)
    change = SubjectConfig.from_json(body, level_name="compatibility")
    for rule_set in (change.default_rule_set, change.override_rule_set):
        if rule_set is not None:
            rule_set.check()
    _check_policy(registry, subject, change, body)
    await registry.set_config(subject, change, body)
    config = registry.state.config(subject) or change
    return json_answer(config.as_json(level_name="compatibility"))


def _check_policy(registry: Registry, subject: str | None, change: SubjectConfig, body: JsonObject) -> None:
    """A table is never read by its earlier schema: what LOGICAL promises, FORWARD does not ask for. Raises 42203."""
    if any(body.get(name, name) is None for name in ("compatibility", "compatibilityPolicy")):
        return
    if change.level is None and change.policy is None:
        return
    holds = registry.state.config_in_scope(subject)
    level, policy = change.level or holds.level, change.policy or holds.policy
    if policy is CompatibilityPolicy.LOGICAL and level in FORWARD_ONLY:
        raise policy_against_level(level)


@route("DELETE", "/config", writes=True)
@route("DELETE", "/config/{subject}", writes=True)
async def delete_config(registry: Registry, request: Request) -> Answer:
    """Takes all settings away; answers with what they were."""
    subject = _subject(request)
    config = registry.state.config(subject)
    if config is None:
        if subject is not None:
            raise subject_not_found(subject)
        config = registry.state.config_in_scope(None)
    await registry.delete_config(subject)
    return json_answer(config.as_json())


@route("GET", "/mode")
@route("GET", "/mode/{subject}")
def tell_mode(registry: Registry, request: Request) -> Answer:
    """The mode set; with `defaultToGlobal`, or for everything, the one that holds."""
    subject = _subject(request)
    in_scope = registry.state.mode_in_scope(subject)
    mode = registry.state.mode(subject)
    if subject is None or request.flag("defaultToGlobal") or in_scope is Mode.READONLY_OVERRIDE:
        mode = in_scope
    if mode is None:
        raise mode_not_configured(subject)
    return json_answer({"mode": mode})


@route("PUT", "/mode", writes=True)
@route("PUT", "/mode/{subject}", writes=True)
async def set_mode(registry: Registry, request: Request) -> Answer:
    """Sets the mode; `force` to import although there are schemas."""
    subject = _subject(request)
    text = json_fields.text(request.json(), "mode") or ""
    if text.upper() not in Mode.__members__:
        raise invalid_mode()
    _check_mutable(registry)
    await registry.set_mode(subject, Mode(text.upper()), force=request.flag("force"))
    return json_answer({"mode": text})


@route("DELETE", "/mode", writes=True)
@route("DELETE", "/mode/{subject}", writes=True)
async def delete_mode(registry: Registry, request: Request) -> Answer:
    """Takes the mode away; answers with what it was."""
    subject = _subject(request)
    mode = registry.state.mode(subject)
    if mode is None:
        if subject is not None:
            raise subject_not_found(subject)
        mode = Mode.READWRITE
    _check_mutable(registry)
    await registry.delete_mode(subject, recursive=request.flag("recursive"))
    return json_answer({"mode": mode})


def _check_mutable(registry: Registry) -> None:
    if not registry.facts.mode_mutability:
        raise not_permitted("Mode changes are not allowed")
