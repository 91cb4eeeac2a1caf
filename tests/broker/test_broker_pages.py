"""The pages for those who look after a broker, and its log."""

import gc
import http.client
import json
import logging
import os
import socket
import sys
import threading
import time

import pytest
from test_broker_fetch import fetch
from test_broker_produce import batch, make_topic, produce

from ottla.broker.logging import QUEUE_LINES, JsonFormatter, QueueHandler, TextFormatter
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse

DEADLINE_S = 30.0


def get(broker, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", broker.server.pages.port, timeout=DEADLINE_S)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.fixture
def paged(start_broker):
    return start_broker({"ottla.metrics.listener": "127.0.0.1:0"})


def test_health(paged):
    """Alive and ready; other paths and methods are refused."""
    assert get(paged, "/healthz") == (200, "the process is alive\n")
    assert get(paged, "/readyz") == (200, "the broker serves\n")
    assert get(paged, "/nothing")[0] == 404
    assert get(paged, "/metrics", "POST")[0] == 405
    assert get(paged, "/metrics", "HEAD") == (200, "")


def test_a_name_of_the_public_dns_leads_nowhere(paged):
    """A page in a browser could have come to lead here by its own name, and read what clients are called."""
    for host, status in [("localhost:1", 200), ("broker", 200), ("attacker.example.com", 421)]:
        connection = http.client.HTTPConnection("127.0.0.1", paged.server.pages.port, timeout=DEADLINE_S)
        connection.request("GET", "/metrics", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_metrics_tell_the_traffic(paged, connect):
    """Under the names that the JMX exporter gives to Apache's."""
    make_topic(paged, "t")
    client = connect(paged)
    produce(client, "t", batch(b"a", b"b", b"c"))
    size = len(fetch(client, ("t", 0, 0)).responses[0].partitions[0].records)
    _, page = get(paged, "/metrics")
    lines = page.splitlines()
    assert 'kafka_server_brokertopicmetrics_messagesin_total{topic="t"} 3' in lines
    assert f'kafka_server_brokertopicmetrics_bytesin_total{{topic="t"}} {size}' in lines
    assert f'kafka_server_brokertopicmetrics_bytesout_total{{topic="t"}} {size}' in lines
    assert 'kafka_log_log_logendoffset{topic="t",partition="0"} 3' in lines
    assert 'kafka_network_requestmetrics_requests_total{request="Produce",version="9"} 1' in lines
    assert "kafka_server_replicamanager_leadercount 1" in lines
    assert "kafka_controller_kafkacontroller_activecontrollercount 1" in lines
    assert any(line.startswith("ottla_loop_lag_seconds_bucket") for line in lines)


def test_the_sum_over_topics_does_not_fall_when_one_is_deleted(paged, connect):
    """A counter that falls looks like a restart."""
    from confluent_kafka.admin import AdminClient

    make_topic(paged, "t")
    produce(connect(paged), "t", batch(b"a", b"b"))
    admin = AdminClient({"bootstrap.servers": paged.address})
    admin.delete_topics(["t"])["t"].result(10)
    lines = get(paged, "/metrics")[1].splitlines()
    assert "kafka_server_brokertopicmetrics_messagesin_total 2" in lines
    assert not [line for line in lines if "messagesin" in line and 'topic="t"' in line]


def test_clients_cannot_make_metrics_by_inventing_topics(paged, connect):
    """Names that are no topics are counted together."""
    client = connect(paged)
    for number in range(50):
        produce(client, f"invented-{number}", batch(b"a"))
        fetch(client, (f"invented-{number}", 0, 0))
    assert "invented" not in get(paged, "/metrics")[1]


def test_many_conversations_on_one_connection(paged):
    """HTTP keep-alive."""
    connection = http.client.HTTPConnection("127.0.0.1", paged.server.pages.port, timeout=DEADLINE_S)
    for _ in range(5):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"the process is alive\n"
    connection.close()


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 100, b"GET /" + b"x" * 100_000, b"\x16\x03\x01\x00", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_garbage_ends_the_conversation(paged, garbage):
    """And the broker serves on."""
    with socket.create_connection(("127.0.0.1", paged.server.pages.port), DEADLINE_S) as client:
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(DEADLINE_S)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert get(paged, "/readyz")[0] == 200


def test_requests_leave_nothing_for_the_collector(broker, connect):
    """After thousands of requests there is no cycle to find: gc may be far apart."""
    make_topic(broker, "t")
    client = connect(broker)
    produce(client, "t", batch(b"a"))

    def collect(server) -> int:
        return gc.collect()

    broker.call(collect)
    gc.disable()
    try:
        before = broker.call(collect)
        for _ in range(1_000):
            produce(client, "t", batch(b"a"))
            fetch(client, ("t", 0, 0), partition_max_bytes=1)
            client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        found = broker.call(collect)
    finally:
        gc.enable()
    assert found - before < 1_000


# The log.


class Pipe:
    """A pipe whose reader reads when the test says so."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()


def record(message: str, **options) -> logging.LogRecord:
    return logging.LogRecord(
        "ottla.test", logging.INFO, "file", 1, message, options.get("args"), options.get("error")
    )


def test_lines_as_text_and_as_json():
    """One line each; a traceback stays inside the JSON."""
    assert TextFormatter().format(record("hello %s", args=("you",))).endswith(" INFO  ottla.test hello you")
    try:
        int("broken")
    except ValueError:
        line = JsonFormatter().format(record("oops", error=sys.exc_info()))
    shown = json.loads(line)
    assert "\n" not in line
    assert (shown["level"], shown["logger"], shown["message"]) == ("INFO", "ottla.test", "oops")
    assert "ValueError: invalid literal" in shown["traceback"]
    assert shown["time"].endswith("Z")


def test_a_blocked_reader_holds_nobody_and_loses_no_more_than_the_overflow():
    """Lines over the queue's bound are dropped and counted; the rest comes when somebody reads."""
    pipe = Pipe()
    handler = QueueHandler(pipe.writing, logging.Formatter("%(message)s"))
    started = time.monotonic()
    count = QUEUE_LINES + 5_000
    for number in range(count):
        handler.emit(record(f"{number:06d}" + "x" * 60))
    assert time.monotonic() - started < DEADLINE_S
    assert handler.dropped > 0
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(read_until(pipe, count - handler.dropped)))
    reader.start()
    reader.join(DEADLINE_S)
    handler.close()
    os.close(pipe.writing)
    numbers = [int(line[:6]) for line in lines if line[6:7] == "x"]
    assert numbers == sorted(numbers)
    assert len(numbers) == count - handler.dropped
    assert any("log lines were dropped" in line for line in lines)


def read_until(pipe: Pipe, wanted: int) -> list[str]:
    """Lines, up to the one with which `wanted` numbered ones have come."""
    lines: list[str] = []
    with os.fdopen(pipe.reading, encoding="utf-8") as stream:
        while wanted:
            lines.append(stream.readline().rstrip("\n"))
            wanted -= lines[-1][6:7] == "x"
    return lines
