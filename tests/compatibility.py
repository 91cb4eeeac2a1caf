"""docs/compatibility.md: every API in every version, and the clients that ask for it in the tests. `make compatibility`.

The versions are what a running broker answers to ApiVersions, Apache Kafka 4.1.1 beside it. The clients are what brokers
under test have noted (`ottla.client.versions.file`) in `.cache/client-versions.jsonl`: every run of the tests adds to it, so
it is complete after one whole `make test`.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from apache_jars import ROOT
from brokers import ApacheBroker, OttlaBroker
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode, encode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from registries import RegistryProcess

CLIENT_VERSIONS: Final = ROOT / ".cache" / "client-versions.jsonl"
PAGE: Final = ROOT / "docs" / "compatibility.md"

Versions: TypeAlias = Mapping[int, tuple[int, int]]
"""Lowest and highest version by api key."""

# By what a client calls itself in ApiVersions, else by the client id that its library gives when a test sets none.
CLIENTS: Final = (
    ("Java", re.compile(r"apache-kafka-java")),
    ("confluent-kafka", re.compile(r"confluent-kafka-python")),
    ("librdkafka", re.compile(r"rdkafka")),
    ("aiokafka", re.compile(r"aiokafka")),
    ("kafka-python", re.compile(r"kafka-python")),
    ("franz-go", re.compile(r"kgo")),
    ("kafkajs", re.compile(r"kafkajs")),
    ("segmentio", re.compile(r"segmentio|kafka-go")),
    ("raw frames", re.compile(r"wire|raw|bench")),
)
INTRODUCTION: Final = """\
# Compatibility

Every API that Ottla announces, in which versions, beside Apache Kafka 4.1.1, each with its defaults; and which clients ask
for it in Ottla's own tests, in which of the versions. *librdkafka* stands for kcat and rdkafka for Rust too, *raw frames* for
tests that build each message themselves. This page is made by `make compatibility` from what running brokers answer to
ApiVersions and from what brokers under test have noted.

| API | key | Ottla | Apache Kafka 4.1.1 | asked for in the tests by |
|---|---|---|---|---|
"""


REGISTRY_INTRODUCTION: Final = """
## Schema Registry

Every endpoint of the registry, as a running one answers to OPTIONS. GET goes with HEAD. Each is there under `/contexts/{context}`
too, for the schemas of one context.

| method | path | what it does |
|---|---|---|
"""


def announced(address: str) -> dict[int, tuple[int, int]]:
    """What a broker answers to ApiVersions."""
    host, port = address.rsplit(":", 1)
    body = struct.pack(">hhihB", 18, 4, 1, -1, 0) + encode(
        ApiVersionsRequest(client_software_name="compatibility", client_software_version="1"), 4
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
        answer = connection.recv(size, socket.MSG_WAITALL)
    response = decode(ApiVersionsResponse, 4, memoryview(answer)[4:])
    return {each.api_key: (each.min_version, each.max_version) for each in response.api_keys}


def registry_rows(registry: RegistryProcess) -> list[str]:
    """Path and methods of each of the registry's endpoints, as it answers to OPTIONS, with what each is for."""
    from ottla.registry.rest import dispatch  # noqa: F401 - declares the routes
    from ottla.registry.rest.routing import ROUTES

    found = []
    for path in sorted({route.path for route in ROUTES}):
        allowed = registry.ask("OPTIONS", path.replace("{", "").replace("}", "")).headers["allow"].split(",")
        told = {
            route.method: (route.handler.__doc__ or "").splitlines()[0]
            for route in ROUTES
            if route.path == path
        }
        found += [f"| {method} | `{path}` | {told[method]} |" for method in allowed if method in told]
    return found


def client_name(line: Mapping[str, object]) -> str | None:
    """The library that asked; None for one that no pattern knows, such as a test's own client id."""
    for told in (line["software"], line["software_version"], line["client_id"]):
        for name, pattern in CLIENTS:
            if isinstance(told, str) and pattern.search(told):
                return name
    return None


def asked_for(lines: Iterable[str]) -> dict[int, dict[str, set[int]]]:
    """Versions by api key and client, of what brokers have noted."""
    found: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for text in lines:
        line = json.loads(text)
        name = client_name(line)
        if name is not None:
            found[line["api_key"]][name].add(line["api_version"])
    return {api_key: dict(clients) for api_key, clients in found.items()}


def rows(ottla: Versions, apache: Versions, clients: Mapping[int, Mapping[str, set[int]]]) -> list[str]:
    """The table, by api key."""
    return [
        f"| {api_name(key)} | {key} | {_span(ottla.get(key))} | {_span(apache.get(key))} | {_clients(clients.get(key, {}))} |"
        for key in sorted({*ottla, *apache})
    ]


def api_name(key: int) -> str:
    """As Apache writes it: `OffsetCommit`."""
    return "".join(word.capitalize() for word in ApiKey(key).name.split("_"))


def versions_of_page(page: str) -> dict[int, tuple[int, int]]:
    """Ottla's versions as the page has them."""
    found = re.findall(r"^\| \w+ \| (\d+) \| (\d+)(?:–(\d+))? \|", page, re.MULTILINE)
    return {int(key): (int(lowest), int(highest or lowest)) for key, lowest, highest in found}


def _span(versions: tuple[int, int] | None) -> str:
    if versions is None:
        return "not announced"
    return f"{versions[0]}–{versions[1]}" if versions[0] != versions[1] else f"{versions[0]}"


def _clients(clients: Mapping[str, set[int]]) -> str:
    order = [name for name, _ in CLIENTS if name in clients]
    return "; ".join(f"{name} {_ranges(clients[name])}" for name in order)


def _ranges(versions: set[int]) -> str:
    """Versions in a row are told by the first and the last."""
    parts: list[list[int]] = []
    for version in sorted(versions):
        if parts and version == parts[-1][-1] + 1:
            parts[-1].append(version)
        else:
            parts.append([version])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def main() -> int:
    """Asks both brokers and writes the page."""
    if not CLIENT_VERSIONS.exists():
        print(f"{CLIENT_VERSIONS} is not there: run `make test` first", file=sys.stderr)
        return 1
    found = []
    for kind in (OttlaBroker, ApacheBroker):
        with tempfile.TemporaryDirectory() as directory, kind(Path(directory) / "broker") as broker:
            found.append(announced(broker.bootstrap_servers))
    table = rows(found[0], found[1], asked_for(CLIENT_VERSIONS.read_text().splitlines()))
    with (
        tempfile.TemporaryDirectory() as name,
        OttlaBroker(Path(name) / "broker") as broker,
        RegistryProcess(broker.bootstrap_servers, Path(name) / "registry.log") as registry,
    ):
        endpoints = registry_rows(registry)
    PAGE.write_text(
        "\n".join([INTRODUCTION + "\n".join(table), REGISTRY_INTRODUCTION + "\n".join(endpoints), ""])
    )
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
