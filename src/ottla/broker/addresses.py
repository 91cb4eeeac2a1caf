"""By which addresses brokers are reached: what is written into the metadata, and what a client is told.

Where a listener advertises no address, the metadata has the one it is bound to, and a client is told the one by which it came.
"""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.broker.context import ConnectionInfo
from ottla.cluster.image import Endpoint
from ottla.config.broker_config import BrokerConfig

if TYPE_CHECKING:
    from ottla.broker.listener import Listener
    from ottla.broker.server import BrokerServer


def advertised(listeners: "Iterable[Listener]", config: BrokerConfig) -> list[Endpoint]:
    """The addresses of this broker's listeners as they go into the metadata."""
    set_by_name = {each.listener_name: each for each in config.advertised_listeners}
    endpoints = []
    for listener in listeners:
        told = set_by_name.get(listener.name)
        host = listener.host if told is None else told.host
        port = listener.port if told is None or told.port <= 0 else told.port
        if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            host = socket.gethostname()
        endpoints.append(Endpoint(listener.name, listener.security_protocol, host, port))
    return endpoints


def address_of(broker: "BrokerServer", broker_id: int, connection: ConnectionInfo) -> tuple[str, int] | None:
    """Host and port by which a client can reach a broker from its listener; None if there is no such broker for it."""
    if broker_id == broker.node_id:
        for each in broker.config.advertised_listeners:
            if each.listener_name == connection.listener_name:
                port = each.port if each.port > 0 else connection.local_port
                return each.host or connection.local_host, port
        return connection.local_host, connection.local_port
    registration = broker.metadata.image.brokers.get(broker_id)
    endpoint = None if registration is None else registration.endpoint(connection.listener_name)
    return None if endpoint is None else (endpoint.host, endpoint.port)
