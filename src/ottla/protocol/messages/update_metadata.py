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
    """The topic's name."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    controller_epoch: int = field(INT32, "0+", default=0)
    """The controller's epoch."""
    leader: int = field(INT32, "0+", default=0)
    """The leader."""
    leader_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's leader; -1 for none."""
    isr: list[int] = field(array(INT32), "0+", factory=list)
    """The replicas in sync."""
    zk_version: int = field(INT32, "0+", default=0)
    """The version of the partition's node in ZooKeeper."""
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers that have a replica, the preferred leader first."""
    offline_replicas: list[int] = field(array(INT32), "4+", factory=list, ignorable=True)
    """The replicas that cannot be reached."""


class UpdateMetadataTopicState(Struct):
    """`topic_states` of `UpdateMetadataRequest`."""

    topic_name: str = field(STRING, "5+", default="")
    """The topic's name."""
    topic_id: Uuid = field(UUID, "7+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partition_states: list[UpdateMetadataPartitionState] = field(
        array(UpdateMetadataPartitionState), "5+", factory=list
    )
    """Partition by partition."""


class UpdateMetadataEndpoint(Struct):
    """`endpoints` of `UpdateMetadataRequest`."""

    port: int = field(INT32, "1+", default=0)
    """Where to connect to: the port."""
    host: str = field(STRING, "1+", default="")
    """Where to connect to: a host name or an address."""
    listener: str = field(STRING, "3+", default="", ignorable=True)
    """The listener's name."""
    security_protocol: int = field(INT16, "1+", default=0)
    """0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL."""


class UpdateMetadataBroker(Struct):
    """`live_brokers` of `UpdateMetadataRequest`."""

    id: int = field(INT32, "0+", default=0)
    """The id."""
    v0_host: str = field(STRING, "0", default="", ignorable=True)
    """Where to connect to, in version 0: the host."""
    v0_port: int = field(INT32, "0", default=0, ignorable=True)
    """Where to connect to, in version 0: the port."""
    endpoints: list[UpdateMetadataEndpoint] = field(
        array(UpdateMetadataEndpoint), "1+", factory=list, ignorable=True
    )
    """Where it listens."""
    rack: str | None = field(STRING, "2+", default="", nullable="0+", ignorable=True)
    """The broker's rack; null if it has none."""


class UpdateMetadataRequest(Request, api_key=ApiKey.UPDATE_METADATA, versions="0-8", flexible="6+"):
    """Asks to take over the brokers and partitions of the cluster; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    """The controller's broker id; -1 for none."""
    is_k_raft_controller: bool = field(BOOL, "8+", default=False)
    """Whether the controller is a KRaft one."""
    type: int = field(INT8, "8+", default=0, tag=0, tagged="8+")
    """The kind, by its number."""
    controller_epoch: int = field(INT32, "0+", default=0)
    """The controller's epoch."""
    broker_epoch: int = field(INT64, "5+", default=-1, ignorable=True)
    """The epoch of the broker's registration; -1 for none."""
    ungrouped_partition_states: list[UpdateMetadataPartitionState] = field(
        array(UpdateMetadataPartitionState), "0-4", factory=list
    )
    """Partition by partition, in the old form."""
    topic_states: list[UpdateMetadataTopicState] = field(array(UpdateMetadataTopicState), "5+", factory=list)
    """Topic by topic."""
    live_brokers: list[UpdateMetadataBroker] = field(array(UpdateMetadataBroker), "0+", factory=list)
    """The brokers that live."""


class UpdateMetadataResponse(Response, api_key=ApiKey.UPDATE_METADATA, versions="0-8", flexible="6+"):
    """Answers `UpdateMetadataRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
