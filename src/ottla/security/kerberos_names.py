"""Kerberos principals made into short user names: `sasl.kerberos.principal.to.local.rules`.

    kafka/broker1.example.com@EXAMPLE.COM          primary / instance @ realm
    DEFAULT                                        the primary, of principals in the default realm
    RULE:[2:$1](kafka)s/kafka/broker/g/L           of principals with two components, make `$1` (`$0` is the realm); if all of
                                                   that matches `kafka`, put `broker` for each `kafka`, in small letters

The first rule that fits is used. What comes out may hold neither `/` nor `@`, or a user could pass for another realm's.

Source: `KerberosName`, `KerberosRule`, `KerberosShortNamer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

MAX_PRINCIPAL_CHARACTERS: Final = 1_024

_PRINCIPAL: Final = re.compile(r"([^/@]*)(?:/([^/@]*))?@([^/@]*)")
_RULE: Final = re.compile(
    r"DEFAULT|RULE:\[(?P<components>\d*):(?P<format>[^\]]*)\](?:\((?P<match>[^)]*)\))?"
    r"(?:s/(?P<find>[^/]*)/(?P<put>[^/]*)/(?P<all>g)?)?/?(?P<letters>[LU])?"
)
_REPLACEMENT: Final = re.compile(r"\\(.)|\$(\d*)", re.DOTALL)
_PARAMETER: Final = re.compile(r"\$(\d*)")


class NoUserName(Exception):  # noqa: N818 - it is an outcome
    """No rule makes a user name of the principal."""


class KerberosPrincipal(NamedTuple):
    """A principal in its parts; None: it has no such part."""

    primary: str
    instance: str | None
    realm: str | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """`$0`, `$1` and, if there is an instance, `$2`."""
        given = (self.realm or "", self.primary)
        return given if self.instance is None else (*given, self.instance)


class NameRule(NamedTuple):
    """One rule of the list, not `DEFAULT`."""

    components: int
    format: str
    match: re.Pattern[str] | None
    find: re.Pattern[str] | None
    put: str
    """As `re.sub` takes it."""
    is_for_all: bool
    letters: str
    """`L`, `U`, or empty: as they are."""

    def applied(self, principal: KerberosPrincipal) -> str | None:
        """The name that it makes; None: it is not for this principal."""
        parameters = principal.parameters
        if len(parameters) - 1 != self.components:
            return None
        text = _PARAMETER.sub(lambda number: parameters[int(number[1])], self.format)
        if self.match is not None and not self.match.fullmatch(text):
            return None
        if self.find is not None:
            text = self.find.sub(self.put, text, count=0 if self.is_for_all else 1)
        return text

    def written(self, name: str) -> str:
        """In the letters that it asks for."""
        return name.lower() if self.letters == "L" else name.upper() if self.letters == "U" else name


class UserNames:
    """Makes user names by a list of rules."""

    __slots__ = ("_default_realm", "_rules")

    def __init__(self, rules: Iterable[str], default_realm: str) -> None:
        """Raises `ValueError` for what is no rule."""
        self._rules = [None if rule == "DEFAULT" else parse_rule(rule) for rule in rules]
        self._default_realm = default_realm

    def of(self, principal: str) -> str:
        """The user name of a principal. Raises `NoUserName`."""
        parsed = parse_kerberos_principal(principal)
        if parsed.realm is None:
            return parsed.primary
        for rule in self._rules:
            if rule is None:
                name = parsed.primary if parsed.realm == self._default_realm else None
            else:
                name = rule.applied(parsed)
            if name is None:
                continue
            if "/" in name or "@" in name or not name:
                raise NoUserName(f"a rule makes {name[:100]!r} of {principal!r}, which is no simple name")
            return name if rule is None else rule.written(name)
        raise NoUserName(f"no rule of sasl.kerberos.principal.to.local.rules is for {principal!r}")


def parse_kerberos_principal(text: str) -> KerberosPrincipal:
    """Raises `NoUserName` for what is no principal."""
    matched = _PRINCIPAL.fullmatch(text) if len(text) <= MAX_PRINCIPAL_CHARACTERS else None
    if matched is not None:
        return KerberosPrincipal(matched[1], matched[2], matched[3])
    if "@" in text or "/" in text or not text:
        raise NoUserName(f"malformed Kerberos principal {text[:MAX_PRINCIPAL_CHARACTERS]!r}")
    return KerberosPrincipal(text, None, None)


def parse_rule(text: str) -> NameRule:
    """A rule that begins with `RULE:`. Raises `ValueError`."""
    matched = _RULE.fullmatch(text)
    if matched is None or matched["format"] is None or not matched["components"]:
        raise ValueError(f"Invalid rule: {text}")
    components = int(matched["components"])
    numbers = _PARAMETER.findall(matched["format"])
    if any(not number or int(number) > components for number in numbers):
        raise ValueError(f"Invalid rule: {text}: a $ needs the number of a component, 0 to {components}")
    try:
        match = None if matched["match"] is None else re.compile(matched["match"])
        find = None if matched["find"] is None else re.compile(matched["find"])
    except re.error as error:
        raise ValueError(f"Invalid rule: {text}: {error}") from error
    return NameRule(
        components,
        matched["format"],
        match,
        find,
        _replacement(matched["put"] or "", 0 if find is None else find.groups, text),
        matched["all"] is not None,
        matched["letters"] or "",
    )


def _replacement(java: str, groups: int, rule: str) -> str:
    """`$1` of Java is `\\g<1>` here; a backslash of Java's takes what follows as it is."""

    def here(part: re.Match[str]) -> str:
        escaped, number = part.groups()
        if number is None:
            return "\\\\" if escaped == "\\" else escaped
        if not number or int(number) > groups:
            raise ValueError(f"Invalid rule: {rule}: a $ in the replacement needs the number of a group")
        return f"\\g<{number}>"

    if java.replace("\\\\", "").endswith("\\"):
        raise ValueError(f"Invalid rule: {rule}: its replacement ends in the middle of an escape")
    return _REPLACEMENT.sub(here, java)
