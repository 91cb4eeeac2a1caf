"""Values of every message in every version, for property tests, and the JSON by which Apache knows them."""

import base64
import importlib
import pkgutil
from typing import Any

from apache_definitions import camel_case, fields_of, ours_to_be
from hypothesis import strategies as st

import ottla.protocol.messages
from ottla.protocol.declare import Array, Field, Message, Primitive, Request, Response, Struct, WireType
from ottla.protocol.types import Uuid, uuid_text


def every_message() -> list[type[Message]]:
    """All declared messages, by name."""
    found = []
    for each in pkgutil.iter_modules(ottla.protocol.messages.__path__):
        module = importlib.import_module(f"ottla.protocol.messages.{each.name}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Message) and value.__module__ == module.__name__
        ]
    return sorted(found, key=lambda message: message.__name__)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
BOUNDS = {
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.integers(low, high) for name, (low, high) in BOUNDS.items()},
    "bool": st.booleans(),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "uuid": st.binary(min_size=16, max_size=16).map(Uuid),
    "string": TEXT | st.text("long", min_size=125, max_size=130),
    "bytes": st.binary(max_size=8) | st.binary(min_size=125, max_size=130),
    "records": st.binary(max_size=40),
}


def values_of(wire_type: WireType, version: int) -> st.SearchStrategy[Any]:
    """Values of `wire_type` that `version` can carry."""
    if isinstance(wire_type, Primitive):
        return PRIMITIVES[wire_type.name]
    if isinstance(wire_type, Array):
        return st.lists(values_of(wire_type.element, version), max_size=3)
    return structs(wire_type, version)


def field_values(each: Field, version: int) -> st.SearchStrategy[Any]:
    """Values of one field that `version` can carry; its default where the version lacks it."""
    if version not in each.versions:
        return st.builds(each.default_value)
    values = values_of(each.type, version)
    return st.none() | values if version in each.nullable else values


def structs(struct: type[Struct], version: int) -> st.SearchStrategy[Any]:
    """Values of `struct` that `version` can carry."""
    return st.builds(struct, **{each.name: field_values(each, version) for each in struct.__fields__})


def apache_class(message: type[Message]) -> str:
    """The name under which Apache's generated class goes."""
    carries_suffix = issubclass(message, Request | Response) or message.__name__.endswith("Header")
    return message.__name__ + "Data" if carries_suffix else message.__name__


def as_json(value: Any, wire_type: WireType, version: int, definition: dict[str, Any], type_name: str) -> Any:
    """`value` as Apache's `*JsonConverter` reads it: every field of the version, tagged ones unless at their default."""
    if value is None:
        return None
    if isinstance(wire_type, Array):
        return [as_json(each, wire_type.element, version, definition, type_name[2:]) for each in value]
    if isinstance(wire_type, Primitive):
        if wire_type.name in ("bytes", "records"):
            return base64.b64encode(value).decode()
        return uuid_text(value) if wire_type.name == "uuid" else value
    return struct_as_json(value, version, definition, fields_of(definition, type_name))


def struct_as_json(
    value: Struct, version: int, definition: dict[str, Any], facts: list[dict[str, Any]]
) -> Any:
    """One struct of `as_json`; `facts` are its fields as Apache defines them, in the same order as ours."""
    written = {}
    for each, fact in zip(value.__fields__, facts, strict=True):
        held = getattr(value, each.name)
        if version not in each.versions or (version in each.tagged and held == each.default_value()):
            continue
        written[camel_case(fact["name"])] = as_json(held, each.type, version, definition, fact["type"])
    return written


def message_as_json(value: Message, version: int) -> Any:
    """A whole message of `as_json`."""
    definition = ours_to_be()[type(value).__name__]
    return struct_as_json(value, version, definition, definition.get("fields", []))
