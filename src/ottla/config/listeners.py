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
from ottla.config.tls_checks import tls_faults
from ottla.config.values import Value


class Endpoints(NamedTuple):
    """Where the broker listens and what it says of it."""

    listening: tuple[Endpoint, ...]
    advertised: tuple[Endpoint, ...]
    """Empty when not set."""
    between_brokers: str


def resolve_endpoints(
    values: Mapping[str, Value], of_listeners: Mapping[str, Value]
) -> tuple[Endpoints | None, list[Fault]]:
    """The listeners, or what is wrong with them; `of_listeners` is what is set under names with a listener's prefix."""
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
    faults = [*_faults(values, endpoints, protocols), *_tls(values, endpoints, of_listeners)]
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
    control = _text(values["control.plane.listener.name"]).upper()
    if control and control not in advertised:
        yield Fault(
            "control.plane.listener.name",
            "control.plane.listener.name must be a listener name defined in advertised.listeners. The valid options "
            f"based on currently configured listeners are {','.join(advertised)}",
        )
    elif control and control == between:
        yield Fault(
            "control.plane.listener.name",
            "control.plane.listener.name, when defined, should have a different value from the inter broker listener "
            f"name. Currently they both have the value {control}",
        )


def _tls(
    values: Mapping[str, Value], endpoints: Endpoints, of_listeners: Mapping[str, Value]
) -> Iterator[Fault]:
    """Faults of the listeners that speak TLS, under the names by which the values in question are set."""
    for endpoint in endpoints.listening:
        if endpoint.security_protocol not in (SecurityProtocol.SSL, SecurityProtocol.SASL_SSL):
            continue
        prefix = f"listener.name.{endpoint.listener_name.lower()}."

        def value(name: str, prefix: str = prefix) -> Value:
            return of_listeners.get(prefix + name, values[name])

        for name, rule in tls_faults(str(endpoint), value):
            yield Fault(prefix + name if prefix + name in of_listeners else name, rule)
