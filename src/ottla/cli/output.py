"""What a command prints: tables for people, JSON for scripts, progress on standard error."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 500
"""Columns assumed where output is no terminal: a name is never cut in a pipe."""


def console(*, stderr: bool = False) -> Console:
    """A console that never colours numbers or words by guessing, and never cuts what goes into a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def print_json(value: object) -> None:
    """Print one JSON document, indented."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_json_line(value: object) -> None:
    """Print one JSON document on one line, for streams of them."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print rows under headings. A heading that starts with `#` names a column of numbers, set to the right."""
    table = Table(
        box=None, pad_edge=False, title=title, title_justify="left", header_style="bold", title_style=""
    )
    for column in columns:
        name = column.removeprefix("#")
        table.add_column(name, justify="right" if column.startswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row))
    out = console()
    with out.capture() as captured:
        out.print(table)
    # Rich pads every line to the table's width; trailing blanks only get in the way of diff and cut.
    for line in captured.get().splitlines():
        print(line.rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values under each other, values aligned."""
    pairs = [(name, "-" if value is None else str(value)) for name, value in fields]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print(f"{name:<{width}}  {value}")


def say(text: str) -> None:
    """Tell a person what was done; on standard error, so that it never mixes with what a script reads."""
    sys.stdout.flush()
    print(text, file=sys.stderr)


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 record`, `2 records`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def timestamp_text(timestamp_ms: int | None) -> str | None:
    """A timestamp in UTC with milliseconds, ISO 8601; None stays None."""
    if timestamp_ms is None:
        return None
    try:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
    except (OverflowError, ValueError):
        return f"{timestamp_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size_text(size_bytes: float) -> str:
    """A size with its unit, 1024 to the next."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size_bytes) < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"
