"""Fetch and the offsets' look-ups, as clients see them: limits, long polls, sessions, epochs, times."""

import os
import struct
import threading
import time

import pytest
from test_broker_produce import NOW_MS, batch, make_topic, produce

from conditions import until
from ottla.broker.fetch_sessions import FINAL_EPOCH, INITIAL_EPOCH
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
)
from ottla.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from ottla.protocol.types import Uuid
from ottla.records.batch import Codec, iterate_batches
from ottla.records.record import Record, build_batch, iterate_records
from ottla.replication.partition import Role
from ottla.storage.disk import PosixDisk

DEADLINE_S = 30.0
MEGABYTE = 1 << 20


def fetch_request(*offsets: tuple[str, int, int], **options) -> FetchRequest:
    """A fetch of (topic, partition, offset)s; `partition_max_bytes` beside the request's own fields."""
    limit = options.pop("partition_max_bytes", MEGABYTE)
    epoch = options.pop("current_leader_epoch", -1)
    last_epoch = options.pop("last_fetched_epoch", -1)
    topics = [
        FetchTopic(
            topic=topic,
            partitions=[
                FetchPartition(
                    partition=partition,
                    fetch_offset=offset,
                    partition_max_bytes=limit,
                    current_leader_epoch=epoch,
                    last_fetched_epoch=last_epoch,
                )
            ],
        )
        for topic, partition, offset in offsets
    ]
    return FetchRequest(
        **{"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 50 * MEGABYTE, "topics": topics, **options}
    )


def fetch(client, *offsets, version: int = 11, **options) -> FetchResponse:
    return client.ask(fetch_request(*offsets, **options), FetchResponse, version)


def rows(response: FetchResponse):
    """The answer's partitions by (topic, partition)."""
    return {
        (topic.topic, row.partition_index): row for topic in response.responses for row in topic.partitions
    }


def values(row) -> list[bytes]:
    """The records' values in a partition's row, whole batches only."""
    return [
        record.value
        for _, content in iterate_batches(row.records)
        for record in iterate_records(content, max_decompressed_bytes=MEGABYTE)
    ]


@pytest.mark.parametrize("version", range(4, 13))
def test_every_version_brings_the_records(broker, connect, version):
    """Two batches, with the offsets around them."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b"))
    produce(client, "t", batch(b"c", codec=Codec.GZIP))
    row = rows(fetch(client, ("t", 0, 0), version=version))["t", 0]
    assert values(row) == [b"a", b"b", b"c"]
    assert row.high_watermark == 3
    if version >= 5:
        assert (row.last_stable_offset, row.log_start_offset) == (3, 0)


@pytest.mark.parametrize("version", [13, 16, 17, 18])
def test_topics_by_id(broker, connect, version):
    """From version 13 on (KIP-516)."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a"))
    topic_id = (
        client.ask(MetadataRequest(topics=[MetadataRequestTopic(name="t")]), MetadataResponse, 12)
        .topics[0]
        .topic_id
    )
    request = fetch_request(("", 0, 0))
    request.topics[0].topic_id = topic_id
    answer = client.ask(request, FetchResponse, version)
    assert answer.responses[0].topic_id == topic_id
    assert values(answer.responses[0].partitions[0]) == [b"a"]
    request.topics[0].topic_id = Uuid(b"x" * 16)
    answer = client.ask(request, FetchResponse, version)
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_an_offset_inside_a_batch_brings_the_whole_batch(broker, connect):
    """The client drops what it has; batches are never cut."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a"))
    produce(client, "t", batch(b"b", b"c", b"d"))
    produce(client, "t", batch(b"e"))
    assert values(rows(fetch(client, ("t", 0, 2)))["t", 0]) == [b"b", b"c", b"d", b"e"]


def test_a_batch_over_the_limits_still_comes_if_it_is_the_first(broker, connect):
    """KIP-74: or a consumer would hang before it for ever."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"x" * 5000))
    produce(client, "t", batch(b"y" * 5000))
    row = rows(fetch(client, ("t", 0, 0), partition_max_bytes=10))["t", 0]
    assert values(row) == [b"x" * 5000]
    row = rows(fetch(client, ("t", 0, 0), max_bytes=10))["t", 0]
    assert values(row) == [b"x" * 5000]


