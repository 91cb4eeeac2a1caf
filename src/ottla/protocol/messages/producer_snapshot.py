"""ProducerSnapshot: the producers of a partition, as a `.snapshot` file holds them."""

from ottla.protocol.declare import INT16, INT32, INT64, UINT32, Data, Struct, array, field


class ProducerEntry(Struct):
    """`producer_entries` of `ProducerSnapshot`."""

    producer_id: int = field(INT64, "1", default=0)
    """The producer's id; -1 for none."""
    epoch: int = field(INT16, "1", default=0)
    """The epoch."""
    last_sequence: int = field(INT32, "1", default=0)
    """The last sequence number."""
    last_offset: int = field(INT64, "1", default=0)
    """The last offset, included."""
    offset_delta: int = field(INT32, "1", default=0)
    """How many offsets before the last one the last batch began."""
    timestamp: int = field(INT64, "1", default=0)
    """The time, in ms since 1970; in a request for offsets also -1 latest, -2 earliest and the other special ones."""
    coordinator_epoch: int = field(INT32, "1", default=0)
    """The epoch of the transaction coordinator."""
    current_txn_first_offset: int = field(INT64, "1", default=0)
    """Where the open transaction begins; -1 if none is open."""


class ProducerSnapshot(Data, versions="1", flexible="none"):
    """The producers of a partition, as a `.snapshot` file holds them."""

    crc: int = field(UINT32, "1", default=0)
    """The checksum (CRC-32C) of what follows."""
    producer_entries: list[ProducerEntry] = field(array(ProducerEntry), "1", factory=list)
    """Producer by producer."""
