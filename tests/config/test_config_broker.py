"""A broker's settings as one value: what is put together, what is refused, what is warned of."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from ottla.config.broker_config import BrokerConfig, broker_config, build
from ottla.config.catalogue import BROKER_SETTINGS
from ottla.config.checks import InvalidConfigurationError
from ottla.config.endpoints import Endpoint, SecurityProtocol
from ottla.config.sources import from_arguments, from_environment, parse_properties
from ottla.config.topic_config import TopicConfig, topic_config
from ottla.config.values import Type

PYTHON_TYPES = {
    Type.BOOLEAN: "bool",
    Type.INT: "int",
    Type.LONG: "int",
    Type.SHORT: "int",
    Type.DOUBLE: "float",
    Type.STRING: "str",
    Type.LIST: "tuple[str, ...]",
}


def faults_of(settings: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidConfigurationError) as refused:
        broker_config(settings)
    return str(refused.value).splitlines()


def test_without_any_setting_a_broker_has_apache_s_defaults() -> None:
    """One plain listener on 9092, the usual directory, a topic's usual defaults, and nothing to warn of."""
    config = broker_config()
    assert config.listeners == (Endpoint("PLAINTEXT", SecurityProtocol.PLAINTEXT, "", 9092),)
    assert config.advertised_listeners == ()
    assert config.log_dirs == ("/tmp/kafka-logs",)
    assert config.metadata_dir == "/tmp/kafka-logs-metadata"
    assert (config.node_id, config.node_id_given) == (1, False)
    assert config.topic_defaults == TopicConfig()
    assert config.warnings == ()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(BrokerConfig)])
def test_an_attribute_has_the_type_of_its_setting(field: str) -> None:
    """Attributes that stand for one setting are annotated with the type that its declaration gives."""
    setting = BROKER_SETTINGS.get(field.replace("_", "."))
    if setting is None or field in ("log_dirs", "listeners", "advertised_listeners"):
        assert field in typing.get_type_hints(BrokerConfig)
        return
    shown = BrokerConfig.__annotations__[field]
    optional = setting.default is None and field != "inter_broker_listener_name"
    assert shown == PYTHON_TYPES[setting.type] + (" | None" if optional else "")


def test_all_faults_are_told_at_once_with_value_rule_and_origin() -> None:
    """A file with five mistakes is mended in one go."""
    text = "log.retention.ms=1 day\nnum.partitions=0\nbroker.id=1\nnode.id=2\nlisteners=PLAINTEXT://h\nlog.roll.ms=0\n"
    with pytest.raises(InvalidConfigurationError) as refused:
        build([*parse_properties(text, "server.properties"), *from_arguments(["log.dirs=,"])])
    assert str(refused.value).splitlines() == [
        "log.retention.ms=1 day (server.properties, line 1): Not a number of type LONG",
        "num.partitions=0 (server.properties, line 2): Value must be at least 1",
        "node.id=2 (server.properties, line 4): You must set `node.id` to the same value as `broker.id`.",
        "log.dirs=, (--set): At least one log directory must be defined via log.dirs or log.dir.",
        "log.roll.ms=0 (server.properties, line 6): log.roll.ms must be greater than or equal to 1",
        "listeners=PLAINTEXT://h (server.properties, line 5): Unable to parse PLAINTEXT://h to a broker endpoint",
    ]


def test_an_argument_goes_before_the_environment_and_this_before_the_file() -> None:
    """Each value keeps the origin of the one that holds."""
    config = build(
        [
            *parse_properties("num.partitions=1\nbackground.threads=1\nlog.dirs=/a", "file"),
            *from_environment({"KAFKA_NUM_PARTITIONS": "2", "KAFKA_LOG_DIRS": "/b"}),
            *from_arguments(["num.partitions=3"]),
        ]
    )
    assert config.num_partitions == 3
    assert config.log_dirs == ("/b",)
    assert config.given["num.partitions"].origin == "--set"
    assert config.given["log.dirs"].origin == "environment KAFKA_LOG_DIRS"


