"""Which schemas records name, and what the records of a schema are called."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from ottla.broker.record_names import name_of, record_names
from ottla.broker.record_schemas import NamedSchemas, SchemaReference
from ottla.config.subject_names import RECORD_NAME, TOPIC_RECORD_NAME, subject_name
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode
from ottla.records.batch import Codec
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.record_walk import InvalidRecordsError, walk

VALUES = TopicConfig(confluent_value_schema_validation=True)
BOTH = dataclasses.replace(VALUES, confluent_key_schema_validation=True)
GUID = uuid.UUID("9c3d1f36-4c92-4d2b-8f3a-0a5a6c1b2d3e")
LIMIT = 1_000_000


def framed(schema: int, content: bytes = b"x") -> bytes:
    return b"\0" + schema.to_bytes(4) + content


def named(records: list[Record], config: TopicConfig = VALUES) -> dict[SchemaReference, list[int]]:
    schemas = NamedSchemas(config)
    batch = memoryview(build_batch(records, codec=Codec.GZIP))
    assert walk(batch, config, max_decompressed_bytes=LIMIT, look=schemas.look) is None
    schemas.check()
    return schemas.named


def test_schemas_by_id_in_front_of_the_value() -> None:
    """Each with the places of its records; keys are not looked at where only values have to name one."""
    records = [Record(0, 0, b"k", framed(7)), Record(0, 0, b"k", framed(8)), Record(0, 0, None, framed(7))]
    assert named(records) == {SchemaReference(False, 7): [0, 2], SchemaReference(False, 8): [1]}


def test_a_batch_is_compressed_anew_and_read_for_its_schemas_in_one_pass() -> None:
    """For a topic with a codec of its own; a batch whose records are not in order is refused as ever."""
    config = dataclasses.replace(VALUES, compression_type="uncompressed")
    schemas = NamedSchemas(config)
    records = [Record(0, 0, b"k", framed(7)), Record(0, 0, b"k", framed(8))]
    seen: list[int] = []

    def look(place: int, record: Record) -> None:
        seen.append(place)
        schemas.look(place, record)

    rebuilt = walk(memoryview(build_batch(records, codec=Codec.GZIP)), config, look=look)
    assert rebuilt is not None
    assert [each.value for each in iterate_records(rebuilt)] == [each.value for each in records]
    assert seen == [0, 1]
    assert schemas.named == {SchemaReference(False, 7): [0], SchemaReference(False, 8): [1]}


def test_keys_and_values() -> None:
    """A null needs no schema: a tombstone's value, the key of a record without one."""
    records = [
        Record(0, 0, framed(1), framed(2)),
        Record(0, 0, framed(1), None),
        Record(0, 0, None, framed(2)),
    ]
    assert named(records, BOTH) == {SchemaReference(True, 1): [0, 1], SchemaReference(False, 2): [0, 2]}


def test_schemas_by_guid_and_in_headers() -> None:
    """A header goes before what the value begins with."""
    in_front = b"\1" + GUID.bytes + b"x"
    headers = (("other", b"\0"), ("__value_schema_id", b"\1" + GUID.bytes))
    records = [Record(0, 0, None, in_front), Record(0, 0, None, framed(5), headers)]
    assert named(records) == {SchemaReference(False, str(GUID)): [0, 1]}


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\0\0\1", b"\2\0\0\0\1x", b"\1short", b'{"a": 1}'])
def test_values_that_name_no_schema(value: bytes) -> None:
    """Their places are told, and what a value should begin with."""
    with pytest.raises(InvalidRecordsError) as refused:
        named([Record(0, 0, None, framed(1)), Record(0, 0, None, value), Record(0, 0, None, value)])
    assert refused.value.code is ErrorCode.INVALID_RECORD
    assert [place for place, _ in refused.value.record_errors] == [1, 2]
    assert "There is no schema id in its value" in refused.value.record_errors[0][1]
    assert "(record 1 of the batch, 2 in all)" in (refused.value.message or "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0content", (0,)),  # the short form of the first message
        (b"\2\2content", (1,)),
        (b"\4\2\6content", (1, 3)),
        (b"\2\x80\1content", (64,)),
        (b"", (0,)),
        (b"\x80\x80\x80\x80\x80\x80", (0,)),
        (b"\x7f\0\0", (0,)),
    ],
)
def test_the_message_of_protobuf_that_a_record_is(content: bytes, message: tuple[int, ...]) -> None:
    """Read where subjects are named by records; what can't be one is taken for the first message."""
    config = dataclasses.replace(VALUES, confluent_value_subject_name_strategy=RECORD_NAME)
    assert list(named([Record(0, 0, None, framed(1, content))], config)) == [
        SchemaReference(False, 1, message)
    ]


PROTOBUF = """
syntax = "proto3";
package shop.orders; // package other;
option java_package = "message Fake {";
message Order {
  string message = 1;
  enum State { OPEN = 0; }
  message Line { message Price { int64 cents = 1; } }
  oneof kind { Line line = 2; }
  message Note {}
}
/* message Hidden {} */
service Orders { rpc Get (Order) returns (Order) { } }
message Receipt { optional group Page = 1 { optional int32 number = 1; } }
"""


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ((0,), "shop.orders.Order"),
        ((0, 0), "shop.orders.Order.Line"),
        ((0, 0, 0), "shop.orders.Order.Line.Price"),
        ((0, 1), "shop.orders.Order.Note"),
        ((1,), "shop.orders.Receipt"),
        ((1, 0), "shop.orders.Receipt.Page"),
        ((2,), None),
    ],
)
def test_names_of_protobuf_messages(message: tuple[int, ...], name: str | None) -> None:
    """By the indexes that descriptors give them; comments, strings, enums and services count for nothing."""
    assert name_of(record_names("PROTOBUF", PROTOBUF), message) == name


@pytest.mark.parametrize(
    ("schema_type", "text", "name"),
    [
        ("AVRO", '{"type":"record","name":"Order","namespace":"shop","fields":[]}', "shop.Order"),
        ("AVRO", '{"type":"record","name":"a.Order","namespace":"shop","fields":[]}', "a.Order"),
        ("AVRO", '{"type":"enum","name":"State","symbols":["A"]}', "State"),
        ("AVRO", '"string"', None),
        ("AVRO", '["null","string"]', None),
        ("AVRO", "no json", None),
        ("JSON", '{"title":"Order","type":"object"}', "Order"),
        ("JSON", '{"type":"object"}', None),
        ("JSON", "true", None),
    ],
)
def test_names_of_avro_and_json(schema_type: str, text: str, name: str | None) -> None:
    """The full name, or the title; whatever indexes the content seems to begin with."""
    assert name_of(record_names(schema_type, text), (5, 3)) == name


def test_subjects_by_strategy() -> None:
    """As the serializers name them."""
    default = TopicConfig().confluent_value_subject_name_strategy
    assert subject_name(default, "orders", "shop.Order", is_key=False) == "orders-value"
    assert subject_name(default, "orders", "shop.Order", is_key=True) == "orders-key"
    assert subject_name(RECORD_NAME, "orders", "shop.Order", is_key=True) == "shop.Order"
    assert subject_name(TOPIC_RECORD_NAME, "orders", "shop.Order", is_key=True) == "orders-shop.Order"
