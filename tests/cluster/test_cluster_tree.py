"""The rules of a tree, on every implementation: SQLite in memory and in a file, and a real ZooKeeper."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_tree import NaiveTree, Seen

from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.tree import (
    BadVersion,
    Check,
    Create,
    Delete,
    EventKind,
    InvalidPath,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    Operation,
    SessionExpired,
    SetData,
    Stat,
    Tree,
    TreeError,
    WatchEvent,
)
from ottla.cluster.zookeeper import ZooKeeperTree

Open = Callable[[], Tree]
Scenario = Callable[[Tree], Awaitable[None]]

IMPLEMENTATIONS = ["memory", "file", "zookeeper"]


class Trees:
    """Makes trees of one implementation: `again` a further session on the same nodes, `fresh` an empty tree."""

    def __init__(self, kind: str, request: pytest.FixtureRequest, directory: Path) -> None:
        self.kind = kind
        self._directory = directory
        self._address = request.getfixturevalue("zookeeper").address if kind == "zookeeper" else ""
        self._name = ""

    def fresh(self) -> Tree:
        self._name = uuid.uuid4().hex
        if self.kind == "zookeeper":
            asyncio.run(self._make_root())
        return self.again()

    def again(self) -> Tree:
        if self.kind == "zookeeper":
            return ZooKeeperTree(f"{self._address}/{self._name}")
        return EmbeddedTree(
            ":memory:" if self.kind == "memory" else str(self._directory / f"{self._name}.sqlite")
        )

    def run(self, scenario: Scenario) -> None:
        """The scenario on a fresh tree."""
        run_on(self.fresh(), scenario)

    async def _make_root(self) -> None:
        tree = ZooKeeperTree(self._address)
        await tree.open()
        await tree.create(f"/{self._name}")
        await tree.close()


def run_on(tree: Tree, scenario: Scenario) -> None:
    async def run() -> None:
        await tree.open()
        try:
            await scenario(tree)
        finally:
            await tree.close()

    asyncio.run(run())


@pytest.fixture(params=IMPLEMENTATIONS)
def trees(request: pytest.FixtureRequest, tmp_path: Path) -> Trees:
    return Trees(request.param, request, tmp_path)


def test_a_node_is_read_as_written(trees: Trees) -> None:
    """Bytes and stat come back; a set raises the version and the modification's transaction id alone."""

    async def scenario(tree: Tree) -> None:
        assert await tree.create("/a", b"one") == "/a"
        data, made = await tree.get("/a")
        assert data == b"one"
        assert made.version == 0
        assert made.czxid == made.mzxid == made.pzxid > 0
        assert made.data_length == 3
        assert made.ephemeral_owner == 0
        assert made.ctime_ms > 1_600_000_000_000
        changed = await tree.set("/a", b"second", 0)
        assert (await tree.get("/a")) == (b"second", changed)
        assert changed.version == 1
        assert changed.czxid == made.czxid < changed.mzxid
        assert await tree.exists("/a") == changed

    trees.run(scenario)


def test_each_wrong_write_has_its_error(trees: Trees) -> None:
    """NoNode, NodeExists, BadVersion, NotEmpty, NoChildrenForEphemerals, as ZooKeeper gives them."""

    async def scenario(tree: Tree) -> None:
        await tree.multi([Create("/a"), Create("/a/b"), Create("/e", ephemeral=True)])
        for wrong, error in [
            (tree.create("/a"), NodeExists),
            (tree.create("/x/y"), NoNode),
            (tree.create("/e/y"), NoChildrenForEphemerals),
            (tree.set("/x", b""), NoNode),
            (tree.set("/a", b"", 7), BadVersion),
            (tree.delete("/x"), NoNode),
            (tree.delete("/a/b", 7), BadVersion),
            (tree.delete("/a"), NotEmpty),
            (tree.get("/x"), NoNode),
            (tree.children("/x"), NoNode),
            (tree.create("relative"), InvalidPath),
            (tree.create("/a//b"), InvalidPath),
            (tree.create("/a/"), InvalidPath),
        ]:
            with pytest.raises(error):
                await wrong
        assert await tree.exists("/x") is None

    trees.run(scenario)


