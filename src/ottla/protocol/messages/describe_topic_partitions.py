"""DescribeTopicPartitions (API key 75): describe topics partition by partition, page by page."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class TopicRequest(Struct):
    """`topics` of `DescribeTopicPartitionsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""


class Cursor(Struct):
    """`cursor` of `DescribeTopicPartitionsRequest`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""


class DescribeTopicPartitionsRequest(
    Request, api_key=ApiKey.DESCRIBE_TOPIC_PARTITIONS, versions="0", flexible="0+"
):
    """Asks to describe topics partition by partition, page by page."""

    topics: list[TopicRequest] = field(array(TopicRequest), "0+", factory=list)
    """Topic by topic."""
    response_partition_limit: int = field(INT32, "0+", default=2000)
    """At most so many partitions in the answer."""
    cursor: Cursor | None = field(Cursor, "0+", default=None, nullable="0+")
    """Where to go on; null to begin."""


class DescribeTopicPartitionsResponsePartition(Struct):
    """`partitions` of `DescribeTopicPartitionsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "0+", default=-1, ignorable=True)
    """The epoch of the partition's leader; -1 for none."""
    replica_nodes: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers that have a replica, the preferred leader first."""
    isr_nodes: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers whose replica is in sync."""
    eligible_leader_replicas: list[int] | None = field(array(INT32), "0+", default=None, nullable="0+")
    """Replicas outside of the ISR that may lead (KIP-966)."""
    last_known_elr: list[int] | None = field(array(INT32), "0+", default=None, nullable="0+")
    """Replicas that were eligible last (KIP-966)."""
    offline_replicas: list[int] = field(array(INT32), "0+", factory=list, ignorable=True)
    """The replicas that cannot be reached."""


class DescribeTopicPartitionsResponseTopic(Struct):
    """`topics` of `DescribeTopicPartitionsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    name: str | None = field(STRING, "0+", default="", nullable="0+")
    """Its name."""
    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    is_internal: bool = field(BOOL, "0+", default=False, ignorable=True)
    """Whether the topic is the broker's own."""
    partitions: list[DescribeTopicPartitionsResponsePartition] = field(
        array(DescribeTopicPartitionsResponsePartition), "0+", factory=list
    )
    """Partition by partition."""
    topic_authorized_operations: int = field(INT32, "0+", default=-2147483648)
    """What the client may do to the topic, a bit per operation; -2147483648 when not asked for."""


class DescribeTopicPartitionsResponse(
    Response, api_key=ApiKey.DESCRIBE_TOPIC_PARTITIONS, versions="0", flexible="0+"
):
    """Answers `DescribeTopicPartitionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[DescribeTopicPartitionsResponseTopic] = field(
        array(DescribeTopicPartitionsResponseTopic), "0+", factory=list
    )
    """Topic by topic."""
    next_cursor: Cursor | None = field(Cursor, "0+", default=None, nullable="0+")
    """Where to go on; null at the end."""
