"""Logs on their way from one log directory to another, AlterReplicaLogDirs: served all the while, whole at each step."""

import errno
import os
import time

from storage_disks import FaultyDisk, RecordingDisk
from store_fixture import NOW, ORDERS, append, create, open_store, values

from ottla.config.topic_config import TopicConfig
from ottla.storage.disk import MemoryDisk, PosixDisk


def test_a_log_moves_to_another_directory_while_it_serves(tmp_path):
    """AlterReplicaLogDirs: appends and reads go on, all records come along, the old files go, a restart agrees."""
    config = TopicConfig(segment_bytes=2000, file_delete_delay_ms=0)
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    store = open_store(PosixDisk(), *paths, config=config)
    log = create(store, config=config)
    written = []
    for number in range(100):
        append(log, b"%d" % number)
        written.append(b"%d" % number)
    assert log.directory.path == paths[0]
    reading = log.read(0, 1000).slice
    store.move(ORDERS, paths[1])
    assert [(each.directory.path, log.is_future) for each in store.describe() for log in each.logs] == [
        (paths[0], False),
        (paths[1], True),
    ]
    number = 100

    def moved():
        nonlocal number
        append(log, b"%d" % number, settle=False)
        written.append(b"%d" % number)
        number += 1
        return log.directory.path == paths[1]

    store.loop.run_until(moved)
    assert store.get(ORDERS) is log
    assert b"0" in reading.read_all()
    for directory in store.directories:
        directory.drain(10)
    store.loop.run()
    append(log, b"last")
    written.append(b"last")
    store.loop.run_until(lambda: values(log) == written)
    assert store.describe()[1].logs[0].topic_partition == ORDERS
    store.tick(NOW + 10)
    for directory in store.directories:
        directory.drain(10)
    assert not [name for name in os.listdir(paths[0]) if name.startswith("orders")]
    store.close(clean=True)
    again = open_store(PosixDisk(), *paths, config=config)
    assert values(again.get(ORDERS)) == written
    assert again.get(ORDERS).directory.path == paths[1]
    again.close(clean=True)


def test_a_log_without_files_moves_at_once():
    """There is nothing to copy."""
    disk = MemoryDisk()
    store = open_store(disk, "/a", "/b")
    log = create(store)
    store.move(ORDERS, "/b")
    append(log, b"a")
    assert disk.exists("/b/orders-0") and not disk.exists("/a/orders-0")
    store.close(clean=True)


def test_a_topic_deleted_while_it_is_moved_is_gone():
    """Neither the log nor its copy is left, in service or on disk."""
    disk = MemoryDisk()
    config = TopicConfig(file_delete_delay_ms=0)
    store = open_store(disk, "/a", "/b", config=config)
    append(create(store, config=config), b"a")
    store.move(ORDERS, "/b")
    store.delete(ORDERS, NOW)
    deadline = time.monotonic() + 30
    while [name for name in [*disk.listdir("/a"), *disk.listdir("/b")] if name.startswith("orders")]:
        assert time.monotonic() < deadline
        store.loop.run()
        store.tick(NOW)
        for directory in store.directories:
            directory.drain(10)
    assert all(directory.is_online for directory in store.directories)
    store.close(clean=True)


def test_a_move_that_fails_leaves_the_log_where_it_is():
    """A full target: the log stays in service, the part of the copy goes."""
    disk = FaultyDisk(MemoryDisk())
    store = open_store(disk, "/a", "/b")
    log = create(store)
    append(log, b"a")
    disk.fail_all(errno.ENOSPC, "write", containing="-future")
    store.move(ORDERS, "/b")
    store.loop.run_until(lambda: store._moves.target_of(ORDERS) is None)
    assert log.directory.path == "/a"
    append(log, b"b")
    assert values(log) == [b"a", b"b"]
    assert not [name for name in disk.listdir("/b") if name.startswith("orders")]
    store.close(clean=True)


def test_a_crash_at_each_step_of_a_move():
    """The log is in one of the two directories, with all that was fsynced."""
    disk = RecordingDisk()
    store = open_store(disk, "/a", "/b")
    log = create(store)
    append(log, b"a", b"b")
    log.flush()
    disk.sync_everything()
    begin = len(disk.journal)
    store.move(ORDERS, "/b")
    store.loop.run_until(lambda: log.directory.path == "/b")
    end = len(disk.journal)
    places = set()
    for name, crashed in disk.crashes(begin, end, subsets=24):
        again = open_store(crashed, "/a", "/b")
        found = again.get(ORDERS)
        assert found is not None, name
        assert values(found) == [b"a", b"b"], name
        places.add(found.directory.path)
        again.close(clean=False)
    assert places == {"/a", "/b"}
    store.close(clean=True)
