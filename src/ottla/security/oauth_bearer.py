"""OAUTHBEARER (RFC 7628): the client shows a token that an identity provider has signed.

    client   n,[a=AUTHZID],^A auth=Bearer TOKEN ^A [NAME=VALUE ^A]... ^A        ^A is the byte 0x01, blanks stand for nothing
    server   nothing                                                            it is in
             {"status":"invalid_token"}                                         it isn't, and answers ^A to end the exchange

What the client gives besides (KIP-342) has names of letters and values of printable characters.

Source: `OAuthBearerSaslServer`, `OAuthBearerClientInitialResponse`. Unlike there an exchange takes one token: after an error
the client can only end it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
    Outcome,
)
from ottla.security.oauth_claims import BearerToken, InvalidToken
from ottla.security.principal import USER_TYPE, KafkaPrincipal

NAME: Final = "OAUTHBEARER"

_KEY: Final = "[A-Za-z]+"
_VALUE: Final = r"[\x21-\x7e \t\r\n]+"
_FIRST_MESSAGE: Final = re.compile(
    r"n,(?:a=(?P<authzid>(?:[\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+))?,"
    rf"\x01(?P<pairs>(?:{_KEY}={_VALUE}\x01)*)\x01"
)
_AUTH: Final = re.compile(r"(?P<scheme>\w+) +(?P<token>[-_.a-zA-Z0-9]+)", re.ASCII)
_ERROR: Final = '{"status":"invalid_token"}'

Verify = Callable[[str], BearerToken]
"""What a token says; raises `InvalidToken`. Called in a thread."""


class FirstMessage(NamedTuple):
    """What a client begins with."""

    authorization_id: str
    """Empty: whom the token names."""
    token: str
    extensions: dict[str, str]

    def __repr__(self) -> str:
        return f"FirstMessage(authorization_id={self.authorization_id!r}, token=[hidden])"


class OAuthBearer:
    """The mechanism of one listener."""

    name = NAME

    def __init__(self, verify: Verify) -> None:
        self._verify = verify

    def new_exchange(self, _facts: ConnectionFacts) -> OAuthBearerExchange:
        return OAuthBearerExchange(self._verify)


class OAuthBearerExchange:
    """One attempt."""

    __slots__ = ("_refusal", "_verify")

    def __init__(self, verify: Verify) -> None:
        self._verify = verify
        self._refusal: str | None = None

    def step(self, token: bytes) -> Outcome:
        if self._refusal is not None:
            raise AuthenticationFailed(_ERROR, self._refusal)
        return InThread(lambda: self._outcome(token))

    def _outcome(self, response: bytes) -> Outcome:
        message = parse_first_message(response)
        try:
            token = self._verify(message.token)
        except InvalidToken as error:
            self._refusal = str(error)
            return Challenge(_ERROR.encode())
        if message.authorization_id and message.authorization_id != token.principal_name:
            raise AuthenticationFailed(
                f"Authentication failed: Client requested an authorization id ({message.authorization_id}) that is "
                f"different from the token's principal name ({token.principal_name})",
                f"the authorization id {message.authorization_id!r} isn't the token's {token.principal_name!r}",
            )
        return Authenticated(
            b"",
            KafkaPrincipal(USER_TYPE, token.principal_name),
            token.expires_at_ms,
            message.extensions,
        )


def parse_first_message(response: bytes) -> FirstMessage:
    """Raises `AuthenticationFailed`."""
    matched = _FIRST_MESSAGE.fullmatch(response.decode(errors="replace"))
    if matched is None:
        raise AuthenticationFailed(None, "the first message isn't one of OAUTHBEARER")
    extensions = dict(pair.split("=", 1) for pair in matched["pairs"].split("\x01") if pair)
    auth = extensions.pop("auth", None)
    if auth is None:
        raise AuthenticationFailed(None, "the first message has no 'auth'")
    credentials = _AUTH.fullmatch(auth)
    if credentials is None or credentials["scheme"].lower() != "bearer":
        raise AuthenticationFailed(None, "'auth' in the first message isn't 'Bearer' and a token")
    return FirstMessage(matched["authzid"] or "", credentials["token"], extensions)
