"""The texts of Protobuf schemas: the canonical one, the normalized one, and those that formats ask for."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType


def protobuf(text: str, references: dict[str, str] | None = None, *, new: bool = False) -> Schema:
    resolved = references or {}
    return parse(
        SchemaType.PROTOBUF,
        text,
        tuple(Reference(name, name, 1) for name in resolved),
        resolved,
        new=new,
    )


def lines(text: str) -> str:
    """A text as it stands in a test, moved to the left; `·` ends a line of blanks."""
    return textwrap.dedent(text).lstrip("\n").replace("·", "")


ORDER = """
// A comment
syntax = "proto2"; package shop.orders;
import public "b.proto"; import "google/protobuf/timestamp.proto"; import weak 'c.proto';
option java_package = "org.shop"; option (own.setting).part.inner = 3;
enum Kind { option allow_alias = true; reserved 4 to max, 'OLD'; NEW = 0; FRESH = 0 [deprecated = true]; }
message Order {
  enum Inner { ONE = 1; }
  message Line { message Part {} optional int32 count = 1; option deprecated = true; }
  extend Order { optional int32 weight = 1000; }
  extensions 1000 to 1999, 3000;
  optional group Extra = 40 { optional int32 x = 1; }
  oneof payment { string card = 30; Line line = 31; }
  optional string note = 20 [default = "it's \\"fine\\"\\n", deprecated = true, json_name = "Note"];
  map<string, Line> lines = 21; /* beside it */
  required google.protobuf.Timestamp at = 22 [(own.rule) = { min: 1, tags: ["a", 'b'] max: -0.5 }, (other) = [1, 2]];
  option (own.message) = [true];
  reserved 3 to 5, 7; reserved "old";
}
extend google.protobuf.FieldOptions { optional int32 unused = 50000; }
service Orders { option deprecated = true; rpc Get (Order) returns (stream .shop.orders.Order) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Put (stream Order) returns (Order); }
"""

CANONICAL = lines(r"""
    syntax = "proto2";
    package shop.orders;

    import "google/protobuf/timestamp.proto";
    import public "b.proto";
    import weak "c.proto";

    option java_package = "org.shop";
    option (own.setting).part.inner = 3;

    message Order {
      reserved 3 to 5, 7;
      reserved "old";

      option (own.message) = [true];

      optional string note = 20 [
        deprecated = true,
        default = "it\'s \"fine\"\n",
        json_name = "Note"
      ];
      map<string, Line> lines = 21;
      required google.protobuf.Timestamp at = 22 [
        (own.rule) = {
          min: 1,
          tags: [
            "a",
            "b"
          ],
          max: -0.5
        },
        (other) = [
          1,
          2
        ]
      ];

      oneof payment {
        string card = 30;
        Line line = 31;
      }

      optional group Extra = 40 {
        optional int32 x = 1;
      }

      extensions 1000 to 1999, 3000;

      extend Order {
        optional int32 weight = 1000;
      }

      message Line {
        option deprecated = true;
      ·
        optional int32 count = 1;
      ·
        message Part {}
      }
      enum Inner {
        ONE = 1;
      }
    }
    enum Kind {
      reserved 4 to max, "OLD";
      option allow_alias = true;
      NEW = 0;
      FRESH = 0 [deprecated = true];
    }

    extend google.protobuf.FieldOptions {
      optional int32 unused = 50000;
    }

    service Orders {
      option deprecated = true;

      rpc Get (Order) returns (stream .shop.orders.Order) {
        option idempotency_level = NO_SIDE_EFFECTS;
      };
      rpc Put (stream Order) returns (Order);
    }
    """)


def test_the_canonical_text_orders_kinds_and_keeps_what_was_written() -> None:
    """Comments and spacing go; kinds have their places; within a kind the author's order stays."""
    assert protobuf(ORDER).canonical == CANONICAL


