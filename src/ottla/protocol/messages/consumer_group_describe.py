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
    """The groups' ids."""
    include_authorized_operations: bool = field(BOOL, "0+", default=False)
    """Whether the answer shall tell what the client may do."""


class TopicPartitions(Struct):
    """Shared by several fields of `ConsumerGroupDescribeResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class Assignment(Struct):
    """Shared by several fields of `ConsumerGroupDescribeResponse`."""

    topic_partitions: list[TopicPartitions] = field(array(TopicPartitions), "0+", factory=list)
    """Partitions, by topic."""


class Member(Struct):
    """`members` of `ConsumerGroupDescribeResponse`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    instance_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The rack the client stands in."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    subscribed_topic_names: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it subscribes to by name."""
    subscribed_topic_regex: str | None = field(STRING, "0+", default=None, nullable="0+")
    """A regular expression of the topics it subscribes to; null for none."""
    assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    """What the member is assigned."""
    target_assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    """What the member shall have in the end."""
    member_type: int = field(INT8, "1+", default=-1, ignorable=True)
    """0 for a member of the classic protocol, 1 for one of the new; -1 if unknown."""


class DescribedGroup(Struct):
    """`groups` of `ConsumerGroupDescribeResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    group_state: str = field(STRING, "0+", default="")
    """The state the group is in, by name."""
    group_epoch: int = field(INT32, "0+", default=0)
    """The group's epoch."""
    assignment_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the target assignment."""
    assignor_name: str = field(STRING, "0+", default="")
    """The assignor's name."""
    members: list[Member] = field(array(Member), "0+", factory=list)
    """Member by member."""
    authorized_operations: int = field(INT32, "0+", default=-2147483648)
    """What the client may do, a bit per operation; -2147483648 when not asked for."""


class ConsumerGroupDescribeResponse(
    Response, api_key=ApiKey.CONSUMER_GROUP_DESCRIBE, versions="0-1", flexible="0+"
):
    """Answers `ConsumerGroupDescribeRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    groups: list[DescribedGroup] = field(array(DescribedGroup), "0+", factory=list)
    """Group by group."""
