"""A raw connection to the broker under test."""

from collections.abc import Iterator

import pytest
from wire_client import WireClient

from brokers import Broker


@pytest.fixture
def wire(broker: Broker) -> Iterator[WireClient]:
    """A fresh connection."""
    with WireClient(broker.host, broker.port) as client:
        yield client
