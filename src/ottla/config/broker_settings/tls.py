"""TLS."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import OneOf

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="ssl.allow.dn.changes",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.LOW,
        doc="Whether a renewed keystore may carry another distinguished name.",
    ),
    Setting(
        name="ssl.allow.san.changes",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.LOW,
        doc="Whether a renewed keystore may carry other alternative names.",
    ),
    Setting(
        name="ssl.cipher.suites",
        type=Type.LIST,
        default=(),
        update=UpdateMode.PER_BROKER,
        doc="Cipher suites that may be negotiated; empty allows all that the library offers.",
    ),
    Setting(
        name="ssl.client.auth",
        type=Type.STRING,
        default="none",
        valid=OneOf(("required", "requested", "none")),
        update=UpdateMode.PER_BROKER,
        doc=(
            "Whether a client must show a certificate (`required`), is asked for one (`requested`), or "
            "neither (`none`)."
        ),
    ),
    Setting(
        name="ssl.enabled.protocols",
        type=Type.LIST,
        default=("TLSv1.2", "TLSv1.3"),
        update=UpdateMode.PER_BROKER,
        doc="TLS versions that are accepted.",
    ),
    Setting(
        name="ssl.endpoint.identification.algorithm",
        type=Type.STRING,
        default="https",
        importance=Importance.LOW,
        update=UpdateMode.PER_BROKER,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="How the name of another broker is checked against its certificate; empty turns the check off.",
    ),
    Setting(
        name="ssl.engine.factory.class",
        type=Type.CLASS,
        default=None,
        importance=Importance.LOW,
        update=UpdateMode.PER_BROKER,
        doc="Java class that makes TLS engines; Apache's own is built in, any other is refused.",
    ),
    Setting(
        name="ssl.key.password",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="Password of the private key in the keystore or in `ssl.keystore.key`.",
    ),
    Setting(
        name="ssl.keymanager.algorithm",
        type=Type.STRING,
        default="SunX509",
        update=UpdateMode.PER_BROKER,
        without_effect=reasons.NO_JAVA,
        doc="Java's algorithm for picking keys.",
    ),
    Setting(
        name="ssl.keystore.certificate.chain",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="The broker's certificate and its chain as PEM text.",
    ),
    Setting(
        name="ssl.keystore.key",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="The broker's private key as PEM text (PKCS #8).",
    ),
    Setting(
        name="ssl.keystore.location",
        type=Type.STRING,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="File of the keystore.",
    ),
    Setting(
        name="ssl.keystore.password",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="Password of the keystore; PEM files have none.",
    ),
    Setting(
        name="ssl.keystore.type",
        type=Type.STRING,
        default="JKS",
        update=UpdateMode.PER_BROKER,
        doc="Format of the keystore: JKS, PKCS12 or PEM.",
    ),
    Setting(
        name="ssl.principal.mapping.rules",
        type=Type.STRING,
        default="DEFAULT",
        importance=Importance.LOW,
        doc=(
            "Rules that make a short user name of a certificate's distinguished name, the first that fits "
            "being used; `DEFAULT` keeps the whole name."
        ),
    ),
    Setting(
        name="ssl.protocol",
        type=Type.STRING,
        default="TLSv1.3",
        update=UpdateMode.PER_BROKER,
        doc="TLS version that a connection begins with.",
    ),
    Setting(
        name="ssl.provider",
        type=Type.STRING,
        default=None,
        update=UpdateMode.PER_BROKER,
        without_effect=reasons.NO_JAVA,
        doc="Name of a Java security provider for TLS.",
    ),
    Setting(
        name="ssl.secure.random.implementation",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        update=UpdateMode.PER_BROKER,
        without_effect=reasons.NO_JAVA,
        doc="Java's random source for TLS.",
    ),
    Setting(
        name="ssl.trustmanager.algorithm",
        type=Type.STRING,
        default="PKIX",
        update=UpdateMode.PER_BROKER,
        without_effect=reasons.NO_JAVA,
        doc="Java's algorithm for judging certificates.",
    ),
    Setting(
        name="ssl.truststore.certificates",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="Trusted certificates as PEM text.",
    ),
    Setting(
        name="ssl.truststore.location",
        type=Type.STRING,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="File of the truststore.",
    ),
    Setting(
        name="ssl.truststore.password",
        type=Type.PASSWORD,
        default=None,
        update=UpdateMode.PER_BROKER,
        doc="Password of the truststore; without it the file's integrity isn't checked.",
    ),
    Setting(
        name="ssl.truststore.type",
        type=Type.STRING,
        default="JKS",
        update=UpdateMode.PER_BROKER,
        doc="Format of the truststore: JKS, PKCS12 or PEM.",
    ),
)
