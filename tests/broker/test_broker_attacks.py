"""What a broker does with clients that break the protocol, by malice or by accident: one log line, and the connection."""

import logging
import os
import select
import socket
import struct
import time

import psutil
import pytest

from conditions import until
from ottla.broker.receive import SHARED_BYTES, SPARE_BYTES
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse

DEADLINE_S = 30.0
APACHE_REQUEST_MAX_BYTES = 104_857_600


def eventually(condition, what: str) -> None:
    until(condition, otherwise=lambda: what)


def still_serves(connect, broker) -> None:
    answer = connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
    assert answer.error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (-1, "Invalid receive (size = -1)"),
        (-(2**31), "Invalid receive (size = -2147483648)"),
        (0, "Invalid receive (size = 0)"),
        (7, "Invalid receive (size = 7)"),
        (2**31 - 1, "Invalid receive (size = 2147483647 larger than 104857600"),
        (APACHE_REQUEST_MAX_BYTES + 1, "Invalid receive (size = 104857601 larger than 104857600"),
    ],
)
def test_impossible_lengths_close_the_connection_with_one_line(broker, connect, caplog, declared, said):
    """A frame can't be shorter than its header nor longer than socket.request.max.bytes."""
    with caplog.at_level(logging.INFO):
        client = connect(broker)
        client.socket.sendall(struct.pack(">i", declared) + b"xxxx")
        assert client.is_closed()
        eventually(lambda: said in caplog.text, "no line about it")
    assert len([each for each in caplog.records if "Closed connection" in each.message]) == 1
    still_serves(connect, broker)


def test_a_tls_hello_on_a_plain_port_is_called_by_its_name(broker, connect, caplog):
    """Its first bytes read as a length of 350 MB; the log says what it really is."""
    with caplog.at_level(logging.INFO):
        client = connect(broker)
        client.socket.sendall(bytes.fromhex("16030100f8010000f40303") + os.urandom(64))
        assert client.is_closed()
        eventually(lambda: "a TLS handshake on listener PLAINTEXT" in caplog.text, "no line about it")


def test_a_browser_is_told_nothing_but_the_log_knows(broker, connect, caplog):
    """An HTTP request is recognised, too."""
    with caplog.at_level(logging.INFO):
        client = connect(broker)
        client.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.is_closed()
        eventually(lambda: "an HTTP request" in caplog.text, "no line about it")


def test_an_unknown_api_closes_the_connection(broker, connect):
    """As Apache does: there is no answer to a request nobody knows."""
    client = connect(broker)
    client.socket.sendall(struct.pack(">ihhih", 10, 9999, 0, 1, -1))
    assert client.is_closed()
    still_serves(connect, broker)


def test_a_version_that_is_not_served_closes_the_connection(broker, connect):
    """Metadata version 99."""
    client = connect(broker)
    client.socket.sendall(struct.pack(">ihhih", 10, 3, 99, 1, -1))
    assert client.is_closed()


def test_produce_below_version_3_is_announced_and_refused(broker, connect):
    """Old librdkafka wants to see version 0 (KAFKA-18659)."""
    client = connect(broker)
    answer = client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
    assert (0, 0, 13) in [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys]
    client.socket.sendall(struct.pack(">ihhihhii", 18, 0, 2, 7, -1, 1, 1000, 0))
    assert client.is_closed()


def test_api_versions_from_the_future_is_answered_in_version_0(broker, connect):
    """UNSUPPORTED_VERSION, with what ApiVersions itself may be asked in (KIP-511)."""
    client = connect(broker)
    client.socket.sendall(struct.pack(">ihhih", 14, 18, 77, 4711, -1) + b"\0\2x\2y"[:4])
    correlation_id, answer = client.receive(ApiVersionsResponse, 0)
    assert correlation_id == 4711
    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys] == [(18, 0, 4)]
    assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    "body", [b"\0\0\0\2\xff\xff" * 4, b"\x7f\xff\xff\xff" + b"x" * 8, b"\0\0\0\1\x7f\xff"]
)
def test_bodies_that_lie_about_their_lengths_close_the_connection(broker, connect, body):
    """An array of 2^31-1 topics in a frame of a few bytes, and the like."""
    client = connect(broker)
    frame = struct.pack(">hhih", 3, 1, 1, -1) + body
    client.socket.sendall(struct.pack(">i", len(frame)) + frame)
    assert client.is_closed()
    still_serves(connect, broker)


