"""What the records of Kafka's own topics say: committed offsets, groups, transactions; and control records."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ottla.protocol import messages
from ottla.protocol.codec import decode_versioned
from ottla.protocol.declare import RecordKey, RecordValue, Struct
from ottla.protocol.errors import ProtocolError
from ottla.records.control import control_type, parse_end_txn_marker
from ottla.records.errors import RecordsError
from ottla.records.record import Record

FAMILIES = {
    "__consumer_offsets": (
        "offset_commit",
        "legacy_offset_commit",
        "group_metadata",
        "consumer_group_",
        "share_group_",
        "streams_group_",
    ),
    "__transaction_state": ("transaction_log",),
    "__share_group_state": ("share_snapshot", "share_update"),
}
"""How the modules of a topic's record types begin."""


def control_meaning(record: Record) -> str:
    """What a control record says."""
    try:
        marker = parse_end_txn_marker(record)
        if marker is not None:
            return f"{marker.control_type.name.lower()} of a transaction, coordinator epoch {marker.coordinator_epoch}"
        kind = control_type(record)
    except RecordsError as error:
        return f"unreadable control record: {error}"
    return "unknown control record" if kind is None else kind.name.lower().replace("_", " ")


def meaning_of(topic: str) -> Callable[[bytes, bytes | None], str | None] | None:
    """What reads the records of an internal topic; None for any other topic."""
    if topic not in FAMILIES:
        return None
    types = record_types(topic)

    def read(key: bytes, value: bytes | None) -> str | None:
        kind = int.from_bytes(key[:2], "big", signed=True)
        if kind not in types:
            return None
        key_type, value_type = types[kind]
        try:
            fields = {
                "type": key_type.__name__.removesuffix("Key"),
                **_fields(decode_versioned(key_type, key)),
            }
            fields["value"] = None if value is None else _fields(decode_versioned(value_type, value))
        except ProtocolError as error:
            return f"unreadable: {error}"
        return json.dumps(fields, ensure_ascii=False)

    return read


@cache
def record_types(topic: str) -> dict[int, tuple[type[RecordKey], type[RecordValue]]]:
    """The record types of an internal topic by their number. An offset commit of type 0 differs in its key only."""
    types: dict[int, tuple[type[RecordKey], type[RecordValue]]] = {}
    for name in _modules(FAMILIES[topic]):
        declared = [one for one in vars(import_module(name)).values() if isinstance(one, type)]
        keys = [one for one in declared if issubclass(one, RecordKey) and one is not RecordKey]
        values = [one for one in declared if issubclass(one, RecordValue) and one is not RecordValue]
        types |= {one.record_type: (one, values[0]) for one in keys if values}
    return types


def _modules(beginnings: tuple[str, ...]) -> Iterator[str]:
    for module in iter_modules(messages.__path__):
        if module.name.startswith(beginnings) and module.name.endswith("_record"):
            yield f"{messages.__name__}.{module.name}"


def _fields(struct: Struct) -> dict[str, object]:
    return {each.name: _plain(getattr(struct, each.name)) for each in struct.__fields__}


def _plain(value: object) -> object:
    if isinstance(value, Struct):
        return _fields(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value
