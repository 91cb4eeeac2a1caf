"""What the audit log says of requests that name many partitions: a line for each topic, with how often the request names it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch
from ottla.security.acl import AclOperation, ResourceType
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import SaslClient

SETTINGS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
LINE = re.compile(
    r"Principal = User:alice is Denied operation = (\w+) from host = \S+ on resource = (\S+) for request = \w+ "
    r"with resourceRefCount = (\d+) "
)
TOPIC_AUTHORIZATION_FAILED = ErrorCode.TOPIC_AUTHORIZATION_FAILED

Refusals = list[tuple[str, str, int]]
Audited = Callable[[], Refusals]


@pytest.fixture(scope="module")
def guarded(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """Topics `open`, which Alice may read and write, and `closed`, which she may not; transactional ids are everyone's."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and so is its log")
    made = sasl_broker(broker_kind, tmp_path_factory.mktemp("audit"), SETTINGS)
    with pytest.MonkeyPatch.context() as environment:
        # Apache's brokers log warnings only in these tests.
        environment.setenv("JDK_JAVA_OPTIONS", "-Dorg.slf4j.simpleLogger.log.kafka.authorizer.logger=info")
        made.broker.start()
    try:
        with WireClient(made.broker.host, made.broker.port) as admin:
            for name in ("open", "closed"):
                admin.create_topic(name, 3)
            _allow(admin, ResourceType.TOPIC, "open")
            _allow(admin, ResourceType.TRANSACTIONAL_ID, "*")
        until(lambda: _can_write(made))
        yield made
    finally:
        made.broker.stop()


def _allow(admin: WireClient, kind: ResourceType, name: str) -> None:
    rule = AclCreation(
        resource_type=kind,
        resource_name=name,
        resource_pattern_type=3,
        principal="User:alice",
        host="*",
        operation=AclOperation.ALL,
        permission_type=3,
    )
    [result] = admin.ask(CreateAclsRequest(creations=[rule]), CreateAclsResponse, 3).results
    assert result.error_code == ErrorCode.NONE


def _can_write(made: SaslBroker) -> bool:
    """Apache's rules hold a little after their answer."""
    with SaslClient(made.broker.host, made.sasl_port) as client:
        assert client.plain("alice", "alice-secret").error_code == ErrorCode.NONE
        answer = client.ask(produce_request(("open", 3)), ProduceResponse, 9)
    return codes(answer) == {"open": {ErrorCode.NONE}}


@pytest.fixture
def alice(guarded: SaslBroker) -> Iterator[SaslClient]:
    """Logged in."""
    with SaslClient(guarded.broker.host, guarded.sasl_port) as client:
        assert client.plain("alice", "alice-secret").error_code == ErrorCode.NONE
        yield client


_MARK = "Topic:LITERAL:mark-"
_marks = itertools.count(1)


@pytest.fixture
def audited(guarded: SaslBroker, alice: SaslClient) -> Audited:
    """What was refused since the last call, as (operation, resource, references)."""

    def since_the_last() -> Refusals:
        number = next(_marks)
        ask_for_offsets(alice, f"mark-{number}")

        def read() -> Refusals:
            text = guarded.broker.output.read_text(errors="replace")
            found = [(match[1], match[2], int(match[3])) for match in LINE.finditer(text)]
            marks = [at for at, (_, resource, _) in enumerate(found) if resource.startswith(_MARK)]
            if not marks or found[marks[-1]][1] != f"{_MARK}{number}":
                return []
            return found[marks[-2] + 1 if len(marks) > 1 else 0 : marks[-1] + 1]

        return until(read)[:-1]

    since_the_last()
    return since_the_last


def ask_for_offsets(client: WireClient, topic: str, times: int = 1) -> None:
    """Of a topic, named so often."""
    topics = [
        ListOffsetsTopic(name=topic, partitions=[ListOffsetsPartition(partition_index=index, timestamp=-1)])
        for index in range(times)
    ]
    client.ask(ListOffsetsRequest(replica_id=-1, topics=topics), ListOffsetsResponse, 5)


