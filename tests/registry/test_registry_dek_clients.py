"""confluent-kafka encrypts fields and whole values by keys that it finds and makes at this registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.rule_registry import RuleRegistry
from confluent_kafka.schema_registry.rules.encryption.dek_registry.dek_registry_client import (
    DekAlgorithm,
    DekRegistryClient,
)
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import (
    Clock,
    EncryptionExecutor,
    FieldEncryptionExecutor,
)
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from apache_jars import ROOT
from brokers import Broker
from registries import RegistryProcess, record

KEKS = "/dek-registry/v1/keks"
SECRET = "of confluent's client"
LATEST = {"auto.register.schemas": False, "use.latest.version": True}
ADA = {"name": "Ada Lovelace", "age": 36}
PAGE = ROOT / "docs" / "registry.md"


class Days(Clock):
    """Moved by hand."""

    def __init__(self) -> None:
        self.later = 0

    def now(self) -> int:
        return int(super().now()) + self.later * 24 * 3_600_000


@pytest.fixture(scope="module", autouse=True)
def local_kms() -> None:
    """The driver that clients open keys with where the server does not."""
    LocalKmsDriver.register()


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


@pytest.fixture
def keys(registry: RegistryProcess) -> Iterator[DekRegistryClient]:
    with DekRegistryClient({"url": registry.url}) as opened:
        yield opened


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def rules(days: Days) -> Iterator[RuleRegistry]:
    """What runs the rules, for one test alone."""
    executors = RuleRegistry()
    for executor in (FieldEncryptionExecutor(days), EncryptionExecutor(days)):
        executors.register_executor(executor)
    yield executors
    for executor in executors.get_executors():
        executor.close()


@pytest.fixture
def place(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


@pytest.fixture
def kek(unique_name: Callable[[str], str]) -> str:
    return unique_name("client-kek")


def user(**fields: object) -> str:
    """An Avro record whose name is personal."""
    schema = json.loads(record("User", ("name", "string"), ("age", "int")))
    schema["fields"][0]["confluent:tags"] = ["PII"]
    return json.dumps(schema)


def encrypting(kek: str, **params: str) -> dict[str, object]:
    """A rule for personal fields."""
    named = {
        "encrypt.kek.name": kek,
        "encrypt.kms.type": "local-kms",
        "encrypt.kms.key.id": "clients/key",
        **{name.replace("_", "."): value for name, value in params.items()},
    }
    return {"name": "private", "kind": "TRANSFORM", "type": "ENCRYPT", "tags": ["PII"], "params": named}


def share(registry: RegistryProcess, kek: str) -> None:
    """A KEK that only the server can use."""
    body = {
        "name": kek,
        "kmsType": "local-kms",
        "kmsKeyId": "clients/key",
        "kmsProps": {"secret": "of the server alone"},
        "shared": True,
    }
    assert registry.post(KEKS, body).status == 200


def test_a_field_is_encrypted_by_a_key_that_the_client_makes(
    registry: RegistryProcess,
    client: SchemaRegistryClient,
    rules: RuleRegistry,
    place: SerializationContext,
    kek: str,
) -> None:
    """KEK and DEK come into the registry by the first value; who cannot run the rule reads nothing."""
    subject = f"{place.topic}-value"
    registry.register(subject, user(), ruleSet={"domainRules": [encrypting(kek)]})
    secret = {"secret": SECRET}
    write = AvroSerializer(client, conf=LATEST, rule_conf=secret, rule_registry=rules)
    written = write(dict(ADA), place)
    assert b"Lovelace" not in written
    with pytest.raises(SerializationError):
        AvroDeserializer(client, rule_registry=RuleRegistry())(written, place)
    assert AvroDeserializer(client, rule_conf=secret, rule_registry=rules)(written, place) == ADA
    stored = registry.get(f"{KEKS}/{kek}").body
    assert (stored["kmsKeyId"], stored["shared"]) == ("clients/key", False)
    assert registry.get(f"{KEKS}/{kek}/deks").body == [subject]
    assert "keyMaterial" not in registry.get(f"{KEKS}/{kek}/deks/{subject}").body


@pytest.mark.parametrize("algorithm", ["AES128_GCM", "AES256_GCM", "AES256_SIV"])
def test_a_field_is_encrypted_by_a_key_that_the_server_makes(
    registry: RegistryProcess,
    client: SchemaRegistryClient,
    rules: RuleRegistry,
    place: SerializationContext,
    kek: str,
    algorithm: str,
) -> None:
    """Of a shared KEK: clients need no KMS. Each algorithm's key is one that Tink takes."""
    share(registry, kek)
    rule = encrypting(kek, encrypt_dek_algorithm=algorithm)
    registry.register(f"{place.topic}-value", user(), ruleSet={"domainRules": [rule]})
    write = AvroSerializer(client, conf=LATEST, rule_registry=rules)
    written = [write(dict(ADA), place) for _ in range(2)]
    assert not any(b"Lovelace" in each for each in written)
    assert (written[0] == written[1]) is (algorithm == "AES256_SIV")
    another = RuleRegistry()
    another.register_executor(FieldEncryptionExecutor())
    read = AvroDeserializer(client, rule_registry=another)
    assert [read(each, place) for each in written] == [ADA, ADA]
    for executor in another.get_executors():
        executor.close()


