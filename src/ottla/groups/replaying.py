"""Records become state: when a coordinator loads its log, and when an operation's records are on their way to it.

Apache: GroupCoordinatorShard#replay, GroupMetadataManager#replay, OffsetMetadataManager#replay.
"""

import logging
from collections.abc import Mapping

from ottla.coordination.results import NO_PRODUCER_ID, CoordinatorRecord, CoordinatorResult
from ottla.groups.group_types import Replay
from ottla.groups.heartbeats import Heartbeats
from ottla.groups.offsets import Offsets
from ottla.groups.records import GroupKey, OffsetKey, parse_group, parse_key, parse_offset_commit
from ottla.groups.registry import Groups, Undo
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError

_log = logging.getLogger(__name__)


class Replaying:
    """Applies records to the groups and offsets of one coordinator."""

    def __init__(
        self, groups: Groups, offsets: Offsets, heartbeats: Heartbeats, replays: Mapping[int, Replay]
    ) -> None:
        """`replays`: for the record types of groups that are not classic (group_types.py)."""
        self._groups = groups
        self._offsets = offsets
        self._heartbeats = heartbeats
        self._replays = replays
        self._skipped_record_types: set[int] = set()
        self._next_position = 0

    def load(self, record: CoordinatorRecord, offset: int, producer_id: int) -> None:
        """A record from the log. Raises ProtocolError for one that can't be read."""
        try:
            self._load(record, offset, producer_id)
        except UnsupportedVersionError as error:
            raise ProtocolError(f"the record at offset {offset} is of a later Kafka: {error}") from error

    def _load(self, record: CoordinatorRecord, offset: int, producer_id: int) -> None:
        key = parse_key(record.key)
        if isinstance(key, OffsetKey):
            self._next_position = offset
            self._apply_offset(key, record, producer_id, None)
        elif isinstance(key, GroupKey):
            if record.value is not None:
                self._groups.put(parse_group(key.group_id, record.value))
            elif self._groups.find_classic(key.group_id) is not None:
                self._groups.remove(key.group_id)
        else:
            self._replay(record, None)

    def apply(self, result: CoordinatorResult[object]) -> None:
        """An operation's records, with the way back. The record of a classic group tells what the group is already."""
        for record in result.records:
            key = parse_key(record.key)
            if isinstance(key, OffsetKey):
                self._apply_offset(key, record, result.producer_id, result)
            elif isinstance(key, GroupKey) and record.value is None:
                self._remove_group(key.group_id, result.undo)
            elif key is None:
                self._replay(record, result.undo)

    def commit(self, result: CoordinatorResult[object]) -> None:
        self._offsets.commit(result)

    def revert(self, result: CoordinatorResult[object]) -> None:
        self._offsets.revert(result)

    def _apply_offset(
        self,
        key: OffsetKey,
        record: CoordinatorRecord,
        producer_id: int,
        result: CoordinatorResult[object] | None,
    ) -> None:
        undo = None if result is None else result.undo
        if record.value is None:
            self._offsets.remove(key.group_id, key.topic, key.partition, result)
            return
        committed = parse_offset_commit(record.key, record.value, self._next_position)
        self._next_position += 1
        if key.group_id not in self._groups:
            self._groups.add_classic(key.group_id, committed.commit_timestamp_ms, undo)
        if producer_id == NO_PRODUCER_ID:
            self._offsets.put(key.group_id, key.topic, key.partition, committed, result)
        else:
            take_back = self._offsets.put_transactional(
                producer_id, key.group_id, key.topic, key.partition, committed
            )
            if undo is not None:
                undo.append(take_back)

    def _remove_group(self, group_id: str, undo: Undo) -> None:
        group = self._groups.find_classic(group_id)
        if group is not None:
            self._groups.remove(group_id, undo)
            # Members' own timers stand, in case this is undone; of a group that is no more they do nothing.
            for member_id in group.pending_join_members:
                self._heartbeats.forget(group_id, member_id)

    def _replay(self, record: CoordinatorRecord, undo: Undo | None) -> None:
        record_type = int.from_bytes(record.key[:2], "big")
        replay = self._replays.get(record_type)
        if replay is not None:
            replay(record.key, record.value, undo)
        elif record_type not in self._skipped_record_types:
            self._skipped_record_types.add(record_type)
            _log.warning(
                "Records of type %d in __consumer_offsets are of no known group: skipped", record_type
            )
