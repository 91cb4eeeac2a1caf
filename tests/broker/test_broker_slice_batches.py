"""The batches of a slice, found by their headers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.broker.slice_batches import HEADER_READ_BYTES, aborted_batches, batches_in, cut
from ottla.records.batch import Codec
from ottla.records.control import ControlType, build_end_txn_marker
from ottla.records.record import Record, build_batch
from ottla.storage.file_slice import FileSlice
from ottla.storage.read_result import AbortedTransaction


class Segment:
    """A segment's file in memory that gives as many bytes at a time as it likes, and counts what is read."""

    truncation_epoch = 0

    def __init__(self, content: bytes, *, most: int = 1 << 20, cold: bool = False) -> None:
        self.content = content
        self.most = most
        self.cold = cold
        self.bytes_read = 0

    def read_at(self, view: memoryview, position: int, *, nowait: bool) -> int:
        if self.cold and nowait:
            raise BlockingIOError
        piece = self.content[position : position + min(len(view), self.most)]
        view[: len(piece)] = piece
        self.bytes_read += len(piece)
        return len(piece)

    def send_at(self, descriptor: int, position: int, size_in_bytes: int) -> int:
        raise NotImplementedError


def batch(base_offset: int, count: int, value_bytes: int = 1, **options: object) -> bytes:
    records = [Record(offset, 0, None, b"v" * value_bytes) for offset in range(count)]
    return bytes(build_batch(records, base_offset=base_offset, **options))  # type: ignore[arg-type]


def log(*batches: bytes, most: int = 1 << 20, cold: bool = False) -> FileSlice:
    """A slice of all of them that begins at byte 7 of its file."""
    content = b"\xff" * 7 + b"".join(batches)
    return FileSlice(Segment(content, most=most, cold=cold), 7, len(content) - 7)


SIZES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9_000)), min_size=1, max_size=12)


@given(sizes=SIZES, most=st.integers(1, 70), missing=st.integers(0, 50))
def test_every_whole_batch_is_found(sizes: list[tuple[int, int]], most: int, missing: int) -> None:
    """However few bytes a read gives; a batch that is cut off at the end is none."""
    made, offset = [], 100
    for count, value_bytes in sizes:
        made.append((offset, offset + count - 1, batch(offset, count, value_bytes)))
        offset += count
    piece = log(*(each for _, _, each in made), most=most * 200)
    whole = FileSlice(piece.segment, piece.position, piece.size_in_bytes - missing)
    found = batches_in(whole, 10_000, nowait=True)
    expected = made if not missing else made[:-1]
    assert [(each.base_offset, each.last_offset) for each in found] == [each[:2] for each in expected]
    ends = [each.position + each.header.size_in_bytes for each in found]
    assert [0, *ends][:-1] == [each.position for each in found]


def test_it_ends_with_the_offset_that_is_asked_for() -> None:
    """What lies behind is not looked at."""
    piece = log(*(batch(number * 2, 2) for number in range(10)))
    assert [each.base_offset for each in batches_in(piece, 5, nowait=True)] == [0, 2, 4]


def test_records_are_not_read() -> None:
    """Of a large batch, the header and what comes with it."""
    piece = log(batch(0, 1, 500_000), batch(1, 1, 500_000))
    batches_in(piece, 10, nowait=True)
    assert piece.segment.bytes_read <= 2 * HEADER_READ_BYTES  # type: ignore[attr-defined]


def test_a_cold_page_is_told() -> None:
    piece = log(batch(0, 1), cold=True)
    with pytest.raises(BlockingIOError):
        batches_in(piece, 10, nowait=True)
    assert len(batches_in(piece, 10, nowait=False)) == 1


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [(0, 5, (0, 3)), (2, 3, (1, 2)), (3, 3, (1, 2)), (1, 4, (0, 3)), (4, 4, (2, 3))],
)
def test_a_cut_has_whole_batches(first: int, last: int, kept: tuple[int, int]) -> None:
    """Those that hold the offsets."""
    parts = [batch(0, 2), batch(2, 2, 50), batch(4, 2)]
    piece = log(*parts)
    found = batches_in(piece, 10, nowait=True)
    assert bytes(cut(piece, found, first, last).read_all()) == b"".join(parts[slice(*kept)])


def transactional(base_offset: int, producer_id: int) -> bytes:
    return batch(
        base_offset, 1, producer_id=producer_id, producer_epoch=0, base_sequence=0, transactional=True
    )


def marker(base_offset: int, producer_id: int, kind: ControlType) -> bytes:
    return bytes(
        build_end_txn_marker(
            kind,
            producer_id=producer_id,
            producer_epoch=0,
            coordinator_epoch=0,
            timestamp_ms=0,
            base_offset=base_offset,
        )
    )


def test_aborted_batches_are_those_from_the_transactions_first_to_its_marker() -> None:
    """Of that producer alone, whatever lies between."""
    piece = log(
        transactional(0, 1),
        transactional(1, 2),
        batch(2, 1, codec=Codec.GZIP),
        transactional(3, 1),
        marker(4, 1, ControlType.ABORT),
        transactional(5, 1),
        marker(6, 2, ControlType.COMMIT),
        marker(7, 1, ControlType.COMMIT),
        transactional(8, 2),
        marker(9, 2, ControlType.ABORT),
    )
    found = batches_in(piece, 100, nowait=True)
    aborted = [AbortedTransaction(1, 0), AbortedTransaction(2, 8)]
    assert aborted_batches(piece, found, aborted, nowait=True) == [(0, 0), (3, 3), (8, 8)]
    assert aborted_batches(piece, found, (), nowait=True) == []
