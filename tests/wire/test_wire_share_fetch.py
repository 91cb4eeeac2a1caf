"""Share groups on the wire: acquiring, acknowledging, locks, sessions, and what a restart finds."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from share_client import (
    ACCEPT,
    GAP,
    REJECT,
    RELEASE,
    ShareMember,
    enable_share_groups,
    initialize_state,
    read_state,
    topic_id,
)
from wire_client import WireClient

from brokers import ApacheBroker, OttlaBroker, ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import share_fetch as fetching
from ottla.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.types import Uuid
from ottla.records.batch import Codec
from ottla.records.record import Record, build_batch

SETTINGS = {
    "group.share.record.lock.duration.ms": "1000",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.share.partition.max.record.locks": "100",
    "group.share.delivery.count.limit": "3",
    "group.share.max.groups": "2",
    "group.share.max.size": "4",
    "group.share.max.share.sessions": "8",
    "share.coordinator.state.topic.num.partitions": "3",
}
"""Locks are over soon, and every bound is near."""

NEW = itertools.count(1)


@pytest.fixture(scope="module")
def share_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessBroker]:
    """A broker of this module's own, with share groups switched on."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and its features stay as they are")
    kind = {"ottla": OttlaBroker, "apache": ApacheBroker}[broker_kind]
    with kind(tmp_path_factory.mktemp("share"), SETTINGS) as running:
        with WireClient(running.host, running.port) as wire:
            enable_share_groups(wire)
        yield running


@pytest.fixture
def wire(share_broker: ProcessBroker) -> Iterator[WireClient]:
    with WireClient(share_broker.host, share_broker.port) as client:
        yield client


Members = Callable[..., ShareMember]


@pytest.fixture
def group(unique_name: Callable[[str], str]) -> str:
    return unique_name("share")


@pytest.fixture
def members(wire: WireClient, share_broker: ProcessBroker, group: str, topic: str) -> Iterator[Members]:
    """Makes members of one group over one new topic with state from offset 0; each on a connection of its own."""
    wire.create_topic(topic)
    name = topic_id(wire, topic)
    initialize_state(wire, group, name)

    def new() -> ShareMember:
        client = connections.enter_context(WireClient(share_broker.host, share_broker.port))
        return ShareMember(client, group, name, next(NEW))

    with contextlib.ExitStack() as connections:
        yield new


def produce(wire: WireClient, topic: str, *values: bytes) -> int:
    """One batch; the first record's offset."""
    return wire.produce_records(topic, *(Record(0, 0, None, value) for value in values))


def produce_apart(wire: WireClient, topic: str, count: int) -> None:
    """So many batches of one record."""
    for number in range(count):
        produce(wire, topic, b"%d" % number)


# Acquiring and acknowledging.


def test_a_fetch_acquires_what_is_there(wire: WireClient, members: Members, topic: str) -> None:
    """Records come with the range that is acquired, delivered for the first time."""
    produce(wire, topic, b"a", b"b", b"c")
    seen = members().fetch_until(3)
    assert seen.ranges == [(0, 2, 1)]
    assert seen.values == {0: b"a", 1: b"b", 2: b"c"}


def test_what_is_acquired_goes_to_nobody_else(wire: WireClient, members: Members, topic: str) -> None:
    """A second member gets what comes later; so does the first."""
    first, second = members(), members()
    produce(wire, topic, b"a")
    assert first.fetch_until(1).offsets == {0: 1}
    produce(wire, topic, b"b")
    assert second.fetch_until(1).offsets == {1: 1}
    assert first.fetch(max_wait_ms=50).offsets == {}


def test_accepted_records_are_done_with(wire: WireClient, members: Members, topic: str, group: str) -> None:
    """The start offset moves behind them, and is kept."""
    member = members()
    produce(wire, topic, b"a", b"b", b"c")
    member.fetch_until(3)
    assert member.acknowledge((0, 2, [ACCEPT])) is ErrorCode.NONE
    produce(wire, topic, b"d")
    assert member.fetch_until(1).offsets == {3: 1}
    assert member.acknowledge((3, 3, [ACCEPT])) is ErrorCode.NONE
    state = read_state(wire, group, member.topic)
    assert (state.error_code, state.start_offset) == (0, 3)
    assert [(each.first_offset, each.last_offset, each.delivery_state) for each in state.state_batches] == [
        (3, 3, 2)
    ]


