"""What the metrics page shows of transactions: what is decided and can't be brought to its end yet."""

from typing import TYPE_CHECKING

from ottla.metrics import catalogue
from ottla.metrics.registry import Registry

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer


def register_transactions(registry: Registry, broker: "BrokerServer") -> None:
    def completions() -> list[tuple[int, int]]:
        return [
            (each.completions.markers_to_retry, each.completions.completions_to_retry)
            for each in broker.transactions.service.coordinators()
        ]

    registry.source(
        catalogue.MARKERS_WITHOUT_LEADER, lambda: (((), sum(markers for markers, _ in completions())),)
    )
    registry.source(
        catalogue.COMPLETIONS_TO_RETRY, lambda: (((), sum(retries for _, retries in completions())),)
    )
