"""Metadata (API key 3): learn the brokers, the topics and who leads their partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class MetadataRequestTopic(Struct):
    """`topics` of `MetadataRequest`."""

    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    name: str | None = field(STRING, "0+", default="", nullable="10+")
    """The topic's name; null when it is asked for by id."""


class MetadataRequest(Request, api_key=ApiKey.METADATA, versions="0-13", flexible="9+"):
    """Asks to learn the brokers, the topics and who leads their partitions."""

    topics: list[MetadataRequestTopic] | None = field(
        array(MetadataRequestTopic), "0+", factory=list, nullable="1+"
    )
    """Topic by topic."""
    allow_auto_topic_creation: bool = field(BOOL, "4+", default=True)
    """Whether missing topics may be made."""
    include_cluster_authorized_operations: bool = field(BOOL, "8-10", default=False)
    """Whether the answer shall tell what the client may do to the cluster."""
    include_topic_authorized_operations: bool = field(BOOL, "8+", default=False)
    """Whether the answer shall tell what the client may do to the topics."""


class MetadataResponseBroker(Struct):
    """`brokers` of `MetadataResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "1+", default=None, nullable="1+", ignorable=True)
    """The broker's rack; null if it has none."""


class MetadataResponsePartition(Struct):
    """`partitions` of `MetadataResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    leader_id: int = field(INT32, "0+", default=0)
    """The leader's broker id; -1 for none."""
    leader_epoch: int = field(INT32, "7+", default=-1, ignorable=True)
    """The epoch of the partition's leader; -1 for none."""
    replica_nodes: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers that have a replica, the preferred leader first."""
    isr_nodes: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers whose replica is in sync."""
    offline_replicas: list[int] = field(array(INT32), "5+", factory=list, ignorable=True)
    """The replicas that cannot be reached."""


class MetadataResponseTopic(Struct):
    """`topics` of `MetadataResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    name: str | None = field(STRING, "0+", default="", nullable="12+")
    """Its name."""
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    is_internal: bool = field(BOOL, "1+", default=False, ignorable=True)
    """Whether the topic is the broker's own."""
    partitions: list[MetadataResponsePartition] = field(array(MetadataResponsePartition), "0+", factory=list)
    """Partition by partition."""
    topic_authorized_operations: int = field(INT32, "8+", default=-2147483648)
    """What the client may do to the topic, a bit per operation; -2147483648 when not asked for."""


class MetadataResponse(Response, api_key=ApiKey.METADATA, versions="0-13", flexible="9+"):
    """Answers `MetadataRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    brokers: list[MetadataResponseBroker] = field(array(MetadataResponseBroker), "0+", factory=list)
    """Broker by broker."""
    cluster_id: str | None = field(STRING, "2+", default=None, nullable="2+", ignorable=True)
    """The cluster's id."""
    controller_id: int = field(INT32, "1+", default=-1, ignorable=True)
    """The controller's broker id; -1 for none."""
    topics: list[MetadataResponseTopic] = field(array(MetadataResponseTopic), "0+", factory=list)
    """Topic by topic."""
    cluster_authorized_operations: int = field(INT32, "8-10", default=-2147483648)
    """What the client may do to the cluster, a bit per operation; -2147483648 when not asked for."""
    error_code: int = field(INT16, "13+", default=0, ignorable=True)
    """The error, 0 for none."""
