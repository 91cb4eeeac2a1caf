"""Transactions: requests to the coordinator of a transactional id (KIP-98, KIP-360, KIP-447, KIP-664, KIP-890).

InitProducerId (key 22, versions 0 to 5; 6 is unstable): 3: the producer may name the id it has (KIP-360). 4: PRODUCER_FENCED.
6: two-phase commit (KIP-939), refused as Apache refuses it.
AddPartitionsToTxn (24, 0 to 5): from 4 on among brokers, several transactions at once. AddOffsetsToTxn (25, 0 to 4).
EndTxn (26, 0 to 5): 5: the answer holds the id and epoch of the producer's next transaction.
WriteTxnMarkers (27, 1): among brokers, and the tool that ends a hanging transaction.
ListTransactions (66, 0 to 2), DescribeTransactions (65, 0).

Versions 0 and 1 (InitProducerId: up to 3) don't know PRODUCER_FENCED and are told INVALID_PRODUCER_EPOCH. What the
coordinator decides is in `transactions/`; here stands what that room cannot know: which partitions there are, and how an outcome is
told.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.access import (
    TOPIC,
    TRANSACTIONAL_ID,
    denied,
    may,
    may_any,
    may_cluster,
    on_group,
    on_transactional_id,
    require_cluster,
)
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC, INTERNAL_TOPICS
from ottla.broker.later import answer_later
from ottla.broker.long_answers import Pieces, answer_in_pieces
from ottla.broker.pending import Pending
from ottla.coordination.results import Reply
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest, AddOffsetsToTxnResponse
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnPartitionResult,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult,
    AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
)
from ottla.protocol.messages.describe_transactions import (
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    TransactionState,
)
from ottla.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerPartitionResult,
    WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from ottla.protocol.types import TopicPartition
from ottla.security.acl import AclOperation
from ottla.transactions.description import Wanted
from ottla.transactions.ending import EndOfTransaction
from ottla.transactions.initializing import ProducerIdAndEpoch
from ottla.transactions.markers import TransactionMarkers
from ottla.transactions.outcome import Outcome
from ottla.transactions.settings import TRANSACTION_VERSION_2

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

Answer = TypeVar("Answer")
Value = TypeVar("Value")

_OF_BROKERS = 4
"""The version from which on AddPartitionsToTxn is the brokers' own."""
_KNOWS_PRODUCER_FENCED = 2
_INIT_KNOWS_PRODUCER_FENCED = 4
_KNOWS_TRANSACTION_VERSION_2 = 5

_OWNER = on_transactional_id(AclOperation.WRITE)
"""Who produces under the transactional id."""


def _told(code: ErrorCode, api_version: int, known_from: int = _KNOWS_PRODUCER_FENCED) -> ErrorCode:
    if code is ErrorCode.PRODUCER_FENCED and api_version < known_from:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return code


def _answer(
    broker: "BrokerServer", reply: Reply[Value], make: Callable[[Value], Answer]
) -> Answer | Pending[Answer]:
    """What `make` makes of the reply's value, now or when it comes."""
    broker.transactions.arm()
    if reply.done:
        return make(reply.value)
    pending: Pending[Answer] = Pending()
    reply.on_complete(lambda value: _complete(pending, make(value)))
    return pending


def _complete(pending: Pending[Answer], answer: Answer) -> None:
    pending.complete(answer)


# InitProducerId.


@handles(InitProducerIdRequest, InitProducerIdResponse, versions=(0, 6), unstable_from=6)
def init_producer_id(
    broker: "BrokerServer", request: InitProducerIdRequest, context: RequestContext
) -> InitProducerIdResponse | Pending[InitProducerIdResponse]:
    """A producer's id and epoch: a new id nobody had before, or, for a transactional id, its own with the next epoch."""
    refusal = _may_not_produce(broker, request, context)
    if refusal is not None:
        return _not_initialised(refusal)
    named = (request.producer_id != -1, request.producer_epoch != -1)
    if named[0] != named[1]:
        return _not_initialised(ErrorCode.INVALID_REQUEST)
    if not broker.producer_ids.is_empty:
        return _init(broker, request, context)
    return answer_later(_init_with_next_block(broker, request, context))


def _may_not_produce(
    broker: "BrokerServer", request: InitProducerIdRequest, context: RequestContext
) -> ErrorCode | None:
    """Why the client gets no id. Whoever may write to any topic may do so idempotently (KIP-679)."""
    transactional_id = request.transactional_id
    if transactional_id is None:
        may_write = may_cluster(broker, context, AclOperation.IDEMPOTENT_WRITE, audit=False) or may_any(
            broker, context, AclOperation.WRITE, TOPIC
        )
        return None if may_write else ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    operations = [AclOperation.WRITE]
    if request.enable2_pc:
        operations.append(AclOperation.TWO_PHASE_COMMIT)
    allowed = all(may(broker, context, each, TRANSACTIONAL_ID, transactional_id) for each in operations)
    return None if allowed else ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


