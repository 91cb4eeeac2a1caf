"""Transactional batches of clients: does the transaction's coordinator know that they belong to it (KIP-890)?

Before the first batch of a transaction in a partition is appended, the coordinator of the transactional id is asked: newer
clients (transaction version 2) rely on the broker to add the partition, of older ones it is only verified that they have done so.
All partitions of a request that have to ask do so at once, which is one record in the coordinator's log. Batches that follow
in an open transaction ask nobody: one look at the producer's state.

    request ─▶ begin ─▶ guards, errors ─▶ of each batch: check ─▶ append ─▶ written

Source: Apache's `ReplicaManager.handleProduceAppend`, `AddPartitionsToTxnManager`.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.broker.internal_topics import TRANSACTION_STATE_TOPIC
from ottla.broker.pending import Pending
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.produce import ProduceRequest
from ottla.protocol.types import TopicPartition
from ottla.replication.partition import Partition
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.outcome import Outcome
from ottla.transactions.settings import TRANSACTION_VERSION_2
from ottla.transactions.verification import VerificationGuard, Verifications

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_ATTRIBUTES_AT: Final = 22
_TRANSACTIONAL_BIT: Final = 0x10
_PRODUCER: Final = Struct(">qhi")
_PRODUCER_AT: Final = 43
"""Producer id, producer epoch and base sequence, as `records.batch` draws them."""
_HEAD_BYTES: Final = _PRODUCER_AT + _PRODUCER.size


class Support(Enum):
    """What a client of the request's version can be told, and relies on."""

    DEFAULT_ERROR = "default"
    """INVALID_TXN_STATE where something is missing."""
    GENERIC_ERROR = "generic"
    """TRANSACTION_ABORTABLE instead: the producer aborts and lives on."""
    ADD_PARTITION = "add"
    """The broker adds partitions to the transaction: transaction version 2."""

    @classmethod
    def of_produce(cls, api_version: int) -> "Support":
        if api_version >= 12:
            return cls.ADD_PARTITION
        return cls.GENERIC_ERROR if api_version >= 11 else cls.DEFAULT_ERROR

    @classmethod
    def of_txn_offset_commit(cls, api_version: int) -> "Support":
        if api_version >= 5:
            return cls.ADD_PARTITION
        return cls.GENERIC_ERROR if api_version >= 4 else cls.DEFAULT_ERROR


class BatchProducer(NamedTuple):
    """Who wrote a batch, from its header."""

    producer_id: int
    producer_epoch: int
    base_sequence: int


def transactional_producer(records: object) -> BatchProducer | None:
    """The producer of a transactional batch; None for any other, broken ones included."""
    if not isinstance(records, memoryview) or len(records) < _HEAD_BYTES:
        return None
    if not records[_ATTRIBUTES_AT] & _TRANSACTIONAL_BIT:
        return None
    producer = BatchProducer(*_PRODUCER.unpack_from(records, _PRODUCER_AT))
    return producer if producer.producer_id >= 0 else None


_UNVERIFIED: Final = frozenset(
    {
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)


class RequestGuards:
    """What the partitions of one request may do. Bounded by the request."""

    __slots__ = ("_errors", "_guards", "_support", "_verifications")

    def __init__(self, verifications: Verifications, support: Support) -> None:
        self._verifications = verifications
        self._support = support
        self._guards: dict[TopicPartition, VerificationGuard] = {}
        self._errors: dict[TopicPartition, KafkaError] = {}

    def refuse(self, partition: TopicPartition, code: ErrorCode) -> None:
        """The coordinator did not agree, or could not be asked: retriable as a leader's trouble, for that is what clients
        know how to retry."""
        error = KafkaError(code)
        if code is ErrorCode.INVALID_TXN_STATE:
            error = KafkaError(code, "Partition was not added to the transaction")
        elif code in _UNVERIFIED or (
            code is ErrorCode.CONCURRENT_TRANSACTIONS and self._support is not Support.ADD_PARTITION
        ):
            error = KafkaError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                "Unable to verify the partition has been added to the transaction. "
                f"Underlying error: {code.name}",
            )
        self._errors[partition] = error

    def refuse_with(self, partition: TopicPartition, error: KafkaError) -> None:
        self._errors[partition] = error

    def grant(self, partition: TopicPartition, guard: VerificationGuard) -> None:
        self._guards[partition] = guard

    def check(self, partition: Partition, producer: BatchProducer, *, is_verification_enabled: bool) -> None:
        """Right before the append. Raises `KafkaError`."""
        name = partition.topic_partition
        error = self._errors.get(name)
        if error is not None:
            raise error
        log = partition.leading_log()
        if log.producers.has_open_transaction(producer.producer_id, producer.producer_epoch):
            return
        epoch, has_batches = log.producers.epoch_and_batches(producer.producer_id)
        log.producers.check_epoch(producer.producer_id, producer.producer_epoch, epoch)
        if is_verification_enabled:
            self._verifications.check(name, producer.producer_id, self._guards.get(name))
        self._verifications.check_sequence(
            name, producer.producer_id, producer.base_sequence, has_batches=has_batches
        )

    def written(self, partition: Partition, producer: BatchProducer) -> None:
        """Right after the append."""
        self._verifications.written(partition.topic_partition, producer.producer_id)


