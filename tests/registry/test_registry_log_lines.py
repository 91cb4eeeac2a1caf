"""Names that clients and other members of the group make up can't write lines into a registry's log."""

from __future__ import annotations

import logging
import re

from ottla.registry.log_lines import LineFormatter

EVIL = "x\n2026-01-01 00:00:00,000 INFO  ottla.registry [SchemaRegistry http://evil:1] started\r\x1b[2J\x9b2J\u2028y\u202ez"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.-]+ .*")


def test_a_name_stays_in_its_line() -> None:
    """Escaped; what is printable stays, in any language."""
    arguments = (EVIL, "größer 日本語")
    record = logging.LogRecord("ottla.registry", logging.WARNING, "f", 1, "Member %s: %s", arguments, None)
    line = LineFormatter().format(record)
    assert line.isprintable()
    assert LINE.fullmatch(line)
    assert "größer 日本語" in line


def test_a_traceback_has_no_lines_that_look_like_the_log_s() -> None:
    """Indented, whatever the error's text."""
    failure = (ValueError, ValueError(EVIL), None)
    first, *rest = (
        LineFormatter()
        .format(logging.LogRecord("ottla.registry", logging.ERROR, "f", 1, "oops", (), failure))
        .split("\n")
    )
    assert LINE.fullmatch(first)
    assert rest
    assert all(each.startswith("    ") and each.isprintable() for each in rest)
