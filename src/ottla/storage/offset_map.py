"""The last offset of each key in the dirty part of a log, in bounded memory.

Apache's SkimpyOffsetMap keeps an MD5 digest and an offset, 24 bytes a key, in a table of its own; here a dict does it, which
costs more memory a key and less time. The bound is the same setting, `log.cleaner.dedupe.buffer.size`: keys beyond it are
left for the next round.

Keys up to 16 bytes stand for themselves, longer ones for a digest of 20 bytes: the two cannot meet, so that nobody can make up
a key that passes for another's.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_PLAIN_KEY_BYTES: Final = 16
_DIGEST_BYTES: Final = 20

ENTRY_BYTES: Final = 176
"""Memory of one entry at its dearest: key 56, offset 32, its place in a dict that has just grown 88."""

LOAD_FACTOR: Final = 0.9
"""Apache's log.cleaner.io.buffer.load.factor: with it the same buffer holds the same share of entries."""


class OffsetMap:
    """Key → last offset, for at most `capacity` keys."""

    __slots__ = ("_offsets", "capacity", "latest_offset")

    def __init__(self, buffer_bytes: int) -> None:
        self._offsets: dict[bytes, int] = {}
        self.capacity = max(int(buffer_bytes / ENTRY_BYTES * LOAD_FACTOR), 1)
        self.latest_offset = -1
        """All records up to this offset are in the map; later ones stay in the log whatever their keys."""

    def __len__(self) -> int:
        return len(self._offsets)

    def put(self, key: bytes, offset: int) -> bool:
        """Take note of a later offset of `key`; False (and nothing done) when the map is full."""
        offsets = self._offsets
        slot = key if len(key) <= _PLAIN_KEY_BYTES else blake2b(key, digest_size=_DIGEST_BYTES).digest()
        if len(offsets) >= self.capacity and slot not in offsets:
            return False
        offsets[slot] = offset
        return True

    def get(self, key: bytes) -> int:
        """The last offset of `key`; -1 if it is not in the map."""
        slot = key if len(key) <= _PLAIN_KEY_BYTES else blake2b(key, digest_size=_DIGEST_BYTES).digest()
        return self._offsets.get(slot, -1)
