"""Reading and writing to the letter: what clients rely on and brokers are known to get wrong."""

import pytest
from wire_client import WireClient

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.records.batch import Codec, iterate_batches, parse_header
from ottla.records.record import Record, build_batch

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3


def records(count: int, *, size: int = 10, first_timestamp: int = 1_000) -> list[Record]:
    return [Record(0, first_timestamp + 10 * n, b"k%d" % n, bytes(size)) for n in range(count)]


def test_a_keyless_record_is_refused_on_a_compacted_topic(wire: WireClient, topic: str) -> None:
    """INVALID_RECORD, with the record named; nothing of the batch is stored. Compressed ones are looked into too."""
    wire.create_topic(topic, cleanup_policy="compact")
    for codec in (Codec.NONE, Codec.ZSTD):
        batch = build_batch([Record(0, 1, b"k", b"v"), Record(0, 2, None, b"v")], codec=codec)
        answer = wire.produce(topic, batch)
        assert answer.error_code == ErrorCode.INVALID_RECORD
        assert [each.batch_index for each in answer.record_errors] == [1]
    assert wire.produce_records(topic, Record(0, 1, b"k", b"v")) == 0


def test_a_fetch_offset_inside_a_batch_returns_the_whole_batch(wire: WireClient, topic: str) -> None:
    """The client drops what lies before its offset."""
    wire.create_topic(topic)
    wire.produce_records(topic, *records(10))
    wire.produce_records(topic, *records(5))
    held = wire.fetch(topic, 7).records
    assert [(header.base_offset, header.record_count) for header, _ in iterate_batches(held)] == [
        (0, 10),
        (10, 5),
    ]


def test_a_batch_larger_than_the_fetch_limit_still_comes(wire: WireClient, topic: str) -> None:
    """Whole, as the first of an answer: or a consumer would be stuck (KIP-74). A second one has to wait."""
    wire.create_topic(topic)
    wire.produce_records(topic, *records(1, size=50_000))
    wire.produce_records(topic, *records(1, size=50_000))
    held = wire.fetch(topic, 0, max_bytes=100, partition_max_bytes=100).records
    assert [header.base_offset for header, _ in iterate_batches(held)] == [0]
    assert len(held) == parse_header(held).size_in_bytes


def test_fetching_at_the_end_and_beyond_it(wire: WireClient, topic: str) -> None:
    """At the end: nothing, and no error. Beyond it, and before the start: OFFSET_OUT_OF_RANGE."""
    wire.create_topic(topic)
    wire.produce_records(topic, *records(3))
    at_end = wire.fetch(topic, 3)
    assert (at_end.error_code, len(at_end.records), at_end.high_watermark) == (ErrorCode.NONE, 0, 3)
    assert wire.fetch(topic, 4).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert wire.fetch(topic, -5).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert wire.fetch("no-such-topic", 0).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert wire.fetch(topic, 0, partition=7).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def list_offset(wire: WireClient, topic: str, timestamp: int) -> ListOffsetsPartitionResponse:
    asked = ListOffsetsTopic(
        name=topic, partitions=[ListOffsetsPartition(partition_index=0, timestamp=timestamp)]
    )
    answer = wire.ask(ListOffsetsRequest(topics=[asked]), ListOffsetsResponse, 7)
    return answer.topics[0].partitions[0]


@pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: codec.name)
def test_offsets_by_time_are_exact_inside_batches(wire: WireClient, topic: str, codec: Codec) -> None:
    """The first record of at least the time asked for, wherever in its batch it stands."""
    wire.create_topic(topic)
    for number in range(3):
        batch = build_batch(records(100, first_timestamp=1_000 + 1_000 * number), codec=codec)
        assert wire.produce(topic, batch).base_offset == 100 * number
    for timestamp, offset, found in (
        (0, 0, 1_000),
        (1_000, 0, 1_000),
        (1_001, 1, 1_010),
        (1_990, 99, 1_990),
        (1_991, 100, 2_000),
        (2_505, 151, 2_510),
        (3_990, 299, 3_990),
    ):
        answer = list_offset(wire, topic, timestamp)
        assert (answer.offset, answer.timestamp) == (offset, found), timestamp
    assert (list_offset(wire, topic, 3_991).offset, list_offset(wire, topic, 3_991).timestamp) == (-1, -1)


