"""HTTP connections: requests however they come, and what no client may do to the others.

A request is answered at once or by a task, which nobody can tell apart: each test sends both kinds.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from conditions import until
from ottla.registry import http_server
from ottla.registry.http_server import HttpServer, listen
from ottla.registry.rest.asgi import Asgi, Message, Receive, Send
from ottla.registry.settings import Listener
from registries import RegistryProcess, record

StartRegistry = Callable[..., RegistryProcess]

GET = b"GET /schemas/types HTTP/1.1\r\nHost: a\r\n\r\n"
TYPES = ["JSON", "PROTOBUF", "AVRO"]


@pytest.fixture
def connection(registry: RegistryProcess) -> Iterator[socket.socket]:
    with socket.create_connection((registry.host, registry.port), timeout=60) as opened:
        yield opened


def post(subject: str, text: str, *headers: str) -> bytes:
    """A registration as bytes."""
    body = json.dumps({"schema": text}).encode()
    head = [
        f"POST /subjects/{subject}/versions HTTP/1.1",
        "Host: a",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def answers(connection: socket.socket, methods: list[str]) -> Iterator[tuple[int, bytes]]:
    """Status and body of the answers to requests of these methods, as they come."""
    with connection.makefile("rb") as stream:
        for method in methods:
            answer = http.client.HTTPResponse(_Stream(stream), method=method)  # type: ignore[arg-type]
            answer.begin()
            yield answer.status, answer.read()


class _Stream:
    """What `http.client` asks a socket for."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> object:
        return _Unclosed(self._stream)


class _Unclosed:
    """The next answer comes by the same stream."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


def test_requests_that_come_together_are_answered_in_their_order(
    registry: RegistryProcess, connection: socket.socket, subject: str
) -> None:
    """Reads, a schema that is new, the same again, errors: hundreds of them in one piece."""
    first = post(subject, record("R", ("a", "int")))
    round_ = [GET, first, GET, first, b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"]
    threading.Thread(target=connection.sendall, args=(b"".join(round_ * 100),)).start()
    came = list(answers(connection, ["GET", "POST", "GET", "POST", "GET"] * 100))
    assert [status for status, _ in came] == [200, 200, 200, 200, 404] * 100
    assert [json.loads(body) for _, body in came[0::5] + came[2::5]] == [TYPES] * 200
    assert len({json.loads(body)["id"] for _, body in came[1::5] + came[3::5]}) == 1


def test_requests_that_come_in_pieces(
    registry: RegistryProcess, connection: socket.socket, subject: str
) -> None:
    """Byte by byte, and cut at each place between head and body."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = post(subject, '"string"')
    for byte in GET + request:
        connection.sendall(bytes([byte]))
    end = request.index(b"\r\n\r\n") + 4
    for cut in (end - 1, end, end + 1, len(request) - 1):
        connection.sendall(request[:cut])
        assert registry.get("/schemas/types").body == TYPES
        connection.sendall(request[cut:])
    came = list(answers(connection, ["GET", *["POST"] * 5]))
    assert [status for status, _ in came] == [200] * 6
    assert len({body for _, body in came[2:]}) == 1


@pytest.mark.parametrize("known", [True, False])
def test_unusual_requests_are_answered_all_the_same(
    registry: RegistryProcess, subject: str, *, known: bool
) -> None:
    """HTTP/1.0, ends of connections, HEAD, a body where there should be none, 100-continue, chunks, another form of address."""
    text = record("R", ("a", "int"))
    if known:
        registry.register(subject, text)
    body = json.dumps({"schema": text}).encode()
    chunked = (
        (
            f"POST /subjects/{subject}/versions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            f"Content-Type: application/json\r\nConnection: close\r\n\r\n{len(body):x}\r\n"
        ).encode()
        + body
        + b"\r\n0\r\n\r\n"
    )
    requests = [
        b"GET /schemas/types HTTP/1.0\r\n\r\n",
        b"GET /schemas/types HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /schemas/types HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"HEAD /schemas/types HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /schemas/types HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"GET http://a/schemas/types HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /schemas/types?a#b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        post(subject, text, "Connection: close"),
        post(subject, text, "Expect: 100-continue", "Connection: close"),
        post(subject, text, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Connection: close"),
        chunked,
    ]
    for request in requests:
        with socket.create_connection((registry.host, registry.port), timeout=60) as opened:
            opened.sendall(request)
            said = b""
            while piece := opened.recv(65536):
                said += piece
        said = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        head, _, content = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), (request[:200], said)
        assert b"connection: close" in head.lower(), request
        assert b"date: " in head, request
        if request.startswith(b"HEAD"):
            assert content == b""
            assert b"content-length: 26" in head
        elif request.startswith(b"GET"):
            assert json.loads(content) == TYPES
        else:
            assert json.loads(content)["id"] == registry.register(subject, text)


