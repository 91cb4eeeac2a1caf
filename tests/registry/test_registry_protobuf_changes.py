"""What changed between two Protobuf schemas, and whether the later one reads what was written with the earlier."""

import json
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from ottla.registry.schemas.compatibility import CompatibilityLevel, check
from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.protobuf import ProtobufSchema
from ottla.registry.schemas.schema import InvalidSchema, Reference, SchemaType

VERDICTS = Path(__file__).parent / "compatibility-verdicts"


def protobuf(text: str, references: dict[str, str] | None = None, *, version: int = 1) -> ProtobufSchema:
    """A schema whose references lead to `version` of subjects named like the files."""
    resolved = references or {}
    made = parse(
        SchemaType.PROTOBUF, text, tuple(Reference(name, name, version) for name in resolved), resolved
    )
    assert isinstance(made, ProtobufSchema)
    return made


def changes(before: ProtobufSchema, after: ProtobufSchema) -> list[str]:
    """`KIND path` for each change."""
    return [f"{one.change} {one.path}" for one in after.changes_from(before)]


def verdict_cases() -> list[dict]:
    """The original's cases that have their schemas in them; others name a file that is not part of the data."""
    cases = [
        case for path in sorted(VERDICTS.glob("protobuf-*.json")) for case in json.loads(path.read_text())
    ]
    return [case for case in cases if not case["original_schema"].endswith(".proto")]


def of_case(case: dict, side: str) -> ProtobufSchema:
    references = tuple(
        Reference(one["name"], one["subject"], one["version"]) for one in case.get(f"{side}_references", ())
    )
    texts = {one["name"]: one["dependency"] for one in case.get(f"{side}_dependencies", ())}
    made = parse(SchemaType.PROTOBUF, case[f"{side}_schema"], references, texts)
    assert isinstance(made, ProtobufSchema)
    return made


@pytest.mark.parametrize("case", verdict_cases(), ids=lambda case: f"{case['description']} {case['changes']}")
def test_a_verdict_is_the_originals(case: dict) -> None:
    """The same kinds of change at the same paths, and the same answer."""
    before, after = of_case(case, "original"), of_case(case, "update")
    assert sorted(changes(before, after)) == sorted(case["changes"])
    assert (not after.unreadable(before)) == case["compatible"]


def test_all_verdicts_are_tried_but_one_whose_schema_is_a_file_that_is_not_in_the_data() -> None:
    """Of 36 cases 35 have their schemas in them. A moved folder would leave the test above without any."""
    assert len(verdict_cases()) == 35


def test_options_of_confluent_and_its_types_are_no_changes() -> None:
    """What a schema imports of the built-in files is the same on both sides, with references to them or without."""
    head = 'syntax = "proto3"; import "confluent/meta.proto"; import "confluent/type/decimal.proto";'
    field = "confluent.type.Decimal value = 1 [(confluent.field_meta).params = {key: 'scale', value: '%d'}];"
    before = protobuf(
        f"{head} message Price {{ {field % 2} }}", {"confluent/meta.proto": 'syntax = "proto3";'}
    )
    after = protobuf(f"{head} message Price {{ {field % 3} }} enum Status {{ NEW = 0; }}")
    assert changes(before, after) == ["ENUM_ADDED #/Status"]


class Evolution(NamedTuple):
    """Two bodies of `message M`, or whole files if they begin with `syntax`; the changes; what breaks readers of them."""

    title: str
    before: str
    after: str
    changes: list[str]
    breaks: int = 0


