"""DescribeCluster (API key 60): list the brokers and the controller of the cluster."""

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import BOOL, INT8, INT16, INT32, STRING, Request, Response, Struct, array, field


class DescribeClusterRequest(Request, api_key=ApiKey.DESCRIBE_CLUSTER, versions="0-2", flexible="0+"):
    """Asks to list the brokers and the controller of the cluster."""

    include_cluster_authorized_operations: bool = field(BOOL, "0+", default=False)
    """Whether the answer shall tell what the client may do to the cluster."""
    endpoint_type: int = field(INT8, "1+", default=1)
    """1 for brokers, 2 for controllers."""
    include_fenced_brokers: bool = field(BOOL, "2+", default=False)
    """Whether the answer shall have fenced brokers too."""


class DescribeClusterBroker(Struct):
    """`brokers` of `DescribeClusterResponse`."""

    broker_id: int = field(INT32, "0+", default=0)
    """The broker's id."""
    host: str = field(STRING, "0+", default="")
    """Where to connect to: a host name or an address."""
    port: int = field(INT32, "0+", default=0)
    """Where to connect to: the port."""
    rack: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The broker's rack; null if it has none."""
    is_fenced: bool = field(BOOL, "2+", default=False)
    """Whether the broker is fenced."""


class DescribeClusterResponse(Response, api_key=ApiKey.DESCRIBE_CLUSTER, versions="0-2", flexible="0+"):
    """Answers `DescribeClusterRequest`."""

    throttle_time_ms: int = field(INT32, "0+", default=0)
    """How long the client was, or is to be, held back by a quota; 0 if not at all."""
    error_code: int = field(INT16, "0+", default=0)
    """The error, 0 for none."""
    error_message: str | None = field(STRING, "0+", default=None, nullable="0+")
    """The error in words; null where the code says enough."""
    endpoint_type: int = field(INT8, "1+", default=1)
    """1 for brokers, 2 for controllers."""
    cluster_id: str = field(STRING, "0+", default="")
    """The cluster's id."""
    controller_id: int = field(INT32, "0+", default=-1)
    """The controller's broker id; -1 for none."""
    brokers: list[DescribeClusterBroker] = field(array(DescribeClusterBroker), "0+", factory=list)
    """Broker by broker."""
    cluster_authorized_operations: int = field(INT32, "0+", default=-2147483648)
    """What the client may do to the cluster, a bit per operation; -2147483648 when not asked for."""
