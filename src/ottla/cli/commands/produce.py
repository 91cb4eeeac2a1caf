"""`ottla produce`: write records from arguments, files or standard input."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from ottla.cli.choices import Acks, Compression
from ottla.cli.connection import Connection, Property, on_cluster
from ottla.cli.errors import UsageError
from ottla.cli.formats import FORMAT_HELP, Format, encode
from ottla.cli.output import counted, print_json_line, say
from ottla.cli.positions import parse_timestamp
from ottla.cli.progress import Counter, counting
from ottla.cli.record_lines import parse_record_line
from ottla.cli.requests.records import DeliveredRecord, Headers, OutgoingRecord, produce_records


class InputForm(StrEnum):
    """How the input is cut into records."""

    LINES = "lines"
    JSON = "json"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class RecordShape:
    """What the options say about every record of the input."""

    input_form: InputForm
    key: bytes | None
    key_separator: str | None
    headers: Headers
    partition: int | None
    timestamp_ms: int | None
    key_format: Format
    value_format: Format
    null: str | None


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(
        epilog='Example: ottla produce orders --key 42 --header source=web \'{"item": "pen"}\''
    )(produce)


@on_cluster
def produce(
    connection: Connection,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Topic to write to.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VALUE]...", help="Values, a record each. Without any, files or standard input are read."
        ),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="Read from this file; - is standard input. May be repeated."),
    ] = None,
    input_form: Annotated[
        InputForm,
        typer.Option(
            "--input",
            "-i",
            help="lines: a record a line. json: a line is an object with value, key, headers, partition, timestamp, "
            "as `ottla consume --json` prints. whole: a file is one record.",
        ),
    ] = InputForm.LINES,
    key: Annotated[str | None, typer.Option("--key", "-k", help="Key of every record.")] = None,
    key_separator: Annotated[
        str | None, typer.Option("--key-separator", "-K", help="What parts key from value in a line.")
    ] = None,
    headers: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            metavar="NAME=VALUE",
            help="Header of every record; NAME alone is null. May be repeated.",
        ),
    ] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", "-p", min=0, help="Partition; else the key decides.")
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option("--timestamp", metavar="TIME", help="Timestamp: ISO 8601, or @milliseconds.")
    ] = None,
    key_format: Annotated[
        Format, typer.Option("--key-format", metavar="FORMAT", help=f"How keys are written: {FORMAT_HELP}.")
    ] = Format.STRING,
    value_format: Annotated[
        Format, typer.Option("--value-format", metavar="FORMAT", help="How values are written, likewise.")
    ] = Format.STRING,
    null: Annotated[
        str | None,
        typer.Option(
            "--null",
            metavar="TEXT",
            help="This text as value (or key) means null; --null '' writes tombstones.",
        ),
    ] = None,
    compression: Annotated[
        Compression, typer.Option("--compression", "-z", help="Codec of the batches.")
    ] = Compression.NONE,
    acks: Annotated[
        Acks, typer.Option("--acks", help="Who must have a record: nobody, the leader, all in sync.")
    ] = Acks.ALL,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all went well.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print where each record went, a JSON object a line.")
    ] = False,
) -> None:
    """Write records to a topic."""
    if values and files:
        raise UsageError("both values and --file are given", where="--file", remedy="give one of them")
    shape = RecordShape(
        input_form=input_form,
        key=encode(key, key_format, "--key"),
        key_separator=_checked_separator(key_separator, key, input_form),
        headers=parse_headers(headers or ()),
        partition=partition,
        timestamp_ms=None if timestamp is None else parse_timestamp(timestamp, "--timestamp"),
        key_format=key_format,
        value_format=value_format,
        null=null,
    )
    properties: dict[str, Property] = {
        "compression.type": compression.value,
        "acks": acks.value,
        "enable.idempotence": acks is Acks.ALL,
        "message.timeout.ms": int(connection.timeout_s * 1000),
    }
    with counting("produced", enabled=not quiet and (bool(files) or not sys.stdin.isatty())) as counter:
        records = counting_up(read_records(values or (), files or (), shape), counter)
        delivery = produce_records(
            connection, topic, records, properties, show_delivered if as_json else None
        )
    if not quiet and not as_json:
        say(f"Produced {counted(delivery.delivered, 'record')} to {topic}.")


def _checked_separator(separator: str | None, key: str | None, form: InputForm) -> str | None:
    if separator is None:
        return None
    if separator == "" or key is not None or form is not InputForm.LINES:
        raise UsageError(
            "a key separator must not be empty, and goes with lines and without --key",
            where="--key-separator",
            remedy="write e.g. --key-separator : and let each line be key:value",
        )
    return separator.replace("\\t", "\t")


def parse_headers(texts: Iterable[str]) -> Headers:
    """Read `name=value`; a name alone has the value null."""
    headers: list[tuple[str, bytes | None]] = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(
                "a header needs a name", where=f"--header {text}", remedy="write --header NAME=VALUE"
            )
        headers.append((name, value.encode("utf-8", "surrogateescape") if equals else None))
    return tuple(headers)


def read_records(
    values: Iterable[str], files: Iterable[Path], shape: RecordShape
) -> Iterator[OutgoingRecord]:
    """The records of the input, in order, read as they are asked for."""
    given = list(values)
    if given:
        yield from (record_of(value, shape, f"value {number}") for number, value in enumerate(given, 1))
        return
    for path in list(files) or [Path("-")]:
        name = "standard input" if path == Path("-") else str(path)
        with opened(path) as stream:
            if shape.input_form is InputForm.WHOLE:
                yield whole_record(stream.buffer.read(), shape, name)
                continue
            for number, line in enumerate(stream, 1):
                yield record_of(line.removesuffix("\n").removesuffix("\r"), shape, f"{name} line {number}")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The text of a file, or of standard input for `-`; bytes that are not UTF-8 pass through unharmed."""
    if path == Path("-"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[union-attr]
        yield sys.stdin
        return
    try:
        stream = path.open(encoding="utf-8", errors="surrogateescape", newline="\n")
    except OSError as error:
        raise UsageError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            remedy="give the path of a readable file",
        ) from None
    with stream:
        yield stream


