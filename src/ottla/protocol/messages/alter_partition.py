"""AlterPartition (API key 56): change partitions' in-sync replicas through the controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, INT64, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class BrokerState(Struct):
    """`new_isr_with_epochs` of `AlterPartitionRequest`."""

    broker_id: int = field(INT32, "3+", default=0)
    broker_epoch: int = field(INT64, "3+", default=-1)


class PartitionData(Struct):
    """`partitions` of `AlterPartitionRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    new_isr: list[int] = field(array(INT32), "0-2", factory=list)
    new_isr_with_epochs: list[BrokerState] = field(array(BrokerState), "3+", factory=list)
    leader_recovery_state: int = field(INT8, "1+", default=0)
    partition_epoch: int = field(INT32, "0+", default=0)


class TopicData(Struct):
    """`topics` of `AlterPartitionRequest`."""

    topic_id: Uuid = field(UUID, "2+", default=ZERO_UUID, ignorable=True)
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)


class AlterPartitionRequest(Request, api_key=ApiKey.ALTER_PARTITION, versions="2-3", flexible="0+"):
    """Asks to change partitions' in-sync replicas through the controller."""

    broker_id: int = field(INT32, "0+", default=0)
    broker_epoch: int = field(INT64, "0+", default=-1)
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)


class AlterPartitionResponsePartitionData(Struct):
    """`partitions` of `AlterPartitionResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    isr: list[int] = field(array(INT32), "0+", factory=list)
    leader_recovery_state: int = field(INT8, "1+", default=0, ignorable=True)
    partition_epoch: int = field(INT32, "0+", default=0)


class AlterPartitionResponseTopicData(Struct):
    """`topics` of `AlterPartitionResponse`."""

    topic_id: Uuid = field(UUID, "2+", default=ZERO_UUID, ignorable=True)
    partitions: list[AlterPartitionResponsePartitionData] = field(
        array(AlterPartitionResponsePartitionData), "0+", factory=list
    )


class AlterPartitionResponse(Response, api_key=ApiKey.ALTER_PARTITION, versions="2-3", flexible="0+"):
    """Answers `AlterPartitionRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    topics: list[AlterPartitionResponseTopicData] = field(
        array(AlterPartitionResponseTopicData), "0+", factory=list
    )
