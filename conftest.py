"""What every test may ask for: Apache's codecs as judges, and the broker under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from java_oracle import JavaOracle


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
