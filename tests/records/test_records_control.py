"""Control records and old message sets."""

import contextlib
import zlib
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.records.batch import check_crc, parse_header
from ottla.records.control import (
    ControlType,
    build_end_txn_marker,
    build_leader_change,
    control_type,
    end_txn_marker_in,
    parse_end_txn_marker,
)
from ottla.records.errors import CorruptBatch, InvalidRecord, RecordsError
from ottla.records.legacy import check_stored_crc, stored_entry
from ottla.records.record import Record, build_batch, iterate_records


@pytest.mark.parametrize("kind", [ControlType.COMMIT, ControlType.ABORT])
def test_a_marker_comes_back(kind: ControlType) -> None:
    """What a coordinator writes at the end of a transaction reads as what it said."""
    batch = build_end_txn_marker(
        kind, producer_id=5, producer_epoch=2, coordinator_epoch=9, timestamp_ms=1234, base_offset=44
    )
    check_crc(batch)
    header = parse_header(batch)
    assert header.is_control
    assert header.is_transactional
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (5, 2, -1)
    found = end_txn_marker_in(batch)
    assert found is not None
    marker, timestamp = found
    assert (marker.control_type, marker.coordinator_epoch, timestamp) == (kind, 9, 1234)


def test_a_leader_change_is_no_transaction_marker() -> None:
    """Other control records are told apart and give no marker; an unknown type neither."""
    batch = build_leader_change(b"\0\0abc", timestamp_ms=1, base_offset=3, leader_epoch=2)
    record = next(iterate_records(batch))
    assert control_type(record) is ControlType.LEADER_CHANGE
    assert end_txn_marker_in(batch) is None
    assert control_type(Record(0, 0, pack(">hh", 0, 99), None)) is None


@given(st.none() | st.binary(max_size=8), st.none() | st.binary(max_size=8))
def test_any_key_and_value_are_a_marker_or_one_error(key: bytes | None, value: bytes | None) -> None:
    """A control record of hostile bytes raises the room's error at most."""
    with contextlib.suppress(InvalidRecord):
        parse_end_txn_marker(Record(0, 0, key, value))


def message(magic: int, offset: int, timestamp: int = 77, value: bytes = b"old value") -> bytes:
    """A message of format 0 or 1."""
    body = pack(">bb", magic, 0)
    if magic == 1:
        body += pack(">q", timestamp)
    body += pack(">i", -1) + pack(">i", len(value)) + value
    body = pack(">I", zlib.crc32(body)) + body
    return pack(">qi", offset, len(body)) + body


@pytest.mark.parametrize("magic", [0, 1])
def test_old_messages_are_told_by_their_header(magic: int) -> None:
    """Offset, size, time and checksum of formats 0 and 1; one after another beside a new batch."""
    content = (
        message(magic, 41)
        + message(magic, 42)
        + bytes(build_batch([Record(0, 5, None, b"x")], base_offset=43))
    )
    position = 0
    found = []
    while position < len(content):
        entry = stored_entry(content, position)
        assert entry is not None
        check_stored_crc(content[position : position + entry.size_in_bytes])
        found.append((entry.last_offset, entry.magic, entry.max_timestamp))
        position += entry.size_in_bytes
    assert found == [(41, magic, 77 if magic else -1), (42, magic, 77 if magic else -1), (43, 2, 5)]


@pytest.mark.parametrize("magic", [0, 1])
def test_a_damaged_old_message_is_corrupt(magic: int) -> None:
    """Its own checksum, zlib's CRC-32, is checked."""
    content = bytearray(message(magic, 1))
    content[-1] ^= 4
    with pytest.raises(CorruptBatch):
        check_stored_crc(content)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_entry_or_one_error(content: bytes) -> None:
    """A torn tail of any format is known as such."""
    for read in (stored_entry, check_stored_crc):
        with contextlib.suppress(RecordsError):
            read(content)
