"""`ottla log`: look into a broker's files."""

import base64
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ottla.cli.errors import UsageError
from ottla.cli.logs.entries import BatchEntry, Entry, Fault, PropertyEntry, RecordEntry
from ottla.cli.output import counted, json_text, say, timestamp_text, visible_lines

log = typer.Typer(help="Look into the files of a broker, running or not.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(log, name="log")


@log.callback()
def look_into() -> None:
    """Look into the files of a broker, running or not."""


@log.command(epilog="Example: ottla log dump /var/lib/ottla/logs/orders-0 --records --from 1000 --to 1010")
def dump(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Segments, indexes, snapshots, checkpoints; or a directory of them: a partition, or a whole log directory.",
        ),
    ],
    records: Annotated[bool, typer.Option("--records", "-r", help="The records in the batches too.")] = False,
    first_offset: Annotated[
        int, typer.Option("--from", metavar="OFFSET", min=0, help="Leave out batches before this offset.")
    ] = 0,
    last_offset: Annotated[
        int | None, typer.Option("--to", metavar="OFFSET", min=0, help="Leave out batches after this offset.")
    ] = None,
    faults_only: Annotated[
        bool, typer.Option("--faults", help="Only what is broken. Exit code 1 if anything is.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show what is in the files, and what is wrong with them. Nothing is changed."""
    from ottla.cli.logs.files import Wanted, files_in, read_file

    if last_offset is not None and last_offset < first_offset:
        raise UsageError(
            f"--to {last_offset} is before --from {first_offset}", where="--to", remedy="swap them"
        )
    files = [file for path in paths for file in files_in(path)]
    wanted = Wanted(records=records, first_offset=first_offset, last_offset=last_offset)
    faults = 0
    for file in files:
        faults += show_file(file, read_file(file, wanted), faults_only=faults_only, as_json=as_json)
    if faults:
        say(f"{counted(faults, 'fault')} found in {counted(len(files), 'file')}.")
        raise typer.Exit(1)
    if faults_only and not as_json:
        print(f"No faults in {counted(len(files), 'file')}.")


def show_file(path: Path, entries: Iterable[Entry], *, faults_only: bool, as_json: bool) -> int:
    """Print the entries of one file; answer how many faults were among them."""
    faults = 0
    named = False
    for entry in entries:
        is_fault = isinstance(entry, Fault)
        faults += is_fault
        if faults_only and not is_fault:
            continue
        if as_json:
            print(json_text(entry_json(path, entry)))
            continue
        if not named:
            print(path)
            named = True
        print(visible_lines(entry_text(entry)))
    if not named and not as_json and not faults_only:
        print(f"{path}\n  empty")
    return faults


def entry_json(path: Path, entry: Entry) -> dict[str, object]:
    """An entry as `--json` shows it."""
    fields = {name: _plain(value) for name, value in asdict(entry).items()}
    return {"file": str(path), "entry": type(entry).__name__.removesuffix("Entry"), **fields}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def entry_text(entry: Entry) -> str:
    """An entry for people."""
    if isinstance(entry, Fault):
        where = "" if entry.position is None else f" at {entry.position}"
        return f"  FAULT{where}: {entry.what}"
    if isinstance(entry, BatchEntry):
        return batch_text(entry)
    if isinstance(entry, RecordEntry):
        return record_text(entry)
    if isinstance(entry, PropertyEntry):
        return f"  {entry.name} = {entry.value}"
    fields = [
        f"{name.removesuffix('_ms').replace('_', ' ')} {_shown(name, value)}"
        for name, value in asdict(entry).items()
    ]
    return f"  {'  '.join(fields)}"


def batch_text(batch: BatchEntry) -> str:
    """A batch in one line: where it stands, which offsets it holds, what is peculiar about it."""
    count = "" if batch.count is None else f"  {counted(batch.count, 'record')}"
    parts = [
        f"  batch at {batch.position}, {batch.size_bytes} bytes  offsets {batch.base_offset}-{batch.last_offset}{count}",
        timestamp_text(batch.max_timestamp_ms) if batch.max_timestamp_ms >= 0 else None,
        "log append time" if batch.is_log_append_time else None,
        None if batch.codec == "none" else batch.codec,
        f"epoch {batch.leader_epoch}",
        f"format {batch.magic}" if batch.magic != 2 else None,
        f"producer {batch.producer_id} epoch {batch.producer_epoch} sequence {batch.base_sequence}"
        if batch.producer_id >= 0
        else None,
        "transactional" if batch.is_transactional else None,
        "control" if batch.is_control else None,
        f"delete horizon {timestamp_text(batch.delete_horizon_ms)}"
        if batch.delete_horizon_ms is not None
        else None,
    ]
    return "  ".join(part for part in parts if part)


def record_text(record: RecordEntry) -> str:
    """A record in one line."""
    head = f"    {record.offset}  {timestamp_text(record.timestamp_ms)}"
    if record.meaning is not None:
        return f"{head}  {record.meaning}"
    headers = "".join(f"  {name}={_text(value)}" for name, value in record.headers)
    return f"{head}  {_text(record.key)}  {_text(record.value)}{headers}"


def _text(content: bytes | None) -> str:
    if content is None:
        return "null"
    return content.decode("utf-8", "backslashreplace").replace("\n", "\\n").replace("\r", "\\r")


def _shown(name: str, value: object) -> object:
    if name.endswith("_ms") and isinstance(value, int):
        return timestamp_text(value) if value >= 0 else value
    return "none" if value is None else value
