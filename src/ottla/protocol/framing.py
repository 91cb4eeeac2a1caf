"""Frames: what stands around a message on a connection.

    request:   size int32 | api_key int16 | api_version int16 | correlation_id int32 | client_id | (tagged fields) | body
    response:  size int32 | correlation_id int32 | (tagged fields) | body

`size` counts the bytes behind itself. The tagged fields stand there when the body's version is flexible (KIP-482), with
two exceptions that Apache's `ApiKeys` makes: the ApiVersions response never has them in its header, so that a client
can read the answer of a broker of any age, and ControlledShutdown version 0 has no client id.
"""

from dataclasses import dataclass
from struct import Struct as Packing
from struct import error as packing_error

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import Slices, decode_from, encode_into
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.request_header import RequestHeader

_SIZE = Packing(">i")
_LEADING = Packing(">hhi")
_SIZE_AND_CORRELATION = Packing(">ii")


@dataclass(frozen=True, slots=True)
class Leading:
    """The part of a request header that every version has, which alone says how to read the rest."""

    api_key: int
    api_version: int
    correlation_id: int


def peek(frame: memoryview) -> Leading:
    """The first 8 bytes of a request (without its size). Raises `ProtocolError` when there are fewer."""
    try:
        return Leading(*_LEADING.unpack_from(frame, 0))
    except packing_error as error:
        raise ProtocolError(f"a request of {len(frame)} bytes has no room for its header") from error


def request_header_version(request: type[Request], api_version: int) -> int:
    """The version of the header in front of `request` in `api_version`."""
    if request.api_key is ApiKey.CONTROLLED_SHUTDOWN and api_version == 0:
        return 0
    return 2 if api_version in request.flexible else 1


def response_header_version(response: type[Response], api_version: int) -> int:
    """The version of the header in front of `response` in `api_version`."""
    if response.api_key is ApiKey.API_VERSIONS:
        return 0
    return 1 if api_version in response.flexible else 0


def decode_request_header(
    frame: memoryview, request: type[Request], api_version: int
) -> tuple[RequestHeader, int]:
    """The header of `frame` (without its size), and where the body begins."""
    return decode_from(RequestHeader, request_header_version(request, api_version), frame, 0)


def encode_request(
    request: Request, api_version: int, correlation_id: int, client_id: str | None
) -> bytearray:
    """A whole frame, size included."""
    encoded = bytearray(4)
    header = RequestHeader(
        request_api_key=int(request.api_key),
        request_api_version=api_version,
        correlation_id=correlation_id,
        client_id=client_id,
    )
    slices: Slices = []
    encode_into(header, request_header_version(type(request), api_version), encoded, slices)
    encode_into(request, api_version, encoded, slices)
    if slices:
        raise ValueError(f"{type(request).__name__} holds record batches that are not in memory")
    _SIZE.pack_into(encoded, 0, len(encoded) - 4)
    return encoded


def encode_response(response: Response, api_version: int, correlation_id: int) -> tuple[bytearray, Slices]:
    """A whole frame, size included, and the record batches that belong into it at the positions given.

    The size counts those batches too: who sends the frame owes exactly `size_in_bytes` of each.
    """
    encoded = bytearray(8)
    slices: Slices = []
    if response_header_version(type(response), api_version):
        encoded.append(0)
    encode_into(response, api_version, encoded, slices)
    size = len(encoded) - 4
    for _, source in slices:
        size += source.size_in_bytes
    _SIZE_AND_CORRELATION.pack_into(encoded, 0, size, correlation_id)
    return encoded, slices
