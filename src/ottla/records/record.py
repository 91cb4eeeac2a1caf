"""Records inside a batch: building a batch from records, and reading them back.

::

    length varint │ attributes int8 = 0 │ timestamp delta varlong │ offset delta varint
    key length varint (-1: null) │ key │ value length varint (-1: null) │ value
    header count varint │ for each: key length varint │ key │ value length varint (-1: null) │ value

Varints are zigzag. Source: ``org.apache.kafka.common.record.DefaultRecord``.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ottla.records.batch import (
    NO_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    Buffer,
    Codec,
    TimestampType,
)

MAX_DECOMPRESSED_BYTES = 1 << 30
"""What reading one batch may decompress to unless the caller says less."""


class Record(NamedTuple):
    """One record. ``key`` and ``value`` are ``None`` for null."""

    offset: int
    """Absolute in a stored batch."""
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def build_batch(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    codec: Codec = Codec.NONE,
    level: int | None = None,
    leader_epoch: int = NO_LEADER_EPOCH,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    transactional: bool = False,
    control: bool = False,
    timestamp_type: TimestampType = TimestampType.CREATE_TIME,
) -> bytearray:
    """A whole batch of magic 2. Each record's offset is ``base_offset`` plus its place in ``records``.

    A record's own ``offset`` is not looked at; ``level`` is the codec's own (``compression.gzip.level`` …), ``None`` its
    default. Raises ``ValueError`` for no records.
    """
    raise NotImplementedError


def iterate_records(
    batch: Buffer, *, max_decompressed_bytes: int = MAX_DECOMPRESSED_BYTES
) -> Iterator[Record]:
    """The records of this one whole batch of magic 2, in order, with absolute offsets. Copies keys and values.

    Under LogAppendTime every record has the batch's max timestamp. Raises ``InvalidRecord`` where counts or lengths lie,
    ``BatchTooLarge`` when it decompresses to more than ``max_decompressed_bytes``, ``CorruptBatch`` for compressed bytes
    that are none, and nothing else whatever the bytes.
    """
    raise NotImplementedError
