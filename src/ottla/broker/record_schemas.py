"""Which schemas the records of a batch name, for topics whose records must have registered ones.

    in front of key or value    0 | id of the schema, 4 bytes | message indexes, for Protobuf | content
                                1 | id, 16 bytes, its GUID                                    | content
    or in a header              __key_schema_id, __value_schema_id: the same bytes, without the content

`NamedSchemas` is shown the records of a batch while `record_walk.walk` reads it, on a thread. A null key or value names no schema and needs none: it is a tombstone.

Source: Confluent's wire format, its `SchemaId`; of Protobuf's indexes `MessageIndexes`.
"""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from ottla.config.subject_names import names_records
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode
from ottla.records.record import Record
from ottla.storage.record_walk import InvalidRecordsError

ID_MAGIC: Final = 0
GUID_MAGIC: Final = 1
ID_END: Final = 5
GUID_END: Final = 17
KEY_HEADER: Final = "__key_schema_id"
VALUE_HEADER: Final = "__value_schema_id"

MESSAGE_DEPTH_MAX: Final = 32
"""Messages of Protobuf nested deeper are refused; protoc takes about as many."""

REJECTION: Final = "This record has failed the validation on broker and hence be rejected."


class SchemaReference(NamedTuple):
    """What a record says of its key's or its value's schema."""

    is_key: bool
    schema: int | str
    """Its number, or its GUID in the usual form."""
    message: tuple[int, ...] = ()
    """Of Protobuf: which message of the file, outermost first. Only where the subject's name depends on it."""

    def __str__(self) -> str:
        return f"{'key' if self.is_key else 'value'} schema {self.schema}"


class _Unreadable(Exception):  # noqa: N818 - an outcome, told beside the record's place
    """No schema is named."""


class NamedSchemas:
    """What the records of one batch name, by the settings of their topic."""

    __slots__ = ("_refused", "_sides", "named")

    def __init__(self, config: TopicConfig) -> None:
        self._sides = _sides(config)
        self.named: dict[SchemaReference, list[int]] = {}
        """The places of the records that name each schema."""
        self._refused: list[tuple[int, str]] = []

    def look(self, place: int, record: Record) -> None:
        """The next record."""
        for side in self._sides:
            try:
                reference = side.reference(record)
            except _Unreadable as error:
                self._refused.append((place, f"{REJECTION} {error}"))
                continue
            if reference is not None:
                self.named.setdefault(reference, []).append(place)

    def check(self) -> None:
        """Raises `InvalidRecordsError` where records name none."""
        if self._refused:
            raise invalid_records(self._refused)


def invalid_records(refused: list[tuple[int, str]]) -> InvalidRecordsError:
    """The refusal of a batch for these places and reasons."""
    places = sorted({place for place, _ in refused})
    return InvalidRecordsError(
        ErrorCode.INVALID_RECORD,
        f"One or more records have been rejected: {refused[0][1]} (record {places[0]} of the batch, {len(places)} in all)",
        refused,
    )


class _Side(NamedTuple):
    """Key or value."""

    is_key: bool
    header: str
    reads_message: bool

    def reference(self, record: Record) -> SchemaReference | None:
        content = record.key if self.is_key else record.value
        if content is None:
            return None
        for name, value in record.headers:
            if name == self.header and value is not None:
                return self._read(value, f"its header {self.header}")
        return self._read(content, f"its {'key' if self.is_key else 'value'}")

    def _read(self, content: bytes, where: str) -> SchemaReference:
        magic = content[0] if content else None
        if magic == ID_MAGIC and len(content) >= ID_END:
            schema: int | str = int.from_bytes(content[1:ID_END])
            rest = content[ID_END:]
        elif magic == GUID_MAGIC and len(content) >= GUID_END:
            schema = str(uuid.UUID(bytes=bytes(content[1:GUID_END])))
            rest = content[GUID_END:]
        else:
            raise _Unreadable(
                f"There is no schema id in {where}: it should begin with a zero byte and four bytes of an id, as the "
                "serializers for a schema registry write it."
            )
        return SchemaReference(self.is_key, schema, _message(rest) if self.reads_message else ())


def _sides(config: TopicConfig) -> list[_Side]:
    sides = []
    if config.confluent_key_schema_validation:
        by_record = names_records(config.confluent_key_subject_name_strategy)
        sides.append(_Side(True, KEY_HEADER, by_record))
    if config.confluent_value_schema_validation:
        by_record = names_records(config.confluent_value_subject_name_strategy)
        sides.append(_Side(False, VALUE_HEADER, by_record))
    return sides


def _message(content: bytes) -> tuple[int, ...]:
    """Protobuf's message indexes: a count and as many indexes, zigzag varints; a count of 0 stands for the first message.

    Of another type's content it reads something too, which nobody then asks for.
    """
    numbers = _varints(content, 1)
    if not numbers or not 0 < numbers[0] <= MESSAGE_DEPTH_MAX:
        return (0,)
    indexes = _varints(content, numbers[0] + 1)[1:]
    return tuple(indexes) if len(indexes) == numbers[0] else (0,)


def _varints(content: bytes, count: int) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for byte in content[: 5 * count]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            numbers.append(value >> 1 ^ -(value & 1))
            value = shift = 0
            if len(numbers) == count:
                break
    return numbers
