"""Connections that are made while the broker stops."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_connection_made_as_the_broker_stops_is_closed(
    start_broker: Callable[..., Any], *, uvloop: bool
) -> None:
    """It is accepted by the loop, and nobody has heard of it when the listener closes: a socket left over is a warning, and fails."""
    for _ in range(10):
        broker = start_broker(uvloop=uvloop)
        clients = [socket.create_connection(("127.0.0.1", broker.port)) for _ in range(5)]
        broker.stop()
        for client in clients:
            client.settimeout(30)
            with suppress(ConnectionResetError):  # cut off is closed as well
                assert client.recv(1) == b""
            client.close()
    gc.collect()
