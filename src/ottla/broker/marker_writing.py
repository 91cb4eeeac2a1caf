"""The markers that end transactions, written into the partitions that this broker leads.

For the coordinator of this broker, and for those of others by WriteTxnMarkers. A marker is a control batch of one record
under the producer's id and epoch; it is written once, and answered when it is as safe as acks=all asks. One in
`__consumer_offsets` is told to the group coordinator, whose offsets it decides.

Source: Apache's `KafkaApis.handleWriteTxnMarkersRequest`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from ottla.broker.delayed import Timers
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.records.control import ControlType, build_end_txn_marker
from ottla.replication.partition import ACKS_ALL, Partition
from ottla.replication.replicas import Replicas
from ottla.storage.append_result import AppendOrigin
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.verification import Verifications

Answers = Callable[[Mapping[TopicPartition, ErrorCode]], None]


class TransactionalOffsets(Protocol):
    """The group coordinators, whose committed offsets may be part of a transaction."""

    def is_active(self, partition: int) -> bool:
        """Whether the coordinator of that partition of `__consumer_offsets` is here, and loaded."""

    def replay_end_transaction_marker(self, partition: int, producer_id: int, *, committed: bool) -> None:
        """The marker stands in the log."""


class MarkerWriter:
    """Used on the loop's thread."""

    def __init__(
        self,
        replicas: Replicas,
        offsets: TransactionalOffsets,
        verifications: Verifications,
        timers: Timers,
        *,
        now_ms: Callable[[], int],
        timeout_ms: int,
    ) -> None:
        """`timeout_ms`: how long a marker is waited for before it is answered REQUEST_TIMED_OUT (it stays)."""
        self._replicas = replicas
        self._offsets = offsets
        self._verifications = verifications
        self._timers = timers
        self._now_ms = now_ms
        self._timeout_ms = timeout_ms
        self._loop = asyncio.get_running_loop()

    def write(self, markers: TransactionMarkers, on_answers: Answers) -> None:
        """Write them all; `on_answers` is called with what each partition answers, at once for those that need not wait."""
        answers: dict[TopicPartition, ErrorCode] = {}
        waits: dict[Partition, int] = {}
        for name in markers.partitions:
            try:
                partition, offset = self._append(name, markers)
                if partition.is_acknowledged(offset, ACKS_ALL):
                    answers[name] = self._written(name, markers)
                else:
                    waits[partition] = offset
            except KafkaError as error:
                answers[name] = error.code
        if answers:
            on_answers(answers)
        if waits:
            _AwaitedMarkers(
                waits, self._loop, self._timers, self._timeout_ms, self._told(markers, on_answers)
            )

    def _append(self, name: TopicPartition, markers: TransactionMarkers) -> tuple[Partition, int]:
        partition = self._replicas.partition(name.topic, name.partition)
        if name.topic == GROUP_METADATA_TOPIC and not self._offsets.is_active(name.partition):
            # Loading would meet the marker before the offsets it decides.
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        now_ms = self._now_ms()
        batch = build_end_txn_marker(
            ControlType.COMMIT if markers.committed else ControlType.ABORT,
            producer_id=markers.producer_id,
            producer_epoch=markers.producer_epoch,
            coordinator_epoch=markers.coordinator_epoch,
            timestamp_ms=now_ms,
        )
        appended = partition.append(
            memoryview(batch), acks=ACKS_ALL, now_ms=now_ms, origin=AppendOrigin.COORDINATOR
        )
        self._verifications.ended(name, markers.producer_id, markers.producer_epoch)
        # Otherwise the log forgets decided transactions when somebody reads, and of some partitions nobody ever does.
        partition.leading_log().last_stable_offset(partition.high_watermark)
        return partition, appended.last_offset

    def _written(self, name: TopicPartition, markers: TransactionMarkers) -> ErrorCode:
        if name.topic == GROUP_METADATA_TOPIC:
            self._offsets.replay_end_transaction_marker(
                name.partition, markers.producer_id, committed=markers.committed
            )
        return ErrorCode.NONE

    def _told(self, markers: TransactionMarkers, on_answers: Answers) -> Answers:
        def tell(answers: Mapping[TopicPartition, ErrorCode]) -> None:
            for name, code in answers.items():
                if code is ErrorCode.NONE:
                    self._written(name, markers)
            on_answers(answers)

        return tell


class _AwaitedMarkers:
    """Markers of one transaction that are written, and wait for the high watermark. Bounded by the open transactions."""

    def __init__(
        self,
        waits: dict[Partition, int],
        loop: asyncio.AbstractEventLoop,
        timers: Timers,
        timeout_ms: int,
        on_answers: Answers,
    ) -> None:
        self._waits = waits
        self._loop = loop
        self._on_answers = on_answers
        self._scheduled = False
        self._timer = timers.after(timeout_ms, self._timed_out)
        for partition in waits:
            partition.watch(self)

    def partition_moved(self, partition: Partition) -> None:
        """Called from within a change: looked at once that is through."""
        del partition
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._scheduled = False
        answers: dict[TopicPartition, ErrorCode] = {}
        for partition, offset in self._waits.items():
            try:
                if partition.is_acknowledged(offset, ACKS_ALL):
                    answers[partition.topic_partition] = ErrorCode.NONE
            except KafkaError as error:
                answers[partition.topic_partition] = error.code
        self._answer(answers)

    def _timed_out(self) -> None:
        self._answer({each.topic_partition: ErrorCode.REQUEST_TIMED_OUT for each in self._waits})

    def _answer(self, answers: dict[TopicPartition, ErrorCode]) -> None:
        for partition in list(self._waits):
            if partition.topic_partition in answers:
                del self._waits[partition]
                partition.unwatch(self)
        if not self._waits:
            self._timer.cancel()
        if answers:
            self._on_answers(answers)
