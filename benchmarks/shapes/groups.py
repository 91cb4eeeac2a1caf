"""Consumer groups: a hundred that join at once and one that leaves, a thousand members, commits of offsets."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.clients import delete_topic, generate, group_load, make_topic
from benchmarks.members import Crowd, settle_classic, settle_consumer
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import Round, run_in_turns, two_brokers
from benchmarks.sides import Side
from benchmarks.wire import Connection, wait_for_coordinator, write_frames
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)

HEARTBEATS = {
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "1000",
}
"""As short as benchmarks.group_load asks of the classic protocol: how long a member waits is no property of a broker."""

JOINING, LEAVING, CPU, PACE = "until 100 have joined", "until one has left", "broker CPU", "commits"
COMMIT_VERSION = 8


def new_name() -> str:
    """A group that nobody has used."""
    return f"bench-{uuid.uuid4().hex[:12]}"


def hundred_consumers(row: Row, *, protocol: str) -> None:
    """librdkafka's consumers, a partition each.

    Whether a member hears of the others with its next heartbeat, a second later, or sooner is chance on both sides: so
    there are three times as many rounds.
    """
    row.effort = replace(row.effort, rounds=3 * row.effort.rounds)
    members = row.amount(100, least=4)

    def load(side: Side) -> Round:
        topic = make_topic(side.address, members)
        before = side.cpu_seconds()
        ended = group_load(side.address, topic, new_name(), protocol, members)
        cpu = side.cpu_seconds() - before
        delete_topic(side.address, topic)
        joining, leaving = ended.figures["joining"], ended.figures["leaving"]
        return Round(1 / (joining + leaving), {JOINING: joining, LEAVING: leaving, CPU: cpu}, ended.load)

    measures = [
        Measure(JOINING, "s", Target("ratio_at_most", 1.05)),
        Measure(LEAVING, "s", Target("ratio_at_most", 1.05)),
        Measure(CPU, "s", Target("ratio_at_most", 0.8)),
    ]
    with two_brokers(HEARTBEATS) as sides:
        run_in_turns(row, sides, load, measures)


def thousand_members(
    row: Row, *, settle: Callable[[Crowd, str, str], Callable[[], None]], beats: int
) -> None:
    """Members made of frames: what it costs the broker until all have joined, and each heartbeat afterwards."""
    members = row.amount(1000, least=10)
    joining, settled, heartbeat = "broker CPU until all have joined", "until all have joined", "broker CPU"

    def load(side: Side) -> Round:
        topic = make_topic(side.address, members)
        crowd, group = Crowd(side.address, members), new_name()
        wait_for_coordinator(crowd.connections[0], group)
        before, start = side.cpu_seconds(), time.perf_counter()
        beat = settle(crowd, group, topic)
        seconds, cpu = time.perf_counter() - start, side.cpu_seconds() - before
        before = side.cpu_seconds()
        for _ in range(beats):
            beat()
        each = (side.cpu_seconds() - before) / (beats * members) * 1e6
        crowd.close()
        delete_topic(side.address, topic)
        return Round(1 / seconds, {joining: cpu, settled: seconds, heartbeat: each}, 0.0)

    measures = [Measure(joining, "s"), Measure(settled, "s"), Measure(heartbeat, "µs a heartbeat")]
    with two_brokers({**HEARTBEATS, "group.consumer.max.size": "5000"}) as sides:
        run_in_turns(row, sides, load, measures)


def commits(row: Row, *, connections: int, in_flight: int, requests: int) -> None:
    """OffsetCommit of one partition each, ten groups in turn, by clients that assign themselves."""
    count = row.amount(requests)
    groups = [new_name() for _ in range(10)]

    def load(side: Side) -> Round:
        if side.topic is None:
            side.topic = make_topic(side.address, 1)
        asked = [commit_request(group, side.topic) for group in groups]
        with closing(Connection(side.address)) as connection:
            for request in asked:
                wait_for_coordinator(connection, request.group_id)
                answer = connection.ask(request, OffsetCommitResponse, COMMIT_VERSION)
                code = answer.topics[0].partitions[0].error_code
                if code:
                    raise RuntimeError(f"a commit ends with error code {code}")
        host, port = side.address.split(":")
        with tempfile.TemporaryDirectory() as directory:
            frames = write_frames(Path(directory) / "frames", asked, COMMIT_VERSION)
            before = side.cpu_seconds()
            ended = generate("replay", host, port, frames, connections, in_flight, count)
            cpu = side.cpu_seconds() - before
        pace = ended.figures["requests"] / ended.figures["seconds"]
        return Round(pace, {PACE: pace, CPU: cpu / count * 1e6}, ended.load)

    measures = [Measure(PACE, "1/s", Target("ratio_at_least", 1.5)), Measure(CPU, "µs a commit")]
    with two_brokers() as sides:
        run_in_turns(row, sides, load, measures)


def commit_request(group: str, topic: str) -> OffsetCommitRequest:
    """One offset, by somebody who is no member."""
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=0, committed_metadata="")
    return OffsetCommitRequest(
        group_id=group, topics=[OffsetCommitRequestTopic(name=topic, partitions=[partition])]
    )


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "group_100_classic": (
        "100 consumers join at once, one leaves, classic protocol",
        partial(hundred_consumers, protocol="classic"),
    ),
    "group_100_consumer": (
        "100 consumers join at once, one leaves, group.protocol=consumer",
        partial(hundred_consumers, protocol="consumer"),
    ),
    "members_1000_classic": (
        "1,000 simulated members, classic protocol",
        partial(thousand_members, settle=settle_classic, beats=20),
    ),
    "members_1000_consumer": (
        "1,000 simulated members, group.protocol=consumer",
        partial(thousand_members, settle=settle_consumer, beats=20),
    ),
    "commits_1x5": (
        "offset commits, 1 connection, 5 in flight",
        # Few: Apache lets each wait for `group.coordinator.append.linger.ms`, and has one of a connection in hand at a time.
        partial(commits, connections=1, in_flight=5, requests=4_000),
    ),
    "commits_50x1": (
        "offset commits, 50 connections",
        partial(commits, connections=50, in_flight=1, requests=100_000),
    ),
}
