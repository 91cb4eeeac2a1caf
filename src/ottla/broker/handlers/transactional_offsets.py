"""TxnOffsetCommit (key 28), versions 0 to 5: offsets that count once the producer's transaction commits (KIP-98, KIP-447).

2: leader epochs. 3: the member that commits is checked. 4: TRANSACTION_ABORTABLE. 5: the broker adds the group's partition of
`__consumer_offsets` to the transaction (KIP-890). Versions 0 and 1 don't know COORDINATOR_LOAD_IN_PROGRESS here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ottla.broker.access import TOPIC, denied, on_group, on_transactional_id
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.handlers.groups import asker
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC
from ottla.broker.pending import Pending
from ottla.broker.transactional_writes import BatchProducer, Support
from ottla.coordination.append_errors import answer_for
from ottla.groups.error_responses import txn_offset_commit_error
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
    TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
)
from ottla.protocol.types import TopicPartition
from ottla.records.batch import NO_SEQUENCE
from ottla.security.acl import AclOperation
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.verification import VerificationGuard

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_KNOWS_LOADING: Final = 2


def _nothing_committed(
    request: TxnOffsetCommitRequest, code: ErrorCode, _message: str
) -> TxnOffsetCommitResponse:
    return txn_offset_commit_error(request, code)


@handles(
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
    versions=(0, 5),
    on_error=_nothing_committed,
    needs=(on_transactional_id(AclOperation.WRITE), on_group(AclOperation.READ)),
)
def txn_offset_commit(
    broker: "BrokerServer", request: TxnOffsetCommitRequest, context: RequestContext
) -> TxnOffsetCommitResponse | Pending[TxnOffsetCommitResponse]:
    """Partitions that do not exist are answered UNKNOWN_TOPIC_OR_PARTITION, the others are committed."""
    names = [topic.name for topic in request.topics]
    refused = denied(broker, context, AclOperation.READ, TOPIC, names)
    unknown = _take_out_unknown(broker, request, refused)
    if not request.topics:
        return TxnOffsetCommitResponse(topics=unknown)
    commit = _Commit(broker, request, context, unknown)
    commit.begin()
    return commit.pending.result() if commit.pending.settled else commit.pending


def _take_out_unknown(
    broker: "BrokerServer", request: TxnOffsetCommitRequest, refused: frozenset[str]
) -> list[TxnOffsetCommitResponseTopic]:
    """Those that the client may not read, and partitions that aren't there: both are answered."""
    image = broker.metadata.image
    known: list[TxnOffsetCommitRequestTopic] = []
    unknown: list[TxnOffsetCommitResponseTopic] = []
    for topic in request.topics:
        if topic.name in refused:
            numbers = [each.partition_index for each in topic.partitions]
            unknown.append(_failed_topic(topic.name, numbers, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
            continue
        existing: list[TxnOffsetCommitRequestPartition] = []
        missing: list[int] = []
        for each in topic.partitions:
            if image.partition(topic.name, each.partition_index) is not None:
                existing.append(each)
            else:
                missing.append(each.partition_index)
        if existing:
            known.append(TxnOffsetCommitRequestTopic(name=topic.name, partitions=existing))
        if missing:
            unknown.append(_failed_topic(topic.name, missing, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
    request.topics = known
    return unknown


def _failed_topic(name: str, partitions: list[int], code: ErrorCode) -> TxnOffsetCommitResponseTopic:
    return TxnOffsetCommitResponseTopic(
        name=name,
        partitions=[
            TxnOffsetCommitResponsePartition(partition_index=each, error_code=code) for each in partitions
        ],
    )


class _Commit:
    """One request on its way: the transaction's coordinator is asked, then the group's coordinator commits."""

    def __init__(
        self,
        broker: "BrokerServer",
        request: TxnOffsetCommitRequest,
        context: RequestContext,
        unknown: list[TxnOffsetCommitResponseTopic],
    ) -> None:
        self.pending: Pending[TxnOffsetCommitResponse] = Pending()
        self._broker = broker
        self._request = request
        self._context = context
        self._unknown = unknown
        self._partition = TopicPartition(
            GROUP_METADATA_TOPIC, broker.groups.service.partition_for(request.group_id)
        )
        self._guard: VerificationGuard | None = None

    def begin(self) -> None:
        request, writes = self._request, self._broker.transactional_writes
        support = Support.of_txn_offset_commit(self._context.api_version)
        asks = support is Support.ADD_PARTITION or writes.is_verification_enabled
        if not request.group_id or not asks:
            self._commit()
            return
        producer = BatchProducer(request.producer_id, request.producer_epoch, NO_SEQUENCE)
        try:
            self._guard = writes.start(self._partition, producer, support, self._context.now_ms)
        except KafkaError as error:
            self._refuse(error.code)
            return
        if self._guard is None:
            self._commit()
            return
        writes.ask(
            request.transactional_id,
            ProducerIdAndEpoch(request.producer_id, request.producer_epoch),
            [self._partition],
            support,
            self._asked,
        )

    def _asked(self, codes: Mapping[TopicPartition, ErrorCode]) -> None:
        code = codes[self._partition]
        if code is not ErrorCode.NONE:
            self._refuse(code)
            return
        try:
            self._broker.transactional_writes.verifications.check(
                self._partition, self._request.producer_id, self._guard
            )
        except KafkaError as error:
            self._refuse(error.code)
            return
        self._commit()

    def _commit(self) -> None:
        shell = self._broker.groups
        reply = shell.service.txn_offset_commit(self._request, asker(self._context), self._context.now_ms)
        shell.arm()
        if self._guard is not None:
            self._broker.transactional_writes.verifications.written(
                self._partition, self._request.producer_id
            )
        reply.on_complete(self._answer)

    def _refuse(self, code: ErrorCode) -> None:
        answered = answer_for(code)
        self._answer(
            TxnOffsetCommitResponse(
                topics=[
                    _failed_topic(topic.name, [each.partition_index for each in topic.partitions], answered)
                    for topic in self._request.topics
                ]
            )
        )

    def _answer(self, response: TxnOffsetCommitResponse) -> None:
        if self._context.api_version < _KNOWS_LOADING:
            for topic in response.topics:
                for each in topic.partitions:
                    if each.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                        each.error_code = ErrorCode.COORDINATOR_NOT_AVAILABLE
        response.topics.extend(self._unknown)
        self.pending.complete(response)
