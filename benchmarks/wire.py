"""Plain sockets that speak Kafka: prebuilt frames, and requests asked one by one."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import TypeVar

from ottla.protocol.codec import decode, decode_from
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.framing import encode_request, response_header_version
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.response_header import ResponseHeader
from ottla.records.record import Record, build_batch

PRODUCE_VERSION = 9
AnyResponse = TypeVar("AnyResponse", bound=Response)


class Connection:
    """One connection, one request at a time."""

    def __init__(self, address: str, timeout_seconds: float = 60) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout_seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation_ids = count(1)

    def ask(self, request: Request, response: type[AnyResponse], version: int) -> AnyResponse:
        """Sends the request and waits for its answer."""
        self.send(request, version)
        return self.receive(response, version)

    def send(self, request: Request, version: int) -> None:
        """Sends the request and doesn't wait."""
        self.socket.sendall(encode_request(request, version, next(self._correlation_ids), "bench"))

    def receive(self, response: type[AnyResponse], version: int) -> AnyResponse:
        """Waits for the answer to the oldest request."""
        frame = memoryview(self.receive_frame())
        _, begin = decode_from(ResponseHeader, response_header_version(response, version), frame, 0)
        return decode(response, version, frame[begin:])

    def receive_frame(self) -> bytes:
        """The next frame, without its size."""
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            piece = self.socket.recv(min(size - len(received), 1 << 20))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            received += piece
        return bytes(received)


NOT_LEADING_YET = {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.NOT_LEADER_OR_FOLLOWER}


def batch(values: Iterable[bytes], *, producer_id: int = -1, sequence: int = -1) -> bytearray:
    """A batch of records without keys, stamped with the present time."""
    now_ms = int(time.time() * 1000)
    return build_batch(
        [Record(offset, now_ms, None, value) for offset, value in enumerate(values)],
        producer_id=producer_id,
        producer_epoch=-1 if producer_id < 0 else 0,
        base_sequence=sequence,
    )


def produce_request(topic: str, batches: dict[int, bytearray], acks: int = 1) -> ProduceRequest:
    """One batch for each partition named."""
    partitions = [
        PartitionProduceData(index=index, records=memoryview(records)) for index, records in batches.items()
    ]
    return ProduceRequest(
        acks=acks, timeout_ms=30_000, topic_data=[TopicProduceData(name=topic, partition_data=partitions)]
    )


def produce(connection: Connection, topic: str, batches: dict[int, bytearray]) -> None:
    """Produces until every partition has taken its batch: Apache Kafka's leaders hear of a new topic after its maker does."""
    deadline = time.monotonic() + 30
    left = batches
    while left:
        answer = connection.ask(produce_request(topic, left), ProduceResponse, PRODUCE_VERSION)
        rows = [each for responses in answer.responses for each in responses.partition_responses]
        refused = {each.index: each.error_code for each in rows if each.error_code}
        if set(refused.values()) - NOT_LEADING_YET or time.monotonic() > deadline:
            raise RuntimeError(f"producing to {topic} ended with error codes {set(refused.values())}")
        left = {index: left[index] for index in refused}


def wait_for_coordinator(connection: Connection, group: str) -> None:
    """Until the group has one that is ready. Asking who it is makes the internal topic."""
    deadline = time.monotonic() + 60
    who = FindCoordinatorRequest(key_type=0, coordinator_keys=[group])
    nobody = HeartbeatRequest(group_id=group, generation_id=1, member_id="nobody")
    while True:
        code = connection.ask(who, FindCoordinatorResponse, 4).coordinators[0].error_code
        if not code:
            code = connection.ask(nobody, HeartbeatResponse, 4).error_code
            if code == ErrorCode.UNKNOWN_MEMBER_ID:
                return
        if time.monotonic() > deadline:
            raise RuntimeError(f"group {group} has no coordinator: error code {code}")
        time.sleep(0.05)


def write_frames(path: Path, requests: Iterable[Request], version: int = PRODUCE_VERSION) -> Path:
    """Whole frames one behind the other, as `generator replay` sends them."""
    with path.open("wb") as file:
        for number, request in enumerate(requests):
            file.write(encode_request(request, version, number, "bench"))
    return path
