"""CreateTopics (API key 19): create topics."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import (
    BOOL,
    INT8,
    INT16,
    INT32,
    STRING,
    UUID,
    Request,
    Response,
    Struct,
    array,
    field,
)
from ottla.protocol.types import ZERO_UUID, Uuid


class CreatableReplicaAssignment(Struct):
    """`assignments` of `CreateTopicsRequest`."""

    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""
    broker_ids: list[int] = field(array(INT32), "0+", factory=list)
    """The brokers' ids."""


class CreatableTopicConfig(Struct):
    """`configs` of `CreateTopicsRequest`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    value: str | None = field(STRING, "0+", default="", nullable="0+")
    """Its value."""


class CreatableTopic(Struct):
    """`topics` of `CreateTopicsRequest`."""

    name: str = field(STRING, "0+", default="")
    """The topic's name."""
    num_partitions: int = field(INT32, "0+", default=0)
    """How many partitions; -1 for the broker's default."""
    replication_factor: int = field(INT16, "0+", default=0)
    """How many replicas each partition has, or is to have."""
    assignments: list[CreatableReplicaAssignment] = field(
        array(CreatableReplicaAssignment), "0+", factory=list
    )
    """Assignments, one by one."""
    configs: list[CreatableTopicConfig] = field(array(CreatableTopicConfig), "0+", factory=list)
    """Settings."""


class CreateTopicsRequest(Request, api_key=ApiKey.CREATE_TOPICS, versions="2-7", flexible="5+"):
    """Asks to create topics."""

    topics: list[CreatableTopic] = field(array(CreatableTopic), "0+", factory=list)
    """Topic by topic."""
    timeout_ms: int = field(INT32, "0+", default=60000)
    """How long the broker may take to answer."""
    validate_only: bool = field(BOOL, "1+", default=False)
    """Only tell what would become of it."""


class CreatableTopicConfigs(Struct):
    """`configs` of `CreateTopicsResponse`."""

    name: str = field(STRING, "5+", default="")
    """Its name."""
    value: str | None = field(STRING, "5+", default="", nullable="5+")
    """Its value."""
    read_only: bool = field(BOOL, "5+", default=False)
    """Whether it can't be changed while the broker runs."""
    config_source: int = field(INT8, "5+", default=-1, ignorable=True)
    """Where the value comes from, by its number."""
    is_sensitive: bool = field(BOOL, "5+", default=False)
    """Whether the value is a secret, and therefore not shown."""


class CreatableTopicResult(Struct):
    """`topics` of `CreateTopicsResponse`."""

    name: str = field(STRING, "0+", default="")
    """Its name."""
    topic_id: Uuid = field(UUID, "7+", default=ZERO_UUID, ignorable=True)
    """The topic's id; all zero for none."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "1+", default="", nullable="0+", ignorable=True)
    """The error in words; null where the code says enough."""
    topic_config_error_code: int = field(INT16, "5+", default=0, tag=0, tagged="5+", ignorable=True)
    """Why the settings are not told, 0 if they are."""
    num_partitions: int = field(INT32, "5+", default=-1, ignorable=True)
    """How many partitions; -1 for the broker's default."""
    replication_factor: int = field(INT16, "5+", default=-1, ignorable=True)
    """How many replicas each partition has, or is to have."""
    configs: list[CreatableTopicConfigs] | None = field(
        array(CreatableTopicConfigs), "5+", factory=list, nullable="5+", ignorable=True
    )
    """Settings."""


class CreateTopicsResponse(Response, api_key=ApiKey.CREATE_TOPICS, versions="2-7", flexible="5+"):
    """Answers `CreateTopicsRequest`."""

    throttle_time_ms: int = field(INT32, "2+", default=0, ignorable=True)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    topics: list[CreatableTopicResult] = field(array(CreatableTopicResult), "0+", factory=list)
    """Topic by topic."""
