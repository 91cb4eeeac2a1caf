"""More connections than the process may have descriptors: whoever is in is served, and the broker is as before when they have gone."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

import psutil
import pytest

from brokers import OttlaBroker
from conditions import until
from wire.wire_client import WireClient

SPARE_DESCRIPTORS = 16
CONNECTIONS = 200


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are Linux's to set")
def test_a_flood_of_connections_takes_the_last_descriptor(tmp_path: Path) -> None:
    """Neither spins nor fills its log, and goes on taking records of who was there before."""
    with OttlaBroker(tmp_path / "broker") as broker, WireClient(broker.host, broker.port) as before:
        assert broker.process is not None
        before.create_topic("t")
        process = psutil.Process(broker.process.pid)
        most = process.num_fds() + SPARE_DESCRIPTORS
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (most, most))
        flood = [socket.create_connection((broker.host, broker.port), 30) for _ in range(CONNECTIONS)]
        try:
            lines = len(broker.output.read_text().splitlines())
            before.produce("t", b"")  # whatever becomes of it, it is answered
            until(lambda: before.topic("t").error_code == 0)
            assert process.num_fds() <= most
        finally:
            for each in flood:
                each.close()

        def is_served() -> bool:
            try:
                with WireClient(broker.host, broker.port) as after:
                    return after.topic("t").error_code == 0
            except OSError:
                return False

        until(is_served)
        assert broker.process.poll() is None
        assert len(broker.output.read_text().splitlines()) - lines < 2 * CONNECTIONS
