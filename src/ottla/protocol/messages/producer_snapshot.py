"""ProducerSnapshot: the producers of a partition, as a `.snapshot` file holds them."""

from ottla.protocol.declare import INT16, INT32, INT64, UINT32, Data, Struct, array, field


class ProducerEntry(Struct):
    """`producer_entries` of `ProducerSnapshot`."""

    producer_id: int = field(INT64, "1", default=0)
    epoch: int = field(INT16, "1", default=0)
    last_sequence: int = field(INT32, "1", default=0)
    last_offset: int = field(INT64, "1", default=0)
    offset_delta: int = field(INT32, "1", default=0)
    timestamp: int = field(INT64, "1", default=0)
    coordinator_epoch: int = field(INT32, "1", default=0)
    current_txn_first_offset: int = field(INT64, "1", default=0)


class ProducerSnapshot(Data, versions="1", flexible="none"):
    """The producers of a partition, as a `.snapshot` file holds them."""

    crc: int = field(UINT32, "1", default=0)
    producer_entries: list[ProducerEntry] = field(array(ProducerEntry), "1", factory=list)
