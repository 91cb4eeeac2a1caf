"""Putting cleaned segments in the place of those they were made from, so that a crash at any step leaves one or the other.

::

    1  fsync of *.cleaned
       fsync of the directory        a crash leaves the old segments, and *.cleaned, which are removed
    2  *.cleaned  → *.swap
       fsync of the directory        .swap beside .cleaned: not all renames came through, both are removed
    3  old files  → *.deleted        removed after file.delete.delay.ms, since fetches may still read them
       fsync of the directory        an old segment that came back after step 4 would stand beside the new one
    4  .log.swap  → .log
       fsync of the directory        while .log.swap is there, live files of its offsets are old ones
    5  the others' .swap → live names
       fsync of the directory

The renames between two fsyncs of the directory may reach the disk in any order, or in part. From the end of step 2 on
the next start completes what is missing. A transaction index is why it matters: it is not rebuilt, and one that is lost
or left over would give read-committed consumers aborted records, or keep committed ones from them.

Source: Apache's LocalLog.replaceSegments and LogLoader, which rely on renames reaching the disk in order.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from ottla.storage.disk import OpenMode
from ottla.storage.segment_scan import SegmentScan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.storage.disk import Disk

_logger = logging.getLogger(__name__)

CLEANED_SUFFIX: Final = ".cleaned"
SWAP_SUFFIX: Final = ".swap"
DELETED_SUFFIX: Final = ".deleted"

FILE_SUFFIXES: Final = (".index", ".timeindex", ".txnindex", ".log")
"""Files of a segment besides its producer snapshot."""

_SEGMENT_FILE = re.compile(r"(\d{20})(\.log|\.index|\.timeindex|\.txnindex)")


def swap_in(disk: Disk, directory: str, base_offset: int, replaced: Sequence[int]) -> None:
    """Put `<base_offset>.*.cleaned`, fsynced, in the place of the segments `replaced`. Waits for the disk.

    An error leaves a state that the next start completes; the log cannot be used until then.
    """
    name = f"{directory}/{base_offset:020d}"
    disk.fsync_directory(directory)
    for suffix in FILE_SUFFIXES:
        if disk.exists(cleaned := name + suffix + CLEANED_SUFFIX):
            disk.rename(cleaned, name + suffix + SWAP_SUFFIX)
    disk.fsync_directory(directory)
    for old_base in replaced:
        old = f"{directory}/{old_base:020d}"
        for suffix in reversed(FILE_SUFFIXES):
            if disk.exists(old + suffix):
                disk.rename(old + suffix, old + suffix + DELETED_SUFFIX)
    disk.fsync_directory(directory)
    _make_live(disk, directory, [f"{base_offset:020d}{suffix}{SWAP_SUFFIX}" for suffix in FILE_SUFFIXES])


def _make_live(disk: Disk, directory: str, swaps: Sequence[str]) -> None:
    """Steps 4 and 5 for the files `swaps`, as far as they are there."""
    for is_log in (True, False):
        for name in swaps:
            if name.endswith(".log" + SWAP_SUFFIX) is is_log and disk.exists(f"{directory}/{name}"):
                disk.rename(f"{directory}/{name}", f"{directory}/{name.removesuffix(SWAP_SUFFIX)}")
        disk.fsync_directory(directory)


def remove_cleaned(disk: Disk, directory: str) -> None:
    """Remove what a round left that ended early."""
    for file_name in disk.listdir(directory):
        if file_name.endswith(CLEANED_SUFFIX):
            disk.unlink_if_exists(f"{directory}/{file_name}")


def complete_swaps(disk: Disk, directory: str) -> bool:
    """Finish or undo what a crash interrupted, before a log is loaded; whether there was anything to do."""
    names = disk.listdir(directory)
    cleaned = [name for name in names if name.endswith(CLEANED_SUFFIX)]
    swaps = [name for name in names if name.endswith(SWAP_SUFFIX)]
    deleted = [name for name in names if name.endswith(DELETED_SUFFIX)]
    if not (cleaned or swaps or deleted):
        return False
    for name in deleted:
        disk.unlink_if_exists(f"{directory}/{name}")
    if cleaned:
        # Also Apache's way of leaving a split that did not come to its end (KAFKA-6264).
        first_cleaned = min(map(_offset_of, cleaned))
        for name in swaps:
            if _offset_of(name) >= first_cleaned:
                disk.unlink(f"{directory}/{name}")
        disk.fsync_directory(directory)
        for name in cleaned:
            disk.unlink(f"{directory}/{name}")
        swaps = [name for name in swaps if _offset_of(name) < first_cleaned]
    log_swaps = [name for name in swaps if name.endswith(".log" + SWAP_SUFFIX)]
    if log_swaps:
        first = min(map(_offset_of, log_swaps))
        end = max(_end_offset(disk, f"{directory}/{name}", _offset_of(name)) for name in log_swaps)
        _logger.info("%s: completing the compaction of offsets %d to %d", directory, first, end)
        for name in disk.listdir(directory):
            match = _SEGMENT_FILE.fullmatch(name)
            if match and first <= int(match[1]) < max(end, first + 1):
                disk.unlink(f"{directory}/{name}")
        disk.fsync_directory(directory)
    _make_live(disk, directory, swaps)
    return True


def _offset_of(name: str) -> int:
    digits = name.partition(".")[0]
    return int(digits) if digits.isdecimal() else 2**63


def _end_offset(disk: Disk, path: str, base_offset: int) -> int:
    """The offset after the last record of a segment's file; its base offset where it is empty."""
    file = disk.open(path, OpenMode.READ)
    end_offset = base_offset
    try:
        for _position, header, _batch in SegmentScan(file, file.size()):
            end_offset = header[0] + header[6] + 1
    finally:
        file.close()
    return end_offset
