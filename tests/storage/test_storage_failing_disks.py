"""Disks that fill up, fail and stall under a store: their logs are refused by name, all others are served."""

import errno
import threading

import pytest
from storage_disks import FaultyDisk
from store_fixture import NOW, ORDERS, append, create, open_store, values

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import MemoryDisk
from ottla.storage.log_directory import DirectoryError, DirectoryState
from ottla.storage.log_store import LogState


def test_a_full_disk_refuses_writes_and_comes_back():
    """ENOSPC: KAFKA_STORAGE_ERROR for writes, reads served, other directories untouched, back without a restart."""
    disk = FaultyDisk(MemoryDisk())
    store = open_store(disk, "/a", "/b")
    first, second = create(store, TopicPartition("t", 0)), create(store, TopicPartition("t", 1))
    assert first.directory.path == "/a"
    append(first, b"kept")
    append(second, b"kept")
    disk.space_bytes = 0
    disk.fail_all(errno.ENOSPC, "write", containing="/a/")
    for _ in range(3):
        with pytest.raises(KafkaError) as raised:
            append(first, b"refused")
        assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert first.directory.state is DirectoryState.FULL
    assert values(first) == [b"kept"]
    append(second, b"served")
    assert store.state(TopicPartition("t", 0)) is LogState.SERVING
    disk.heal()
    for second_of_probing in range(5):
        store.tick(NOW + second_of_probing * 1000)
        assert first.directory.state is DirectoryState.FULL
    disk.space_bytes = 1 << 30
    store.tick(NOW + 10_000)
    append(first, b"again")
    assert values(first) == [b"kept", b"again"]
    assert values(second) == [b"kept", b"served"]
    store.close(clean=True)
    again = open_store(disk.below, "/a", "/b")
    assert values(again.get(TopicPartition("t", 0))) == [b"kept", b"again"]
    again.close(clean=True)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_failed_fsync_takes_the_directory_offline_for_good(code):
    """Never a retry: after a failed fsync nobody knows what is on the disk. Others are served on."""
    disk = FaultyDisk(MemoryDisk())
    changes = []
    store = open_store(disk, "/a", "/b")
    store.on_directory_change = lambda directory: changes.append((directory.path, directory.state))
    first, second = create(store, TopicPartition("t", 0)), create(store, TopicPartition("t", 1))
    append(first, b"a")
    append(second, b"b")
    disk.fail_once("fsync", code, containing="/a/t-0")
    first.start_flush(NOW)
    first.directory.drain(10)
    store.loop.run()
    assert changes == [("/a", DirectoryState.OFFLINE)]
    disk.seen.clear()
    store.tick(NOW + 10**6)
    for action in (lambda: append(first, b"x"), lambda: first.read(0, 10)):
        with pytest.raises(KafkaError) as raised:
            action()
        assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    append(second, b"served")
    store.close(clean=True)
    assert not [seen for seen in disk.seen if seen[1].startswith("/a/t-0")]
    assert not disk.exists("/a/.kafka_cleanshutdown")
    assert disk.exists("/b/.kafka_cleanshutdown")


def test_no_usable_directory_is_an_error():
    """The broker does not start, and says why of each."""
    disk = FaultyDisk(MemoryDisk())
    disk.fail_all(errno.EACCES, "mkdir")
    with pytest.raises(DirectoryError, match=r"/a: .*Permission denied.*/b: "):
        open_store(disk, "/a", "/b")


def test_a_busy_directory_thread_is_not_flooded_with_index_entries(monkeypatch):
    """An fsync that takes seconds: appends go on, one task to write entries waits behind it."""

    from ottla.storage import index_file, log_directory

    monkeypatch.setattr(index_file, "TAIL_ENTRIES_MAX", 4)
    monkeypatch.setattr(log_directory, "TASK_QUEUE_CAPACITY", 5)
    config = TopicConfig(index_interval_bytes=1)
    disk = MemoryDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    released = threading.Event()
    store.directories[0].submit(lambda: released.wait(20))
    written = [b"%d" % number for number in range(200)]
    for value in written:
        append(log, value, settle=False)
    released.set()
    store.directories[0].drain(10)
    store.loop.run()
    assert values(log) == written
    assert disk.size("/data/orders-0/00000000000000000000.index") > 0
    store.close(clean=True)
    again = open_store(disk, config=config)
    assert values(again.get(ORDERS)) == written
    again.close(clean=False)
