"""One partition on this broker: its role, its leader epoch, its ISR and its high watermark.

    log_start_offset ≤ last_stable_offset ≤ high_watermark ≤ log_end_offset

The leader takes appends and answers fetches. A record is committed once every replica of the ISR has it: the high watermark
is the smallest log end offset of the ISR's members. With one replica this is the log's own end, so it moves within the
append, or, when the log directory is slow and the batch waits in its queue, when the batch is written.

Whoever waits for a partition to move registers as a watcher; it is told of every advance and of every change of role.

Source: Apache's `Partition`; KIP-101 and KIP-320 for the epochs, KIP-207 for what may be served by a new leader.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from ottla.cluster.image import PartitionState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid
from ottla.storage.append_result import AppendOrigin, AppendResult
from ottla.storage.file_slice import FileSlice
from ottla.storage.partition_log import PartitionLog
from ottla.storage.read_result import AbortedTransaction, EpochEndOffset

ACKS_ALL = -1


class Role(Enum):
    """What this broker is to the partition."""

    LEADER = "leader"
    FOLLOWER = "follower"
    LOADING = "loading"
    """Its log is being recovered after a crash; clients are told to try again."""
    OFFLINE = "offline"
    """Its log directory has failed."""
    DELETED = "deleted"
    """The topic is gone; the object lives only as long as somebody still looks at it."""


_NOT_LEADING = {
    Role.FOLLOWER: (ErrorCode.NOT_LEADER_OR_FOLLOWER, "this broker follows, it does not lead"),
    Role.LOADING: (ErrorCode.NOT_LEADER_OR_FOLLOWER, "its log is still being recovered"),
    Role.OFFLINE: (ErrorCode.KAFKA_STORAGE_ERROR, "its log directory is offline"),
    Role.DELETED: (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "it has been deleted"),
}
"""What is answered instead of leading."""


_LEADER, _CLIENT = Role.LEADER, AppendOrigin.CLIENT
"""On the hot path: a member of an enum is looked up anew each time it is named, for 0.1 µs."""


class PartitionWatcher(Protocol):
    """Somebody who waits for partitions to move: a long poll, a fetch session, a produce request with acks=all."""

    def partition_moved(self, partition: "Partition") -> None:
        """An offset of it or its role has changed. Called within the change: take note, and act later."""


class IsolationLevel(Enum):
    """Which records a fetch may see."""

    READ_UNCOMMITTED = 0
    """Up to the high watermark."""
    READ_COMMITTED = 1
    """Up to the last stable offset, with the list of aborted transactions."""
    LOG_END = 2
    """Everything: for followers."""


_READ_UNCOMMITTED, _READ_COMMITTED = IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED


class PartitionFetch(NamedTuple):
    """What one partition gives to a fetch."""

    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    slice: FileSlice | None
    aborted_transactions: Sequence[AbortedTransaction] | None
    """None except for READ_COMMITTED."""
    diverging_epoch: EpochEndOffset | None = None
    """Where the client's epoch ended here, when it has read on in a log that was cut since (KIP-595)."""