TABLE = [
    # protobuf's guide: fields are told by number
    Evolution("nothing", "int32 a = 1;", "int32 a = 1;", []),
    Evolution("spelling alone", "int32 a=1;//x\n", "/* y */ int32 a = 1;;", []),
    Evolution("order of fields", "int32 a = 1; int32 b = 2;", "int32 b = 2; int32 a = 1;", []),
    Evolution("renamed", "int32 a = 1;", "int32 b = 1;", ["FIELD_NAME_CHANGED #/M/1"]),
    Evolution("removed", "int32 a = 1; int32 b = 2;", "int32 a = 1;", ["FIELD_REMOVED #/M/2"]),
    Evolution(
        "removed and reserved",
        "int32 a = 1; int32 b = 2;",
        "reserved 2; int32 a = 1;",
        ["FIELD_REMOVED #/M/2"],
    ),
    Evolution("no longer reserved", "reserved 2, 3 to 5; reserved 'x';", "", []),
    Evolution(
        "default, json name, options", "int32 a = 1;", 'int32 a = 1 [deprecated = true, json_name = "b"];', []
    ),
    # the groups of scalars
    *(
        Evolution(f"{one} to {other}", f"{one} a = 1;", f"{other} a = 1;", [])
        for one, other in (
            ("int32", "uint64"),
            ("bool", "int32"),
            ("sint32", "sint64"),
            ("string", "bytes"),
            ("fixed32", "sfixed32"),
            ("sfixed64", "fixed64"),
        )
    ),
    *(
        Evolution(
            f"{one} to {other}", f"{one} a = 1;", f"{other} a = 1;", ["FIELD_SCALAR_KIND_CHANGED #/M/1"], 1
        )
        for one, other in (
            ("int32", "sint32"),
            ("uint32", "fixed32"),
            ("fixed32", "fixed64"),
            ("fixed32", "float"),
            ("float", "double"),
            ("fixed64", "double"),
            ("int64", "string"),
            ("bytes", "bool"),
        )
    ),
    # labels
    Evolution("no label to repeated", "int32 a = 1;", "repeated int32 a = 1;", []),
    Evolution(
        "repeated to optional number",
        "repeated sint32 a = 1;",
        "optional sint32 a = 1;",
        ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"],
        1,
    ),
    Evolution(
        "label and kind: the kind counts",
        "repeated int32 a = 1;",
        "optional string a = 1;",
        ["FIELD_SCALAR_KIND_CHANGED #/M/1"],
        1,
    ),
    Evolution(
        "label of an enum is that of a number",
        "enum E { A = 0; } repeated E a = 1;",
        "enum E { A = 0; } optional E a = 1;",
        ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"],
        1,
    ),
    # required fields
    Evolution(
        "required removed",
        "syntax='proto2'; message M { required int32 a = 1; }",
        "syntax='proto2'; message M { }",
        ["REQUIRED_FIELD_REMOVED #/M/1"],
        1,
    ),
    Evolution(
        "required to optional",
        "syntax='proto2'; message M { required int32 a = 1; }",
        "syntax='proto2'; message M { optional int32 a = 1; }",
        ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"],
        1,
    ),
    # enums are numbers
    Evolution("enum to bool", "enum E { A = 0; } E a = 1;", "bool a = 1;", ["ENUM_REMOVED #/M/E"]),
    Evolution(
        "enum to sint32",
        "enum E { A = 0; } E a = 1;",
        "enum E { A = 0; } sint32 a = 1;",
        ["FIELD_SCALAR_KIND_CHANGED #/M/1"],
        1,
    ),
    Evolution(
        "one enum to another",
        "enum E { A = 0; } E a = 1;",
        "enum F { B = 0; } F a = 1;",
        ["ENUM_REMOVED #/M/E", "ENUM_ADDED #/M/F"],
    ),
    Evolution(
        "constants",
        "enum E { A = 0; B = 1; C = 2; }",
        "enum E { A = 0; X = 1; D = 3; }",
        ["ENUM_CONST_CHANGED #/M/E/1", "ENUM_CONST_REMOVED #/M/E/2", "ENUM_CONST_ADDED #/M/E/3"],
    ),
    # messages
    Evolution(
        "scalar to message",
        "message N {} string a = 1;",
        "message N {} N a = 1;",
        ["FIELD_KIND_CHANGED #/M/1"],
        1,
    ),
    Evolution("nested message removed", "message N {}", "", ["MESSAGE_REMOVED #/M/N"], 1),
    Evolution("nested message added", "", "message N { int32 a = 1; }", ["MESSAGE_ADDED #/M/N"]),
    Evolution(
        "messages in another order",
        "message N {} message O {}",
        "message O {} enum E { A = 0; } message N {}",
        ["MESSAGE_MOVED #/M/N", "MESSAGE_MOVED #/M/O", "ENUM_ADDED #/M/E"],
    ),
    Evolution(
        "deep inside",
        "message N { message O { int32 a = 1; } }",
        "message N { message O { string a = 1; int32 b = 2; } }",
        ["FIELD_SCALAR_KIND_CHANGED #/M/N/O/1", "FIELD_ADDED #/M/N/O/2"],
        1,
    ),
    Evolution(
        "another type of the same shape",
        "message N {} message O {} N a = 1;",
        "message N {} message O {} O a = 1;",
        ["FIELD_NAMED_TYPE_CHANGED #/M/1"],
        1,
    ),
    Evolution("a message in itself", "M a = 1;", "M a = 1; int32 b = 2;", ["FIELD_ADDED #/M/2"]),
    Evolution(
        "a name that now means the inner type",
        "syntax='proto3'; message N { int32 a = 1; } message M { N a = 1; }",
        "syntax='proto3'; message N { int32 a = 1; } message M { message N { int32 a = 1; } N a = 1; }",
        ["FIELD_NAMED_TYPE_CHANGED #/M/1", "MESSAGE_ADDED #/M/N"],
        1,
    ),
    Evolution(
        "a name by way of a part of the package",
        "syntax='proto3'; package a.b; message M { M m = 1; }",
        "syntax='proto3'; package a.b; message M { b.M m = 1; }",
        [],
    ),
    Evolution(
        "package gone",
        "syntax='proto3'; package a; message M {}",
        "syntax='proto3'; message M {}",
        ["PACKAGE_CHANGED #/"],
        1,
    ),
    # maps
    Evolution("map value in its group", "map<int32, string> a = 1;", "map<int64, bytes> a = 1;", []),
    Evolution(
        "map key and value",
        "map<int32, string> a = 1;",
        "map<string, int32> a = 1;",
        ["FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"],
        2,
    ),
    Evolution(
        "map to message",
        "message N {} map<int32, string> a = 1;",
        "message N {} N a = 1;",
        ["FIELD_KIND_CHANGED #/M/1"],
        1,
    ),
    Evolution(
        "map spelled out as descriptors do",
        "map<int32, string> some = 1;",
        "message SomeEntry { option map_entry = true; int32 key = 1; string value = 2; } repeated SomeEntry some = 1;",
        [],
    ),
    # oneofs
    Evolution(
        "two fields into a new oneof",
        "int32 a = 1; int32 b = 2;",
        "oneof o { int32 a = 1; int32 b = 2; }",
        ["MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o", "ONEOF_ADDED #/M/o"],
        1,
    ),
    Evolution(
        "a field beside one that was in the oneof",
        "int32 a = 1; oneof o { int32 b = 2; }",
        "oneof o { int32 a = 1; int32 b = 2; }",
        ["FIELD_MOVED_TO_EXISTING_ONEOF #/M/o"],
        1,
    ),
    Evolution(
        "a field beside new ones",
        "int32 a = 1;",
        "oneof o { int32 a = 1; int32 b = 2; int32 c = 3; }",
        ["ONEOF_ADDED #/M/o", "ONEOF_FIELD_ADDED #/M/o/2", "ONEOF_FIELD_ADDED #/M/o/3"],
    ),
    Evolution(
        "two oneofs into one",
        "oneof o { int32 a = 1; } oneof p { int32 b = 2; }",
        "oneof o { int32 a = 1; int32 b = 2; }",
        ["FIELD_MOVED_TO_EXISTING_ONEOF #/M/o", "ONEOF_REMOVED #/M/p"],
        1,
    ),
    Evolution(
        "a member removed",
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof o { int32 a = 1; }",
        ["ONEOF_FIELD_REMOVED #/M/o/2"],
        1,
    ),
    Evolution("a whole oneof removed", "oneof o { int32 a = 1; int32 b = 2; }", "", ["ONEOF_REMOVED #/M/o"]),
    Evolution(
        "a oneof removed, one member kept",
        "oneof o { int32 a = 1; int32 b = 2; }",
        "int32 a = 1;",
        ["ONEOF_REMOVED #/M/o", "ONEOF_FIELD_MOVED_TO_TOP_LEVEL #/M/1", "ONEOF_FIELD_REMOVED #/M/o/2"],
        1,
    ),
    Evolution(
        "a member changes its type on the way out",
        "oneof o { int32 a = 1; int32 b = 2; }",
        "oneof o { int32 a = 1; } string b = 2;",
        ["ONEOF_FIELD_MOVED_TO_TOP_LEVEL #/M/2", "FIELD_SCALAR_KIND_CHANGED #/M/2"],
        1,
    ),
    Evolution(
        "a oneof split",
        "oneof o { int32 a = 1; int32 b = 2; int32 c = 3; int32 d = 4; }",
        "oneof o { int32 a = 1; int32 b = 2; } oneof p { int32 c = 3; int32 d = 4; }",
        ["ONEOF_ADDED #/M/p"],
    ),
    # what the wire does not know
    Evolution(
        "services, extensions, options",
        "syntax='proto2'; message M { extensions 100 to 200; }",
        "syntax='proto2'; option java_package = 'x'; message M { extensions 100 to max; } extend M { optional int32 a = 100; }"
        " service S { rpc Do (M) returns (M); }",
        [],
    ),
]


