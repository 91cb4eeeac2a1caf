"""A short user name out of a certificate's distinguished name, by `ssl.principal.mapping.rules`.

    RULE:^CN=(.*?),OU=Billing.*$/$1/L, RULE:^CN=(.*?),.*$/$1@$0/, DEFAULT

The first rule whose pattern fits the whole name makes the user; L or U behind it makes it lower or upper case, and DEFAULT is
the distinguished name as it is. Patterns are RE2's, so that no name, however long, can keep the broker busy; what RE2 lacks
(looking around, back references) is refused when the rules are read.

Source: KIP-371, KIP-398, Apache's SslPrincipalMapper; the replacement's syntax is that of `Matcher.appendReplacement`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import re2

_RULE: Final = r"(DEFAULT)|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?).*?|(.*?)"
_SPLITTER: Final = re.compile(rf"\s*({_RULE})\s*(?:,\s*|$)")
_PARSER: Final = re.compile(_RULE)


class InvalidMappingRules(ValueError):  # noqa: N818 - said by the setting's check, which names the setting
    """The rules can't be read; the message is Apache's where it has one."""


class NoRuleFits(Exception):  # noqa: N818 - an outcome, which ends the connection
    """No rule makes a user of this name, and DEFAULT isn't among them."""


class _Rule(NamedTuple):
    pattern: re2._Regexp[str] | None
    """None for DEFAULT."""
    replacement: tuple[str | int, ...]
    """Literal text and the numbers of groups."""
    case: str
    """L, U or nothing."""

    def apply(self, name: str) -> str | None:
        if self.pattern is None:
            return name
        if self.pattern.fullmatch(name) is None:
            return None
        made = self._replaced(self.pattern, name)
        return {"L": made.lower, "U": made.upper}.get(self.case, lambda: made)()

    def _replaced(self, pattern: re2._Regexp[str], name: str) -> str:
        """Every match replaced: an empty one at the end counts too, as in Java."""
        pieces: list[str] = []
        end = 0
        for match in pattern.finditer(name):
            pieces.append(name[end : match.start()])
            pieces += [
                part if isinstance(part, str) else match.group(part) or "" for part in self.replacement
            ]
            end = match.end()
        return "".join((*pieces, name[end:]))


class PrincipalMapping:
    """The rules of one listener."""

    __slots__ = ("_rules", "_text")

    def __init__(self, rules: str) -> None:
        """Raises `InvalidMappingRules`."""
        self._text = rules
        self._rules: Sequence[_Rule] = [rule for text in _split(rules) if (rule := _parse(text)) is not None]

    def user(self, distinguished_name: str) -> str:
        """The name of the user; raises `NoRuleFits`."""
        for rule in self._rules:
            made = rule.apply(distinguished_name)
            if made is not None:
                return made
        raise NoRuleFits(
            f"no rule of ssl.principal.mapping.rules applies to {distinguished_name!r}; rules: {self._text}"
        )


def _split(rules: str) -> list[str]:
    """The rules one by one; a comma inside a pattern or a replacement parts nothing."""
    return [match[1] for match in _SPLITTER.finditer(rules.strip())]


def _parse(rule: str) -> _Rule | None:
    """None for an empty one, which Apache passes over."""
    match = _PARSER.match(rule)
    if match is None or match.end() != len(rule):
        unmatched = rule if match is None else rule[match.end() :]
        raise InvalidMappingRules(f"Invalid rule: `{rule}`, unmatched substring: `{unmatched}`")
    is_default, pattern, replacement, case, _ = match.groups()
    if is_default:
        return _Rule(None, (), "")
    if pattern is None:
        return None
    import re2  # noqa: PLC0415 - only rules other than DEFAULT need it

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise InvalidMappingRules(f"Invalid rule: `{rule}`: {error}") from None
    return _Rule(compiled, tuple(_parts(replacement, compiled)), case)


def _parts(replacement: str, pattern: re2._Regexp[str]) -> list[str | int]:
    r"""Java's replacement: `$1` and `${name}` are groups, `\x` is x; a number there is no group for stays as it stands."""
    parts: list[str | int] = []
    at = 0
    while at < len(replacement):
        letter = replacement[at]
        at += 1
        if letter == "\\" and at < len(replacement):
            parts.append(replacement[at])
            at += 1
        elif letter == "$" and (named := re.match(r"\{([a-zA-Z][a-zA-Z0-9]*)\}", replacement[at:])):
            if named[1] not in pattern.groupindex:
                raise InvalidMappingRules(f"No group with name {{{named[1]}}} in `{replacement}`")
            parts.append(pattern.groupindex[named[1]])
            at += named.end()
        elif (
            letter == "$" and replacement[at : at + 1].isdecimal() and int(replacement[at]) <= pattern.groups
        ):
            number, at = _group(replacement, at, pattern.groups)
            parts.append(number)
        else:
            parts.append(letter)
    return parts


def _group(replacement: str, at: int, groups: int) -> tuple[int, int]:
    """The number that begins at `at`, of as many digits as still name a group, and where it ends."""
    number = int(replacement[at])
    at += 1
    while replacement[at : at + 1].isdecimal() and number * 10 + int(replacement[at]) <= groups:
        number = number * 10 + int(replacement[at])
        at += 1
    return number, at
