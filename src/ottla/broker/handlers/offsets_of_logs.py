"""ListOffsets (key 2, versions 1 to 10) and OffsetForLeaderEpoch (key 23, versions 2 to 4).

ListOffsets. 2: isolation level. 4: leader epochs. 7: the record with the largest timestamp (KIP-734). 8: the earliest local
offset. 9: the last tiered one. 10: a timeout for tiered look-ups. Times are looked up on a thread, for they read and
decompress a batch; all else is in memory.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.broker.access import TOPIC, denied, may_cluster
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)
from ottla.protocol.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderTopicResult,
)
from ottla.replication.partition import Partition
from ottla.security.acl import AclOperation
from ottla.storage.partition_log import PartitionLog
from ottla.storage.read_result import TimestampOffset

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL, LATEST_TIERED = -1, -2, -3, -4, -5

_FIRST_VERSION_OF = {LATEST: 0, EARLIEST: 0, MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9}
"""Special timestamps, and the version that brought each; other negative ones mean nothing."""

_CONSUMER = -1
_FIRST_VERSION_WITH_LEADER_EPOCH = 4
"""KIP-320. The field isn't ignorable: older versions can't be written with it."""

_LookUp = Callable[[], ListOffsetsPartitionResponse]


def _every_partition(request: ListOffsetsRequest, code: ErrorCode, message: str) -> ListOffsetsResponse:
    del message
    return ListOffsetsResponse(
        topics=[
            ListOffsetsTopicResponse(
                name=topic.name,
                partitions=[
                    ListOffsetsPartitionResponse(partition_index=each.partition_index, error_code=code)
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


@handles(ListOffsetsRequest, ListOffsetsResponse, versions=(1, 10), on_error=_every_partition)
def list_offsets(
    broker: "BrokerServer", request: ListOffsetsRequest, context: RequestContext
) -> ListOffsetsResponse | Pending[ListOffsetsResponse]:
    """Offsets of each partition: earliest, latest, by time, of the largest time."""
    rows: list[tuple[ListOffsetsTopicResponse, list[ListOffsetsPartitionResponse | _LookUp]]] = []
    seen: dict[tuple[str, int], int] = {}
    for topic in request.topics:
        for each in topic.partitions:
            key = (topic.name, each.partition_index)
            seen[key] = seen.get(key, 0) + 1
    refused = denied(broker, context, AclOperation.DESCRIBE, TOPIC, (topic.name for topic in request.topics))
    for topic in request.topics:
        if topic.name in refused:
            [answer] = _every_partition(
                ListOffsetsRequest(topics=[topic]), ErrorCode.TOPIC_AUTHORIZATION_FAILED, ""
            ).topics
            rows.append((answer, [*answer.partitions]))
            continue
        found = [
            _row(broker, request, context.api_version, topic.name, each)
            if seen[topic.name, each.partition_index] == 1
            else ListOffsetsPartitionResponse(
                partition_index=each.partition_index, error_code=ErrorCode.INVALID_REQUEST
            )
            for each in topic.partitions
        ]
        rows.append((ListOffsetsTopicResponse(name=topic.name), found))

    def finish() -> ListOffsetsResponse:
        for topic, found in rows:
            topic.partitions = [
                each if isinstance(each, ListOffsetsPartitionResponse) else each() for each in found
            ]
            if context.api_version < _FIRST_VERSION_WITH_LEADER_EPOCH:
                for each in topic.partitions:
                    each.leader_epoch = -1
        return ListOffsetsResponse(topics=[topic for topic, _ in rows])

    if all(isinstance(each, ListOffsetsPartitionResponse) for _, found in rows for each in found):
        return finish()
    return broker.threads.pending(finish)


def _row(
    broker: "BrokerServer",
    request: ListOffsetsRequest,
    api_version: int,
    topic: str,
    asked: ListOffsetsPartition,
) -> "ListOffsetsPartitionResponse | _LookUp":
    """The partition's row, or what finds it on a thread."""
    index = asked.partition_index
    try:
        if asked.timestamp < 0 and api_version < _FIRST_VERSION_OF.get(asked.timestamp, 2**15):
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION)
        partition = broker.replicas.partition(topic, index)
        log = partition.leading_log(asked.current_leader_epoch)
        end = _readable_end(partition, log, request)
    except KafkaError as error:
        return ListOffsetsPartitionResponse(partition_index=index, error_code=error.code)
    if asked.timestamp == LATEST:
        return ListOffsetsPartitionResponse(
            partition_index=index, offset=end, leader_epoch=partition.leader_epoch
        )
    if asked.timestamp in (EARLIEST, EARLIEST_LOCAL):
        start = log.log_start_offset
        return ListOffsetsPartitionResponse(
            partition_index=index, offset=start, leader_epoch=_epoch_of(log, start)
        )
    if asked.timestamp == LATEST_TIERED:
        return ListOffsetsPartitionResponse(partition_index=index)

    def look_up() -> ListOffsetsPartitionResponse:
        try:
            found: TimestampOffset | None
            if asked.timestamp == MAX_TIMESTAMP:
                found = log.offset_of_max_timestamp()
            else:
                found = log.offset_for_timestamp(asked.timestamp)
        except KafkaError as error:
            return ListOffsetsPartitionResponse(partition_index=index, error_code=error.code)
        if found is None or found.offset >= end:
            return ListOffsetsPartitionResponse(partition_index=index)
        return ListOffsetsPartitionResponse(
            partition_index=index,
            timestamp=found.timestamp,
            offset=found.offset,
            leader_epoch=found.leader_epoch,
        )

    return look_up


def _epoch_of(log: PartitionLog, offset: int) -> int:
    epoch = log.epochs.epoch_for_offset(offset)
    return -1 if epoch is None else epoch


def _readable_end(partition: Partition, log: PartitionLog, request: ListOffsetsRequest) -> int:
    """The offset below which the asker may read."""
    if request.replica_id != _CONSUMER:
        return log.log_end_offset
    if request.isolation_level == 1:
        return log.last_stable_offset(partition.high_watermark)
    return partition.high_watermark


@handles(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, versions=(2, 4))
def offset_for_leader_epoch(
    broker: "BrokerServer", request: OffsetForLeaderEpochRequest, context: RequestContext
) -> OffsetForLeaderEpochResponse:
    """Where leader epochs end: how a client finds out that it read records which were cut off since (KIP-320).

    For brokers, of all topics; for others of those that they may describe.
    """
    refused: frozenset[str] = frozenset()
    if not may_cluster(broker, context, AclOperation.CLUSTER_ACTION, audit=False):
        names = [topic.topic for topic in request.topics]
        refused = denied(broker, context, AclOperation.DESCRIBE, TOPIC, names)
    topics = []
    for topic in request.topics:
        rows = []
        for asked in topic.partitions:
            if topic.topic in refused:
                code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
                rows.append(EpochEndOffset(error_code=code, partition=asked.partition))
                continue
            try:
                end = broker.replicas.partition(topic.topic, asked.partition).last_offset_for_leader_epoch(
                    asked.current_leader_epoch, asked.leader_epoch
                )
            except KafkaError as error:
                rows.append(EpochEndOffset(error_code=error.code, partition=asked.partition))
            else:
                rows.append(
                    EpochEndOffset(
                        partition=asked.partition, leader_epoch=end.leader_epoch, end_offset=end.end_offset
                    )
                )
        topics.append(OffsetForLeaderTopicResult(topic=topic.topic, partitions=rows))
    return OffsetForLeaderEpochResponse(topics=topics)
