"""ConsumerGroupHeartbeat (API key 68): join, stay in and leave a consumer group of the new protocol (KIP-848)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class TopicPartitions(Struct):
    """`topic_partitions` of `ConsumerGroupHeartbeatRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class ConsumerGroupHeartbeatRequest(
    Request, api_key=ApiKey.CONSUMER_GROUP_HEARTBEAT, versions="0-1", flexible="0+"
):
    """Asks to join, stay in and leave a consumer group of the new protocol (KIP-848)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    instance_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The rack the client stands in."""
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    """How long members get to join again in a rebalance."""
    subscribed_topic_names: list[str] | None = field(array(STRING), "0+", default=None, nullable="0+")
    """The topics it subscribes to by name."""
    subscribed_topic_regex: str | None = field(STRING, "1+", default=None, nullable="1+")
    """A regular expression of the topics it subscribes to; null for none."""
    server_assignor: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The assignor that the member wants the broker to use."""
    topic_partitions: list[TopicPartitions] | None = field(
        array(TopicPartitions), "0+", default=None, nullable="0+"
    )
    """Partitions, by topic."""


class Assignment(Struct):
    """`assignment` of `ConsumerGroupHeartbeatResponse`."""

    topic_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    """Partitions, by topic."""


class ConsumerGroupHeartbeatResponse(
    Response, api_key=ApiKey.CONSUMER_GROUP_HEARTBEAT, versions="0-1", flexible="0+"
):
    """Answers `ConsumerGroupHeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    member_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    heartbeat_interval_ms: int = field(INT32, "0+", default=0)
    """How often the member shall send a heartbeat."""
    assignment: Assignment | None = field(Assignment, "0+", default=None, nullable="0+")
    """What the member is assigned."""
