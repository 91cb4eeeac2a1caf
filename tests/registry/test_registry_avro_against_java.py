"""Avro schemas as Apache Avro for Java reads, writes and compares them: the same verdicts, word for word."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ottla.registry.schemas.avro import AvroSchema
from ottla.registry.schemas.avro_compatibility import AmbiguousField, avro_incompatibilities
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, SchemaType
from schema_judges import AvroJudge

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
NAMES = ["A", "B", "C", "x.A", "x.B", "x.y.C"]
FIELDS = ["a", "b", "c", "d"]
SYMBOLS = ["S", "T", "U", "V"]
DEFAULTS = [None, 0, 1, 2.5, 1e10, "", "S", [], {}, True]

one_of = st.sampled_from


@pytest.fixture(scope="module")
def judge() -> Iterator[AvroJudge]:
    with AvroJudge() as judge:
        yield judge


def avro(text: str, *, new: bool = False) -> AvroSchema | None:
    """The schema; None where it is refused."""
    try:
        made = parse(SchemaType.AVRO, text, new=new)
    except InvalidSchema:
        return None
    assert isinstance(made, AvroSchema)
    return made


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> Any:
    """JSON that is an Avro schema more often than not: some of it names what is not there, or twice."""
    kinds = ["primitive", "primitive", "name"]
    if depth:
        kinds += ["record", "record", "union", "array", "map", "enum", "fixed"]
    match draw(one_of(kinds)):
        case "primitive":
            return draw(one_of(PRIMITIVES))
        case "name":
            return draw(one_of(NAMES))
        case "array":
            return {"type": "array", "items": draw(schemas(depth - 1))}
        case "map":
            return {"type": "map", "values": draw(schemas(depth - 1))}
        case "union":
            return draw(st.lists(schemas(depth - 1), max_size=3))
        case "enum":
            symbols = draw(st.lists(one_of(SYMBOLS), min_size=1, max_size=3, unique=True))
            return {"type": "enum", "name": draw(one_of(NAMES)), "symbols": symbols}
        case "fixed":
            return {"type": "fixed", "name": draw(one_of(NAMES)), "size": draw(one_of([1, 2]))}
    names = draw(st.lists(one_of(FIELDS), max_size=3, unique=True))
    fields = [{"name": name, "type": draw(schemas(depth - 1))} for name in names]
    return {"type": "record", "name": draw(one_of(NAMES)), "fields": fields}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    """A reader's and a writer's schema with a common ancestor."""
    ancestor = sound(draw(schemas()), {})
    reader, writer = (changed(draw, copy.deepcopy(ancestor)) for _ in range(2))
    if draw(one_of([True, True, True, False])):
        reader, writer = sound(reader, {}), sound(writer, {})
    return json.dumps(reader), json.dumps(writer)


def sound(schema: Any, names: dict[str, str]) -> Any:
    """The schema with names that are defined once and before their use, and unions that have each type once."""
    if isinstance(schema, str):
        return schema if schema in PRIMITIVES or schema in names else "int"
    if isinstance(schema.get("type") if isinstance(schema, dict) else None, list | dict):
        return sound(schema["type"], names)
    if isinstance(schema, list):
        branches = {}
        for branch in schema:
            each = sound(branch, names)
            kind = each if isinstance(each, str) else each["type"] if isinstance(each, dict) else None
            if kind is not None:
                branches.setdefault(kind, each)
        return list(branches.values())
    name = schema.get("name")
    if name is not None:
        if name in names:
            return name
        names[name] = schema["type"]
    for key in ("items", "values"):
        if key in schema:
            schema[key] = sound(schema[key], names)
    for each in schema.get("fields", ()):
        each["type"] = sound(each["type"], names)
    return schema


def changed(draw: st.DrawFn, schema: Any) -> Any:
    """The schema with up to two changes somewhere in it."""
    for _ in range(draw(one_of([0, 1, 1, 2]))):
        nodes = list(places(schema))
        parent, key = draw(one_of(nodes)) if nodes else (None, None)
        if parent is None:
            schema = change(draw, schema)
        else:
            parent[key] = change(draw, parent[key])
    return schema


def places(schema: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in which a schema or a field stands, as (container, key)."""
    steps = (
        enumerate(schema) if isinstance(schema, list) else schema.items() if isinstance(schema, dict) else ()
    )
    for key, value in steps:
        if isinstance(schema, list) or (
            key in ("type", "items", "values") and not isinstance(value, str | None)
        ):
            yield schema, key
        if isinstance(value, list | dict):
            yield from places(value)
    if isinstance(schema, dict) and schema.get("type") in ("array", "map", None):
        yield from ((schema, key) for key in ("items", "values") if key in schema)


