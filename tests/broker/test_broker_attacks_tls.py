"""What a client can do to a listener with TLS once its handshake is done: keys renewed without end, records that hold nothing."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from certificates import Authority
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

AUTHORITY = Authority()
BROKER = AUTHORITY.issue("broker")
RENEWALS = 100_000
SMALL_BUFFER_BYTES = 4_096
MOST_HELD_BYTES = 512 * 1024
APPLICATION_DATA, HANDSHAKE = 23, 22
KEY_UPDATE_REQUESTED = b"\x18\0\0\x01\x01"


@pytest.fixture(params=["uvloop", "asyncio"])
def tls_broker(request, start_broker, tmp_path):
    """A broker with TLS, on either loop."""
    settings = {
        "listeners": "PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0",
        "socket.send.buffer.bytes": str(SMALL_BUFFER_BYTES),
        "socket.receive.buffer.bytes": str(SMALL_BUFFER_BYTES),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(BROKER.write_pem(tmp_path / "broker.pem")),
    }
    return start_broker(settings, uvloop=request.param == "uvloop")


class OwnRecords:
    """The client's side of a connection of TLS 1.3 after its handshake, which writes its records itself (RFC 8446, 5.2 and 7)."""

    def __init__(self, connection: ssl.SSLSocket, key_log: Path) -> None:
        assert connection.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        [line] = [
            each for each in key_log.read_text().splitlines() if each.startswith("CLIENT_TRAFFIC_SECRET_0 ")
        ]
        self._secret = bytes.fromhex(line.split()[2])
        self._numbered = 0
        self._make_keys()

    def record(self, kind: int, content: bytes) -> bytes:
        inner = content + bytes([kind])
        header = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(inner) + 16)
        nonce = (int.from_bytes(self._iv, "big") ^ self._numbered).to_bytes(12, "big")
        self._numbered += 1
        return header + self._cipher.encrypt(nonce, inner, header)

    def renewal(self) -> bytes:
        """A KeyUpdate that asks for the broker's in return; what comes next is under the new key."""
        sent = self.record(HANDSHAKE, KEY_UPDATE_REQUESTED)
        self._secret = self._derived(b"traffic upd", 48)
        self._numbered = 0
        self._make_keys()
        return sent

    def _make_keys(self) -> None:
        self._cipher = AESGCM(self._derived(b"key", 32))
        self._iv = self._derived(b"iv", 12)

    def _derived(self, label: bytes, size: int) -> bytes:
        info = struct.pack(">HB", size, 6 + len(label)) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA384(), size, info).derive(self._secret)


@pytest.fixture
def encrypted(tls_broker, tmp_path) -> Iterator[tuple[socket.socket, OwnRecords]]:
    """A connection whose handshake is done: its bare socket, and its records."""
    context = ssl.create_default_context(cadata=AUTHORITY.pem())
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.keylog_filename = str(tmp_path / "keys.log")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
    plain.settimeout(10)
    plain.connect(("127.0.0.1", tls_broker.server.port("SSL")))
    with (
        context.wrap_socket(plain, server_hostname="localhost") as secured,
        socket.socket(fileno=os.dup(secured.fileno())) as bare,
    ):
        bare.settimeout(10)
        yield bare, OwnRecords(secured, tmp_path / "keys.log")


def held(broker) -> int:
    """Bytes of answers that wait, in OpenSSL and in the socket's transport, over all connections."""

    def count(server) -> int:
        layers = [each._transport for each in server.each_connection()]
        return sum(
            each._outgoing.pending + each._socket.get_write_buffer_size()
            for each in layers
            if hasattr(each, "_outgoing")
        )

    return broker.call(count)


def test_keys_renewed_without_end_cost_no_memory(tls_broker, encrypted, connect) -> None:
    """ActiveMQ's CVE-2026-39304: each KeyUpdate asks for one in return, and the client reads none of them."""
    bare, records = encrypted
    other = connect(tls_broker)
    bare.settimeout(0.5)
    sent = 0
    try:
        while sent < RENEWALS:
            bare.sendall(b"".join(records.renewal() for _ in range(100)))
            sent += 100
            assert held(tls_broker) < MOST_HELD_BYTES
    except TimeoutError:
        pass  # the broker doesn't read any more
    assert other.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    assert held(tls_broker) < MOST_HELD_BYTES
    assert sent < RENEWALS, "answers to all of them were kept somewhere"


def test_records_that_hold_nothing_are_passed_over(tls_broker, encrypted, connect) -> None:
    """Empty ones, thousands in a row: others are served meanwhile, and so is this client, or it is hung up on."""
    bare, records = encrypted
    try:
        for _ in range(20):
            bare.sendall(b"".join(records.record(APPLICATION_DATA, b"") for _ in range(100)))
            other = connect(tls_broker)
            assert other.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    except ConnectionError:
        pass
    assert held(tls_broker) < 64 * 1024


def test_a_record_of_a_false_key_ends_the_connection(tls_broker, encrypted) -> None:
    """Nobody writes into another's session."""
    bare, records = encrypted
    until(lambda: len(tls_broker.call(lambda server: server.each_connection())) == 1)
    record = bytearray(records.record(APPLICATION_DATA, b"\0\0\0\x0a"))
    record[-1] ^= 1
    bare.sendall(bytes(record))
    until(lambda: not tls_broker.call(lambda server: server.each_connection()))