def whole(body: str) -> str:
    return body if body.startswith("syntax") else f"syntax = 'proto3'; message M {{ {body} }}"


@pytest.mark.parametrize("evolution", TABLE, ids=lambda evolution: evolution.title)
def test_an_evolution_is_told_and_judged(evolution: Evolution) -> None:
    """By protobuf's guide to updating message types, with Confluent's rules for oneofs on top."""
    before, after = protobuf(whole(evolution.before)), protobuf(whole(evolution.after))
    assert sorted(changes(before, after)) == sorted(evolution.changes)
    assert len(after.unreadable(before)) == evolution.breaks


@pytest.mark.parametrize("evolution", TABLE, ids=lambda evolution: evolution.title)
def test_the_spelling_decides_nothing(evolution: Evolution) -> None:
    """Normalized texts and descriptors of the schemas are judged as the schemas are."""
    before, after = protobuf(whole(evolution.before)), protobuf(whole(evolution.after))
    expected = len(after.unreadable(before))
    for spelled in (
        lambda schema: protobuf(schema.normalized),
        lambda schema: protobuf(schema.formatted("serialized")),
    ):
        # A descriptor has a label at every field of proto2, and proto3's text has none: only labels may differ then.
        assert bool(spelled(after).unreadable(spelled(before))) == bool(expected)


