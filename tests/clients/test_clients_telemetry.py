"""Clients that push their metrics by themselves: librdkafka's and Apache's Java clients, onto Ottla's page (KIP-714)."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from apache_tools import ApacheTools
from brokers import OttlaBroker, free_port
from conditions import until

TOOLS = "org.apache.kafka.tools"
PAGE = "ottla.metrics.listener"


@pytest.fixture
def receiver(apache_tools: ApacheTools, tmp_path: Path, broker_kind: str) -> Iterator[OttlaBroker]:
    """A broker with a page, that asks every client for every metric, ten times a second."""
    if broker_kind != "ottla":
        pytest.skip("Apache's broker shows nothing of what clients push")
    with OttlaBroker(tmp_path / "receiver", {PAGE: f"127.0.0.1:{free_port()}"}) as broker:
        apache_tools.run(
            f"{TOOLS}.ClientMetricsCommand",
            *("--bootstrap-server", broker.bootstrap_servers, "--alter", "--name", "every"),
            *("--metrics", "*", "--interval", "100"),
        )
        yield broker


def lines_on_the_page(broker: OttlaBroker, *parts: str) -> list[str]:
    """The samples with all of these parts in them, once there are any."""

    def found() -> list[str]:
        with urllib.request.urlopen(f"http://{broker.settings[PAGE]}/metrics") as answer:
            page = answer.read().decode().splitlines()
        return [line for line in page if all(part in line for part in parts)]

    return until(found, otherwise=lambda: f"{parts} not on the page")


def test_librdkafka_pushes(receiver: OttlaBroker) -> None:
    """With its own names' attributes as labels."""
    producer = Producer({"bootstrap.servers": receiver.bootstrap_servers, "client.id": "rdkafka-pusher"})
    for number in range(100):
        producer.produce("pushed", str(number))
        producer.flush(10)
    label = 'client_id="rdkafka-pusher"'
    lines_on_the_page(receiver, "org_apache_kafka_producer_record_queue_time_avg", label)
    lines_on_the_page(receiver, "org_apache_kafka_producer_node_request_latency_avg", label, 'node_id="1"')


def test_java_clients_push(receiver: OttlaBroker, apache_tools: ApacheTools) -> None:
    """A producer that lives for many pushes; a consumer, at the latest when it closes."""
    apache_tools.run(
        f"{TOOLS}.ProducerPerformance",
        *("--producer-props", f"bootstrap.servers={receiver.bootstrap_servers}", "client.id=java-producer"),
        *("--topic", "pushed", "--num-records", "150", "--throughput", "50", "--record-size", "10"),
    )
    [sent, *_] = lines_on_the_page(
        receiver, "org_apache_kafka_producer_connection_creation_total", 'client_id="java-producer"'
    )
    assert float(sent.rsplit(" ", 1)[1]) >= 1
    address = ("--bootstrap-server", receiver.bootstrap_servers, "--topic", "pushed")
    consuming = ("--consumer-property", "client.id=java-consumer", "--from-beginning", "--max-messages", "10")
    apache_tools.run(f"{TOOLS}.consumer.ConsoleConsumer", *address, *consuming)
    lines_on_the_page(receiver, "org_apache_kafka_consumer_", 'client_id="java-consumer"')
