"""The settings of how the registry's own listeners are secured, under the original's names; `secured.py` makes of them what holds.

Some stand in Confluent's security plugin, whose class is named by `resource.extension.class`: rights by subject need it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import OneOf, OneOfIgnoringCase
from ottla.config.values import Value

LOGIN_FILE: Final = "java.security.auth.login.config"
EXTENSION_CLASS: Final = "io.confluent.kafka.schemaregistry.security.SchemaRegistrySecurityResourceExtension"
"""The plugin that knows principals and asks an authorizer."""

_AUTHORIZERS: Final = "io.confluent.kafka.schemaregistry.security.authorizer"
RULES_AUTHORIZER: Final = f"{_AUTHORIZERS}.schemaregistryacl.SchemaRegistryAclAuthorizer"
TOPIC_AUTHORIZERS: Final = (
    f"{_AUTHORIZERS}.topicacl.SimpleTopicAclAuthorizer",
    f"{_AUTHORIZERS}.topicacl.TopicAclAuthorizer",
)
PLUGINS: Final = (EXTENSION_CLASS, "io.confluent.dekregistry.DekRegistryResourceExtension")
"""Plug-ins of the original that are part of this registry."""
CERTIFICATES: Final = "SSL"
LOG_INS: Final = "JETTY_AUTH"

_JVM_LOGIN_FILE: Final = re.compile(rf"-D{re.escape(LOGIN_FILE)}=(\S+)")


def login_file_of_jvm(options: str) -> str | None:
    """The JAAS file out of a JVM's options, as `SCHEMA_REGISTRY_OPTS` has them."""
    found = _JVM_LOGIN_FILE.search(options)
    return None if found is None else found.group(1)


def knows_principals(values: Mapping[str, Value]) -> bool:
    """Whether each request is somebody's: where the plug-in is named, or rights are asked for."""
    named = cast("tuple[str, ...]", values["resource.extension.class"])
    return EXTENSION_CLASS in named or bool(values["confluent.schema.registry.authorizer.class"])


def _store(subject: str, use: str) -> tuple[Setting, ...]:
    name = f"ssl.{subject}"
    return (
        Setting(name=f"{name}.location", type=Type.STRING, default=None, doc=use, importance=Importance.HIGH),
        Setting(name=f"{name}.password", type=Type.PASSWORD, default=None, doc=f"Opens `{name}.location`."),
        Setting(
            name=f"{name}.type",
            type=Type.STRING,
            default="JKS",
            valid=OneOfIgnoringCase(("JKS", "PKCS12", "PEM")),
            doc="JKS, PKCS12 (either is seen by itself) or PEM.",
        ),
    )