def test_a_multi_is_all_or_nothing(trees: Trees) -> None:
    """The first operation refused names itself by its index, and nothing of the others is seen."""

    async def scenario(tree: Tree) -> None:
        await tree.create("/a", b"old")
        with pytest.raises(BadVersion) as refused:
            await tree.multi([SetData("/a", b"new"), Create("/b"), Check("/a", 0), Create("/c")])
        assert refused.value.index == 2
        assert (await tree.get("/a"))[0] == b"old"
        assert await tree.children_many(["/b", "/c"]) == [None, None]
        results = await tree.multi([Check("/a", 0), SetData("/a", b"new", 0), Create("/b"), Delete("/b")])
        stat = (await tree.get("/a"))[1]
        assert results == [None, stat, "/b", None]
        assert stat.version == 1

    trees.run(scenario)


def test_operations_of_a_multi_share_a_transaction(trees: Trees) -> None:
    """All nodes made together have one czxid, and the next write has a later one."""

    async def scenario(tree: Tree) -> None:
        await tree.multi([Create("/a"), Create("/a/b"), Create("/a/c")])
        nodes = await tree.get_many(["/a", "/a/b", "/a/c"])
        assert len({stat.czxid for _, stat in filter(None, nodes)}) == 1
        await tree.create("/d")
        later = (await tree.get("/d"))[1].czxid
        assert later > (await tree.get("/a"))[1].czxid

    trees.run(scenario)


def test_sequential_nodes_are_numbered_by_children_ever_made(trees: Trees) -> None:
    """Ten digits, never given twice even when the last one was deleted."""

    async def scenario(tree: Tree) -> None:
        await tree.create("/q")
        assert await tree.create("/q/n-", sequence=True) == "/q/n-0000000000"
        assert await tree.create("/q/n-", sequence=True) == "/q/n-0000000001"
        await tree.delete("/q/n-0000000001")
        assert await tree.create("/q/other-", sequence=True) == "/q/other-0000000002"

    trees.run(scenario)


@pytest.mark.parametrize("trees", ["file", "zookeeper"], indirect=True)
def test_ephemeral_nodes_go_with_their_session(trees: Trees) -> None:
    """They belong to the session that made them and are gone when it has closed; the rest stays."""

    async def first(tree: Tree) -> None:
        await tree.multi([Create("/e", b"x", ephemeral=True), Create("/p")])
        assert (await tree.get("/e"))[1].ephemeral_owner == tree.session_id != 0

    async def second(tree: Tree) -> None:
        assert await tree.exists("/e") is None
        assert await tree.exists("/p") is not None

    trees.run(first)
    run_on(trees.again(), second)


def test_after_close_every_call_says_so(trees: Trees) -> None:
    """A closed tree raises SessionExpired instead of waiting; closing again is allowed."""

    async def run() -> None:
        tree = trees.fresh() if trees.kind != "zookeeper" else await asyncio.to_thread(trees.fresh)
        await tree.open()
        await tree.close()
        with pytest.raises(SessionExpired):
            await tree.exists("/")
        await tree.close()

    asyncio.run(run())


class Events:
    """Collects what watches tell."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self.append = self._told.put_nowait

    async def expect(self, *events: tuple[EventKind, str]) -> None:
        """These and, as far as it is known by now, no more."""
        async with asyncio.timeout(10):
            told = [await self._told.get() for _ in events]
        assert [(event.kind, event.path) for event in told] == list(events)
        assert self._told.empty()


def test_watches_tell_once(trees: Trees) -> None:
    """Each read's watch fires for its kind of change, one time, and not before the change can be read."""

    async def scenario(tree: Tree) -> None:
        events = Events()
        assert await tree.exists("/a", events.append) is None
        await tree.create("/a")
        await events.expect((EventKind.CREATED, "/a"))
        await tree.get("/a", events.append)
        await tree.set("/a", b"1")
        await events.expect((EventKind.CHANGED, "/a"))
        await tree.set("/a", b"2")
        await tree.children("/a", events.append)
        await tree.create("/a/b")
        await events.expect((EventKind.CHILD, "/a"))
        await tree.create("/a/c")
        await tree.multi([Delete("/a/b"), Delete("/a/c")])
        await tree.get("/a", events.append)
        await tree.delete("/a")
        await events.expect((EventKind.DELETED, "/a"))

    trees.run(scenario)


