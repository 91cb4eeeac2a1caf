"""A broker of two log directories, one of which stalls, fills up or fails: the other one's clients notice nothing."""

import errno
import os
import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer
from test_broker_fetch import fetch, rows, values
from test_broker_produce import batch, make_topic, produce

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import Disk, DiskSpace, MemoryDisk, MemoryFile
from ottla.storage.log_directory import DirectoryState

DEADLINE_S = 30.0


class MoodyDisk(MemoryDisk):
    """A disk in memory on which writes below one path do what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.path = "/nowhere/"
        self.before_write: Callable[[], None] = lambda: None
        self.usable_bytes = 1 << 40

    def open(self, path, mode):
        plain = super().open(path, mode)
        return _MoodyFile(self, path, plain.inode, writable=plain.writable)

    def space(self, path):
        return DiskSpace(1 << 40, self.usable_bytes if path.startswith(self.path) else 1 << 40)

    def fill(self) -> None:
        def refuse() -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.usable_bytes = 0
        self.before_write = refuse

    def fail(self) -> None:
        def refuse() -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        self.before_write = refuse

    def heal(self) -> None:
        self.usable_bytes = 1 << 40
        self.before_write = lambda: None


class _MoodyFile(MemoryFile):
    def pwritev(self, buffers, position):
        disk = self._disk
        if self.path.startswith(disk.path):
            disk.before_write()
        return super().pwritev(buffers, position)


class TwoDirectories:
    """The broker, with one partition of topic `t` on each directory; the first one is the moody one."""

    def __init__(self, start_broker, tmp_path) -> None:
        self.disk = MoodyDisk()
        self.paths = [f"{tmp_path}/a", f"{tmp_path}/b"]
        self.broker = start_broker({"log.dirs": ",".join(self.paths)}, disk=self.disk)
        make_topic(self.broker, "t", 2)
        self.moody, self.calm = sorted((0, 1), key=lambda number: self.directory_of("t", number))
        assert self.directory_of("t", self.moody) != self.directory_of("t", self.calm)
        self.disk.path = self.paths[0] + "/"

    def directory_of(self, topic: str, number: int) -> str:
        return self.broker.call(lambda server: server.logs.directory_of(TopicPartition(topic, number)).path)

    def send(self, client, number: int, value: bytes, acks: int = -1, timeout_ms: int = 30_000):
        return produce(client, "t", *[None] * number, batch(value), acks=acks, timeout_ms=timeout_ms)[number]


@pytest.fixture
def two(start_broker, tmp_path) -> TwoDirectories:
    return TwoDirectories(start_broker, tmp_path)


def test_a_stalled_disk_holds_neither_the_loop_nor_a_group_on_another_disk(two, connect):
    """Seconds of stall: heartbeats are answered, the other partition is written; what stalled is acknowledged late."""
    broker = two.broker
    groups = broker.call(lambda server: server.groups.service.partition_for)
    slow, other = connect(broker), connect(broker)
    two.disk.before_write = lambda: time.sleep(0.006)
    for number in range(3):
        assert two.send(slow, two.moody, b"%d" % number).error_code == ErrorCode.NONE
    assert broker.call(lambda server: server.logs.directory_of(TopicPartition("t", two.moody)).is_slow)
    two.disk.before_write = lambda: None

    # A group whose partition of __consumer_offsets lies on the calm disk, with the shortest session there is.
    connect(broker).ask(MetadataRequest(topics=None), MetadataResponse, 9)
    warm = Consumer({"bootstrap.servers": broker.address, "group.id": "warm"})
    warm.subscribe(["t"])
    warm.poll(1)
    warm.close()
    group = next(
        name
        for name in (f"g{number}" for number in range(1000))
        if two.directory_of("__consumer_offsets", groups(name)) == two.paths[1]
    )
    lost = []
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": group,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 300,
            "auto.offset.reset": "latest",
        }
    )
    consumer.subscribe(["t"], on_lost=lambda *_: lost.append(1))
    deadline = time.monotonic() + DEADLINE_S
    while not consumer.assignment():
        assert time.monotonic() < deadline
        consumer.poll(0.1)

    released = threading.Event()
    two.disk.before_write = lambda: released.wait(DEADLINE_S)
    answers = []
    stalled = threading.Thread(
        target=lambda: answers.append(two.send(slow, two.moody, b"stalled", timeout_ms=1_000))
    )
    stalled.start()
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        assert two.send(other, two.calm, b"calm").error_code == ErrorCode.NONE
        consumer.poll(0.05)
    # The request's own timeout, a second, was over first: its records stay, as in Apache.
    stalled.join(DEADLINE_S)
    assert answers[0].error_code == ErrorCode.REQUEST_TIMED_OUT
    released.set()
    assert not lost
    assert consumer.assignment()
    consumer.close()
    until(
        lambda: values(rows(fetch(other, ("t", two.moody, 0)))["t", two.moody])[-1],
        lambda last: last == b"stalled",
    )


def test_a_full_disk_refuses_writes_and_takes_them_again_when_space_returns(two, connect, monkeypatch):
    """KAFKA_STORAGE_ERROR meanwhile; reads go on, the other directory is written, nothing acknowledged is lost."""
    client = connect(two.broker)
    assert two.send(client, two.moody, b"before").error_code == ErrorCode.NONE
    two.disk.fill()
    assert two.send(client, two.moody, b"refused").error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert two.send(client, two.calm, b"calm").error_code == ErrorCode.NONE
    row = rows(fetch(client, ("t", two.moody, 0)))["t", two.moody]
    assert values(row) == [b"before"]
    two.disk.heal()
    until(lambda: two.send(client, two.moody, b"after").error_code, lambda code: code == ErrorCode.NONE)
    assert values(rows(fetch(client, ("t", two.moody, 0)))["t", two.moody]) == [b"before", b"after"]


def test_a_failed_directory_takes_its_partitions_offline_alone(two, connect):
    """KAFKA_STORAGE_ERROR for writes and reads, no leader in Metadata; the other directory serves on."""
    client = connect(two.broker)
    assert two.send(client, two.moody, b"a").error_code == ErrorCode.NONE
    two.disk.fail()
    assert two.send(client, two.moody, b"b").error_code == ErrorCode.KAFKA_STORAGE_ERROR
    directory = two.broker.call(
        lambda server: next(each for each in server.logs.directories if each.path == two.paths[0])
    )
    assert directory.state is DirectoryState.OFFLINE
    until(
        lambda: fetch(client, ("t", two.moody, 0)).responses[0].partitions[0].error_code,
        lambda code: code != ErrorCode.NONE,
    )

    def leaders() -> dict[int, int]:
        topics = client.ask(MetadataRequest(topics=None), MetadataResponse, 9).topics
        (topic,) = [each for each in topics if each.name == "t"]
        return {each.partition_index: each.leader_id for each in topic.partitions}

    until(leaders, lambda seen: seen == {two.moody: -1, two.calm: 1})
    assert two.send(client, two.calm, b"c").error_code == ErrorCode.NONE


def test_the_disk_of_a_plain_test_broker_is_the_memory(start_broker, tmp_path):
    """Nothing is left behind on the machine's own."""
    broker = start_broker()
    make_topic(broker, "t")
    assert isinstance(broker.disk, Disk)
    assert list(tmp_path.iterdir()) == []


def test_a_broker_without_any_log_directory_left_says_so(start_broker, connect, tmp_path):
    """The command's process ends by it; an embedded one is told."""
    disk = MoodyDisk()
    broker = start_broker(disk=disk)
    make_topic(broker, "t")
    told = threading.Event()
    broker.server.on_all_directories_failed = told.set
    disk.path = str(tmp_path)
    disk.fail()
    assert produce(connect(broker), "t", batch(b"a"))[0].error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert told.wait(DEADLINE_S)
    disk.heal()
