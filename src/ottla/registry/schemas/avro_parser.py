"""From the JSON of an Avro schema to its types.

What is accepted and what isn't follows Apache Avro's `Schema.Parser` of Java 1.12: a client has already parsed the
schema with such a parser, and what it took the registry must not refuse.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ottla.registry.schemas.avro_defaults import Defaults
from ottla.registry.schemas.avro_resolution import check_branches, resolve_names, same
from ottla.registry.schemas.avro_text import avro_text
from ottla.registry.schemas.avro_types import (
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Missing,
    Name,
    Named,
    Record,
    Type,
    Union,
    Unresolved,
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

    __slots__ = ("_forward", "_names", "_validate_defaults", "_with_default")

    def __init__(self, *, validate_defaults: bool) -> None:
        self._names: dict[str, Named] = {}
        self._validate_defaults = validate_defaults
        self._forward: list[Unresolved] = []
        self._with_default: list[Field] = []

    def parse(self, text: str) -> Type:
        """The type the text defines; InvalidSchema where it defines none."""
        self._forward.clear()
        self._with_default.clear()
        result = self._type(read_json(text, comments=True), None)
        if isinstance(result, Unresolved):
            raise InvalidSchema(f'Undefined name: "{result.full_name}"')
        if self._forward:
            resolve_names(result, self._names)
        if self._validate_defaults:
            self._check_defaults()
        return result

    def _type(self, json: JsonValue, space: str | None) -> Type:
        if isinstance(json, str):
            return self._find(json, space)
        if isinstance(json, list):
            return self._union(json, space)
        if isinstance(json, dict):
            return self._object(json, space)
        raise InvalidSchema(f"Schema not yet supported: {_shown(json)}")

    def _find(self, text: str, space: str | None) -> Type:
        if text in PRIMITIVES:
            return Type(text)
        full_name = name_in(text, space).full
        found = self._names.get(full_name) or self._names.get(text)
        if found is not None:
            return found
        forward = Unresolved(full_name)
        self._forward.append(forward)
        return forward

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
                return self._find(kind, space)
        result.properties = _properties(json, TYPE_ATTRIBUTES)
        return result

    def _union(self, json: list[JsonValue], space: str | None) -> Union:
        union = Union([self._type(branch, space) for branch in json])
        if any(isinstance(branch, Union) for branch in union.branches):
            raise InvalidSchema(f"Nested union: {_shown(json)}")
        check_branches(union)
        return union

    def _record(self, json: Object, space: str | None, *, is_error: bool) -> Record:
        name, doc, aliases = _head(json, space)
        record = Record(name, doc, aliases, is_error=is_error)
        fields = json.get("fields")
        if not isinstance(fields, list):
            raise InvalidSchema(f"Record has no fields: {_shown(json)}")
        for position, field_json in enumerate(fields):
            field = self._field(field_json, position, name.space)
            if field.name in record.fields_by_name:
                raise InvalidSchema(f"Duplicate field {field.name} in record {name.full}")
            record.fields.append(field)
            record.fields_by_name[field.name] = field
        record.properties = _properties(json, TYPE_ATTRIBUTES)
        # Only now: what its fields call by its name is found when everything is there.
        self._define(record)
        return record

    def _field(self, json: JsonValue, position: int, space: str | None) -> Field:
        if not isinstance(json, dict) or not isinstance(json.get("name"), str):
            raise InvalidSchema(f"No field name: {_shown(json)}")
        name = check_name(str(json["name"]))
        if "type" not in json:
            raise InvalidSchema(f"No field type: {_shown(json)}")
        field = Field(name, self._type(json["type"], space), position)
        field.doc = _text(json, "doc")
        field.order = _order(json)
        field.aliases = _aliases(json)
        field.properties = _properties(json, FIELD_ATTRIBUTES)
        if "default" in json:
            field.default = _default(json["default"], field)
            self._with_default.append(field)
        return field

    def _check_defaults(self) -> None:
        defaults = Defaults()
        for field in self._with_default:
            assert not isinstance(field.default, Missing)
            if not defaults.fit(field.type, field.default):
                wanted = avro_text(field.type)[:MAX_SHOWN_CHARACTERS]
                raise InvalidSchema(
                    f"Invalid default for field {field.name}: {_shown(field.default)} not a {wanted}"
                )

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
        for part in named.name.space.split(".") if named.name.space else ():
            check_name(part)
        if full in PRIMITIVES:
            raise InvalidSchema(f"Schemas may not be named after primitives: {full}")
        known = self._names.get(full)
        if known is not None and not same(known, named):
            raise InvalidSchema(f"Can't redefine: {full}")
        self._names[full] = named


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


def _default(default: JsonValue, field: Field) -> JsonValue:
    if field.type.kind not in ("float", "double") or not isinstance(default, str):
        return default
    try:
        return float(default)  # "NaN" and "Infinity", which JSON has no numbers for
    except ValueError:
        raise InvalidSchema(f"Invalid default for field {field.name}: {default!r} is no number") from None


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
