"""The registry's settings under the original's names, read and checked.

They come from a `.properties` file, then the environment (`SCHEMA_REGISTRY_KAFKASTORE_TOPIC` is `kafkastore.topic`), then
`--set`; the later go before the earlier.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from ottla.config.definition import Importance, InvalidSettingError, Setting, Type, by_name
from ottla.config.sources import Given, setting_of_variable
from ottla.config.validators import OneOf, OneOfIgnoringCase, Range
from ottla.config.values import INT_MAX, Value
from ottla.registry.cluster_settings import CLUSTER_SETTINGS
from ottla.registry.schemas.compatibility import CompatibilityLevel
from ottla.registry.search_limits import SEARCH_SETTINGS
from ottla.registry.security_settings import (
    CERTIFICATES,
    LOGIN_FILE,
    PLUGINS,
    SECURITY_SETTINGS,
    knows_principals,
    login_file_of_jvm,
)
from ottla.registry.security_settings import OTHER_NAMES as OTHER_SECURITY_NAMES

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
            name="dek.registry.topic",
            type=Type.STRING,
            default="_dek_registry_keys",
            doc="The topic that holds the encryption keys; it is made by the first request for one. Compacted, one partition.",
        ),
        Setting(
            name="dek.registry.max.keys",
            type=Type.INT,
            default=10_000,
            valid=Range(0),
            doc="Key encryption keys, and versions of data encryption keys, that may be there before no more are made.",
            importance=Importance.LOW,
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
        *CLUSTER_SETTINGS,
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
            name="inter.instance.protocol",
            type=Type.STRING,
            default=None,
            valid=OneOf(("http", "https")),
            doc="By which of its listeners other registries reach this one; the first one's protocol when not set.",
            importance=Importance.LOW,
        ),
        Setting(
            name="inter.instance.headers.whitelist",
            type=Type.LIST,
            default=(),
            doc="Headers of a request, besides its own, that are passed on with it to the registry that writes.",
            importance=Importance.LOW,
        ),
        Setting(
            name="debug",
            type=Type.BOOLEAN,
            default=False,
            doc="Whether the log tells more. Answers never hold more than their message.",
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
            name="schema.validate.fields",
            type=Type.BOOLEAN,
            default=False,
            doc="Whether names of fields are checked, and those reserved by metadata, where `validateFields` is not set by `PUT /config`.",
            importance=Importance.LOW,
        ),
        *SEARCH_SETTINGS,
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
    "schema.registry.inter.instance.protocol": "inter.instance.protocol",
    **OTHER_SECURITY_NAMES,
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

    def words(self, name: str) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self.values[name])

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

    @property
    def acl_topic(self) -> str:
        """Where the registry's own rules are."""
        return str(
            self.values["confluent.schema.registry.acl.topic"] or f"{self.text('kafkastore.topic')}_acl"
        )

    @property
    def own_listener(self) -> int:
        """By which listener other registries reach this one, counted from 0."""
        wanted = self.values["inter.instance.protocol"]
        schemes = [each.scheme for each in self.listeners]
        return 0 if wanted is None else schemes.index(str(wanted))


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
    faults += _faults_together(values, listeners)
    warnings += [
        f"resource.extension.class: {each} is no plug-in of this registry, and changes nothing"
        for each in cast("tuple[str, ...]", values["resource.extension.class"])
        if each not in PLUGINS
    ]
    if faults:
        raise InvalidSettingsError("\n".join(faults))
    return RegistrySettings(values, listeners, tuple(warnings))


def _faults_together(values: dict[str, Value], listeners: Iterable[Listener]) -> Iterator[str]:
    """Of settings that don't go together; `values` take what follows from others."""
    schemes = {each.scheme for each in listeners}
    protocol = values["inter.instance.protocol"]
    if protocol is not None and schemes and protocol not in schemes:
        yield f"inter.instance.protocol: no listener has the protocol {protocol}"
    if values["ssl.client.auth"] is True and str(values["ssl.client.authentication"]).upper() == "NONE":
        values["ssl.client.authentication"] = "REQUIRED"
    if not knows_principals(values):
        return
    is_by_log_in = values["confluent.schema.registry.auth.mechanism"] != CERTIFICATES
    if is_by_log_in and values["authentication.method"] == "NONE":
        yield "confluent.schema.registry.auth.mechanism: JETTY_AUTH needs authentication.method BASIC or BEARER"
    shows_none = "https" not in schemes or str(values["ssl.client.authentication"]).upper() == "NONE"
    if (
        not is_by_log_in
        and shows_none
        and values["confluent.schema.registry.anonymous.principal"] is not True
    ):
        yield (
            "confluent.schema.registry.auth.mechanism: SSL needs an https listener and ssl.client.authentication, or nobody "
            "could come in; JETTY_AUTH takes the users of authentication.method"
        )


def _listener(text: str) -> Listener:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or parts.port is None:
        raise ValueError(f"listeners: {text} has to be http://host:port")
    return Listener(parts.scheme, parts.hostname or "0.0.0.0", parts.port)  # noqa: S104 - as the original's default
