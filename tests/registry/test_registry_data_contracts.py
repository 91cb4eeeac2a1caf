"""Rules of data contracts that the registry keeps, found and run by confluent-kafka's serializers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.rule_registry import RuleRegistry
from confluent_kafka.schema_registry.rules.cel.cel_executor import CelExecutor
from confluent_kafka.schema_registry.rules.cel.cel_field_executor import CelFieldExecutor
from confluent_kafka.schema_registry.rules.jsonata.jsonata_executor import JsonataExecutor
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from registries import RegistryProcess, record

USER = record("User", ("name", "string"), ("age", "int"))
LATEST = {"auto.register.schemas": False, "use.latest.version": True}


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


@pytest.fixture
def rules() -> RuleRegistry:
    """What runs the rules, for one test alone."""
    executors = RuleRegistry()
    for executor in (CelExecutor(), CelFieldExecutor(), JsonataExecutor()):
        executors.register_executor(executor)
    return executors


@pytest.fixture
def place(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def condition(expression: str) -> dict[str, object]:
    """A rule set by which values that don't fulfil the expression are not written."""
    rule = {"name": "positive", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": expression}
    return {"domainRules": [rule]}


def test_a_condition_keeps_wrong_values_out_of_the_topic(
    registry: RegistryProcess, client: SchemaRegistryClient, rules: RuleRegistry, place: SerializationContext
) -> None:
    """In Avro, CEL."""
    registry.register(f"{place.topic}-value", USER, ruleSet=condition("message.age > 0"))
    serializer = AvroSerializer(client, conf=LATEST, rule_registry=rules)
    assert serializer({"name": "Ada", "age": 36}, place)
    with pytest.raises(SerializationError) as refused:
        serializer({"name": "Bob", "age": 0}, place)
    assert "message.age > 0" in str(refused.value.__cause__)


def test_a_condition_on_json(
    registry: RegistryProcess, client: SchemaRegistryClient, rules: RuleRegistry, place: SerializationContext
) -> None:
    """The same by a JSON Schema."""
    schema = json.dumps({"type": "object", "properties": {"age": {"type": "integer"}}})
    fields = {"schemaType": "JSON", "ruleSet": condition("message.age > 0")}
    registry.register(f"{place.topic}-value", schema, **fields)
    serializer = JSONSerializer(None, client, conf=LATEST, rule_registry=rules)
    written = serializer({"age": 36}, place)
    assert JSONDeserializer(None, schema_registry_client=client, rule_registry=rules)(written, place) == {
        "age": 36
    }
    with pytest.raises(SerializationError) as refused:
        serializer({"age": 0}, place)
    assert "message.age > 0" in str(refused.value.__cause__)


def test_tagged_fields_are_changed_on_their_way(
    registry: RegistryProcess, client: SchemaRegistryClient, rules: RuleRegistry, place: SerializationContext
) -> None:
    """A rule for the tag PII reaches the field tagged so inside the schema, and one tagged beside it."""
    schema = json.loads(USER.replace('"int"', '"string"'))
    schema["fields"][0]["confluent:tags"] = ["PII"]
    rule = {
        "name": "masked",
        "kind": "TRANSFORM",
        "mode": "WRITE",
        "type": "CEL_FIELD",
        "tags": ["PII"],
        "expr": "value + '-masked'",
    }
    registry.register(
        f"{place.topic}-value",
        schema,
        metadata={"tags": {"**.age": ["PII"]}},
        ruleSet={"domainRules": [rule]},
    )
    written = AvroSerializer(client, conf=LATEST, rule_registry=rules)({"name": "Ada", "age": "36"}, place)
    read = AvroDeserializer(client, rule_registry=rules)(written, place)
    assert read == {"name": "Ada-masked", "age": "36-masked"}


def test_values_migrate_between_groups_of_versions(
    registry: RegistryProcess, client: SchemaRegistryClient, rules: RuleRegistry, place: SerializationContext
) -> None:
    """A second major version need not be compatible with the first, whose values its readers get by the migration's JSONata."""
    subject = f"{place.topic}-value"
    assert registry.put(f"/config/{subject}", {"compatibilityGroup": "major"}).status == 200
    registry.register(subject, record("User", ("name", "string")), metadata={"properties": {"major": "1"}})
    written = AvroSerializer(client, conf=LATEST, rule_registry=rules)({"name": "Ada"}, place)
    rule = {
        "name": "renamed",
        "kind": "TRANSFORM",
        "mode": "UPGRADE",
        "type": "JSONATA",
        "expr": "$merge([$sift($, function($v, $k) {$k != 'name'}), {'title': $.'name'}])",
    }
    registry.register(
        subject,
        record("User", ("title", "string")),
        metadata={"properties": {"major": "2"}},
        ruleSet={"migrationRules": [rule]},
    )
    with SchemaRegistryClient({"url": registry.url}) as reader:
        deserializer = AvroDeserializer(reader, conf={"use.latest.version": True}, rule_registry=rules)
        assert deserializer(written, place) == {"title": "Ada"}
