"""Replicas are placed as Apache places them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cluster.image import BrokerRegistration
from ottla.cluster.replica_placement import place_replicas
from ottla.protocol.errors import ErrorCode, KafkaError

# Each line: brokers as "id:rack", replication factor, start, first partition, and what `AdminUtils` of Apache Kafka
# 3.9.1 (assignReplicasToBrokers with a fixed start) answered for nine partitions.
FACTS = json.loads((Path(__file__).parent / "apache-3.9.1-placements.json").read_text())


def brokers(text: str) -> list[BrokerRegistration]:
    """`0:r1 1:` is broker 0 in rack r1 and broker 1 in none."""
    pairs = [pair.split(":") for pair in text.split()]
    return [BrokerRegistration(int(broker), 0, (), rack or None) for broker, rack in pairs]


@pytest.mark.parametrize(("cluster", "factor", "start", "first", "expected"), FACTS)
def test_placement_is_apaches(
    cluster: str, factor: int, start: int, first: int, expected: list[list[int]]
) -> None:
    """With and without racks, from any start, for new and for added partitions."""
    placed = place_replicas(brokers(cluster), 9, factor, lambda _: start, first_partition=first)
    assert list(placed) == list(range(first, first + 9))
    assert [list(replicas) for replicas in placed.values()] == expected


def test_added_partitions_go_on_where_the_first_one_is() -> None:
    """A topic that grows begins its round at the first broker of partition 0, not at a random one."""

    def never_asked(_: int) -> int:
        raise AssertionError

    placed = place_replicas(brokers("0: 1: 2: 3:"), 3, 2, never_asked, first_partition=2, beside=(1, 3))
    assert placed == {2: (3, 1), 3: (0, 2), 4: (1, 0)}


@given(
    racks=st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=8),
    factor=st.integers(1, 8),
    partitions=st.integers(1, 40),
    start=st.integers(0, 100),
)
def test_replicas_are_distinct_and_leaders_even(
    racks: list[str], factor: int, partitions: int, start: int
) -> None:
    """No broker twice in a partition; as many racks as can be; no broker leads two more than another."""
    cluster = [BrokerRegistration(i, 0, (), rack or None) for i, rack in enumerate(racks)]
    if factor > len(racks):
        with pytest.raises(KafkaError) as refused:
            place_replicas(cluster, partitions, factor, lambda bound: start % bound)
        assert refused.value.code is ErrorCode.INVALID_REPLICATION_FACTOR
        return
    placed = place_replicas(cluster, partitions, factor, lambda bound: start % bound)
    for replicas in placed.values():
        assert len(set(replicas)) == factor
        assert len({racks[replica] for replica in replicas}) == min(factor, len(set(racks)))
    leads = Counter({broker.broker_id: 0 for broker in cluster})
    leads.update(replicas[0] for replicas in placed.values())
    assert max(leads.values()) - min(leads.values()) <= 1


def test_without_a_live_broker_nothing_is_placed() -> None:
    """The error is Apache's, with its two sentences."""
    with pytest.raises(KafkaError, match=r"Unable to replicate the partition 1 time\(s\): All brokers"):
        place_replicas([], 1, 1, lambda _: 0)
