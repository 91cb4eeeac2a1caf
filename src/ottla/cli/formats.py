"""How keys and values look: from what a person types to bytes, and back.

`string` is UTF-8. Bytes that are not UTF-8 are never mangled: in JSON they become `{"base64": "…"}`, which `produce`
reads back as the same bytes; in plain text their odd bytes are written `\\xNN`.
Numbers are big-endian, as Kafka's own serializers write them.
"""

import base64
import binascii
import json
import struct
from enum import StrEnum

from ottla.cli.errors import UsageError


class Format(StrEnum):
    """How a key or value is written."""

    STRING = "string"
    JSON = "json"
    HEX = "hex"
    BASE64 = "base64"
    SHORT = "short"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"


FORMAT_HELP = ", ".join(one.value for one in Format)

_NUMBERS = {
    Format.SHORT: struct.Struct(">h"),
    Format.INTEGER: struct.Struct(">i"),
    Format.LONG: struct.Struct(">q"),
    Format.FLOAT: struct.Struct(">f"),
    Format.DOUBLE: struct.Struct(">d"),
}


def encode(value: object, form: Format, where: str) -> bytes | None:
    """Bytes of `value`: text as typed, or a value out of JSON. None, the null of Kafka's, stays None."""
    if value is None:
        return None
    if isinstance(value, dict) and set(value) == {"base64"} and form is not Format.JSON:
        form, value = Format.BASE64, value["base64"]
    try:
        return _encode(value, form)
    except (ValueError, struct.error, binascii.Error, OverflowError) as error:
        raise UsageError(
            f"{_shortened(value)} is no {form.value}: {error}",
            where=where,
            remedy="correct the input, or choose another --key-format or --value-format",
        ) from None


def _encode(value: object, form: Format) -> bytes:
    number = _NUMBERS.get(form)
    if number is not None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("not a number")
        return number.pack(float(value) if form in {Format.FLOAT, Format.DOUBLE} else int(value))
    if form is Format.JSON:
        parsed = json.loads(value) if isinstance(value, str) else value
        return json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode()
    if not isinstance(value, str):
        # A JSON input whose value is an object or a number, written as strings are: as its JSON text.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if form is Format.HEX:
        return bytes.fromhex(value)
    if form is Format.BASE64:
        return base64.b64decode(value, validate=True)
    return value.encode("utf-8", "surrogateescape")


def decode(stored: bytes | None, form: Format, where: str) -> object:
    """The value that JSON output shows for these bytes."""
    if stored is None:
        return None
    number = _NUMBERS.get(form)
    if number is not None:
        if len(stored) != number.size:
            raise _misread(stored, form, where, f"{len(stored)} bytes, not {number.size}")
        return number.unpack(stored)[0]
    if form is Format.HEX:
        return stored.hex()
    if form is Format.BASE64:
        return base64.b64encode(stored).decode()
    try:
        text = stored.decode()
        return json.loads(text) if form is Format.JSON else text
    except UnicodeDecodeError as error:
        if form is Format.STRING:
            return {"base64": base64.b64encode(stored).decode()}
        raise _misread(stored, form, where, str(error)) from None
    except ValueError as error:
        raise _misread(stored, form, where, str(error)) from None


def decode_text(stored: bytes | None, form: Format, where: str, *, null: str = "null") -> str:
    """The text that people see for these bytes."""
    if stored is None:
        return null
    if form is Format.STRING:
        return stored.decode("utf-8", "backslashreplace")
    value = decode(stored, form, where)
    return json.dumps(value, ensure_ascii=False) if form is Format.JSON else str(value)


def _misread(stored: bytes, form: Format, where: str, reason: str) -> UsageError:
    return UsageError(
        f"{_shortened(stored)} is no {form.value}: {reason}",
        where=where,
        remedy="choose another --key-format or --value-format; hex and base64 show any bytes",
    )


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
