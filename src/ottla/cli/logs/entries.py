"""What is found in the files of a log directory, as values."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A record batch, from its header. Of a message of format 0 or 1, what it has."""

    position: int
    size_bytes: int
    base_offset: int
    last_offset: int
    count: int | None
    magic: int
    codec: str
    max_timestamp_ms: int
    is_log_append_time: bool
    leader_epoch: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    is_transactional: bool
    is_control: bool
    delete_horizon_ms: int | None
    crc: int


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A record of a batch. `meaning` is set where an internal topic's record or a control record could be read."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    meaning: str | None


@dataclass(frozen=True, slots=True)
class OffsetIndexEntry:
    """Where in the segment the batch with an offset begins."""

    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class TimeIndexEntry:
    """The largest timestamp up to an offset."""

    timestamp_ms: int
    offset: int


@dataclass(frozen=True, slots=True)
class AbortedTransaction:
    """A transaction that ended with an abort in this segment."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


@dataclass(frozen=True, slots=True)
class ProducerEntry:
    """What a snapshot holds of a producer. `first_open_offset` is None when no transaction was open."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp_ms: int
    coordinator_epoch: int
    first_open_offset: int | None


@dataclass(frozen=True, slots=True)
class CheckpointEntry:
    """The offset that a checkpoint keeps for a partition."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class EpochEntry:
    """Where a leader epoch began."""

    epoch: int
    start_offset: int


@dataclass(frozen=True, slots=True)
class PropertyEntry:
    """A line of a small file of names and values."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes that are not what they should be, and where they stand in the file."""

    position: int | None
    what: str


Entry: TypeAlias = (
    BatchEntry
    | RecordEntry
    | OffsetIndexEntry
    | TimeIndexEntry
    | AbortedTransaction
    | ProducerEntry
    | CheckpointEntry
    | EpochEntry
    | PropertyEntry
    | Fault
)
