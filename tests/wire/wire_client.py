"""A client that sends exactly what a test says: one connection, one message class at a time, in any version.

It works against any broker, so that what a test states about Kafka can be proven on Apache's (`--broker=apache`).
"""

import socket
import struct
from typing import Self, TypeVar

from conditions import until
from ottla.protocol.codec import decode_from
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.framing import encode_request, response_header_version
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseTopic,
)
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.messages.response_header import ResponseHeader
from ottla.records.record import Record, build_batch

DEADLINE_SECONDS = 30.0

R = TypeVar("R", bound=Response)
T = TypeVar("T")


class WireClient:
    """One connection. Not for two threads at a time."""

    def __init__(
        self, host: str, port: int, client_id: str = "wire-test", *, source: str | None = None
    ) -> None:
        """`source`: the address to come from, one of this machine's; whichever it takes if None."""
        self.client_id = client_id
        self._socket = socket.create_connection(
            (host, port), timeout=DEADLINE_SECONDS, source_address=None if source is None else (source, 0)
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation_id = 0
        self._sent: dict[int, tuple[type[Response], int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, whatever is under way."""
        self._socket.close()

    def send(self, request: Request, response: type[Response], version: int) -> int:
        """Send without waiting; the correlation id."""
        self._correlation_id += 1
        self._socket.sendall(encode_request(request, version, self._correlation_id, self.client_id))
        self._sent[self._correlation_id] = (response, version)
        return self._correlation_id

    def receive(self, kind: type[R]) -> R:
        """The next answer; answers come in the order of the requests."""
        (size,) = struct.unpack(">i", self._read(4))
        frame = memoryview(self._read(size))
        (correlation_id,) = struct.unpack_from(">i", frame)
        assert correlation_id == min(self._sent), "answers are out of order"
        response, version = self._sent.pop(correlation_id)
        assert response is kind
        _, position = decode_from(ResponseHeader, response_header_version(response, version), frame, 0)
        decoded, end = decode_from(kind, version, frame, position)
        assert end == len(frame), f"{len(frame) - end} bytes behind {kind.__name__} version {version}"
        return decoded

    def ask(self, request: Request, response: type[R], version: int) -> R:
        """Send and wait for the answer."""
        self.send(request, response, version)
        return self.receive(response)

    def closed_by_peer(self) -> bool:
        """Wait until the broker closes the connection; false if it sends something instead."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            piece = self._socket.recv(size - len(received))
            if not piece:
                raise ConnectionError("the broker closed the connection")
            received += piece
        return bytes(received)

    # What most tests need.

    def versions(self) -> dict[int, tuple[int, int]]:
        """What the broker announces: API key → lowest and highest version."""
        answer = self.ask(ApiVersionsRequest(), ApiVersionsResponse, 0)
        return {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}

    def create_topic(self, name: str, partitions: int = 1, **configs: str) -> None:
        """Make a topic; settings with underscores for dots."""
        topic = CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreatableTopicConfig(name=key.replace("_", "."), value=value)
                for key, value in configs.items()
            ],
        )
        [result] = self.ask(CreateTopicsRequest(topics=[topic]), CreateTopicsResponse, 7).topics
        assert result.error_code == ErrorCode.NONE, result
        until(lambda: self.topic(name), lambda found: all(p.leader_id >= 0 for p in found.partitions))

    def topic(self, name: str) -> MetadataResponseTopic:
        """The topic as Metadata shows it."""
        request = MetadataRequest(topics=[MetadataRequestTopic(name=name)], allow_auto_topic_creation=False)
        [topic] = self.ask(request, MetadataResponse, 12).topics
        return topic

    def produce(
        self, topic: str, batch: bytes | bytearray, *, partition: int = 0, acks: int = -1, version: int = 9
    ) -> PartitionProduceResponse:
        """Send one batch."""
        data = TopicProduceData(
            name=topic, partition_data=[PartitionProduceData(index=partition, records=batch)]
        )
        request = ProduceRequest(acks=acks, timeout_ms=10_000, topic_data=[data])
        answer = self.ask(request, ProduceResponse, version)
        return answer.responses[0].partition_responses[0]

    def produce_records(self, topic: str, *records: Record, partition: int = 0) -> int:
        """Send records as one batch; the first one's offset."""
        batch = build_batch(records)  # Apache's leader hears of a new topic a little after its metadata does
        answer = until(
            lambda: self.produce(topic, batch, partition=partition),
            lambda seen: seen.error_code != ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        )
        assert answer.error_code == ErrorCode.NONE, answer
        return answer.base_offset

    def fetch(
        self,
        topic: str,
        offset: int,
        *,
        partition: int = 0,
        max_bytes: int = 1 << 20,
        partition_max_bytes: int = 1 << 20,
        isolation_level: int = 0,
    ) -> PartitionData:
        """Read one partition once."""
        wanted = FetchPartition(
            partition=partition, fetch_offset=offset, partition_max_bytes=partition_max_bytes
        )
        request = FetchRequest(
            max_wait_ms=100,
            max_bytes=max_bytes,
            isolation_level=isolation_level,
            topics=[FetchTopic(topic=topic, partitions=[wanted])],
        )
        answer = self.ask(request, FetchResponse, 11)
        assert answer.error_code == ErrorCode.NONE
        return answer.responses[0].partitions[0]

    def find_coordinator(self, group: str) -> None:
        """Wait until the group's coordinator is there."""
        until(
            lambda: self.ask(
                FindCoordinatorRequest(coordinator_keys=[group]), FindCoordinatorResponse, 4
            ).coordinators[0],
            lambda found: found.error_code == ErrorCode.NONE,
        )
