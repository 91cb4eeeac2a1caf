"""The small text files of a log directory: checkpoints, leader epochs, properties."""

from collections.abc import Iterator
from pathlib import Path

from ottla.cli.logs.entries import CheckpointEntry, Entry, EpochEntry, Fault, PropertyEntry
from ottla.storage.checkpoints import CheckpointError, parse_lines, parse_number


def read_checkpoint(path: Path) -> Iterator[Entry]:
    """Topic, partition and offset of each line."""
    try:
        for topic, partition, offset in parse_lines(path.name, path.read_bytes(), 3):
            yield CheckpointEntry(topic, parse_number(path.name, partition), parse_number(path.name, offset))
    except CheckpointError as error:
        yield Fault(None, str(error))


def read_leader_epochs(path: Path) -> Iterator[Entry]:
    """Epoch and start offset of each line."""
    last = EpochEntry(-1, -1)
    try:
        for epoch, start_offset in parse_lines(path.name, path.read_bytes(), 2):
            entry = EpochEntry(parse_number(path.name, epoch), parse_number(path.name, start_offset))
            yield entry
            if entry.epoch <= last.epoch or entry.start_offset < last.start_offset:
                yield Fault(
                    None,
                    f"epoch {entry.epoch} from offset {entry.start_offset} does not follow the line before",
                )
            last = entry
    except CheckpointError as error:
        yield Fault(None, str(error))


def read_properties(path: Path) -> Iterator[Entry]:
    """Lines of `name: value` or `name=value`."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            name, _, value = text.replace(": ", "=", 1).partition("=")
            yield PropertyEntry(name, value)


def read_json(path: Path) -> Iterator[Entry]:
    """Members of a file that holds one JSON object."""
    import json

    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        members = json.loads(text) if text.strip() else {}
    except ValueError as error:
        yield Fault(None, f"not JSON: {error}")
        return
    for name, value in members.items():
        yield PropertyEntry(str(name), str(value))