SECURITY_SETTINGS: Final = (
    Setting(
        name="authentication.method",
        type=Type.STRING,
        default="NONE",
        valid=OneOf(("NONE", "BASIC", "BEARER")),
        doc="BASIC asks each request for a user and a password, BEARER for a token of an identity provider.",
        importance=Importance.HIGH,
    ),
    Setting(
        name="authentication.realm",
        type=Type.STRING,
        default="",
        doc=f"The group in the file of `{LOGIN_FILE}` that tells where the users are.",
    ),
    Setting(
        name="authentication.roles",
        type=Type.LIST,
        default=("*",),
        doc="Users with one of these roles, or tokens with one of these scopes, may come in, with commas; `*` is every one.",
    ),
    Setting(
        name="authentication.skip.paths",
        type=Type.LIST,
        default=(),
        doc=(
            "Paths that need no log-in, with commas: `/v1/metadata/version`, `/schemas/*` and what is below it, `/*` for all. "
            "Who logs in there all the same has to be right."
        ),
    ),
    Setting(
        name=LOGIN_FILE,
        type=Type.STRING,
        default=None,
        doc=(
            "A JAAS file with a `PropertyFileLoginModule` whose `file` holds `user: password,role,…`. Also read from "
            f"`SCHEMA_REGISTRY_OPTS=-D{LOGIN_FILE}=…`, as the original has it."
        ),
    ),
    Setting(
        name="oauthbearer.jwks.endpoint.url",
        type=Type.STRING,
        default=None,
        doc="Where the identity provider publishes the keys that tokens are verified by.",
    ),
    Setting(
        name="oauthbearer.expected.issuer",
        type=Type.STRING,
        default=None,
        doc="Who has to have issued a token; anyone when not set.",
    ),
    Setting(
        name="oauthbearer.expected.audience",
        type=Type.LIST,
        default=(),
        doc="For whom a token has to be, one of these; for nobody in particular when empty.",
    ),
    Setting(
        name="oauthbearer.sub.claim.name",
        type=Type.STRING,
        default="sub",
        doc="The claim that names the user.",
    ),
    *_store("keystore", "A file of the certificate, with its key, that `https` listeners show."),
    Setting(name="ssl.key.password", type=Type.PASSWORD, default=None, doc="Opens the key in the key store."),
    *_store(
        "truststore",
        "A file of the authorities that sign clients' certificates and those of other registries.",
    ),
    Setting(
        name="ssl.client.authentication",
        type=Type.STRING,
        default="NONE",
        valid=OneOfIgnoringCase(("NONE", "REQUESTED", "REQUIRED")),
        doc="Whether clients show a certificate of their own.",
    ),
    Setting(
        name="ssl.client.auth",
        type=Type.BOOLEAN,
        default=False,
        doc="`true` is the older way to say `ssl.client.authentication=REQUIRED`.",
        importance=Importance.LOW,
    ),
    Setting(
        name="ssl.keystore.reload",
        type=Type.BOOLEAN,
        default=True,
        doc="Whether stores are read again when their files have changed: new connections get the new certificate.",
    ),
    Setting(
        name="ssl.keystore.watch.location",
        type=Type.STRING,
        default=None,
        doc="Another file, or a directory, whose change also tells that the stores are to be read again.",
        importance=Importance.LOW,
    ),
    Setting(
        name="ssl.enabled.protocols",
        type=Type.LIST,
        default=("TLSv1.2", "TLSv1.3"),
        doc="Versions of TLS that are spoken.",
    ),
    Setting(
        name="ssl.cipher.suites",
        type=Type.LIST,
        default=(),
        doc="Cipher suites that are allowed; OpenSSL's choice when empty.",
    ),
    Setting(
        name="resource.extension.class",
        type=Type.LIST,
        default=(),
        doc=f"`{EXTENSION_CLASS}` tells by whom a request comes, and asks an authorizer whether it may.",
    ),
    Setting(
        name="confluent.schema.registry.auth.mechanism",
        type=Type.STRING,
        default=CERTIFICATES,
        valid=OneOf((CERTIFICATES, LOG_INS)),
        doc=(
            "By what the principal of a request is known, where rights are by subject: `SSL`, the name in the client's "
            "certificate, or `JETTY_AUTH`, the user of `authentication.method`."
        ),
    ),
    Setting(
        name="confluent.schema.registry.auth.ssl.principal.mapping.rules",
        type=Type.STRING,
        default="DEFAULT",
        doc="Rules that make a short name of the one in a certificate, as a broker's `ssl.principal.mapping.rules`.",
    ),
    Setting(
        name="confluent.schema.registry.anonymous.principal",
        type=Type.BOOLEAN,
        default=False,
        doc="Whether requests without a principal are taken as those of `ANONYMOUS`; else they get 401.",
    ),
    Setting(
        name="confluent.schema.registry.authorizer.class",
        type=Type.STRING,
        default="",
        valid=OneOf(("", RULES_AUTHORIZER, *TOPIC_AUTHORIZERS)),
        doc=(
            f"Who says what a principal may do: `{RULES_AUTHORIZER}` by rules of the registry's own (`ottla schema acl`), "
            f"`{TOPIC_AUTHORIZERS[0]}` by the cluster's rules about the subject's topic; empty: everyone may do everything."
        ),
        importance=Importance.HIGH,
    ),
    Setting(
        name="confluent.schema.registry.acl.topic",
        type=Type.STRING,
        default="",
        doc="The topic that holds the registry's own rules; that of `kafkastore.topic` with `_acl` behind it when empty.",
    ),
    Setting(
        name="confluent.topic.acl.super.users",
        type=Type.STRING,
        default="",
        doc="Principals, with semicolons, who may do everything where the cluster's rules decide.",
    ),
)

OTHER_NAMES: Final = {
    "schema.registry.resource.extension.class": "resource.extension.class",
    "schema.registry.auth.mechanism": "confluent.schema.registry.auth.mechanism",
    "schema.registry.anonymous.principal": "confluent.schema.registry.anonymous.principal",
    "schema.registry.auth.ssl.principal.mapping.rules": "confluent.schema.registry.auth.ssl.principal.mapping.rules",
    "schema.registry.authorizer.class": "confluent.schema.registry.authorizer.class",
}
"""What settings were called in earlier versions."""
