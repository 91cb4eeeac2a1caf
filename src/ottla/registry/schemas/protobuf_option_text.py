"""Options of .proto files as text: `name = value`, values in protobuf's text format as Confluent's registry lays them out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Final

from ottla.registry.schemas.protobuf_elements import Bare, Option, OptionValue

MAX_EXPONENT: Final = 308
"""What a double can hold; larger numbers stay as they are written."""

_DECIMAL: Final = re.compile(r"(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,9})?[fFdD]?")
_WIDE: Final = Context(prec=MAX_EXPONENT + 10)

_ESCAPES: Final = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
    }
)


def option_text(option: Option, normalizes: bool) -> str:
    """`name = value`; a path as `(name).part = value`. `normalizes`: numbers in one form."""
    name = f"({option.name})" if option.parenthesized else option.name
    value = option.value
    if isinstance(value, Option):
        return f"{name}.{option_text(value, normalizes)}"
    text = list_text(value, normalizes) if isinstance(value, list) else _value_text(value, normalizes)
    return f"{name} = {text}"


def _value_text(value: OptionValue, normalizes: bool) -> str:
    match value:
        case Option():
            return option_text(value, normalizes)
        case Bare():
            return _number_text(value.text) if normalizes and value.is_number else value.text
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case list():
            return f"[\n{_indented([_value_text(one, normalizes) for one in value])}]"
        case dict():
            entries = [f"{key}: {_value_text(one, normalizes)}" for key, one in value.items()]
            return f"{{\n{_indented(entries)}}}"


def list_text(values: Sequence[OptionValue], normalizes: bool) -> str:
    """`[one]`, or several on a line each."""
    texts = [_value_text(value, normalizes) for value in values]
    return f"[{texts[0]}]" if len(texts) == 1 else f"[\n{_indented(texts)}]"


def _indented(entries: Sequence[str]) -> str:
    text = ",\n".join(entries)
    return "".join(f"  {line}\n" for line in text.split("\n")) if entries else ""


def _number_text(text: str) -> str:
    """A number as Java's DecimalFormat writes it: decimal, without its type's letter, three digits after the point at most."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    try:
        if digits[:2] in ("0x", "0X"):
            return f"{sign}{int(digits, 16)}"
        if digits.isdecimal():
            return f"{sign}{int(digits, 8 if digits.startswith('0') and len(digits) > 1 else 10)}"
        if not _DECIMAL.fullmatch(digits):
            return text
        number = Decimal(digits.rstrip("fFdD"))
        if number.adjusted() > MAX_EXPONENT:
            return text
        rounded = format(number.quantize(Decimal("0.001"), ROUND_HALF_EVEN, _WIDE), "f")
        return f"{sign}{rounded.rstrip('0').rstrip('.')}"
    except (ValueError, InvalidOperation):
        return text
