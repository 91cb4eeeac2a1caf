"""Logging in by OAUTHBEARER (RFC 7628): with a token from a file, or one that the identity provider gives for a client's
id and secret (RFC 6749, section 4.4; KIP-768).

    client   n,,^A auth=Bearer TOKEN ^A [NAME=VALUE ^A]... ^A      ^A is the byte 0x01, blanks stand for nothing
    server   nothing                                               it is in
             {"status":"invalid_token"}                            it isn't, and is to answer ^A to hear why

A token is fetched by the first log-in that needs one and used for most of its life, by all connections. Everything here
waits, and is for threads. Redirections are refused: the secret goes to the address that was given and to no other.

Source: Apache's `HttpJwtRetriever`, `FileJwtRetriever`, `OAuthBearerClientInitialResponse`.
"""

import base64
import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from ottla.client.sasl import Exchange, LoginError

MAX_ANSWER_BYTES = 1024 * 1024
"""Of an identity provider's answer, and of a token's file."""
ATTEMPTS = 3
"""How often an identity provider that does not answer is asked."""
FIRST_BACKOFF_S = 0.1
LIFE_SHARE_USED = 0.8
"""Of a token's life, as `sasl.login.refresh.window.factor` has it."""
LIFE_UNKNOWN_S = 60.0
"""How long a token is used whose life the answer does not tell."""

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_EXTENSION_NAME = re.compile(r"[A-Za-z]+")
_EXTENSION_VALUE = re.compile(r"[\x21-\x7e \t\r\n]+")


class TokenSource(Protocol):
    """Where tokens come from."""

    def token(self) -> str:
        """A token that is good now. Waits; raises `LoginError`."""
        ...


class OAuthLogin:
    """Whoever the token names. The token does not show."""

    __slots__ = ("_extensions", "_source")

    mechanism = "OAUTHBEARER"

    def __init__(self, source: TokenSource, extensions: Mapping[str, str] | None = None) -> None:
        """`extensions`: what the broker is told besides (KIP-342). Raises `ValueError` for names or values that can't be sent."""
        self._source = source
        self._extensions = dict(extensions or {})
        for name, value in self._extensions.items():
            if name == "auth" or not _EXTENSION_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an extension: letters alone, and not auth")
            if not _EXTENSION_VALUE.fullmatch(value):
                raise ValueError(f"the value of extension {name} has characters that can't be sent")

    def __repr__(self) -> str:
        return f"OAuthLogin({self._source!r})"

    def exchange(self, _host: str = "") -> Exchange:
        pairs = {"auth": f"Bearer {self._source.token()}", **self._extensions}
        told = "".join(f"{name}={value}\x01" for name, value in pairs.items())
        refusal = yield f"n,,\x01{told}\x01".encode()
        if refusal:
            # The broker's next answer tells the error; one that has none is none that we know.
            yield b"\x01"
            raise LoginError("the broker refuses the token, and does not say why")


class TokenFile:
    """A token in a file, which somebody else keeps fresh."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"

    def token(self) -> str:
        """What the file holds now."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_ANSWER_BYTES + 1)
        except OSError as error:
            raise LoginError(f"the token's file {self._path} can't be read: {error.strerror}") from None
        return _checked(content.decode("latin-1").strip(), f"the file {self._path}")


class ClientSecret(NamedTuple):
    """What an identity provider knows a client by. The secret does not show."""

    client_id: str
    secret: str
    scope: str = ""
    url_encoded: bool = False
    """Whether id and secret are percent-encoded before they are joined (`sasl.oauthbearer.header.urlencode`)."""

    def __repr__(self) -> str:
        return f"ClientSecret({self.client_id!r}, [hidden])"

    def authorization(self) -> str:
        """The header's value."""
        parts = [self.client_id, self.secret]
        joined = ":".join(quote(part, safe="") for part in parts) if self.url_encoded else ":".join(parts)
        return "Basic " + base64.b64encode(joined.encode()).decode()


