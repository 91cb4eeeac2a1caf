"""The embedded broker, as a user's test meets it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from conditions import until
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.testing import Broker, BrokerStartError

READY_WITHIN_S = 0.2


def write(broker: Broker, topic: str, *values: str) -> None:
    """Produce values and wait for their acknowledgement."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(10) == 0


def read(broker: Broker, topic: str) -> list[str]:
    """Every value in partition 0."""
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap_servers, "group.id": "readers", "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[str] = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error() is not None:
            break
        values.append((message.value() or b"").decode())
    consumer.close()
    return values


def descriptors() -> set[str]:
    """What this process has open, by number and kind."""
    found = set()
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except FileNotFoundError:
            continue
    return found


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
def test_what_was_written_is_read_after_stop_kill_and_restart(process: bool) -> None:
    """The same object goes on with its data and its port, however it ended."""
    with Broker(process=process) as broker:
        broker.create_topic("orders")
        write(broker, "orders", "pen")
        address = broker.bootstrap_servers
        broker.restart()
        write(broker, "orders", "ink")
        broker.kill()
        broker.start()
        write(broker, "orders", "paper")
        broker.stop()
        broker.start()
        assert broker.bootstrap_servers == address
        assert read(broker, "orders") == ["pen", "ink", "paper"]


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
def test_data_in_a_directory_is_found_by_the_next_broker(tmp_path: Path, process: bool) -> None:
    """Topics and records are in the directory, whichever way the broker runs."""
    with Broker(data=tmp_path, process=process) as broker:
        broker.create_topic("orders", configs={"retention.ms": -1})
        write(broker, "orders", "pen")
    with Broker(data=tmp_path) as broker:
        assert read(broker, "orders") == ["pen"]


def test_two_brokers_stand_side_by_side() -> None:
    """Each has a port and data of its own."""
    with Broker() as one, Broker() as other:
        one.create_topic("here")
        other.create_topic("there")
        write(one, "here", "1")
        write(other, "there", "2")
        assert one.port != other.port
        assert (read(one, "here"), read(other, "there")) == (["1"], ["2"])


def test_it_is_ready_at_once() -> None:
    """Once the code is loaded, a broker serves after less than a fifth of a second of this process's CPU time."""
    spent = []
    for _ in range(3):
        begin = time.process_time()
        with Broker():
            spent.append(time.process_time() - begin)
    assert min(spent) < READY_WITHIN_S


def test_the_first_import_takes_no_longer_than_a_start() -> None:
    """Loading the broker's code, compiled before, costs less than a fifth of a second of CPU."""
    program = (
        "import time; begin = time.process_time(); import ottla.testing.embedded; "
        "print(time.process_time() - begin)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    spent = [
        float(
            subprocess.run(
                [sys.executable, "-c", program], env=environment, capture_output=True, check=True
            ).stdout
        )
        for _ in range(4)
    ]
    assert min(spent[1:]) < READY_WITHIN_S


def test_nothing_is_left_behind() -> None:
    """No thread, no descriptor, no listening port, once the `with` is over."""
    with Broker() as broker:
        broker.create_topic("orders")
    gc.collect()
    threads, opened = set(threading.enumerate()), descriptors()
    with Broker() as broker:
        broker.create_topic("orders", partitions=3)
        write(broker, "orders", "pen")
        assert threading.active_count() > len(threads)
        port = broker.port
    deadline = time.monotonic() + 10
    # librdkafka ends its own threads and sockets a little later than its producer.
    while (descriptors() - opened or set(threading.enumerate()) - threads) and time.monotonic() < deadline:
        gc.collect()
    assert set(threading.enumerate()) - threads == set()
    assert descriptors() - opened == set()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_nothing_of_the_process_is_changed() -> None:
    """Signals, loop policy, the running loop, logging, collector and umask are as they were."""

    def state() -> tuple[object, ...]:
        root = logging.getLogger()
        return (
            tuple(
                signal.getsignal(number)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
            ),
            type(asyncio.get_event_loop_policy()),
            tuple(root.handlers),
            root.level,
            logging.getLogger("ottla").handlers,
            logging.getLogger("ottla").level,
            gc.get_threshold(),
            gc.get_freeze_count(),
            gc.isenabled(),
            sys.excepthook,
            threading.excepthook,
            Path.cwd(),
        )

    before = state()
    with Broker() as broker:
        broker.create_topic("orders")
        assert state() == before
    assert state() == before


