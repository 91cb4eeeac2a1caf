"""From elements to `FileDescriptorProto`, protobuf's own description of a file, and the pool that knows its options.

What clients ask for with `format=serialized`. Maps are spelled out as messages of entries and groups as messages, names are full
ones where anything defines them. Options are written as far as they are protobuf's own or Confluent's metadata
(`confluent/meta.proto`): the bytes of any other can't be made without the file that defines it.

Importing this module loads the `protobuf` package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final, cast

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_encoding,
    text_format,
)
from google.protobuf.descriptor import FieldDescriptor

from ottla.registry.schemas.protobuf_elements import (
    MAX_TAG,
    SCALARS,
    Bare,
    Enum,
    Extend,
    Field,
    Group,
    Message,
    Option,
    OptionValue,
    ProtoFile,
    Range,
    Service,
    map_types,
)
from ottla.registry.schemas.protobuf_known_files import META_PATH, confluent_file
from ottla.registry.schemas.protobuf_names import Names
from ottla.registry.schemas.schema import InvalidSchema

FILE_NAME: Final = "default"
"""What the original calls every file."""

MAX_OPTION_DEPTH: Final = 32

LABELS: Final = {"optional": 1, "required": 2, "repeated": 3}
TYPES: Final = {name: cast("int", getattr(FieldDescriptor, f"TYPE_{name.upper()}")) for name in SCALARS}
"""The numbers of `FieldDescriptorProto`."""
_INT32_MAX: Final = 2**31 - 1


@cache
def pool_of_options() -> Any:
    """A pool of our own: in the process's default one our files would meet those of a client library."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    meta = descriptor_pb2.FileDescriptorProto()
    file = confluent_file(META_PATH)
    _fill_file(meta, file, Names(file), with_options=False)
    meta.name = META_PATH
    pool.AddSerializedFile(meta.SerializeToString())
    return pool


@cache
def file_class() -> type[Any]:
    return cast(
        "type[Any]",
        message_factory.GetMessageClass(
            pool_of_options().FindMessageTypeByName("google.protobuf.FileDescriptorProto")
        ),
    )


def bytes_of_file(file: ProtoFile, names: Names) -> bytes:
    """The file as a serialized FileDescriptorProto; names that nothing defines stay as they are written."""
    descriptor = file_class()()
    try:
        _fill_file(descriptor, file, names)
    except ValueError as error:  # a number that the descriptor has no room for
        raise InvalidSchema(f"the schema makes no valid descriptor: {error}") from None
    return cast("bytes", descriptor.SerializeToString(deterministic=True))


def _fill_file(descriptor: Any, file: ProtoFile, names: Names, *, with_options: bool = True) -> None:
    filling = _Filling(file, names, with_options=with_options)
    descriptor.name = FILE_NAME
    if file.package:
        descriptor.package = file.package
    if file.is_edition:
        descriptor.syntax = "editions"
        descriptor.edition = _edition(file.syntax or "")
    elif file.syntax is not None and file.syntax != "proto2":
        descriptor.syntax = file.syntax
    for path in (*file.imports, *file.public_imports, *file.weak_imports):
        descriptor.dependency.append(path)
    plain, public = len(file.imports), len(file.public_imports)
    descriptor.public_dependency.extend(range(plain, plain + public))
    descriptor.weak_dependency.extend(range(plain + public, len(descriptor.dependency)))
    filling.fill_types(descriptor.message_type, descriptor.enum_type, file.types)
    filling.fill_extends(descriptor.extension, file.extends, descriptor.message_type)
    for service in file.services:
        filling.fill_service(descriptor.service.add(), service)
    filling.fill_options(descriptor, file.options)


def _edition(year: str) -> int:
    try:
        return cast("int", descriptor_pb2.Edition.Value(f"EDITION_{year}"))
    except ValueError:
        raise InvalidSchema(f"the edition {year} is not known") from None


