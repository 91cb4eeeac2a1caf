"""Several listeners: each tells its clients of itself, and has settings of its own."""

from __future__ import annotations

import socket

import pytest

from conditions import until
from ottla.broker.listener import LineBudget
from ottla.config.broker_config import broker_config
from ottla.config.checks import InvalidConfigurationError
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse

THREE = {
    "listeners": "INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0,BARE://0.0.0.0:0",
    "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,BARE:PLAINTEXT",
    "inter.broker.listener.name": "INSIDE",
}


def told(client) -> list[tuple[str, int]]:
    """The address of the broker in each response that names one."""
    metadata = client.ask(MetadataRequest(topics=[]), MetadataResponse, 12)
    cluster = client.ask(DescribeClusterRequest(), DescribeClusterResponse, 1)
    found = client.ask(FindCoordinatorRequest(key="g", key_type=0), FindCoordinatorResponse, 3)
    addresses = [(each.host, each.port) for each in metadata.brokers]
    addresses += [(each.host, each.port) for each in cluster.brokers]
    if found.error_code == ErrorCode.NONE:
        addresses.append((found.host, found.port))
    return addresses


def test_each_listener_tells_of_itself(start_broker, raw_client) -> None:
    """The addresses advertised for the listener by which a client came; a port of 0 is the listener's own."""
    broker = start_broker(
        {**THREE, "advertised.listeners": "INSIDE://inside.example:1111,OUTSIDE://outside.example:0"}
    )
    server = broker.server
    with raw_client(server.port("INSIDE")) as client:
        assert set(told(client)) == {("inside.example", 1111)}
    with raw_client(server.port("OUTSIDE")) as client:
        assert set(told(client)) == {("outside.example", server.port("OUTSIDE"))}
    # What is advertised for others says nothing of this one: its clients get the address they came by.
    with raw_client(server.port("BARE")) as client:
        assert set(told(client)) == {("127.0.0.1", server.port("BARE"))}


def test_without_advertised_addresses_it_is_the_sockets(start_broker, raw_client) -> None:
    """On a machine with several, the one that this client can reach."""
    broker = start_broker(THREE)
    port = broker.server.port("BARE")
    for address in ("127.0.0.1", "127.0.0.2"):
        client = raw_client(port)
        client.socket.close()
        client.socket = socket.create_connection((address, port), 30)
        with client:
            assert set(told(client)) == {(address, port)}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"control.plane.listener.name": "NOWHERE"},
            "must be a listener name defined in advertised.listeners",
        ),
        (
            {"control.plane.listener.name": "inside"},
            "should have a different value from the inter broker listener name",
        ),
        ({"inter.broker.listener.name": "ELSEWHERE"}, "not found in listener.security.protocol.map"),
        (
            {"advertised.listeners": "INSIDE://x:1,MORE://y:2"},
            "No security protocol defined for listener MORE",
        ),
        ({"listener.security.protocol.map": "INSIDE:PLAINTEXT"}, "No security protocol defined for listener"),
        ({"listener.security.protocol.map": "INSIDE:TLS"}, "has to be LISTENER:PROTOCOL"),
    ],
)
def test_listeners_that_cannot_be_are_refused(settings: dict[str, str], said: str) -> None:
    """At the start, by name."""
    with pytest.raises(InvalidConfigurationError) as raised:
        broker_config({"log.dirs": "/nowhere", **THREE, **settings})
    assert said in str(raised.value)


def test_a_listener_has_limits_of_its_own(start_broker, raw_client) -> None:
    """One over `listener.name.x.max.connections` waits until another has gone; other listeners know nothing of it."""
    broker = start_broker({**THREE, "listener.name.outside.max.connections": "2"})
    port = broker.server.port("OUTSIDE")
    first, second, third = (raw_client(port) for _ in range(3))
    with second, third:
        for each in (first, second):
            each.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        third.send(ApiVersionsRequest(), 0)
        with raw_client(broker.server.port("INSIDE")) as inside:
            inside.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        third.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            third.socket.recv(1)
        third.socket.settimeout(30)
        first.socket.close()
        assert third.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE


def test_a_listeners_limits_change_while_it_serves(start_broker, raw_client) -> None:
    """By AlterConfigs, for all brokers at once: who waited comes in."""
    broker = start_broker({**THREE, "listener.name.outside.max.connections": "1"})
    port = broker.server.port("OUTSIDE")
    with (
        raw_client(port) as first,
        raw_client(port) as second,
        raw_client(broker.server.port("INSIDE")) as admin,
    ):
        first.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        second.send(ApiVersionsRequest(), 0)
        until(lambda: broker.call(lambda server: server.connections) == 3)
        answer = admin.ask(
            IncrementalAlterConfigsRequest(
                resources=[
                    AlterConfigsResource(
                        resource_type=4,
                        resource_name="",
                        configs=[
                            AlterableConfig(
                                name="listener.name.outside.max.connections", config_operation=0, value="2"
                            )
                        ],
                    )
                ]
            ),
            IncrementalAlterConfigsResponse,
            1,
        )
        assert answer.responses[0].error_code == ErrorCode.NONE
        assert second.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE


def test_closed_connections_do_not_fill_the_log() -> None:
    """Some hundreds of lines at once, then ten a second; the next line that is written tells how many were not."""
    budget = LineBudget()
    allowed = sum(budget.allow(1000.0) for _ in range(10_000))
    assert 100 <= allowed <= 1000
    assert budget.withheld == 10_000 - allowed
    assert sum(budget.allow(1000.0 + tenth / 10) for tenth in range(101)) == pytest.approx(100, abs=1)


def test_a_listener_for_the_controller_is_taken(start_broker, raw_client) -> None:
    """It serves like any other: a compose file for Apache's image starts."""
    broker = start_broker({**THREE, "control.plane.listener.name": "OUTSIDE"})
    with raw_client(broker.server.port("OUTSIDE")) as client:
        assert set(told(client)) == {("127.0.0.1", broker.server.port("OUTSIDE"))}