class Partition:
    """One partition of which this broker has a replica. Used from the loop's thread."""

    __slots__ = (
        "_broker_id",
        "_watchers",
        "follower_end_offsets",
        "high_watermark",
        "isr",
        "leader",
        "leader_epoch",
        "log",
        "partition_epoch",
        "role",
        "topic_id",
        "topic_partition",
    )

    def __init__(self, topic_partition: TopicPartition, topic_id: Uuid, broker_id: int) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self._broker_id = broker_id
        self.log: PartitionLog | None = None
        self.role = Role.LOADING
        self.leader = -1
        self.leader_epoch = -1
        self.partition_epoch = -1
        self.isr: tuple[int, ...] = ()
        self.high_watermark = 0
        self.follower_end_offsets: dict[int, int] = {}
        """Where each follower in the ISR stands, by its last fetch."""
        self._watchers: dict[PartitionWatcher, None] = {}

    def __repr__(self) -> str:
        return f"<Partition {self.topic_partition} {self.role.value} epoch {self.leader_epoch}>"

    # Roles.

    def attach(self, log: PartitionLog, high_watermark: int = 0) -> None:
        """Give it its log, once that can be used; `high_watermark` is the one last checkpointed."""
        self.log = log
        log.on_advance = self._log_advanced
        log.on_failure = self._log_failed
        self.high_watermark = max(log.log_start_offset, min(high_watermark, log.log_end_offset))

    def become(self, state: PartitionState) -> None:
        """Take the role that the cluster's metadata gives."""
        self.partition_epoch = state.partition_epoch
        self.leader = state.leader
        self.leader_epoch = state.leader_epoch
        self.isr = state.isr
        if self.log is None:
            self.role = Role.LOADING
        elif state.leader == self._broker_id:
            self.role = Role.LEADER
            self.follower_end_offsets = {
                follower: self.follower_end_offsets.get(follower, self.high_watermark)
                for follower in state.isr
                if follower != self._broker_id
            }
            self._raise_high_watermark(self.log)
        else:
            self.role = Role.FOLLOWER
        self._tell_watchers()

    def leave(self, role: Role) -> None:
        """Serve no longer: OFFLINE or DELETED."""
        self.role = role
        if self.log is not None:
            self.log.on_advance = self.log.on_failure = None
            self.log = None
        self._tell_watchers()

    def leading_log(self, current_leader_epoch: int = -1) -> PartitionLog:
        """The log, if this broker leads in the epoch that the client believes in (-1: it didn't say).

        Raises `KafkaError`: NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR, UNKNOWN_TOPIC_OR_PARTITION by role;
        FENCED_LEADER_EPOCH when the client's epoch is older, UNKNOWN_LEADER_EPOCH when it is newer.
        """
        if current_leader_epoch not in (-1, self.leader_epoch):
            if current_leader_epoch < self.leader_epoch:
                raise KafkaError(
                    ErrorCode.FENCED_LEADER_EPOCH,
                    f"{self.topic_partition}: leader epoch {current_leader_epoch} is over, it is {self.leader_epoch}",
                )
            raise KafkaError(
                ErrorCode.UNKNOWN_LEADER_EPOCH,
                f"{self.topic_partition}: leader epoch {current_leader_epoch} is not known here, "
                f"{self.leader_epoch} is the last",
            )
        if self.role is not _LEADER or self.log is None:
            code, reason = _NOT_LEADING[self.role]
            raise KafkaError(code, f"{self.topic_partition}: {reason}")
        return self.log

    # Appending.

    def append(
        self,
        records: memoryview,
        acks: int,
        now_ms: int,
        origin: AppendOrigin = _CLIENT,
        walked: bool = False,
    ) -> AppendResult:
        """Append one batch as the leader. Hot path: 1 µs besides the log's own.

        `walked`: its records have been looked at on a thread (`storage.record_walk`).
        Afterwards `is_acknowledged` tells whether the answer may go out or has to wait for the partition to move.
        Raises `KafkaError`: what `leading_log` and `PartitionLog.append_as_leader` raise, and NOT_ENOUGH_REPLICAS when
        `acks` is -1 and the ISR is smaller than `min.insync.replicas`.
        """
        log = self.log
        if log is None or self.role is not _LEADER:
            log = self.leading_log()
        if acks == ACKS_ALL and len(self.isr) < log.config.min_insync_replicas:
            raise KafkaError(
                ErrorCode.NOT_ENOUGH_REPLICAS,
                f"{self.topic_partition}: min.insync.replicas is {log.config.min_insync_replicas}, "
                f"in sync are {len(self.isr)}",
            )
        result = log.append_as_leader(records, self.leader_epoch, now_ms, origin, walked)
        if self.follower_end_offsets or self._watchers:
            self._log_advanced(log)
        elif log.log_end_offset > self.high_watermark:
            self.high_watermark = log.log_end_offset
        return result

    def is_acknowledged(self, last_offset: int, acks: int) -> bool:
        """Whether the record at `last_offset` is as safe as `acks` asks. Raises `KafkaError` if it can't become so."""
        log = self.log
        if log is None or self.role is not _LEADER:
            log = self.leading_log()
        if last_offset >= log.next_offset:
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: the batch could not be written"
            )
        return last_offset < (self.high_watermark if acks == ACKS_ALL else log.log_end_offset)

    def _log_advanced(self, log: PartitionLog) -> None:
        if self.role is _LEADER:
            self._raise_high_watermark(log)
        self._tell_watchers()

    def _log_failed(self, log: PartitionLog) -> None:
        del log
        self._tell_watchers()

    def _raise_high_watermark(self, log: PartitionLog) -> None:
        committed = log.log_end_offset
        for end_offset in self.follower_end_offsets.values():
            committed = min(committed, end_offset)
        self.high_watermark = max(self.high_watermark, committed)

    # Reading.

    def fetch(
        self,
        fetch_offset: int,
        max_bytes: int,
        *,
        isolation: IsolationLevel,
        min_one_batch: bool,
        current_leader_epoch: int = -1,
        last_fetched_epoch: int = -1,
        nowait: bool = False,
    ) -> PartitionFetch:
        """What a fetch from `fetch_offset` gets: a slice of a file, never bytes.

        Raises `KafkaError`: what `leading_log` raises, OFFSET_OUT_OF_RANGE; `BlockingIOError` with `nowait` when an
        index is not in the page cache: ask again on a thread.
        """
        log = self.log
        if log is None or self.role is not _LEADER or current_leader_epoch not in (-1, self.leader_epoch):
            log = self.leading_log(current_leader_epoch)
        high_watermark = self.high_watermark
        last_stable_offset = log.last_stable_offset(high_watermark)
        log_start_offset = log.log_start_offset
        if last_fetched_epoch >= 0:
            diverging = self._diverging_epoch(log, fetch_offset, last_fetched_epoch)
            if diverging is not None:
                return PartitionFetch(
                    high_watermark, last_stable_offset, log_start_offset, None, None, diverging
                )
        if isolation is _READ_UNCOMMITTED:
            upper_bound = high_watermark
        elif isolation is _READ_COMMITTED:
            upper_bound = last_stable_offset
        else:
            upper_bound = log.log_end_offset
        read = log.read(
            fetch_offset,
            max_bytes,
            upper_bound_offset=upper_bound,
            min_one_batch=min_one_batch,
            nowait=nowait,
        )
        aborted: Sequence[AbortedTransaction] | None = None
        if isolation is _READ_COMMITTED:
            aborted = () if read.slice is None else log.aborted_transactions(fetch_offset, read.next_offset)
        return PartitionFetch(high_watermark, last_stable_offset, log_start_offset, read.slice, aborted)

    def _diverging_epoch(
        self, log: PartitionLog, fetch_offset: int, last_fetched_epoch: int
    ) -> EpochEndOffset | None:
        end = log.offset_for_leader_epoch(last_fetched_epoch)
        if end.end_offset < 0 or end.leader_epoch < 0 or fetch_offset < log.log_start_offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.topic_partition}: offset {fetch_offset} of epoch {last_fetched_epoch} is not in this log",
            )
        if end.leader_epoch < last_fetched_epoch or end.end_offset < fetch_offset:
            return end
        return None

    def last_offset_for_leader_epoch(self, current_leader_epoch: int, leader_epoch: int) -> EpochEndOffset:
        """OffsetForLeaderEpoch: where that epoch ends here. Errors as `leading_log`."""
        return self.leading_log(current_leader_epoch).offset_for_leader_epoch(leader_epoch)

    def delete_records(self, offset: int) -> int:
        """Make records below `offset` unreadable (-1: all committed ones); the new low watermark.

        Raises `KafkaError`: errors of `leading_log`, POLICY_VIOLATION for a topic that is not deleted from by time or
        size, OFFSET_OUT_OF_RANGE above the high watermark or negative.
        """
        log = self.leading_log()
        if not log.config.delete:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                f"{self.topic_partition}: records can't be deleted, cleanup.policy has no `delete`",
            )
        wanted = self.high_watermark if offset == -1 else offset
        if wanted < 0 or wanted > self.high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE,
                f"{self.topic_partition}: records up to {wanted} can't be deleted, "
                f"the high watermark is {self.high_watermark}",
            )
        log.advance_log_start_offset(wanted)
        self._tell_watchers()
        return log.log_start_offset

    # Watchers.

    def watch(self, watcher: PartitionWatcher) -> None:
        """Tell `watcher` of every move from now on. Watching twice is watching once."""
        self._watchers[watcher] = None

    def unwatch(self, watcher: PartitionWatcher) -> None:
        self._watchers.pop(watcher, None)

    @property
    def watcher_count(self) -> int:
        return len(self._watchers)

    def _tell_watchers(self) -> None:
        if self._watchers:
            for watcher in tuple(self._watchers):
                watcher.partition_moved(self)
