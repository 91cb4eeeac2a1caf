"""JSON as the registry reads and writes it: bounded on the way in, to the letter of Jackson's on the way out.

Canonical texts are compared byte by byte with those of other registries on the same topic, so numbers, escapes and
spaces are written as the original's library writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any, Final, NoReturn, TypeAlias

from ottla.registry.schemas.schema import InvalidSchema

JsonValue: TypeAlias = "bool | int | float | Decimal | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_NESTING: Final = 200
"""Arrays and objects within each other. Generated schemas stay below 100; what walks them recurses, and Python allows
a thousand frames in all."""

MAX_MARKS: Final = 500_000
"""Brackets, braces and commas, those in strings too: about as many values. More would take seconds to be made, and a while to be let
go, which is done in one go."""
PATIENT_CHARACTERS: Final = 64 * 1024
"""Longer texts take Python's JSON more than a millisecond or two, in which nothing else runs."""

_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+")|/\*.*?\*/|//[^\n]*', re.DOTALL)
_LOWER_ESCAPE = re.compile(r"\\u00[01][a-f]")


def read_json(text: str, *, decimals: bool = False, comments: bool = False) -> JsonValue:
    """The value the text stands for; InvalidSchema where it is no JSON or nested too deeply.

    With `decimals`, numbers with a point or an exponent keep the digits they are written with; otherwise they are
    floats. With `comments`, those of Java and C are passed over.
    """
    if len(text) >= MAX_MARKS and sum(map(text.count, "[{,")) > MAX_MARKS:
        raise InvalidSchema(f"it has more than {MAX_MARKS} brackets, braces and commas")
    try:
        try:
            value = _loads(text, decimals)
        except json.JSONDecodeError:
            if not comments or "/" not in text:
                raise
            value = _loads(_COMMENT.sub(lambda found: found[1] or " ", text), decimals)
    except RecursionError:
        raise _too_deep() from None
    except (ValueError, ArithmeticError) as error:
        raise InvalidSchema(f"not valid JSON: {error}") from None
    _check_nesting(value)
    return value


def _loads(text: str, decimals: bool) -> JsonValue:
    plain, with_decimals = _DECODERS if len(text) < PATIENT_CHARACTERS else _PATIENT_DECODERS
    value: JsonValue = (with_decimals if decimals else plain).decode(text)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


class _PatientDecoder(json.JSONDecoder):
    """Reads by Python's own scanner, between whose steps other threads get their turn: what is written in C reads all at once."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.scan_once = py_make_scanner(self)


# Made once: a schema's text is written in dozens of pieces, and what `json.dumps` makes for each costs more than the piece.
_DECODERS: Final = (
    json.JSONDecoder(parse_constant=_refuse),
    json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse),
)
_PATIENT_DECODERS: Final = (
    _PatientDecoder(parse_constant=_refuse),
    _PatientDecoder(parse_float=Decimal, parse_constant=_refuse),
)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _too_deep() -> InvalidSchema:
    return InvalidSchema(f"arrays and objects are nested more than {MAX_NESTING} deep")


def _check_nesting(value: JsonValue) -> None:
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _too_deep()


def _children(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def write_json(value: JsonValue) -> str:
    """The value without white space, as Jackson writes it."""
    if isinstance(value, str) or not _has_fractions(value):
        return _dumped(value)
    return "".join(_pieces(value))


def _dumped(value: JsonValue) -> str:
    text = _ENCODER.encode(value)
    if "\\u00" in text:
        # Jackson's hexadecimal digits are capital letters. A backslash before the escape would be one of a pair.
        text = _LOWER_ESCAPE.sub(lambda found: "\\u" + found[0][2:].upper(), text)
    return text


def _has_fractions(value: JsonValue) -> bool:
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, float | Decimal):
            return True
        pending.extend(_children(value))
    return False


def _pieces(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        separator = "{"
        for name, child in value.items():
            yield separator + _dumped(name) + ":"
            yield from _pieces(child)
            separator = ","
        yield "}" if value else "{}"
    elif isinstance(value, list):
        separator = "["
        for child in value:
            yield separator
            yield from _pieces(child)
            separator = ","
        yield "]" if value else "[]"
    elif isinstance(value, float):
        yield java_double(value)
    elif isinstance(value, Decimal):
        yield str(value)  # BigDecimal.toString and Decimal follow the same rule
    else:
        yield _dumped(value)


def value_text(value: JsonValue) -> str:
    """A JSON value as text, equal for equal values: members of objects in the order of their names."""
    return write_json(in_order(value))


def in_order(value: JsonValue) -> JsonValue:
    """The value with the members of all objects in the order of their names."""
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [in_order(item) for item in value]
    return value


def java_double(value: float) -> str:
    """The text of `Double.toString`, quoted where JSON has no such number."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - only NaN differs from itself
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[str(value)]
    if value == 0:
        return "-0.0" if str(value).startswith("-") else "0.0"
    sign, numerals, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, numerals)).rstrip("0")
    point = len(numerals) + exponent  # the digits' decimal point, counted from their start
    text = _plain(digits, point) if -3 < point <= 7 else f"{digits[0]}.{digits[1:] or '0'}E{point - 1}"
    return "-" + text if sign else text


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    return f"{digits[:point].ljust(point, '0')}.{digits[point:] or '0'}"


def check_text(text: str) -> str:
    """The text, if it can be sent at all: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidSchema("the schema has half of a surrogate pair, which no text can hold") from None
    return text
