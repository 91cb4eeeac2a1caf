"""The broker's logs as a whole: made, found again after a clean stop and after a crash, deleted, kept within bounds."""

import json
import os
import subprocess
import sys
import textwrap
import threading

import pytest
from store_fixture import CONFIG, NOW, ORDERS, OTHER_ID, TOPIC_ID, append, create, open_store, values

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import MemoryDisk, PosixDisk
from ottla.storage.log_directory import DirectoryError


def test_a_log_has_no_files_before_its_first_write(disk_and_path):
    """Thousands of partitions that are never written cost no file."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    log = create(store)
    assert "orders-0" not in disk.listdir(path)
    append(log, b"a")
    assert disk.listdir(f"{path}/orders-0") == ["00000000000000000000.log", "partition.metadata"]
    store.close(clean=True)


def test_what_a_clean_stop_leaves_is_apaches(disk_and_path):
    """Checkpoints, marks and ids by Apache's names and in its formats, and the records come back."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    log = create(store)
    append(log, b"a", b"b")
    append(log, b"c")
    store.close(clean=True, broker_epoch=7)
    assert disk.listdir(path) == [
        ".kafka_cleanshutdown",
        ".lock",
        "log-start-offset-checkpoint",
        "meta.properties",
        "orders-0",
        "recovery-point-offset-checkpoint",
    ]
    assert json.loads(disk.read_file(f"{path}/.kafka_cleanshutdown")) == {"version": 0, "brokerEpoch": 7}
    assert disk.read_file(f"{path}/recovery-point-offset-checkpoint") == b"0\n1\norders 0 3\n"
    assert (
        disk.read_file(f"{path}/orders-0/partition.metadata")
        == b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw\n"
    )
    lines = disk.read_file(f"{path}/meta.properties").decode().splitlines()
    assert {"version=0", "broker.id=1", "cluster.id=cluster"} < set(lines)
    assert disk.read_file(f"{path}/orders-0/leader-epoch-checkpoint") == b"0\n1\n0 0\n"

    again = open_store(disk, path)
    assert ".kafka_cleanshutdown" not in disk.listdir(path)
    found = again.get(ORDERS)
    assert values(found) == [b"a", b"b", b"c"]
    assert found.recovery_point == 3
    assert again.create(ORDERS, TOPIC_ID, CONFIG) is found
    append(found, b"d")
    assert values(found) == [b"a", b"b", b"c", b"d"]
    again.close(clean=True)


def test_after_a_kill_all_that_was_written_is_there(disk_and_path):
    """No clean-shutdown mark: logs are recovered, nothing acknowledged is lost, offsets go on."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    logs = [create(store, TopicPartition("t", n)) for n in range(5)]
    for number, log in enumerate(logs):
        for count in range(number * 3):
            append(log, b"%d" % count)
    store.close(clean=False)
    again = open_store(disk, path)
    for number in range(1, 5):
        log = again.get(TopicPartition("t", number))
        assert values(log) == [b"%d" % count for count in range(number * 3)]
        assert append(log, b"next").base_offset == number * 3
    assert again.get(TopicPartition("t", 0)) is None
    again.close(clean=True)


def test_a_deleted_topic_is_gone_at_once_and_its_files_later(disk_and_path):
    """A topic made again under the name has a new log; the old files go after file.delete.delay.ms."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    log = create(store)
    append(log, b"old")
    reading = log.read(0, 100).slice
    store.delete(ORDERS, NOW)
    assert store.get(ORDERS) is None
    assert len([name for name in disk.listdir(path) if name.endswith("-delete")]) == 1
    assert b"old" in reading.read_all()
    new = create(store, topic_id=OTHER_ID)
    append(new, b"new")
    assert values(new) == [b"new"]
    store.tick(NOW + CONFIG.file_delete_delay_ms - 1)
    assert [name for name in disk.listdir(path) if name.endswith("-delete")]
    store.tick(NOW + CONFIG.file_delete_delay_ms)
    store.loop.run_until(lambda: not [name for name in disk.listdir(path) if name.endswith("-delete")])
    assert values(new) == [b"new"]
    store.close(clean=True)