def test_a_compose_file_for_apache_s_image_starts() -> None:
    """The variables of Apache's own single-node example: KRaft's are warned of, once each, and its listener not opened."""
    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "CONTROLLER://:29093,PLAINTEXT_HOST://:9092,PLAINTEXT://:19092",
        "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT_HOST://localhost:9092,PLAINTEXT://broker:19092",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT"
        ),
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@broker:29093",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_LOG_DIRS": "/tmp/kraft-combined-logs",
        "KAFKA_NUM_IO_THREADS": "8",
        "KAFKA_HEAP_OPTS": "-Xmx1G",
        "CLUSTER_ID": "4L6g3nShT-eMCtK--X86sw",
    }
    config = build(from_environment(environment))
    assert [str(endpoint) for endpoint in config.listeners] == [
        "PLAINTEXT_HOST://:9092",
        "PLAINTEXT://:19092",
    ]
    assert [endpoint.host for endpoint in config.advertised_listeners] == ["localhost", "broker"]
    assert config.inter_broker_listener_name == "PLAINTEXT"
    assert config.group_initial_rebalance_delay_ms == 0
    warned = [warning.split(" ", 1)[0] for warning in config.warnings]
    assert warned == ["controller.quorum.voters", "num.io.threads", "process.roles"]


def test_an_unknown_setting_is_warned_of_and_kept() -> None:
    """Apache starts with names it doesn't know; so does Ottla, and says where each stands."""
    config = build(parse_properties("log.retention.days=3\n", "server.properties"))
    assert config.warnings == (
        "log.retention.days (server.properties, line 1) has no effect: there is no such setting",
    )
    assert config.given["log.retention.days"].text == "3"


def test_broker_id_and_node_id_are_one() -> None:
    """Either name will do; -1 is the same as none."""
    assert broker_config({"broker.id": "5"}).node_id == 5
    assert broker_config({"node.id": "0"}).get("broker.id") == 0
    assert broker_config({"broker.id": "-1", "node.id": "7"}).node_id == 7
    assert not broker_config({"broker.id": "-1"}).node_id_given
    assert broker_config().with_given({"node.id": "4"}).node_id == 4


@pytest.mark.parametrize(
    ("settings", "attribute", "value"),
    [
        ({"log.retention.hours": "1"}, "retention_ms", 3_600_000),
        ({"log.retention.hours": "1", "log.retention.minutes": "2"}, "retention_ms", 120_000),
        ({"log.retention.minutes": "2", "log.retention.ms": "3"}, "retention_ms", 3),
        ({"log.retention.hours": "-1"}, "retention_ms", -1),
        ({"log.retention.ms": "-9"}, "retention_ms", -1),
        ({"log.roll.hours": "2"}, "segment_ms", 7_200_000),
        ({"log.roll.hours": "2", "log.roll.ms": "9"}, "segment_ms", 9),
        ({"log.roll.jitter.hours": "1"}, "segment_jitter_ms", 3_600_000),
        ({"log.flush.scheduler.interval.ms": "5"}, "flush_ms", 5),
        ({"log.flush.scheduler.interval.ms": "5", "log.flush.interval.ms": "6"}, "flush_ms", 6),
        ({"message.max.bytes": "100"}, "max_message_bytes", 100),
        ({"log.cleanup.policy": "compact,delete"}, "cleanup_policy", frozenset({"compact", "delete"})),
    ],
)
def test_a_topic_s_defaults_follow_the_broker_s_settings(
    settings: dict[str, str], attribute: str, value: object
) -> None:
    """The finest unit that is given holds, turned into the topic's."""
    assert getattr(broker_config(settings).topic_defaults, attribute) == value


