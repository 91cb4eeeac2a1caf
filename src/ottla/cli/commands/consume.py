"""`ottla consume`: read records, from anywhere, to the end or on and on."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, TypeAlias

import typer

from ottla.cli.connection import Connection, Property, on_cluster
from ottla.cli.errors import UsageError
from ottla.cli.formats import FORMAT_HELP, Format, decode_text
from ottla.cli.output import counted, json_text, say, timestamp_text, visible_lines
from ottla.cli.positions import EARLIEST, LATEST, Position, PositionKind, parse_position
from ottla.cli.progress import counting
from ottla.cli.record_lines import record_object
from ottla.cli.requests.offsets import Partition
from ottla.cli.requests.positions import resolve_position
from ottla.cli.requests.records import IncomingRecord, Reading, consume_records
from ottla.cli.requests.topics import require_topics

Render: TypeAlias = Callable[[IncomingRecord], bytes]

PLACEHOLDERS = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
VERBOSE = "{timestamp}  {topic}-{partition}@{offset}  {key}  {value}  {headers}"


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(epilog="Example: ottla consume orders --from 1h --exit --json")(consume)


@on_cluster
def consume(
    connection: Connection,
    topics: Annotated[
        list[str],
        typer.Argument(metavar="TOPIC...", help="Topics to read. In a group, ^... is a regular expression."),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="POSITION",
            help="earliest, latest, an offset (42), records before the end (-10), a time (2026-11-23T12:00:00Z, "
            "@milliseconds) or an age (5m, 36h, 7d). Default: latest; with --exit, earliest.",
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option("--to", metavar="POSITION", help="Stop before this position, written like --from."),
    ] = None,
    partitions: Annotated[
        list[int] | None,
        typer.Option("--partition", "-p", min=0, help="Only this partition. May be repeated."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", "-g", help="Read as a member of this group and commit what was printed."),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Stop after so many records.")
    ] = None,
    exit_at_end: Annotated[bool, typer.Option("--exit", "-e", help="Stop at the end of the topic.")] = False,
    max_wait_s: Annotated[
        float | None,
        typer.Option("--max-wait", metavar="SECONDS", min=0.1, help="Stop when no record came for so long."),
    ] = None,
    keys: Annotated[bool, typer.Option("--keys", "-k", help="Print key, tab, value.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print where and when, key, value and headers.")
    ] = False,
    template: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="TEMPLATE",
            help=f"Print this, with {' '.join('{' + name + '}' for name in PLACEHOLDERS)} filled in.",
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the bytes of the values and nothing between them.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON object a line; `ottla produce --input json` reads it."),
    ] = False,
    key_format: Annotated[
        Format, typer.Option("--key-format", metavar="FORMAT", help=f"How keys are shown: {FORMAT_HELP}.")
    ] = Format.STRING,
    value_format: Annotated[
        Format, typer.Option("--value-format", metavar="FORMAT", help="How values are shown, likewise.")
    ] = Format.STRING,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead.")] = None,
    committed: Annotated[
        bool, typer.Option("--committed", help="Only records of committed transactions (and of none).")
    ] = False,
) -> None:
    """Read records of topics."""
    shapes = [keys, verbose, template is not None, raw, as_json]
    if sum(shapes) > 1:
        raise UsageError(
            "the output can have one form only",
            where="--keys --verbose --format --raw --json",
            remedy="give one of them",
        )
    render = renderer(
        template or (VERBOSE if verbose else "{key}\t{value}" if keys else "{value}"),
        key_format,
        value_format,
    )
    if raw:
        render = raw_value
    elif as_json:
        render = json_renderer(key_format, value_format)
    elif output is None and sys.stdout.isatty():
        render = on_terminal(render)
    reading = plan_reading(connection, topics, start, stop, partitions, group, exit_at_end=exit_at_end)
    reading.count = count
    properties: dict[str, Property] = {
        "isolation.level": "read_committed" if committed else "read_uncommitted"
    }
    reading.properties = {**reading.properties, **properties}
    with opened_output(output) as stream, interrupted_by(signal.SIGTERM):
        total = copy_records(connection, reading, render, stream, max_wait_s)
    if output is not None or verbose:
        say(f"Consumed {counted(total, 'record')}.")


def plan_reading(
    connection: Connection,
    topics: list[str],
    start: str | None,
    stop: str | None,
    partitions: list[int] | None,
    group: str | None,
    *,
    exit_at_end: bool,
) -> Reading:
    """What to read, from the options."""
    first = (
        parse_position(start, "--from", _now_ms) if start is not None else EARLIEST if exit_at_end else LATEST
    )
    if group is not None:
        return _plan_group_reading(
            topics, first, group, stop, partitions, exit_at_end=exit_at_end, start=start
        )
    chosen = _chosen_partitions(require_topics(connection, topics), partitions)
    starts = resolve_position(connection, first, chosen)
    ends: dict[Partition, int] = {}
    if stop is not None:
        ends = resolve_position(connection, parse_position(stop, "--to", _now_ms), chosen)
    elif exit_at_end:
        ends = resolve_position(connection, LATEST, chosen)
    return Reading(tuple(topics), starts=starts, ends=ends, stop_at_end=exit_at_end)


def _plan_group_reading(
    topics: list[str],
    first: Position,
    group: str,
    stop: str | None,
    partitions: list[int] | None,
    *,
    exit_at_end: bool,
    start: str | None,
) -> Reading:
    if partitions or stop is not None:
        raise UsageError(
            "a group decides itself which partitions a member reads, and goes on from what it committed",
            where="--partition / --to",
            remedy="leave --group out, or leave these out",
        )
    if first.kind not in {PositionKind.EARLIEST, PositionKind.LATEST}:
        raise UsageError(
            "in a group, --from says only where to begin when nothing is committed: earliest or latest",
            where=f"--from {start}",
            remedy=f"move the group with `ottla group reset {group} --to {start}` first",
        )
    properties: dict[str, Property] = {"auto.offset.reset": first.kind.value}
    return Reading(tuple(topics), group=group, stop_at_end=exit_at_end, properties=properties)


def _chosen_partitions(known: dict[str, tuple[int, ...]], partitions: list[int] | None) -> list[Partition]:
    for topic, numbers in known.items():
        missing = sorted(set(partitions or ()) - set(numbers))
        if missing:
            raise UsageError(
                f"topic {topic} has no partition {missing[0]}",
                where="--partition",
                remedy=f"it has partitions 0 to {len(numbers) - 1}",
            )
    return [(topic, one) for topic, numbers in known.items() for one in (partitions or numbers)]


def copy_records(
    connection: Connection, reading: Reading, render: Render, stream: BinaryIO, max_wait_s: float | None
) -> int:
    """Write the records to the stream as they come; answer how many came."""
    expected = sum(max(0, end - reading.starts[one]) for one, end in reading.ends.items()) or None
    if reading.count is not None:
        expected = min(reading.count, expected or reading.count)
    watched = stream is sys.stdout.buffer and sys.stdout.isatty()
    last_s = time.monotonic()
    with counting("consumed", total=expected, enabled=not watched) as counter:
        with contextlib.closing(consume_records(connection, reading)) as runs:
            for run in runs:
                for record in run:
                    stream.write(render(record))
                    counter.add(1, len(record.value or b""))
                stream.flush()
                now_s = time.monotonic()
                if run:
                    last_s = now_s
                elif max_wait_s is not None and now_s - last_s > max_wait_s:
                    break
        return counter.records


@contextlib.contextmanager
def interrupted_by(number: signal.Signals) -> Iterator[None]:
    """Told to end, a reader leaves its group and commits, as on Ctrl-C."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextlib.contextmanager
