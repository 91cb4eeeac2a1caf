"""Control records: what coordinators and leaders write into a partition for readers, never seen by applications.

::

    key:    version int16 = 0 │ type int16 (0 abort, 1 commit, 2 leader change)
    value of abort and commit:  version int16 = 0 │ coordinator epoch int32
    value of leader change:     LeaderChangeMessage, of Kafka's own log of metadata; passed on as bytes

A control batch holds one control record and has the control bit; a marker's batch is transactional, too, and carries the
producer's id and epoch and no sequence.

Source: ``ControlRecordType``, ``EndTransactionMarker``, KIP-98.
"""

import struct
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ottla.records.batch import NO_LEADER_EPOCH, Buffer
from ottla.records.errors import InvalidRecord
from ottla.records.record import Record, build_batch, iterate_records

_KEY = Struct(">hh")
_END_TXN_VALUE = Struct(">hi")


class ControlType(IntEnum):
    """What a control record says."""

    ABORT = 0
    COMMIT = 1
    LEADER_CHANGE = 2


class EndTxnMarker(NamedTuple):
    """The end of a producer's transaction in one partition."""

    control_type: ControlType
    """``ABORT`` or ``COMMIT``."""
    coordinator_epoch: int


def control_type(record: Record) -> ControlType | None:
    """What a control record says; ``None`` for a type of a newer version, which readers skip.

    Raises ``InvalidRecord`` for a key that is no control record's.
    """
    try:
        version, number = _KEY.unpack_from(record.key or b"")
    except struct.error as error:
        raise InvalidRecord(f"control record at {record.offset}: its key is too short") from error
    if version < 0:
        raise InvalidRecord(f"control record at {record.offset}: version {version} of its key")
    try:
        return ControlType(number)
    except ValueError:
        return None


def parse_end_txn_marker(record: Record) -> EndTxnMarker | None:
    """The marker in a control record; ``None`` if it is of another type. Raises ``InvalidRecord``."""
    kind = control_type(record)
    if kind not in (ControlType.ABORT, ControlType.COMMIT):
        return None
    try:
        version, coordinator_epoch = _END_TXN_VALUE.unpack_from(record.value or b"")
    except struct.error as error:
        raise InvalidRecord(f"transaction marker at {record.offset}: its value is too short") from error
    if version < 0:
        raise InvalidRecord(f"transaction marker at {record.offset}: version {version}")
    return EndTxnMarker(kind, coordinator_epoch)


def end_txn_marker_in(batch: Buffer) -> tuple[EndTxnMarker, int] | None:
    """The marker in a control batch and its timestamp in ms; ``None`` for an emptied batch or another control record."""
    for record in iterate_records(batch, max_decompressed_bytes=1 << 20):
        marker = parse_end_txn_marker(record)
        return None if marker is None else (marker, record.timestamp_ms)
    return None


def build_end_txn_marker(
    control: ControlType,
    *,
    producer_id: int,
    producer_epoch: int,
    coordinator_epoch: int,
    timestamp_ms: int,
    base_offset: int = 0,
    leader_epoch: int = NO_LEADER_EPOCH,
) -> bytearray:
    """The control batch that ends a transaction."""
    record = Record(0, timestamp_ms, _KEY.pack(0, control), _END_TXN_VALUE.pack(0, coordinator_epoch))
    return build_batch(
        [record],
        base_offset=base_offset,
        leader_epoch=leader_epoch,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )


def build_leader_change(value: bytes, *, timestamp_ms: int, base_offset: int, leader_epoch: int) -> bytearray:
    """The control batch of a change of leader; ``value`` is an encoded LeaderChangeMessage."""
    record = Record(0, timestamp_ms, _KEY.pack(0, ControlType.LEADER_CHANGE), value)
    return build_batch([record], base_offset=base_offset, leader_epoch=leader_epoch, control=True)