def test_a_topic_s_own_settings_go_before_the_broker_s() -> None:
    """Unknown names among stored ones are passed over; the internal segment size goes below the public minimum."""
    defaults = broker_config({"log.segment.bytes": "2097152", "log.retention.ms": "5"}).topic_defaults
    config = topic_config(
        defaults,
        {"retention.ms": "7", "internal.segment.bytes": "1000", "message.format.version": "3.0-IV1"},
    )
    assert (config.retention_ms, config.segment_bytes) == (7, 1000)
    assert topic_config(defaults, {}).segment_bytes == 2_097_152


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"listeners": "PLAINTEXT://:1,PLAINTEXT://:2"}, "Each listener must have a different name"),
        (
            {"listeners": "A://:1", "listener.security.protocol.map": "B:PLAINTEXT"},
            "No security protocol defined",
        ),
        ({"listeners": "PLAINTEXT://:99999"}, "there is no port 99999"),
        (
            {
                "listeners": "A://h:1,B://g:1",
                "listener.security.protocol.map": "A:PLAINTEXT,B:PLAINTEXT",
                "inter.broker.listener.name": "A",
            },
            "Each listener must have a different port unless",
        ),
        ({"listener.security.protocol.map": "PLAINTEXT:PLAIN"}, "has to be LISTENER:PROTOCOL"),
        (
            {"listeners": "SSL://:9093", "security.inter.broker.protocol": "SSL"},
            "SSL://:9093 speaks TLS and has no certificate to show",
        ),
        ({"listeners": ""}, "There must be at least one broker listener"),
        ({"advertised.listeners": "PLAINTEXT://0.0.0.0:1"}, "nonroutable meta-address 0.0.0.0"),
        ({"advertised.listeners": "SSL://h:1"}, "must be equal to or a subset of"),
        ({"inter.broker.listener.name": "X"}, "defined in inter.broker.listener.name not found"),
        (
            {"security.inter.broker.protocol": "SSL"},
            "must be a listener name defined in advertised.listeners",
        ),
        (
            {"inter.broker.listener.name": "PLAINTEXT", "security.inter.broker.protocol": "PLAINTEXT"},
            "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.",
        ),
        ({"log.dirs": "/a,/b,/a"}, "/a is named twice"),
        ({"log.retention.hours": "0"}, "must be unlimited"),
        ({"log.cleaner.dedupe.buffer.size": "1000"}, "at least 1MB per cleaner thread"),
        ({"replica.lag.time.max.ms": "400"}, "prevent frequent changes in ISR"),
        ({"max.connections.per.ip": "0"}, "can be set to zero only if"),
        ({"max.connections.per.ip.overrides": "host"}, "host has to be HOST:COUNT"),
        ({"queued.max.request.bytes": "10"}, "must be larger or equal to socket.request.max.bytes"),
        ({"connections.max.idle.ms": "50"}, "should always be less than connections.max.idle.ms=50"),
        ({"group.min.session.timeout.ms": "9999999"}, "less than or equal to group.max.session.timeout.ms"),
        (
            {"group.consumer.session.timeout.ms": "44000"},
            "greater than or equal to group.consumer.min.session",
        ),
        ({"group.coordinator.rebalance.protocols": "consumer"}, "Disabling the 'classic' protocol"),
        ({"offsets.topic.compression.codec": "5"}, "Unknown compression type id"),
        ({"zookeeper.connect": "zk:2181"}, "not served yet"),
        ({"authorizer.class.name": "org.apache.kafka.X"}, "there are no Java classes to load"),
        ({"process.roles": "controller"}, "nothing to do"),
        ({"remote.log.storage.system.enable": "true"}, "tiered storage is not served"),
        ({"node.id": "-5"}, "has to be 0 or more"),
        (
            {"compression.type": "zip"},
            "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
        ),
        ({"listener.name.plaintext.max.connections": "x"}, "Not a number of type INT"),
    ],
)
def test_settings_that_can_t_stand_together_are_refused(settings: dict[str, str], fault: str) -> None:
    """One line, which names the setting to mend."""
    (line, *others) = faults_of(settings)
    assert fault in line
    assert others == [] or "inter.broker" in others[0]


def test_an_ipv4_and_an_ipv6_listener_may_share_a_port() -> None:
    """The one pair that may: the same port on two kinds of address."""
    config = broker_config(
        {
            "listeners": "A://127.0.0.1:9092,B://[::1]:9092",
            "listener.security.protocol.map": "A:PLAINTEXT,B:PLAINTEXT",
            "inter.broker.listener.name": "A",
        }
    )
    assert [str(endpoint) for endpoint in config.listeners] == ["A://127.0.0.1:9092", "B://[::1]:9092"]


def test_a_listener_s_own_setting_goes_before_the_broker_s() -> None:
    """`listener.name.NAME.` in front makes a setting hold for one listener, dynamic ones too."""
    config = broker_config({"listener.name.plaintext.max.connections": "5", "max.connections": "9"})
    assert config.listener_value("PLAINTEXT", "max.connections") == 5
    assert config.listener_value("OTHER", "max.connections") == 9
    changed = config.with_dynamic({"listener.name.plaintext.max.connections": "6"})
    assert changed.listener_value("PLAINTEXT", "max.connections") == 6


def test_a_secret_doesn_t_show_in_faults(tmp_path: Path) -> None:
    """A fault that concerns a secret says where it stands, not what it is."""
    path = tmp_path / "server.properties"
    path.write_text("ssl.keystore.password=hunter2\nnum.partitions=x\n")
    with pytest.raises(InvalidConfigurationError) as refused:
        build(parse_properties(path.read_text(), "file"))
    assert "hunter2" not in str(refused.value)
