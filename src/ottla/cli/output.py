"""What a command prints: tables for people, JSON for scripts, progress on standard error.

Groups, clients, users and schemas have the names that somebody gave them: characters that would move a terminal's cursor, colour
what follows or turn the reading direction are shown as escapes.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 500
"""Columns assumed where output is no terminal: a name is never cut in a pipe."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_CONTROLS_BUT_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A name as a terminal may have it, in one line."""
    return _CONTROLS.sub(_escape, text)


def visible_lines(text: str) -> str:
    """The same for a text of several lines, which stay, as its tabs do."""
    return _CONTROLS_BUT_LINES.sub(_escape, text)


def json_text(value: object, *, indent: int | None = None) -> str:
    """One JSON document, which means the same with every such character escaped."""
    return _CONTROLS_BUT_LINES.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, indent=indent, ensure_ascii=False)
    )


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def console(*, stderr: bool = False) -> Console:
    """A console that never colours numbers or words by guessing, and never cuts what goes into a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def print_json(value: object) -> None:
    """Print one JSON document, indented."""
    print(json_text(value, indent=2))


def print_json_line(value: object) -> None:
    """Print one JSON document on one line, for streams of them."""
    sys.stdout.write(json_text(value) + "\n")


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
        table.add_row(*("-" if cell is None else visible(str(cell)) for cell in row))
    out = console()
    with out.capture() as captured:
        out.print(table)
    # Rich pads every line to the table's width; trailing blanks only get in the way of diff and cut.
    for line in captured.get().splitlines():
        print(line.rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values under each other, values aligned."""
    pairs = [(name, "-" if value is None else visible(str(value))) for name, value in fields]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print(f"{name:<{width}}  {value}")


def say(text: str) -> None:
    """Tell a person what was done; on standard error, so that it never mixes with what a script reads."""
    sys.stdout.flush()
    print(visible_lines(text), file=sys.stderr)


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