class _Filling:
    """Fills descriptors; `scope` has the messages around what is filled."""

    __slots__ = ("_file", "_names", "_scope", "_with_options")

    def __init__(self, file: ProtoFile, names: Names, *, with_options: bool) -> None:
        self._file = file
        self._names = names
        self._with_options = with_options
        self._scope: list[str] = []

    def fill_types(self, messages: Any, enums: Any, types: Iterable[Message | Enum]) -> None:
        for one in types:
            if isinstance(one, Message):
                self._fill_message(messages.add(), one)
            else:
                self._fill_enum(enums.add(), one)

    def _fill_message(self, descriptor: Any, message: Message) -> None:
        descriptor.name = message.name
        self._scope.append(message.name)
        self.fill_types(descriptor.nested_type, descriptor.enum_type, message.types)
        for index, oneof in enumerate(message.oneofs):
            declared = descriptor.oneof_decl.add(name=oneof.name)
            self.fill_options(declared, oneof.options)
            for field in oneof.fields:
                self._fill_field(descriptor.field.add(oneof_index=index), field)
            for group in oneof.groups:
                self._fill_group(descriptor.nested_type, descriptor.field.add(oneof_index=index), group)
        for field in message.fields:
            self._fill_field_of_message(descriptor, field)
        for group in message.groups:
            self._fill_group(descriptor.nested_type, descriptor.field.add(), group)
        for value in (one for ranges in message.reserved for one in ranges):
            if isinstance(value, str):
                descriptor.reserved_name.append(value)
            else:
                start, end = _ends(value)
                descriptor.reserved_range.add(start=start, end=end + 1)
        for extensions in message.extensions:
            for start, end in map(_ends, extensions.values):
                last = _INT32_MAX - 1 if end == MAX_TAG and message.is_message_set else end
                self.fill_options(
                    descriptor.extension_range.add(start=start, end=last + 1), extensions.options
                )
        self.fill_extends(descriptor.extension, message.extends, descriptor.nested_type)
        self._scope.pop()
        self.fill_options(descriptor, message.options)

    def _fill_field_of_message(self, descriptor: Any, field: Field) -> None:
        filled = descriptor.field.add()
        types = map_types(field.type)
        if types is not None:
            entry = descriptor.nested_type.add(name=f"{_camel_case(field.name)}Entry")
            entry.options.map_entry = True
            for number, (name, type_name) in enumerate(zip(("key", "value"), types, strict=True), 1):
                self._fill_field(entry.field.add(), Field(None, type_name, name, number))
            full_name = [self._file.package or "", *self._scope, entry.name]
            filled.type_name = "." + ".".join(part for part in full_name if part)
            field = field._replace(label="repeated")
        self._fill_field(filled, field)
        if field.label == "optional" and self._file.syntax == "proto3":
            filled.proto3_optional = True
            filled.oneof_index = len(descriptor.oneof_decl)
            descriptor.oneof_decl.add(name=_synthetic_name(field.name, descriptor))

    def _fill_field(self, filled: Any, field: Field) -> None:
        filled.name = field.name
        filled.number = field.tag
        filled.label = LABELS[field.label or "optional"]
        if filled.type_name:
            filled.type = FieldDescriptor.TYPE_MESSAGE
        else:
            self._fill_type(filled, field.type)
        if field.default is not None:
            filled.default_value = _default(field.type, field.default)
        if field.json_name is not None:
            filled.json_name = field.json_name
        self.fill_options(filled, field.options)

    def _fill_type(self, filled: Any, type_name: str) -> None:
        if type_name in SCALARS:
            filled.type = TYPES[type_name]
            return
        filled.type_name = self._full_name(type_name)
        found = self._names.find(filled.type_name.removeprefix("."))
        if found is not None:
            is_enum = isinstance(found.element, Enum)
            filled.type = FieldDescriptor.TYPE_ENUM if is_enum else FieldDescriptor.TYPE_MESSAGE

    def _full_name(self, name: str) -> str:
        full_name = self._names.resolve(name, self._file.package or "", self._scope)
        return name if full_name is None else f".{full_name}"

    def _fill_group(self, bodies: Any, filled: Any, group: Group) -> None:
        filled.name = group.name.lower()
        filled.number = group.tag
        filled.label = LABELS[group.label or "optional"]
        filled.type = FieldDescriptor.TYPE_GROUP
        parts = [self._file.package or "", *self._scope, group.name]
        filled.type_name = "." + ".".join(part for part in parts if part)
        self.fill_options(filled, group.options)
        self._fill_message(bodies.add(), group.body)

    def fill_extends(self, extensions: Any, extends: Iterable[Extend], bodies: Any) -> None:
        for extend in extends:
            extendee = self._full_name(extend.name)
            for field in extend.fields:
                self._fill_field(extensions.add(extendee=extendee), field)
            for group in extend.groups:
                self._fill_group(bodies, extensions.add(extendee=extendee), group)

    def _fill_enum(self, descriptor: Any, enum: Enum) -> None:
        descriptor.name = enum.name
        for constant in enum.constants:
            value = descriptor.value.add(name=constant.name, number=constant.tag)
            self.fill_options(value, constant.options)
        for value in (one for ranges in enum.reserved for one in ranges):
            if isinstance(value, str):
                descriptor.reserved_name.append(value)
            else:
                start, end = _ends(value)
                descriptor.reserved_range.add(start=start, end=_INT32_MAX if end == MAX_TAG else end)
        self.fill_options(descriptor, enum.options)

    def fill_service(self, descriptor: Any, service: Service) -> None:
        descriptor.name = service.name
        for rpc in service.rpcs:
            method = descriptor.method.add(
                name=rpc.name,
                input_type=self._full_name(rpc.request),
                output_type=self._full_name(rpc.response),
            )
            if rpc.request_streams:
                method.client_streaming = True
            if rpc.response_streams:
                method.server_streaming = True
            self.fill_options(method, rpc.options)
        self.fill_options(descriptor, service.options)

    def fill_options(self, descriptor: Any, options: Sequence[Option]) -> None:
        for option in options:
            # The pool that knows options can't be asked while confluent/meta.proto is being put into it.
            if not self._with_options:
                continue
            name = option.name.removeprefix(".")
            if option.parenthesized:
                full_name = self._names.resolve_extension(option.name, self._file.package or "", self._scope)
                name = full_name or name
            text = _text(name, option)
            target = type(descriptor.options)()
            try:
                text_format.Merge(text, target, descriptor_pool=pool_of_options())
            except text_format.ParseError:
                continue  # an option of another file, or none at all: nothing that a reader of the data needs
            descriptor.options.MergeFrom(target)


