"""How the broker logs in to a schema registry, and whom it believes there: a user, a token, TLS.

    confluent.basic.auth.*      user and password
    confluent.bearer.auth.*     a token: one that stands in the settings, or those an identity provider gives for a client's
                                id and secret (RFC 6749, section 4.4), kept for most of their life
    confluent.ssl.*             whom an https address is believed, and the broker's own certificate

Everything here waits, and is for threads. What is wrong is told by setting, and never with a secret in it.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import urlencode, urlsplit

from ottla.config.broker_config import BrokerConfig
from ottla.config.broker_settings.schemas import OAUTHBEARER, STATIC_TOKEN
from ottla.config.values import Password

if TYPE_CHECKING:
    from ottla.security.tls import FileState
    from ottla.security.tls_settings import TlsSettings

LIFE_SHARE_USED: Final = 0.8
"""Of a token's life."""
LIFE_UNKNOWN_S: Final = 60.0
ANSWER_BYTES_MAX: Final = 64 * 1024

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class LoginUnavailable(Exception):  # noqa: N818 - an outcome
    """There is no way to log in now; the text says why."""


class TokenSource(Protocol):
    """Where tokens come from."""

    def token(self, deadline: float) -> str:
        """One that is good now. Raises `LoginUnavailable` by the deadline."""
        ...

    def forget(self) -> None:
        """The registry does not take it: the next one is to be another, where there can be another."""
        ...


class StaticToken:
    """The token of a setting."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, _deadline: float) -> str:
        return _checked(self._token, "confluent.bearer.auth.token")

    def forget(self) -> None:
        """There is no other."""


class TokenClient(NamedTuple):
    """What an identity provider knows the broker by. The secret does not show."""

    address: str
    client_id: str
    secret: str
    scope: str = ""

    def __repr__(self) -> str:
        return f"TokenClient({self.address!r}, {self.client_id!r}, [hidden])"


class FetchedTokens:
    """Asks an identity provider; redirections are refused: the secret goes to the address that was given and to no other."""

    def __init__(self, client: TokenClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._kept = ""
        self._kept_until = 0.0

    def token(self, deadline: float) -> str:
        if not self._lock.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise LoginUnavailable("the identity provider does not answer")
        try:
            if not self._kept or time.monotonic() >= self._kept_until:
                self._kept, life_s = self._fetched(deadline)
                self._kept_until = time.monotonic() + life_s * LIFE_SHARE_USED
            return self._kept
        finally:
            self._lock.release()

    def forget(self) -> None:
        self._kept_until = 0.0

    def _fetched(self, deadline: float) -> tuple[str, float]:
        where = f"the identity provider {urlsplit(self._client.address).hostname}"
        try:
            status, body = self._posted(deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LoginUnavailable(f"{where} cannot be asked: {error or type(error).__name__}") from None
        if status != http.client.OK:
            raise LoginUnavailable(f"{where} answers {status}")
        try:
            told = json.loads(body)
            life_s = told.get("expires_in")
            known = isinstance(life_s, int | float) and not isinstance(life_s, bool) and life_s > 0
            return _checked(told["access_token"], where), float(min(life_s, 1e9)) if known else LIFE_UNKNOWN_S
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise LoginUnavailable(f"{where} answers without a token") from None

    def _posted(self, deadline: float) -> tuple[int, bytes]:
        client, parts = self._client, urlsplit(self._client.address)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=left_s)
        asked = {"grant_type": "client_credentials", **({"scope": client.scope} if client.scope else {})}
        packed = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
        headers = {
            "Accept": "application/json",
            "Authorization": f"Basic {packed}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=urlencode(asked), headers=headers)
            answer = connection.getresponse()
            return answer.status, _body(answer, deadline)
        finally:
            connection.close()


class RegistryLogin:
    """What the settings say, for all registries of a cluster."""

    def __init__(
        self,
        user_info: str = "",
        tokens: TokenSource | None = None,
        token_headers: Mapping[str, str] | None = None,
        tls: TlsSettings | None = None,
    ) -> None:
        """`user_info`: `user:password`. `token_headers` go where a token goes. `tls`: None, the system's authorities."""
        self._user_info = user_info
        self._tokens = tokens
        self._token_headers = dict(token_headers or {})
        self._tls = tls
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._made_of: tuple[FileState, ...] = ()

    def headers(self, own_user_info: str, deadline: float) -> dict[str, str]:
        """Those that log in; `own_user_info` stands in the registry's address. Raises `LoginUnavailable`."""
        if self._tokens is not None:
            return {**self._token_headers, "Authorization": f"Bearer {self._tokens.token(deadline)}"}
        user_info = own_user_info or self._user_info
        if not user_info:
            return {}
        return {"Authorization": f"Basic {base64.b64encode(user_info.encode()).decode()}"}

    def refused(self) -> None:
        """A registry said that nobody is logged in."""
        if self._tokens is not None:
            self._tokens.forget()

    def context(self) -> ssl.SSLContext:
        """For https; made anew when a store's file has changed. Raises `LoginUnavailable`."""
        with self._lock:
            if self._tls is None:
                self._context = self._context or ssl.create_default_context()
                return self._context
            from ottla.security.tls import file_states  # noqa: PLC0415 - most registries speak http

            made_of = file_states(self._tls)
            if self._context is None or made_of != self._made_of:
                self._context = _context(self._tls)
                self._made_of = made_of
            return self._context


