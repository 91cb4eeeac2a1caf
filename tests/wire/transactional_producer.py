"""A transactional producer driven by hand over a raw connection, and what the records it leaves look like."""

from __future__ import annotations

import time
from typing import NamedTuple

from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    ProducerState,
    TopicRequest,
)
from ottla.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TransactionState,
)
from ottla.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.batch import iterate_batches
from ottla.records.record import Record, build_batch, iterate_records

TIMEOUT_MS = 60_000
PASSING = {
    ErrorCode.CONCURRENT_TRANSACTIONS,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNSTABLE_OFFSET_COMMIT,
}


class Owned(NamedTuple):
    """What InitProducerId has given."""

    producer_id: int
    producer_epoch: int

    def raised(self, by: int = 1) -> Owned:
        return Owned(self.producer_id, self.producer_epoch + by)


NONE_YET = Owned(-1, -1)


def now_ms() -> int:
    """A marker's time is the broker's: a record of long ago would be in a segment of its own."""
    return time.time_ns() // 1_000_000


class Transactional:
    """A producer with a transactional id, driven by hand."""

    def __init__(self, wire: WireClient, transactional_id: str, *, version: int = 2) -> None:
        """`version`: the transaction version that it goes by."""
        self.wire = wire
        self.transactional_id = transactional_id
        self.version = version
        self.owned = NONE_YET
        until(self._coordinator, lambda code: code == ErrorCode.NONE)

    def _coordinator(self) -> int:
        request = FindCoordinatorRequest(key_type=1, coordinator_keys=[self.transactional_id])
        return self.wire.ask(request, FindCoordinatorResponse, 4).coordinators[0].error_code

    def init_once(
        self, expected: Owned = NONE_YET, *, api_version: int = 5, timeout_ms: int = TIMEOUT_MS
    ) -> InitProducerIdResponse:
        request = InitProducerIdRequest(
            transactional_id=self.transactional_id,
            transaction_timeout_ms=timeout_ms,
            producer_id=expected.producer_id,
            producer_epoch=expected.producer_epoch,
        )
        return self.wire.ask(request, InitProducerIdResponse, api_version)

    def init(self, expected: Owned = NONE_YET, *, timeout_ms: int = TIMEOUT_MS) -> Owned:
        """As a client does: again while the coordinator is busy."""
        answer = until(
            lambda: self.init_once(expected, timeout_ms=timeout_ms),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        self.owned = Owned(answer.producer_id, answer.producer_epoch)
        return self.owned

    def add_once(self, *topics: tuple[str, list[int]], api_version: int = 3) -> dict[tuple[str, int], int]:
        """The error of each partition."""
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=self.transactional_id,
            v3_and_below_producer_id=self.owned.producer_id,
            v3_and_below_producer_epoch=self.owned.producer_epoch,
            v3_and_below_topics=[
                AddPartitionsToTxnTopic(name=name, partitions=numbers) for name, numbers in topics
            ],
        )
        answer = self.wire.ask(request, AddPartitionsToTxnResponse, api_version)
        return {
            (topic.name, each.partition_index): each.partition_error_code
            for topic in answer.results_by_topic_v3_and_below
            for each in topic.results_by_partition
        }

    def add(self, topic: str, *partitions: int) -> None:
        codes = until(
            lambda: self.add_once((topic, list(partitions))),
            lambda seen: not PASSING & set(seen.values()),
        )
        assert set(codes.values()) == {ErrorCode.NONE}

    def produce_once(
        self,
        topic: str,
        value: bytes,
        *,
        sequence: int = 0,
        partition: int = 0,
        owned: Owned | None = None,
        api_version: int | None = None,
        transactional: bool = True,
        names_itself: bool = True,
    ) -> PartitionProduceResponse:
        producer = owned or self.owned
        batch = build_batch(
            [Record(0, now_ms(), None, value)],
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
        request = ProduceRequest(
            transactional_id=self.transactional_id if names_itself else None,
            acks=-1,
            timeout_ms=10_000,
            topic_data=[
                TopicProduceData(
                    name=topic, partition_data=[PartitionProduceData(index=partition, records=batch)]
                )
            ],
        )
        version = (12 if self.version == 2 else 11) if api_version is None else api_version
        return self.wire.ask(request, ProduceResponse, version).responses[0].partition_responses[0]

    def produce(self, topic: str, value: bytes, *, sequence: int = 0, partition: int = 0) -> int:
        """The record's offset. A client of version 1 has added the partition before."""
        answer = until(
            lambda: self.produce_once(topic, value, sequence=sequence, partition=partition),
            lambda seen: seen.error_code not in PASSING,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        return answer.base_offset

    def end_once(
        self, *, committed: bool, owned: Owned | None = None, api_version: int | None = None
    ) -> EndTxnResponse:
        producer = owned or self.owned
        request = EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            committed=committed,
        )
        version = (5 if self.version == 2 else 4) if api_version is None else api_version
        return self.wire.ask(request, EndTxnResponse, version)

    def end(self, *, committed: bool) -> None:
        """Ends the transaction; when this returns its markers are written."""
        answer = until(
            lambda: self.end_once(committed=committed), lambda seen: seen.error_code not in PASSING
        )
        assert answer.error_code == ErrorCode.NONE, answer
        if self.version == 2:
            self.owned = Owned(answer.producer_id, answer.producer_epoch)
        self.wait_for("CompleteCommit" if committed else "CompleteAbort")

    def describe(self) -> TransactionState:
        request = DescribeTransactionsRequest(transactional_ids=[self.transactional_id])
        return self.wire.ask(request, DescribeTransactionsResponse, 0).transaction_states[0]

    def wait_for(self, state: str) -> TransactionState:
        return until(self.describe, lambda seen: seen.transaction_state == state)


def values(wire: WireClient, topic: str, *, isolation_level: int, partition: int = 0) -> list[bytes]:
    """What a consumer of the isolation level is given, aborted transactions taken out as it does."""
    answer = wire.fetch(topic, 0, partition=partition, isolation_level=isolation_level)
    found = []
    aborted = sorted((each.first_offset, each.producer_id) for each in answer.aborted_transactions or ())
    skipping: set[int] = set()
    for header, batch in iterate_batches(memoryview(answer.records or b"")):
        while aborted and aborted[0][0] <= header.last_offset:
            skipping.add(aborted.pop(0)[1])
        if header.is_control:
            skipping.discard(header.producer_id)
        elif header.producer_id not in skipping:
            found += [record.value for record in iterate_records(batch, max_decompressed_bytes=1 << 20)]
    return found


def producers_of(wire: WireClient, topic: str, partition: int = 0) -> list[ProducerState]:
    request = DescribeProducersRequest(topics=[TopicRequest(name=topic, partition_indexes=[partition])])
    return wire.ask(request, DescribeProducersResponse, 0).topics[0].partitions[0].active_producers
