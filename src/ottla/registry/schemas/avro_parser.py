"""From the JSON of an Avro schema to its types.

What is accepted and what isn't follows Apache Avro's `Schema.Parser` of Java 1.12: a client has already parsed the
schema with such a parser, and what it took the registry must not refuse.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ottla.registry.schemas.avro_defaults import Defaults
from ottla.registry.schemas.avro_text import avro_text
from ottla.registry.schemas.avro_types import (
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Name,
    Named,
    Record,
    Type,
    Union,
    check_name,
    name_in,
)
from ottla.registry.schemas.json_text import JsonValue, read_json, write_json
from ottla.registry.schemas.schema import InvalidSchema

FIELD_ATTRIBUTES: Final = frozenset({"default", "doc", "name", "order", "type", "aliases"})
TYPE_ATTRIBUTES: Final = frozenset(
    {"doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"}
)
ENUM_ATTRIBUTES: Final = TYPE_ATTRIBUTES | {"default"}
ORDERS: Final = frozenset({"ascending", "descending", "ignore"})
MAX_FIXED_SIZE: Final = 2**31 - 1
MAX_SHOWN_CHARACTERS: Final = 1_000
"""Of the schema's own text in an error."""

Object = dict[str, JsonValue]


class AvroParser:
    """Reads schemas one after the other; the names of the earlier ones are known in the later."""

    __slots__ = ("_defaults", "_names", "_validate_defaults")

    def __init__(self, *, validate_defaults: bool) -> None:
        self._names: dict[str, Named] = {}
        self._validate_defaults = validate_defaults
        self._defaults = Defaults()

    def parse(self, text: str) -> Type:
        """The type the text defines; InvalidSchema where it defines none."""
        self._defaults = Defaults()
        return self._type(read_json(text, comments=True), None)

    def _type(self, json: JsonValue, space: str | None) -> Type:
        if isinstance(json, str):
            found = self._find(json, space)
            if found is None:
                raise InvalidSchema(f'Undefined name: "{json}"')
            return found
        if isinstance(json, list):
            return self._union(json, space)
        if isinstance(json, dict):
            return self._object(json, space)
        raise InvalidSchema(f"Schema not yet supported: {_shown(json)}")

    def _find(self, text: str, space: str | None) -> Type | None:
        if text in PRIMITIVES:
            return Type(text)
        name = name_in(text, space)
        return self._names.get(name.full) or self._names.get(name_in(text, None).full)

    def _object(self, json: Object, space: str | None) -> Type:
        kind = json.get("type")
        if not isinstance(kind, str):
            raise InvalidSchema(f"No type: {_shown(json)}")
        match kind:
            case "record" | "error":
                return self._record(json, space, is_error=kind == "error")
            case "enum":
                return self._enum(json, space)
            case "fixed":
                return self._fixed(json, space)
            case "array":
                result: Type = Array(self._type(_part(json, "items", "Array has no items type"), space))
            case "map":
                result = Map(self._type(_part(json, "values", "Map has no values type"), space))
            case _ if kind in PRIMITIVES:
                result = Type(kind)
            case _:
                # A name may stand in an object; what else the object says is lost, as Java's parser loses it.
                found = self._find(kind, space)
                if found is None:
                    raise InvalidSchema(f"Type not supported: {kind}")
                return found
        result.properties = _properties(json, TYPE_ATTRIBUTES)
        return result

    def _union(self, json: list[JsonValue], space: str | None) -> Union:
        branches = [self._type(branch, space) for branch in json]
        seen = set()
        for branch in branches:
            if isinstance(branch, Union):
                raise InvalidSchema(f"Nested union: {_shown(json)}")
            if branch.branch_name in seen:
                raise InvalidSchema(f"Duplicate in union:{branch.branch_name}")
            seen.add(branch.branch_name)
        return Union(branches)

    def _record(self, json: Object, space: str | None, *, is_error: bool) -> Record:
        name, doc, aliases = _head(json, space)
        record = Record(name, doc, aliases, is_error=is_error)
        self._define(record)
        fields = json.get("fields")
        if not isinstance(fields, list):
            raise InvalidSchema(f"Record has no fields: {_shown(json)}")
        for position, field_json in enumerate(fields):
            field = self._field(field_json, position, name.space)
            if field.name in record.fields_by_name:
                raise InvalidSchema(f"Duplicate field {field.name} in record {name.full}")
            record.fields.append(field)
            record.fields_by_name[field.name] = field
        record.complete = True
        record.properties = _properties(json, TYPE_ATTRIBUTES)
        return record

    def _field(self, json: JsonValue, position: int, space: str | None) -> Field:
        if not isinstance(json, dict) or not isinstance(json.get("name"), str):
            raise InvalidSchema(f"No field name: {_shown(json)}")
        name = check_name(str(json["name"]))
        if "type" not in json:
            raise InvalidSchema(f"No field type: {_shown(json)}")
        field = Field(name, self._field_type(json["type"], name, space), position)
        field.doc = _text(json, "doc")
        field.order = _order(json)
        field.aliases = _aliases(json)
        field.properties = _properties(json, FIELD_ATTRIBUTES)
        if "default" in json:
            field.default = self._default(json["default"], field)
        return field

    def _field_type(self, json: JsonValue, field: str, space: str | None) -> Type:
        if isinstance(json, str) and self._find(json, space) is None:
            raise InvalidSchema(
                f'{json} is not a defined name. The type of the "{field}" field must be a defined name or a '
                f'{{"type": ...}} expression.'
            )
        return self._type(json, space)

    def _default(self, default: JsonValue, field: Field) -> JsonValue:
        if field.type.kind in ("float", "double") and isinstance(default, str):
            # "NaN" and "Infinity", which JSON has no numbers for.
            try:
                default = float(default)
            except ValueError:
                raise InvalidSchema(
                    f"Invalid default for field {field.name}: {default!r} is no number"
                ) from None
        if self._validate_defaults and not self._defaults.fit(field.type, default):
            shown = write_json(default)[:MAX_SHOWN_CHARACTERS]
            wanted = avro_text(field.type)[:MAX_SHOWN_CHARACTERS]
            raise InvalidSchema(f"Invalid default for field {field.name}: {shown} not a {wanted}")
        return default

    def _enum(self, json: Object, space: str | None) -> Enum:
        enum = Enum(*_head(json, space))
        symbols = json.get("symbols")
        if not isinstance(symbols, list):
            raise InvalidSchema(f"Enum has no symbols: {_shown(json)}")
        for symbol in symbols:
            if not isinstance(symbol, str):
                raise InvalidSchema(f"Enum symbol is no string: {_shown(json)}")
            enum.symbols.append(check_name(symbol))
        if len(set(enum.symbols)) != len(enum.symbols):
            [(twice, _)] = Counter(enum.symbols).most_common(1)
            raise InvalidSchema(f"Duplicate enum symbol: {twice}")
        enum.default = _text(json, "default")
        if enum.default is not None and enum.default not in enum.symbols:
            raise InvalidSchema(
                f"The Enum Default: {enum.default} is not in the enum symbol set: [{', '.join(enum.symbols)}]"
            )
        enum.properties = _properties(json, ENUM_ATTRIBUTES)
        self._define(enum)
        return enum

    def _fixed(self, json: Object, space: str | None) -> Fixed:
        fixed = Fixed(*_head(json, space))
        size = json.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_FIXED_SIZE:
            raise InvalidSchema(f"Invalid or no size: {_shown(json)}")
        fixed.size = size
        fixed.properties = _properties(json, TYPE_ATTRIBUTES)
        self._define(fixed)
        return fixed

    def _define(self, named: Named) -> None:
        full = named.name.full
        if full in PRIMITIVES:
            raise InvalidSchema(f"Schemas may not be named after primitives: {full}")
        known = self._names.get(full)
        if known is not None and not _same_definition(known, named):
            raise InvalidSchema(f"Can't redefine: {full}")
        self._names[full] = named


