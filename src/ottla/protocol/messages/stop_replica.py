"""StopReplica (API key 5): give up replicas; sent by the controller of a cluster on ZooKeeper."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class StopReplicaPartitionV0(Struct):
    """`ungrouped_partitions` of `StopReplicaRequest`."""

    topic_name: str = field(STRING, "0", default="")
    partition_index: int = field(INT32, "0", default=0)


class StopReplicaTopicV1(Struct):
    """`topics` of `StopReplicaRequest`."""

    name: str = field(STRING, "1-2", default="")
    partition_indexes: list[int] = field(array(INT32), "1-2", factory=list)


class StopReplicaPartitionState(Struct):
    """`partition_states` of `StopReplicaRequest`."""

    partition_index: int = field(INT32, "3+", default=0)
    leader_epoch: int = field(INT32, "3+", default=-1)
    delete_partition: bool = field(BOOL, "3+", default=False)


class StopReplicaTopicState(Struct):
    """`topic_states` of `StopReplicaRequest`."""

    topic_name: str = field(STRING, "3+", default="")
    partition_states: list[StopReplicaPartitionState] = field(
        array(StopReplicaPartitionState), "3+", factory=list
    )


class StopReplicaRequest(Request, api_key=ApiKey.STOP_REPLICA, versions="0-4", flexible="2+"):
    """Asks to give up replicas; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    is_k_raft_controller: bool = field(BOOL, "4+", default=False)
    controller_epoch: int = field(INT32, "0+", default=0)
    broker_epoch: int = field(INT64, "1+", default=-1, ignorable=True)
    delete_partitions: bool = field(BOOL, "0-2", default=False)
    ungrouped_partitions: list[StopReplicaPartitionV0] = field(
        array(StopReplicaPartitionV0), "0", factory=list
    )
    topics: list[StopReplicaTopicV1] = field(array(StopReplicaTopicV1), "1-2", factory=list)
    topic_states: list[StopReplicaTopicState] = field(array(StopReplicaTopicState), "3+", factory=list)


class StopReplicaPartitionError(Struct):
    """`partition_errors` of `StopReplicaResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)


class StopReplicaResponse(Response, api_key=ApiKey.STOP_REPLICA, versions="0-4", flexible="2+"):
    """Answers `StopReplicaRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    partition_errors: list[StopReplicaPartitionError] = field(
        array(StopReplicaPartitionError), "0+", factory=list
    )
