"""Clients that connect, log in by SCRAM-SHA-256 and leave: `python -m benchmarks.login_load ADDRESS USER PASSWORD LOGINS AT_ONCE`.

The costly part, the salted password, is computed once: what is measured is the broker. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import struct
import sys
import time
from typing import Final

import uvloop

from ottla.protocol.framing import encode_request
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest

MECHANISM: Final = "SCRAM-SHA-256"
_HANDSHAKE: Final = encode_request(SaslHandshakeRequest(mechanism=MECHANISM), 1, 1, "bench")


class Clients:
    """They have one user, and what its password comes to."""

    def __init__(self, address: str, user: str, password: str) -> None:
        host, port = address.rsplit(":", 1)
        self.host, self.port = host, int(port)
        self.bare = f"n={user},r=benchmark-nonce"
        self.password = password.encode()
        self.keys: tuple[bytes, bytes] | None = None

    async def log_in(self) -> None:
        """One connection from its beginning to its end. Raises if it is not let in."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(_HANDSHAKE)
        handshake = await _frame(reader)
        assert handshake[4:6] == b"\0\0", handshake
        challenge = await _token(reader, writer, f"n,,{self.bare}".encode())
        last = await _token(reader, writer, self.final(challenge.decode()))
        assert last.startswith(b"v="), last
        writer.close()

    def final(self, challenge: str) -> bytes:
        """The final message, with its proof."""
        nonce, salt, iterations = (part[2:] for part in challenge.split(","))
        if self.keys is None:
            salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(salt), int(iterations))
            client_key = hmac.digest(salted, b"Client Key", "sha256")
            self.keys = client_key, hashlib.sha256(client_key).digest()
        client_key, stored_key = self.keys
        without_proof = f"c=biws,r={nonce}"
        signature = hmac.digest(stored_key, f"{self.bare},{challenge},{without_proof}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


async def _token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes) -> bytes:
    writer.write(encode_request(SaslAuthenticateRequest(auth_bytes=token), 1, 2, "bench"))
    frame = await _frame(reader)
    code, said = struct.unpack_from(">hh", frame, 4)
    assert code == 0, frame
    (size,) = struct.unpack_from(">i", frame, 8 + max(said, 0))
    begin = 12 + max(said, 0)
    return frame[begin : begin + size]


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


async def main(address: str, user: str, password: str, logins: int, at_once: int) -> None:
    """Logs in, prints."""
    clients = Clients(address, user, password)
    await clients.log_in()
    left = iter(range(logins))

    async def one_after_the_other() -> None:
        for _ in left:
            await clients.log_in()

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    print(json.dumps({"seconds": time.perf_counter() - began, "failed": 0}), flush=True)


if __name__ == "__main__":
    address, user, password, logins, at_once = sys.argv[1:]
    uvloop.run(main(address, user, password, int(logins), int(at_once)))
