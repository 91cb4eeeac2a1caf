"""The assignors of consumer groups: exactly what Apache's give, asked of its jar (ConsumerAssignments.java).

Where Apache follows the order of a hash table, the groups here are such that the order is the ascending one: topic ids and
partition numbers below 16.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apache_jars import java_command
from line_program import LineProgram
from ottla.groups.consumer_group_rebalance import ASSIGNORS
from ottla.groups.modern_group import Assignment
from ottla.groups.target_assignment import AssignorError, GroupSpec, SubscriptionType
from ottla.protocol.types import Uuid, uuid_text

TOPIC_IDS = [Uuid(bytes(15) + bytes([number])) for number in range(1, 7)]
MOST_PARTITIONS = 15


class Member(NamedTuple):
    """A made-up member; topics by their position."""

    member_id: str
    instance_id: str | None
    subscribed: frozenset[int]
    assigned: dict[int, frozenset[int]]


class Group(NamedTuple):
    """A made-up group."""

    assignor: str
    counts: list[int]
    members: list[Member]

    @property
    def type(self) -> SubscriptionType:
        alike = len({member.subscribed for member in self.members}) == 1
        return SubscriptionType.HOMOGENEOUS if alike else SubscriptionType.HETEROGENEOUS

    def assigned(self) -> Mapping[str, Assignment]:
        """What Ottla's assignor gives."""
        counts = dict(zip(TOPIC_IDS, self.counts, strict=False))
        owners: dict[Uuid, dict[int, str]] = {}
        for member in self.members:
            for topic, partitions in member.assigned.items():
                owners.setdefault(TOPIC_IDS[topic], {}).update(dict.fromkeys(partitions, member.member_id))
        by_id = {member.member_id: member for member in self.members}
        before: dict[str, Assignment] = {
            member.member_id: {TOPIC_IDS[topic]: each for topic, each in member.assigned.items()}
            for member in self.members
        }
        spec = GroupSpec(
            list(by_id),
            lambda member_id: [TOPIC_IDS[topic] for topic in sorted(by_id[member_id].subscribed)],
            lambda member_id: by_id[member_id].instance_id,
            before,
            {member_id: sum(map(len, mine.values())) for member_id, mine in before.items()},
            self.type,
            owners,
        )
        return before | ASSIGNORS[self.assignor].assign(spec, lambda topic_id: counts.get(topic_id, -1))

    def as_json(self) -> object:
        return {
            "assignor": self.assignor,
            "type": self.type.name,
            "topics": [
                {"name": f"topic-{position}", "id": uuid_text(TOPIC_IDS[position]), "partitions": count}
                for position, count in enumerate(self.counts)
            ],
            "members": [
                {
                    "id": member.member_id,
                    "instance": member.instance_id,
                    "subscribed": [f"topic-{topic}" for topic in sorted(member.subscribed)],
                    "assigned": {
                        uuid_text(TOPIC_IDS[topic]): sorted(partitions)
                        for topic, partitions in member.assigned.items()
                    },
                }
                for member in self.members
            ],
        }


class ApacheAssignors(LineProgram):
    """One JVM that assigns."""

    def __init__(self) -> None:
        super().__init__(java_command("4.1.1", str(Path(__file__).with_name("ConsumerAssignments.java"))))

    def assign(self, group: Group) -> dict[str, dict[str, list[int]]]:
        answer: dict[str, dict[str, list[int]]] = self.ask(group.as_json())
        return answer


@pytest.fixture(scope="module")
def apache() -> Iterator[ApacheAssignors]:
    assignors = ApacheAssignors()
    yield assignors
    assignors.close()


@st.composite
def groups(draw: st.DrawFn, assignor: str) -> Group:
    """Members that agree and members that don't; assignments from whatever went before, of topics they left too."""
    counts = draw(st.lists(st.integers(1, MOST_PARTITIONS), min_size=1, max_size=len(TOPIC_IDS)))
    topics = st.frozensets(st.integers(0, len(counts) - 1))
    member_count = draw(st.integers(1, 9))
    same = draw(st.one_of(st.none(), topics))
    owners = draw(
        st.lists(
            st.integers(-2, member_count - 1),
            min_size=sum(counts),
            max_size=sum(counts),
        )
    )
    assigned: list[dict[int, set[int]]] = [{} for _ in range(member_count)]
    partitions = ((topic, partition) for topic, count in enumerate(counts) for partition in range(count))
    for (topic, partition), owner in zip(partitions, owners, strict=True):
        if owner >= 0:
            assigned[owner].setdefault(topic, set()).add(partition)
    names = draw(
        st.lists(
            st.text("abXYé𝄞", min_size=1, max_size=3),
            min_size=member_count,
            max_size=member_count,
            unique=True,
        )
    )
    return Group(
        assignor,
        counts,
        [
            Member(
                name,
                draw(st.one_of(st.none(), st.just(f"instance-{name}"))),
                draw(topics) if same is None else same,
                {topic: frozenset(partitions) for topic, partitions in assigned[position].items()},
            )
            for position, name in enumerate(names)
        ],
    )