def test_a_file_without_syntax_or_package_begins_with_an_empty_line() -> None:
    """The line that parts kinds stands before the first too, as the original writes it."""
    assert protobuf("message M { }").canonical == "\nmessage M {}\n"
    assert protobuf("").canonical == ""


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('syntax="proto3";message M{string a=1;}', 'syntax = "proto3";\n\nmessage M {\n  string a = 1;\n}\n'),
        ('edition = "2023"; message M { string a = 1; reserved b; }',
         'edition = "2023";\n\nmessage M {\n  reserved b;\n\n  string a = 1;\n}\n'),
        ("syntax = 'proto3'; message M { repeated .a.B c = 0x10; }",
         'syntax = "proto3";\n\nmessage M {\n  repeated .a.B c = 16;\n}\n'),
        ('syntax = "proto2"; message M { optional string a = 1 [default = "x" \'y\'\n"z"]; }',
         'syntax = "proto2";\n\nmessage M {\n  optional string a = 1 [default = "xyz"];\n}\n'),
        ('syntax = "proto2"; message M { optional bytes a = 1 [default = "\\001\\xff\\\\"]; }',
         'syntax = "proto2";\n\nmessage M {\n  optional bytes a = 1 [default = "\\001\\377\\134"];\n}\n'),
        ('syntax = "proto2"; message M { optional E a = 1 [default = X]; optional float b = 2 [default = -inf]; }',
         'syntax = "proto2";\n\nmessage M {\n  optional E a = 1 [default = X];\n  optional float b = 2 [default = -inf];\n}\n'),
        ("syntax = 'proto3'; enum E { A = 0; B = -1; }", 'syntax = "proto3";\n\nenum E {\n  A = 0;\n  B = -1;\n}\n'),
        ("syntax = 'proto3'; message M { stream s = 1; message message = 2; }", None),
        ("syntax = 'proto3'; service S { rpc A (stream) returns (stream); }",
         'syntax = "proto3";\n\nservice S {\n  rpc A (stream) returns (stream);\n}\n'),
        ("edition = '2024'; option features.(pb.cpp).string_type = VIEW;",
         'edition = "2024";\n\noption features.(pb.cpp).string_type = VIEW;\n'),
    ],
)  # fmt: skip
def test_a_spelling_has_its_canonical_text(written: str, canonical: str | None) -> None:
    """None: what the language does not allow."""
    if canonical is None:
        with pytest.raises(InvalidSchema, match="Syntax error"):
            protobuf(written)
    else:
        assert protobuf(written).canonical == canonical


def test_the_canonical_text_is_its_own() -> None:
    """Who registers what the registry answered registers nothing new."""
    assert protobuf(CANONICAL).canonical == CANONICAL
    assert protobuf(CANONICAL) == protobuf(ORDER)
    assert hash(protobuf(CANONICAL)) == hash(protobuf(ORDER))


def test_equal_texts_with_other_references_are_other_schemas() -> None:
    """What an import leads to is part of what a schema is."""
    text = 'syntax = "proto3"; import "a.proto"; message M {}'
    assert protobuf(text, {"a.proto": 'syntax = "proto3";'}) != protobuf(text)


NORMALIZED = lines("""
    package shop;

    import "a.proto";
    import "b.proto";

    option java_package = "x";
    option optimize_for = SPEED;

    message M {
      reserved 2;
      reserved 5 to 7;
      reserved "a";
      reserved "b";

      optional .shop.M.N first = 1 [
        deprecated = true,
        (shop.rule) = {
          a: 16,
          b: "x",
          c: 0.5
        }
      ];
      map<string, .shop.M.N> by_name = 3;
      optional int32 last = 9;

      oneof low {
        int32 l = 10;
        int32 m = 12;
      }
      oneof high {
        int32 h = 11;
      }

      message N {
        optional .other.T t = 1;
      }
    }
    enum E {
      ZERO = 0;
      A = 1;
      B = 1;
    }

    extend .google.protobuf.FieldOptions {
      optional .shop.Rule rule = 50000;
    }
    """)


