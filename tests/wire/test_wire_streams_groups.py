"""Streams groups over the wire (KIP-1071): what members of a Kafka Streams application are answered, as Apache answers it.

The API is unstable in 4.1: the broker of these tests has it switched on.
"""

from collections.abc import Callable, Iterator

import pytest
from streams_members import SETTINGS, Member, counting, make, reading, write_anything
from wire_client import WireClient

from brokers import ApacheBroker, Broker, OttlaBroker, ProcessBroker, RunningBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import streams_group_describe as describe
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from ottla.protocol.messages.streams_group_describe import (
    DescribedGroup,
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.messages.streams_group_heartbeat import (
    CopartitionGroup,
    KeyValue,
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Subtopology,
    TaskIds,
    TaskOffset,
    TopicInfo,
    Topology,
)
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)

STALE_TOPOLOGY, MISSING_SOURCE, INCORRECTLY_PARTITIONED, MISSING_INTERNAL, SHUTDOWN = range(5)
GROUP_CONFIG = 32
UPGRADE, SAFE_DOWNGRADE = 1, 2


@pytest.fixture(scope="module")
def streams_broker(
    broker_kind: str, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """A broker with streams groups switched on."""
    if isinstance(broker, RunningBroker):
        pytest.skip("streams groups are switched on by settings, and this broker is somebody else's")
    kind: type[ProcessBroker] = ApacheBroker if broker_kind == "apache" else OttlaBroker
    with kind(tmp_path_factory.mktemp("streams"), SETTINGS) as running:
        yield running


@pytest.fixture
def streams(streams_broker: Broker) -> Iterator[WireClient]:
    """A fresh connection to it."""
    with WireClient(streams_broker.host, streams_broker.port) as client:
        yield client


@pytest.fixture
def group(streams: WireClient, unique_name: Callable[[str], str]) -> str:
    """A group id of this test's own, whose coordinator is there."""
    name = unique_name("streams-group")
    streams.find_coordinator(name)
    return name


def statuses(response: StreamsGroupHeartbeatResponse) -> list[tuple[int, str]]:
    return [(each.status_code, each.status_detail) for each in response.status or []]


def described(wire: WireClient, group: str) -> DescribedGroup:
    request = StreamsGroupDescribeRequest(group_ids=[group], include_authorized_operations=True)
    [answer] = wire.ask(request, StreamsGroupDescribeResponse, 0).groups
    return answer


def set_group_config(wire: WireClient, group: str, name: str, value: str) -> None:
    resource = AlterConfigsResource(
        resource_type=GROUP_CONFIG,
        resource_name=group,
        configs=[AlterableConfig(name=name, config_operation=0, value=value)],
    )
    request = IncrementalAlterConfigsRequest(resources=[resource])
    [answer] = wire.ask(request, IncrementalAlterConfigsResponse, 1).responses
    assert answer.error_code == ErrorCode.NONE, answer


def test_the_apis_are_announced_only_where_unstable_ones_are(wire: WireClient, streams: WireClient) -> None:
    """Version 0 of both with `unstable.api.versions.enable`, nothing without."""
    assert {88, 89}.isdisjoint(wire.versions())
    assert {key: streams.versions()[key] for key in (88, 89)} == {88: (0, 0), 89: (0, 0)}


def set_streams_version(wire: WireClient, level: int) -> None:
    update = FeatureUpdateKey(
        feature="streams.version", max_version_level=level, upgrade_type=UPGRADE if level else SAFE_DOWNGRADE
    )
    request = UpdateFeaturesRequest(feature_updates=[update], timeout_ms=10_000)
    answer = wire.ask(request, UpdateFeaturesResponse, 1)
    assert answer.error_code == ErrorCode.NONE, answer


def test_the_feature_switches_them_on_and_off(start_broker: Callable[..., ProcessBroker]) -> None:
    """With `streams.version` 0 both are announced, and answered UNSUPPORTED_VERSION without another word."""
    broker = start_broker(SETTINGS)
    with WireClient(broker.host, broker.port) as wire:
        make(wire, "topic")
        member = Member(wire, "group", "a", reading("topic"))
        set_streams_version(wire, 0)
        refused = until(member.join, lambda seen: seen.error_code == ErrorCode.UNSUPPORTED_VERSION)
        assert (refused.error_message, refused.member_id) == (None, "")
        group = described(wire, "group")
        assert (group.error_code, group.error_message) == (ErrorCode.UNSUPPORTED_VERSION, None)
        assert wire.versions()[88] == (0, 0)
        set_streams_version(wire, 1)
        until(member.join, lambda seen: seen.error_code == ErrorCode.NONE)


def test_the_protocols_that_are_served_leave_them_out(start_broker: Callable[..., ProcessBroker]) -> None:
    """`group.coordinator.rebalance.protocols` without `streams`."""
    broker = start_broker({**SETTINGS, "group.coordinator.rebalance.protocols": "classic,consumer"})
    with WireClient(broker.host, broker.port) as wire:
        refused = Member(wire, "group", "a", reading("topic")).join()
        assert refused.error_code == ErrorCode.UNSUPPORTED_VERSION


def test_a_member_joins_and_gets_every_task(streams: WireClient, group: str, topic: str) -> None:
    """The first answer has the epoch, the interval and the tasks; the following ones nothing new."""
    make(streams, topic, partitions=3)
    member = Member(streams, group, "a", reading(topic))

    joined = member.join()
    assert (joined.error_code, joined.error_message) == (ErrorCode.NONE, None)
    assert (joined.member_id, joined.member_epoch, joined.heartbeat_interval_ms) == ("a", 1, 1_000)
    assert (joined.status, joined.standby_tasks, joined.warmup_tasks) == (None, [], [])
    assert (joined.acceptable_recovery_lag, joined.task_offset_interval_ms) == (0, 0)
    assert joined.endpoint_information_epoch == 0
    assert joined.partitions_by_user_endpoint is None
    assert member.tasks() == {"0": [0, 1, 2]}

    beat = member.beat()
    assert (beat.member_epoch, beat.active_tasks, beat.standby_tasks, beat.warmup_tasks) == (
        1,
        None,
        None,
        None,
    )
    assert beat.endpoint_information_epoch == -1


def test_a_group_is_described(streams: WireClient, group: str, topic: str) -> None:
    """NotReady until the topology was measured in the group that is there; then everything is told."""
    make(streams, topic, partitions=2)
    member = Member(streams, group, "a", reading(topic), process_id="p", port=8080)
    request = member.join_request()
    request.rack_id = "r"
    request.client_tags = [KeyValue(key="zone", value="z")]
    member.send(request)
    fresh = described(streams, group)
    assert (fresh.group_state, fresh.topology) == ("NotReady", None)

    member.beat()
    write_anything(streams)
    seen = described(streams, group)
    assert (seen.error_code, seen.group_id, seen.group_state) == (ErrorCode.NONE, group, "Stable")
    assert (seen.group_epoch, seen.assignment_epoch) == (1, 1)
    assert seen.topology == describe.Topology(
        epoch=0, subtopologies=[describe.Subtopology(subtopology_id="0", source_topics=[topic])]
    )
    assert seen.authorized_operations == sum(1 << operation for operation in (3, 6, 8, 10, 11))
    [told] = seen.members
    assert (told.member_id, told.member_epoch, told.topology_epoch) == ("a", 1, 0)
    assert (told.instance_id, told.rack_id, told.process_id) == (None, "r", "p")
    assert (told.client_id, told.client_host) == ("wire-test", "/127.0.0.1")
    assert told.user_endpoint == describe.Endpoint(host="localhost", port=8080)
    assert [(tag.key, tag.value) for tag in told.client_tags] == [("zone", "z")]
    all_tasks = describe.Assignment(active_tasks=[describe.TaskIds(subtopology_id="0", partitions=[0, 1])])
    assert (told.assignment, told.target_assignment) == (all_tasks, all_tasks)
    assert (told.task_offsets, told.task_end_offsets, told.is_classic) == ([], [], False)


def test_describing_what_is_no_streams_group(streams: WireClient, group: str) -> None:
    """GROUP_ID_NOT_FOUND with a reason; INVALID_GROUP_ID without an id."""
    request = StreamsGroupDescribeRequest(group_ids=[group, ""])
    answers = streams.ask(request, StreamsGroupDescribeResponse, 0).groups
    found = {each.group_id: (each.error_code, each.error_message) for each in answers}
    assert found == {
        group: (ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group} not found."),
        "": (ErrorCode.INVALID_GROUP_ID, None),
    }


def test_tasks_move_to_a_second_member_when_the_first_gave_them_up(
    streams: WireClient, group: str, topic: str
) -> None:
    """The second waits in the new epoch; the first has to say that it no longer owns what it was told to give up."""
    make(streams, topic, partitions=4)
    first, second = Member(streams, group, "a", reading(topic)), Member(streams, group, "b", reading(topic))
    first.join()
    assert second.join().member_epoch == 2
    assert second.tasks() == {}

    kept = first.beat()
    assert kept.member_epoch == 1, "it stays in its epoch until it has given up what it must"
    assert len(first.tasks()["0"]) == 2
    assert described(streams, group).group_state == "Reconciling"
    silent = first.send(first.request(tells_tasks=False))
    assert silent.member_epoch == 1, "who does not say what it owns does not get on"

    assert first.beat().member_epoch == 2
    second.beat()
    assert sorted(first.tasks()["0"] + second.tasks()["0"]) == [0, 1, 2, 3]
    assert described(streams, group).group_state == "Stable"


def test_a_member_that_leaves_is_gone(streams: WireClient, group: str, topic: str) -> None:
    """Its tasks go to the others; the last one leaves an empty group behind."""
    make(streams, topic, partitions=2)
    first, second = Member(streams, group, "a", reading(topic)), Member(streams, group, "b", reading(topic))
    first.join()
    second.join()
    left = first.leave()
    assert (left.error_code, left.member_id, left.member_epoch) == (ErrorCode.NONE, "a", -1)
    assert (left.heartbeat_interval_ms, left.status, left.active_tasks) == (0, None, None)
    second.beat()
    assert second.tasks() == {"0": [0, 1]}
    second.leave()
    empty = described(streams, group)
    assert (empty.group_state, empty.members, empty.assignment_epoch) == ("Empty", [], 3)
    assert empty.group_epoch == 4
    again = second.leave()
    assert again.error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert again.error_message == f"Member b is not a member of group {group}."


def test_internal_topics_are_made(streams: WireClient, group: str, topic: str) -> None:
    """MISSING_INTERNAL_TOPICS until they exist, with the partitions that the source topic has and the settings asked for."""
    make(streams, topic, partitions=3)
    topology = counting(topic, group)
    member = Member(streams, group, "a", topology)
    joined = member.join()
    [(code, detail)] = statuses(joined)
    assert code == MISSING_INTERNAL
    prefix, _, names = detail.partition("[")
    assert prefix == "Internal topics are missing: "
    internal = {f"{group}-words-repartition", f"{group}-counts-changelog"}
    assert set(names.removesuffix("]").split(", ")) == internal
    assert joined.active_tasks == []

    last = until(member.beat, lambda seen: seen.status is None)
    assert last.error_code == ErrorCode.NONE
    assert member.tasks() == {"0": [0, 1, 2], "1": [0, 1, 2]}
    for name in internal:
        assert len(streams.topic(name).partitions) == 3
    told = described(streams, group).topology
    assert told is not None and told.subtopologies is not None
    assert told.subtopologies[1].repartition_source_topics == [
        describe.TopicInfo(
            name=f"{group}-words-repartition",
            partitions=3,
            topic_configs=[describe.KeyValue(key="cleanup.policy", value="delete")],
        )
    ]


def test_a_missing_source_topic(streams: WireClient, group: str, topic: str) -> None:
    """The group waits, NotReady; when the topic is made, the next heartbeats bring the tasks."""
    member = Member(streams, group, "a", reading(topic, f"{topic}-2"))
    joined = member.join()
    assert statuses(joined) == [(MISSING_SOURCE, f"Source topics {topic}, {topic}-2 are missing.")]
    assert (joined.member_epoch, joined.active_tasks) == (1, [])
    member.beat()
    write_anything(streams)
    waiting = described(streams, group)
    assert waiting.group_state == "NotReady"
    assert waiting.topology == describe.Topology(epoch=0, subtopologies=[])
    make(streams, topic, partitions=1)
    make(streams, f"{topic}-2", partitions=2)
    until(member.beat, lambda seen: seen.status is None)
    assert member.tasks() == {"0": [0, 1]}


def test_topics_that_are_not_copartitioned(streams: WireClient, group: str, topic: str) -> None:
    """INCORRECTLY_PARTITIONED_TOPICS says which have how many."""
    make(streams, f"{topic}-1", partitions=1)
    make(streams, f"{topic}-2", partitions=2)
    topology = reading(f"{topic}-1", f"{topic}-2")
    topology.subtopologies[0].copartition_groups = [CopartitionGroup(source_topics=[0, 1])]
    joined = Member(streams, group, "a", topology).join()
    detail = f"Following topics do not have the same number of partitions: [{{{topic}-1=1, {topic}-2=2}}]"
    assert statuses(joined) == [(INCORRECTLY_PARTITIONED, detail)]


def test_an_internal_topic_of_another_size(streams: WireClient, group: str, topic: str) -> None:
    """One that exists already must have the partitions that the topology gives it."""
    make(streams, topic, partitions=2)
    make(streams, f"{group}-words-repartition", partitions=2)
    make(streams, f"{group}-counts-changelog", partitions=1)
    joined = Member(streams, group, "a", counting(topic, group)).join()
    detail = (
        f"Existing topic {group}-counts-changelog has different number of partitions: expected 2, found 1"
    )
    assert statuses(joined) == [(INCORRECTLY_PARTITIONED, detail)]


def test_topologies_are_compared(streams: WireClient, group: str, topic: str) -> None:
    """An older one is told so, another one is refused."""
    make(streams, topic)
    Member(streams, group, "a", reading(topic, epoch=3)).join()
    older = Member(streams, group, "b", reading(topic, epoch=2)).join()
    detail = "The member's topology epoch 2 is behind the group's topology epoch 3."
    assert statuses(older) == [(STALE_TOPOLOGY, detail)]
    for topology in (reading(topic, epoch=4), reading(f"{topic}-other", epoch=3)):
        refused = Member(streams, group, "c", topology).join()
        assert refused.error_code == ErrorCode.INVALID_REQUEST
        assert refused.error_message == "Topology updates are not supported yet."


def test_shutting_the_whole_application_down(streams: WireClient, group: str, topic: str) -> None:
    """One member asks, every member is told who, also when that one left; an empty group has forgotten it."""
    make(streams, topic)
    first, second = Member(streams, group, "a", reading(topic)), Member(streams, group, "b", reading(topic))
    first.join()
    second.join()
    request = first.request()
    request.shutdown_application = True
    detail = "Streams group member a encountered a fatal error and requested a shutdown for the entire application."
    assert statuses(first.send(request)) == [(SHUTDOWN, detail)]
    assert statuses(second.beat()) == [(SHUTDOWN, detail)]
    first.leave()
    assert statuses(second.beat()) == [(SHUTDOWN, detail)]
    second.leave(shutdown=True)
    again = Member(streams, group, "c", reading(topic))
    assert again.join().status is None


def test_endpoints_are_told_to_who_has_not_heard(streams: WireClient, group: str, topic: str) -> None:
    """Each member's partitions by host and port, when the epoch of the endpoints is not the member's."""
    make(streams, topic, partitions=2)
    first = Member(streams, group, "a", reading(topic), port=8080)
    second = Member(streams, group, "b", reading(topic), port=65_535)
    first.join()
    second.join()
    for _ in range(3):
        first.beat()
        second.beat()
    request = first.request()
    request.endpoint_information_epoch = -1
    told = first.send(request).partitions_by_user_endpoint
    assert told is not None
    found = {
        each.user_endpoint.port: [(some.topic, some.partitions) for some in each.active_partitions]
        for each in told
    }
    assert found == {8080: [(topic, first.tasks()["0"])], 65_535: [(topic, second.tasks()["0"])]}
    assert all(each.standby_partitions == [] for each in told)
    assert first.beat().partitions_by_user_endpoint is None


def test_standby_tasks_by_the_groups_setting(streams: WireClient, group: str, topic: str) -> None:
    """`streams.num.standby.replicas`: copies of tasks with state, in another process than the task."""
    make(streams, topic, partitions=2)
    set_group_config(streams, group, "streams.num.standby.replicas", "1")
    first, second = (Member(streams, group, name, counting(topic, group)) for name in ("a", "b"))
    first.join()
    until(first.beat, lambda seen: seen.status is None)
    second.join()
    for _ in range(4):
        first.beat()
        second.beat()
    assert described(streams, group).group_state == "Stable"
    assert first.standby_tasks() == {"1": second.tasks()["1"]}
    assert second.standby_tasks() == {"1": first.tasks()["1"]}


def test_a_setting_of_the_group_puts_the_brokers_aside(streams: WireClient, group: str, topic: str) -> None:
    """What is left open is then Kafka's default, not what the broker's settings say."""
    make(streams, topic)
    member = Member(streams, group, "a", reading(topic))
    assert member.join().heartbeat_interval_ms == 1_000
    set_group_config(streams, group, "streams.num.standby.replicas", "1")
    until(member.beat, lambda seen: seen.heartbeat_interval_ms == 5_000)


def test_a_member_that_falls_silent_is_put_out(streams: WireClient, group: str, topic: str) -> None:
    """After the group's `streams.session.timeout.ms`."""
    make(streams, topic)
    set_group_config(streams, group, "streams.heartbeat.interval.ms", "500")
    set_group_config(streams, group, "streams.session.timeout.ms", "1500")
    member = Member(streams, group, "a", reading(topic))
    member.join()
    assert len(described(streams, group).members) == 1
    gone = until(lambda: described(streams, group), lambda seen: not seen.members)
    assert (gone.group_state, gone.group_epoch) == ("Empty", 2)
    assert member.beat().error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_member_that_gives_nothing_up_is_put_out(streams: WireClient, group: str, topic: str) -> None:
    """After the rebalance timeout it told when it joined, however often it is heard."""
    make(streams, topic, partitions=2)
    first, second = Member(streams, group, "a", reading(topic)), Member(streams, group, "b", reading(topic))
    request = first.join_request()
    request.rebalance_timeout_ms = 1_000
    first.send(request)
    second.join()
    stubborn = first.active
    first.beat()

    def beat() -> StreamsGroupHeartbeatResponse:
        first.active = stubborn
        return first.beat()

    out = until(beat, lambda seen: seen.error_code != ErrorCode.NONE)
    assert out.error_code == ErrorCode.UNKNOWN_MEMBER_ID


def test_epochs_that_do_not_fit(streams: WireClient, group: str, topic: str) -> None:
    """FENCED_MEMBER_EPOCH; one epoch behind is allowed with no more tasks than the member has."""
    make(streams, topic, partitions=2)
    member = Member(streams, group, "a", reading(topic))
    member.join()
    greater = member.request()
    greater.member_epoch = 7
    refused = member.send(greater)
    assert refused.error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert refused.error_message == (
        "The streams group member has a greater member epoch (7) than the one known by the group coordinator (1). "
        "The member must abandon all its partitions and rejoin."
    )
    other = Member(streams, group, "b", reading(topic))
    other.join()
    other.leave()
    assert member.beat().member_epoch == 3
    behind = member.request()
    behind.member_epoch = 1
    assert member.send(behind).error_code == ErrorCode.NONE
    behind.active_tasks = [TaskIds(subtopology_id="0", partitions=[0, 1])]
    assert member.send(behind).error_code == ErrorCode.NONE
    behind.active_tasks = None
    behind.standby_tasks = behind.warmup_tasks = None
    refused = member.send(behind)
    assert refused.error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert refused.error_message == (
        "The streams group member has a smaller member epoch (1) than the one known by the group coordinator (3). "
        "The member must abandon all its partitions and rejoin."
    )


def test_tasks_that_do_not_exist(streams: WireClient, group: str, topic: str) -> None:
    """A member can't own a task of a subtopology or partition that is not there."""
    make(streams, topic, partitions=2)
    member = Member(streams, group, "a", reading(topic))
    member.join()
    for tasks, message in (
        (TaskIds(subtopology_id="9", partitions=[0]), "Subtopology 9 does not exist in the topology."),
        (
            TaskIds(subtopology_id="0", partitions=[2]),
            "Task 2 for subtopology 0 is invalid. Number of tasks for this subtopology: 2",
        ),
    ):
        request = member.request()
        request.active_tasks = [tasks]
        refused = member.send(request)
        assert (refused.error_code, refused.error_message) == (ErrorCode.INVALID_REQUEST, message)


def without(field: str) -> Callable[[StreamsGroupHeartbeatRequest], None]:
    return lambda request: setattr(request, field, None)


def with_(**fields: object) -> Callable[[StreamsGroupHeartbeatRequest], None]:
    def change(request: StreamsGroupHeartbeatRequest) -> None:
        for name, value in fields.items():
            setattr(request, name, value)

    return change


REFUSED = [
    (with_(member_id=""), ErrorCode.INVALID_REQUEST, "MemberId can't be empty."),
    (with_(member_id="  "), ErrorCode.INVALID_REQUEST, "MemberId can't be empty."),
    (with_(group_id=""), ErrorCode.INVALID_REQUEST, "GroupId can't be empty."),
    (with_(rack_id=""), ErrorCode.INVALID_REQUEST, "RackId can't be empty."),
    (with_(instance_id="i"), ErrorCode.INVALID_REQUEST, "Static membership is not yet supported."),
    (with_(task_offsets=[TaskOffset()]), ErrorCode.INVALID_REQUEST, "TaskOffsets are not supported yet."),
    (with_(task_end_offsets=[]), ErrorCode.INVALID_REQUEST, "TaskEndOffsets are not supported yet."),
    (
        with_(warmup_tasks=[TaskIds(subtopology_id="0", partitions=[0])]),
        ErrorCode.INVALID_REQUEST,
        "WarmupTasks are not supported yet.",
    ),
    (
        with_(rebalance_timeout_ms=-1),
        ErrorCode.INVALID_REQUEST,
        "RebalanceTimeoutMs must be provided in first request.",
    ),
    (without("topology"), ErrorCode.INVALID_REQUEST, "Topology must be non-null when (re-)joining."),
    (without("active_tasks"), ErrorCode.INVALID_REQUEST, "ActiveTasks must be empty when (re-)joining."),
    (
        with_(standby_tasks=[TaskIds(subtopology_id="0", partitions=[0])]),
        ErrorCode.INVALID_REQUEST,
        "StandbyTasks must be empty when (re-)joining.",
    ),
    (
        with_(member_epoch=-3),
        ErrorCode.INVALID_REQUEST,
        "MemberEpoch is -3, but must be greater than or equal to -2.",
    ),
    (with_(member_epoch=-2), ErrorCode.INVALID_REQUEST, "InstanceId can't be null."),
    (with_(member_epoch=1), ErrorCode.INVALID_REQUEST, "Topology can only be provided when (re-)joining."),
    (
        with_(member_epoch=1, topology=None, warmup_tasks=None),
        ErrorCode.INVALID_REQUEST,
        "If one task-type is non-null, all must be non-null.",
    ),
    (
        with_(
            topology=Topology(
                subtopologies=[
                    Subtopology(
                        subtopology_id="0",
                        source_topics=["t"],
                        state_changelog_topics=[TopicInfo(name="c", partitions=3)],
                    )
                ]
            )
        ),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        "Changelog topic c must have an undefined partition count, but it is set to 3.",
    ),
    (
        with_(topology=Topology(subtopologies=[Subtopology(subtopology_id="0", source_topic_regex=["t.*"])])),
        ErrorCode.INVALID_REQUEST,
        "Regular expressions for source topics are not supported yet.",
    ),
    (
        with_(topology=reading("__consumer_offsets")),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        "Use of Kafka internal topics __consumer_offsets in a Kafka Streams topology is prohibited.",
    ),
    (
        with_(topology=reading("a b", "good", "..")),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        "Topic names a b,.. are not valid topic names.",
    ),
    (
        with_(topology=Topology(subtopologies=[Subtopology(subtopology_id="0")])),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        "No source topics found for subtopology 0",
    ),
    (
        with_(
            topology=Topology(
                subtopologies=[
                    Subtopology(
                        subtopology_id="0",
                        repartition_source_topics=[TopicInfo(name="r")],
                        repartition_sink_topics=["r"],
                    )
                ]
            )
        ),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        (
            "Failed to compute number of partitions for all repartition topics. There may be loops in the topology that "
            "cannot be resolved."
        ),
    ),
    (
        with_(
            topology=Topology(
                subtopologies=[
                    Subtopology(subtopology_id="0", repartition_source_topics=[TopicInfo(name="r")])
                ]
            )
        ),
        ErrorCode.STREAMS_INVALID_TOPOLOGY,
        (
            "Failed to compute number of partitions for all repartition topics, because a repartition source topic is "
            "never used as a sink topic."
        ),
    ),
    (with_(member_epoch=1, topology=None), ErrorCode.GROUP_ID_NOT_FOUND, "Streams group {} not found."),
    (with_(member_epoch=-1, topology=None), ErrorCode.GROUP_ID_NOT_FOUND, "Group {} not found."),
]


@pytest.mark.parametrize(("change", "code", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_refused_heartbeats(
    streams: WireClient,
    group: str,
    change: Callable[[StreamsGroupHeartbeatRequest], None],
    code: ErrorCode,
    message: str,
) -> None:
    """Each with Apache's error and words."""
    request = Member(streams, group, "a", reading("any")).join_request()
    change(request)
    answer = streams.ask(request, StreamsGroupHeartbeatResponse, 0)
    assert (answer.error_code, answer.error_message) == (code, message.format(group))
    assert (answer.member_id, answer.status) == ("", None)


def commit(wire: WireClient, group: str, topic: str, member_id: str, epoch: int, version: int = 9) -> int:
    request = OffsetCommitRequest(
        group_id=group,
        member_id=member_id,
        generation_id_or_member_epoch=epoch,
        topics=[
            OffsetCommitRequestTopic(
                name=topic, partitions=[OffsetCommitRequestPartition(partition_index=0, committed_offset=5)]
            )
        ],
    )
    answer = wire.ask(request, OffsetCommitResponse, version)
    return answer.topics[0].partitions[0].error_code


def fetch(wire: WireClient, group: str, topic: str, member_id: str | None, epoch: int) -> tuple[int, int]:
    asked = OffsetFetchRequestGroup(
        group_id=group,
        member_id=member_id,
        member_epoch=epoch,
        topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])],
    )
    [answer] = wire.ask(OffsetFetchRequest(groups=[asked]), OffsetFetchResponse, 9).groups
    offset = answer.topics[0].partitions[0].committed_offset if answer.topics else -1
    return answer.error_code, offset


