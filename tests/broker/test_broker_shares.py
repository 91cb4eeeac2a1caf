"""Share partitions in a broker: cold records, leaders that change, a coordinator that comes and goes, what is let go of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conditions import until
from ottla.broker.internal_topics import SHARE_GROUP_STATE_TOPIC
from ottla.broker.server import BrokerServer
from ottla.metrics.page import page
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import share_acknowledge as acknowledging
from ottla.protocol.messages import share_fetch as fetching
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeStateData,
    PartitionData,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.types import Uuid, random_uuid, uuid_text
from ottla.records.batch import iterate_batches
from ottla.records.record import Record, build_batch, iterate_records
from ottla.replication.partition import Role
from ottla.storage.disk import PosixDisk

SETTINGS = {"group.share.enable": "true", "share.coordinator.state.topic.num.partitions": "2"}
DEADLINE_S = 30.0
MEMBERS = [uuid_text(random_uuid(bytes([number]) * 16)) for number in (1, 2)]


def becomes(look: Callable[[], object], wanted: object = True) -> None:
    until(look, lambda seen: seen == wanted)


class Queue:
    """A topic `t` that group `g` consumes, and clients' requests about it."""

    def __init__(self, broker, connect) -> None:
        self.broker = broker
        self.connect = connect
        self.client = connect(broker)
        topic = CreatableTopic(name="t", num_partitions=1, replication_factor=1)
        answer = self.client.ask(CreateTopicsRequest(topics=[topic]), CreateTopicsResponse, 7)
        self.topic_id: Uuid = answer.topics[0].topic_id
        row = PartitionData(partition=0, state_epoch=0, start_offset=0)
        request = InitializeShareGroupStateRequest(
            group_id="g", topics=[InitializeStateData(topic_id=self.topic_id, partitions=[row])]
        )
        outcomes: list[int] = []

        def initialize(server: BrokerServer) -> None:
            server.shares.persister.initialize(request).on_complete(
                lambda response: outcomes.append(response.results[0].partitions[0].error_code)
            )

        broker.call(initialize)
        becomes(lambda: outcomes, [0])

    def produce(self, *values: bytes) -> None:
        batch = build_batch([Record(0, 0, None, value) for value in values])
        data = TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=batch)])
        request = ProduceRequest(acks=-1, timeout_ms=10_000, topic_data=[data])
        answer = self.client.ask(request, ProduceResponse, 9)
        assert answer.responses[0].partition_responses[0].error_code == ErrorCode.NONE

    def fetch_request(
        self, member: int, epoch: int, max_wait_ms: int = 500, max_records: int = 500
    ) -> fetching.ShareFetchRequest:
        topic = fetching.FetchTopic(
            topic_id=self.topic_id, partitions=[fetching.FetchPartition(partition_index=0)]
        )
        return fetching.ShareFetchRequest(
            group_id="g",
            member_id=MEMBERS[member],
            share_session_epoch=epoch,
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            max_bytes=64 << 20,
            max_records=max_records,
            batch_size=500,
            topics=[topic],
        )

    def fetch(self, client, member: int, epoch: int, **options: int) -> fetching.PartitionData | None:
        answer = client.ask(self.fetch_request(member, epoch, **options), fetching.ShareFetchResponse, 1)
        assert answer.error_code == ErrorCode.NONE, answer
        return answer.responses[0].partitions[0] if answer.responses else None

    def acknowledge_request(self, member: int, epoch: int, first: int, last: int) -> object:
        batch = acknowledging.AcknowledgementBatch(
            first_offset=first, last_offset=last, acknowledge_types=[1]
        )
        row = acknowledging.AcknowledgePartition(partition_index=0, acknowledgement_batches=[batch])
        topic = acknowledging.AcknowledgeTopic(topic_id=self.topic_id, partitions=[row])
        return acknowledging.ShareAcknowledgeRequest(
            group_id="g", member_id=MEMBERS[member], share_session_epoch=epoch, topics=[topic]
        )

    def share_partitions(self) -> int:
        return self.broker.call(lambda server: len(server.shares.partitions))


@pytest.fixture
def queue(start_broker, connect) -> Queue:
    return Queue(start_broker(SETTINGS), connect)


def acquired(row: fetching.PartitionData | None) -> list[tuple[int, int]]:
    return [] if row is None else [(each.first_offset, each.last_offset) for each in row.acquired_records]


def test_records_that_left_the_page_cache_are_acquired_too(start_broker, connect, tmp_path: Path) -> None:
    """A thread reads their headers and the records; the loop waits for no disk."""
    queue = Queue(start_broker(SETTINGS, disk=PosixDisk()), connect)
    values = [bytes([number]) * 200_000 for number in range(20)]
    for value in values:
        queue.produce(value)
    for path in (tmp_path / "logs" / "t-0").iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    client = connect(queue.broker)
    got: list[bytes] = []
    epoch = 0
    deadline = time.monotonic() + DEADLINE_S
    while len(got) < len(values):
        assert time.monotonic() < deadline
        row = queue.fetch(client, 0, epoch, max_records=6)
        epoch += 1
        for _, batch in iterate_batches(bytes(row.records or b"") if row else b""):
            got += [
                bytes(each.value or b"") for each in iterate_records(batch, max_decompressed_bytes=1 << 20)
            ]
    assert got == values


