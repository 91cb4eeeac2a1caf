"""What the answers of StreamsGroupHeartbeat and StreamsGroupDescribe tell of a group.

Apache: StreamsGroupMember#asStreamsGroupDescribeMember, ConfiguredTopology#asStreamsGroupDescribeTopology and what they call;
org.apache.kafka.coordinator.group.streams.topics.EndpointToPartitionsManager.
"""

from collections.abc import Mapping

from ottla.groups.streams_configuration import (
    ConfiguredSubtopology,
    ConfiguredTopology,
    InternalTopic,
    PartitionCount,
)
from ottla.groups.streams_group import StreamsGroup
from ottla.groups.streams_member import StreamsMember
from ottla.groups.streams_tasks import Tasks, TasksTuple, sorted_tasks
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import streams_group_describe as describe
from ottla.protocol.messages import streams_group_heartbeat as heartbeat

# StreamsGroupHeartbeat.


def heartbeat_task_ids(tasks: Tasks) -> list[heartbeat.TaskIds]:
    return [
        heartbeat.TaskIds(subtopology_id=subtopology_id, partitions=partitions)
        for subtopology_id, partitions in sorted_tasks(tasks)
    ]


def partitions_by_endpoint(
    group: StreamsGroup, updated: StreamsMember, partition_count: PartitionCount
) -> list[heartbeat.EndpointToPartitions] | None:
    """Which partitions each application can be asked for; None if no member named an endpoint.

    `updated` is the member as it is after the heartbeat. One that is in its first heartbeat is not told of yet.
    """
    configured = group.configured_topology
    if configured is None or configured.subtopologies is None:
        return None
    subtopologies = configured.subtopologies
    endpoints = []
    for member_id, known in group.members.items():
        if known.user_endpoint is None:
            continue
        tasks = (updated if member_id == updated.member_id else known).assigned_tasks
        endpoints.append(
            heartbeat.EndpointToPartitions(
                user_endpoint=heartbeat.Endpoint(
                    host=known.user_endpoint.host, port=known.user_endpoint.port
                ),
                active_partitions=_partitions(tasks.active, subtopologies, partition_count),
                standby_partitions=_partitions(tasks.standby, subtopologies, partition_count),
            )
        )
    return endpoints or None


def _partitions(
    tasks: Tasks, subtopologies: Mapping[str, ConfiguredSubtopology], partition_count: PartitionCount
) -> list[heartbeat.TopicPartition]:
    """Every source topic of the tasks, with as many of their partitions as the topic has."""
    answer = []
    for subtopology_id, partitions in sorted_tasks(tasks):
        subtopology = subtopologies.get(subtopology_id)
        for topic in subtopology.all_source_topics() if subtopology is not None else ():
            count = partition_count(topic)
            if count is not None:
                answer.append(heartbeat.TopicPartition(topic=topic, partitions=partitions[:count]))
    return answer


# StreamsGroupDescribe.


def described_group(group: StreamsGroup) -> describe.DescribedGroup:
    configured = group.configured_topology
    return describe.DescribedGroup(
        group_id=group.group_id,
        group_state=group.state_name,
        group_epoch=group.group_epoch,
        assignment_epoch=group.target_assignment_epoch,
        topology=None if configured is None else _topology(configured),
        members=[_member(member, group.target_of(member_id)) for member_id, member in group.members.items()],
    )


def undescribed_group(group_id: str, code: ErrorCode, message: str | None = None) -> describe.DescribedGroup:
    return describe.DescribedGroup(group_id=group_id, error_code=code, error_message=message)


def _topology(configured: ConfiguredTopology) -> describe.Topology:
    return describe.Topology(
        epoch=configured.topology_epoch,
        subtopologies=[
            describe.Subtopology(
                subtopology_id=subtopology_id,
                source_topics=sorted(each.source_topics),
                repartition_sink_topics=sorted(each.repartition_sink_topics),
                state_changelog_topics=_topic_infos(each.state_changelog_topics),
                repartition_source_topics=_topic_infos(each.repartition_source_topics),
            )
            for subtopology_id, each in (configured.subtopologies or {}).items()
        ],
    )


def _topic_infos(topics: Mapping[str, InternalTopic]) -> list[describe.TopicInfo]:
    return [
        describe.TopicInfo(
            name=name,
            partitions=topics[name].partitions,
            replication_factor=topics[name].replication_factor,
            topic_configs=[
                describe.KeyValue(key=key, value=value) for key, value in topics[name].configs.items()
            ],
        )
        for name in sorted(topics)
    ]


def _member(member: StreamsMember, target: TasksTuple) -> describe.Member:
    endpoint = member.user_endpoint
    return describe.Member(
        member_id=member.member_id,
        member_epoch=member.member_epoch,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=(
            None if endpoint is None else describe.Endpoint(host=endpoint.host, port=endpoint.port)
        ),
        client_tags=[describe.KeyValue(key=key, value=value) for key, value in member.client_tags.items()],
        assignment=_assignment(member.assigned_tasks),
        target_assignment=_assignment(target),
    )


def _assignment(tasks: TasksTuple) -> describe.Assignment:
    return describe.Assignment(
        active_tasks=_task_ids(tasks.active),
        standby_tasks=_task_ids(tasks.standby),
        warmup_tasks=_task_ids(tasks.warmup),
    )


def _task_ids(tasks: Tasks) -> list[describe.TaskIds]:
    return [
        describe.TaskIds(subtopology_id=subtopology_id, partitions=partitions)
        for subtopology_id, partitions in sorted_tasks(tasks)
    ]
