"""`ottla up` and `ottla broker` as processes: ready, supervised, stopped; and how fast they start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from brokers import answers, free_port
from ottla.cli.services import BROKER_PORT, REGISTRY_PORT
from ottla.cli.supervision import Supervised, Supervisor, how_it_ended

OTTLA = str(Path(sys.executable).with_name("ottla"))
SERVING_WITHIN_CPU_S = 0.5
HEAVY = ("typer", "rich", "pydantic", "confluent_kafka", "kazoo", "ottla.cli.application")


@contextmanager
def running(*words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A process of the command line, killed at the end if it still runs."""
    with subprocess.Popen(
        [OTTLA, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What it prints up to a line with `wanted`. pytest's time limit ends a wait in vain."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    raise AssertionError(f"it ended without {wanted!r}:\n{''.join(lines)}")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports on which the processes that a process has started take connections."""
    return {
        (each.laddr.ip, each.laddr.port)
        for child in children(pid)
        for each in psutil.Process(child).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }


def produce(address: str, value: bytes) -> None:
    """Write one record to topic `orders` and wait for its acknowledgement."""
    producer = Producer({"bootstrap.servers": address, "acks": "all", "message.timeout.ms": 20_000})
    producer.produce("orders", value, partition=0)
    assert producer.flush(20) == 0


def consume(address: str, count: int) -> list[bytes | None]:
    """The first records of topic `orders`."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "readers"})
    consumer.assign([TopicPartition("orders", 0, 0)])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 20
    while len(values) < count and time.monotonic() < deadline:
        values += [one.value() for one in consumer.consume(count, 0.2) if one.error() is None]
    consumer.close()
    return values


def free_ports() -> tuple[int, int]:
    """A port for the broker with which the registry's is free, too: a closed connection may still hold one for a minute."""
    while True:
        port = free_port()
        with suppress(OSError), socket.create_server(("127.0.0.1", port - BROKER_PORT + REGISTRY_PORT)):
            return port, port - BROKER_PORT + REGISTRY_PORT


def test_up_serves_restarts_what_dies_and_stops_in_order(tmp_path: Path) -> None:
    """One command: ready on its port; for this machine alone; a broker killed with -9 comes back with its data; Ctrl-C ends all, exit code 0."""
    port, registry_port = free_ports()
    address = f"127.0.0.1:{port}"
    with running("up", "--data", str(tmp_path), "--port-offset", str(port - BROKER_PORT)) as up:
        assert f"Kafka is ready on {address}" in read_until(up, "Kafka is ready on")
        registry = f"127.0.0.1:{registry_port}"
        assert f"Schema Registry is ready on {registry}" in read_until(up, "Schema Registry is ready on")
        with urllib.request.urlopen(f"http://{registry}/subjects", timeout=30) as answer:
            assert answer.read() == b"[]"
        assert {host for host, _port in listening(up.pid)} == {"127.0.0.1"}
        assert {port, registry_port} <= {each for _host, each in listening(up.pid)}
        produce(address, b"pen")
        broker = min(children(up.pid))
        os.kill(broker, signal.SIGKILL)
        assert "killed by SIGKILL" in read_until(up, "starting it again")
        read_until(up, "Kafka is ready on")
        produce(address, b"ink")
        assert consume(address, 2) == [b"pen", b"ink"]
        up.send_signal(signal.SIGINT)
        assert "shut down completed" in read_until(up, "shut down completed")
        assert up.wait(40) == 0
    assert not answers("127.0.0.1", port)
    assert (tmp_path / "logs" / ".kafka_cleanshutdown").exists()


def test_a_second_ctrl_c_does_not_wait() -> None:
    """Who asks twice is not kept waiting by a service that does not end."""
    stubborn = Supervised(
        "stubborn",
        [
            sys.executable,
            "-c",
            "import signal; signal.signal(15, signal.SIG_IGN); print('started'); signal.pause()",
        ],
        "started",
    )

    def ask_to_stop(_: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    assert Supervisor([stubborn], lambda _name, _line: None, ask_to_stop).run() == 0
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


def test_up_gives_up_where_the_settings_are_wrong(tmp_path: Path) -> None:
    """It does not try again what cannot work, and says what is wrong."""
    port, _ = free_ports()
    words = [
        "up",
        "--data",
        str(tmp_path),
        "--port-offset",
        str(port - BROKER_PORT),
        "--set",
        "num.partitions=0",
    ]
    done = subprocess.run([OTTLA, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "num.partitions=0" in done.stdout
    assert "broker does not start" in done.stdout


def test_up_says_so_when_the_port_is_taken(tmp_path: Path) -> None:
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offset = taken.getsockname()[1] - BROKER_PORT
        done = subprocess.run(
            [OTTLA, "up", "--data", str(tmp_path), "--port-offset", str(offset)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "something listens already where Kafka is to" in done.stderr
    assert "--port-offset" in done.stderr


def test_broker_takes_file_environment_and_options_in_that_order(tmp_path: Path) -> None:
    """The later goes before the earlier; SIGTERM ends it with exit code 0."""
    port = free_port()
    file = tmp_path / "server.properties"
    file.write_text(
        f"listeners=PLAINTEXT://127.0.0.1:1\nlog.dirs={tmp_path / 'logs'}\nnum.partitions=2\nbroker.id=3\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "KAFKA_NUM_PARTITIONS": "5", "KAFKA_BROKER_ID": "4"}
    words = ["broker", str(file), "--set", f"listeners=PLAINTEXT://127.0.0.1:{port}", "--set=broker.id=7"]
    with running(*words, env=environment) as broker:
        assert "[KafkaServer id=7] started" in read_until(broker, "started")
        topics = Producer({"bootstrap.servers": f"127.0.0.1:{port}"})
        topics.produce("orders", b"pen")
        assert topics.flush(20) == 0
        assert len(topics.list_topics("orders", timeout=10).topics["orders"].partitions) == 5
        broker.terminate()
        assert broker.wait(40) == 0


def test_the_broker_loads_nothing_of_the_command_line(tmp_path: Path) -> None:
    """Neither typer nor rich nor a client library: a broker's start does not pay for them."""
    words = ["broker", "--set", "listeners=PLAINTEXT://127.0.0.1:0", "--set", f"log.dirs={tmp_path / 'logs'}"]
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "ottla.cli.main", *words],
        stderr=subprocess.PIPE,
        text=True,
    ) as broker:
        assert broker.stderr is not None
        lines = []
        for line in broker.stderr:
            lines.append(line)
            if "started" in line:
                break
        broker.terminate()
    loaded = set(re.findall(r"\| +([\w.]+)$", "".join(lines), re.MULTILINE))
    assert "ottla.broker.server" in loaded
    assert {one for one in loaded if one.startswith(HEAVY)} == set()


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_broker_serves_after_less_than_half_a_second_of_cpu(tmp_path: Path) -> None:
    """From exec to the first answer, in CPU time, so that what else runs on this machine does not count.

    The first start compiles the code.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    spent = []
    for number in range(3):
        port = free_port()
        words = ["broker", "--set", f"listeners=PLAINTEXT://127.0.0.1:{port}"]
        words += ["--set", f"log.dirs={tmp_path / str(number)}"]
        with running(*words, env=environment) as broker:
            while not answers("127.0.0.1", port):
                assert broker.poll() is None
                time.sleep(0.002)
            spent.append(cpu_seconds(broker.pid))
    assert min(spent) < SERVING_WITHIN_CPU_S


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")],
)
def test_how_a_process_ended(exit_code: int, words: str) -> None:
    """Signals by their names."""
    assert how_it_ended(exit_code) == words