def _text(name: str, option: Option) -> str:
    """An option in text format; the parts of a dotted name are messages in each other."""
    parts = [f"[{name}]"] if option.parenthesized else name.split(".")
    value = option.value
    while isinstance(value, Option):
        parts += [f"[{value.name[1:-1]}]" if value.name.startswith("(") else value.name]
        value = value.value
    text = _value_text(value)
    for part in reversed(parts):
        text = f"{{ {part}: {text} }}"
    return text[1:-1]


def _value_text(value: OptionValue, depth: int = 0) -> str:
    if depth > MAX_OPTION_DEPTH:
        raise InvalidSchema(
            f"an option nests more than {MAX_OPTION_DEPTH} deep, which no descriptor can tell"
        )
    match value:
        case Bare():
            return value.text
        case str():
            return f'"{text_encoding.CEscape(value, as_utf8=True)}"'
        case list():
            return f"[{', '.join(_value_text(one, depth + 1) for one in value)}]"
        case dict():
            return (
                "{ " + " ".join(f"{key}: {_value_text(one, depth + 1)}" for key, one in value.items()) + " }"
            )
        case Option():
            return f"{{ {value.name}: {_value_text(value.value, depth + 1)} }}"


def _ends(value: Range) -> tuple[int, int]:
    match value:
        case int():
            return value, value
        case str():
            raise InvalidSchema(f"{value} is no number of a field")
        case _:
            return value


def _camel_case(name: str) -> str:
    """`some_name` as `SomeName`, as protoc names a map's entries."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _synthetic_name(name: str, descriptor: Any) -> str:
    """The oneof that an optional field of proto3 is alone in: `_name`, with an X before it while that is taken."""
    taken = {one.name for one in descriptor.oneof_decl} | {one.name for one in descriptor.field}
    synthetic = name if name.startswith("_") else f"_{name}"
    while synthetic in taken:
        synthetic = f"X{synthetic}"
    return synthetic


def _default(type_name: str, default: str) -> str:
    if type_name == "bytes":
        return cast("str", text_encoding.CEscape(default.encode("latin-1", "replace"), as_utf8=False))
    if type_name in ("string", "bool"):
        return default
    if type_name in ("float", "double"):
        return _float_text(default)
    digits = default.removeprefix("-")
    try:
        octal = digits.startswith("0") and digits.isdecimal()
        return str(int(default, 8 if octal else 0))
    except ValueError:
        return default


def _float_text(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    whole = number == number // 1 and abs(number) < 1e15
    return str(int(number)) if whole else str(number)
