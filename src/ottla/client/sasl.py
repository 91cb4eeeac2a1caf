"""Logging in to a broker by SASL: what every mechanism is to a connection, PLAIN, and SCRAM as RFC 5802 has it.

    open_connection(host, port, credentials=Credentials("SCRAM-SHA-256", "alice", "…"))

OAUTHBEARER is in `oauth_login.py`, GSSAPI in `kerberos_login.py`; `access.py` makes any of them of a client's properties.

What the server says is checked as well: a SCRAM server has to prove at the end that it knows the credential, and its nonce
has to begin with ours.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Generator
from typing import NamedTuple, Protocol, TypeAlias, cast

from ottla.client.errors import ClientError
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse

SCRAM_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
MECHANISMS = ("PLAIN", *SCRAM_DIGESTS)
"""Those of a user name and a password."""

MAX_ITERATIONS = 1_000_000
"""A server that asks for more would have us compute for minutes."""
MAX_STEPS = 16
"""Tokens of one log-in; a server that never comes to an end is given up."""

Exchange: TypeAlias = Generator[bytes, bytes, None]
"""Gives the tokens to send and is sent those that come back; ends with the log-in."""


class LoginError(ClientError):
    """The broker did not let us in, or it is not the one that knows our password."""


class Login(Protocol):
    """Who to log in as, and how."""

    @property
    def mechanism(self) -> str:
        """SASL's name of it."""
        ...

    def exchange(self, host: str) -> Exchange:
        """A log-in at the broker of that name. Each step may compute or wait for another machine: it is for a thread.

        Raises `LoginError`.
        """
        ...


class Credentials:
    """A user name and a password. The password does not show."""

    __slots__ = ("mechanism", "password", "username")

    def __init__(self, mechanism: str, username: str, password: str) -> None:
        """Raises `ValueError` for a mechanism that has no passwords."""
        if mechanism not in MECHANISMS:
            raise ValueError(f"{mechanism!r} is none of {', '.join(MECHANISMS)}")
        self.mechanism = mechanism
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return f"Credentials({self.mechanism!r}, {self.username!r}, [hidden])"

    def exchange(self, _host: str = "") -> Exchange:
        if self.mechanism == "PLAIN":
            yield f"\0{self.username}\0{self.password}".encode()
        else:
            yield from _scram(self, base64.b64encode(os.urandom(24)).decode())


class Ask(NamedTuple):
    """A request of a log-in."""

    request: Request
    response: type[Response]
    version: int


def log_in_requests(login: Login, host: str, address: str) -> Generator[Ask, Response, int]:
    """The requests of a log-in: gives each, is sent its answer, and returns the session's time in ms, 0 for no end.

    `address` is what errors call the broker. Its steps are for a thread, as those of `Login.exchange`. Raises `LoginError`.
    """
    asked = SaslHandshakeRequest(mechanism=login.mechanism)
    shaken = cast("SaslHandshakeResponse", (yield Ask(asked, SaslHandshakeResponse, 1)))
    if shaken.error_code != ErrorCode.NONE:
        raise LoginError(
            f"{address} does not take {login.mechanism}, only {', '.join(shaken.mechanisms)}"
            if shaken.mechanisms
            else f"{address} wants no log-in: {ErrorCode(shaken.error_code).name}"
        )
    exchange = login.exchange(host)
    token, lifetime_ms = next(exchange, None), 0
    for _ in range(MAX_STEPS):
        if token is None:
            return lifetime_ms
        request = SaslAuthenticateRequest(auth_bytes=token)
        answer = cast("SaslAuthenticateResponse", (yield Ask(request, SaslAuthenticateResponse, 1)))
        if answer.error_code != ErrorCode.NONE:
            raise LoginError(f"{address} refuses the log-in: {answer.error_message}")
        lifetime_ms = answer.session_lifetime_ms
        try:
            token = exchange.send(bytes(answer.auth_bytes))
        except StopIteration:
            token = None
    raise LoginError(f"{address} does not come to an end with the log-in")


def next_request(requests: Generator[Ask, Response, int], answer: Response | None) -> Ask | int:
    """What to ask after that answer, None for the first; the session's time in ms when the log-in is over."""
    try:
        return next(requests) if answer is None else requests.send(answer)
    except StopIteration as over:
        return cast("int", over.value)


def _scram(credentials: Credentials, nonce: str) -> Exchange:
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