def test_only_the_first_partition_may_go_over_the_limit(broker, connect):
    """The others' rows are there, without records."""
    make_topic(broker, "t", 3)
    client = connect(broker)
    produce(client, "t", batch(b"x" * 5000), batch(b"y" * 5000), batch(b"z" * 5000))
    answer = rows(fetch(client, ("t", 1, 0), ("t", 0, 0), ("t", 2, 0), max_bytes=100))
    assert list(answer) == [("t", 1), ("t", 0), ("t", 2)]
    assert [len(row.records) > 0 for row in answer.values()] == [True, False, False]
    assert {row.high_watermark for row in answer.values()} == {1}
    small = rows(fetch(client, ("t", 1, 0), ("t", 0, 0), partition_max_bytes=100))
    assert [len(row.records) > 0 for row in small.values()] == [True, False]


def test_offsets_outside_of_the_log(broker, connect):
    """Below the start and above the end."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b"))
    for offset in (-5, 3, 1 << 40):
        row = rows(fetch(client, ("t", 0, offset)))["t", 0]
        assert (row.error_code, row.high_watermark) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    row = rows(fetch(client, ("t", 0, 2)))["t", 0]
    assert (row.error_code, len(row.records)) == (ErrorCode.NONE, 0)


def test_topics_and_partitions_that_are_not_there(broker, connect):
    """UNKNOWN_TOPIC_OR_PARTITION, at once and whatever the wait."""
    make_topic(broker, "t")
    answer = rows(fetch(connect(broker), ("t", 1, 0), ("none", 0, 0), max_wait_ms=60_000))
    assert {row.error_code for row in answer.values()} == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}


def test_leader_epochs_are_checked(broker, connect):
    """KIP-320: an older one is fenced, a newer one unknown."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a"))
    epoch = client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics[0].partitions[0].leader_epoch
    assert rows(fetch(client, ("t", 0, 0), current_leader_epoch=epoch))["t", 0].error_code == ErrorCode.NONE
    newer = rows(fetch(client, ("t", 0, 0), current_leader_epoch=epoch + 1))["t", 0]
    assert newer.error_code == ErrorCode.UNKNOWN_LEADER_EPOCH


def test_a_client_of_a_cut_log_is_told_where_it_diverged(broker, connect):
    """KIP-595: it has read up to offset 2 in epoch 3, of which there is nothing here: epoch 0 ends at 2, then comes 5."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b"))
    row = rows(fetch(client, ("t", 0, 2), version=12, last_fetched_epoch=0))["t", 0]
    assert (row.error_code, row.diverging_epoch.end_offset) == (ErrorCode.NONE, -1)
    row = rows(fetch(client, ("t", 0, 2), version=12, last_fetched_epoch=3))["t", 0]
    assert row.error_code == ErrorCode.OFFSET_OUT_OF_RANGE

    def lead_in_epoch_5(server) -> None:
        server.replicas.partition("t", 0).leader_epoch = 5

    broker.call(lead_in_epoch_5)
    produce(client, "t", batch(b"c"))
    row = rows(fetch(client, ("t", 0, 3), version=12, last_fetched_epoch=3, max_wait_ms=60_000))["t", 0]
    assert row.error_code == ErrorCode.NONE
    assert (row.diverging_epoch.epoch, row.diverging_epoch.end_offset) == (0, 2)


def test_a_long_poll_ends_when_records_arrive(broker, connect):
    """Not before, and not by its time."""
    make_topic(broker, "t")
    waiting, producing = connect(broker), connect(broker)
    waiting.send(fetch_request(("t", 0, 0), max_wait_ms=60_000), 11)
    _until_waiting(broker, 1)
    produce(producing, "t", batch(b"a"))
    assert values(rows(waiting.receive(FetchResponse, 11)[1])["t", 0]) == [b"a"]


def test_a_long_poll_ends_by_its_time(broker, connect):
    """With the partition's offsets and no records."""
    make_topic(broker, "t")
    started = time.monotonic()
    row = rows(fetch(connect(broker), ("t", 0, 0), max_wait_ms=200))["t", 0]
    assert len(row.records) == 0
    assert 0.15 < time.monotonic() - started < DEADLINE_S


