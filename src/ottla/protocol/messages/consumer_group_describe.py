"""ConsumerGroupDescribe (API key 69): describe consumer groups of the new protocol (KIP-848)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT8,
    INT16,
    INT32,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class ConsumerGroupDescribeRequest(
    Request, api_key=ApiKey.CONSUMER_GROUP_DESCRIBE, versions="0-1", flexible="0+"
):
    """Asks to describe consumer groups of the new protocol (KIP-848)."""

    group_ids: list[str] = field(array(STRING), "0+", factory=list)
    include_authorized_operations: bool = field(BOOL, "0+", default=False)


class TopicPartitions(Struct):
    """Shared by several fields of `ConsumerGroupDescribeResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    topic_name: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class Assignment(Struct):
    """Shared by several fields of `ConsumerGroupDescribeResponse`."""

    topic_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)


class Member(Struct):
    """`members` of `ConsumerGroupDescribeResponse`."""

    member_id: str = field(STRING, "0+", default="")
    instance_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    member_epoch: int = field(INT32, "0+", default=0)
    client_id: str = field(STRING, "0+", default="")
    client_host: str = field(STRING, "0+", default="")
    subscribed_topic_names: list[str] = field(array(STRING), "0+", factory=list)
    subscribed_topic_regex: str | None = field(STRING, "0+", default=None, nullable="0+")
    assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    target_assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    member_type: int = field(INT8, "1+", default=-1, ignorable=True)


class DescribedGroup(Struct):
    """`groups` of `ConsumerGroupDescribeResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    group_id: str = field(STRING, "0+", default="")
    group_state: str = field(STRING, "0+", default="")
    group_epoch: int = field(INT32, "0+", default=0)
    assignment_epoch: int = field(INT32, "0+", default=0)
    assignor_name: str = field(STRING, "0+", default="")
    members: list[Member] = field(array(Member), "0+", factory=list)
    authorized_operations: int = field(INT32, "0+", default=-2147483648)


class ConsumerGroupDescribeResponse(
    Response, api_key=ApiKey.CONSUMER_GROUP_DESCRIBE, versions="0-1", flexible="0+"
):
    """Answers `ConsumerGroupDescribeRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    groups: list[DescribedGroup] = field(array(DescribedGroup), "0+", factory=list)
