"""Protobuf schemas nobody meant well: each is refused with a clear error, or read, in bounded time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType

ENOUGH_S = 30.0
"""No measure of speed: what grows with the square of these texts takes hours."""

HEAD = 'syntax = "proto3"; '


def protobuf(text: str, references: dict[str, str] | None = None) -> Schema:
    resolved = references or {}
    return parse(
        SchemaType.PROTOBUF, text, tuple(Reference(name, name, 1) for name in resolved), resolved, new=True
    )


def nested(before: str, after: str, depth: int = 1000) -> str:
    return before * depth + after * depth


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + nested("message M {", "}"), "nest more than"),
        ("syntax = 'proto2'; message M { " + nested("optional group G = 1 {", "}") + "}", "nest more than"),
        (HEAD + "option (a) = " + nested("{ a: ", "}") + ";", "nest more than"),
        (HEAD + "option (a) = " + nested("[", "]") + ";", "nest more than"),
        (HEAD + "package " + "a." * 400 + "a;", "more than 100 parts"),
        (HEAD + "message " + "M" * 5000 + " {}", "more than 1024 characters"),
        (HEAD + "message M {" + "string a = 1;" * 200_000 + "}", "more than 500000 words"),
        (HEAD + "/*" * 500_000, "unterminated comment"),
        (HEAD + '"' * 500_001, "unterminated string"),
        (HEAD + "message M { string a = 99999999999; }", "expected an integer"),
        (HEAD + "message M { string a = ١; }", "expected a word"),
        (HEAD + "message M { string a = 1_0; }", "expected an integer"),
        (HEAD + "message M", "unexpected end of file"),
        (HEAD + "message M {} message M {}", "already defined"),
        ("message M {} " + HEAD, "must be the first"),
        (HEAD + HEAD, "too many syntax"),
        ('syntax = "proto4";', "unexpected syntax proto4"),
        (HEAD + "message M { required string a = 1; }", "forbidden in proto3"),
        ("message M { string a = 1; }", "unexpected label: string"),
        (HEAD + "message M { repeated map<string, string> a = 1; }", "cannot have label"),
        (HEAD + "message M { string 1a = 1; }", "cannot start with a digit"),
        (HEAD + "\x00", "unexpected label|expected a word"),
        ("\ud800", "expected a word"),
    ],
    ids=range(23),
)
def test_a_hostile_text_is_refused_with_its_place(text: str, told: str) -> None:
    """Nesting, lengths and counts have bounds with names; what is no .proto is told by line and column."""
    started_s = time.monotonic()
    with pytest.raises(InvalidSchema, match=told):
        protobuf(text)
    assert time.monotonic() - started_s < ENOUGH_S


def test_the_place_is_told_by_line_and_column() -> None:
    """As compilers do."""
    with pytest.raises(InvalidSchema, match=r":3:3: unexpected label: strin"):
        protobuf("syntax = 'proto2';\nmessage M {\n  strin a = 1;\n}")


def test_long_names_in_deep_nests_do_not_multiply() -> None:
    """A full name repeats all those around it: there is a bound, before the memory is gone."""
    name = "M" * 1000
    deep = f"message {name} {{" * 60 + "message I {} " * 50_000 + "}" * 60
    with pytest.raises(InvalidSchema, match="more than 1024 characters"):
        protobuf(HEAD + deep)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "http://127.0.0.1:1/a.proto",
        "file:///etc/hostname",
        "\\\\host\\share",
    ],
)
def test_an_import_is_never_fetched(path: str) -> None:
    """A path is a name of a reference and nothing else: what it would define is missing."""
    escaped = path.replace("\\", "\\\\")
    text = f'{HEAD} import "{escaped}"; message M {{ root.Type a = 1; }}'
    with pytest.raises(InvalidSchema, match=r"Could not resolve type: root\.Type"):
        protobuf(text)


def test_files_that_import_each_other_are_no_circle_to_follow() -> None:
    """What is given is used, whoever imports whom."""
    texts = {
        "a.proto": HEAD + "package a; import 'b.proto'; message A { b.B b = 1; }",
        "b.proto": HEAD + "package b; import 'a.proto'; import 'b.proto'; message B { a.A a = 1; }",
    }
    schema = protobuf(HEAD + "import 'a.proto'; message M { a.A a = 1; b.B b = 2; }", texts)
    assert schema.unreadable(schema) == []
    assert schema.formatted("serialized")


def test_a_referenced_text_that_is_none_is_told() -> None:
    """The registry may hold what another one wrote."""
    with pytest.raises(InvalidSchema, match="Syntax error"):
        protobuf(HEAD + "import 'a.proto'; message M {}", {"a.proto": "message {"})


@pytest.mark.parametrize(
    "text",
    [
        HEAD + " ".join(f"message M{n} {{ string a = 1; }}" for n in range(30_000)),
        HEAD + "message M {" + "".join(f"string f{n} = {n + 1};" for n in range(60_000)) + "}",
        HEAD + "package " + ".".join("p" * 5 for _ in range(90)) + "; message M {"
        + "".join(f"T f{n} = {n + 1};" for n in range(20_000)) + "} message T {}",
        HEAD + "// " + "x" * 4_000_000 + "\nmessage M {}",
        HEAD + 'option java_package = "' + "\\n" * 1_000_000 + '";',
    ],
    ids=["messages", "fields", "package", "comment", "string"],
)  # fmt: skip
def test_a_huge_schema_is_read_in_bounded_time(text: str) -> None:
    """Nothing grows with the square of the text."""
    started_s = time.monotonic()
    schema = protobuf(text)
    assert schema.unreadable(schema) == []
    assert time.monotonic() - started_s < ENOUGH_S


WORDS = st.sampled_from(
    ["syntax", "=", '"proto3"', ";", "message", "M", "{", "}", "string", "a", "1", "[", "]", "(", ")", "option", "map", "<", ">",
     ",", "oneof", "reserved", "to", "max", "enum", "extend", "extensions", "group", "repeated", "optional", "rpc", "returns",
     "service", "stream", "import", "public", "package", ".", "-", "0x", '"', "'", "/*", "*/", "//", "\n", "\\", ":", "é"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_schema_or_invalid(text: str) -> None:
    """Nothing but InvalidSchema comes out of the parser, and what it reads can be written and read again."""
    try:
        schema = parse(SchemaType.PROTOBUF, text)
    except InvalidSchema:
        return
    assert parse(SchemaType.PROTOBUF, schema.canonical).canonical == schema.canonical


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_descriptor_or_invalid(serialized: bytes) -> None:
    """The same for what clients send in base64."""
    import base64

    try:
        schema = parse(SchemaType.PROTOBUF, base64.b64encode(serialized).decode())
    except InvalidSchema:
        return
    assert parse(SchemaType.PROTOBUF, schema.canonical).canonical == schema.canonical
