"""Transactions where nothing comes at once: on a disk so slow that every write waits for its thread."""

import time

import pytest
from test_broker_disks import MoodyDisk

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.records.record import Record
from transactions.committed import values
from transactions.transactional_client import OFFSET, PARTITIONS, TransactionalClient
from wire.wire_client import WireClient

SLOW_S = 0.006
"""Longer than a write may take on the loop: the directory's thread does them from then on."""


@pytest.fixture
def slow(start_broker, tmp_path):
    """A broker on such a disk."""
    disk = MoodyDisk()
    disk.path = "/"
    disk.before_write = lambda: time.sleep(SLOW_S)
    broker = start_broker(
        {
            "log.dirs": str(tmp_path),
            "transaction.state.log.num.partitions": "2",
            "offsets.topic.num.partitions": "2",
        },
        disk=disk,
    )
    broker.disk_is_slow = lambda: broker.call(lambda server: server.logs.directories[0].is_slow)
    return broker


def make_slow(broker, wire: WireClient) -> None:
    """Write until the broker has noticed."""
    wire.create_topic("warm")
    until(
        lambda: wire.produce_records("warm", Record(0, 1_700_000_000_000, None, b"x")),
        lambda _: broker.disk_is_slow(),
    )


@pytest.mark.parametrize("version", [1, 2])
def test_each_step_waits_for_the_disk(slow, version):
    """And the outcome is the same: committed ones whole, aborted ones not at all, in a row without a pause."""
    with WireClient("127.0.0.1", slow.port) as wire:
        make_slow(slow, wire)
        wire.create_topic("both", PARTITIONS)
        for number in range(6):
            client = TransactionalClient(wire, f"tx-{number}", "both", version=version)
            for step in client.steps(committed=number % 2 == 0):
                step()
            assert client.committed_offset() == (OFFSET if number % 2 == 0 else -1)
        assert slow.disk_is_slow()
        kept = [b"tx-0", b"tx-2", b"tx-4"]
        until(lambda: values(slow.address, "both", PARTITIONS), lambda seen: seen == [kept, kept])


def test_a_producer_that_goes_on_at_once_waits_for_its_last_transaction(slow):
    """A client of version 2 writes as soon as EndTxn is answered: the broker waits for the markers on its behalf."""
    with WireClient("127.0.0.1", slow.port) as wire:
        make_slow(slow, wire)
        wire.create_topic("quick", PARTITIONS)
        client = TransactionalClient(wire, "quick", "quick", version=2)
        client.init()
        first = client.producer_epoch
        for number in range(5):
            client.producer_epoch = first + number
            client.produce(0)
            client.end(committed=True)
        until(lambda: values(slow.address, "quick", PARTITIONS), lambda seen: seen == [[b"quick"] * 5, []])


def test_a_newer_instance_is_told_to_wait_until_the_older_ones_end_is_written(slow):
    """CONCURRENT_TRANSACTIONS, then the next epoch but one."""
    with WireClient("127.0.0.1", slow.port) as wire:
        make_slow(slow, wire)
        wire.create_topic("fenced", PARTITIONS)
        older = TransactionalClient(wire, "fenced", "fenced", version=2)
        older.init()
        older.produce(0)
        request = InitProducerIdRequest(transactional_id="fenced", transaction_timeout_ms=60_000)
        assert wire.ask(request, InitProducerIdResponse, 5).error_code == ErrorCode.CONCURRENT_TRANSACTIONS
        newer = TransactionalClient(wire, "fenced", "fenced", version=2)
        newer.init()
        assert newer.producer_epoch == older.producer_epoch + 2
        until(lambda: values(slow.address, "fenced", PARTITIONS), lambda seen: seen == [[], []])


def test_the_topic_has_as_many_partitions_as_it_was_made_with(start_broker):
    """Not as many as the setting says, where an administrator made it (with Apache's no coordinator is found then)."""
    broker = start_broker()
    with WireClient("127.0.0.1", broker.port) as wire:
        wire.create_topic("__transaction_state", 7, cleanup_policy="compact")
        for number in range(10):
            for epoch in range(2):
                client = TransactionalClient(wire, f"tx-{number}", "any", version=2)
                client.init()
                assert client.producer_epoch == epoch


def test_transactions_that_nobody_reads_are_forgotten(start_broker):
    """A decided transaction costs nothing any more, neither in its topic nor where its offsets are committed."""
    broker = start_broker({"offsets.topic.num.partitions": "1"})
    with WireClient("127.0.0.1", broker.port) as wire:
        wire.create_topic("unread", PARTITIONS)
        for number in range(6):
            client = TransactionalClient(wire, "unread", "unread", version=2)
            client.init()
            client.produce(0)
            client.commit_offset()
            client.end(committed=number % 2 == 0)

        def decided(server) -> list[tuple[int, int]]:
            """Of each log its end, six transactions of two records, and how many of them are still remembered."""
            names = (("unread", 0), ("__consumer_offsets", 0))
            logs = [server.replicas.partition(*each).leading_log() for each in names]
            return [(log.log_end_offset, len(log.producers._unreplicated)) for log in logs]

        until(lambda: broker.call(decided), lambda seen: seen == [(12, 0), (12, 0)])
