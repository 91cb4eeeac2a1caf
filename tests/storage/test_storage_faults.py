"""Each disk operation of a log's life failed once: nothing acknowledged is lost, no other error than Kafka's comes out."""

import errno
import os

import pytest
from storage_disks import FaultyDisk
from store_fixture import NOW, ORDERS, append, create, open_store, values

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import MemoryDisk
from ottla.storage.log_directory import DirectoryError, DirectoryState

CONFIG = TopicConfig(segment_bytes=250, retention_ms=5_000, file_delete_delay_ms=0, index_interval_bytes=50)
OTHER = TopicPartition("other", 0)


class Life:
    """A broker's logs through appends, rolls, flushes, retention, a deleted topic and a stop; what was acknowledged."""

    def __init__(self, disk):
        self.disk = disk
        self.acknowledged = []
        self.attempted = []
        self.refusals = 0

    def run(self):
        self.store = open_store(self.disk, config=CONFIG)
        self.store.directories[0].drain(10)
        for number in range(8):
            self.append(number)
            if number == 3:
                self.step(lambda: create(self.store, config=CONFIG).flush())
                self.step(self.store.checkpoint)
            if number == 5:
                self.step(lambda: append(create(self.store, OTHER, config=CONFIG), b"x"))
                self.step(lambda: self.store.delete(OTHER, NOW))
        self.step(lambda: self.store.checkpoint_high_watermarks({ORDERS: 3}))
        self.step(lambda: self.store.tick(NOW + 1))
        self.store.close(clean=True)

    def append(self, number):
        value = b"value-%d" % number
        self.attempted.append(value)

        def attempt():
            append(create(self.store, config=CONFIG), value, timestamp=NOW + number)
            self.acknowledged.append(value)

        self.step(attempt)

    def step(self, action):
        """Do one thing as the broker does it: what fails is answered KAFKA_STORAGE_ERROR, and the others are served."""
        try:
            action()
        except KafkaError as error:
            assert error.code is ErrorCode.KAFKA_STORAGE_ERROR, error
            self.refusals += 1
        self.store.directories[0].drain(10)
        self.store.loop.run()


def operations():
    """What a life without faults asks of the disk, after the directory is locked."""
    disk = FaultyDisk(MemoryDisk())
    Life(disk).run()
    return list(disk.seen)


ALL = operations()
CHANGING = [
    place
    for place, (operation, _) in enumerate(ALL)
    if operation
    in ("create", "write", "fsync", "truncate", "rename", "unlink", "remove_tree", "mkdir", "fsync_directory")
]


def fail_at(disk, place, fault):
    """Let the operation at this place of the history fail, once."""
    count = 0

    def ask(operation, path):
        nonlocal count
        count += 1
        if count - 1 != place:
            return None
        if isinstance(fault, int):
            return OSError(fault, os.strerror(fault), path)
        return fault if operation == "write" else OSError(errno.EIO, os.strerror(errno.EIO), path)

    disk.fault = ask


@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, "tear", "short"])
def test_each_operation_failed_once(fault):
    """A failing disk costs the log's service, never a record that was acknowledged."""
    refused = 0
    for place in CHANGING:
        if fault in ("tear", "short") and ALL[place][0] != "write":
            continue
        name = f"{fault} at {place}: {ALL[place]}"
        disk = FaultyDisk(MemoryDisk())
        fail_at(disk, place, fault)
        life = Life(disk)
        try:
            life.run()
        except DirectoryError:
            # The only directory failed while it was taken into use: the broker does not start.
            assert not life.acknowledged, name
            disk.heal()
            continue
        refused += life.refusals
        disk.heal()
        again = open_store(disk.below, config=CONFIG)
        log = again.get(ORDERS)
        found = values(log) if log is not None else []
        assert [value for value in found if value in life.acknowledged] == life.acknowledged, name
        assert [value for value in life.attempted if value in found] == found, name
        log = create(again, config=CONFIG)
        append(log, b"after")
        assert values(log)[-1] == b"after", name
        again.close(clean=True)
    assert (refused > 0) == (fault != "short")


def test_a_full_disk_at_each_write_and_room_again():
    """ENOSPC lasts for a while at any step: once there is room the log goes on without a restart, with all it had."""
    refusals = 0
    for place in CHANGING:
        operation, path = ALL[place]
        if operation not in ("write", "create", "mkdir") or "orders" not in path:
            continue
        name = f"full from {place}: {ALL[place]}"
        disk = FaultyDisk(MemoryDisk())
        store = open_store(disk, config=CONFIG)
        life = Life(disk)
        life.store = store
        disk.seen.clear()
        count = 0

        def ask(operation, path):
            nonlocal count
            count += 1
            full = place <= count - 1 < place + 4  # noqa: B023 - used in this turn only
            if full and operation in ("write", "create", "mkdir", "truncate"):
                disk.space_bytes = 0  # noqa: B023
                return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            return None

        disk.fault = ask
        for number in range(12):
            life.append(number)
        disk.heal()
        disk.space_bytes = None
        store.tick(NOW + 10_000)
        assert store.directories[0].state is DirectoryState.ONLINE, name
        life.append(12)
        assert values(store.get(ORDERS)) == life.acknowledged, name
        assert life.acknowledged[-1] == b"value-12", name
        refusals += life.refusals
        store.close(clean=True)
        again = open_store(disk.below, config=CONFIG)
        assert values(again.get(ORDERS)) == life.acknowledged, name
        again.close(clean=True)
    assert refusals > 20
