"""DeleteRecords (key 21), versions 0 to 2: make the records below an offset unreadable. 2: flexible."""

from typing import TYPE_CHECKING

from ottla.broker.access import TOPIC, denied
from ottla.broker.context import RequestContext
from ottla.broker.dispatch import handles
from ottla.broker.internal_topics import INTERNAL_TOPICS
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)
from ottla.security.acl import AclOperation

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_NO_LOW_WATERMARK = -1


@handles(DeleteRecordsRequest, DeleteRecordsResponse, versions=(0, 2))
def delete_records(
    broker: "BrokerServer", request: DeleteRecordsRequest, context: RequestContext
) -> DeleteRecordsResponse:
    """Raise log start offsets. With one replica the low watermark is there at once."""
    names = [topic.name for topic in request.topics]
    refused = denied(broker, context, AclOperation.DELETE, TOPIC, names)
    return DeleteRecordsResponse(
        topics=[
            DeleteRecordsTopicResult(
                name=topic.name,
                partitions=[
                    _refused(each, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
                    if topic.name in refused
                    else _delete(broker, topic.name, each)
                    for each in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _refused(asked: DeleteRecordsPartition, code: ErrorCode) -> DeleteRecordsPartitionResult:
    return DeleteRecordsPartitionResult(
        partition_index=asked.partition_index, low_watermark=_NO_LOW_WATERMARK, error_code=code
    )


def _delete(
    broker: "BrokerServer", topic: str, asked: DeleteRecordsPartition
) -> DeleteRecordsPartitionResult:
    index = asked.partition_index
    try:
        if topic in INTERNAL_TOPICS:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION, f"Cannot delete records of internal topic {topic}."
            )
        low_watermark = broker.replicas.partition(topic, index).delete_records(asked.offset)
    except KafkaError as error:
        return _refused(asked, error.code)
    return DeleteRecordsPartitionResult(partition_index=index, low_watermark=low_watermark)
