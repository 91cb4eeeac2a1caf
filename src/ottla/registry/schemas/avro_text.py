"""The one text of an Avro schema: what `Schema.toString` of Apache Avro for Java prints.

Attributes stand in one order, whatever order they came in: type, name, namespace, doc, fields…, then what Avro does not
know, then aliases. A name is written out where it is first met; names of referenced schemas never are.
"""

from __future__ import annotations

from collections.abc import Iterator

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
from ottla.registry.schemas.json_text import JsonValue, write_json


def avro_text(avro_type: Type, known: frozenset[str] = frozenset(), *, normalized: bool = False) -> str:
    """The schema's canonical text; `known` are full names that are used without being defined in it.

    A normalized text has aliases and unknown attributes in alphabetical order and no empty docs of named types.
    """
    return "".join(_Writer(set(known), normalized).type(avro_type, None))


class _Writer:
    __slots__ = ("_known", "_normalized")

    def __init__(self, known: set[str], normalized: bool) -> None:
        self._known = known
        self._normalized = normalized

    def type(self, avro_type: Type, space: str | None) -> Iterator[str]:
        match avro_type:
            case Named():
                yield from self._named(avro_type, space)
            case Union():
                yield "["
                for index, branch in enumerate(avro_type.branches):
                    yield "," if index else ""
                    yield from self.type(branch, space)
                yield "]"
            case Array():
                yield '{"type":"array","items":'
                yield from self.type(avro_type.items, space)
                yield self._rest(avro_type.properties) + "}"
            case Map():
                yield '{"type":"map","values":'
                yield from self.type(avro_type.values, space)
                yield self._rest(avro_type.properties) + "}"
            case _ if avro_type.properties:
                yield f'{{"type":"{avro_type.kind}"{self._rest(avro_type.properties)}}}'
            case _:
                yield f'"{avro_type.kind}"'

    def _named(self, named: Named, space: str | None) -> Iterator[str]:
        if named.name.full in self._known:
            yield write_json(named.name.seen_from(space))
            return
        self._known.add(named.name.full)
        yield from self._head(named, space)
        match named:
            case Record():
                yield ',"fields":['
                for field in named.fields:
                    yield "," if field.position else ""
                    yield from self._field(field, named.name.space)
                yield "]"
            case Enum():
                yield ',"symbols":' + write_json(list(named.symbols))
                if named.default is not None:
                    yield ',"default":' + write_json(named.default)
            case Fixed():
                yield f',"size":{named.size}'
        yield self._rest(named.properties)
        yield self._aliases([alias.seen_from(named.name.space) for alias in named.aliases])
        yield "}"

    def _head(self, named: Named, space: str | None) -> Iterator[str]:
        kind = "error" if isinstance(named, Record) and named.is_error else named.kind
        yield f'{{"type":"{kind}","name":{write_json(named.name.simple)}'
        if named.name.space != space:
            yield ',"namespace":' + write_json(named.name.space or "")
        if named.doc is not None and (named.doc or not self._normalized):
            yield ',"doc":' + write_json(named.doc)

    def _field(self, field: Field, space: str | None) -> Iterator[str]:
        yield f'{{"name":{write_json(field.name)},"type":'
        yield from self.type(field.type, space)
        if field.doc is not None:
            yield ',"doc":' + write_json(field.doc)
        if not isinstance(field.default, Missing):
            yield ',"default":' + write_json(field.default)
        if field.order != "ascending":
            yield f',"order":"{field.order}"'
        yield self._aliases(field.aliases)
        yield self._rest(field.properties) + "}"

    def _rest(self, properties: dict[str, JsonValue]) -> str:
        names = sorted(properties) if self._normalized else properties
        return "".join(f",{write_json(name)}:{write_json(properties[name])}" for name in names)

    def _aliases(self, aliases: list[str]) -> str:
        if not aliases:
            return ""
        return ',"aliases":' + write_json([*(sorted(aliases) if self._normalized else aliases)])
