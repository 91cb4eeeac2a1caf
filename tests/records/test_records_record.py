"""Records inside batches, whatever the codec, and batches that lie."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.records.batch import HEADER_BYTES, Codec, TimestampType, check_crc, parse_header, write_crc
from ottla.records.errors import InvalidRecord, RecordsError
from ottla.records.record import Record, append_record, build_batch, iterate_records, rebuild_batch

contents = st.none() | st.binary(max_size=300)
headers = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=20)), max_size=4).map(tuple)
records = st.builds(Record, st.just(0), st.integers(-1, 2**60), contents, contents, headers)


@settings(max_examples=150)
@given(st.lists(records, min_size=1, max_size=20), st.sampled_from(Codec), st.integers(0, 2**50))
def test_records_come_back_from_every_codec(written: list[Record], codec: Codec, base_offset: int) -> None:
    """Keys, values, headers, times and offsets survive; the checksum is right."""
    batch = build_batch(written, base_offset=base_offset, codec=codec)
    check_crc(batch)
    assert list(iterate_records(batch)) == [
        record._replace(offset=base_offset + place) for place, record in enumerate(written)
    ]


def test_log_append_time_is_every_record_s_time() -> None:
    """Under LogAppendTime the records' own times are not looked at."""
    batch = build_batch(
        [Record(0, 5, None, b"a"), Record(0, 9, None, b"b")], timestamp_type=TimestampType.LOG_APPEND_TIME
    )
    assert [record.timestamp_ms for record in iterate_records(batch)] == [9, 9]


def test_names_of_headers_that_are_no_utf8_come_back_as_they_were() -> None:
    """A name is bytes on the wire; whatever they are, writing it back gives them again."""
    payload = bytearray()
    append_record(payload, 0, 0, Record(0, 0, None, None, (("\udcff\udc80", b"x"),)))
    assert b"\xff\x80" in payload
    batch = build_batch([Record(0, 0, None, None, (("\udcff\udc80", b"x"),))])
    assert next(iterate_records(batch)).headers == (("\udcff\udc80", b"x"),)


@settings(max_examples=400)
@given(st.binary(max_size=120), st.integers(-5, 10), st.sampled_from([*Codec, 5, 7]))
def test_any_bytes_behind_a_header_are_records_or_one_error(payload: bytes, count: int, codec: int) -> None:
    """Counts and lengths that lie, bytes that no codec wrote: one error, never another, never a hang."""
    batch = bytearray(build_batch([Record(0, 0, None, None)])[:HEADER_BYTES]) + payload
    batch[8:12] = (len(batch) - 12).to_bytes(4)
    batch[21:23] = int(codec).to_bytes(2)
    batch[57:61] = count.to_bytes(4, signed=True)
    write_crc(batch)
    with contextlib.suppress(RecordsError):
        list(iterate_records(batch, max_decompressed_bytes=1 << 20))


@given(st.data())
def test_a_flipped_byte_in_uncompressed_records_is_survived(data: st.DataObject) -> None:
    """Each byte of the payload changed to each value reads as something or raises the one error."""
    batch = build_batch([Record(0, 7, b"key", b"value", (("h", b"v"),)), Record(0, 8, None, None)])
    position = data.draw(st.integers(HEADER_BYTES, len(batch) - 1))
    batch[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(RecordsError):
        list(iterate_records(batch))


@pytest.mark.parametrize("count", [0, 1, 3, 2**31 - 1])
def test_a_count_that_is_not_the_records_is_an_error(count: int) -> None:
    """Two records are there: any other count is refused, however large, without memory for it."""
    batch = build_batch([Record(0, 0, b"a", b"b")] * 2)
    batch[57:61] = count.to_bytes(4)
    with pytest.raises(InvalidRecord):
        list(iterate_records(batch))


def test_a_rebuilt_batch_keeps_its_place_and_what_producers_need() -> None:
    """Compaction leaves out records; offsets, sequence and producer stay, the horizon is kept with its bit."""
    batch = build_batch(
        [Record(0, 10 + place, b"k%d" % place, b"v") for place in range(5)],
        base_offset=100,
        codec=Codec.LZ4,
        producer_id=3,
        producer_epoch=1,
        base_sequence=20,
        leader_epoch=6,
    )
    kept = [record for record in iterate_records(batch) if record.offset in (101, 103)]
    rebuilt = rebuild_batch(parse_header(batch), kept, delete_horizon_ms=999)
    header = parse_header(rebuilt)
    check_crc(rebuilt)
    assert list(iterate_records(rebuilt)) == kept
    assert (header.base_offset, header.last_offset, header.record_count) == (100, 104, 2)
    assert (header.base_sequence, header.last_sequence, header.partition_leader_epoch) == (20, 24, 6)
    assert header.delete_horizon_ms == 999
    assert header.max_timestamp == 13
    again = rebuild_batch(header, list(iterate_records(rebuilt)))
    assert parse_header(again).delete_horizon_ms == 999
    assert list(iterate_records(again)) == kept


def test_a_batch_can_be_emptied() -> None:
    """The last batch of a producer stays without records when these are compacted away."""
    batch = build_batch([Record(0, 10, b"k", b"v")], codec=Codec.ZSTD, base_offset=7)
    emptied = rebuild_batch(parse_header(batch), [])
    assert parse_header(emptied).record_count == 0
    assert parse_header(emptied).last_offset == 7
    assert list(iterate_records(emptied)) == []


def test_times_out_of_range_cannot_be_written_back() -> None:
    """Deltas can add up to more than 64 bits: that is an error of the room when the batch is rebuilt."""
    header = parse_header(build_batch([Record(0, 0, None, None)]))
    with pytest.raises(InvalidRecord):
        rebuild_batch(header, [Record(0, 2**63, None, None)])
