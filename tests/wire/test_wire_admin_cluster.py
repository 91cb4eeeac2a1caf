"""Elections, reassignments, brokers, and what an open listener answers to those who ask for security."""

from collections.abc import Callable

import pytest
from wire_client import WireClient

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.create_delegation_token import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest, DeleteAclsResponse
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse
from ottla.protocol.messages.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.messages.describe_delegation_token import (
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from ottla.protocol.messages.elect_leaders import ElectLeadersRequest, ElectLeadersResponse, TopicPartitions
from ottla.protocol.messages.expire_delegation_token import (
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
)
from ottla.protocol.messages.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    ListPartitionReassignmentsTopics,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.renew_delegation_token import (
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from ottla.protocol.messages.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse

PREFERRED, UNCLEAN = 0, 1
UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def elect(
    wire: WireClient, *topics: tuple[str, list[int]], election: int = PREFERRED, version: int = 2
) -> ElectLeadersResponse:
    rows = [TopicPartitions(topic=name, partitions=partitions) for name, partitions in topics]
    request = ElectLeadersRequest(topic_partitions=rows, timeout_ms=5_000)
    if version >= 1:
        request.election_type = election
    return wire.ask(request, ElectLeadersResponse, version)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_partition_that_is_well_led_needs_no_election(wire: WireClient, topic: str, version: int) -> None:
    """Each row has its own outcome; what isn't there is told by name."""
    wire.create_topic(topic, 2)
    answer = elect(wire, (topic, [0, 1, 7]), ("absent", [0]), version=version)
    rows = [
        (row.topic, each.partition_id, each.error_code)
        for row in answer.replica_election_results
        for each in row.partition_result
    ]
    assert rows == [
        (topic, 0, ErrorCode.ELECTION_NOT_NEEDED),
        (topic, 1, ErrorCode.ELECTION_NOT_NEEDED),
        (topic, 7, UNKNOWN),
        ("absent", 0, UNKNOWN),
    ]
    messages = [
        each.error_message for row in answer.replica_election_results for each in row.partition_result
    ]
    assert messages[2:] == [f"No such partition as {topic}-7", "No such topic as absent"]


def test_every_partition_may_be_elected_for(wire: WireClient, topic: str) -> None:
    """Then topics are named, and of their partitions those alone for which there was something to do."""
    wire.create_topic(topic)
    for election in (PREFERRED, UNCLEAN):
        request = ElectLeadersRequest(election_type=election, topic_partitions=None, timeout_ms=5_000)
        answer = wire.ask(request, ElectLeadersResponse, 2)
        rows = {row.topic: row.partition_result for row in answer.replica_election_results}
        assert rows[topic] == []


def test_an_unknown_kind_of_election(wire: WireClient, topic: str) -> None:
    """Fails the request and each of its rows."""
    answer = elect(wire, (topic, [0]), election=7)
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    [row] = answer.replica_election_results[0].partition_result
    assert (row.error_code, row.error_message) == (ErrorCode.INVALID_REQUEST, "Unknown election type 7")


def reassign(
    wire: WireClient, topic: str, partition: int, replicas: list[int] | None
) -> tuple[int, str | None]:
    row = ReassignablePartition(partition_index=partition, replicas=replicas)
    request = AlterPartitionReassignmentsRequest(
        timeout_ms=5_000, topics=[ReassignableTopic(name=topic, partitions=[row])]
    )
    answer = wire.ask(request, AlterPartitionReassignmentsResponse, 1)
    assert answer.error_code == ErrorCode.NONE
    [outcome] = answer.responses[0].partitions
    return outcome.error_code, outcome.error_message


ASSIGNMENT = ErrorCode.INVALID_REPLICA_ASSIGNMENT


@pytest.mark.parametrize(
    ("partition", "replicas", "code", "message"),
    [
        (0, [1], ErrorCode.NONE, None),
        (0, None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, None),
        (0, [], ASSIGNMENT, "The manual partition assignment includes an empty replica list."),
        (0, [1, 1], ASSIGNMENT, "The manual partition assignment includes the broker 1 more than once."),
        (0, [1, 2], ASSIGNMENT, "The manual partition assignment includes broker 2, but no such broker is registered."),
        (9, [1], UNKNOWN, "Unable to find partition {topic}:9."),
    ],
)  # fmt: skip
def test_a_reassignment_on_one_broker(
    wire: WireClient,
    topic: str,
    partition: int,
    replicas: list[int] | None,
    code: ErrorCode,
    message: str | None,
) -> None:
    """To where it is already; anything else needs another broker."""
    wire.create_topic(topic)
    expected = None if message is None else message.format(topic=topic)
    assert reassign(wire, topic, partition, replicas) == (code, expected)
    assert reassign(wire, "absent", 0, [1]) == (UNKNOWN, "Unable to find a topic named absent.")


@pytest.mark.parametrize("named", [False, True])
def test_no_reassignment_is_under_way(wire: WireClient, topic: str, named: bool) -> None:
    """Of all partitions or of those asked for, which need not exist."""
    wanted = [
        ListPartitionReassignmentsTopics(name=name, partition_indexes=[0]) for name in (topic, "absent")
    ]
    request = ListPartitionReassignmentsRequest(timeout_ms=5_000, topics=wanted if named else None)
    answer = wire.ask(request, ListPartitionReassignmentsResponse, 0)
    assert (answer.error_code, answer.error_message, answer.topics) == (ErrorCode.NONE, None, [])


def test_a_broker_that_isn_t_there_can_t_be_unregistered(wire: WireClient) -> None:
    """In Apache's words."""
    answer = wire.ask(UnregisterBrokerRequest(broker_id=77), UnregisterBrokerResponse, 0)
    assert answer.error_code == ErrorCode.BROKER_ID_NOT_REGISTERED
    assert answer.error_message == "Broker ID 77 is not currently registered"


def test_a_broker_speaks_for_brokers(wire: WireClient) -> None:
    """Whoever asks for controllers is told that this isn't one."""
    answer = wire.ask(DescribeClusterRequest(endpoint_type=2), DescribeClusterResponse, 2)
    assert answer.error_code == ErrorCode.MISMATCHED_ENDPOINT_TYPE
    assert answer.error_message == (
        "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
    )
    operations = DescribeClusterRequest(include_cluster_authorized_operations=True)
    assert wire.ask(operations, DescribeClusterResponse, 2).cluster_authorized_operations == 8096


def test_metadata_tells_bad_names_from_absent_ones(wire: WireClient) -> None:
    """And which operations are allowed on them, if asked."""
    topics = [MetadataRequestTopic(name=name) for name in ("absent", "a b", "")]
    request = MetadataRequest(
        topics=topics, allow_auto_topic_creation=False, include_topic_authorized_operations=True
    )
    rows = {each.name: each for each in wire.ask(request, MetadataResponse, 12).topics}
    assert {name: row.error_code for name, row in rows.items()} == {
        "absent": UNKNOWN,
        "a b": ErrorCode.INVALID_TOPIC_EXCEPTION,
        "": ErrorCode.INVALID_TOPIC_EXCEPTION,
    }


def test_partitions_are_described_page_by_page(wire: WireClient, topic: str) -> None:
    """The cursor has to be one of the topics asked for; unknown ones tell their operations too."""
    wire.create_topic(topic, 3)

    def ask(*names: str, limit: int = 2_000, cursor: Cursor | None = None) -> DescribeTopicPartitionsResponse:
        request = DescribeTopicPartitionsRequest(
            topics=[TopicRequest(name=name) for name in names], response_partition_limit=limit, cursor=cursor
        )
        return wire.ask(request, DescribeTopicPartitionsResponse, 0)

    first = ask(topic, limit=2)
    assert [each.partition_index for each in first.topics[0].partitions] == [0, 1]
    assert first.next_cursor is not None
    rest = ask(topic, limit=2, cursor=first.next_cursor)
    assert [each.partition_index for each in rest.topics[0].partitions] == [2]
    assert rest.next_cursor is None
    [unknown] = ask("absent").topics
    assert (unknown.error_code, unknown.topic_authorized_operations) == (UNKNOWN, 3576)
    beside = ask(topic, cursor=Cursor(topic_name="zzz", partition_index=0))
    assert [each.error_code for each in beside.topics] == [ErrorCode.INVALID_REQUEST]


def test_sasl_on_a_listener_that_has_none(wire: WireClient) -> None:
    """The client counts as authenticated, so it comes too late; the connection stays."""
    for version in (0, 1):
        handshake = wire.ask(SaslHandshakeRequest(mechanism="PLAIN"), SaslHandshakeResponse, version)
        assert (handshake.error_code, handshake.mechanisms) == (ErrorCode.ILLEGAL_SASL_STATE, [])
    for version in (0, 1, 2):
        answer = wire.ask(SaslAuthenticateRequest(auth_bytes=b"x"), SaslAuthenticateResponse, version)
        assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE
        assert answer.error_message == "SaslAuthenticate request received after successful authentication"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_acls_without_an_authorizer(wire: WireClient, version: int) -> None:
    """Nobody keeps any."""
    every = DescribeAclsRequest(resource_type_filter=1, operation=1, permission_type=1)
    described = wire.ask(every, DescribeAclsResponse, version)
    assert (described.error_code, described.error_message) == (
        ErrorCode.SECURITY_DISABLED,
        "No Authorizer is configured on the broker",
    )
    rule = AclCreation(
        resource_type=2, resource_name="t", principal="User:a", host="*", operation=3, permission_type=3
    )
    created = wire.ask(CreateAclsRequest(creations=[rule, rule]), CreateAclsResponse, version)
    chosen = DeleteAclsFilter(resource_type_filter=1, operation=1, permission_type=1)
    deleted = wire.ask(DeleteAclsRequest(filters=[chosen]), DeleteAclsResponse, version)
    outcomes = [(each.error_code, each.error_message) for each in (*created.results, *deleted.filter_results)]
    assert outcomes == [(ErrorCode.SECURITY_DISABLED, "No Authorizer is configured.")] * 3


def test_delegation_tokens_for_somebody_unknown(wire: WireClient) -> None:
    """An open listener doesn't know its clients, so they get none."""
    code = ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
    asked: list[Callable[[], int]] = [
        lambda: wire.ask(RenewDelegationTokenRequest(hmac=b"x"), RenewDelegationTokenResponse, 2).error_code,
        lambda: (
            wire.ask(ExpireDelegationTokenRequest(hmac=b"x"), ExpireDelegationTokenResponse, 2).error_code
        ),
        lambda: wire.ask(DescribeDelegationTokenRequest(), DescribeDelegationTokenResponse, 3).error_code,
    ]
    assert [each() for each in asked] == [code] * 3
    created = wire.ask(CreateDelegationTokenRequest(), CreateDelegationTokenResponse, 3)
    assert created.error_code == code
    assert (created.principal_name, created.token_requester_principal_name) == ("ANONYMOUS", "ANONYMOUS")
    assert created.expiry_timestamp_ms == -1
