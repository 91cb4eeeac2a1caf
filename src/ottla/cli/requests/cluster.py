"""The cluster: its id, its controller, its brokers."""

from dataclasses import dataclass

from ottla.cli.connection import Connection


@dataclass(frozen=True, slots=True)
class BrokerDetail:
    """One broker as the cluster announces it, with the partitions it leads and holds."""

    broker: int
    host: str
    port: int
    rack: str | None
    leads: int
    holds: int


@dataclass(frozen=True, slots=True)
class ClusterDetail:
    """`controller` is None while there is none."""

    cluster_id: str | None
    controller: int | None
    brokers: tuple[BrokerDetail, ...]
    topics: int
    partitions: int
    under_replicated: int
    leaderless: int


def cluster_detail(connection: Connection) -> ClusterDetail:
    """Everything about the cluster that any of its brokers can tell."""
    admin = connection.admin()
    description = connection.wait(
        admin.describe_cluster(request_timeout=connection.timeout_s), "describe the cluster"
    )
    with connection.explained("ask for the topics"):
        topics = admin.list_topics(timeout=connection.timeout_s).topics
    partitions = [one for topic in topics.values() for one in topic.partitions.values()]
    brokers = tuple(
        BrokerDetail(
            broker=node.id,
            host=node.host,
            port=node.port,
            rack=node.rack or None,
            leads=sum(one.leader == node.id for one in partitions),
            holds=sum(node.id in one.replicas for one in partitions),
        )
        for node in sorted(description.nodes, key=lambda node: node.id)
    )
    controller = description.controller
    return ClusterDetail(
        cluster_id=description.cluster_id,
        controller=None if controller is None else controller.id,
        brokers=brokers,
        topics=len(topics),
        partitions=len(partitions),
        under_replicated=sum(len(one.isrs) < len(one.replicas) for one in partitions),
        leaderless=sum(one.leader < 0 for one in partitions),
    )
