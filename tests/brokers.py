"""The broker a test talks to: Ottla, Apache Kafka 4.1.1 from its jars, or one that runs already.

Client tests are written once and must hold on every one of them: `pytest --broker=apache` shows that a test is
right about Kafka, `pytest` (Ottla) that Ottla is.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self, TypeAlias

from apache_jars import QUICK_JVM, java_command

# As kafka-server-start.sh and kafka-run-class.sh of Apache Kafka 4.1.1 start the broker.
APACHE_JVM: Final = (
    "-Xmx1G",
    "-Xms1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)

# One replica is all that one broker can hold, and no test waits three seconds for members who won't come.
TEST_SETTINGS: Final[Mapping[str, str]] = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.share.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
}

START_TIMEOUT_SECONDS: Final = 60


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether a Kafka broker answers ApiVersions version 0 there, without an error."""
    request = struct.pack(">hhih", 18, 0, 7, -1)
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return answer[4:] == struct.pack(">ih", 7, 0)


class Broker(ABC):
    """A broker at `bootstrap_servers`, which can be stopped, killed and started again on its data."""

    name: str

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, as clients take it."""
        return f"{self.host}:{self.port}"

    @abstractmethod
    def start(self) -> None:
        """Starts it and returns when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it in order, as SIGTERM does."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class RunningBroker(Broker):
    """A broker that somebody else started and will stop."""

    name = "running"

    def start(self) -> None:
        if not answers(self.host, self.port):
            raise RuntimeError(f"no Kafka broker answers at {self.bootstrap_servers}")

    def stop(self) -> None:
        """Leaves it alone."""


class ProcessBroker(Broker):
    """A broker in a process of its own, with its data, properties and output in `directory`."""

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        *,
        port: int | None = None,
        defaults: Mapping[str, str] = TEST_SETTINGS,
    ) -> None:
        super().__init__("127.0.0.1", port or free_port())
        self.directory = directory
        self.output = directory / "output.log"
        self.data = directory / "data"
        self.settings = {
            **defaults,
            **self._own_settings(),
            "log.dirs": str(self.data),
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _own_settings(self) -> dict[str, str]:
        """The settings that this kind of broker needs to stand alone."""

    @abstractmethod
    def command(self, properties: Path) -> list[str]:
        """The command line that runs it in the foreground."""

    def prepare(self) -> None:
        """What comes before the first start."""

    def start(self) -> None:
        self.write_properties()
        self.launch()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not answers(self.host, self.port):
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} did not start; its output ends with:\n{self.output_tail()}")
            time.sleep(0.02)

    def write_properties(self) -> None:
        """Writes server.properties and makes the data directory what a first start needs."""
        self.directory.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{key}={value}\n" for key, value in self.settings.items())
        (self.directory / "server.properties").write_text(text)
        if not self.data.exists():
            self.prepare()

    def launch(self) -> None:
        """Starts the process and does not wait for it."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(self.directory / "server.properties"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
            )

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it with SIGKILL: nothing it holds in memory is written."""
        self._end(signal.SIGKILL)

    def output_tail(self) -> str:
        """The last lines it printed."""
        return (
            "\n".join(self.output.read_text(errors="replace").splitlines()[-40:])
            if self.output.exists()
            else ""
        )

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            os.kill(self.process.pid, how)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(
                f"{self.name} did not end within 60 s of {how.name}:\n{self.output_tail()}"
            ) from None
        finally:
            self.process = None


class OttlaBroker(ProcessBroker):
    """Ottla, as `ottla broker server.properties` runs it."""

    name = "ottla"
    client_versions: Path | None = None
    """Where the brokers of a test run note who asked for what; see tests/compatibility.py."""

    def _own_settings(self) -> dict[str, str]:
        noted = {"ottla.client.versions.file": str(self.client_versions)} if self.client_versions else {}
        return {"node.id": "1", "listeners": f"PLAINTEXT://{self.host}:{self.port}", **noted}

    def command(self, properties: Path) -> list[str]:
        return [str(Path(sys.executable).with_name("ottla")), "broker", str(properties)]


class ApacheBroker(ProcessBroker):
    """Apache Kafka 4.1.1, broker and KRaft controller in one process."""

    name = "apache"

    def _own_settings(self) -> dict[str, str]:
        controller = f"{self.host}:{free_port()}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listeners": f"PLAINTEXT://{self.host}:{self.port},CONTROLLER://{controller}",
        }

    def prepare(self) -> None:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        properties = str(self.directory / "server.properties")
        subprocess.run(
            [
                *java_command("4.1.1", "kafka.tools.StorageTool", *QUICK_JVM),
                *("format", f"--cluster-id={cluster_id}", f"--config={properties}"),
            ],
            check=True,
            capture_output=True,
        )

    def command(self, properties: Path) -> list[str]:
        return [*java_command("4.1.1", "kafka.Kafka", *APACHE_JVM), str(properties)]


StartBroker: TypeAlias = Callable[..., ProcessBroker]
"""The fixture `start_broker`: starts a broker for one test alone, with the settings given."""
