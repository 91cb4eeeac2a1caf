"""Checkpoint files: small lists of offsets that a restarted broker begins from.

::

    0                       version
    2                       number of entries
    orders 0 1217           one entry a line: topic, partition, offset
    orders 1 1190

In each log directory: `recovery-point-offset-checkpoint` (below it all is fsynced, recovery reads from there),
`log-start-offset-checkpoint` (where DeleteRecords has moved a log's start), `replication-offset-checkpoint` (high
watermarks), `cleaner-offset-checkpoint` (how far compaction has come). In each log: `leader-epoch-checkpoint`, whose
lines are epoch and start offset.

The files have no checksum. One that cannot be read raises `CheckpointError`; each reader falls back to the value that loses
nothing, as Apache does: recovery from 0, log start at the first segment, compaction from the start.

Source: Apache's CheckpointFile, OffsetCheckpointFile, LeaderEpochCheckpointFile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ottla.protocol.types import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.storage.disk import Disk

RECOVERY_POINT_FILE: Final = "recovery-point-offset-checkpoint"
LOG_START_OFFSET_FILE: Final = "log-start-offset-checkpoint"
HIGH_WATERMARK_FILE: Final = "replication-offset-checkpoint"
CLEANER_OFFSET_FILE: Final = "cleaner-offset-checkpoint"
LEADER_EPOCH_FILE: Final = "leader-epoch-checkpoint"
PARTITION_METADATA_FILE: Final = "partition.metadata"

_VERSION: Final = 0
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
_LONG_MAX: Final = 2**63 - 1


class CheckpointError(Exception):
    """A checkpoint file does not have its format; the message names file and line."""


def parse_lines(path: str, content: bytes, fields: int) -> list[list[str]]:
    """The entries of a checkpoint file, each of `fields` fields. Raises `CheckpointError`."""
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is not text: {error}") from error
    if not lines:
        raise CheckpointError(f"{path} is empty")
    if lines[0] != str(_VERSION):
        raise CheckpointError(f"{path}, line 1: version {_VERSION} expected, found {lines[0]!r}")
    if len(lines) < 2 or not lines[1].isdecimal():
        raise CheckpointError(f"{path}, line 2: a number of entries expected")
    entries = [line.split(" ") for line in lines[2:]]
    if len(entries) != int(lines[1]):
        raise CheckpointError(f"{path}, line 2: {lines[1]} entries expected, found {len(entries)}")
    for line_number, entry in enumerate(entries, 3):
        if len(entry) != fields:
            raise CheckpointError(f"{path}, line {line_number}: {fields} fields expected, found {entry!r}")
    return entries


def parse_number(path: str, text: str) -> int:
    """A 64-bit number of a checkpoint file. Raises `CheckpointError`."""
    if not _NUMBER.fullmatch(text) or not -_LONG_MAX - 1 <= (number := int(text)) <= _LONG_MAX:
        raise CheckpointError(f"{path}: a number expected, found {text!r}")
    return number


def format_lines(entries: Iterable[str]) -> bytes:
    lines = list(entries)
    return "".join(f"{line}\n" for line in (str(_VERSION), str(len(lines)), *lines)).encode()


class OffsetCheckpoint:
    """One of a log directory's offset files. Both methods wait for the disk."""

    __slots__ = ("_disk", "path")

    def __init__(self, disk: Disk, directory: str, name: str) -> None:
        self._disk = disk
        self.path = f"{directory}/{name}"

    def read(self) -> dict[TopicPartition, int]:
        """The offsets; none where there is no file. Raises `CheckpointError`, also for a negative offset."""
        try:
            content = self._disk.read_file(self.path)
        except FileNotFoundError:
            return {}
        offsets = {}
        for topic, partition_text, offset_text in parse_lines(self.path, content, 3):
            partition = parse_number(self.path, partition_text)
            offset = parse_number(self.path, offset_text)
            if offset < 0 or partition < 0:
                raise CheckpointError(f"{self.path}: {topic} {partition} {offset} is not an offset")
            offsets[TopicPartition(topic, partition)] = offset
        return offsets

    def write(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Replace the file durably."""
        lines = (f"{log.topic} {log.partition} {offset}" for log, offset in offsets.items())
        self._disk.replace_file(self.path, format_lines(lines))
