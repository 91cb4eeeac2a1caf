"""Settings of topics, brokers, log levels, groups and subscriptions: described and altered, to the letter."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import alter_configs as replacing
from ottla.protocol.messages import incremental_alter_configs as altering
from ottla.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)

TOPIC, BROKER, LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
OF_TOPIC, OF_BROKER, OF_ALL_BROKERS, STATIC, DEFAULT, OF_LOGGER, OF_METRICS, OF_GROUP = range(1, 9)
INVALID_CONFIG, INVALID_REQUEST = ErrorCode.INVALID_CONFIG, ErrorCode.INVALID_REQUEST
NONE: tuple[int, str | None] = (ErrorCode.NONE, None)
Operations = Sequence[tuple[str, int, str | None]]


def describe(wire: WireClient, kind: int, name: str, *keys: str) -> DescribeConfigsResult:
    resource = DescribeConfigsResource(
        resource_type=kind, resource_name=name, configuration_keys=list(keys) or None
    )
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
    [result] = wire.ask(request, DescribeConfigsResponse, 4).results
    return result


def setting(wire: WireClient, kind: int, name: str, key: str) -> DescribeConfigsResourceResult:
    [found] = describe(wire, kind, name, key).configs
    return found


def layers(wire: WireClient, kind: int, name: str, key: str) -> list[tuple[str, str | None, int]]:
    return [(each.name, each.value, each.source) for each in setting(wire, kind, name, key).synonyms]


def alter(
    wire: WireClient, kind: int, name: str, operations: Operations, *, validate_only: bool = False
) -> tuple[int, str | None]:
    resource = altering.AlterConfigsResource(
        resource_type=kind,
        resource_name=name,
        configs=[
            altering.AlterableConfig(name=key, config_operation=operation, value=value)
            for key, operation, value in operations
        ],
    )
    request = altering.IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
    [answer] = wire.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
    assert (answer.resource_type, answer.resource_name) == (kind, name)
    return answer.error_code, answer.error_message


def replace(wire: WireClient, kind: int, name: str, **values: str | None) -> tuple[int, str | None]:
    resource = replacing.AlterConfigsResource(
        resource_type=kind,
        resource_name=name,
        configs=[
            replacing.AlterableConfig(name=key.replace("_", "."), value=value)
            for key, value in values.items()
        ],
    )
    [answer] = wire.ask(
        replacing.AlterConfigsRequest(resources=[resource]), replacing.AlterConfigsResponse, 2
    ).responses
    return answer.error_code, answer.error_message


@pytest.fixture(scope="module")
def topic_name(broker: ProcessBroker, unique_name: Callable[[str], str]) -> str:
    """A topic that nothing is set on for good."""
    name = unique_name("configured")
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic(name)
    return name


# What is refused, of which resource, with which code and words.

REFUSED: list[tuple[int, str, Operations, ErrorCode, str | None]] = [
    (TOPIC, "T", [("retention.ms", APPEND, "5")], INVALID_CONFIG, "Can't APPEND to key retention.ms because its type is not LIST."),
    (TOPIC, "T", [("retention.ms", SET, None)], INVALID_REQUEST, "Null value not supported for : retention.ms"),
    (TOPIC, "T", [("no.such", SET, "1")], INVALID_CONFIG, "Unknown topic config name: no.such"),
    (TOPIC, "T", [("retention.ms", SET, "x")], INVALID_CONFIG, "Invalid value x for configuration retention.ms: Not a number of type LONG"),
    (TOPIC, "T", [("retention.ms", SET, "-2")], INVALID_CONFIG, "Invalid value -2 for configuration retention.ms: Value must be at least -1"),
    (TOPIC, "T", [("min.compaction.lag.ms", SET, "9"), ("max.compaction.lag.ms", SET, "5")], INVALID_CONFIG, "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)"),
    (TOPIC, "T", [("retention.ms", SET, "1"), ("retention.ms", SET, "2")], INVALID_REQUEST, "Error due to duplicate config keys"),
    (TOPIC, "T", [("retention.ms", 9, "1")], ErrorCode.UNKNOWN_SERVER_ERROR, None),
    (TOPIC, "", [("retention.ms", SET, "1")], INVALID_REQUEST, "Default topic resources are not allowed."),
    (TOPIC, "a b", [("retention.ms", SET, "1")], ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"),
    (TOPIC, "absent", [("retention.ms", SET, "1")], ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "The topic 'absent' does not exist."),
    (3, "x", [("a", SET, "1")], INVALID_REQUEST, "Unknown resource type 3"),
    (BROKER, "1", [("node.id", SET, "5")], INVALID_REQUEST, "Cannot update these configs dynamically: Set(node.id)"),
    (BROKER, "2", [("log.cleaner.backoff.ms", SET, "5")], INVALID_REQUEST, "Unexpected broker id, expected 1, but received 2"),
    (BROKER, "x", [("log.cleaner.backoff.ms", SET, "5")], INVALID_REQUEST, "Node id must be an integer, but it is: x"),
    (BROKER, "1", [("log.cleaner.backoff.ms", SET, "-5")], INVALID_REQUEST, "Invalid value -5 for configuration log.cleaner.backoff.ms: Value must be at least 0"),
    (BROKER, "1", [("log.cleaner.backoff.ms", APPEND, "5")], INVALID_CONFIG, "Config value append is not allowed for config key: log.cleaner.backoff.ms"),
    (BROKER, "", [("advertised.listeners", SET, "x")], INVALID_REQUEST, "Cannot update these configs dynamically: Set(advertised.listeners)"),
    (LOGGER, "1", [("root", SET, "NOPE")], INVALID_CONFIG, "Cannot set the log level of root to NOPE as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
    (LOGGER, "1", [("root", SET, "info")], INVALID_CONFIG, "Cannot set the log level of root to info as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
    (LOGGER, "1", [("root", SET, None)], INVALID_REQUEST, "Null value not supported for : root"),
    (LOGGER, "1", [("root", APPEND, "INFO")], INVALID_REQUEST, "APPEND operation is not allowed for the BROKER_LOGGER resource"),
    (LOGGER, "1", [("no.such", SET, "INFO")], INVALID_CONFIG, "Logger no.such does not exist!"),
    (LOGGER, "2", [("root", SET, "INFO")], INVALID_REQUEST, "Unexpected node id. Expected 1, but received 2"),
    (LOGGER, "", [("root", SET, "INFO")], INVALID_REQUEST, "Node id must be an integer, but it is: "),
    (CLIENT_METRICS, "", [("interval.ms", SET, "100")], INVALID_REQUEST, "Subscription name can't be empty"),
    (CLIENT_METRICS, "s", [("interval.ms", SET, "99")], INVALID_REQUEST, "Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)"),
    (CLIENT_METRICS, "s", [("interval.ms", SET, "x")], INVALID_CONFIG, "Invalid value x for configuration interval.ms: Not a number of type INT"),
    (CLIENT_METRICS, "s", [("match", SET, "client_id=[")], INVALID_CONFIG, "Illegal client matching pattern: client_id=["),
    (CLIENT_METRICS, "s", [("no.such", SET, "1")], INVALID_REQUEST, "Unknown client metrics configuration: no.such"),
    (GROUP, "", [("consumer.session.timeout.ms", SET, "50000")], INVALID_REQUEST, "Default group resources are not allowed."),
    (GROUP, "g", [("no.such", SET, "1")], INVALID_CONFIG, "Unknown group config name: no.such"),
    (GROUP, "g", [("consumer.session.timeout.ms", SET, "1")], INVALID_CONFIG, "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms"),
    (GROUP, "g", [("consumer.session.timeout.ms", SET, "100000000")], INVALID_CONFIG, "consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms"),
    (GROUP, "g", [("share.auto.offset.reset", SET, "none")], INVALID_CONFIG, "Invalid value none for configuration share.auto.offset.reset: Invalid value `none` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "operations", "code", "message"), REFUSED)
def test_what_can_t_be_altered(
    wire: WireClient,
    topic_name: str,
    kind: int,
    name: str,
    operations: Operations,
    code: ErrorCode,
    message: str | None,
) -> None:
    """Apache's code and Apache's words."""
    name = topic_name if name == "T" else name
    assert alter(wire, kind, name, operations) == (code, message)


@pytest.mark.parametrize(
    ("kind", "name", "code", "message"),
    [
        (TOPIC, "absent", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ""),
        (TOPIC, "", ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic name is invalid: the empty string is not allowed"),
        (BROKER, "2", INVALID_REQUEST, "Unexpected broker id, expected 1 or empty string, but received 2"),
        (BROKER, "x", INVALID_REQUEST, "Broker id must be an integer, but it is: x"),
        (LOGGER, "", INVALID_REQUEST, "Broker id must not be empty"),
        (LOGGER, "2", INVALID_REQUEST, "Unexpected broker id, expected 1 but received 2"),
        (CLIENT_METRICS, "", INVALID_REQUEST, "Client metrics subscription name must not be empty"),
        (GROUP, "", INVALID_REQUEST, "Group name must not be empty"),
    ],
)  # fmt: skip
def test_what_can_t_be_described(
    wire: WireClient, kind: int, name: str, code: ErrorCode, message: str
) -> None:
    """Likewise."""
    result = describe(wire, kind, name)
    assert (result.error_code, result.error_message, result.configs) == (code, message, [])


def test_a_resource_named_twice_is_refused(wire: WireClient, topic_name: str) -> None:
    """Both times; the others of the request are altered all the same."""
    resources = [
        altering.AlterConfigsResource(
            resource_type=TOPIC,
            resource_name=name,
            configs=[altering.AlterableConfig(name="retention.ms", config_operation=SET, value="1")],
        )
        for name in (topic_name, topic_name, "absent")
    ]
    request = altering.IncrementalAlterConfigsRequest(resources=resources, validate_only=True)
    answers = wire.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
    assert {(each.resource_name, each.error_code) for each in answers} == {
        (topic_name, INVALID_REQUEST),
        ("absent", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    }


# What holds, and why.


def test_a_list_grows_and_shrinks(wire: WireClient, topic: str) -> None:
    """It starts from the default; entries that are there already are not added again."""
    wire.create_topic(topic)
    assert alter(wire, TOPIC, topic, [("cleanup.policy", APPEND, "compact")]) == NONE
    until(lambda: setting(wire, TOPIC, topic, "cleanup.policy").value, lambda held: held == "delete,compact")
    assert layers(wire, TOPIC, topic, "cleanup.policy") == [
        ("cleanup.policy", "delete,compact", OF_TOPIC),
        ("log.cleanup.policy", "delete", DEFAULT),
    ]
    assert alter(wire, TOPIC, topic, [("cleanup.policy", APPEND, "compact")]) == NONE
    assert alter(wire, TOPIC, topic, [("cleanup.policy", SUBTRACT, "delete")]) == NONE
    until(lambda: setting(wire, TOPIC, topic, "cleanup.policy").value, lambda held: held == "compact")
    assert alter(wire, TOPIC, topic, [("cleanup.policy", DELETE, None)]) == NONE
    until(lambda: setting(wire, TOPIC, topic, "cleanup.policy").config_source, lambda held: held == DEFAULT)


def test_the_layers_of_a_broker_s_setting(wire: WireClient) -> None:
    """Its own value before that of all brokers before the default; validate-only changes none of them."""
    name = "log.cleaner.backoff.ms"
    assert alter(wire, BROKER, "1", [(name, SET, "5")], validate_only=True) == NONE
    assert layers(wire, BROKER, "1", name) == [(name, "15000", DEFAULT)]
    assert alter(wire, BROKER, "", [(name, SET, "6")]) == NONE
    assert alter(wire, BROKER, "1", [(name, SET, "5")]) == NONE
    all_layers = [(name, "5", OF_BROKER), (name, "6", OF_ALL_BROKERS), (name, "15000", DEFAULT)]
    until(lambda: layers(wire, BROKER, "1", name), lambda held: held == all_layers)
    assert layers(wire, BROKER, "", name) == [(name, "6", OF_ALL_BROKERS)]
    assert not setting(wire, BROKER, "1", name).read_only
    assert setting(wire, BROKER, "1", "node.id").read_only
    assert alter(wire, BROKER, "1", [(name, DELETE, None)]) == NONE
    assert alter(wire, BROKER, "", [(name, DELETE, None)]) == NONE
    until(lambda: layers(wire, BROKER, "1", name), lambda held: held == [(name, "15000", DEFAULT)])


def test_an_unknown_setting_of_a_broker_is_kept_and_hidden(wire: WireClient) -> None:
    """It may be a plug-in's, and a secret."""
    assert alter(wire, BROKER, "1", [("my.plugin.password", SET, "secret")]) == NONE
    held = until(lambda: describe(wire, BROKER, "1", "my.plugin.password").configs, bool)[0]
    assert (held.value, held.is_sensitive, held.read_only, held.config_type) == (None, True, True, 0)
    assert alter(wire, BROKER, "1", [("my.plugin.password", DELETE, None)]) == NONE


