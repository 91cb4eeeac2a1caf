"""Which batches lie in a slice of a log's file, by their headers alone.

Share groups lock records by offset, and hand out whole batches: the broker has to know where each begins and ends. Reads
HEADER_READ_BYTES for each run of small batches or each large one, 5 µs; never a batch's records, but for the few bytes of a
transaction's marker.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ottla.records.batch import HEADER_BYTES, BatchHeader, parse_header
from ottla.records.control import ControlType, end_txn_marker_in
from ottla.records.errors import RecordsError
from ottla.storage.file_slice import FileSlice
from ottla.storage.read_result import AbortedTransaction

HEADER_READ_BYTES: Final = 16_384

_MARKER_BYTES_MAX: Final = 1_024
"""More than a control batch of a transaction has."""


class SliceBatch(NamedTuple):
    """A batch that lies in the slice whole."""

    base_offset: int
    last_offset: int
    position: int
    """In the slice."""
    header: BatchHeader


def batches_in(piece: FileSlice, last_offset: int, *, nowait: bool) -> list[SliceBatch]:
    """The batches of `piece` in order, up to the one that holds `last_offset`; one cut off at its end is left out.

    Raises `BlockingIOError` with `nowait` when they are not in the page cache, `SliceGone`, `RecordsError`.
    """
    found: list[SliceBatch] = []
    buffer = memoryview(bytearray(HEADER_READ_BYTES))
    begin = filled = 0  # the buffer holds bytes [begin, begin + filled) of the slice
    position = 0
    while position + HEADER_BYTES <= piece.size_in_bytes:
        if position + HEADER_BYTES > begin + filled:
            begin, filled = position, 0
            while filled < HEADER_BYTES:
                filled += piece.read_into(buffer[filled:], begin + filled, nowait=nowait)
        header = parse_header(buffer[:filled], position - begin)
        if position + header.size_in_bytes > piece.size_in_bytes or header.base_offset > last_offset:
            break
        found.append(SliceBatch(header.base_offset, header.last_offset, position, header))
        position += header.size_in_bytes
    return found


def aborted_batches(
    piece: FileSlice,
    batches: Sequence[SliceBatch],
    aborted: Iterable[AbortedTransaction],
    *,
    nowait: bool,
) -> list[tuple[int, int]]:
    """First and last offset of the batches that belong to `aborted` transactions.

    A producer's batches are aborted from the transaction's first offset to its marker. Raises as `batches_in`.
    """
    waiting = sorted(aborted, key=lambda each: each.first_offset, reverse=True)
    producers: set[int] = set()
    found = []
    for batch in batches:
        header = batch.header
        if not header.has_producer_id:
            continue
        while waiting and waiting[-1].first_offset <= batch.last_offset:
            producers.add(waiting.pop().producer_id)
        if header.is_control:
            if header.producer_id in producers and _is_abort(piece, batch, nowait=nowait):
                producers.discard(header.producer_id)
        elif header.is_transactional and header.producer_id in producers:
            found.append((batch.base_offset, batch.last_offset))
    return found


def _is_abort(piece: FileSlice, batch: SliceBatch, *, nowait: bool) -> bool:
    size = batch.header.size_in_bytes
    if size > _MARKER_BYTES_MAX:
        return False
    content = bytearray(size)
    view = memoryview(content)
    filled = 0
    while filled < size:
        filled += piece.read_into(view[filled:], batch.position + filled, nowait=nowait)
    try:
        found = end_txn_marker_in(content)
    except RecordsError:
        return False
    return found is not None and found[0].control_type is ControlType.ABORT


def cut(piece: FileSlice, batches: Sequence[SliceBatch], first_offset: int, last_offset: int) -> FileSlice:
    """The part of `piece` that holds `first_offset` to `last_offset`, in whole batches."""
    first = last = batches[0]
    for batch in batches:
        if batch.base_offset <= first_offset:
            first = batch
        if batch.base_offset <= last_offset:
            last = batch
    size = last.position + last.header.size_in_bytes - first.position
    if first.position == 0 and size == piece.size_in_bytes:
        return piece
    return FileSlice(piece.segment, piece.position + first.position, size, piece.truncation_epoch)
