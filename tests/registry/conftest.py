"""Registries for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from brokers import Broker
from registries import RegistryProcess

StartRegistry: TypeAlias = "Callable[..., RegistryProcess]"


@pytest.fixture(scope="session")
def registry(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory, unique_name: Callable[[str], str]
) -> Iterator[RegistryProcess]:
    """One registry that tests share, each with subjects of its own. What is set for all is put back."""
    settings = own_place(unique_name)
    with RegistryProcess(
        broker.bootstrap_servers, tmp_path_factory.mktemp("registry") / "output.log", settings
    ) as running:
        yield running


@pytest.fixture
def start_registry(
    broker: Broker, tmp_path: Path, unique_name: Callable[[str], str]
) -> Iterator[StartRegistry]:
    """Starts registries for one test: `start_registry()` on a topic that all of the test's share."""
    place = own_place(unique_name)
    started: list[RegistryProcess] = []

    def start(
        settings: Mapping[str, str] | None = None, *, bootstrap_servers: str | None = None
    ) -> RegistryProcess:
        servers = bootstrap_servers or broker.bootstrap_servers
        output = tmp_path / f"registry-{len(started)}.log"
        started.append(RegistryProcess(servers, output, {**place, **(settings or {})}))
        return started[-1].start()

    yield start
    for each in started:
        each.close()


@pytest.fixture
def subject(unique_name: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A subject of this test's own."""
    return unique_name(request.node.name.split("[")[0].removeprefix("test_"))


def own_place(unique_name: Callable[[str], str]) -> dict[str, str]:
    """Topics and a group that no other registry has."""
    name = unique_name("registry")
    return {
        "kafkastore.topic": f"_schemas-{name}",
        "dek.registry.topic": f"_keys-{name}",
        "schema.registry.group.id": name,
    }
