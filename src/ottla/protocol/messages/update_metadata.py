"""UpdateMetadata (API key 6): take over the brokers and partitions of the cluster; sent by the controller of a cluster on ZooKeeper."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT8,
    INT16,
    INT32,
    INT64,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class UpdateMetadataPartitionState(Struct):
    """Shared by several fields of `UpdateMetadataRequest`."""

    topic_name: str = field(STRING, "0-4", default="", ignorable=True)
    partition_index: int = field(INT32, "0+", default=0)
    controller_epoch: int = field(INT32, "0+", default=0)
    leader: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    isr: list[int] = field(array(INT32), "0+", factory=list)
    zk_version: int = field(INT32, "0+", default=0)
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    offline_replicas: list[int] = field(array(INT32), "4+", factory=list, ignorable=True)


class UpdateMetadataTopicState(Struct):
    """`topic_states` of `UpdateMetadataRequest`."""

    topic_name: str = field(STRING, "5+", default="")
    topic_id: Uuid = field(UUID, "7+", default=ZERO_UUID, ignorable=True)
    partition_states: list[UpdateMetadataPartitionState] = field(
        array(UpdateMetadataPartitionState), "5+", factory=list
    )


class UpdateMetadataEndpoint(Struct):
    """`endpoints` of `UpdateMetadataRequest`."""

    port: int = field(INT32, "1+", default=0)
    host: str = field(STRING, "1+", default="")
    listener: str = field(STRING, "3+", default="", ignorable=True)
    security_protocol: int = field(INT16, "1+", default=0)


class UpdateMetadataBroker(Struct):
    """`live_brokers` of `UpdateMetadataRequest`."""

    id: int = field(INT32, "0+", default=0)
    v0_host: str = field(STRING, "0", default="", ignorable=True)
    v0_port: int = field(INT32, "0", default=0, ignorable=True)
    endpoints: list[UpdateMetadataEndpoint] = field(
        array(UpdateMetadataEndpoint), "1+", factory=list, ignorable=True
    )
    rack: str | None = field(STRING, "2+", default="", nullable="0+", ignorable=True)


class UpdateMetadataRequest(Request, api_key=ApiKey.UPDATE_METADATA, versions="0-8", flexible="6+"):
    """Asks to take over the brokers and partitions of the cluster; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    is_k_raft_controller: bool = field(BOOL, "8+", default=False)
    type: int = field(INT8, "8+", default=0, tag=0, tagged="8+")
    controller_epoch: int = field(INT32, "0+", default=0)
    broker_epoch: int = field(INT64, "5+", default=-1, ignorable=True)
    ungrouped_partition_states: list[UpdateMetadataPartitionState] = field(
        array(UpdateMetadataPartitionState), "0-4", factory=list
    )
    topic_states: list[UpdateMetadataTopicState] = field(array(UpdateMetadataTopicState), "5+", factory=list)
    live_brokers: list[UpdateMetadataBroker] = field(array(UpdateMetadataBroker), "0+", factory=list)


class UpdateMetadataResponse(Response, api_key=ApiKey.UPDATE_METADATA, versions="0-8", flexible="6+"):
    """Answers `UpdateMetadataRequest`."""

    error_code: int = field(INT16, "0+", default=0)