def test_the_last_session_takes_the_share_partition_along(queue: Queue) -> None:
    """Nothing watches the log any more, no timer runs; the next member finds the state."""
    queue.produce(b"a", b"b")
    first, second = queue.connect(queue.broker), queue.connect(queue.broker)
    becomes(lambda: acquired(queue.fetch(first, 0, 0)), [(0, 1)])
    second.send(queue.fetch_request(1, 0, max_wait_ms=60_000), 1)
    becomes(lambda: queue.broker.call(lambda server: len(server.shares.sessions)), 2)
    first.socket.close()
    second.socket.close()
    becomes(queue.share_partitions, 0)
    watchers = lambda server: server.replicas.partition("t", 0).watcher_count  # noqa: E731
    becomes(lambda: queue.broker.call(watchers), 0)
    again = queue.connect(queue.broker)
    assert acquired(queue.fetch(again, 0, 0)) == [(0, 1)]


def test_a_deleted_topic_ends_a_waiting_fetch(queue: Queue) -> None:
    """At once, and its state goes as well."""
    client = queue.connect(queue.broker)
    queue.fetch(client, 0, 0, max_wait_ms=10)
    client.send(queue.fetch_request(0, 1, max_wait_ms=60_000), 1)
    becomes(lambda: queue.broker.call(lambda server: server.replicas.partition("t", 0).watcher_count), 1)
    deleted = queue.client.ask(
        DeleteTopicsRequest(topics=[DeleteTopicState(name="t")], timeout_ms=10_000), DeleteTopicsResponse, 6
    )
    assert deleted.responses[0].error_code == ErrorCode.NONE
    [row] = client.receive(fetching.ShareFetchResponse, 1)[1].responses[0].partitions
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    becomes(queue.share_partitions, 0)
    states = lambda server: sum(len(each) for each in server.shares.state.service.coordinators())  # noqa: E731
    becomes(lambda: queue.broker.call(states), 0)


def test_a_lost_leadership_is_told(queue: Queue) -> None:
    """To the fetch that waits; acknowledgements find no share partition."""
    queue.produce(b"a")
    client = queue.connect(queue.broker)
    becomes(lambda: acquired(queue.fetch(client, 0, 0)), [(0, 0)])
    client.send(queue.fetch_request(0, 1, max_wait_ms=60_000), 1)

    def follow(server: BrokerServer) -> None:
        partition = server.replicas.partition("t", 0)
        partition.role = Role.FOLLOWER
        server.replicas._tell(partition, leads=False)

    queue.broker.call(follow)
    [row] = client.receive(fetching.ShareFetchResponse, 1)[1].responses[0].partitions
    assert (row.error_code, row.current_leader.leader_id) == (ErrorCode.NOT_LEADER_OR_FOLLOWER, 1)
    answer = client.ask(queue.acknowledge_request(0, 2, 0, 0), acknowledging.ShareAcknowledgeResponse, 1)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_coordinator_that_loads_anew_is_waited_for(queue: Queue) -> None:
    """The acknowledgement is answered when it is kept, and not before."""
    queue.produce(b"a", b"b")
    client = queue.connect(queue.broker)
    becomes(lambda: acquired(queue.fetch(client, 0, 0)), [(0, 1)])

    def tell(server: BrokerServer, *, leads: bool) -> None:
        for number in range(2):
            partition = server.replicas.partition(SHARE_GROUP_STATE_TOPIC, number)
            if leads:
                partition.leader_epoch += 1
            server.replicas._tell(partition, leads=leads)

    queue.broker.call(lambda server: tell(server, leads=False))
    client.send(queue.acknowledge_request(0, 1, 0, 0), 1)
    retrying = lambda server: len(server.shares.persister._waiting)  # noqa: E731
    becomes(lambda: queue.broker.call(retrying), 1)
    queue.broker.call(lambda server: tell(server, leads=True))
    answer = client.receive(acknowledging.ShareAcknowledgeResponse, 1)[1]
    assert answer.responses[0].partitions[0].error_code == ErrorCode.NONE
    client.socket.close()
    becomes(queue.share_partitions, 0)
    assert acquired(queue.fetch(queue.connect(queue.broker), 1, 0)) == [(1, 1)]


def test_the_metrics_page_shows_share_groups(queue: Queue) -> None:
    """Sessions, what is in flight, what was acknowledged."""
    queue.produce(b"a", b"b", b"c")
    client = queue.connect(queue.broker)
    becomes(lambda: acquired(queue.fetch(client, 0, 0)), [(0, 2)])
    client.ask(queue.acknowledge_request(0, 1, 0, 0), acknowledging.ShareAcknowledgeResponse, 1)
    text = queue.broker.call(lambda server: b"".join(page(server.metrics)).decode())
    for line in (
        "kafka_server_sharesessioncache_sharesessionscount 1",
        'kafka_server_sharegroupmetrics_recordacknowledgements_total{ackType="Accept"} 1',
        'kafka_server_sharepartitionmetrics_inflightmessagecount{group="g",topic="t",partition="0"} 2',
    ):
        assert line in text.splitlines()


