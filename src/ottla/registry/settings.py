"""The registry's settings under the original's names, read and checked.

They come from a `.properties` file, then the environment (`SCHEMA_REGISTRY_KAFKASTORE_TOPIC` is `kafkastore.topic`), then
`--set`; the later go before the earlier.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from ottla.config.definition import Importance, InvalidSettingError, Setting, Type, by_name
from ottla.config.sources import Given, setting_of_variable
from ottla.config.validators import OneOf, OneOfIgnoringCase, Range
from ottla.config.values import INT_MAX, Password, Value
from ottla.registry.schemas.compatibility import CompatibilityLevel
from ottla.registry.secured import LOGIN_FILE, SECURITY_SETTINGS, login_file_of_jvm

SETTINGS: Final[Mapping[str, Setting]] = by_name(
    (
        Setting(
            name="listeners",
            type=Type.LIST,
            default=("http://0.0.0.0:8081",),
            doc="Where to listen, `http://host:port` or `https://host:port`, several with commas.",
            importance=Importance.HIGH,
        ),
        Setting(
            name="host.name",
            type=Type.STRING,
            default=None,
            doc="The name by which other registries reach this one; the machine's own when not set.",
            importance=Importance.HIGH,
        ),
        Setting(
            name="kafkastore.bootstrap.servers",
            type=Type.LIST,
            default=(),
            doc="Brokers of the Kafka cluster, `host:port`, several with commas.",
            importance=Importance.HIGH,
        ),
        Setting(
            name="kafkastore.topic",
            type=Type.STRING,
            default="_schemas",
            doc="The topic that holds everything. It has one partition and is compacted.",
            importance=Importance.HIGH,
        ),
        Setting(
            name="kafkastore.topic.replication.factor",
            type=Type.INT,
            default=3,
            valid=Range(1),
            doc="Replicas of the topic when it is made; at most as many as there are brokers.",
        ),
        Setting(
            name="kafkastore.init.timeout.ms",
            type=Type.INT,
            default=60_000,
            valid=Range(0),
            doc="Milliseconds that the start waits for the cluster and reads the topic.",
        ),
        Setting(
            name="kafkastore.timeout.ms",
            type=Type.INT,
            default=10_000,
            valid=Range(0),
            doc=(
                "Milliseconds that a write waits for the cluster before it is answered with 50002. The original's "
                "default, 500, does not last while a broker starts again."
            ),
        ),
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
            doc="How to log in to the brokers: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512.",
        ),
        Setting(
            name="kafkastore.sasl.jaas.config",
            type=Type.PASSWORD,
            default=None,
            doc='Name and password as Java takes them: `… required username="u" password="p";`.',
        ),
        Setting(
            name="kafkastore.ssl.truststore.location",
            type=Type.STRING,
            default=None,
            doc="A PEM file of the authorities that sign the brokers' certificates; the system's when not set.",
        ),
        Setting(
            name="schema.registry.group.id",
            type=Type.STRING,
            default="schema-registry",
            doc="The group in which registries of one cluster elect the one that writes.",
        ),
        Setting(
            name="leader.eligibility",
            type=Type.BOOLEAN,
            default=True,
            doc="Whether this registry may be elected to write.",
        ),
        Setting(
            name="leader.connect.timeout.ms",
            type=Type.INT,
            default=60_000,
            valid=Range(1),
            doc="Milliseconds to reach the registry that writes.",
            importance=Importance.LOW,
        ),
        Setting(
            name="leader.read.timeout.ms",
            type=Type.INT,
            default=60_000,
            valid=Range(1),
            doc="Milliseconds to wait for an answer of the registry that writes.",
            importance=Importance.LOW,
        ),
        Setting(
            name="schema.compatibility.level",
            type=Type.STRING,
            default="backward",
            valid=OneOfIgnoringCase(tuple(CompatibilityLevel)),
            doc="The level of compatibility where none is set by `PUT /config`.",
            importance=Importance.HIGH,
        ),
        Setting(
            name="mode.mutability",
            type=Type.BOOLEAN,
            default=True,
            doc="Whether modes may be changed.",
            importance=Importance.LOW,
        ),
        Setting(
            name="schema.cache.size",
            type=Type.INT,
            default=1_000,
            valid=Range(0, INT_MAX),
            doc="Parsed schemas that are kept for the next comparison.",
            importance=Importance.LOW,
        ),
        Setting(
            name="idle.timeout.ms",
            type=Type.LONG,
            default=30_000,
            valid=Range(1),
            doc=(
                "Milliseconds in which the head of a request has to come, and the next part of its body; a body as a whole has "
                "20 times as many. A slower client gets 408."
            ),
        ),
        Setting(
            name="compression.enable",
            type=Type.BOOLEAN,
            default=True,
            doc="Whether answers are compressed for clients that accept gzip.",
        ),
        Setting(
            name="access.control.allow.origin",
            type=Type.STRING,
            default="",
            doc="Origins whose pages may ask the registry, with commas, or `*`; none when empty.",
        ),
        Setting(
            name="access.control.allow.methods",
            type=Type.STRING,
            default="",
            doc="Methods that pages of other origins may use.",
            importance=Importance.LOW,
        ),
        Setting(
            name="access.control.allow.headers",
            type=Type.STRING,
            default="",
            doc="Headers that pages of other origins may set.",
            importance=Importance.LOW,
        ),
        *SECURITY_SETTINGS,
    )
)

OTHER_NAMES: Final[Mapping[str, str]] = {
    "avro.compatibility.level": "schema.compatibility.level",
    "master.eligibility": "leader.eligibility",
}
"""What settings were called in earlier versions of the original."""

ENVIRONMENT_PREFIX: Final = "SCHEMA_REGISTRY_"
JVM_OPTIONS: Final = "SCHEMA_REGISTRY_OPTS"
"""Options of a Java machine: one of them is read."""


class InvalidSettingsError(ValueError):
    """Settings with which a registry can't start: every fault, one a line."""


