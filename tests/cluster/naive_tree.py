"""ZooKeeper's rules in the plainest form, to compare the trees with: a dict of paths, no I/O, no sessions.

Of a multi, each operation is tried on a copy of the whole; the copy becomes the tree if none is refused.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple

from ottla.cluster.tree import (
    BadVersion,
    Check,
    Create,
    Delete,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    Operation,
    SetData,
    TreeError,
    parent_of,
)


@dataclass(slots=True)
class Node:
    data: bytes = b""
    version: int = 0
    children_made: int = 0
    ephemeral: bool = False


class Seen(NamedTuple):
    """What a reader of a real tree sees of a node too."""

    data: bytes
    version: int
    cversion: int
    children: tuple[str, ...]
    ephemeral: bool


class NaiveTree:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {"/": Node()}

    def multi(self, operations: list[Operation]) -> list[str | int | None]:
        """Created paths and new versions; raises the error of the operation refused, with its index."""
        draft = copy.deepcopy(self.nodes)
        results: list[str | int | None] = []
        for index, operation in enumerate(operations):
            try:
                results.append(_apply(draft, operation))
            except TreeError as error:
                error.index = index
                raise
        self.nodes = draft
        return results

    def see(self, path: str) -> Seen | None:
        node = self.nodes.get(path)
        if node is None:
            return None
        children = tuple(sorted(_children(self.nodes, path)))
        return Seen(node.data, node.version, 2 * node.children_made - len(children), children, node.ephemeral)


def _children(nodes: dict[str, Node], path: str) -> list[str]:
    return [other.rpartition("/")[2] for other in nodes if other != "/" and parent_of(other) == path]


def _apply(nodes: dict[str, Node], operation: Operation) -> str | int | None:
    if isinstance(operation, Create):
        return _create(nodes, operation)
    if operation.path not in nodes:
        raise NoNode(operation.path)
    node = nodes[operation.path]
    if operation.version not in (-1, node.version):
        raise BadVersion(operation.path)
    if isinstance(operation, Check):
        return None
    if isinstance(operation, SetData):
        node.data, node.version = operation.data, node.version + 1
        return node.version
    assert isinstance(operation, Delete)
    if _children(nodes, operation.path):
        raise NotEmpty(operation.path)
    del nodes[operation.path]
    return None


def _create(nodes: dict[str, Node], operation: Create) -> str:
    parent_path = parent_of(operation.path)
    if parent_path not in nodes:
        raise NoNode(parent_path)
    parent = nodes[parent_path]
    path = operation.path + (f"{parent.children_made:010d}" if operation.sequence else "")
    if path in nodes:
        raise NodeExists(path)
    if parent.ephemeral:
        raise NoChildrenForEphemerals(path)
    parent.children_made += 1
    nodes[path] = Node(operation.data, ephemeral=operation.ephemeral)
    return path
