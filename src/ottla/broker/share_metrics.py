"""What the metrics page shows of share groups: sessions, records in flight, what became of them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ottla.metrics import catalogue
from ottla.metrics.family import Sample, Samples
from ottla.metrics.registry import Registry
from ottla.shares.share_partition import AcknowledgeType, SharePartition

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def register_shares(registry: Registry, broker: "BrokerServer") -> None:
    """Give `registry` the families of share groups."""
    shares = broker.shares

    def by_share_partition(read: Callable[[SharePartition], int]) -> Callable[[], Samples]:
        def samples() -> Iterator[Sample]:
            for running in list(shares.partitions):
                topic, number = running.partition.topic_partition
                yield (running.share.key.group_id, topic, str(number)), read(running.share)

        return samples

    registry.source(catalogue.SHARE_SESSIONS, lambda: (((), len(shares.sessions)),))
    registry.source(catalogue.SHARE_SESSION_PARTITIONS, lambda: (((), shares.sessions.partition_count),))
    registry.source(catalogue.SHARE_SESSION_EVICTIONS, lambda: (((), shares.sessions.evictions),))
    registry.source(
        catalogue.SHARE_ACKNOWLEDGEMENTS,
        lambda: [
            ((each.name.title(),), shares.partitions.acknowledged_records[each.value])
            for each in AcknowledgeType
        ],
    )
    registry.source(
        catalogue.SHARE_IN_FLIGHT_RECORDS, by_share_partition(lambda each: each.in_flight_records)
    )
    registry.source(catalogue.SHARE_IN_FLIGHT_RANGES, by_share_partition(lambda each: each.in_flight_ranges))
    registry.source(catalogue.SHARE_LOCK_TIMEOUTS, lambda: (((), shares.partitions.expired_records),))
