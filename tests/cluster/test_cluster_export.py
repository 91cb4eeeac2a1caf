"""Metadata out of one tree and into another: SQLite, a real ZooKeeper and the file between them."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.export import (
    ExportError,
    Node,
    copy_cluster,
    export_cluster,
    import_cluster,
    parse_lines,
    read_nodes,
    tree_at,
)
from ottla.cluster.tree import Create, Tree, TreeUnavailable
from zookeeper_server import ZooKeeperServer

CLUSTER = [
    Create("/brokers"),
    Create("/brokers/topics"),
    Create("/brokers/topics/t", b'{"partitions":{"0":[0]},"version":2}'),
    Create("/brokers/topics/ü", b"\xff\x00"),
    Create("/cluster"),
    Create("/cluster/id", b'{"version":"1","id":"abc"}'),
    Create("/somebody-else", b"not Kafka's"),
]
NODES = sorted((node.path, node.data) for node in CLUSTER if node.path != "/somebody-else")


async def opened(tree: Tree, *operations: Create) -> Tree:
    await tree.open()
    if operations:
        await tree.multi(operations)
    return tree


async def nodes_of(tree: Tree) -> list[tuple[str, bytes]]:
    return sorted((node.path, node.data) for node in await read_nodes(tree))


def test_a_cluster_goes_through_a_file(tmp_path: Path) -> None:
    """Exported, imported into an empty tree: the same nodes and bytes; other programs' nodes stay out of it."""

    async def scenario() -> None:
        source = await opened(EmbeddedTree(), *CLUSTER)
        lines: list[str] = []
        moved = await export_cluster(source, lines.append)
        assert (moved.cluster_id, moved.topics, moved.nodes) == ("abc", 2, len(NODES))
        assert json.loads(lines[0]) == {"format": "ottla-cluster", "version": 1, "cluster_id": "abc"}
        target = await opened(tree_at(str(tmp_path / "new"), make=True))
        assert await import_cluster(target, lines) == moved
        assert await nodes_of(target) == NODES
        await source.close()
        await target.close()

    asyncio.run(scenario())


def test_a_cluster_goes_to_zookeeper_and_back(zookeeper: ZooKeeperServer) -> None:
    """Into a chroot that isn't there yet, and out again, node for node."""
    address = f"zookeeper://{zookeeper.address}/{uuid.uuid4().hex}"

    async def scenario() -> None:
        source = await opened(EmbeddedTree(), *CLUSTER)
        there = await opened(tree_at(address, make=True))
        await copy_cluster(source, there)
        assert await nodes_of(there) == NODES
        back = await opened(EmbeddedTree())
        await copy_cluster(there, back)
        assert await nodes_of(back) == NODES
        for tree in (source, there, back):
            await tree.close()

    asyncio.run(scenario())


def test_many_nodes_go_to_zookeeper(zookeeper: ZooKeeperServer) -> None:
    """More than one request's worth, by number and by bytes."""
    address = f"zookeeper://{zookeeper.address}/{uuid.uuid4().hex}"
    many = [Create(f"/brokers/topics/t{i}", b"x" * 1_500) for i in range(1_000)]

    async def scenario() -> None:
        source = await opened(EmbeddedTree(), *CLUSTER, *many)
        there = await opened(tree_at(address, make=True))
        moved = await copy_cluster(source, there)
        assert moved.topics == 1_002
        assert await nodes_of(there) == await nodes_of(source)
        await source.close()
        await there.close()

    asyncio.run(scenario())


def test_a_running_broker_stands_in_the_way() -> None:
    """An ephemeral node, at either side, is an error that names it; nothing is written."""

    async def scenario() -> None:
        live = await opened(
            EmbeddedTree(), *CLUSTER, Create("/brokers/ids"), Create("/brokers/ids/0", ephemeral=True)
        )
        other = await opened(EmbeddedTree(), *CLUSTER)
        for source, target in ((live, other), (other, live)):
            with pytest.raises(ExportError, match=r"/brokers/ids/0.*running"):
                await copy_cluster(source, target, replace=True)
        assert await nodes_of(other) == NODES
        await live.close()
        await other.close()

    asyncio.run(scenario())


def test_a_target_in_use_is_replaced_only_when_asked() -> None:
    """Without `replace` the error says what is there; with it nothing of the old cluster is left."""

    async def scenario() -> None:
        source = await opened(EmbeddedTree(), *CLUSTER)
        target = await opened(
            EmbeddedTree(),
            Create("/cluster"),
            Create("/cluster/id", b'{"version":"1","id":"old"}'),
            Create("/config"),
            Create("/config/topics"),
            Create("/config/topics/gone"),
            Create("/somebody-else", b"kept"),
        )
        with pytest.raises(ExportError, match="/cluster/id"):
            await copy_cluster(source, target)
        await copy_cluster(source, target, replace=True)
        assert await nodes_of(target) == NODES
        assert (await target.get("/somebody-else"))[0] == b"kept"
        await source.close()
        await target.close()

    asyncio.run(scenario())


def test_a_producer_id_block_without_bytes_is_left_out() -> None:
    """Apache's broker could not read it back from a node with zero bytes, and makes it itself."""

    async def scenario() -> None:
        source = await opened(EmbeddedTree(), *CLUSTER, Create("/latest_producer_id_block"))
        assert await nodes_of(source) == NODES
        await source.close()

    asyncio.run(scenario())


def test_an_empty_tree_is_no_cluster(tmp_path: Path) -> None:
    """Nothing to export is an error, not an empty file; a directory without metadata is named."""

    async def scenario() -> None:
        tree = await opened(EmbeddedTree())
        with pytest.raises(ExportError, match="/cluster/id"):
            await export_cluster(tree, print)
        await tree.close()

    asyncio.run(scenario())
    with pytest.raises(ExportError, match=str(tmp_path)):
        tree_at(str(tmp_path))


def test_a_chroot_that_is_not_there_is_an_error(zookeeper: ZooKeeperServer) -> None:
    """Reading from a mistyped address doesn't make it, and says what is missing."""
    with pytest.raises(TreeUnavailable, match="/mistyped"):
        asyncio.run(tree_at(f"zookeeper://{zookeeper.address}/mistyped").open())


HEADER = '{"format": "ottla-cluster", "version": 1, "cluster_id": "abc"}'


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "whole export"),
        (["not JSON"], "line 1"),
        (['{"format": "other"}'], "line 1"),
        (['{"format": "ottla-cluster", "version": 2}'], "version 2"),
        ([HEADER, '{"path": "/a/b", "data": ""}'], "line 2: /a/b comes before its parent"),
        ([HEADER, '{"path": "/a"}'], "line 2"),
        ([HEADER, '{"path": "/a", "data": 3}'], "line 2"),
        ([HEADER, '{"path": "/a", "data_base64": "?"}'], "line 2"),
        ([HEADER, "[]"], "line 2"),
        ([HEADER, '{"path": "/a", "data": ""}'], "whole export"),
    ],
)
def test_a_file_that_is_no_export_is_refused(lines: list[str], why: str) -> None:
    """Each fault names its line."""
    with pytest.raises(ExportError, match=why):
        parse_lines(lines)


def test_blank_lines_do_not_matter() -> None:
    """An editor's final newline is no fault."""
    lines = [HEADER, '{"path": "/cluster", "data": ""}', '{"path": "/cluster/id", "data": "x"}', "", "\n"]
    assert parse_lines(lines) == [Node("/cluster", b""), Node("/cluster/id", b"x")]