def test_released_records_come_again(wire: WireClient, members: Members, topic: str) -> None:
    """With the delivery count one higher; the others of the batch don't."""
    first, second = members(), members()
    produce(wire, topic, b"a", b"b", b"c", b"d")
    first.fetch_until(4)
    assert first.acknowledge((0, 3, [ACCEPT, RELEASE, REJECT, RELEASE])) is ErrorCode.NONE
    again = second.fetch_until(2)
    assert again.offsets == {1: 2, 3: 2}


def test_a_batch_may_be_acknowledged_piece_by_piece(
    wire: WireClient, members: Members, topic: str, group: str
) -> None:
    """In any order; the start offset follows the first record that is not done with."""
    member = members()
    produce(wire, topic, *(b"%d" % number for number in range(10)))
    member.fetch_until(10)
    assert member.acknowledge((5, 6, [ACCEPT]), (8, 8, [GAP])) is ErrorCode.NONE
    assert member.acknowledge((0, 1, [ACCEPT])) is ErrorCode.NONE
    assert member.acknowledge((2, 4, [ACCEPT, REJECT, ACCEPT])) is ErrorCode.NONE
    assert member.acknowledge((9, 9, [RELEASE])) is ErrorCode.NONE
    state = read_state(wire, group, member.topic)
    assert state.error_code == ErrorCode.NONE
    known = {
        offset: (each.delivery_state, each.delivery_count)
        for each in state.state_batches
        for offset in range(each.first_offset, each.last_offset + 1)
    }
    assert {offset: known.get(offset) for offset in range(7, 10)} == {7: None, 8: (4, 1), 9: (0, 1)}


def test_acknowledgements_come_along_with_a_fetch(wire: WireClient, members: Members, topic: str) -> None:
    """Their outcome stands in the partition's row, records or not."""
    member = members()
    produce(wire, topic, b"a", b"b")
    member.fetch_until(2)
    seen = member.fetch(acknowledge=[(0, 0, [ACCEPT]), (1, 1, [RELEASE])])
    assert seen.acknowledge_error is ErrorCode.NONE
    if not seen.offsets:  # Apache answers at once, though the release is still on its way to the coordinator
        seen = member.fetch_until(1)
    assert seen.offsets == {1: 2}
    refused = member.fetch(acknowledge=[(0, 0, [ACCEPT]), (7, 7, [ACCEPT])], max_wait_ms=50)
    assert refused.acknowledge_error is ErrorCode.INVALID_REQUEST


def test_too_many_deliveries_end_a_record(wire: WireClient, members: Members, topic: str) -> None:
    """After `group.share.delivery.count.limit` it is given up, released or not."""
    member = members()
    produce(wire, topic, b"a", b"b")
    for delivery in (1, 2, 3):
        assert member.fetch_until(1).offsets == ({0: 1, 1: 1} if delivery == 1 else {0: delivery})
        types = [RELEASE, ACCEPT] if delivery == 1 else [RELEASE]
        assert member.acknowledge((0, len(types) - 1, types)) is ErrorCode.NONE
    assert member.fetch(max_wait_ms=50).offsets == {}


# Who may acknowledge what.


def test_only_the_one_who_has_a_record_may_acknowledge_it(
    wire: WireClient, members: Members, topic: str
) -> None:
    """Others, and those whose lock it is no more, are told INVALID_RECORD_STATE; nothing of the request holds."""
    first, second = members(), members()
    produce(wire, topic, b"a", b"b")
    first.fetch_until(2)
    second.fetch(max_wait_ms=10)
    assert second.acknowledge((0, 0, [ACCEPT])) is ErrorCode.INVALID_RECORD_STATE
    assert first.acknowledge((1, 1, [ACCEPT])) is ErrorCode.NONE
    assert first.acknowledge((0, 1, [ACCEPT])) is ErrorCode.INVALID_RECORD_STATE
    assert first.acknowledge((0, 0, [ACCEPT])) is ErrorCode.NONE
    assert first.acknowledge((0, 1, [ACCEPT])) is ErrorCode.NONE, "what is done with may be said again"


