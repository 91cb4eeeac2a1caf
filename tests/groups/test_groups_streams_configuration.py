"""A topology against the topics there are: what is missing, what does not fit and how many partitions internal topics get
is what Apache Kafka 4.1.1 says, in its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apache_jars import java_command
from line_program import LineProgram
from ottla.groups.streams_configuration import StreamsStatus, configure_topics
from ottla.groups.streams_topology import CopartitionGroup, StreamsTopology, Subtopology, TopicInfo
from ottla.protocol.errors import ErrorCode, KafkaError

Answer: TypeAlias = dict[str, Any]


class Apache(LineProgram):
    """Apache's InternalTopicManager in a JVM of its own."""

    def __init__(self) -> None:
        super().__init__(java_command("4.1.1", "ottla.StreamsTopologies"), is_quiet=True)

    def configure(self, topology: StreamsTopology, topics: dict[str, int]) -> Answer:
        answer: Answer = self.ask({"topology": as_json(topology), "topics": topics})
        return answer


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    manager = Apache()
    yield manager
    manager.close()


def as_json(topology: StreamsTopology) -> Answer:
    def topic(info: TopicInfo) -> Answer:
        return {"name": info.name, "partitions": info.partitions, "replicationFactor": 0, "topicConfigs": []}

    return {
        "epoch": topology.topology_epoch,
        "subtopologies": [
            {
                "subtopologyId": each.subtopology_id,
                "sourceTopics": list(each.source_topics),
                "sourceTopicRegex": [],
                "stateChangelogTopics": [topic(info) for info in each.state_changelog_topics],
                "repartitionSinkTopics": list(each.repartition_sink_topics),
                "repartitionSourceTopics": [topic(info) for info in each.repartition_source_topics],
                "copartitionGroups": [
                    {
                        "sourceTopics": list(group.source_topics),
                        "sourceTopicRegex": [],
                        "repartitionSourceTopics": list(group.repartition_source_topics),
                    }
                    for group in each.copartition_groups
                ],
            }
            for each in topology.subtopologies.values()
        ],
    }


def configured(topology: StreamsTopology, topics: dict[str, int]) -> Answer:
    """What we make of it, as the Java program tells it."""
    try:
        result = configure_topics(topology, 0, topics.get)
    except KafkaError as error:
        assert error.code is ErrorCode.STREAMS_INVALID_TOPOLOGY
        return {"error": error.message}
    answer: Answer = {}
    if result.problem is not None:
        answer = {"status": result.problem.status.value, "detail": result.problem.detail}
    answer["tasks"] = {key: each.number_of_tasks for key, each in (result.subtopologies or {}).items()}
    answer["missing"] = {name: topic.partitions for name, topic in result.missing_internal_topics.items()}
    return answer


@st.composite
def cases(draw: st.DrawFn) -> tuple[StreamsTopology, dict[str, int]]:
    """Topologies of up to five subtopologies that hang together by repartition topics, loops among them; and topics, of which
    some are missing, and some internal ones there already."""
    ids = draw(st.lists(st.text("01ab-", min_size=1, max_size=3), min_size=1, max_size=5, unique=True))
    sources = ["in", "orders", "users-and-more", "z"]
    internal = draw(
        st.lists(st.sampled_from([f"app-r{n}-repartition" for n in range(5)]), max_size=4, unique=True)
    )
    fixed = {name: draw(st.sampled_from([0, 0, 0, 2, 3])) for name in internal}
    subtopologies = {}
    for subtopology_id in ids:
        external = draw(st.lists(st.sampled_from(sources), max_size=3, unique=True))
        repartitions = draw(st.lists(st.sampled_from(internal), max_size=2, unique=True)) if internal else []
        sinks = draw(st.lists(st.sampled_from(internal), max_size=2, unique=True)) if internal else []
        group = CopartitionGroup(
            draw(st.lists(st.sampled_from(range(len(external))), unique=True)) if external else [],
            [],
            draw(st.lists(st.sampled_from(range(len(repartitions))), unique=True)) if repartitions else [],
        )
        changelogs = draw(st.integers(0, 2))
        subtopologies[subtopology_id] = Subtopology(
            subtopology_id,
            external,
            [],
            [TopicInfo(f"app-{subtopology_id}-store{n}-changelog", 0, 0, {}) for n in range(changelogs)],
            sinks,
            [TopicInfo(name, fixed[name], 0, {}) for name in repartitions],
            [group] if draw(st.booleans()) else [],
        )
    counts = st.sampled_from([1, 2, 2, 3])
    topics = {name: draw(counts) for name in sources if draw(st.integers(0, 9))}
    topics |= {name: draw(counts) for name in internal if not draw(st.integers(0, 3))}
    for subtopology in subtopologies.values():
        for changelog in subtopology.state_changelog_topics:
            if not draw(st.integers(0, 4)):
                topics[changelog.name] = draw(counts)
    return StreamsTopology(0, subtopologies), topics


@settings(max_examples=500, deadline=None)
@given(cases())
def test_apaches_answers(apache: Apache, case: tuple[StreamsTopology, dict[str, int]]) -> None:
    """Tasks, partitions, statuses and the sentences that go with them."""
    assert configured(*case) == apache.configure(*case)


def chain() -> StreamsTopology:
    """`in` and `more` into r1, r1 into r2, r2 into a store."""

    def subtopology(
        name: str, sources: list[str], reads: list[str], writes: list[str], *stores: str
    ) -> Subtopology:
        return Subtopology(
            name,
            sources,
            [],
            [TopicInfo(store, 0, 0, {}) for store in stores],
            writes,
            [TopicInfo(topic, 0, 0, {}) for topic in reads],
            [],
        )

    parts = (
        subtopology("0", ["in", "more"], [], ["r1"]),
        subtopology("1", [], ["r1"], ["r2"]),
        subtopology("2", [], ["r2"], [], "store"),
    )
    return StreamsTopology(0, {part.subtopology_id: part for part in parts})


def test_counts_go_down_a_chain() -> None:
    """Each repartition topic has as many partitions as the widest topic that is read by who writes it."""
    result = configure_topics(chain(), 0, {"in": 2, "more": 5}.get)
    assert {name: topic.partitions for name, topic in result.missing_internal_topics.items()} == {
        "r1": 5,
        "r2": 5,
        "store": 5,
    }
    assert result.problem is not None
    assert result.problem.status is StreamsStatus.MISSING_INTERNAL_TOPICS
    assert not result.is_ready


def test_it_is_ready_when_all_topics_are_there() -> None:
    """Then nothing is to be made, and nobody is told anything."""
    result = configure_topics(chain(), 7, {"in": 1, "more": 1, "r1": 1, "r2": 1, "store": 1}.get)
    assert result.is_ready
    assert (result.metadata_hash, result.missing_internal_topics) == (7, {})
