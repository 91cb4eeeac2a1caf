"""Parsed schemas, the most used of them kept, and the texts their references stand for.

A schema is parsed when it is compared or written differently, not when it is stored or served: a registry of many
thousand schemas starts quickly and keeps only texts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from ottla.registry.errors import invalid_schema
from ottla.registry.long_work import LARGE_CHARACTERS, LongWork
from ottla.registry.records import StoredSchema
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType
from ottla.registry.state import LATEST, RegistryState
from ottla.registry.subjects import context_of, in_context

MAX_REFERENCED_SCHEMAS: Final = 1_000
"""How many schemas one may need, over all levels. What needs more is refused."""
MAX_CACHED_CHARACTERS: Final = 16 * 1024 * 1024
"""The texts of all parsed schemas that are kept."""


class ParsedSchemas:
    """At most `limit` schemas are kept (`schema.cache.size`), those used last."""

    def __init__(self, state: RegistryState, limit: int = 1_000) -> None:
        self._state = state
        self._limit = limit
        self._kept: OrderedDict[_Unparsed, Schema] = OrderedDict()
        self._characters = 0
        self.long_work = LongWork()

    def parse(
        self,
        context: str,
        schema_type: SchemaType,
        text: str,
        references: tuple[Reference, ...] = (),
        *,
        new: bool = False,
    ) -> Schema:
        """The schema; raises 42201. References without a context are looked for in `context`.

        Within a decision, one that is large raises TakesLong first.
        """
        try:
            found = self._prepared(context, schema_type, text, references, new=new)
            if isinstance(found, _Unparsed):
                schema = self.long_work.made(found, found.parsed) if found.is_large else found.parsed()
                self._keep(found, schema)
                return schema
        except InvalidSchema as error:
            raise invalid_schema(f"Invalid schema of type {schema_type}, details: {error}") from None
        except RecursionError:
            raise invalid_schema(
                f"Invalid schema of type {schema_type}, details: it is nested too deep"
            ) from None
        return found

    def stored(self, schema: StoredSchema) -> Schema:
        """A version's schema."""
        content = schema.content
        return self.parse(context_of(schema.subject), content.type, content.text, content.references)

    def formatted(self, stored: StoredSchema, format_name: str) -> str:
        """A version's text in another format of its language; raises 42201, and TakesLong as `parse`."""
        schema = self.stored(stored)
        if len(stored.content.text) < LARGE_CHARACTERS:
            return schema.formatted(format_name)
        return self.long_work.made(("formatted", stored, format_name), lambda: schema.formatted(format_name))

    def normalized(self, schema: Schema) -> str:
        """The text that all spellings of the schema share; raises InvalidSchema, and TakesLong as `parse`."""
        if len(schema.canonical) < LARGE_CHARACTERS:
            return schema.normalized
        return self.long_work.made(("normalized", schema), lambda: schema.normalized)

    def earlier(self, stored: Sequence[StoredSchema]) -> EarlierSchemas:
        """Versions to compare with, in a thread perhaps; raises 42201 where their references lead nowhere."""
        found = []
        for each in stored:
            content = each.content
            try:
                found.append(
                    self._prepared(
                        context_of(each.subject), content.type, content.text, content.references, new=False
                    )
                )
            except InvalidSchema as error:
                raise invalid_schema(f"Invalid schema of type {content.type}, details: {error}") from None
        return EarlierSchemas(found)

    def keep(self, earlier: EarlierSchemas) -> None:
        """What had to be parsed for a comparison may be needed for the next."""
        for unparsed, schema in earlier.parsed:
            self._keep(unparsed, schema)

    def _prepared(
        self,
        context: str,
        schema_type: SchemaType,
        text: str,
        references: tuple[Reference, ...],
        *,
        new: bool,
    ) -> Schema | _Unparsed:
        """The schema if it is kept, else all that is needed to parse it."""
        resolved = self._resolved(context, references) if references else {}
        wanted = _Unparsed(schema_type, text, references, tuple(resolved.items()), new)
        found = self._kept.get(wanted)
        if found is None:
            return wanted
        self._kept.move_to_end(wanted)
        return found

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

    def _keep(self, unparsed: _Unparsed, schema: Schema) -> None:
        if unparsed in self._kept:
            return
        self._kept[unparsed] = schema
        self._characters += len(unparsed.text)
        while self._kept and (len(self._kept) > self._limit or self._characters > MAX_CACHED_CHARACTERS):
            dropped, _ = self._kept.popitem(last=False)
            self._characters -= len(dropped.text)


class _Unparsed(NamedTuple):
    """All that a schema is made of; by it parsed ones are found again."""

    type: SchemaType
    text: str
    references: tuple[Reference, ...]
    resolved: tuple[tuple[str, str], ...]
    new: bool

    @property
    def characters(self) -> int:
        return len(self.text) + sum(len(text) for _, text in self.resolved)

    @property
    def is_large(self) -> bool:
        return self.characters >= LARGE_CHARACTERS

    def parsed(self) -> Schema:
        """In whatever thread; a large one with the texts that it keeps. Raises InvalidSchema and RecursionError."""
        schema = parse(self.type, self.text, self.references, dict(self.resolved), new=self.new)
        if self.is_large:
            with suppress(InvalidSchema):  # said to whoever asks
                _ = schema.canonical
                schema.validate(strict=False)
        return schema


class EarlierSchemas:
    """Versions of a subject, parsed as they are asked for, in whatever thread: mostly the latest decides."""

    def __init__(self, found: Sequence[Schema | _Unparsed]) -> None:
        self._found = found
        self.parsed: list[tuple[_Unparsed, Schema]] = []

    @property
    def unparsed_characters(self) -> int:
        """Of those that were not kept."""
        return sum(each.characters for each in self._found if isinstance(each, _Unparsed))

    def __iter__(self) -> Iterator[Schema]:
        """Raises 42201."""
        for each in self._found:
            if not isinstance(each, _Unparsed):
                yield each
                continue
            try:
                schema = each.parsed()
            except (InvalidSchema, RecursionError) as error:
                reason = "it is nested too deep" if isinstance(error, RecursionError) else error
                raise invalid_schema(f"Invalid schema of type {each.type}, details: {reason}") from None
            self.parsed.append((each, schema))
            yield schema
