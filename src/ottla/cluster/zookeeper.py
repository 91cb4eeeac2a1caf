"""A tree in a real ZooKeeper, through kazoo.

Kazoo works in threads of its own; its answers and events are posted to the loop that opened the tree. A session that
expires is not replaced: whoever owns this tree has to know (its ephemeral nodes are gone) and opens another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from kazoo import exceptions as kazoo_errors
from kazoo.client import KazooClient
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import EventType, KazooState

from ottla.cluster.tree import (
    BadVersion,
    Check,
    ConnectionLoss,
    Create,
    Delete,
    EventKind,
    InvalidPath,
    NoChildrenForEphemerals,
    NodeExists,
    NoNode,
    NotEmpty,
    Operation,
    OperationResult,
    SessionExpired,
    SessionListener,
    SessionState,
    SetData,
    Stat,
    Tree,
    TreeError,
    TreeUnavailable,
    Watch,
    WatchEvent,
    check_path,
)

if TYPE_CHECKING:
    from kazoo.client import TransactionRequest
    from kazoo.protocol.states import WatchedEvent, ZnodeStat

T = TypeVar("T")

MAX_IN_FLIGHT: Final = 1_000
"""Requests sent ahead of their answers when many nodes are read."""

CONNECT_TIMEOUT_SECONDS: Final = 18.0
"""Apache's default of `zookeeper.connection.timeout.ms`."""

SESSION_TIMEOUT_SECONDS: Final = 18.0
"""Apache's default of `zookeeper.session.timeout.ms`."""


class ZooKeeperTree(Tree):
    """`connect` is what `zookeeper.connect` holds: `host:port,host:port/chroot`.

    `make_root`: make the chroot when the tree is opened, as a broker does.
    """

    def __init__(
        self,
        connect: str,
        *,
        session_timeout_seconds: float = SESSION_TIMEOUT_SECONDS,
        connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
        make_root: bool = False,
    ) -> None:
        self._make_root = make_root
        self._connect = connect
        self._connect_timeout_seconds = connect_timeout_seconds
        self._client = KazooClient(hosts=connect, timeout=session_timeout_seconds)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session_id = 0
        self._session_listeners: list[SessionListener] = []

    @property
    def shared(self) -> bool:
        return True

    @property
    def session_id(self) -> int:
        return self._session_id

    def on_session_state(self, listener: SessionListener) -> None:
        self._session_listeners.append(listener)

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(self._start)
        except KazooTimeoutError as error:
            await self.close()
            raise TreeUnavailable(
                self._connect,
                f"no ZooKeeper answers at {self._connect} within {self._connect_timeout_seconds:g} s; "
                "check zookeeper.connect and that the ensemble runs",
            ) from error
        self._session_id = self._client.client_id[0]
        self._client.add_listener(self._heard_of_session)

    async def close(self) -> None:
        self._session_id = 0
        await asyncio.to_thread(self._stop)

    async def get(self, path: str, watch: Watch | None = None) -> tuple[bytes, Stat]:
        check_path(path)
        return _node(await self._call(self._client.get_async(path, self._bridge(watch)), path))

    async def exists(self, path: str, watch: Watch | None = None) -> Stat | None:
        check_path(path)
        found = await self._call(self._client.exists_async(path, self._bridge(watch)), path)
        return None if found is None else _stat(found)

    async def children(self, path: str, watch: Watch | None = None) -> list[str]:
        check_path(path)
        return sorted(await self._call(self._client.get_children_async(path, self._bridge(watch)), path))

    async def get_many(self, paths: Sequence[str]) -> list[tuple[bytes, Stat] | None]:
        found = await self._many(self._client.get_async, paths)
        return [None if node is None else _node(node) for node in found]

    async def children_many(self, paths: Sequence[str]) -> list[list[str] | None]:
        found = await self._many(self._client.get_children_async, paths)
        return [None if names is None else sorted(names) for names in found]

    async def multi(self, operations: Sequence[Operation]) -> list[OperationResult]:
        if not operations:
            return []
        transaction = self._client.transaction()
        for operation in operations:
            _add(transaction, operation)
        results = await self._call(transaction.commit_async(), "")
        for index, (operation, result) in enumerate(zip(operations, results, strict=True)):
            # Of a refused multi, operations before the one at fault say they were rolled back.
            if isinstance(result, Exception) and not isinstance(result, kazoo_errors.RolledBackError):
                error = _translated(result, operation.path)
                error.index = index
                raise error from result
        return [_result(operation, result) for operation, result in zip(operations, results, strict=True)]

    async def _many(self, request: Callable[[str], AsyncResult[T]], paths: Sequence[str]) -> list[T | None]:
        async def one(path: str) -> T | None:
            try:
                return await self._call(request(path), path)
            except NoNode:
                return None

        found: list[T | None] = []
        for start in range(0, len(paths), MAX_IN_FLIGHT):
            found += await asyncio.gather(*(one(path) for path in paths[start : start + MAX_IN_FLIGHT]))
        return found

    async def _call(self, result: AsyncResult[T], path: str) -> T:
        if not self._session_id:
            raise SessionExpired(self._connect, f"the session on ZooKeeper {self._connect} is over")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not done.cancelled():
                done.set_result(None)

        def answered(_: AsyncResult[T]) -> None:
            loop.call_soon_threadsafe(wake)

        result.rawlink(answered)
        await done
        try:
            return result.get_nowait()
        except kazoo_errors.KazooException as error:
            raise _translated(error, path) from error

    def _bridge(self, watch: Watch | None) -> _WatchBridge | None:
        assert self._loop is not None
        return None if watch is None else _WatchBridge(self._loop, watch)

    def _heard_of_session(self, state: str) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._session_changed, _SESSION_STATES[state])

    def _session_changed(self, state: SessionState) -> None:
        if state is SessionState.EXPIRED:
            self._session_id = 0
        for listener in self._session_listeners:
            listener(state)

    def _start(self) -> None:
        # Kazoo only warns of a chroot that isn't there; every later call would then fail without saying why.
        root, self._client.chroot = self._client.chroot, ""
        self._client.start(self._connect_timeout_seconds)
        if root and self._make_root:
            self._client.ensure_path(root)
        elif root and self._client.exists(root) is None:
            self._stop()
            raise TreeUnavailable(root, f"ZooKeeper {self._connect} has no node {root}: check the chroot")
        self._client.chroot = root

    def _stop(self) -> None:
        self._client.remove_listener(self._heard_of_session)
        self._client.stop()
        self._client.close()


