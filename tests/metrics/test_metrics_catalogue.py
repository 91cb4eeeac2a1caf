"""The names of metrics against those that Apache Kafka 4.1.1 shows through the JMX exporter's stock rules.

`apache-4.1.1-metric-names.json` was read from a broker that had served a producer and a group, with
`jmx_prometheus_javaagent` 0.20.0 and the exporter's `kafka-2_0_0.yml`: each name with the sets of labels it came with.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ottla.metrics.catalogue import FAMILIES
from ottla.metrics.family import Family, Kind

APACHE = json.loads((Path(__file__).parent / "apache-4.1.1-metric-names.json").read_text())

NOT_IN_THE_RECORDING = {
    # The stock rules pass over the socket server's own kind of metric; this is the name that others give it.
    "kafka_server_socket_server_metrics_connection_count",
    "kafka_server_socket_server_metrics_connection_creation_total",
    "kafka_server_socket_server_metrics_connection_close_total",
    "kafka_server_socket_server_metrics_successful_authentication_total",
    "kafka_server_socket_server_metrics_failed_authentication_total",
    "kafka_server_socket_server_metrics_successful_reauthentication_total",
    "kafka_server_socket_server_metrics_failed_reauthentication_total",
    "kafka_server_socket_server_metrics_expired_connections_killed_total",
    # Likewise of quotas and of telemetry.
    "kafka_server_produce_byte_rate",
    "kafka_server_produce_throttle_time",
    "kafka_server_fetch_byte_rate",
    "kafka_server_fetch_throttle_time",
    "kafka_server_request_request_time",
    "kafka_server_request_throttle_time",
    "kafka_server_controllermutation_tokens",
    "kafka_server_controllermutation_throttle_time",
    "kafka_server_client_metrics_instance_count",
    "kafka_server_client_metrics_unknown_subscription_request_total",
    "kafka_server_client_metrics_throttle_total",
    "kafka_server_client_metrics_plugin_export_total",
    "kafka_server_client_metrics_plugin_error_total",
    # The recorded broker had no share group.
    "kafka_server_sharepartitionmetrics_inflightmessagecount",
    "kafka_server_sharepartitionmetrics_inflightbatchcount",
    "kafka_server_sharepartitionmetrics_acquisitionlocktimeout_total",
    # Shown by Apache only while logs are being recovered.
    "kafka_log_logmanager_remaininglogstorecover",
    # Not Apache's: kafka-exporter's.
    "kafka_consumergroup_lag",
    "kafka_consumergroup_current_offset",
    "kafka_consumergroup_members",
}

KAFKA_FAMILIES = [family for family in FAMILIES if family.name.startswith("kafka_")]


@pytest.mark.parametrize("family", KAFKA_FAMILIES, ids=lambda family: family.name)
def test_a_kafka_metric_is_named_and_labelled_as_apache_s(family: Family) -> None:
    """A dashboard made for Apache's finds the name, and the labels it groups by."""
    if family.name in NOT_IN_THE_RECORDING:
        assert family.name not in APACHE
        return
    recorded = [[label for label in labels if label != "quantile"] for labels in APACHE[family.name]]
    # A topic that never failed has no series of failures yet: then only the sum without labels was there.
    assert list(family.labels) in recorded or (family.labels == ("topic",) and recorded == [[]])
    if family.kind is Kind.SUMMARY:
        assert f"{family.name}_count" in APACHE


def test_every_name_is_good_and_stands_once() -> None:
    """Names and labels keep to Prometheus' alphabet; counters end in `_total`; each has a sentence."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert re.fullmatch(r"[a-z_][a-z0-9_]*", family.name), family.name
        assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label) for label in family.labels), family.name
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER), family.name
        assert family.help.endswith("."), family.name