def test_it_needs_no_uvloop() -> None:
    """It starts where uvloop cannot be imported, and does not load it where it can."""
    program = (
        "import sys; sys.modules['uvloop'] = None\n"
        "from ottla.testing import Broker\n"
        "with Broker() as broker: broker.create_topic('orders')\n"
        "print('served')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("served\n", "")


def test_it_works_inside_a_running_loop() -> None:
    """A test that is itself a coroutine can start a broker; the broker's loop is another."""

    async def run() -> str:
        with Broker() as broker:
            _, writer = await asyncio.open_connection(broker.host, broker.port)
            writer.close()
            await writer.wait_closed()
            return broker.bootstrap_servers

    assert asyncio.run(run()).startswith("127.0.0.1:")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_broker_alone() -> None:
    """The child ends, after calling everything on its copy; the parent's broker serves on, and its port becomes free."""
    with Broker() as broker:
        broker.create_topic("orders")
        child = os.fork()
        if child == 0:
            try:
                broker.restart()
                broker.kill()
                broker.close()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        write(broker, "orders", "pen")
        assert read(broker, "orders") == ["pen"]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_living_child_keeps_neither_port_nor_connections() -> None:
    """While a forked child lives, the parent can restart on its port, and clients see a killed broker's connections end."""
    with Broker() as broker, socket.create_connection((broker.host, broker.port), 5) as client:
        # The broker has accepted it once it answers.
        client.sendall(bytes.fromhex("0000000a 0012 0000 00000007 ffff"))
        assert client.recv(4, socket.MSG_WAITALL)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(write_end)
            client.close()
            os.read(read_end, 1)
            os._exit(0)
        os.close(read_end)
        try:
            broker.kill()
            client.settimeout(10)
            while client.recv(65536):
                pass
            broker.start()
        finally:
            os.close(write_end)
            os.waitpid(child, 0)


def test_settings_by_name_and_by_keyword(tmp_path: Path) -> None:
    """Kafka's dotted names in a mapping, or keywords; booleans and numbers are written as Kafka writes them."""
    with Broker(settings={"num.partitions": 3}, auto_create_topics_enable=False) as broker:
        broker.create_topic("three", partitions=-1)
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        topics = producer.list_topics(timeout=10).topics
        assert len(topics["three"].partitions) == 3
        assert producer.list_topics("missing", timeout=10).topics["missing"].error is not None


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
def test_wrong_settings_say_what_is_wrong(process: bool) -> None:
    """The error names the setting and the rule; the broker can be closed after it."""
    broker = Broker(settings={"log.retention.ms": "soon"}, process=process)
    with pytest.raises(BrokerStartError, match=re.escape("log.retention.ms=soon")):
        broker.start()
    broker.close()


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
def test_a_port_that_is_taken_says_so(process: bool) -> None:
    """As does an address in use, and nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = Broker(port=taken.getsockname()[1], process=process)
        with pytest.raises(BrokerStartError, match="in use"):
            broker.start()
        broker.close()


def test_a_refused_topic_raises_kafkas_error() -> None:
    """`create_topic` says what Kafka says."""
    with Broker() as broker:
        broker.create_topic("orders")
        with pytest.raises(KafkaError) as refused:
            broker.create_topic("orders")
        assert refused.value.code is ErrorCode.TOPIC_ALREADY_EXISTS


def test_before_the_first_start_there_is_no_address() -> None:
    """Asking for it says what to do instead of giving a wrong one."""
    with pytest.raises(RuntimeError, match="with Broker"):
        _ = Broker().bootstrap_servers


def test_a_process_ends_with_the_test_that_started_it() -> None:
    """Even when the test's process is killed: the pipe between them tells the broker."""
    program = (
        "import os, signal\n"
        "from ottla.testing import Broker\n"
        "broker = Broker(process=True).start()\n"
        "print(broker.port, broker._running._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    _, child = map(int, done.stdout.split())
    until(lambda: not Path(f"/proc/{child}").exists())


def test_a_program_that_forgets_to_close_still_ends() -> None:
    """No thread of the broker's holds the interpreter back."""
    program = "from ottla.testing import Broker; Broker().start(); print('end')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "end\n")
