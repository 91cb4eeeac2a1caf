"""Answers about versions, kept as they were sent: a schema is told to each of its readers and asked for by each of its writers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ottla.registry.records import StoredSchema

MAX_KEPT_BYTES: Final = 16 * 1024 * 1024
"""Of all answers that are kept."""


class EncodedAnswers:
    """At most `limit` answers are kept (`schema.cache.size`), those made last.

    A version never changes: one that takes its place in the topic is another object. Whether it is deleted softly, which does
    change, may be part of no answer that is kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[tuple[StoredSchema, str], bytes] = {}
        self._bytes = 0

    def of(self, schema: StoredSchema, kind: str, encode: Callable[[], bytes]) -> bytes:
        """The answer of a kind about a version, made by `encode` if it isn't kept."""
        key = schema, kind
        answer = self._kept.get(key)
        if answer is None:
            answer = encode()
            if self._limit:
                self._keep(key, answer)
        return answer

    def _keep(self, key: tuple[StoredSchema, str], answer: bytes) -> None:
        self._kept[key] = answer
        self._bytes += len(answer)
        while len(self._kept) > self._limit or self._bytes > MAX_KEPT_BYTES:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))))
