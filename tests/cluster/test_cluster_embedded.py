"""The SQLite tree as a file: what survives a crash, and who may open it."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ottla.cluster.embedded import EmbeddedTree, metadata_file
from ottla.cluster.tree import Create, SessionExpired, SessionState, TreeUnavailable

# Creates /n/<i> two at a time, each pair in one transaction, and reports a pair when it was acknowledged.
WRITER = """
import asyncio, sys
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.tree import Create

async def main():
    tree = EmbeddedTree(sys.argv[1])
    await tree.open()
    await tree.create("/n")
    await tree.create("/e", ephemeral=True)
    for i in range(100_000):
        await tree.multi([Create(f"/n/{i}-a"), Create(f"/n/{i}-b", b"x" * 500)])
        print(i, flush=True)

asyncio.run(main())
"""


OPENER = """
import asyncio, sys
from ottla.cluster.embedded import EmbeddedTree
asyncio.run(EmbeddedTree(sys.argv[1]).open())
"""


@pytest.mark.parametrize("acknowledged", [1, 20, 300])
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    """A process killed in the middle of its commits: every pair it reported is there, and no half pair."""
    path = str(tmp_path / "metadata.sqlite")
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for expected in range(acknowledged):
            assert process.stdout.readline() == f"{expected}\n"
        process.send_signal(signal.SIGKILL)
        reported = acknowledged + len([line for line in process.stdout if line.endswith("\n")])
    names = asyncio.run(_names(path))
    pairs = {name.removesuffix("-a") for name in names if name.endswith("-a")}
    assert {str(i) for i in range(reported)} <= pairs
    assert pairs == {name.removesuffix("-b") for name in names if name.endswith("-b")}
    assert len(pairs) <= reported + 1


async def _names(path: str) -> list[str]:
    tree = EmbeddedTree(path)
    await tree.open()
    try:
        assert await tree.exists("/e") is None, "an ephemeral node outlived its session"
        return await tree.children("/n")
    finally:
        await tree.close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """The error names the file, the cause and the setting; the file opens once the first one has closed it."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        tree = EmbeddedTree(path)
        await tree.open()
        command = [sys.executable, "-c", OPENER, path]
        second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        await tree.close()
        assert "in use by another process" in second.stderr
        assert path in second.stderr
        assert "ottla.metadata.dir" in second.stderr
        await tree.open()
        await tree.close()

    asyncio.run(scenario())


def _refusal(path: Path) -> str:
    with pytest.raises(TreeUnavailable) as refused:
        asyncio.run(EmbeddedTree(str(path)).open())
    return str(refused.value)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file that a later version wrote is not guessed at."""
    path = tmp_path / "metadata.sqlite"
    asyncio.run(_open_and_close(path))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "schema version 99" in _refusal(path)


async def _open_and_close(path: Path) -> None:
    tree = EmbeddedTree(str(path))
    await tree.open()
    await tree.close()


def test_foreign_and_damaged_files_are_refused(tmp_path: Path) -> None:
    """Another program's database and a file that is none are named as such, and left as they are."""
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert "other program" in _refusal(foreign)
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"this is no database " * 100)
    assert "not an SQLite file" in _refusal(damaged)
    assert damaged.read_bytes() == b"this is no database " * 100


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file where the directory should be: the error says which directory."""
    (tmp_path / "file").write_bytes(b"")
    assert str(tmp_path / "file") in _refusal(tmp_path / "file" / "metadata.sqlite")
    assert metadata_file("/d") == "/d/metadata.sqlite"


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_directory_is_private(tmp_path: Path) -> None:
    """A metadata directory that is made lets nobody else in; one that is there is left as it is."""
    asyncio.run(_open_and_close(tmp_path / "made" / "metadata.sqlite"))
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    asyncio.run(_open_and_close(there / "metadata.sqlite"))
    assert there.stat().st_mode & 0o777 == 0o755


def test_no_thread_and_no_descriptor_is_left(tmp_path: Path) -> None:
    """Open and close leave the process as it was, after a failed open too."""
    path = tmp_path / "metadata.sqlite"
    asyncio.run(_open_and_close(path))
    threads, descriptors = threading.active_count(), _open_descriptors()
    asyncio.run(_open_and_close(path))
    _refusal(tmp_path)
    assert threading.active_count() == threads
    assert _open_descriptors() == descriptors


def test_what_was_acknowledged_was_written_through(tmp_path: Path) -> None:
    """The write-ahead log is synced at every commit (FULL), not only at checkpoints."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        tree = EmbeddedTree(path)
        await tree.open()
        assert tree._store is not None
        level = tree._store._connection.execute("PRAGMA synchronous").fetchone()[0]
        mode = tree._store._connection.execute("PRAGMA journal_mode").fetchone()[0]
        await tree.close()
        assert (level, mode) == (2, "wal")

    asyncio.run(scenario())


