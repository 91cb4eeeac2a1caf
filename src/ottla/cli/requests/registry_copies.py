"""A whole registry as one file, and a registry out of such a file.

The file has a JSON object a line, so that it can be read while it is written, compared and cut:

```
{"registry": "http://…", "form": 1}
{"schema": {"subject": …, "version": …, "id": …, "schemaType": …, "schema": …, "references": […]}, "deleted": true}
{"config": {"compatibilityLevel": …}, "subject": null}
{"mode": "READONLY", "subject": null}
```

Schemas come in an order in which each can be registered: after what it refers to. Versions that were deleted, yet not
for good, are in it, since data may still have their ids.

Restoring gives every schema the id and version it had, for which the registry has to be in mode IMPORT; deleted ones are
deleted again, then configs and modes are set. The registry should be empty: what is there stays.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from ottla.cli.errors import CommandError, UsageError
from ottla.cli.requests.registry_http import Registry, RegistryError, as_object
from ottla.cli.requests.schemas import (
    ALL_CONTEXTS,
    SchemaVersion,
    all_versions,
    context_of,
    in_order_of_references,
    references_json,
    version_of_json,
)

FORM = 1
IMPORT = "IMPORT"
NOT_SET = (40401, 40408, 40409)
"""The registry's codes for a subject that has no level or mode of its own."""


@dataclass(frozen=True, slots=True)
class SubjectSetting:
    """A level or mode of a subject or context; `subject` None is the whole registry."""

    subject: str | None
    value: Any


@dataclass(frozen=True, slots=True)
class RegistryCopy:
    """All that a registry holds. `deleted` has the keys of versions that are deleted, yet not for good."""

    versions: tuple[SchemaVersion, ...]
    deleted: frozenset[tuple[str, int]]
    configs: tuple[SubjectSetting, ...]
    modes: tuple[SubjectSetting, ...]


def read_registry(registry: Registry, report: Callable[[], None] = lambda: None) -> RegistryCopy:
    """Read everything; schemas in an order in which they can be registered. `report` is called for each thing read."""
    everything = []
    for one in all_versions(registry, prefix=ALL_CONTEXTS, deleted=True):
        everything.append(one)
        report()
    living = {one.key for one in all_versions(registry, prefix=ALL_CONTEXTS)}
    subjects = sorted({one.subject for one in everything})
    contexts = sorted({context_of(subject) for subject in subjects} - {""})
    places = [None, *contexts, *subjects]
    return RegistryCopy(
        tuple(in_order_of_references(everything)),
        frozenset(one.key for one in everything if one.key not in living),
        tuple(_settings(registry, "config", places, report)),
        tuple(_settings(registry, "mode", places, report)),
    )


def _settings(
    registry: Registry, kind: str, places: Iterable[str | None], report: Callable[[], None]
) -> Iterator[SubjectSetting]:
    for place in places:
        report()
        try:
            value = as_object(registry.get(kind, *([] if place is None else [place])), registry.url)
        except RegistryError as error:
            if error.code in NOT_SET:
                continue
            raise
        if kind == "mode":
            yield SubjectSetting(place, value.get("mode"))
        elif value:
            yield SubjectSetting(place, value)


def write_copy(copy: RegistryCopy, origin: str, out: TextIO) -> None:
    """Write the copy of the registry `origin`, a JSON object a line."""

    def line(value: dict[str, object]) -> None:
        out.write(json.dumps(value, ensure_ascii=False) + "\n")

    line({"registry": origin, "form": FORM})
    for one in copy.versions:
        line({"schema": version_json(one), **({"deleted": True} if one.key in copy.deleted else {})})
    for setting in copy.configs:
        line({"config": setting.value, "subject": setting.subject})
    for setting in copy.modes:
        line({"mode": setting.value, "subject": setting.subject})


def version_json(one: SchemaVersion) -> dict[str, object]:
    """A version as the REST API writes it."""
    value: dict[str, object] = {
        "subject": one.subject,
        "version": one.version,
        "id": one.id,
        "schemaType": one.type,
        "schema": one.schema,
    }
    if one.references:
        value["references"] = [references_json(reference) for reference in one.references]
    if one.metadata:
        value["metadata"] = one.metadata
    if one.rule_set:
        value["ruleSet"] = one.rule_set
    return value


