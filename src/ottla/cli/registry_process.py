"""`ottla registry` on its lean path: arguments read by hand, settings gathered, then the service.

Imports neither typer nor rich: see `main`.
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

USAGE = "ottla registry [schema-registry.properties] [--bootstrap HOST:PORT] [--set KEY=VALUE]..."


class RegistryArguments(NamedTuple):
    """What the command line says: a file of settings, brokers, and settings on top of the file."""

    file: Path | None
    bootstrap: str | None
    settings: tuple[str, ...]


def run_registry(words: Sequence[str]) -> int:
    """Run one registry in this process until it is told to stop; answer the exit code."""
    try:
        arguments = parse_arguments(words)
    except CommandError as error:
        print(f"error: {error.what}\nwhere: {error.where}\n   do: {error.remedy}", file=sys.stderr)
        return error.exit_code
    return start_registry(arguments)


def parse_arguments(words: Sequence[str]) -> RegistryArguments:
    """Read the words behind `ottla registry`."""
    file: Path | None = None
    bootstrap: str | None = None
    settings: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name == "--set":
            settings.append(value if equals else _next(rest, word))
        elif name in {"--bootstrap", "-b"}:
            bootstrap = value if equals else _next(rest, word)
        elif word.startswith("-"):
            raise UsageError(
                f"{word} is no option of a registry", where="ottla registry", remedy=f"write {USAGE}"
            )
        elif file is not None:
            raise UsageError(
                f"two files of settings, {file} and {word}",
                where="ottla registry",
                remedy="give one, and what differs with --set",
            )
        else:
            from pathlib import Path

            file = Path(word)
    return RegistryArguments(file, bootstrap, tuple(settings))


def _next(words: Iterator[str], option: str) -> str:
    value = next(words, None)
    if value is None:
        raise UsageError(f"{option} has no value", where="ottla registry", remedy=f"write {USAGE}")
    return value


def start_registry(arguments: RegistryArguments) -> int:
    """Gather the settings (file, then environment, then `--set` and `--bootstrap`) and serve."""
    # The collector would look at all that is being imported, and find nothing.
    gc.disable()
    from ottla.config.sources import Given, SourceError, from_arguments, read_properties_file
    from ottla.registry.settings import InvalidSettingsError, build, from_environment

    try:
        given = read_properties_file(arguments.file) if arguments.file is not None else []
        given += [*from_environment(os.environ), *from_arguments(arguments.settings)]
        if arguments.bootstrap is not None:
            given.append(Given("kafkastore.bootstrap.servers", arguments.bootstrap, "--bootstrap"))
        settings = build(given)
    except SourceError as error:
        print(f"error: the settings cannot be read: {error}", file=sys.stderr)
        return 1
    except InvalidSettingsError as error:
        print(f"error: the registry cannot start with these settings:\n{error}", file=sys.stderr)
        return 1
    from ottla.registry.process import main as serve

    return serve(settings)
