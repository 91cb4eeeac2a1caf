"""Whether a reader's Avro schema resolves what a writer's wrote: Apache Avro's `SchemaCompatibility`.

Every pair of types is looked at once: the types of recursive schemas come back to pairs that are under way, and these
count as compatible unless something else is wrong with them. A pair that was looked at keeps the location where it was
met first.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ottla.registry.schemas.avro_types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Named,
    Record,
    Type,
    Union,
)

PROMOTIONS: Final = {
    "long": frozenset({"int"}),
    "float": frozenset({"int", "long"}),
    "double": frozenset({"int", "long", "float"}),
    "bytes": frozenset({"string"}),
    "string": frozenset({"bytes"}),
}
"""What else a reader of the type understands."""

DESCRIPTIONS: Final = {
    "FIXED_SIZE_MISMATCH": "The fixed type at path '{path}' has another size in the %1$s schema than in the %2$s schema",
    "TYPE_MISMATCH": "The type at path '{path}' in the %1$s schema cannot read that of the %2$s schema",
    "NAME_MISMATCH": "The type at path '{path}' has another name in the %1$s schema than in the %2$s schema",
    "MISSING_ENUM_SYMBOLS": (
        "The enum at path '{path}' in the %1$s schema lacks the symbols '{message}' of the %2$s schema"
    ),
    "MISSING_UNION_BRANCH": "The union at path '{path}' in the %1$s schema lacks a type that the %2$s schema has",
    "READER_FIELD_MISSING_DEFAULT_VALUE": (
        "The field '{message}' at path '{path}' in the %1$s schema has no default value and is not in the %2$s schema"
    ),
}


MAX_INCOMPATIBILITIES: Final = 1_000
"""Of one pair of types. Types used twice on each of sixty levels would have as many as there are ways to them."""


MAX_WORK: Final = 500_000
"""Pairs of types, and fields of records among these: about a second. Unions of two hundred records stay below."""


class AvroIncompatibility(NamedTuple):
    """One thing a reader cannot do, by Apache's name, and where in its schema (a JSON pointer)."""

    kind: str
    path: str
    message: str

    def text(self) -> str:
        """In the form the registry answers with; `%1$s` stands for the reader's schema, `%2$s` for the writer's."""
        description = DESCRIPTIONS[self.kind].format(path=self.path, message=self.message)
        return f"{{errorType:'{self.kind}', description:'{description}', additionalInfo:'{self.message}'}}"


class AmbiguousField(Exception):  # noqa: N818 - never leaves the room as an error
    """A reader's field is, by its aliases, more than one of the writer's."""


class TooComplex(Exception):  # noqa: N818 - never leaves the room as an error
    """The schemas have more pairs of types to compare than anybody should wait for."""


def avro_incompatibilities(reader: Type, writer: Type) -> list[AvroIncompatibility]:
    """What keeps the reader from reading the writer's data, in the order of the reader's schema.

    Raises AmbiguousField where a name of the reader's stands for two fields, and TooComplex.
    """
    return _Comparison().compare(reader, writer, ())


Location = tuple[str, ...]
Found = list[AvroIncompatibility]

BRANCH: Final[Location] = ()
"""Where Java says that a pair lies which it compares for the sake of a union: it keeps that for when it meets it again."""