def opened_output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or the file at `path`."""
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        stream = path.open("wb")
    except OSError as error:
        raise UsageError(
            f"the file cannot be written: {error.strerror}",
            where=str(path),
            remedy="give a path that can be written",
        ) from None
    with stream:
        yield stream


def renderer(template: str, key_format: Format, value_format: Format) -> Render:
    """What turns a record into the bytes of a line."""
    pieces = parse_template(template.replace("\\t", "\t").replace("\\n", "\n"))

    def render(record: IncomingRecord) -> bytes:
        text = "".join(
            piece if literal else field_text(record, piece, key_format, value_format)
            for literal, piece in pieces
        )
        return text.encode("utf-8", "surrogateescape") + b"\n"

    return render


def parse_template(template: str) -> list[tuple[bool, str]]:
    """Cut a template into (is literal, text) pieces; `{{` and `}}` are braces."""
    from string import Formatter

    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise UsageError(
            f"the template is broken: {error}", where="--format", remedy="{{ and }} write braces"
        ) from None
    pieces: list[tuple[bool, str]] = []
    for literal, name, _, _ in parsed:
        if literal:
            pieces.append((True, literal))
        if name is not None:
            if name not in PLACEHOLDERS:
                raise UsageError(
                    f"a record has no {{{name}}}",
                    where="--format",
                    remedy=f"choose from {', '.join('{' + one + '}' for one in PLACEHOLDERS)}",
                )
            pieces.append((False, name))
    return pieces


def field_text(record: IncomingRecord, name: str, key_format: Format, value_format: Format) -> str:
    """One field of a record as people see it."""
    where = f"{record.topic}-{record.partition} offset {record.offset}"
    match name:
        case "key":
            return decode_text(record.key, key_format, f"key of {where}")
        case "value":
            return decode_text(record.value, value_format, f"value of {where}")
        case "timestamp":
            return timestamp_text(record.timestamp_ms) or "-"
        case "headers":
            return ",".join(
                f"{header}={decode_text(value, Format.STRING, where)}" for header, value in record.headers
            )
        case _:
            return str(getattr(record, name))


def on_terminal(render: Render) -> Render:
    """The same, but records can't do anything to the terminal that shows them."""
    return lambda record: visible_lines(render(record).decode("utf-8", "surrogateescape")).encode(
        "utf-8", "surrogateescape"
    )


def raw_value(record: IncomingRecord) -> bytes:
    """The value and nothing else."""
    return record.value or b""


def json_renderer(key_format: Format, value_format: Format) -> Render:
    """What turns a record into a line of JSON."""

    def render(record: IncomingRecord) -> bytes:
        return json_text(record_object(record, key_format, value_format)).encode() + b"\n"

    return render


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
