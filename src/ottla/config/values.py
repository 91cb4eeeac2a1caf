"""The types a setting may have, read from text and printed as Apache Kafka does.

Source: Apache's ConfigDef (`parseType`, `convertToString`). A value of type CLASS stays the name it was given: there are
no Java classes to load here.
"""

from __future__ import annotations

import enum
import math
import re
import sys
from typing import TypeAlias

_JAVA_BLANKS = "".join(map(chr, range(0x21)))
"""What Java's `String.trim` takes off: everything up to and including the space."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?")
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}
_LIST_SEPARATOR = re.compile(r"\s*,\s*", re.ASCII)


class Type(enum.Enum):
    """The type of a setting; the value is its number in a DescribeConfigs answer."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Password:
    """A secret, which prints as `[hidden]` wherever it may turn up."""

    __slots__ = ("secret",)

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return "[hidden]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and other.secret == self.secret

    def __hash__(self) -> int:
        return hash(self.secret)


Value: TypeAlias = bool | int | float | str | tuple[str, ...] | Password | None
"""What a setting holds: by its type a bool, an int, a float, a str, a tuple of str, a Password; or None when not set."""

INT_MAX = 2**31 - 1
"""Java's Integer.MAX_VALUE, Apache's "no limit" for numbers of 32 bits."""

LONG_MAX = 2**63 - 1
"""Java's Long.MAX_VALUE, Apache's "never" or "no limit" for numbers of 64 bits."""

DOUBLE_MAX = sys.float_info.max
"""Java's Double.MAX_VALUE."""

_BITS = {Type.SHORT: 16, Type.INT: 32, Type.LONG: 64}


class WrongTypeError(ValueError):
    """The text can't be read as the type; the message is Apache's."""


def parse(kind: Type, text: str) -> Value:
    """Read `text` as a value of `kind`; raises `WrongTypeError`."""
    text = text.strip(_JAVA_BLANKS)
    match kind:
        case Type.BOOLEAN:
            return _parse_boolean(text)
        case Type.SHORT | Type.INT | Type.LONG:
            return _parse_integer(kind, text)
        case Type.DOUBLE:
            return _parse_double(text)
        case Type.LIST:
            return tuple(_LIST_SEPARATOR.split(text)) if text else ()
        case Type.PASSWORD:
            return Password(text)
        case Type.STRING | Type.CLASS:
            return text


def _parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise WrongTypeError("Expected value to be either true or false")
    return lowered == "true"


def _parse_integer(kind: Type, text: str) -> int:
    limit = 1 << (_BITS[kind] - 1)
    # Twenty digits hold every 64-bit integer with its sign; more are refused before int() spends time on them.
    if _INTEGER.fullmatch(text) and len(text) <= 40 and -limit <= int(text) < limit:
        return int(text)
    raise WrongTypeError(f"Not a number of type {kind.name}")


def _parse_double(text: str) -> float:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if _DECIMAL.fullmatch(text):
        return float(text.rstrip("fFdD"))
    raise WrongTypeError("Not a number of type DOUBLE")


def print_value(value: Value) -> str | None:
    """The value as Apache's `convertToString` prints it; None stays None, a secret stays hidden."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return print_double(value)
        case tuple():
            return ",".join(value)
        case Password():
            return repr(value)
        case _:
            return str(value)


def print_double(value: float) -> str:
    """The number as Java's `Double.toString` prints it: `0.5`, `2.147483647E9`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    mantissa, exponent = _scientific(repr(abs(value)))
    return f"{'-' if value < 0 else ''}{mantissa}E{exponent}"


def _scientific(digits_text: str) -> tuple[str, int]:
    number, _, power = digits_text.partition("e")
    whole, _, fraction = number.partition(".")
    digits = whole + fraction
    first = next(index for index, digit in enumerate(digits) if digit != "0")
    exponent = int(power or 0) + len(whole) - 1 - first
    kept = digits[first:].rstrip("0")
    return f"{kept[0]}.{kept[1:] or '0'}", exponent
