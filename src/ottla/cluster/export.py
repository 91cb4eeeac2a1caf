"""The cluster's metadata as a file, and from one tree into another.

A log directory moves between Ottla and Apache Kafka 3.9 in ZooKeeper mode together with its metadata: topics and
their ids, who leads in which epoch, configs, quotas, ACLs, the producer ids given out. What belongs to a live process
(ephemeral nodes: registered brokers, the controller) stays behind, and so do ZooKeeper's own nodes.

The file has one JSON object per line; the first says what it is, the others are nodes, parents first:

    {"format": "ottla-cluster", "version": 1, "cluster_id": "…"}
    {"path": "/brokers/topics/t", "data": "{\"partitions\":…}"}
    {"path": "/some/bytes", "data_base64": "…"}

Neither side may have a live broker while it is read or written; an ephemeral node tells that one lives.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ottla.cluster import paths, znodes
from ottla.cluster.embedded import EmbeddedTree, metadata_file
from ottla.cluster.tree import Create, Delete, Operation, SetData, Stat, Tree, TreeError

FORMAT: Final = "ottla-cluster"
VERSION: Final = 1
ZOOKEEPER_SCHEME: Final = "zookeeper://"

_NODES_AT_ONCE: Final = 500
"""Nodes of a few hundred bytes each stay below ZooKeeper's limit of 1 MB a request."""
_BYTES_AT_ONCE: Final = 500_000


class ExportError(Exception):
    """What stands in the way: a live broker, a target that isn't empty, a file that is not an export."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was exported or imported."""

    cluster_id: str
    topics: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Node:
    path: str
    data: bytes


def tree_at(address: str, *, make: bool = False) -> Tree:
    """The tree that `zookeeper://host:port,host:port/chroot`, or a metadata directory, stands for.

    `make`: to be written to, so that what isn't there yet is made when it is opened. Raises `ExportError` if there is
    no such directory otherwise.
    """
    if address.startswith(ZOOKEEPER_SCHEME):
        # kazoo takes a tenth of a second to import, and a broker on its own never needs it.
        from ottla.cluster.zookeeper import ZooKeeperTree  # noqa: PLC0415

        return ZooKeeperTree(address.removeprefix(ZOOKEEPER_SCHEME), make_root=make)
    file = metadata_file(address)
    if not make and not Path(file).exists():
        raise ExportError(f"{file} is not there: {address} is no metadata directory (ottla.metadata.dir)")
    return EmbeddedTree(file)


async def export_lines(tree: Tree) -> AsyncIterator[str]:
    """The lines of the file, without line ends. The tree is open. Raises `ExportError`."""
    nodes = await read_nodes(tree)
    header = {"format": FORMAT, "version": VERSION, "cluster_id": cluster_id_of(nodes)}
    yield json.dumps(header)
    for node in nodes:
        yield json.dumps({"path": node.path, **_data_members(node.data)}, ensure_ascii=False)


async def export_cluster(tree: Tree, write_line: Callable[[str], None]) -> Moved:
    """Give every line to `write_line`; the tree is open. Raises `ExportError`, `TreeError`."""
    lines = [line async for line in export_lines(tree)]
    for line in lines:
        write_line(line)
    return _moved(parse_lines(lines))


async def import_cluster(tree: Tree, lines: Iterable[str], *, replace: bool = False) -> Moved:
    """Fill the open tree from an exported file. See `write_nodes`."""
    nodes = parse_lines(lines)
    await write_nodes(tree, nodes, replace=replace)
    return _moved(nodes)


async def copy_cluster(source: Tree, target: Tree, *, replace: bool = False) -> Moved:
    """From one open tree into another. See `write_nodes`."""
    nodes = await read_nodes(source)
    await write_nodes(target, nodes, replace=replace)
    return _moved(nodes)


async def read_nodes(tree: Tree) -> list[Node]:
    """Every node that outlives a process, parents first. Raises `ExportError` if a broker lives or nothing is there."""
    nodes: list[Node] = []
    for node, stat in await _walk(tree):
        if stat.ephemeral_owner:
            raise ExportError(_why_in_use(node.path))
        # Apache makes this node without bytes and takes no bytes, but not zero bytes, for "none were given out".
        if node.path != paths.LATEST_PRODUCER_ID_BLOCK or node.data:
            nodes.append(node)
    if not any(node.path == paths.CLUSTER_ID for node in nodes):
        raise ExportError(f"there is no cluster's metadata: {paths.CLUSTER_ID} is missing")
    return nodes