def test_special_offsets(wire: WireClient, topic: str) -> None:
    """Earliest, latest, and the record with the largest timestamp, which need not be the last."""
    wire.create_topic(topic)
    assert [list_offset(wire, topic, which).offset for which in (EARLIEST, LATEST, MAX_TIMESTAMP)] == [
        0,
        0,
        -1,
    ]
    wire.produce_records(topic, Record(0, 50, b"a", b""), Record(0, 900, b"b", b""), Record(0, 70, b"c", b""))
    wire.produce_records(topic, Record(0, 60, b"d", b""))
    assert list_offset(wire, topic, EARLIEST).offset == 0
    assert list_offset(wire, topic, LATEST).offset == 4
    newest = list_offset(wire, topic, MAX_TIMESTAMP)
    assert (newest.offset, newest.timestamp) == (1, 900)


def test_log_append_time_is_the_brokers(wire: WireClient, topic: str) -> None:
    """The answer tells the time, and readers see it in place of the producer's."""
    wire.create_topic(topic, message_timestamp_type="LogAppendTime")
    answer = wire.produce(topic, build_batch(records(3)))
    assert answer.log_append_time_ms > 1_600_000_000_000
    [(header, _)] = iterate_batches(wire.fetch(topic, 0).records)
    assert header.max_timestamp == answer.log_append_time_ms


def test_timestamps_out_of_bounds_are_refused(wire: WireClient, topic: str) -> None:
    """INVALID_TIMESTAMP where the topic bounds how far off a record's time may be."""
    wire.create_topic(topic, message_timestamp_before_max_ms="1000")
    assert wire.produce(topic, build_batch(records(1))).error_code == ErrorCode.INVALID_TIMESTAMP


def test_a_batch_too_large_is_refused(wire: WireClient, topic: str) -> None:
    """MESSAGE_TOO_LARGE above max.message.bytes."""
    wire.create_topic(topic, max_message_bytes="1000")
    assert wire.produce(topic, build_batch(records(1, size=2_000))).error_code == ErrorCode.MESSAGE_TOO_LARGE


def test_damaged_and_impossible_batches_are_refused(wire: WireClient, topic: str) -> None:
    """Nothing of them is stored."""
    wire.create_topic(topic)
    good = build_batch(records(3))
    flipped = bytearray(good)
    flipped[-1] ^= 1
    assert wire.produce(topic, flipped).error_code == ErrorCode.CORRUPT_MESSAGE
    assert wire.produce(topic, good + good).error_code == ErrorCode.INVALID_RECORD
    control = build_batch([Record(0, 1, b"\0\0\0\1", b"\0\0\0\0\0\0")], control=True)
    assert wire.produce(topic, control).error_code == ErrorCode.INVALID_RECORD
    assert list_offset(wire, topic, LATEST).offset == 0


def test_idempotent_producers(wire: WireClient, topic: str) -> None:
    """A batch sent again is answered with its first offset and stored once; a gap in the sequence is refused."""
    wire.create_topic(topic)

    def batch(sequence: int, epoch: int = 0) -> bytearray:
        return build_batch(records(2), producer_id=4_000, producer_epoch=epoch, base_sequence=sequence)

    assert wire.produce(topic, batch(0)).base_offset == 0
    assert wire.produce(topic, batch(2)).base_offset == 2
    again = wire.produce(topic, batch(0))
    assert (again.error_code, again.base_offset) == (ErrorCode.NONE, 0)
    assert wire.produce(topic, batch(8)).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert wire.produce(topic, batch(0, epoch=1)).base_offset == 4
    assert wire.produce(topic, batch(4)).error_code == ErrorCode.INVALID_PRODUCER_EPOCH
    assert list_offset(wire, topic, LATEST).offset == 6


@pytest.mark.parametrize("version", range(3, 13))
def test_produce_in_every_version_by_name(wire: WireClient, topic: str, version: int) -> None:
    """From version 3, the lowest that is served, to the last that names topics."""
    wire.create_topic(topic)
    assert wire.produce(topic, build_batch(records(2)), version=version).base_offset == 0


@pytest.mark.parametrize("acks", [2, -2, 5])
def test_acks_are_none_one_or_all(wire: WireClient, topic: str, acks: int) -> None:
    """INVALID_REQUIRED_ACKS for anything else."""
    wire.create_topic(topic)
    answer = wire.produce(topic, build_batch(records(1)), acks=acks)
    assert answer.error_code == ErrorCode.INVALID_REQUIRED_ACKS