def produce_request(*topics: tuple[str, int], transactional_id: str | None = None) -> ProduceRequest:
    """A batch for each of so many partitions of each topic."""
    if transactional_id is None:
        batch = build_batch([Record(0, 1, None, b"x")])
    else:
        batch = build_batch(
            [Record(0, 1, None, b"x")],
            producer_id=7,
            producer_epoch=0,
            base_sequence=0,
            transactional=True,
        )
    return ProduceRequest(
        transactional_id=transactional_id,
        acks=-1,
        timeout_ms=10_000,
        topic_data=[
            TopicProduceData(
                name=name,
                partition_data=[
                    PartitionProduceData(index=index, records=memoryview(bytearray(batch)))
                    for index in range(partitions)
                ],
            )
            for name, partitions in topics
        ],
    )


def codes(answer: ProduceResponse | FetchResponse) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for topic in answer.responses:
        rows = topic.partition_responses if isinstance(answer, ProduceResponse) else topic.partitions
        name = topic.name if isinstance(answer, ProduceResponse) else topic.topic
        found.setdefault(name, set()).update(each.error_code for each in rows)
    return found


def test_a_produce_request(alice: SaslClient, audited: Audited) -> None:
    """Each denied topic once, with its partitions; also where the request names it twice."""
    answer = alice.ask(produce_request(("closed", 3), ("open", 2)), ProduceResponse, 9)
    assert codes(answer) == {"closed": {TOPIC_AUTHORIZATION_FAILED}, "open": {ErrorCode.NONE}}
    assert audited() == [("WRITE", "Topic:LITERAL:closed", 3)]
    alice.ask(produce_request(("closed", 1), ("open", 1), ("closed", 2)), ProduceResponse, 9)
    assert audited() == [("WRITE", "Topic:LITERAL:closed", 3)]


def test_a_transactional_produce_request(alice: SaslClient, audited: Audited) -> None:
    """Though the topics are looked at twice, before the coordinator is asked and before the append."""
    answer = alice.ask(produce_request(("closed", 2), transactional_id="t"), ProduceResponse, 9)
    assert codes(answer) == {"closed": {TOPIC_AUTHORIZATION_FAILED}}
    assert audited() == [("WRITE", "Topic:LITERAL:closed", 2)]


def fetch_request(
    *topics: tuple[str, int], session_id: int = 0, epoch: int = -1, replica_id: int = -1
) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=0,
        max_bytes=1 << 20,
        session_id=session_id,
        session_epoch=epoch,
        topics=[
            FetchTopic(
                topic=name,
                partitions=[
                    FetchPartition(partition=index, fetch_offset=0, partition_max_bytes=1 << 20)
                    for index in range(partitions)
                ],
            )
            for name, partitions in topics
        ],
        replica_id=replica_id,
    )


def test_fetch_requests_of_a_session(alice: SaslClient, audited: Audited) -> None:
    """Each of them: a partition of the session is asked for with each fetch, named or not."""
    answer = alice.ask(fetch_request(("closed", 3), ("open", 1), epoch=0), FetchResponse, 11)
    assert codes(answer) == {"closed": {TOPIC_AUTHORIZATION_FAILED}, "open": {ErrorCode.NONE}}
    assert audited() == [("READ", "Topic:LITERAL:closed", 3)]
    for epoch in (1, 2):
        alice.ask(fetch_request(session_id=answer.session_id, epoch=epoch), FetchResponse, 11)
        assert audited() == [("READ", "Topic:LITERAL:closed", 3)]


def test_who_says_it_is_a_follower(alice: SaslClient, audited: Audited) -> None:
    """Needs one right for all: one line."""
    request = fetch_request(("closed", 3), ("open", 3), replica_id=2)
    answer = alice.ask(request, FetchResponse, 11)
    assert codes(answer) == {
        "closed": {TOPIC_AUTHORIZATION_FAILED},
        "open": {TOPIC_AUTHORIZATION_FAILED},
    }
    assert audited() == [("CLUSTER_ACTION", "Cluster:LITERAL:kafka-cluster", 1)]


def test_a_request_that_names_topics(alice: SaslClient, audited: Audited) -> None:
    """Counts how often it does, as Apache counts."""
    ask_for_offsets(alice, "closed", times=2)
    assert audited() == [("DESCRIBE", "Topic:LITERAL:closed", 2)]
