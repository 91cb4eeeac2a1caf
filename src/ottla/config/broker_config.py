"""The settings of one broker, read and checked: one frozen value, replaced as a whole when a setting changes.

    load  ── file, environment, --set ──▶  list[Given]   (sources)
    build ── types, ranges, relations ──▶  BrokerConfig, or every fault at once (InvalidConfigurationError)

What rooms read often is an attribute under Apache's name with underscores (`config.socket_request_max_bytes`); everything
is to be had by `config.get(name)`. What Apache spreads over several settings is one attribute here, in one unit:
`log_dirs`, `listeners`, `topic_defaults`.

Source: Apache's KafkaConfig and AbstractKafkaConfig.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ottla.config import authorizer
from ottla.config.catalogue import BROKER_QUOTAS, BROKER_SETTINGS
from ottla.config.checks import Fault, InvalidConfigurationError, faults_between, log_dirs
from ottla.config.definition import InvalidSettingError, Setting
from ottla.config.endpoints import Endpoint
from ottla.config.listeners import resolve_endpoints
from ottla.config.sources import Given, from_program
from ottla.config.topic_config import TopicConfig, topic_defaults
from ottla.config.values import Value

DEFAULT_NODE_ID: Final = 1
LISTENER_PREFIX: Final = "listener.name."
"""Settings with this in front hold for one listener: `listener.name.external.max.connections`."""

_PLUGIN_PREFIXES: Final = ("rlmm.config.", "rsm.config.", "confluent.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BrokerConfig:
    """Every setting of a broker. Make one with `broker_config` or `build`."""

    # Put together from several settings
    node_id: int
    """`node.id` or `broker.id`; `DEFAULT_NODE_ID` when neither is given (then `node_id_given` is false)."""
    log_dirs: tuple[str, ...]
    metadata_dir: str
    listeners: tuple[Endpoint, ...]
    """Where to listen; those of KRaft controllers are left out."""
    advertised_listeners: tuple[Endpoint, ...]
    """Empty when not set: a client is told the address it came by."""
    inter_broker_listener_name: str
    topic_defaults: TopicConfig
    """The settings of a topic that sets none."""
    warnings: tuple[str, ...]
    """What was accepted though it changes nothing, one sentence each, to be logged once."""
    values: Mapping[str, Value]
    """Every setting by name, in the form of its type, defaults included."""
    given: Mapping[str, Given]
    """What was given, unknown names and listeners' own settings included."""
    dynamic: Mapping[str, str]
    """What is laid over the given values while the broker runs."""

    # Connections
    broker_rack: str | None
    connection_failed_authentication_delay_ms: int
    connections_max_idle_ms: int
    max_connections: int
    max_connections_per_ip: int
    queued_max_request_bytes: int
    request_timeout_ms: int
    socket_connection_setup_timeout_max_ms: int
    socket_connection_setup_timeout_ms: int
    socket_listen_backlog_size: int
    socket_receive_buffer_bytes: int
    socket_request_max_bytes: int
    socket_send_buffer_bytes: int

    # Topics and the log
    auto_create_topics_enable: bool
    default_replication_factor: int
    delete_topic_enable: bool
    log_cleaner_backoff_ms: int
    log_cleaner_dedupe_buffer_size: int
    log_cleaner_enable: bool
    log_cleaner_io_buffer_load_factor: float
    log_cleaner_io_buffer_size: int
    log_cleaner_io_max_bytes_per_second: float
    log_cleaner_threads: int
    log_flush_offset_checkpoint_interval_ms: int
    log_flush_scheduler_interval_ms: int
    log_flush_start_offset_checkpoint_interval_ms: int
    log_initial_task_delay_ms: int
    log_retention_check_interval_ms: int
    max_request_partition_size_limit: int
    num_partitions: int
    num_recovery_threads_per_data_dir: int
    producer_id_expiration_check_interval_ms: int
    producer_id_expiration_ms: int

    # Replication
    auto_leader_rebalance_enable: bool
    controlled_shutdown_enable: bool
    controlled_shutdown_max_retries: int
    controlled_shutdown_retry_backoff_ms: int
    controller_socket_timeout_ms: int
    fetch_max_bytes: int
    leader_imbalance_check_interval_seconds: int
    leader_imbalance_per_broker_percentage: int
    max_incremental_fetch_session_cache_slots: int
    replica_fetch_backoff_ms: int
    replica_fetch_max_bytes: int
    replica_fetch_min_bytes: int
    replica_fetch_response_max_bytes: int
    replica_fetch_wait_max_ms: int
    replica_high_watermark_checkpoint_interval_ms: int
    replica_lag_time_max_ms: int
    replica_socket_receive_buffer_bytes: int
    replica_socket_timeout_ms: int

    # Groups and transactions
    group_coordinator_append_linger_ms: int
    group_coordinator_rebalance_protocols: tuple[str, ...]
    group_initial_rebalance_delay_ms: int
    group_max_session_timeout_ms: int
    group_max_size: int
    group_min_session_timeout_ms: int
    offset_metadata_max_bytes: int
    offsets_commit_timeout_ms: int
    offsets_load_buffer_size: int
    offsets_retention_check_interval_ms: int
    offsets_retention_minutes: int
    offsets_topic_compression_codec: int
    offsets_topic_num_partitions: int
    offsets_topic_replication_factor: int
    offsets_topic_segment_bytes: int
    transaction_max_timeout_ms: int
    transaction_state_log_num_partitions: int
    transaction_state_log_replication_factor: int
    transactional_id_expiration_ms: int

    # ZooKeeper
    zookeeper_connect: str | None
    zookeeper_session_timeout_ms: int

    # Ottla's own
    ottla_decompressed_batch_max_bytes: int
    ottla_log_format: str
    ottla_log_level: str
    ottla_metrics_listener: str
    ottla_shutdown_timeout_ms: int
    ottla_validate_records: bool

    def get(self, name: str) -> Value:
        """The value of any setting by Apache's name; KeyError for a name that isn't one."""
        return self.values[name]

    def is_given(self, name: str) -> bool:
        """Whether the setting was given at the start, rather than left to its default."""
        return name in self.given

    @property
    def node_id_given(self) -> bool:
        """Whether the broker was told its number; if not, one found in the log directories goes before the default."""
        return "node.id" in self.given

    def listener_value(self, listener_name: str, name: str) -> Value:
        """The value of a setting for one listener: its own where it has one, else the broker's."""
        own = f"{LISTENER_PREFIX}{listener_name.lower()}.{name}"
        text = self.dynamic.get(own)
        if text is None and own in self.given:
            text = self.given[own].text
        return self.values[name] if text is None else BROKER_SETTINGS[name].parse(text)

    def with_dynamic(self, dynamic: Mapping[str, str]) -> BrokerConfig:
        """The same broker with other dynamic values (cluster-wide ones below the broker's own, already merged)."""
        return build(self.given.values(), dynamic=dynamic)

    def with_given(self, settings: Mapping[str, str]) -> BrokerConfig:
        """The same broker with some more values given at the start, such as the number found in its directories."""
        return build([*self.given.values(), *from_program(settings)], dynamic=self.dynamic)


