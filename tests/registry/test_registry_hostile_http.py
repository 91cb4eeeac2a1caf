"""HTTP that nobody means well: each request is refused with its code, costs bounded memory and time, and nobody else waits for it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from registries import RegistryProcess, Reply, record

StartRegistry = Callable[..., RegistryProcess]

JSON = "Content-Type: application/json"
MUCH = 128 * 1024 * 1024


def connect(registry: RegistryProcess) -> socket.socket:
    return socket.create_connection((registry.host, registry.port), timeout=60)


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    came = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return came
        if not piece:
            return came
        came += piece


def flood(connection: socket.socket, start: bytes, piece: bytes) -> tuple[int, bytes]:
    """Sends a start, then one piece without end, until the server has enough: how much that was, and what it said."""
    connection.sendall(start)
    sent = 0
    try:
        while sent < MUCH:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    try:
        return sent, answer(connection)
    except OSError:
        return sent, b""


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /subjects HTTP/1.1\r\nHost: a\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
        (b"GET /subjects HTTP/1.1\r\nHost: a\r\nX-Filler: ", b"x" * 1000),
        (b"GET /subjects/", b"x" * 1000),
        (b"GET /subjects?subjectPrefix=", b"x" * 1000),
    ],
    ids=["headers", "one-header", "path", "query"],
)
def test_a_head_without_end_is_refused(registry: RegistryProcess, start: bytes, piece: bytes) -> None:
    """Long before it has cost memory."""
    with connect(registry) as connection:
        sent, said = flood(connection, start, piece)
    assert sent < MUCH
    # What is still under way when the server closes may take the answer with it.
    assert not said or said.startswith(b"HTTP/1.1 431 ")
    assert registry.get("/subjects").status == 200


def test_a_head_that_is_too_long_is_told_so(registry: RegistryProcess) -> None:
    """431 as JSON; one of half the length is taken."""
    for length, expected in [(30_000, b"200"), (70_000, b"431")]:
        with connect(registry) as connection:
            head = (
                f"GET /subjects HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Filler: {'x' * length}\r\n\r\n"
            )
            connection.sendall(head.encode())
            said = answer(connection)
        assert said.split()[1] == expected
        if expected == b"431":
            assert json.loads(said.partition(b"\r\n\r\n")[2])["error_code"] == 431


def test_a_body_is_bounded_before_it_is_read(registry: RegistryProcess, subject: str) -> None:
    """By the length that its head tells of."""
    for length in ("20971521", "9" * 15, "9" * 19):
        with connect(registry) as connection:
            head = f"POST /subjects/{subject}/versions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{JSON}\r\nContent-Length: {length}\r\n\r\n"
            connection.sendall(head.encode())
            said = answer(connection)
        assert said.startswith(b"HTTP/1.1 413 "), length


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /subjects\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /subjects HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /subjects HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /subjects HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
        b"GET /subjects HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
        b"GET /subjects HTTP/1.1\r\nHost: a\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=[
        *("tls", "short", "address", "bytes", "negative", "two-lengths", "chunk", "smuggling"),
        *("chunk-end", "folded", "bare-return"),
    ],
)
def test_what_is_no_http_is_refused(registry: RegistryProcess, sent: bytes) -> None:
    """With 400, and the connection ends."""
    with connect(registry) as connection:
        connection.sendall(sent)
        said = answer(connection)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert registry.get("/subjects").status == 200


def test_slow_clients_are_given_up(start_registry: StartRegistry) -> None:
    """408 to one whose head or body doesn't come, while others are answered; a connection that says nothing is closed."""
    registry = start_registry({"idle.timeout.ms": "500"})
    starts = [
        b"GET /subjects HTTP/1.1\r\nHost:",
        b"POST /subjects/a/versions HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        b"",
    ]
    said = []
    for start in starts:
        with connect(registry) as connection:
            connection.sendall(start)
            assert registry.get("/subjects").status == 200
            said.append(answer(connection)[:13])
    assert said == [b"HTTP/1.1 408 ", b"HTTP/1.1 408 ", b""]


def test_one_that_sends_its_head_byte_by_byte_is_given_up(start_registry: StartRegistry) -> None:
    """Each byte comes in time; the head doesn't."""
    registry = start_registry({"idle.timeout.ms": "500"})
    with connect(registry) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /subjects HTTP/1.1\r\nX-Filler: ")
        said = b""
        for _ in range(600):
            try:
                connection.sendall(b"x")
                said = connection.recv(100)
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("the head was still being waited for")
    assert not said or said.startswith(b"HTTP/1.1 408 ")


