"""SASL PLAIN (RFC 4616): name and password in clear, for listeners with TLS or networks that are trusted.

    [authorization id] NUL user name NUL password

Users stand in the listener's JAAS entry as options `user_NAME="PASSWORD"`.

Source: `PlainSaslServer`, `PlainServerCallbackHandler`; the texts a client gets are theirs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from ottla.security.jaas import JaasEntry
from ottla.security.mechanisms import Authenticated, AuthenticationFailed, ConnectionFacts, Outcome
from ottla.security.principal import USER_TYPE, KafkaPrincipal

LOGIN_MODULE: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"

_USER_PREFIX: Final = "user_"


class PlainMechanism:
    """PLAIN with the users of one JAAS entry."""

    __slots__ = ("_passwords",)

    name = "PLAIN"

    def __init__(self, entry: JaasEntry) -> None:
        """Of an entry for another login module no user is known, as at Apache."""
        self._passwords: Mapping[str, bytes] = (
            {
                name.removeprefix(_USER_PREFIX): _digest(password)
                for name, password in entry.options.items()
                if name.startswith(_USER_PREFIX)
            }
            if entry.login_module == LOGIN_MODULE
            else {}
        )

    def new_exchange(self, facts: ConnectionFacts) -> _PlainExchange:  # noqa: ARG002 - it is the same for all
        return _PlainExchange(self)

    def is_password(self, user: str, password: str) -> bool:
        """Takes the same time for a wrong password and for a user that doesn't exist."""
        known = self._passwords.get(user)
        fits = hmac.compare_digest(_digest(password), known if known is not None else bytes(32))
        return fits and known is not None


class _PlainExchange:
    __slots__ = ("_mechanism",)

    def __init__(self, mechanism: PlainMechanism) -> None:
        self._mechanism = mechanism

    def step(self, token: bytes) -> Outcome:
        authorization_id, user, password = _parts(token)
        if not user:
            raise _refused("Authentication failed: username not specified")
        if not password:
            raise _refused("Authentication failed: password not specified")
        if not self._mechanism.is_password(user, password):
            raise AuthenticationFailed(
                "Authentication failed: Invalid username or password",
                f"PLAIN: no such user or a wrong password: {user[:100]!r}",
            )
        if authorization_id not in ("", user):
            raise _refused(
                "Authentication failed: Client requested an authorization id that is different from username"
            )
        return Authenticated(b"", KafkaPrincipal(USER_TYPE, user))


def _parts(token: bytes) -> list[str]:
    # At most five pieces are made, however many NULs a token has; Apache counts no further than to four either.
    parts = token.split(b"\0", 4)
    if len(parts) != 3:
        raise _refused(f"Invalid SASL/PLAIN response: expected 3 tokens, got {min(len(parts), 4)}")
    # As Java reads bytes that are no UTF-8; no user is named so.
    return [part.decode("utf-8", "replace") for part in parts]


def _refused(message: str) -> AuthenticationFailed:
    return AuthenticationFailed(message, f"PLAIN: {message}")


def _digest(password: str) -> bytes:
    """Of equal length for all, which a comparison needs that is not to tell lengths."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
