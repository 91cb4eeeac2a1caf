"""Schemas in Protobuf.

| module | |
|---|---|
| `protobuf_tokens`, `protobuf_options`, `protobuf_parser` | from text to `protobuf_elements` |
| `protobuf_text`, `protobuf_option_text` | elements as canonical and as normalized text |
| `protobuf_names`, `protobuf_known_files` | what a name means, and the files that need no reference |
| `protobuf_descriptor_reading`, `protobuf_descriptor_writing` | from and to protobuf's binary descriptors |
| `protobuf_soundness` | what no program could be made of |
| `protobuf_differences` | what changed, and which of it breaks readers |
| `protobuf_logical` | the columns of the first message |

Nothing is ever fetched: an import is a path that a reference or a built-in file has, or it defines nothing. An import
that nothing is used of may lead nowhere, as in Confluent's registry; files with options of code generators have many.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ottla.registry.schemas.computed_once import computed_once
from ottla.registry.schemas.protobuf_differences import Difference, Side, differences
from ottla.registry.schemas.protobuf_elements import ProtoFile
from ottla.registry.schemas.protobuf_known_files import names_in
from ottla.registry.schemas.protobuf_names import Names
from ottla.registry.schemas.protobuf_parser import parse_file
from ottla.registry.schemas.protobuf_soundness import check_sound
from ottla.registry.schemas.protobuf_text import file_text, normalized_text
from ottla.registry.schemas.protobuf_tokens import SyntaxFault
from ottla.registry.schemas.schema import (
    STRICTLY,
    Conditions,
    Reference,
    ResolvedReferences,
    Schema,
    SchemaType,
)

if TYPE_CHECKING:
    from ottla.registry.schemas.logical_types import Typed

MAX_CACHED_FILES: Final = 128
MAX_CACHED_CHARACTERS: Final = 65_536
"""Files that many schemas refer to are parsed once, if they are not long: 8 MB of text at most."""


class ProtobufSchema:
    """A parsed .proto file. Made by `parse`."""

    def __init__(
        self, file: ProtoFile, references: tuple[Reference, ...], resolved: ResolvedReferences
    ) -> None:
        self._file = file
        self._references = references
        self._resolved = resolved

    @property
    def type(self) -> SchemaType:
        return SchemaType.PROTOBUF

    @property
    def references(self) -> tuple[Reference, ...]:
        return self._references

    @computed_once
    def canonical(self) -> str:
        """The text it is stored and identified by."""
        return file_text(self._file)

    @computed_once
    def normalized(self) -> str:
        """The text all spellings share; raises InvalidSchema for a type that nothing defines."""
        return normalized_text(self._file, self._names)

    @computed_once
    def _names(self) -> Names:
        references = {reference.name: reference for reference in self._references}
        dependencies = [(_file_of(text), references.get(name)) for name, text in self._resolved.items()]
        return Names(self._file, dependencies, names_in)

    def formatted(self, format_name: str) -> str:
        """`ignore_extensions`: without extensions and custom options; `serialized`: a descriptor in base64."""
        match format_name:
            case "ignore_extensions":
                return file_text(self._file, ignore_extensions=True)
            case "serialized":
                from ottla.registry.schemas.protobuf_descriptor_writing import bytes_of_file  # noqa: PLC0415 - loads `protobuf`

                return base64.b64encode(bytes_of_file(self._file, self._names)).decode()
            case _:
                return self.canonical

    def validate(self, *, strict: bool) -> None:  # noqa: ARG002 - names with `$$` are no words of Protobuf
        """Raises InvalidSchema where a name or number is given twice, or a type is named that nothing defines."""
        _ = self.normalized
        check_sound(self._file)  # only now: names have been found not to be too long

    def has_top_level_field(self, name: str) -> bool:
        """Whether one of the messages that are not inside others has the field, outside of oneofs."""
        return any(field.name == name for message in self._file.messages for field in message.fields)

    def changes_from(self, original: ProtobufSchema) -> list[Difference]:
        """All that changed from `original` to this schema, what is harmless too."""
        return differences(Side(original._file, original._names), Side(self._file, self._names))

    def unreadable(self, writer: Schema, conditions: Conditions = STRICTLY) -> list[str]:  # noqa: ARG002
        """What keeps a reader with this schema from reading what was written with `writer`."""
        if not isinstance(writer, ProtobufSchema):
            raise TypeError(f"a Protobuf schema is compared with {writer.type}")
        changes = self.changes_from(writer)
        return [change.text for change in changes if not change.is_compatible]

    def says_the_same(self, other: Schema) -> bool:
        """An import is never written out: it stays what it is."""
        return self.canonical == other.canonical

    def logical(self) -> Typed:
        from ottla.registry.schemas.protobuf_logical import (  # noqa: PLC0415 - few subjects ask for it
            protobuf_columns,
        )

        return protobuf_columns(self._file, self._names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProtobufSchema):
            return NotImplemented
        return self.canonical == other.canonical and self._references == other._references

    def __hash__(self) -> int:
        return hash((self.canonical, self._references))

    def __repr__(self) -> str:
        return f"ProtobufSchema({self.canonical[:60]!r})"


def parse(
    text: str, references: tuple[Reference, ...], resolved: ResolvedReferences, *, new: bool = False
) -> ProtobufSchema:
    """Reads a .proto text, or a FileDescriptorProto in base64. A `new` one has to name types that exist."""
    schema = ProtobufSchema(_read(text), references, resolved)
    if new:
        schema.validate(strict=False)
    return schema


def _read(text: str) -> ProtoFile:
    try:
        return parse_file(text)
    except SyntaxFault as fault:
        try:
            serialized = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise fault from None
        if not serialized:
            raise
        from ottla.registry.schemas.protobuf_descriptor_reading import file_from_bytes  # noqa: PLC0415 - loads `protobuf`

        # By way of its text, so that nothing is kept which the text does not have: a descriptor may hold any name.
        return parse_file(file_text(file_from_bytes(serialized)))


def _file_of(text: str) -> ProtoFile:
    return _cached_file(text) if len(text) <= MAX_CACHED_CHARACTERS else _read(text)


@lru_cache(maxsize=MAX_CACHED_FILES)
def _cached_file(text: str) -> ProtoFile:
    return _read(text)