def test_a_long_poll_waits_for_min_bytes(broker, connect):
    """Over all of its partitions."""
    make_topic(broker, "t", 2)
    waiting, producing = connect(broker), connect(broker)
    one = batch(b"x" * 1000)
    waiting.send(fetch_request(("t", 0, 0), ("t", 1, 0), max_wait_ms=60_000, min_bytes=2 * len(one)), 11)
    _until_waiting(broker, 1)
    produce(producing, "t", one)
    _until_waiting(broker, 1)
    produce(producing, "t", batch(b""), one)
    answer = rows(waiting.receive(FetchResponse, 11)[1])
    assert sum(len(row.records) for row in answer.values()) >= 2 * len(one)


def test_a_long_poll_ends_when_its_topic_is_deleted(broker, connect):
    """With an error, rather than by its time."""
    from confluent_kafka.admin import AdminClient

    make_topic(broker, "t")
    waiting = connect(broker)
    waiting.send(fetch_request(("t", 0, 0), max_wait_ms=60_000), 11)
    _until_waiting(broker, 1)
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.delete_topics(["t"])["t"].result(10)
    row = rows(waiting.receive(FetchResponse, 11)[1])["t", 0]
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_client_that_hangs_up_takes_its_long_poll_with_it(broker, connect):
    """Nothing keeps watching the partition."""
    make_topic(broker, "t")
    for version in (6, 11):
        clients = [connect(broker) for _ in range(20)]
        for client in clients:
            client.send(fetch_request(("t", 0, 0), max_wait_ms=60_000, session_epoch=0), version)
        _until_waiting(broker, 20)
        assert broker.call(lambda server: server.replicas.partition("t", 0).watcher_count) == 20
        for client in clients:
            client.socket.close()
        _until_waiting(broker, 0)
        assert broker.call(lambda server: server.replicas.partition("t", 0).watcher_count) == 0
    assert broker.call(lambda server: len(server.timers)) == 0


def test_requests_behind_a_long_poll_wait_for_it(broker, connect):
    """Answers come in the order of the requests."""
    make_topic(broker, "t")
    waiting, producing = connect(broker), connect(broker)
    waiting.send(fetch_request(("t", 0, 0), max_wait_ms=60_000), 11)
    waiting.send(MetadataRequest(topics=[]), 9)
    waiting.send(MetadataRequest(topics=[]), 9)
    _until_waiting(broker, 1)
    produce(producing, "t", batch(b"a"))
    assert [
        waiting.receive(FetchResponse, 11)[0],
        *(waiting.receive(MetadataResponse, 9)[0] for _ in range(2)),
    ] == [1, 2, 3]


def _until_waiting(broker, count: int) -> None:
    until(
        lambda: sum(broker.call(lambda server: [each.waiting for each in server.each_connection()])),
        lambda waiting: waiting == count,
    )


# Sessions.


def test_a_session_tells_changes_only(broker, connect):
    """KIP-227: the first answer names all partitions, later ones those that moved."""
    make_topic(broker, "t", 3)
    client = connect(broker)
    first = fetch(client, ("t", 0, 0), ("t", 1, 0), ("t", 2, 0), session_epoch=INITIAL_EPOCH)
    assert first.session_id > 0
    assert len(rows(first)) == 3
    again = fetch(client, session_id=first.session_id, session_epoch=1)
    assert (again.session_id, rows(again)) == (first.session_id, {})
    produce(client, "t", batch(b""), batch(b"b"))
    moved = rows(fetch(client, session_id=first.session_id, session_epoch=2))
    assert {key: values(row) for key, row in moved.items()} == {("t", 0): [b""], ("t", 1): [b"b"]}
    # The client has not moved on, so the records come again.
    assert set(rows(fetch(client, session_id=first.session_id, session_epoch=3))) == {("t", 0), ("t", 1)}
    on = fetch(client, ("t", 0, 1), ("t", 1, 1), session_id=first.session_id, session_epoch=4)
    assert rows(on) == {}


def test_partitions_enter_and_leave_a_session(broker, connect):
    """Forgotten ones are told no more; a session without partitions is closed."""
    make_topic(broker, "t", 2)
    client = connect(broker)
    session = fetch(client, ("t", 0, 0), session_epoch=INITIAL_EPOCH).session_id
    assert set(rows(fetch(client, ("t", 1, 0), session_id=session, session_epoch=1))) == {("t", 1)}
    produce(client, "t", batch(b"a"), batch(b"b"))
    forgotten = [ForgottenTopic(topic="t", partitions=[0])]
    answer = fetch(client, session_id=session, session_epoch=2, forgotten_topics_data=forgotten)
    assert set(rows(answer)) == {("t", 1)}
    forgotten = [ForgottenTopic(topic="t", partitions=[1])]
    answer = fetch(client, session_id=session, session_epoch=3, forgotten_topics_data=forgotten)
    assert answer.session_id == 0
    assert broker.call(lambda server: len(server.fetch_sessions)) == 0