BODIES = [
    (b"", (422, 422)),
    (b"{", (400, 400)),
    (b"[" * 100_000, (400, 400)),
    (b'{"a":' * 100_000, (400, 400)),
    (b"[]", (422, 422)),
    (b"null", (422, 422)),
    (b'"schema"', (422, 422)),
    (b"\xff\xfe", (400, 400)),
    (b"{}", (422, 42201)),
    (b'{"schema": 5}', (422, 42201)),
    (b'{"schema": {"type": "string"}}', (422, 422)),
    (b'{"schema": ""}', (422, 42201)),
    (b'{"schema": "{"}', (422, 42201)),
    (b'{"schema": "\\"string\\"", "schemaType": "XML"}', (422, 42201)),
    (b'{"schema": "\\"string\\"", "schemaType": 1}', (422, 42201)),
    (b'{"schema": "\\"string\\"", "references": 1}', (422, 422)),
    (b'{"schema": "\\"string\\"", "references": [1]}', (422, 422)),
    (
        b'{"schema": "\\"string\\"", "references": [{"name": "a", "subject": "nowhere", "version": 1}]}',
        (422, 42201),
    ),
    (b'{"schema": "\\"string\\"", "version": "a"}', (422, 422)),
    (b'{"schema": "\\"string\\"", "version": 1e400}', (422, 422)),
    (b'{"schema": "\\"string\\"", "ruleSet": 1}', (422, 422)),
    (b'{"schema": "\\"string\\"", "metadata": []}', (422, 422)),
]


@pytest.mark.parametrize(("body", "error"), BODIES, ids=[each[0][:40].decode("latin-1") for each in BODIES])
def test_bodies_that_are_wrong(
    registry: RegistryProcess, subject: str, body: bytes, error: tuple[int, int]
) -> None:
    """No JSON is 400, JSON of another form 422, a schema that is none 42201."""
    reply = registry.ask("POST", f"/subjects/{subject}/versions", body)
    assert reply.error == error, reply
    assert registry.get(f"/subjects/{subject}/versions").status == 404


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """A server that notes who asks it for what."""
    asked: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

    with HTTPServer(("127.0.0.1", 0), Trap) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_nothing_is_fetched(registry: RegistryProcess, subject: str, trap: tuple[str, list[str]]) -> None:
    """Whatever a schema refers to elsewhere is refused, and nobody is asked for it."""
    url, asked = trap
    path = f"/subjects/{subject}/versions"
    for target in (f"{url}/schema.json", f"{url}/schema.json#/definitions/a", "file:///etc/passwd"):
        for schema in (
            {"$ref": target},
            {"properties": {"a": {"$ref": target}}},
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "$dynamicRef": target},
            {"$id": f"{url}/own.json", "$ref": "other.json"},
        ):
            reply = registry.post(path, {"schemaType": "JSON", "schema": json.dumps(schema)})
            assert reply.error == (422, 42201), schema
            assert "root:" not in reply.content.decode()
    for imported in (f"{url}/a.proto", "/etc/passwd", "../../etc/passwd", "file:///etc/passwd"):
        text = f'syntax = "proto3"; import "{imported}"; message M {{}}'
        # An import that nothing is used of may stay unknown.
        assert "root:" not in registry.post(path, {"schemaType": "PROTOBUF", "schema": text}).content.decode()
    reference = {"name": f"{url}/schema.json", "subject": url, "version": 1}
    refused = registry.post(path, {"schema": record("R"), "references": [reference]})
    assert refused.error == (422, 42201)
    assert not asked


def test_references_never_lead_in_a_circle(registry: RegistryProcess, subject: str) -> None:
    """A schema that refers to the version it would become itself, and one to another that would refer back."""
    first, second = f"{subject}-first", f"{subject}-second"

    def register(own: str, other: str, version: int) -> Reply:
        reference = {"name": "Other", "subject": other, "version": version}
        text = json.dumps({"type": "record", "name": "Own", "fields": [{"name": "a", "type": "Other"}]})
        return registry.post(f"/subjects/{own}/versions", {"schema": text, "references": [reference]})

    assert register(first, first, 1).error == (422, 42201)
    registry.register(first, record("Other"))
    assert register(second, first, 1).status == 200
    assert register(first, first, 2).error == (422, 42201)
    assert registry.get(f"/subjects/{first}/versions").body == [1]


def test_expressions_that_explode_hold_nobody_up(registry: RegistryProcess, subject: str) -> None:
    """A pattern that costs others a lifetime is compared at once, on either side."""
    schemas = [
        {
            "type": "object",
            "patternProperties": {"^(a+)+$": {"type": "string"}},
            "properties": {"a" * 60 + "!": {"type": kind}},
        }
        for kind in ("string", "integer")
    ]
    registry.put(f"/config/{subject}", {"compatibility": "FULL_TRANSITIVE"})
    path = f"/subjects/{subject}/versions"
    first = registry.post(path, {"schemaType": "JSON", "schema": json.dumps(schemas[0])})
    assert first.status == 200, first
    second = registry.post(path, {"schemaType": "JSON", "schema": json.dumps(schemas[1])})
    assert second.error == (409, 40901)
    with closing(connect(registry)):
        assert registry.get(f"/subjects?subjectPrefix={subject}").body == [subject]