def test_the_log_of_share_state_stays_short(start_broker, connect) -> None:
    """What no snapshot needs is deleted from its beginning."""
    often = {
        "share.coordinator.snapshot.update.records.per.snapshot": "2",
        "share.coordinator.state.topic.prune.interval.ms": "50",
        "share.coordinator.state.topic.num.partitions": "1",
    }
    queue = Queue(start_broker({**SETTINGS, **often}), connect)
    client = connect(queue.broker)
    queue.produce(*(b"%d" % number for number in range(10)))
    becomes(lambda: acquired(queue.fetch(client, 0, 0)), [(0, 9)])
    for epoch, offset in enumerate(range(10), 1):
        client.ask(
            queue.acknowledge_request(0, epoch, offset, offset), acknowledging.ShareAcknowledgeResponse, 1
        )

    def start_offset(server: BrokerServer) -> bool:
        log = server.replicas.partition(SHARE_GROUP_STATE_TOPIC, 0).log
        return log is not None and log.log_start_offset >= 7

    becomes(lambda: queue.broker.call(start_offset))


def test_thousands_of_partitions_begin_at_once(queue: Queue) -> None:
    """Each gets its state, in pieces between which others are served."""
    topic = CreatableTopic(name="wide", num_partitions=1_000, replication_factor=1)
    answer = queue.client.ask(CreateTopicsRequest(topics=[topic]), CreateTopicsResponse, 7)
    rows = [PartitionData(partition=number, start_offset=0) for number in range(1_000)]
    request = InitializeShareGroupStateRequest(
        group_id="g", topics=[InitializeStateData(topic_id=answer.topics[0].topic_id, partitions=rows)]
    )
    outcomes: list[list[tuple[int, int]]] = []

    def initialize(server: BrokerServer) -> int:
        """How many were told of within this turn."""
        server.shares.persister.initialize(request).on_complete(
            lambda response: outcomes.append(
                [(each.partition, each.error_code) for each in response.results[0].partitions]
            )
        )
        return len(outcomes)

    assert queue.broker.call(initialize) == 0
    becomes(lambda: outcomes, [[(number, 0) for number in range(1_000)]])


def test_a_fetch_that_its_member_has_given_up_acquires_nothing(queue: Queue) -> None:
    """The member has opened its session anew on another connection; that one gets the records."""
    old, new = queue.connect(queue.broker), queue.connect(queue.broker)
    queue.fetch(old, 0, 0, max_wait_ms=10)
    old.send(queue.fetch_request(0, 1, max_wait_ms=60_000), 1)
    watchers = lambda server: server.replicas.partition("t", 0).watcher_count  # noqa: E731
    becomes(lambda: queue.broker.call(watchers), 1)
    queue.fetch(new, 0, 0, max_wait_ms=10)
    queue.produce(b"a")
    assert old.receive(fetching.ShareFetchResponse, 1)[1].error_code == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert acquired(queue.fetch(new, 0, 1)) == [(0, 0)]


def test_state_stays_until_the_snapshot_in_its_place_is_written(queue: Queue) -> None:
    """A disk that fails meanwhile would leave neither."""
    row = PartitionData(partition=0, state_epoch=1, start_offset=5)
    request = InitializeShareGroupStateRequest(
        group_id="g", topics=[InitializeStateData(topic_id=queue.topic_id, partitions=[row])]
    )

    def snapshot(server: BrokerServer) -> tuple[int, int, int]:
        """Where the log of the state begins after pruning, its end, and the offset of a snapshot on its way."""
        [log] = [
            each.log
            for each in server.replicas
            if each.log is not None
            and each.topic_partition.topic == SHARE_GROUP_STATE_TOPIC
            and each.log.log_end_offset
        ]
        log.hold_writes()
        server.shares.persister.initialize(request)
        state = server.shares.state
        [offset] = state.service.redundant_offsets().values()
        state._prune()
        log.release_writes()
        return log.log_start_offset, log.log_end_offset, offset

    assert queue.broker.call(snapshot) == (0, 1, 1)


def test_a_fetch_gets_no_more_than_may_be_locked(start_broker, connect) -> None:
    """However many records it asks for: each would be a range to keep, and the loop's time to find."""
    queue = Queue(start_broker({**SETTINGS, "group.share.partition.max.record.locks": "100"}), connect)
    for _ in range(250):
        queue.produce(b"x")
    client = connect(queue.broker)
    request = queue.fetch_request(0, 0, max_records=2**31 - 1)
    request.batch_size = 1

    def fetch() -> list[tuple[int, int]]:
        answer = client.ask(request, fetching.ShareFetchResponse, 1)
        request.share_session_epoch += 1
        return [each for topic in answer.responses for row in topic.partitions for each in acquired(row)]

    becomes(fetch, [(number, number) for number in range(100)])
    request.max_wait_ms = 10
    assert fetch() == []