def test_a_whole_value_is_encrypted(
    registry: RegistryProcess,
    client: SchemaRegistryClient,
    rules: RuleRegistry,
    place: SerializationContext,
    kek: str,
) -> None:
    """By an encoding rule, in JSON."""
    share(registry, kek)
    rule = {**encrypting(kek), "type": "ENCRYPT_PAYLOAD", "tags": []}
    schema = json.dumps({"type": "object", "properties": {"name": {"type": "string"}}})
    registry.register(f"{place.topic}-value", schema, schemaType="JSON", ruleSet={"encodingRules": [rule]})
    written = JSONSerializer(None, client, conf=LATEST, rule_registry=rules)(dict(ADA), place)
    assert b"name" not in written
    read = JSONDeserializer(None, schema_registry_client=client, rule_registry=rules)
    assert read(written, place) == ADA


def test_a_key_that_is_too_old_is_followed_by_a_new_version(
    registry: RegistryProcess,
    client: SchemaRegistryClient,
    rules: RuleRegistry,
    days: Days,
    place: SerializationContext,
    kek: str,
) -> None:
    """By the time that the registry tells of it; values of both versions can be read."""
    share(registry, kek)
    rule = encrypting(kek, encrypt_dek_expiry_days="1")
    subject = f"{place.topic}-value"
    registry.register(subject, user(), ruleSet={"domainRules": [rule]})
    write = AvroSerializer(client, conf=LATEST, rule_registry=rules)
    first = write(dict(ADA), place)
    days.later = 2
    second = write(dict(ADA), place)
    assert registry.get(f"{KEKS}/{kek}/deks/{subject}/versions").body == [1, 2]
    read = AvroDeserializer(client, rule_registry=rules)
    assert [read(each, place) for each in (first, second)] == [ADA, ADA]


def test_without_its_key_a_value_cannot_be_read(
    registry: RegistryProcess,
    client: SchemaRegistryClient,
    rules: RuleRegistry,
    place: SerializationContext,
    kek: str,
) -> None:
    """Once KEK and DEK are deleted for good."""
    share(registry, kek)
    subject = f"{place.topic}-value"
    registry.register(subject, user(), ruleSet={"domainRules": [encrypting(kek)]})
    written = AvroSerializer(client, conf=LATEST, rule_registry=rules)(dict(ADA), place)
    for path in (f"{KEKS}/{kek}/deks/{subject}", f"{KEKS}/{kek}"):
        for query in ("", "?permanent=true"):
            assert registry.delete(path + query).status == 204
    forgetful = RuleRegistry()
    forgetful.register_executor(FieldEncryptionExecutor())
    with pytest.raises(SerializationError):
        AvroDeserializer(client, rule_registry=forgetful)(written, place)
    for executor in forgetful.get_executors():
        executor.close()


def test_keys_by_the_client_alone(keys: DekRegistryClient, kek: str) -> None:
    """What is registered is found; what is not, is told with the original's codes."""
    with pytest.raises(SchemaRegistryError) as missing:
        keys.get_kek(kek)
    assert (missing.value.http_status_code, missing.value.error_code) == (404, 40470)
    made = keys.register_kek(kek, "aws", "arn:1", doc="of tests", kms_props={"region": "north"})
    assert (made.kms_type, made.kms_key_id, made.doc) == ("aws-kms", "arn:1", "of tests")
    assert made.kms_props.properties == {"region": "north"}
    material = b64encode(b"encrypted").decode()
    dek = keys.register_dek(kek, "a/b", material, DekAlgorithm.AES256_SIV, 3)
    assert (dek.version, dek.algorithm, dek.encrypted_key_material) == (3, "AES256_SIV", material)
    with DekRegistryClient(keys.config()) as another:
        assert another.get_dek(kek, "a/b", DekAlgorithm.AES256_SIV, -1).version == 3
        with pytest.raises(SchemaRegistryError) as missing:
            another.get_dek(kek, "a/b")
        assert (missing.value.http_status_code, missing.value.error_code) == (404, 40470)
        with pytest.raises(SchemaRegistryError) as exists:
            another.register_dek(kek, "a/b", "b3RoZXI=", DekAlgorithm.AES256_SIV, 3)
        assert (exists.value.http_status_code, exists.value.error_code) == (409, 40971)


def test_the_pages_examples_run(
    broker: Broker, registry: RegistryProcess, unique_name: Callable[[str], str]
) -> None:
    """Keys made by curl; a field encrypted in Python."""
    topic = unique_name("payments")

    def example(language: str) -> str:
        (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
        return (
            block.replace("127.0.0.1:9092", broker.bootstrap_servers)
            .replace("127.0.0.1:8081", f"{registry.host}:{registry.port}")
            .replace("payments", topic)
        )

    def run(*words: str) -> str:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert '"keyMaterial":"' in run("bash", "-e", "-c", example("shell"))
    assert "{'card': '5500 0000 0000 0004', 'cents': 995}" in run(sys.executable, "-c", example("py"))
