"""What each API asks of a client, and what one that lacks it learns: over the wire, row by row, on Kafka itself as well.

Two clients without a log-in: they differ in the address they come from, which is all that the access rules look at here. The
one at 127.0.0.1 may do everything; the stranger at 127.0.0.2 gets its rights one by one.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from authorization_rows import FREE, MEMBER, Right, Row
from authorization_world import (
    NOW_MS,
    ROWS,
    STRANGER,
    World,
    codes,
    shows_absence,
    shows_all,
    with_names_struck_out,
)
from streams_members import SETTINGS, Member
from wire_client import WireClient

from brokers import ApacheBroker, OttlaBroker, ProcessBroker
from conditions import until
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_describe import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
)
from ottla.protocol.messages.consumer_group_describe import DescribedGroup as ConsumerDescribedGroup
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)
from ottla.protocol.messages.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
)
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.share_acknowledge import (
    AcknowledgementBatch,
    AcknowledgePartition,
    AcknowledgeTopic,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
)
from ottla.protocol.messages.share_group_describe import DescribedGroup as ShareDescribedGroup
from ottla.protocol.messages.share_group_describe import (
    ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
)
from ottla.protocol.messages.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from ottla.protocol.messages.streams_group_describe import DescribedGroup as StreamsDescribedGroup
from ottla.protocol.messages.streams_group_describe import (
    StreamsGroupDescribeRequest,
    StreamsGroupDescribeResponse,
)
from ottla.protocol.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatResponse,
    Subtopology,
    TopicInfo,
    Topology,
)
from ottla.records.record import Record, build_batch
from ottla.security.acl import AclOperation, ResourceType

OF_RAFT = {ApiKey.DESCRIBE_QUORUM, ApiKey.ADD_RAFT_VOTER, ApiKey.REMOVE_RAFT_VOTER}
"""What Apache's brokers pass on to their controllers."""


