"""A client that logs in by SASL one message at a time, and lies where a test wants it to; proven on Apache's broker as well."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import ssl
import struct
from typing import Final

from ottla.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    ScramCredentialUpsertion,
)
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from wire.wire_client import WireClient

SCRAM_DIGESTS: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
SCRAM_NUMBERS: Final = {"SCRAM-SHA-256": 1, "SCRAM-SHA-512": 2}


def plain_token(user: str, password: str, authorization_id: str = "") -> bytes:
    """The one message of PLAIN."""
    return f"{authorization_id}\0{user}\0{password}".encode()


class ScramConversation:
    """The client's side of RFC 5802; `final` says anything about itself that a test wants."""

    _nonces = itertools.count(1_000_000)

    def __init__(self, mechanism: str, user: str, password: str, *, extensions: str = "") -> None:
        self.digest = SCRAM_DIGESTS[mechanism]
        self.password = password.encode()
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.nonce = f"c{next(self._nonces)}"
        self.bare = f"n={name},r={self.nonce}{extensions}"
        self.signature = b""
        """What the server has to say last."""

    def first(self, header: str = "n,,") -> bytes:
        """The first message."""
        return f"{header}{self.bare}".encode()

    def final(self, server_first: bytes, *, channel: str = "biws", nonce: str | None = None) -> bytes:
        """The final message, with the right proof for what it says."""
        challenge = server_first.decode()
        told = dict(part.split("=", 1) for part in challenge.split(","))
        salt, iterations = base64.b64decode(told["s"]), int(told["i"])
        salted_password = hashlib.pbkdf2_hmac(self.digest, self.password, salt, iterations)
        client_key = self._mac(salted_password, "Client Key")
        without_proof = f"c={channel},r={told['r'] if nonce is None else nonce}"
        signed = f"{self.bare},{challenge},{without_proof}"
        client_signature = self._mac(hashlib.new(self.digest, client_key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, client_signature, strict=True))
        self.signature = b"v=" + base64.b64encode(self._mac(self._mac(salted_password, "Server Key"), signed))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def _mac(self, key: bytes, message: str) -> bytes:
        return hmac.digest(key, message.encode(), self.digest)


class SaslClient(WireClient):
    """A connection that has not logged in."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)

    def handshake(self, mechanism: str, version: int = 1) -> SaslHandshakeResponse:
        """Choose a mechanism."""
        return self.ask(SaslHandshakeRequest(mechanism=mechanism), SaslHandshakeResponse, version)

    def authenticate(self, token: bytes, version: int = 2) -> SaslAuthenticateResponse:
        """Send a token in a request."""
        return self.ask(SaslAuthenticateRequest(auth_bytes=token), SaslAuthenticateResponse, version)

    def plain(self, user: str, password: str) -> SaslAuthenticateResponse:
        """Log in by PLAIN, or try to."""
        self.handshake("PLAIN")
        return self.authenticate(plain_token(user, password))

    def scram(self, mechanism: str, user: str, password: str) -> SaslAuthenticateResponse:
        """Log in by SCRAM, or try to; the answer that decided it."""
        conversation = ScramConversation(mechanism, user, password)
        self.handshake(mechanism)
        challenged = self.authenticate(conversation.first())
        if challenged.error_code:
            return challenged
        answer = self.authenticate(conversation.final(challenged.auth_bytes))
        assert answer.error_code or answer.auth_bytes == conversation.signature
        return answer

    def send_bare(self, token: bytes) -> None:
        """Send a frame that is no request."""
        self._socket.sendall(struct.pack(">i", len(token)) + token)

    def receive_bare(self) -> bytes:
        """The next frame, as it is."""
        (size,) = struct.unpack(">i", self._read(4))
        return self._read(size)

    def send_bytes(self, sent: bytes) -> None:
        """Send what may be no frame at all."""
        self._socket.sendall(sent)


def set_scram_password(wire: WireClient, mechanism: str, user: str, password: str) -> None:
    """Give a user a password, over a connection that may."""
    salt = f"salt of {user}".encode()
    salted = hashlib.pbkdf2_hmac(SCRAM_DIGESTS[mechanism], password.encode(), salt, 4_096)
    upsertion = ScramCredentialUpsertion(
        name=user,
        mechanism=SCRAM_NUMBERS[mechanism],
        iterations=4_096,
        salt=salt,
        salted_password=salted,
    )
    request = AlterUserScramCredentialsRequest(deletions=[], upsertions=[upsertion])
    [result] = wire.ask(request, AlterUserScramCredentialsResponse, 0).results
    assert result.error_code == 0, result
