"""Who leads after losses, elections and ISR changes: tables with Apache's codes."""

from __future__ import annotations

import pytest
from controller_cases import after, controller, image_of, state

from ottla.cluster import paths
from ottla.cluster.changes import (
    ConfigChange,
    ConfigOperation,
    ElectionType,
    IsrChange,
)
from ottla.cluster.image import (
    NO_LEADER,
    ConfigResource,
    ConfigType,
    PartitionState,
)
from ottla.cluster.tree import Create, SetData
from ottla.protocol.types import TopicPartition

# Elections. A row: live brokers, replicas, leader, ISR; then leader, ISR, and by how much the leader epoch rose.

LOSSES = [
    # nobody is missing
    ([0, 1, 2], (0, 1, 2), 0, (0, 1, 2), 0, (0, 1, 2), 0),
    # a follower died: out of the ISR
    ([0, 2], (0, 1, 2), 0, (0, 1, 2), 0, (0, 2), 1),
    # a follower that was out of sync died: nothing changes
    ([0, 2], (0, 1, 2), 0, (0, 2), 0, (0, 2), 0),
    # the leader died: the next in sync leads
    ([1, 2], (0, 1, 2), 0, (0, 2), 2, (2,), 1),
    # the leader died and nobody else is in sync: no leader, the ISR remembers who has the records
    ([1, 2], (0, 1, 2), 0, (0,), NO_LEADER, (0,), 1),
    # it stays so until he comes back
    ([1, 2], (0, 1, 2), NO_LEADER, (0,), NO_LEADER, (0,), 0),
    ([0, 1], (0, 1, 2), NO_LEADER, (0,), 0, (0,), 1),
    # everyone died
    ([], (0, 1), 0, (0, 1), NO_LEADER, (0, 1), 1),
    # a single broker that was restarted leads on in the same epoch
    ([0], (0,), 0, (0,), 0, (0,), 0),
]


@pytest.mark.parametrize(("live", "replicas", "leader", "isr", "elected", "left", "raised"), LOSSES)
def test_leaders_after_losses(
    live: list[int],
    replicas: tuple[int, ...],
    leader: int,
    isr: tuple[int, ...],
    elected: int,
    left: tuple[int, ...],
    raised: int,
) -> None:
    """Brokers came and went: who leads, who is in sync, and what it does to the epochs."""
    older = state(replicas, leader, isr)
    decision = controller().elect_where_needed(image_of(live, t=[older]))
    newer = after(decision)[0].topics["t"].partitions[0]
    assert (newer.leader, newer.isr) == (elected, left)
    assert newer.leader_epoch == older.leader_epoch + raised
    assert newer.partition_epoch == older.partition_epoch + raised
    assert len(decision.steps) == raised
    if raised:
        assert decision.steps[0][1] == SetData(paths.state("t", 0), decision.steps[0][1].data, 3)  # type: ignore[union-attr]
        assert newer.controller_epoch == 5


def test_an_unclean_election_needs_leave() -> None:
    """With it, anyone alive leads, alone in the ISR, and has to recover; without it, nobody."""
    image = image_of([1], t=[state((0, 1), 0, (0,))])
    change = ConfigChange(ConfigResource(ConfigType.TOPIC, "t"), [("unclean", ConfigOperation.SET, "true")])
    allowed, _ = after(controller().alter_configs(image, [change]))
    newer = after(controller().elect_where_needed(allowed))[0].topics["t"].partitions[0]
    assert (newer.leader, newer.isr, newer.recovering) == (1, (1,), True)


def test_partitions_without_a_leader_yet_get_one() -> None:
    """What a crash left behind between a topic's steps: a state is made at epoch 0, by whoever lives."""
    stateless = PartitionState((1, 2), (), NO_LEADER, -1, -1)
    decision = controller().elect_where_needed(image_of([2], t=[stateless]))
    assert isinstance(decision.steps[0][1], Create)
    newer = after(decision)[0].topics["t"].partitions[0]
    assert newer == PartitionState((1, 2), (2,), 2, 0, 0, controller_epoch=5)
    assert controller().elect_where_needed(image_of([0], t=[stateless])).steps == []


def test_a_failed_log_directory_costs_the_lead() -> None:
    """The replica counts as dead until it is reported whole; then it leads again, in a new epoch."""
    image = image_of([0], t=[state((0,))])
    partition = TopicPartition("t", 0)
    failed, delta = after(controller().change_offline_replicas(image, 0, failed=[partition]))
    lost = failed.topics["t"].partitions[0]
    assert (lost.leader, lost.isr, lost.leader_epoch) == (NO_LEADER, (0,), 8)
    assert failed.offline_replicas_of(lost) == (0,)
    assert delta.changed_partitions == {"t": frozenset({0})}
    healed, _ = after(controller().change_offline_replicas(failed, 0, healed=[partition]))
    found = healed.topics["t"].partitions[0]
    assert (found.leader, found.leader_epoch, found.offline_replicas) == (0, 9, ())


def test_a_failed_directory_of_a_follower_is_seen() -> None:
    """A replica out of the ISR whose disk fails changes no state in the tree, but shows as offline."""
    image = image_of([0, 1], t=[state((0, 1), 0, (0,))])
    decision = controller().change_offline_replicas(image, 1, failed=[TopicPartition("t", 0)])
    assert decision.steps == []
    newer = after(decision)[0]
    assert newer.offline_replicas_of(newer.topics["t"].partitions[0]) == (1,)