def test_an_expired_session_ends_everything(tmp_path: Path) -> None:
    """Ephemeral nodes go, the listener hears of it, every later call is refused."""

    async def scenario() -> None:
        tree = EmbeddedTree(str(tmp_path / "metadata.sqlite"))
        heard: list[SessionState] = []
        tree.on_session_state(heard.append)
        await tree.open()
        await tree.create("/e", ephemeral=True)
        await tree.expire_session()
        assert heard == [SessionState.EXPIRED]
        with pytest.raises(SessionExpired):
            await tree.multi([Create("/x")])
        await tree.close()

    asyncio.run(scenario())


def test_calls_are_answered_in_order() -> None:
    """Many writes at once are done in the order they were asked for."""

    async def scenario() -> None:
        tree = EmbeddedTree()
        await tree.open()
        await tree.create("/q")
        made = await asyncio.gather(*(tree.create("/q/n-", sequence=True) for _ in range(50)))
        await tree.close()
        assert made == [f"/q/n-{i:010d}" for i in range(50)]

    asyncio.run(scenario())


# The tree's loop runs on a thread, as an embedded broker's does; the main thread forks.
FORKER = """
import asyncio, gc, os, signal, sys, threading
from ottla.cluster.embedded import EmbeddedTree

loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
tree = EmbeddedTree(sys.argv[1])

def do(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)

do(tree.open())
do(tree.create("/before"))
child = os.fork()
if child == 0:
    del tree
    gc.collect()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
do(tree.create("/after"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_forked_child_that_ends_takes_nothing_along(tmp_path: Path) -> None:
    """The child drops the tree and exits in order; the parent's later writes survive its kill -9."""
    path = tmp_path / "metadata.sqlite"
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKER, str(path)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL

    async def scenario() -> None:
        tree = EmbeddedTree(str(path))
        await tree.open()
        assert await tree.children("/") == ["after", "before"]
        await tree.close()

    asyncio.run(scenario())


def test_a_full_disk_refuses_writes_until_there_is_space(tmp_path: Path) -> None:
    """The write that doesn't fit is an error and leaves nothing; reads go on; with space, so do writes."""

    async def scenario() -> None:
        tree = EmbeddedTree(str(tmp_path / "metadata.sqlite"))
        await tree.open()
        await tree.create("/a")
        assert tree._store is not None
        connection = tree._store._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(TreeUnavailable, match="full"):
            await tree.multi([Create("/b"), Create("/big", b"x" * 100_000)])
        assert await tree.children("/") == ["a"]
        connection.execute("PRAGMA max_page_count = 1000000")
        await tree.create("/b")
        assert await tree.children("/") == ["a", "b"]
        await tree.close()

    asyncio.run(scenario())


FAILING_DISK = """
import asyncio, resource, signal, sys
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.tree import TreeUnavailable

async def main():
    tree = EmbeddedTree(sys.argv[1])
    await tree.open()
    await tree.create("/n")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    made = 0
    try:
        while True:
            await tree.create(f"/n/{made}", b"x" * 2_000)
            made += 1
    except TreeUnavailable as error:
        print(made, error, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        await tree.create("/later")
    except TreeUnavailable as error:
        print("still:", error, flush=True)

asyncio.run(main())
"""


def test_after_an_io_error_nothing_more_is_acknowledged(tmp_path: Path) -> None:
    """A write that the disk failed closes the file for good, even when the disk is well again; a restart has
    everything that was acknowledged."""
    path = str(tmp_path / "metadata.sqlite")
    ended = subprocess.run(
        [sys.executable, "-c", FAILING_DISK, path], capture_output=True, text=True, check=False, timeout=60
    )
    first, second = ended.stdout.splitlines()
    assert "restart the broker" in first
    assert second.startswith("still:")
    assert "restart the broker" in second
    acknowledged = int(first.split()[0])
    assert acknowledged > 10
    names = asyncio.run(_names(path))
    assert set(map(str, range(acknowledged))) <= set(names)
