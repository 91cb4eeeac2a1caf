"""The batch header: reading, checking, writing in place."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.records.batch import (
    HEADER_BYTES,
    TimestampType,
    assign_offsets,
    check_crc,
    increment_sequence,
    iterate_batches,
    parse_header,
    set_log_append_time,
    validate_produced_batch,
    write_crc,
)
from ottla.records.errors import (
    BatchTooLarge,
    CorruptBatch,
    InvalidRecord,
    InvalidTimestamp,
    RecordsError,
    UnsupportedCompression,
    UnsupportedMagic,
)
from ottla.records.record import Record, build_batch

LIMIT = 1_000_000


def batch_of(count: int = 1, **settings_of_batch) -> memoryview:
    records = [Record(0, 1000 + place, b"key", b"value") for place in range(count)]
    return memoryview(build_batch(records, **settings_of_batch))


def test_a_built_batch_reads_back_field_by_field() -> None:
    """Everything that was said of a batch when it was built stands in its header."""
    batch = batch_of(
        3,
        base_offset=70,
        leader_epoch=4,
        producer_id=9,
        producer_epoch=2,
        base_sequence=11,
        transactional=True,
    )
    header = parse_header(batch)
    assert (header.base_offset, header.last_offset, header.next_offset) == (70, 72, 73)
    assert (header.partition_leader_epoch, header.magic, header.record_count) == (4, 2, 3)
    assert (header.producer_id, header.producer_epoch) == (9, 2)
    assert (header.base_sequence, header.last_sequence) == (11, 13)
    assert (header.base_timestamp, header.max_timestamp) == (1000, 1002)
    assert header.is_transactional
    assert not header.is_control
    assert header.timestamp_type is TimestampType.CREATE_TIME
    assert header.size_in_bytes == len(batch)
    assert header.delete_horizon_ms is None
    check_crc(batch)


def test_offsets_and_epoch_are_written_without_touching_the_checksum() -> None:
    """A broker gives a batch its place in the log and need not compute the checksum anew."""
    batch = batch_of(2)
    assign_offsets(batch, 5_000_000_000, 17)
    header = parse_header(batch)
    assert (header.base_offset, header.partition_leader_epoch) == (5_000_000_000, 17)
    check_crc(batch)


def test_log_append_time_sets_bit_timestamp_and_checksum() -> None:
    """Under LogAppendTime the header says so and the checksum is right again."""
    batch = batch_of(2)
    set_log_append_time(batch, 777)
    header = parse_header(batch)
    assert header.timestamp_type is TimestampType.LOG_APPEND_TIME
    assert header.max_timestamp == 777
    check_crc(batch)


def test_sequence_numbers_wrap_to_zero() -> None:
    """After 2^31 - 1 comes 0, as the Java client counts."""
    assert increment_sequence(2**31 - 1, 1) == 0
    assert increment_sequence(2**31 - 2, 3) == 1
    assert parse_header(batch_of(3, producer_id=1, base_sequence=2**31 - 1)).last_sequence == 1


def test_batches_are_iterated_up_to_the_one_cut_short() -> None:
    """A fetched range may end inside a batch: the whole ones come, the cut one doesn't."""
    whole = bytes(batch_of(2)) + bytes(batch_of(3)) + bytes(batch_of(1))
    assert [header.record_count for header, _batch in iterate_batches(whole)] == [2, 3, 1]
    assert [header.record_count for header, _batch in iterate_batches(whole[:-1])] == [2, 3]
    assert [bytes(batch) for _header, batch in iterate_batches(whole)][1] == bytes(batch_of(3))


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_raise_one_error(content: bytes) -> None:
    """Reading and checking hostile bytes raises the room's own error and nothing else."""
    for read in (
        lambda: parse_header(content),
        lambda: list(iterate_batches(content)),
        lambda: check_crc(content),
        lambda: validate_produced_batch(memoryview(content), max_message_bytes=LIMIT),
    ):
        with contextlib.suppress(RecordsError):
            read()


