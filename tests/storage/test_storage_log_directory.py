"""A log directory: whose it is, when it may be used, and its one thread that may wait for the disk."""

import errno
import json
import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_disks import FaultyDisk

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, parse_uuid
from ottla.storage import log_directory as module
from ottla.storage.disk import MemoryDisk
from ottla.storage.log_directory import CALM_WRITES, DirectoryError, DirectoryState, LogDirectory
from ottla.storage.log_names import LogMark, marked_name, parse_directory_name


def directory(disk=None, **options):
    made = LogDirectory("/data", disk or MemoryDisk(), **options)
    made.acquire()
    return made


def write(disk, name, content):
    disk.replace_file(f"/data/{name}", content)


def test_meta_properties_as_apache_writes_and_reads_them():
    """A Java properties file of version 0: comments, order and escapes do not matter."""
    disk = MemoryDisk()
    mine = directory(disk)
    given_id = mine.claim(3, "vPeOCWypqUOSepEvx0cbog", bytes(range(16)))
    lines = disk.read_file("/data/meta.properties").decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "version=0",
        "broker.id=3",
        "cluster.id=vPeOCWypqUOSepEvx0cbog",
        f"directory.id={module.uuid_text(given_id)}",
    ]
    write(
        disk,
        "meta.properties",
        b"#\n#Mon Nov 23 14:00:00 UTC 2026\ncluster.id=a\\=b\nbroker.id=3\nversion=0\n"
        b"directory.id=vPeOCWypqUOSepEvx0cbog\n",
    )
    found = mine.read_identity()
    assert (found.broker_id, found.cluster_id) == (3, "a=b")
    assert found.directory_id == parse_uuid("vPeOCWypqUOSepEvx0cbog")


def test_a_directory_of_an_old_broker_gets_what_it_lacks():
    """No cluster id before 0.10.1, no directory id before 3.7: both are added, the broker id stays."""
    disk = MemoryDisk()
    mine = directory(disk)
    write(disk, "meta.properties", b"version=0\nbroker.id=3\n")
    mine.claim(3, "cluster", bytes(16))
    found = mine.read_identity()
    assert (found.broker_id, found.cluster_id) == (3, "cluster")
    assert found.directory_id == mine.directory_id


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version=1\nnode.id=1\n", "KRaft"),
        (b"", "version=None"),
        (b"version=7\n", "version=7"),
        (b"version=0\nbroker.id=x\n", "broker.id=x"),
        (b"version=0\nbroker.id=1\ndirectory.id=no\n", "directory.id"),
        (b"\xff\xfe", "version=None"),
    ],
)
def test_meta_properties_that_make_no_sense_are_refused(content, said):
    """By name and value."""
    disk = MemoryDisk()
    mine = directory(disk)
    write(disk, "meta.properties", content)
    with pytest.raises(DirectoryError, match=said):
        mine.claim(1, "cluster", bytes(16))


@given(st.binary(max_size=200))
def test_any_meta_properties_parse_or_give_the_one_error(content):
    """Nothing else comes out."""
    disk = MemoryDisk()
    mine = directory(disk)
    write(disk, "meta.properties", content)
    try:
        mine.read_identity()
    except DirectoryError as error:
        assert "/data/meta.properties" in str(error)


def test_the_clean_shutdown_mark_is_taken_once():
    """As Apache's: JSON of version 0; also the empty file of older brokers counts."""
    disk = MemoryDisk()
    mine = directory(disk)
    assert not mine.take_clean_shutdown_mark()
    mine.write_clean_shutdown_mark(12)
    assert json.loads(disk.read_file("/data/.kafka_cleanshutdown")) == {"version": 0, "brokerEpoch": 12}
    assert mine.take_clean_shutdown_mark()
    assert not mine.take_clean_shutdown_mark()
    write(disk, ".kafka_cleanshutdown", b"")
    assert mine.take_clean_shutdown_mark()


@pytest.mark.parametrize(
    ("code", "fsync_failed", "state"),
    [
        (errno.ENOSPC, False, DirectoryState.FULL),
        (errno.EDQUOT, False, DirectoryState.FULL),
        (errno.ENOSPC, True, DirectoryState.OFFLINE),
        (errno.EIO, False, DirectoryState.OFFLINE),
        (errno.EROFS, False, DirectoryState.OFFLINE),
    ],
)
def test_what_a_failure_means(code, fsync_failed, state, caplog):
    """Only a write that lacked room is waited for. One line in the log, however many failures follow."""
    changes = []
    mine = directory(on_state_change=lambda changed: changes.append(changed.state))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            mine.mark_offline(OSError(code, "failed"), fsync_failed=fsync_failed)
    assert mine.state is state
    assert changes == [state]
    assert len(caplog.records) == 1 and "/data" in caplog.messages[0]
    with pytest.raises(KafkaError) as raised:
        mine.ensure_writable()
    assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    if state is DirectoryState.OFFLINE:
        with pytest.raises(KafkaError):
            mine.ensure_readable()
    else:
        mine.ensure_readable()