def whole_record(content: bytes, shape: RecordShape, where: str) -> OutgoingRecord:
    """A record that is a whole file. Text formats are parsed, with the default format the bytes stay as they are."""
    value = content
    if shape.value_format is not Format.STRING:
        value = encode(content.decode("utf-8", "surrogateescape").strip(), shape.value_format, where) or b""
    return OutgoingRecord(value, shape.key, shape.headers, shape.partition, shape.timestamp_ms)


def record_of(text: str, shape: RecordShape, where: str) -> OutgoingRecord:
    """A record out of one line or one argument."""
    if shape.input_form is InputForm.JSON:
        defaults = OutgoingRecord(None, shape.key, shape.headers, shape.partition, shape.timestamp_ms)
        return parse_record_line(text, defaults, shape.key_format, shape.value_format, where)
    key = shape.key
    if shape.key_separator is not None:
        key_text, separator, text = text.partition(shape.key_separator)
        if not separator:
            raise UsageError(
                f"there is no {shape.key_separator!r} to part key and value",
                where=where,
                remedy="correct the line, or choose another --key-separator",
            )
        key = None if key_text == shape.null else encode(key_text, shape.key_format, where)
    value = None if text == shape.null else encode(text, shape.value_format, where)
    return OutgoingRecord(value, key, shape.headers, shape.partition, shape.timestamp_ms)


def counting_up(records: Iterable[OutgoingRecord], counter: Counter) -> Iterator[OutgoingRecord]:
    """The same records, counted as they pass."""
    for record in records:
        yield record
        counter.add(1, len(record.value or b""))


def show_delivered(record: DeliveredRecord) -> None:
    """A line of `--json`."""
    print_json_line(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp": record.timestamp_ms,
        }
    )
