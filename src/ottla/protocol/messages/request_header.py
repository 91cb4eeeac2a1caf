"""RequestHeader: what stands in front of each request. Version 0 has no client id; version 2 belongs to flexible requests."""

from ottla.protocol.declare import INT16, INT32, STRING, Data, field


class RequestHeader(Data, versions="0-2", flexible="2+"):
    """What stands in front of each request. Version 0 has no client id; version 2 belongs to flexible requests."""

    request_api_key: int = field(INT16, "0+", default=0)
    """The API asked for."""
    request_api_version: int = field(INT16, "0+", default=0)
    """The version of the API asked for."""
    correlation_id: int = field(INT32, "0+", default=0)
    """The number by which the answer finds its request."""
    client_id: str | None = field(STRING, "1+", default="", nullable="1+", ignorable=True, flexible="none")
    """The name the client gives itself; null if it has none."""
