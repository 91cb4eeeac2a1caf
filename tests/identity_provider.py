"""An identity provider: gives out tokens for client credentials and publishes the keys that they are signed with.

    with IdentityProvider() as provider:
        provider.token(sub="alice")            a signed token, good for an hour unless `exp` says otherwise
        provider.jwks_url, provider.token_url  where brokers read keys, where clients fetch tokens
        provider.rotate()                      sign with a new key from now on; the old one is no longer published
        provider.answer_keys_with(...)         misbehave

Clients: each id with its own name as its secret; the token's `sub` is the id.
"""

from __future__ import annotations

import base64
import itertools
import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE: Final = "kafka"
LIFETIME_S: Final = 3_600

Answer = Callable[[BaseHTTPRequestHandler], None]
_numbers = itertools.count(1)


class SigningKey:
    """A private key with its id and algorithm."""

    def __init__(self, algorithm: str = "RS256", key_id: str | None = None) -> None:
        self.algorithm = algorithm
        self.key_id = f"key-{next(_numbers)}" if key_id is None else key_id
        self.private: RSAPrivateKey | EllipticCurvePrivateKey
        if algorithm.startswith("ES"):
            self.private = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def published(self) -> dict[str, object]:
        """As a JWK."""
        public = self.private.public_key()
        kind = ECAlgorithm if self.algorithm.startswith("ES") else RSAAlgorithm
        jwk = json.loads(kind.to_jwk(public))
        jwk.pop("key_ops", None)
        return {**jwk, "kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: dict[str, object], **headers: object) -> str:
        """The claims as a token; a header of None is left out."""
        given = {"kid": self.key_id, **headers}
        named = {name: value for name, value in given.items() if value is not None}
        payload = json.dumps(claims).encode()
        return jwt.PyJWS().encode(payload, self.private, algorithm=self.algorithm, headers=named)


def unsigned(claims: dict[str, object], **header: object) -> str:
    """Header and claims without a signature, as `alg` `none` has it."""

    def encoded(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{encoded({'alg': 'none', **header})}.{encoded(claims)}."


class IdentityProvider:
    """On a port of 127.0.0.1 of its own."""

    issuer = "https://identity.example"

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """With `tls` it speaks HTTPS."""
        self.key = SigningKey()
        self._scheme = "http" if tls is None else "https"
        self.times_read = 0
        """How often its keys were asked for."""
        self.tokens_given = 0
        """How many tokens its clients have fetched."""
        self._answer: Answer | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._closing = threading.Event()

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_url(self) -> str:
        return f"{self.address}/jwks"

    @property
    def token_url(self) -> str:
        return f"{self.address}/token"

    def claims(self, **changed: object) -> dict[str, object]:
        """Those of a good token; None takes one away."""
        now_s = int(time.time())
        given: dict[str, object] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "alice",
            "iat": now_s,
            "exp": now_s + LIFETIME_S,
            "scope": "kafka",
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def token(self, **changed: object) -> str:
        """A token with these claims."""
        return self.key.sign(self.claims(**changed))

    def rotate(self) -> None:
        """Another key."""
        self.key = SigningKey()

    def answer_keys_with(self, answer: Answer | None) -> None:
        """Whoever asks for the keys gets this; None: the keys."""
        self._answer = answer

    def keys(self) -> bytes:
        """The JWK set."""
        return json.dumps({"keys": [self.key.published]}).encode()

    def drip(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the keys a byte at a time, for as long as somebody reads."""
        handler.send_response(200)
        handler.end_headers()
        while not self._closing.wait(0.02):
            handler.wfile.write(b" ")

    def close(self) -> None:
        """End it; it still signs."""
        self._closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handler(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                provider.times_read += 1
                try:
                    if provider._answer is None:
                        send(self, provider.keys())
                    else:
                        provider._answer(self)
                except OSError:
                    return  # nobody reads any more

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                scheme, _, text = self.headers.get("Authorization", "").partition(" ")
                client, _, secret = base64.b64decode(text).decode().partition(":")
                asked = parse_qs(body)
                if scheme != "Basic" or secret != client or asked["grant_type"] != ["client_credentials"]:
                    send(self, b'{"error":"invalid_client"}', 401)
                    return
                provider.tokens_given += 1
                answer = {
                    "access_token": provider.token(sub=client),
                    "token_type": "Bearer",
                    "expires_in": LIFETIME_S,
                    "scope": "kafka",
                }
                send(self, json.dumps(answer).encode())

        return Handler


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """Answer with `body`."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