def test_a_request_of_a_million_topics_of_nothing_closes_the_connection(broker, connect, caplog):
    """Three bytes each on the wire, a hundred in memory: it is refused before they are made."""
    client = connect(broker)
    count = b"\x81\x89\x7a"  # two million, and one, as a varint
    head = struct.pack(">hhihb", 2, 10, 1, -1, 0) + struct.pack(">ib", -1, 0)
    frame = head + count + b"\x01\x01\x00" * 2_000_000 + b"\0\0\0\0\0"
    with caplog.at_level(logging.INFO):
        client.socket.sendall(struct.pack(">i", len(frame)) + frame)
        assert client.is_closed()
        eventually(lambda: "more than 1000000 elements" in caplog.text, "no line about it")
    still_serves(connect, broker)


def test_a_client_id_that_reaches_past_its_frame_closes_the_connection(broker, connect):
    """And one with a length below -1."""
    for length in (500, -2):
        client = connect(broker)
        client.socket.sendall(struct.pack(">ihhih", 10, 18, 0, 1, length))
        assert client.is_closed()


def test_a_frame_may_come_a_byte_at_a_time(broker, connect):
    """Slow clients are served like others."""
    client = connect(broker)
    frame = client.frame(MetadataRequest(topics=[]), 9)
    for byte in frame:
        client.socket.sendall(bytes([byte]))
    _, answer = client.receive(MetadataResponse, 9)
    assert answer.cluster_id


def test_many_requests_in_one_packet_are_answered_in_their_order(broker, connect):
    """Pipelining, with frames cut anywhere by the network."""
    client = connect(broker)
    frames = b"".join(client.frame(ApiVersionsRequest(), 0) for _ in range(500))
    for start in range(0, len(frames), 777):
        client.socket.sendall(frames[start : start + 777])
    assert [client.receive(ApiVersionsResponse, 0)[0] for _ in range(500)] == list(range(1, 501))


def test_an_unfinished_frame_costs_what_has_arrived_and_not_what_it_declares(broker, connect):
    """A hundred clients announce 100 MB each and send a hundred bytes."""
    clients = [connect(broker) for _ in range(100)]
    for client in clients:
        client.socket.sendall(struct.pack(">i", 100_000_000) + b"x" * 100)

    def held(server) -> list[int]:
        return [len(each._backlog.view) for each in server.each_connection() if each._backlog is not None]

    eventually(lambda: len(broker.call(held)) == 100, "the bytes have not arrived")
    assert sum(broker.call(held)) <= 100 * 1024


def test_a_frame_grows_by_doubling_up_to_what_has_come(broker, connect):
    """Three megabytes of a frame of ten are held in less than twice as much."""
    client = connect(broker)
    client.socket.sendall(struct.pack(">i", 10_000_000) + bytes(3_000_000))

    def held(server) -> list[tuple[int, int]]:
        return [
            (each._backlog.length, len(each._backlog.view))
            for each in server.each_connection()
            if each._backlog is not None
        ]

    eventually(lambda: broker.call(held)[:1] and broker.call(held)[0][0] == 3_000_004, "bytes are missing")
    length, capacity = broker.call(held)[0]
    assert capacity <= 2 * length + SPARE_BYTES


def test_queued_max_request_bytes_lets_new_frames_wait_and_old_ones_end(start_broker, connect):
    """The first client's big frame reserves all; the second one's waits in its socket until the first is through."""
    broker = start_broker({"queued.max.request.bytes": "3000000", "socket.request.max.bytes": "3000000"})
    first, second = connect(broker), connect(broker)
    body = struct.pack(">hhih", 18, 0, 1, -1).ljust(3_000_000, b"x")
    frame = struct.pack(">i", len(body)) + body
    first.socket.sendall(frame[:500_000])
    memory = broker.call(lambda server: server.listeners[0].memory)
    eventually(lambda: memory.exhausted, "the first frame is not reserved")
    second.socket.settimeout(0.05)
    sent = 0
    try:
        while sent < len(frame):
            sent += second.socket.send(frame[sent:])
    except TimeoutError:
        pass
    assert sent < SHARED_BYTES + 8_000_000
    first.socket.sendall(frame[500_000:])
    assert first.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE
    second.socket.settimeout(DEADLINE_S)
    second.socket.sendall(frame[sent:])
    assert second.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE
    eventually(lambda: memory.reserved_bytes == 0, "something stays reserved")


