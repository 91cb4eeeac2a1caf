"""The full names of the records that a schema describes, as subjects are named by them.

    AVRO       namespace.name of the record, or of the enum or fixed type
    JSON       the title
    PROTOBUF   package.Message, package.Message.Nested, by the indexes that a record's content begins with

A schema is the registry's, which has checked it; what is not understood here has no name, and records of it fit no subject.

Source: Confluent's `AvroSchema#name`, `JsonSchema#name`, `ProtobufSchema#toMessageName`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

MessageIndexes = tuple[int, ...]
RecordNames = Mapping[MessageIndexes, str]
"""Of Avro and JSON one name, by no indexes."""

MESSAGES_MAX: Final = 10_000
"""Messages of one file of Protobuf; further ones have no name."""

_NOT_CODE: Final = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*|[{};]")
_DECLARE_MESSAGES: Final = ("message", "group")
_TRANSPARENT: Final = ("oneof", "extend")
"""A group inside them is a message of the one around them."""


def record_names(schema_type: str, text: str) -> RecordNames:
    """The names by message indexes; empty where there is none."""
    if schema_type == "PROTOBUF":
        return _protobuf_names(text)
    try:
        schema = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(schema, dict):
        return {}
    name = _avro_name(schema) if schema_type == "AVRO" else schema.get("title")
    return {(): name} if isinstance(name, str) and name else {}


def name_of(names: RecordNames, message: MessageIndexes) -> str | None:
    """The name of one record, whose content began with these indexes."""
    return names.get((), names.get(message))


def _avro_name(schema: Mapping[str, object]) -> str | None:
    name, namespace = schema.get("name"), schema.get("namespace")
    if not isinstance(name, str):
        return None
    return f"{namespace}.{name}" if isinstance(namespace, str) and namespace and "." not in name else name


def _protobuf_names(text: str) -> RecordNames:
    words = _WORD.findall(_NOT_CODE.sub(" ", text))
    package = ""
    names: dict[MessageIndexes, str] = {}
    scopes = [_Scope((), "", [0])]
    for place, word in enumerate(words):
        if word == "{":
            keyword, declared = (words[place - 2], words[place - 1]) if place >= 2 else ("", "")
            scope = scopes[-1].inner(keyword, declared)
            if keyword in _DECLARE_MESSAGES and scope.indexes is not None and len(names) < MESSAGES_MAX:
                names[scope.indexes] = scope.name
            scopes.append(scope)
        elif word == "}" and len(scopes) > 1:
            scopes.pop()
        elif len(scopes) == 1 and place and words[place - 1] == "package":
            package = f"{word}."
    return {indexes: f"{package}{name}" for indexes, name in names.items()}


class _Scope(NamedTuple):
    """Between two braces."""

    indexes: MessageIndexes | None
    """None: no message, and none inside it either."""
    name: str
    messages: list[int]
    """How many it holds so far, in its only item: a `oneof` counts for the message around it."""

    def inner(self, keyword: str, declared: str) -> _Scope:
        if self.indexes is not None and keyword in _DECLARE_MESSAGES:
            number = self.messages[0]
            self.messages[0] += 1
            return _Scope((*self.indexes, number), f"{self.name}.{declared}".removeprefix("."), [0])
        if keyword in _TRANSPARENT:
            return self
        return _Scope(None, "", [0])
