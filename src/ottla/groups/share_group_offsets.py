"""Where share groups stand: initialized by heartbeats, set by administrators, deleted with the group or without it.

The offsets themselves lie with the share coordinator. Each decision here is one half of a step: what the group's own log
notes before the persister is asked, and what it notes when the persister has answered (share_group_requests.py).

Apache: GroupMetadataManager#initializeShareGroupState, #uninitializeShareGroupState, #completeAlterShareGroupOffsets,
#sharePartitionsEligibleForOffsetDeletion, #completeDeleteShareGroupOffsets, #shareGroupBuildPartitionDeleteRequest.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.group_types import Decision, GroupParts
from ottla.groups.modern_group import Assignment
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_heartbeats import initialize_request
from ottla.groups.share_group_records import UNKNOWN_TOPIC_NAME, state_partitions_record
from ottla.groups.share_group_state_partitions import (
    NO_STATE_PARTITIONS,
    InitializedTopic,
    StatePartitions,
    combined,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.alter_share_group_offsets import (
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
    AlterShareGroupOffsetsResponsePartition,
    AlterShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.delete_share_group_offsets import (
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
    DeleteShareGroupOffsetsResponseTopic,
)
from ottla.protocol.messages.delete_share_group_state import (
    DeleteShareGroupStateRequest,
    DeleteStateData,
    PartitionData,
)
from ottla.protocol.messages.initialize_share_group_state import InitializeShareGroupStateRequest
from ottla.protocol.types import Uuid

_UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class Alteration(NamedTuple):
    """The answer if the persister agrees, and what to ask it."""

    response: AlterShareGroupOffsetsResponse
    initialize: InitializeShareGroupStateRequest


class Deletion(NamedTuple):
    """What to ask the persister (None: nothing), and the topics that are refused already."""

    delete: DeleteShareGroupStateRequest | None
    refused: list[DeleteShareGroupOffsetsResponseTopic]


class GroupDeletion(NamedTuple):
    """Whether the state of a group's partitions may be deleted, and which that is (None: it has none)."""

    error_code: ErrorCode
    delete: DeleteShareGroupStateRequest | None = None


