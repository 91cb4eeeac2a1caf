"""Which StreamsGroupHeartbeat requests are refused before any group is looked at.

Static members, regular expressions, warm-up tasks and task offsets stand in the protocol, but Apache Kafka 4.1.1 does not
serve them yet, and neither do we. The bounds are our own: the coordinator shares its thread with everybody.

Apache: GroupCoordinatorService#throwIfStreamsGroupHeartbeatRequestIsUsingUnsupportedFeatures and …IsInvalid.
"""

from ottla.groups.streams_member import LEAVE_STATIC_MEMBER_EPOCH
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.streams_group_heartbeat import StreamsGroupHeartbeatRequest, Topology

MAX_SUBTOPOLOGIES = 1_000
MAX_TOPICS_AND_GROUPS = 10_000
"""What a topology may have of topics and copartition groups. Counting partitions takes time with the square of these, and
no application comes near."""

MAX_ID_BYTES = 32_767
"""What a record's key can hold (an int16 length)."""

_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's String.trim takes off."""


def check_heartbeat(request: StreamsGroupHeartbeatRequest) -> None:
    """Raises KafkaError: INVALID_REQUEST or STREAMS_INVALID_TOPOLOGY."""
    _check_served(request)
    for text, name in (
        (request.member_id, "MemberId"),
        (request.group_id, "GroupId"),
        (request.instance_id, "InstanceId"),
        (request.rack_id, "RackId"),
    ):
        _refuse_if(text is not None and not text.strip(_TRIMMED), f"{name} can't be empty.")
    for text, name in ((request.member_id, "MemberId"), (request.group_id, "GroupId")):
        _refuse_if(len(text) * 4 > MAX_ID_BYTES and len(text.encode()) > MAX_ID_BYTES, f"{name} is too long.")
    if request.member_epoch == 0:
        _check_joining(request)
    elif request.member_epoch == LEAVE_STATIC_MEMBER_EPOCH:
        _refuse_if(request.instance_id is None, "InstanceId can't be null.")
    else:
        _refuse_if(
            request.member_epoch < LEAVE_STATIC_MEMBER_EPOCH,
            f"MemberEpoch is {request.member_epoch}, but must be greater than or equal to -2.",
        )
    told = [request.active_tasks, request.standby_tasks, request.warmup_tasks]
    _refuse_if(
        any(tasks is not None for tasks in told) and None in told,
        "If one task-type is non-null, all must be non-null.",
    )
    _refuse_if(
        request.member_epoch != 0 and request.topology is not None,
        "Topology can only be provided when (re-)joining.",
    )


def _check_served(request: StreamsGroupHeartbeatRequest) -> None:
    _refuse_if(request.instance_id is not None, "Static membership is not yet supported.")
    _refuse_if(request.task_offsets is not None, "TaskOffsets are not supported yet.")
    _refuse_if(request.task_end_offsets is not None, "TaskEndOffsets are not supported yet.")
    _refuse_if(bool(request.warmup_tasks), "WarmupTasks are not supported yet.")
    _refuse_if(
        request.topology is not None
        and any(each.source_topic_regex for each in request.topology.subtopologies),
        "Regular expressions for source topics are not supported yet.",
    )


def _check_joining(request: StreamsGroupHeartbeatRequest) -> None:
    _refuse_if(request.rebalance_timeout_ms == -1, "RebalanceTimeoutMs must be provided in first request.")
    _refuse_if(request.active_tasks != [], "ActiveTasks must be empty when (re-)joining.")
    _refuse_if(request.standby_tasks != [], "StandbyTasks must be empty when (re-)joining.")
    _refuse_if(request.warmup_tasks != [], "WarmupTasks must be empty when (re-)joining.")
    if request.topology is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Topology must be non-null when (re-)joining.")
    _check_topology(request.topology)


def _check_topology(topology: Topology) -> None:
    size = sum(
        len(each.source_topics)
        + len(each.repartition_source_topics)
        + len(each.repartition_sink_topics)
        + len(each.state_changelog_topics)
        + len(each.copartition_groups)
        for each in topology.subtopologies
    )
    if len(topology.subtopologies) > MAX_SUBTOPOLOGIES or size > MAX_TOPICS_AND_GROUPS:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            f"The topology has more than {MAX_SUBTOPOLOGIES} subtopologies, or more than {MAX_TOPICS_AND_GROUPS} "
            "topics and copartition groups.",
        )
    for subtopology in topology.subtopologies:
        for changelog in subtopology.state_changelog_topics:
            if changelog.partitions != 0:
                raise KafkaError(
                    ErrorCode.STREAMS_INVALID_TOPOLOGY,
                    f"Changelog topic {changelog.name} must have an undefined partition count, but it is set to "
                    f"{changelog.partitions}.",
                )


def _refuse_if(refused: bool, reason: str) -> None:
    if refused:
        raise KafkaError(ErrorCode.INVALID_REQUEST, reason)
