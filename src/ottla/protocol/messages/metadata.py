"""Metadata (API key 3): learn the brokers, the topics and who leads their partitions."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class MetadataRequestTopic(Struct):
    """`topics` of `MetadataRequest`."""

    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    name: str | None = field(STRING, "0+", default="", nullable="10+")


class MetadataRequest(Request, api_key=ApiKey.METADATA, versions="0-13", flexible="9+"):
    """Asks to learn the brokers, the topics and who leads their partitions."""

    topics: list[MetadataRequestTopic] | None = field(
        array(MetadataRequestTopic), "0+", factory=list, nullable="1+"
    )
    allow_auto_topic_creation: bool = field(BOOL, "4+", default=True)
    include_cluster_authorized_operations: bool = field(BOOL, "8-10", default=False)
    include_topic_authorized_operations: bool = field(BOOL, "8+", default=False)


class MetadataResponseBroker(Struct):
    """`brokers` of `MetadataResponse`."""

    node_id: int = field(INT32, "0+", default=0)
    host: str = field(STRING, "0+", default="")
    port: int = field(INT32, "0+", default=0)
    rack: str | None = field(STRING, "1+", default=None, nullable="1+", ignorable=True)


class MetadataResponsePartition(Struct):
    """`partitions` of `MetadataResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    partition_index: int = field(INT32, "0+", default=0)
    leader_id: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "7+", default=-1, ignorable=True)
    replica_nodes: list[int] = field(array(INT32), "0+", factory=list)
    isr_nodes: list[int] = field(array(INT32), "0+", factory=list)
    offline_replicas: list[int] = field(array(INT32), "5+", factory=list, ignorable=True)


class MetadataResponseTopic(Struct):
    """`topics` of `MetadataResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    name: str | None = field(STRING, "0+", default="", nullable="12+")
    topic_id: Uuid = field(UUID, "10+", default=ZERO_UUID, ignorable=True)
    is_internal: bool = field(BOOL, "1+", default=False, ignorable=True)
    partitions: list[MetadataResponsePartition] = field(array(MetadataResponsePartition), "0+", factory=list)
    topic_authorized_operations: int = field(INT32, "8+", default=-2147483648)


class MetadataResponse(Response, api_key=ApiKey.METADATA, versions="0-13", flexible="9+"):
    """Answers `MetadataRequest`."""

    throttle_time_ms: int = field(INT32, "3+", default=0, ignorable=True)
    brokers: list[MetadataResponseBroker] = field(array(MetadataResponseBroker), "0+", factory=list)
    cluster_id: str | None = field(STRING, "2+", default=None, nullable="2+", ignorable=True)
    controller_id: int = field(INT32, "1+", default=-1, ignorable=True)
    topics: list[MetadataResponseTopic] = field(array(MetadataResponseTopic), "0+", factory=list)
    cluster_authorized_operations: int = field(INT32, "8-10", default=-2147483648)
    error_code: int = field(INT16, "13+", default=0, ignorable=True)