def test_session_errors(broker, connect):
    """An unknown id, a wrong epoch, and ids of topics where there were names."""
    make_topic(broker, "t")
    client = connect(broker)
    assert fetch(client, session_id=77, session_epoch=1).error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    session = fetch(client, ("t", 0, 0), session_epoch=INITIAL_EPOCH).session_id
    assert (
        fetch(client, session_id=session, session_epoch=5).error_code == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    )
    answer = fetch(client, session_id=session, session_epoch=1, version=13)
    assert answer.error_code == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    fetch(client, session_id=session, session_epoch=FINAL_EPOCH)
    answer = fetch(client, session_id=session, session_epoch=1)
    assert answer.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_long_poll_in_a_session_ends_when_one_of_many_partitions_moves(broker, connect):
    """And visits that one alone."""
    make_topic(broker, "t", 50)
    waiting, producing = connect(broker), connect(broker)
    session = fetch(
        waiting, *(("t", index, 0) for index in range(50)), session_epoch=INITIAL_EPOCH
    ).session_id
    waiting.send(fetch_request(session_id=session, session_epoch=1, max_wait_ms=60_000), 11)
    _until_waiting(broker, 1)
    produce(producing, "t", batch(b"a"))
    assert set(rows(waiting.receive(FetchResponse, 11)[1])) == {("t", 0)}


def test_under_a_size_limit_all_partitions_of_a_session_get_their_turn(broker, connect):
    """A partition that gave records goes to the end of the order."""
    make_topic(broker, "t", 4)
    client = connect(broker)
    produce(client, "t", *(batch(b"x" * 3000) for _ in range(4)))
    answer = fetch(client, *(("t", index, 0) for index in range(4)), session_epoch=INITIAL_EPOCH, max_bytes=1)
    served = [key for key, row in rows(answer).items() if len(row.records)]
    for epoch in (1, 2, 3):
        answer = fetch(client, session_id=answer.session_id, session_epoch=epoch, max_bytes=1)
        served += [key for key, row in rows(answer).items() if len(row.records)]
    assert sorted(served) == [("t", index) for index in range(4)]


def test_the_number_of_sessions_is_bounded(start_broker, connect):
    """Past it a fetch is served without one."""
    broker = start_broker({"max.incremental.fetch.session.cache.slots": "2"})
    make_topic(broker, "t")
    sessions = [fetch(connect(broker), ("t", 0, 0), session_epoch=INITIAL_EPOCH).session_id for _ in range(4)]
    assert [bool(each) for each in sessions] == [True, True, False, False]


# Big answers, slow readers.


def test_megabytes_leave_whole(start_broker, connect, tmp_path):
    """From real files, in chunks, through a socket that is drained slowly."""
    broker = start_broker(disk=PosixDisk())
    make_topic(broker, "t")
    client = connect(broker)
    sent = [bytes([number]) * 900_000 for number in range(40)]
    for value in sent:
        assert produce(client, "t", batch(value))[0].error_code == ErrorCode.NONE
    client.send(fetch_request(("t", 0, 0), partition_max_bytes=50 * MEGABYTE), 11)
    (size,) = struct.unpack(">i", client.receive_exactly(4))
    received = bytearray()
    while len(received) < size:
        received += client.socket.recv(min(65_536, size - len(received)))
        if len(received) % 10 == 0:
            time.sleep(0.001)
    _, content = struct.unpack_from(">i", received), bytes(received)
    assert all(value in content for value in sent[::7])
    assert produce(client, "t", batch(b"after"))[0].base_offset == 40