def broker_config(settings: Mapping[str, str] | None = None) -> BrokerConfig:
    """A broker's settings from names and texts, as an embedding program has them."""
    return build(from_program(settings or {}))


def build(given: Iterable[Given], dynamic: Mapping[str, str] = MappingProxyType({})) -> BrokerConfig:
    """Check all that is given, later values over earlier ones, and what is dynamic over these.

    Raises `InvalidConfigurationError` with every fault found. Unknown names are kept and warned of.
    """
    latest = _with_twin({value.name: value for value in given})
    over = {name: Given(name, text, "dynamic setting") for name, text in dynamic.items()}
    holding = latest | over
    values, of_listeners, faults = _parse(holding)
    broken = {fault.name for fault in faults}
    endpoints, endpoint_faults = resolve_endpoints(values, of_listeners)
    related = [*faults_between(values, holding), *endpoint_faults]
    faults += [fault.given_as(holding) for fault in related if fault.name not in broken]
    if faults or endpoints is None:
        raise InvalidConfigurationError(faults)
    # The fields' types are held against the declarations' by a test, so that no field is written out a third time.
    values["node.id"] = values["broker.id"] = _node_id(values)
    plain: dict[str, Any] = {field: values[name] for field, name in _PLAIN_FIELDS.items()}
    return BrokerConfig(
        **plain,
        node_id=_node_id(values),
        log_dirs=log_dirs(values),
        metadata_dir=_metadata_dir(values),
        listeners=endpoints.listening,
        advertised_listeners=endpoints.advertised,
        inter_broker_listener_name=endpoints.between_brokers,
        topic_defaults=topic_defaults(values),
        warnings=tuple(sentence for value in latest.values() if (sentence := _warning(value, latest))),
        values=MappingProxyType(values),
        given=MappingProxyType(latest),
        dynamic=MappingProxyType(dict(dynamic)),
    )


