"""The broker's own log: structured lines on stderr, written by a thread, so that a blocked terminal holds nobody.

    2026-05-04 12:00:00,123 INFO  ottla.broker.server [KafkaServer id=1] started
    {"time": "2026-05-04T12:00:00.123Z", "level": "INFO", "logger": "ottla.broker.server", "message": "…"}

Lines wait in a bounded queue. When it is full, because nobody reads stderr, lines are dropped and counted, and the count is
told once there is room. Only the command's process sets this up; an embedded broker logs to whatever its program has.

Names in a line may be a client's: whatever is not printable in a message is escaped, so that nobody writes lines of their own,
nor has the terminal do something, by a group, a member or a topic that is called so.
"""

import json
import logging
import os
import re
import threading
import time
from collections import deque
from types import TracebackType
from typing import Final

QUEUE_LINES: Final = 10_000

ExceptionInformation = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

_UNPRINTABLE_IN_JSON: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


class QueueHandler(logging.Handler):
    """Formats on the caller's thread, writes on its own."""

    def __init__(self, descriptor: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.dropped = 0
        """Lines that found the queue full since the start."""
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._told = 0
        self._thread = threading.Thread(target=self._run, name="ottla-log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Of `logging.Handler`. Never waits."""
        if len(self._lines) >= QUEUE_LINES:
            self.dropped += 1
            return
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a line that can't be formatted must not end its caller
            self.handleError(record)
            return
        self._lines.append(line)
        self._wake.set()

    def close(self) -> None:
        """Write what waits, for a second at most."""
        self._closing = True
        self._wake.set()
        self._thread.join(1.0)
        super().close()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._lines:
                self._write(self._lines.popleft())
                if self.dropped > self._told:
                    missing, self._told = self.dropped - self._told, self.dropped
                    self._write(f"{missing} log lines were dropped: nobody read stderr")
            if self._closing:
                return

    def _write(self, line: str) -> None:
        rest = memoryview((line + "\n").encode("utf-8", "backslashreplace"))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            return


class TextFormatter(logging.Formatter):
    """Time, level, logger, message; a traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-5s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - its name in logging
        """Of `logging.Formatter`."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: ExceptionInformation) -> str:  # noqa: N802 - likewise
        """Of `logging.Formatter`. Indented: an error's text may have lines that look like the log's."""
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).splitlines())


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # What JSON itself leaves as it is, such as a terminal's control sequences of one character.
        return _UNPRINTABLE_IN_JSON.sub(_escaped, json.dumps(line, ensure_ascii=False))


def printable(text: str) -> str:
    """The text, with Python's escapes for everything that is not printable."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def set_up(log_format: str, level: str, descriptor: int = 2) -> QueueHandler:
    """Send everything that is logged in this process to `descriptor`, as `text` or `json`."""
    handler = QueueHandler(descriptor, JsonFormatter() if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handler)
    return handler