def change(draw: st.DrawFn, node: Any) -> Any:
    """Another schema or field, near to this one."""
    if isinstance(node, dict) and "type" in node:
        return change_object(draw, dict(node))
    if isinstance(node, list):
        kind = draw(one_of(["more", "fewer", "only", "turned"]))
        if kind == "more":
            return [*node, draw(schemas(1))]
        if kind == "only" and node:
            return node[0]
        return node[:-1] if kind == "fewer" else node[::-1]
    return draw(one_of([draw(schemas(1)), ["null", node], [node, "string"], draw(one_of(PRIMITIVES))]))


def change_object(draw: st.DrawFn, node: dict) -> Any:
    kind = node["type"]
    match draw(one_of(["attribute", "attribute", "content", "union", "prop"])):
        case "attribute":
            name = draw(one_of(["name", "aliases", "doc", "default", "namespace", "order"]))
            values = {
                "name": one_of(FIELDS if kind not in ("record", "enum", "fixed") else NAMES),
                "aliases": st.lists(one_of(FIELDS + NAMES), max_size=2),
                "doc": one_of(["", "what", 'quo"te é']),
                "default": one_of([*DEFAULTS, *SYMBOLS]),
                "namespace": one_of(["", "x", "x.y"]),
                "order": one_of(["ascending", "descending", "ignore"]),
            }
            node[name] = draw(values[name])
        case "content" if "fields" in node:
            fields = list(node["fields"])
            if fields and draw(st.booleans()):
                fields.pop(draw(st.integers(0, len(fields) - 1)))
            else:
                field = {"name": draw(one_of(FIELDS)), "type": draw(schemas(1))}
                if draw(st.booleans()):
                    field["default"] = draw(one_of(DEFAULTS))
                fields.insert(draw(st.integers(0, len(fields))), field)
            node["fields"] = fields
        case "content" if "symbols" in node:
            node["symbols"] = draw(st.lists(one_of(SYMBOLS), max_size=4, unique=True))
        case "content" if "size" in node:
            node["size"] = draw(one_of([1, 2, 3]))
        case "prop":
            node[draw(one_of(["logicalType", "k", "j"]))] = draw(one_of(["date", {"b": [1.0], "a": None}, 7]))
        case "union" if "name" not in node or "fields" in node:
            return ["null", node]
        case _:
            if "type" in node and kind not in ("record", "enum", "fixed", "array", "map"):
                node["type"] = change(draw, node["type"])
    return node


