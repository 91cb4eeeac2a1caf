"""Client telemetry (KIP-714) as clients meet it. Apache's broker needs a plug-in for it, Ottla's a metrics page."""

import urllib.request
from collections.abc import Callable, Iterator

import pytest
from wire_client import WireClient

from brokers import ApacheBroker, Broker, OttlaBroker, ProcessBroker, free_port
from conditions import until
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import incremental_alter_configs as altering
from ottla.protocol.messages.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.messages.list_config_resources import (
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)
from ottla.protocol.messages.push_telemetry import PushTelemetryRequest, PushTelemetryResponse
from ottla.protocol.types import ZERO_UUID, Uuid, uuid_text
from ottla.records.batch import Codec
from ottla.records.compression import compress

CLIENT_METRICS = 16
SET, DELETE = 0, 1


PAGE = "ottla.metrics.listener"


@pytest.fixture(scope="module")
def receiver(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessBroker]:
    """A broker that takes metrics."""
    directory, limit = tmp_path_factory.mktemp("receiver"), {"telemetry.max.bytes": "5000"}
    broker: ProcessBroker
    if broker_kind == "apache":
        broker = ApacheBroker(directory, {**limit, "metric.reporters": "ottla.TelemetryReceiver"})
    else:
        broker = OttlaBroker(directory, {**limit, PAGE: f"127.0.0.1:{free_port()}"})
    with broker:
        yield broker


@pytest.fixture
def client(receiver: ProcessBroker, unique_name: Callable[[str], str]) -> Iterator[WireClient]:
    with WireClient(receiver.host, receiver.port, client_id=unique_name("pusher")) as connection:
        yield connection


def get(client: WireClient, instance: Uuid = ZERO_UUID) -> GetTelemetrySubscriptionsResponse:
    request = GetTelemetrySubscriptionsRequest(client_instance_id=instance)
    return client.ask(request, GetTelemetrySubscriptionsResponse, 0)


def push(
    client: WireClient,
    told: GetTelemetrySubscriptionsResponse,
    metrics: bytes = b"",
    *,
    codec: int = 0,
    terminating: bool = False,
    subscription_id: int | None = None,
) -> ErrorCode:
    request = PushTelemetryRequest(
        client_instance_id=told.client_instance_id,
        subscription_id=told.subscription_id if subscription_id is None else subscription_id,
        terminating=terminating,
        compression_type=codec,
        metrics=metrics,
    )
    return ErrorCode(client.ask(request, PushTelemetryResponse, 0).error_code)


