"""CreatePartitions (API key 37): add partitions to topics."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT16, INT32, STRING, Request, Response, Struct, array, field


class CreatePartitionsAssignment(Struct):
    """`assignments` of `CreatePartitionsRequest`."""

    broker_ids: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers' ids."""


class CreatePartitionsTopic(Struct):
    """`topics` of `CreatePartitionsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    count: int = field(INT32, "0+", default=0)
    """How many partitions the topic shall have."""
    assignments: list[CreatePartitionsAssignment] | None = field(
        array(CreatePartitionsAssignment), "0+", factory=list, nullable="0+"
    )
    """Assignments, one by one."""


class CreatePartitionsRequest(Request, api_key=ApiKey.CREATE_PARTITIONS, versions="0-3", flexible="2+"):
    """Asks to add partitions to topics."""

    topics: list[CreatePartitionsTopic] = field(array(CreatePartitionsTopic), "0+", factory=list)
    """Topic by topic."""
    timeout_ms: int = field(INT32, "0+", default=0)
    """How long the broker may take to answer."""
    validate_only: bool = field(BOOL, "0+", default=False)
    """Only tell what would become of it."""


class CreatePartitionsTopicResult(Struct):
    """`results` of `CreatePartitionsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""


class CreatePartitionsResponse(Response, api_key=ApiKey.CREATE_PARTITIONS, versions="0-3", flexible="2+"):
    """Answers `CreatePartitionsRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    results: list[CreatePartitionsTopicResult] = field(array(CreatePartitionsTopicResult), "0+", factory=list)
    """What became of each part of the request."""
