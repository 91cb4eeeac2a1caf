"""The transaction coordinator of one broker, running (see coordinator_shell.py), and the way of its markers.

A marker goes to whoever leads the partition: written here at once if that is this broker, handed to a `MarkerSender` if it is
another. For a partition that is gone there is nothing to end; one without a leader is tried again until it has one.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from ottla.broker.coordinator_shell import CoordinatorShell
from ottla.broker.internal_topics import TRANSACTION_STATE_TOPIC
from ottla.broker.marker_writing import Answers, MarkerWriter
from ottla.cluster.image import NO_LEADER, MetadataImage
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import TopicPartition
from ottla.replication.replicas import Replicas
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.service import TransactionCoordinatorService
from ottla.transactions.settings import TransactionSettings


class MarkerSender(Protocol):
    """Brings markers to other brokers by WriteTxnMarkers, a bounded queue for each of them."""

    def send(self, broker_id: int, markers: TransactionMarkers, on_answers: Answers) -> None:
        """`on_answers` is called, once or for parts, with an error for each partition: NOT_LEADER_OR_FOLLOWER for those
        that could not be reached, so that their leader is looked up and they are tried again."""


class NoOtherBrokers:
    """The sender of a broker that stands alone."""

    def send(self, broker_id: int, markers: TransactionMarkers, on_answers: Answers) -> None:
        del broker_id
        on_answers(dict.fromkeys(markers.partitions, ErrorCode.NOT_LEADER_OR_FOLLOWER))


class TransactionShell(CoordinatorShell[TransactionCoordinatorService]):
    """Transactional ids and their transactions, in `__transaction_state`."""

    def __init__(
        self,
        replicas: Replicas,
        settings: TransactionSettings,
        markers: MarkerWriter,
        sender: MarkerSender,
        *,
        partition_count: int,
        new_producer_id: Callable[[], int],
        transaction_version: Callable[[], int],
        image: Callable[[], MetadataImage],
        now_ms: Callable[[], int],
        commit_timeout_ms: int,
        max_decompressed_bytes: int,
    ) -> None:
        """`partition_count`: of `__transaction_state` (`transaction.state.log.num.partitions`, or what the topic has)."""
        self._markers = markers
        self._sender = sender
        self._broker_id = replicas.broker_id
        self._image = image
        super().__init__(
            replicas,
            TRANSACTION_STATE_TOPIC,
            lambda append: TransactionCoordinatorService(
                settings,
                partition_count,
                append,
                self._write_markers,
                new_producer_id=new_producer_id,
                transaction_version=transaction_version,
            ),
            now_ms=now_ms,
            commit_timeout_ms=commit_timeout_ms,
            max_decompressed_bytes=max_decompressed_bytes,
        )

    def _write_markers(self, markers: TransactionMarkers) -> None:
        answered = partial(self._answered, markers)
        for leader, partitions in self._by_leader(markers.partitions).items():
            part = markers._replace(partitions=frozenset(partitions))
            if leader is None:
                answered(dict.fromkeys(partitions, ErrorCode.NONE))
            elif leader in (self._broker_id, NO_LEADER):
                self._markers.write(part, answered)
            else:
                self._sender.send(leader, part, answered)

    def _by_leader(self, partitions: frozenset[TopicPartition]) -> dict[int | None, list[TopicPartition]]:
        """The partitions of each leader; of None those that exist no more."""
        image = self._image()
        by_leader: dict[int | None, list[TopicPartition]] = {}
        for each in partitions:
            state = image.partition(*each)
            by_leader.setdefault(None if state is None else state.leader, []).append(each)
        return by_leader

    def _answered(self, markers: TransactionMarkers, answers: Mapping[TopicPartition, ErrorCode]) -> None:
        self.service.markers_answered(markers, answers, self._now_ms())
        self.arm()