def read_copy(lines: Iterable[str], name: str) -> RegistryCopy:
    """A copy out of the lines of a file called `name`."""
    versions: list[SchemaVersion] = []
    deleted = set()
    configs: list[SubjectSetting] = []
    modes: list[SubjectSetting] = []
    for number, line in enumerate(lines, 1):
        where = f"{name} line {number}"
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict) or (number == 1 and value.get("form") != FORM):
            raise UsageError(
                "this is no copy of a registry", where=where, remedy="`ottla schema dump` writes one"
            )
        if "schema" in value:
            versions.append(version_of_json(value["schema"], where))
            if value.get("deleted"):
                deleted.add(versions[-1].key)
        elif "config" in value:
            configs.append(SubjectSetting(value.get("subject"), value["config"]))
        elif "mode" in value:
            modes.append(SubjectSetting(value.get("subject"), value["mode"]))
        elif number > 1:
            raise UsageError("a line that holds nothing known", where=where)
    if not versions and not configs:
        raise UsageError("the copy is empty", where=name, remedy="`ottla schema dump` writes one")
    return RegistryCopy(tuple(versions), frozenset(deleted), tuple(configs), tuple(modes))


def restore(
    registry: Registry, copy: RegistryCopy, *, force: bool, report: Callable[[int], None] = lambda _: None
) -> None:
    """Make the registry hold what the copy holds, with the same ids; `report` is told of each schema by number.

    Whatever goes wrong, the registry is not left in mode IMPORT.
    """
    contexts = sorted({context_of(one.subject) for one in copy.versions})
    places = [context or None for context in contexts]
    modes_before = {place: _mode(registry, place) for place in places}
    try:
        for place in places:
            _set_mode(registry, place, IMPORT, force=force)
        _restore_versions(registry, copy, report)
    except CommandError as error:
        _reset_modes(registry, modes_before, force=True)
        error.remedy = (
            error.remedy or "what was restored so far is in the registry; correct it and restore again"
        )
        raise
    _reset_modes(registry, modes_before, force=True)
    for setting in copy.configs:
        registry.put("config", *_place(setting.subject), body=_settable(setting.value))
    for setting in copy.modes:
        _set_mode(registry, setting.subject, setting.value, force=True)


def _restore_versions(registry: Registry, copy: RegistryCopy, report: Callable[[int], None]) -> None:
    ordered = in_order_of_references(copy.versions)
    for number, one in enumerate(ordered, 1):
        body = version_json(one)
        subject = str(body.pop("subject"))
        answer = as_object(registry.post("subjects", subject, "versions", body=body), registry.url)
        if answer.get("id") != one.id:
            raise CommandError(
                f"version {one.version} of {subject} was given the id {answer.get('id')}, not {one.id}",
                where=registry.url,
                remedy="restore into an empty registry",
            )
        report(number)
    # What refers to others goes before them: a version that is referred to can't be deleted.
    for one in reversed(ordered):
        if one.key in copy.deleted:
            registry.delete("subjects", one.subject, "versions", str(one.version))


def _place(subject: str | None) -> list[str]:
    return [] if subject is None else [subject]


def _mode(registry: Registry, place: str | None) -> str | None:
    try:
        return str(as_object(registry.get("mode", *_place(place)), registry.url).get("mode"))
    except RegistryError as error:
        if error.code in NOT_SET:
            return None
        raise


def _set_mode(registry: Registry, place: str | None, mode: str, *, force: bool) -> None:
    registry.put("mode", *_place(place), body={"mode": mode}, force=force or None)


def _reset_modes(registry: Registry, modes: dict[str | None, str | None], *, force: bool) -> None:
    for place, mode in modes.items():
        if mode is not None:
            _set_mode(registry, place, mode, force=force)
        elif place is not None:
            registry.delete("mode", place)


def _settable(config: dict[str, Any]) -> dict[str, Any]:
    """A config as it is set: the level has another name there than where it is read."""
    value = dict(config)
    if "compatibilityLevel" in value:
        value["compatibility"] = value.pop("compatibilityLevel")
    return value
