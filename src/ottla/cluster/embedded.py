"""A tree of one process: `NodeStore` in a thread of its own, so that an fsync never holds the loop.

Calls go to the thread in order and are answered on the loop in order; a watch is set and fired in the thread, between
two calls, so that no change slips in between a read and its watch. There is one session at a time.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ottla.cluster.node_store import IN_MEMORY, NodeStore
from ottla.cluster.tree import (
    EventKind,
    NoNode,
    Operation,
    OperationResult,
    SessionExpired,
    SessionListener,
    SessionState,
    Stat,
    Tree,
    TreeUnavailable,
    Watch,
    WatchEvent,
    check_path,
)

T = TypeVar("T")

MAX_PENDING_CALLS: Final = 10_000
"""Calls that may wait for the thread; one more raises `TreeUnavailable`."""


class EmbeddedTree(Tree):
    """Kept in the SQLite file at `path`, or in memory for `":memory:"`.

    `now_ms` is the clock for the nodes' times. The file's directory is made if need be.
    """

    def __init__(self, path: str = IN_MEMORY, *, now_ms: Callable[[], int] | None = None) -> None:
        self._path = path
        self._now_ms = now_ms or _wall_clock_ms
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._store: NodeStore | None = None
        self._session_id = 0
        self._session_listeners: list[SessionListener] = []
        # Owned by the thread.
        self._data_watches: dict[str, list[Watch]] = {}
        self._child_watches: dict[str, list[Watch]] = {}

    @property
    def shared(self) -> bool:
        return False

    @property
    def session_id(self) -> int:
        return self._session_id

    def on_session_state(self, listener: SessionListener) -> None:
        self._session_listeners.append(listener)

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="ottla-metadata", daemon=True)
        self._thread.start()
        try:
            self._session_id = await self._call(self._open_store)
        except TreeUnavailable:
            self._stop_thread()
            raise

    async def close(self) -> None:
        if self._thread is None:
            return
        try:
            if self._store is not None:
                await self._call(self._close_store)
        finally:
            self._session_id = 0
            self._stop_thread()

    async def expire_session(self) -> None:
        """End the session as a ZooKeeper does that hasn't heard of its client: only for tests of what follows."""
        session_id, self._session_id = self._session_id, 0
        await self._call(lambda: self._stored().end_session(session_id))
        for listener in self._session_listeners:
            listener(SessionState.EXPIRED)

    async def get(self, path: str, watch: Watch | None = None) -> tuple[bytes, Stat]:
        check_path(path)

        def read() -> tuple[bytes, Stat]:
            found = self._stored().get(path)
            if found is None:
                raise NoNode(path)
            self._watch(self._data_watches, path, watch)
            return found

        return await self._in_session(read)

    async def exists(self, path: str, watch: Watch | None = None) -> Stat | None:
        check_path(path)

        def read() -> Stat | None:
            found = self._stored().get(path)
            self._watch(self._data_watches, path, watch)
            return None if found is None else found[1]

        return await self._in_session(read)

    async def children(self, path: str, watch: Watch | None = None) -> list[str]:
        check_path(path)

        def read() -> list[str]:
            found = self._stored().children(path)
            if found is None:
                raise NoNode(path)
            self._watch(self._child_watches, path, watch)
            return found

        return await self._in_session(read)

    async def get_many(self, paths: Sequence[str]) -> list[tuple[bytes, Stat] | None]:
        return await self._in_session(lambda: [self._stored().get(path) for path in paths])

    async def children_many(self, paths: Sequence[str]) -> list[list[str] | None]:
        return await self._in_session(lambda: [self._stored().children(path) for path in paths])

    async def multi(self, operations: Sequence[Operation]) -> list[OperationResult]:
        session_id = self._session_id

        def write() -> list[OperationResult]:
            applied = self._stored().apply(operations, session_id)
            self._fire(applied.events)
            return applied.results

        return await self._in_session(write)

    async def _in_session(self, function: Callable[[], T]) -> T:
        if not self._session_id:
            raise SessionExpired(self._path, f"the session on {self._path} is over")
        return await self._call(function)

    async def _call(self, function: Callable[[], T]) -> T:
        """Run in the thread, after all earlier calls."""
        loop = self._loop
        assert loop is not None
        if self._calls.qsize() >= MAX_PENDING_CALLS:
            raise TreeUnavailable(
                self._path, f"{MAX_PENDING_CALLS} calls are waiting for the metadata file {self._path}"
            )
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller on the loop
                self._post(_fail, future, error)
            else:
                self._post(_succeed, future, result)

        self._calls.put(run)
        return await future

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop was closed without `close()`: nobody is left to be told.
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        if self._store is not None:
            self._store.close()

    def _stop_thread(self) -> None:
        assert self._thread is not None
        self._calls.put(None)
        self._thread.join()
        self._thread = None
        self._store = None

    def _open_store(self) -> int:
        self._store = NodeStore(self._path, self._now_ms)
        return self._store.start_session()

    def _close_store(self) -> None:
        if self._session_id:  # an expired session has ended already
            self._stored().end_session(self._session_id)

    def _stored(self) -> NodeStore:
        assert self._store is not None
        return self._store

    def _watch(self, watches: dict[str, list[Watch]], path: str, watch: Watch | None) -> None:
        if watch is not None:
            watching = watches.setdefault(path, [])
            if watch not in watching:
                watching.append(watch)

    def _fire(self, events: Sequence[WatchEvent]) -> None:
        for event in events:
            watching: list[Watch] = []
            if event.kind is not EventKind.CHILD:
                watching += self._data_watches.pop(event.path, [])
            if event.kind in {EventKind.CHILD, EventKind.DELETED}:
                watching += self._child_watches.pop(event.path, [])
            for watch in watching:
                self._post(watch, event)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.cancelled():
        future.set_exception(error)


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def metadata_file(directory: str) -> str:
    """The file of the tree in a metadata directory (`ottla.metadata.dir`)."""
    return os.path.join(directory, "metadata.sqlite")  # noqa: PTH118 - a path given by a setting stays as it is