class TransactionalWrites:
    """Asks the coordinator on behalf of requests. Used on the loop's thread."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker
        self.verifications = Verifications()
        broker.replicas.on_leadership(self._leadership_changed)

    def tick(self, now_ms: int) -> None:
        """Forget who asked long ago and never wrote."""
        self.verifications.expire(now_ms, self._broker.config.producer_id_expiration_ms)

    def _leadership_changed(self, partition: Partition, leads: bool) -> None:
        if not leads:
            self.verifications.forget(partition.topic_partition)

    @property
    def is_verification_enabled(self) -> bool:
        return self._broker.config.get("transaction.partition.verification.enable") is True

    def begin(
        self, request: ProduceRequest, topic_names: Iterable[str], api_version: int, now_ms: int
    ) -> RequestGuards | Pending[RequestGuards] | None:
        """Ask for all partitions of a produce request that have to; None: it has no transactional batch.

        Raises `KafkaError` INVALID_PRODUCER_ID_MAPPING for batches of several producers.
        """
        producer: BatchProducer | None = None
        batches: list[tuple[TopicPartition, BatchProducer]] = []
        for name, topic in zip(topic_names, request.topic_data, strict=True):
            for data in topic.partition_data:
                found = transactional_producer(data.records)
                if found is None:
                    continue
                if producer is not None and producer[:2] != found[:2]:
                    raise KafkaError(
                        ErrorCode.INVALID_PRODUCER_ID_MAPPING,
                        "Transactional records contained more than one producer ID",
                    )
                producer = found
                batches.append((TopicPartition(name, data.index), found))
        if producer is None:
            return None
        support = Support.of_produce(api_version)
        guards = RequestGuards(self.verifications, support)
        asking = self._start(batches, guards, support, now_ms)
        transactional_id = request.transactional_id
        if not asking or transactional_id is None:
            return guards
        round_of_questions = _Asking(
            self, transactional_id, ProducerIdAndEpoch(*producer[:2]), asking, guards, support
        )
        return round_of_questions.run()

    def _start(
        self,
        batches: list[tuple[TopicPartition, BatchProducer]],
        guards: RequestGuards,
        support: Support,
        now_ms: int,
    ) -> list[TopicPartition]:
        """The partitions of which the coordinator has to be asked; the guard of each is set."""
        if support is not Support.ADD_PARTITION and not self.is_verification_enabled:
            return []
        asking = []
        for name, producer in batches:
            try:
                guard = self.start(name, producer, support, now_ms)
            except KafkaError as error:
                guards.refuse_with(name, error)
                continue
            if guard is not None:
                guards.grant(name, guard)
                asking.append(name)
        return asking

    def start(
        self, name: TopicPartition, producer: BatchProducer, support: Support, now_ms: int
    ) -> VerificationGuard | None:
        """The guard to append with once the coordinator has agreed; None: the producer's transaction is open here.

        Raises `KafkaError`: not leading, INVALID_PRODUCER_EPOCH.
        """
        log = self._broker.replicas.partition(*name).leading_log()
        if log.producers.has_open_transaction(producer.producer_id, producer.producer_epoch):
            return None
        epoch, _ = log.producers.epoch_and_batches(producer.producer_id)
        log.producers.check_epoch(producer.producer_id, producer.producer_epoch, epoch)
        return self.verifications.start(
            name, *producer, now_ms, is_version_2=support is Support.ADD_PARTITION
        )

    def ask(
        self,
        transactional_id: str,
        producer: ProducerIdAndEpoch,
        partitions: list[TopicPartition],
        support: Support,
        on_answer: Callable[[Mapping[TopicPartition, ErrorCode]], None],
    ) -> None:
        """Have the coordinator add the partitions, or verify that they were added; the errors, NONE included, of each."""

        def told(codes: Mapping[TopicPartition, ErrorCode]) -> None:
            on_answer({each: _told_as(code, support) for each, code in codes.items()})

        code = self._coordinator_trouble(transactional_id)
        if code is not ErrorCode.NONE:
            told(dict.fromkeys(partitions, code))
            return
        shell = self._broker.transactions
        if support is not Support.ADD_PARTITION:
            told(shell.service.verify_partitions(transactional_id, producer, partitions))
            return
        reply = shell.service.add_partitions(
            transactional_id, producer, frozenset(partitions), TRANSACTION_VERSION_2, self._broker.now_ms()
        )
        shell.arm()

        def added(outcome: Outcome) -> None:
            told(dict.fromkeys(partitions, outcome.error))

        reply.on_complete(added)

    def _coordinator_trouble(self, transactional_id: str) -> ErrorCode:
        """Why the coordinator can't be asked. One on another broker can't be reached yet."""
        number = self._broker.transactions.service.partition_for(transactional_id)
        state = self._broker.metadata.image.partition(TRANSACTION_STATE_TOPIC, number)
        if state is None or state.leader < 0:
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        return ErrorCode.NONE if state.leader == self._broker.node_id else ErrorCode.NETWORK_EXCEPTION

    @property
    def broker(self) -> "BrokerServer":
        return self._broker


def _told_as(code: ErrorCode, support: Support) -> ErrorCode:
    if code is ErrorCode.PRODUCER_FENCED:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    if code is ErrorCode.TRANSACTION_ABORTABLE and support is Support.DEFAULT_ERROR:
        return ErrorCode.INVALID_TXN_STATE
    return code


class _Asking:
    """One request's question to the coordinator, asked again for a while when the last transaction is not through yet.

    A client of version 2 may write as soon as EndTxn is answered, which is before every marker is written.
    """

    def __init__(
        self,
        writes: TransactionalWrites,
        transactional_id: str,
        producer: ProducerIdAndEpoch,
        partitions: list[TopicPartition],
        guards: RequestGuards,
        support: Support,
    ) -> None:
        self._writes = writes
        self._transactional_id = transactional_id
        self._producer = producer
        self._partitions = partitions
        self._guards = guards
        self._support = support
        self._pending: Pending[RequestGuards] | None = None
        self._done = False
        config = writes.broker.config
        self._backoff_ms = _milliseconds(config.get("add.partitions.to.txn.retry.backoff.ms"))
        self._deadline_ms = writes.broker.now_ms() + min(
            _milliseconds(config.get("add.partitions.to.txn.retry.backoff.max.ms")),
            config.request_timeout_ms,
        )

    def run(self) -> RequestGuards | Pending[RequestGuards]:
        """The guards, if the coordinator has answered within this call."""
        self._ask()
        if self._done:
            return self._guards
        self._pending = Pending()
        return self._pending

    def _ask(self) -> None:
        self._writes.ask(
            self._transactional_id, self._producer, self._partitions, self._support, self._answered
        )

    def _answered(self, codes: Mapping[TopicPartition, ErrorCode]) -> None:
        if (
            self._support is Support.ADD_PARTITION
            and ErrorCode.CONCURRENT_TRANSACTIONS in codes.values()
            and self._writes.broker.now_ms() < self._deadline_ms
        ):
            self._writes.broker.timers.after(self._backoff_ms, self._ask)
            return
        for partition, code in codes.items():
            if code is not ErrorCode.NONE:
                self._guards.refuse(partition, code)
        self._done = True
        if self._pending is not None:
            self._pending.complete(self._guards)


def _milliseconds(setting: object) -> int:
    assert isinstance(setting, int)
    return setting
