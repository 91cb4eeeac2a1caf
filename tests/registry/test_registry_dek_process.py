"""The keys' topic: made by the first use, written by one registry, read again by all; registries killed and replaced."""

from __future__ import annotations

import http.client
import json
import re
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

import conditions
from brokers import Broker, StartBroker
from registries import RegistryProcess

StartRegistry = Callable[..., RegistryProcess]

DEADLINE_S = 60
KEKS = "/dek-registry/v1/keks"
SHARED = {
    "name": "k",
    "kmsType": "local-kms",
    "kmsKeyId": "id",
    "kmsProps": {"secret": "of the tests"},
    "shared": True,
}

until = partial(conditions.until, seconds=DEADLINE_S)


def leads(registry: RegistryProcess) -> bool:
    """Whether the last that its log tells of the election is that it was elected."""
    return "This registry is the primary" in _last_election(registry)


def settled(registries: list[RegistryProcess]) -> bool:
    """Whether one leads, and all others know that."""
    leader = next((each for each in registries if leads(each)), None)
    if leader is None:
        return False
    others = [each for each in registries if each is not leader]
    return all(f"The primary is {leader.url}" in _last_election(each) for each in others)


def _last_election(registry: RegistryProcess) -> str:
    told = [line for line in registry.log().splitlines() if "the primary" in line.lower()]
    return told[-1] if told else ""


def records_of(broker: Broker, topic: str) -> list[tuple[bytes, bytes | None]]:
    """All records of the topic's only partition, but for primaries' markers."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "none"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), 30)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[tuple[bytes, bytes | None]] = []
    while len(found) < end:
        for message in consumer.consume(100, 1):
            assert message.error() is None
            found.append((message.key(), message.value()))
    consumer.close()
    return [pair for pair in found if b".primary" not in pair[0]]


class CreatingKeys:
    """Threads that create DEKs until told to stop, all of the same subjects, so that they meet.

    What was answered is kept: a key that a client has used must be there for ever.
    """

    def __init__(self, registries: list[RegistryProcess], subject: str, threads: int = 2) -> None:
        self.answered: dict[str, str] = {}
        """Key by subject, of what was answered with 200."""
        self.twice: list[str] = []
        """Subjects whose key was given away a second time."""
        self._stop = threading.Event()
        self._registries = registries
        self._subject = subject
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            subject = f"{self._subject}-{number}"
            for registry in self._registries:
                try:
                    reply = registry.post(f"{KEKS}/k/deks/{subject}", {})
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if reply.status == 200:
                    if subject in self.answered:
                        self.twice.append(subject)
                    self.answered[subject] = reply.body["keyMaterial"]

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)


def check_keys(registry: RegistryProcess, keys: dict[str, str]) -> None:
    """Each is what was answered."""
    for subject, key in keys.items():
        path = f"{KEKS}/k/deks/{subject}"
        until(lambda path=path: registry.get(path).status == 200)
        assert registry.get(path).body["keyMaterial"] == key


def test_the_topic_is_made_by_the_first_use(
    broker: Broker, start_registry: StartRegistry, unique_name: Callable[[str], str]
) -> None:
    """A registry that nobody asks for keys has none. Its records are the original's."""
    topic = unique_name("keys")
    registry = start_registry({"dek.registry.topic": topic})
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    assert registry.get("/subjects").status == 200
    assert topic not in admin.list_topics(timeout=30).topics
    assert registry.post(KEKS, SHARED).status == 200
    found = admin.list_topics(timeout=30).topics[topic]
    assert len(found.partitions) == 1
    resource = ConfigResource(ResourceType.TOPIC, topic)
    assert admin.describe_configs([resource])[resource].result(30)["cleanup.policy"].value == "compact"
    made = registry.post(f"{KEKS}/k/deks/s", {}).body
    registry.delete(f"{KEKS}/k/deks/s")
    registry.delete(f"{KEKS}/k/deks/s?permanent=true")
    (kek, kek_value), (dek, dek_value), (_, deleted), gone = records_of(broker, topic)
    assert json.loads(kek) == {"tenant": "default", "name": "k", "type": "KEK"}
    assert json.loads(kek_value or b"") == {**SHARED, "deleted": False, "type": "KEK", "revision": 1}
    assert json.loads(dek) == {
        "tenant": "default",
        "kekName": "k",
        "subject": "s",
        "algorithm": "AES256_GCM",
        "version": 1,
        "type": "DEK",
    }
    assert json.loads(dek_value or b"") == {
        "kekName": "k",
        "subject": "s",
        "version": 1,
        "algorithm": "AES256_GCM",
        "encryptedKeyMaterial": made["encryptedKeyMaterial"],
        "deleted": False,
        "type": "DEK",
        "revision": 1,
    }
    assert made["keyMaterial"].encode() not in (dek_value or b"")
    assert json.loads(deleted or b"")["deleted"] is True
    assert gone == (dek, None)