def imported(kind: str, *, inner: str = "int32 size = 1;", package: str = "things") -> str:
    return f"syntax = 'proto3'; package {package}; message {kind} {{ {inner} }}"


USER = "syntax = 'proto3'; import 'thing.proto'; message M { things.Thing thing = 1; }"


def test_a_referenced_message_is_compared_where_its_version_changed() -> None:
    """An import that changed in place is no change of the text, but one of what the text means."""
    before = protobuf(USER, {"thing.proto": imported("Thing")})
    after = protobuf(USER, {"thing.proto": imported("Thing", inner="string size = 1;")}, version=2)
    assert changes(before, after) == [
        "FIELD_SCALAR_KIND_CHANGED #/Thing/1",
        "FIELD_NAMED_TYPE_CHANGED #/M/1",
    ]
    grown = protobuf(
        USER, {"thing.proto": imported("Thing", inner="int32 size = 1; int32 more = 2;")}, version=2
    )
    assert changes(before, grown) == ["FIELD_ADDED #/Thing/2"]
    assert grown.unreadable(before) == []


def test_one_version_of_one_subject_is_not_compared() -> None:
    """Both sides refer to the same, whatever its text."""
    before = protobuf(USER, {"thing.proto": imported("Thing")})
    after = protobuf(USER, {"thing.proto": imported("Thing", inner="string size = 1;")})
    assert changes(before, after) == []


