"""The command's process: started, stopped in order, killed and started again."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from conditions import until

DEADLINE_S = 30.0


class BrokerProcess:
    """`ottla broker` with a log directory of its own on a port that stays the same."""

    def __init__(self, directory: Path, *settings: str) -> None:
        self.directory = directory
        self.settings = settings
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def launch(self, *wrapper: str) -> None:
        """Start the process, by `wrapper` if one is given: words that come before the command."""
        settings = [
            f"log.dirs={self.directory}/logs",
            f"listeners=PLAINTEXT://127.0.0.1:{self.port}",
            *self.settings,
        ]
        arguments = [argument for setting in settings for argument in ("--set", setting)]
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "ottla.cli.main", "broker", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def start(self) -> None:
        before = len(self.lines)
        self.launch()
        self.wait_for(r"\[KafkaServer id=\d+\] started", before)

    def wait_for(self, pattern: str, start: int = 0) -> str:
        return until(
            lambda: next((line for line in self.lines[start:] if re.search(pattern, line)), ""),
            seconds=DEADLINE_S,
            otherwise=lambda: f"no {pattern} in {self.lines}",
        )

    def signal(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                self.lines.append(line.rstrip())


@pytest.fixture
def broker_process(tmp_path) -> Iterator[BrokerProcess]:
    made = BrokerProcess(tmp_path, "group.initial.rebalance.delay.ms=0")
    yield made
    made.close()


class Acknowledged:
    """Values whose delivery was confirmed."""

    def __init__(self, broker: BrokerProcess, **options: object) -> None:
        self.values: set[bytes] = set()
        self.producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 1, **options})

    def send(self, value: bytes, key: bytes, partition: int = -1) -> None:
        self.producer.produce("t", value, key, partition, on_delivery=self._delivered)
        self.producer.poll(0)

    def _delivered(self, error, message) -> None:
        if error is None:
            self.values.add(message.value())


def read_all(broker: BrokerProcess) -> list[bytes]:
    """Every record of `t`, to the end of every partition."""
    consumer = Consumer(
        {"bootstrap.servers": broker.address, "group.id": "reader", "enable.auto.commit": False}
    )
    try:
        partitions = consumer.list_topics("t", 10).topics["t"].partitions
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition("t", number), 10)[1]
            for number in partitions
        }
        consumer.assign([TopicPartition("t", number, 0) for number in partitions])
        values = []
        deadline = time.monotonic() + DEADLINE_S
        while len(values) < sum(ends.values()):
            assert time.monotonic() < deadline
            for message in consumer.consume(1000, 0.2):
                assert message.error() is None
                values.append(message.value())
        return values
    finally:
        consumer.close()


def test_it_says_when_it_serves_and_stops_in_order(broker_process):
    """SIGTERM: exit code 0, the last line says so, and the next start finds everything without recovery."""
    broker_process.start()
    sent = Acknowledged(broker_process)
    for number in range(1_000):
        sent.send(b"%d" % number, b"k")
    assert sent.producer.flush(10) == 0
    assert broker_process.signal(signal.SIGTERM) == 0
    broker_process.wait_for("shut down completed")
    assert (broker_process.directory / "logs" / ".kafka_cleanshutdown").exists()
    before = len(broker_process.lines)
    broker_process.start()
    assert set(read_all(broker_process)) == sent.values
    assert not any("ecover" in line for line in broker_process.lines[before:])


@pytest.mark.parametrize("idempotent", [False, True])
def test_nothing_acknowledged_is_lost_when_it_is_killed(broker_process, idempotent):
    """kill -9 in the middle, twice; the producer goes on as soon as the broker is there again."""
    broker_process.start()
    sent = Acknowledged(broker_process, **{"enable.idempotence": idempotent, "reconnect.backoff.max.ms": 100})
    for life in range(3):
        for number in range(5_000):
            sent.send(b"%d-%d" % (life, number), b"%d" % (number % 7))
            if number == 2_500:
                deadline = time.monotonic() + DEADLINE_S
                while not any(value.startswith(b"%d-" % life) for value in sent.values):
                    assert time.monotonic() < deadline
                    sent.producer.poll(0.01)
        if life < 2:
            broker_process.signal(signal.SIGKILL)
            broker_process.start()
    assert sent.producer.flush(DEADLINE_S) == 0
    found = read_all(broker_process)
    assert sent.values <= set(found)
    if idempotent:
        assert len(found) == len(set(found))


def test_groups_topics_and_settings_survive_a_kill(broker_process):
    """Committed offsets come back, ids stay the same."""
    broker_process.start()
    sent = Acknowledged(broker_process)
    for number in range(100):
        sent.send(b"%d" % number, b"k")
    sent.producer.flush(10)
    options = {"bootstrap.servers": broker_process.address, "group.id": "g", "auto.offset.reset": "earliest"}
    consumer = Consumer({**options, "enable.auto.commit": False})
    consumer.subscribe(["t"])
    deadline = time.monotonic() + DEADLINE_S
    count = 0
    while count < 60:
        assert time.monotonic() < deadline
        count += sum(message.error() is None for message in consumer.consume(60 - count, 0.5))
    consumer.commit(asynchronous=False)
    consumer.close()
    admin = AdminClient({"bootstrap.servers": broker_process.address})
    topic_id = str(admin.describe_topics(_topics("t"))["t"].result(10).topic_id)
    broker_process.signal(signal.SIGKILL)
    broker_process.start()
    again = Consumer(options)
    assert again.committed([TopicPartition("t", 0)], 10)[0].offset == 60
    again.close()
    assert str(admin.describe_topics(_topics("t"))["t"].result(10).topic_id) == topic_id


def _topics(*names: str):
    from confluent_kafka import TopicCollection

    return TopicCollection(list(names))


def test_an_address_in_use_is_told_in_one_line(broker_process):
    """Exit code 1, no traceback, no locks left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", broker_process.port))
        taken.listen()
        broker_process.launch()
        assert broker_process.process.wait(DEADLINE_S) == 1
    line = broker_process.wait_for("can't start")
    assert str(broker_process.port) in line
    assert not any("Traceback" in line for line in broker_process.lines)
    broker_process.start()


