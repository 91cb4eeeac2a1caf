"""The services of the platform that `ottla up` runs, each a process of its own, so that none waits for another.

A service is a row here: its name, its usual port, and the command line that runs it.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

BROKER_PORT = 9092
REGISTRY_PORT = 8081
METRICS_PORT = 9404
"""Where the broker shows its metrics: the port that the JMX exporter's own documentation uses."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Platform:
    """What all services are told: where data goes, by how much ports are shifted, the broker's settings."""

    data: Path
    port_offset: int = 0
    settings: tuple[str, ...] = ()

    @property
    def bootstrap(self) -> str:
        """Where the broker of this platform listens."""
        return f"{HOST}:{BROKER_PORT + self.port_offset}"


@dataclass(frozen=True, slots=True)
class Service:
    """One process. `what` says to people what it is; `ready` is what it prints when it serves."""

    name: str
    what: str
    port: int
    ready: str
    command: Callable[[Platform], Sequence[str]]

    def address(self, platform: Platform) -> str:
        """Where it listens."""
        return f"{HOST}:{self.port + platform.port_offset}"


def broker_command(platform: Platform) -> list[str]:
    """The command line of the broker: the platform's own settings first, the user's above them."""
    own = {
        "listeners": f"PLAINTEXT://{platform.bootstrap}",
        "log.dirs": str(platform.data / "logs"),
        "ottla.metadata.dir": str(platform.data / "metadata"),
        "ottla.metrics.listener": f"{HOST}:{METRICS_PORT + platform.port_offset}",
        "group.initial.rebalance.delay.ms": "0",
    }
    words = [sys.executable, "-m", "ottla.cli.main", "broker"]
    for setting in [*(f"{name}={value}" for name, value in own.items()), *platform.settings]:
        words += ["--set", setting]
    return words


def registry_command(platform: Platform) -> list[str]:
    """The command line of the Schema Registry: on this platform's broker, for this machine alone."""
    own = {
        "listeners": f"http://{HOST}:{REGISTRY_PORT + platform.port_offset}",
        "host.name": HOST,
        "kafkastore.topic.replication.factor": "1",
    }
    words = [sys.executable, "-m", "ottla.cli.main", "registry", "--bootstrap", platform.bootstrap]
    for name, value in own.items():
        words += ["--set", f"{name}={value}"]
    return words


SERVICES = (
    Service("broker", "Kafka", BROKER_PORT, "[KafkaServer id=", broker_command),
    Service("registry", "Schema Registry", REGISTRY_PORT, "[SchemaRegistry ", registry_command),
)