def test_a_watch_set_twice_is_told_once(trees: Trees) -> None:
    """One callback on a node's bytes is one watch; on its children it is another."""

    async def scenario(tree: Tree) -> None:
        events = Events()
        await tree.create("/a")
        await tree.get("/a", events.append)
        await tree.exists("/a", events.append)
        await tree.delete("/a")
        await tree.create("/a")
        await events.expect((EventKind.DELETED, "/a"))
        await tree.get("/a", events.append)
        await tree.children("/a", events.append)
        await tree.delete("/a")
        await tree.exists("/a")
        await events.expect((EventKind.DELETED, "/a"), (EventKind.DELETED, "/a"))

    trees.run(scenario)


def test_reading_many_keeps_the_order(trees: Trees) -> None:
    """Each path has its answer at its place, None where there is no node."""

    async def scenario(tree: Tree) -> None:
        await tree.multi([Create("/a", b"1"), Create("/b", b"2"), Create("/b/y"), Create("/b/x")])
        nodes = await tree.get_many(["/b", "/none", "/a", "/b"])
        assert [node and node[0] for node in nodes] == [b"2", None, b"1", b"2"]
        assert await tree.children_many(["/b", "/none", "/a"]) == [["x", "y"], None, []]

    trees.run(scenario)


PATHS = ["/a", "/b", "/a/x", "/a/y", "/a/x/p", "/b/x", "/none/x"]

operations = st.one_of(
    st.builds(
        Create,
        path=st.sampled_from(PATHS),
        data=st.binary(max_size=3),
        ephemeral=st.booleans(),
        sequence=st.booleans(),
    ),
    st.builds(SetData, st.sampled_from(PATHS), st.binary(max_size=3), st.integers(-1, 2)),
    st.builds(Delete, st.sampled_from(PATHS), st.integers(-1, 1)),
    st.builds(Check, st.sampled_from(PATHS), st.integers(-1, 2)),
)
programs = st.lists(st.lists(operations, min_size=1, max_size=4), max_size=25)


async def compare(tree: Tree, program: list[list[Operation]]) -> None:
    """Run the program on the tree and on the naive one; every result, error and visible state must agree."""
    naive = NaiveTree()
    for step in program:
        expected: object
        actual: object
        try:
            expected = naive.multi(step)
        except TreeError as error:
            expected = type(error), error.index
        try:
            results = await tree.multi(step)
            actual = [result.version if isinstance(result, Stat) else result for result in results]
        except TreeError as error:
            actual = type(error), error.index
        assert actual == expected, step
    known = [path for path in naive.nodes if path != "/"]
    assert await see(tree, [*PATHS, *known]) == [naive.see(path) for path in [*PATHS, *known]]


async def see(tree: Tree, paths: list[str]) -> list[Seen | None]:
    nodes, children = await tree.get_many(paths), await tree.children_many(paths)
    return [
        node
        and Seen(node[0], node[1].version, node[1].cversion, tuple(names or ()), node[1].ephemeral_owner != 0)
        for node, names in zip(nodes, children, strict=True)
    ]


@settings(max_examples=300, deadline=None)
@given(program=programs)
def test_the_embedded_tree_is_as_the_naive_one(program: list[list[Operation]]) -> None:
    """Any program of multis: same results, same refusals, same nodes."""
    run_on(EmbeddedTree(), lambda tree: compare(tree, program))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_zookeeper_is_as_the_naive_tree(
    data: st.DataObject, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The naive tree's rules are ZooKeeper's own."""
    program = data.draw(programs)
    Trees("zookeeper", request, tmp_path).run(lambda tree: compare(tree, program))