def test_a_type_may_move_into_an_import() -> None:
    """A message of the file's own that comes by reference now is compared with what it was."""
    before = protobuf(
        "syntax = 'proto3'; package things; message M { Thing t = 1; } message Thing { int32 size = 1; }"
    )
    after = protobuf(
        "syntax = 'proto3'; package things; import 'thing.proto'; message M { Thing t = 1; }",
        {"thing.proto": imported("Thing", inner="int64 size = 1;")},
    )
    assert changes(before, after) == ["MESSAGE_REMOVED #/Thing"]


def test_what_breaks_is_told_in_the_originals_words() -> None:
    """The registry answers with these texts, the versions' parts turned by the level."""
    before, after = protobuf(whole("int32 a = 1;")), protobuf(whole("string a = 1;"))
    told = (
        "The kind of a SCALAR field at path '#/M/1' in the {} schema does not match its kind in the {} schema"
    )
    expected = '{{errorType:"FIELD_SCALAR_KIND_CHANGED", description:"{}"}}'
    (backward,) = check(CompatibilityLevel.BACKWARD, after, [before])
    assert backward.text == expected.format(told.format("new", "old"))
    (forward,) = check(CompatibilityLevel.FORWARD, after, [before])
    assert forward.text == expected.format(told.format("old", "new"))


def chain(length: int, last: str) -> str:
    """Messages that each hold the next in two fields: as many ways to the last as two to the power of their number."""
    links = "".join(f"message L{n} {{ L{n + 1} a = 1; L{n + 1} b = 2; }}" for n in range(length))
    return f"syntax = 'proto3'; package links; {links} message L{length} {{ {last} }}"


CHAIN_USER = "syntax = 'proto3'; message M { links.L0 first = 1; }"


def test_many_ways_to_one_message_are_gone_once() -> None:
    """Two to the power of 60 ways are compared in no time, and the fault at their end is found."""
    before = protobuf(CHAIN_USER, {"links.proto": chain(60, "int32 a = 1;")})
    after = protobuf(CHAIN_USER, {"links.proto": chain(60, "string a = 1;")}, version=2)
    assert after.unreadable(before)
    same = protobuf(CHAIN_USER, {"links.proto": chain(60, "int64 a = 1;")}, version=2)
    assert same.unreadable(before) == []


def test_messages_too_entangled_to_compare_are_refused_in_bounded_time() -> None:
    """Fifty messages, each in each other: what is found depends on the way taken, and the ways have an end."""
    fields = "".join(f"E{n} f{n} = {n + 1};" for n in range(50))
    knot = "syntax = 'proto3'; package knot; " + "".join(f"message E{n} {{ {fields} }}" for n in range(50))
    user = "syntax = 'proto3'; message M { knot.E0 first = 1; }"
    before = protobuf(user, {"knot.proto": knot})
    after = protobuf(user, {"knot.proto": knot}, version=2)
    with pytest.raises(InvalidSchema, match="too many ways"):
        after.changes_from(before)


def test_a_chain_of_a_thousand_messages_is_refused() -> None:
    """Each level costs the interpreter's stack."""
    text = textwrap.dedent(chain(1000, "int32 a = 1;"))
    before = protobuf(CHAIN_USER, {"links.proto": text})
    after = protobuf(CHAIN_USER, {"links.proto": text}, version=2)
    with pytest.raises(InvalidSchema, match="more than 100 levels"):
        after.changes_from(before)
