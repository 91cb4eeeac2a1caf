"""The records of `__transaction_state`, byte for byte Apache Kafka 4.1.1's (facts printed by TransactionRecords.java)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.types import TopicPartition
from ottla.transactions.metadata import TransactionMetadata
from ottla.transactions.records import parse_key, parse_value, transaction_record, transaction_tombstone
from ottla.transactions.states import TransactionState

LINES = (Path(__file__).parent / "apache-4.1.1-transaction-records.txt").read_text().splitlines()
APACHE = {name: bytes.fromhex(content) for name, content in (line.split(" ") for line in LINES)}

PARTITIONS = frozenset({TopicPartition("a", 0), TopicPartition("a", 2), TopicPartition("b", 1)})


def metadata(state: TransactionState) -> TransactionMetadata:
    """The one of the facts, in the state."""
    return TransactionMetadata(
        producer_id=4711,
        producer_epoch=7,
        timeout_ms=60_000,
        state=state,
        partitions=PARTITIONS if 1 <= state <= 3 else frozenset(),
        start_ms=-1 if state is TransactionState.EMPTY else 1_700_000_000_123,
        last_update_ms=1_700_000_000_456,
    )


@pytest.mark.parametrize("state", [state for state in TransactionState if state <= 5])
@pytest.mark.parametrize("version", [0, 1])
def test_a_record_is_apaches(state, version):
    """Both ways, in the value's version of the cluster's transaction version."""
    fact = APACHE[f"status-{int(state)}-{version}" if state else f"empty-{version}"]
    record = transaction_record("tx-é", metadata(state), version)
    assert record == (APACHE["key"], fact)
    assert parse_key(APACHE["key"]) == "tx-é"
    assert parse_value(fact) == metadata(state)


def test_what_is_tagged_is_kept():
    """The ids around the transaction, and its client's version; transaction version 0 has no place for them."""
    tagged = metadata(TransactionState.PREPARE_COMMIT)._replace(
        previous_producer_id=4711, next_producer_id=4712, client_transaction_version=2
    )
    assert transaction_record("tx-é", tagged, 2).value == APACHE["tagged"]
    assert parse_value(APACHE["tagged"]) == tagged
    assert transaction_record("tx-é", tagged, 0).value == APACHE["status-2-0"]


def test_a_tombstone_has_no_value():
    assert transaction_tombstone("tx-é") == (APACHE["key"], None)


def test_other_types_of_records_are_passed_over():
    """A later Kafka may write some."""
    assert parse_key(b"\0\1\0\1x") is None


@given(st.binary(max_size=40), st.booleans())
def test_broken_records_are_told_as_such(content, is_key):
    """Any bytes either parse or raise one of the two."""
    with suppress(ProtocolError, UnsupportedVersionError):
        parse_key(content) if is_key else parse_value(content)


@pytest.mark.parametrize("status", [8, 100, 255])
def test_an_unknown_state_is_told(status):
    value = bytearray(APACHE["empty-0"])
    value[16] = status
    with pytest.raises(ProtocolError, match="no transaction state"):
        parse_value(bytes(value))
