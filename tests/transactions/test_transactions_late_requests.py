"""Requests of finished transactions that arrive during later ones: transaction version 2 refuses every one (KIP-890)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from replaying_proxy import ReplayingProxy

from apache_tools import ApacheTools
from brokers import StartBroker
from conversation import create_topic
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.records.batch import iterate_batches
from wire.wire_client import WireClient

RECORDS: Final = 2_000
RECORDS_A_SECOND: Final = 2_000
TRANSACTION_MS: Final = 40
AT_LEAST: Final = 5
"""So many transactions a slow machine finishes too; each is tried in two later ones."""


def test_no_late_request_has_any_effect(start_broker: StartBroker, apache_tools: ApacheTools) -> None:
    """Apache's transactional perf producer behind a proxy that sends everything twice: each late Produce,
    AddPartitionsToTxn and EndTxn is answered with an error, and the log holds what the producer counted."""
    with ReplayingProxy("numbers") as proxy:
        broker = start_broker({"advertised.listeners": f"PLAINTEXT://127.0.0.1:{proxy.port}"})
        proxy.broker = (broker.host, broker.port)
        create_topic(broker.bootstrap_servers, "numbers", 1)
        apache_tools.run(
            "org.apache.kafka.tools.ProducerPerformance",
            *("--producer-props", f"bootstrap.servers={broker.bootstrap_servers}", "--topic", "numbers"),
            *("--num-records", str(RECORDS), "--throughput", str(RECORDS_A_SECOND), "--record-size", "20"),
            *("--transactional-id", "late", "--transaction-duration-ms", str(TRANSACTION_MS)),
        )
    assert not proxy.failures
    seen = Counter(replayed.api_key for replayed in proxy.replayed)
    assert all(
        seen[api_key] >= AT_LEAST
        for api_key in (ApiKey.PRODUCE, ApiKey.ADD_PARTITIONS_TO_TXN, ApiKey.END_TXN)
    )
    had_effect = [each for each in proxy.replayed if ErrorCode.NONE in each.codes]
    assert not had_effect
    with WireClient(broker.host, broker.port) as client:
        for isolation_level in (0, 1):
            assert count_records(client, "numbers", isolation_level) == RECORDS


def count_records(client: WireClient, topic: str, isolation_level: int) -> int:
    """Records of partition 0 that a reader sees who reads what is committed (1), or all (0), markers left out."""
    count = offset = 0
    while True:
        part = client.fetch(topic, offset, isolation_level=isolation_level)
        batches = list(iterate_batches(memoryview(bytes(part.records or b""))))
        if not batches:
            assert part.last_stable_offset == part.high_watermark
            assert not part.aborted_transactions
            return count
        for header, _ in batches:
            count += 0 if header.is_control else header.last_offset_delta + 1
            offset = header.last_offset + 1
