"""From text to `Schema`: one parser per type, each loaded by the first schema of its type.

A type's module offers `parse(text, references, resolved, new=...)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, cast

from ottla.registry.schemas.schema import InvalidSchema, Reference, ResolvedReferences, Schema, SchemaType


class Parser(Protocol):
    """The function `parse` of a type's module."""

    def __call__(
        self, text: str, references: tuple[Reference, ...], resolved: ResolvedReferences, *, new: bool
    ) -> Schema: ...


MODULES: Final = {
    SchemaType.AVRO: "ottla.registry.schemas.avro",
    SchemaType.JSON: "ottla.registry.schemas.json_schema",
    SchemaType.PROTOBUF: "ottla.registry.schemas.protobuf",
}

MAX_SCHEMA_CHARACTERS: Final = 4 * 1024 * 1024
"""Four times what a record of Kafka's default size holds; what is longer is not even looked at."""


def parse(
    schema_type: SchemaType,
    text: str,
    references: tuple[Reference, ...] = (),
    resolved: ResolvedReferences | None = None,
    *,
    new: bool = False,
) -> Schema:
    """Reads a schema; raises InvalidSchema, whatever the text is.

    `resolved` has the texts of all references, those they refer to before them. A `new` schema is held to rules that
    schemas stored long ago may break, such as defaults of Avro fields that fit their types.
    """
    if len(text) > MAX_SCHEMA_CHARACTERS:
        raise InvalidSchema(
            f"the schema has {len(text)} characters, {MAX_SCHEMA_CHARACTERS} are the most that are read"
        )
    parser = cast("Parser", import_module(MODULES[schema_type]).parse)
    return parser(text, references, resolved or {}, new=new)