class AsyncResult(Protocol[T]):
    """The part of kazoo's asynchronous result that is used here."""

    def rawlink(self, callback: Callable[[AsyncResult[T]], None]) -> None: ...

    def get_nowait(self) -> T: ...


@dataclass(frozen=True, slots=True)
class _WatchBridge:
    """Carries an event from kazoo's thread to the loop. Equal for the same watch, so that kazoo keeps it once."""

    loop: asyncio.AbstractEventLoop
    watch: Watch

    def __call__(self, event: WatchedEvent) -> None:
        kind = _EVENT_KINDS.get(event.type)
        if kind is not None:
            self.loop.call_soon_threadsafe(self.watch, WatchEvent(kind, event.path))


_EVENT_KINDS: Final = {
    EventType.CREATED: EventKind.CREATED,
    EventType.DELETED: EventKind.DELETED,
    EventType.CHANGED: EventKind.CHANGED,
    EventType.CHILD: EventKind.CHILD,
}

_SESSION_STATES: Final = {
    KazooState.CONNECTED: SessionState.CONNECTED,
    KazooState.SUSPENDED: SessionState.SUSPENDED,
    KazooState.LOST: SessionState.EXPIRED,
}

_ERRORS: Final[tuple[tuple[type[Exception], type[TreeError]], ...]] = (
    (kazoo_errors.NoNodeError, NoNode),
    (kazoo_errors.NodeExistsError, NodeExists),
    (kazoo_errors.BadVersionError, BadVersion),
    (kazoo_errors.NotEmptyError, NotEmpty),
    (kazoo_errors.NoChildrenForEphemeralsError, NoChildrenForEphemerals),
    (kazoo_errors.BadArgumentsError, InvalidPath),
    (kazoo_errors.SessionExpiredError, SessionExpired),
    (kazoo_errors.ConnectionLoss, ConnectionLoss),
    (kazoo_errors.ConnectionClosedError, ConnectionLoss),
)


def _translated(error: Exception, path: str) -> TreeError:
    for theirs, ours in _ERRORS:
        if isinstance(error, theirs):
            return ours(path, f"{ours.__name__}: {path}")
    return TreeUnavailable(path, f"ZooKeeper refused {path or 'the request'}: {error!r}")


def _add(transaction: TransactionRequest, operation: Operation) -> None:
    if isinstance(operation, Create):
        check_path(operation.path)
        transaction.create(
            operation.path, operation.data, ephemeral=operation.ephemeral, sequence=operation.sequence
        )
    elif isinstance(operation, SetData):
        transaction.set_data(operation.path, operation.data, operation.version)
    elif isinstance(operation, Delete):
        transaction.delete(operation.path, operation.version)
    else:
        transaction.check(operation.path, operation.version)


def _result(operation: Operation, result: object) -> OperationResult:
    if isinstance(operation, Create):
        return str(result)
    if isinstance(operation, SetData):
        return _stat(result)
    assert isinstance(operation, Delete | Check)
    return None


def _node(found: tuple[bytes | None, ZnodeStat]) -> tuple[bytes, Stat]:
    """ZooKeeper tells a node without bytes from one with none; this interface does not."""
    data, stat = found
    return data or b"", _stat(stat)


def _stat(stat: ZnodeStat) -> Stat:
    return Stat(
        czxid=stat.czxid,
        mzxid=stat.mzxid,
        ctime_ms=stat.ctime,
        mtime_ms=stat.mtime,
        version=stat.version,
        cversion=stat.cversion,
        aversion=stat.aversion,
        ephemeral_owner=stat.ephemeralOwner,
        data_length=stat.dataLength,
        children_count=stat.numChildren,
        pzxid=stat.pzxid,
    )