def registry_login(config: BrokerConfig) -> RegistryLogin:
    """By a broker's settings."""
    source = config.get("confluent.bearer.auth.credentials.source")
    is_user = config.get("confluent.basic.auth.credentials.source") == "USER_INFO"
    tokens: TokenSource | None = None
    if source == STATIC_TOKEN:
        tokens = StaticToken(_secret(config, "confluent.bearer.auth.token"))
    elif source == OAUTHBEARER:
        tokens = FetchedTokens(
            TokenClient(
                _text(config, "confluent.bearer.auth.issuer.endpoint.url"),
                _text(config, "confluent.bearer.auth.client.id"),
                _secret(config, "confluent.bearer.auth.client.secret"),
                _text(config, "confluent.bearer.auth.scope"),
            )
        )
    told = {
        "target-sr-cluster": _text(config, "confluent.bearer.auth.logical.cluster"),
        "Confluent-Identity-Pool-Id": _text(config, "confluent.bearer.auth.identity.pool.id"),
    }
    return RegistryLogin(
        _secret(config, "confluent.basic.auth.user.info") if is_user else "",
        tokens,
        {name: value for name, value in told.items() if value},
        _tls_settings(config),
    )


def _tls_settings(config: BrokerConfig) -> TlsSettings | None:
    """None where no store is named: most brokers load none of it."""
    keystore = _text(config, "confluent.ssl.keystore.location")
    truststore = _text(config, "confluent.ssl.truststore.location")
    if not (keystore or truststore):
        return None
    from ottla.security.key_stores import StoreSettings  # noqa: PLC0415
    from ottla.security.tls_settings import TlsSettings  # noqa: PLC0415

    return TlsSettings(
        keystore=StoreSettings(
            subject="keystore",
            type=_text(config, "confluent.ssl.keystore.type"),
            location=keystore,
            password=_secret(config, "confluent.ssl.keystore.password") or None,
            key_password=_secret(config, "confluent.ssl.key.password") or None,
        ),
        truststore=StoreSettings(
            subject="truststore",
            type=_text(config, "confluent.ssl.truststore.type"),
            location=truststore,
            password=_secret(config, "confluent.ssl.truststore.password") or None,
            key_password=None,
        ),
    )


def _context(settings: TlsSettings) -> ssl.SSLContext:
    from ottla.security.key_stores import StoreError  # noqa: PLC0415
    from ottla.security.tls import client_tls  # noqa: PLC0415

    try:
        return client_tls(settings)
    except StoreError as error:
        raise LoginUnavailable(f"confluent.{error}") from None


def _body(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    """One that sends a byte now and then must not hold the thread longer than one that sends none."""
    body = bytearray()
    while piece := answer.read1(4_096):
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise ValueError(f"the answer is larger than {ANSWER_BYTES_MAX} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
    return bytes(body)


def _text(config: BrokerConfig, name: str) -> str:
    return str(config.get(name) or "")


def _secret(config: BrokerConfig, name: str) -> str:
    value = config.get(name)
    return value.secret if isinstance(value, Password) else ""


def _checked(token: object, where: str) -> str:
    """A token has no characters that could end the header it is sent in."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise LoginUnavailable(f"{where} holds something else than a token")
    return token
