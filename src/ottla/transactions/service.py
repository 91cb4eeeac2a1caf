"""All transaction coordinators of a broker behind one face: requests in, replies out, appends and markers asked for.

To the contract of coordination/service.py comes `write_markers(markers)`: the shell has the markers written to the partitions,
wherever their leaders are, and calls `markers_answered(markers, answers, now_ms)`, within that very call or later, until
each partition has answered. Markers of a coordinator that is gone meanwhile are answered into the void.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from ottla.coordination.results import Reply
from ottla.coordination.service import Append, CoordinatorService
from ottla.coordination.states import CoordinatorState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages import describe_transactions
from ottla.protocol.messages.list_transactions import TransactionState as ListedTransaction
from ottla.protocol.types import TopicPartition
from ottla.transactions.coordinator import TransactionCoordinator
from ottla.transactions.description import Wanted, listed
from ottla.transactions.ending import EndOfTransaction
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.metadata import NO_TIMEOUT_MS
from ottla.transactions.outcome import Outcome
from ottla.transactions.settings import TransactionSettings

MAX_TRANSACTIONAL_ID_BYTES: Final = 32_767
"""What a record's key can hold (an int16 length)."""


class TransactionCoordinatorService(CoordinatorService[TransactionCoordinator]):
    """Every method that takes `now_ms` wants milliseconds since 1970, as they go into the records."""

    def __init__(
        self,
        settings: TransactionSettings,
        partition_count: int,
        append: Append,
        write_markers: Callable[[TransactionMarkers], None],
        *,
        new_producer_id: Callable[[], int],
        transaction_version: Callable[[], int],
    ) -> None:
        """`partition_count` is that of `__transaction_state`. `new_producer_id` gives an id nobody had before, or raises
        `KafkaError` COORDINATOR_LOAD_IN_PROGRESS. `transaction_version`: the level of the cluster's feature now."""
        super().__init__(partition_count, append)
        self.settings = settings
        self._write_markers = write_markers
        self._new_producer_id = new_producer_id
        self._transaction_version = transaction_version
        self._busy: set[int] = set()
        """Partitions whose results and markers are being handed out."""

    def _new_coordinator(self, partition: int, leader_epoch: int) -> TransactionCoordinator:
        return TransactionCoordinator(
            partition,
            leader_epoch,
            self.settings,
            self._new_producer_id,
            self._transaction_version,
            self._replies,
        )

    # Requests.

    def init_producer_id(
        self,
        transactional_id: str,
        timeout_ms: int,
        expected: ProducerIdAndEpoch | None,
        now_ms: int,
        *,
        two_phase_commit: bool = False,
        keep_prepared: bool = False,
    ) -> Reply[Outcome]:
        """InitProducerId of a producer with a transactional id."""
        code = self._check_init(
            transactional_id, timeout_ms, two_phase_commit=two_phase_commit, keep_prepared=keep_prepared
        )
        if code is not ErrorCode.NONE:
            return self._answered(Outcome(code))
        if two_phase_commit:
            timeout_ms = NO_TIMEOUT_MS
        return self._perform(
            transactional_id,
            lambda coordinator: coordinator.init_producer_id(transactional_id, timeout_ms, expected, now_ms),
            Outcome,
        )

    def _check_init(
        self, transactional_id: str, timeout_ms: int, *, two_phase_commit: bool, keep_prepared: bool
    ) -> ErrorCode:
        if not _is_valid(transactional_id):
            return ErrorCode.INVALID_REQUEST
        if two_phase_commit and not self.settings.two_phase_commit_enable:
            return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        if keep_prepared:
            return ErrorCode.UNSUPPORTED_VERSION
        if not two_phase_commit and not 0 < timeout_ms <= self.settings.transaction_max_timeout_ms:
            return ErrorCode.INVALID_TRANSACTION_TIMEOUT
        return ErrorCode.NONE

    def add_partitions(
        self,
        transactional_id: str,
        producer: ProducerIdAndEpoch,
        partitions: frozenset[TopicPartition],
        client_transaction_version: int,
        now_ms: int,
    ) -> Reply[Outcome]:
        """AddPartitionsToTxn and AddOffsetsToTxn, or a first write to a partition in version 2."""
        if not transactional_id:
            return self._answered(Outcome(ErrorCode.INVALID_REQUEST))
        return self._perform(
            transactional_id,
            lambda coordinator: coordinator.add_partitions(
                transactional_id, producer, partitions, client_transaction_version, now_ms
            ),
            Outcome,
        )

    def verify_partitions(
        self, transactional_id: str, producer: ProducerIdAndEpoch, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """AddPartitionsToTxn with `verifyOnly`: each partition's own outcome."""
        if not transactional_id:
            return dict.fromkeys(partitions, ErrorCode.INVALID_REQUEST)
        try:
            coordinator = self._coordinator(self.partition_for(transactional_id))
            return coordinator.verify_partitions(transactional_id, producer, partitions)
        except KafkaError as error:
            return dict.fromkeys(partitions, error.code)

    def end_transaction(self, transactional_id: str, end: EndOfTransaction, now_ms: int) -> Reply[Outcome]:
        """EndTxn."""
        if not transactional_id:
            return self._answered(Outcome(ErrorCode.INVALID_REQUEST))
        return self._perform(
            transactional_id,
            lambda coordinator: coordinator.end_transaction(transactional_id, end, now_ms),
            Outcome,
        )

    def list_transactions(self, wanted: Wanted, now_ms: int) -> Iterator[Sequence[ListedTransaction]]:
        """Of all partitions led here, piece by piece: other calls may come between.

        Raises `KafkaError` COORDINATOR_LOAD_IN_PROGRESS if one is still loading.
        """
        if any(each.state is CoordinatorState.LOADING for each in self._coordinators.values()):
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        for coordinator in self.coordinators():
            yield from listed(coordinator.transactions, wanted, now_ms)

    def describe_transaction(self, transactional_id: str) -> describe_transactions.TransactionState:
        """One transactional id, or why it can't be described."""
        code = ErrorCode.INVALID_REQUEST
        if transactional_id:
            try:
                return self._coordinator(self.partition_for(transactional_id)).describe(transactional_id)
            except KafkaError as error:
                code = error.code
        return describe_transactions.TransactionState(transactional_id=transactional_id, error_code=code)

    # Markers.

    def markers_answered(
        self, markers: TransactionMarkers, answers: Mapping[TopicPartition, ErrorCode], now_ms: int
    ) -> None:
        """What some or all of the partitions have answered. One that exists no more counts as written: NONE."""
        partition = self.partition_for(markers.transactional_id)
        coordinator = self._coordinators.get(partition)
        if coordinator is not None:
            coordinator.markers_answered(markers, answers, now_ms)
            self._settle(partition)

    def _settle(self, partition: int) -> None:
        """Hand out records and markers too. A call from within does nothing: the outer one goes on to what was added,
        so that records reach the log in the order they were made, and no depth of calls grows with their number."""
        if partition in self._busy:
            return
        self._busy.add(partition)
        try:
            while (coordinator := self._coordinators.get(partition)) is not None:
                result = coordinator.next_result()
                if result is not None:
                    self._hand_over(partition, result)
                    continue
                markers = coordinator.next_markers()
                if markers is None:
                    break
                self._write_markers(markers)
        finally:
            self._busy.discard(partition)
        super()._settle(partition)


def _is_valid(transactional_id: str) -> bool:
    if not transactional_id:
        return False
    longest = MAX_TRANSACTIONAL_ID_BYTES
    return len(transactional_id) * 3 <= longest or len(transactional_id.encode()) <= longest
