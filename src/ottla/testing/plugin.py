"""The pytest plugin that comes with the package: fixtures that hand a test a running broker.

    def test_orders(kafka):
        producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})

`kafka` is one broker for the whole session (ini `ottla_kafka_scope` narrows it), `new_kafka` one for the test alone.

pytest loads this module in every run of every project that has Ottla installed, used or not. So it imports nothing of
the package until a test asks for a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from ottla.testing.broker import Broker

    Scope = Literal["session", "package", "module", "class", "function"]

SCOPES: Sequence[Scope] = ("session", "package", "module", "class", "function")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings of the fixtures, in the project's own pytest configuration."""
    parser.addini(
        "ottla_kafka_scope",
        "how long the broker of the `kafka` fixture lives: session, package, module, class or function",
        default="session",
    )
    parser.addini(
        "ottla_kafka_settings",
        "broker settings of the `kafka` and `new_kafka` fixtures, name=value a line",
        type="linelist",
        default=[],
    )
    parser.addini(
        "ottla_kafka_process",
        "whether these brokers run in processes of their own",
        type="bool",
        default=False,
    )


def _scope(fixture_name: str, config: pytest.Config) -> Scope:  # noqa: ARG001 - pytest passes it by name
    wanted = str(config.getini("ottla_kafka_scope"))
    for scope in SCOPES:
        if scope == wanted:
            return scope
    raise pytest.UsageError(f"ottla_kafka_scope = {wanted}: choose from {', '.join(SCOPES)}")


@pytest.fixture(scope=_scope)
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """A running Kafka broker: `kafka.bootstrap_servers`. Shared by the tests of the session, unless configured otherwise."""
    yield from _broker(pytestconfig)


@pytest.fixture
def new_kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """A running Kafka broker of this test alone, empty at its start."""
    yield from _broker(pytestconfig)


def _broker(config: pytest.Config) -> Iterator[Broker]:
    from ottla.testing.broker import Broker

    settings = dict(_setting(line) for line in config.getini("ottla_kafka_settings"))
    with Broker(process=bool(config.getini("ottla_kafka_process")), settings=settings) as broker:
        yield broker


def _setting(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals:
        raise pytest.UsageError(f"ottla_kafka_settings: {line!r} is not of the form name=value")
    return name.strip(), value.strip()