def setting_for(name: str) -> Setting | None:
    """The declaration behind a name, a listener's own setting included; None for an unknown one."""
    if name.startswith(LISTENER_PREFIX):
        return _listener_setting(name)
    return BROKER_SETTINGS.get(name) or BROKER_QUOTAS.get(name)


def _listener_setting(name: str) -> Setting | None:
    """`listener.name.NAME.SETTING` or, for SASL, `listener.name.NAME.MECHANISM.SETTING`."""
    _, _, rest = name.removeprefix(LISTENER_PREFIX).partition(".")
    return BROKER_SETTINGS.get(rest) or BROKER_SETTINGS.get(rest.partition(".")[2])


def _parse(holding: Mapping[str, Given]) -> tuple[dict[str, Value], dict[str, Value], list[Fault]]:
    """The broker's values, those with a listener's prefix, and what can't be read."""
    values = {name: setting.default for name, setting in BROKER_SETTINGS.items()}
    of_listeners: dict[str, Value] = {}
    faults: list[Fault] = []
    for name, value in holding.items():
        setting = setting_for(name)
        if setting is None:
            continue
        try:
            parsed = setting.parse(value.text)
        except InvalidSettingError as error:
            faults.append(Fault(name, error.reason, error.value, value.origin))
        else:
            if name in BROKER_SETTINGS:
                values[name] = parsed
            elif name.startswith(LISTENER_PREFIX):
                of_listeners[name] = parsed
    return values, of_listeners, faults


def _warning(value: Given, given: Mapping[str, Given]) -> str | None:
    setting = setting_for(value.name)
    if setting is not None:
        reason = setting.without_effect
        return f"{value.name} ({value.origin}) has no effect: {reason}" if reason else None
    if value.name in authorizer.OF_THE_AUTHORIZER:
        reason = authorizer.without_effect(given)
        return f"{value.name} ({value.origin}) has no effect: {reason}" if reason else None
    if value.name.startswith("config.providers"):
        return None
    if value.name.startswith(_PLUGIN_PREFIXES):
        return f"{value.name} ({value.origin}) has no effect: it is for a Java plug-in"
    return f"{value.name} ({value.origin}) has no effect: there is no such setting"


def _with_twin(given: dict[str, Given]) -> dict[str, Given]:
    """`node.id` and `broker.id` are one setting under two names; -1 is the same as giving neither."""
    twins = {"node.id": "broker.id", "broker.id": "node.id"}
    told = {name: value for name, value in given.items() if name not in twins or value.text.strip() != "-1"}
    for name, twin in twins.items():
        if name in told and twin not in told:
            told[twin] = told[name]._replace(name=twin)
    return told


def _node_id(values: Mapping[str, Value]) -> int:
    number = values["node.id"]
    return number if isinstance(number, int) and number != -1 else DEFAULT_NODE_ID


def _metadata_dir(values: Mapping[str, Value]) -> str:
    own = values["ottla.metadata.dir"]
    return str(own) if own else f"{log_dirs(values)[0].rstrip('/')}-metadata"


_PLAIN_FIELDS: Final[dict[str, str]] = {
    field.name: name
    for field in dataclasses.fields(BrokerConfig)
    if (name := field.name.replace("_", ".")) in BROKER_SETTINGS and name != "node.id"
    if field.name not in ("listeners", "log_dirs", "advertised_listeners", "inter_broker_listener_name")
}
"""Attributes that are one setting each, with its name."""
