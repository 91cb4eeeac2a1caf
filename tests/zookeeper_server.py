"""A real ZooKeeper 3.8, and Apache Kafka 3.9.1 on it, each in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Self

from confluent_kafka.admin import AdminClient

from apache_jars import java_command
from brokers import ProcessBroker

START_TIMEOUT_SECONDS: Final = 60


class ZooKeeperServer:
    """Listens at `address` (host:port) from `start` to `stop`; keeps its data in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._port = int(server.getsockname()[1])
        self.address = f"127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers `ruok`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        settings = self._directory / "zoo.cfg"
        settings.write_text(
            f"dataDir={self._directory}\nclientPort={self._port}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\n4lw.commands.whitelist=ruok\nmaxClientCnxns=0\n"
        )
        with (self._directory / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                [*java_command("3.9.1", "org.apache.zookeeper.server.quorum.QuorumPeerMain"), str(settings)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._is_well():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._directory / "output.log").read_text()[-2000:])
            time.sleep(0.05)

    def _is_well(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(b"ruok")
                return connection.recv(4) == b"imok"
        except OSError:
            return False

    def stop(self) -> None:
        """Ends the process; its data stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ApacheOnZooKeeper(ProcessBroker):
    """Apache Kafka 3.9.1 in ZooKeeper mode; `settings` must hold `zookeeper.connect`."""

    name = "apache 3.9.1"

    def _own_settings(self) -> dict[str, str]:
        return {"broker.id": "1", "listeners": f"PLAINTEXT://{self.host}:{self.port}"}

    def command(self, properties: Path) -> list[str]:
        return [*java_command("3.9.1", "kafka.Kafka", "-Xmx512m", "-XX:+UseSerialGC"), str(properties)]

    def start(self) -> None:
        """It answers before it has been elected controller; librdkafka's admin client, told of none, waits in vain."""
        super().start()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while (
            AdminClient({"bootstrap.servers": self.bootstrap_servers}).list_topics(timeout=10).controller_id
            < 0
        ):
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(
                    f"{self.name} has no controller; its output ends with:\n{self.output_tail()}"
                )
