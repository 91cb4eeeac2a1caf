"""`ottla broker` on its lean path: arguments read by hand, settings gathered, then the server.

Imports neither typer nor rich nor confluent-kafka: see `main`.
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

USAGE = "ottla broker [server.properties] [--set KEY=VALUE]..."

_COMMAND = Command(
    "ottla broker",
    "a broker",
    USAGE,
    # `--override` is what Apache's start script calls `--set`.
    {"--set": "--set", "--override": "--set"},
    "write {option} KEY=VALUE",
)


class BrokerArguments(NamedTuple):
    """What the command line says: a file of settings or None, and settings on top of it."""

    file: Path | None
    settings: tuple[str, ...]


def run_broker(words: Sequence[str]) -> int:
    """Run one broker in this process until it is told to stop; answer the exit code."""
    return run(words, parse_arguments, start_broker)


def parse_arguments(words: Sequence[str]) -> BrokerArguments:
    """Read the words behind `ottla broker`."""
    file, values = read_words(words, _COMMAND)
    return BrokerArguments(file, tuple(values["--set"]))


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
