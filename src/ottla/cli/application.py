"""The typer application, and the one place where a failed command is turned into a message and an exit code.

Only the module of the subcommand that was typed is imported; `ottla --help` imports them all.
"""

import json
import sys
from importlib import import_module

import typer

from ottla.cli.errors import INTERRUPTED_EXIT_CODE, CommandError

COMMANDS = (
    "up",
    "broker",
    "registry",
    "topic",
    "produce",
    "consume",
    "group",
    "config",
    "acl",
    "schema",
    "log",
    "cluster",
    "bench",
    "doctor",
)
"""In the order in which help shows them. Each is a module of `ottla.cli.commands` with a `register(application)`."""


def build(words: list[str]) -> typer.Typer:
    """The application, with every command, or with only the one that `words` begin with."""
    application = typer.Typer(
        name="ottla",
        help="Kafka, whole, in one pip install. Everything but `up`, `broker` and `log` works against any Kafka.",
        no_args_is_help=True,
        add_completion=not words or words[0] not in COMMANDS,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @application.callback(invoke_without_command=True)
    def version(
        show: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
    ) -> None:
        if show:
            print(f"ottla {installed_version()}")
            raise typer.Exit

    chosen = [name for name in COMMANDS if words[:1] == [name]] or COMMANDS
    for name in chosen:
        import_module(f"ottla.cli.commands.{name}").register(application)
    return application


def installed_version() -> str:
    """The version of the installed package."""
    from importlib.metadata import version

    return version("ottla")


def run(words: list[str]) -> int:
    """Carry out a command line; answer its exit code."""
    try:
        build(words)(words, prog_name="ottla")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except CommandError as error:
        show_error(error, as_json="--json" in words)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT_CODE
    return 0


def show_error(error: CommandError, *, as_json: bool) -> None:
    """Print the error on standard error: three short lines, or one JSON object."""
    sys.stdout.flush()
    if as_json:
        print(json.dumps(error.as_json()), file=sys.stderr)
        return
    from ottla.cli.output import visible_lines

    lines = [("error", error.what), ("where", error.where), ("do", error.remedy)]
    for label, text in lines:
        if text is not None:
            print(f"{label:>5}: {visible_lines(text)}", file=sys.stderr)
