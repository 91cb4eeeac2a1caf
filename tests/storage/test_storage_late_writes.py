"""A write that took long is not always a slow disk: on a busy machine the thread may just not have run."""

import time

import pytest

from ottla.config.topic_config import TopicConfig
from ottla.protocol.types import TopicPartition
from ottla.records.record import Record, build_batch
from ottla.storage.disk import MemoryDisk, MemoryFile
from ottla.storage.file_cache import FileCache
from ottla.storage.log_directory import CERTAINLY_SLOW_WRITE_MS, LogDirectory
from ottla.storage.partition_log import PartitionLog

NOW_MS = 1_700_000_000_000


class LateDisk(MemoryDisk):
    """Each write takes `seconds`, waiting or working."""

    waits = True
    seconds = 0.0

    def open(self, path, mode):
        plain = super().open(path, mode)
        return _LateFile(self, path, plain.inode, writable=plain.writable)


class _LateFile(MemoryFile):
    def pwritev(self, buffers, position):
        if self.path.endswith(".log"):
            if self._disk.waits:
                time.sleep(self._disk.seconds)
            ends = time.perf_counter() + self._disk.seconds
            while time.perf_counter() < ends:
                pass
        return super().pwritev(buffers, position)


@pytest.fixture
def late():
    disk = LateDisk()
    directory = LogDirectory("/logs", disk)
    directory.acquire()
    log = PartitionLog(
        TopicPartition("t", 0),
        directory,
        TopicConfig(),
        cache=FileCache(disk),
        post=lambda function: None,
        materialize=lambda log: disk.mkdir(log.path),
        now_ms=NOW_MS,
    )

    def append(seconds: float, *, waits: bool) -> bool:
        disk.seconds, disk.waits = seconds, waits
        log.append_as_leader(
            memoryview(build_batch([Record(0, NOW_MS, b"k", b"v")])), leader_epoch=0, now_ms=NOW_MS
        )
        return directory.is_slow

    yield append
    disk.seconds = 0
    directory.close()


def test_a_late_write_alone_makes_no_directory_slow(late):
    """Nor do more of them, as long as the thread was only kept from running."""
    assert not any(late(0.007, waits=False) for _ in range(5))


def test_a_second_late_write_that_has_waited_does(late):
    """The first one puts the directory under watch."""
    assert not late(0.007, waits=False)
    assert late(0.007, waits=True)


def test_a_very_late_write_does_at_once(late):
    """No scheduler explains it."""
    assert late(CERTAINLY_SLOW_WRITE_MS / 1000 + 0.01, waits=False)
