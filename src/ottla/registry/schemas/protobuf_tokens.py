"""A .proto text as words, strings and marks, and a reader over them.

Text that nobody meant well is bounded here: by the number of tokens and the length of a word. What nests is bounded by
the parser.
"""

from __future__ import annotations

import re
from typing import Final

from ottla.registry.schemas.schema import InvalidSchema

MAX_TOKENS: Final = 500_000
"""A thousand messages of a hundred fields."""

MAX_WORD_CHARACTERS: Final = 1024
MAX_NAME_PARTS: Final = 100
"""Names are looked up through every part of the package, so that a package of a million parts would cost as much for
each field."""

INT32_RANGE: Final = range(-(2**31), 2**31)

_TOKEN = re.compile(
    r"""[ \t\r\n\f\v\ufeff]++ | //[^\n]*+ | /\*.*?\*/
    | (?P<token>
        [A-Za-z0-9_.\-]++ (?:(?<=[eE])\+[0-9]++)?
        | "(?:[^"\\]++|\\.)*+" | '(?:[^'\\]++|\\.)*+'
        | . )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?:[xX]([0-9a-fA-F]{1,2})
    | u((?![dD][89a-fA-F])[0-9a-fA-F]{4}) | U(?!0000[dD][89a-fA-F])(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})
    | ([0-7]{1,3}) | (.))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_QUOTES: Final = "\"'"
_MINUS: Final = "-"
_STARTS_OF_NUMBERS: Final = frozenset("0123456789.in")
"""`inf` and `nan`, too."""


class SyntaxFault(InvalidSchema):
    """The text is no .proto file; the message has the line and column."""


class TokenReader:
    """Reads token by token; every expectation that is not met raises SyntaxFault with the place."""

    __slots__ = ("_offsets", "_position", "_text", "_tokens")

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        self._offsets: list[int] = []
        self._position = 0
        self._split()

    def _split(self) -> None:
        tokens, offsets, text = self._tokens, self._offsets, self._text
        for match in _TOKEN.finditer(text):
            piece = match["token"]
            if piece is None:
                continue
            offset = match.start()
            # Told at once: looking for the end again after each would take the square of the text's length.
            if piece in _QUOTES:
                raise self._fault("unterminated string", offset)
            if piece == "/" and text.startswith("/*", offset):
                raise self._fault("unterminated comment", offset)
            tokens.append(piece)
            offsets.append(offset)
            if len(tokens) > MAX_TOKENS:
                raise self._fault(f"more than {MAX_TOKENS} words and marks", offset)

    def fault(self, what: str) -> SyntaxFault:
        """The error for what stands at the next token."""
        at = self._position
        return self._fault(what, self._offsets[at] if at < len(self._offsets) else len(self._text))

    def _fault(self, what: str, offset: int) -> SyntaxFault:
        line = self._text.count("\n", 0, offset) + 1
        column = offset - self._text.rfind("\n", 0, offset)
        return SyntaxFault(f"Syntax error in :{line}:{column}: {what}")

    @property
    def at_end(self) -> bool:
        return self._position == len(self._tokens)

    def peek(self) -> str:
        """The next token, which stays."""
        if self._position == len(self._tokens):
            raise self.fault("unexpected end of file")
        return self._tokens[self._position]

    def step_back(self) -> None:
        """Read the last token once more."""
        self._position -= 1

    def take(self, mark: str) -> bool:
        """Reads `mark` if it is what comes next."""
        if self.peek() != mark:
            return False
        self._position += 1
        return True

    def mark(self) -> str:
        """Reads the next token, whatever it is."""
        token = self.peek()
        self._position += 1
        return token

    def require(self, mark: str) -> None:
        """Reads `mark`, which has to come next."""
        if not self.take(mark):
            raise self.fault(f"expected '{mark}' but was '{self.peek()[:40]}'")

    def word(self) -> str:
        """Reads a name, keyword or number."""
        token = self.peek()
        if not (token[0].isalnum() or token[0] in "_.-") or not token.isascii():
            raise self.fault("expected a word")
        if len(token) > MAX_WORD_CHARACTERS:
            raise self.fault(f"a word of more than {MAX_WORD_CHARACTERS} characters")
        if token.count(".") > MAX_NAME_PARTS:
            raise self.fault(f"a name of more than {MAX_NAME_PARTS} parts")
        self._position += 1
        if token in _MINUS and not self.at_end and self.peek()[0] in _STARTS_OF_NUMBERS:
            token += self.word()
        return token

    def name(self) -> str:
        """Reads a word that is the name of a field or constant."""
        if self.peek()[0].isdigit():
            raise self.fault("field and constant names cannot start with a digit")
        return self.word()

    def integer(self) -> int:
        """Reads a number of 32 bits, decimal or `0x…`."""
        word = self.word()
        try:
            value = int(word, 16 if word.removeprefix("-")[:2] in ("0x", "0X") else 10)
        except ValueError:
            value = None
        if value is None or value not in INT32_RANGE or "_" in word:
            self.step_back()
            raise self.fault(f"expected an integer but was {word[:40]}")
        return value

    @property
    def at_string(self) -> bool:
        return self.peek()[0] in _QUOTES

    def string(self) -> str:
        """Reads a quoted string; those beside each other are one."""
        if not self.at_string:
            raise self.fault("expected quoted string")
        parts = []
        while not self.at_end and self.at_string:
            parts.append(_unescaped(self._tokens[self._position][1:-1]))
            self._position += 1
        return "".join(parts)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    *hexadecimal, octal, other = match.groups()
    for digits in hexadecimal:
        if digits is not None:
            return chr(int(digits, 16))
    if octal is not None:
        return chr(int(octal, 8))
    return _ESCAPED.get(other, other)
