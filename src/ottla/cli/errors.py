"""How a command fails: what went wrong, where, and what to do about it; and the exit code that a script sees.

CommandError               1   the cluster was asked and said no, or a file was not what it should be
├── UsageError             2   the command line cannot be carried out as typed (typer's own errors exit alike)
└── UnreachableError       3   no broker answered
"""

from typing import ClassVar

INTERRUPTED_EXIT_CODE = 130
"""128 + SIGINT, as shells report it."""


class CommandError(Exception):
    """A command that cannot go on.

    `what` is the fault in one line, `where` the address, file or argument it lies in, `remedy` what to do now.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def as_json(self) -> dict[str, str | int | None]:
        """The error as `--json` prints it."""
        return {"error": self.what, "where": self.where, "remedy": self.remedy, "exit_code": self.exit_code}


class UsageError(CommandError):
    """The words typed do not make a request."""

    exit_code = 2


class UnreachableError(CommandError):
    """No broker answered at the addresses given."""

    exit_code = 3
