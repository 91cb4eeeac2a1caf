"""AssignReplicasToDirs (API key 73): tell the KRaft controller which log directory holds which replica."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, UUID, Request, Response, Struct, array, field
from ottla.protocol.types import ZERO_UUID, Uuid


class PartitionData(Struct):
    """`partitions` of `AssignReplicasToDirsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""


class TopicData(Struct):
    """`topics` of `AssignReplicasToDirsRequest`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[PartitionData] = field(array(PartitionData), "0+", factory=list)
    """Partition by partition."""


class DirectoryData(Struct):
    """`directories` of `AssignReplicasToDirsRequest`."""

    id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id."""
    topics: list[TopicData] = field(array(TopicData), "0+", factory=list)
    """Topic by topic."""


class AssignReplicasToDirsRequest(
    Request, api_key=ApiKey.ASSIGN_REPLICAS_TO_DIRS, versions="0", flexible="0+"
):
    """Asks to tell the KRaft controller which log directory holds which replica."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "0+", default=-1)
    """The epoch of the broker's registration; -1 for none."""
    directories: list[DirectoryData] = field(array(DirectoryData), "0+", factory=list)
    """Log directory by log directory."""


class AssignReplicasToDirsResponsePartitionData(Struct):
    """`partitions` of `AssignReplicasToDirsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class AssignReplicasToDirsResponseTopicData(Struct):
    """`topics` of `AssignReplicasToDirsResponse`."""

    topic_id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The topic's id; all zero for none."""
    partitions: list[AssignReplicasToDirsResponsePartitionData] = field(
        array(AssignReplicasToDirsResponsePartitionData), "0+", factory=list
    )
    """Partition by partition."""


class AssignReplicasToDirsResponseDirectoryData(Struct):
    """`directories` of `AssignReplicasToDirsResponse`."""

    id: Uuid = field(UUID, "0+", default=ZERO_UUID)
    """The id."""
    topics: list[AssignReplicasToDirsResponseTopicData] = field(
        array(AssignReplicasToDirsResponseTopicData), "0+", factory=list
    )
    """Topic by topic."""


class AssignReplicasToDirsResponse(
    Response, api_key=ApiKey.ASSIGN_REPLICAS_TO_DIRS, versions="0", flexible="0+"
):
    """Answers `AssignReplicasToDirsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    directories: list[AssignReplicasToDirsResponseDirectoryData] = field(
        array(AssignReplicasToDirsResponseDirectoryData), "0+", factory=list
    )
    """Log directory by log directory."""
