"""How the registry's own client reaches a cluster that is secured: by the same settings as librdkafka beside it."""

from __future__ import annotations

import ssl

from ottla.client.sasl import Credentials
from ottla.registry.schemas_topic import StartError
from ottla.registry.settings import RegistrySettings


def tls_context(settings: RegistrySettings) -> ssl.SSLContext | None:
    """Trusts whom `kafkastore.ssl.truststore.location` names; None where the cluster does not speak TLS. Raises OSError."""
    properties = settings.kafka_client()
    if not properties["security.protocol"].endswith("ssl"):
        return None
    return ssl.create_default_context(cafile=properties.get("ssl.ca.location"))


def credentials(settings: RegistrySettings) -> Credentials | None:
    """Who the registry logs in as; None where the cluster wants no log-in. Raises `StartError` for other mechanisms."""
    properties = settings.kafka_client()
    if not properties["security.protocol"].startswith("sasl"):
        return None
    user, password = properties.get("sasl.username", ""), properties.get("sasl.password", "")
    try:
        return Credentials(properties["sasl.mechanism"], user, password)
    except ValueError as error:
        raise StartError(f"kafkastore.sasl.mechanism: {error}") from None