def test_two_brokers_cannot_share_a_log_directory(broker_process, tmp_path):
    """The second says which directory and who holds it."""
    broker_process.start()
    second = BrokerProcess(tmp_path)
    second.launch()
    assert second.process.wait(DEADLINE_S) == 1
    assert str(tmp_path / "logs") in second.wait_for("can't start")
    assert broker_process.process.poll() is None


def test_a_stop_does_not_wait_for_long_polls(broker_process):
    """A consumer that waits for records is told by the closed connection."""
    broker_process.start()
    consumer = Consumer(
        {
            "bootstrap.servers": broker_process.address,
            "group.id": "g",
            "fetch.wait.max.ms": 60_000,
            "socket.timeout.ms": 70_000,
        }
    )
    Acknowledged(broker_process).send(b"x", b"k")
    consumer.assign([TopicPartition("t", 0, 100)])
    consumer.poll(0.5)
    started = time.monotonic()
    assert broker_process.signal(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    consumer.close()


def test_a_second_signal_ends_it_at_once(broker_process):
    """For the impatient; what was not done is left to recovery."""
    broker_process.start()
    for _ in range(2):
        os.kill(broker_process.process.pid, signal.SIGINT)
    assert broker_process.process.wait(DEADLINE_S) in (0, 1)


FEW_DESCRIPTORS = ("sh", "-c", 'ulimit -n 256 && exec "$@"', "sh")


def test_thousands_of_partitions_need_few_descriptors(broker_process):
    """With 256 open files, every one of 1,000 partitions is written and read: files are closed and opened again."""
    broker_process.launch(*FEW_DESCRIPTORS)
    broker_process.wait_for("started")
    admin = AdminClient({"bootstrap.servers": broker_process.address})
    admin.create_topics([NewTopic("t", 1_000, 1)])["t"].result(DEADLINE_S)
    sent = Acknowledged(broker_process)
    for number in range(2_000):
        sent.send(b"%d" % number, b"k", number % 1_000)
    assert sent.producer.flush(DEADLINE_S) == 0
    assert len(sent.values) == 2_000
    assert set(read_all(broker_process)) == sent.values


def test_connections_leave_descriptors_for_the_logs(broker_process):
    """More clients come than the limit of open files allows: the last ones are refused, and the logs stay online."""
    broker_process.launch(*FEW_DESCRIPTORS)
    broker_process.wait_for("started")
    clients = [socket.create_connection(("127.0.0.1", broker_process.port)) for _ in range(300)]
    try:
        refusal = "all that the limit of open files allows"
        until(lambda: sum(refusal in line for line in broker_process.lines), lambda refused: refused >= 150)
        for client in clients[:50]:
            client.close()
        sent = Acknowledged(broker_process)
        for number in range(100):
            sent.send(b"%d" % number, b"k")
        assert sent.producer.flush(DEADLINE_S) == 0
        assert len(sent.values) == 100
    finally:
        for client in clients:
            client.close()
    assert not any("offline" in line or "takes no more" in line for line in broker_process.lines)
