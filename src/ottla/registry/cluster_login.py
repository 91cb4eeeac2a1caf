"""How the registry reaches a cluster that is secured: the same settings for librdkafka, which has the topic, and for our own client,
which has the group.

    kafkastore.ssl.*      read here, and given to librdkafka as PEM: it knows neither JKS nor where Java keeps its passwords
    kafkastore.sasl.*     PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; GSSAPI where librdkafka was built with Kerberos

Reads files, so it is called on a thread. What is wrong is told by setting, and never with a secret in it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.config.values import Password, Value
from ottla.registry.cluster_settings import PASSED_ON, PREFIX
from ottla.registry.secured import SecurityError

if TYPE_CHECKING:
    from ottla.client.sasl import Login
    from ottla.security.key_stores import StoreSettings

_PEM_BEGINS: Final = b"-----BEGIN"


class ClusterLogin(NamedTuple):
    """What both clients need."""

    librdkafka: dict[str, str]
    """Its properties: addresses, security and what is passed on. Holds secrets."""
    tls: ssl.SSLContext | None
    """None where the cluster does not speak TLS."""
    login: Login | None
    """None where it wants no log-in."""

    def __repr__(self) -> str:
        return f"ClusterLogin({self.librdkafka.get('security.protocol')})"


def cluster_login(values: Mapping[str, Value], bootstrap_servers: str) -> ClusterLogin:
    """By the registry's settings; raises `SecurityError`."""
    protocol = str(values["kafkastore.security.protocol"])
    properties = {name: str(values[PREFIX + name]) for name in PASSED_ON if values[PREFIX + name] is not None}
    properties |= {"bootstrap.servers": bootstrap_servers, "security.protocol": protocol.lower()}
    if protocol == "PLAINTEXT":
        return ClusterLogin(properties, None, None)
    if protocol.endswith("SSL"):
        _add_tls(values, properties)
    if protocol.startswith("SASL_"):
        _add_login(values, properties)
    from ottla.client.access import AccessError, access_of  # noqa: PLC0415 - brings what log-ins need

    try:
        access = access_of(properties)
    except AccessError as error:
        raise SecurityError(f"{PREFIX}{error}") from None
    return ClusterLogin(properties, access.tls, access.login)


# TLS


def _add_tls(values: Mapping[str, Value], properties: dict[str, str]) -> None:
    from ottla.security.key_stores import StoreError  # noqa: PLC0415 - most clusters need none of it
    from ottla.security.pem_texts import key_pem, trusted_pem  # noqa: PLC0415

    keys = _store_settings(values, "keystore", "certificate.chain")
    trusted = _store_settings(values, "truststore", "certificates")
    try:
        if trusted.is_set:
            properties["ssl.ca.pem"] = trusted_pem(trusted)
        if keys.is_set:
            properties["ssl.key.pem"], properties["ssl.certificate.pem"] = key_pem(keys)
    except StoreError as error:
        raise SecurityError(f"{PREFIX}{error}") from None
    checks_names = bool(values["kafkastore.ssl.endpoint.identification.algorithm"])
    properties["ssl.endpoint.identification.algorithm"] = "https" if checks_names else "none"


def _store_settings(values: Mapping[str, Value], subject: str, certificates: str) -> StoreSettings:
    from ottla.security.key_stores import StoreSettings  # noqa: PLC0415

    name = f"{PREFIX}ssl.{subject}"
    location, text = str(values[f"{name}.location"] or ""), _secret(values[f"{name}.{certificates}"])
    is_key_store = subject == "keystore"
    return StoreSettings(
        subject=subject,
        type=str(values[f"{name}.type"] or ("PEM" if text or _is_pem(location) else "JKS")).upper(),
        location=location,
        password=_secret(values[f"{name}.password"]),
        certificates=text,
        key_password=_secret(values["kafkastore.ssl.key.password"]) if is_key_store else None,
        key=_secret(values["kafkastore.ssl.keystore.key"]) if is_key_store else None,
    )


def _is_pem(location: str) -> bool:
    """Whether a file looks like PEM; one that can't be read is told of by who needs it."""
    if not location:
        return False
    try:
        with Path(location).open("rb") as file:
            return _PEM_BEGINS in file.read(4_096)
    except OSError:
        return False


