"""The two brokers that are compared, with what they cost."""

from __future__ import annotations

import re
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.processes import cpu_seconds, memory_mb
from brokers import ApacheBroker, OttlaBroker, ProcessBroker, free_port

SIDES: Final = ("ottla", "apache")

# What a single broker needs, on both sides; everything else is at its default.
SETTINGS: Final[Mapping[str, str]] = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A round's data goes when the round is over, not a minute later.
    "log.segment.delete.delay.ms": "1000",
}


class Side:
    """One of the two brokers, in a process of its own."""

    def __init__(self, name: str, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.directory = directory
        kind = {"ottla": OttlaBroker, "apache": ApacheBroker}[name]
        self.topic: str | None = None
        """A topic that a row's rounds share."""
        self.metrics_port = free_port()
        own = {"ottla.metrics.listener": f"127.0.0.1:{self.metrics_port}"} if name == "ottla" else {}
        self.broker: ProcessBroker = kind(directory, {**own, **(settings or {})}, defaults=SETTINGS)

    @property
    def address(self) -> str:
        """`host:port`."""
        return self.broker.bootstrap_servers

    @property
    def pid(self) -> int:
        """The broker's process."""
        assert self.broker.process is not None
        return self.broker.process.pid

    def cpu_seconds(self) -> float:
        """What it has used so far, its children included."""
        return cpu_seconds(self.pid)

    def memory_mb(self) -> float:
        """What it holds now."""
        return memory_mb(self.pid)

    def loop_lag(self) -> dict[float, int]:
        """Ottla's histogram of loop lag, count by upper bound in seconds; empty for Apache Kafka, which has no loop."""
        if self.name != "ottla":
            return {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=30) as page:
            text = page.read().decode()
        buckets = re.findall(
            r'^ottla_loop_lag_seconds_bucket\{.*?le="([^"]+)".*?\} (\S+)', text, re.MULTILINE
        )
        return {float(bound): int(float(count)) for bound, count in buckets}

    def remove(self) -> None:
        """Kills it if it runs and removes its data."""
        self.broker.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def loop_lag_ms(before: Mapping[float, int], after: Mapping[float, int], part: float) -> float | None:
    """The upper bound of the bucket below which lies this part (0.99: the 99th percentile) of what came between."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    total = max(counts.values(), default=0)
    for bound, count in counts.items():
        if total and count >= part * total:
            return bound * 1000
    return None
