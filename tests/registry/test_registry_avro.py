"""Avro schemas as the registry keeps them: one text each, a normalized one, and the rules of evolution."""

import json
from typing import Any

import pytest

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.parsing import MAX_SCHEMA_CHARACTERS, parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType

NULLABLE = ["null", "string"]


def avro(schema: Any, *, new: bool = False) -> Schema:
    return parse(SchemaType.AVRO, json.dumps(schema), new=new)


def record(*fields: Any, name: str = "R", **attributes: Any) -> dict:
    return {"type": "record", "name": name, **attributes, "fields": list(fields)}


def field(name: str, field_type: Any, **attributes: Any) -> dict:
    return {"name": name, "type": field_type, **attributes}


def enum(*symbols: str, name: str = "E", **attributes: Any) -> dict:
    return {"type": "enum", "name": name, "symbols": list(symbols), **attributes}


def fixed(size: int, name: str = "F") -> dict:
    return {"type": "fixed", "name": name, "size": size}


# What the writer has, what the reader has, and what is wrong with that: (kind, path) each.
EVOLUTIONS: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    # a type reads itself and what is promoted to it
    *((kind, kind, []) for kind in ("null", "boolean", "int", "long", "float", "double", "bytes", "string")),
    *(
        (writer, reader, [])
        for writer, reader in (
            ("int", "long"),
            ("int", "float"),
            ("int", "double"),
            ("long", "float"),
            ("long", "double"),
            ("float", "double"),
            ("string", "bytes"),
            ("bytes", "string"),
        )
    ),
    *(
        (writer, reader, [("TYPE_MISMATCH", "/")])
        for writer, reader in (
            ("long", "int"),
            ("double", "float"),
            ("float", "long"),
            ("string", "int"),
            ("boolean", "int"),
            ("null", "string"),
        )
    ),
    # fields
    (record(field("a", "int")), record(), []),
    (record(), record(field("a", "int", default=1)), []),
    (record(), record(field("a", NULLABLE, default=None)), []),
    (record(), record(field("a", "int")), [("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/0")]),
    (record(field("a", "int"), field("b", "int")), record(field("b", "int"), field("a", "int")), []),
    (record(field("a", "int")), record(field("b", "int", aliases=["a"])), []),
    (
        record(field("a", "long")),
        record(field("z", "int", default=0), field("a", "int")),
        [("TYPE_MISMATCH", "/fields/1/type")],
    ),
    (record(), record(name="S"), [("NAME_MISMATCH", "/name")]),
    (record(), record(name="S", aliases=["R"]), []),
    (record(name="x.R"), record(name="y.R"), []),
    # enums
    (enum("A"), enum("B", "A"), []),
    (enum("A", "B", "C"), enum("B"), [("MISSING_ENUM_SYMBOLS", "/symbols")]),
    (enum("A", "B"), enum("B", default="B"), []),
    (enum("A"), enum("A", name="G"), [("NAME_MISMATCH", "/name")]),
    # fixed
    (fixed(4), fixed(4), []),
    (fixed(4), fixed(8), [("FIXED_SIZE_MISMATCH", "/size")]),
    (fixed(4), fixed(8, "G"), [("NAME_MISMATCH", "/name"), ("FIXED_SIZE_MISMATCH", "/size")]),
    # arrays and maps
    ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}, []),
    ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, [("TYPE_MISMATCH", "/items")]),
    ({"type": "map", "values": "string"}, {"type": "map", "values": "int"}, [("TYPE_MISMATCH", "/values")]),
    ({"type": "map", "values": "int"}, {"type": "array", "items": "int"}, [("TYPE_MISMATCH", "/")]),
    # unions
    ("string", NULLABLE, []),
    (NULLABLE, ["string", "null"], []),
    (NULLABLE, ["string", "null", "int"], []),
    (["null", "int"], ["null", "long"], []),
    (["null", "int", "string"], ["null", "int"], [("MISSING_UNION_BRANCH", "/2")]),
    ("boolean", ["null", "int"], [("MISSING_UNION_BRANCH", "/")]),
    (["string"], "string", []),
]


