"""DescribeLogDirs (API key 35): list log directories with what they hold."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class DescribableLogDirTopic(Struct):
    """`topics` of `DescribeLogDirsRequest`."""

    topic: str = field(STRING, "0+", default="")
    partitions: list[int] = field(array(INT32), "0+", factory=list)


class DescribeLogDirsRequest(Request, api_key=ApiKey.DESCRIBE_LOG_DIRS, versions="1-4", flexible="2+"):
    """Asks to list log directories with what they hold."""

    topics: list[DescribableLogDirTopic] | None = field(
        array(DescribableLogDirTopic), "0+", factory=list, nullable="0+"
    )


class DescribeLogDirsPartition(Struct):
    """`partitions` of `DescribeLogDirsResponse`."""

    partition_index: int = field(INT32, "0+", default=0)
    partition_size: int = field(INT64, "0+", default=0)
    offset_lag: int = field(INT64, "0+", default=0)
    is_future_key: bool = field(BOOL, "0+", default=False)


class DescribeLogDirsTopic(Struct):
    """`topics` of `DescribeLogDirsResponse`."""

    name: str = field(STRING, "0+", default="")
    partitions: list[DescribeLogDirsPartition] = field(array(DescribeLogDirsPartition), "0+", factory=list)


class DescribeLogDirsResult(Struct):
    """`results` of `DescribeLogDirsResponse`."""

    error_code: int = field(INT16, "0+", default=0)
    log_dir: str = field(STRING, "0+", default="")
    topics: list[DescribeLogDirsTopic] = field(array(DescribeLogDirsTopic), "0+", factory=list)
    total_bytes: int = field(INT64, "4+", default=-1, ignorable=True)
    usable_bytes: int = field(INT64, "4+", default=-1, ignorable=True)


class DescribeLogDirsResponse(Response, api_key=ApiKey.DESCRIBE_LOG_DIRS, versions="1-4", flexible="2+"):
    """Answers `DescribeLogDirsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    error_code: int = field(INT16, "3+", default=0, ignorable=True)
    results: list[DescribeLogDirsResult] = field(array(DescribeLogDirsResult), "0+", factory=list)
