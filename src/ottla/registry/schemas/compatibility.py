"""Whether a new schema may follow the earlier versions of its subject.

| level | who must read whose data |
|---|---|
| BACKWARD | the new schema what the latest version wrote |
| FORWARD | the latest version what the new schema writes |
| FULL | both |
| …_TRANSITIVE | the same for every earlier version, newest first; the first that fails ends the check |

Source: Confluent's `CompatibilityChecker` and `SchemaValidatorBuilder`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ottla.registry.schemas.schema import STRICTLY, CompatibilityPolicy, Conditions, Schema

DIFFERENT_TYPE: Final = "Incompatible because of different schema type"


class CompatibilityLevel(StrEnum):
    """By the names of the REST API."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether all earlier versions count, not only the latest."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def new_reads_old(self) -> bool:
        return self.value.startswith(("BACKWARD", "FULL"))

    @property
    def old_reads_new(self) -> bool:
        return self.value.startswith(("FORWARD", "FULL"))


class Incompatibility(NamedTuple):
    """One reason, in Confluent's words, and which of the earlier schemas it is about: its index in `previous`."""

    text: str
    earlier: int


def check(
    level: CompatibilityLevel,
    new: Schema,
    previous: Sequence[Schema],
    *,
    conditions: Conditions = STRICTLY,
    previous_reserved: Sequence[frozenset[str]] | None = None,
) -> list[Incompatibility]:
    """What forbids `new` after `previous` (oldest first); empty where nothing does.

    All that is found is about one earlier schema, the newest that does not get along with `new`.
    `previous_reserved`, where given, has `Conditions.earlier_reserved` for each of `previous`.
    """
    for index in _compared(level, len(previous)):
        if previous_reserved is not None:
            conditions = conditions._replace(earlier_reserved=previous_reserved[index])
        texts = _against(level, new, previous[index], conditions)
        if texts:
            return [Incompatibility(text, index) for text in texts]
    return []


def _compared(level: CompatibilityLevel, count: int) -> Sequence[int]:
    if level is CompatibilityLevel.NONE or not count:
        return ()
    return range(count - 1, -1, -1) if level.transitive else (count - 1,)


def _against(level: CompatibilityLevel, new: Schema, old: Schema, conditions: Conditions) -> list[str]:
    texts = []
    if level.old_reads_new:
        texts += [_worded(text, "old", "new") for text in _unreadable(old, new, conditions.turned())]
    if level.new_reads_old:
        texts += [_worded(text, "new", "old") for text in _unreadable(new, old, conditions)]
    return texts


def _unreadable(reader: Schema, writer: Schema, conditions: Conditions) -> list[str]:
    if reader.type is not writer.type:
        return [DIFFERENT_TYPE]
    texts = reader.unreadable(writer, conditions)
    if conditions.policy is CompatibilityPolicy.LOGICAL:
        from ottla.registry.schemas.logical_policy import changes_of_columns  # noqa: PLC0415 - few subjects ask for it

        texts = [*texts, *changes_of_columns(reader, writer)]
    return texts


def _worded(text: str, reader: str, writer: str) -> str:
    return text.replace("%1$s", reader).replace("%2$s", writer)
