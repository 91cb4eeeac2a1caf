"""What the metrics page shows of groups: how many are in which state, what they committed, how far they lag.

Lag is known for partitions that this broker leads: records up to the high watermark that a group hasn't committed.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ottla.groups.states import ClassicGroupState, GroupType
from ottla.metrics import catalogue
from ottla.metrics.family import Family, Sample, Samples
from ottla.metrics.registry import Registry

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_STATES: tuple[tuple[Family, ClassicGroupState], ...] = (
    (catalogue.NUM_GROUPS_PREPARING_REBALANCE, ClassicGroupState.PREPARING_REBALANCE),
    (catalogue.NUM_GROUPS_COMPLETING_REBALANCE, ClassicGroupState.COMPLETING_REBALANCE),
    (catalogue.NUM_GROUPS_STABLE, ClassicGroupState.STABLE),
    (catalogue.NUM_GROUPS_EMPTY, ClassicGroupState.EMPTY),
    (catalogue.NUM_GROUPS_DEAD, ClassicGroupState.DEAD),
)


def register_groups(registry: Registry, broker: "BrokerServer") -> None:
    """Give `registry` the families of groups."""
    service = broker.groups.service

    def in_state(state: ClassicGroupState) -> Callable[[], Samples]:
        return lambda: (((), service.group_counts(GroupType.CLASSIC)[state.value]),)

    registry.source(catalogue.NUM_GROUPS, lambda: (((), service.group_counts(GroupType.CLASSIC).total()),))
    for family, state in _STATES:
        registry.source(family, in_state(state))
    registry.source(catalogue.GROUPS, lambda: _by_type_and_state(broker))
    registry.source(
        catalogue.NUM_OFFSETS, lambda: (((), sum(each.offsets.count() for each in service.coordinators())),)
    )
    registry.source(catalogue.CONSUMER_GROUP_MEMBERS, lambda: _members(broker))
    registry.source(
        catalogue.CONSUMER_GROUP_CURRENT_OFFSET,
        lambda: (
            ((group, topic, str(partition)), offset) for group, topic, partition, offset in _committed(broker)
        ),
    )
    registry.source(catalogue.CONSUMER_GROUP_LAG, lambda: _lags(broker))


def _by_type_and_state(broker: "BrokerServer") -> Iterator[Sample]:
    for group_type in GroupType:
        for state, count in broker.groups.service.group_counts(group_type).items():
            yield (group_type.value, state), count


def _members(broker: "BrokerServer") -> Iterator[Sample]:
    for coordinator in broker.groups.service.coordinators():
        for group_id in coordinator.groups.ids():
            group = coordinator.groups.find(group_id)
            if group is not None:
                yield (group_id,), group.member_count


def _committed(broker: "BrokerServer") -> Iterator[tuple[str, str, int, int]]:
    """Group, topic, partition, offset. One group's offsets are copied at a time: commits go on while the page is sent."""
    for coordinator in broker.groups.service.coordinators():
        for group in coordinator.groups.ids():
            topics = coordinator.offsets.committed_of_group(group)
            yield from [
                (group, topic, partition, offset.committed_offset)
                for topic, offsets in topics.items()
                for partition, offset in offsets.items()
            ]


def _lags(broker: "BrokerServer") -> Iterator[Sample]:
    partitions = broker.replicas.partitions
    for group, topic, number, offset in _committed(broker):
        partition = partitions.get((topic, number))
        if partition is not None and partition.log is not None:
            yield (group, topic, str(number)), max(0, partition.high_watermark - offset)
