"""The lines of the registry's log. Names in them may be anybody's: whatever is not printable is escaped, so that nobody writes lines of
their own into it, nor has a terminal do something.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Final, TypeAlias

LINE: Final = "%(asctime)s %(levelname)-5s %(name)s %(message)s"
ExceptionTriple: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"
)
_INDENT: Final = "    "


class LineFormatter(logging.Formatter):
    """One line a message; a traceback stands below it, indented."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: ExceptionTriple) -> str:  # noqa: N802
        text = super().formatException(ei)
        return "\n".join(_INDENT + printable(line) for line in text.split("\n"))


def printable(text: str) -> str:
    """The text, with Python's escapes for everything that is not printable."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