def test_offsets_are_the_members(streams: WireClient, group: str, topic: str) -> None:
    """Members commit with their epoch, by version 9; others not while there are members."""
    make(streams, topic)
    member = Member(streams, group, "a", reading(topic))
    member.join()
    assert commit(streams, group, topic, "a", 1) == ErrorCode.NONE
    assert commit(streams, group, topic, "a", 2) == ErrorCode.STALE_MEMBER_EPOCH
    assert commit(streams, group, topic, "b", 1) == ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(streams, group, topic, "", -1) == ErrorCode.UNKNOWN_MEMBER_ID
    assert commit(streams, group, topic, "a", 1, version=8) == ErrorCode.UNSUPPORTED_VERSION
    assert fetch(streams, group, topic, None, -1) == (ErrorCode.NONE, 5)
    assert fetch(streams, group, topic, "a", 1) == (ErrorCode.NONE, 5)
    assert fetch(streams, group, topic, "a", 0) == (ErrorCode.STALE_MEMBER_EPOCH, -1)
    assert fetch(streams, group, topic, "b", 1) == (ErrorCode.UNKNOWN_MEMBER_ID, -1)
    member.leave()
    assert commit(streams, group, topic, "", -1) == ErrorCode.NONE


def test_listing_and_deleting(streams: WireClient, group: str, topic: str) -> None:
    """Listed with type and state; DescribeGroups knows only classic groups; deleted when empty."""
    make(streams, topic)
    member = Member(streams, group, "a", reading(topic))
    member.join()
    member.beat()
    write_anything(streams)
    listing = ListGroupsRequest(types_filter=["Streams"], states_filter=["stable"])
    listed = streams.ask(listing, ListGroupsResponse, 5).groups
    found = [each for each in listed if each.group_id == group]
    assert [(each.protocol_type, each.group_state, each.group_type) for each in found] == [
        ("streams", "Stable", "streams")
    ]
    [classic] = streams.ask(DescribeGroupsRequest(groups=[group]), DescribeGroupsResponse, 6).groups
    assert (classic.error_code, classic.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group} is not a classic group.",
    )
    deletion = DeleteGroupsRequest(groups_names=[group])
    [refused] = streams.ask(deletion, DeleteGroupsResponse, 2).results
    assert refused.error_code == ErrorCode.NON_EMPTY_GROUP
    member.leave()
    [deleted] = streams.ask(deletion, DeleteGroupsResponse, 2).results
    assert deleted.error_code == ErrorCode.NONE
    assert described(streams, group).error_code == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_group_of_another_type_keeps_its_id(streams: WireClient, group: str, topic: str) -> None:
    """A streams group can't be made of a classic one, even if that has nothing but offsets."""
    make(streams, topic)
    assert commit(streams, group, topic, "", -1, version=8) == ErrorCode.NONE
    refused = Member(streams, group, "a", reading(topic)).join()
    assert (refused.error_code, refused.error_message) == (
        ErrorCode.GROUP_ID_NOT_FOUND,
        f"Group {group} is not a streams group.",
    )
