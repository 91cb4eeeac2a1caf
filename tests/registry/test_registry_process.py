"""Registries killed and brokers restarted: no id twice, nothing lost that was answered; starts and stops."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hashlib import md5
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import conditions
from brokers import ApacheBroker, Broker, StartBroker
from registries import OTTLA, RegistryProcess, record

STRING = '"string"'
DEADLINE_S = 60

StartRegistry = Callable[..., RegistryProcess]


until = partial(conditions.until, seconds=DEADLINE_S)


def leads(registry: RegistryProcess) -> bool:
    """Whether the last that its log tells of the election is that it was elected."""
    told = [line for line in registry.log().splitlines() if "the primary" in line.lower()]
    return bool(told) and "This registry is the primary" in told[-1]


def settled(registries: list[RegistryProcess]) -> bool:
    """Whether one leads, and all others know that."""
    leader = next((each for each in registries if leads(each)), None)
    if leader is None:
        return False
    others = [each for each in registries if each is not leader]
    return all(each.log().rstrip().endswith(f"The primary is {leader.url}") for each in others)


class Registering:
    """Threads that register new schemas until told to stop, each a subject of its own, all the same schemas.

    What was answered is kept.
    """

    def __init__(self, registries: list[RegistryProcess], name: str, threads: int = 4) -> None:
        self.answered: dict[str, int] = {}
        """Id by text, of what was answered with 200."""
        self._stop = threading.Event()
        self._registries = registries
        self._record = re.sub(r"\W", "_", name)
        self._threads = [
            threading.Thread(target=self._run, args=(f"{name}-{number}",)) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, subject: str) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            text = record("R", *((f"f{each}", "int") for each in range(number % 7)), ("last", "int"))
            text = text.replace('"R"', f'"{self._record}{number}"')
            for registry in self._registries:
                try:
                    reply = registry.post(f"/subjects/{subject}-{number}/versions", {"schema": text})
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if reply.status == 200:
                    self.answered[text] = reply.body["id"]

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)


def test_killed_in_the_middle_of_registrations_it_loses_nothing_that_it_answered(
    start_registry: StartRegistry, subject: str
) -> None:
    """And gives no id twice, however often."""
    registry = start_registry()
    registering = Registering([registry], subject)
    for _ in range(3):
        before = len(registering.answered)
        until(lambda before=before: len(registering.answered) > before + 50)
        registry.kill()
        registry.start()
    registering.stop()
    ids = registering.answered
    assert len(set(ids.values())) == len(ids)
    for text, schema_id in ids.items():
        assert registry.get(f"/schemas/ids/{schema_id}").body["schema"] == text


def test_of_several_registries_one_writes_and_another_takes_over(
    start_registry: StartRegistry, subject: str
) -> None:
    """All take writes and pass them on. A primary that stands still is replaced; what it does when it goes on, not knowing
    that yet, gives no id a second time."""
    registries = [start_registry() for _ in range(3)]
    until(lambda: settled(registries))
    registering = Registering(registries, f"{subject}-a", threads=2)
    until(lambda: len(registering.answered) > 30)
    registering.stop()
    primary = next(each for each in registries if leads(each))
    living = [each for each in registries if each is not primary]
    assert primary.process is not None
    primary.process.send_signal(signal.SIGSTOP)
    late = Registering([primary], f"{subject}-late", threads=8)
    later = Registering(living, f"{subject}-b", threads=2)
    until(lambda: len(later.answered) > 30)
    primary.process.send_signal(signal.SIGCONT)
    before = len(later.answered)
    until(lambda: len(later.answered) > before + 30 and len(late.answered) > 8)
    later.stop()
    late.stop()
    ids = registering.answered | later.answered | late.answered
    texts: dict[int, str] = {}
    for text, schema_id in ids.items():
        assert texts.setdefault(schema_id, text) == text
    for registry in registries:
        for text, schema_id in ids.items():
            until(lambda r=registry, i=schema_id: r.get(f"/schemas/ids/{i}").status == 200)
            assert registry.get(f"/schemas/ids/{schema_id}").body["schema"] == text
    for registry in living:
        assert registry.put(f"/config/{subject}", {"compatibility": "NONE"}).status == 200
        assert registry.delete(f"/config/{subject}").status == 200
        assert registry.delete(f"/subjects/{subject}-x").error == (404, 40401)
        assert registry.post(f"/subjects/{subject}/versions", {"schema": "{"}).error == (422, 42201)


def test_a_registry_that_may_not_lead_follows(start_registry: StartRegistry, subject: str) -> None:
    """Alone it serves reads, and answers writes with 50004 when nobody leads in time."""
    leader = start_registry()
    leader.register(subject, STRING)
    follower = start_registry({"leader.eligibility": "false"})
    until(lambda: follower.get(f"/subjects/{subject}/versions").status == 200)
    assert follower.register(subject, STRING) == 1
    assert follower.post(f"/subjects/{subject}-2/versions", {"schema": STRING}).status == 200
    leader.stop()
    reply = follower.post(f"/subjects/{subject}-3/versions", {"schema": '"long"'})
    assert reply.error in {(500, 50003), (500, 50004)}
    assert follower.get(f"/subjects/{subject}/versions").body == [1]


def test_a_registry_rides_out_its_brokers_restart(
    start_broker: StartBroker, start_registry: StartRegistry, subject: str
) -> None:
    """Reads go on meanwhile; writes do afterwards, and nothing is lost."""
    broker = start_broker()
    registry = start_registry(bootstrap_servers=broker.bootstrap_servers)
    first = registry.register(subject, STRING)
    broker.kill()
    assert registry.get(f"/schemas/ids/{first}").body["schema"] == STRING
    assert registry.register(subject, STRING) == first
    broker.start()
    until(lambda: registry.post(f"/subjects/{subject}-2/versions", {"schema": '"long"'}).status == 200)
    assert registry.get(f"/subjects/{subject}/versions").body == [1]
    registry.stop()
    registry.start()
    assert registry.get(f"/schemas/ids/{first}").body["schema"] == STRING
    assert registry.get(f"/subjects/{subject}-2/versions").body == [1]


def test_ids_of_what_was_deleted_for_good_are_not_given_again(
    start_registry: StartRegistry, subject: str
) -> None:
    """Not after a restart either, though compaction may leave nothing of them."""
    registry = start_registry()
    schema_id = registry.register(subject, STRING)
    registry.delete(f"/subjects/{subject}")
    registry.delete(f"/subjects/{subject}?permanent=true")
    registry.stop()
    registry.start()
    assert registry.register(subject, STRING) > schema_id


def records_of(bootstrap_servers: str, topic: str) -> list[tuple[bytes, bytes | None]]:
    """All records of the topic's only partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "none"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), 30)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[bytes, bytes | None]] = []
    while len(found) < end:
        for message in consumer.consume(100, 1):
            assert message.error() is None
            found.append((message.key(), message.value()))
    consumer.close()
    return found


