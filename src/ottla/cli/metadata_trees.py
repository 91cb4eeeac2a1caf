"""`ottla cluster export` and `import`, apart from how they look: files and trees opened and closed around the work."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

from ottla.cli.errors import CommandError
from ottla.cluster.export import ExportError, Moved, copy_cluster, export_cluster, import_cluster, tree_at
from ottla.cluster.tree import Tree, TreeError

REMEDIES = {
    "not empty": "--replace takes the place of what it holds",
    "is not there": "give the directory in ottla.metadata.dir, or what `ottla up --data` was given",
    "line ": "give a file that `ottla cluster export` wrote",
}
"""By what the error's text says."""


def export_tree(source: str, output: Path | None) -> Moved:
    """Write the tree's nodes to a file, or to standard output if None."""

    async def work(tree: Tree) -> Moved:
        if output is None:
            return await export_cluster(tree, print)
        with output.open("w", encoding="utf-8") as file:
            return await export_cluster(tree, lambda line: print(line, file=file))

    moved = _run(lambda: _with_tree(source, work, make=False), source)
    sys.stdout.flush()
    return moved


def import_tree(file: Path, target: str, *, replace: bool) -> Moved:
    """Write the nodes in a file into a tree."""

    async def work(tree: Tree) -> Moved:
        with file.open(encoding="utf-8") as lines:
            return await import_cluster(tree, lines, replace=replace)

    if not file.is_file():
        raise CommandError(
            "there is no such file", where=str(file), remedy="`ottla cluster export` writes one"
        )
    return _run(lambda: _with_tree(target, work, make=True), target)


def copy_tree(source: str, target: str, *, replace: bool) -> Moved:
    """Write the nodes of one tree into another."""

    async def from_source(one: Tree) -> Moved:
        async def into_target(other: Tree) -> Moved:
            return await copy_cluster(one, other, replace=replace)

        return await _with_tree(target, into_target, make=True)

    return _run(lambda: _with_tree(source, from_source, make=False), f"{source} -> {target}")


async def _with_tree(address: str, work: Callable[[Tree], Awaitable[Moved]], *, make: bool) -> Moved:
    tree = tree_at(address, make=make)
    await tree.open()
    try:
        return await work(tree)
    finally:
        await tree.close()


def _run(work: Callable[[], Coroutine[object, object, Moved]], where: str) -> Moved:
    # kazoo logs each attempt to connect; the error that comes of them is told once, here.
    logging.getLogger("kazoo").addHandler(logging.NullHandler())
    logging.getLogger("kazoo").propagate = False
    try:
        return asyncio.run(work())
    except ExportError as error:
        text = str(error)
        remedy = next((remedy for part, remedy in REMEDIES.items() if part in text), None)
        raise CommandError(text, where=where, remedy=remedy) from None
    except TreeError as error:
        raise CommandError(
            f"the metadata cannot be reached: {error}",
            where=where,
            remedy="check the address; nothing was changed",
        ) from None
    except OSError as error:
        raise CommandError(
            f"{error.strerror or error}",
            where=str(error.filename or where),
            remedy="check the path and its permissions",
        ) from None
