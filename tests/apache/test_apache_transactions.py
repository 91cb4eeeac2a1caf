"""Apache Kafka 4.1.1's tools for transactions: kafka-transactions.sh, the perf producer and the console consumer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from apache_tools import ApacheTools
from brokers import Broker
from conditions import until
from conversation import create_topic
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch
from wire.wire_client import WireClient

TOOLS = "org.apache.kafka.tools"
TRANSACTIONS = f"{TOOLS}.TransactionsCommand"
SECONDS = 30
HOUR_MS = 3_600_000


@pytest.fixture
def address(broker: Broker) -> tuple[str, str]:
    """The two arguments that every tool takes."""
    return ("--bootstrap-server", broker.bootstrap_servers)


@pytest.fixture
def open_transaction(broker: Broker, topic: str) -> Iterator[Producer]:
    """A producer with a record in a transaction that is open; its transactional id is `tx-` and the topic."""
    create_topic(broker.bootstrap_servers, topic, 1)
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": f"tx-{topic}", "linger.ms": 0}
    )
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce(topic, "open", partition=0)
    assert producer.flush(SECONDS) == 0
    yield producer


@pytest.mark.usefixtures("open_transaction")
def test_list_and_describe(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """An open transaction, with its producer and its partitions; the pattern and the duration choose."""
    transactional_id = f"tx-{topic}"
    listed = apache_tools.run(TRANSACTIONS, *address, "list").stdout
    assert re.search(rf"^{re.escape(transactional_id)}\s+1\s+\d+\s+Ongoing", listed, re.MULTILINE)
    chosen = ("list", "--transactional-id-pattern", f".*{re.escape(topic)}")
    assert transactional_id in apache_tools.run(TRANSACTIONS, *address, *chosen).stdout
    old = ("list", "--duration-filter", str(HOUR_MS))
    assert not re.search(
        rf"^{re.escape(transactional_id)}\s.*Ongoing",
        apache_tools.run(TRANSACTIONS, *address, *old).stdout,
        re.MULTILINE,
    )
    described = apache_tools.run(
        TRANSACTIONS, *address, "describe", "--transactional-id", transactional_id
    ).stdout
    assert re.search(rf"{re.escape(transactional_id)}\s+\d+\s+0\s+Ongoing\s+60000\s+\d+", described)
    assert f"{topic}-0" in described


@pytest.mark.usefixtures("open_transaction")
def test_describe_producers(apache_tools: ApacheTools, address: tuple[str, str], topic: str) -> None:
    """The partition's producers, and where the open transaction begins."""
    of_topic = ("describe-producers", "--topic", topic, "--partition", "0")
    described = apache_tools.run(TRANSACTIONS, *address, *of_topic).stdout
    assert re.search(r"^\d+\s+0\s+(-1|None)\s+0\s+\d+\s+0\s*$", described, re.MULTILINE), described


def test_abort(
    apache_tools: ApacheTools,
    address: tuple[str, str],
    topic: str,
    open_transaction: Producer,
    broker: Broker,
) -> None:
    """A partition's open transaction, named by the offset where it begins, is ended by a marker of the tool's."""
    del open_transaction
    with WireClient(broker.host, broker.port) as wire:
        assert wire.fetch(topic, 0, isolation_level=1).last_stable_offset == 0
        of_topic = ("abort", "--topic", topic, "--partition", "0", "--start-offset", "0")
        apache_tools.run(TRANSACTIONS, *address, *of_topic)
        until(lambda: wire.fetch(topic, 0, isolation_level=1), lambda seen: seen.last_stable_offset == 2)


def test_force_terminate(
    apache_tools: ApacheTools,
    address: tuple[str, str],
    topic: str,
    open_transaction: Producer,
    broker: Broker,
) -> None:
    """The transactional id's transaction is aborted as if a newer instance had come."""
    del open_transaction
    apache_tools.run(TRANSACTIONS, *address, "forceTerminateTransaction", "--transactionalId", f"tx-{topic}")
    with WireClient(broker.host, broker.port) as wire:
        until(lambda: wire.fetch(topic, 0, isolation_level=1), lambda seen: seen.last_stable_offset == 2)


def hang(wire: WireClient, topic: str, transactional_id: str) -> int:
    """Writes an old record of a transaction that the coordinator knows nothing of; the producer id."""
    initialised = until(
        lambda: wire.ask(InitProducerIdRequest(transactional_id=None), InitProducerIdResponse, 4),
        lambda seen: seen.error_code == ErrorCode.NONE,
    )
    batch = build_batch(
        [Record(0, time.time_ns() // 1_000_000 - HOUR_MS, None, b"x")],
        producer_id=initialised.producer_id,
        producer_epoch=0,
        base_sequence=0,
        transactional=True,
    )
    request = ProduceRequest(
        transactional_id=transactional_id,
        acks=-1,
        timeout_ms=10_000,
        topic_data=[
            TopicProduceData(name=topic, partition_data=[PartitionProduceData(index=0, records=batch)])
        ],
    )
    until(
        lambda: wire.ask(request, ProduceResponse, 11).responses[0].partition_responses[0],
        lambda seen: seen.error_code == ErrorCode.NONE,
    )
    return initialised.producer_id


def test_find_hanging(apache_tools: ApacheTools, start_broker: Callable[..., Broker], topic: str) -> None:
    """Where partitions don't verify, a transaction can hang that no coordinator will end: found, and aborted."""
    broker = start_broker({"transaction.partition.verification.enable": "false"})
    address = ("--bootstrap-server", broker.bootstrap_servers)
    create_topic(broker.bootstrap_servers, topic, 1)
    with WireClient(broker.host, broker.port) as wire:
        producer_id = hang(wire, topic, f"tx-{topic}")
        found = apache_tools.run(TRANSACTIONS, *address, "find-hanging", "--broker-id", "1").stdout
        assert re.search(rf"^{re.escape(topic)}\s+0\s+{producer_id}\s+0\s", found, re.MULTILINE), found
        apache_tools.run(
            TRANSACTIONS,
            *address,
            *("abort", "--topic", topic, "--partition", "0", "--start-offset", "0"),
        )
        until(lambda: wire.fetch(topic, 0, isolation_level=1), lambda seen: seen.last_stable_offset == 2)
    found = apache_tools.run(TRANSACTIONS, *address, "find-hanging", "--broker-id", "1").stdout
    assert topic not in found


def test_transactional_perf_producer_and_committed_console_consumer(
    apache_tools: ApacheTools, address: tuple[str, str], broker: Broker, topic: str
) -> None:
    """Transactions of 50 ms, many records each; the committed reader gets them all."""
    create_topic(broker.bootstrap_servers, topic, 3)
    produced = apache_tools.run(
        f"{TOOLS}.ProducerPerformance",
        *("--topic", topic, "--num-records", "20000", "--record-size", "100", "--throughput", "-1"),
        *("--transactional-id", f"tx-{topic}", "--transaction-duration-ms", "50"),
        *("--producer-props", f"bootstrap.servers={broker.bootstrap_servers}"),
    ).stdout
    assert "20000 records sent" in produced
    read = apache_tools.run(
        f"{TOOLS}.consumer.ConsoleConsumer",
        *(*address, "--topic", topic, "--from-beginning", "--max-messages", "20000"),
        *("--isolation-level", "read_committed", "--timeout-ms", "20000"),
    ).stdout
    assert len(read.split()) == 20_000