async def write_nodes(tree: Tree, nodes: Sequence[Node], *, replace: bool = False) -> None:
    """Make the tree hold these nodes. Raises `ExportError` if it holds a cluster already, unless `replace`.

    `/cluster/id` comes last, so that an import that was broken off is seen as such: brokers refuse a tree whose
    cluster isn't that of their log directories.
    """
    present = await _walk(tree)
    for node, stat in present:
        if stat.ephemeral_owner:
            raise ExportError(_why_in_use(node.path))
    occupied = [node.path for node, _ in present if _is_occupied(node.path)]
    if occupied and not replace:
        raise ExportError(
            f"the target is not empty: it has {occupied[0]}"
            + (f" and {len(occupied) - 1} more" if len(occupied) > 1 else "")
            + "; ask for its replacement if it may go"
        )
    if replace:
        # The cluster's id goes first: what is half removed is nobody's any more.
        doomed = [node.path for node, _ in reversed(present)]
        doomed.sort(key=lambda path: path != paths.CLUSTER_ID)
        await _in_batches(tree, [Delete(path) for path in doomed])
        present = []
    there = {node.path for node, _ in present}
    writes: list[Operation] = [
        SetData(node.path, node.data) if node.path in there else Create(node.path, node.data)
        for node in sorted(nodes, key=lambda node: node.path == paths.CLUSTER_ID)
    ]
    await _in_batches(tree, writes)


def parse_lines(lines: Iterable[str]) -> list[Node]:
    """The nodes of a file. Raises `ExportError` naming the line."""
    nodes: list[Node] = []
    known = {"/"}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            members = json.loads(line)
            if number == 1:
                _check_header(members)
                continue
            node = Node(str(members["path"]), _data_of(members))
        except (ValueError, KeyError, TypeError) as error:
            raise ExportError(f"line {number} is not a line of an export: {error}") from error
        parent = node.path.rpartition("/")[0] or "/"
        if parent not in known:
            raise ExportError(f"line {number}: {node.path} comes before its parent {parent}")
        known.add(node.path)
        nodes.append(node)
    if paths.CLUSTER_ID not in known:
        raise ExportError("the file ends before a cluster id came: it is not a whole export")
    return nodes


def cluster_id_of(nodes: Iterable[Node]) -> str:
    """The id of the cluster whose nodes these are."""
    data = next(node.data for node in nodes if node.path == paths.CLUSTER_ID)
    return znodes.decode_cluster_id(paths.CLUSTER_ID, data)


def _moved(nodes: Sequence[Node]) -> Moved:
    topics = sum(node.path.rpartition("/")[0] == paths.TOPICS for node in nodes)
    return Moved(cluster_id_of(nodes), topics, len(nodes))


async def _walk(tree: Tree) -> list[tuple[Node, Stat]]:
    """All nodes of a cluster, level by level; others may use the same ZooKeeper, so not all that there are."""
    found: list[tuple[Node, Stat]] = []
    level = [f"/{name}" for name in await tree.children("/") if name in paths.ROOTS]
    while level:
        nodes = await tree.get_many(level)
        found += [
            (Node(path, node[0]), node[1])
            for path, node in zip(level, nodes, strict=True)
            if node is not None
        ]
        listed = await tree.children_many(level)
        level = [f"{path}/{name}" for path, names in zip(level, listed, strict=True) for name in names or ()]
    return found


def _is_occupied(path: str) -> bool:
    """Whether such a node means that a cluster lives here, rather than that somebody made empty directories."""
    return path == paths.CLUSTER_ID or path.startswith((f"{paths.TOPICS}/", f"{paths.ACL}/"))


async def _in_batches(tree: Tree, operations: Sequence[Operation]) -> None:
    batch: list[Operation] = []
    size = 0
    for operation in operations:
        length = len(operation.path) + len(getattr(operation, "data", b""))
        if batch and (len(batch) == _NODES_AT_ONCE or size + length > _BYTES_AT_ONCE):
            await _write(tree, batch)
            batch, size = [], 0
        batch.append(operation)
        size += length
    if batch:
        await _write(tree, batch)


async def _write(tree: Tree, batch: Sequence[Operation]) -> None:
    try:
        await tree.multi(batch)
    except TreeError as error:
        path = batch[error.index].path if error.index is not None else batch[0].path
        raise ExportError(f"the target refused {path}: {error}; what was written before is there") from error


def _why_in_use(path: str) -> str:
    return f"{path} says that a broker is running on this metadata; stop it first (a dead one is gone in seconds)"


def _depth(path: str) -> int:
    return path.count("/")


def _data_members(data: bytes) -> dict[str, str]:
    try:
        return {"data": data.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def _data_of(members: dict[str, object]) -> bytes:
    if "data_base64" in members:
        try:
            return base64.b64decode(str(members["data_base64"]), validate=True)
        except binascii.Error as error:
            raise ValueError(f"data_base64 is damaged: {error}") from error
    data = members["data"]
    if not isinstance(data, str):
        raise TypeError("data is not a string")
    return data.encode()


def _check_header(members: dict[str, object]) -> None:
    if members.get("format") != FORMAT:
        raise ValueError(f'the first line must have "format": "{FORMAT}"')
    if members.get("version") != VERSION:
        raise ValueError(f"version {members.get('version')} is not known here, only {VERSION}")
