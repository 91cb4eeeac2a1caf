"""The policy LOGICAL: what of a schema's evolution the tables that are fed from it survive."""

import json
from typing import Any

import pytest

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.logical_policy import changes_of_columns, without_columns
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import CompatibilityPolicy, Conditions, Schema, SchemaType

BOTH = "FLINK, ICEBERG_V2"
FLINK, ICEBERG = "FLINK", "ICEBERG_V2"


def avro(*fields: tuple[str, Any] | dict[str, Any]) -> Schema:
    """A record of fields, each its name and type or its whole JSON."""
    parts = [each if isinstance(each, dict) else {"name": each[0], "type": each[1]} for each in fields]
    return parse(SchemaType.AVRO, json.dumps({"type": "record", "name": "R", "fields": parts}))


def json_schema(required: tuple[str, ...] = (), /, **properties: Any) -> Schema:
    text = {"type": "object", "properties": properties, "required": list(required)}
    return parse(SchemaType.JSON, json.dumps(text))


def protobuf(fields: str, head: str = "") -> Schema:
    return parse(SchemaType.PROTOBUF, f'syntax = "proto3"; {head} message M {{ {fields} }}', new=True)


def found(writer: Schema, reader: Schema) -> list[tuple[str, str, str]]:
    """Of each finding its rule, its path and the kinds of tables, as the texts tell them."""
    texts = changes_of_columns(reader, writer)
    return [(_part(text, "errorType"), _part(text, "additionalInfo"), _modes(text)) for text in texts]


def _part(text: str, name: str) -> str:
    return text.partition(f'{name}:"')[2].partition('"')[0]


def _modes(text: str) -> str:
    return text.partition("category:[")[2].partition("]")[0].replace('"', "")


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


CHANGED = "UNSUPPORTED_TYPE_CHANGE"
INTS = [("int", "long"), ("float", "double")]

