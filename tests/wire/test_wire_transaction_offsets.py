"""Offsets committed with a transaction, request by request."""

from __future__ import annotations

import pytest
from transactional_producer import NONE_YET, PASSING, Transactional
from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponsePartitions,
)
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)


def committed_offset(
    wire: WireClient, group: str, topic: str, *, require_stable: bool = False
) -> OffsetFetchResponsePartitions:
    request = OffsetFetchRequest(
        groups=[
            OffsetFetchRequestGroup(
                group_id=group, topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])]
            )
        ],
        require_stable=require_stable,
    )
    [found] = until(
        lambda: wire.ask(request, OffsetFetchResponse, 8).groups,
        lambda seen: seen[0].error_code == ErrorCode.NONE,
    )
    return found.topics[0].partitions[0]


def commit_offset(producer: Transactional, group: str, topic: str, offset: int, *, api_version: int) -> int:
    request = TxnOffsetCommitRequest(
        transactional_id=producer.transactional_id,
        group_id=group,
        producer_id=producer.owned.producer_id,
        producer_epoch=producer.owned.producer_epoch,
        topics=[
            TxnOffsetCommitRequestTopic(
                name=topic,
                partitions=[TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=offset)],
            )
        ],
    )
    answer = until(
        lambda: producer.wire.ask(request, TxnOffsetCommitResponse, api_version),
        lambda seen: seen.topics[0].partitions[0].error_code not in PASSING,
    )
    return answer.topics[0].partitions[0].error_code


@pytest.mark.parametrize("version", [1, 2])
def test_offsets_are_committed_with_the_transaction(wire, unique_name, topic, version):
    """Not before; who asks for stable offsets is told to wait; an abort forgets them."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    producer = Transactional(wire, unique_name("tx"), version=version)
    producer.init()
    for offset, committed in ((5, True), (9, False)):
        if version == 1:
            request = AddOffsetsToTxnRequest(
                transactional_id=producer.transactional_id,
                producer_id=producer.owned.producer_id,
                producer_epoch=producer.owned.producer_epoch,
                group_id=group,
            )
            assert (
                until(
                    lambda request=request: wire.ask(request, AddOffsetsToTxnResponse, 3).error_code,
                    lambda code: code not in PASSING,
                )
                == ErrorCode.NONE
            )
        before = committed_offset(wire, group, topic).committed_offset
        api_version = 3 if version == 1 else 5
        assert commit_offset(producer, group, topic, offset, api_version=api_version) == ErrorCode.NONE
        assert committed_offset(wire, group, topic).committed_offset == before
        unstable = committed_offset(wire, group, topic, require_stable=True)
        assert unstable.error_code == ErrorCode.UNSTABLE_OFFSET_COMMIT
        producer.end(committed=committed)
        stable = until(
            lambda: committed_offset(wire, group, topic, require_stable=True),
            lambda seen: seen.error_code == ErrorCode.NONE,
        )
        assert stable.committed_offset == 5


def test_offsets_of_a_group_that_was_not_added(wire, unique_name, topic, old_producer):
    """As for records: each version in words it knows."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    old_producer.init()
    old_producer.add(topic, 0)
    assert commit_offset(old_producer, group, topic, 1, api_version=4) == ErrorCode.TRANSACTION_ABORTABLE
    assert commit_offset(old_producer, group, topic, 1, api_version=3) == ErrorCode.INVALID_TXN_STATE
    assert committed_offset(wire, group, topic).committed_offset == -1


def test_offsets_of_whoever_does_not_own_the_transactional_id(wire, unique_name, topic, producer):
    """The transaction's coordinator is asked first, in every version that verifies."""
    wire.create_topic(topic)
    group = unique_name("group")
    wire.find_coordinator(group)
    owned = producer.init()
    for api_version in (3, 4, 5):
        for stranger, code in (
            (NONE_YET, ErrorCode.INVALID_PRODUCER_ID_MAPPING),
            (owned.raised(), ErrorCode.INVALID_PRODUCER_EPOCH),
        ):
            producer.owned = stranger
            assert commit_offset(producer, group, topic, 1, api_version=api_version) == code


def test_offsets_of_a_topic_that_does_not_exist(wire, unique_name, producer):
    """The others would be committed."""
    group = unique_name("group")
    wire.find_coordinator(group)
    producer.init()
    request = TxnOffsetCommitRequest(
        transactional_id=producer.transactional_id,
        group_id=group,
        producer_id=producer.owned.producer_id,
        producer_epoch=producer.owned.producer_epoch,
        topics=[
            TxnOffsetCommitRequestTopic(
                name=unique_name("missing"), partitions=[TxnOffsetCommitRequestPartition(partition_index=0)]
            )
        ],
    )
    [row] = wire.ask(request, TxnOffsetCommitResponse, 5).topics[0].partitions
    assert row.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