def test_the_normalized_text_is_that_of_every_spelling() -> None:
    """Sorted, names in full, maps as maps, numbers in one form; `proto2` is not said."""
    other = {"b.proto": 'syntax = "proto3"; package other; message T {}'}
    written = """
      syntax = "proto2"; package shop; import "b.proto"; import "a.proto"; import "a.proto";
      option optimize_for = SPEED; option java_package = "x";
      enum E { B = 1; A = 1; ZERO = 0; }
      message M {
        oneof high { int32 h = 11; } oneof low { int32 m = 12; int32 l = 10; } oneof none { }
        optional int32 last = 9;
        repeated ByNameEntry by_name = 3;
        optional N first = 1 [deprecated = true, (rule).c = 0.50, (.shop.rule) = { b: "x", a: 0x10, d: [] }];
        message ByNameEntry { option map_entry = true; optional string key = 1; optional N value = 2; }
        message N { optional other.T t = 1; }
        reserved 5 to 7, 2, "b", "a";
      }
      extend google.protobuf.FieldOptions { optional Rule rule = 50000; }
      message Rule { }
      """.replace("message Rule { }", "")
    with pytest.raises(InvalidSchema, match="Could not resolve type: Rule"):
        _ = protobuf(written, other).normalized
    with_rule = protobuf(written + "message Rule { }", other)
    assert with_rule.normalized == NORMALIZED.replace("}\nenum E", "}\nmessage Rule {}\nenum E")
    again = protobuf(with_rule.normalized, other)
    assert again.normalized == with_rule.normalized


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("1.50", "1.5"),
        ("1e3", "1000"),
        ("10f", "10"),
        ("1.23d", "1.23"),
        ("-2.0", "-2"),
        (".5", ".5"),
        ("1e300", "1" + "0" * 300),
        ("0x1F", "31"),
        ("-010", "-8"),
        ("-inf", "-inf"),
        ("nan", "nan"),
        ("0.0005", "0"),
        ("1e999999999", "1e999999999"),
    ],
)
def test_numbers_are_normalized_to_three_places(written: str, normalized: str) -> None:
    """As Java's DecimalFormat does by default; what is no number to it stays."""
    text = f"syntax = 'proto3'; message M {{ int32 a = 1 [(x) = {written}]; }}"
    assert f"[(x) = {normalized}];" in protobuf(text).normalized


def test_a_new_schema_names_types_that_exist() -> None:
    """An old one may be kept that doesn't; the built-in files can be used with and without their imports."""
    missing = "syntax = 'proto3'; message M { Missing a = 1; }"
    assert "Missing a = 1" in protobuf(missing).canonical
    with pytest.raises(InvalidSchema, match="Could not resolve type: Missing"):
        protobuf(missing, new=True)
    protobuf(
        """syntax = "proto3"; import "nowhere/annotations.proto";
        message M { google.protobuf.Struct a = 1; google.protobuf.NullValue b = 2; .google.protobuf.Any c = 3;
          google.protobuf.StringValue d = 4; confluent.type.Decimal e = 5 [(confluent.field_meta).doc = "x"];
          google.type.Date f = 6; google.type.DayOfWeek g = 7; google.type.TimeOfDay h = 8; }
        service S { rpc A (google.protobuf.Empty) returns (google.protobuf.Api); }""",
        new=True,
    )


def test_types_come_by_references_over_all_levels() -> None:
    """What a referenced file refers to can be named as well."""
    texts = {
        "inner.proto": "syntax = 'proto3'; package inner; message I { enum K { A = 0; } }",
        "outer.proto": "syntax = 'proto3'; package outer; import public 'inner.proto'; message O { inner.I i = 1; }",
    }
    schema = protobuf(
        "syntax = 'proto3'; import 'outer.proto'; message M { outer.O o = 1; inner.I.K k = 2; }", texts
    )
    assert ".inner.I.K k = 2;" in schema.normalized