def test_offsets_that_are_not_in_flight_are_refused(wire: WireClient, members: Members, topic: str) -> None:
    """Behind what was handed out: INVALID_REQUEST; with nothing in flight: INVALID_RECORD_STATE."""
    member = members()
    member.fetch(max_wait_ms=10)
    until(lambda: member.acknowledge((0, 0, [ACCEPT])), lambda code: code is ErrorCode.INVALID_RECORD_STATE)
    produce(wire, topic, b"a", b"b")
    member.fetch_until(2)
    assert member.acknowledge((5, 6, [ACCEPT])) is ErrorCode.INVALID_REQUEST
    assert member.acknowledge((1, 2, [ACCEPT])) is ErrorCode.INVALID_REQUEST
    assert member.acknowledge((0, 1, [ACCEPT])) is ErrorCode.NONE


@pytest.mark.parametrize(
    "batches",
    [
        [(1, 0, [ACCEPT])],
        [(0, 1, [])],
        [(0, 2, [ACCEPT, ACCEPT])],
        [(0, 0, [4])],
        [(0, 0, [-1])],
        [(1, 1, [ACCEPT]), (0, 0, [ACCEPT])],
    ],
    ids=["backwards", "nothing said", "not one for each", "unknown", "negative", "out of order"],
)
def test_malformed_acknowledgements_are_refused(
    wire: WireClient, members: Members, topic: str, batches: list[tuple[int, int, list[int]]]
) -> None:
    """INVALID_REQUEST, and what is in flight stays so."""
    member = members()
    produce(wire, topic, b"a", b"b", b"c")
    member.fetch_until(3)
    assert member.acknowledge(*batches) is ErrorCode.INVALID_REQUEST
    assert member.acknowledge((0, 2, [ACCEPT])) is ErrorCode.NONE


# Locks.


def test_a_lock_is_over_in_time(wire: WireClient, members: Members, topic: str) -> None:
    """Then somebody else gets the record, and the one who had it may not acknowledge it any more."""
    first, second = members(), members()
    produce(wire, topic, b"a", b"b")
    first.fetch_until(2)
    assert first.acknowledge((1, 1, [ACCEPT])) is ErrorCode.NONE
    assert second.fetch_until(1).offsets == {0: 2}
    assert first.acknowledge((0, 0, [ACCEPT])) is ErrorCode.INVALID_RECORD_STATE
    assert second.acknowledge((0, 0, [ACCEPT])) is ErrorCode.NONE


def test_no_more_records_are_out_than_may_be(wire: WireClient, members: Members, topic: str) -> None:
    """At `group.share.partition.max.record.locks` nothing further is handed out, until some are done with."""
    member = members()
    produce_apart(wire, topic, 120)
    assert len(member.fetch_until(1, max_records=60).offsets) == 60
    assert len(member.fetch(max_records=60).offsets) == 60
    produce(wire, topic, b"one more")
    assert member.fetch(max_wait_ms=50).offsets == {}
    assert member.acknowledge((0, 59, [ACCEPT])) is ErrorCode.NONE
    assert member.fetch_until(1).offsets[120] == 1


# How much comes.


def test_max_records_ends_with_a_batch(wire: WireClient, members: Members, topic: str) -> None:
    """Whole batches are acquired, the last one may go beyond."""
    member = members()
    for _ in range(3):
        produce(wire, topic, b"a", b"b", b"c", b"d")
    seen = member.fetch_until(1, max_records=6)
    assert seen.ranges == [(0, 7, 1)]
    assert sorted(seen.values) == list(range(8))
    rest = member.fetch_until(1, max_records=1)
    assert (rest.ranges, sorted(rest.values)) == ([(8, 11, 1)], [8, 9, 10, 11])


def test_batch_size_cuts_what_is_acquired(wire: WireClient, members: Members, topic: str) -> None:
    """Between batches, once there are so many."""
    member = members()
    for _ in range(5):
        produce(wire, topic, b"a", b"b")
    assert member.fetch_until(1, batch_size=4).ranges == [(0, 3, 1), (4, 7, 1), (8, 9, 1)]


def test_only_acquired_batches_are_sent(wire: WireClient, members: Members, topic: str) -> None:
    """What lies before and behind the acquired ones in the log does not go over the wire."""
    first, second = members(), members()
    for number in range(6):
        produce(wire, topic, b"%d" % number)
    first.fetch_until(6)
    assert first.acknowledge((2, 3, [RELEASE])) is ErrorCode.NONE
    seen = second.fetch_until(2)
    assert (seen.offsets, sorted(seen.values)) == ({2: 2, 3: 2}, [2, 3])


