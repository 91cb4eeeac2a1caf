"""A hundred consumers that join a group at once, and one that leaves: `python -m benchmarks.group_load BOOTSTRAP TOPIC GROUP PROTOCOL MEMBERS`.

librdkafka by confluent-kafka, whose wheel knows both protocols. The topic has a partition for each member. Joined is when
each member has exactly one; left is when the others share them all again. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, TopicPartition

PATIENCE_SECONDS: Final = 120
HEARTBEAT_MS: Final = 1000
PAUSE_SECONDS: Final = 0.005


class Member:
    """A consumer and the partitions it has."""

    def __init__(self, bootstrap: str, topic: str, group: str, protocol: str) -> None:
        own = (
            {"heartbeat.interval.ms": HEARTBEAT_MS, "session.timeout.ms": 45_000}
            if protocol == "classic"
            else {"group.remote.assignor": "uniform"}
        )
        self.partitions: set[int] = set()
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "group.protocol": protocol,
                "auto.offset.reset": "latest",
                "enable.auto.commit": False,
                # Fetching is not what is measured.
                "fetch.wait.max.ms": 60_000,
                "socket.timeout.ms": 70_000,
                "log_level": 0,
                **own,
            }
        )
        self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.partitions |= {each.partition for each in partitions}

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.partitions -= {each.partition for each in partitions}


def wait(members: list[Member], settled: Callable[[], bool]) -> float:
    """Lets the members do their work until they have settled; the seconds it took."""
    start = time.perf_counter()
    while not settled():
        if time.perf_counter() - start > PATIENCE_SECONDS:
            held = sorted(len(each.partitions) for each in members)
            raise RuntimeError(f"the group has not settled in {PATIENCE_SECONDS} s; partitions held: {held}")
        for each in members:
            each.consumer.poll(0)
        time.sleep(PAUSE_SECONDS)
    return time.perf_counter() - start


def main(bootstrap: str, topic: str, group: str, protocol: str, count: int) -> None:
    """Joins, leaves, prints."""
    members = [Member(bootstrap, topic, group, protocol) for _ in range(count)]
    joining = wait(members, lambda: all(len(each.partitions) == 1 for each in members))
    leaving = members.pop()
    leaving.consumer.close()
    left = wait(
        members,
        lambda: (
            all(each.partitions for each in members)
            and sum(len(each.partitions) for each in members) == count
        ),
    )
    print(json.dumps({"joining": joining, "leaving": left, "failed": 0}), flush=True)
    os._exit(0)  # a hundred consumers that leave one by one are no part of the measure


if __name__ == "__main__":
    bootstrap, topic, group, protocol, members = sys.argv[1:]
    main(bootstrap, topic, group, protocol, int(members))
