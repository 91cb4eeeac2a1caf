"""EndTxnMarker: the value of the control record that ends a transaction."""

from ottla.protocol.declare import INT32, Data, field


class EndTxnMarker(Data, versions="0", flexible="none"):
    """The value of the control record that ends a transaction."""

    coordinator_epoch: int = field(INT32, "0+", default=0)
    """The epoch of the transaction coordinator."""
