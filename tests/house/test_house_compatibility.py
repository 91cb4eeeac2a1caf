"""docs/compatibility.md tells what a running broker announces."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from brokers import OttlaBroker
from compatibility import PAGE, announced, asked_for, client_name, registry_rows, rows, versions_of_page
from registries import RegistryProcess


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[int, int]]:
    """What Ottla announces with its defaults."""
    with OttlaBroker(tmp_path_factory.mktemp("compatibility") / "broker") as broker:
        return announced(broker.bootstrap_servers)


def test_the_page_has_the_versions_that_a_broker_announces(versions: dict[int, tuple[int, int]]) -> None:
    """If this fails, `make compatibility` makes the page anew."""
    assert versions_of_page(PAGE.read_text()) == versions


def test_the_page_has_the_endpoints_of_a_registry(
    tmp_path: Path,
) -> None:
    """If this fails, `make compatibility` makes the page anew."""
    with (
        OttlaBroker(tmp_path / "broker") as broker,
        RegistryProcess(broker.bootstrap_servers, tmp_path / "registry.log") as registry,
    ):
        endpoints = registry_rows(registry)
    assert [line for line in PAGE.read_text().splitlines() if re.match(r"\| [A-Z]+ \| `/", line)] == endpoints


def test_every_api_that_is_announced_is_asked_for_in_the_tests() -> None:
    """By one client at least. The page is to be made after a whole run of the tests, or clients are missing."""
    rows_of_page = [line for line in PAGE.read_text().splitlines() if re.match(r"\| \w+ \| \d", line)]
    assert [row for row in rows_of_page if row.endswith("|  |") and "not announced" not in row] == []


@pytest.mark.parametrize(
    ("software", "software_version", "client_id", "name"),
    [
        ("apache-kafka-java", "4.1.1", "producer-1", "Java"),
        ("confluent-kafka-python", "2.16.1-rdkafka-2.16.0", "rdkafka", "confluent-kafka"),
        ("librdkafka", "2.0.2", "rdkafka", "librdkafka"),
        (None, None, "aiokafka-producer-1", "aiokafka"),
        (None, None, "segmentio@host (github.com/segmentio/kafka-go)", "segmentio"),
        (None, None, "wire-test", "raw frames"),
        (None, None, None, None),
        ("test", "1", "test", None),
    ],
)
def test_clients_are_told_by_what_they_call_themselves(
    software: str | None, software_version: str | None, client_id: str | None, name: str | None
) -> None:
    """Else by the client id that their library gives."""
    line = {"software": software, "software_version": software_version, "client_id": client_id}
    assert client_name(line) == name


def test_a_row_tells_versions_and_who_asks_for_which() -> None:
    """In the order of the list of clients; an API that one of the two lacks says so."""
    noted: list[dict[str, object]] = [
        {
            "software": "apache-kafka-java",
            "software_version": "4.1.1",
            "client_id": "a",
            "api_key": 1,
            "api_version": version,
        }
        for version in (16, 17, 4)
    ]
    noted.append(
        {"software": None, "software_version": None, "client_id": "raw", "api_key": 1, "api_version": 4}
    )
    clients = asked_for(json.dumps(line) for line in noted)
    assert rows({1: (4, 17), 22: (0, 6)}, {1: (4, 17), 55: (2, 2)}, clients) == [
        "| Fetch | 1 | 4–17 | 4–17 | Java 4, 16–17; raw frames 4 |",
        "| InitProducerId | 22 | 0–6 | not announced |  |",
        "| DescribeQuorum | 55 | not announced | 2 |  |",
    ]
