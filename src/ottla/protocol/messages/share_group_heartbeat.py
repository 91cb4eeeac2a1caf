"""ShareGroupHeartbeat (API key 76): join, stay in and leave a share group (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ShareGroupHeartbeatRequest(Request, api_key=ApiKey.SHARE_GROUP_HEARTBEAT, versions="1", flexible="0+"):
    """Asks to join, stay in and leave a share group (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The rack the client stands in."""
    subscribed_topic_names: list[str] | None = field(array(STRING), "0+", default=None, nullable="0+")
    """The topics it subscribes to by name."""


class TopicPartitions(Struct):
    """Shared by several fields of `ShareGroupHeartbeatResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class Assignment(Struct):
    """`assignment` of `ShareGroupHeartbeatResponse`."""

    topic_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    """Partitions, by topic."""


class ShareGroupHeartbeatResponse(
    Response, api_key=ApiKey.SHARE_GROUP_HEARTBEAT, versions="1", flexible="0+"
):
    """Answers `ShareGroupHeartbeatRequest`."""

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
