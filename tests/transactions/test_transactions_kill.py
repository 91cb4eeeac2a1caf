"""A broker killed with SIGKILL at any point of a transaction comes back with all of it or none of it.

Two ways to choose the point: behind each request of the transaction, on any broker; and at each single write that Ottla
does for it, which includes the middle of a commit (the coordinator's decision written, some markers, the end).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from committed import values
from transactional_client import OFFSET, PARTITIONS, TransactionalClient

from brokers import OttlaBroker, ProcessBroker, StartBroker
from ottla.protocol.messages.end_txn import EndTxnResponse
from wire.wire_client import WireClient

TOPIC: Final = "both-or-none"
FEWEST_WRITES: Final = 8
"""Init, two records, two partitions and an offset added, the offset, the decision, three markers, the end: more than this."""


@pytest.mark.parametrize("committed", [True, False], ids=["commit", "abort"])
@pytest.mark.parametrize("version", [1, 2])
def test_killed_behind_each_request(start_broker: StartBroker, version: int, committed: bool) -> None:
    """Before the end was acknowledged: all or nothing, and after: what was acknowledged."""
    broker = start_broker()
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic(TOPIC, PARTITIONS)
        count = len(TransactionalClient(wire, "", TOPIC, version=version).steps(committed=committed))
    for kill_behind in range(1, count + 1):
        name = f"behind-{kill_behind}"
        with WireClient(broker.host, broker.port) as wire:
            client = TransactionalClient(wire, name, TOPIC, version=version)
            for step in client.steps(committed=committed)[:kill_behind]:
                step()
        broker.kill()
        broker.start()
        expected = None if kill_behind < count else committed
        assert_all_or_nothing(broker, name, version, expected)


@pytest.mark.parametrize("version", [1, 2])
def test_killed_while_the_commit_is_on_its_way(start_broker: StartBroker, version: int) -> None:
    """Nobody knows how far it came: all or nothing."""
    broker = start_broker()
    for attempt in range(5):
        name = f"on-its-way-{attempt}"
        with WireClient(broker.host, broker.port) as wire:
            if not attempt:
                wire.create_topic(TOPIC, PARTITIONS)
            client = TransactionalClient(wire, name, TOPIC, version=version)
            for step in client.steps(committed=True)[:-1]:
                step()
            wire.send(client.end_request(committed=True), EndTxnResponse, client.end_version)
            broker.kill()
        broker.start()
        assert_all_or_nothing(broker, name, version)


class CrashingBroker(OttlaBroker):
    """Ottla in a process that ends itself at a chosen write."""

    @property
    def armed(self) -> Path:
        """The file that says when."""
        return self.directory / "crash-at"

    def command(self, properties: Path) -> list[str]:
        program = Path(__file__).with_name("crashing_broker.py")
        return [sys.executable, str(program), str(self.armed), str(properties)]

    def crashed(self) -> bool:
        """Whether it ended itself; waited for."""
        assert self.process is not None
        return self.process.wait(30) == -9


@pytest.fixture
def crashing_broker(tmp_path: Path) -> Iterator[CrashingBroker]:
    """Ottla, and no other: the writes are its own."""
    with CrashingBroker(tmp_path / "crashing") as broker:
        yield broker
        broker.armed.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["before", "half", "after"])
@pytest.mark.parametrize("version", [1, 2])
def test_killed_at_each_write_of_a_transaction(
    crashing_broker: CrashingBroker, version: int, how: str
) -> None:
    """The n-th write of a committing transaction is left out, torn or the last one, for every n there is."""
    broker = crashing_broker
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic(TOPIC, PARTITIONS)
        for warm in ("first", "second"):  # The internal topics are there before anything is counted.
            for step in TransactionalClient(wire, warm, TOPIC, version=version).steps(committed=True):
                step()
    number = 0
    while True:
        number += 1
        name = f"write-{number}"
        broker.armed.write_text(f"{number} {how}")
        if not dies_in_transaction(broker, name, version):
            break
        assert broker.crashed()
        broker.armed.unlink()
        broker.start()
        assert_all_or_nothing(broker, name, version)
    assert number > FEWEST_WRITES
    broker.armed.unlink()
    broker.kill()
    broker.start()
    assert_all_or_nothing(broker, name, version, committed=True)


def dies_in_transaction(broker: ProcessBroker, name: str, version: int) -> bool:
    """Whether the broker ended before the whole transaction was acknowledged."""
    try:
        with WireClient(broker.host, broker.port) as wire:
            for step in TransactionalClient(wire, name, TOPIC, version=version).steps(committed=True):
                step()
    except ConnectionError:
        return True
    return False


def assert_all_or_nothing(
    broker: ProcessBroker, name: str, version: int, committed: bool | None = None
) -> None:
    """Both records and the offset, or none of them, once the producer that comes after has its epoch.

    `committed`: which of the two it must be, where the transaction's end was acknowledged.
    """
    with WireClient(broker.host, broker.port) as wire:
        client = TransactionalClient(wire, name, TOPIC, version=version)
        client.init()
        has_offset = client.committed_offset() == OFFSET
    in_partitions = values(broker.bootstrap_servers, TOPIC, PARTITIONS)
    found = [*(name.encode() in of_partition for of_partition in in_partitions), has_offset]
    assert len(set(found)) == 1, f"partitions 0, 1 and the offset: {found}"
    assert committed is None or has_offset is committed