class _Comparison:
    __slots__ = ("_left", "_results")

    def __init__(self) -> None:
        self._left = MAX_WORK
        # None: under way. The types are kept alive by the schemas they belong to.
        self._results: dict[tuple[int, int], Found | None] = {}

    def compare(self, reader: Type, writer: Type, location: Location) -> Found:
        pair = (id(reader), id(writer))
        if pair in self._results:
            return self._results[pair] or []
        self._left -= 1 + len(reader.fields) if isinstance(reader, Record) else 1
        if self._left < 0:
            raise TooComplex
        self._results[pair] = None
        found = self._resolve(reader, writer, location)[:MAX_INCOMPATIBILITIES]
        self._results[pair] = found
        return found

    def _resolve(self, reader: Type, writer: Type, location: Location) -> Found:
        if isinstance(writer, Union):
            if isinstance(reader, Union):
                return self._unions(reader, writer, location)
            found: Found = []
            for index, branch in enumerate(writer.branches):
                more = self.compare(reader, branch, (*location, str(index)))
                found = (found + more)[:MAX_INCOMPATIBILITIES]
            return found
        if isinstance(reader, Union):
            if any(not self.compare(branch, writer, BRANCH) for branch in reader.branches):
                return []
            return [_lacking(writer, location)]
        if reader.kind == writer.kind:
            return self._alike(reader, writer, location)
        if writer.kind in PROMOTIONS.get(reader.kind, ()):
            return []
        message = f"reader type: {reader.kind.upper()} not compatible with writer type: {writer.kind.upper()}"
        return [_found("TYPE_MISMATCH", location, message)]

    def _unions(self, reader: Union, writer: Union, location: Location) -> Found:
        return [
            _lacking(branch, (*location, str(index)))
            for index, branch in enumerate(writer.branches)
            if self.compare(reader, branch, BRANCH)
        ]

    def _alike(self, reader: Type, writer: Type, location: Location) -> Found:
        match reader, writer:
            case Array(), Array():
                return self.compare(reader.items, writer.items, (*location, "items"))
            case Map(), Map():
                return self.compare(reader.values, writer.values, (*location, "values"))
            case Fixed(), Fixed():
                return _names(reader, writer, location) + _sizes(reader, writer, location)
            case Enum(), Enum():
                return _names(reader, writer, location) + _symbols(reader, writer, location)
            case Record(), Record():
                return _names(reader, writer, location) + self._fields(reader, writer, location)
        return []

    def _fields(self, reader: Record, writer: Record, location: Location) -> Found:
        found: Found = []
        for field in reader.fields:
            if len(found) > MAX_INCOMPATIBILITIES:
                break
            here = (*location, "fields", str(field.position))
            written = _written(field, writer)
            if written is not None:
                found += self.compare(field.type, written.type, (*here, "type"))
            elif isinstance(field.default, Missing):
                if isinstance(field.type, Enum) and field.type.default is not None:
                    # Java compares the enum with the record itself here, so that its default helps nobody.
                    found += self.compare(field.type, writer, (*here, "type"))
                else:
                    found.append(_found("READER_FIELD_MISSING_DEFAULT_VALUE", here, field.name))
        return found


def _written(field: Field, writer: Record) -> Field | None:
    names = [field.name, *field.aliases]
    fields = [writer.fields_by_name[name] for name in names if name in writer.fields_by_name]
    if len(fields) > 1:
        raise AmbiguousField(
            f"Reader record field {field.name} matches multiple fields in writer record schema {writer.name.full}"
        )
    return fields[0] if fields else None


def _names(reader: Named, writer: Named, location: Location) -> Found:
    if reader.name.simple == writer.name.simple or writer.name in reader.aliases:
        return []
    return [_found("NAME_MISMATCH", (*location, "name"), f"expected: {writer.name.full}")]


def _sizes(reader: Fixed, writer: Fixed, location: Location) -> Found:
    if reader.size == writer.size:
        return []
    message = f"expected: {writer.size}, found: {reader.size}"
    return [_found("FIXED_SIZE_MISMATCH", (*location, "size"), message)]


def _symbols(reader: Enum, writer: Enum, location: Location) -> Found:
    missing = set(writer.symbols).difference(reader.symbols)
    if not missing or reader.default is not None:
        return []
    return [_found("MISSING_ENUM_SYMBOLS", (*location, "symbols"), f"[{', '.join(sorted(missing))}]")]


def _lacking(writer: Type, location: Location) -> AvroIncompatibility:
    return _found(
        "MISSING_UNION_BRANCH", location, f"reader union lacking writer type: {writer.kind.upper()}"
    )


def _found(kind: str, location: Location, message: str) -> AvroIncompatibility:
    escaped = (token.replace("~", "~0").replace("/", "~1") for token in location)
    return AvroIncompatibility(kind, "/" + "/".join(escaped), message)