def test_replacing_takes_away_what_isn_t_named(wire: WireClient, topic: str) -> None:
    """The older AlterConfigs."""
    wire.create_topic(topic, retention_ms="7", max_message_bytes="5000")
    assert replace(wire, TOPIC, topic, retention_ms="8") == NONE
    until(lambda: setting(wire, TOPIC, topic, "retention.ms").value, lambda held: held == "8")
    until(
        lambda: setting(wire, TOPIC, topic, "max.message.bytes").config_source, lambda held: held == DEFAULT
    )
    assert replace(wire, TOPIC, topic, retention_ms=None) == (
        INVALID_REQUEST,
        "Null value not supported for : retention.ms",
    )
    assert replace(wire, LOGGER, "1", root="INFO") == (INVALID_REQUEST, "Unknown resource type 8")


def test_a_log_level_is_set_and_reset(wire: WireClient) -> None:
    """Of a logger the broker has; validate-only leaves it."""
    before = setting(wire, LOGGER, "1", "root")
    assert before.config_source == OF_LOGGER
    assert alter(wire, LOGGER, "1", [("root", SET, "DEBUG")], validate_only=True) == NONE
    assert setting(wire, LOGGER, "1", "root").value == before.value
    assert alter(wire, LOGGER, "1", [("root", SET, "ERROR")]) == NONE
    assert setting(wire, LOGGER, "1", "root").value == "ERROR"
    assert alter(wire, LOGGER, "1", [("root", SET, before.value)]) == NONE


