"""A broker, Ottla or Apache, with a listener for everyone and one for whoever logs in by SASL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from brokers import ApacheBroker, OttlaBroker, ProcessBroker, free_port

PLAIN_USERS: Final = {"alice": "alice-secret", "bob": "bob-secret"}
"""With their passwords."""

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_PLAIN_MODULE: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SaslBroker(NamedTuple):
    """A running broker and the port of its second listener."""

    broker: ProcessBroker
    sasl_port: int

    @property
    def sasl_servers(self) -> str:
        """`host:port` of the listener with SASL."""
        return f"{self.broker.host}:{self.sasl_port}"


def sasl_broker(kind: str, directory: Path, settings: Mapping[str, str] | None = None) -> SaslBroker:
    """A broker of the kind that `--broker` names, not started yet, with a second listener named SASL_PLAINTEXT.

    `settings` go before these.
    """
    broker = {"ottla": OttlaBroker, "apache": ApacheBroker}[kind](directory)
    port = free_port()
    users = " ".join(f'user_{name}="{password}"' for name, password in PLAIN_USERS.items())
    prefix = "listener.name.sasl_plaintext"
    protocols = broker.settings.get("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT")
    broker.settings |= {
        "listeners": f"{broker.settings['listeners']},SASL_PLAINTEXT://{broker.host}:{port}",
        "listener.security.protocol.map": f"{protocols},SASL_PLAINTEXT:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        f"{prefix}.plain.sasl.jaas.config": f"{_PLAIN_MODULE} required {users};",
        f"{prefix}.scram-sha-256.sasl.jaas.config": f"{_SCRAM_MODULE} required;",
        f"{prefix}.scram-sha-512.sasl.jaas.config": f"{_SCRAM_MODULE} required;",
        **(settings or {}),
    }
    return SaslBroker(broker, port)
