"""A running count on standard error for work that takes long; silent where nobody watches."""

import contextlib
import sys
import time
from collections.abc import Iterator

from ottla.cli.output import console, size_text

SHOW_EVERY_S = 0.2


class Counter:
    """Records and bytes so far. Shows nothing; `counting` makes one that does."""

    __slots__ = ("records", "size_bytes")

    def __init__(self) -> None:
        self.records = 0
        self.size_bytes = 0

    def add(self, records: int, size_bytes: int) -> None:
        """Count so many more."""
        self.records += records
        self.size_bytes += size_bytes


class ShownCounter(Counter):
    """A counter with a bar if the total is known, else with a rate."""

    __slots__ = ("_next_s", "_progress", "_task")

    def __init__(self, verb: str, total: int | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        super().__init__()
        columns = [TextColumn("{task.description}"), TimeElapsedColumn()]
        if total is not None:
            columns[1:1] = [BarColumn(), TimeRemainingColumn()]
        self._progress = Progress(*columns, console=console(stderr=True), transient=True)
        self._task = self._progress.add_task(verb, total=total)
        self._next_s = 0.0

    def start(self) -> None:
        """Begin to show."""
        self._progress.start()

    def stop(self) -> None:
        """Take the line away."""
        self._progress.stop()

    def add(self, records: int, size_bytes: int) -> None:
        """Count so many more, and show it now and then."""
        super().add(records, size_bytes)
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + SHOW_EVERY_S
            text = f"{self.records:,} records, {size_text(self.size_bytes)}"
            self._progress.update(self._task, completed=self.records, description=text)


@contextlib.contextmanager
def counting(verb: str, *, total: int | None = None, enabled: bool = True) -> Iterator[Counter]:
    """A counter; it is shown if standard error is a terminal and `enabled`."""
    if not enabled or not sys.stderr.isatty():
        yield Counter()
        return
    shown = ShownCounter(verb, total)
    shown.start()
    try:
        yield shown
    finally:
        shown.stop()
