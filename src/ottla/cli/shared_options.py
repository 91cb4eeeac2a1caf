"""Options that many commands have in common, because they describe what the command talks to."""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias, TypeVar

Described = TypeVar("Described")

Option: TypeAlias = tuple[str, Any, Any]
"""A parameter's name, its annotation as Typer reads it, and its default."""


def with_options(
    command: Callable[..., None],
    options: Sequence[Option],
    connect: Callable[..., AbstractContextManager[Described]],
) -> Callable[..., None]:
    """Make a command of a function whose first argument is what `connect` makes of the options' values, in their order.

    The command has the options behind its own; what was made is let go of when it ends.
    """
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    common = [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation
        )
        for name, annotation, default in options
    ]

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        values = [arguments.pop(name) for name, _, _ in options]
        with connect(*values) as described:
            command(described, **arguments)

    run.__signature__ = signature.replace(parameters=[*own, *common])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in (*own, *common)}
    return run
