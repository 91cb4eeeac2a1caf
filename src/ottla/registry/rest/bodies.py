"""JSON out of a request's body, so that no body holds the loop.

`json.loads` reads a body in one go during which nothing else runs, in whatever thread it is called: twenty megabytes of brackets take
a second. Nearly all of a large body is one string, the schema's text. So a large body is read member by member, strings in pieces, and
what is no string in it may not be long.
"""

from __future__ import annotations

import json
import re
from typing import Final, cast

from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import Json, JsonObject

LARGE_BODY_BYTES: Final = 128 * 1024
"""Shorter ones are read within a millisecond or two, whatever is in them."""
MAX_MEMBER_CHARACTERS: Final = 1024 * 1024
"""Of a member of a large body that is no string: metadata, rules, references."""
PIECE_CHARACTERS: Final = 256 * 1024
"""Of a string, read in one go: a millisecond or two."""
MAX_MEMBERS: Final = 64
"""Of a large body. Bodies have a dozen that are known."""

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_INSIDE: Final = re.compile(r"""(?:[^"\\]++|\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))*+""")
"""What may stand in a string: as much of it as there is, no escape cut through."""
_FIRST_HALVES: Final = frozenset(f"\\ud{digit}" for digit in "89ab")
_DECODER: Final = json.JSONDecoder()


def read_object(body: bytes) -> JsonObject:
    """The object that a body is; raises 400 for what is no JSON, 422 for another value, 413 for too much in a large one."""
    if not body.strip():
        raise RegistryError(422, "The request body must not be empty")
    try:
        if len(body) < LARGE_BODY_BYTES:
            value = json.loads(body)
        else:
            value = _members(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise RegistryError(400, f"The request body is no JSON: {reason}") from None
    if not isinstance(value, dict):
        raise _no_object()
    return cast("JsonObject", value)


def _members(text: str) -> JsonObject:
    """The object in a long text; raises ValueError."""
    at = _after_blanks(text, 0)
    if text[at] != "{":
        raise _no_object()
    members: JsonObject = {}
    at = _after_blanks(text, at + 1)
    if text[at] == "}":
        return _ended(text, at, members)
    for _ in range(MAX_MEMBERS):
        name, at = _value(text, at)
        if not isinstance(name, str):
            raise ValueError(f"a member without a name before character {at}")  # noqa: TRY004 - it is the text that is wrong
        at = _after_blanks(text, at)
        if text[at] != ":":
            raise ValueError(f"no colon at character {at}")
        members[name], at = _value(text, _after_blanks(text, at + 1))
        at = _after_blanks(text, at)
        if text[at] == "}":
            return _ended(text, at, members)
        if text[at] != ",":
            raise ValueError(f"neither a comma nor an end at character {at}")
        at = _after_blanks(text, at + 1)
    raise RegistryError(413, f"The request body has more than {MAX_MEMBERS} members")


def _value(text: str, at: int) -> tuple[Json, int]:
    """A value and where it ends."""
    if text[at] == '"':
        return _string(text, at)
    piece = text[at : at + MAX_MEMBER_CHARACTERS]
    try:
        value, end = _DECODER.raw_decode(piece)
    except ValueError:
        if len(piece) < MAX_MEMBER_CHARACTERS:
            raise
        reason = f"The request body has a member that is no string and longer than {MAX_MEMBER_CHARACTERS} characters"
        raise RegistryError(413, reason) from None
    return cast("Json", value), at + end


def _string(text: str, at: int) -> tuple[str, int]:
    """A string, piece by piece, and where it ends."""
    pieces: list[str] = []
    start = at + 1
    while True:
        found = _INSIDE.match(text, start, min(start + PIECE_CHARACTERS, len(text)))
        end = start if found is None else found.end()
        if text[end : end + 2] == "\\u" and end - start > 6 and _is_first_half(text, end - 6):
            # It makes one character with the other half.
            end -= 6
        pieces.append(_DECODER.decode(f'"{text[start:end]}"'))
        if text[end : end + 1] == '"':
            return "".join(pieces), end + 1
        if end == start:
            raise ValueError(f"no string at character {end}")
        start = end


def _is_first_half(text: str, at: int) -> bool:
    """Whether the escape of the first half of a surrogate pair stands there, no escaped backslash with letters behind it."""
    if text[at : at + 4].lower() not in _FIRST_HALVES:
        return False
    before = at
    while text[before - 1] == "\\":
        before -= 1
    return (at - before) % 2 == 0


def _after_blanks(text: str, at: int) -> int:
    """Where something stands; raises ValueError at the end."""
    found = _BLANK.match(text, at)
    end = at if found is None else found.end()
    if end >= len(text):
        raise ValueError("it ends too early")
    return end


def _ended(text: str, at: int, members: JsonObject) -> JsonObject:
    if text[at + 1 :].strip(" \t\n\r"):
        raise ValueError(f"something follows at character {at + 1}")
    return members


def _no_object() -> RegistryError:
    return RegistryError(422, "The request body must be a JSON object")
