"""Basic log-ins to the services that speak HTTP: a file of users, and what a request's `Authorization` makes of it.

    # name: password, roles
    alice: secret,admin,developer
    bob: MD5:5ebe2294ecd0e0f08eab7690d2a6ee69,developer
    carol: OBF:1vny1zlo1x8e1vnw1vn61x8g1zlu1vn4,developer

OBF hides a password from who looks over a shoulder, and from nobody else. CRYPT is refused: nothing checks it any more.

Source: Jetty's PropertyFileLoginModule and its Password, by which the original's services log in; RFC 7617.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ottla.config.sources import SourceError, parse_properties

ANY_ROLE: Final = frozenset({"*", "**"})
"""Names for whatever role a user has; Jetty has the second one for those without any, too."""
MAX_CREDENTIALS: Final = 8_192
"""Characters of an `Authorization` that are looked at."""

_MD5: Final = "MD5:"
_OBFUSCATED: Final = "OBF:"
_CRYPT: Final = "CRYPT:"
_NOBODY: Final = "\0"
"""What the password of an unknown user is compared with, so that the time doesn't tell that there is none."""


class UserFileError(ValueError):
    """A file of users that can't be used; names a user, never a password."""


class Refused(Exception):  # noqa: N818 - an outcome, not a fault
    """Nobody is logged in by these credentials."""


class NotAllowed(Exception):  # noqa: N818 - likewise
    """A user that has none of the roles."""


class _User(NamedTuple):
    password: str
    roles: frozenset[str]


class BasicLogin:
    """Knows users and which roles may come in; `*` and `**` are every user."""

    __slots__ = ("_roles", "_users")

    def __init__(self, users: Mapping[str, _User], roles: Iterable[str]) -> None:
        self._users = users
        self._roles = frozenset(roles)

    @classmethod
    def from_text(cls, text: str, roles: Iterable[str]) -> BasicLogin:
        """By the text of a file; raises `UserFileError`."""
        users = {}
        try:
            lines = parse_properties(text, "users")
        except SourceError:
            raise UserFileError("it is no property file") from None
        for name, value, _ in lines:
            password, *own = (each.strip() for each in value.split(","))
            if password.startswith(_CRYPT):
                raise UserFileError(f"the password of {name} is CRYPT, which is not checked here: use MD5")
            if password.startswith(_OBFUSCATED):
                try:
                    password = clear_text(password)
                except ValueError:
                    raise UserFileError(f"the password of {name} is no OBF") from None
            users[name] = _User(password, frozenset(own))
        return cls(users, roles)

    def user(self, authorization: str) -> str:
        """Who sends this header; raises `Refused` and `NotAllowed`."""
        name, password = _credentials(authorization)
        found = self._users.get(name)
        fits = _fits(_NOBODY if found is None else found.password, password)
        if found is None or not fits:
            raise Refused
        if not ANY_ROLE & self._roles and not self._roles & found.roles:
            raise NotAllowed
        return name


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, packed = authorization[:MAX_CREDENTIALS].partition(" ")
    if scheme.lower() != "basic":
        raise Refused
    try:
        text = base64.b64decode(packed.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused from None
    name, colon, password = text.partition(":")
    if not colon:
        raise Refused
    return name, password


def _fits(kept: str, given: str) -> bool:
    if kept.startswith(_MD5):
        digest = hashlib.md5(given.encode(), usedforsecurity=False).hexdigest()
        return hmac.compare_digest(kept[len(_MD5) :].lower().encode(), digest.encode())
    return hmac.compare_digest(kept.encode(), given.encode())


def clear_text(obfuscated: str) -> str:
    """What `OBF:…` hides; raises ValueError. Four characters of base 36 a byte, or five from a U on."""
    text = obfuscated.removeprefix(_OBFUSCATED)
    found = bytearray()
    at = 0
    while at < len(text):
        wide = text[at] == "U"
        at += wide
        number = int(text[at : at + 4], 36)
        # Jetty adds a byte to its mirror image in the upper half, and takes that one away in the lower.
        found.append(number >> 8 if wide else (number // 256 + number % 256 - 254) // 2)
        at += 4
    return found.decode()
