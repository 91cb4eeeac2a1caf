"""Clients of registries in other languages: Confluent's for Java, franz-go's `sr`, kafkajs' for Node; each a program of its own.

    PROGRAM REGISTRY_URL SUBJECT VALUE

`VALUE` is an order that confluent-kafka serialized in Avro, in hexadecimal: the program reads it. It registers `Order` under a subject of
its own, whose name begins with `SUBJECT`, and prints what it wrote by that and how its other calls went.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from programs import REGISTRY_FRANZ_GO, REGISTRY_JAVA, REGISTRY_KAFKAJS
from registries import RegistryProcess, record

ORDER = record("Order", ("item", "string"), ("count", "int"), count=1)
PEN = {"item": "pen", "count": 3}


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


@pytest.fixture
def run(
    registry: RegistryProcess, client: SchemaRegistryClient, topic: str
) -> Callable[[tuple[str, ...]], str]:
    """Gives a program one order to read, and returns what it printed."""

    def run(program: tuple[str, ...]) -> str:
        value = AvroSerializer(client, ORDER)(PEN, SerializationContext(topic, MessageField.VALUE))
        command = [*program, registry.url, topic, value.hex()]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
        return ended.stdout

    return run


def read(client: SchemaRegistryClient, written: str, topic: str) -> Any:
    """What confluent-kafka reads of what a program wrote."""
    return AvroDeserializer(client)(bytes.fromhex(written), SerializationContext(topic, MessageField.VALUE))


def test_confluents_own_client_for_java_since_apicurios_serdes_ask_only_apicurios_paths(
    client: SchemaRegistryClient, run: Callable[[tuple[str, ...]], str], topic: str
) -> None:
    """KafkaAvroSerializer and CachedSchemaRegistryClient. Apicurio's write Confluent's five bytes in front of a value, too, but
    find schemas under /apis/registry alone, which no registry of Confluent's has.
    """
    printed = dict(line.split("\t", 1) for line in run(REGISTRY_JAVA).splitlines() if "\t" in line)
    assert json.loads(printed.pop("read")) == PEN
    assert read(client, printed.pop("written"), topic) == PEN
    reference = f"{{name='Order', subject='{topic}-java-value', version=2}}"
    assert reference in printed.pop("references")
    assert printed == {
        "again": "3",
        "versions": "[1, 2]",
        "id": "true",
        "fits": "[true, false]",
        "reasons": "true",
        "latest": "2",
        "compatibility": "FULL FULL",
        "mode": "READONLY READONLY",
        "refusals": "[42205, 40901, 42206, 40403]",
        "deleted": "[2]",
        "subjects": "true",
    }


def test_franz_gos_client(
    client: SchemaRegistryClient, run: Callable[[tuple[str, ...]], str], topic: str
) -> None:
    """Package `sr`: its calls, and its header on values."""
    printed = json.loads(run(REGISTRY_FRANZ_GO))
    assert json.loads(printed.pop("writer")) == json.loads(ORDER)
    assert bytes.fromhex(printed.pop("packed")) == b"\x06pen\x06"
    assert read(client, printed.pop("written"), topic) == {"item": "pen"}
    check = printed.pop("check")
    assert check["is_compatible"] is False
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in check["messages"][0]
    assert json.loads(printed.pop("guid")) == json.loads(ORDER)
    assert printed == {
        "versions": [1, 2],
        "refused": [40901, 42205, 42206, 40402],
        "level": [True, "FULL", True, "READONLY"],
        "references": True,
        "rules": "named",
        "all": [1, 2],
        "types": 3,
    }


def test_kafkajs_client(
    client: SchemaRegistryClient, run: Callable[[tuple[str, ...]], str], topic: str
) -> None:
    """@kafkajs/confluent-schema-registry: Avro, JSON Schema and Protobuf with a reference, written by one and read by another."""
    printed = json.loads(run(REGISTRY_KAFKAJS))
    assert printed.pop("read") == PEN
    assert read(client, printed.pop("written"), topic) == PEN
    incompatible, unknown = printed.pop("incompatible"), printed.pop("unknown")
    assert incompatible["status"] == 409
    assert "incompatible with an earlier schema" in incompatible["message"]
    assert unknown["status"] == 404
    assert printed == {
        "sameId": True,
        "latest": True,
        "found": True,
        "json": {"item": "pen"},
        "protobuf": {"item": "pen", "price": {"cents": "250"}},
    }