def test_offline_is_for_good_and_full_is_not():
    """The table of transitions."""
    disk = FaultyDisk(MemoryDisk())
    mine = directory(disk)
    mine.mark_offline(OSError(errno.ENOSPC, "full"))
    disk.space_bytes = module.RECOVERY_USABLE_BYTES - 1
    mine.probe_space(1_000)
    assert mine.state is DirectoryState.FULL
    disk.space_bytes += 1
    mine.probe_space(1_999)
    assert mine.state is DirectoryState.FULL, "asked at most once a second"
    mine.probe_space(2_000)
    assert mine.state is DirectoryState.ONLINE
    mine.mark_offline(OSError(errno.EIO, "broken"))
    mine.mark_offline(OSError(errno.ENOSPC, "full"))
    mine.probe_space(10_000)
    assert mine.state is DirectoryState.OFFLINE


def test_slow_until_calm():
    """One write over 5 ms sends writes to the thread; a run of quick ones brings them back."""
    mine = directory()
    mine.observe_write(4.9)
    assert not mine.is_slow
    mine.observe_write(5.1)
    for _ in range(CALM_WRITES - 1):
        mine.observe_write(0.1)
    assert mine.is_slow
    mine.observe_write(6)
    for _ in range(CALM_WRITES):
        assert mine.is_slow
        mine.observe_write(0.1)
    assert not mine.is_slow


def test_tasks_run_in_order_on_one_thread_and_a_failing_one_holds_nobody(caplog):
    """What escapes a task is logged; those after it run."""
    mine = directory()
    ran = []
    for number in range(100):
        mine.submit(lambda number=number: ran.append((number, threading.get_ident())))
        if number == 50:
            mine.submit(lambda: 1 // 0)
    assert mine.drain(10)
    assert [number for number, _ in ran] == list(range(100))
    assert {ident for _, ident in ran} != {threading.get_ident()} and len({ident for _, ident in ran}) == 1
    assert len([record for record in caplog.records if record.exc_info]) == 1
    mine.close()
    with pytest.raises(KafkaError):
        mine.submit(lambda: None)


def test_the_queue_is_bounded(monkeypatch):
    """A stalled disk is answered KAFKA_STORAGE_ERROR, not a growing queue."""
    monkeypatch.setattr(module, "TASK_QUEUE_CAPACITY", 10)
    mine = directory()
    stalled = threading.Event()
    begun = threading.Event()

    def stall():
        begun.set()
        stalled.wait(20)

    mine.submit(stall)
    assert begun.wait(10)
    for _ in range(10):
        mine.submit(lambda: None)
    with pytest.raises(KafkaError) as raised:
        mine.submit(lambda: None)
    assert raised.value.code is ErrorCode.KAFKA_STORAGE_ERROR
    stalled.set()
    assert mine.drain(10)
    mine.close()


def test_closing_finishes_what_waits_and_lets_go_of_the_lock():
    """Another broker can take the directory."""
    disk = MemoryDisk()
    mine = directory(disk)
    ran = []
    for number in range(20):
        mine.submit(lambda number=number: ran.append(number))
    mine.close()
    assert ran == list(range(20))
    directory(disk).close()


@given(
    st.from_regex(r"[a-zA-Z0-9._-]{1,249}", fullmatch=True),
    st.integers(0, 2**31 - 1),
    st.sampled_from(LogMark),
    st.uuids(),
)
def test_marked_names_are_read_back(topic, partition, mark, unique_id):
    """Whatever the topic, as long as its name was not cut; and no name is longer than a file system takes."""
    log = TopicPartition(topic, partition)
    name = marked_name(log, mark, unique_id.hex)
    assert len(name) <= 255
    found = parse_directory_name(name)
    assert found.mark is mark
    assert found.topic_partition.partition == partition
    assert topic.startswith(found.topic_partition.topic)
    live = parse_directory_name(f"{topic}-{partition}")
    assert live == (log, None)