@pytest.fixture(scope="module")
def world(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One broker for all rows, each of which leaves the stranger without rights."""
    if ":" in broker_kind:
        pytest.skip(
            f"access rules are switched on by settings, and --broker={broker_kind} is somebody else's"
        )
    kind: type[ProcessBroker] = ApacheBroker if broker_kind == "apache" else OttlaBroker
    directory: Path = tmp_path_factory.mktemp("authorization")
    settings = {
        **SETTINGS,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Until the first rule of each kind is there: then it says who may.
        "allow.everyone.if.no.acl.found": "true",
    }
    with kind(directory, settings) as running:
        made = World(running)
        try:
            made.furnish()
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _no_rights(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").revoke()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_right_that_is_missing_shows_and_nothing_else_does(world: World, row: Row) -> None:
    """Rights are asked for one after the other; the last one given, the request is served."""
    names = world.unknown() if row.on_absent else world.known
    for right in row.needs:
        until(lambda: world.ask(row, names), lambda answer, right=right: shows_absence(right, answer, names))
        world.grant((right, right.name(names)))
    until(lambda: world.ask(row, names), lambda answer: shows_all(row, answer, names))


@pytest.mark.parametrize(
    ("row", "rights"),
    [
        pytest.param(row, rights, id=f"{row}-by-{'-'.join(each.kind.name for each in rights)}")
        for row in ROWS
        for rights in row.or_else
    ],
)
def test_other_rights_do_as_well(world: World, row: Row, rights: tuple[Right, ...]) -> None:
    """Such as CREATE on the cluster in place of CREATE on a topic."""
    names = world.unknown() if row.on_absent else world.known
    assert shows_absence(row.needs[0], world.ask(row, names), names)
    world.grant(*((right, right.name(names)) for right in rights))
    until(lambda: world.ask(row, names), lambda answer: shows_all(row, answer, names))


@pytest.mark.parametrize("row", [row for row in ROWS if not row.by_id and row.needs[0].shows], ids=str)
def test_what_one_may_not_know_of_looks_as_if_it_did_not_exist(world: World, row: Row) -> None:
    """The answers about something that is there and about something that isn't are the same but for the names."""
    nothing = world.unknown()
    known, unknown = world.ask(row, world.known), world.ask(row, nothing)
    assert with_names_struck_out(known, world.known) == with_names_struck_out(unknown, nothing)


def test_every_api_that_is_announced_has_its_row(world: World) -> None:
    """An API that nobody has looked at would let everybody in."""
    announced = {ApiKey(key) for key in world.owner.versions()} - OF_RAFT
    assert announced - {row.api for row in ROWS} <= FREE.keys()
    assert not {row.api for row in ROWS} & FREE.keys()


def bits(*operations: AclOperation) -> int:
    """As answers tell what one may do."""
    return sum(1 << each for each in operations)


def test_operations_tell_what_the_client_may_do(world: World) -> None:
    """Of the cluster nothing to who may not describe it; of a topic or a group just the operations allowed."""

    def of_cluster() -> int:
        request = DescribeClusterRequest(include_cluster_authorized_operations=True)
        return world.stranger.ask(request, DescribeClusterResponse, 0).cluster_authorized_operations

    def of_topic() -> int:
        request = MetadataRequest(
            topics=[MetadataRequestTopic(name=world.known.topic)], include_topic_authorized_operations=True
        )
        [topic] = world.stranger.ask(request, MetadataResponse, 9).topics
        return topic.topic_authorized_operations

    def of_group() -> int:
        request = DescribeGroupsRequest(groups=[world.known.group], include_authorized_operations=True)
        [group] = world.stranger.ask(request, DescribeGroupsResponse, 4).groups
        return group.authorized_operations

    assert (of_cluster(), of_topic(), of_group()) == (0, -(2**31), -(2**31))
    world.allow(AclOperation.CREATE, ResourceType.CLUSTER, "kafka-cluster")
    world.allow(AclOperation.READ, ResourceType.TOPIC, world.known.topic)
    world.allow(AclOperation.DELETE, ResourceType.GROUP, world.known.group)
    until(of_topic, lambda seen: seen == bits(AclOperation.READ, AclOperation.DESCRIBE))
    until(of_group, lambda seen: seen == bits(AclOperation.DELETE, AclOperation.DESCRIBE))
    assert of_cluster() == 0
    world.allow(AclOperation.DESCRIBE, ResourceType.CLUSTER, "kafka-cluster")
    until(of_cluster, lambda seen: seen == bits(AclOperation.CREATE, AclOperation.DESCRIBE))


def test_a_topic_deleted_by_its_id_is_named_to_those_who_may_know_the_name(world: World) -> None:
    """Ids are no secret; the name behind one is."""
    request = DeleteTopicsRequest(
        topics=[DeleteTopicState(name=None, topic_id=world.known.topic_id)], timeout_ms=10_000
    )

    def deleted() -> tuple[str | None, int]:
        [row] = world.stranger.ask(request, DeleteTopicsResponse, 6).responses
        return row.name, row.error_code

    assert deleted() == (None, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    world.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, world.known.topic)
    until(deleted, lambda seen: seen == (world.known.topic, ErrorCode.TOPIC_AUTHORIZATION_FAILED))


def test_a_right_taken_away_ends_what_was_allowed_before(world: World) -> None:
    """The next batch is refused, however many like it were taken."""
    world.allow(AclOperation.WRITE, ResourceType.TOPIC, world.known.topic)
    batch = build_batch([Record(0, NOW_MS, None, b"v")])

    def produced() -> int:
        return world.stranger.produce(world.known.topic, batch).error_code

    until(produced, lambda seen: seen == ErrorCode.NONE)
    assert [produced() for _ in range(5)] == [ErrorCode.NONE] * 5
    world.revoke()
    until(produced, lambda seen: seen == ErrorCode.TOPIC_AUTHORIZATION_FAILED)


def test_one_clients_rights_are_not_anothers(world: World) -> None:
    """Requests of the same bytes on two connections, one of which may write."""
    batch = build_batch([Record(0, NOW_MS, None, b"v")])
    for _ in range(5):
        assert world.owner.produce(world.known.topic, batch).error_code == ErrorCode.NONE
        refused = world.stranger.produce(world.known.topic, batch)
        assert refused.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED


def test_a_fetch_session_ends_with_the_right_to_read(world: World) -> None:
    """A partition in which nothing happens is refused all the same, and given again with the right."""
    world.allow(AclOperation.READ, ResourceType.TOPIC, world.known.topic)
    wanted = FetchTopic(
        topic=world.known.topic,
        partitions=[FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)],
    )

    def opened() -> FetchResponse:
        request = FetchRequest(max_wait_ms=0, max_bytes=1 << 20, session_epoch=0, topics=[wanted])
        return world.stranger.ask(request, FetchResponse, 11)

    session = until(opened, lambda answer: not codes(answer))
    epochs = itertools.count(1)

    def fetched() -> set[ErrorCode]:
        request = FetchRequest(
            max_wait_ms=0, max_bytes=1 << 20, session_id=session.session_id, session_epoch=next(epochs)
        )
        return codes(world.stranger.ask(request, FetchResponse, 11))

    assert fetched() == set()
    world.revoke()
    until(fetched, lambda seen: seen == {ErrorCode.TOPIC_AUTHORIZATION_FAILED})
    world.allow(AclOperation.READ, ResourceType.TOPIC, world.known.topic)
    until(fetched, lambda seen: not seen)