def _secret(value: Value) -> str | None:
    return value.secret if isinstance(value, Password) else None


# Log-ins


def _add_login(values: Mapping[str, Value], properties: dict[str, str]) -> None:
    mechanism = properties["sasl.mechanism"] = str(values["kafkastore.sasl.mechanism"])
    options = _jaas_options(values)
    if mechanism == "OAUTHBEARER":
        _add_token_client(values, options, properties)
    elif mechanism == "GSSAPI":
        _add_kerberos(values, options, properties)
    else:
        user, password = options.get("username", ""), options.get("password", "")
        if not user:
            raise SecurityError(f"kafkastore.sasl.jaas.config: {mechanism} needs username and password")
        properties |= {"sasl.username": user, "sasl.password": password}


def _jaas_options(values: Mapping[str, Value]) -> Mapping[str, str]:
    from ottla.security.jaas import JaasError, jaas_entry  # noqa: PLC0415

    text = _secret(values["kafkastore.sasl.jaas.config"])
    if not text:
        return {}
    try:
        return jaas_entry(text).options
    except JaasError as error:
        raise SecurityError(f"kafkastore.sasl.jaas.config: {error}") from None


def _add_token_client(
    values: Mapping[str, Value], options: Mapping[str, str], properties: dict[str, str]
) -> None:
    """Both clients fetch tokens of their own."""
    prefix = "kafkastore.sasl.oauthbearer."
    address = values[f"{prefix}token.endpoint.url"]
    client_id = values[f"{prefix}client.credentials.client.id"] or options.get("clientId")
    secret = _secret(values[f"{prefix}client.credentials.client.secret"]) or options.get("clientSecret")
    scope = str(values[f"{prefix}scope"] or options.get("scope", ""))
    if not address or not client_id or not secret:
        raise SecurityError(
            f"{prefix}token.endpoint.url: OAUTHBEARER needs it, and clientId and clientSecret in kafkastore.sasl.jaas.config"
        )
    extensions = {
        name.removeprefix("extension_"): value
        for name, value in options.items()
        if name.startswith("extension_")
    }
    properties |= {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": str(address),
        "sasl.oauthbearer.client.id": str(client_id),
        "sasl.oauthbearer.client.secret": secret,
    }
    location = options.get("ssl.truststore.location", "")
    if location:
        properties["https.ca.pem"] = _trusted_of_provider(options, location)
    if scope:
        properties["sasl.oauthbearer.scope"] = scope
    if extensions:
        properties["sasl.oauthbearer.extensions"] = ",".join(
            f"{name}={value}" for name, value in extensions.items()
        )


def _trusted_of_provider(options: Mapping[str, str], location: str) -> str:
    """Whom the identity provider's address is believed: Java has it among the options of JAAS."""
    from ottla.security.key_stores import StoreError, StoreSettings  # noqa: PLC0415
    from ottla.security.pem_texts import trusted_pem  # noqa: PLC0415

    store = StoreSettings(
        subject="truststore",
        type=options.get("ssl.truststore.type", "PEM" if _is_pem(location) else "JKS").upper(),
        location=location,
        password=options.get("ssl.truststore.password"),
    )
    try:
        return trusted_pem(store)
    except StoreError as error:
        raise SecurityError(f"kafkastore.sasl.jaas.config: {error}") from None


def _add_kerberos(
    values: Mapping[str, Value], options: Mapping[str, str], properties: dict[str, str]
) -> None:
    service = values["kafkastore.sasl.kerberos.service.name"] or options.get("serviceName", "kafka")
    properties["sasl.kerberos.service.name"] = str(service)
    if "principal" in options:
        properties["sasl.kerberos.principal"] = options["principal"]
    if "keyTab" in options:
        properties["sasl.kerberos.keytab"] = options["keyTab"]
    _check_kerberos(properties)


def _check_kerberos(properties: Mapping[str, str]) -> None:
    """librdkafka's wheels are built without it, which it tells when a client is made."""
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    try:
        AdminClient(dict(properties))
    except KafkaException as error:
        raise SecurityError(
            "kafkastore.sasl.mechanism: GSSAPI needs a librdkafka with Kerberos, which the one of confluent-kafka's wheels "
            f"has not; build it from source, or use another mechanism ({error.args[0].str() if error.args else error})"
        ) from None
