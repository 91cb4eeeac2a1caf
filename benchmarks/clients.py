"""The programs that make the load, and how busy they were with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Final

from confluent_kafka.admin import AdminClient, NewTopic

from apache_jars import ROOT, class_path, java_command
from benchmarks.processes import ThreadLoad

GENERATOR: Final = str(ROOT / ".cache" / "bench" / "generator")
JAVA_OPTIONS: Final = ("-Xmx512m", "-XX:+UseParallelGC")


@dataclass(frozen=True, slots=True)
class Ended:
    """A load program's own figures, and the part of its busiest thread's time that was spent working."""

    figures: dict[str, float]
    load: float
    output: str


def generate(*arguments: object) -> Ended:
    """Runs benchmarks/generator.c with the arguments."""
    output, load, _ = _run([GENERATOR, *map(str, arguments)])
    figures = json.loads(output)
    if figures["failed"]:
        raise RuntimeError(f"{figures['failed']} records failed: {arguments}")
    busy = load.busiest_seconds()
    return Ended(figures, busy / figures["seconds"], output)


def java_perf(main_class: str, *arguments: object) -> Ended:
    """Runs one of Kafka's Java measuring tools; its figures are the caller's to read out of `output`."""
    command = java_command("4.1.1", main_class, *JAVA_OPTIONS)
    output, load, seconds = _run([*command, *map(str, arguments)])
    return Ended({}, load.busiest_seconds() / seconds, output)


def java_load(*arguments: object) -> Ended:
    """Runs benchmarks/java/Load.java with the arguments."""
    classes = ROOT / ".cache" / "bench" / "classes"
    command = ["java", *JAVA_OPTIONS, "-cp", f"{classes}:{class_path('4.1.1')}", "Load"]
    output, load, _ = _run([*command, *map(str, arguments)])
    figures = json.loads(output.splitlines()[-1])
    return Ended(figures, load.busiest_seconds() / figures["seconds"], output)


def group_load(*arguments: object) -> Ended:
    """Runs benchmarks/group_load.py with the arguments."""
    output, load, seconds = _run([sys.executable, "-m", "benchmarks.group_load", *map(str, arguments)])
    return Ended(json.loads(output), load.busiest_seconds() / seconds, output)


def login_load(*arguments: object) -> Ended:
    """Runs benchmarks/login_load.py with the arguments."""
    output, load, _ = _run([sys.executable, "-m", "benchmarks.login_load", *map(str, arguments)])
    figures = json.loads(output)
    return Ended(figures, load.busiest_seconds() / figures["seconds"], output)


def make_topic(address: str, partitions: int, **config: str) -> str:
    """A new topic with a name of its own; settings with underscores for dots."""
    name = f"bench-{uuid.uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": address, "log_level": 3})
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin.create_topics(
        [NewTopic(name, partitions, 1, config=settings)], operation_timeout=120, request_timeout=120
    )[name].result(120)
    deadline = time.monotonic() + 60
    while len(_led(admin, name)) < partitions:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} has no leaders after a minute")
        time.sleep(0.05)
    return name


def delete_topic(address: str, name: str) -> None:
    """Removes a topic, so that its dirty pages need not be written."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 3})
    admin.delete_topics([name])[name].result(60)


def _led(admin: AdminClient, topic: str) -> list[int]:
    described = admin.list_topics(topic, timeout=60).topics[topic]
    return [number for number, partition in described.partitions.items() if partition.leader >= 0]


def _run(command: list[str]) -> tuple[str, ThreadLoad, float]:
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    load = ThreadLoad(process.pid)
    output, errors = process.communicate(timeout=600)
    seconds = time.monotonic() - started
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{errors[-3000:]}")
    return output, load, seconds