def test_readers_that_never_read_cost_next_to_nothing(start_broker, connect):
    """Thirty of them, each with an answer of 30 MB on its way."""
    broker = start_broker(disk=PosixDisk())
    make_topic(broker, "t")
    client = connect(broker)
    for _ in range(32):
        produce(client, "t", batch(b"x" * 950_000))
    readers = [connect(broker) for _ in range(30)]
    for reader in readers:
        reader.send(fetch_request(("t", 0, 0), partition_max_bytes=50 * MEGABYTE), 11)

    def held(server) -> tuple[int, int]:
        unsent = [each._transport.get_write_buffer_size() for each in server.each_connection()]
        return sum(each > 0 for each in unsent), sum(unsent)

    until(lambda: broker.call(held)[0], lambda readers: readers == 30)
    assert broker.call(held)[1] <= 30 * 64 * 1024
    assert produce(client, "t", batch(b"x"))[0].error_code == ErrorCode.NONE


def test_a_slice_that_was_cut_closes_the_connection(start_broker, connect):
    """Never foreign bytes in its place."""
    broker = start_broker(disk=PosixDisk())
    make_topic(broker, "t")
    client, reader = connect(broker), connect(broker)
    for _ in range(32):
        produce(client, "t", batch(b"x" * 950_000))
    reader.send(fetch_request(("t", 0, 0), partition_max_bytes=50 * MEGABYTE), 11)
    reader.receive_exactly(1000)
    broker.call(lambda server: server.replicas.partition("t", 0).leading_log().truncate_to(1))
    with pytest.raises(ConnectionResetError):
        reader.receive_exactly(31 * MEGABYTE)


def test_reading_while_writing(start_broker, connect):
    """Whoever reads along sees every batch once and in order."""
    broker = start_broker(disk=PosixDisk())
    make_topic(broker, "t", segment_bytes="1048576")
    producing, reading = connect(broker), connect(broker)

    def write() -> None:
        for number in range(300):
            produce(producing, "t", batch(b"%06d" % number + b"x" * (number * 97 % 20_000)))

    writer = threading.Thread(target=write)
    writer.start()
    offset, seen = 0, []
    while len(seen) < 300:
        row = rows(fetch(reading, ("t", 0, offset), max_wait_ms=1000))["t", 0]
        found = values(row)
        offset += len(found)
        seen += [value[:6] for value in found]
    writer.join()
    assert seen == [b"%06d" % number for number in range(300)]


# Look-ups.


def list_offset(client, timestamp: int, *, version: int = 8, isolation: int = 0, partition: int = 0):
    topic = ListOffsetsTopic(
        name="t", partitions=[ListOffsetsPartition(partition_index=partition, timestamp=timestamp)]
    )
    request = ListOffsetsRequest(replica_id=-1, isolation_level=isolation, topics=[topic])
    return client.ask(request, ListOffsetsResponse, version).topics[0].partitions[0]


def timed(*times_ms: int, codec: Codec = Codec.NONE) -> bytes:
    return bytes(build_batch([Record(0, each, b"k", b"v") for each in times_ms], codec=codec))


