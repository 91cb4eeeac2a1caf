"""`/config` and `/mode`: of everything, of a context, of a subject."""

from __future__ import annotations

from ottla.registry import json_fields
from ottla.registry.errors import (
    invalid_mode,
    invalid_subject,
    level_not_configured,
    mode_not_configured,
    not_permitted,
    subject_not_found,
)
from ottla.registry.modes import Mode
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, json_answer
from ottla.registry.rest.routing import route
from ottla.registry.subject_config import SubjectConfig
from ottla.registry.subjects import settings_subject


def _subject(request: Request) -> str | None:
    """Whose settings are meant; None for those of everything. Raises 42208."""
    subject = request.parameters.get("subject")
    if subject is not None and any(ord(each) < 32 or 127 <= ord(each) < 160 for each in subject):
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
    """Sets the fields that are given; a null takes one away."""
    subject, body = _subject(request), request.json()
    change = SubjectConfig.from_json(body, level_name="compatibility")
    for rule_set in (change.default_rule_set, change.override_rule_set):
        if rule_set is not None:
            rule_set.check()
    await registry.set_config(subject, change, body)
    return json_answer(change.as_json(level_name="compatibility"))


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
