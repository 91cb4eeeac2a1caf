"""`ottla broker` on its lean path: arguments read by hand, settings gathered, then the server.

Imports neither typer nor rich nor confluent-kafka: see `main`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ottla.cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

USAGE = "ottla broker [server.properties] [--set KEY=VALUE]..."


class BrokerArguments(NamedTuple):
    """What the command line says: a file of settings or None, and settings on top of it."""

    file: Path | None
    settings: tuple[str, ...]


def run_broker(words: Sequence[str]) -> int:
    """Run one broker in this process until it is told to stop; answer the exit code."""
    try:
        arguments = parse_arguments(words)
    except CommandError as error:
        print(f"error: {error.what}\nwhere: {error.where}\n   do: {error.remedy}", file=sys.stderr)
        return error.exit_code
    return start_broker(arguments)


def parse_arguments(words: Sequence[str]) -> BrokerArguments:
    """Read the words behind `ottla broker`. `--override` is what Apache's start script calls `--set`."""
    file: Path | None = None
    settings: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in {"--set", "--override"}:
            settings.append(value if equals else _next(rest, word))
        elif word.startswith("-"):
            raise UsageError(
                f"{word} is no option of a broker", where="ottla broker", remedy=f"write {USAGE}"
            )
        elif file is not None:
            raise UsageError(
                f"two files of settings, {file} and {word}",
                where="ottla broker",
                remedy="give one, and what differs with --set",
            )
        else:
            from pathlib import Path

            file = Path(word)
    return BrokerArguments(file, tuple(settings))


def _next(words: Iterator[str], option: str) -> str:
    value = next(words, None)
    if value is None:
        raise UsageError(f"{option} has no value", where="ottla broker", remedy=f"write {option} KEY=VALUE")
    return value


def start_broker(arguments: BrokerArguments) -> int:
    """Gather the settings (file, then environment, then `--set`) and serve."""
    # The collector would look at all that is being imported five times, and find nothing; the broker turns it on again.
    gc.disable()
    from ottla.config.broker_config import build
    from ottla.config.checks import InvalidConfigurationError
    from ottla.config.sources import SourceError, from_arguments, from_environment, read_properties_file

    try:
        given = read_properties_file(arguments.file) if arguments.file is not None else []
        given += [*from_environment(os.environ), *from_arguments(arguments.settings)]
        if any(each.name == "config.providers" for each in given):
            from ottla.config.providers import resolved

            given = resolved(given, os.environ)
        config = build(given)
    except SourceError as error:
        print(f"error: the settings cannot be read: {error}", file=sys.stderr)
        return 1
    except InvalidConfigurationError as error:
        print(f"error: the broker cannot start with these settings:\n{error}", file=sys.stderr)
        return 1
    from ottla.broker.process import main as serve

    return serve(config)