@settings(max_examples=300)
@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 130))
def test_a_mutated_or_cut_batch_is_refused_or_unharmed(position: int, byte: int, length: int) -> None:
    """One byte changed anywhere behind the leader epoch is found by the checksum or by the shape's checks."""
    original = bytes(batch_of(2))
    mutated = bytearray(original)
    position %= len(mutated)
    mutated[position] = byte
    for content in (bytes(mutated), bytes(mutated[:length])):
        try:
            validate_produced_batch(memoryview(bytearray(content)), max_message_bytes=LIMIT)
        except RecordsError:
            continue
        # Only base offset (checked apart) and leader epoch are outside of what is covered.
        assert content[16:] == original[16:]
        assert content[:12] == original[:12]


def produced(batch: memoryview, **rules) -> None:
    validate_produced_batch(batch, **({"max_message_bytes": LIMIT} | rules))


def with_field(batch: memoryview, position: int, content: bytes) -> memoryview:
    batch[position : position + len(content)] = content
    write_crc(batch)
    return batch


REFUSALS = {
    "nothing at all": (memoryview(bytearray()), InvalidRecord),
    "a header without its records": (batch_of()[:HEADER_BYTES], InvalidRecord),
    "a batch cut short": (batch_of()[:-1], InvalidRecord),
    "two batches": (memoryview(bytearray(bytes(batch_of()) * 2)), InvalidRecord),
    "message format 1": (with_field(batch_of(), 16, b"\1"), UnsupportedMagic),
    "message format 3": (with_field(batch_of(), 16, b"\3"), CorruptBatch),
    "a length below a message's": (with_field(batch_of(), 8, (13).to_bytes(4)), CorruptBatch),
    "a negative length": (with_field(batch_of(), 8, (-1).to_bytes(4, signed=True)), CorruptBatch),
    "an unknown codec": (with_field(batch_of(), 21, b"\0\5"), UnsupportedCompression),
    "more records than offsets": (with_field(batch_of(), 57, (2).to_bytes(4)), InvalidRecord),
    "no records": (with_field(with_field(batch_of(), 57, bytes(4)), 23, b"\xff" * 4), InvalidRecord),
    "a control bit": (batch_of(control=True), InvalidRecord),
    "a base offset": (batch_of(base_offset=1), InvalidRecord),
    "no sequence with a producer id": (batch_of(producer_id=5), InvalidRecord),
    "the LogAppendTime bit": (batch_of(timestamp_type=TimestampType.LOG_APPEND_TIME), InvalidTimestamp),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_produced_batch_that_breaks_a_rule_is_refused(case: str) -> None:
    """Each rule of what a client may send, by the error it gives."""
    batch, error = REFUSALS[case]
    with pytest.raises(error):
        produced(batch)


def test_a_damaged_batch_is_corrupt() -> None:
    """A flipped bit behind the checksum is corruption, not a broken rule."""
    batch = batch_of()
    batch[-1] ^= 1
    with pytest.raises(CorruptBatch, match="checksum"):
        produced(batch)


def test_limits_of_size_and_time() -> None:
    """max.message.bytes counts the whole batch; both ends of the batch's times are held against the bounds."""
    batch = batch_of(2)
    produced(batch, max_message_bytes=len(batch))
    with pytest.raises(BatchTooLarge):
        produced(batch, max_message_bytes=len(batch) - 1)
    produced(batch, oldest_timestamp_ms=1000, newest_timestamp_ms=1001)
    with pytest.raises(InvalidTimestamp):
        produced(batch, newest_timestamp_ms=1000)
    with pytest.raises(InvalidTimestamp):
        produced(batch, oldest_timestamp_ms=1001)
    untimed = memoryview(build_batch([Record(0, -1, None, None)]))
    produced(untimed, oldest_timestamp_ms=1000, newest_timestamp_ms=1001)


def test_coordinators_may_write_control_batches() -> None:
    """What is refused to a client is taken from a coordinator of the broker."""
    produced(batch_of(control=True, transactional=True, producer_id=5), from_client=False)


def test_bytes_too_few_to_be_a_batch_are_ignored_at_the_end() -> None:
    """As Apache, which trims them."""
    batch = memoryview(bytearray(bytes(batch_of()) + b"\0\0\0"))
    header = validate_produced_batch(batch, max_message_bytes=LIMIT)
    assert header.size_in_bytes == len(batch) - 3
