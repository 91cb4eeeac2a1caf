"""What may be asked of the cluster's metadata, and what it answers: one value each way per kind of change.

They know nothing of wire versions: a handler fills them from any version of its request. An outcome with
`error == ErrorCode.NONE` was done (or, when only validated, would have been); otherwise `message` is Apache's text.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ottla.cluster.image import NOTHING, ConfigResource
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID, TopicPartition, Uuid


class NewTopic(NamedTuple):
    """A topic to create: either counts (-1: the broker's default) or an assignment, and what is to be set."""

    name: str
    partitions: int = -1
    replication_factor: int = -1
    assignments: Mapping[int, Sequence[int]] = NOTHING
    """Partition → broker ids, instead of the counts, which must then be -1."""
    configs: Mapping[str, str | None] = NOTHING
    internal: bool = False
    """Made by the broker itself: counts are taken as they are, never as -1."""


class TopicOutcome(NamedTuple):
    """Of creating or deleting a topic. For errors the id is zero and the counts -1."""

    name: str | None
    """None if a topic was named by an id that isn't known."""
    topic_id: Uuid = ZERO_UUID
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None
    partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = NOTHING
    """What is set on the topic itself."""


@dataclass(frozen=True, slots=True)
class NewPartitions:
    """A topic to grow to `count` partitions."""

    topic: str
    count: int
    assignments: Sequence[Sequence[int]] | None = None
    """Broker ids for each added partition."""


class PartitionsOutcome(NamedTuple):
    topic: str
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


class ConfigOperation(enum.IntEnum):
    """`IncrementalAlterConfigsRequest`'s operations (KIP-339), by their number on the wire."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class ConfigChange(NamedTuple):
    """Changes of one entity's configs; all or none of them are done."""

    resource: ConfigResource
    operations: Sequence[tuple[str, ConfigOperation, str | None]] = ()
    """(setting, operation, value)."""
    replace_all: Mapping[str, str | None] | None = None
    """Instead of operations: all that shall be set from now on (the older AlterConfigs)."""


class ConfigOutcome(NamedTuple):
    resource: ConfigResource
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


class ElectionType(enum.IntEnum):
    PREFERRED = 0
    UNCLEAN = 1


class ElectionOutcome(NamedTuple):
    partition: TopicPartition
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


class IsrChange(NamedTuple):
    """A leader asks for another ISR (AlterPartition)."""

    partition: TopicPartition
    leader_epoch: int
    partition_epoch: int
    isr: Sequence[int]
    recovering: bool = False


class IsrOutcome(NamedTuple):
    """The state that now holds, or why the change was refused."""

    partition: TopicPartition
    error: ErrorCode = ErrorCode.NONE
    leader: int = -1
    leader_epoch: int = -1
    isr: tuple[int, ...] = ()
    partition_epoch: int = -1
    recovering: bool = False


class ProducerIdBlock(NamedTuple):
    """Producer ids `first` to `first + size - 1`, given to one broker for good."""

    first: int
    size: int
