"""How clients write schemas that are registered: the form of a text that was parsed once is known without parsing it again.

    identity of the content as sent, and how it was looked at ─▶ identity of the content as stored

A client registers its schema whenever it starts, always in the same words, and these are seldom the words it is stored in. Only
texts without references are kept: what the others mean depends on what their references lead to. Whether the stored content is
there still, and under which subject, is for the state to say.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ottla.registry.content import SchemaContent

MAX_SPELLINGS: Final = 32_768
"""Those used last are kept; each takes some 250 bytes."""


class Spellings:
    """See the module."""

    __slots__ = ("_stored",)

    def __init__(self) -> None:
        self._stored: OrderedDict[bytes, bytes] = OrderedDict()

    def stored_identity(self, sent: SchemaContent, *, strict: bool) -> bytes | None:
        """The identity of the stored form, if this was looked at before as strictly."""
        key = _key(sent, strict=strict)
        found = self._stored.get(key)
        if found is not None:
            self._stored.move_to_end(key)
        return found

    def keep(self, sent: SchemaContent, stored: SchemaContent, *, strict: bool) -> None:
        """`sent` has been parsed, found valid, and is stored as this."""
        if sent.references:
            return
        self._stored[_key(sent, strict=strict)] = stored.identity
        if len(self._stored) > MAX_SPELLINGS:
            self._stored.popitem(last=False)


def _key(sent: SchemaContent, *, strict: bool) -> bytes:
    return sent.identity + (b"s" if strict else b"l")
