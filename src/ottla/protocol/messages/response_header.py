"""ResponseHeader: what stands in front of each response. Version 1 belongs to flexible requests."""

from ottla.protocol.declare import INT32, Data, field


class ResponseHeader(Data, versions="0-1", flexible="1+"):
    """What stands in front of each response. Version 1 belongs to flexible requests."""

    correlation_id: int = field(INT32, "0+", default=0)
    """The number by which the answer finds its request."""
