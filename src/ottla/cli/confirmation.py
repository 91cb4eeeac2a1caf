"""Asking before something is lost for good."""

import sys

import typer

from ottla.cli.errors import UsageError


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless `--yes` was given. Where nobody can answer, `--yes` must have been."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "this deletes data, and there is no terminal to ask at",
            where="--yes",
            remedy="add --yes if it is meant",
        )
    if not typer.confirm(question):
        raise typer.Exit(1)
