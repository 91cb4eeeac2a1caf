"""Tokens of an identity provider, verified: the signature by its public keys, then what the token claims.

    base64url(header) . base64url(claims) . base64url(signature)          JWS compact form (RFC 7515, 3.1)

PyJWT checks the signature, with the one algorithm that both the header names and the key is for. `UnsecuredTokens` takes tokens
that nobody has signed, for listeners whose owner asks for that by name.

Source: `BrokerJwtValidator`, `OAuthBearerUnsecuredValidatorCallbackHandler`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from ottla.security.jwks import ALGORITHMS, VerificationKey
from ottla.security.oauth_claims import (
    BearerToken,
    ClaimRules,
    Claims,
    InvalidToken,
    JsonValue,
    check_claims,
    date_in,
    scopes_of,
)

MAX_TOKEN_CHARACTERS: Final = 65_536
"""Identity providers with all their groups stay below 16 KiB."""
MAX_KEY_ID_CHARACTERS: Final = 1_000
"""As `RefreshingHttpsJwks`."""

FindKeys = Callable[[str | None, str], list[VerificationKey]]
"""(key id, algorithm) → the keys that can have signed such a token."""


class SignedTokens:
    """Verifies tokens by the keys of `find_keys`. Called in any thread."""

    __slots__ = ("_find_keys", "_now_s", "_rules")

    def __init__(self, find_keys: FindKeys, rules: ClaimRules, now_s: Callable[[], float]) -> None:
        """`now_s`: seconds since 1970."""
        self._find_keys = find_keys
        self._rules = rules
        self._now_s = now_s

    def verify(self, token: str) -> BearerToken:
        """Raises `InvalidToken`."""
        header, _, _ = _parts(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidToken(
                f"its algorithm {_shown(algorithm)} isn't one of {', '.join(sorted(ALGORITHMS))}"
            )
        if key_id is not None and (not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS):
            raise InvalidToken(f"its key id is {_shown(key_id)}")
        keys = self._find_keys(key_id, algorithm)
        if not keys:
            raise InvalidToken(f"the identity provider has no key with id {_shown(key_id)} for {algorithm}")
        return check_claims(_signed_claims(token, algorithm, keys), self._rules, self._now_s())


class UnsecuredRules(NamedTuple):
    """The options `unsecuredValidator…` of the listener's `sasl.jaas.config`."""

    principal_claim: str = "sub"
    scope_claim: str = "scope"
    required_scopes: frozenset[str] = frozenset()
    clock_skew_ms: int = 0


class UnsecuredTokens:
    """Believes every token without a signature. Called in any thread."""

    __slots__ = ("_now_s", "_rules")

    def __init__(self, rules: UnsecuredRules, now_s: Callable[[], float]) -> None:
        self._rules = rules
        self._now_s = now_s

    def verify(self, token: str) -> BearerToken:
        """Raises `InvalidToken`."""
        header, claims, signature = _parts(token)
        if header.get("alg") != "none" or signature:
            raise InvalidToken("it is signed, and this listener takes unsecured tokens only")
        rules, now_s = self._rules, self._now_s()
        skew_s = rules.clock_skew_ms / 1000
        expires_s = date_in(claims, "exp", needed=True)
        issued_s = date_in(claims, "iat", needed=False)
        assert expires_s is not None
        if now_s - skew_s >= expires_s:
            raise InvalidToken(f"it has expired at {expires_s} (seconds since 1970), now is {now_s:.0f}")
        if issued_s is not None and (now_s + skew_s < issued_s or expires_s <= issued_s):
            raise InvalidToken("it is issued in the future, or expires before that")
        subject = claims.get(rules.principal_claim)
        if not isinstance(subject, str) or not subject.strip():
            raise InvalidToken(f"its claim {rules.principal_claim!r} names nobody: {_shown(subject)}")
        value = claims.get(rules.scope_claim)
        listed: JsonValue = list(value.split()) if isinstance(value, str) else value
        scopes = scopes_of(listed, rules.scope_claim)
        if not rules.required_scopes <= scopes:
            raise InvalidToken(f"it lacks scopes: {sorted(rules.required_scopes - scopes)}")
        return BearerToken(subject, int(expires_s * 1000), scopes)


def _signed_claims(token: str, algorithm: str, keys: list[VerificationKey]) -> Claims:
    """What one of the keys has signed."""
    from jwt.api_jws import PyJWS  # noqa: PLC0415 - no broker without OAuth loads it
    from jwt.exceptions import InvalidSignatureError, PyJWTError  # noqa: PLC0415

    jws = PyJWS(algorithms=[algorithm])
    for each in keys:
        try:
            payload = jws.decode(token, each.key, algorithms=[algorithm])
        except InvalidSignatureError:
            continue
        except (PyJWTError, ValueError, TypeError) as error:
            raise InvalidToken(f"it can't be verified: {type(error).__name__}") from error
        return _json_object(payload, "claims")
    raise InvalidToken("its signature is not the identity provider's")


def _parts(token: str) -> tuple[Claims, Claims, str]:
    """Header, claims and signature, of which nothing is proven yet."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise InvalidToken(f"it has {len(token)} characters, more than {MAX_TOKEN_CHARACTERS}")
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidToken("it isn't a JWT of three parts")
    return _json_object(_decoded(parts[0]), "header"), _json_object(_decoded(parts[1]), "claims"), parts[2]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidToken("a part of it isn't base64url") from error


def _json_object(text: bytes, what: str) -> Claims:
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_number, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise InvalidToken(f"its {what} can't be read as JSON") from error
    if not isinstance(value, dict):
        raise InvalidToken(f"its {what} is no JSON object")
    return value


def _without_doubles(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Which of two claims of one name holds, readers disagree on (RFC 7519, 4): such a token is nobody's."""
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a name stands in it twice")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _shown(value: JsonValue) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
