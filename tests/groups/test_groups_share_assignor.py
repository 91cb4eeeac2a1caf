"""The assignor of share groups: exactly what Apache's gives, asked of its jar (ShareAssignments.java)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apache_jars import java_command
from line_program import LineProgram
from ottla.groups.java_hash_order import string_hash_order
from ottla.groups.share_group_assignor import ShareMemberSpec, assign
from ottla.protocol.types import Uuid, uuid_text

TOPICS = [
    (f"topic-{number}", Uuid(bytes([17 * number + 1]) * 9 + bytes([number]) * 7)) for number in range(6)
]
GONE = Uuid(b"\x77" * 16)


class ApacheAssignor(LineProgram):
    """One JVM that assigns."""

    def __init__(self) -> None:
        super().__init__(java_command("4.1.1", str(Path(__file__).with_name("ShareAssignments.java"))))

    def assign(self, group: "Group") -> dict[str, dict[str, list[int]]] | None:
        """None where Apache's assignor gives up: too many hold the same partitions to hand out the rest."""
        answer: dict[str, dict[str, list[int]]] | None = self.ask(group.as_json())
        return answer


class Group:
    """A made-up group: partition counts by topic, members with their subscription and last assignment."""

    def __init__(
        self,
        counts: list[int],
        assignable: dict[int, set[int]],
        members: dict[str, tuple[list[str], dict[Uuid, frozenset[int]]]],
    ) -> None:
        self.topics = {
            name: (topic_id, count) for (name, topic_id), count in zip(TOPICS, counts, strict=False)
        }
        self.counts = dict(self.topics.values())
        self.assignable = {
            TOPICS[topic][1]: frozenset(numbers) for topic, numbers in assignable.items() if numbers
        }
        self.members = members
        self.homogeneous = len({frozenset(names) for names, _ in members.values()}) == 1

    def assigned(self) -> dict[str, dict[str, list[int]]]:
        """What Ottla's assignor gives."""
        found = assign(
            {
                member_id: ShareMemberSpec(
                    [self.topics[name][0] for name in string_hash_order(names) if name in self.topics],
                    assignment,
                )
                for member_id, (names, assignment) in self.members.items()
            },
            homogeneous=self.homogeneous,
            partition_count=lambda topic_id: self.counts.get(topic_id, -1),
            assignable=self.assignable,
        )
        return {
            member_id: {uuid_text(topic_id): sorted(numbers) for topic_id, numbers in assignment.items()}
            for member_id, assignment in found.items()
        }

    def as_json(self) -> object:
        return {
            "type": "HOMOGENEOUS" if self.homogeneous else "HETEROGENEOUS",
            "topics": [
                {"name": name, "id": uuid_text(topic_id), "partitions": count}
                for name, (topic_id, count) in self.topics.items()
            ],
            "assignable": {uuid_text(each): sorted(numbers) for each, numbers in self.assignable.items()},
            "members": [
                {
                    "id": member_id,
                    "subscribed": names,
                    "assigned": {uuid_text(each): sorted(numbers) for each, numbers in assignment.items()},
                }
                for member_id, (names, assignment) in self.members.items()
            ],
        }


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Groups whose members agree and ones whose members don't; with topics, partitions and owners that are gone."""
    counts = draw(st.lists(st.integers(1, 20), min_size=1, max_size=len(TOPICS)))
    assignable = {
        topic: set(range(count)) if draw(st.booleans()) else draw(st.sets(st.integers(0, count - 1)))
        for topic, count in enumerate(counts)
        if draw(st.integers(0, 5))
    }
    names = st.lists(st.sampled_from([name for name, _ in TOPICS]), min_size=1, max_size=4, unique=True)
    shared = draw(names) if draw(st.booleans()) else None
    member_ids = draw(
        st.lists(
            st.one_of(st.uuids().map(str), st.text("abcé\U0001d11e", min_size=1, max_size=3)),
            min_size=1,
            max_size=30,
            unique=True,
        )
    )
    # What could be assigned once can be assigned still, or its topic is gone.
    owned = {TOPICS[topic][1]: sorted(numbers) for topic, numbers in assignable.items() if numbers}
    owned[GONE] = [0, 1, 2]

    def assigned() -> dict[Uuid, frozenset[int]]:
        topics = draw(st.lists(st.sampled_from(sorted(owned)), max_size=3, unique=True))
        return {topic: draw(st.frozensets(st.sampled_from(owned[topic]), min_size=1)) for topic in topics}

    return Group(
        counts, assignable, {member_id: (shared or draw(names), assigned()) for member_id in member_ids}
    )


@pytest.fixture(scope="module")
def apache() -> Iterator[ApacheAssignor]:
    assignor = ApacheAssignor()
    yield assignor
    assignor.close()


@settings(max_examples=400, deadline=None)
@given(group=groups())
def test_assignments_are_apaches(apache: ApacheAssignor, group: Group) -> None:
    """The same partitions for every member, whatever the group and its last assignment."""
    expected = apache.assign(group)
    assume(expected is not None)
    assert expected is not None
    # A member that Apache leaves out of an answer gets nothing.
    assert group.assigned() == {member_id: expected.get(member_id, {}) for member_id in group.members}


@settings(max_examples=200, deadline=None)
@given(group=groups())
def test_no_partition_is_left_and_nobody_gets_what_it_did_not_ask_for(group: Group) -> None:
    """In a group that agrees each assignable partition has a member, and a new group's shares are even but for one."""
    assigned = group.assigned()
    for member_id, (names, _) in group.members.items():
        subscribed = {uuid_text(group.topics[name][0]) for name in names if name in group.topics}
        assert assigned[member_id].keys() <= subscribed
    if group.homogeneous:
        names = next(iter(group.members.values()))[0]
        wanted = {
            (uuid_text(topic_id), partition)
            for topic_id, count in (group.topics[name] for name in names if name in group.topics)
            for partition in range(count)
            if partition in group.assignable.get(topic_id, ())
        }
        given_out = {
            (topic, partition)
            for assignment in assigned.values()
            for topic, numbers in assignment.items()
            for partition in numbers
        }
        assert given_out == wanted
        if not any(assignment for _, assignment in group.members.values()):
            shares = [sum(map(len, each.values())) for each in assigned.values()]
            assert max(shares) <= -(-len(wanted) // len(group.members)) + 1