def test_a_topic_of_the_original_is_taken_over(
    broker: Broker, start_registry: StartRegistry, unique_name: Callable[[str], str]
) -> None:
    """Its records are honoured whatever the order of their fields, others left as they are, and replaced under their own keys."""
    topic = unique_name("keys-of-another")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})])[topic].result(30)
    kek_key = {"type": "KEK", "tenant": "default", "name": "k"}
    dek_key = {
        "type": "DEK",
        "tenant": "default",
        "kekName": "k",
        "subject": "s",
        "algorithm": "AES256_GCM",
        "version": 1,
    }
    dek = {**dek_key, "encryptedKeyMaterial": "eA==", "deleted": False, "offset": 3, "ts": 4, "new": {}}
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for key, value in [
        ({"type": "LATER", "tenant": "default"}, {"x": 1}),
        ({"type": "KEK", "tenant": "another", "name": "theirs"}, {**SHARED, "deleted": False}),
        (kek_key, {**SHARED, "shared": False, "deleted": False, "type": "KEK"}),
        (dek_key, dek),
    ]:
        producer.produce(topic, json.dumps(value), json.dumps(key))
    producer.produce(topic, b"no JSON", b"no JSON either")
    assert producer.flush(30) == 0
    registry = start_registry({"dek.registry.topic": topic})
    assert registry.get(KEKS).body == ["k"]
    assert registry.get(f"{KEKS}/k/deks/s").body["encryptedKeyMaterial"] == "eA=="
    for path in (f"{KEKS}/k/deks/s", f"{KEKS}/k"):
        for query in ("", "?permanent=true"):
            assert registry.delete(path + query).status == 204
    written = records_of(broker, topic)[5:]
    assert [json.dumps(json.loads(key)) for key, _ in written] == [
        json.dumps(key) for key in (dek_key, dek_key, kek_key, kek_key)
    ]
    assert [value is None for _, value in written] == [False, True, False, True]


def test_a_topic_that_cannot_be_used_refuses_keys_alone(
    broker: Broker, start_registry: StartRegistry, unique_name: Callable[[str], str]
) -> None:
    """Schemas are served; what is wrong with the topic is told, and once it is put right the keys are there."""
    topic = unique_name("keys-that-expire")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1, config={"cleanup.policy": "delete"})])[topic].result(30)
    registry = start_registry({"dek.registry.topic": topic})
    reply = registry.get(KEKS)
    assert reply.error == (500, 50001)
    assert "cleanup.policy=delete" in reply.body["message"]
    assert registry.get("/subjects").body == []
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: registry.get(KEKS).status == 200)


def test_killed_in_the_middle_it_loses_no_key_that_it_answered(start_registry: StartRegistry) -> None:
    """However often. What it keeps is told after an orderly stop as well."""
    registry = start_registry()
    assert registry.post(KEKS, SHARED).status == 200
    creating = CreatingKeys([registry], "s")
    for _ in range(2):
        before = len(creating.answered)
        until(lambda before=before: len(creating.answered) > before + 20)
        registry.kill()
        registry.start()
    creating.stop()
    assert creating.twice == []
    check_keys(registry, creating.answered)
    assert registry.stop() == 0
    registry.start()
    check_keys(registry, creating.answered)


def test_any_registry_takes_keys_and_a_replaced_one_gives_none_twice(start_registry: StartRegistry) -> None:
    """A primary that stands still is replaced; what it does when it goes on, not knowing that yet, replaces no key."""
    registries = [start_registry() for _ in range(2)]
    until(lambda: settled(registries))
    follower = next(each for each in registries if not leads(each))
    primary = next(each for each in registries if each is not follower)
    assert follower.post(KEKS, SHARED).status == 200
    until(lambda: follower.get(f"{KEKS}/k").status == 200)
    assert follower.post(f"{KEKS}/k/deks/first", {}).status == 200
    assert follower.get(f"{KEKS}/1").error == (422, 42271)
    assert follower.delete(f"{KEKS}/k").error == (422, 42272)
    until(lambda: primary.get(f"{KEKS}/k/deks").body == ["first"])
    assert primary.process is not None
    primary.process.send_signal(signal.SIGSTOP)
    late = CreatingKeys([primary], "s", threads=4)
    creating = CreatingKeys([follower], "s")
    until(lambda: len(creating.answered) > 20)
    primary.process.send_signal(signal.SIGCONT)
    before = len(creating.answered)
    until(lambda: len(creating.answered) > before + 20)
    creating.stop()
    late.stop()
    assert creating.twice == late.twice == []
    assert creating.answered.keys().isdisjoint(late.answered)
    for registry in registries:
        check_keys(registry, creating.answered | late.answered)


def test_keys_ride_out_their_brokers_restart(
    start_broker: StartBroker, start_registry: StartRegistry
) -> None:
    """Reads go on meanwhile; a write is refused, or answered when it is durable."""
    broker = start_broker()
    registry = start_registry({"kafkastore.timeout.ms": "1000"}, bootstrap_servers=broker.bootstrap_servers)
    registry.post(KEKS, SHARED)
    made = registry.post(f"{KEKS}/k/deks/s", {}).body
    broker.kill()
    assert registry.get(f"{KEKS}/k/deks/s").body == made
    refused = registry.post(f"{KEKS}/k/deks/t", {})
    assert refused.status == 500
    assert re.search("keyMaterial", refused.content.decode()) is None
    broker.start()
    until(lambda: registry.post(f"{KEKS}/k/deks/t", {}).status in {200, 409})
    assert registry.get(f"{KEKS}/k/deks/t").status == 200
    assert registry.get(f"{KEKS}/k/deks/s").body == made
