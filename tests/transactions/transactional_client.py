"""One transaction, request by request: each a step that a test may stop behind.

It writes a record to both partitions of a topic and an offset for a group, all with one text, and ends. A client of
transaction version 2 adds partitions by writing to them (KIP-890); one of version 1 says so first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
)
from ottla.records.record import Record, build_batch
from wire.wire_client import WireClient

PARTITIONS: Final = 2
OFFSET: Final = 7
TIMEOUT_MS: Final = 60_000
TRANSACTION_KEY: Final = 1
"""What FindCoordinator calls a transactional id."""
PASSING: Final = frozenset(
    {
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.CONCURRENT_TRANSACTIONS,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNSTABLE_OFFSET_COMMIT,
    }
)
"""A client asks again: the broker has just started."""


class TransactionalClient:
    """A producer with a transactional id, and what it does in one transaction."""

    def __init__(self, wire: WireClient, transactional_id: str, topic: str, *, version: int) -> None:
        """`version`: the transaction version, 1 or 2."""
        self.wire = wire
        self.transactional_id = transactional_id
        self.topic = topic
        self.version = version
        self.producer_id = -1
        self.producer_epoch = -1

    @property
    def group(self) -> str:
        """The group whose offset the transaction commits: one of its own."""
        return f"group-of-{self.transactional_id}"

    def steps(self, *, committed: bool) -> list[Callable[[], None]]:
        """All requests of the transaction, each waiting for its answer; the last one ends it."""
        steps: list[Callable[[], None]] = [self.init]
        if self.version < 2:
            steps.append(self.add_partitions)
        steps += [lambda: self.produce(0), lambda: self.produce(1)]
        if self.version < 2:
            steps.append(self.add_offsets)
        return [*steps, self.commit_offset, lambda: self.end(committed=committed)]

    def init(self) -> None:
        """A producer id and epoch; ends what an earlier producer of that transactional id left open."""
        self.find_coordinator()
        request = InitProducerIdRequest(
            transactional_id=self.transactional_id, transaction_timeout_ms=TIMEOUT_MS
        )
        answer = until(
            lambda: self.wire.ask(request, InitProducerIdResponse, 4 + (self.version > 1)),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        self.producer_id, self.producer_epoch = answer.producer_id, answer.producer_epoch

    def find_coordinator(self) -> None:
        """It makes `__transaction_state` where there is none yet."""
        request = FindCoordinatorRequest(key_type=TRANSACTION_KEY, coordinator_keys=[self.transactional_id])
        self._until_done(
            lambda: [
                each.error_code for each in self.wire.ask(request, FindCoordinatorResponse, 4).coordinators
            ]
        )

    def add_partitions(self) -> None:
        """Both partitions, before they are written to."""
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.transactional_id,
            v3_and_below_producer_id=self.producer_id,
            v3_and_below_producer_epoch=self.producer_epoch,
            v3_and_below_topics=[
                AddPartitionsToTxnTopic(name=self.topic, partitions=list(range(PARTITIONS)))
            ],
        )
        self._until_done(
            lambda: [
                each.partition_error_code
                for topic in self.wire.ask(
                    request, AddPartitionsToTxnResponse, 3
                ).results_by_topic_v3_and_below
                for each in topic.results_by_partition
            ]
        )

    def produce(self, partition: int) -> None:
        """One record, first of the producer's sequence on that partition."""
        batch = build_batch(
            [Record(0, 1_700_000_000_000, None, self.transactional_id.encode())],
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            base_sequence=0,
            transactional=True,
        )
        data = TopicProduceData(
            name=self.topic, partition_data=[PartitionProduceData(index=partition, records=batch)]
        )
        request = ProduceRequest(
            transactional_id=self.transactional_id, acks=-1, timeout_ms=10_000, topic_data=[data]
        )
        self._until_done(
            lambda: [
                each.error_code
                for topic in self.wire.ask(request, ProduceResponse, 10 + self.version).responses
                for each in topic.partition_responses
            ]
        )

    def add_offsets(self) -> None:
        """The group's partition of `__consumer_offsets`."""
        request = AddOffsetsToTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            group_id=self.group,
        )
        self._until_done(lambda: [self.wire.ask(request, AddOffsetsToTxnResponse, 3).error_code])

    def commit_offset(self) -> None:
        """`OFFSET` of partition 0, for the group."""
        partition = TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=OFFSET)
        request = TxnOffsetCommitRequest(
            transactional_id=self.transactional_id,
            group_id=self.group,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            topics=[TxnOffsetCommitRequestTopic(name=self.topic, partitions=[partition])],
        )
        self.wire.find_coordinator(self.group)
        self._until_done(
            lambda: [
                each.error_code
                for topic in self.wire.ask(
                    request, TxnOffsetCommitResponse, 5 if self.version > 1 else 3
                ).topics
                for each in topic.partitions
            ]
        )

    def end(self, *, committed: bool) -> None:
        """Commit or abort."""
        self._until_done(
            lambda: [self.wire.ask(self.end_request(committed), EndTxnResponse, self.end_version).error_code]
        )

    def end_request(self, committed: bool) -> EndTxnRequest:
        """What `end` sends."""
        return EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            committed=committed,
        )

    @property
    def end_version(self) -> int:
        """EndTxn's version: from 5 on it ends the epoch as well."""
        return 5 if self.version > 1 else 3

    def committed_offset(self) -> int:
        """The group's offset of partition 0, waited for while a transaction may still change it; -1: none."""
        self.wire.find_coordinator(self.group)
        wanted = OffsetFetchRequestTopics(name=self.topic, partition_indexes=[0])
        request = OffsetFetchRequest(
            groups=[OffsetFetchRequestGroup(group_id=self.group, topics=[wanted])], require_stable=True
        )

        def ask() -> OffsetFetchResponseGroup:
            return self.wire.ask(request, OffsetFetchResponse, 8).groups[0]

        [topic] = until(ask, lambda seen: not PASSING.intersection(codes_of(seen))).topics
        [partition] = topic.partitions
        assert partition.error_code == ErrorCode.NONE, partition
        return partition.committed_offset

    def _until_done(self, ask: Callable[[], list[int]]) -> None:
        codes = until(ask, lambda seen: not PASSING.intersection(seen))
        assert codes
        assert set(codes) == {ErrorCode.NONE}, [ErrorCode(code).name for code in codes]


def codes_of(group: OffsetFetchResponseGroup) -> list[int]:
    """The group's own error and its partitions'."""
    return [group.error_code, *(each.error_code for topic in group.topics for each in topic.partitions)]
