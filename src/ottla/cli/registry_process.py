"""`ottla registry` on its lean path: arguments read by hand, settings gathered, then the service.

Imports neither typer nor rich: see `main`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ottla.cli.process_words import Command, read_words, run

if TYPE_CHECKING:
    from pathlib import Path

USAGE = "ottla registry [schema-registry.properties] [--bootstrap HOST:PORT] [--set KEY=VALUE]..."

_COMMAND = Command(
    "ottla registry",
    "a registry",
    USAGE,
    {"--set": "--set", "--bootstrap": "--bootstrap", "-b": "--bootstrap"},
)


class RegistryArguments(NamedTuple):
    """What the command line says: a file of settings, brokers, and settings on top of the file."""

    file: Path | None
    bootstrap: str | None
    settings: tuple[str, ...]


def run_registry(words: Sequence[str]) -> int:
    """Run one registry in this process until it is told to stop; answer the exit code."""
    return run(words, parse_arguments, start_registry)


def parse_arguments(words: Sequence[str]) -> RegistryArguments:
    """Read the words behind `ottla registry`."""
    file, values = read_words(words, _COMMAND)
    return RegistryArguments(file, next(reversed(values["--bootstrap"]), None), tuple(values["--set"]))


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