class Listener(NamedTuple):
    """An address to listen at."""

    scheme: str
    host: str
    port: int


class RegistrySettings(NamedTuple):
    """Checked settings."""

    values: Mapping[str, Value]
    listeners: tuple[Listener, ...]
    warnings: tuple[str, ...]

    def text(self, name: str) -> str:
        return str(self.values[name])

    def seconds(self, name: str) -> float:
        """A setting in milliseconds, in seconds."""
        return cast("int", self.values[name]) / 1000

    def number(self, name: str) -> int:
        return cast("int", self.values[name])

    def flag(self, name: str) -> bool:
        return bool(self.values[name])

    @property
    def bootstrap_servers(self) -> str:
        """As clients take them; `PLAINTEXT://` in front, which the original allows, is left out."""
        servers = cast("tuple[str, ...]", self.values["kafkastore.bootstrap.servers"])
        return ",".join(server.split("://")[-1] for server in servers)

    @property
    def host_name(self) -> str:
        return str(self.values["host.name"] or socket.gethostname())

    @property
    def level(self) -> CompatibilityLevel:
        return CompatibilityLevel(self.text("schema.compatibility.level").upper())

    def kafka_client(self) -> dict[str, str]:
        """librdkafka's properties for the cluster: addresses and security."""
        protocol = self.text("kafkastore.security.protocol")
        properties = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": protocol.lower()}
        authorities = self.values["kafkastore.ssl.truststore.location"]
        if authorities is not None and protocol.endswith("SSL"):
            properties["ssl.ca.location"] = str(authorities)
        if protocol.startswith("SASL_"):
            properties["sasl.mechanism"] = self.text("kafkastore.sasl.mechanism")
            login = self.values["kafkastore.sasl.jaas.config"]
            if isinstance(login, Password):
                properties |= _jaas_login(login.secret)
        return properties


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """The variables `SCHEMA_REGISTRY_…`, named as Confluent's image reads them."""
    given = [
        Given(setting_of_variable(variable.removeprefix(ENVIRONMENT_PREFIX)), text, f"environment {variable}")
        for variable, text in sorted(environment.items())
        if variable.startswith(ENVIRONMENT_PREFIX) and variable != JVM_OPTIONS
    ]
    login_file = login_file_of_jvm(environment.get(JVM_OPTIONS, ""))
    if login_file is not None:
        given.append(Given(LOGIN_FILE, login_file, f"environment {JVM_OPTIONS}"))
    return given


def build(given: Iterable[Given]) -> RegistrySettings:
    """The settings; raises InvalidSettingsError with every fault."""
    values: dict[str, Value] = {name: setting.default for name, setting in SETTINGS.items()}
    faults: list[str] = []
    warnings: list[str] = []
    listeners: tuple[Listener, ...] = ()
    for name, text, origin in given:
        setting = SETTINGS.get(OTHER_NAMES.get(name, name))
        if setting is None:
            warnings.append(f"{name} ({origin}) is no setting of this registry, and changes nothing")
            continue
        try:
            values[setting.name] = setting.parse(text)
        except InvalidSettingError as error:
            faults.append(f"{error} ({origin})")
    try:
        listeners = tuple(_listener(each) for each in cast("tuple[str, ...]", values["listeners"]))
    except ValueError as error:
        faults.append(str(error))
    if not values["kafkastore.bootstrap.servers"]:
        faults.append("kafkastore.bootstrap.servers: the Kafka cluster's address is needed, host:port")
    if faults:
        raise InvalidSettingsError("\n".join(faults))
    return RegistrySettings(values, listeners, tuple(warnings))


def _listener(text: str) -> Listener:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or parts.port is None:
        raise ValueError(f"listeners: {text} has to be http://host:port")
    return Listener(parts.scheme, parts.hostname or "0.0.0.0", parts.port)  # noqa: S104 - as the original's default


def _jaas_login(text: str) -> dict[str, str]:
    """Name and password out of a line of JAAS."""
    found = {}
    for name, property_name in (("username", "sasl.username"), ("password", "sasl.password")):
        for quote in "\"'":
            _, there, rest = text.partition(f"{name}={quote}")
            if there:
                found[property_name] = rest.partition(quote)[0]
    return found
