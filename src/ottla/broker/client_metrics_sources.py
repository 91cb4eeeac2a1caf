"""Where the page finds what is known of single clients: their quotas, and the metrics that they pushed themselves."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ottla.metrics import catalogue
from ottla.metrics.family import Family, Reading, Sample, Samples
from ottla.metrics.registry import Registry
from ottla.security.client_quotas import UseRow

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.broker.throttling import Throttling


def register_clients(registry: Registry, broker: "BrokerServer") -> None:
    """Give `registry` the families of quotas and of client telemetry."""
    _register_quotas(registry, broker)
    telemetry, pushed = broker.telemetry, broker.pushed_metrics

    def one(family: Family, read: Callable[[], Reading]) -> None:
        registry.source(family, lambda: (((), read()),))

    one(catalogue.CLIENT_METRICS_INSTANCES, lambda: len(telemetry))
    one(catalogue.CLIENT_METRICS_UNKNOWN_SUBSCRIPTIONS, lambda: telemetry.unknown_subscriptions)
    one(catalogue.CLIENT_METRICS_THROTTLES, lambda: telemetry.throttled)
    one(catalogue.CLIENT_METRICS_EXPORTS, lambda: pushed.exports)
    one(catalogue.CLIENT_METRICS_FAILURES, lambda: pushed.failures)
    one(catalogue.CLIENT_METRICS_DROPPED, lambda: pushed.dropped)
    registry.pass_on(pushed.families)


def _register_quotas(registry: Registry, broker: "BrokerServer") -> None:
    def rows(
        used: Callable[["Throttling"], Iterable[UseRow]], value: Callable[[UseRow], float]
    ) -> Callable[[], Samples]:
        def samples() -> Iterator[Sample]:
            if broker.throttling is not None:
                for row in used(broker.throttling):
                    yield (row.user, row.client_id), value(row)

        return samples

    def family(
        of_use: Family, of_throttling: Family, used: Callable[["Throttling"], Iterable[UseRow]]
    ) -> None:
        registry.source(of_use, rows(used, lambda row: row.value))
        registry.source(of_throttling, rows(used, lambda row: row.throttle_time_ms))

    family(
        catalogue.PRODUCE_BYTE_RATE,
        catalogue.PRODUCE_THROTTLE_TIME,
        lambda throttling: throttling.produce.rows(broker.now_ms()),
    )
    family(
        catalogue.FETCH_BYTE_RATE,
        catalogue.FETCH_THROTTLE_TIME,
        lambda throttling: throttling.fetch.rows(broker.now_ms()),
    )
    family(
        catalogue.REQUEST_TIME,
        catalogue.REQUEST_THROTTLE_TIME,
        lambda throttling: throttling.request.rows(broker.now_ms()),
    )
    family(
        catalogue.MUTATION_TOKENS,
        catalogue.MUTATION_THROTTLE_TIME,
        lambda throttling: throttling.mutation.rows(),
    )
