"""A partition log on a disk in memory, its posted calls run when the test says so."""

from collections import deque
from collections.abc import Callable, Sequence

from ottla.config.topic_config import TopicConfig
from ottla.protocol.types import TopicPartition
from ottla.records.batch import Codec, iterate_batches
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.append_result import AppendOrigin, AppendResult
from ottla.storage.disk import Disk, MemoryDisk
from ottla.storage.file_cache import FileCache
from ottla.storage.log_directory import LogDirectory
from ottla.storage.partition_log import PartitionLog

NOW_MS = 1_700_000_000_000


class SteadyDirectory(LogDirectory):
    """Slow only where a test says so: not because the machine was busy with something else."""

    __slots__ = ()

    def observe_write(self, duration_ms: float) -> None:
        """Changes nothing."""


class LogRoom:
    """One log directory with one log, that can be closed, killed and opened again."""

    def __init__(
        self,
        config: TopicConfig | None = None,
        disk: Disk | None = None,
        path: str = "/logs",
        descriptors: int = 256,
    ) -> None:
        self.disk = disk if disk is not None else MemoryDisk()
        self.path = path
        self.config = config if config is not None else TopicConfig()
        self.descriptors = descriptors
        self.posted: deque[Callable[[], None]] = deque()
        self.log = self._open(load=False)

    def _open(self, *, load: bool) -> PartitionLog:
        self.directory = SteadyDirectory(self.path, self.disk)
        self.directory.acquire()
        self.cache = FileCache(self.disk, self.descriptors)
        log = PartitionLog(
            TopicPartition("topic", 0),
            self.directory,
            self.config,
            cache=self.cache,
            post=self.posted.append,
            materialize=lambda log: self.disk.mkdir(log.path),
            now_ms=NOW_MS,
        )
        if load:
            log.load(NOW_MS)
        return log

    def settle(self) -> None:
        """Wait for the directory's thread, then run what it posted, until nothing is left."""
        while True:
            assert self.directory.drain(10)
            if not self.posted:
                return
            while self.posted:
                self.posted.popleft()()

    def reopen(self) -> PartitionLog:
        """A clean stop and start."""
        self.settle()
        self.log.close()
        self.directory.close()
        self.log = self._open(load=self.disk.is_directory(f"{self.path}/topic-0"))
        return self.log

    def close(self) -> None:
        self.settle()
        self.log.abandon()
        self.directory.close()

    def append(
        self,
        *values: bytes | None,
        timestamps: Sequence[int] | None = None,
        keys: Sequence[bytes | None] | None = None,
        epoch: int = 0,
        now_ms: int = NOW_MS,
        codec: Codec = Codec.NONE,
        origin: AppendOrigin = AppendOrigin.CLIENT,
        producer: tuple[int, int, int] | None = None,
        transactional: bool = False,
    ) -> AppendResult:
        """Append one batch with these values; `producer` is id, epoch and base sequence."""
        records = [
            Record(
                0,
                timestamps[place] if timestamps is not None else NOW_MS,
                keys[place] if keys is not None else b"k",
                value,
            )
            for place, value in enumerate(values)
        ]
        producer_id, producer_epoch, sequence = producer or (-1, -1, -1)
        batch = build_batch(
            records,
            codec=codec,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
        return self.log.append_as_leader(memoryview(batch), leader_epoch=epoch, now_ms=now_ms, origin=origin)

    def values(self, start: int | None = None) -> list[tuple[int, bytes | None]]:
        """Offsets and values of every record that a consumer finds from `start` on."""
        return read_values(self.log, self.log.log_start_offset if start is None else start)


def read_values(log: PartitionLog, start: int) -> list[tuple[int, bytes | None]]:
    found: list[tuple[int, bytes | None]] = []
    while True:
        read = log.read(start, 1 << 20)
        if read.slice is None:
            return found
        for header, batch in iterate_batches(read.slice.read_all()):
            found += [
                (record.offset, record.value) for record in iterate_records(batch) if record.offset >= start
            ]
            start = header.next_offset
