"""Logging in to a broker by SASL: PLAIN, and SCRAM as RFC 5802 has it.

    open_connection(host, port, credentials=Credentials("SCRAM-SHA-256", "alice", "…"))

What the server says is checked as well: a SCRAM server has to prove at the end that it knows the credential, and its nonce
has to begin with ours.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Generator

from ottla.client.errors import ClientError

SCRAM_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
MECHANISMS = ("PLAIN", *SCRAM_DIGESTS)

MAX_ITERATIONS = 1_000_000
"""A server that asks for more would have us compute for minutes."""


class LoginError(ClientError):
    """The broker did not let us in, or it is not the one that knows our password."""


class Credentials:
    """Who to log in as. The password does not show."""

    __slots__ = ("mechanism", "password", "username")

    def __init__(self, mechanism: str, username: str, password: str) -> None:
        """Raises `ValueError` for a mechanism that this client does not know."""
        if mechanism not in MECHANISMS:
            raise ValueError(f"{mechanism!r} is none of {', '.join(MECHANISMS)}")
        self.mechanism = mechanism
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return f"Credentials({self.mechanism!r}, {self.username!r}, [hidden])"

    def exchange(self) -> Generator[bytes, bytes, None]:
        """Gives the tokens to send and is sent those that come back; ends with the log-in. Raises `LoginError`."""
        if self.mechanism == "PLAIN":
            yield f"\0{self.username}\0{self.password}".encode()
        else:
            yield from _scram(self, base64.b64encode(os.urandom(24)).decode())


def _scram(credentials: Credentials, nonce: str) -> Generator[bytes, bytes, None]:
    digest = SCRAM_DIGESTS[credentials.mechanism]
    name = credentials.username.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}"
    challenge = (yield f"n,,{bare}".encode()).decode("utf-8", "replace")
    whole_nonce, salt, iterations = _challenge(challenge, nonce)
    salted = hashlib.pbkdf2_hmac(digest, credentials.password.encode(), salt, iterations)
    without_proof = f"c=biws,r={whole_nonce}"
    signed = f"{bare},{challenge},{without_proof}".encode()
    client_key = hmac.digest(salted, b"Client Key", digest)
    signature = hmac.digest(hashlib.new(digest, client_key).digest(), signed, digest)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    last = yield f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
    expected = b"v=" + base64.b64encode(
        hmac.digest(hmac.digest(salted, b"Server Key", digest), signed, digest)
    )
    if not hmac.compare_digest(last, expected):
        raise LoginError("the broker has not proven that it knows the password: is it the right one?")


def _challenge(challenge: str, nonce: str) -> tuple[str, bytes, int]:
    """The nonce, the salt and the number of iterations."""
    told = dict(part.partition("=")[::2] for part in challenge.split(","))
    try:
        whole_nonce, salt, iterations = told["r"], base64.b64decode(told["s"], validate=True), int(told["i"])
    except (KeyError, ValueError):
        raise LoginError("the broker's challenge is none of SCRAM") from None
    if not whole_nonce.startswith(nonce) or len(whole_nonce) == len(nonce):
        raise LoginError("the broker's nonce does not go on from ours: it may be a recorded one")
    if not 0 < iterations <= MAX_ITERATIONS:
        raise LoginError(f"the broker asks for {iterations} iterations")
    return whole_nonce, salt, iterations
