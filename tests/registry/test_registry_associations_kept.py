"""Associations as they are kept: over restarts, by several registries, in a topic of the original's; and the store by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from hypothesis import given
from hypothesis import strategies as st

from brokers import Broker
from conditions import until
from ottla.registry import records
from ottla.registry.associations import (
    ASSOCIATION_TYPES,
    Association,
    Associations,
    Lifecycle,
    Resource,
    Selection,
)
from registries import RegistryProcess, record

ORDER = record("Order", ("item", "string"))
CLUSTER = "lkc-1"


def body(subject: str, resource_id: str, **fields: object) -> dict[str, object]:
    return {
        "resourceName": f"orders-{resource_id}",
        "resourceNamespace": CLUSTER,
        "resourceId": resource_id,
        "associations": [{"subject": subject, "associationType": "value", **fields}],
    }


def test_associations_outlive_the_registry(
    start_registry: Callable[..., RegistryProcess], subject: str
) -> None:
    """What was answered is there after it was killed; so is what was deleted not."""
    registry = start_registry()
    registry.register(subject, ORDER)
    for name in ("kept", "changed", "gone"):
        registry.post("/associations", body(subject, name, lifecycle="WEAK"))
    registry.delete("/associations/resources/changed")
    registry.delete("/associations/resources/gone")
    registry.post("/associations", body(subject, "changed", lifecycle="WEAK"))
    before = registry.get(f"/associations/subjects/{subject}").body
    assert sorted(each["resourceId"] for each in before) == ["changed", "kept"]
    registry.kill()
    registry.start()
    assert registry.get(f"/associations/subjects/{subject}").body == before
    assert registry.delete(f"/subjects/{subject}").error == (409, 40904)


def test_any_registry_takes_associations(
    start_registry: Callable[..., RegistryProcess], subject: str
) -> None:
    """One that is not the primary passes them on, with context, dry run and all; and tells what it has read itself."""
    primary, follower = start_registry(), start_registry({"leader.eligibility": "false"})
    follower.register(f":.c:{subject}", ORDER)
    dry = follower.post("/associations?context=:.c:&dryRun=true", body(subject, "r"))
    assert dry.body == {
        "resourceName": "orders-r",
        "resourceNamespace": CLUSTER,
        "resourceId": "r",
        "resourceType": "topic",
    }
    made = follower.post("/contexts/.c/associations", body(subject, "r", lifecycle="WEAK"))
    assert made.body["associations"][0]["subject"] == f":.c:{subject}"
    path = f"/associations/subjects/:.c:{subject}"
    until(lambda: follower.get(path).body)
    assert follower.get(path).body == primary.get(path).body
    strong = body(f":.c:{subject}", "r", lifecycle="STRONG")
    assert follower.put("/associations/resources/r", strong).status == 200
    batch = {"requests": [{**strong, "associations": [{"opType": "DELETE"}]}]}
    assert follower.post("/associations:batchMutate", batch).body["results"][0]["result"]["resourceId"] == "r"
    assert primary.get(path).body == []
    until(lambda: follower.get(path).body == [])


@pytest.fixture
def topic_of_another(broker: Broker, unique_name: Callable[[str], str]) -> Iterator[str]:
    """A topic as another registry has left it."""
    topic = unique_name("schemas-of-another")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    new = NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})
    admin.create_topics([new])[topic].result(30)
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    named = {
        "keytype": "ASSOC",
        "tenant": "default",
        "resourceName": "orders",
        "resourceNamespace": CLUSTER,
        "resourceType": "topic",
    }
    told = {"subject": "s", "tenant": "default", "resourceName": "orders", "resourceNamespace": CLUSTER}
    value = {**told, "resourceId": "r", "resourceType": "topic", "lifecycle": "STRONG", "frozen": False}
    for key, content in [
        (
            {"keytype": "SCHEMA", "subject": "s", "version": 1, "magic": 1},
            {"subject": "s", "version": 1, "id": 1, "schema": ORDER, "deleted": False},
        ),
        # Its first form had no subject in the key.
        (
            {**named, "associationType": "value", "magic": 0},
            {**value, "guid": "first", "associationType": "value", "lifecycle": "WEAK"},
        ),
        (
            {**named, "associationType": "key", "subject": "s", "magic": 0},
            {**value, "guid": "later", "associationType": "key", "lifecycle": "WEAK", "later": [1]},
        ),
        ({**named, "associationType": "odd", "magic": 0}, {**value, "lifecycle": "ETERNAL"}),
        ({**named, "magic": 0}, {"guid": "nobody's"}),
    ]:
        producer.produce(topic, json.dumps(content), json.dumps(key, separators=(",", ":")))
    assert producer.flush(30) == 0
    yield topic


def test_associations_of_another_registry_are_honoured(
    start_registry: Callable[..., RegistryProcess], topic_of_another: str
) -> None:
    """Of whatever age; changed and deleted by their own keys, so that compaction leaves nothing of them."""
    registry = start_registry({"kafkastore.topic": topic_of_another})
    told = registry.get("/associations/resources/r").body
    assert [(each["associationType"], each["guid"]) for each in told] == [
        ("key", "later"),
        ("value", "first"),
    ]
    assert registry.delete("/subjects/s").error == (409, 40904)
    assert registry.delete("/associations/resources/r?associationType=key").status == 204
    assert registry.put("/associations/resources/r", body("s", "r", lifecycle="STRONG")).status == 200
    for _ in range(2):
        (changed,) = registry.get("/associations/resources/r").body
        assert (changed["guid"], changed["lifecycle"]) == ("first", "STRONG")
        registry.stop()
        registry.start()
    assert registry.delete("/associations/resources/r").status == 204
    registry.stop()
    registry.start()
    assert registry.get("/associations/resources/r").body == []
    assert registry.delete("/subjects/s").body == [1]


NAMES = st.sampled_from(["a", "b"])
ASSOCIATIONS = st.builds(
    Association,
    subject=NAMES,
    guid=NAMES,
    resource=st.builds(Resource, name=NAMES, namespace=NAMES, id=NAMES, type=st.just("topic")),
    type=st.sampled_from(ASSOCIATION_TYPES),
    lifecycle=st.sampled_from(Lifecycle),
    frozen=st.booleans(),
    created_ms=st.integers(0, 2**40),
)
CHANGES = st.lists(st.tuples(ASSOCIATIONS, st.booleans()), max_size=20)


@given(ASSOCIATIONS)
def test_what_is_written_is_read_again(association: Association) -> None:
    """By the record's key and value."""
    key = records.association_key(association)
    decoded = records.decode(key, records.association_value(association))
    assert decoded == records.AssociationRecord(key, association)


@given(CHANGES)
def test_every_look_up_tells_the_same(changes: list[tuple[Association, bool]]) -> None:
    """Whatever was written and deleted: the last value of each key, and nothing else."""
    store = Associations()
    last: dict[bytes, Association | None] = {}
    for association, is_there in changes:
        key = records.association_key(association)
        store.apply(key, association if is_there else None)
        last[key] = association if is_there else None
    expected = sorted(filter(None, last.values()), key=lambda each: each.order)
    for name in ("a", "b"):
        assert _set(store.of_subject(name)) == _set(e for e in expected if e.subject == name)
        assert _set(store.of_resource(name)) == _set(e for e in expected if e.resource.id == name)
        assert _set(store.named(name, "-")) == _set(e for e in expected if e.resource.name == name)
        strong = Selection("topic", ("key",), (Lifecycle.STRONG,))
        assert _set(store.named(name, "a", strong)) == _set(
            e
            for e in expected
            if (e.resource.name, e.resource.namespace, e.type, e.lifecycle) == (name, "a", "key", "STRONG")
        )


def _set(associations: Iterable[Association]) -> set[Association]:
    return set(associations)