@pytest.fixture
def strict_broker(start_broker: Callable[..., ProcessBroker]) -> Iterator[WireClient]:
    """A broker whose groups have other defaults and bounds."""
    settings = {
        "group.consumer.session.timeout.ms": "50000",
        "group.consumer.max.session.timeout.ms": "52000",
        "group.share.record.lock.duration.ms": "40000",
    }
    broker = start_broker(settings)
    with WireClient(broker.host, broker.port) as wire:
        yield wire


def test_a_group_s_defaults_and_bounds_are_the_broker_s(strict_broker: WireClient) -> None:
    """What a group doesn't set is the broker's; what it sets lies within the broker's bounds."""
    wire, name = strict_broker, "consumer.session.timeout.ms"
    assert layers(wire, GROUP, "g", name) == [(name, "50000", DEFAULT)]
    assert setting(wire, GROUP, "g", "share.record.lock.duration.ms").value == "40000"
    too_long = (
        "consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms"
    )
    assert alter(wire, GROUP, "g", [(name, SET, "53000")]) == (INVALID_CONFIG, too_long)
    assert alter(wire, GROUP, "g", [(name, SET, "51000")]) == NONE
    until(lambda: layers(wire, GROUP, "g", name), lambda held: held == [(name, "51000", OF_GROUP)])


def test_a_stored_setting_survives_a_restart(start_broker: Callable[..., ProcessBroker]) -> None:
    """Of a topic, a broker and a group."""
    broker = start_broker()
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic("t", retention_ms="7")
        assert alter(wire, BROKER, "1", [("log.cleaner.backoff.ms", SET, "5")]) == NONE
        assert alter(wire, GROUP, "g", [("consumer.session.timeout.ms", SET, "50000")]) == NONE
    broker.stop()
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        until(lambda: describe(wire, TOPIC, "t").error_code, lambda code: code == ErrorCode.NONE)
        assert setting(wire, TOPIC, "t", "retention.ms").value == "7"
        assert setting(wire, BROKER, "1", "log.cleaner.backoff.ms").config_source == OF_BROKER
        assert setting(wire, GROUP, "g", "consumer.session.timeout.ms").value == "50000"
