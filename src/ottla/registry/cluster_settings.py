"""The settings of how the registry speaks to the Kafka cluster, and logs in there: Java's client settings behind `kafkastore.`."""

from __future__ import annotations

from typing import Final

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import OneOf, OneOfIgnoringCase

PREFIX: Final = "kafkastore."
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI")


def _store(subject: str, use: str, text: str) -> tuple[Setting, ...]:
    name = f"{PREFIX}ssl.{subject}"
    return (
        Setting(name=f"{name}.location", type=Type.STRING, default=None, doc=use, importance=Importance.HIGH),
        Setting(name=f"{name}.password", type=Type.PASSWORD, default=None, doc=f"Opens `{name}.location`."),
        Setting(
            name=f"{name}.type",
            type=Type.STRING,
            default=None,
            valid=OneOfIgnoringCase(("JKS", "PKCS12", "PEM")),
            doc="JKS, PKCS12 or PEM; which it is, is seen by itself when not set.",
        ),
        Setting(
            name=f"{name}.{text}",
            type=Type.PASSWORD,
            default=None,
            doc="The same as PEM text, in place of a file.",
        ),
    )


def _text(name: str, doc: str) -> Setting:
    return Setting(name=PREFIX + name, type=Type.STRING, default=None, doc=doc)


PASSED_ON: Final = (
    "client.dns.lookup",
    "client.id",
    "connections.max.idle.ms",
    "metadata.max.age.ms",
    "reconnect.backoff.ms",
    "retry.backoff.ms",
    "socket.connection.setup.timeout.ms",
)
"""Settings of clients that librdkafka has under Java's names."""

CLUSTER_SETTINGS: Final = (
    Setting(
        name="kafkastore.security.protocol",
        type=Type.STRING,
        default="PLAINTEXT",
        valid=OneOf(("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")),
        doc="How to speak to the brokers.",
    ),
    Setting(
        name="kafkastore.sasl.mechanism",
        type=Type.STRING,
        default="GSSAPI",
        valid=OneOf(MECHANISMS),
        doc=f"How to log in to the brokers: {', '.join(MECHANISMS)}.",
    ),
    Setting(
        name="kafkastore.sasl.jaas.config",
        type=Type.PASSWORD,
        default=None,
        doc=(
            'Who logs in, as Java takes it: `… required username="u" password="p";`, for OAUTHBEARER `clientId`, `clientSecret` '
            "and `scope`, for GSSAPI `keyTab`, `principal` and `serviceName`."
        ),
    ),
    _text(
        "sasl.kerberos.service.name",
        "The brokers' name in Kerberos; that of the JAAS entry, or `kafka`, when not set.",
    ),
    _text(
        "sasl.oauthbearer.token.endpoint.url",
        "Where the identity provider gives tokens for a client's id and secret.",
    ),
    _text(
        "sasl.oauthbearer.client.credentials.client.id", "The client's id, where it isn't in the JAAS entry."
    ),
    Setting(
        name="kafkastore.sasl.oauthbearer.client.credentials.client.secret",
        type=Type.PASSWORD,
        default=None,
        doc="The client's secret, likewise.",
    ),
    _text("sasl.oauthbearer.scope", "The scope that tokens are asked for, likewise."),
    Setting(
        name="kafkastore.sasl.login.callback.handler.class",
        type=Type.STRING,
        default=None,
        doc="Taken, and not needed: tokens come from `kafkastore.sasl.oauthbearer.token.endpoint.url`.",
        importance=Importance.LOW,
    ),
    *_store(
        "truststore",
        "A file of the authorities that sign the brokers' certificates; the system's when not set.",
        "certificates",
    ),
    *_store(
        "keystore", "A file of the certificate, with its key, that brokers are shown.", "certificate.chain"
    ),
    Setting(
        name="kafkastore.ssl.keystore.key",
        type=Type.PASSWORD,
        default=None,
        doc="The key as PEM text, beside `kafkastore.ssl.keystore.certificate.chain`.",
    ),
    Setting(
        name="kafkastore.ssl.key.password",
        type=Type.PASSWORD,
        default=None,
        doc="Opens the key in the key store.",
    ),
    Setting(
        name="kafkastore.ssl.endpoint.identification.algorithm",
        type=Type.STRING,
        default="https",
        valid=OneOf(("https", "")),
        doc="`https`: a broker's certificate has to bear the name it is reached by. Empty, the original's default: any name will do.",
    ),
    *(_text(name, "Passed on to the client as it is.") for name in PASSED_ON),
)