def test_a_client_that_never_reads_stops_being_read(broker, connect):
    """Thousands of requests, no answer taken: the broker holds a bounded amount and reads no further."""
    client = connect(broker)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    frame = client.frame(ApiVersionsRequest(), 0) * 200
    client.socket.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        for _ in range(20_000):
            sent += client.socket.send(frame)

    def held(server) -> int:
        (connection,) = server.each_connection()
        backlog = connection._backlog
        return connection._transport.get_write_buffer_size() + (0 if backlog is None else len(backlog.view))

    assert broker.call(held) < 4 << 20
    still_serves(connect, broker)


def test_idle_connections_are_closed(start_broker, connect, monkeypatch):
    """connections.max.idle.ms; looked after every few seconds."""
    monkeypatch.setattr("ottla.broker.listener._SWEEP_SECONDS", 0.05)
    broker = start_broker({"connections.max.idle.ms": "150"})
    assert connect(broker).is_closed()


def test_max_connections_per_ip(start_broker, connect):
    """The third connection from one address is closed, and room is made when another one goes."""
    broker = start_broker({"max.connections.per.ip": "2"})
    first, second, third = connect(broker), connect(broker), connect(broker)
    assert third.is_closed()
    first.socket.close()
    eventually(lambda: broker.call(lambda server: server.connections) == 1, "the first has not gone")
    assert connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    assert second.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE


def test_an_override_for_one_address_goes_before_the_limit_for_all(start_broker, connect):
    """max.connections.per.ip.overrides."""
    broker = start_broker({"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "127.0.0.1:1"})
    first = connect(broker)
    assert connect(broker).is_closed()
    assert first.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE


def test_max_connections(start_broker, connect):
    """Over all addresses: one more is served when another has gone, in the order in which they came."""
    broker = start_broker({"max.connections": "3"})
    kept = [connect(broker) for _ in range(3)]
    for client in kept:
        assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    fourth, fifth = connect(broker), connect(broker)
    fifth.send(ApiVersionsRequest(), 0)
    fourth.send(ApiVersionsRequest(), 0)
    for client in kept:
        assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    assert not select.select([fourth.socket, fifth.socket], [], [], 0)[0]
    kept[0].socket.close()
    assert fourth.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE
    assert not select.select([fifth.socket], [], [], 0)[0]
    fourth.socket.close()
    assert fifth.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE


def test_more_connections_allowed_while_it_runs(start_broker, connect):
    """max.connections is raised: whoever waits is served."""
    broker = start_broker({"max.connections": "1"})
    first, second = connect(broker), connect(broker)
    second.send(ApiVersionsRequest(), 0)
    resource = AlterConfigsResource(
        resource_type=4,
        resource_name="1",
        configs=[AlterableConfig(name="max.connections", config_operation=0, value="2")],
    )
    request = IncrementalAlterConfigsRequest(resources=[resource])
    answer = first.ask(request, IncrementalAlterConfigsResponse, 1)
    assert answer.responses[0].error_code == ErrorCode.NONE
    assert second.receive(ApiVersionsResponse, 0)[1].error_code == ErrorCode.NONE


def test_connections_made_too_fast_are_read_later(start_broker, connect):
    """max.connection.creation.rate, over a second's burst."""
    broker = start_broker({"max.connection.creation.rate": "10"})
    started = time.monotonic()
    for _ in range(10):
        connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
    late = [connect(broker) for _ in range(5)]
    assert late[-1].ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
    assert time.monotonic() - started > 0.4


def test_software_names_that_are_none_are_refused(broker, connect):
    """KIP-511: they would go into metrics' labels."""
    client = connect(broker)
    request = ApiVersionsRequest(client_software_name="x y", client_software_version="1")
    assert client.ask(request, ApiVersionsResponse, 3).error_code == ErrorCode.INVALID_REQUEST


def test_connections_that_come_and_go_leave_nothing_behind(broker, connect):
    """Closed in order, cut in the middle of a frame, cut with answers unread: nothing is counted afterwards."""
    process = psutil.Process()
    before = process.num_fds()
    for number in range(200):
        client = connect(broker)
        if number % 3 == 0:
            client.socket.sendall(struct.pack(">i", 50_000) + bytes(number * 100))
        elif number % 3 == 1:
            client.socket.sendall(client.frame(ApiVersionsRequest(), 0) * 50)
        else:
            client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        if number % 2:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    eventually(lambda: broker.call(lambda server: server.connections) == 0, "connections stay")
    counts, memory = broker.call(lambda server: (server.listeners[0].counts, server.listeners[0].memory))
    assert (counts.total, counts.by_host, memory.reserved_bytes) == (0, {}, 0)
    eventually(lambda: process.num_fds() <= before, "descriptors stay")
