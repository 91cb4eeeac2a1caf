"""Schemas of a registry: list, read, register, check, delete."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ottla.cli.errors import CommandError
from ottla.cli.requests.registry_http import Registry, as_list, as_object

ALL_CONTEXTS = ":*:"
PAGE = 1000
"""How many schemas are asked for at once: Confluent's registry gives no more."""


@dataclass(frozen=True, slots=True)
class SchemaReference:
    """What a schema refers to: `name` inside its text, found as `version` of `subject`."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of a subject. `metadata` and `rule_set` are the registry's JSON, None where there are none."""

    subject: str
    version: int
    id: int
    type: str
    schema: str
    references: tuple[SchemaReference, ...] = ()
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.subject, self.version

    @property
    def readable(self) -> str:
        """The text over several lines."""
        if self.type == "PROTOBUF":
            return self.schema.strip("\n")
        try:
            return json.dumps(json.loads(self.schema), indent=2, ensure_ascii=False)
        except ValueError:
            return self.schema


@dataclass(frozen=True, slots=True)
class NewSchema:
    """A schema to register or to check."""

    type: str
    schema: str
    references: tuple[SchemaReference, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The body of a request."""
        return {
            "schema": self.schema,
            "schemaType": self.type,
            "references": [references_json(one) for one in self.references],
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a schema may follow; if not, what is in the way."""

    is_compatible: bool
    messages: tuple[str, ...]


def references_json(reference: SchemaReference) -> dict[str, object]:
    """A reference as the REST API writes it."""
    return {"name": reference.name, "subject": reference.subject, "version": reference.version}


def version_of_json(value: object, where: str) -> SchemaVersion:
    """A version as the REST API shows it; raises CommandError for what is none."""
    one = as_object(value, where)
    try:
        return SchemaVersion(
            subject=str(one["subject"]),
            version=int(one["version"]),
            id=int(one["id"]),
            type=str(one.get("schemaType") or "AVRO"),
            schema=str(one["schema"]),
            references=tuple(
                SchemaReference(str(each["name"]), str(each["subject"]), int(each["version"]))
                for each in one.get("references") or ()
            ),
            metadata=one.get("metadata"),
            rule_set=one.get("ruleSet"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CommandError(f"a version lacks {error}", where=where) from None


def all_versions(
    registry: Registry, *, prefix: str = "", deleted: bool = False, latest_only: bool = False
) -> Iterator[SchemaVersion]:
    """The versions of every subject that begins with `prefix`, page by page."""
    where = f"{registry.url}/schemas"
    seen: set[tuple[str, int]] = set()
    while True:
        page = as_list(
            registry.get(
                "schemas",
                subjectPrefix=prefix or None,
                deleted=deleted or None,
                latestOnly=latest_only or None,
                offset=len(seen) or None,
                limit=PAGE,
            ),
            where,
        )
        # A registry that knows no pages answers with the first one again.
        new = [one for one in (version_of_json(value, where) for value in page) if one.key not in seen]
        yield from new
        seen.update(one.key for one in new)
        if len(page) < PAGE or not new:
            return


def subject_version(
    registry: Registry, subject: str, version: str, *, text_format: str | None = None, deleted: bool = False
) -> SchemaVersion:
    """One version; `version` is a number or `latest`."""
    answer = registry.get(
        "subjects", subject, "versions", version, format=text_format, deleted=deleted or None
    )
    return version_of_json(answer, f"{registry.url}/subjects/{subject}/versions/{version}")


def schema_by_id(
    registry: Registry, schema_id: int, *, text_format: str | None = None
) -> tuple[NewSchema, list[tuple[str, int]]]:
    """The schema of an id, and the versions it is registered as."""
    where = f"{registry.url}/schemas/ids/{schema_id}"
    answer = as_object(registry.get("schemas", "ids", str(schema_id), format=text_format), where)
    used = as_list(registry.get("schemas", "ids", str(schema_id), "versions"), where)
    schema = NewSchema(
        str(answer.get("schemaType") or "AVRO"),
        str(answer.get("schema", "")),
        tuple(
            SchemaReference(one["name"], one["subject"], one["version"])
            for one in answer.get("references") or ()
        ),
    )
    return schema, [(str(one["subject"]), int(one["version"])) for one in used]


def register_schema(registry: Registry, subject: str, schema: NewSchema, *, normalize: bool) -> SchemaVersion:
    """Register; a schema that is there already is answered with what it has."""
    answer = as_object(
        registry.post("subjects", subject, "versions", body=schema.as_json(), normalize=normalize or None),
        registry.url,
    )
    # Only newer registries tell the version with the id; all tell it when asked.
    found = registry.post("subjects", subject, body=schema.as_json(), normalize=normalize or None)
    version = version_of_json(found, registry.url)
    return version if version.id == answer.get("id") else subject_version(registry, subject, "latest")


def check_schema(
    registry: Registry, subject: str, schema: NewSchema, against: str, *, normalize: bool
) -> Verdict:
    """Whether the schema may follow: `against` a version, `latest`, or `all` that the subject's level asks for."""
    path = ["compatibility", "subjects", subject, "versions", *([] if against == "all" else [against])]
    answer = as_object(
        registry.post(*path, body=schema.as_json(), normalize=normalize or None, verbose=True), registry.url
    )
    return Verdict(bool(answer.get("is_compatible")), tuple(str(one) for one in answer.get("messages") or ()))


def delete_versions(registry: Registry, subject: str, version: str | None, *, permanent: bool) -> list[int]:
    """Delete a version or a whole subject; the versions that were."""
    if version is None:
        return [
            int(one)
            for one in as_list(registry.delete("subjects", subject, permanent=permanent), registry.url)
        ]
    return [int(registry.delete("subjects", subject, "versions", version, permanent=permanent))]


def in_order_of_references(versions: Sequence[SchemaVersion]) -> list[SchemaVersion]:
    """Every version after those it refers to and after the earlier ones of its subject; else by id.

    What refers to itself over others has no such order: it comes last, as it stands.
    """
    by_key = {one.key: one for one in versions}
    earlier: dict[str, list[int]] = {}
    for one in versions:
        earlier.setdefault(one.subject, []).append(one.version)
    before: dict[str, dict[int, int]] = {}
    for subject, numbers in earlier.items():
        numbers.sort()
        before[subject] = dict(zip(numbers[1:], numbers, strict=False))
    ordered: dict[tuple[str, int], SchemaVersion] = {}
    for start in sorted(versions, key=lambda one: (one.id, one.subject, one.version)):
        waiting = [start.key]
        entered: set[tuple[str, int]] = set()
        while waiting:
            key = waiting[-1]
            if key in ordered or key not in by_key:
                waiting.pop()
                continue
            needed = _needed(by_key[key], before)
            missing = [one for one in needed if one in by_key and one not in ordered and one not in entered]
            if missing:
                entered.add(key)
                waiting += missing
            else:
                ordered[key] = by_key[waiting.pop()]
    return list(ordered.values())


def _needed(one: SchemaVersion, before: dict[str, dict[int, int]]) -> list[tuple[str, int]]:
    context = context_of(one.subject)
    needed = [(in_context(reference.subject, context), reference.version) for reference in one.references]
    previous = before[one.subject].get(one.version)
    return needed if previous is None else [*needed, (one.subject, previous)]


def context_of(subject: str) -> str:
    """The context a subject is in, `:.name:`; empty for the default one."""
    return subject[: subject.index(":", 1) + 1] if subject.startswith(":.") and ":" in subject[1:] else ""


def in_context(subject: str, context: str) -> str:
    """The full name of a subject that is referred to from inside `context`."""
    return subject if subject.startswith(":.") else context + subject
