"""The share coordinator's five requests as another broker would send them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from share_client import initialize_state, read_state, topic_id
from wire_client import WireClient

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import delete_share_group_state as deleting
from ottla.protocol.messages import initialize_share_group_state as initializing
from ottla.protocol.messages import read_share_group_state as reading
from ottla.protocol.messages import read_share_group_state_summary as summarizing
from ottla.protocol.messages import write_share_group_state as writing
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.types import Uuid, uuid_text


class State:
    """One group's state of one partition."""

    def __init__(self, wire: WireClient, group: str, topic: Uuid) -> None:
        self.wire = wire
        self.group = group
        self.topic = topic

    def initialize(self, start_offset: int, state_epoch: int = 0) -> ErrorCode:
        row = initializing.PartitionData(partition=0, state_epoch=state_epoch, start_offset=start_offset)
        request = initializing.InitializeShareGroupStateRequest(
            group_id=self.group,
            topics=[initializing.InitializeStateData(topic_id=self.topic, partitions=[row])],
        )
        answer = self.wire.ask(request, initializing.InitializeShareGroupStateResponse, 0)
        return ErrorCode(answer.results[0].partitions[0].error_code)

    def write(
        self,
        start_offset: int,
        *batches: tuple[int, int, int, int],
        leader_epoch: int = 0,
        state_epoch: int = 0,
        partition: int = 0,
    ) -> tuple[ErrorCode, str | None]:
        """Batches are first offset, last offset, state and delivery count."""
        row = writing.PartitionData(
            partition=partition,
            state_epoch=state_epoch,
            leader_epoch=leader_epoch,
            start_offset=start_offset,
            state_batches=[
                writing.StateBatch(
                    first_offset=first, last_offset=last, delivery_state=state, delivery_count=count
                )
                for first, last, state, count in batches
            ],
        )
        request = writing.WriteShareGroupStateRequest(
            group_id=self.group, topics=[writing.WriteStateData(topic_id=self.topic, partitions=[row])]
        )
        answer = self.wire.ask(request, writing.WriteShareGroupStateResponse, 0)
        [result] = answer.results[0].partitions
        return ErrorCode(result.error_code), result.error_message

    def read(self, leader_epoch: int = 0) -> reading.PartitionResult:
        return read_state(self.wire, self.group, self.topic, leader_epoch=leader_epoch)

    def summary(self) -> tuple[ErrorCode, int, int, int]:
        """Error, start offset, leader epoch, state epoch."""
        row = summarizing.PartitionData(partition=0)
        request = summarizing.ReadShareGroupStateSummaryRequest(
            group_id=self.group,
            topics=[summarizing.ReadStateSummaryData(topic_id=self.topic, partitions=[row])],
        )
        answer = self.wire.ask(request, summarizing.ReadShareGroupStateSummaryResponse, 0)
        [found] = answer.results[0].partitions
        return ErrorCode(found.error_code), found.start_offset, found.leader_epoch, found.state_epoch

    def delete(self) -> ErrorCode:
        request = deleting.DeleteShareGroupStateRequest(
            group_id=self.group,
            topics=[
                deleting.DeleteStateData(
                    topic_id=self.topic, partitions=[deleting.PartitionData(partition=0)]
                )
            ],
        )
        answer = self.wire.ask(request, deleting.DeleteShareGroupStateResponse, 0)
        return ErrorCode(answer.results[0].partitions[0].error_code)


@pytest.fixture
def state(wire: WireClient, topic: str, unique_name: Callable[[str], str]) -> State:
    """From offset 5 on."""
    wire.create_topic(topic)
    made = State(wire, unique_name("share-state"), topic_id(wire, topic))
    initialize_state(wire, made.group, made.topic, start_offset=5)
    return made