def as_text(assignments: Mapping[str, Assignment]) -> dict[str, dict[str, list[int]]]:
    return {
        member_id: {uuid_text(topic_id): sorted(partitions) for topic_id, partitions in assignment.items()}
        for member_id, assignment in assignments.items()
    }


@pytest.mark.parametrize("assignor", ["uniform", "range"])
def test_the_assignment_is_apache_s(apache: ApacheAssignors, assignor: str) -> None:
    """The same partitions to the same members, whatever they had before."""

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(groups(assignor))
    def check(group: Group) -> None:
        nothing: dict[str, dict[str, list[int]]] = {member.member_id: {} for member in group.members}
        assert as_text(group.assigned()) == nothing | apache.assign(group)

    check()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["uniform", "range"]).flatmap(groups))
def test_each_subscribed_partition_has_one_owner(group: Group) -> None:
    """Nothing is left over that somebody subscribes to, and nothing given out twice, or to one who didn't ask."""
    given_out = Counter(
        (topic_id, partition)
        for assignment in group.assigned().values()
        for topic_id, partitions in assignment.items()
        for partition in partitions
    )
    subscribed = {topic for member in group.members for topic in member.subscribed}
    assert set(given_out.values()) <= {1}
    assert set(given_out) == {
        (TOPIC_IDS[topic], partition) for topic in subscribed for partition in range(group.counts[topic])
    }
    for member in group.members:
        mine = group.assigned().get(member.member_id, {})
        assert set(mine) <= {TOPIC_IDS[topic] for topic in member.subscribed}


@settings(max_examples=300, deadline=None)
@given(groups("uniform"))
def test_uniform_leaves_a_balanced_assignment_alone(group: Group) -> None:
    """Dividing once more moves nothing."""
    once = group.assigned()
    topics = {topic_id: position for position, topic_id in enumerate(TOPIC_IDS)}
    settled = group._replace(
        members=[
            member._replace(
                assigned={
                    topics[topic_id]: partitions
                    for topic_id, partitions in once.get(member.member_id, {}).items()
                }
            )
            for member in group.members
        ]
    )
    if group.type is SubscriptionType.HOMOGENEOUS:
        assert settled.assigned() == once


@pytest.mark.parametrize("assignor", ["uniform", "range"])
@pytest.mark.parametrize("others", [{0}, {1}])
def test_a_topic_that_is_gone_is_refused(assignor: str, others: set[int]) -> None:
    """Members subscribed to a topic without partitions known are an error of the coordinator's, not an empty assignment."""
    members = [Member("a", None, frozenset({0}), {}), Member("b", None, frozenset(others), {})]
    with pytest.raises(AssignorError):
        Group(assignor, [], members).assigned()


def test_one_who_joins_concerns_few() -> None:
    """One more member of a thousand: one is asked for its topics, and only those are named who give or get something."""
    topic_id, members, partitions = TOPIC_IDS[0], 1_000, 3_000
    asked: list[str] = []

    def topic_ids_of(member_id: str) -> list[Uuid]:
        asked.append(member_id)
        return [topic_id]

    before: dict[str, Assignment] = {
        f"member-{number}": {topic_id: frozenset(range(number, partitions, members))}
        for number in range(members)
    }
    owners = {partition: member_id for member_id, mine in before.items() for partition in mine[topic_id]}
    spec = GroupSpec(
        [*before, "new"],
        topic_ids_of,
        lambda _: None,
        before,
        dict.fromkeys(before, 3),
        SubscriptionType.HOMOGENEOUS,
        {topic_id: owners},
    )
    changed = ASSIGNORS["uniform"].assign(spec, lambda _: partitions)
    assert len(asked) == 1
    # 3,000 among 1,001: the first 998 members may have three, the others and the new one two.
    assert changed.keys() == {"member-998", "member-999", "new"}
    assert {len(mine[topic_id]) for mine in changed.values()} == {2}
