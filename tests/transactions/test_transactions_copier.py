"""Read, process, write, with kills: what comes out is what went in, exactly once, in order.

The shape of Apache Kafka's own system test (transactions_test.py): 100,000 records, transactions of 750, and the broker and
the copiers killed with SIGKILL three times each, at moments that a seed picks.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest
from committed import values
from confluent_kafka import Producer
from copiers import KINDS, Copier

from brokers import Broker, ProcessBroker, StartBroker
from conversation import create_topic

RECORDS: Final = 100_000
PARTITIONS: Final = 2
KILLS_EACH: Final = 3
PROGRESS_WITHIN_S: Final = 60
KILL_ORDER: Final = ("broker", "copier") * KILLS_EACH


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_of_copiers_equals_their_input(
    start_broker: StartBroker, tmp_path: Path, kind: str
) -> None:
    """Nothing twice, nothing missing, nothing out of order; and copying goes on within a minute of each kill."""
    moments = random.Random(kind)
    broker = start_broker()
    for topic in ("input", "output"):
        create_topic(broker.bootstrap_servers, topic, PARTITIONS)
    fill(broker, "input")
    copiers = [
        Copier(
            kind, broker.bootstrap_servers, "input", "output", partition, tmp_path / f"copier-{partition}.log"
        )
        for partition in range(PARTITIONS)
    ]
    try:
        for copier in copiers:
            copier.start()
        thresholds = sorted((moments.randrange(1, RECORDS // PARTITIONS) for _ in KILL_ORDER), reverse=True)
        for killed, remaining in zip(KILL_ORDER, thresholds, strict=True):
            for copier in copiers:
                copier.wait_for(remaining, PROGRESS_WITHIN_S)
            kill_and_start(killed, broker, copiers)
        for copier in copiers:
            copier.wait_for(0, PROGRESS_WITHIN_S)
            copier.finish(PROGRESS_WITHIN_S)
    finally:
        for copier in copiers:
            copier.kill()
    output, given = (values(broker.bootstrap_servers, topic, PARTITIONS) for topic in ("output", "input"))
    assert output == given


def kill_and_start(killed: str, broker: ProcessBroker, copiers: list[Copier]) -> None:
    """SIGKILL to one of them, and it is started again."""
    if killed == "broker":
        broker.kill()
        broker.start()
        return
    for copier in copiers:
        copier.kill()
        copier.start()


def fill(broker: Broker, topic: str) -> None:
    """The numbers from 0, dealt to the partitions in turn."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True})
    for number in range(RECORDS):
        producer.produce(topic, str(number), partition=number % PARTITIONS)
        if number % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
