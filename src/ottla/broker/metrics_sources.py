"""Where the metrics page finds its numbers: what the rooms count for themselves, under the catalogue's names.

Nothing here runs until the page is asked for. Sources go over copies of keys, since the loop runs between two pieces of it.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ottla.broker.client_metrics_sources import register_clients
from ottla.broker.group_metrics import register_groups
from ottla.broker.share_metrics import register_shares
from ottla.broker.topic_counters import TopicCounters
from ottla.broker.transaction_metrics import register_transactions
from ottla.metrics import catalogue
from ottla.metrics.family import Family, Sample, Samples
from ottla.metrics.process import register_process
from ottla.metrics.registry import Registry
from ottla.replication.partition import Partition, Role
from ottla.storage.log_directory import DirectoryState

if TYPE_CHECKING:
    from ottla.broker.listener_tls import ListenerTls
    from ottla.broker.login import LoginCounts
    from ottla.broker.server import BrokerServer

_TOPIC_FAMILIES: tuple[tuple[Family, Callable[[TopicCounters], int]], ...] = (
    (catalogue.MESSAGES_IN, lambda each: each.messages_in),
    (catalogue.BYTES_IN, lambda each: each.bytes_in),
    (catalogue.BYTES_OUT, lambda each: each.bytes_out),
    (catalogue.BYTES_REJECTED, lambda each: each.bytes_rejected),
    (catalogue.TOTAL_PRODUCE_REQUESTS, lambda each: each.produces),
    (catalogue.FAILED_PRODUCE_REQUESTS, lambda each: each.failed_produces),
    (catalogue.TOTAL_FETCH_REQUESTS, lambda each: each.fetches),
    (catalogue.FAILED_FETCH_REQUESTS, lambda each: each.failed_fetches),
)


def register(registry: Registry, broker: "BrokerServer") -> None:
    """Give `registry` every family that this broker has numbers for."""
    for family, read in _TOPIC_FAMILIES:
        registry.source(family, _by_topic(broker, read))
    _register_requests(registry, broker)
    _register_network(registry, broker)
    _register_logins(registry, broker)
    _register_access(registry, broker)
    _register_logs(registry, broker)
    _register_replicas(registry, broker)
    _register_cluster(registry, broker)
    register_groups(registry, broker)
    register_transactions(registry, broker)
    register_shares(registry, broker)
    register_clients(registry, broker)
    registry.source(catalogue.LOOP_LAG_SECONDS, lambda: (((), broker.loop_lag.seconds.reading()),))
    registry.source(catalogue.BUILD_INFO, lambda: (((_version(), sys.version.split()[0]), 1),))
    register_process(registry)


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - 20 ms that the start of a broker need not pay

    return version("ottla")


def _one(read: Callable[[], float]) -> Callable[[], Samples]:
    return lambda: (((), read()),)


def _by_topic(broker: "BrokerServer", read: Callable[[TopicCounters], int]) -> Callable[[], Samples]:
    def samples() -> Iterator[Sample]:
        yield (), broker.bygone_traffic(read) + sum(read(each) for each in broker.topics.values())
        for topic in list(broker.topics):
            counters = broker.topics.get(topic)
            if counters is not None:
                yield (topic,), read(counters)

    return samples


def _register_requests(registry: Registry, broker: "BrokerServer") -> None:
    routes = broker.routes.by_number

    def requests() -> Iterator[Sample]:
        for route in routes.values():
            if route.requests:
                yield (route.name, str(route.api_version)), route.requests

    def errors() -> Iterator[Sample]:
        for route in routes.values():
            for code, count in list(route.errors.items()):
                yield (route.name, code.name), count

    def times() -> Iterator[Sample]:
        for name, percentiles in list(broker.routes.milliseconds.items()):
            if percentiles.count:
                yield (name,), percentiles.reading()

    registry.source(catalogue.REQUESTS, requests)
    registry.source(catalogue.REQUEST_ERRORS, errors)
    registry.source(catalogue.TOTAL_TIME_MS, times)


def _register_network(registry: Registry, broker: "BrokerServer") -> None:
    registry.source(
        catalogue.CONNECTION_COUNT,
        lambda: [((each.name,), len(each.connections)) for each in broker.listeners],
    )
    registry.source(
        catalogue.CONNECTIONS_CREATED, lambda: [((each.name,), each.accepted) for each in broker.listeners]
    )
    registry.source(
        catalogue.CONNECTIONS_CLOSED,
        lambda: [((each.name,), each.accepted - len(each.connections)) for each in broker.listeners],
    )
    registry.source(
        catalogue.MEMORY_POOL_USED, _one(lambda: max(each.memory.reserved_bytes for each in broker.listeners))
    )


_LOGIN_FAMILIES: tuple[tuple[Family, Callable[["LoginCounts"], int]], ...] = (
    (catalogue.SUCCESSFUL_AUTHENTICATIONS, lambda each: each.succeeded),
    (catalogue.FAILED_AUTHENTICATIONS, lambda each: each.failed),
    (catalogue.SUCCESSFUL_REAUTHENTICATIONS, lambda each: each.succeeded_again),
    (catalogue.FAILED_REAUTHENTICATIONS, lambda each: each.failed_again),
    (catalogue.EXPIRED_CONNECTIONS_KILLED, lambda each: each.expired),
)


_TLS_COUNTS: dict[Family, Callable[["ListenerTls"], int]] = {
    catalogue.SUCCESSFUL_AUTHENTICATIONS: lambda each: each.succeeded,
    catalogue.FAILED_AUTHENTICATIONS: lambda each: each.failed,
}


def _register_logins(registry: Registry, broker: "BrokerServer") -> None:
    logins = broker.logins
    tls = [(listener.name, listener.tls) for listener in broker.listeners if listener.tls is not None]
    if logins is None and not tls:
        return

    def by_listener(
        read: Callable[["LoginCounts"], int], of_tls: Callable[["ListenerTls"], int]
    ) -> Callable[[], Samples]:
        def samples() -> Iterator[Sample]:
            counts = {name: of_tls(each) for name, each in tls}
            for name, each in () if logins is None else list(logins.counts.items()):
                counts[name] = counts.get(name, 0) + read(each)
            for name, count in counts.items():
                yield (name,), count

        return samples

    for family, read in _LOGIN_FAMILIES:
        registry.source(family, by_listener(read, _TLS_COUNTS.get(family, lambda _: 0)))


def _register_access(registry: Registry, broker: "BrokerServer") -> None:
    authorizer = broker.authorizer
    if authorizer is not None:
        registry.source(catalogue.ACCESS_RULES, _one(lambda: authorizer.rules))
        registry.source(catalogue.ACCESS_REFUSALS, _one(lambda: authorizer.refusals))


def _register_logs(registry: Registry, broker: "BrokerServer") -> None:
    def by_log(read: Callable[[Partition], int]) -> Callable[[], Samples]:
        def samples() -> Iterator[Sample]:
            for partition in list(broker.replicas.partitions.values()):
                if partition.log is not None:
                    topic, number = partition.topic_partition
                    yield (topic, str(number)), read(partition)

        return samples

    registry.source(catalogue.LOG_SIZE, by_log(lambda each: each.log.size_in_bytes if each.log else 0))
    registry.source(catalogue.LOG_END_OFFSET, by_log(lambda each: each.log.log_end_offset if each.log else 0))
    registry.source(
        catalogue.LOG_START_OFFSET, by_log(lambda each: each.log.log_start_offset if each.log else 0)
    )
    registry.source(
        catalogue.NUM_LOG_SEGMENTS, by_log(lambda each: len(each.log.segments) if each.log else 0)
    )
    registry.source(
        catalogue.LOG_DIRECTORY_OFFLINE,
        lambda: [
            ((each.path,), int(each.state is DirectoryState.OFFLINE)) for each in broker.logs.directories
        ],
    )
    registry.source(
        catalogue.OFFLINE_LOG_DIRECTORIES,
        _one(lambda: sum(each.state is DirectoryState.OFFLINE for each in broker.logs.directories)),
    )


def _register_replicas(registry: Registry, broker: "BrokerServer") -> None:
    def count(chosen: Callable[[Partition], bool]) -> Callable[[], Samples]:
        return _one(lambda: sum(map(chosen, broker.replicas)))

    registry.source(catalogue.PARTITION_COUNT, _one(lambda: len(broker.replicas.partitions)))
    registry.source(catalogue.LEADER_COUNT, count(lambda each: each.role is Role.LEADER))
    registry.source(catalogue.OFFLINE_REPLICAS, count(lambda each: each.role is Role.OFFLINE))
    registry.source(
        catalogue.UNDER_REPLICATED_PARTITIONS, count(lambda each: _is_led_with(each, _lacks_replicas(broker)))
    )
    registry.source(
        catalogue.UNDER_MIN_ISR_PARTITIONS, count(lambda each: _is_led_with(each, _is_under_min_isr))
    )
    registry.source(catalogue.FETCH_SESSIONS, _one(lambda: len(broker.fetch_sessions)))
    registry.source(catalogue.FETCH_SESSION_PARTITIONS, _one(lambda: broker.fetch_sessions.partition_count))
    registry.source(catalogue.FETCH_SESSION_EVICTIONS, _one(lambda: broker.fetch_sessions.evictions))
    registry.source(
        catalogue.DELAYED_OPERATIONS,
        lambda: ((("all",), sum(each.waiting for each in broker.each_connection())),),
    )
    registry.source(catalogue.BROKER_STATE, _one(lambda: 3 if broker.ready else 7))


def _is_led_with(partition: Partition, fault: Callable[[Partition], bool]) -> bool:
    return partition.role is Role.LEADER and fault(partition)


def _lacks_replicas(broker: "BrokerServer") -> Callable[[Partition], bool]:
    image = broker.metadata.image

    def lacks(partition: Partition) -> bool:
        state = image.partition(*partition.topic_partition)
        return state is not None and len(state.isr) < len(state.replicas)

    return lacks


def _is_under_min_isr(partition: Partition) -> bool:
    return partition.log is not None and len(partition.isr) < partition.log.config.min_insync_replicas


def _register_cluster(registry: Registry, broker: "BrokerServer") -> None:
    registry.source(
        catalogue.ACTIVE_CONTROLLER_COUNT,
        _one(lambda: int(broker.metadata.image.controller_id == broker.node_id)),
    )
    registry.source(
        catalogue.OFFLINE_PARTITIONS_COUNT,
        _one(
            lambda: sum(
                state.leader < 0
                for topic in broker.metadata.image.topics.values()
                for state in topic.partitions.values()
            )
        ),
    )
    registry.source(catalogue.GLOBAL_TOPIC_COUNT, _one(lambda: len(broker.metadata.image.topics)))
    registry.source(
        catalogue.GLOBAL_PARTITION_COUNT,
        _one(lambda: sum(len(each.partitions) for each in broker.metadata.image.topics.values())),
    )
    registry.source(catalogue.ACTIVE_BROKER_COUNT, _one(lambda: len(broker.metadata.image.brokers)))