def test_a_fetch_waits_for_records(
    wire: WireClient, members: Members, topic: str, share_broker: ProcessBroker
) -> None:
    """It is answered when they come, long before its time is over."""
    member = members()
    member.fetch(max_wait_ms=10)
    member.wire.send(member.fetch_request(max_wait_ms=15_000), fetching.ShareFetchResponse, 1)
    produce(wire, topic, b"a")
    answer = member.wire.receive(fetching.ShareFetchResponse)
    [row] = answer.responses[0].partitions
    assert [(each.first_offset, each.last_offset) for each in row.acquired_records] == [(0, 0)]
    assert answer.acquisition_lock_timeout_ms == 1000


def test_a_waiting_fetch_gets_what_somebody_releases(wire: WireClient, members: Members, topic: str) -> None:
    first, second = members(), members()
    produce(wire, topic, b"a")
    first.fetch_until(1)
    second.fetch(max_wait_ms=10)
    second.wire.send(second.fetch_request(max_wait_ms=15_000), fetching.ShareFetchResponse, 1)
    assert first.acknowledge((0, 0, [RELEASE])) is ErrorCode.NONE
    answer = second.wire.receive(fetching.ShareFetchResponse)
    if answer.responses:
        [row] = answer.responses[0].partitions
        assert [(each.first_offset, each.delivery_count) for each in row.acquired_records] == [(0, 2)]
    else:  # as above: Apache's answer may come before the release is through
        assert second.fetch_until(1).offsets == {0: 2}


# Sessions.


def test_sessions_have_their_errors(members: Members) -> None:
    """No session, a wrong epoch, acknowledging without having opened one, acknowledging while opening."""
    member = members()
    assert member.fetch_all(epoch=3, max_wait_ms=10)[0] is ErrorCode.SHARE_SESSION_NOT_FOUND
    assert member.fetch_all(epoch=-1, max_wait_ms=10)[0] is ErrorCode.SHARE_SESSION_NOT_FOUND
    assert member.acknowledge((0, 0, [ACCEPT]), epoch=1) is ErrorCode.SHARE_SESSION_NOT_FOUND
    assert member.acknowledge((0, 0, [ACCEPT]), epoch=0) is ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert (
        member.fetch_all(epoch=0, acknowledge=[(0, 0, [ACCEPT])], max_wait_ms=10)[0]
        is ErrorCode.INVALID_REQUEST
    )
    assert member.fetch_all(epoch=0, max_wait_ms=10)[0] is ErrorCode.NONE
    assert member.fetch_all(epoch=5, max_wait_ms=10)[0] is ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert member.acknowledge((0, 0, [ACCEPT]), epoch=9) is ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert member.fetch_all(epoch=1, max_wait_ms=10)[0] is ErrorCode.NONE
    assert member.close() is ErrorCode.NONE
    assert member.close() is ErrorCode.SHARE_SESSION_NOT_FOUND


def test_a_member_id_must_be_a_uuid(members: Members) -> None:
    member = members()
    member.member_id = "not a uuid"
    assert member.fetch_all(max_wait_ms=10)[0] is ErrorCode.UNKNOWN_SERVER_ERROR


def test_a_group_must_have_a_name(members: Members) -> None:
    """The share coordinator keeps nothing for one without; the broker goes on."""
    member = members()
    member.group = ""
    rows = member.fetch_all(max_wait_ms=10)[1]
    assert {row.error for row in rows.values()} <= {ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.INVALID_REQUEST}
    assert members().fetch_all(max_wait_ms=10)[0] is ErrorCode.NONE


def test_a_closed_session_gives_back_what_it_had(wire: WireClient, members: Members, topic: str) -> None:
    """As if it had never been delivered."""
    first, second = members(), members()
    produce(wire, topic, b"a", b"b")
    first.fetch_until(2)
    assert first.acknowledge((0, 0, [ACCEPT])) is ErrorCode.NONE
    second.fetch(max_wait_ms=10)
    assert first.close() is ErrorCode.NONE
    assert second.fetch_until(1).offsets == {1: 1}


def test_a_lost_connection_gives_back_what_its_member_had(
    wire: WireClient, members: Members, topic: str
) -> None:
    first, second = members(), members()
    produce(wire, topic, b"a")
    first.fetch_until(1)
    second.fetch(max_wait_ms=10)
    first.wire.hang_up()
    assert second.fetch_until(1).offsets == {0: 1}


