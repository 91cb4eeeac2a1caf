"""The broker's logs as a whole: made, found again after a clean stop and after a crash, deleted, kept within bounds."""

import errno
import json
import os
import subprocess
import sys
import textwrap
import time

import pytest
from storage_disks import FaultyDisk, RecordingDisk

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.disk import MemoryDisk, PosixDisk
from ottla.storage.log_directory import DirectoryError, DirectoryState
from ottla.storage.log_store import LogState, LogStore, LogStoreSettings

TOPIC_ID = Uuid(bytes(range(16)))
OTHER_ID = Uuid(bytes(range(1, 17)))
ORDERS = TopicPartition("orders", 0)
CONFIG = TopicConfig()
NOW = 1_700_000_000_000


class Loop:
    """Runs what is posted to it when it is told to: the broker's loop, with no clock."""

    def __init__(self):
        self.posted = []

    def post(self, call):
        self.posted.append(call)

    def run(self):
        while self.posted:
            self.posted.pop(0)()

    def run_until(self, condition, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it has not come to pass"
            self.run()
            time.sleep(0.001)


def open_store(disk, *paths, config=CONFIG, loop=None, claim=True, **settings):
    loop = loop or Loop()
    store = LogStore(paths or ("/data",), disk, LogStoreSettings(**settings), loop.post)
    store.acquire()
    if claim:
        store.claim(1, "cluster")
        store.load(lambda _topic: config, now_ms=NOW)
    store.loop = loop
    return store


def append(log, *values, timestamp=NOW, now=NOW, key=None, settle=True):
    """Append a batch. On a busy machine a write can be slow, and those after it are queued: `settle` waits for them."""
    batch = build_batch([Record(0, timestamp, key, value) for value in values])
    result = log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=now)
    if settle and log.written_offset < log.next_offset:
        log.directory.drain(10)
        log.post.__self__.run()
    return result


def values(log, start=None):
    offset = log.log_start_offset if start is None else start
    found = []
    while (result := log.read(offset, 1 << 20)).slice is not None:
        content = memoryview(result.slice.read_all())
        while content:
            size = int.from_bytes(content[8:12]) + 12
            for record in iterate_records(content[:size]):
                offset = record.offset + 1
                if record.offset >= log.log_start_offset:
                    found.append(record.value)
            content = content[size:]
    return found


def create(store, topic_partition=ORDERS, topic_id=TOPIC_ID, config=CONFIG, **options):
    return store.create(topic_partition, topic_id, config, **options)


@pytest.fixture(params=["memory", "posix"])
def disk_and_path(request, tmp_path):
    return (MemoryDisk(), "/data") if request.param == "memory" else (PosixDisk(), str(tmp_path / "data"))


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


@pytest.mark.parametrize("small_bytes", [0, 1 << 20])
def test_batches_in_flight_at_a_kill_are_known_as_duplicates(tmp_path, small_bytes, monkeypatch):
    """A producer sends its last five batches again when it has had no answer: none is appended twice, none refused."""
    import ottla.storage.store_loading as module

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", small_bytes)

    def produce(log, sequence):
        batch = build_batch(
            [Record(0, NOW, None, b"v")], producer_id=9, producer_epoch=0, base_sequence=sequence
        )
        return log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=NOW)

    store = open_store(PosixDisk(), str(tmp_path))
    log = create(store)
    for sequence in range(12):
        produce(log, sequence)
    store.close(clean=False)
    again = open_store(PosixDisk(), str(tmp_path))
    assert again.await_loaded(30)
    again.loop.run()
    log = again.get(ORDERS)
    for sequence in range(7, 12):
        result = produce(log, sequence)
        assert (result.duplicate, result.base_offset) == (True, sequence)
    assert produce(log, 12).base_offset == 12
    again.close(clean=True)


