"""What a .proto text may say and no program could be made of: names and numbers given twice, enums without constants.

The text's parser takes these, as wire does; protobuf's runtimes refuse a descriptor of them, so a schema that is registered
must not have any. Source: `Descriptors.FileDescriptor.buildFrom` of protobuf for Java.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from ottla.registry.schemas.protobuf_elements import MAX_TAG, Enum, Extend, Field, Group, Message, ProtoFile
from ottla.registry.schemas.schema import InvalidSchema


def check_sound(file: ProtoFile) -> None:
    """Raises InvalidSchema, with the place, for the first thing that is wrong."""
    package = file.package or ""
    _check_names(
        package or "the file",
        chain(
            (one.name for one in file.types),
            (service.name for service in file.services),
            _names_of_extends(file.extends),
        ),
    )
    for service in file.services:
        _check_names(_below(package, service.name), (rpc.name for rpc in service.rpcs))
    bodies = (group.body for extend in file.extends for group in extend.groups)
    pending: list[tuple[str, Message | Enum]] = [(package, one) for one in chain(file.types, bodies)]
    while pending:
        scope, one = pending.pop()
        full_name = _below(scope, one.name)
        if isinstance(one, Enum):
            _check_enum(full_name, one)
        else:
            _check_message(full_name, one)
            pending += [(full_name, inner) for inner in one.nested]


def _below(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _check_enum(full_name: str, enum: Enum) -> None:
    if not enum.constants:
        raise InvalidSchema(f"the enum {full_name} has no constants")
    _check_names(full_name, (constant.name for constant in enum.constants))


def _check_message(full_name: str, message: Message) -> None:
    oneofs = message.oneofs
    _check_names(
        full_name,
        chain(
            (field.name for field in message.fields),
            (field.name for oneof in oneofs for field in oneof.fields),
            (oneof.name for oneof in oneofs),
            (one.name for one in message.types),
            _names_of_groups(message.groups),
            _names_of_groups(group for oneof in oneofs for group in oneof.groups),
            _names_of_extends(message.extends),
        ),
    )
    taken: dict[int, str] = {}
    for field in _fields(message):
        if not 0 < field.tag <= MAX_TAG:
            raise InvalidSchema(
                f"the field {full_name}.{field.name} has the number {field.tag}; 1 to {MAX_TAG} are numbers of fields"
            )
        other = taken.setdefault(field.tag, field.name)
        if other != field.name:
            raise InvalidSchema(
                f"the field number {field.tag} in {full_name} is that of {other} and of {field.name}"
            )


def _fields(message: Message) -> Iterator[Field | Group]:
    yield from message.fields
    yield from message.groups
    for oneof in message.oneofs:
        yield from oneof.fields
        yield from oneof.groups


def _names_of_groups(groups: Iterable[Group]) -> Iterator[str]:
    """A group is a message, and a field of that name in small letters."""
    for group in groups:
        yield from dict.fromkeys((group.name, group.name.lower()))


def _names_of_extends(extends: Iterable[Extend]) -> Iterator[str]:
    for extend in extends:
        yield from (field.name for field in extend.fields)
        yield from _names_of_groups(extend.groups)


def _check_names(scope: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidSchema(f"{name} is defined twice in {scope}")
        seen.add(name)
