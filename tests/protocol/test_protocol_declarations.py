"""The declarations are Apache's definitions, field by field."""

import re
from typing import Any

import pytest
from apache_definitions import fields_of, ours_to_be
from message_values import every_message

from ottla.protocol.declare import (
    Array,
    Field,
    Message,
    Primitive,
    RecordKey,
    RecordValue,
    Request,
    Response,
    Struct,
    parse_versions,
)
from ottla.protocol.types import ZERO_UUID

MESSAGES = {message.__name__: message for message in every_message()}


def snake_case(name: str) -> str:
    """Apache's field name as ours."""
    split = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", split).lower()


def test_no_message_is_missing_or_made_up() -> None:
    """The declared messages are exactly those of Apache 4.1.1, with those of 3.9.1 that 4.x dropped among them."""
    assert set(MESSAGES) == set(ours_to_be())
    assert {"LeaderAndIsrRequest", "UpdateMetadataRequest", "StopReplicaRequest"} <= set(MESSAGES)


@pytest.mark.parametrize("name", sorted(ours_to_be()))
def test_a_message_is_what_apache_defines(name: str) -> None:
    """Versions, flexible versions, API key and every field of every nested struct."""
    definition, message = ours_to_be()[name], MESSAGES[name]
    assert str(message.versions) == str(parse_versions(definition["validVersions"]))
    assert message.flexible == parse_versions(definition.get("flexibleVersions", "none"))
    compare_kind(definition, message)
    compare_fields(definition, definition.get("fields", []), message)


def compare_kind(definition: dict[str, Any], message: type[Message]) -> None:
    kind = definition["type"]
    if issubclass(message, Request):
        assert (kind, definition["apiKey"]) == ("request", message.api_key)
        assert message.latest_unstable == definition.get("latestVersionUnstable", False)
        assert message.deprecated == parse_versions(definition.get("deprecatedVersions", "none"))
    elif issubclass(message, Response):
        assert (kind, definition["apiKey"]) == ("response", message.api_key)
    elif issubclass(message, RecordKey):
        assert (kind, definition["apiKey"]) == ("coordinator-key", message.record_type)
    elif issubclass(message, RecordValue):
        assert (kind, definition["apiKey"]) == ("coordinator-value", message.record_type)
    else:
        assert kind in ("data", "header")


def compare_fields(definition: dict[str, Any], facts: list[dict[str, Any]], struct: type[Struct]) -> None:
    assert [each.name for each in struct.__fields__] == [snake_case(fact["name"]) for fact in facts]
    for each, fact in zip(struct.__fields__, facts, strict=True):
        where = f"{struct.__name__}.{each.name}"
        assert each.versions == parse_versions(fact.get("versions") or fact["taggedVersions"]), where
        assert each.nullable == parse_versions(fact.get("nullableVersions", "none")), where
        assert each.tag == fact.get("tag"), where
        assert each.tagged == parse_versions(fact.get("taggedVersions", "none")), where
        assert each.ignorable == fact.get("ignorable", False), where
        expected_flexible = fact.get("flexibleVersions")
        assert each.flexible == (None if expected_flexible is None else parse_versions(expected_flexible)), (
            where
        )
        assert each.default_value() == apache_default(fact, each), where
        compare_type(definition, fact["type"], each, where)


def compare_type(definition: dict[str, Any], type_name: str, each: Field, where: str) -> None:
    wire_type = each.type
    if type_name.startswith("[]"):
        assert isinstance(wire_type, Array), where
        wire_type, type_name = wire_type.element, type_name[2:]
    if isinstance(wire_type, Primitive):
        assert wire_type.name == type_name, where
    else:
        assert isinstance(wire_type, type), where
        compare_fields(definition, fields_of(definition, type_name), wire_type)


def apache_default(fact: dict[str, Any], each: Field) -> object:
    """What Apache's generator makes of the "default" entry and of its absence."""
    stated = str(fact.get("default", ""))
    if stated == "null":
        return None
    if isinstance(each.type, Array):
        return []
    if not isinstance(each.type, Primitive):
        return each.type()
    name = each.type.name
    empty: dict[str, object] = {"string": stated, "bytes": b"", "records": None, "uuid": ZERO_UUID}
    if name in empty:
        return empty[name]
    if name == "bool":
        return stated == "true"
    return float(stated or 0) if name == "float64" else int(stated or "0", 0)
