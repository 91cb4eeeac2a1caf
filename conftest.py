"""What every test may ask for: the broker under test, Apache's codecs as judges, Apache's tools."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings

from apache_tools import ApacheTools
from brokers import ApacheBroker, Broker, OttlaBroker, ProcessBroker, RunningBroker, StartBroker
from compatibility import CLIENT_VERSIONS
from java_oracle import JavaOracle

# Quick rooms first, so that a slip shows in seconds; whole programs of other languages last.
LAST: Final = ("house", "java", "clients", "apache", "first_run")


settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("repeatable")
# Every run looks at the same examples, so that what it says is about the change. `make fuzz`, or
# `--hypothesis-profile=searching`, looks for new ones.


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--broker`: which broker the client tests talk to."""
    parser.addoption(
        "--broker",
        default="ottla",
        metavar="ottla|apache|HOST:PORT",
        help="the broker that client tests talk to",
    )


def pytest_configure() -> None:
    """Lets Ottla's brokers note which client asks for which API, for docs/compatibility.md."""
    CLIENT_VERSIONS.parent.mkdir(exist_ok=True)
    OttlaBroker.client_versions = CLIENT_VERSIONS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the rooms: what takes long comes late."""
    tests = config.rootpath / "tests"

    def rank(item: pytest.Item) -> int:
        room = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        return LAST.index(room) + 1 if room in LAST else 0

    items.sort(key=rank)


@pytest.fixture(scope="session")
def broker_kind(pytestconfig: pytest.Config) -> str:
    """The value of `--broker`."""
    return str(pytestconfig.getoption("--broker"))


@pytest.fixture(scope="session")
def broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker that all client tests share: each uses topics and groups of its own."""
    if ":" in broker_kind:
        host, port = broker_kind.rsplit(":", 1)
        yield RunningBroker(host, int(port))
        return
    with process_broker(broker_kind, tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker with an authorizer, on which clients without a log-in are super users; shared as `broker` is."""
    if ":" in broker_kind:
        pytest.skip(f"this test needs an authorizer, and --broker={broker_kind} is somebody else's")
    authorizer = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:root; User:ANONYMOUS",
    }
    with process_broker(broker_kind, tmp_path_factory.mktemp("guarded"), authorizer) as running:
        yield running


@pytest.fixture
def start_broker(broker_kind: str, tmp_path: Path) -> Iterator[StartBroker]:
    """Starts brokers for one test alone, `start_broker(settings)`, and ends those still running after it."""
    if ":" in broker_kind:
        pytest.skip(
            f"this test starts and kills its own broker, and --broker={broker_kind} is somebody else's"
        )
    started: list[ProcessBroker] = []

    def start(settings: Mapping[str, str] | None = None) -> ProcessBroker:
        started.append(process_broker(broker_kind, tmp_path / f"broker-{len(started)}", settings))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.kill()


def process_broker(kind: str, directory: Path, settings: Mapping[str, str] | None = None) -> ProcessBroker:
    """A broker of the kind that `--broker` names, not started yet."""
    kinds: dict[str, type[ProcessBroker]] = {"ottla": OttlaBroker, "apache": ApacheBroker}
    if kind not in kinds:
        raise pytest.UsageError(f"--broker={kind}: ottla, apache or HOST:PORT")
    return kinds[kind](directory, settings)


@pytest.fixture(scope="session")
def unique_name() -> Callable[[str], str]:
    """Names for topics and groups that no other test has: `unique_name("orders")`."""
    numbers = itertools.count(1)
    return lambda stem: f"{stem}-{next(numbers)}"


@pytest.fixture
def topic(unique_name: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A topic name of this test's own, not created yet."""
    stem = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return unique_name(stem[:80].rstrip("-"))


@pytest.fixture(scope="session")
def apache_tools() -> Iterator[ApacheTools]:
    """Apache Kafka 4.1.1's command-line tools in one JVM."""
    with ApacheTools("4.1.1") as tools:
        yield tools


@pytest.fixture(scope="session")
def java_oracle() -> Iterator[JavaOracle]:
    """Apache Kafka 4.1.1's codecs."""
    with JavaOracle("4.1.1") as oracle:
        yield oracle


@pytest.fixture(scope="session")
def java_oracle_3_9() -> Iterator[JavaOracle]:
    """Apache Kafka 3.9.1's codecs: for the messages that 4.x dropped."""
    with JavaOracle("3.9.1") as oracle:
        yield oracle
