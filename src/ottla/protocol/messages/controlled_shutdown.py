"""ControlledShutdown (API key 7): move leaders away from a broker that is about to stop, in a cluster on ZooKeeper."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import INT16, INT32, INT64, STRING, Request, Response, Struct, array, field


class ControlledShutdownRequest(Request, api_key=ApiKey.CONTROLLED_SHUTDOWN, versions="0-3", flexible="3+"):
    """Asks to move leaders away from a broker that is about to stop, in a cluster on ZooKeeper."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    broker_epoch: int = field(INT64, "2+", default=-1, ignorable=True)
    """The epoch of the broker's registration; -1 for none."""


class RemainingPartition(Struct):
    """`remaining_partitions` of `ControlledShutdownResponse`."""

    topic_name: str = field(STRING, "0+", default="")
    """The topic's name."""
    partition_index: int = field(INT32, "0+", default=0)
    """The partition's number."""


class ControlledShutdownResponse(Response, api_key=ApiKey.CONTROLLED_SHUTDOWN, versions="0-3", flexible="3+"):
    """Answers `ControlledShutdownRequest`."""

    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    remaining_partitions: list[RemainingPartition] = field(array(RemainingPartition), "0+", factory=list)
    """The partitions still in the transaction."""
