"""The start of the broker's logs: found, recovered on the spot or by helpers, deleted meanwhile, refused."""

import errno
import os

import pytest
from storage_disks import FaultyDisk
from store_fixture import CONFIG, NOW, ORDERS, OTHER_ID, TOPIC_ID, Loop, append, create, open_store, values

from conditions import until
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition
from ottla.records.record import Record, build_batch
from ottla.storage.disk import MemoryDisk, PosixDisk
from ottla.storage.log_directory import DirectoryError
from ottla.storage.log_store import LogState, LogStore
from ottla.storage.store_settings import LogStoreSettings


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


def test_a_log_that_lies_twice_is_refused():
    """Two directories with the same partition: nobody can tell which one counts."""
    disk = MemoryDisk()
    store = open_store(disk, "/a")
    append(create(store), b"a")
    store.close(clean=True)
    disk.mkdir("/b/orders-0")
    with pytest.raises(DirectoryError, match=r"orders-0 lies twice, in /a/orders-0 and /b/orders-0"):
        open_store(disk, "/a", "/b")


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


@pytest.mark.parametrize("module_name", ["ottla.storage.no_such_module", "ottla.storage.log_names"])
def test_a_helper_that_dies_is_done_without(tmp_path, module_name, monkeypatch, capfd):
    """Recovery goes on in the broker itself."""
    import ottla.storage.recovery_crew as crew
    import ottla.storage.store_loading as module
    from ottla.storage.job_process import JobProcess

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    monkeypatch.setattr(crew, "JobProcess", lambda _module: JobProcess(module_name))
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
    from ottla.storage.job_process import JobProcess

    started = []

    def start(name):
        started.append(JobProcess(name))
        return started[-1]

    monkeypatch.setattr(module, "SMALL_RECOVERY_BYTES", 0)
    monkeypatch.setattr(crew, "JobProcess", start)
    store = open_store(PosixDisk(), str(tmp_path))
    for number in range(50):
        append(create(store, TopicPartition("t", number)), b"x" * 100_000)
    store.close(clean=False)
    again = open_store(PosixDisk(), str(tmp_path))
    until(lambda: started)
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