def test_a_regular_expression_finds_what_its_member_may_describe(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """Of two topics that match, one is the member's to know: that is the one it gets."""
    stem, group = unique_name("expression"), unique_name("expression-group")
    seen, hidden = f"{stem}-seen", f"{stem}-hidden"
    for name in (seen, hidden):
        world.owner.create_topic(name)
    seen_id = world.owner.topic(seen).topic_id
    world.allow(AclOperation.READ, ResourceType.GROUP, group)
    world.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, seen)
    member = {"epoch": 0}

    def assigned() -> set[bytes]:
        joining = member["epoch"] == 0
        request = ConsumerGroupHeartbeatRequest(
            group_id=group,
            member_id="the-member",
            member_epoch=member["epoch"],
            rebalance_timeout_ms=5_000 if joining else -1,
            subscribed_topic_regex=f"{stem}.*" if joining else None,
            topic_partitions=[] if joining else None,
        )
        answer = world.stranger.ask(request, ConsumerGroupHeartbeatResponse, 1)
        if answer.error_code != ErrorCode.NONE:
            return set()
        member["epoch"] = answer.member_epoch
        given = answer.assignment
        return set() if given is None else {each.topic_id for each in given.topic_partitions}

    assert until(assigned, bool) == {seen_id}


HIDDEN_TOPICS = "The group has described topic(s) that the client is not authorized to describe."