def _same_definition(known: Named, again: Named) -> bool:
    # A referenced schema's types are written out in those that use them, so that each may be defined twice alike.
    if isinstance(again, Record):
        return isinstance(known, Record) and known.complete
    return avro_text(known) == avro_text(again)


def _head(json: Object, space: str | None) -> tuple[Name, str | None, list[Name]]:
    own_space = _text(json, "namespace")
    text = json.get("name")
    if not isinstance(text, str):
        raise InvalidSchema(f"No name in schema: {_shown(json)}")
    name = name_in(text, space if own_space is None else own_space)
    aliases = [name_in(alias, name.space) for alias in _aliases(json)]
    return name, _text(json, "doc"), list(dict.fromkeys(aliases))


def _aliases(json: Object) -> list[str]:
    aliases = json.get("aliases", [])
    if not isinstance(aliases, list):
        raise InvalidSchema(f"aliases not an array: {_shown(json)}")
    for alias in aliases:
        if not isinstance(alias, str):
            raise InvalidSchema(f"alias not a string: {_shown(alias)}")
    return list(dict.fromkeys(str(alias) for alias in aliases))


def _order(json: Object) -> str:
    if "order" not in json:
        return "ascending"
    order = json["order"]
    if not isinstance(order, str) or order.lower() not in ORDERS:
        raise InvalidSchema(
            f"No order of fields: {_shown(order)}; it is one of ascending, descending, ignore"
        )
    return order.lower()


def _properties(json: Object, attributes: frozenset[str]) -> dict[str, JsonValue]:
    return {name: value for name, value in json.items() if name not in attributes}


def _text(json: Object, name: str) -> str | None:
    value = json.get(name)
    return value if isinstance(value, str) else None


def _part(json: Object, name: str, message: str) -> JsonValue:
    if name not in json:
        raise InvalidSchema(f"{message}: {_shown(json)}")
    return json[name]


def _shown(json: JsonValue) -> str:
    return write_json(json)[:MAX_SHOWN_CHARACTERS]