EVOLUTIONS = [
    # columns
    (avro(("a", "int")), avro(("a", "int")), []),
    (avro(("a", "int"), ("b", "int")), avro(("a", "int")), [("FIELD_DELETED", "b", ICEBERG)]),
    (
        avro(("a", "int"), ("b", "int")),
        avro(("b", "int"), ("a", "int")),
        [("FIELD_REORDERED", "a", ICEBERG)],
    ),
    (avro(("a", "int")), avro(("a", "int"), ("b", "int")), [("REQUIRED_FIELD_ADDED", "b", BOTH)]),
    (
        avro(("a", "int")),
        avro(("a", "int"), {"name": "b", "type": "int", "default": 0}),
        [("REQUIRED_FIELD_ADDED", "b", ICEBERG)],
    ),
    (
        avro(("a", "int")),
        avro(("a", "int"), {"name": "b", "type": {"type": "array", "items": "int"}, "default": []}),
        [],
    ),
    (avro(("a", "int")), avro(("a", "int"), {"name": "b", "type": ["null", "int"], "default": None}), []),
    (avro(("a", ["null", "int"])), avro(("a", "int")), [("NULLABLE_TO_NON_NULLABLE", "a", BOTH)]),
    (avro(("a", "int")), avro(("a", ["null", "int"])), []),
    (
        avro({"name": "a", "type": "int", "default": 1}),
        avro(("a", "int")),
        [("NON_NULLABLE_DEFAULT_REMOVED", "a", FLINK)],
    ),
    (
        avro(("a", {"type": "record", "name": "N", "fields": [{"name": "x", "type": "int"}]})),
        avro(("a", {"type": "record", "name": "N", "fields": []})),
        [("FIELD_DELETED", "a.x", ICEBERG)],
    ),
    # types
    *((avro(("a", narrow)), avro(("a", wide)), []) for narrow, wide in INTS),
    *((avro(("a", wide)), avro(("a", narrow)), [(CHANGED, "a", BOTH)]) for narrow, wide in INTS),
    (avro(("a", "int")), avro(("a", "double")), [(CHANGED, "a", ICEBERG)]),
    (avro(("a", "string")), avro(("a", "bytes")), [(CHANGED, "a", BOTH)]),
    (avro(("a", "int")), avro(("a", {"type": "map", "values": "int"})), [("TYPE_MISMATCH", "a", BOTH)]),
    (
        avro(("a", logical("bytes", "decimal", precision=4, scale=2))),
        avro(("a", logical("bytes", "decimal", precision=6, scale=2))),
        [],
    ),
    (
        avro(("a", logical("bytes", "decimal", precision=4, scale=2))),
        avro(("a", logical("bytes", "decimal", precision=4, scale=1))),
        [(CHANGED, "a", BOTH)],
    ),
    (
        avro(("a", logical("long", "timestamp-millis"))),
        avro(("a", logical("long", "timestamp-micros"))),
        [(CHANGED, "a", FLINK)],
    ),
    (
        avro(("a", logical("long", "timestamp-millis"))),
        avro(("a", logical("long", "timestamp-nanos"))),
        [(CHANGED, "a", BOTH)],
    ),
    (avro(("a", logical("int", "date"))), avro(("a", "int")), [(CHANGED, "a", BOTH)]),
    (
        avro(("a", {"type": "fixed", "name": "F", "size": 2})),
        avro(("a", {"type": "fixed", "name": "F", "size": 3})),
        [(CHANGED, "a", BOTH)],
    ),
    (
        avro(("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
        avro(("a", {"type": "enum", "name": "E", "symbols": ["X"]})),
        [],
    ),
    (avro(("a", {"type": "enum", "name": "E", "symbols": ["X"]})), avro(("a", "string")), []),
    (
        avro(("a", {"type": "int", "connect.type": "int8"})),
        avro(("a", {"type": "int", "connect.type": "int16"})),
        [],
    ),
    # containers
    (
        avro(("a", {"type": "array", "items": ["null", "int"]})),
        avro(("a", {"type": "array", "items": "int"})),
        [("NULLABLE_TO_NON_NULLABLE", "a[]", FLINK)],
    ),
    (
        avro(("a", {"type": "map", "values": "int"})),
        avro(("a", {"type": "map", "values": "string"})),
        [(CHANGED, "a{}", BOTH)],
    ),
    (
        avro(("a", {"type": "map", "values": "int", "flink.type": "multiset"})),
        avro(("a", {"type": "map", "values": "int"})),
        [("TYPE_MISMATCH", "a", FLINK)],
    ),
    (
        protobuf("map<int32, string> a = 1;"),
        protobuf("map<int64, string> a = 1;"),
        [("MAP_KEY_TYPE_MISMATCH", "a", ICEBERG)],
    ),
    # unions
    (avro(("a", ["int", "string"])), avro(("a", ["int", "string", "bytes"])), []),
    (avro(("a", ["int", "string"])), avro(("a", ["int"])), [("TYPE_MISMATCH", "a", BOTH)]),
    # JSON Schema
    (json_schema(a={"type": "integer"}), json_schema(a={"type": "integer"}, b={"type": "string"}), []),
    (
        json_schema(a={"type": "integer"}),
        json_schema(("b",), a={"type": "integer"}, b={"type": "string"}),
        [("REQUIRED_FIELD_ADDED", "b", BOTH)],
    ),
    (
        json_schema(a={"type": "integer"}),
        json_schema(("a",), a={"type": "integer"}),
        [("NULLABLE_TO_NON_NULLABLE", "a", BOTH)],
    ),
    (json_schema(a={"type": "integer"}), json_schema(a={"type": "number"}), [(CHANGED, "a", ICEBERG)]),
    (
        json_schema(a={"type": "string", "maxLength": 5}),
        json_schema(a={"type": "string", "maxLength": 4}),
        [(CHANGED, "a", FLINK)],
    ),
    (
        json_schema(a={"type": "string", "minLength": 5, "maxLength": 5}),
        json_schema(a={"type": "string", "maxLength": 9}),
        [],
    ),
    (json_schema(a={"oneOf": [{"type": "null"}, {"type": "string"}]}), json_schema(a={"type": "string"}), []),
    (json_schema(a={"type": "string"}), json_schema(a={"type": "string", "enum": ["x"]}), []),
    (
        json_schema(a={"type": "integer", "connect.type": "int32"}),
        json_schema(a={"type": "integer", "connect.type": "int64"}),
        [],
    ),
    (
        json_schema(a={"type": "object", "connect.type": "map", "additionalProperties": {"type": "integer"}}),
        json_schema(a={"type": "object", "properties": {}}),
        [("TYPE_MISMATCH", "a", BOTH)],
    ),
    (
        json_schema(a={"type": "integer", "connect.index": 1}, b={"type": "integer", "connect.index": 0}),
        json_schema(a={"type": "integer", "connect.index": 0}, b={"type": "integer", "connect.index": 1}),
        [("FIELD_REORDERED", "b", ICEBERG)],
    ),
    # Protobuf
    (protobuf("int32 a = 1;"), protobuf("int64 a = 1;"), []),
    (
        protobuf("int32 a = 1;"),
        protobuf("int32 a = 1; int32 b = 2;"),
        [("REQUIRED_FIELD_ADDED", "b", ICEBERG)],
    ),
    (protobuf("int32 a = 1;"), protobuf("int32 a = 1; optional int32 b = 2;"), []),
    (protobuf("int32 a = 1;"), protobuf("int32 a = 1; repeated M b = 2; map<string, int32> c = 3;"), []),
    (protobuf("int32 a = 1;"), protobuf("int32 a = 1; oneof o { string b = 2; M c = 3; }"), []),
    (protobuf("optional int32 a = 1;"), protobuf("int32 a = 1;"), [("NULLABLE_TO_NON_NULLABLE", "a", BOTH)]),
    (protobuf("int32 a = 1;"), protobuf("repeated int32 a = 1;"), [("TYPE_MISMATCH", "a", BOTH)]),
    (
        protobuf("E a = 1; enum E { X = 0; }"),
        protobuf("N a = 1; message N { string x = 1; }"),
        [("TYPE_MISMATCH", "a", BOTH)],
    ),
]


@pytest.mark.parametrize(("writer", "reader", "expected"), EVOLUTIONS)
def test_evolutions(writer: Schema, reader: Schema, expected: list[tuple[str, str, str]]) -> None:
    """Which rule a change breaks, at which column, and for which tables."""
    assert found(writer, reader) == expected


def test_every_schema_gets_along_with_itself() -> None:
    """No rule is broken where nothing changed."""
    for pair in EVOLUTIONS:
        for one in pair[:2]:
            assert found(one, one) == []


DECIMAL = """
import "confluent/meta.proto"; import "confluent/type/decimal.proto"; import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto"; import "google/type/date.proto";
"""


def test_known_messages_are_types_of_columns() -> None:
    """Decimals, dates, times and wrapped scalars of Protobuf, by their parameters."""
    amount = "confluent.type.Decimal a = 1 [(confluent.field_meta).params = [{key: 'precision', value: '%d'}, {key: 'scale', value: '2'}]];"
    narrow, wide = (protobuf(amount % precision, DECIMAL) for precision in (4, 6))
    assert found(narrow, wide) == []
    assert found(wide, narrow) == [(CHANGED, "a", BOTH)]
    wrapped = protobuf("google.protobuf.Int32Value a = 1;", DECIMAL)
    assert found(wrapped, protobuf("optional int64 a = 1;")) == []
    assert found(protobuf("google.type.Date a = 1;", DECIMAL), wrapped) == [(CHANGED, "a", BOTH)]


def test_the_policy_adds_to_what_the_language_demands() -> None:
    """Avro lets a field go; a table does not. In both directions where the level asks for both."""
    before, after = avro(("a", "int"), {"name": "b", "type": "int", "default": 0}), avro(("a", "int"))
    assert check(CompatibilityLevel.BACKWARD, after, [before]) == []
    conditions = Conditions(CompatibilityPolicy.LOGICAL)
    [incompatibility] = check(CompatibilityLevel.BACKWARD, after, [before], conditions=conditions)
    assert incompatibility.text.startswith(
        '{errorType:"FIELD_DELETED", category:["ICEBERG_V2"], description:"'
    )
    assert incompatibility.text.endswith('additionalInfo:"b"}')
    texts = [each.text for each in check(CompatibilityLevel.FULL, after, [before], conditions=conditions)]
    assert [_part(text, "errorType") for text in texts] == ["REQUIRED_FIELD_ADDED", "FIELD_DELETED"]
    assert check(CompatibilityLevel.NONE, after, [before], conditions=conditions) == []


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (avro(("a", "null")), "null alone"),
        (parse(SchemaType.AVRO, '{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}'), "itself"),
        (json_schema(a={}), "VARIANT"),
        (json_schema(a={"type": "array"}), "one type of its items"),
        (json_schema(a={"const": 1}), "no type of a column"),
        (json_schema(a={"type": "number", "connect.type": "int128"}), "connect.type int128"),
        (parse(SchemaType.PROTOBUF, 'syntax = "proto3"; enum E { A = 0; }'), "no message"),
    ],
)  # fmt: skip
def test_what_no_table_holds(schema: Schema, says: str) -> None:
    """Nothing goes through that a table could not be made for; an earlier version of the kind is no hindrance."""
    [text] = without_columns(schema)
    assert says in text
    sound = avro(("a", "int"))
    if "VARIANT" not in says and "itself" not in says:
        assert changes_of_columns(sound, schema) == []
    assert without_columns(sound) == []


