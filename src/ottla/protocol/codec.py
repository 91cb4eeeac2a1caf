"""Bytes to messages and messages to bytes.

Decoding is for hostile bytes: whatever they are, the outcome is a message or a `ProtocolError`. As Apache does, bytes behind
the last field are ignored, unknown tagged fields are skipped, and malformed UTF-8 becomes U+FFFD. How it is done, and why
it is fast, is told in `compiler`.
"""

from struct import error as packing_error
from typing import Final, cast

from ottla.protocol.compiler import Decoder, Encoder, Slices, struct_decoder, struct_encoder
from ottla.protocol.declare import AnyMessage, Message, RecordKey, RecordValue, Request, Struct
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError

__all__ = [
    "Buffer",
    "Slices",
    "decode",
    "decode_from",
    "decode_versioned",
    "encode",
    "encode_into",
    "encode_versioned",
]

Buffer = bytes | bytearray | memoryview

LARGE_BYTES: Final = 1 << 20
"""Requests below need not be counted: what they can become is bounded by this."""
MOST_ELEMENTS: Final = 1_000_000
"""Ten times what the largest clusters' clients put into one."""

_decoders: dict[tuple[type[Struct], int], Decoder] = {}
_encoders: dict[tuple[type[Struct], int], Encoder] = {}


def decode(message: type[AnyMessage], version: int, buffer: Buffer) -> AnyMessage:
    """The `message` that `buffer` holds in `version`.

    A `records` field refers to `buffer`; all else is copied. Raises `ProtocolError` for any other bytes, and
    `UnsupportedVersionError` for a version that the message does not have.
    """
    return decode_from(message, version, memoryview(buffer), 0)[0]


def decode_from(
    message: type[AnyMessage], version: int, view: memoryview, position: int
) -> tuple[AnyMessage, int]:
    """Like `decode`, from `position` of `view` on; answers the position behind the message too.

    A large request may have `MOST_ELEMENTS` in all its arrays: three bytes of it can become a hundred of memory.
    """
    decoder = _decoders.get((message, version))
    if decoder is None:
        decoder = _message_decoder(message, version)
    size = len(view)
    if size - position > LARGE_BYTES and issubclass(message, Request):
        decoder = struct_decoder(message, version, _is_flexible(message, version), MOST_ELEMENTS)
    try:
        decoded, end = decoder(view, position, size)
    except (IndexError, packing_error) as error:
        raise ProtocolError(f"{message.__name__} version {version} is cut short: {error}") from error
    return cast("AnyMessage", decoded), end


def encode(message: Message, version: int) -> bytes:
    """`message` in `version`; record batches must be in memory.

    Raises `UnsupportedVersionError` for a version that the message does not have, or that has no place for a field
    that is set and not ignorable; `ValueError` for a value that its wire type cannot hold.
    """
    encoded = bytearray()
    slices: Slices = []
    encode_into(message, version, encoded, slices)
    if slices:
        raise ValueError(f"{type(message).__name__} holds record batches that are not in memory")
    return bytes(encoded)


def encode_into(message: Message, version: int, encoded: bytearray, slices: Slices) -> None:
    """Append `message` in `version` to `encoded`, and what it leaves out of line to `slices`. Errors as `encode`."""
    encoder = _encoders.get((type(message), version))
    if encoder is None:
        encoder = _message_encoder(type(message), version)
    try:
        encoder(message, encoded, slices)
    except packing_error as error:
        raise ValueError(
            f"{type(message).__name__} version {version}: a number is out of range: {error}"
        ) from error
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"{type(message).__name__} version {version}: a value has the wrong type: {error}"
        ) from error


def encode_versioned(message: RecordKey | RecordValue | Message, version: int | None = None) -> bytes:
    """`message` behind its two bytes of type or version, as coordinators store it and ConsumerProtocol sends it.

    For a key the two bytes are its record type; for all else `version`, which is the highest when it is None.
    """
    if version is None:
        version = message.versions.high
    leading = message.record_type if isinstance(message, RecordKey) else version
    return leading.to_bytes(2, "big", signed=True) + encode(message, version)


def decode_versioned(message: type[AnyMessage], buffer: Buffer) -> AnyMessage:
    """The reverse of `encode_versioned`.

    Raises `ProtocolError` for malformed bytes and `UnsupportedVersionError` for a version, or a key of a record type,
    that `message` does not have.
    """
    view = memoryview(buffer)
    if len(view) < 2:
        raise ProtocolError(f"{message.__name__}: no version in {len(view)} bytes")
    leading = int.from_bytes(view[:2], "big", signed=True)
    if issubclass(message, RecordKey):
        if leading != message.record_type:
            raise UnsupportedVersionError(
                f"{message.__name__} has record type {message.record_type}, not {leading}"
            )
        leading = message.versions.high
    return decode_from(message, leading, view, 2)[0]


def _message_decoder(message: type[Message], version: int) -> Decoder:
    decoder = struct_decoder(message, version, _is_flexible(message, version))
    _decoders[message, version] = decoder
    return decoder


def _message_encoder(message: type[Message], version: int) -> Encoder:
    encoder = struct_encoder(message, version, _is_flexible(message, version))
    _encoders[message, version] = encoder
    return encoder


def _is_flexible(message: type[Message], version: int) -> bool:
    if version not in message.versions:
        raise UnsupportedVersionError(
            f"{message.__name__} has versions {message.versions}, there is no version {version}"
        )
    return version in message.flexible
