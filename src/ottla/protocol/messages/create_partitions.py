"""CreatePartitions (API key 37): add partitions to topics."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, Request, Response, Struct, array, field


class CreatePartitionsAssignment(Struct):
    """`assignments` of `CreatePartitionsRequest`."""

    broker_ids: list[int] = field(array(INT32), "0+", factory=list)


class CreatePartitionsTopic(Struct):
    """`topics` of `CreatePartitionsRequest`."""

    name: str = field(STRING, "0+", default="")
    count: int = field(INT32, "0+", default=0)
    assignments: list[CreatePartitionsAssignment] | None = field(
        array(CreatePartitionsAssignment), "0+", factory=list, nullable="0+"
    )


class CreatePartitionsRequest(Request, api_key=ApiKey.CREATE_PARTITIONS, versions="0-3", flexible="2+"):
    """Asks to add partitions to topics."""

    topics: list[CreatePartitionsTopic] = field(array(CreatePartitionsTopic), "0+", factory=list)
    timeout_ms: int = field(INT32, "0+", default=0)
    validate_only: bool = field(BOOL, "0+", default=False)


class CreatePartitionsTopicResult(Struct):
    """`results` of `CreatePartitionsResponse`."""

    name: str = field(STRING, "0+", default="")
    error_code: int = field(INT16, "0+", default=0)
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")


class CreatePartitionsResponse(Response, api_key=ApiKey.CREATE_PARTITIONS, versions="0-3", flexible="2+"):
    """Answers `CreatePartitionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    results: list[CreatePartitionsTopicResult] = field(array(CreatePartitionsTopicResult), "0+", factory=list)
