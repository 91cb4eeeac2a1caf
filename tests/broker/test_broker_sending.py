"""Answers made of bytes and of slices of files: by sendfile or by copying, each byte arrives once and in its place."""

import asyncio
import os
import random
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.broker import sending
from ottla.broker.sending import FileReads, Part, SliceSender
from ottla.broker.threads import Threads
from ottla.broker.turns import Turns
from ottla.config.topic_config import TopicConfig
from ottla.storage.disk import PosixDisk
from ottla.storage.file_cache import FileCache, LogDirectoryPath
from ottla.storage.file_slice import FileSlice, SliceGone
from ottla.storage.segment import Segment

DEADLINE_S = 30.0
PAGE = 4096
FILE_BYTES = 4 * 1024 * 1024
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


class CountedSegment(Segment):
    """A segment that knows how many of its bytes left without being copied."""

    __slots__ = ("sent_bytes",)

    def send_at(self, descriptor: int, position: int, size_in_bytes: int) -> int:
        count = super().send_at(descriptor, position, size_in_bytes)
        self.sent_bytes += count
        return count


@dataclass
class Log:
    """A segment over a file of random bytes."""

    segment: CountedSegment
    content: bytes
    path: Path

    def slice(self, position: int, size: int) -> FileSlice:
        return FileSlice(self.segment, position, size)

    def drop(self, position: int, size: int) -> None:
        """Take pages out of the page cache."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), position, size, os.POSIX_FADV_DONTNEED)


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> Iterator[Log]:
    directory = tmp_path_factory.mktemp("t-0")
    cache = FileCache(PosixDisk())
    segment = CountedSegment(cache, LogDirectoryPath(str(directory)), 0, created_ms=0, config=TopicConfig())
    segment.sent_bytes = 0
    content = random.Random(7).randbytes(FILE_BYTES)
    with cache.pinned(segment.log_file) as file:
        file.write_all(content, 0)
    yield Log(segment, content, Path(segment.log_file.path))
    segment.close()


class Drain(threading.Thread):
    """The client: reads to the end, at most so many bytes at a time, from the moment it is let."""

    def __init__(self, sock: socket.socket, piece: int) -> None:
        super().__init__()
        self.received = bytearray()
        self.may_read = threading.Event()
        self._socket = sock
        self._piece = piece
        sock.settimeout(DEADLINE_S)

    def run(self) -> None:
        self.may_read.wait(DEADLINE_S)
        with self._socket:
            while True:
                try:
                    got = self._socket.recv(self._piece)
                except ConnectionResetError:
                    return
                if not got:
                    return
                self.received += got


class Sending(asyncio.Protocol):
    """The broker's end: sends answers one after the other, as a connection does."""

    def __init__(self, reads: FileReads, *, direct: bool) -> None:
        self.reads = reads
        self.direct = direct
        self.sender: SliceSender | None = None
        self.made = asyncio.Event()
        self.lost = asyncio.Event()
        self.full = asyncio.Event()
        self.ended: asyncio.Future[Exception | None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.made.set()

    def pause_writing(self) -> None:
        self.full.set()

    def resume_writing(self) -> None:
        if self.sender is not None:
            self.sender.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.sender is not None:
            self.sender.abandon()
        self.lost.set()

    def begin(self, parts: list[Part]) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        descriptor = self.transport.get_extra_info("socket").fileno() if self.direct else -1
        self.sender = SliceSender(self.transport, descriptor, parts, self.reads, self.ended.set_result)
        self.sender.start()

    async def answer(self, parts: list[Part]) -> Exception | None:
        self.begin(parts)
        return await asyncio.wait_for(self.ended, DEADLINE_S)


@contextmanager
def connected(send_buffer_bytes: int = 0) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    if send_buffer_bytes:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    yield accepted, client


def run(
    scenario: Callable[[Sending, Drain], Coroutine[None, None, None]],
    *,
    loop: str = "uvloop",
    direct: bool = True,
    send_buffer_bytes: int = 0,
    piece: int = 65_536,
) -> bytes:
    """`scenario(sending, drain)` on a loop; everything that the client has received."""

    async def main() -> None:
        running = asyncio.get_running_loop()
        threads = Threads(running)
        reads = FileReads(running, threads, Turns(running))
        _, protocol = await running.connect_accepted_socket(lambda: Sending(reads, direct=direct), accepted)
        await protocol.made.wait()
        drain.start()
        try:
            await scenario(protocol, drain)
        finally:
            protocol.transport.close()
            threads.close()
            drain.may_read.set()

    with (
        connected(send_buffer_bytes) as (accepted, client),
        asyncio.Runner(loop_factory=LOOPS[loop]) as runner,
    ):
        drain = Drain(client, piece)
        try:
            runner.run(main())
        finally:
            drain.may_read.set()
            if drain.ident is not None:
                drain.join(DEADLINE_S)
    return bytes(drain.received)


sizes = st.one_of(
    st.integers(0, 200),
    st.integers(sending._SENDFILE_BYTES - 2, sending._SENDFILE_BYTES + 2),
    st.integers(0, 300_000),
    st.just(FILE_BYTES // 2),
)
pieces = st.one_of(
    st.binary(max_size=300),
    st.binary(min_size=1, max_size=3).map(lambda content: content * 50_000),
    st.tuples(st.integers(0, FILE_BYTES // 2), sizes),
)
dropped = st.lists(st.tuples(st.integers(0, FILE_BYTES // PAGE), st.integers(1, 100)), max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.lists(pieces, min_size=1, max_size=6), min_size=1, max_size=3),
    cold=dropped,
    loop=st.sampled_from(sorted(LOOPS)),
    direct=st.booleans(),
    send_buffer_bytes=st.sampled_from([0, 20_000, 100_000, 1_000_000]),
    piece=st.sampled_from([1_000_000, 65_536, 5_000]),
)
def test_each_byte_arrives_once_and_in_its_place(log, answers, cold, loop, direct, send_buffer_bytes, piece):
    """Whatever the answers are made of, what of it is in the page cache, how large the socket is and how fast its reader."""
    for page, count in cold:
        log.drop(page * PAGE, count * PAGE)
    expected = b"".join(
        each if isinstance(each, bytes) else log.content[each[0] : each[0] + each[1]]
        for parts in answers
        for each in parts
    )

    async def scenario(connection: Sending, drain: Drain) -> None:
        drain.may_read.set()
        for parts in answers:
            made = [each if isinstance(each, bytes) else log.slice(*each) for each in parts]
            assert await connection.answer(made) is None

    received = run(scenario, loop=loop, direct=direct, send_buffer_bytes=send_buffer_bytes, piece=piece)
    assert received == expected


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_in_the_page_cache_is_not_copied(log, loop):
    """But for the first piece, which travels with the head, and one for each time the socket was full."""
    log.path.read_bytes()
    before = log.segment.sent_bytes

    async def scenario(connection: Sending, drain: Drain) -> None:
        drain.may_read.set()
        assert await connection.answer([b"head", log.slice(100, FILE_BYTES - 100)]) is None

    assert run(scenario, loop=loop) == b"head" + log.content[100:]
    assert log.segment.sent_bytes - before > FILE_BYTES * 0.9


def test_what_is_not_in_the_page_cache_is_read_by_a_thread(log, monkeypatch):
    """Neither sendfile nor a read waits for the disk on the loop."""
    on_threads = []

    def read_at(segment: Segment, view: memoryview, position: int, *, nowait: bool) -> int:
        if nowait:
            raise BlockingIOError
        on_threads.append(threading.current_thread() is not threading.main_thread())
        return read(segment, view, position, nowait=False)

    read = Segment.read_at
    monkeypatch.setattr(CountedSegment, "read_at", read_at)
    monkeypatch.setattr(CountedSegment, "send_at", lambda *_: 0)

    async def scenario(connection: Sending, drain: Drain) -> None:
        drain.may_read.set()
        assert await connection.answer([b"head", log.slice(0, 600_000), b"tail"]) is None

    assert run(scenario) == b"head" + log.content[:600_000] + b"tail"
    assert len(on_threads) >= 3
    assert all(on_threads)


def test_a_cut_before_the_next_chunk_ends_the_answer(log):
    """The bytes of another batch may stand there by now: the connection has to close."""
    log.path.read_bytes()

    async def scenario(connection: Sending, drain: Drain) -> None:
        connection.begin([b"head", log.slice(0, FILE_BYTES)])
        log.segment.truncation_epoch += 1
        drain.may_read.set()
        assert isinstance(await asyncio.wait_for(connection.ended, DEADLINE_S), SliceGone)

    received = run(scenario, send_buffer_bytes=4096)
    assert 0 < len(received) < FILE_BYTES
    assert (b"head" + log.content).startswith(received)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_leaves_in_the_middle_ends_the_answer(log, loop):
    """Nothing is written to what may be another's socket by then."""
    log.path.read_bytes()

    async def scenario(connection: Sending, drain: Drain) -> None:
        connection.begin([log.slice(0, FILE_BYTES)])
        await asyncio.sleep(0)
        connection.transport.abort()
        await connection.lost.wait()
        before = log.segment.sent_bytes
        cast("SliceSender", connection.sender).resume()
        assert log.segment.sent_bytes == before
        assert not connection.ended.done()

    assert len(run(scenario, loop=loop, send_buffer_bytes=4096)) < FILE_BYTES


def test_a_client_that_reads_fast_leaves_the_loop_to_others(log, monkeypatch):
    """After `PIECE_SECONDS` the answer goes on in a later turn, however much the socket would take."""
    clock = iter(range(1, 1_000_000))
    monkeypatch.setattr(sending, "now", lambda: next(clock) * 2 * sending.PIECE_SECONDS)
    log.path.read_bytes()
    turns = 0

    async def scenario(connection: Sending, drain: Drain) -> None:
        nonlocal turns
        drain.may_read.set()
        connection.begin([log.slice(0, FILE_BYTES)])
        while not connection.ended.done():
            turns += 1
            await asyncio.sleep(0)

    assert run(scenario, send_buffer_bytes=4_000_000, piece=1_000_000) == log.content
    assert turns >= FILE_BYTES // sending._SEND_BYTES - 2


def test_a_reader_that_never_reads_holds_one_small_piece(log):
    """In the broker's memory; the rest is in the page cache anyway."""
    log.path.read_bytes()
    held = []

    async def scenario(connection: Sending, drain: Drain) -> None:
        connection.begin([b"head", log.slice(0, FILE_BYTES)])
        await connection.full.wait()
        held.append(connection.transport.get_write_buffer_size())
        connection.transport.abort()

    run(scenario, send_buffer_bytes=4096)
    assert 0 < held[0] <= sending._HANDOVER_BYTES
