"""StreamsGroupHeartbeat (API key 88): join, stay in and leave a streams group (KIP-1071)."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT8,
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


class KeyValue(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatRequest`."""

    key: str = field(STRING, "0+", default="")
    """What is asked for."""
    value: str = field(STRING, "0+", default="")
    """Its value."""


class TopicInfo(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: int = field(INT32, "0+", default=0)
    """Partition by partition."""
    replication_factor: int = field(INT16, "0+", default=0)
    """How many replicas each partition has, or is to have."""
    topic_configs: list[KeyValue] = field(array(KeyValue), "0+", factory=list)
    """Settings of the topic."""


class CopartitionGroup(Struct):
    """`copartition_groups` of `StreamsGroupHeartbeatRequest`."""

    source_topics: list[int] = field(array(INT16), "0+", factory=list)
    """The topics it reads."""
    source_topic_regex: list[int] = field(array(INT16), "0+", factory=list)
    """Patterns of the topics it reads."""
    repartition_source_topics: list[int] = field(array(INT16), "0+", factory=list)
    """The repartition topics it reads."""


class Subtopology(Struct):
    """`subtopologies` of `StreamsGroupHeartbeatRequest`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    source_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The topics it reads."""
    source_topic_regex: list[str] = field(array(STRING), "0+", factory=list)
    """Patterns of the topics it reads."""
    state_changelog_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The changelog topics of its stores."""
    repartition_sink_topics: list[str] = field(array(STRING), "0+", factory=list)
    """The repartition topics it writes."""
    repartition_source_topics: list[TopicInfo] = field(array(TopicInfo), "0+", factory=list)
    """The repartition topics it reads."""
    copartition_groups: list[CopartitionGroup] = field(array(CopartitionGroup), "0+", factory=list)
    """Topics whose partitions belong together."""


class Topology(Struct):
    """`topology` of `StreamsGroupHeartbeatRequest`."""

    epoch: int = field(INT32, "0+", default=0)
    """The epoch."""
    subtopologies: list[Subtopology] = field(array(Subtopology), "0+", factory=list)
    """The parts of the topology."""


class TaskIds(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatRequest`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class Endpoint(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatRequest`."""

    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(UINT16, "0+", default=0)
    """Where to connect to: the port."""


class TaskOffset(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatRequest`."""

    subtopology_id: str = field(STRING, "0+", default="")
    """The subtopology's id."""
    partition: int = field(INT32, "0+", default=0)
    """The partition's number."""
    offset: int = field(INT64, "0+", default=0)
    """The offset."""


class StreamsGroupHeartbeatRequest(
    Request, api_key=ApiKey.STREAMS_GROUP_HEARTBEAT, versions="0", flexible="0+", latest_unstable=True
):
    """Asks to join, stay in and leave a streams group (KIP-1071)."""

    group_id: str = field(STRING, "0+", default="")
    """The group's id."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    endpoint_information_epoch: int = field(INT32, "0+", default=0)
    """The epoch of what is known about endpoints."""
    instance_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The name of a static member; null for a dynamic one."""
    rack_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The rack the client stands in."""
    rebalance_timeout_ms: int = field(INT32, "0+", default=-1)
    """How long members get to join again in a rebalance."""
    topology: Topology | None = field(Topology, "0+", default=None, nullable="0+")
    """The topology; null if it is not told."""
    active_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks that it runs."""
    standby_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks whose state it keeps a copy of."""
    warmup_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks whose state it is building up to take them over."""
    process_id: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The id of the process, which may run several members."""
    user_endpoint: Endpoint | None = field(Endpoint, "0+", default=None, nullable="0+")
    """Where the application on this client can be asked; null if nowhere."""
    client_tags: list[KeyValue] | None = field(array(KeyValue), "0+", default=None, nullable="0+")
    """Tags by which standby tasks are spread."""
    task_offsets: list[TaskOffset] | None = field(array(TaskOffset), "0+", default=None, nullable="0+")
    """How far the copies of the tasks' state are."""
    task_end_offsets: list[TaskOffset] | None = field(array(TaskOffset), "0+", default=None, nullable="0+")
    """How far the tasks' state could be."""
    shutdown_application: bool = field(BOOL, "0+", default=False)
    """Whether every member is asked to stop."""


class Status(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatResponse`."""

    status_code: int = field(INT8, "0+", default=0)
    """What it is, by its number."""
    status_detail: str = field(STRING, "0+", default="")
    """What it is, in words."""


class TopicPartition(Struct):
    """Shared by several fields of `StreamsGroupHeartbeatResponse`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class EndpointToPartitions(Struct):
    """`partitions_by_user_endpoint` of `StreamsGroupHeartbeatResponse`."""

    user_endpoint: Endpoint = field(Endpoint, "0+", factory=Endpoint)
    """Where the application on this client can be asked; null if nowhere."""
    active_partitions: list[TopicPartition] = field(array(TopicPartition), "0+", factory=list)
    """The partitions it runs."""
    standby_partitions: list[TopicPartition] = field(array(TopicPartition), "0+", factory=list)
    """The partitions it keeps copies of."""


class StreamsGroupHeartbeatResponse(
    Response, api_key=ApiKey.STREAMS_GROUP_HEARTBEAT, versions="0", flexible="0+"
):
    """Answers `StreamsGroupHeartbeatRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    member_id: str = field(STRING, "0+", default="")
    """The member's id; empty before it has one."""
    member_epoch: int = field(INT32, "0+", default=0)
    """The epoch up to which the member has caught up with its group; 0 joins, -1 leaves, -2 leaves for a while."""
    heartbeat_interval_ms: int = field(INT32, "0+", default=0)
    """How often the member shall send a heartbeat."""
    acceptable_recovery_lag: int = field(INT32, "0+", default=0)
    """How far behind a copy may be and still take over, in records."""
    task_offset_interval_ms: int = field(INT32, "0+", default=0)
    """How often to tell the tasks' offsets."""
    status: list[Status] | None = field(array(Status), "0+", default=None, nullable="0+")
    """What the member should know; null for nothing."""
    active_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks that it runs."""
    standby_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks whose state it keeps a copy of."""
    warmup_tasks: list[TaskIds] | None = field(array(TaskIds), "0+", default=None, nullable="0+")
    """Tasks whose state it is building up to take them over."""
    endpoint_information_epoch: int = field(INT32, "0+", default=0)
    """The epoch of what is known about endpoints."""
    partitions_by_user_endpoint: list[EndpointToPartitions] | None = field(
        array(EndpointToPartitions), "0+", default=None, nullable="0+"
    )
    """Which partitions each endpoint has; null if nothing changed."""
