"""Values that appear in many messages: ids and names of partitions.

A `Uuid` is 16 bytes, kept as `bytes` because the broker only compares, hashes and forwards it; its text is Kafka's:
URL-safe base64 without padding (Apache's `org.apache.kafka.common.Uuid`).
"""

import base64
import binascii
from typing import NamedTuple, NewType, Protocol

Uuid = NewType("Uuid", bytes)
"""16 bytes, big-endian, as on the wire."""

ZERO_UUID = Uuid(bytes(16))
"""Stands for "no id" wherever a message has a uuid field that is not set."""


class RecordsSource(Protocol):
    """Record batches that are not in memory: a range of a file, say. A response carries it out of line."""

    @property
    def size_in_bytes(self) -> int:
        """How many bytes it will put on the wire, exactly."""
        ...


Records = bytes | bytearray | memoryview | RecordsSource
"""What a `records` field may hold. Decoding gives a `memoryview` of the frame, valid until the handler returns."""


class TopicPartition(NamedTuple):
    """A partition by its topic's name. Sorts by topic, then by partition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


def uuid_text(uuid: Uuid) -> str:
    """The 22 characters by which Kafka's tools and files show an id."""
    return base64.urlsafe_b64encode(uuid).decode("ascii").rstrip("=")


def parse_uuid(text: str) -> Uuid:
    """The id that `text` shows.

    Raises `ValueError` when `text` is not 16 bytes of URL-safe base64, as Apache's `Uuid.fromString` does.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(
            f"{text!r} is not a Kafka id: 22 characters of URL-safe base64 are expected"
        ) from error
    if len(raw) != 16:
        raise ValueError(f"{text!r} is not a Kafka id: it decodes to {len(raw)} bytes, 16 are expected")
    return Uuid(raw)


def random_uuid(random_bytes: bytes) -> Uuid:
    """A version-4 id from 16 random bytes; the source of randomness is the caller's.

    Apache never hands out an id whose text begins with a dash (tools would read it as an option) nor a reserved one;
    the version bits make the reserved ones impossible here, and the first byte is changed where it would give a dash.
    """
    if len(random_bytes) != 16:
        raise ValueError(f"a Kafka id needs 16 random bytes, got {len(random_bytes)}")
    raw = bytearray(random_bytes)
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    if raw[0] >> 2 == _DASH:
        raw[0] &= 0x7F
    return Uuid(bytes(raw))


_DASH = 62  # the value of "-" among the 64 digits of URL-safe base64
