"""Which reader a file wants, by its name; and which files a directory holds, in the order in which to show them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ottla.cli.errors import CommandError, UsageError
from ottla.cli.logs.checkpoints import read_checkpoint, read_json, read_leader_epochs, read_properties
from ottla.cli.logs.entries import Entry
from ottla.cli.logs.indexes import read_offset_index, read_snapshot, read_time_index, read_transaction_index
from ottla.cli.logs.meanings import meaning_of
from ottla.cli.logs.segments import read_segment

READERS = {
    ".index": read_offset_index,
    ".timeindex": read_time_index,
    ".txnindex": read_transaction_index,
    ".snapshot": read_snapshot,
    "-offset-checkpoint": read_checkpoint,
    "leader-epoch-checkpoint": read_leader_epochs,
    "partition.metadata": read_properties,
    "meta.properties": read_properties,
    ".kafka_cleanshutdown": read_json,
}
"""By the end of the name."""

SEGMENT = re.compile(r"\d{20}\.log(\.cleaned|\.swap|\.deleted)?")
LEFTOVERS = (".cleaned", ".swap", ".deleted")
PARTITION = re.compile(r"(?P<topic>.+)-(?P<partition>\d+)(\.[0-9a-f]{32}-(delete|future|stray))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of segments."""

    records: bool = False
    first_offset: int = 0
    last_offset: int | None = None


def files_in(path: Path) -> list[Path]:
    """The files to show for a path: itself, or those in the directory and its partitions that have a reader."""
    if path.is_file():
        if not is_known(path):
            raise UsageError(
                "this is no file of a Kafka log directory",
                where=str(path),
                remedy=f"give a directory, or a file ending in .log, {', '.join(READERS)}",
            )
        return [path]
    if not path.is_dir():
        raise UsageError("there is no such file or directory", where=str(path), remedy="check the path")
    try:
        found = sorted(file for file in path.rglob("*") if file.is_file() and is_known(file))
    except OSError as error:
        raise CommandError(f"the directory cannot be read: {error.strerror}", where=str(path)) from None
    if not found:
        raise UsageError(
            "there are no log files in this directory",
            where=str(path),
            remedy="give a broker's log directory (log.dirs), one of its partitions, or a file",
        )
    return found


def is_known(path: Path) -> bool:
    """Whether a reader knows files of this name."""
    return SEGMENT.fullmatch(path.name) is not None or _reader_name(path) is not None


def read_file(path: Path, wanted: Wanted) -> Iterator[Entry]:
    """The entries of a file, and the faults in it."""
    try:
        if SEGMENT.fullmatch(path.name):
            yield from read_segment(
                path,
                records=wanted.records,
                first_offset=wanted.first_offset,
                last_offset=wanted.last_offset,
                meaning=meaning_of(topic_of(path)) if wanted.records else None,
            )
            return
        ending = _reader_name(path)
        if ending is not None:
            yield from READERS[ending](path)
    except OSError as error:
        raise CommandError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="check its owner and permissions",
        ) from None


def topic_of(path: Path) -> str:
    """The topic whose partition's directory a file lies in; empty if the directory has no such name."""
    match = PARTITION.fullmatch(path.absolute().parent.name)
    return "" if match is None else match["topic"]


def _reader_name(path: Path) -> str | None:
    name = path.name
    for leftover in LEFTOVERS:
        name = name.removesuffix(leftover)
    return next((ending for ending in READERS if name.endswith(ending)), None)
