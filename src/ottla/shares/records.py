"""The records of `__share_group_state`.

    key    int16 0 │ group id, topic id, partition      a snapshot: the whole state; no value: the state is gone
    key    int16 1 │ group id, topic id, partition      an update of the snapshot before it
    value  int16 0 │ fields of ShareSnapshotValue or ShareUpdateValue

Updates carry the snapshot's epoch. A topic partition's updates are worth nothing once there is a later snapshot of it, so
the log's beginning can be deleted up to the oldest snapshot that still counts.

Apache: org.apache.kafka.coordinator.share.ShareCoordinatorRecordHelpers, ShareGroupOffset.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord
from ottla.protocol.codec import decode_versioned, encode_versioned
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.share_snapshot_record import ShareSnapshotKey, ShareSnapshotValue
from ottla.protocol.messages.share_snapshot_record import StateBatch as SnapshotBatch
from ottla.protocol.messages.share_update_record import ShareUpdateKey, ShareUpdateValue
from ottla.protocol.messages.share_update_record import StateBatch as UpdateBatch
from ottla.protocol.types import Uuid, parse_uuid, uuid_text
from ottla.shares.state_batches import StateBatch, combine

_SNAPSHOT = int(ShareSnapshotKey.record_type)
_UPDATE = int(ShareUpdateKey.record_type)


class SharePartitionKey(NamedTuple):
    """One partition of a topic, as one group consumes it."""

    group_id: str
    topic_id: Uuid
    partition: int

    def __str__(self) -> str:
        """What decides the partition of `__share_group_state` (Apache: SharePartitionKey#asCoordinatorKey)."""
        return f"{self.group_id}:{uuid_text(self.topic_id)}:{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "SharePartitionKey":
        """The key that `str` gives. The group's id may hold colons. Raises ValueError."""
        parts = text.rsplit(":", 2)
        if len(parts) != 3 or not parts[0].strip():
            raise ValueError(f"{text!r} is not group:topic id:partition")
        return cls(parts[0], parse_uuid(parts[1]), int(parts[2]))


@dataclass(frozen=True, slots=True)
class ShareState:
    """The state of one share partition as the coordinator keeps it."""

    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start_offset: int
    """-1: to be found by `share.auto.offset.reset`."""
    batches: tuple[StateBatch, ...] = ()
    create_timestamp_ms: int = 0
    write_timestamp_ms: int = 0
    """Differs from the other in a snapshot that was taken because nobody had written for long."""

    def updated(self, update: "StateUpdate") -> "ShareState":
        """The state with the update laid over it; -1 in the update leaves what there is."""
        start_offset = self.start_offset if update.start_offset == -1 else update.start_offset
        return ShareState(
            snapshot_epoch=self.snapshot_epoch,
            state_epoch=self.state_epoch,
            leader_epoch=self.leader_epoch if update.leader_epoch == -1 else update.leader_epoch,
            start_offset=start_offset,
            batches=combine(self.batches, update.batches, start_offset),
            create_timestamp_ms=self.create_timestamp_ms,
            write_timestamp_ms=self.write_timestamp_ms,
        )


@dataclass(frozen=True, slots=True)
class StateUpdate:
    """What an update record says."""

    snapshot_epoch: int
    leader_epoch: int
    start_offset: int
    batches: tuple[StateBatch, ...] = ()


class ParsedRecord(NamedTuple):
    """A record read: whose it is, and what it says. `content` None: a tombstone."""

    key: SharePartitionKey
    content: ShareState | StateUpdate | None


def snapshot_record(key: SharePartitionKey, state: ShareState) -> CoordinatorRecord:
    value = ShareSnapshotValue(
        snapshot_epoch=state.snapshot_epoch,
        state_epoch=state.state_epoch,
        leader_epoch=state.leader_epoch,
        start_offset=state.start_offset,
        create_timestamp=state.create_timestamp_ms,
        write_timestamp=state.write_timestamp_ms,
        state_batches=[
            SnapshotBatch(
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                delivery_state=batch.delivery_state,
                delivery_count=batch.delivery_count,
            )
            for batch in state.batches
        ],
    )
    return CoordinatorRecord(_snapshot_key(key), encode_versioned(value))


def update_record(key: SharePartitionKey, update: StateUpdate) -> CoordinatorRecord:
    value = ShareUpdateValue(
        snapshot_epoch=update.snapshot_epoch,
        leader_epoch=update.leader_epoch,
        start_offset=update.start_offset,
        state_batches=[
            UpdateBatch(
                first_offset=batch.first_offset,
                last_offset=batch.last_offset,
                delivery_state=batch.delivery_state,
                delivery_count=batch.delivery_count,
            )
            for batch in update.batches
        ],
    )
    encoded_key = encode_versioned(
        ShareUpdateKey(group_id=key.group_id, topic_id=key.topic_id, partition=key.partition)
    )
    return CoordinatorRecord(encoded_key, encode_versioned(value))


def tombstone(key: SharePartitionKey) -> CoordinatorRecord:
    return CoordinatorRecord(_snapshot_key(key), None)


def _snapshot_key(key: SharePartitionKey) -> bytes:
    return encode_versioned(
        ShareSnapshotKey(group_id=key.group_id, topic_id=key.topic_id, partition=key.partition)
    )


def parse_record(key: bytes, value: bytes | None) -> ParsedRecord | None:
    """What a record says; None for one of a type that is not known here, which a later Kafka may have written.

    Raises ProtocolError for one that can't be read.
    """
    if len(key) < 2:
        raise ProtocolError(f"a key of {len(key)} bytes in __share_group_state")
    record_type = int.from_bytes(key[:2], "big")
    if record_type == _SNAPSHOT:
        snapshot = decode_versioned(ShareSnapshotKey, key)
        name = SharePartitionKey(snapshot.group_id, snapshot.topic_id, snapshot.partition)
        return ParsedRecord(name, None if value is None else _parse_snapshot(value))
    if record_type == _UPDATE:
        updated = decode_versioned(ShareUpdateKey, key)
        name = SharePartitionKey(updated.group_id, updated.topic_id, updated.partition)
        return ParsedRecord(name, None if value is None else _parse_update(value))
    return None


def _parse_snapshot(value: bytes) -> ShareState:
    read = decode_versioned(ShareSnapshotValue, value)
    return ShareState(
        snapshot_epoch=read.snapshot_epoch,
        state_epoch=read.state_epoch,
        leader_epoch=read.leader_epoch,
        start_offset=read.start_offset,
        batches=tuple(
            StateBatch(each.first_offset, each.last_offset, each.delivery_count, each.delivery_state)
            for each in read.state_batches
        ),
        create_timestamp_ms=read.create_timestamp,
        write_timestamp_ms=read.write_timestamp,
    )


def _parse_update(value: bytes) -> StateUpdate:
    read = decode_versioned(ShareUpdateValue, value)
    return StateUpdate(
        snapshot_epoch=read.snapshot_epoch,
        leader_epoch=read.leader_epoch,
        start_offset=read.start_offset,
        batches=tuple(
            StateBatch(each.first_offset, each.last_offset, each.delivery_count, each.delivery_state)
            for each in read.state_batches
        ),
    )