def test_a_consumer_groups_members_are_told_to_those_who_may_know_their_topics(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """Who may describe the group and not the topic learns nothing of its members."""
    group = unique_name("described-consumers")
    epoch = 0

    def assigned() -> bool:
        nonlocal epoch
        joining = epoch == 0
        request = ConsumerGroupHeartbeatRequest(
            group_id=group,
            member_id="the-member",
            member_epoch=epoch,
            rebalance_timeout_ms=5_000 if joining else -1,
            subscribed_topic_names=[world.known.topic] if joining else None,
            topic_partitions=[] if joining else None,
        )
        answer = world.owner.ask(request, ConsumerGroupHeartbeatResponse, 1)
        if answer.error_code == ErrorCode.NONE:
            epoch = answer.member_epoch
        return answer.assignment is not None and bool(answer.assignment.topic_partitions)

    def described() -> ConsumerDescribedGroup:
        request = ConsumerGroupDescribeRequest(group_ids=[group], include_authorized_operations=True)
        return world.stranger.ask(request, ConsumerGroupDescribeResponse, 1).groups[0]

    until(assigned, bool)
    world.allow(AclOperation.DESCRIBE, ResourceType.GROUP, group)
    seen = until(described, lambda each: each.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    assert (seen.error_message, seen.group_state, seen.members) == (HIDDEN_TOPICS, "", [])
    world.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, world.known.topic)
    seen = until(described, lambda each: each.error_code == ErrorCode.NONE and len(each.members) == 1)
    assert seen.authorized_operations == bits(AclOperation.DESCRIBE)


def test_a_share_groups_members_are_told_to_those_who_may_know_their_topics(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """As with consumer groups."""
    group = unique_name("described-shares")
    epoch = 0

    def assigned() -> bool:
        nonlocal epoch
        request = ShareGroupHeartbeatRequest(
            group_id=group,
            member_id=MEMBER,
            member_epoch=epoch,
            subscribed_topic_names=[world.known.topic] if epoch == 0 else None,
        )
        answer = world.owner.ask(request, ShareGroupHeartbeatResponse, 1)
        if answer.error_code == ErrorCode.NONE:
            epoch = answer.member_epoch
        return answer.assignment is not None and bool(answer.assignment.topic_partitions)

    def described() -> ShareDescribedGroup:
        request = ShareGroupDescribeRequest(group_ids=[group], include_authorized_operations=True)
        return world.stranger.ask(request, ShareGroupDescribeResponse, 1).groups[0]

    until(assigned, bool)
    world.allow(AclOperation.DESCRIBE, ResourceType.GROUP, group)
    seen = until(described, lambda each: each.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    assert (seen.error_message, seen.members) == (HIDDEN_TOPICS, [])
    world.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, world.known.topic)
    seen = until(described, lambda each: each.error_code == ErrorCode.NONE and len(each.members) == 1)
    assert seen.authorized_operations == bits(AclOperation.DESCRIBE)


def test_what_was_read_is_acknowledged_by_who_may_still_read_it(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """A share session outlives the right to its topic; the records are refused."""
    group = unique_name("acknowledging")
    names = world.known._replace(group=group)
    world.allow(AclOperation.READ, ResourceType.GROUP, group)
    world.allow(AclOperation.READ, ResourceType.TOPIC, names.topic)
    [row] = [row for row in ROWS if row.api is ApiKey.SHARE_FETCH]
    until(lambda: codes(world.ask(row, names)), lambda seen: not seen)
    world.revoke(ResourceType.TOPIC)
    batch = AcknowledgementBatch(first_offset=0, last_offset=0, acknowledge_types=[1])
    partition = AcknowledgePartition(partition_index=0, acknowledgement_batches=[batch])
    epochs = itertools.count(1)

    def acknowledged() -> set[ErrorCode]:
        request = ShareAcknowledgeRequest(
            group_id=group,
            member_id=MEMBER,
            share_session_epoch=next(epochs),
            topics=[AcknowledgeTopic(topic_id=names.topic_id, partitions=[partition])],
        )
        return codes(world.stranger.ask(request, ShareAcknowledgeResponse, 1))

    until(acknowledged, lambda seen: seen == {ErrorCode.TOPIC_AUTHORIZATION_FAILED})


def test_internal_topics_of_streams_are_made_with_the_members_rights(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """Without CREATE the status says which are not made; with it they are."""
    group = unique_name("streams-rights")
    changelog = f"{group}-store-changelog"
    world.allow(AclOperation.READ, ResourceType.GROUP, group)
    for name in (world.known.topic, changelog):
        world.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, name)
    subtopology = Subtopology(
        subtopology_id="0",
        source_topics=[world.known.topic],
        state_changelog_topics=[TopicInfo(name=changelog, replication_factor=1)],
    )
    member = Member(world.stranger, group, MEMBER, Topology(epoch=1, subtopologies=[subtopology]))

    def told() -> str:
        answer = world.stranger.ask(member.join_request(), StreamsGroupHeartbeatResponse, 0)
        return "; ".join(each.status_detail for each in answer.status or ())

    seen = until(told, lambda seen: "Unauthorized" in seen)
    assert seen.endswith(f"; Unauthorized to CREATE on topics {changelog}.")
    assert world.owner.topic(changelog).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    world.allow(AclOperation.CREATE, ResourceType.TOPIC, changelog)
    until(told, lambda seen: "Unauthorized" not in seen)
    until(lambda: world.owner.topic(changelog), lambda found: found.error_code == ErrorCode.NONE)

    def described() -> StreamsDescribedGroup:
        request = StreamsGroupDescribeRequest(group_ids=[group], include_authorized_operations=True)
        return world.stranger.ask(request, StreamsGroupDescribeResponse, 0).groups[0]

    def heard_of() -> StreamsDescribedGroup:
        told()
        return described()

    known = until(heard_of, lambda each: each.topology is not None)
    assert (known.error_code, known.authorized_operations) == (
        ErrorCode.NONE,
        bits(AclOperation.READ, AclOperation.DESCRIBE),
    )
    world.revoke(ResourceType.TOPIC)
    hidden = until(described, lambda each: each.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    assert (hidden.topology, hidden.members) == (None, [])
    assert hidden.error_message == (
        "The described group uses topics that the client is not authorized to describe."
    )


def test_a_topic_that_may_not_be_written_does_not_join_the_transaction(
    world: World, unique_name: Callable[[str], str]
) -> None:
    """Of one request to two topics the one is written and in the transaction, the other neither."""
    writable, hidden = unique_name("writable"), unique_name("hidden")
    transactional_id = unique_name("writing")
    for name in (writable, hidden):
        world.owner.create_topic(name)
    world.allow(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id)
    world.allow(AclOperation.WRITE, ResourceType.TOPIC, writable)
    init = InitProducerIdRequest(transactional_id=transactional_id, transaction_timeout_ms=600_000)
    producer = until(
        lambda: world.stranger.ask(init, InitProducerIdResponse, 5), lambda answer: not answer.error_code
    )

    def batch() -> bytearray:
        return build_batch(
            [Record(0, NOW_MS, None, b"v")],
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            base_sequence=0,
            transactional=True,
        )

    def produced() -> dict[str, int]:
        request = ProduceRequest(
            transactional_id=transactional_id,
            acks=-1,
            timeout_ms=10_000,
            topic_data=[
                TopicProduceData(name=name, partition_data=[PartitionProduceData(index=0, records=batch())])
                for name in (writable, hidden)
            ],
        )
        answer = world.stranger.ask(request, ProduceResponse, 12)
        return {topic.name: topic.partition_responses[0].error_code for topic in answer.responses}

    until(produced, lambda seen: seen[writable] == ErrorCode.NONE)
    assert produced() == {writable: ErrorCode.NONE, hidden: ErrorCode.TOPIC_AUTHORIZATION_FAILED}
    describe = DescribeTransactionsRequest(transactional_ids=[transactional_id])
    [state] = world.owner.ask(describe, DescribeTransactionsResponse, 0).transaction_states
    assert [topic.topic for topic in state.topics] == [writable]


def test_a_refused_batch_that_wants_no_answer_ends_the_connection(world: World) -> None:
    """With acks=0 there is no other way to tell."""
    with WireClient(world.broker.host, world.broker.port, source=STRANGER) as client:
        data = PartitionProduceData(index=0, records=build_batch([Record(0, NOW_MS, None, b"v")]))
        request = ProduceRequest(
            acks=0,
            timeout_ms=10_000,
            topic_data=[TopicProduceData(name=world.known.topic, partition_data=[data])],
        )
        client.send(request, ProduceResponse, 9)
        assert client.closed_by_peer()
