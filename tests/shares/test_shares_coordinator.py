"""The share coordinator: who may write, which records a write becomes, what can be deleted, and what a failure takes back."""

from __future__ import annotations

import pytest
from share_world import GROUP, KEY, TOPIC, StateLog

from java_oracle import JavaOracle
from ottla.coordination.results import CoordinatorRecord
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.types import Uuid, uuid_text
from ottla.shares.records import (
    SharePartitionKey,
    ShareState,
    StateUpdate,
    parse_record,
    snapshot_record,
    tombstone,
    update_record,
)
from ottla.shares.settings import ShareCoordinatorSettings
from ottla.shares.state_batches import StateBatch

DONE, AVAILABLE = 2, 0


@pytest.fixture
def log() -> StateLog:
    """Loaded, and with state from offset 5 on."""
    log = StateLog()
    log.load()
    assert log.initialize(5).error_code == ErrorCode.NONE
    return log


def kinds(log: StateLog) -> list[str]:
    """What the log's records are, in order."""
    found = []
    for record in log.records:
        parsed = parse_record(*record)
        assert parsed is not None
        found.append({ShareState: "snapshot", StateUpdate: "update"}.get(type(parsed.content), "tombstone"))
    return found


def summary(log: StateLog) -> summarizing.PartitionResult:
    topic = summarizing.ReadStateSummaryData(
        topic_id=TOPIC, partitions=[summarizing.PartitionData(partition=0)]
    )
    request = summarizing.ReadShareGroupStateSummaryRequest(group_id=GROUP, topics=[topic])
    return log.service.read_summary(request, 0).value.results[0].partitions[0]


def delete(log: StateLog) -> ErrorCode:
    topic = deleting.DeleteStateData(topic_id=TOPIC, partitions=[deleting.PartitionData(partition=0)])
    request = deleting.DeleteShareGroupStateRequest(group_id=GROUP, topics=[topic])
    return ErrorCode(log.service.delete(request, 0).value.results[0].partitions[0].error_code)


# Reading and writing.


def test_nothing_is_read_or_written_before_the_state_begins() -> None:
    """INVALID_REQUEST for both; a summary says start offset -1."""
    log = StateLog()
    log.load()
    read = log.read(0)
    assert (read.error_code, read.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Read operation on uninitialized share partition not allowed.",
    )
    assert log.write_batches(0, (), 0) is ErrorCode.INVALID_REQUEST
    assert summary(log).start_offset == -1


def test_writes_are_laid_over_each_other(log: StateLog) -> None:
    """Each is an update; together they read as one state, the same after a restart."""
    log.write_batches(5, (StateBatch(5, 9, 1, AVAILABLE),), 0)
    log.write_batches(5, (StateBatch(7, 7, 1, DONE),), 0)
    log.write_batches(6, (), 0)
    assert kinds(log) == ["snapshot", "update", "update", "update"]
    for _ in range(2):
        state = log.read(0)
        assert state.start_offset == 6
        assert [
            (each.first_offset, each.last_offset, each.delivery_state) for each in state.state_batches
        ] == [
            (6, 6, AVAILABLE),
            (7, 7, DONE),
            (8, 9, AVAILABLE),
        ]
        log.load()


def test_many_updates_become_a_snapshot() -> None:
    """At the count of the setting; the snapshot holds everything, and lets the log before it be deleted."""
    log = StateLog(ShareCoordinatorSettings(snapshot_update_records_per_snapshot=2))
    log.load()
    log.initialize(0)
    for offset in range(8):
        log.write_batches(0, (StateBatch(offset * 2, offset * 2, 1, DONE),), 0)
    assert kinds(log) == ["snapshot", *["update"] * 3, "snapshot", *["update"] * 2, "snapshot", "update"]
    assert log.service.redundant_offsets() == {0: 7}
    before = log.read(0)
    log.prune()
    log.load()
    assert log.start_offset == 7
    assert log.read(0) == before


def test_a_higher_state_epoch_is_a_snapshot(log: StateLog) -> None:
    log.write_batches(5, (), 0, state_epoch=1)
    assert kinds(log) == ["snapshot", "snapshot"]
    assert log.read(0).state_epoch == 1


def test_a_new_leader_fences_the_one_before(log: StateLog) -> None:
    """By reading; the old one can neither write nor read from then on, after a restart either."""
    assert log.read(3).error_code == ErrorCode.NONE
    log.load()
    assert log.write_batches(5, (), 2) is ErrorCode.FENCED_LEADER_EPOCH
    assert log.read(2).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert log.write_batches(5, (), 3) is ErrorCode.NONE
    assert summary(log).leader_epoch == 3


def test_a_new_state_fences_writers_of_the_one_before(log: StateLog) -> None:
    """An administrator resets the offsets: the state begins anew under a higher epoch."""
    assert log.initialize(100, state_epoch=2).error_code == ErrorCode.NONE
    assert log.initialize(0, state_epoch=1).error_code == ErrorCode.FENCED_STATE_EPOCH
    assert log.write_batches(7, (), 0, state_epoch=1) is ErrorCode.FENCED_STATE_EPOCH
    state = log.read(0)
    assert (state.start_offset, state.state_epoch) == (100, 2)


