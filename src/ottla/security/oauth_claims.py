"""What a signed token has to say before somebody is let in by it: the claims of a JWT (RFC 7519).

Which are demanded, and in what bounds, follows `BrokerJwtValidator` and the jose4j library beneath it: `exp` and `iat` have to
be there; `nbf`, `iss` and `aud` count where they are; one with an audience needs a broker that expects one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Claims: TypeAlias = Mapping[str, JsonValue]

_LATEST_S: Final = 2**53
"""Beyond any date, and whole in a JSON number."""


class InvalidToken(Exception):  # noqa: N818 - RFC 6750's name of it
    """The token lets nobody in. The text is for the log: no part of the token's signature, and what it says by `repr`."""


class BearerToken(NamedTuple):
    """A token that holds."""

    principal_name: str
    expires_at_ms: int
    """Milliseconds since 1970."""
    scopes: frozenset[str] = frozenset()


class ClaimRules(NamedTuple):
    """What a listener demands."""

    issuer: str | None = None
    """None: anyone's."""
    audiences: frozenset[str] = frozenset()
    """One of them has to be the token's. Empty: the token must be for nobody in particular."""
    clock_skew_s: int = 0
    """By how much the identity provider's clock may differ."""
    subject_claim: str = "sub"
    scope_claim: str = "scope"


def check_claims(claims: Claims, rules: ClaimRules, now_s: float) -> BearerToken:
    """Who the token is for, and until when. `now_s` is seconds since 1970. Raises `InvalidToken`."""
    expires_s = _check_dates(claims, rules, now_s)
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise InvalidToken(f"its issuer is {_shown(claims.get('iss'))}, expected {rules.issuer!r}")
    _check_audience(claims, rules)
    subject = claims.get(rules.subject_claim)
    if not isinstance(subject, str) or not subject.strip():
        raise InvalidToken(f"its claim {rules.subject_claim!r} names nobody: {_shown(subject)}")
    return BearerToken(
        subject.strip(), int(expires_s * 1000), scopes_of(claims.get(rules.scope_claim), rules.scope_claim)
    )


def scopes_of(value: JsonValue, claim: str) -> frozenset[str]:
    """The scopes in a claim, which is a text or a list of texts. Raises `InvalidToken`."""
    given: Sequence[JsonValue] = (
        value if isinstance(value, list) else [value] if isinstance(value, str) else []
    )
    scopes = [each.strip() for each in given if isinstance(each, str)]
    if len(scopes) != len(given) or not all(scopes) or len(set(scopes)) != len(scopes):
        raise InvalidToken(f"its claim {claim!r} isn't a list of different scopes: {_shown(value)}")
    return frozenset(scopes)


def date_in(claims: Claims, name: str, *, needed: bool) -> float | None:
    """Seconds since 1970. Raises `InvalidToken` for what is no date, and for none where one is needed."""
    value = claims.get(name)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST_S:
        raise InvalidToken(f"its claim {name!r} is no date: {_shown(value)}")
    return value


def _check_dates(claims: Claims, rules: ClaimRules, now_s: float) -> float:
    expires_s = date_in(claims, "exp", needed=True)
    issued_s = date_in(claims, "iat", needed=True)
    begins_s = date_in(claims, "nbf", needed=False)
    assert expires_s is not None
    assert issued_s is not None
    if now_s - rules.clock_skew_s >= expires_s:
        raise InvalidToken(f"it has expired at {expires_s} (seconds since 1970), now is {now_s:.0f}")
    if begins_s is not None and now_s + rules.clock_skew_s < begins_s:
        raise InvalidToken(f"it holds from {begins_s} on (seconds since 1970), now is {now_s:.0f}")
    if expires_s < max(issued_s, begins_s or 0):
        raise InvalidToken("it expires before it is issued or holds")
    return expires_s


def _check_audience(claims: Claims, rules: ClaimRules) -> None:
    value = claims.get("aud")
    audiences = value if isinstance(value, list) else [] if value is None else [value]
    if not rules.audiences:
        if audiences:
            raise InvalidToken(
                f"it is for audience {_shown(value)}, and sasl.oauthbearer.expected.audience isn't set"
            )
    elif not any(isinstance(each, str) and each in rules.audiences for each in audiences):
        raise InvalidToken(f"its audience is {_shown(value)}, expected {sorted(rules.audiences)}")


def _shown(value: JsonValue) -> str:
    """A claim for the log, not too long."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