def test_its_topic_is_the_originals(
    broker: Broker, start_registry: StartRegistry, subject: str, unique_name: Callable[[str], str]
) -> None:
    """One compacted partition; records as Confluent's registry writes them, and a migrated topic's are honoured."""
    topic = unique_name("schemas-of-another")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    new = NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([new])[topic].result(30)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for key, value in [
        ({"keytype": "NOOP", "magic": 0}, None),
        ({"keytype": "CONFIG", "subject": None, "magic": 0}, {"compatibilityLevel": "NONE"}),
        (
            {"keytype": "SCHEMA", "subject": subject, "version": 3, "magic": 0},
            {"subject": subject, "version": 3, "id": 7, "schema": STRING, "deleted": False},
        ),
        ({"keytype": "ASSOC", "tenant": "default", "magic": 0}, {"guid": "g"}),
        ({"keytype": "MODE", "subject": f"{subject}-ro", "magic": 0}, {"mode": "READONLY"}),
    ]:
        producer.produce(topic, None if value is None else json.dumps(value), json.dumps(key))
    assert producer.flush(30) == 0
    registry = start_registry({"kafkastore.topic": topic})
    assert registry.get(f"/subjects/{subject}/versions").body == [3]
    assert registry.get("/config").body == {"compatibilityLevel": "NONE"}
    assert registry.post(f"/subjects/{subject}-ro/versions", {"schema": STRING}).error == (422, 42205)
    assert registry.register(subject, '"long"') == 8
    assert registry.delete(f"/subjects/{subject}/versions/3").body == 3
    registry.delete(f"/subjects/{subject}")
    found = [pair for pair in records_of(broker.bootstrap_servers, topic)[5:] if b"NOOP" not in pair[0]]
    assert [json.loads(key) for key, _ in found] == [
        {"keytype": "SCHEMA", "subject": subject, "version": 4, "magic": 1},
        {"keytype": "SCHEMA", "subject": subject, "version": 3, "magic": 0},
        {"keytype": "DELETE_SUBJECT", "subject": subject, "magic": 0},
    ]
    values = [json.loads(value or b"null") for _, value in found]
    assert values[0] == {
        "subject": subject,
        "version": 4,
        "id": 8,
        "md5": b64encode(md5(b'"long"').digest()).decode(),
        "schema": '"long"',
        "deleted": False,
    }
    assert values[1]["deleted"] is True
    assert values[2] == {"subject": subject, "version": 4}