def test_there_is_no_place_for_more_sessions_than_set(wire: WireClient, members: Members, topic: str) -> None:
    """The one too many is told so when its wait is over; a place is free once somebody has left."""
    all_of_them = [members() for _ in range(9)]
    outcomes = [each.fetch_all(max_wait_ms=10)[0] for each in all_of_them]
    assert outcomes.count(ErrorCode.SHARE_SESSION_LIMIT_REACHED) == 1
    all_of_them[0].close()
    assert all_of_them[8].fetch_all(epoch=0, max_wait_ms=10)[0] is ErrorCode.NONE


def test_a_session_speaks_of_what_changed(wire: WireClient, members: Members, topic: str) -> None:
    """Without records a partition is left out, but for the first time and after an error."""
    member = members()
    first = member.fetch_all(max_wait_ms=300)[1]
    assert set(first) <= {0}
    until(lambda: member.fetch_all(max_wait_ms=50)[1], lambda rows: rows == {})
    unknown = member.fetch_all(partitions=(0, 7), max_wait_ms=50)[1]
    assert {number: row.error for number, row in unknown.items() if row.error} == {
        7: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    }
    assert member.fetch_all(partitions=(), forget=(7,), max_wait_ms=50)[1] == {}


def test_an_unknown_topic_is_told(wire: WireClient, members: Members) -> None:
    """In its partitions' rows, so that others are served. (Apache 4.1.1 means to, and stumbles over the missing name.)"""
    member = members()
    member.topic = Uuid(b"\x07" * 16)
    error, rows = member.fetch_all(max_wait_ms=10)
    assert error is ErrorCode.UNKNOWN_SERVER_ERROR or rows[0].error is ErrorCode.UNKNOWN_TOPIC_ID
    assert member.acknowledge((0, 0, [ACCEPT])) is ErrorCode.UNKNOWN_TOPIC_ID


# The log below.


def test_deleted_records_are_passed_over(wire: WireClient, members: Members, topic: str) -> None:
    """The share partition goes on where the log begins."""
    member = members()
    produce(wire, topic, b"a", b"b", b"c")
    produce(wire, topic, b"d")
    asked = DeleteRecordsTopic(name=topic, partitions=[DeleteRecordsPartition(partition_index=0, offset=3)])
    deleted = wire.ask(DeleteRecordsRequest(topics=[asked], timeout_ms=10_000), DeleteRecordsResponse, 2)
    assert deleted.topics[0].partitions[0].error_code == ErrorCode.NONE
    assert member.fetch_until(1).offsets == {3: 1}
    assert member.acknowledge((3, 3, [ACCEPT])) is ErrorCode.NONE


def test_compressed_batches_are_acquired_like_others(wire: WireClient, members: Members, topic: str) -> None:
    """Only their headers are read."""
    member = members()
    batch = build_batch([Record(0, 0, None, b"x" * 100)] * 3, codec=Codec.GZIP)
    until(lambda: wire.produce(topic, batch), lambda seen: seen.error_code == ErrorCode.NONE)
    assert member.fetch_until(3).ranges == [(0, 2, 1)]


# Restarts.


def test_state_outlives_a_kill(start_broker: Callable[..., ProcessBroker], topic: str) -> None:
    """What was acknowledged stays so, what was released keeps its count, what was locked is available again."""
    broker = start_broker({**SETTINGS, "group.share.record.lock.duration.ms": "30000"})
    with WireClient(broker.host, broker.port) as wire:
        enable_share_groups(wire)
        wire.create_topic(topic)
        name = topic_id(wire, topic)
        initialize_state(wire, "g", name)
        produce_apart(wire, topic, 6)
        member = ShareMember(wire, "g", name, next(NEW))
        member.fetch_until(6)
        assert member.acknowledge((0, 1, [ACCEPT]), (3, 3, [ACCEPT]), (4, 4, [RELEASE])) is ErrorCode.NONE
        broker.kill()
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        member = ShareMember(wire, "g", name, next(NEW))
        seen: dict[int, int] = {}

        def gather() -> dict[int, int]:
            error, rows = member.fetch_all(max_wait_ms=500)
            if error is not ErrorCode.NONE:
                member.epoch = 0
            for row in rows.values():
                seen.update(row.offsets)
            return seen

        until(gather, lambda gathered: len(gathered) >= 3)
        assert seen == {2: 1, 4: 2, 5: 1}