async def _init_with_next_block(
    broker: "BrokerServer", request: InitProducerIdRequest, context: RequestContext
) -> InitProducerIdResponse:
    try:
        await broker.producer_ids.fill()
    except KafkaError as error:
        return _not_initialised(error.code)
    answer = _init(broker, request, context)
    if isinstance(answer, Pending):
        return await _settled(broker, answer)
    return answer


async def _settled(broker: "BrokerServer", pending: Pending[Answer]) -> Answer:
    done = broker.loop.create_future()
    pending.then(lambda _: done.set_result(None))
    await done
    return pending.result()


def _init(
    broker: "BrokerServer", request: InitProducerIdRequest, context: RequestContext
) -> InitProducerIdResponse | Pending[InitProducerIdResponse]:
    if request.transactional_id is None:
        producer_id = broker.producer_ids.next()
        if producer_id is None:
            return _not_initialised(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        return InitProducerIdResponse(producer_id=producer_id, producer_epoch=0)
    expected = None
    if request.producer_id != -1:
        expected = ProducerIdAndEpoch(request.producer_id, request.producer_epoch)
    reply = broker.transactions.service.init_producer_id(
        request.transactional_id,
        request.transaction_timeout_ms,
        expected,
        context.now_ms,
        two_phase_commit=request.enable2_pc,
        keep_prepared=request.keep_prepared_txn,
    )

    def make(outcome: Outcome) -> InitProducerIdResponse:
        return InitProducerIdResponse(
            error_code=_told(outcome.error, context.api_version, _INIT_KNOWS_PRODUCER_FENCED),
            producer_id=outcome.producer_id,
            producer_epoch=outcome.producer_epoch,
        )

    return _answer(broker, reply, make)


def _not_initialised(code: ErrorCode) -> InitProducerIdResponse:
    return InitProducerIdResponse(error_code=code, producer_epoch=-1)


# AddPartitionsToTxn and AddOffsetsToTxn.


@handles(AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, versions=(0, 5))
def add_partitions_to_txn(
    broker: "BrokerServer", request: AddPartitionsToTxnRequest, context: RequestContext
) -> AddPartitionsToTxnResponse | Pending[AddPartitionsToTxnResponse]:
    """Make partitions part of transactions, or verify that they are."""
    version = context.api_version
    transactions = request.transactions
    if version >= _OF_BROKERS:
        require_cluster(broker, context, AclOperation.CLUSTER_ACTION)
    else:
        transactions = [
            AddPartitionsToTxnTransaction(
                transactional_id=request.v3_and_below_transactional_id,
                producer_id=request.v3_and_below_producer_id,
                producer_epoch=request.v3_and_below_producer_epoch,
                topics=request.v3_and_below_topics,
            )
        ]
    results: list[AddPartitionsToTxnResult] = []
    pending: Pending[AddPartitionsToTxnResponse] = Pending()

    def collect(result: AddPartitionsToTxnResult) -> None:
        results.append(result)
        if len(results) == len(transactions):
            pending.complete(_added(results, version))

    if not transactions:
        return AddPartitionsToTxnResponse()
    for transaction in transactions:
        _add(broker, transaction, context, collect)
    return _added(results, version) if pending.settled else pending


def _added(results: list[AddPartitionsToTxnResult], version: int) -> AddPartitionsToTxnResponse:
    if version < _OF_BROKERS:
        return AddPartitionsToTxnResponse(results_by_topic_v3_and_below=results[0].topic_results)
    return AddPartitionsToTxnResponse(results_by_transaction=results)


def _add(
    broker: "BrokerServer",
    transaction: AddPartitionsToTxnTransaction,
    context: RequestContext,
    collect: Callable[[AddPartitionsToTxnResult], None],
) -> None:
    """One transaction of the request: all of its partitions, or none."""
    partitions = [
        TopicPartition(topic.name, number) for topic in transaction.topics for number in topic.partitions
    ]

    def tell(codes: Mapping[TopicPartition, ErrorCode]) -> None:
        collect(_result(transaction.transactional_id, codes, context.api_version))

    from_client = context.api_version < _OF_BROKERS
    transactional_id = transaction.transactional_id
    if from_client and not may(broker, context, AclOperation.WRITE, TRANSACTIONAL_ID, transactional_id):
        tell(dict.fromkeys(partitions, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))
        return
    refused = _refused(broker, context, partitions, from_client=from_client)
    if refused:
        tell({each: refused.get(each, ErrorCode.OPERATION_NOT_ATTEMPTED) for each in partitions})
        return
    service = broker.transactions.service
    producer = ProducerIdAndEpoch(transaction.producer_id, transaction.producer_epoch)
    if transaction.verify_only:
        tell(service.verify_partitions(transaction.transactional_id, producer, partitions))
        return
    client_version = TRANSACTION_VERSION_2 if context.api_version >= _OF_BROKERS else 0
    reply = service.add_partitions(
        transaction.transactional_id, producer, frozenset(partitions), client_version, context.now_ms
    )
    broker.transactions.arm()
    reply.on_complete(lambda outcome: tell(dict.fromkeys(partitions, outcome.error)))


def _refused(
    broker: "BrokerServer", context: RequestContext, partitions: list[TopicPartition], *, from_client: bool
) -> dict[TopicPartition, ErrorCode]:
    refused = {}
    hidden: frozenset[str] = frozenset()
    if from_client:
        names = (each.topic for each in partitions if each.topic not in INTERNAL_TOPICS)
        hidden = denied(broker, context, AclOperation.WRITE, TOPIC, names)
    image = broker.metadata.image
    for each in partitions:
        if from_client and (each.topic in INTERNAL_TOPICS or each.topic in hidden):
            refused[each] = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        elif image.partition(*each) is None:
            refused[each] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return refused


def _result(
    transactional_id: str, codes: Mapping[TopicPartition, ErrorCode], api_version: int
) -> AddPartitionsToTxnResult:
    topics: dict[str, AddPartitionsToTxnTopicResult] = {}
    for partition, code in codes.items():
        topic = topics.setdefault(partition.topic, AddPartitionsToTxnTopicResult(name=partition.topic))
        topic.results_by_partition.append(
            AddPartitionsToTxnPartitionResult(
                partition_index=partition.partition, partition_error_code=_told(code, api_version)
            )
        )
    return AddPartitionsToTxnResult(transactional_id=transactional_id, topic_results=list(topics.values()))


@handles(
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    versions=(0, 4),
    needs=(_OWNER, on_group(AclOperation.READ)),
)
def add_offsets_to_txn(
    broker: "BrokerServer", request: AddOffsetsToTxnRequest, context: RequestContext
) -> AddOffsetsToTxnResponse | Pending[AddOffsetsToTxnResponse]:
    """Make the group's partition of `__consumer_offsets` part of the transaction."""
    number = broker.groups.service.partition_for(request.group_id)
    reply = broker.transactions.service.add_partitions(
        request.transactional_id,
        ProducerIdAndEpoch(request.producer_id, request.producer_epoch),
        frozenset({TopicPartition(GROUP_METADATA_TOPIC, number)}),
        0,
        context.now_ms,
    )
    return _answer(
        broker,
        reply,
        lambda outcome: AddOffsetsToTxnResponse(error_code=_told(outcome.error, context.api_version)),
    )


# EndTxn.


@handles(EndTxnRequest, EndTxnResponse, versions=(0, 5), needs=(_OWNER,))
def end_txn(
    broker: "BrokerServer", request: EndTxnRequest, context: RequestContext
) -> EndTxnResponse | Pending[EndTxnResponse]:
    """Commit or abort: answered once that is decided for good."""
    version = context.api_version
    end = EndOfTransaction(
        request.producer_id,
        request.producer_epoch,
        request.committed,
        TRANSACTION_VERSION_2 if version >= _KNOWS_TRANSACTION_VERSION_2 else 0,
    )
    reply = broker.transactions.service.end_transaction(request.transactional_id, end, context.now_ms)

    def make(outcome: Outcome) -> EndTxnResponse:
        return EndTxnResponse(
            error_code=_told(outcome.error, version),
            producer_id=outcome.producer_id,
            producer_epoch=outcome.producer_epoch,
        )

    return _answer(broker, reply, make)


# WriteTxnMarkers.


def _no_markers_written(
    request: WriteTxnMarkersRequest, code: ErrorCode, _message: str
) -> WriteTxnMarkersResponse:
    outcomes = [dict.fromkeys(_markers(marker).partitions, code) for marker in request.markers]
    return _markers_written(request.markers, outcomes)


@handles(WriteTxnMarkersRequest, WriteTxnMarkersResponse, versions=(1, 1), on_error=_no_markers_written)
def write_txn_markers(
    broker: "BrokerServer", request: WriteTxnMarkersRequest, context: RequestContext
) -> WriteTxnMarkersResponse | Pending[WriteTxnMarkersResponse]:
    """End transactions in partitions that this broker leads, for brokers and for who may alter the cluster."""
    if not may_cluster(broker, context, AclOperation.ALTER, audit=False):
        require_cluster(broker, context, AclOperation.CLUSTER_ACTION)
    asked = [_markers(marker) for marker in request.markers]
    outcomes: list[dict[TopicPartition, ErrorCode]] = [{} for _ in asked]
    waiting = sum(len(markers.partitions) for markers in asked)
    pending: Pending[WriteTxnMarkersResponse] = Pending()

    def collect(number: int, answers: Mapping[TopicPartition, ErrorCode]) -> None:
        nonlocal waiting
        outcomes[number].update(answers)
        waiting -= len(answers)
        if not waiting:
            pending.complete(_markers_written(request.markers, outcomes))

    for number, markers in enumerate(asked):
        broker.marker_writer.write(markers, partial(collect, number))
    if not waiting:
        return _markers_written(request.markers, outcomes)
    return pending


def _markers(marker: WritableTxnMarker) -> TransactionMarkers:
    """Of a transaction whose transactional id is only known to its coordinator."""
    return TransactionMarkers(
        "",
        marker.producer_id,
        marker.producer_epoch,
        marker.coordinator_epoch,
        marker.transaction_result,
        frozenset(
            TopicPartition(topic.name, number)
            for topic in marker.topics
            for number in topic.partition_indexes
        ),
    )


def _markers_written(
    markers: list[WritableTxnMarker], outcomes: list[dict[TopicPartition, ErrorCode]]
) -> WriteTxnMarkersResponse:
    results = []
    for marker, codes in zip(markers, outcomes, strict=True):
        topics: dict[str, WritableTxnMarkerTopicResult] = {}
        for partition, code in codes.items():
            topic = topics.setdefault(partition.topic, WritableTxnMarkerTopicResult(name=partition.topic))
            topic.partitions.append(
                WritableTxnMarkerPartitionResult(partition_index=partition.partition, error_code=code)
            )
        results.append(WritableTxnMarkerResult(producer_id=marker.producer_id, topics=list(topics.values())))
    return WriteTxnMarkersResponse(markers=results)


# What the tools see.


def _listing_failed(
    _request: ListTransactionsRequest, code: ErrorCode, _message: str
) -> ListTransactionsResponse:
    return ListTransactionsResponse(error_code=code)


@handles(ListTransactionsRequest, ListTransactionsResponse, versions=(0, 2), on_error=_listing_failed)
def list_transactions(
    broker: "BrokerServer", request: ListTransactionsRequest, context: RequestContext
) -> ListTransactionsResponse | Pending[bytes]:
    """The transactional ids that this broker coordinates and the client may describe, filtered. Raises `KafkaError` INVALID_REGULAR_EXPRESSION."""
    wanted = Wanted(
        frozenset(request.producer_id_filters),
        frozenset(request.state_filters),
        request.duration_filter,
        _matcher(request.transactional_id_pattern),
    )
    return answer_in_pieces(broker, context, _listed(broker, wanted, context))


def _listed(
    broker: "BrokerServer", wanted: Wanted, context: RequestContext
) -> Pieces[ListTransactionsResponse]:
    response = ListTransactionsResponse(unknown_state_filters=wanted.unknown_states)
    for found in broker.transactions.service.list_transactions(wanted, context.now_ms):
        names = [each.transactional_id for each in found]
        hidden = denied(broker, context, AclOperation.DESCRIBE, TRANSACTIONAL_ID, names, audit=False)
        response.transaction_states += [each for each in found if each.transactional_id not in hidden]
        yield
    return response


def _matcher(pattern: str | None) -> Callable[[str], bool] | None:
    if not pattern:
        return None
    import re2  # noqa: PLC0415 - only tools send patterns

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            f"Transaction ID pattern `{pattern}` is not a valid regular expression: {error}.",
        ) from error
    return lambda transactional_id: compiled.fullmatch(transactional_id) is not None


@handles(DescribeTransactionsRequest, DescribeTransactionsResponse, versions=(0, 0))
def describe_transactions(
    broker: "BrokerServer", request: DescribeTransactionsRequest, context: RequestContext
) -> DescribeTransactionsResponse:
    """The transactional ids asked for, each with its own error."""
    service = broker.transactions.service
    return DescribeTransactionsResponse(
        transaction_states=[
            _with_visible_topics(broker, context, service.describe_transaction(each))
            if may(broker, context, AclOperation.DESCRIBE, TRANSACTIONAL_ID, each)
            else TransactionState(
                transactional_id=each, error_code=ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            )
            for each in request.transactional_ids
        ]
    )


def _with_visible_topics(
    broker: "BrokerServer", context: RequestContext, state: TransactionState
) -> TransactionState:
    names = [each.topic for each in state.topics]
    hidden = denied(broker, context, AclOperation.DESCRIBE, TOPIC, names, audit=False)
    state.topics = [each for each in state.topics if each.topic not in hidden]
    return state