def test_offsets_by_time(broker, connect):
    """Earliest, latest, exact inside a batch, of the largest time, and none."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", timed(NOW_MS, NOW_MS + 10, NOW_MS + 20))
    produce(client, "t", timed(NOW_MS + 90, NOW_MS + 50, NOW_MS + 60, codec=Codec.LZ4))
    found = {
        wanted: list_offset(client, wanted)
        for wanted in (-1, -2, -3, -4, NOW_MS + 10, NOW_MS + 11, NOW_MS + 55, NOW_MS + 91, 0)
    }
    assert (found[-1].offset, found[-1].timestamp) == (6, -1)
    assert (found[-2].offset, found[-4].offset) == (0, 0)
    assert (found[-3].offset, found[-3].timestamp) == (3, NOW_MS + 90)
    assert (found[NOW_MS + 10].offset, found[NOW_MS + 10].timestamp) == (1, NOW_MS + 10)
    assert (found[NOW_MS + 11].offset, found[NOW_MS + 11].timestamp) == (2, NOW_MS + 20)
    assert (found[NOW_MS + 55].offset, found[NOW_MS + 55].timestamp) == (3, NOW_MS + 90)
    assert (found[NOW_MS + 91].offset, found[NOW_MS + 91].timestamp) == (-1, -1)
    assert found[0].offset == 0
    assert {each.error_code for each in found.values()} == {ErrorCode.NONE}


@pytest.mark.parametrize(("timestamp", "first_version"), [(-3, 7), (-4, 8), (-5, 9), (-6, 99), (-1000, 99)])
def test_special_times_have_their_versions(broker, connect, timestamp, first_version):
    """Before, UNSUPPORTED_VERSION; there is no offset of a tiered log without one."""
    make_topic(broker, "t")
    client = connect(broker)
    for version in range(1, 11):
        row = list_offset(client, timestamp, version=version)
        wanted = ErrorCode.NONE if version >= first_version else ErrorCode.UNSUPPORTED_VERSION
        assert (version, row.error_code) == (version, wanted)
        assert row.offset == (0 if timestamp == -4 and wanted == ErrorCode.NONE else -1)


def test_a_partition_asked_for_twice_is_refused(broker, connect):
    """As Apache does."""
    make_topic(broker, "t")
    partition = ListOffsetsPartition(partition_index=0, timestamp=-1)
    request = ListOffsetsRequest(topics=[ListOffsetsTopic(name="t", partitions=[partition, partition])])
    answer = connect(broker).ask(request, ListOffsetsResponse, 5)
    assert [row.error_code for row in answer.topics[0].partitions] == [ErrorCode.INVALID_REQUEST] * 2


def test_deleted_records_are_gone(broker, connect):
    """Fetch and ListOffsets begin at the new start; too far is OFFSET_OUT_OF_RANGE; -1 takes all."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b", b"c"))

    def delete(offset: int):
        partition = DeleteRecordsPartition(partition_index=0, offset=offset)
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name="t", partitions=[partition])], timeout_ms=1000
        )
        row = client.ask(request, DeleteRecordsResponse, 2).topics[0].partitions[0]
        return row.error_code, row.low_watermark

    assert delete(4) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    assert delete(2) == (ErrorCode.NONE, 2)
    assert rows(fetch(client, ("t", 0, 1)))["t", 0].error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert rows(fetch(client, ("t", 0, 2)))["t", 0].log_start_offset == 2
    assert list_offset(client, -2).offset == 2
    assert delete(-1) == (ErrorCode.NONE, 3)


def test_where_leader_epochs_end(broker, connect):
    """OffsetForLeaderEpoch."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a", b"b"))

    def ask(leader_epoch: int, current: int = -1, topic: str = "t"):
        partition = OffsetForLeaderPartition(
            partition=0, leader_epoch=leader_epoch, current_leader_epoch=current
        )
        request = OffsetForLeaderEpochRequest(
            replica_id=-1, topics=[OffsetForLeaderTopic(topic=topic, partitions=[partition])]
        )
        row = client.ask(request, OffsetForLeaderEpochResponse, 4).topics[0].partitions[0]
        return row.error_code, row.leader_epoch, row.end_offset

    assert ask(0) == (ErrorCode.NONE, 0, 2)
    assert ask(9) == (ErrorCode.NONE, -1, -1)
    assert ask(0, current=9) == (ErrorCode.UNKNOWN_LEADER_EPOCH, -1, -1)
    assert ask(0, topic="none") == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)


@pytest.mark.parametrize("version", [4, 11, 12])
def test_who_leads_instead_is_told_where_the_version_has_a_place_for_it(broker, connect, version):
    """From version 12 on, with the address from 16 on (KIP-951)."""
    make_topic(broker, "t")

    def follow(server) -> None:
        server.replicas.partition("t", 0).role = Role.FOLLOWER

    broker.call(follow)
    row = rows(fetch(connect(broker), ("t", 0, 0), version=version))["t", 0]
    assert row.error_code == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert row.current_leader.leader_id == (1 if version >= 12 else -1)


def test_records_that_left_the_page_cache_are_read_by_a_thread(start_broker, connect, tmp_path):
    """All of them, whole and in order; the loop waits for no disk."""
    broker = start_broker(disk=PosixDisk())
    make_topic(broker, "t", segment_bytes="4194304")
    client = connect(broker)
    sent = [bytes([number]) * 300_000 for number in range(40)]
    for value in sent:
        produce(client, "t", batch(value))
    for path in (tmp_path / "logs" / "t-0").iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    got: list[bytes] = []
    while len(got) < len(sent):
        row = rows(fetch(client, ("t", 0, len(got)), partition_max_bytes=10 * MEGABYTE))["t", 0]
        got += values(row)
    assert got == sent
    assert broker.call(lambda server: server.listeners[0].reads.cold_reads) > 0
