"""JAAS entries as Kafka's settings hold them: one login module with its options, ended by a semicolon.

    org.apache.kafka.common.security.plain.PlainLoginModule required
        username="broker" password="…"      // options of the broker's own log-ins
        user_alice="…" user_bob="…";

A file of them, as `java.security.auth.login.config` names it, groups entries: `KafkaServer { …; …; };`

Source: Apache's JaasConfig, which reads this by Java's StreamTokenizer, hence comments, both kinds of quotes and
the escapes within them. Error texts name places, never words: any word may be part of a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

CONTROL_FLAGS: Final = ("required", "requisite", "sufficient", "optional")

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>\s+ | //[^\n]* | /\*.*?\*/)
    | (?P<quoted>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
    | (?P<word>[\w$.\-]+)
    | (?P<sign>[=;{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\([0-3]?[0-7]{1,2}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


Token = tuple[str, bool, int]
"""The text, whether it was quoted, and where it began, counted from 1."""


class JaasError(ValueError):
    """A text that is no JAAS entry; says where, quotes nothing of it."""


class JaasEntry:
    """One login module. Its options are secrets, or stand beside some: they don't show."""

    __slots__ = ("control_flag", "login_module", "options")

    def __init__(self, login_module: str, control_flag: str, options: Mapping[str, str]) -> None:
        self.login_module = login_module
        """A Java class by its full name."""
        self.control_flag = control_flag
        self.options = options

    def __repr__(self) -> str:
        return f"JaasEntry({self.login_module}, {len(self.options)} options)"


def jaas_entry(text: str) -> JaasEntry:
    """The one entry of a `sasl.jaas.config`. Raises `JaasError`."""
    entries = list(jaas_entries(text))
    if len(entries) != 1:
        raise JaasError(f"it has {len(entries)} login modules, there must be one")
    return entries[0]


def jaas_contexts(text: str) -> dict[str, tuple[JaasEntry, ...]]:
    """The entries of a file, by the name of their group. Raises `JaasError`."""
    tokens = _tokens(text)
    contexts = {}
    for name, _, position in tokens:
        opening = next(tokens, None)
        if opening is None or opening[:2] != ("{", False):
            raise JaasError(f"behind the name at character {position} must stand {{")
        contexts[name] = tuple(_entries(tokens, is_grouped=True))
        closing = next(tokens, None)
        if closing is None or closing[:2] != (";", False):
            raise JaasError(f"the group that begins at character {position} is not ended by }};")
    return contexts


def jaas_entries(text: str) -> Iterator[JaasEntry]:
    """Every entry of a text. Raises `JaasError`."""
    return _entries(_tokens(text), is_grouped=False)


def _entries(tokens: Iterator[Token], *, is_grouped: bool) -> Iterator[JaasEntry]:
    for token in tokens:
        login_module, _, position = token
        if is_grouped and token[:2] == ("}", False):
            return
        if _is_sign(token):
            raise JaasError(f"a login module must stand at character {position}")
        flag = next(tokens, None)
        if flag is None or flag[0].lower() not in CONTROL_FLAGS:
            raise JaasError(
                f"behind the login module at character {position} must stand one of {', '.join(CONTROL_FLAGS)}"
            )
        yield JaasEntry(login_module, flag[0].lower(), _options(tokens))
    if is_grouped:
        raise JaasError("a group is not ended by }")


def _options(tokens: Iterator[Token]) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, key_quoted, position in tokens:
        if key == ";" and not key_quoted:
            return options
        equals, value = next(tokens, None), next(tokens, None)
        if equals is None or equals[:2] != ("=", False) or value is None or _is_sign(value):
            raise JaasError(f"the option at character {position} has no value: it must be NAME=VALUE")
        options[key] = value[0]
    raise JaasError("the entry is not ended by a semicolon")


def _is_sign(token: Token) -> bool:
    return token[0] in ("=", ";", "{", "}") and not token[1]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise JaasError(f"character {position + 1} fits in nowhere; values with such signs need quotes")
        kind, found = match.lastgroup, match[0]
        if kind == "quoted":
            yield _ESCAPE.sub(_unescaped, found[1:-1]), True, position + 1
        elif kind != "blank":
            yield found, False, position + 1
        position = match.end()


def _unescaped(escape: re.Match[str]) -> str:
    said = escape[1]
    return (
        chr(int(said, 8)) if said.isdigit() and said.isascii() and said[0] < "8" else _ESCAPED.get(said, said)
    )
