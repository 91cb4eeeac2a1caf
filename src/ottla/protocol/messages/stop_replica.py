"""StopReplica (API key 5): give up replicas; sent by the controller of a cluster on ZooKeeper."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class StopReplicaPartitionV0(Struct):
    """`ungrouped_partitions` of `StopReplicaRequest`."""

    topic_name: str = field(STRING, "0", default="")
    """The topic's name."""
    partition_index: int = field(INT32, "0", default=0)
    """The partition's number."""


class StopReplicaTopicV1(Struct):
    """`topics` of `StopReplicaRequest`."""

    name: str = field(STRING, "1-2", default="")
    """Its name."""
    partition_indexes: list[int] = field(array(INT32), "1-2", factory=list)
    """The partitions' numbers."""


class StopReplicaPartitionState(Struct):
    """`partition_states` of `StopReplicaRequest`."""

    partition_index: int = field(INT32, "3+", default=0)
    """The partition's number."""
    leader_epoch: int = field(INT32, "3+", default=-1)
    """The epoch of the partition's leader; -1 for none."""
    delete_partition: bool = field(BOOL, "3+", default=False)
    """Whether the replica's files go as well."""


class StopReplicaTopicState(Struct):
    """`topic_states` of `StopReplicaRequest`."""

    topic_name: str = field(STRING, "3+", default="")
    """The topic's name."""
    partition_states: list[StopReplicaPartitionState] = field(
        array(StopReplicaPartitionState), "3+", factory=list
    )
    """Partition by partition."""


class StopReplicaRequest(Request, api_key=ApiKey.STOP_REPLICA, versions="0-4", flexible="2+"):
    """Asks to give up replicas; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    """The controller's broker id; -1 for none."""
    is_k_raft_controller: bool = field(BOOL, "4+", default=False)
    """Whether the controller is a KRaft one."""
    controller_epoch: int = field(INT32, "0+", default=0)
    """The controller's epoch."""
    broker_epoch: int = field(INT64, "1+", default=-1, ignorable=True)
    """The epoch of the broker's registration; -1 for none."""
    delete_partitions: bool = field(BOOL, "0-2", default=False)
    """Whether the replicas' files go as well."""
    ungrouped_partitions: list[StopReplicaPartitionV0] = field(
        array(StopReplicaPartitionV0), "0", factory=list
    )
    """The partitions, in the old form."""
    topics: list[StopReplicaTopicV1] = field(array(StopReplicaTopicV1), "1-2", factory=list)
    """Topic by topic."""
    topic_states: list[StopReplicaTopicState] = field(array(StopReplicaTopicState), "3+", factory=list)
    """Topic by topic."""


class StopReplicaPartitionError(Struct):
    """`partition_errors` of `StopReplicaResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class StopReplicaResponse(Response, api_key=ApiKey.STOP_REPLICA, versions="0-4", flexible="2+"):
    """Answers `StopReplicaRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    partition_errors: list[StopReplicaPartitionError] = field(
        array(StopReplicaPartitionError), "0+", factory=list
    )
    """What became of each partition."""
