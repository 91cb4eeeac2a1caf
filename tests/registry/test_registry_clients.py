"""confluent-kafka's SchemaRegistryClient and its Avro serializers against a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from brokers import Broker
from registries import RegistryProcess, record

USER = record("User", ("name", "string"), ("age", "int"))
NEWER_USER = record("User", ("name", "string"), ("age", "int"), ("city", "string"), city="")


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


def test_values_go_through_kafka_by_their_schema(
    broker: Broker, client: SchemaRegistryClient, topic: str
) -> None:
    """Written with two versions, read with the newer."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    place = SerializationContext(topic, MessageField.VALUE)
    for text, user in [
        (USER, {"name": "Ada", "age": 36}),
        (NEWER_USER, {"name": "Bob", "age": 7, "city": "Ulm"}),
    ]:
        producer.produce(topic, AvroSerializer(client, text)(user, place))
    assert producer.flush(30) == 0
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    messages = consumer.consume(2, 30)
    consumer.close()
    read = AvroDeserializer(client, NEWER_USER)
    assert [read(message.value(), place) for message in messages] == [
        {"name": "Ada", "age": 36, "city": ""},
        {"name": "Bob", "age": 7, "city": "Ulm"},
    ]
    assert client.get_versions(f"{topic}-value") == [1, 2]


def test_each_call_of_the_client_is_answered(client: SchemaRegistryClient, subject: str) -> None:
    """With what the client makes of it."""
    schema_id = client.register_schema(subject, Schema(USER, "AVRO"))
    assert client.get_schema(schema_id).schema_str == USER
    registered = client.register_schema_full_response(subject, Schema(USER, "AVRO"))
    assert registered.schema_id == schema_id
    found = client.lookup_schema(subject, Schema(USER, "AVRO"))
    assert (found.schema_id, found.version, found.subject) == (schema_id, 1, subject)
    assert client.get_schema_by_guid(registered.guid).schema_str == USER
    assert subject in client.get_subjects()
    assert subject in client.get_subjects_by_schema_id(schema_id)
    assert (subject, 1) in [(each.subject, each.version) for each in client.get_schema_versions(schema_id)]
    assert sorted(client.get_schema_types()) == ["AVRO", "JSON", "PROTOBUF"]
    assert client.get_version(subject, 1).schema.schema_str == USER
    assert client.get_latest_version(subject).version == 1
    assert client.get_referenced_by(subject, 1) == []
    assert client.test_compatibility(subject, Schema(NEWER_USER, "AVRO"))
    assert not client.test_compatibility_all_versions(subject, Schema(record("User", ("x", "int")), "AVRO"))
    client.set_compatibility(subject, "FULL")
    assert client.get_compatibility(subject) == "FULL"
    assert client.get_config(subject).compatibility_level.value == "FULL"
    client.delete_config(subject)
    client.update_mode(subject, "READONLY")
    assert client.get_mode(subject) == "READONLY"
    client.delete_mode(subject)
    assert client.get_global_mode() == "READWRITE"
    assert "." in client.get_contexts()
    assert client.delete_version(subject, 1) == 1
    with pytest.raises(SchemaRegistryError) as refused:
        client.get_versions(subject)
    assert (refused.value.http_status_code, refused.value.error_code) == (404, 40401)


def test_schemas_refer_to_others(client: SchemaRegistryClient, subject: str, topic: str) -> None:
    """Registered one after the other, serialized together."""
    client.register_schema(f"{subject}-address", Schema(record("Address", ("city", "string")), "AVRO"))
    reference = SchemaReference("Address", f"{subject}-address", 1)
    schema = Schema(record("Person", ("address", "Address")), "AVRO", [reference])
    place = SerializationContext(topic, MessageField.VALUE)
    person = {"address": {"city": "Ulm"}}
    packed = AvroSerializer(client, schema)(person, place)
    assert AvroDeserializer(client, schema)(packed, place) == person
    assert client.get_referenced_by(f"{subject}-address", 1) == [int.from_bytes(packed[1:5], "big")]


def test_data_contracts_run_in_the_client(registry: RegistryProcess, topic: str) -> None:
    """Rules that the registry keeps are found and run by the serializer."""
    rule = {
        "name": "positive",
        "kind": "CONDITION",
        "mode": "WRITE",
        "type": "CEL",
        "expr": "message.age > 0",
    }
    registry.register(f"{topic}-value", USER, ruleSet={"domainRules": [rule]})
    with SchemaRegistryClient({"url": registry.url}) as client:
        latest = client.get_latest_version(f"{topic}-value")
    assert latest.schema.rule_set is not None
    assert [each.name for each in latest.schema.rule_set.domain_rules] == ["positive"]
    assert json.loads(latest.schema.schema_str)["name"] == "User"