@pytest.mark.parametrize(("writer", "reader", "wrong"), EVOLUTIONS)
def test_evolutions(writer: Any, reader: Any, wrong: list[tuple[str, str]]) -> None:
    """What a reader makes of a writer's data, by Avro's rules of schema resolution."""
    texts = [each.text for each in check(CompatibilityLevel.BACKWARD, avro(reader), [avro(writer)])]
    assert len(texts) == len(wrong)
    for text, (kind, path) in zip(texts, wrong, strict=True):
        assert text.startswith(f"{{errorType:'{kind}', description:'")
        assert f"'{path}'" in text
        assert "%" not in text


def test_the_whole_answer() -> None:
    """In the form that clients show: kind, a sentence, and what Avro says of it."""
    [found] = check(CompatibilityLevel.BACKWARD, avro(record(field("a", "int"))), [avro(record())])
    assert found.text == (
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'a' at path '/fields/0' in the new schema has "
        "no default value and is not in the old schema', additionalInfo:'a'}"
    )


def test_recursive_records_are_compared_once() -> None:
    """A list whose links are of the same type: the comparison ends, and finds what is wrong with a link."""

    def linked(value: str) -> dict:
        return record(field("v", value), field("next", ["null", "R"]))

    assert check(CompatibilityLevel.BACKWARD, avro(linked("long")), [avro(linked("int"))]) == []
    [wrong] = check(CompatibilityLevel.BACKWARD, avro(linked("int")), [avro(linked("long"))])
    assert "/fields/0/type" in wrong.text


def test_records_used_twice_on_every_level() -> None:
    """Sixty levels, 2^60 ways to what is wrong at the bottom: found at once, and not named more than a thousand times."""

    def levels(bottom: str) -> list:
        records = [record(field("v", bottom), name="R0")]
        for level in range(1, 60):
            below = f"R{level - 1}"
            records.append(record(field("a", below), field("b", below), name=f"R{level}"))
        return records

    reader, writer = (avro(levels(bottom)) for bottom in ("int", "string"))
    assert len(check(CompatibilityLevel.BACKWARD, reader, [writer])) <= 1_000


def test_too_much_to_compare_is_refused() -> None:
    """Unions of a thousand records of ten fields, none alike: ten million fields are not looked at. Two hundred are."""

    def union(letter: str, count: int) -> list:
        fields = [field(f"f{number}", "int") for number in range(10)]
        return [record(*fields, name=f"{letter}{number}") for number in range(count)]

    [found] = check(CompatibilityLevel.BACKWARD, avro(union("A", 1_000)), [avro(union("B", 1_000))])
    assert "too many types" in found.text
    assert check(CompatibilityLevel.BACKWARD, avro(union("A", 200)), [avro(union("A", 200))]) == []


def test_defaults_that_lead_on_to_defaults() -> None:
    """A record's default may be empty where its fields have defaults; sixty levels of two such fields are checked at once."""
    records: list[dict] = [record(field("v", "int", default=1), name="R0")]
    for level in range(1, 60):
        below = f"R{level - 1}"
        records.append(record(field("a", below, default={}), field("b", below, default={}), name=f"R{level}"))
    assert avro(records, new=True).canonical
    records[0]["fields"][0]["default"] = "one"
    with pytest.raises(InvalidSchema, match="Invalid default for field v"):
        avro(records, new=True)
    assert avro(records).canonical  # stored before anybody looked at defaults


def test_defaults_too_long_to_check() -> None:
    """Two thousand items, each of the last of a thousand branches."""
    branches = [*(fixed(1, f"F{number}") for number in range(1_000)), "int"]
    long = record(field("a", {"type": "array", "items": branches}, default=[0] * 2_000))
    with pytest.raises(InvalidSchema, match="values to check"):
        avro(long, new=True)