def test_types_that_contain_themselves_end() -> None:
    """Each pair of structs is compared once, where it is met first."""

    def tree(kind: str) -> Schema:
        fields = [{"name": "x", "type": kind}, {"name": "children", "type": {"type": "array", "items": "T"}}]
        return parse(SchemaType.AVRO, json.dumps({"type": "record", "name": "T", "fields": fields}))

    assert found(tree("long"), tree("int")) == [(CHANGED, "x", BOTH)]
    text = 'syntax = "proto3"; message A { B b = 1; int32 x = 2; } message B { A a = 1; }'
    one, other = (parse(SchemaType.PROTOBUF, text.replace("int32", kind)) for kind in ("int64", "int32"))
    assert found(one, other) == [(CHANGED, "x", BOTH)]


def test_more_pairs_than_could_be_compared() -> None:
    """Messages that refer to each other in another order on each side: an answer, in time."""
    count = 700

    def web(step: int) -> Schema:
        messages = (
            f"message R{i} {{ R{(i + 1) % count} next = 1; R{(i * step + 1) % count} other = 2; }}"
            for i in range(count)
        )
        return parse(SchemaType.PROTOBUF, f'syntax = "proto3"; {" ".join(messages)}')

    [text] = changes_of_columns(web(3), web(5))
    assert "too many columns" in text


def test_what_references_lead_to_is_converted_once() -> None:
    """Each definition twice uses the next: as many ways to the last as there are atoms."""

    def chain(last: str) -> Schema:
        definitions = {f"d{i}": {"oneOf": [{"$ref": f"#/definitions/d{i + 1}"}, {"type": "array", "items": {"$ref": f"#/definitions/d{i + 1}"}}]}
                       for i in range(80)}  # fmt: skip
        definitions["d80"] = {"type": last}
        text = {
            "type": "object",
            "properties": {"a": {"$ref": "#/definitions/d0"}},
            "definitions": definitions,
        }
        return parse(SchemaType.JSON, json.dumps(text))

    assert {rule for rule, _, _ in found(chain("string"), chain("boolean"))} == {CHANGED}
    itself = parse(SchemaType.JSON, '{"type": "array", "items": {"$ref": "#"}}')
    assert found(itself, itself) == []
    [text] = without_columns(itself)
    assert "contains itself" in text
