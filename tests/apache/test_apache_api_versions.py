"""What Ottla announces beside what Apache Kafka 4.1.1 announces, and what docs/differences.md says of it."""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path

from apache_jars import ROOT
from brokers import ApacheBroker, Broker, OttlaBroker
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse


def announced(broker: Broker) -> dict[str, tuple[int, int]]:
    """Lowest and highest version by the API's name."""
    request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
    with socket.create_connection((broker.host, broker.port), timeout=30) as connection:
        connection.sendall(encode_request(request, 3, 1, "test"))
        (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
        frame = connection.recv(size, socket.MSG_WAITALL)
    answer = decode(ApiVersionsResponse, 3, memoryview(frame)[4:])
    return {ApiKey(each.api_key).name: (each.min_version, each.max_version) for each in answer.api_keys}


def test_served_apis_have_apaches_versions_and_the_others_are_listed(tmp_path: Path) -> None:
    """Neither a version more nor less; and the page of differences names exactly what is missing."""
    with OttlaBroker(tmp_path / "ottla") as ottla, ApacheBroker(tmp_path / "apache") as apache:
        ours, theirs = announced(ottla), announced(apache)
    assert ours == {name: theirs.get(name) for name in ours}
    page = (ROOT / "docs" / "differences.md").read_text()
    [exceptions] = re.findall(r"is announced, in the same versions .*? but for (.*?)\.\n", page, re.DOTALL)
    listed = re.findall(r"[A-Z]+(?:_[A-Z]+)+", exceptions)
    assert sorted(listed) == sorted(theirs.keys() - ours.keys())
