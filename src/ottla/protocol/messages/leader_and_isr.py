"""LeaderAndIsr (API key 4): become leader or follower of partitions; sent by the controller of a cluster on ZooKeeper."""

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


class LeaderAndIsrPartitionState(Struct):
    """Shared by several fields of `LeaderAndIsrRequest`."""

    topic_name: str = field(STRING, "0-1", default="", ignorable=True)
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
    partition_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the partition's state."""
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers that have a replica, the preferred leader first."""
    adding_replicas: list[int] = field(array(INT32), "3+", factory=list, ignorable=True)
    """The replicas that are being added."""
    removing_replicas: list[int] = field(array(INT32), "3+", factory=list, ignorable=True)
    """The replicas that are being removed."""
    is_new: bool = field(BOOL, "1+", default=False, ignorable=True)
    """Whether the replica is a new one."""
    leader_recovery_state: int = field(INT8, "6+", default=0)
    """1 while the leader makes good an unclean election, 0 otherwise."""


class LeaderAndIsrTopicState(Struct):
    """`topic_states` of `LeaderAndIsrRequest`."""

    topic_name: str = field(STRING, "2+", default="")
    """The topic's name."""
    topic_id: Uuid = field(UUID, "5+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    partition_states: list[LeaderAndIsrPartitionState] = field(
        array(LeaderAndIsrPartitionState), "2+", factory=list
    )
    """Partition by partition."""


class LeaderAndIsrLiveLeader(Struct):
    """`live_leaders` of `LeaderAndIsrRequest`."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    host_name: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""


class LeaderAndIsrRequest(Request, api_key=ApiKey.LEADER_AND_ISR, versions="0-7", flexible="4+"):
    """Asks to become leader or follower of partitions; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    """The controller's broker id; -1 for none."""
    is_k_raft_controller: bool = field(BOOL, "7+", default=False)
    """Whether the controller is a KRaft one."""
    controller_epoch: int = field(INT32, "0+", default=0)
    """The controller's epoch."""
    broker_epoch: int = field(INT64, "2+", default=-1, ignorable=True)
    """The epoch of the broker's registration; -1 for none."""
    type: int = field(INT8, "5+", default=0)
    """The kind, by its number."""
    ungrouped_partition_states: list[LeaderAndIsrPartitionState] = field(
        array(LeaderAndIsrPartitionState), "0-1", factory=list
    )
    """Partition by partition, in the old form."""
    topic_states: list[LeaderAndIsrTopicState] = field(array(LeaderAndIsrTopicState), "2+", factory=list)
    """Topic by topic."""
    live_leaders: list[LeaderAndIsrLiveLeader] = field(array(LeaderAndIsrLiveLeader), "0+", factory=list)
    """The leaders named here."""


class LeaderAndIsrPartitionError(Struct):
    """Shared by several fields of `LeaderAndIsrResponse`."""

    topic_name: str = field(STRING, "0-4", default="", ignorable=True)
    """The topic's name."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class LeaderAndIsrTopicError(Struct):
    """`topics` of `LeaderAndIsrResponse`."""

    topic_id: Uuid = field(UUID, "5+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partition_errors: list[LeaderAndIsrPartitionError] = field(
        array(LeaderAndIsrPartitionError), "5+", factory=list
    )
    """What became of each partition."""


class LeaderAndIsrResponse(Response, api_key=ApiKey.LEADER_AND_ISR, versions="0-7", flexible="4+"):
    """Answers `LeaderAndIsrRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    partition_errors: list[LeaderAndIsrPartitionError] = field(
        array(LeaderAndIsrPartitionError), "0-4", factory=list
    )
    """What became of each partition."""
    topics: list[LeaderAndIsrTopicError] = field(array(LeaderAndIsrTopicError), "5+", factory=list)
    """Topic by topic."""