def test_ignore_extensions_leaves_out_what_others_defined() -> None:
    """Custom options and extensions go; protobuf's own options and Confluent's metadata stay."""
    schema = protobuf("""syntax = "proto2"; option (own) = 1; option java_package = "x";
        message M { option (own.b) = 1; extensions 5 to 9; optional int32 a = 1 [(own.c) = 1, deprecated = true,
          (confluent.field_meta).doc = "d"]; extend M { optional int32 e = 5; } }
        extend M { optional int32 f = 6; }""")
    assert schema.formatted("ignore_extensions") == lines("""
        syntax = "proto2";

        option java_package = "x";

        message M {
          optional int32 a = 1 [
            deprecated = true,
            (confluent.field_meta).doc = "d"
          ];
        }
        """)
    assert schema.formatted("anything") == schema.canonical


def test_top_level_fields_are_those_of_outer_messages() -> None:
    """Where reserved names of a data contract are looked for."""
    schema = protobuf(
        "syntax = 'proto3'; message A { int32 a = 1; message I { int32 i = 1; } oneof o { int32 c = 2; } } message B { int32 b = 1; }"
    )
    assert [schema.has_top_level_field(name) for name in "abicz"] == [True, True, False, False, False]


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
SCALARS = st.sampled_from(["int32", "string", "bytes", "bool", "sint64", "double", "fixed32", "M0"])
LABELS = st.sampled_from(["", "repeated ", "optional "])
OPTIONS = st.sampled_from(["", " [deprecated = true]", " [(x) = {a: [1]}, (b) = 1.0]"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file of a few messages with fields, maps, oneofs, enums, options, in any order."""
    messages = []
    for number in range(draw(st.integers(1, 3))):
        tags = iter(draw(st.permutations(range(1, 12))))
        names = iter(draw(st.lists(NAMES, min_size=9, max_size=9, unique=True)))
        parts = [
            f"{draw(LABELS)}{draw(SCALARS)} {next(names)} = {next(tags)}{draw(OPTIONS)};",
            f"map<{draw(st.sampled_from(['int32', 'string']))}, {draw(SCALARS)}> {next(names)} = {next(tags)};",
            f"oneof o_{next(names)} {{ {draw(SCALARS)} {next(names)} = {next(tags)}; {draw(SCALARS)} {next(names)} = {next(tags)}; }}",
            f"reserved {next(tags)}, {draw(st.integers(20, 30))} to {draw(st.integers(31, 40))};",
            "enum K { ZERO = 0; ONE = 1; }",
            f"message Inner {{ {draw(SCALARS)} {next(names)} = 1; K kind_of_it = 2; enum K {{ A = 0; }} }}",
            "Inner inner_part = 15;",
        ]
        kept = draw(st.permutations(parts))
        messages.append(f"message M{number} {{ {' '.join(kept)} }}")
    package = draw(st.sampled_from(["", "package a;", "package a.b.c;"]))
    return f"syntax = 'proto3'; {package} {' '.join(draw(st.permutations(messages)))}"


@given(files())
@settings(max_examples=100, deadline=None)
def test_texts_are_fixpoints_of_one_meaning(text: str) -> None:
    """A canonical text is its own, a normalized one too, and neither changes anything for a reader."""
    schema = protobuf(text, new=True)
    canonical, normalized = protobuf(schema.canonical), protobuf(schema.normalized)
    assert canonical == schema
    assert canonical.normalized == schema.normalized
    assert normalized.normalized == schema.normalized
    assert normalized.canonical == schema.normalized
    described = protobuf(schema.formatted("serialized"))
    # The options of files that are not there are not in a descriptor.
    assert described.normalized == protobuf(schema.formatted("ignore_extensions")).normalized
    for other in (canonical, normalized, described):
        assert other.unreadable(schema) == []
        assert schema.unreadable(other) == []
