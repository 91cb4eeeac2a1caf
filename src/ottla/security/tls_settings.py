"""The TLS settings of one listener as one value, so that a change of any of them is seen by comparing."""

from __future__ import annotations

from dataclasses import dataclass, field

from ottla.config.endpoints import SecurityProtocol
from ottla.config.listener_settings import ListenerSettings
from ottla.security.key_stores import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What a server's context is made of."""

    keystore: StoreSettings
    truststore: StoreSettings
    client_auth: str = "none"
    """`none`, `requested` or `required`."""
    enabled_protocols: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    protocol: str = "TLSv1.3"
    """The newest version, where `enabled_protocols` is empty."""
    cipher_suites: tuple[str, ...] = ()
    """By Java's or by OpenSSL's names; empty for the library's own choice."""
    principal_mapping_rules: str = "DEFAULT"
    allow_dn_changes: bool = field(default=False, compare=False)
    allow_san_changes: bool = field(default=False, compare=False)
    is_between_brokers: bool = field(default=False, compare=False)
    """Whether brokers connect to each other here, with these stores on either side."""


def tls_settings(settings: ListenerSettings, protocol: SecurityProtocol) -> TlsSettings:
    """What holds for a listener."""
    return TlsSettings(
        keystore=StoreSettings(
            subject="keystore",
            type=settings.text("ssl.keystore.type"),
            location=settings.text("ssl.keystore.location"),
            password=settings.secret("ssl.keystore.password"),
            key_password=settings.secret("ssl.key.password"),
            certificates=settings.secret("ssl.keystore.certificate.chain"),
            key=settings.secret("ssl.keystore.key"),
        ),
        truststore=StoreSettings(
            subject="truststore",
            type=settings.text("ssl.truststore.type"),
            location=settings.text("ssl.truststore.location"),
            password=settings.secret("ssl.truststore.password"),
            certificates=settings.secret("ssl.truststore.certificates"),
        ),
        client_auth=_client_auth(settings, protocol),
        enabled_protocols=settings.words("ssl.enabled.protocols"),
        protocol=settings.text("ssl.protocol"),
        cipher_suites=settings.words("ssl.cipher.suites"),
        principal_mapping_rules=settings.text("ssl.principal.mapping.rules"),
        allow_dn_changes=settings.value("ssl.allow.dn.changes") is True,
        allow_san_changes=settings.value("ssl.allow.san.changes") is True,
        is_between_brokers=settings.listener_name == settings.config.inter_broker_listener_name,
    )


def _client_auth(settings: ListenerSettings, protocol: SecurityProtocol) -> str:
    """Where clients log in by SASL, a certificate is asked for only if the listener's own setting says so (KIP-684)."""
    if protocol is SecurityProtocol.SASL_SSL:
        own = settings.own_value("ssl.client.auth")
        return "none" if own is None else str(own)
    return settings.text("ssl.client.auth")