@pytest.fixture
def subscribe(client: WireClient, unique_name: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Makes a subscription for this test's client; it is taken away after the test."""
    names: list[str] = []

    def alter(name: str, *operations: tuple[str, int, str | None]) -> None:
        resource = altering.AlterConfigsResource(
            resource_type=CLIENT_METRICS,
            resource_name=name,
            configs=[
                altering.AlterableConfig(name=key, config_operation=operation, value=value)
                for key, operation, value in operations
            ],
        )
        request = altering.IncrementalAlterConfigsRequest(resources=[resource])
        [answer] = client.ask(request, altering.IncrementalAlterConfigsResponse, 1).responses
        assert answer.error_code == ErrorCode.NONE, answer

    def make(metrics: str, *, interval_ms: int = 100, match: str | None = None) -> str:
        name = unique_name("subscription")
        names.append(name)
        match = f"client_id={client.client_id}" if match is None else match
        alter(name, ("metrics", SET, metrics), ("interval.ms", SET, str(interval_ms)), ("match", SET, match))
        return name

    yield make
    for name in names:
        alter(name, *((key, DELETE, None) for key in ("metrics", "interval.ms", "match")))


def subscribed(client: WireClient, wanted: list[str]) -> GetTelemetrySubscriptionsResponse:
    return until(lambda: get(client), lambda told: sorted(told.requested_metrics) == wanted)


def test_telemetry_is_announced_where_someone_takes_it(broker: Broker, receiver: ProcessBroker) -> None:
    """And nowhere else, so that clients don't ask in vain."""
    keys = {ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, ApiKey.PUSH_TELEMETRY}
    with WireClient(receiver.host, receiver.port) as wire:
        assert {key: wire.versions()[key] for key in keys} == dict.fromkeys(keys, (0, 0))
    with WireClient(broker.host, broker.port) as wire:
        assert not keys & set(wire.versions())


def test_a_client_without_a_subscription_has_nothing_to_push(client: WireClient) -> None:
    """It gets an id, and asks again in five minutes."""
    told = get(client)
    assert told.error_code == ErrorCode.NONE
    assert told.client_instance_id != ZERO_UUID
    assert told.requested_metrics == []
    assert told.push_interval_ms == 300_000
    assert told.accepted_compression_types == [4, 3, 1, 2]
    assert told.telemetry_max_bytes == 5_000
    assert told.delta_temporality


def test_subscriptions_that_match_add_up(client: WireClient, subscribe: Callable[..., str]) -> None:
    """All metrics asked for, the shortest interval; a star stands for all. Every expression of a match has to match."""
    subscribe("org.apache.kafka.producer.", interval_ms=60_000)
    subscribe("org.apache.kafka.consumer.,org.apache.kafka.producer.", interval_ms=30_000)
    subscribe("org.apache.kafka.admin.", match=f"client_id={client.client_id}x")
    subscribe("org.apache.kafka.admin.", match=f"client_id={client.client_id},client_source_address=10[.].*")
    told = subscribed(client, ["org.apache.kafka.consumer.", "org.apache.kafka.producer."])
    assert told.push_interval_ms == 30_000
    subscribe(
        "*,org.apache.kafka.admin.", match=f"client_id={client.client_id},client_source_address=127[.].*"
    )
    assert subscribed(client, ["*"]).push_interval_ms == 100


def test_an_id_that_a_client_brings_along_is_kept(client: WireClient) -> None:
    """It is the same client on every broker. Asking twice within the interval is too much."""
    brought = Uuid(bytes(range(16)))
    assert get(client, brought).client_instance_id == brought
    assert get(client, brought).error_code == ErrorCode.THROTTLING_QUOTA_EXCEEDED


def test_when_a_push_is_taken(client: WireClient, subscribe: Callable[..., str]) -> None:
    """At once after the subscription was fetched, then once an interval; the last one at any time, and nothing after it."""
    subscribe("*", interval_ms=60_000)
    told = subscribed(client, ["*"])
    assert push(client, told) == ErrorCode.NONE
    assert push(client, told) == ErrorCode.THROTTLING_QUOTA_EXCEEDED
    assert push(client, told, terminating=True) == ErrorCode.NONE
    assert push(client, told, terminating=True) == ErrorCode.INVALID_REQUEST


def test_what_is_wrong_with_a_push(client: WireClient, subscribe: Callable[..., str]) -> None:
    """Each has its code; after an unknown subscription the client may fetch it at once."""
    subscribe("*", interval_ms=60_000)
    told = subscribed(client, ["*"])
    assert push(client, told, subscription_id=told.subscription_id ^ 1) == ErrorCode.UNKNOWN_SUBSCRIPTION_ID
    told = get(client, told.client_instance_id)
    assert told.error_code == ErrorCode.NONE
    assert push(client, told) == ErrorCode.THROTTLING_QUOTA_EXCEEDED, "though the push still has to wait"
    told = get(client)
    assert push(client, told, codec=9) == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert get(client, told.client_instance_id).error_code == ErrorCode.NONE
    assert push(client, get(client), b"x" * 5_001) == ErrorCode.TELEMETRY_TOO_LARGE
    nobody = GetTelemetrySubscriptionsResponse(client_instance_id=ZERO_UUID)
    assert push(client, nobody) == ErrorCode.INVALID_REQUEST


def test_a_changed_subscription_is_heard_of_with_the_next_push(
    client: WireClient, subscribe: Callable[..., str]
) -> None:
    """It is refused as one for the old subscription, whose id is another."""
    subscribe("org.apache.kafka.producer.", interval_ms=100)
    told = subscribed(client, ["org.apache.kafka.producer."])
    subscribe("org.apache.kafka.consumer.", interval_ms=100)
    until(lambda: push(client, told), lambda code: code == ErrorCode.UNKNOWN_SUBSCRIPTION_ID)
    again = get(client, told.client_instance_id)
    assert again.subscription_id != told.subscription_id
    assert len(again.requested_metrics) == 2


def test_subscriptions_are_listed(client: WireClient, subscribe: Callable[..., str]) -> None:
    """By ListConfigResources in its first version, which was made for them, and in the later one."""
    name = subscribe("*")
    for version, request in (
        (0, ListConfigResourcesRequest()),
        (1, ListConfigResourcesRequest(resource_types=[CLIENT_METRICS])),
    ):
        listed = until(
            lambda version=version, request=request: [  # type: ignore[misc]
                each.resource_name
                for each in client.ask(request, ListConfigResourcesResponse, version).config_resources
            ],
            lambda names: name in names,
        )
        assert name in listed


def metrics_data(name: str, value: int, **attributes: str) -> bytes:
    """An OTLP message with one sum that grew by `value`."""
    from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 1
    point = metric.sum.data_points.add(as_int=value)
    for key, text in attributes.items():
        point.attributes.add(key=key).value.string_value = text
    return data.SerializeToString()


@pytest.fixture
def page(receiver: ProcessBroker) -> Callable[[], str]:
    if receiver.name != "ottla":
        pytest.skip("Apache's broker has no page; a plug-in would have to show what clients push")

    def read() -> str:
        with urllib.request.urlopen(f"http://{receiver.settings[PAGE]}/metrics") as answer:
            return str(answer.read().decode())

    return read


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_what_was_pushed_is_on_the_page(
    client: WireClient, subscribe: Callable[..., str], page: Callable[[], str], codec: int
) -> None:
    """Additions add up, under the metric's name and with its attributes as labels, whatever the compression."""
    subscribe("*", interval_ms=100)
    told = subscribed(client, ["*"])
    payload = metrics_data("org.apache.kafka.producer.record.send.total", 7, topic="t")
    if codec:
        payload = bytes(compress(Codec(codec), payload))
    for _ in range(2):
        until(lambda: push(client, told, payload, codec=codec), lambda code: code == ErrorCode.NONE)
    instance = uuid_text(told.client_instance_id)
    name = "org_apache_kafka_producer_record_send_total"
    assert f'{name}{{client_id="{client.client_id}",client_instance_id="{instance}",topic="t"}} 14' in page()


def test_a_push_that_can_t_be_read(
    client: WireClient, subscribe: Callable[..., str], page: Callable[[], str]
) -> None:
    """INVALID_RECORD for bytes that are no metrics, for broken compression, and for a bomb."""
    del page  # Apache hands the bytes to the plug-in unread
    subscribe("*", interval_ms=100)
    told = subscribed(client, ["*"])
    bomb = bytes(compress(Codec.ZSTD, bytes(10_000_000)))
    assert len(bomb) < 5_000
    for payload, codec in ((b"\xff\xff", 0), (b"no zstd", 4), (bomb, 4)):
        until(
            lambda payload=payload, codec=codec: push(client, told, payload, codec=codec),  # type: ignore[misc]
            lambda code: code == ErrorCode.INVALID_RECORD,
        )
