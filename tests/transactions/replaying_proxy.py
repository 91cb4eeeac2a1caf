"""Stands between a producer and its broker, keeps what finished transactions sent, and sends it again during later ones.

What a network can do to a producer: a Produce, AddPartitionsToTxn or EndTxn that was long given up arrives when the next
transaction is open. The proxy passes everything on, both ways. Requests of a transaction are held until its EndTxn was
answered; whenever a later transaction's first Produce was answered, they go to the broker again, on a connection of the
proxy's own, and their answers are kept. (KIP-890 tells the harm that these did.)
"""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Final, Self

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode_from
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode
from ottla.protocol.framing import decode_request_header, encode_request, peek, response_header_version
from ottla.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    AddPartitionsToTxnTopic,
)
from ottla.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from ottla.protocol.messages.produce import ProduceRequest, ProduceResponse
from ottla.protocol.messages.response_header import ResponseHeader

KEPT: Final[dict[int, tuple[type[Request], type[Response]]]] = {
    ApiKey.PRODUCE: (ProduceRequest, ProduceResponse),
    ApiKey.ADD_PARTITIONS_TO_TXN: (AddPartitionsToTxnRequest, AddPartitionsToTxnResponse),
    ApiKey.END_TXN: (EndTxnRequest, EndTxnResponse),
}
ADD_PARTITIONS_VERSION: Final = 3
"""What a client before transaction version 2 sends; one of version 2 adds partitions by producing to them."""
REPLAYS_A_TRANSACTION: Final = 2
"""In how many later transactions a request comes again."""


@dataclass(slots=True)
class Replayed:
    """A request that came a second time, and every error code in its answer."""

    api_key: ApiKey
    codes: list[ErrorCode]


@dataclass(slots=True)
class Finished:
    """The frames of a transaction that has ended, without their sizes."""

    frames: list[bytes]
    replays_left: int = REPLAYS_A_TRANSACTION


@dataclass(slots=True)
class ReplayingProxy:
    """One listening port, as many connections as come. Set `broker`, its true address, before the first."""

    topic: str
    """What the transactions write to, its partition 0 at least."""
    broker: tuple[str, int] = ("", 0)
    replayed: list[Replayed] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: list[bytes] = field(default_factory=list)
    _first_produce: int | None = None
    _ending: int | None = None
    _finished: list[Finished] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where the producer is to connect."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.broker)
            self._sockets += [client, server]
            threading.Thread(target=self._pump, args=(client, server, self._on_request), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, self._on_response), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, passed: object) -> None:
        assert callable(passed)
        try:
            while (frame := read_frame(source)) is not None:
                target.sendall(struct.pack(">i", len(frame)) + frame)
                passed(frame)
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001 - a thread's failure must reach the test
            self.failures.append(repr(error))
        finally:
            for each in (source, target):
                each.close()

    def _on_request(self, frame: bytes) -> None:
        leading = peek(memoryview(frame))
        if leading.api_key not in KEPT:
            return
        with self._lock:
            self._open.append(frame)
            if leading.api_key == ApiKey.END_TXN:
                self._ending = leading.correlation_id
            elif leading.api_key == ApiKey.PRODUCE and self._first_produce is None:
                self._first_produce = leading.correlation_id

    def _on_response(self, frame: bytes) -> None:
        (correlation_id,) = struct.unpack_from(">i", frame)
        with self._lock:
            if correlation_id == self._first_produce:
                self._replay_finished()
            if self._ending is None or correlation_id != self._ending:
                return
            self._finished.append(Finished([*self._open, *self._add_partitions()]))
            self._open = []
            self._first_produce = None
            self._ending = None

    def _add_partitions(self) -> list[bytes]:
        """The AddPartitionsToTxn that an older client with the transaction's id and epoch would have sent."""
        end = next(
            frame for frame in reversed(self._open) if peek(memoryview(frame)).api_key == ApiKey.END_TXN
        )
        ended = decode_request(end)
        assert isinstance(ended, EndTxnRequest)
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=ended.transactional_id,
            v3_and_below_producer_id=ended.producer_id,
            v3_and_below_producer_epoch=ended.producer_epoch,
            v3_and_below_topics=[AddPartitionsToTxnTopic(name=self.topic, partitions=[0])],
        )
        return [bytes(encode_request(request, ADD_PARTITIONS_VERSION, 0, "late")[4:])]

    def _replay_finished(self) -> None:
        waiting = [each for each in self._finished if each.replays_left]
        if not waiting:
            return
        with socket.create_connection(self.broker) as connection:
            for transaction in waiting:
                transaction.replays_left -= 1
                for frame in transaction.frames:
                    connection.sendall(struct.pack(">i", len(frame)) + frame)
                    answer = read_frame(connection)
                    assert answer is not None, "the broker closed the connection of a late request"
                    self.replayed.append(judge(frame, answer))


def read_frame(source: socket.socket) -> bytes | None:
    """A frame without its size; None at the end."""
    head = source.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">i", head)
    frame = source.recv(size, socket.MSG_WAITALL)
    return frame if len(frame) == size else None


def decode_request(frame: bytes) -> Request:
    """One of the kept kinds, header taken off."""
    leading = peek(memoryview(frame))
    kind, _ = KEPT[leading.api_key]
    _, position = decode_request_header(memoryview(frame), kind, leading.api_version)
    return decode_from(kind, leading.api_version, memoryview(frame), position)[0]


def judge(frame: bytes, answer: bytes) -> Replayed:
    """What the broker said to a frame that came again."""
    leading = peek(memoryview(frame))
    _, kind = KEPT[leading.api_key]
    version = leading.api_version
    _, position = decode_from(ResponseHeader, response_header_version(kind, version), memoryview(answer), 0)
    response, _ = decode_from(kind, version, memoryview(answer), position)
    return Replayed(ApiKey(leading.api_key), [ErrorCode(code) for code in error_codes(response)])


def error_codes(response: Response) -> list[int]:
    """Every partition's, or the whole answer's."""
    if isinstance(response, ProduceResponse):
        return [each.error_code for topic in response.responses for each in topic.partition_responses]
    if isinstance(response, AddPartitionsToTxnResponse):
        return [
            each.partition_error_code
            for topic in response.results_by_topic_v3_and_below
            for each in topic.results_by_partition
        ]
    assert isinstance(response, EndTxnResponse)
    return [response.error_code]
