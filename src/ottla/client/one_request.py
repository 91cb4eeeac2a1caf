"""One request to one broker, blocking: for what confluent-kafka cannot ask, and where loading it would cost more than the
question.

confluent-kafka has no way to name the settings of all brokers (a resource with an empty name) nor the rules about users and
delegation tokens, nor does it tell what an address answered that is no Kafka broker at all.
"""

import socket
from struct import Struct
from typing import TypeVar

from ottla.client.access import PLAIN_ACCESS, Access
from ottla.client.sasl import Login, log_in_requests, next_request
from ottla.protocol.codec import decode, decode_from
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ProtocolError
from ottla.protocol.framing import encode_request, response_header_version
from ottla.protocol.messages.response_header import ResponseHeader

AnyResponse = TypeVar("AnyResponse", bound=Response)

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""More than any answer asked for here; less than what a TLS or HTTP answer looks like when read as a size."""
CLIENT_ID = "ottla"
_SIZE = Struct(">i")


class NotKafkaError(Exception):
    """What came back is no Kafka answer. `first_bytes` is how it began; empty if the connection was closed."""

    def __init__(self, first_bytes: bytes) -> None:
        super().__init__(
            f"the answer begins {first_bytes[:24]!r}" if first_bytes else "the connection was closed"
        )
        self.first_bytes = first_bytes


def ask(
    host: str,
    port: int,
    request: Request,
    response: type[AnyResponse],
    version: int,
    timeout_s: float,
    access: Access = PLAIN_ACCESS,
) -> AnyResponse:
    """Send one request and read its answer. Raises OSError, `LoginError`, `NotKafkaError` or `ProtocolError`.

    `timeout_s` bounds connecting and each wait for the broker.
    """
    with socket.create_connection((host, port), timeout_s) as plain:
        if access.tls is None:
            return _asked(plain, host, port, request, response, version, access.login)
        with access.tls.wrap_socket(plain, server_hostname=host) as encrypted:
            return _asked(encrypted, host, port, request, response, version, access.login)


def _asked(
    connection: socket.socket,
    host: str,
    port: int,
    request: Request,
    response: type[AnyResponse],
    version: int,
    login: Login | None,
) -> AnyResponse:
    if login is not None:
        requests = log_in_requests(login, host, f"{host}:{port}")
        asked = next_request(requests, None)
        while not isinstance(asked, int):
            answer = _exchanged(connection, asked.request, asked.response, asked.version)
            asked = next_request(requests, answer)
    return _exchanged(connection, request, response, version)


def _exchanged(
    connection: socket.socket, request: Request, response: type[AnyResponse], version: int
) -> AnyResponse:
    connection.sendall(encode_request(request, version, 1, CLIENT_ID))
    answer = memoryview(_read_frame(connection))
    _, begin = decode_from(ResponseHeader, response_header_version(response, version), answer, 0)
    return decode(response, version, answer[begin:])


def _read_frame(connection: socket.socket) -> bytes:
    head = _read(connection, 4)
    if len(head) < 4:
        raise NotKafkaError(head)
    (size,) = _SIZE.unpack(head)
    if not 4 <= size <= MAX_ANSWER_BYTES:
        raise NotKafkaError(head + connection.recv(60))
    answer = _read(connection, size)
    if len(answer) < size:
        raise ProtocolError(f"the connection was closed after {len(answer)} of {size} bytes of an answer")
    return answer


def _read(connection: socket.socket, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = connection.recv(min(size - len(pieces), 65536))
        if not piece:
            break
        pieces += piece
    return bytes(pieces)