@pytest.mark.parametrize("processes", [1, 2])
def test_large_recoveries_run_in_helper_processes(tmp_path, processes, monkeypatch):
    """The broker serves on at once; each log is announced when it is ready; progress is told."""
    import ottla.storage.store_loading as module

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    store = open_store(PosixDisk(), str(tmp_path))
    for number in range(4):
        log = create(store, TopicPartition("t", number))
        for count in range(20):
            append(log, b"%d" % count)
    store.close(clean=False)
    with open(tmp_path / "t-2" / "00000000000000000000.log", "ab") as torn:
        torn.write(b"torn")
    loop, ready, progress = Loop(), [], []
    again = LogStore([str(tmp_path)], PosixDisk(), LogStoreSettings(recovery_processes=processes), loop.post)
    again.acquire()
    again.claim(1, "cluster")
    again.load(
        lambda _topic: CONFIG,
        now_ms=NOW,
        on_loaded=lambda log: ready.append(log.topic_partition.partition),
        on_progress=progress.append,
    )
    assert again.state(TopicPartition("t", 0)) is LogState.LOADING
    assert again.get(TopicPartition("t", 0)) is None
    with pytest.raises(KafkaError) as raised:
        create(again, TopicPartition("t", 0))
    assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    append(create(again, TopicPartition("new", 0)), b"served meanwhile")
    assert again.await_loaded(30)
    loop.run()
    assert sorted(ready) == [0, 1, 2, 3]
    for number in range(4):
        assert len(values(again.get(TopicPartition("t", number)))) == 20
    assert progress[-1].recovered_bytes == progress[-1].recovery_bytes - 4 > 0
    assert again.progress.logs == again.progress.logs_loaded == 4
    again.close(clean=True)


def test_a_stop_while_recovering_loses_nothing(tmp_path, monkeypatch):
    """A clean stop before recovery has come to its end is not marked clean, and keeps the recovery points."""
    import ottla.storage.store_loading as module

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    store = open_store(PosixDisk(), str(tmp_path))
    append(create(store), b"a", b"b")
    store.close(clean=False)
    again = open_store(PosixDisk(), str(tmp_path))
    again.close(clean=True)
    assert not os.path.exists(tmp_path / ".kafka_cleanshutdown")
    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 1 << 20)
    third = open_store(PosixDisk(), str(tmp_path))
    assert values(third.get(ORDERS)) == [b"a", b"b"]
    third.close(clean=True)


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


def test_a_log_that_lies_twice_is_refused():
    """Two directories with the same partition: nobody can tell which one counts."""
    disk = MemoryDisk()
    store = open_store(disk, "/a")
    append(create(store), b"a")
    store.close(clean=True)
    disk.mkdir("/b/orders-0")
    with pytest.raises(DirectoryError, match=r"orders-0 lies twice, in /a/orders-0 and /b/orders-0"):
        open_store(disk, "/a", "/b")


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


def test_a_directory_that_is_lost_at_the_start_makes_no_empty_twins():
    """A log that may lie on a failed disk is not made anew and empty elsewhere, unless it is known to be new."""
    disk = FaultyDisk(MemoryDisk())
    store = open_store(disk, "/a", "/b")
    append(create(store), b"a")
    store.close(clean=True)
    disk.fail_all(errno.EIO, "listdir", containing="/a")
    again = open_store(disk, "/a", "/b")
    with pytest.raises(KafkaError) as raised:
        create(again)
    assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    assert create(again, TopicPartition("new", 0), is_new=True).directory.path == "/b"
    again.close(clean=True)


def test_no_usable_directory_is_an_error():
    """The broker does not start, and says why of each."""
    disk = FaultyDisk(MemoryDisk())
    disk.fail_all(errno.EACCES, "mkdir")
    with pytest.raises(DirectoryError, match=r"/a: .*Permission denied.*/b: "):
        open_store(disk, "/a", "/b")


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


def test_damaged_checkpoints_fall_back():
    """A recovery-point or log-start file that makes no sense costs a longer recovery, no record."""
    disk = MemoryDisk()
    store = open_store(disk)
    append(create(store), b"a", b"b")
    store.close(clean=True)
    for name in ("recovery-point", "log-start"):
        disk.files[f"/data/{name}-offset-checkpoint"].content[:2] = b"x\n"
    disk.unlink("/data/.kafka_cleanshutdown")
    again = open_store(disk)
    assert values(again.get(ORDERS)) == [b"a", b"b"]
    again.close(clean=True)


def test_foreign_directories_and_files_are_left_alone():
    """lost+found and the like."""
    disk = MemoryDisk()
    disk.mkdir("/data/lost+found")
    disk.replace_file("/data/notes.txt", b"x")
    store = open_store(disk)
    assert list(store.logs()) == []
    store.close(clean=True)
    assert disk.exists("/data/lost+found")


