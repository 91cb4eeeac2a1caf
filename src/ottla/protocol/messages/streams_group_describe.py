"""StreamsGroupDescribe (API key 89): describe streams groups (KIP-1071)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT16,
    INT32,
    INT64,
    STRING,
    UINT16,
    Request,
    Response,
    Struct,
    array,
    field,
)


class StreamsGroupDescribeRequest(
    Request, api_key=ApiKey.STREAMS_GROUP_DESCRIBE, versions="0", flexible="0+", latest_unstable=True
):
    """Asks to describe streams groups (KIP-1071)."""

    group_ids: list[str] = field(array(STRING), "0+", factory=list)
    """The groups' ids."""
    include_authorized_operations: bool = field(BOOL, "0+", default=False)
    """Whether the answer shall tell what the client may do."""


class KeyValue(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    key: str = field(STRING, "0+", default="")
    """What is asked for."""
    value: str = field(STRING, "0+", default="")
    """Its value."""


class TopicInfo(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: int = field(INT32, "0+", default=0)
    """Partition by partition."""
    replication_factor: int = field(INT16, "0+", default=0)
    """How many replicas each partition has, or is to have."""
    topic_configs: list[KeyValue] = field(array(KeyValue), "0+", factory=list)
    """Settings of the topic."""


class Subtopology(Struct):
    """`subtopologies` of `StreamsGroupDescribeResponse`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    source_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it reads."""
    repartition_sink_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The repartition topics it writes."""
    state_changelog_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The changelog topics of its stores."""
    repartition_source_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The repartition topics it reads."""


class Topology(Struct):
    """`topology` of `StreamsGroupDescribeResponse`."""

    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""
    subtopologies: list[Subtopology] | None = field(array(Subtopology), "0+", default=None, nullable="0+")
    """The parts of the topology."""


class Endpoint(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class TaskOffset(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    offset: int = field(INT64, "0+", default=0)
    """The offset."""


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class Assignment(Struct):
    """Shared by several fields of `StreamsGroupDescribeResponse`."""

    active_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks that it runs."""
    standby_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it keeps a copy of."""
    warmup_tasks: list[TaskIds] = field(array(TaskIds), "0+", factory=list)
    """Tasks whose state it is building up to take them over."""


class Member(Struct):
    """`members` of `StreamsGroupDescribeResponse`."""

    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    instance_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The rack the client stands in."""
    client_id: str = field(STRING, "0+", default="")
    """The name the client gives itself."""
    client_host: str = field(STRING, "0+", default="")
    """The address the member came from."""
    topology_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the topology."""
    process_id: str = field(STRING, "0+", default="")
    """The id of the process, which may run several members."""
    user_endpoint: Endpoint | None = field(Endpoint, "0+", default=None, nullable="0+")
    """Where the application on this client can be asked; null if nowhere."""
    client_tags: list[KeyValue] = field(array(KeyValue), "0+", factory=list)
    """Tags by which standby tasks are spread."""
    task_offsets: list[TaskOffset] = field(array(TaskOffset), "0+", factory=list)
    """How far the copies of the tasks' state are."""
    task_end_offsets: list[TaskOffset] = field(array(TaskOffset), "0+", factory=list)
    """How far the tasks' state could be."""
    assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    """What the member is assigned."""
    target_assignment: Assignment = field(Assignment, "0+", factory=Assignment)
    """What the member shall have in the end."""
    is_classic: bool = field(BOOL, "0+", default=False)
    """Whether the member uses the classic protocol."""


class DescribedGroup(Struct):
    """`groups` of `StreamsGroupDescribeResponse`."""

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
    topology: Topology | None = field(Topology, "0+", default=None, nullable="0+")
    """The topology; null if it is not told."""
    members: list[Member] = field(array(Member), "0+", factory=list)
    """Member by member."""
    authorized_operations: int = field(INT32, "0+", default=-2147483648)
    """What the client may do, a bit per operation; -2147483648 when not asked for."""


class StreamsGroupDescribeResponse(
    Response, api_key=ApiKey.STREAMS_GROUP_DESCRIBE, versions="0", flexible="0+"
):
    """Answers `StreamsGroupDescribeRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    groups: list[DescribedGroup] = field(array(DescribedGroup), "0+", factory=list)
    """Group by group."""
