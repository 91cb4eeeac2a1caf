"""A broker on a thread of this process, with an event loop of its own.

    caller's thread      start ──▶ thread, loop ──▶ BrokerServer.start ──▶ port
                         stop, kill ──▶ BrokerServer.stop on the loop
                         start again ──▶ a new BrokerServer on the same loop and disk
                         close ──▶ loop closed, thread joined

The loop is asyncio's selector loop, made by name: neither the policy nor uvloop, whose first loop installs a fork handler
for the whole process, is touched. Data in memory is a `MemoryDisk` and a metadata tree that outlive one server, so that
a restart finds them; they go with `close`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from ottla.broker.server import BrokerServer
from ottla.cluster.embedded import EmbeddedTree
from ottla.config.broker_config import broker_config
from ottla.config.checks import InvalidConfigurationError
from ottla.storage.disk import MemoryDisk
from ottla.testing.broker import HOST, BrokerStartError

T = TypeVar("T")

STOP_TIMEOUT_S = 10.0
MEMORY_DIRECTORY = "/memory"
"""The log directory's name in a `MemoryDisk`: nothing of the machine's."""


class KeptTree(EmbeddedTree):
    """A metadata tree in memory that a broker's stop does not throw away."""

    async def open(self) -> None:
        if self._store is None:
            await super().open()
        else:
            self._session_id = await self._call(self._stored().start_session)

    async def close(self) -> None:
        """End the broker's session, as its death does; `release` ends the rest."""
        if self._store is not None and self._session_id:
            session_id, self._session_id = self._session_id, 0
            await self._call(lambda: self._stored().end_session(session_id))

    async def release(self) -> None:
        """Throw the tree away."""
        await super().close()


class EmbeddedBroker:
    """Runs `BrokerServer` on a thread."""

    def __init__(self, data: Path | None, start_timeout_s: float) -> None:
        self._data = data
        self._start_timeout_s = start_timeout_s
        self._disk = MemoryDisk() if data is None else None
        self._tree = KeptTree() if data is None else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: BrokerServer | None = None
        self._port = 0

    def start(self, settings: Mapping[str, str]) -> int:
        """Serve, and answer the port."""
        try:
            config = broker_config({**self._directories(), **settings})
        except InvalidConfigurationError as error:
            raise BrokerStartError(f"the broker does not start with these settings:\n{error}") from error
        self._begin_loop()
        self._server = BrokerServer(config, disk=self._disk, tree=self._tree)
        try:
            self._run(self._server.start()).result(self._start_timeout_s)
        except Exception as error:
            self._server = None
            raise BrokerStartError(f"the broker did not start: {error or type(error).__name__}") from error
        self._port = self._server.port()
        return self._port

    def stop(self) -> None:
        """End in order."""
        if self._server is not None:
            server, self._server = self._server, None
            self._run(server.stop(STOP_TIMEOUT_S)).result(STOP_TIMEOUT_S * 2)

    def kill(self) -> None:
        """Cut the connections; leave files as they are, without flush and clean mark."""
        if self._server is not None:
            server, self._server = self._server, None
            # A server that was not ready has nothing to bring in order.
            server.ready = False
            self._run(server.stop(0)).result(STOP_TIMEOUT_S)

    def close(self) -> None:
        """End the thread and its loop."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        if self._tree is not None:
            asyncio.run_coroutine_threadsafe(self._tree.release(), loop).result(STOP_TIMEOUT_S)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(STOP_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        self._disk = None

    def abandon(self) -> None:
        """In a forked child: put nothing in place of the broker's sockets, so that only the parent holds them."""
        _let_go_of_sockets(self._port)

    def _directories(self) -> dict[str, str]:
        if self._data is None:
            return {"log.dirs": MEMORY_DIRECTORY}
        return {"log.dirs": str(self._data / "logs"), "ottla.metadata.dir": str(self._data / "metadata")}

    def _begin_loop(self) -> None:
        if self._loop is not None:
            return
        loop = asyncio.SelectorEventLoop()
        # A daemon, so that a test run that forgot to close the broker still ends.
        thread = threading.Thread(target=_run_loop, args=(loop,), name="ottla-broker", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread

    def _run(self, coroutine: Coroutine[object, object, T]) -> Future[T]:
        if self._loop is None:
            raise AssertionError("the broker's loop is not running")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _let_go_of_sockets(port: int) -> None:
    """Put `/dev/null` in the place of every socket of this process that is bound to the broker's port.

    A child that kept them would keep the port taken, and connections open, after the parent's broker has closed them.
    The numbers stay taken, so that the copies of the parent's objects, should they be collected, close nothing else.
    Nothing is shut down: that would reach the parent.
    """
    null = os.open(os.devnull, os.O_RDWR)
    try:
        for entry in list(Path("/dev/fd").iterdir()):
            if _is_socket_of(int(entry.name), port):
                os.dup2(null, int(entry.name), inheritable=False)
    finally:
        os.close(null)


def _is_socket_of(descriptor: int, port: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return copy.family == socket.AF_INET and copy.getsockname() == (HOST, port)
    except OSError:
        return False
