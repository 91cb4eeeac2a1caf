"""Snapshots of a log's producers (`<offset>.snapshot`): what `ProducerState` was at an offset.

::

    version int16 = 1 │ CRC-32C uint32 of all that follows │ entry count int32
    each entry, 46 bytes: producer id int64 │ producer epoch int16 │ last sequence int32 │ last offset int64
                          offset delta int32 │ timestamp int64 │ coordinator epoch int32
                          first offset of the open transaction int64 (-1: none)

One is written when a segment is rolled, under the new segment's base offset, and at a clean stop. A start takes the newest
and reads the batches after it. Only the last batch of each producer is in it, as in Apache: a batch before it that is sent
again after a restart is out of order.

Source: Apache's `ProducerStateManager`, `ProducerSnapshot.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from struct import Struct
from typing import Final

from ottla.records.checksum import crc32c
from ottla.storage.disk import Disk
from ottla.storage.producer_state import ROW

VERSION: Final = 1
SUFFIX: Final = ".snapshot"

_HEAD: Final = Struct(">hIi")
_CHECKED_POSITION: Final = 6
_PRODUCER_ID: Final = Struct(">q")
_ENTRY_BYTES: Final = _PRODUCER_ID.size + ROW.size
_NAME: Final = re.compile(r"(\d{20})\.snapshot")


class CorruptSnapshotError(Exception):
    """A snapshot is damaged: delete it, take an older one and read the log from there."""


def snapshot_name(offset: int) -> str:
    return f"{offset:020d}{SUFFIX}"


def snapshot_offsets(names: Iterable[str]) -> list[int]:
    """The offsets of the snapshots among a directory's names, rising."""
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def encode(rows: Iterable[tuple[int, bytes]]) -> bytes:
    """The file's content for the rows of `ProducerState.rows`."""
    pack = _PRODUCER_ID.pack
    entries = b"".join([pack(producer_id) + entry[: ROW.size] for producer_id, entry in rows])
    content = bytearray(_HEAD.pack(VERSION, 0, len(entries) // _ENTRY_BYTES))
    content += entries
    _HEAD.pack_into(
        content, 0, VERSION, crc32c(memoryview(content)[_CHECKED_POSITION:]), len(entries) // _ENTRY_BYTES
    )
    return bytes(content)


def decode(content: bytes) -> list[tuple[int, bytes]]:
    """Producer ids and rows. Raises `CorruptSnapshotError`."""
    if len(content) < _HEAD.size:
        raise CorruptSnapshotError(f"{len(content)} bytes cannot hold a snapshot")
    version, crc, count = _HEAD.unpack_from(content)
    if version != VERSION:
        raise CorruptSnapshotError(f"version {version}, {VERSION} is expected")
    if crc32c(memoryview(content)[_CHECKED_POSITION:]) != crc:
        raise CorruptSnapshotError("the checksum does not match")
    if len(content) != _HEAD.size + count * _ENTRY_BYTES:
        raise CorruptSnapshotError(f"{len(content)} bytes do not hold {count} entries")
    return [
        (_PRODUCER_ID.unpack_from(content, at)[0], content[at + _PRODUCER_ID.size : at + _ENTRY_BYTES])
        for at in range(_HEAD.size, len(content), _ENTRY_BYTES)
    ]


def read_snapshot(disk: Disk, path: str) -> list[tuple[int, bytes]]:
    """Producer ids and rows of a file. Raises `CorruptSnapshotError`, `OSError`."""
    try:
        return decode(disk.read_file(path))
    except CorruptSnapshotError as error:
        raise CorruptSnapshotError(f"{path}: {error}") from None
