"""On which brokers a topic's replicas go (Apache's `AdminUtils.assignReplicasToBrokers`).

Leaders go round robin over the brokers from a random start; the further replicas of a partition follow at a distance
that grows by one each time the round is complete, so that a dead broker's load spreads over all the others:

    brokers 0-4, factor 3, start 0, shift 0:   p0 0 1 2   p1 1 2 3   …   p5 0 2 3   p6 1 3 4   …

With racks, the brokers are first ordered rack by rack in turn, and a broker is passed over while its rack has a
replica already and some other rack has none, or while it has one itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ottla.cluster.image import BrokerRegistration
from ottla.protocol.errors import ErrorCode, KafkaError


def place_replicas(
    brokers: Iterable[BrokerRegistration],
    partitions: int,
    replication_factor: int,
    random_below: Callable[[int], int],
    *,
    first_partition: int = 0,
    beside: tuple[int, ...] | None = None,
) -> dict[int, tuple[int, ...]]:
    """Partition → broker ids, for `partitions` partitions from `first_partition` on.

    `beside` holds the replicas of partition 0 when a topic grows: the round then begins at its first broker instead of
    a random one. Raises INVALID_REPLICATION_FACTOR.
    """
    racks = {broker.broker_id: broker.rack or "" for broker in brokers}
    _check_factor(len(racks), replication_factor)
    ordered = _alternate_racks(racks) if any(racks.values()) else sorted(racks)
    if beside is not None:
        start = shift = next((i for i, broker in enumerate(ordered) if broker >= beside[0]), 0)
    else:
        start, shift = random_below(len(ordered)), random_below(len(ordered))
    placed: dict[int, tuple[int, ...]] = {}
    for partition in range(first_partition, first_partition + partitions):
        if partition > 0 and partition % len(ordered) == 0:
            shift += 1
        first = (partition + start) % len(ordered)
        placed[partition] = _one_partition(ordered, racks, replication_factor, first, shift)
    return placed


def _check_factor(live_brokers: int, replication_factor: int) -> None:
    if live_brokers == 0:
        reason = "All brokers are currently fenced."
    elif replication_factor > live_brokers:
        reason = (
            f"The target replication factor of {replication_factor} cannot be reached because only "
            f"{live_brokers} broker(s) are registered."
        )
    else:
        return
    raise KafkaError(
        ErrorCode.INVALID_REPLICATION_FACTOR,
        f"Unable to replicate the partition {replication_factor} time(s): {reason}",
    )


def _alternate_racks(racks: Mapping[int, str]) -> list[int]:
    by_rack: dict[str, list[int]] = {}
    for broker, rack in sorted(racks.items(), key=lambda item: (item[1], item[0])):
        by_rack.setdefault(rack, []).append(broker)
    deepest = max(len(members) for members in by_rack.values())
    return [
        members[depth] for depth in range(deepest) for members in by_rack.values() if depth < len(members)
    ]


def _one_partition(
    ordered: list[int], racks: Mapping[int, str], replication_factor: int, first: int, shift: int
) -> tuple[int, ...]:
    if replication_factor == 1:
        return (ordered[first],)
    rack_count = len(set(racks.values()))
    replicas = [ordered[first]]
    used_racks = {racks[ordered[first]]}
    shift *= rack_count
    step = 0
    while len(replicas) < replication_factor:
        distance = 1 + (shift + step) % (len(ordered) - 1)
        step += 1
        broker = ordered[(first + distance) % len(ordered)]
        rack = racks[broker]
        if broker in replicas or (rack in used_racks and len(used_racks) < rack_count):
            continue
        replicas.append(broker)
        used_racks.add(rack)
    return tuple(replicas)
