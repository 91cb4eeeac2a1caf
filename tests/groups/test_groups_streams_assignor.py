"""The sticky task assignor: what it promises, and that its choices are those of Apache Kafka 4.1.1's, tie by tie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apache_jars import QUICK_JVM, java_command
from line_program import LineProgram
from ottla.groups.streams_assignor import AssignedMember, AssignedSubtopology, StickyTaskAssignor, TaskPairs
from ottla.groups.streams_tasks import TaskId, TasksTuple

Members: TypeAlias = dict[str, AssignedMember]
Subtopologies: TypeAlias = dict[str, AssignedSubtopology]

MAX_MEMBERS = 10
"""Java makes a tree of a bucket with more, and Apache's members are made to share one bucket."""


class Apache(LineProgram):
    """Apache's assignor in a JVM of its own."""

    def __init__(self) -> None:
        super().__init__(
            java_command(
                "4.1.1",
                "ottla.StreamsAssignor",
                *QUICK_JVM,
                "-XX:+UnlockExperimentalVMOptions",
                "-XX:hashCode=2",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
            )
        )

    def assign(self, members: Members, subtopologies: Subtopologies, standbys: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            {
                "members": {
                    member_id: {
                        "process": member.process_id,
                        "active": {key: sorted(value) for key, value in member.active.items()},
                        "standby": {key: sorted(value) for key, value in member.standby.items()},
                    }
                    for member_id, member in members.items()
                },
                "subtopologies": {
                    subtopology_id: {"tasks": each.number_of_tasks, "stateful": each.is_stateful}
                    for subtopology_id, each in subtopologies.items()
                },
                "standbys": standbys,
            }
        )
        return answer


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    assignor = Apache()
    yield assignor
    assignor.close()


def shown(assignment: dict[str, TasksTuple]) -> dict[str, Any]:
    return {
        member_id: {
            "active": {key: sorted(value) for key, value in tasks.active.items()},
            "standby": {key: sorted(value) for key, value in tasks.standby.items()},
        }
        for member_id, tasks in assignment.items()
    }


@st.composite
def topologies(draw: st.DrawFn) -> Subtopologies:
    ids = draw(
        st.lists(st.text("0123456789ab-", min_size=1, max_size=3), min_size=1, max_size=4, unique=True)
    )
    return {each: AssignedSubtopology(draw(st.integers(1, 12)), draw(st.booleans())) for each in sorted(ids)}


@st.composite
def groups(draw: st.DrawFn) -> tuple[Subtopologies, list[list[tuple[str, str]]], int]:
    """Subtopologies, members with their processes at each of several assignments, and standbys."""
    names = st.text("abcdefghijklmnop0123-", min_size=1, max_size=8)
    everyone = draw(
        st.dictionaries(names, st.sampled_from(["p", "q-1", "r-22", "s"]), min_size=1, max_size=MAX_MEMBERS)
    )
    rounds = draw(st.lists(st.sets(st.sampled_from(sorted(everyone)), min_size=1), min_size=1, max_size=4))
    members = [[(each, everyone[each]) for each in sorted(chosen)] for chosen in rounds]
    return draw(topologies()), members, draw(st.integers(0, 2))


@settings(max_examples=400, deadline=None)
@given(groups())
def test_apaches_results(
    apache: Apache, case: tuple[Subtopologies, list[list[tuple[str, str]]], int]
) -> None:
    """As members come and go: each assignment sticks to the one before, and both sides agree on all of them."""
    subtopologies, rounds, standbys = case
    before: dict[str, TasksTuple] = {}
    for members in rounds:
        known = {
            member_id: AssignedMember(
                process,
                before.get(member_id, TasksTuple()).active,
                before.get(member_id, TasksTuple()).standby,
            )
            for member_id, process in members
        }
        before = StickyTaskAssignor(known, subtopologies).assign(standbys)
        assert shown(before) == apache.assign(known, subtopologies, standbys)


@settings(max_examples=200, deadline=None)
@given(groups())
def test_every_task_once_and_no_copy_beside_it(
    case: tuple[Subtopologies, list[list[tuple[str, str]]], int],
) -> None:
    """Each task runs once; copies lie in as many other processes as asked for, as far as there are any."""
    subtopologies, [members, *_], standbys = case
    processes = dict(members)
    assigned = StickyTaskAssignor(
        {member_id: AssignedMember(process, {}, {}) for member_id, process in members}, subtopologies
    ).assign(standbys)
    for subtopology_id, subtopology in subtopologies.items():
        for partition in range(subtopology.number_of_tasks):
            runs = [m for m, tasks in assigned.items() if partition in tasks.active.get(subtopology_id, ())]
            assert len(runs) == 1
            copies = [
                m for m, tasks in assigned.items() if partition in tasks.standby.get(subtopology_id, ())
            ]
            kept_in = [processes[member_id] for member_id in runs + copies]
            assert len(set(kept_in)) == len(kept_in), "a process has a task twice"
            wanted = min(standbys, len(set(processes.values())) - 1) if subtopology.is_stateful else 0
            assert len(copies) == wanted
            assert not any(tasks.warmup for tasks in assigned.values())


def test_tasks_stay_where_they_are() -> None:
    """A third member takes one task of each of the two others, and nothing else moves."""
    subtopologies = {"0": AssignedSubtopology(6, is_stateful=False)}
    members = {
        "a": AssignedMember("p", {"0": frozenset({0, 1, 2})}, {}),
        "b": AssignedMember("q", {"0": frozenset({3, 4, 5})}, {}),
        "c": AssignedMember("r", {}, {}),
    }
    assigned = StickyTaskAssignor(members, subtopologies).assign(0)
    assert assigned["a"].active["0"] < {0, 1, 2}
    assert assigned["b"].active["0"] < {3, 4, 5}
    assert len(assigned["c"].active["0"]) == 2


def test_a_task_goes_where_its_copy_is() -> None:
    """When the member that ran it is gone."""
    subtopologies = {"0": AssignedSubtopology(2, is_stateful=True)}
    members = {
        "a": AssignedMember("p", {"0": frozenset({0})}, {}),
        "b": AssignedMember("q", {}, {"0": frozenset({1})}),
    }
    assigned = StickyTaskAssignor(members, subtopologies).assign(1)
    assert assigned["b"].active == {"0": {1}}
    assert assigned["b"].standby == {"0": {0}}


@pytest.mark.parametrize("standbys", [0, 1])
def test_a_task_looks_at_few_processes(standbys: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand tasks for a hundred processes: it is not asked of each process whether each task would do there."""
    asked = 0
    has_new_pair = TaskPairs.has_new_pair

    def counted(pairs: TaskPairs, task: TaskId, assigned: set[TaskId]) -> bool:
        nonlocal asked
        asked += 1
        return has_new_pair(pairs, task, assigned)

    monkeypatch.setattr(TaskPairs, "has_new_pair", counted)
    subtopologies = {f"{number}": AssignedSubtopology(100, is_stateful=True) for number in range(10)}
    members = {f"member-{number}": AssignedMember(f"process-{number}", {}, {}) for number in range(100)}
    assigned = StickyTaskAssignor(members, subtopologies).assign(standbys)
    counts = {sum(map(len, tasks.active.values())) for tasks in assigned.values()}
    assert counts == {10}
    assert asked <= 5 * 1_000 * (1 + standbys)
