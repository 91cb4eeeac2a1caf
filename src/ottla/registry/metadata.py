"""Metadata of a schema: tags by path, properties, and which properties are sensitive.

    {"tags": {"**.email": ["PII"]}, "properties": {"owner": "team-a"}, "sensitive": ["key"]}

All of it sorted, so that equal metadata has one text and one hash. Confluent: entities.Metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, Self, TypeVar

from ottla.registry import json_fields
from ottla.registry.json_fields import Json, JsonObject

VERSION_PROPERTY: Final = "confluent:version"
"""Kept equal to the schema's version once a schema has it."""
RESERVED_PROPERTY: Final = "confluent:reserved"
"""Names of fields, with commas, that later versions may come to use."""

_Value = TypeVar("_Value")


class Metadata(NamedTuple):
    """See the module. Never changed once made."""

    tags: Mapping[str, tuple[str, ...]]
    properties: Mapping[str, str]
    sensitive: tuple[str, ...]

    @classmethod
    def from_json(cls, fields: JsonObject | None) -> Self | None:
        """None stays None; raises FieldError."""
        if fields is None:
            return None
        tags = json_fields.mapping(fields, "tags") or {}
        return cls(
            {path: tuple(sorted(set(json_fields.texts(tags, path)))) for path in sorted(tags)},
            json_fields.text_map(fields, "properties"),
            tuple(sorted(set(json_fields.texts(fields, "sensitive")))),
        )

    def as_json(self) -> JsonObject:
        """Without what is empty."""
        parts: JsonObject = {}
        if self.tags:
            parts["tags"] = {path: list(tags) for path, tags in self.tags.items()}
        if self.properties:
            parts["properties"] = dict(self.properties)
        if self.sensitive:
            parts["sensitive"] = list[Json](self.sensitive)
        return parts

    def hashed(self) -> Iterator[str]:
        """The texts that go into a schema's hash, in order."""
        for path, tags in self.tags.items():
            yield path
            yield from tags
        for name, value in self.properties.items():
            yield name
            yield value
        yield from self.sensitive

    def with_property(self, name: str, value: str) -> Self:
        """The same with one property set."""
        return self._replace(properties=_sorted({**self.properties, name: value}))


NO_METADATA: Final = Metadata({}, {}, ())


def merged(earlier: Metadata | None, later: Metadata | None) -> Metadata | None:
    """Both together; where they differ, `later` goes."""
    if earlier is None or later is None:
        return later if earlier is None else earlier
    return Metadata(
        _sorted({**earlier.tags, **later.tags}),
        _sorted({**earlier.properties, **later.properties}),
        tuple(sorted({*earlier.sensitive, *later.sensitive})),
    )


def reserved_fields(metadata: Metadata | None) -> frozenset[str]:
    """The names that `confluent:reserved` lists."""
    listed = "" if metadata is None else metadata.properties.get(RESERVED_PROPERTY, "")
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def _sorted(values: Mapping[str, _Value]) -> dict[str, _Value]:
    return {key: values[key] for key in sorted(values)}
