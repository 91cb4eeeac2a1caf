"""Rows of producing, consuming and transactions."""

from authorization_rows import Names, Row, cluster, group, topic, txn

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    describe_producers,
    describe_transactions,
    end_txn,
    fetch,
    init_producer_id,
    list_offsets,
    list_transactions,
    metadata,
    offset_for_leader_epoch,
    produce,
    txn_offset_commit,
    write_txn_markers,
)
from ottla.records.record import Record, build_batch
from ottla.security.acl import AclOperation as Op

_NOT_TOPIC = ErrorCode.TOPIC_AUTHORIZATION_FAILED


NOW_MS = 1_700_000_000_000


def _produce(n: Names, *, by_id: bool = False, transactional: bool = False) -> Request:
    batch = build_batch(
        [Record(0, NOW_MS, None, b"v")],
        **({"producer_id": 4_000, "producer_epoch": 0, "base_sequence": 0} if transactional else {}),
        transactional=transactional,
    )
    data = produce.PartitionProduceData(index=0, records=batch)
    named = {"topic_id": n.topic_id} if by_id else {"name": n.topic}
    return produce.ProduceRequest(
        transactional_id=n.transactional_id if transactional else None,
        acks=-1,
        timeout_ms=10_000,
        topic_data=[produce.TopicProduceData(partition_data=[data], **named)],
    )


def _fetch(n: Names, *, by_id: bool = False, replica_id: int = -1) -> Request:
    named = {"topic_id": n.topic_id} if by_id else {"topic": n.topic}
    wanted = fetch.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    return fetch.FetchRequest(
        replica_id=replica_id,
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1 << 20,
        session_id=0,
        session_epoch=-1,
        topics=[fetch.FetchTopic(partitions=[wanted], **named)],
    )


def _metadata(n: Names, *, create: bool = False, by_id: bool = False) -> Request:
    named = {"topic_id": n.topic_id, "name": None} if by_id else {"name": n.topic}
    return metadata.MetadataRequest(
        topics=[metadata.MetadataRequestTopic(**named)], allow_auto_topic_creation=create
    )


def _txn_commit(n: Names) -> Request:
    row = txn_offset_commit.TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=0)
    return txn_offset_commit.TxnOffsetCommitRequest(
        transactional_id=n.transactional_id,
        group_id=n.group,
        producer_id=4_000,
        producer_epoch=0,
        topics=[txn_offset_commit.TxnOffsetCommitRequestTopic(name=n.topic, partitions=[row])],
    )


def _add_partitions(n: Names) -> Request:
    return add_partitions_to_txn.AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=n.transactional_id,
        v3_and_below_producer_id=4_000,
        v3_and_below_producer_epoch=0,
        v3_and_below_topics=[add_partitions_to_txn.AddPartitionsToTxnTopic(name=n.topic, partitions=[0])],
    )


def _add_partitions_of_brokers(n: Names) -> Request:
    transaction = add_partitions_to_txn.AddPartitionsToTxnTransaction(
        transactional_id=n.transactional_id,
        producer_id=4_000,
        producer_epoch=0,
        verify_only=True,
        topics=[add_partitions_to_txn.AddPartitionsToTxnTopic(name=n.topic, partitions=[0])],
    )
    return add_partitions_to_txn.AddPartitionsToTxnRequest(transactions=[transaction])


def _markers(n: Names) -> Request:
    marker = write_txn_markers.WritableTxnMarker(
        producer_id=4_000,
        producer_epoch=0,
        topics=[write_txn_markers.WritableTxnMarkerTopic(name=n.topic, partition_indexes=[0])],
    )
    return write_txn_markers.WriteTxnMarkersRequest(markers=[marker])


