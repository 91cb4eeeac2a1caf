"""Offset, time and transaction indexes of a segment, and producer snapshots.

An index of an active segment may have been given room in advance: zeros behind its last entry are not faults.
"""

from collections.abc import Iterator
from pathlib import Path
from struct import Struct

from ottla.cli.logs.entries import (
    AbortedTransaction,
    Entry,
    Fault,
    OffsetIndexEntry,
    ProducerEntry,
    TimeIndexEntry,
)
from ottla.storage.producer_snapshot import CorruptSnapshotError, decode
from ottla.storage.producer_state import ROW
from ottla.storage.txn_index import ENTRY as ABORTED
from ottla.storage.txn_index import VERSION as ABORTED_VERSION

OFFSET = Struct(">ii")
TIME = Struct(">qi")


def read_offset_index(path: Path) -> Iterator[Entry]:
    """Entries of `<base offset>.index`, checked against each other and the segment's size."""
    base_offset = base_offset_of(path)
    segment = path.with_suffix(".log")
    segment_bytes = segment.stat().st_size if segment.exists() else None
    last = (-1, -1)
    for at, (relative, position) in _entries(path, OFFSET):
        yield OffsetIndexEntry(base_offset + relative, position)
        if (relative, position) <= last or position <= last[1]:
            yield Fault(
                at, f"offset {base_offset + relative} at {position} does not come after the entry before it"
            )
        if segment_bytes is not None and position >= segment_bytes:
            yield Fault(
                at, f"position {position} is behind the end of {segment.name} ({segment_bytes} bytes)"
            )
        last = (relative, position)
    yield from _torn(path, OFFSET)


def read_time_index(path: Path) -> Iterator[Entry]:
    """Entries of `<base offset>.timeindex`."""
    base_offset = base_offset_of(path)
    last = (-1, -1)
    for at, (timestamp_ms, relative) in _entries(path, TIME):
        yield TimeIndexEntry(timestamp_ms, base_offset + relative)
        if timestamp_ms < last[0] or relative < last[1]:
            yield Fault(at, f"timestamp {timestamp_ms} does not come after the entry before it")
        last = (timestamp_ms, relative)
    yield from _torn(path, TIME)


def read_transaction_index(path: Path) -> Iterator[Entry]:
    """Entries of `<base offset>.txnindex`."""
    for at, (version, *fields) in _entries(path, ABORTED):
        yield AbortedTransaction(*fields)
        if version != ABORTED_VERSION:
            yield Fault(at, f"version {version}, {ABORTED_VERSION} is expected")
    yield from _torn(path, ABORTED)


def read_snapshot(path: Path) -> Iterator[Entry]:
    """Producers in `<offset>.snapshot`."""
    try:
        rows = decode(path.read_bytes())
    except CorruptSnapshotError as error:
        yield Fault(None, str(error))
        return
    for producer_id, row in rows:
        epoch, sequence, offset, delta, timestamp_ms, coordinator_epoch, first_open = ROW.unpack_from(row)
        yield ProducerEntry(
            producer_id,
            epoch,
            sequence,
            offset,
            delta,
            timestamp_ms,
            coordinator_epoch,
            None if first_open < 0 else first_open,
        )


def base_offset_of(path: Path) -> int:
    """The offset in a file's name."""
    return int(path.name.partition(".")[0])


def _entries(path: Path, entry: Struct) -> Iterator[tuple[int, tuple[int, ...]]]:
    content = path.read_bytes()
    # Zeros behind the last entry are room given in advance; no entry is all zeros, since the first one is written
    # for a batch that is not the first.
    used = len(content.rstrip(b"\0"))
    whole = min(len(content) // entry.size, -(-used // entry.size))
    for place in range(whole):
        yield place * entry.size, entry.unpack_from(content, place * entry.size)


def _torn(path: Path, entry: Struct) -> Iterator[Fault]:
    rest = path.stat().st_size % entry.size
    if rest:
        yield Fault(
            path.stat().st_size - rest, f"{rest} bytes are left over after entries of {entry.size} bytes"
        )
