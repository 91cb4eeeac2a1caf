"""Fetch sessions against a client that knows what it ought to be told."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_broker_fetch import fetch, rows, values
from test_broker_produce import batch, make_topic, produce

from ottla.broker.fetch_sessions import INITIAL_EPOCH
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.messages.fetch import FetchPartition, FetchTopic, ForgottenTopic
from ottla.replication.partition import Partition

PARTITIONS = 4
TOPICS = itertools.count()

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("produce"), st.integers(0, PARTITIONS - 1), st.integers(1, 3)),
        st.tuples(st.just("delete"), st.integers(0, PARTITIONS - 1), st.integers(0, 6)),
        st.tuples(st.just("forget"), st.integers(0, PARTITIONS - 1), st.just(0)),
        st.tuples(st.just("add"), st.integers(0, PARTITIONS - 1), st.integers(0, 3)),
        st.tuples(st.just("fetch"), st.sampled_from([1, 200, 1 << 20]), st.integers(0, 2)),
    ),
    max_size=25,
)


class SessionClient:
    """Remembers what it asked for and was told, and what the partitions really hold."""

    def __init__(self, client, topic: str) -> None:
        self.client = client
        self.topic = topic
        self.end = [0] * PARTITIONS
        self.start = [0] * PARTITIONS
        self.offset: dict[int, int] = {}
        self.told: dict[int, tuple[int, int]] = {}
        self.changed: set[int] = set(range(PARTITIONS))
        self.forgotten: set[int] = set()
        self.session_id, self.epoch = 0, INITIAL_EPOCH
        self.offset = dict.fromkeys(range(PARTITIONS), 0)

    def produce(self, partition: int, count: int) -> None:
        row = produce(self.client, self.topic, *[None] * partition, batch(*[b"v"] * count))[partition]
        assert row.error_code == ErrorCode.NONE
        self.end[partition] += count

    def delete(self, partition: int, offset: int) -> None:
        wanted = min(offset, self.end[partition])
        row = DeleteRecordsPartition(partition_index=partition, offset=wanted)
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name=self.topic, partitions=[row])], timeout_ms=1000
        )
        self.client.ask(request, DeleteRecordsResponse, 2)
        self.start[partition] = max(self.start[partition], wanted)

    def forget(self, partition: int, _: int) -> None:
        if len(self.offset) > 1 and self.offset.pop(partition, None) is not None:
            self.forgotten.add(partition)
            self.changed.discard(partition)
            self.told.pop(partition, None)

    def add(self, partition: int, offset: int) -> None:
        # A partition given up and taken up again in one request would be told as if it had never left.
        if partition not in self.forgotten:
            self.offset[partition] = min(offset, self.end[partition])
            self.changed.add(partition)

    def fetch(self, max_bytes: int, advance: int) -> None:
        topic = FetchTopic(
            topic=self.topic,
            partitions=[
                FetchPartition(partition=each, fetch_offset=self.offset[each], partition_max_bytes=1 << 20)
                for each in sorted(self.changed)
            ],
        )
        forgotten = [ForgottenTopic(topic=self.topic, partitions=sorted(self.forgotten))]
        answer = fetch(
            self.client,
            topics=[topic] if self.changed else [],
            forgotten_topics_data=forgotten if self.forgotten else [],
            session_id=self.session_id,
            session_epoch=self.epoch,
            max_bytes=max_bytes,
        )
        assert answer.error_code == ErrorCode.NONE
        if self.epoch == INITIAL_EPOCH:
            self.session_id = answer.session_id
        assert answer.session_id == self.session_id
        self.epoch += 1
        self.changed, self.forgotten = set(), set()
        self.check({key[1]: row for key, row in rows(answer).items()}, max_bytes, advance)

    def check(self, found, max_bytes: int, advance: int) -> None:
        assert found.keys() <= self.offset.keys()
        readable = {
            each for each, offset in self.offset.items() if self.start[each] <= offset < self.end[each]
        }
        served = {each for each, row in found.items() if len(row.records)}
        lost = {each for each, offset in self.offset.items() if offset < self.start[each]}
        assert served <= readable
        assert bool(served) == bool(readable)
        if max_bytes == 1 << 20:
            assert served == readable
            assert {each for each, row in found.items() if row.error_code} == lost
            for each in self.offset.keys() - lost:
                told = found.get(each)
                now = (self.end[each], self.start[each])
                assert now == (
                    self.told.get(each) if told is None else (told.high_watermark, told.log_start_offset)
                )
        for each, row in found.items():
            if row.error_code:
                self.told.pop(each, None)
                self.offset[each] = self.start[each]
                self.changed.add(each)
                continue
            self.told[each] = (row.high_watermark, row.log_start_offset)
            if each in served and advance:
                self.offset[each] = min(self.end[each], self.offset[each] + len(values(row)))
                self.changed.add(each)


def test_a_client_in_a_session_knows_what_one_without_would(start_broker, connect):
    """Whatever is produced, deleted, taken up and given up in between, and however tight the limits."""
    broker = start_broker()
    raw = connect(broker)

    @given(STEPS)
    @settings(max_examples=60, deadline=None)
    def run(steps) -> None:
        topic = f"t{next(TOPICS)}"
        make_topic(broker, topic, PARTITIONS)
        client = SessionClient(raw, topic)
        for action, one, other in [*steps, ("fetch", 1 << 20, 1), ("fetch", 1 << 20, 1)]:
            getattr(client, action)(one, other)

    run()


def test_a_fetch_visits_what_moved(broker, connect, monkeypatch):
    """Of two thousand partitions in the session, ten are active: some twenty are looked at, not all."""
    make_topic(broker, "t", 2_000)
    client, producing = connect(broker), connect(broker)
    session = fetch(client, *(("t", number, 0) for number in range(2_000)), session_epoch=INITIAL_EPOCH)
    visits: list[Partition] = []
    looked = Partition.fetch

    def count(self, *arguments, **options):
        visits.append(self)
        return looked(self, *arguments, **options)

    monkeypatch.setattr(Partition, "fetch", count)
    for epoch in range(1, 6):
        visits.clear()
        produce(producing, "t", *[batch(b"v")] * 10)
        moved = [("t", number, epoch - 1) for number in range(10)]
        answer = fetch(client, *moved, session_id=session.session_id, session_epoch=epoch)
        assert len(rows(answer)) == 10
        assert len(visits) <= 20


@pytest.mark.parametrize("version", [7, 12])
def test_a_session_survives_its_connection(broker, connect, version):
    """It is the client's, by id, until it is evicted."""
    make_topic(broker, "t")
    first = connect(broker)
    session = fetch(first, ("t", 0, 0), session_epoch=INITIAL_EPOCH, version=version).session_id
    first.socket.close()
    second = connect(broker)
    produce(second, "t", batch(b"a"))
    answer = fetch(second, session_id=session, session_epoch=1, version=version)
    assert values(rows(answer)["t", 0]) == [b"a"]
