"""Where a client comes from is what the kernel says, in one spelling: rules for hosts and limits for addresses rest on it."""

from __future__ import annotations

import struct

import pytest

from ottla.broker.listener import _plain_host
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.mark.parametrize(
    ("told", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.1"),
    ],
)
def test_an_address_has_one_spelling(told: str, host: str) -> None:
    """An IPv4 address in IPv6's clothes would pass by a rule that denies it, and have a limit of its own."""
    assert _plain_host(told) == host


@pytest.mark.parametrize(
    "claim",
    [
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 9092\r\n",
        PROXY_V2 + b"\x21\x11" + struct.pack(">H", 12) + b"\x7f\0\0\1" * 2 + struct.pack(">HH", 1, 9092),
    ],
    ids=["v1", "v2"],
)
def test_nobody_says_himself_where_he_comes_from(broker, connect, claim) -> None:
    """ZooKeeper's CVE-2024-51504 is of this kind: what a proxy would say is no request, and ends the connection."""
    client = connect(broker)
    client.socket.sendall(claim + client.frame(ApiVersionsRequest(), 0))
    assert client.is_closed()
    assert connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
