"""Requests about committed offsets: commit, fetch, delete; and the removal of offsets nobody can use any more.

None of this depends on how a group shares its partitions out: each type of group only says who may do it (the `check_…`
methods of registry.Group), which topics are in use, and from when on unused offsets age.

Apache: org.apache.kafka.coordinator.group.OffsetMetadataManager.
"""

from collections.abc import Callable

from ottla.coordination.partitioning import java_string_length
from ottla.coordination.results import CoordinatorRecord
from ottla.groups.classic_group import ClassicGroup, OffsetExpiration
from ottla.groups.heartbeats import Heartbeats
from ottla.groups.offsets import Offsets
from ottla.groups.records import OffsetAndMetadata, offset_commit_record, offset_commit_tombstone
from ottla.groups.registry import Group, Groups, Undo
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)
from ottla.protocol.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequestGroup,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from ottla.protocol.types import ZERO_UUID, Uuid

INVALID_OFFSET = -1

_COMMIT_IS_HEARTBEAT = (ClassicGroupState.STABLE, ClassicGroupState.PREPARING_REBALANCE)


class OffsetRequests:
    """The rules for offsets, over the groups and offsets of one coordinator. Raises KafkaError for a refused request."""

    def __init__(
        self, settings: GroupSettings, groups: Groups, offsets: Offsets, heartbeats: Heartbeats
    ) -> None:
        self._settings = settings
        self._groups = groups
        self._offsets = offsets
        self._heartbeats = heartbeats

    # Commit.

    def commit(
        self, request: OffsetCommitRequest, context: GroupRequestContext, now_ms: int, undo: Undo
    ) -> tuple[list[CoordinatorRecord], OffsetCommitResponse]:
        group = self._group_to_commit(request, context, now_ms, undo)
        group.check_offset_commit(
            request.member_id,
            request.group_instance_id,
            request.generation_id_or_member_epoch,
            transactional=False,
            api_version=context.api_version,
        )
        if isinstance(group, ClassicGroup) and group.state in _COMMIT_IS_HEARTBEAT:
            self._heartbeats.expect(group, group.members[request.member_id], now_ms)
        records: list[CoordinatorRecord] = []
        expire_ms = -1 if request.retention_time_ms == -1 else now_ms + request.retention_time_ms
        topics = [
            OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    self._commit_partition(request.group_id, topic, partition, now_ms, expire_ms, records)
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return records, OffsetCommitResponse(topics=topics)

    def _group_to_commit(
        self, request: OffsetCommitRequest, context: GroupRequestContext, now_ms: int, undo: Undo
    ) -> Group:
        group = self._groups.find(request.group_id)
        if group is not None:
            return group
        if request.generation_id_or_member_epoch < 0:
            # A consumer that assigns partitions itself: the group exists by its offsets only.
            return self._groups.add_classic(request.group_id, now_ms, undo)
        if context.api_version >= 9:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {request.group_id} not found.")
        raise KafkaError(ErrorCode.ILLEGAL_GENERATION)

    def _commit_partition(
        self,
        group_id: str,
        topic: OffsetCommitRequestTopic,
        partition: OffsetCommitRequestPartition,
        now_ms: int,
        expire_timestamp_ms: int,
        records: list[CoordinatorRecord],
    ) -> OffsetCommitResponsePartition:
        index = partition.partition_index
        if self._is_metadata_too_large(partition.committed_metadata):
            return OffsetCommitResponsePartition(
                partition_index=index, error_code=ErrorCode.OFFSET_METADATA_TOO_LARGE
            )
        offset = OffsetAndMetadata(
            partition.committed_offset,
            partition.committed_leader_epoch,
            partition.committed_metadata or "",
            now_ms,
            expire_timestamp_ms,
            topic.topic_id,
        )
        records.append(offset_commit_record(group_id, topic.name, index, offset))
        return OffsetCommitResponsePartition(partition_index=index)

    def commit_transactional(
        self, request: TxnOffsetCommitRequest, context: GroupRequestContext, now_ms: int, undo: Undo
    ) -> tuple[list[CoordinatorRecord], TxnOffsetCommitResponse]:
        """As `commit`; the records become offsets when the producer's transaction commits."""
        group = self._groups.find(request.group_id)
        if group is None:
            if request.generation_id >= 0:
                raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
            group = self._groups.add_classic(request.group_id, now_ms, undo)
        try:
            group.check_offset_commit(
                request.member_id,
                request.group_instance_id,
                request.generation_id,
                transactional=True,
                api_version=context.api_version,
            )
        except KafkaError as error:
            if error.code is not ErrorCode.STALE_MEMBER_EPOCH:
                raise
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION) from error  # clients know only that one here
        response = TxnOffsetCommitResponse()
        records: list[CoordinatorRecord] = []
        for topic in request.topics:
            answered = TxnOffsetCommitResponseTopic(name=topic.name)
            response.topics.append(answered)
            for partition in topic.partitions:
                code = ErrorCode.NONE
                if self._is_metadata_too_large(partition.committed_metadata):
                    code = ErrorCode.OFFSET_METADATA_TOO_LARGE
                else:
                    offset = OffsetAndMetadata(
                        partition.committed_offset,
                        partition.committed_leader_epoch,
                        partition.committed_metadata or "",
                        now_ms,
                    )
                    records.append(
                        offset_commit_record(request.group_id, topic.name, partition.partition_index, offset)
                    )
                answered.partitions.append(
                    TxnOffsetCommitResponsePartition(
                        partition_index=partition.partition_index, error_code=code
                    )
                )
        return records, response

    def _is_metadata_too_large(self, metadata: str | None) -> bool:
        return (
            metadata is not None and java_string_length(metadata) > self._settings.offset_metadata_max_bytes
        )

    # Fetch.

    def fetch(self, request: OffsetFetchRequestGroup, *, require_stable: bool) -> OffsetFetchResponseGroup:
        """The committed offsets asked for, or all of the group (topics None). A group that does not exist has none."""
        topics = request.topics
        known = self._check_fetch(request)
        if topics is None:
            answered = self._fetch_all(request.group_id, require_stable=require_stable) if known else []
        else:
            answered = [
                OffsetFetchResponseTopics(
                    name=topic.name,
                    topic_id=topic.topic_id,
                    partitions=[
                        self._fetch_one(
                            request.group_id,
                            topic.name,
                            partition,
                            topic.topic_id,
                            known=known,
                            require_stable=require_stable,
                        )
                        for partition in topic.partition_indexes
                    ],
                )
                for topic in topics
            ]
        return OffsetFetchResponseGroup(group_id=request.group_id, topics=answered)

    def _check_fetch(self, request: OffsetFetchRequestGroup) -> bool:
        """Whether there is such a group. Raises what a member that is none, or behind, is refused with."""
        group = self._groups.find(request.group_id)
        if group is None:
            return False
        try:
            group.check_offset_fetch(request.member_id, request.member_epoch)
        except KafkaError as error:
            if error.code is ErrorCode.GROUP_ID_NOT_FOUND:
                return False
            raise
        return True

    def _fetch_all(self, group_id: str, *, require_stable: bool) -> list[OffsetFetchResponseTopics]:
        return [
            OffsetFetchResponseTopics(
                name=topic,
                partitions=[
                    self._fetch_one(
                        group_id, topic, partition, ZERO_UUID, known=True, require_stable=require_stable
                    )
                    for partition in partitions
                ],
            )
            for topic, partitions in self._offsets.committed_of_group(group_id).items()
        ]

    def _fetch_one(
        self, group_id: str, topic: str, partition: int, topic_id: Uuid, *, known: bool, require_stable: bool
    ) -> OffsetFetchResponsePartitions:
        if require_stable and self._offsets.is_unstable(group_id, topic, partition):
            return _no_offset(partition, ErrorCode.UNSTABLE_OFFSET_COMMIT)
        offset = self._offsets.get_committed(group_id, topic, partition) if known else None
        if offset is None or _is_other_topic(offset.topic_id, topic_id):
            return _no_offset(partition)
        return OffsetFetchResponsePartitions(
            partition_index=partition,
            committed_offset=offset.committed_offset,
            committed_leader_epoch=offset.leader_epoch,
            metadata=offset.metadata,
        )

    # Delete.

    def delete(self, request: OffsetDeleteRequest) -> tuple[list[CoordinatorRecord], OffsetDeleteResponse]:
        group = self._groups.get(request.group_id)
        group.check_offset_delete()
        records: list[CoordinatorRecord] = []
        response = OffsetDeleteResponse()
        for topic in request.topics:
            in_use = group.is_subscribed_to(topic.name)
            code = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if in_use else ErrorCode.NONE
            partitions = [partition.partition_index for partition in topic.partitions]
            response.topics.append(
                OffsetDeleteResponseTopic(
                    name=topic.name,
                    partitions=[
                        OffsetDeleteResponsePartition(partition_index=partition, error_code=code)
                        for partition in partitions
                    ],
                )
            )
            if not in_use:
                records.extend(
                    offset_commit_tombstone(request.group_id, topic.name, partition)
                    for partition in partitions
                    if self._has_offset(request.group_id, topic.name, partition)
                )
        return records, response

    def delete_all(self, group_id: str) -> list[CoordinatorRecord]:
        """Tombstones for all offsets of a group that is about to be deleted."""
        partitions = {(topic, partition) for topic, partition, _ in self._offsets.of_group(group_id)}
        partitions.update(self._offsets.open_partitions(group_id))
        return [
            offset_commit_tombstone(group_id, topic, partition) for topic, partition in sorted(partitions)
        ]

    def delete_partitions(self, partitions_by_topic: dict[str, set[int]]) -> list[CoordinatorRecord]:
        """Tombstones for the offsets of partitions that exist no more, in every group."""
        return [
            offset_commit_tombstone(group_id, topic, partition)
            for group_id, topic, partition in self._offsets.of_topics(partitions_by_topic.keys())
            if partition in partitions_by_topic[topic]
        ]

    def _has_offset(self, group_id: str, topic: str, partition: int) -> bool:
        return self._offsets.get(group_id, topic, partition) is not None or self._offsets.is_unstable(
            group_id, topic, partition
        )

    # Expiration.

    def expire(self, group_id: str, now_ms: int, records: list[CoordinatorRecord]) -> bool:
        """Add tombstones for the group's expired offsets. True if none is left, so that an empty group may go."""
        if not self._offsets.has_any(group_id):
            return not self._offsets.has_open_transaction(group_id)
        group = self._groups.get(group_id)
        expiration = group.offset_expiration()
        if expiration is None:
            return False
        is_expired = self._expiry_rule(expiration, now_ms)
        all_expired = True
        for topic, partition, offset in self._offsets.of_group(group_id):
            if (
                not group.is_subscribed_to(topic)
                and is_expired(offset)
                and not self._offsets.is_unstable(group_id, topic, partition)
            ):
                records.append(offset_commit_tombstone(group_id, topic, partition))
            else:
                all_expired = False
        return all_expired and not self._offsets.has_open_transaction(group_id)

    def _expiry_rule(self, expiration: OffsetExpiration, now_ms: int) -> Callable[[OffsetAndMetadata], bool]:
        retention_ms = self._settings.offsets_retention_ms

        def is_expired(offset: OffsetAndMetadata) -> bool:
            if offset.expire_timestamp_ms != -1:
                return now_ms >= offset.expire_timestamp_ms
            since_ms = offset.commit_timestamp_ms if expiration.since_ms is None else expiration.since_ms
            return now_ms - since_ms >= retention_ms

        return is_expired


def _no_offset(partition: int, code: ErrorCode = ErrorCode.NONE) -> OffsetFetchResponsePartitions:
    return OffsetFetchResponsePartitions(
        partition_index=partition,
        committed_offset=INVALID_OFFSET,
        committed_leader_epoch=-1,
        metadata="",
        error_code=code,
    )


def _is_other_topic(committed: Uuid, asked: Uuid) -> bool:
    """Whether both ids are known and differ: the offset is of a deleted topic of the same name."""
    return ZERO_UUID not in (committed, asked) and committed != asked
