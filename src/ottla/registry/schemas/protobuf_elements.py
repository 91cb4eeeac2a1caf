"""A .proto file as it is written: every declaration in its order, nothing resolved.

The parts and their names are those of Square's wire (`ProtoFileElement`…), through which Confluent's registry reads and
writes Protobuf, because the canonical text is defined by what these parts keep: order and options do, comments and
spacing do not.

```
ProtoFile ─┬─ Message ─┬─ Field, OneOf ─ Field, Group ─ Message
           │           ├─ Reserved, Extensions, Extend ─ Field, Group
           │           └─ Message, Enum …
           ├─ Enum ────── EnumConstant
           ├─ Extend ──── Field, Group
           └─ Service ─── Rpc
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

MAX_TAG: Final = 536_870_911
"""The largest number of a field, 2^29 - 1; ranges write it `max`."""

SCALARS: Final = frozenset(
    [
        "bool",
        "bytes",
        "double",
        "fixed32",
        "fixed64",
        "float",
        "int32",
        "int64",
        "sfixed32",
        "sfixed64",
        "sint32",
        "sint64",
        "string",
        "uint32",
        "uint64",
    ]
)


class Bare(NamedTuple):
    """A number, a boolean or an enum's constant in an option: what stands without quotes."""

    text: str

    @property
    def is_number(self) -> bool:
        """Told by the first character alone, so `-inf` is one and `inf` is none."""
        return self.text[0] in "-0123456789"


class Option(NamedTuple):
    """`name = value`; a value that is an Option itself is a path: `(name).inner = value`."""

    name: str
    value: OptionValue
    parenthesized: bool = False


OptionValue: TypeAlias = "str | Bare | Option | list[OptionValue] | dict[str, OptionValue]"
"""A str was quoted; a dict is a message in text format, whose repeated keys became one list."""

Range: TypeAlias = "int | tuple[int, int] | str"
"""One number, a range with both ends in it, or a reserved name."""


class Field(NamedTuple):
    """A field. `type` is as written, `map<K, V>` for maps; `default` and `json_name` are no options here."""

    label: str | None
    type: str
    name: str
    tag: int
    options: tuple[Option, ...] = ()
    default: str | None = None
    json_name: str | None = None


class Group(NamedTuple):
    """A group of proto2: a field and its message, the `body`, in one."""

    label: str | None
    name: str
    tag: int
    body: Message
    options: tuple[Option, ...] = ()


class OneOf(NamedTuple):
    name: str
    fields: tuple[Field, ...]
    groups: tuple[Group, ...] = ()
    options: tuple[Option, ...] = ()


class Extensions(NamedTuple):
    """The tags that other files may extend a message by."""

    values: tuple[Range, ...]
    options: tuple[Option, ...] = ()


class Extend(NamedTuple):
    """Fields added to a message elsewhere; `name` is that message's, as written."""

    name: str
    fields: tuple[Field, ...]
    groups: tuple[Group, ...] = ()


class EnumConstant(NamedTuple):
    name: str
    tag: int
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Enum:
    name: str
    constants: tuple[EnumConstant, ...]
    options: tuple[Option, ...] = ()
    reserved: tuple[tuple[Range, ...], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """A message. `types` holds nested messages and enums in their common order."""

    name: str
    fields: tuple[Field, ...] = ()
    oneofs: tuple[OneOf, ...] = ()
    groups: tuple[Group, ...] = ()
    types: tuple[Message | Enum, ...] = ()
    options: tuple[Option, ...] = ()
    reserved: tuple[tuple[Range, ...], ...] = ()
    extensions: tuple[Extensions, ...] = ()
    extends: tuple[Extend, ...] = ()

    @property
    def nested(self) -> tuple[Message | Enum, ...]:
        """All that is defined inside: the types, and the messages of groups."""
        groups = [
            *self.groups,
            *(group for oneof in self.oneofs for group in oneof.groups),
            *(group for extend in self.extends for group in extend.groups),
        ]
        return (*self.types, *(group.body for group in groups)) if groups else self.types

    @property
    def is_map_entry(self) -> bool:
        """Whether this stands for the entries of a map, as descriptors spell maps out."""
        return self._is_set("map_entry")

    @property
    def is_message_set(self) -> bool:
        """Whether its extensions may have any number of 31 bits, as messages of old have."""
        return self._is_set("message_set_wire_format")

    def _is_set(self, name: str) -> bool:
        written = [option.value for option in self.options if option.name == name]
        return bool(written) and written[-1] == Bare("true")

    def entry_type(self) -> str | None:
        """The map that this message's entries make, `map<K, V>`; None if it is no map entry."""
        if not self.is_map_entry:
            return None
        types = {field.name: field.type for field in self.fields}
        return f"map<{types['key']}, {types['value']}>" if {"key", "value"} <= types.keys() else None


class Rpc(NamedTuple):
    name: str
    request: str
    response: str
    request_streams: bool = False
    response_streams: bool = False
    options: tuple[Option, ...] = ()


class Service(NamedTuple):
    name: str
    rpcs: tuple[Rpc, ...]
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ProtoFile:
    """A file. `syntax` is "proto2", "proto3", an edition's year ("2023"), or None where the file does not tell."""

    syntax: str | None = None
    package: str | None = None
    imports: tuple[str, ...] = ()
    public_imports: tuple[str, ...] = ()
    weak_imports: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    types: tuple[Message | Enum, ...] = ()
    extends: tuple[Extend, ...] = ()
    services: tuple[Service, ...] = ()

    @property
    def is_edition(self) -> bool:
        return self.syntax is not None and self.syntax[0].isdigit()

    @property
    def messages(self) -> list[Message]:
        return [one for one in self.types if isinstance(one, Message)]


def map_types(type_name: str) -> tuple[str, str] | None:
    """The types of a map's keys and values; None if `type_name` is no `map<K, V>`."""
    if not type_name.startswith("map<"):
        return None
    key, _, value = type_name[4:-1].partition(", ")
    return key, value
