"""AlterPartition (API key 56): change partitions' in-sync replicas through the controller."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT8, INT16, INT32, INT64, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class BrokerState(Struct):
    """`new_isr_with_epochs` of `AlterPartitionRequest`."""

    broker_id: int = field(INT32, "3+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "3+", default=-1)
    """The epoch of the broker's registration; -1 for none."""


class PartitionData(Struct):
    """`partitions` of `AlterPartitionRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    new_isr: list[int] = field(array(INT32), "0-2", factory=list)
    """The replicas that are in sync now, in the old form."""
    new_isr_with_epochs: list[BrokerState] = field(array(BrokerState), "3+", factory=list)
    """The replicas that are in sync now, each with its broker's epoch."""
    leader_recovery_state: int = field(INT8, "1+", default=0)
    """1 while the leader makes good an unclean election, 0 otherwise."""
    partition_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's state."""


class TopicData(Struct):
    """`topics` of `AlterPartitionRequest`."""

    topic_id: Uuid = field(UUID, "2+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class AlterPartitionRequest(Request, api_key=ApiKey.ALTER_PARTITION, versions="2-3", flexible="0+"):
    """Asks to change partitions' in-sync replicas through the controller."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "0+", default=-1)
    """The epoch of the broker's registration; -1 for none."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""


class AlterPartitionResponsePartitionData(Struct):
    """`partitions` of `AlterPartitionResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    isr: list[int] = field(array(INT32), "0+", factory=list)
    """The replicas in sync."""
    leader_recovery_state: int = field(INT8, "1+", default=0, ignorable=True)
    """1 while the leader makes good an unclean election, 0 otherwise."""
    partition_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's state."""


class AlterPartitionResponseTopicData(Struct):
    """`topics` of `AlterPartitionResponse`."""

    topic_id: Uuid = field(UUID, "2+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partitions: list[AlterPartitionResponsePartitionData] = field(
        array(AlterPartitionResponsePartitionData), "0+", factory=list
    )
    """Partition by partition."""


class AlterPartitionResponse(Response, api_key=ApiKey.ALTER_PARTITION, versions="2-3", flexible="0+"):
    """Answers `AlterPartitionRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    topics: list[AlterPartitionResponseTopicData] = field(
        array(AlterPartitionResponseTopicData), "0+", factory=list
    )
    """Topic by topic."""
