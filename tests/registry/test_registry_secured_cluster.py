"""A registry on a cluster that asks for a log-in, and speaks TLS alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conditions import until
from registries import RegistryProcess
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import set_scram_password
from wire.wire_client import WireClient

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
ORDER = '{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}'


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """One broker that knows the user `registry`; sessions are short."""
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("cluster"),
        {"listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms": "4000"},
        tls=True,
    )
    with made.broker:
        with WireClient(made.broker.host, made.broker.port) as wire:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                set_scram_password(wire, mechanism, "registry", "hunter2")
        yield made


def registry(cluster: SaslBroker, output: Path, mechanism: str, password: str = "hunter2") -> RegistryProcess:
    """One that logs in, not started."""
    return RegistryProcess(
        cluster.sasl_ssl_servers,
        output,
        {
            "kafkastore.security.protocol": "SASL_SSL",
            "kafkastore.ssl.truststore.location": str(cluster.authority),
            "kafkastore.sasl.mechanism": mechanism,
            "kafkastore.sasl.jaas.config": f'{SCRAM} required username="registry" password="{password}";',
            "kafkastore.topic": f"_schemas-{mechanism.lower()}",
            "schema.registry.group.id": mechanism,
        },
    )


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_it_logs_in_is_elected_and_writes(cluster: SaslBroker, tmp_path: Path, mechanism: str) -> None:
    """Its topic by librdkafka, its group by our own client."""
    running = registry(cluster, tmp_path / "output.log", mechanism)
    try:
        running.start()
        reply = until(
            lambda: running.post("/subjects/orders/versions", {"schema": ORDER}),
            lambda seen: seen.status == 200,
        )
        assert reply.body["id"] == 1
        assert "hunter2" not in running.log()
    finally:
        running.close()


def test_one_that_can_not_log_in_that_way_says_so(cluster: SaslBroker, tmp_path: Path) -> None:
    """GSSAPI is the original's default, and not served here."""
    running = registry(cluster, tmp_path / "output.log", "GSSAPI")
    with pytest.raises(RuntimeError, match="GSSAPI") as refused:
        running.start()
    assert "hunter2" not in str(refused.value)