class TokenEndpoint:
    """An identity provider that gives a token for a client's secret."""

    def __init__(
        self,
        address: str,
        client: ClientSecret,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        """`tls` says whom an https address is believed; None: the system's authorities. Raises `ValueError`."""
        self._parts = _http_address(address)
        self._client = client
        self._tls = tls
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._kept = ""
        self._kept_until_s = 0.0

    def __repr__(self) -> str:
        return f"TokenEndpoint({self._parts.hostname!r}, {self._client!r})"

    def token(self) -> str:
        """The one that is kept, or another."""
        with self._lock:
            if not self._kept or time.monotonic() >= self._kept_until_s:
                self._kept, life_s = self._fetched()
                self._kept_until_s = time.monotonic() + life_s * LIFE_SHARE_USED
            return self._kept

    def _fetched(self) -> tuple[str, float]:
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_BACKOFF_S * 2.0 ** (attempt - 1))
            try:
                status, body = self._posted()
            except (OSError, http.client.HTTPException) as error:
                failure = f"cannot be asked: {error or type(error).__name__}"
                continue
            if status == http.client.OK:
                return _token_in(body, self._where)
            failure = f"answers {status}{_reason_in(body)}"
            if status < http.client.INTERNAL_SERVER_ERROR:
                break
        raise LoginError(f"{self._where} {failure}")

    @property
    def _where(self) -> str:
        return f"the identity provider {self._parts.hostname}"

    def _posted(self) -> tuple[int, bytes]:
        parts, deadline_s = self._parts, time.monotonic() + self._timeout_s
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=self._timeout_s, context=self._tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout_s)
        )
        asked = {"grant_type": "client_credentials"}
        if self._client.scope:
            asked["scope"] = self._client.scope
        headers = {
            "Accept": "application/json",
            "Authorization": self._client.authorization(),
            "Cache-Control": "no-cache",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body=urlencode(asked), headers=headers)
            answer = connection.getresponse()
            return answer.status, _body(answer, deadline_s)
        finally:
            connection.close()


def token_source(
    address: str, client: ClientSecret | None, *, tls: ssl.SSLContext | None = None, timeout_s: float = 10.0
) -> TokenSource:
    """As `sasl.oauthbearer.token.endpoint.url` names one: `file:///path`, or an address of http or https, which needs a client.

    Raises `ValueError`.
    """
    parts = urlsplit(address)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise ValueError("a file's address is file:// and an absolute path: it begins with three slashes")
        return TokenFile(Path(unquote(parts.path)))
    if client is None:
        raise ValueError("an identity provider wants a client's id and secret")
    return TokenEndpoint(address, client, tls=tls, timeout_s=timeout_s)


def _http_address(address: str) -> SplitResult:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it must be an address of https://, http:// or file://")
    if "@" in parts.netloc:
        raise ValueError("it must not hold a user or password")
    _ = parts.port  # raises for what is no number
    return parts


def _body(answer: http.client.HTTPResponse, deadline_s: float) -> bytes:
    """One that sends a byte now and then must not hold the thread longer than one that sends none."""
    body = bytearray()
    while piece := answer.read1(65_536):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise http.client.HTTPException(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline_s:
            raise TimeoutError("timed out")
    return bytes(body)


def _token_in(body: bytes, where: str) -> tuple[str, float]:
    """The token, and for how many seconds it is good."""
    try:
        told = json.loads(body)
        token, life_s = told["access_token"], told.get("expires_in", LIFE_UNKNOWN_S)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise LoginError(f"{where} answers without a token") from None
    known = isinstance(life_s, int | float) and not isinstance(life_s, bool) and life_s > 0
    return _checked(token, where), float(min(life_s, 1e9)) if known else LIFE_UNKNOWN_S


def _checked(token: object, where: str) -> str:
    """A token has no characters that could end it, or the message it is sent in."""
    if not isinstance(token, str) or len(token) > MAX_ANSWER_BYTES or not _TOKEN.fullmatch(token):
        raise LoginError(f"{where} holds something else than a token")
    return token


def _reason_in(body: bytes) -> str:
    """OAuth's error, a word, where the answer has one."""
    try:
        told = json.loads(body)
        word = told["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f" ({word[:100]})" if isinstance(word, str) and word.isprintable() else ""