ROWS = (
    Row(ApiKey.PRODUCE, "", _produce, produce.ProduceResponse, 9, (topic(Op.WRITE),)),
    Row(
        ApiKey.PRODUCE,
        "by-id",
        lambda n: _produce(n, by_id=True),
        produce.ProduceResponse,
        13,
        (topic(Op.WRITE),),
        by_id=True,
    ),
    Row(
        ApiKey.PRODUCE,
        "transactional",
        lambda n: _produce(n, transactional=True),
        produce.ProduceResponse,
        9,
        (txn(Op.WRITE), topic(Op.WRITE)),
    ),
    Row(ApiKey.FETCH, "", _fetch, fetch.FetchResponse, 11, (topic(Op.READ),)),
    Row(
        ApiKey.FETCH,
        "by-id",
        lambda n: _fetch(n, by_id=True),
        fetch.FetchResponse,
        13,
        (topic(Op.READ),),
        by_id=True,
    ),
    Row(
        ApiKey.FETCH,
        "follower",
        lambda n: _fetch(n, replica_id=5),
        fetch.FetchResponse,
        11,
        (cluster(Op.CLUSTER_ACTION, _NOT_TOPIC),),
    ),
    Row(
        ApiKey.LIST_OFFSETS,
        "",
        lambda n: list_offsets.ListOffsetsRequest(
            topics=[
                list_offsets.ListOffsetsTopic(
                    name=n.topic,
                    partitions=[list_offsets.ListOffsetsPartition(partition_index=0, timestamp=-1)],
                )
            ]
        ),
        list_offsets.ListOffsetsResponse,
        7,
        (topic(Op.DESCRIBE),),
    ),
    Row(ApiKey.METADATA, "", _metadata, metadata.MetadataResponse, 12, (topic(Op.DESCRIBE),)),
    Row(
        ApiKey.METADATA,
        "by-id",
        lambda n: _metadata(n, by_id=True),
        metadata.MetadataResponse,
        12,
        (topic(Op.DESCRIBE),),
        by_id=True,
    ),
    Row(
        ApiKey.METADATA,
        "all",
        lambda n: metadata.MetadataRequest(topics=None, allow_auto_topic_creation=False),
        metadata.MetadataResponse,
        12,
        (topic(Op.DESCRIBE, None),),
    ),
    Row(
        ApiKey.METADATA,
        "creating",
        lambda n: _metadata(n, create=True),
        metadata.MetadataResponse,
        12,
        (topic(Op.DESCRIBE), topic(Op.CREATE)),
        or_else=((topic(Op.DESCRIBE), cluster(Op.CREATE)),),
        on_absent=True,
    ),
    Row(
        ApiKey.INIT_PRODUCER_ID,
        "idempotent",
        lambda n: init_producer_id.InitProducerIdRequest(transactional_id=None),
        init_producer_id.InitProducerIdResponse,
        4,
        (cluster(Op.IDEMPOTENT_WRITE),),
        or_else=((topic(Op.WRITE),),),
    ),
    Row(
        ApiKey.INIT_PRODUCER_ID,
        "transactional",
        lambda n: init_producer_id.InitProducerIdRequest(
            transactional_id=n.transactional_id, transaction_timeout_ms=10_000
        ),
        init_producer_id.InitProducerIdResponse,
        4,
        (txn(Op.WRITE),),
        on_absent=True,
    ),
    Row(
        ApiKey.OFFSET_FOR_LEADER_EPOCH,
        "",
        lambda n: offset_for_leader_epoch.OffsetForLeaderEpochRequest(
            topics=[
                offset_for_leader_epoch.OffsetForLeaderTopic(
                    topic=n.topic,
                    partitions=[
                        offset_for_leader_epoch.OffsetForLeaderPartition(partition=0, leader_epoch=0)
                    ],
                )
            ]
        ),
        offset_for_leader_epoch.OffsetForLeaderEpochResponse,
        4,
        (topic(Op.DESCRIBE),),
        or_else=((cluster(Op.CLUSTER_ACTION),),),
    ),
    Row(
        ApiKey.ADD_PARTITIONS_TO_TXN,
        "",
        _add_partitions,
        add_partitions_to_txn.AddPartitionsToTxnResponse,
        3,
        (txn(Op.WRITE), topic(Op.WRITE)),
    ),
    Row(
        ApiKey.ADD_PARTITIONS_TO_TXN,
        "of-brokers",
        _add_partitions_of_brokers,
        add_partitions_to_txn.AddPartitionsToTxnResponse,
        4,
        (cluster(Op.CLUSTER_ACTION),),
    ),
    Row(
        ApiKey.ADD_OFFSETS_TO_TXN,
        "",
        lambda n: add_offsets_to_txn.AddOffsetsToTxnRequest(
            transactional_id=n.transactional_id, producer_id=4_000, producer_epoch=0, group_id=n.group
        ),
        add_offsets_to_txn.AddOffsetsToTxnResponse,
        3,
        (txn(Op.WRITE), group(Op.READ)),
    ),
    Row(
        ApiKey.END_TXN,
        "",
        lambda n: end_txn.EndTxnRequest(
            transactional_id=n.transactional_id, producer_id=4_000, producer_epoch=0, committed=False
        ),
        end_txn.EndTxnResponse,
        3,
        (txn(Op.WRITE),),
    ),
    Row(
        ApiKey.WRITE_TXN_MARKERS,
        "",
        _markers,
        write_txn_markers.WriteTxnMarkersResponse,
        1,
        (cluster(Op.CLUSTER_ACTION),),
        or_else=((cluster(Op.ALTER),),),
        on_absent=True,
    ),
    Row(
        ApiKey.TXN_OFFSET_COMMIT,
        "",
        _txn_commit,
        txn_offset_commit.TxnOffsetCommitResponse,
        3,
        (txn(Op.WRITE), group(Op.READ), topic(Op.READ)),
    ),
    Row(
        ApiKey.DESCRIBE_PRODUCERS,
        "",
        lambda n: describe_producers.DescribeProducersRequest(
            topics=[describe_producers.TopicRequest(name=n.topic, partition_indexes=[0])]
        ),
        describe_producers.DescribeProducersResponse,
        0,
        (topic(Op.READ),),
    ),
    Row(
        ApiKey.DESCRIBE_TRANSACTIONS,
        "",
        lambda n: describe_transactions.DescribeTransactionsRequest(transactional_ids=[n.transactional_id]),
        describe_transactions.DescribeTransactionsResponse,
        0,
        (txn(Op.DESCRIBE), topic(Op.DESCRIBE, None)),
    ),
    Row(
        ApiKey.LIST_TRANSACTIONS,
        "",
        lambda n: list_transactions.ListTransactionsRequest(),
        list_transactions.ListTransactionsResponse,
        0,
        (txn(Op.DESCRIBE, None),),
    ),
)
