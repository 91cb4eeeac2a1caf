"""Brokers in this process, each on a thread and a loop of its own, and a raw client for what no library would send."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

import pytest

from ottla.broker.server import BrokerServer
from ottla.config.broker_config import broker_config
from ottla.protocol.codec import decode, encode
from ottla.protocol.declare import Request, Response
from ottla.storage.disk import Disk, MemoryDisk

DEADLINE_S = 30.0

T = TypeVar("T")
R = TypeVar("R", bound=Response)


class RunningBroker:
    """A broker on a thread; everything that touches it goes through `call`."""

    def __init__(self, settings: dict[str, str], disk: Disk, *, uvloop: bool) -> None:
        self.config = broker_config(settings)
        self.disk = disk
        self._uvloop = uvloop
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-broker")
        self._thread.start()
        assert self._started.wait(DEADLINE_S), "the broker does not start"
        if self._failure is not None:
            self._thread.join(DEADLINE_S)
            raise self._failure

    @property
    def port(self) -> int:
        return self.server.port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def call(self, function: Callable[[BrokerServer], T]) -> T:
        """`function(server)` on the broker's loop."""
        return asyncio.run_coroutine_threadsafe(self._call(function), self.loop).result(DEADLINE_S)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the broker does not stop"
        if self._failure is not None:
            raise self._failure

    async def _call(self, function: Callable[[BrokerServer], T]) -> T:
        return function(self.server)

    def _run(self) -> None:
        try:
            if self._uvloop:
                import uvloop

                uvloop.run(self._main())
            else:
                asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            self._started.set()

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.server = BrokerServer(self.config, disk=self.disk)
        await self.server.start()
        self._started.set()
        await self._stopping.wait()
        await self.server.stop(1.0)


StartBroker = Callable[..., RunningBroker]


@pytest.fixture
def start_broker(tmp_path) -> Iterator[StartBroker]:
    """Start a broker with settings; `disk` in memory unless given. All are stopped at the end of the test."""
    running: list[RunningBroker] = []

    def start(
        settings: dict[str, str] | None = None, *, disk: Disk | None = None, uvloop: bool = True
    ) -> RunningBroker:
        given = {
            "listeners": "PLAINTEXT://127.0.0.1:0",
            "log.dirs": str(tmp_path / "logs"),
            "group.initial.rebalance.delay.ms": "0",
            **(settings or {}),
        }
        running.append(RunningBroker(given, disk or MemoryDisk(), uvloop=uvloop))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(params=["uvloop", "asyncio"])
def broker(request, start_broker: StartBroker) -> RunningBroker:
    """A broker with its defaults, on uvloop and on asyncio's own loop."""
    return start_broker(uvloop=request.param == "uvloop")


class RawClient:
    """A socket that speaks Kafka as badly as a test wants it to."""

    def __init__(self, port: int, *, client_id: str = "raw") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.socket.settimeout(DEADLINE_S)
        self._client_id = client_id.encode()
        self._correlation_id = 0
        self._expected: list[tuple[int, type[Response], int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def frame(self, request: Request, version: int) -> bytes:
        """A whole frame; remembers nothing."""
        self._correlation_id += 1
        head = (
            struct.pack(">hhih", request.api_key, version, self._correlation_id, len(self._client_id))
            + self._client_id
        )
        if version in request.flexible:
            head += b"\0"
        body = head + encode(request, version)
        return struct.pack(">i", len(body)) + body

    def send(self, request: Request, version: int) -> int:
        """Send a request; its correlation id."""
        self.socket.sendall(self.frame(request, version))
        return self._correlation_id

    def ask(self, request: Request, answer: type[R], version: int) -> R:
        """Send a request and wait for its answer."""
        correlation_id = self.send(request, version)
        got, response = self.receive(answer, version)
        assert got == correlation_id
        return response

    def receive(self, answer: type[R], version: int) -> tuple[int, R]:
        """The next frame: its correlation id and the answer."""
        body = self.receive_frame()
        (correlation_id,) = struct.unpack_from(">i", body)
        start = 5 if version in answer.flexible and answer.api_key != 18 else 4
        return correlation_id, decode(answer, version, body[start:])

    def receive_frame(self) -> bytes:
        (size,) = struct.unpack(">i", self.receive_exactly(4))
        return self.receive_exactly(size)

    def receive_exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            piece = self.socket.recv(size - len(received))
            if not piece:
                raise ConnectionResetError(f"closed after {len(received)} of {size} bytes")
            received += piece
        return bytes(received)

    def is_closed(self) -> bool:
        """Waits until the broker closes the connection; false if it sends something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def raw_client() -> type[RawClient]:
    """The class itself: there is a `conftest` in several rooms, so it can't be imported by that name."""
    return RawClient


@pytest.fixture
def connect() -> Iterator[Callable[[RunningBroker], RawClient]]:
    """Open raw connections; they are closed at the end of the test."""
    opened: list[RawClient] = []

    def open_one(broker: RunningBroker, **options: str) -> RawClient:
        opened.append(RawClient(broker.port, **options))
        return opened[-1]

    yield open_one
    for each in opened:
        each.socket.close()
