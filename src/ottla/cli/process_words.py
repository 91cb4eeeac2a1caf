"""The words behind `ottla broker` and `ottla registry`, read by hand: a file of settings, and options that have a value each.

Imports neither typer nor rich: see `main`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ottla.cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

Arguments = TypeVar("Arguments")


class Command(NamedTuple):
    """What a command takes, and how its errors name it."""

    name: str
    """`ottla broker`."""
    what: str
    """`a broker`."""
    usage: str
    options: Mapping[str, str]
    """Each spelling of an option, with the name its values are given under."""
    value_remedy: str = "write {usage}"
    """What to do about an option without a value; may hold `{usage}` and `{option}`."""


def read_words(words: Sequence[str], command: Command) -> tuple[Path | None, dict[str, list[str]]]:
    """The file, None without one, and each option's values in their order. Raises `UsageError`."""
    file: Path | None = None
    values: dict[str, list[str]] = {name: [] for name in command.options.values()}
    rest = iter(words)
    for word in rest:
        spelled, equals, value = word.partition("=")
        if spelled in command.options:
            given = value if equals else next(rest, None)
            if given is None:
                remedy = command.value_remedy.format(usage=command.usage, option=word)
                raise UsageError(f"{word} has no value", where=command.name, remedy=remedy)
            values[command.options[spelled]].append(given)
        elif word.startswith("-"):
            raise UsageError(
                f"{word} is no option of {command.what}",
                where=command.name,
                remedy=f"write {command.usage}",
            )
        elif file is not None:
            raise UsageError(
                f"two files of settings, {file} and {word}",
                where=command.name,
                remedy="give one, and what differs with --set",
            )
        else:
            from pathlib import Path

            file = Path(word)
    return file, values


def run(
    words: Sequence[str], parse: Callable[[Sequence[str]], Arguments], start: Callable[[Arguments], int]
) -> int:
    """Read the words and start; the exit code. What is wrong with them is printed."""
    try:
        arguments = parse(words)
    except CommandError as error:
        print(f"error: {error.what}\nwhere: {error.where}\n   do: {error.remedy}", file=sys.stderr)
        return error.exit_code
    return start(arguments)
