"""The broker's listeners, out of the half dozen settings that speak of them.

Source: Apache's AbstractKafkaConfig (`effectiveAdvertisedBrokerListeners`, `interBrokerListenerName`) and KafkaConfig
(`validateValues`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ottla.config.checks import Fault
from ottla.config.endpoints import (
    Endpoint,
    EndpointError,
    SecurityProtocol,
    parse_endpoints,
    parse_protocol_map,
    split_addresses,
)
from ottla.config.values import Value


class Endpoints(NamedTuple):
    """Where the broker listens and what it says of it."""

    listening: tuple[Endpoint, ...]
    advertised: tuple[Endpoint, ...]
    """Empty when not set."""
    between_brokers: str


def resolve_endpoints(values: Mapping[str, Value]) -> tuple[Endpoints | None, list[Fault]]:
    """The listeners, or what is wrong with them."""
    try:
        protocols = parse_protocol_map(str(values["listener.security.protocol.map"]))
    except EndpointError as error:
        return None, [Fault("listener.security.protocol.map", str(error))]
    found: dict[str, tuple[Endpoint, ...]] = {}
    faults: list[Fault] = []
    for name in ("listeners", "advertised.listeners"):
        text = _without_controllers(values, name)
        try:
            found[name] = parse_endpoints(text, protocols, distinct_ports=name == "listeners")
        except EndpointError as error:
            faults.append(Fault(name, str(error)))
    if faults:
        return None, faults
    endpoints = Endpoints(found["listeners"], found["advertised.listeners"], _between_brokers(values))
    faults = list(_faults(values, endpoints, protocols))
    return (None if faults else endpoints), faults


def _without_controllers(values: Mapping[str, Value], name: str) -> str:
    """The addresses that aren't KRaft controllers': these have no entry in the protocol map as a rule."""
    controllers = {name.upper() for name in split_addresses(_text(values["controller.listener.names"]))}
    addresses = split_addresses(_text(values[name]))
    return ",".join(a for a in addresses if a.partition("://")[0].upper() not in controllers)


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _between_brokers(values: Mapping[str, Value]) -> str:
    named = values["inter.broker.listener.name"]
    return str(named if named is not None else values["security.inter.broker.protocol"]).upper()


def _faults(
    values: Mapping[str, Value], endpoints: Endpoints, protocols: Mapping[str, SecurityProtocol]
) -> Iterator[Fault]:
    if not endpoints.listening:
        yield Fault("listeners", "There must be at least one broker listener.")
    for endpoint in endpoints.listening:
        if endpoint.security_protocol is not SecurityProtocol.PLAINTEXT:
            yield Fault(
                "listeners", f"{endpoint}: {endpoint.security_protocol} is not served yet, only PLAINTEXT"
            )
    names = [endpoint.listener_name for endpoint in endpoints.listening]
    advertised = [endpoint.listener_name for endpoint in endpoints.advertised] or names
    if set(advertised) - set(names):
        yield Fault(
            "advertised.listeners",
            "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. "
            f"Found {','.join(advertised)}. The valid options based on the current configuration are "
            f"{','.join(names)}",
        )
    for endpoint in endpoints.advertised:
        if endpoint.host == "0.0.0.0":  # noqa: S104 - refused, not bound
            yield Fault(
                "advertised.listeners",
                "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.",
            )
    between = endpoints.between_brokers
    if values["inter.broker.listener.name"] is not None and between not in protocols:
        yield Fault(
            "inter.broker.listener.name",
            f"Listener with name {between} defined in inter.broker.listener.name not found in "
            "listener.security.protocol.map.",
        )
    elif between not in advertised:
        yield Fault(
            "inter.broker.listener.name",
            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options "
            f"based on currently configured listeners are {','.join(advertised)}",
        )