def test_state_is_begun_read_written_and_deleted(state: State) -> None:
    assert state.summary() == (ErrorCode.NONE, 5, 0, 0)
    assert state.write(5, (5, 9, 0, 1), (7, 7, 2, 1)) == (ErrorCode.NONE, None)
    assert state.write(6, (12, 14, 4, 2)) == (ErrorCode.NONE, None)
    found = state.read()
    assert (found.error_code, found.start_offset, found.state_epoch) == (0, 6, 0)
    assert [
        (each.first_offset, each.last_offset, each.delivery_state, each.delivery_count)
        for each in found.state_batches
    ] == [(6, 6, 0, 1), (7, 7, 2, 1), (8, 9, 0, 1), (12, 14, 4, 2)]
    assert state.delete() is ErrorCode.NONE
    assert state.delete() is ErrorCode.NONE
    assert state.summary() == (ErrorCode.NONE, -1, 0, 0)


def test_a_write_of_minus_one_leaves_what_there_is(state: State) -> None:
    """Of the start offset and the epochs."""
    state.read(leader_epoch=4)
    assert state.write(-1, (5, 5, 2, 1), leader_epoch=-1, state_epoch=-1)[0] is ErrorCode.NONE
    assert state.summary() == (ErrorCode.NONE, 5, 4, 0)


def test_reading_fences_earlier_leaders(state: State) -> None:
    assert state.read(leader_epoch=3).error_code == ErrorCode.NONE
    assert state.write(5, leader_epoch=2)[0] is ErrorCode.FENCED_LEADER_EPOCH
    assert state.read(leader_epoch=2).error_code == ErrorCode.FENCED_LEADER_EPOCH
    assert state.write(5, leader_epoch=3)[0] is ErrorCode.NONE


def test_a_reset_fences_writers_of_the_state_before(state: State) -> None:
    assert state.initialize(100, state_epoch=2) is ErrorCode.NONE
    assert state.initialize(0, state_epoch=1) is ErrorCode.FENCED_STATE_EPOCH
    assert state.write(7, state_epoch=1)[0] is ErrorCode.FENCED_STATE_EPOCH
    assert state.summary() == (ErrorCode.NONE, 100, 0, 2)


def test_state_that_was_never_begun_is_refused(state: State) -> None:
    """In words."""
    state.delete()
    assert state.write(5) == (
        ErrorCode.INVALID_REQUEST,
        "Write operation on uninitialized share partition not allowed.",
    )
    found = state.read()
    assert (found.error_code, found.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Read operation on uninitialized share partition not allowed.",
    )


def test_what_cannot_be_is_refused(state: State) -> None:
    """A negative partition, a topic that there is not."""
    assert state.write(5, partition=-1) == (
        ErrorCode.INVALID_REQUEST,
        "The partition id cannot be a negative number.",
    )
    stranger = State(state.wire, state.group, Uuid(b"\x01" * 16))
    assert stranger.initialize(0) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert stranger.summary()[0] is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert stranger.delete() is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_empty_requests_are_answered_with_nothing(wire: WireClient, state: State) -> None:
    """No group, no topics, a topic without partitions."""
    nothing = writing.WriteShareGroupStateRequest(group_id="")
    assert wire.ask(nothing, writing.WriteShareGroupStateResponse, 0).results == []
    topic = reading.ReadStateData(topic_id=state.topic)
    no_rows = reading.ReadShareGroupStateRequest(group_id=state.group, topics=[topic])
    assert wire.ask(no_rows, reading.ReadShareGroupStateResponse, 0).results == []


def test_the_coordinator_of_a_share_partition_is_found_by_its_key(wire: WireClient, state: State) -> None:
    """From version 6 of FindCoordinator on, and only for `group:topic id:partition`."""

    def find(key: str, version: int = 6) -> int:
        request = FindCoordinatorRequest(key_type=2, coordinator_keys=[key])
        return wire.ask(request, FindCoordinatorResponse, version).coordinators[0].error_code

    key = f"{state.group}:{uuid_text(state.topic)}:0"
    assert find(key) == ErrorCode.NONE
    assert find(key, 5) == ErrorCode.INVALID_REQUEST
    assert find(state.group) == ErrorCode.INVALID_REQUEST
    assert find(f"{state.group}:{uuid_text(state.topic)}:zero") == ErrorCode.INVALID_REQUEST
