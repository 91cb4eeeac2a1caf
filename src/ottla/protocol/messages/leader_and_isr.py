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
    partition_index: int = field(INT32, "0+", default=0)
    controller_epoch: int = field(INT32, "0+", default=0)
    leader: int = field(INT32, "0+", default=0)
    leader_epoch: int = field(INT32, "0+", default=0)
    isr: list[int] = field(array(INT32), "0+", factory=list)
    partition_epoch: int = field(INT32, "0+", default=0)
    replicas: list[int] = field(array(INT32), "0+", factory=list)
    adding_replicas: list[int] = field(array(INT32), "3+", factory=list, ignorable=True)
    removing_replicas: list[int] = field(array(INT32), "3+", factory=list, ignorable=True)
    is_new: bool = field(BOOL, "1+", default=False, ignorable=True)
    leader_recovery_state: int = field(INT8, "6+", default=0)


class LeaderAndIsrTopicState(Struct):
    """`topic_states` of `LeaderAndIsrRequest`."""

    topic_name: str = field(STRING, "2+", default="")
    topic_id: Uuid = field(UUID, "5+", default=ZERO_UUID, ignorable=True)
    partition_states: list[LeaderAndIsrPartitionState] = field(
        array(LeaderAndIsrPartitionState), "2+", factory=list
    )


class LeaderAndIsrLiveLeader(Struct):
    """`live_leaders` of `LeaderAndIsrRequest`."""

    broker_id: int = field(INT32, "0+", default=0)
    host_name: str = field(STRING, "0+", default="")
    port: int = field(INT32, "0+", default=0)


class LeaderAndIsrRequest(Request, api_key=ApiKey.LEADER_AND_ISR, versions="0-7", flexible="4+"):
    """Asks to become leader or follower of partitions; sent by the controller of a cluster on ZooKeeper."""

    controller_id: int = field(INT32, "0+", default=0)
    is_k_raft_controller: bool = field(BOOL, "7+", default=False)
    controller_epoch: int = field(INT32, "0+", default=0)
    broker_epoch: int = field(INT64, "2+", default=-1, ignorable=True)
    type: int = field(INT8, "5+", default=0)
    ungrouped_partition_states: list[LeaderAndIsrPartitionState] = field(
        array(LeaderAndIsrPartitionState), "0-1", factory=list
    )
    topic_states: list[LeaderAndIsrTopicState] = field(array(LeaderAndIsrTopicState), "2+", factory=list)
    live_leaders: list[LeaderAndIsrLiveLeader] = field(array(LeaderAndIsrLiveLeader), "0+", factory=list)


class LeaderAndIsrPartitionError(Struct):
    """Shared by several fields of `LeaderAndIsrResponse`."""

    topic_name: str = field(STRING, "0-4", default="", ignorable=True)
    partition_index: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "0+", default=0)


class LeaderAndIsrTopicError(Struct):
    """`topics` of `LeaderAndIsrResponse`."""

    topic_id: Uuid = field(UUID, "5+", default=ZERO_UUID)
    partition_errors: list[LeaderAndIsrPartitionError] = field(
        array(LeaderAndIsrPartitionError), "5+", factory=list
    )


class LeaderAndIsrResponse(Response, api_key=ApiKey.LEADER_AND_ISR, versions="0-7", flexible="4+"):
    """Answers `LeaderAndIsrRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    partition_errors: list[LeaderAndIsrPartitionError] = field(
        array(LeaderAndIsrPartitionError), "0-4", factory=list
    )
    topics: list[LeaderAndIsrTopicError] = field(array(LeaderAndIsrTopicError), "5+", factory=list)