class ShareGroupOffsets:
    """Decides on the share state of the groups of one coordinator.

    A refusal is raised; the types of decisions have room for it because whoever asks gets it in the response's place.
    """

    def __init__(self, parts: GroupParts) -> None:
        self._parts = parts

    # Of the persister's answer to a heartbeat's or an alteration's request.

    def initialized(self, group_id: str, partitions: Assignment) -> Decision[None]:
        """These have state now."""
        group = self._parts.groups.find(group_id)
        if not isinstance(group, ShareGroup) or not partitions:
            return Decision((), None)
        state = group.state_partitions or NO_STATE_PARTITIONS
        topics = {
            topic_id: InitializedTopic(self._parts.topics.topic_name(topic_id) or UNKNOWN_TOPIC_NAME, numbers)
            for topic_id, numbers in partitions.items()
        }
        return Decision([self._record(group_id, state.with_initialized(topics))], None)

    def not_initialized(self, group_id: str, partitions: Assignment) -> Decision[None]:
        """These have none: a later heartbeat shall ask again."""
        group = self._parts.groups.find(group_id)
        state = group.state_partitions if isinstance(group, ShareGroup) else None
        if state is None or not state.initializing or not partitions:
            return Decision((), None)
        return Decision([self._record(group_id, state.without_initializing(partitions))], None)

    def initialized_partitions(self, group_id: str) -> Assignment:
        """Those that have state, for telling where they stand. None of a group that does not exist."""
        group = self._parts.groups.find(group_id)
        return group.assignable if isinstance(group, ShareGroup) else {}

    # Altering.

    def alter(self, request: AlterShareGroupOffsetsRequest, now_ms: int) -> Decision[Alteration | KafkaError]:
        """Begin anew at the given offsets. NON_EMPTY_GROUP while somebody consumes."""
        group = self._empty_group(request.group_id)
        starts: dict[Uuid, dict[int, int]] = {}
        answered = [self._alter_topic(topic, starts) for topic in request.topics]
        names = {topic.topic_id: topic.topic_name for topic in answered}
        begun = {
            topic_id: InitializedTopic(names[topic_id], frozenset(offsets), now_ms)
            for topic_id, offsets in starts.items()
        }
        state = (group.state_partitions or NO_STATE_PARTITIONS).with_initializing(begun)
        return Decision(
            [self._record(group.group_id, state)] if begun else [],
            Alteration(
                AlterShareGroupOffsetsResponse(responses=answered),
                initialize_request(group.group_id, group.group_epoch, starts),
            ),
        )

    def _alter_topic(
        self, topic: AlterShareGroupOffsetsRequestTopic, starts: dict[Uuid, dict[int, int]]
    ) -> AlterShareGroupOffsetsResponseTopic:
        """The answer for one topic; `starts` takes the offsets of the partitions that exist."""
        image = self._parts.topics.image.topic(topic.topic_name)
        answer = AlterShareGroupOffsetsResponseTopic(topic_name=topic.topic_name)
        if image is not None:
            answer.topic_id = image.topic_id
        for partition in topic.partitions:
            index = partition.partition_index
            row = AlterShareGroupOffsetsResponsePartition(partition_index=index)
            if image is not None and index in image.partitions:
                starts.setdefault(image.topic_id, {})[index] = partition.start_offset
            else:
                row.error_code, row.error_message = _UNKNOWN, _UNKNOWN.message
            answer.partitions.append(row)
        return answer

    # Deleting offsets of topics.

    def delete(self, request: DeleteShareGroupOffsetsRequest) -> Decision[Deletion | KafkaError]:
        """The topics move to those being deleted, before the persister is asked."""
        group = self._empty_group(request.group_id)
        state = group.state_partitions
        if state is None:
            return Decision((), Deletion(None, []))
        wanted: dict[Uuid, Iterable[int]] = {}
        refused: list[DeleteShareGroupOffsetsResponseTopic] = []
        for topic in request.topics:
            image = self._parts.topics.image.topic(topic.topic_name)
            if image is None:
                refused.append(_refused(topic.topic_name, _UNKNOWN.message))
            elif image.topic_id in state.initialized:
                wanted[image.topic_id] = state.initialized[image.topic_id].partitions
            elif image.topic_id in state.deleting:  # by a request that was not brought to its end
                wanted[image.topic_id] = image.partitions
            else:
                refused.append(_refused(topic.topic_name, "There is no offset information to delete."))
        return Decision(
            [self._record(group.group_id, state.with_deleting(wanted))],
            Deletion(_delete_request(group.group_id, wanted) if wanted else None, refused),
        )

    def deleted(
        self,
        group_id: str,
        topics: Mapping[Uuid, str],
        refused: list[DeleteShareGroupOffsetsResponseTopic],
    ) -> Decision[DeleteShareGroupOffsetsResponse]:
        """The persister has deleted the state of `topics` (id to name)."""
        group = self._parts.groups.find(group_id)
        state = group.state_partitions if isinstance(group, ShareGroup) else None
        if state is None:
            return Decision((), DeleteShareGroupOffsetsResponse(responses=refused))
        answered = [
            DeleteShareGroupOffsetsResponseTopic(topic_name=name, topic_id=topic_id)
            for topic_id, name in topics.items()
        ]
        return Decision(
            [self._record(group_id, state.without_deleted(topics.keys()))],
            DeleteShareGroupOffsetsResponse(responses=answered + refused),
        )

    # Deleting groups.

    def delete_groups(self, group_ids: Iterable[str]) -> Decision[dict[str, GroupDeletion]]:
        """Of the share groups among these: whether their state may go, which then is noted as being deleted.

        The groups themselves are deleted when the persister has done its part.
        """
        written: list[CoordinatorRecord] = []
        answers: dict[str, GroupDeletion] = {}
        for group_id in dict.fromkeys(group_ids):
            group = self._parts.groups.find(group_id)
            if not isinstance(group, ShareGroup):
                continue
            if not group.is_empty:
                answers[group_id] = GroupDeletion(ErrorCode.NON_EMPTY_GROUP)
            elif group.state_partitions is not None:
                wanted = self._partitions_to_delete(group.state_partitions)
                if wanted:
                    written.append(self._record(group_id, StatePartitions(deleting=frozenset(wanted))))
                    answers[group_id] = GroupDeletion(ErrorCode.NONE, _delete_request(group_id, wanted))
        return Decision(written, answers)

    def _partitions_to_delete(self, state: StatePartitions) -> dict[Uuid, Iterable[int]]:
        known = combined(state.initialized, state.initializing)
        wanted: dict[Uuid, set[int]] = {topic_id: set(topic.partitions) for topic_id, topic in known.items()}
        for topic_id in state.deleting:  # by requests that were not brought to their end
            topic = self._parts.topics.image.topic_by_id(topic_id)
            if topic is not None:
                wanted.setdefault(topic_id, set()).update(topic.partitions)
        return {topic_id: wanted[topic_id] for topic_id in sorted(wanted)}

    # Deleted topics.

    def forget_topics(self, names: frozenset[str]) -> list[CoordinatorRecord]:
        """Topics of these names were deleted or made anew: the share coordinator drops the old ones' state by itself."""
        written: list[CoordinatorRecord] = []
        exists = self._parts.topics.image.topic_names
        for group in self._parts.groups:
            state = group.state_partitions if isinstance(group, ShareGroup) else None
            if state is None:
                continue
            known = combined(state.initialized, state.initializing)
            gone = {
                topic_id
                for topic_id, topic in known.items()
                if topic.name in names and topic_id not in exists
            }
            if gone:
                gone.update(topic_id for topic_id in state.deleting if topic_id not in exists)
                written.append(self._record(group.group_id, state.without_topics(gone)))
        return written

    def _empty_group(self, group_id: str) -> ShareGroup:
        group = self._parts.groups.get(group_id)
        if not isinstance(group, ShareGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a share group.")
        group.check_delete()
        return group

    def _record(self, group_id: str, state: StatePartitions) -> CoordinatorRecord:
        return state_partitions_record(group_id, state, self._parts.topics.topic_name)


def _refused(topic_name: str, message: str) -> DeleteShareGroupOffsetsResponseTopic:
    return DeleteShareGroupOffsetsResponseTopic(
        topic_name=topic_name, error_code=_UNKNOWN, error_message=message
    )


def _delete_request(group_id: str, topics: Mapping[Uuid, Iterable[int]]) -> DeleteShareGroupStateRequest:
    return DeleteShareGroupStateRequest(
        group_id=group_id,
        topics=[
            DeleteStateData(
                topic_id=topic_id,
                partitions=[PartitionData(partition=partition) for partition in sorted(partitions)],
            )
            for topic_id, partitions in topics.items()
        ],
    )