def test_files_of_another_topic_of_that_name_are_not_served(disk_and_path):
    """INCONSISTENT_TOPIC_ID, as Apache."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    append(create(store), b"a")
    store.close(clean=True)
    again = open_store(disk, path)
    with pytest.raises(KafkaError) as raised:
        create(again, topic_id=OTHER_ID)
    assert raised.value.code is ErrorCode.INCONSISTENT_TOPIC_ID
    assert again.strays(lambda _log, topic_id: topic_id == OTHER_ID) == [ORDERS]
    again.mark_stray(ORDERS)
    append(create(again, topic_id=OTHER_ID), b"b")
    assert [name[-6:] for name in disk.listdir(path) if name.startswith("orders")] == ["ders-0", "-stray"]
    again.close(clean=True)


def test_new_logs_go_where_the_fewest_are():
    """Several log.dirs fill evenly."""
    store = open_store(MemoryDisk(), "/a", "/b", "/c")
    for number in range(9):
        create(store, TopicPartition("t", number))
    assert [len(store.logs_in(directory)) for directory in store.directories] == [3, 3, 3]
    store.close(clean=True)


def test_a_chosen_directory_is_kept_for_the_log_to_come():
    """AlterReplicaLogDirs before the partition is here: remembered, and answered as Apache does."""
    store = open_store(MemoryDisk(), "/a", "/b")
    with pytest.raises(KafkaError) as raised:
        store.move(ORDERS, "/b")
    assert raised.value.code is ErrorCode.REPLICA_NOT_AVAILABLE
    with pytest.raises(KafkaError) as raised:
        store.move(ORDERS, "/c")
    assert raised.value.code is ErrorCode.LOG_DIR_NOT_FOUND
    create(store, TopicPartition("t", 0))
    create(store, TopicPartition("t", 1))
    create(store, TopicPartition("t", 2))
    create(store)
    assert store.directory_of(ORDERS).path == "/b"
    store.close(clean=True)


def test_names_at_the_limit(disk_and_path):
    """249 characters make a directory, one more is refused; deleting cuts the name to what a file system takes."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    longest = TopicPartition("t" * 249, 99999)
    append(create(store, longest), b"a")
    store.delete(longest, NOW)
    assert max(len(name) for name in disk.listdir(path)) == 255
    with pytest.raises(KafkaError) as raised:
        create(store, TopicPartition("t" * 250, 0))
    assert raised.value.code is ErrorCode.INVALID_TOPIC_EXCEPTION
    store.close(clean=True)
    open_store(disk, path).close(clean=True)


def test_a_directory_of_another_broker_or_cluster_is_refused(disk_and_path):
    """By name, with what to do."""
    disk, path = disk_and_path
    open_store(disk, path).close(clean=True)
    store = open_store(disk, path, claim=False)
    assert (store.broker_id, store.cluster_id) == (1, "cluster")
    with pytest.raises(DirectoryError, match=r"broker\.id=1"):
        store.claim(2, "cluster")
    with pytest.raises(DirectoryError, match=r"cluster\.id=cluster"):
        store.claim(1, "other")
    store.close(clean=False)


def test_a_directory_in_use_is_refused(tmp_path):
    """Another process's lock is respected, and named."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import sys
                from ottla.storage.disk import PosixDisk
                PosixDisk().lock({str(tmp_path / ".lock")!r})
                print("held", flush=True)
                sys.stdin.read()
                """
            ),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryError, match="in use"):
            open_store(PosixDisk(), str(tmp_path))
    finally:
        holder.communicate()
    open_store(PosixDisk(), str(tmp_path)).close(clean=True)


