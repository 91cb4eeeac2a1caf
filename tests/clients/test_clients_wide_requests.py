"""Requests that name very many partitions, as Java's producer sends them."""

from __future__ import annotations

import socket
import struct
import time

from brokers import Broker
from conversation import create_topic
from ottla.protocol.codec import decode, decode_from
from ottla.protocol.framing import encode_request
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.response_header import ResponseHeader
from ottla.records.record import Record, build_batch

PARTITIONS = 1000
VERSION = 9
NOT_LEADER, UNKNOWN_TOPIC = 6, 3


def test_the_first_write_to_a_thousand_partitions_is_acknowledged_soon(broker: Broker, topic: str) -> None:
    """All in one request: each partition makes its files, and none waits for the request's timeout."""
    create_topic(broker.bootstrap_servers, topic, PARTITIONS)
    with socket.create_connection((broker.host, broker.port), timeout=60) as connection:
        deadline = time.monotonic() + 25
        open_partitions = list(range(PARTITIONS))
        while open_partitions:
            assert time.monotonic() < deadline
            codes = produce_to(connection, topic, open_partitions)
            # Apache tells a topic's maker before every broker has heard of it: such partitions are asked again.
            assert set(codes.values()) <= {0, NOT_LEADER, UNKNOWN_TOPIC}
            open_partitions = [index for index, code in codes.items() if code]


def produce_to(connection: socket.socket, topic: str, partitions: list[int]) -> dict[int, int]:
    """One record to each in one request; their error codes."""
    batch = build_batch([Record(0, int(time.time() * 1000), b"key", b"value")])
    rows = [PartitionProduceData(index=index, records=memoryview(batch)) for index in partitions]
    request = ProduceRequest(
        acks=1, timeout_ms=30_000, topic_data=[TopicProduceData(name=topic, partition_data=rows)]
    )
    connection.sendall(encode_request(request, VERSION, 1, "wide"))
    (size,) = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
    frame = memoryview(connection.recv(size, socket.MSG_WAITALL))
    _, begin = decode_from(ResponseHeader, 1, frame, 0)
    answer = decode(ProduceResponse, VERSION, frame[begin:])
    return {each.index: each.error_code for each in answer.responses[0].partition_responses}
