"""The registry's HTTP: whatever comes in is answered as HTTP or hung up on, never by an error of the registry's own, and others are served."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from fuzzing import fuzz

from brokers import Broker
from conditions import until
from registries import RegistryProcess

SCHEMA = b'{"schema":"{\\"type\\":\\"string\\"}"}'
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
OF_THE_CLUSTER = re.compile(rb'"error_code": ?5000[234]')
"""A write that took too long, or met an election: none of the registry's own errors."""


def request(line: bytes, body: bytes = b"", *headers: bytes) -> bytes:
    """One request as it is sent, which ends the connection."""
    named = [b"Host: localhost", b"Connection: close", *headers]
    if body:
        named += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return b"\r\n".join([line + b" HTTP/1.1", *named, b"", body])


SEEDS = [
    request(b"GET /subjects?subjectPrefix=%3A*%3A&offset=0&limit=-1"),
    request(b"GET /schemas/ids/1/versions?subject=a&format=resolved"),
    request(b"GET /contexts/.a/subjects/b/versions/latest"),
    request(b"POST /subjects/a/versions?normalize=true", SCHEMA),
    request(b"POST /compatibility/subjects/a/versions/-1?verbose=true", SCHEMA),
    request(b"POST /subjects/a", b'{"schema":"syntax = \\"proto3\\";","schemaType":"PROTOBUF"}'),
    request(b"POST /subjects/a/versions", b'{"schema":"{\\"$ref\\":\\"#\\"}","schemaType":"JSON"}'),
    request(b"PUT /config/a", b'{"compatibility":"FULL","alias":"b","defaultMetadata":{"properties":{}}}'),
    request(b"PUT /mode?force=true", b'{"mode":"READWRITE"}'),
    request(b"DELETE /subjects/a/versions/1?permanent=true"),
    request(b"OPTIONS /subjects", b"", b"Origin: https://page.example"),
    request(b"GET /subjects", b"", b"Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n",
]
WORDS = [
    b"\r\n",
    b"\n",
    b"%",
    b"%2e%2e%2f",
    b"%00",
    b"%c0%af",
    b"Transfer-Encoding: chunked",
    b"Content-Length: 1",
    b"Content-Encoding: gzip",
    b"Expect: 100-continue",
    b"Upgrade: websocket",
    b"\\ud800",
    b"1e999",
]


@pytest.fixture(scope="module")
def registry(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryProcess]:
    """One of its own, which may be made unusable for others by what is set for all."""
    place = {"kafkastore.topic": "_schemas-fuzzed", "schema.registry.group.id": "fuzzed"}
    output = tmp_path_factory.mktemp("registry") / "output.log"
    with RegistryProcess(broker.bootstrap_servers, output, place) as running:
        schema = {"schema": '"string"'}
        until(lambda: running.post("/subjects/first/versions", schema), lambda reply: reply.status == 200)
        yield running


def test_requests(registry: RegistryProcess) -> None:
    """A prefix of a request is one, too: its client has gone away."""

    def target(content: bytes) -> None:
        with socket.create_connection((registry.host, registry.port), timeout=30) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            said = b""
            try:
                while piece := connection.recv(65_536):
                    said += piece
            except ConnectionResetError:
                pass
        assert not said or STATUS.match(said), said[:200]
        failed = [status for status in STATUS.findall(said) if status.startswith(b"5")]
        assert len(failed) <= len(OF_THE_CLUSTER.findall(said)), said[:500]

    fuzz(target, SEEDS, WORDS, is_guided=False)
    assert registry.get("/subjects").status == 200
    assert "Traceback" not in registry.log()