def test_partitions_that_are_no_more_are_refused(log: StateLog) -> None:
    log.exists = False
    assert log.write_batches(5, (), 0) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert log.read(0).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert log.initialize(0).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert delete(log) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_deleted_state_is_gone(log: StateLog) -> None:
    """With a tombstone; deleting what isn't there is no error, and the state may begin anew."""
    assert delete(log) is ErrorCode.NONE
    assert delete(log) is ErrorCode.NONE
    assert kinds(log) == ["snapshot", "tombstone"]
    assert log.service.redundant_offsets() == {0: 1}
    log.load()
    assert summary(log).start_offset == -1
    assert log.initialize(9).error_code == ErrorCode.NONE
    assert summary(log).start_offset == 9


def test_deleted_topics_take_their_state_along(log: StateLog) -> None:
    log.service.topics_deleted({Uuid(bytes(16))})
    assert kinds(log) == ["snapshot"]
    log.service.topics_deleted({TOPIC})
    assert kinds(log) == ["snapshot", "tombstone"]


# Failures.


def test_what_could_not_be_written_is_taken_back(log: StateLog) -> None:
    """State, epochs and the count of updates: as if it had never been asked for."""
    before = log.read(0)
    log.appends = "fail"
    assert log.write_batches(6, (StateBatch(6, 6, 1, DONE),), 0) is ErrorCode.NOT_COORDINATOR
    assert log.read(4).error_code == ErrorCode.NOT_COORDINATOR
    assert log.initialize(50, state_epoch=7).error_code == ErrorCode.NOT_COORDINATOR
    assert delete(log) is ErrorCode.NOT_COORDINATOR
    log.appends = "stand"
    assert log.read(0) == before
    assert log.write_batches(6, (), 0) is ErrorCode.NONE
    assert kinds(log) == ["snapshot", "update"]


def test_nothing_is_answered_while_it_loads(log: StateLog) -> None:
    log.service.elected(0, 2)
    read = log.read(0)
    assert read.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    assert (read.error_message or "").startswith("Unable to read share group state: ")
    log.service.resigned(0, 0)
    assert log.write_batches(5, (), 0) is ErrorCode.NOT_COORDINATOR


# Time.


def test_what_nobody_writes_gets_a_snapshot_once() -> None:
    """After the interval, so that the log before can be deleted; and not again while nothing changes."""
    log = StateLog(ShareCoordinatorSettings(cold_partition_snapshot_interval_ms=1000))
    log.load()
    log.initialize(0)
    log.write_batches(0, (StateBatch(0, 0, 1, DONE),), 0)
    assert log.service.next_timer_ms() == 1000
    log.service.run_timers(1000)
    assert kinds(log) == ["snapshot", "update", "snapshot"]
    assert log.service.redundant_offsets() == {0: 2}
    log.service.run_timers(2000)
    log.service.run_timers(3000)
    assert kinds(log) == ["snapshot", "update", "snapshot"]
    before = log.read(0)
    log.prune()
    log.load()
    assert log.read(0) == before


# Records.


def test_records_are_apaches(java_oracle: JavaOracle) -> None:
    """Byte by byte, behind the two bytes of type or version."""
    batches = (StateBatch(5, 9, 1, DONE), StateBatch(11, 2**40, 3, AVAILABLE))
    rows = [
        {
            "firstOffset": each.first_offset,
            "lastOffset": each.last_offset,
            "deliveryState": each.delivery_state,
            "deliveryCount": each.delivery_count,
        }
        for each in batches
    ]
    key = {"groupId": GROUP, "topicId": uuid_text(TOPIC), "partition": 0}
    state = ShareState(3, 2, 7, 5, batches, 1_700_000_000_123, 1_700_000_000_456)
    value = {
        "snapshotEpoch": 3,
        "stateEpoch": 2,
        "leaderEpoch": 7,
        "startOffset": 5,
        "createTimestamp": 1_700_000_000_123,
        "writeTimestamp": 1_700_000_000_456,
        "stateBatches": rows,
    }
    expected = CoordinatorRecord(
        b"\0\0" + java_oracle.encode("ShareSnapshotKey", 0, key),
        b"\0\0" + java_oracle.encode("ShareSnapshotValue", 0, value),
    )
    assert snapshot_record(KEY, state) == expected
    assert tombstone(KEY) == CoordinatorRecord(expected.key, None)
    assert parse_record(*expected) == (KEY, state)

    update = StateUpdate(3, 7, 5, batches)
    changed = {"snapshotEpoch": 3, "leaderEpoch": 7, "startOffset": 5, "stateBatches": rows}
    expected = CoordinatorRecord(
        b"\0\1" + java_oracle.encode("ShareUpdateKey", 0, key),
        b"\0\0" + java_oracle.encode("ShareUpdateValue", 0, changed),
    )
    assert update_record(KEY, update) == expected
    assert parse_record(*expected) == (KEY, update)


def test_records_of_a_later_kafka_are_passed_over() -> None:
    assert parse_record(b"\0\x09whatever", b"") is None
    with pytest.raises(ProtocolError):
        parse_record(b"\0", b"")


def test_the_key_decides_the_coordinator() -> None:
    """As text, as FindCoordinator asks for it."""
    text = str(KEY)
    assert text == f"g:{uuid_text(TOPIC)}:0"
    assert SharePartitionKey.parse(text) == KEY
    assert SharePartitionKey.parse("a:b:" + text) == KEY._replace(group_id="a:b:g")
    for wrong in ("", "g", "g:0", f" :{uuid_text(TOPIC)}:0", "g:short:0", f"g:{uuid_text(TOPIC)}:x"):
        with pytest.raises(ValueError):
            SharePartitionKey.parse(wrong)