@settings(
    max_examples=6_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(pair=pairs())
def test_five_thousand_pairs(judge: AvroJudge, pair: tuple[str, str]) -> None:
    """What is accepted, how it is written out, and what keeps the one from reading the other's data. Some are refused."""
    verdict = judge.compare(*pair)
    mine = [avro(text) for text in pair]
    assert [each and each.canonical for each in mine] == verdict.texts
    reader, writer = mine
    if reader is None or writer is None:
        return
    if verdict.failure is not None:
        with pytest.raises(AmbiguousField):
            avro_incompatibilities(reader.avro_type, writer.avro_type)
        return
    found = avro_incompatibilities(reader.avro_type, writer.avro_type)
    assert [tuple(each) for each in found] == verdict.found


@settings(max_examples=500, deadline=None)
@given(field_type=schemas(1), default=one_of(DEFAULTS), wrapped=st.booleans())
def test_defaults(judge: AvroJudge, field_type: Any, default: Any, wrapped: bool) -> None:
    """Which defaults a new schema may have."""
    if wrapped:
        field_type, default = {"type": "array", "items": field_type}, [default]
    fields = [{"name": "a", "type": field_type, "default": default}]
    text = json.dumps({"type": "record", "name": "R", "fields": fields})
    mine = avro(text, new=True)
    assert (mine and mine.canonical) == judge.text(text, validate=True)


SINGLE = [
    # names and namespaces
    '{"type": "record", "name": "a.b.R", "fields": []}',
    '{"type": "record", "name": "R", "namespace": "a.b", "fields": [{"name": "f", "type": "R"}]}',
    '{"type": "record", "name": "a.R", "namespace": "z", "fields": [{"name": "f", "type": "a.R"}]}',
    '{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": 1}}]}',
    '{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "namespace": "", "size": 1}}, {"name": "g", "type": "F"}]}',
    '{"type": "record", "name": "a.R", "fields": [{"name": "f", "type": {"type": "enum", "name": "b.E", "symbols": []}}, {"name": "g", "type": "b.E"}]}',
    '{"type": "record", "name": "a.record", "fields": [{"name": "f", "type": ["null", "a.record"]}]}',
    '{"type": "record", "name": "a.string", "fields": [{"name": "f", "type": ["null", "a.string"]}]}',
    '{"type": "record", "name": "string", "fields": []}',
    '{"type": "record", "name": "union", "fields": [{"name": "f", "type": {"type": "array", "items": "union"}}]}',
    '{"type": "record", "name": "Größe", "fields": [{"name": "名", "type": "int"}]}',
    '{"type": "record", "name": "R", "aliases": ["Q", "x.Q", "Q"], "namespace": "n", "fields": []}',
    '{"type": "record", "name": "1R", "fields": []}',
    '{"type": "record", "name": "", "fields": []}',
    '{"type": "record", "name": "a-b", "fields": []}',
    '{"type": "record", "name": "a..R", "fields": []}',
    '{"type": "record", "name": ".R", "fields": []}',
    '{"type": "record", "name": "a-b.R", "fields": []}',
    '{"type": "record", "name": "R", "namespace": "a b", "fields": []}',
    '{"type": "record", "name": "R", "aliases": ["a-b"], "fields": []}',
    # attributes
    '{"type": "string", "logicalType": "uuid"}',
    '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}',
    '{"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 7}',
    '{"type": "int", "doc": "gone", "name": "gone", "kept": {"b": 1, "a": [true, null]}}',
    '{"type": "error", "name": "E", "fields": []}',
    '{"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A", "doc": "d", "p": 1}',
    '{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}',
    '{"type": "enum", "name": "E", "symbols": ["A", "A"]}',
    '{"type": "enum", "name": "E", "symbols": ["A-B"]}',
    '{"type": "enum", "name": "E"}',
    '{"type": "fixed", "name": "F"}',
    '{"type": "fixed", "name": "F", "size": "4"}',
    '{"type": "fixed", "name": "F", "size": -4}',
    '{"type": "fixed", "name": "F", "size": 4.0}',
    '{"type": "array"}',
    '{"type": "map"}',
    '{"type": "record", "name": "R"}',
    '{"type": "record", "name": "R", "fields": {}}',
    '{"type": "record", "name": "R", "fields": [], "default": 5, "aliases": []}',
    '{"type": "record", "name": "R", "fields": [{"name": "f"}]}',
    '{"type": "record", "name": "R", "fields": [{"type": "int"}]}',
    '{"type": "record", "name": "R", "fields": [1]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}, {"name": "f", "type": "int"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "order": "DESCENDING"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "order": "sideways"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "aliases": "g"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "aliases": ["g", "h", "g"], "p": [], "doc": ""}]}',
    '{"type": "record", "name": "R", "doc": "", "fields": []}',
    '{"type": "record", "name": "R", "doc": 5, "fields": []}',
    # defaults and numbers
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double", "default": 1e3}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double", "default": 123456789012345680000}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double", "default": 0.00012}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double", "default": "NaN"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "float", "default": "-Infinity"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "float", "default": "one"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "bytes", "default": "\\u00ff\\u001f"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "default": 2147483648}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "long", "default": 9223372036854775808}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "default": 1.0}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "int"], "default": 1}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["int", "null"], "default": null}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "enum", "name": "E", "symbols": ["A"]}, "default": "Z"}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "record", "name": "S", "fields": [{"name": "g", "type": "int", "default": 1}, {"name": "h", "type": "int"}]}, "default": {"h": 1}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "record", "name": "S", "fields": [{"name": "h", "type": "int"}]}, "default": {}}]}',
    # types
    '"int"',
    '"integer"',
    '{"type": {"type": "string"}}',
    '{"type": ["null", "string"]}',
    "[]",
    '["int", "int"]',
    '["int", ["null"]]',
    '[{"type": "array", "items": "int"}, {"type": "array", "items": "long"}]',
    '[{"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "F", "size": 1}]',
    '{"type": "map", "values": [{"type": "fixed", "name": "F", "size": 1}, "null"], "x": 1}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": 1}}, {"name": "g", "type": {"type": "fixed", "name": "F", "size": 1}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": 1}}, {"name": "g", "type": {"type": "fixed", "name": "F", "size": 2}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "F"}, {"name": "g", "type": {"type": "fixed", "name": "F", "size": 2}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "record", "name": "R", "fields": []}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "R"}}]}',
    # JSON
    "",
    "nonsense",
    "5",
    "null",
    "{}",
    '"int" "int"',
    '{"type": /* what? */ "int"}',
    '// what?\n"int"',
    # names before their definitions
    '"Unknown"',
    '["null", "Unknown"]',
    '{"type": "Unknown"}',
    '["F", {"type": "fixed", "name": "F", "size": 1}]',
    '["null", "F", {"type": "array", "items": {"type": "fixed", "name": "F", "size": 1}}]',
    '{"type": "record", "name": "x.R", "fields": [{"name": "f", "type": ["null", "F"]}, {"name": "g", "type": {"type": "fixed", "name": "F", "namespace": "", "size": 1}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "F"}}, {"name": "g", "type": {"type": "fixed", "name": "F", "size": 1}}]}',
    '{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["F", "null"], "default": null}, {"name": "g", "type": {"type": "fixed", "name": "F", "size": 1}}]}',
    '{"type": "int", "type": "long"}',
    '{"type": "int", "x": NaN}',
    "{'type': 'int'}",
]


@pytest.mark.parametrize("validate", [False, True])
def test_single_schemas(judge: AvroJudge, validate: bool) -> None:
    """What is taken, what is refused, and the one form in which it is written out."""
    wrong = []
    for text in SINGLE:
        mine = avro(text, new=validate)
        expected = judge.text(text, validate=validate)
        if (mine and mine.canonical) != expected:
            wrong.append((text, mine and mine.canonical, expected, judge.error(text, validate=validate)))
    assert wrong == []


def test_references(judge: AvroJudge) -> None:
    """What a referenced schema defines is used without being written out; what stands inside it is."""
    inner = '{"type": "enum", "name": "x.E", "symbols": ["A"]}'
    outer = '{"type": "record", "name": "x.O", "fields": [{"name": "e", "type": "x.E"}, {"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}}]}'
    text = '{"type": "record", "name": "x.R", "fields": [{"name": "o", "type": "O"}, {"name": "f", "type": "x.F"}, {"name": "e", "type": ["null", "E"]}]}'
    made = parse(SchemaType.AVRO, text, (), {"inner": inner, "outer": outer})
    assert made.canonical == judge.text(text, references=[inner, outer])
    assert '"symbols"' not in made.canonical
    assert '"size":3' in made.canonical
