"""AlterReplicaLogDirs (API key 34): move replicas to another log directory of the same broker."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, STRING, Request, Response, Struct, array, field


class AlterReplicaLogDirTopic(Struct):
    """`topics` of `AlterReplicaLogDirsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class AlterReplicaLogDir(Struct):
    """`dirs` of `AlterReplicaLogDirsRequest`."""

    path: str = field(STRING, "0+", default="")
    """The directory's absolute path."""
    topics: list[AlterReplicaLogDirTopic] = field(array(AlterReplicaLogDirTopic), "0+", factory=list)
    """Topic by topic."""


class AlterReplicaLogDirsRequest(
    Request, api_key=ApiKey.ALTER_REPLICA_LOG_DIRS, versions="1-2", flexible="2+"
):
    """Asks to move replicas to another log directory of the same broker."""

    dirs: list[AlterReplicaLogDir] = field(array(AlterReplicaLogDir), "0+", factory=list)
    """Log directory by log directory."""


class AlterReplicaLogDirPartitionResult(Struct):
    """`partitions` of `AlterReplicaLogDirsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""


class AlterReplicaLogDirTopicResult(Struct):
    """`results` of `AlterReplicaLogDirsResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[AlterReplicaLogDirPartitionResult] = field(
        array(AlterReplicaLogDirPartitionResult), "0+", factory=list
    )
    """Partition by partition."""


class AlterReplicaLogDirsResponse(
    Response, api_key=ApiKey.ALTER_REPLICA_LOG_DIRS, versions="1-2", flexible="2+"
):
    """Answers `AlterReplicaLogDirsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[AlterReplicaLogDirTopicResult] = field(
        array(AlterReplicaLogDirTopicResult), "0+", factory=list
    )
    """What became of each part of the request."""
