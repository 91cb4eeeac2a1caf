"""What passes through the broker, by topic: Apache's BrokerTopicMetrics.

Plain integers, added to on the hot path and read when the metrics page is drawn.
"""


class TopicCounters:
    """The traffic of one topic since the broker started."""

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "bytes_rejected",
        "failed_fetches",
        "failed_produces",
        "fetches",
        "messages_in",
        "produces",
    )

    def __init__(self) -> None:
        self.messages_in = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.bytes_rejected = 0
        self.produces = 0
        """Partitions' parts of produce requests."""
        self.failed_produces = 0
        self.fetches = 0
        """Answers that had something of this topic."""
        self.failed_fetches = 0

    def add(self, other: "TopicCounters") -> None:
        """Count what `other` has counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class TopicCountersByName(dict[str, TopicCounters]):
    """Makes a topic's counters when they are first asked for. The broker drops those of deleted topics."""

    def __missing__(self, topic: str) -> TopicCounters:
        made = self[topic] = TopicCounters()
        return made
