"""Listeners: where a broker can be reached and how the connection is secured.

Source: Apache's SocketServerConfigs and CoreUtils (`listenerListToEndPoints`).
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple

_ADDRESS = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")


class SecurityProtocol(enum.StrEnum):
    """What a connection is secured by."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class Endpoint(NamedTuple):
    """One listener."""

    listener_name: str
    """In capital letters, as Apache keeps it."""
    security_protocol: SecurityProtocol
    host: str
    """Empty for every interface, where it listens; for the address the client used, where it is advertised."""
    port: int
    """0 for one that the system picks."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.listener_name}://{host}:{self.port}"


class EndpointError(ValueError):
    """Listeners that can't be; the message is Apache's where it has one."""


def parse_protocol_map(text: str) -> dict[str, SecurityProtocol]:
    """`INTERNAL:PLAINTEXT,EXTERNAL:SSL` as a map; raises `EndpointError`."""
    protocols: dict[str, SecurityProtocol] = {}
    for entry in split_addresses(text):
        name, separator, protocol = entry.partition(":")
        known = protocol.strip().upper()
        if not separator or not name.strip() or known not in SecurityProtocol.__members__:
            raise EndpointError(f"{entry} has to be LISTENER:PROTOCOL, one of {', '.join(SecurityProtocol)}")
        protocols[name.strip().upper()] = SecurityProtocol[known]
    return protocols


def split_addresses(text: str | None) -> list[str]:
    """What stands between commas, without blanks around and without empty entries."""
    return [entry.strip() for entry in (text or "").split(",") if entry.strip()]


def parse_endpoints(
    text: str, protocols: Mapping[str, SecurityProtocol], *, distinct_ports: bool = True
) -> tuple[Endpoint, ...]:
    """`PLAINTEXT://:9092,…` as endpoints; raises `EndpointError`.

    `distinct_ports`: listeners can't share a port, but for a pair of an IPv4 and an IPv6 address; advertised
    addresses may.
    """
    endpoints = tuple(_endpoint(address, protocols) for address in split_addresses(text))
    names = [endpoint.listener_name for endpoint in endpoints]
    if distinct_ports:
        _check_ports(text, endpoints)
    elif len(set(names)) != len(names):
        raise EndpointError(f"Each listener must have a different name, listeners: {text}")
    return endpoints


def _endpoint(address: str, protocols: Mapping[str, SecurityProtocol]) -> Endpoint:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise EndpointError(f"Unable to parse {address} to a broker endpoint")
    name = match[1].upper()
    if name not in protocols:
        raise EndpointError(f"No security protocol defined for listener {name}")
    port = int(match[3])
    if not -1 <= port <= 65535:
        raise EndpointError(f"Unable to parse {address} to a broker endpoint: there is no port {port}")
    return Endpoint(name, protocols[name], match[2], port)


def _check_ports(text: str, endpoints: tuple[Endpoint, ...]) -> None:
    by_port: dict[int, list[Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.port != 0:
            by_port.setdefault(endpoint.port, []).append(endpoint)
    for port, sharing in by_port.items():
        if len(sharing) > 1 and sorted(map(_ip_version, sharing)) != [4, 6]:
            raise EndpointError(
                "Each listener must have a different port unless exactly one listener has an IPv4 address "
                f"and the other IPv6 address, listeners: {text}, port: {port}"
            )
    paired = {e.port for sharing in by_port.values() if len(sharing) == 2 for e in sharing}
    names = [e.listener_name for e in endpoints if e.port not in paired] + [
        name for port in paired for name in {e.listener_name for e in by_port[port]}
    ]
    if len(set(names)) != len(names):
        raise EndpointError(f"Each listener must have a different name, listeners: {text}")


def _ip_version(endpoint: Endpoint) -> int:
    """4 or 6 for an address, 0 for a host name or none."""
    try:
        return ipaddress.ip_address(endpoint.host.partition("%")[0]).version
    except ValueError:
        return 0