def test_retention_by_time_size_and_log_start(disk_and_path):
    """Old segments go, the log start moves on, readers before it are told so; the files go later."""
    disk, path = disk_and_path
    config = TopicConfig(segment_bytes=300, retention_ms=10_000, retention_bytes=-1)
    store = open_store(disk, path, config=config)
    log = create(store, config=config)
    for number in range(10):
        append(log, b"%d" % number * 100, timestamp=NOW + number * 1000)
    segments = len(log.segments)
    assert segments > 3
    store.retention_due(NOW + 9_000 + 4_500)
    assert log.log_start_offset == 4
    with pytest.raises(KafkaError) as raised:
        log.read(3, 100)
    assert raised.value.code is ErrorCode.OFFSET_OUT_OF_RANGE
    store.update_config("orders", TopicConfig(segment_bytes=300, retention_ms=-1, retention_bytes=400))
    store.retention_due(NOW)
    assert log.size_in_bytes <= 400 + 300
    start = log.log_start_offset
    log.advance_log_start_offset(9)
    store.retention_due(NOW)
    assert start < 9 == log.log_start_offset
    assert values(log) == [b"9" * 100]
    store.loop.run()
    store.tick(NOW + 10**9)
    store.retention_due(NOW + 10**9)
    store.loop.run_until(
        lambda: not [name for name in disk.listdir(f"{path}/orders-0") if name.endswith(".deleted")]
    )
    store.close(clean=True)
    again = open_store(disk, path)
    assert again.get(ORDERS).log_start_offset == 9
    again.close(clean=True)


def test_deleted_records_stay_deleted_over_a_restart(disk_and_path):
    """The log start offset inside a segment is checkpointed."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    log = create(store)
    append(log, b"a")
    append(log, b"b")
    log.advance_log_start_offset(1)
    store.checkpoint()
    store.directories[0].drain(10)
    store.close(clean=False)
    again = open_store(disk, path)
    assert values(again.get(ORDERS)) == [b"b"]
    assert again.get(ORDERS).log_start_offset == 1
    again.close(clean=True)


def test_flush_ms_moves_the_recovery_point(disk_and_path):
    """What has been fsynced is not recovered again."""
    disk, path = disk_and_path
    config = TopicConfig(flush_ms=1000)
    store = open_store(disk, path, config=config)
    log = create(store, config=config, now_ms=NOW)
    append(log, b"a")
    store.flush_due(NOW + 999)
    store.directories[0].drain(10)
    store.loop.run()
    assert log.recovery_point == 0
    store.flush_due(NOW + 1000)
    store.directories[0].drain(10)
    store.loop.run()
    assert log.recovery_point == 1
    store.close(clean=True)


def test_high_watermarks_are_checkpointed(disk_and_path):
    """For partitions with files, by directory."""
    disk, path = disk_and_path
    store = open_store(disk, path)
    append(create(store), b"a", b"b")
    store.checkpoint_high_watermarks({ORDERS: 2, TopicPartition("gone", 1): 5})
    store.close(clean=True)
    assert disk.read_file(f"{path}/replication-offset-checkpoint") == b"0\n1\norders 0 2\n"
    again = open_store(disk, path)
    assert again.high_watermark_checkpoint(ORDERS) == 2
    assert again.high_watermark_checkpoint(TopicPartition("gone", 1)) == 0
    again.close(clean=True)


def test_describe_tells_sizes_and_space():
    """DescribeLogDirs."""
    store = open_store(MemoryDisk(total_bytes=10_000), "/a")
    append(create(store), b"a")
    [description] = store.describe()
    assert description.total_bytes == 10_000
    assert 0 < description.usable_bytes < 10_000
    assert [(log.topic_partition, log.is_future) for log in description.logs] == [(ORDERS, False)]
    assert description.logs[0].size_in_bytes == store.get(ORDERS).size_in_bytes > 0
    store.close(clean=True)


def test_no_thread_or_descriptor_is_left(tmp_path):
    """An embedded broker leaves nothing behind."""

    def descriptors():
        return {
            os.readlink(f"/proc/self/fd/{name}")
            for name in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{name}")
        }

    before = threading.active_count()
    store = open_store(PosixDisk(), str(tmp_path))
    log = create(store)
    append(log, b"a")
    log.start_flush(NOW)
    store.close(clean=True)
    assert threading.active_count() == before
    if os.path.isdir("/proc/self/fd"):
        assert not [name for name in descriptors() if name.startswith(str(tmp_path))]
