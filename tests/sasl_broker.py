"""A broker, Ottla or Apache, with a listener for everyone and others for whoever logs in by SASL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from brokers import ApacheBroker, OttlaBroker, ProcessBroker, free_port
from certificates import PASSWORD, Authority
from zookeeper_server import ApacheOnZooKeeper

PLAIN_USERS: Final = {"alice": "alice-secret", "bob": "bob-secret"}
"""With their passwords."""

MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

_KINDS: Final[Mapping[str, type[ProcessBroker]]] = {
    "ottla": OttlaBroker,
    "apache": ApacheBroker,
    "apache-3.9": ApacheOnZooKeeper,
}
_PLAIN_MODULE: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SaslBroker(NamedTuple):
    """A running broker and the ports of its further listeners."""

    broker: ProcessBroker
    sasl_port: int
    sasl_ssl_port: int
    authority: Path
    """Who signed its certificate, as PEM; where it has one."""

    @property
    def sasl_servers(self) -> str:
        """`host:port` of the listener with SASL."""
        return f"{self.broker.host}:{self.sasl_port}"

    @property
    def sasl_ssl_servers(self) -> str:
        """`host:port` of the listener with SASL and TLS."""
        return f"{self.broker.host}:{self.sasl_ssl_port}"


def sasl_broker(
    kind: str, directory: Path, settings: Mapping[str, str] | None = None, *, tls: bool = False
) -> SaslBroker:
    """A broker of the kind that `--broker` names, or `apache-3.9` on ZooKeeper, not started yet, with a second listener named SASL_PLAINTEXT.

    `tls` adds a third one, SASL_SSL. `settings` go before these.
    """
    broker = _KINDS[kind](directory / "broker")
    ports = {"SASL_PLAINTEXT": free_port(), **({"SASL_SSL": free_port()} if tls else {})}
    protocols = broker.settings.get("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT")
    broker.settings["listeners"] += "".join(f",{name}://{broker.host}:{port}" for name, port in ports.items())
    broker.settings["listener.security.protocol.map"] = protocols + "".join(
        f",{each}:{each}" for each in ports
    )
    broker.settings["sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
    for name in ports:
        broker.settings |= _logins(f"listener.name.{name.lower()}")
    authority = directory / "authority.pem"
    if tls:
        broker.settings |= _certificate(directory, authority)
    broker.settings |= settings or {}
    return SaslBroker(broker, ports["SASL_PLAINTEXT"], ports.get("SASL_SSL", 0), authority)


def _logins(prefix: str) -> dict[str, str]:
    users = " ".join(f'user_{name}="{password}"' for name, password in PLAIN_USERS.items())
    return {
        f"{prefix}.plain.sasl.jaas.config": f"{_PLAIN_MODULE} required {users};",
        f"{prefix}.scram-sha-256.sasl.jaas.config": f"{_SCRAM_MODULE} required;",
        f"{prefix}.scram-sha-512.sasl.jaas.config": f"{_SCRAM_MODULE} required;",
    }


def _certificate(directory: Path, authority: Path) -> dict[str, str]:
    signer = Authority()
    signer.write_pem(authority)
    keys = signer.issue("broker").write_pkcs12(directory / "broker.p12")
    return {
        "listener.name.sasl_ssl.ssl.keystore.type": "PKCS12",
        "listener.name.sasl_ssl.ssl.keystore.location": str(keys),
        "listener.name.sasl_ssl.ssl.keystore.password": PASSWORD,
    }