def test_no_thread_or_descriptor_is_left(tmp_path):
    """An embedded broker leaves nothing behind."""
    import threading

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
    deadline = time.monotonic() + 20
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


@pytest.mark.parametrize("module_name", ["ottla.storage.no_such_module", "ottla.storage.log_names"])
def test_a_helper_that_dies_is_done_without(tmp_path, module_name, monkeypatch, capfd):
    """Recovery goes on in the broker itself."""
    import ottla.storage.recovery_crew as crew
    import ottla.storage.store_loading as module
    from ottla.storage.helper_process import HelperProcess

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    monkeypatch.setattr(crew, "HelperProcess", lambda _module: HelperProcess(module_name))
    store = open_store(PosixDisk(), str(tmp_path))
    for number in range(3):
        append(create(store, TopicPartition("t", number)), b"a", b"b")
    store.close(clean=False)
    again = open_store(PosixDisk(), str(tmp_path))
    assert again.await_loaded(30)
    again.loop.run()
    assert all(values(again.get(TopicPartition("t", number))) == [b"a", b"b"] for number in range(3))
    again.close(clean=True)
    capfd.readouterr()


def test_a_stop_ends_the_helpers(tmp_path, monkeypatch):
    """No process is left behind, however much there was to recover."""
    import ottla.storage.recovery_crew as crew
    import ottla.storage.store_loading as module
    from ottla.storage.helper_process import HelperProcess

    started = []

    def start(name):
        started.append(HelperProcess(name))
        return started[-1]

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    monkeypatch.setattr(crew, "HelperProcess", start)
    store = open_store(PosixDisk(), str(tmp_path))
    for number in range(50):
        append(create(store, TopicPartition("t", number)), b"x" * 100_000)
    store.close(clean=False)
    again = open_store(PosixDisk(), str(tmp_path))
    deadline = time.monotonic() + 20
    while not started:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    again.close(clean=True)
    assert not any(helper.is_alive for helper in started)
    third = open_store(PosixDisk(), str(tmp_path))
    third.await_loaded(30)
    third.loop.run()
    assert all(len(values(third.get(TopicPartition("t", number)))) == 1 for number in range(50))
    third.close(clean=True)


def unrecovered(tmp_path, monkeypatch, small_bytes=0):
    """A store whose three logs are still to be recovered in helper processes."""
    import ottla.storage.store_loading as module

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", small_bytes)
    store = open_store(PosixDisk(), str(tmp_path))
    for number in range(3):
        for _ in range(20):
            append(create(store, TopicPartition("t", number)), b"old" * 10_000)
    store.close(clean=False)
    return open_store(PosixDisk(), str(tmp_path))


@pytest.mark.parametrize("way", ["delete", "mark_stray"])
def test_a_topic_deleted_or_unknown_while_it_is_recovered(tmp_path, monkeypatch, way):
    """A new topic of that name has its own files at once; the others are recovered nevertheless."""
    store = unrecovered(tmp_path, monkeypatch)
    log = TopicPartition("t", 1)
    assert store.state(log) is LogState.LOADING
    assert store.strays(lambda _log, topic_id: topic_id != TOPIC_ID) == [
        TopicPartition("t", n) for n in range(3)
    ]
    store.delete(log, NOW) if way == "delete" else store.mark_stray(log)
    assert store.state(log) is None
    new = create(store, log, OTHER_ID)
    append(new, b"new")
    assert store.await_loaded(30)
    store.loop.run()
    assert values(new) == [b"new"]
    assert store.get(log) is new
    assert all(len(values(store.get(TopicPartition("t", number)))) == 20 for number in (0, 2))
    store.tick(NOW + 10**6)
    store.directories[0].drain(10)
    left = [name for name in os.listdir(tmp_path) if name.startswith("t-1.")]
    assert len(left) == (way == "mark_stray")
    store.close(clean=True)
    again = open_store(PosixDisk(), str(tmp_path))
    assert values(again.get(log)) == [b"new"]
    again.close(clean=True)


def test_a_busy_directory_thread_is_not_flooded_with_index_entries(monkeypatch):
    """An fsync that takes seconds: appends go on, one task to write entries waits behind it."""
    import threading

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
