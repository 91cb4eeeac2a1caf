"""Fields of JSON objects, read with their types checked: of requests' bodies and of the topic's records alike.

Absent and null are the same unless a function says otherwise. A field of another type raises `FieldError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

from ottla.registry.errors import FieldError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

_BOOLEANS = {each: each.lower() == "true" for each in ("true", "True", "TRUE", "false", "False", "FALSE")}
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(value: Json | Mapping[str, Json]) -> bytes:
    """Compact JSON in UTF-8, fields in the order they have."""
    # A lone surrogate can come in as \ud800 in a body; it has no UTF-8 of its own.
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def check_characters(fields: Mapping[str, Json], *names: str) -> None:
    """Raise FieldError where a string has half of a surrogate pair: of it no record of UTF-8 can be made."""
    for name in names:
        if fields.get(name) is None:
            continue
        # What is nested too deep to be written is no field that is known.
        with suppress(RecursionError):
            try:
                _ENCODER.encode(fields[name]).encode()
            except UnicodeEncodeError:
                raise FieldError(f"{name} has half of a surrogate pair, which no text can hold") from None


def text(fields: Mapping[str, Json], name: str) -> str | None:
    """A string. Numbers and booleans are taken for their text, as Jackson does."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise FieldError(f"{name} has to be a string")


def integer(fields: Mapping[str, Json], name: str, *, bits: int = 32) -> int | None:
    """A whole number that Java's int holds, or with 64 bits its long, also as a string of digits."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FieldError(f"{name} has to be an integer")
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise FieldError(f"{name} has to be an integer of {bits} bits")
    return value


def boolean(fields: Mapping[str, Json], name: str) -> bool | None:
    """True or false, also as the strings."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise FieldError(f"{name} has to be true or false")


def mapping(fields: Mapping[str, Json], name: str) -> JsonObject | None:
    """An object."""
    value = fields.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise FieldError(f"{name} has to be an object")


def items(fields: Mapping[str, Json], name: str) -> list[Json]:
    """A list; empty where there is none."""
    value = fields.get(name)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise FieldError(f"{name} has to be a list")


def objects(fields: Mapping[str, Json], name: str) -> list[JsonObject]:
    """A list of objects."""
    found = [each for each in items(fields, name) if isinstance(each, dict)]
    if len(found) != len(items(fields, name)):
        raise FieldError(f"{name} has to be a list of objects")
    return found


def texts(fields: Mapping[str, Json], name: str) -> list[str]:
    """A list of strings."""
    found = [each for each in items(fields, name) if isinstance(each, str)]
    if len(found) != len(items(fields, name)):
        raise FieldError(f"{name} has to be a list of strings")
    return found


def text_map(fields: Mapping[str, Json], name: str) -> dict[str, str]:
    """An object of strings, sorted by key; empty where there is none."""
    inner = mapping(fields, name) or {}
    return {key: text(inner, key) or "" for key in sorted(inner)}
