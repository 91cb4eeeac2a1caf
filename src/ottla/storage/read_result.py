"""What reads and look-ups of a log answer."""

from __future__ import annotations

from typing import NamedTuple

from ottla.storage.file_slice import FileSlice


class ReadResult(NamedTuple):
    """What a read found: at most one range of one segment's file."""

    slice: FileSlice | None
    """``None`` when there is nothing to read below the upper bound, or less than a batch was allowed. It begins with a whole batch and ends with one
    unless ``max_bytes`` cut it: then the client drops the last part."""
    next_offset: int
    """An offset at or after the end of the slice's last whole batch and at most the upper bound: aborted transactions
    that begin at or after it do not concern the slice. The fetch offset itself when there is no slice."""


class TimestampOffset(NamedTuple):
    """A record found by its time."""

    timestamp: int
    """ms since the epoch, -1 for none."""
    offset: int
    leader_epoch: int
    """-1 where the batch has none."""


class EpochEndOffset(NamedTuple):
    """The end of the largest leader epoch not above the one asked for; both -1 when that is unknown."""

    leader_epoch: int
    end_offset: int


class AbortedTransaction(NamedTuple):
    """A transaction of which a read-committed consumer drops the records."""

    producer_id: int
    first_offset: int