def test_offers_of_another_protocol_are_passed_over(
    registry: RegistryProcess, connection: socket.socket, subject: str
) -> None:
    """Hundreds of requests that come together, each with an offer, as Java's HttpClient makes it."""
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA"
    read = f"GET /schemas/types HTTP/1.1\r\nHost: a\r\n{offer}\r\n\r\n".encode()
    write = post(subject, '"string"', offer)
    threading.Thread(target=connection.sendall, args=((read + write + GET) * 300,)).start()
    came = list(answers(connection, ["GET", "POST", "GET"] * 300))
    assert [status for status, _ in came] == [200] * 900
    assert {body for _, body in came[0::3]} == {body for _, body in came[2::3]}
    assert registry.ask("CONNECT", "example.org:80").status == 400


def test_a_connection_goes_on_after_a_body_that_nobody_asked_for(
    registry: RegistryProcess, connection: socket.socket
) -> None:
    """The body of a GET is no request, even if it looks like one and comes late."""
    with_body = b"GET /schemas/types HTTP/1.1\r\nHost: a\r\nContent-Length: " + str(len(GET)).encode()
    connection.sendall(with_body + b"\r\n\r\n")
    assert registry.get("/schemas/types").status == 200
    connection.sendall(GET + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [status for status, _ in answers(connection, ["GET", "GET"])] == [200, 404]


@asynccontextmanager
async def serving(application: Asgi, *, idle_timeout_s: float = 30) -> AsyncIterator[tuple[HttpServer, int]]:
    """A server of this process, and its port."""
    opened = listen(Listener("http", "127.0.0.1", 0))
    server = HttpServer(application, [opened], idle_timeout_s=idle_timeout_s)
    await server.start()
    try:
        yield server, opened.getsockname()[1]
    finally:
        await server.stop()


async def long_answer(_scope: Message, _receive: Receive, send: Send) -> None:
    """An application whose answers are longer than what any socket holds."""
    headers = [(b"content-length", str(64 * 1024 * 1024).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(64 * 1024 * 1024)})


async def short_answer(_scope: Message, _receive: Receive, send: Send) -> None:
    """An application that answers before it has read a body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("later", [b"\r\n", b"x"], ids=["an empty line", "the rest of a body"])
def test_what_comes_after_an_answer_and_is_no_request_keeps_no_connection(
    later: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is closed when its time is over, as one that sends nothing."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 1)
    request = GET if later == b"\r\n" else GET[:-2] + b"Content-Length: 1\r\n\r\n"

    async def run() -> None:
        async with serving(short_answer) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.write(later)
            async with asyncio.timeout(30):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(run())


def test_who_does_not_read_an_answer_is_cut_off() -> None:
    """One that reads, however slowly, gets all of it."""

    async def run() -> None:
        async with serving(long_answer, idle_timeout_s=0.3) as (server, port):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as deaf:
                deaf.sendall(GET)
                await asyncio.to_thread(until, lambda: server.connections == 1)
                await asyncio.to_thread(until, lambda: server.connections == 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            left = 64 * 1024 * 1024
            while left:
                piece = await reader.read(1024 * 1024)
                assert piece, "it was cut off"
                left -= len(piece)
            writer.close()

    asyncio.run(run())


def test_more_connections_than_there_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503; when one ends there is room again."""
    monkeypatch.setattr(http_server, "_connections", lambda: 2)

    async def nothing(_scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    def status(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
            try:
                opened.sendall(GET)
                return opened.recv(100)[9:12]
            except ConnectionError:
                return b"503"  # what was on its way went with the connection

    async def run() -> None:
        async with serving(nothing) as (server, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await asyncio.to_thread(until, lambda: server.connections == 2)
            assert await asyncio.to_thread(status, port) == b"503"
            held[0][1].close()
            await asyncio.to_thread(until, lambda: status(port) == b"204")
            held[1][1].close()

    asyncio.run(run())
