"""Partitions moved to other replicas (KIP-455), as far as no replica has to be filled first.

A target whose brokers all have the partition already takes effect at once: replicas are dropped, or only their order changes.
With one live broker there is no other that could be.

Order of checks and texts: `ReplicationControlManager.alterPartitionReassignments` of 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ottla.cluster.image import NO_STATE_YET, MetadataImage, PartitionState
from ottla.cluster.topic_changes import check_replicas
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition


class Reassignment(NamedTuple):
    """Where a partition is to be."""

    partition: TopicPartition
    replicas: Sequence[int] | None
    """Broker ids, the preferred leader first; None ends a reassignment that is under way."""


class ReassignmentOutcome(NamedTuple):
    partition: TopicPartition
    error: ErrorCode = ErrorCode.NONE
    message: str | None = None


def ongoing(image: MetadataImage) -> Mapping[TopicPartition, PartitionState]:
    """Every partition whose replicas are coming or going."""
    return {
        TopicPartition(name, number): state
        for name, topic in image.topics.items()
        for number, state in topic.partitions.items()
        if state.adding_replicas or state.removing_replicas
    }


def reassigned(
    image: MetadataImage, reassignment: Reassignment, *, allow_replication_factor_change: bool
) -> PartitionState:
    """The partition's state with its new replicas; the same state if these are the old ones. Raises what Apache answers."""
    topic, number = reassignment.partition
    if topic not in image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find a topic named {topic}.")
    state = image.topics[topic].partitions.get(number)
    if state is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Unable to find partition {topic}:{number}.")
    if reassignment.replicas is None:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    target = tuple(reassignment.replicas)
    check_replicas(image, target, None)
    if not allow_replication_factor_change and len(target) != len(state.replicas):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The replication factor is changed from {len(state.replicas)} to {len(target)}",
        )
    if target == state.replicas:
        return state
    in_sync = tuple(replica for replica in state.isr if replica in target)
    if not set(target) <= set(state.replicas) or (not in_sync and state.partition_epoch != NO_STATE_YET):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"Replicas {list(target)} have first to be filled from others, which a broker that stands alone can't do",
        )
    return state._replace(replicas=target, isr=in_sync)