@pytest.mark.parametrize(
    ("partitions", "policy", "complaint"),
    [(2, "compact", "has 2 partitions"), (1, "delete", "has cleanup.policy=delete")],
)
def test_a_topic_that_would_lose_schemas_is_refused(
    broker: Broker,
    tmp_path: Path,
    unique_name: Callable[[str], str],
    partitions: int,
    policy: str,
    complaint: str,
) -> None:
    """At the start, with what to do."""
    topic = unique_name("not-for-schemas")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(topic, partitions, 1, config={"cleanup.policy": policy})])[topic].result(30)
    registry = RegistryProcess(broker.bootstrap_servers, tmp_path / "log", {"kafkastore.topic": topic})
    registry.launch()
    assert registry.process is not None
    assert registry.process.wait(60) == 1
    assert complaint in registry.log()


def test_settings_that_cannot_hold_are_told_at_once() -> None:
    """All of them, each with where it came from; secrets are not among what is told."""
    words = [
        *("--set", "listeners=ftp://x"),
        *("--set", "kafkastore.topic.replication.factor=0"),
        *("--set", "kafkastore.sasl.jaas.config=secret"),
    ]
    ended = subprocess.run(
        [OTTLA, "registry", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "listeners" in ended.stderr
    assert "kafkastore.topic.replication.factor" in ended.stderr
    assert "kafkastore.bootstrap.servers" in ended.stderr
    assert "secret" not in ended.stderr
    told = subprocess.run(
        [OTTLA, "registry", "--what"], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert "--what is no option" in told.stderr


def test_settings_come_from_file_environment_and_arguments(
    broker: Broker, tmp_path: Path, unique_name: Callable[[str], str], subject: str
) -> None:
    """The later go before the earlier; SIGTERM ends it in order."""
    name = unique_name("registry")
    file = tmp_path / "schema-registry.properties"
    file.write_text(
        "listeners=http://127.0.0.1:1\nschema.compatibility.level=full\n"
        f"kafkastore.topic=_schemas-{name}\nschema.registry.group.id={name}\nhost.name=127.0.0.1\n"
    )
    words = [str(file), "--bootstrap", broker.bootstrap_servers, "--set", "listeners=http://127.0.0.1:0"]
    environment = {**os.environ, "SCHEMA_REGISTRY_SCHEMA_COMPATIBILITY_LEVEL": "none"}
    registry = RegistryProcess(broker.bootstrap_servers, tmp_path / "log")
    registry._began = 0
    with registry.output.open("ab") as output:
        registry.process = subprocess.Popen(
            [OTTLA, "registry", *words], stdout=output, stderr=output, env=environment
        )
    try:
        registry.wait_until_started()
        assert registry.get("/config").body == {"compatibilityLevel": "NONE"}
        assert registry.register(subject, STRING) == 1
        assert registry.stop() == 0
    finally:
        registry.close()


def test_the_topic_may_lie_on_apache_kafka(tmp_path: Path, subject: str) -> None:
    """Made there, written, read again after a restart."""
    with ApacheBroker(tmp_path / "broker") as broker:
        registry = RegistryProcess(broker.bootstrap_servers, tmp_path / "registry.log").start()
        try:
            schema_id = registry.register(subject, STRING)
            assert registry.register(f"{subject}-2", '"long"') == schema_id + 1
            registry.kill()
            registry.start()
            assert registry.get(f"/schemas/ids/{schema_id}").body["schema"] == STRING
            assert registry.register(f"{subject}-3", '"int"') == schema_id + 2
        finally:
            registry.close()
