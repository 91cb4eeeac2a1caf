"""Coordinators whose internal topic an administrator has made, or made larger."""

from __future__ import annotations

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
)
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
from wire.wire_client import WireClient

GROUPS = [f"group-{number}" for number in range(12)]


def commit(wire: WireClient, group: str) -> ErrorCode:
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=7)
    request = OffsetCommitRequest(
        group_id=group, topics=[OffsetCommitRequestTopic(name="t", partitions=[partition])]
    )
    return ErrorCode(wire.ask(request, OffsetCommitResponse, 8).topics[0].partitions[0].error_code)


def committed(wire: WireClient, group: str) -> int:
    topics = [OffsetFetchRequestTopics(name="t", partition_indexes=[0])]
    request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id=group, topics=topics)])
    return wire.ask(request, OffsetFetchResponse, 8).groups[0].topics[0].partitions[0].committed_offset


def test_groups_hash_over_the_partitions_that_the_topic_was_made_with(start_broker) -> None:
    """Not as many as the setting says (with Apache's no coordinator is found then). More partitions move no group."""
    broker = start_broker()
    with WireClient("127.0.0.1", broker.port) as wire:
        wire.create_topic("t")
        wire.create_topic("__consumer_offsets", 3, cleanup_policy="compact")
        assert {commit(wire, group) for group in GROUPS} == {ErrorCode.NONE}
        more = CreatePartitionsTopic(name="__consumer_offsets", count=5, assignments=None)
        answer = wire.ask(
            CreatePartitionsRequest(topics=[more], timeout_ms=10_000), CreatePartitionsResponse, 3
        )
        assert answer.results[0].error_code == ErrorCode.NONE
        assert {committed(wire, group) for group in GROUPS} == {7}
