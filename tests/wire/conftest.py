"""A raw connection to the broker under test."""

from collections.abc import Iterator

import pytest
from transactional_producer import Transactional
from wire_client import WireClient

from brokers import Broker


@pytest.fixture
def wire(broker: Broker) -> Iterator[WireClient]:
    """A fresh connection."""
    with WireClient(broker.host, broker.port) as client:
        yield client


@pytest.fixture
def producer(wire: WireClient, unique_name) -> Transactional:
    """Of transaction version 2."""
    return Transactional(wire, unique_name("tx"))


@pytest.fixture
def old_producer(wire: WireClient, unique_name) -> Transactional:
    """Of transaction version 1."""
    return Transactional(wire, unique_name("tx"), version=1)
