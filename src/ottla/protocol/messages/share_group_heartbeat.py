"""ShareGroupHeartbeat (API key 76): join, stay in and leave a share group (KIP-932)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class ShareGroupHeartbeatRequest(Request, api_key=ApiKey.SHARE_GROUP_HEARTBEAT, versions="1", flexible="0+"):
    """Asks to join, stay in and leave a share group (KIP-932)."""

    group_id: str = field(STRING, "0+", default="")
    member_id: str = field(STRING, "0+", default="")
    member_epoch: int = field(INT32, "0+", default=0)
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    subscribed_topic_names: list[str] | None = field(array(STRING), "0+", default=None, nullable="0+")


class TopicPartitions(Struct):
    """Shared by several fields of `ShareGroupHeartbeatResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class Assignment(Struct):
    """`assignment` of `ShareGroupHeartbeatResponse`."""

    topic_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)


class ShareGroupHeartbeatResponse(
    Response, api_key=ApiKey.SHARE_GROUP_HEARTBEAT, versions="1", flexible="0+"
):
    """Answers `ShareGroupHeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    member_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    member_epoch: int = field(INT32, "0+", default=0)
    heartbeat_interval_ms: int = field(INT32, "0+", default=0)
    assignment: Assignment | None = field(Assignment, "0+", default=None, nullable="0+")
