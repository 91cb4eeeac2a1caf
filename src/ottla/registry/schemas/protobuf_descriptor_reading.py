"""From `FileDescriptorProto` to elements: what clients that compile their messages register, in base64.

A descriptor knows no comments, and spells maps out as messages of entries; these stay spelled out, since the canonical
text is what the client meant. The message of a group goes back into it. Of options, those that can be written are read
(`protobuf_descriptor_writing.py`).

Importing this module loads the `protobuf` package.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf import (
    descriptor_pb2,
    text_encoding,
)
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from ottla.registry.schemas.protobuf_descriptor_writing import LABELS, TYPES, file_class
from ottla.registry.schemas.protobuf_elements import (
    Bare,
    Enum,
    EnumConstant,
    Extend,
    Extensions,
    Field,
    Group,
    Message,
    OneOf,
    Option,
    OptionValue,
    ProtoFile,
    Range,
    Rpc,
    Service,
)
from ottla.registry.schemas.schema import InvalidSchema

_LABEL_NAMES: Final = {number: name for name, number in LABELS.items()}
_TYPE_NAMES: Final = {number: name for name, number in TYPES.items()}
_AFTER_THOSE: Final = 1_000

# The original writes these in this order, before all others.
_OPTION_ORDER: Final = {
    name: index
    for index, name in enumerate(
        [
            "java_package",
            "java_outer_classname",
            "java_multiple_files",
            "java_generate_equals_and_hash",
            "java_string_check_utf8",
            "optimize_for",
            "go_package",
            "cc_generic_services",
            "java_generic_services",
            "py_generic_services",
            "php_generic_services",
            "no_standard_descriptor_accessor",
            "ctype",
            "packed",
            "jstype",
            "allow_alias",
            "deprecated",
            "map_entry",
            "cc_enable_arenas",
            "objc_class_prefix",
            "csharp_namespace",
            "swift_prefix",
            "php_class_prefix",
            "php_namespace",
            "php_metadata_namespace",
            "ruby_package",
            "idempotency_level",
        ]
    )
}


def file_from_bytes(serialized: bytes) -> ProtoFile:
    """The elements of a serialized FileDescriptorProto; raises InvalidSchema for bytes that are none."""
    descriptor = file_class()()
    try:
        descriptor.ParseFromString(serialized)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise InvalidSchema(f"the bytes are no FileDescriptorProto: {error}") from None
    return _Reading(descriptor).file()


class _Reading:
    """From a descriptor to elements."""

    __slots__ = ("_descriptor", "_is_proto3", "_labels_optional")

    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor
        self._is_proto3 = descriptor.syntax == "proto3"
        self._labels_optional = descriptor.syntax in ("", "proto2")

    def file(self) -> ProtoFile:
        one = self._descriptor
        public = set(one.public_dependency)
        extends, bodies = self._extends(one.extension, one.message_type)
        weak = set(one.weak_dependency)
        imports = list(enumerate(one.dependency))
        return ProtoFile(
            self._syntax(),
            one.package or None,
            tuple(path for index, path in imports if index not in public and index not in weak),
            tuple(path for index, path in imports if index in public),
            tuple(path for index, path in imports if index in weak and index not in public),
            _options(one),
            (*self._messages(one.message_type, bodies), *map(_enum, one.enum_type)),
            extends,
            tuple(map(_service, one.service)),
        )

    def _syntax(self) -> str | None:
        one = self._descriptor
        if one.syntax == "editions":
            return str(descriptor_pb2.Edition.Name(one.edition)).removeprefix("EDITION_")
        return str(one.syntax) or None

    def _message(self, one: Any) -> Message:
        extends, bodies = self._extends(one.extension, one.nested_type)
        top = _Members()
        oneofs = [_Members() for _ in one.oneof_decl]
        for field in one.field:
            in_oneof = field.HasField("oneof_index") and not field.proto3_optional
            if in_oneof and field.oneof_index not in range(len(oneofs)):
                raise InvalidSchema(f"the field {field.name} is in a oneof that is not declared")
            members = oneofs[field.oneof_index] if in_oneof else top
            body = _body_of_group(field, one.nested_type)
            if body is None:
                members.fields.append(self._field(field, in_oneof=in_oneof))
            else:
                bodies.add(body.name)
                members.groups.append(self._group(field, body, in_oneof=in_oneof))
        return Message(
            one.name,
            tuple(top.fields),
            tuple(
                OneOf(declared.name, tuple(members.fields), tuple(members.groups), _options(declared))
                for declared, members in zip(one.oneof_decl, oneofs, strict=True)
                if members.fields or members.groups
            ),
            tuple(top.groups),
            (*self._messages(one.nested_type, bodies), *map(_enum, one.enum_type)),
            _options(one),
            (
                *((_range(reserved.start, reserved.end - 1),) for reserved in one.reserved_range),
                *((name,) for name in one.reserved_name),
            ),
            tuple(
                Extensions((_range(extension.start, extension.end - 1),), _options(extension))
                for extension in one.extension_range
            ),
            extends,
        )

    def _messages(self, messages: Iterable[Any], bodies: set[str]) -> Iterable[Message]:
        return (self._message(one) for one in messages if one.name not in bodies)

    def _extends(self, fields: Iterable[Any], messages: Iterable[Any]) -> tuple[tuple[Extend, ...], set[str]]:
        """What is extended, and the names of those messages beside it that are groups' bodies."""
        by_message: dict[str, _Members] = {}
        bodies = set()
        for field in fields:
            members = by_message.setdefault(field.extendee, _Members())
            body = _body_of_group(field, messages)
            if body is None:
                members.fields.append(self._field(field))
            else:
                bodies.add(body.name)
                members.groups.append(self._group(field, body))
        extends = (
            Extend(name, tuple(members.fields), tuple(members.groups)) for name, members in by_message.items()
        )
        return tuple(extends), bodies

    def _group(self, one: Any, body: Any, *, in_oneof: bool = False) -> Group:
        label = None if in_oneof else _LABEL_NAMES[one.label]
        return Group(label, body.name, one.number, self._message(body), _options(one))

    def _field(self, one: Any, *, in_oneof: bool = False) -> Field:
        label: str | None = None
        if one.proto3_optional:
            label = "optional"
        elif not in_oneof and (one.label == LABELS["repeated"] or self._labels_optional):
            label = _LABEL_NAMES[one.label]
        default = one.default_value if one.HasField("default_value") and not self._is_proto3 else None
        if default is not None and one.type == TYPES["bytes"]:
            default = text_encoding.CUnescape(default).decode("latin-1")
        return Field(
            label,
            one.type_name or _TYPE_NAMES.get(one.type, "message"),
            one.name,
            one.number,
            _options(one),
            default,
            one.json_name if one.HasField("json_name") else None,
        )


