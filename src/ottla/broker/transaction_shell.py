"""The transaction coordinator of one broker, running (see coordinator_shell.py), and the way of its markers.

A marker goes to whoever leads the partition: written here at once if that is this broker. For a partition that is gone there is
nothing to end. One whose leader is another broker, or none, is tried again until it has one that can be reached.
"""

from collections.abc import Callable, Mapping
from functools import partial

from ottla.broker.coordinator_shell import CoordinatorShell
from ottla.broker.internal_topics import TRANSACTION_STATE_TOPIC
from ottla.broker.marker_writing import MarkerWriter
from ottla.cluster.image import MetadataImage
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import TopicPartition
from ottla.replication.replicas import Replicas
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.service import TransactionCoordinatorService
from ottla.transactions.settings import TransactionSettings


class TransactionShell(CoordinatorShell[TransactionCoordinatorService]):
    """Transactional ids and their transactions, in `__transaction_state`."""

    def __init__(
        self,
        replicas: Replicas,
        settings: TransactionSettings,
        markers: MarkerWriter,
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
        image = self._image()
        gone = [each for each in markers.partitions if image.partition(*each) is None]
        if gone:
            self._answered(markers, dict.fromkeys(gone, ErrorCode.NONE))
            markers = markers._replace(partitions=markers.partitions.difference(gone))
        if markers.partitions:
            self._markers.write(markers, partial(self._answered, markers))

    def _answered(self, markers: TransactionMarkers, answers: Mapping[TopicPartition, ErrorCode]) -> None:
        self.service.markers_answered(markers, answers, self._now_ms())
        self.arm()
