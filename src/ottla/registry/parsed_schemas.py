"""Parsed schemas, the most used of them kept, and the texts their references stand for.

A schema is parsed when it is compared or written differently, not when it is stored or served: a registry of many
thousand schemas starts quickly and keeps only texts.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from ottla.registry.content import SchemaContent
from ottla.registry.errors import invalid_schema
from ottla.registry.records import StoredSchema
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType
from ottla.registry.state import LATEST, RegistryState
from ottla.registry.subjects import context_of, in_context

MAX_REFERENCED_SCHEMAS: Final = 1_000
"""How many schemas one may need, over all levels. What needs more is refused."""
MAX_CACHED_CHARACTERS: Final = 16 * 1024 * 1024
"""The texts of all parsed schemas that are kept."""
MAX_REFUSED: Final = 4
"""Large schemas found wrong whose requests are about to be answered."""


class ParsedSchemas:
    """At most `limit` schemas are kept (`schema.cache.size`), those used last."""

    def __init__(self, state: RegistryState, limit: int = 1_000) -> None:
        self._state = state
        self._limit = limit
        self._kept: OrderedDict[tuple[object, ...], Schema] = OrderedDict()
        self._characters = 0
        self._refused: dict[tuple[object, ...], InvalidSchema] = {}
        """What was parsed in vain ahead of its use."""
        self._one_ahead = asyncio.Semaphore(1)

    async def parse_ahead(
        self,
        context: str,
        schema_type: SchemaType,
        text: str,
        references: tuple[Reference, ...] = (),
        *,
        new: bool = False,
        normalize: bool = False,
    ) -> bool:
        """Parse in a thread what `parse` is soon called with, one at a time: others are answered meanwhile. Whether it could be."""
        async with self._one_ahead:
            try:
                resolved = self._resolved(context, references) if references else {}
            except InvalidSchema:
                return False
            key = (schema_type, text, references, tuple(resolved.items()), new)
            if key in self._kept:
                return True
            try:
                schema = await asyncio.to_thread(
                    _parsed_and_written, schema_type, text, references, resolved, new=new, normalize=normalize
                )
            except InvalidSchema as error:
                self._refuse(key, error)
            except RecursionError:
                self._refuse(key, InvalidSchema("it is nested too deep"))
            else:
                if key not in self._kept:
                    self._keep(key, schema, len(text))
                return True
        return False

    def _refuse(self, key: tuple[object, ...], error: InvalidSchema) -> None:
        if len(self._refused) >= MAX_REFUSED:
            self._refused.clear()
        self._refused[key] = error

    def parse(
        self,
        context: str,
        schema_type: SchemaType,
        text: str,
        references: tuple[Reference, ...] = (),
        *,
        new: bool = False,
    ) -> Schema:
        """The schema; raises 42201. References without a context are looked for in `context`."""
        try:
            resolved = self._resolved(context, references) if references else {}
            key = (schema_type, text, references, tuple(resolved.items()), new)
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
            refused = self._refused.pop(key, None)
            if refused is not None:
                raise refused
            schema = parse(schema_type, text, references, resolved, new=new)
        except InvalidSchema as error:
            raise invalid_schema(f"Invalid schema of type {schema_type}, details: {error}") from None
        except RecursionError:
            raise invalid_schema(
                f"Invalid schema of type {schema_type}, details: it is nested too deep"
            ) from None
        self._keep(key, schema, len(text))
        return schema

    def stored(self, schema: StoredSchema) -> Schema:
        """A version's schema."""
        content = schema.content
        return self.parse(context_of(schema.subject), content.type, content.text, content.references)

    def of_content(self, context: str, content: SchemaContent) -> Schema:
        """A content's schema as it is read in a context."""
        return self.parse(context, content.type, content.text, content.references)

    def with_versions(self, context: str, references: tuple[Reference, ...]) -> tuple[Reference, ...]:
        """The references with the latest versions named; raises 42201 where there is none."""
        if all(reference.version != LATEST for reference in references):
            return references
        try:
            return tuple(
                reference._replace(version=self._referenced(context, reference).version)
                for reference in references
            )
        except InvalidSchema as error:
            raise invalid_schema(str(error)) from None

    def _resolved(self, context: str, references: tuple[Reference, ...]) -> Mapping[str, str]:
        """By name, the texts of all references, those they refer to before them."""
        texts: dict[str, str] = {}
        under_way: set[tuple[str, int]] = set()

        def visit(context: str, references: tuple[Reference, ...]) -> None:
            for reference in references:
                if not reference.name or not reference.subject:
                    raise InvalidSchema("Reference must have a name and a subject")
                if reference.name in texts:
                    continue
                if len(under_way) + len(texts) >= MAX_REFERENCED_SCHEMAS:
                    raise InvalidSchema(f"more than {MAX_REFERENCED_SCHEMAS} schemas are referred to")
                schema = self._referenced(context, reference)
                place = (schema.subject, schema.version)
                if place in under_way:
                    raise InvalidSchema(f"the references to {reference.name} go round in a circle")
                under_way.add(place)
                visit(context_of(schema.subject), schema.content.references)
                under_way.discard(place)
                texts[reference.name] = schema.content.text

        visit(context, references)
        return texts

    def _referenced(self, context: str, reference: Reference) -> StoredSchema:
        schema = self._state.version(in_context(context, reference.subject), reference.version, deleted=True)
        if schema is None:
            raise InvalidSchema(
                f'No schema reference found for subject "{reference.subject}" and version {reference.version}'
            )
        return schema

    def _keep(self, key: tuple[object, ...], schema: Schema, characters: int) -> None:
        self._kept[key] = schema
        self._characters += characters
        while self._kept and (len(self._kept) > self._limit or self._characters > MAX_CACHED_CHARACTERS):
            dropped, _ = self._kept.popitem(last=False)
            self._characters -= len(str(dropped[1]))


def _parsed_and_written(
    schema_type: SchemaType,
    text: str,
    references: tuple[Reference, ...],
    resolved: Mapping[str, str],
    *,
    new: bool,
    normalize: bool,
) -> Schema:
    """With the text it is going to be stored by, which the schema keeps. May raise RecursionError."""
    schema = parse(schema_type, text, references, resolved, new=new)
    with suppress(InvalidSchema):  # said to whoever asks for the text
        _ = schema.normalized if normalize else schema.canonical
    return schema