def test_normalization() -> None:
    """Properties and aliases in alphabetical order, no empty docs of types: one text for both spellings."""
    one = record(
        field("a", "int", z=1, b=2, aliases=["y", "x"], order="ascending", doc=""),
        doc="",
        aliases=["T", "S"],
        n=1,
        m={"q": 1, "p": 2},
    )
    other = record(
        field("a", {"type": "int"}, b=2, z=1, aliases=["x", "y"], doc=""),
        aliases=["S", "T"],
        m={"q": 1, "p": 2},
        n=1,
    )
    assert avro(one).canonical != avro(other).canonical
    assert avro(one).normalized == avro(other).normalized
    assert avro(one).normalized == (
        '{"type":"record","name":"R","fields":[{"name":"a","type":"int","doc":"","aliases":["x","y"],"b":2,"z":1}],'
        '"m":{"q":1,"p":2},"n":1,"aliases":["S","T"]}'
    )


def test_a_resolved_schema_has_everything_in_it() -> None:
    """`format=resolved` writes out what the references define; the text that is stored names it."""
    references = (Reference("x.E", "enums", 1),)
    made = parse(
        SchemaType.AVRO,
        json.dumps(record(field("e", "x.E"), field("f", ["null", "x.E"]))),
        references,
        {"x.E": json.dumps(enum("A", name="x.E"))},
    )
    assert made.canonical == (
        '{"type":"record","name":"R","fields":[{"name":"e","type":"x.E"},{"name":"f","type":["null","x.E"]}]}'
    )
    assert made.formatted("resolved") == (
        '{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","namespace":"x","symbols":["A"]}},'
        '{"name":"f","type":["null","x.E"]}]}'
    )
    assert made.formatted("anything else") == made.canonical
    assert made.references == references


def test_equality() -> None:
    """Two schemas are one if text and references are."""
    assert avro({"type": "string"}) == avro("string")
    assert hash(avro({"type": "string"})) == hash(avro("string"))
    assert avro("string") != avro("bytes")
    with_reference = parse(
        SchemaType.AVRO, '"string"', (Reference("E", "s", 1),), {"E": json.dumps(enum("A"))}
    )
    assert with_reference != avro("string")


def test_top_level_fields() -> None:
    """Only a record has fields."""
    assert avro(record(field("a", "int"))).has_top_level_field("a")
    assert not avro(record(field("a", "int"))).has_top_level_field("b")
    assert not avro("string").has_top_level_field("a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "nested more than"),
        ('{"type":"array","items":' * 1_000 + '"int"' + "}" * 1_000, "nested more than"),
        ('{"type":"record","name":"R","fields":[{"name":"f","type":' * 60 + '"int"' + "}]}" * 60, "redefine"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested more than"),
        ('"' + "x" * MAX_SCHEMA_CHARACTERS + '"', "characters"),
        ("[" + "9" * 10_000 + "]", "not valid JSON"),
        ('{"type": "string", "x": "\\ud800"}', "surrogate"),
        ('{"type": "string", "x": NaN}', "NaN"),
        ('"' + "." * 1_000 + '"', "Empty name"),
        (
            json.dumps(enum(*("S" + str(number) for number in range(50_000)), "S1")),
            "Duplicate enum symbol: S1",
        ),
        ('{"type": "record", "name": "R", "fields": [{"name": "f", "type": "Unknown"}]}', "Unknown"),
    ],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_hostile_texts(text: str, says: str) -> None:
    """Whatever the text is, it is a schema or an InvalidSchema that says what is wrong."""
    with pytest.raises(InvalidSchema, match=says):
        parse(SchemaType.AVRO, text)


def test_deep_but_sound_schemas() -> None:
    """Sixty records within each other are read, written, normalized and compared."""
    schema: Any = "int"
    for level in range(60):
        schema = record(field("f", schema), name=f"R{level}")
    made = avro(schema, new=True)
    assert made.canonical == json.dumps(schema, separators=(",", ":"))
    assert made.normalized == made.canonical
    assert check(CompatibilityLevel.FULL, made, [avro(schema)]) == []
