"""StreamsGroupHeartbeat (key 88) and StreamsGroupDescribe (key 89), version 0 of each: streams groups (KIP-1071).

Unstable in Apache Kafka 4.1: announced with `unstable.api.versions.enable` only, and answered UNSUPPORTED_VERSION unless
`streams.version` is finalized and `group.coordinator.rebalance.protocols` has `streams`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ottla.broker.access import GROUP, TOPIC, denied, may_cluster, operations_on, require, split
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.groups import asker
from ottla.broker.internal_topics import INTERNAL_TOPICS
from ottla.broker.pending import Pending
from ottla.cluster.changes import NewTopic
from ottla.cluster.features import STREAMS_VERSION
from ottla.cluster.topic_names import why_invalid
from ottla.groups.streams_configuration import StreamsStatus
from ottla.groups.streams_requests import streams_group_describe, streams_group_heartbeat
from ottla.groups.streams_validation import check_heartbeat
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.messages.streams_group_describe import Topology as DescribedTopology
from ottla.protocol.messages.streams_group_heartbeat import (
    Status,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Topology,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.groups.streams_heartbeats import StreamsHeartbeatAnswer

_MISSING: Final = StreamsStatus.MISSING_INTERNAL_TOPICS


def _is_served(broker: "BrokerServer") -> bool:
    return (
        "streams" in broker.config.group_coordinator_rebalance_protocols
        and broker.features.level(STREAMS_VERSION) > 0
    )


@handles(StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, versions=(0, 0), unstable_from=0)
def heartbeat(
    broker: "BrokerServer", request: StreamsGroupHeartbeatRequest, context: RequestContext
) -> StreamsGroupHeartbeatResponse | Pending[StreamsGroupHeartbeatResponse]:
    """Join, stay in or leave a group. Internal topics that its topology needs and that do not exist are made."""
    if not _is_served(broker):
        return StreamsGroupHeartbeatResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    require(broker, context, AclOperation.READ, GROUP, request.group_id)
    if request.topology is not None:
        names = _topics_in(request.topology)
        _check_topics(names)
        if denied(broker, context, AclOperation.DESCRIBE, TOPIC, names):
            return StreamsGroupHeartbeatResponse(error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    check_heartbeat(request)
    answer = broker.groups.answer(
        streams_group_heartbeat(broker.groups.service, request, asker(context), context.now_ms)
    )
    if not isinstance(answer, Pending):
        return _answered(broker, context, answer)
    answered: Pending[StreamsGroupHeartbeatResponse] = Pending(on_cancel=answer.cancel)

    def complete(settled: "Pending[StreamsHeartbeatAnswer]") -> None:
        answered.complete(_answered(broker, context, settled.result()))

    answer.then(complete)
    return answered


def _topics_in(topology: Topology | DescribedTopology) -> list[str]:
    """Every topic that it reads or writes, once."""
    names: dict[str, None] = {}
    for subtopology in topology.subtopologies or ():
        names.update(dict.fromkeys(subtopology.source_topics))
        names.update(dict.fromkeys(subtopology.repartition_sink_topics))
        names.update((topic.name, None) for topic in subtopology.repartition_source_topics)
        names.update((topic.name, None) for topic in subtopology.state_changelog_topics)
    return list(names)


def _check_topics(names: Sequence[str]) -> None:
    """No topic of the broker's own, and no name that can't be one. Apache looks at these before it looks at the rest."""
    prohibited = [name for name in names if name in INTERNAL_TOPICS]
    if prohibited:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            f"Use of Kafka internal topics {','.join(prohibited)} in a Kafka Streams topology is prohibited.",
        )
    invalid = [name for name in names if why_invalid(name) is not None]
    if invalid:
        raise KafkaError(
            ErrorCode.STREAMS_INVALID_TOPOLOGY,
            f"Topic names {','.join(invalid)} are not valid topic names.",
        )


def _answered(
    broker: "BrokerServer", context: RequestContext, answer: "StreamsHeartbeatAnswer"
) -> StreamsGroupHeartbeatResponse:
    """The answer does not wait for the topics: the member's next heartbeat finds them. None is made unless the member may
    make all of them."""
    if answer.missing_topics and not may_cluster(broker, context, AclOperation.CREATE, audit=False):
        refused = denied(broker, context, AclOperation.CREATE, TOPIC, answer.missing_topics)
        if refused:
            names = [name for name in answer.missing_topics if name in refused]
            _tell_refused(answer.response, names)
            return answer.response
    broker.topic_creation.for_streams(
        NewTopic(topic.name, topic.partitions, topic.replication_factor or -1, configs=topic.configs)
        for topic in answer.missing_topics.values()
    )
    return answer.response


def _tell_refused(response: StreamsGroupHeartbeatResponse, topics: Sequence[str]) -> None:
    told = f"Unauthorized to CREATE on topics {', '.join(topics)}."
    missing = next((each for each in response.status or () if each.status_code == _MISSING), None)
    if missing is not None:
        missing.status_detail += f"; {told}"
    else:
        response.status = [
            *(response.status or ()),
            Status(status_code=_MISSING, status_detail=told),
        ]


def _describe_failed(
    request: StreamsGroupDescribeRequest, code: ErrorCode, _message: str
) -> StreamsGroupDescribeResponse:
    return StreamsGroupDescribeResponse(
        groups=[DescribedGroup(group_id=group_id, error_code=code) for group_id in request.group_ids]
    )


@handles(
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
    versions=(0, 0),
    unstable_from=0,
    on_error=_describe_failed,
)
def describe(
    broker: "BrokerServer", request: StreamsGroupDescribeRequest, context: RequestContext
) -> StreamsGroupDescribeResponse:
    """Members, tasks and topology."""
    if not _is_served(broker):
        return _describe_failed(request, ErrorCode.UNSUPPORTED_VERSION, "")
    request.group_ids, refused = split(broker, context, AclOperation.DESCRIBE, GROUP, request.group_ids, str)
    response = streams_group_describe(broker.groups.service, request)
    if request.include_authorized_operations:
        for group in response.groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = operations_on(broker, context, GROUP, group.group_id)
    response.groups = [
        *(
            DescribedGroup(group_id=group_id, error_code=ErrorCode.GROUP_AUTHORIZATION_FAILED)
            for group_id in refused
        ),
        *(_without_hidden_topics(broker, context, group) for group in response.groups),
    ]
    return response


def _without_hidden_topics(
    broker: "BrokerServer", context: RequestContext, group: DescribedGroup
) -> DescribedGroup:
    """The group, or nothing of it where its topology has a topic that the client may not know of."""
    topics = [] if group.topology is None else _topics_in(group.topology)
    if not denied(broker, context, AclOperation.DESCRIBE, TOPIC, topics):
        return group
    return DescribedGroup(
        group_id=group.group_id,
        error_code=ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        error_message="The described group uses topics that the client is not authorized to describe.",
    )