ELECTIONS = [
    # live, replicas, leader, isr, election, error, elected
    ([0, 1], (0, 1), 1, (0, 1), ElectionType.PREFERRED, "NONE", 0),
    ([0, 1], (0, 1), 0, (0, 1), ElectionType.PREFERRED, "ELECTION_NOT_NEEDED", 0),
    ([0, 1], (0, 1), 1, (1,), ElectionType.PREFERRED, "PREFERRED_LEADER_NOT_AVAILABLE", 1),
    ([1], (0, 1), 1, (0, 1), ElectionType.PREFERRED, "PREFERRED_LEADER_NOT_AVAILABLE", 1),
    ([0, 1], (0, 1), 1, (1,), ElectionType.UNCLEAN, "ELECTION_NOT_NEEDED", 1),
    ([1], (0, 1), NO_LEADER, (0,), ElectionType.UNCLEAN, "NONE", 1),
    ([], (0, 1), NO_LEADER, (0,), ElectionType.UNCLEAN, "ELIGIBLE_LEADERS_NOT_AVAILABLE", NO_LEADER),
]


@pytest.mark.parametrize(("live", "replicas", "leader", "isr", "election", "error", "elected"), ELECTIONS)
def test_elections_asked_for(
    live: list[int],
    replicas: tuple[int, ...],
    leader: int,
    isr: tuple[int, ...],
    election: ElectionType,
    error: str,
    elected: int,
) -> None:
    """kafka-leader-election's two kinds."""
    image = image_of(live, t=[state(replicas, leader, isr)])
    decision = controller().elect_leaders(image, election, [TopicPartition("t", 0)])
    (outcome,) = decision.outcomes
    assert (outcome.partition, outcome.error.name) == (TopicPartition("t", 0), error)
    newer = after(decision)[0].topics["t"].partitions[0]
    assert newer.leader == elected
    assert newer.leader_epoch == 7 + (elected != leader)


def test_an_election_of_all_leaves_out_the_needless() -> None:
    """Only partitions for which something had to be tried are answered."""
    image = image_of([0, 1], t=[state((0, 1)), state((1, 0), 0), state((0, 1), 1, (1,))])
    decision = controller().elect_leaders(image, ElectionType.PREFERRED)
    assert [(o.partition.partition, o.error.name) for o in decision.outcomes] == [
        (1, "NONE"),
        (2, "PREFERRED_LEADER_NOT_AVAILABLE"),
    ]


def test_an_election_of_nothing() -> None:
    """Unknown topics and partitions are named."""
    image = image_of([0], t=[state((0,))])
    wanted = [TopicPartition("x", 0), TopicPartition("t", 5)]
    decision = controller().elect_leaders(image, ElectionType.PREFERRED, wanted)
    assert [(o.error.name, o.message) for o in decision.outcomes] == [
        ("UNKNOWN_TOPIC_OR_PARTITION", "No such topic as x"),
        ("UNKNOWN_TOPIC_OR_PARTITION", "No such partition as t-5"),
    ]


# A leader asks for another ISR. The partition: replicas 0, 1, 2, leader 0, ISR 0 1, leader epoch 7, partition epoch 3.

ISR_CHANGES = [
    # who asks, leader epoch, partition epoch, ISR, recovering, answer
    (0, 7, 3, [0, 1, 2], False, "NONE"),
    (0, 7, 3, [0], False, "NONE"),
    (0, 7, 3, [0, 1], False, "NONE"),
    (0, 7, 2, [0, 1], False, "NONE"),  # it holds already: a retry
    (0, 7, 2, [0], False, "INVALID_UPDATE_VERSION"),
    (0, 6, 3, [0], False, "FENCED_LEADER_EPOCH"),
    (0, 8, 3, [0], False, "NOT_CONTROLLER"),
    (0, 7, 4, [0], False, "NOT_CONTROLLER"),
    (1, 7, 3, [1], False, "INVALID_REQUEST"),
    (0, 7, 3, [1], False, "INVALID_REQUEST"),
    (0, 7, 3, [0, 0], False, "INVALID_REQUEST"),
    (0, 7, 3, [0, 9], False, "INVALID_REQUEST"),
    (0, 7, 3, [0, 3], False, "INELIGIBLE_REPLICA"),
    (0, 7, 3, [0], True, "INVALID_REQUEST"),
]


@pytest.mark.parametrize(
    ("asks", "leader_epoch", "partition_epoch", "isr", "recovering", "answer"), ISR_CHANGES
)
def test_isr_changes(
    asks: int, leader_epoch: int, partition_epoch: int, isr: list[int], recovering: bool, answer: str
) -> None:
    """AlterPartition: the codes, and that the leader epoch stays while the partition epoch rises."""
    older = state((0, 1, 2, 3), 0, (0, 1))
    image = image_of([0, 1, 2], t=[older])
    change = IsrChange(TopicPartition("t", 0), leader_epoch, partition_epoch, isr, recovering)
    decision = controller().alter_isr(image, asks, [change])
    (outcome,) = decision.outcomes
    assert outcome.error.name == answer
    newer = after(decision)[0].topics["t"].partitions[0]
    if answer != "NONE" or tuple(isr) == older.isr:
        assert newer == older
        assert decision.steps == []
    else:
        assert newer == older._replace(isr=tuple(isr), partition_epoch=4, controller_epoch=5)
    if answer == "NONE":
        assert (outcome.isr, outcome.partition_epoch) == (newer.isr, newer.partition_epoch)


def test_an_isr_of_nothing() -> None:
    """A partition that isn't there."""
    decision = controller().alter_isr(image_of(), 0, [IsrChange(TopicPartition("x", 0), 0, 0, [0])])
    assert [outcome.error.name for outcome in decision.outcomes] == ["UNKNOWN_TOPIC_OR_PARTITION"]
