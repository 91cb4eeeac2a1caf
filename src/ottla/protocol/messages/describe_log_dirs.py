"""DescribeLogDirs (API key 35): list log directories with what they hold."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribableLogDirTopic(Struct):
    """`topics` of `DescribeLogDirsRequest`."""

    topic: str = field(STRING, "0+", default="")
    """The topic's name."""
    partitions: list[int] = field(array(INT32), "0+", factory=list)
    """Partition by partition."""


class DescribeLogDirsRequest(Request, api_key=ApiKey.DESCRIBE_LOG_DIRS, versions="1-4", flexible="2+"):
    """Asks to list log directories with what they hold."""

    topics: list[DescribableLogDirTopic] | None = field(
        array(DescribableLogDirTopic), "0+", factory=list, nullable="0+"
    )
    """Topic by topic."""


class DescribeLogDirsPartition(Struct):
    """`partitions` of `DescribeLogDirsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    partition_size: int = field(INT64, "0+", default=0)
    """The size of the log's segments, in bytes."""
    offset_lag: int = field(INT64, "0+", default=0)
    """How far a future copy is behind, in offsets."""
    is_future_key: bool = field(BOOL, "0+", default=False)
    """Whether this is a copy on its way here."""


class DescribeLogDirsTopic(Struct):
    """`topics` of `DescribeLogDirsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    partitions: list[DescribeLogDirsPartition] = field(array(DescribeLogDirsPartition), "0+", factory=list)
    """Partition by partition."""


class DescribeLogDirsResult(Struct):
    """`results` of `DescribeLogDirsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    log_dir: str = field(STRING, "0+", default="")
    """The log directory's absolute path."""
    topics: list[DescribeLogDirsTopic] = field(array(DescribeLogDirsTopic), "0+", factory=list)
    """Topic by topic."""
    total_bytes: int = field(INT64, "4+", default=-1, ignorable=True)
    """The size of the volume; -1 if unknown."""
    usable_bytes: int = field(INT64, "4+", default=-1, ignorable=True)
    """What is left on the volume; -1 if unknown."""


class DescribeLogDirsResponse(Response, api_key=ApiKey.DESCRIBE_LOG_DIRS, versions="1-4", flexible="2+"):
    """Answers `DescribeLogDirsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "3+", default=0, ignorable=True)
    """The error, 0 for none."""
    results: list[DescribeLogDirsResult] = field(array(DescribeLogDirsResult), "0+", factory=list)
    """What became of each part of the request."""