class _Members:
    """The fields and groups of a message, a oneof or an extension, as they are read."""

    __slots__ = ("fields", "groups")

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.groups: list[Group] = []


def _body_of_group(field: Any, messages: Iterable[Any]) -> Any:
    """The message beside a group's field that is its body; None for any other field."""
    if field.type != FieldDescriptor.TYPE_GROUP:
        return None
    name = field.type_name.rpartition(".")[2]
    return next((one for one in messages if one.name == name and name.lower() == field.name), None)


def _enum(one: Any) -> Enum:
    return Enum(
        one.name,
        tuple(EnumConstant(value.name, value.number, _options(value)) for value in one.value),
        _options(one),
        (
            *((_range(reserved.start, reserved.end),) for reserved in one.reserved_range),
            *((name,) for name in one.reserved_name),
        ),
    )


def _service(one: Any) -> Service:
    return Service(
        one.name,
        tuple(
            Rpc(
                method.name,
                method.input_type,
                method.output_type,
                method.client_streaming,
                method.server_streaming,
                _options(method),
            )
            for method in one.method
        ),
        _options(one),
    )


def _range(start: int, end: int) -> Range:
    return start if start == end else (start, end)


def _options(one: Any) -> tuple[Option, ...]:
    if not one.HasField("options"):
        return ()
    found = []
    for field, value in one.options.ListFields():
        if field.name == "uninterpreted_option":
            continue
        name = field.full_name if field.is_extension else field.name
        order = _OPTION_ORDER.get(name, _AFTER_THOSE + field.number)
        found.append((order, Option(name, _option_value(field, value), field.is_extension)))
    return tuple(option for _, option in sorted(found, key=lambda entry: entry[0]))


def _option_value(field: Any, value: Any) -> OptionValue:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return [_entry(key, value[key]) for key in sorted(value)]
    if field.is_repeated:
        return [_single_value(field, one) for one in value]
    return _single_value(field, value)


def _entry(key: str, value: str) -> OptionValue:
    # The original has the value of these two first.
    return {"value": value, "key": key} if key in ("precision", "scale") else {"key": key, "value": value}


def _single_value(field: Any, value: Any) -> OptionValue:
    if isinstance(value, ProtobufMessage):
        return {inner.name: _option_value(inner, one) for inner, one in value.ListFields()}
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, bool):
        return Bare("true" if value else "false")
    if field.enum_type is not None:
        constant = field.enum_type.values_by_number.get(value)
        return Bare(str(value) if constant is None else constant.name)
    return Bare(str(value))
