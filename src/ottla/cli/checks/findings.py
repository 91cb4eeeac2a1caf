"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: nothing to do, worth knowing, will not work."""

    FINE = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `subject` is what was looked at, `what` how it is, `remedy` what to do if it is not well."""

    level: Level
    subject: str
    what: str
    remedy: str | None = None


def fine(subject: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.FINE, subject, what)


def warning(subject: str, what: str, remedy: str) -> Finding:
    """Works, but may not go on working."""
    return Finding(Level.WARNING, subject, what, remedy)


def fault(subject: str, what: str, remedy: str) -> Finding:
    """Does not work."""
    return Finding(Level.FAULT, subject, what, remedy)
