"""Protobuf over the REST API: texts and descriptors registered, formats, references, verdicts, refusals."""

from __future__ import annotations

import base64
import json

import pytest
from google.protobuf import descriptor_pb2, timestamp_pb2

from registries import RegistryProcess, Reply

ORDER = 'syntax = "proto3";\npackage shop;\n\nmessage Order {\n  int64 id = 1;\n}\n'
MONEY = 'syntax = "proto3"; package money; message Amount { int64 cents = 1; }'
PRICE = 'syntax = "proto3"; import "money.proto"; message Price { money.Amount amount = 1; }'


def post(registry: RegistryProcess, path: str, text: str, **fields: object) -> Reply:
    return registry.post(path, {"schemaType": "PROTOBUF", "schema": text, **fields})


def register(registry: RegistryProcess, subject: str, text: str, **fields: object) -> int:
    return registry.register(subject, text, schemaType="PROTOBUF", **fields)


def test_spellings_of_one_file_are_one_schema(registry: RegistryProcess, subject: str) -> None:
    """A text, another spelling of it and its descriptor have one id; what is told is the canonical text."""
    schema_id = register(registry, subject, ORDER)
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", syntax="proto3", package="shop")
    file.message_type.add(name="Order").field.add(name="id", number=1, label=1, type=3)
    for spelling in (
        "syntax='proto3';package shop; // the shop's\nmessage Order{int64 id=1;}",
        base64.b64encode(file.SerializeToString()).decode(),
    ):
        assert register(registry, subject, spelling) == schema_id
    told = registry.get(f"/subjects/{subject}/versions/latest").body
    assert (told["schema"], told["schemaType"], told["version"]) == (ORDER, "PROTOBUF", 1)


def test_formats_are_told_where_they_are_asked_for(registry: RegistryProcess, subject: str) -> None:
    """What Python's deserializer asks for (`serialized`), and the text without what others defined."""
    text = 'syntax = "proto2"; message M { optional string a = 1 [(own) = 5]; extensions 5 to 9; }'
    schema_id = register(registry, subject, text)
    plain = 'syntax = "proto2";\n\nmessage M {\n  optional string a = 1;\n}\n'
    for path in (f"/schemas/ids/{schema_id}", f"/subjects/{subject}/versions/1"):
        assert registry.get(f"{path}?format=ignore_extensions").body["schema"] == plain
        serialized = registry.get(f"{path}?format=serialized").body["schema"]
        file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized))
        assert [field.name for field in file.message_type[0].field] == ["a"]


def test_normalize_takes_one_meaning_for_one_schema(registry: RegistryProcess, subject: str) -> None:
    """Fields in another order, names in full."""
    first = "syntax = 'proto3'; message M { N n = 2; int32 a = 1; message N {} }"
    second = "syntax = 'proto3'; message M { int32 a = 1; .M.N n = 2; message N {} }"
    path = f"/subjects/{subject}/versions?normalize=true"
    made = [post(registry, path, text).body["id"] for text in (first, second)]
    assert made[0] == made[1]
    found = post(registry, f"/subjects/{subject}?normalize=true", first)
    assert found.body["version"] == 1


def test_imports_come_by_references(registry: RegistryProcess, subject: str) -> None:
    """The reference's name is the path that is imported; without it the type is missing."""
    money = f"{subject}-money"
    money_id = register(registry, money, MONEY)
    missing = post(registry, f"/subjects/{subject}/versions", PRICE)
    assert missing.error == (422, 42201)
    assert "money.Amount" in missing.body["message"]
    reference = {"name": "money.proto", "subject": money, "version": 1}
    schema_id = register(registry, subject, PRICE, references=[reference])
    assert schema_id != money_id
    assert registry.get(f"/subjects/{money}/versions/1/referencedby").body == [schema_id]
    assert registry.get(f"/subjects/{subject}/versions/1").body["references"] == [reference]
    # The referenced schema changes so that what was written with it can't be read: the version is what counts.
    registry.put(f"/config/{money}", {"compatibility": "NONE"})
    register(registry, money, MONEY.replace("int64", "string"))
    later = {**reference, "version": 2}
    verdict = post(
        registry,
        f"/compatibility/subjects/{subject}/versions/latest?verbose=true",
        PRICE,
        references=[later],
    ).body
    assert verdict["is_compatible"] is False
    kinds = [text.split('"')[1] for text in verdict["messages"] if text.startswith("{errorType")]
    assert kinds == ["FIELD_SCALAR_KIND_CHANGED", "FIELD_NAMED_TYPE_CHANGED"]


def test_an_incompatible_change_is_refused_with_its_reasons(registry: RegistryProcess, subject: str) -> None:
    """409, 40901, and the texts that Confluent's clients show."""
    register(registry, subject, ORDER)
    refused = post(registry, f"/subjects/{subject}/versions", ORDER.replace("int64", "string"))
    assert refused.error == (409, 40901)
    assert (
        "The kind of a SCALAR field at path '#/Order/1' in the new schema does not match its kind in the old schema"
        in refused.body["message"]
    )
    assert register(registry, subject, ORDER.replace("= 1;", "= 1; string note = 2;"))


def test_built_in_types_need_no_reference(registry: RegistryProcess, subject: str) -> None:
    """protobuf's own, Google's common types, Confluent's decimals."""
    register(
        registry,
        subject,
        """syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/type/money.proto";
        import "confluent/type/decimal.proto"; import "confluent/meta.proto";
        message M { google.protobuf.Timestamp at = 1; google.type.Money price = 2;
          confluent.type.Decimal exact = 3 [(confluent.field_meta) = { params: [{ key: "scale", value: "2" }] }]; }""",
    )
    own = base64.b64encode(timestamp_pb2.DESCRIPTOR.serialized_pb).decode()
    register(registry, f"{subject}-own", own)


@pytest.mark.parametrize(
    "text",
    [
        "message {",
        'syntax = "proto3"; message M { Missing a = 1; }',
        'syntax = "proto3"; ' + "message M {" * 1000 + "}" * 1000,
        'syntax = "proto3"; option (a) = ' + "{ a: " * 10_000 + "}" * 10_000 + ";",
        'syntax = "proto3"; import "file:///etc/passwd"; message M { root.Type a = 1; }',
        json.dumps({"type": "string"}),
        "AAAA",
    ],
    ids=["cut", "missing", "deep", "deep-option", "import", "json", "bytes"],
)
def test_what_is_no_schema_is_refused(registry: RegistryProcess, subject: str, text: str) -> None:
    """422, 42201, with the reason; nothing is fetched, nothing breaks."""
    refused = post(registry, f"/subjects/{subject}/versions", text)
    assert refused.error == (422, 42201)
    assert "PROTOBUF" in refused.body["message"]
