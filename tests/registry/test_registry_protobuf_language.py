"""What protobuf's compiler takes: each construct of the language is read, written again, and means the same still."""

import base64
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from google.protobuf import descriptor_pb2, text_format

from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.protobuf import ProtobufSchema
from ottla.registry.schemas.schema import InvalidSchema, SchemaType


class Construct(NamedTuple):
    """A file with one construct; `described` where its descriptor needs no options of other files."""

    name: str
    text: str
    described: bool = True

    def __str__(self) -> str:
        return self.name


def proto2(name: str, text: str) -> Construct:
    return Construct(name, f'syntax = "proto2";\npackage a.b;\n{text}\n')


def proto3(name: str, text: str) -> Construct:
    return Construct(name, f'syntax = "proto3";\npackage a.b;\n{text}\n')


def optional(name: str, text: str) -> Construct:
    """With options that the file itself defines, of which a descriptor of ours has none."""
    extensions = """
    import "google/protobuf/descriptor.proto";
    enum Color { RED = 0; BLUE = -1; }
    message Rule {
      extensions 100 to 200;
      optional string text = 1; repeated int32 numbers = 2; optional Rule inner = 3; repeated Rule rules = 4;
      optional bool on = 5; optional double share = 6; optional Color color = 7; optional bytes raw = 8;
      extend Rule { optional string note = 100; }
    }
    extend google.protobuf.FieldOptions { optional Rule rule = 50000; repeated string words = 50001; }
    extend google.protobuf.MessageOptions { optional Rule message_rule = 50000; optional float ratio = 50001; }
    """
    return Construct(name, f'syntax = "proto2";\npackage a.b;\n{extensions}\n{text}\n', described=False)


CONSTRUCTS = [
    proto2("a group with everything inside", """
    message M {
      repeated group Line = 1 {
        option deprecated = true;
        reserved 9; reserved "old";
        required int32 x = 1 [default = 3];
        optional group Inner = 2 { optional Kind kind = 1; }
        oneof choice { string a = 3; group Other = 4 { optional bool yes = 1; } }
        map<string, Part> parts = 5;
        message Part { optional Line line = 1; }
        enum Kind { NEW = 0; }
        extensions 100 to 110;
        extend M { optional int32 more = 1000; }
      }
      extensions 1000 to max;
    }
    """),
    proto2("a group with options", "message M { optional group G = 1 [deprecated = true] { optional int32 x = 1; } }"),
    proto2("groups in oneofs", "message M { oneof o { group G = 1 { optional int32 x = 1; } int32 y = 2; } }"),
    proto2("groups as extensions", """
    message M { extensions 10 to 20; extend M { repeated group Inside = 10 { optional int32 x = 1; } } }
    extend M { optional group Outside = 11 { optional M m = 1; } optional int32 plain = 12; }
    """),
    proto2("extension ranges", "message M { extensions 4, 20 to 30, 100 to max; extensions 50; }"),
    proto2("a message set", "message M { option message_set_wire_format = true; extensions 4 to max; }"),
    proto2("reserved", 'message M { reserved 2, 15, 9 to 11, 40 to max; reserved "a", "b"; }'),
    proto2("an enum's reserved", 'enum E { A = 1; reserved -5 to -1, 2, 10 to max; reserved "B", "C"; }'),
    proto2("defaults", r"""
    enum E { A = 0; B = 1; }
    message M {
      optional int32 a = 1 [default = -5]; optional int64 b = 2 [default = 0x7FFFFFFFFFFFFFFF];
      optional uint64 c = 3 [default = 18446744073709551615]; optional float d = 4 [default = -1.5e-3];
      optional double e = 5 [default = inf]; optional double f = 6 [default = -inf]; optional float g = 7 [default = nan];
      optional bool h = 8 [default = true]; optional string i = 9 [default = 'a"b' "c\n\t\\"];
      optional bytes j = 10 [default = "\000\001\xfe\377'\""]; optional E k = 11 [default = B];
      optional int32 l = 12 [default = - 7]; optional uint32 m = 13 [default = 017]; optional string n = 14 [default = ""];
    }
    """),
    proto2("options of fields", """
    message M {
      repeated int32 a = 1 [packed = true, deprecated = true]; optional string b = 2 [ctype = CORD, json_name = "B b"];
      optional int64 c = 3 [jstype = JS_STRING]; optional M d = 4 [lazy = true];
    }
    """),
    proto2("options of files", """
    option java_package = "x"; option java_outer_classname = "Y"; option java_multiple_files = true;
    option optimize_for = LITE_RUNTIME; option go_package = "z"; option cc_enable_arenas = false;
    option objc_class_prefix = "O"; option csharp_namespace = "C"; option php_class_prefix = "P"; option ruby_package = "R";
    option deprecated = false; option java_string_check_utf8 = true; option swift_prefix = "S"; option php_namespace = "N";
    message M {}
    """),
    proto2("names from the inside to the outside", """
    message b { message C { optional b parent = 1; optional .a.b.C outer = 2; optional a.b.b.C self = 3; } }
    message C { optional b.C inner = 1; extensions 100; }
    extend .a.b.C { optional b.C.D more = 100; }
    message D {}
    """.replace("b.C.D", "D")),
    proto2("words of the language as names", """
    message message { optional enum enum = 1; required string option = 2; repeated int32 repeated = 3; optional group Group = 4 {} }
    enum enum { reserved_ = 0; to = 1; max = 2; } message stream { optional stream rpc = 1; optional bool returns = 2; }
    service service { rpc rpc (.a.b.stream) returns (stream stream); }
    """),
    proto2("empty statements", "; message M { ; optional int32 a = 1; ; enum E { ; A = 0; ; } ; } ; service S { ; } ;"),
    proto2("an enum with aliases", "enum E { option allow_alias = true; A = 0; B = 0; C = 0x10; D = -0x10; }"),
    proto2("methods", """
    message M {}
    service S {
      option deprecated = true;
      rpc A (M) returns (M); rpc B (stream M) returns (.a.b.M); rpc C (M) returns (stream M) { option deprecated = true; ; }
      rpc D (b.M) returns (M) { option idempotency_level = IDEMPOTENT; option deprecated = false; };
    }
    """),
    proto3("fields of proto3", """
    message M {
      optional int32 a = 1; repeated M b = 2; optional M c = 3; oneof _d { string d = 4; } optional string _e = 5;
      oneof o { M f = 6; bytes g = 7; }
    }
    """),
    proto3("maps", """
    message M {
      map<int32, int32> a = 1; map<string, M> b_c2_d = 2; map<bool, E> C = 3; map<fixed64, .a.b.M> d = 4 [deprecated = true];
      map < sint64 , bytes > e = 5; enum E { Z = 0; }
    }
    """),
    proto3("a public import", 'import public "google/protobuf/descriptor.proto"; message M { google.protobuf.FileOptions a = 1; }'),
    proto3("numbers of fields", "message M { int32 a = 536870911; int32 b = 0x10; int32 c = 18999; }"),
    proto3("comments everywhere", "/* a */ message /**/ M { // b\n int32 /* c */ a = /* d */ 1; /* e\n * f */ }"),
    optional("an option as a message", """
    message M { optional int32 a = 1 [(rule) = { text: "x" numbers: 1, numbers: 2; inner { on: true } inner < share: -1.5 > }]; }
    """.replace("} inner <", "} rules <")),
    optional("options by path", """
    message M { option (message_rule).text = "x"; option (a.b.message_rule).inner.on = true; option (.a.b.ratio) = -1e3;
      option (message_rule).(a.b.Rule.note) = "y"; }
    """),
    optional("lists in options", """
    message M { optional int32 a = 1 [(rule) = { numbers: [1, 2], rules: [{ on: true }, { on: false }] rules [ {} ] }];
      optional int32 b = 2 [(words) = "x", (words) = "y"]; }
    """),
    optional("extensions in options", """
    message M { optional int32 a = 1 [(rule) = { [a.b.Rule.note]: "x" color: BLUE, raw: "\\001\\x7e", share: inf }]; }
    """),
    optional("several lines of text in an option", """
    message M { option (message_rule) = { text: "one "
      'two' "\\u00e9\\U0001F600" }; }
    """),
]  # fmt: skip


def protobuf(text: str) -> ProtobufSchema:
    made = parse(SchemaType.PROTOBUF, text, new=True)
    assert isinstance(made, ProtobufSchema)
    return made


def compiled(texts: dict[str, str], folder: Path) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """What protoc makes of each, by name."""
    assert shutil.which("protoc"), "tests/debian-packages installs protobuf-compiler"
    known = descriptor_pb2.FileDescriptorSet()
    known.file.add().ParseFromString(descriptor_pb2.DESCRIPTOR.serialized_pb)
    (folder / "known").write_bytes(known.SerializeToString())
    found = {}
    for name, text in texts.items():
        (folder / "default").write_text(text)
        words = [f"--descriptor_set_in={folder}/known", f"--descriptor_set_out={folder}/set"]
        done = subprocess.run(
            ["protoc", f"--proto_path={folder}", *words, "default"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}\n{text}"
        found[name] = descriptor_pb2.FileDescriptorSet.FromString((folder / "set").read_bytes()).file[0]
    return found


def in_order(file: descriptor_pb2.FileDescriptorProto) -> str:
    """A descriptor's text with what has no order of meaning in one: fields by number, types by name, no JSON names."""
    for message in file.message_type:
        _order(message)
    for each in (file.message_type, file.enum_type, file.extension):
        _sort(each)
    for field in file.extension:
        field.ClearField("json_name")
    return text_format.MessageToString(file)


def _order(message: descriptor_pb2.DescriptorProto) -> None:
    for field in [*message.field, *message.extension]:
        field.ClearField("json_name")
    for inner in message.nested_type:
        _order(inner)
    # The index of a oneof follows from where it is declared among the others.
    for each in (message.nested_type, message.enum_type, message.extension):
        _sort(each)
    fields = sorted(message.field, key=lambda field: field.number)
    del message.field[:]
    message.field.extend(fields)


def _sort(named) -> None:
    ordered = sorted(named, key=lambda one: one.name)
    del named[:]
    named.extend(ordered)


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=str)
def test_protoc_and_the_registry_agree(construct: Construct, tmp_path: Path) -> None:
    """The canonical text and the normalized one say to protoc what the author's said, and our descriptor is protoc's."""
    schema = protobuf(construct.text)
    texts = {"author's": construct.text, "canonical": schema.canonical, "normalized": schema.normalized}
    by_name = compiled(texts, tmp_path)
    expected = in_order(by_name["author's"])
    assert in_order(by_name["canonical"]) == expected
    # Options of the file's own are bytes that the texts above leave out.
    assert by_name["canonical"].SerializeToString() == by_name["author's"].SerializeToString()
    assert protobuf(schema.canonical).canonical == schema.canonical
    assert protobuf(schema.normalized).normalized == schema.normalized
    if construct.described:
        serialized = base64.b64decode(schema.formatted("serialized"))
        assert in_order(descriptor_pb2.FileDescriptorProto.FromString(serialized)) == expected


@pytest.mark.parametrize("construct", [each for each in CONSTRUCTS if each.described], ids=str)
def test_a_descriptor_is_read_back(construct: Construct) -> None:
    """What a client registers in bytes is what another registers as text."""
    schema = protobuf(construct.text)
    assert protobuf(schema.formatted("serialized")).normalized == schema.normalized


UNSOUND = [
    ("message M { int32 a = 1; string b = 1; }", "number 1 in a.b.M is that of a and of b"),
    ("message M { int32 a = 1; oneof o { string b = 1; } }", "number 1 in a.b.M"),
    ("message M { int32 a = 1; string a = 2; }", "a is defined twice in a.b.M"),
    ("message M { oneof a { int32 a = 1; } }", "a is defined twice"),
    ("message M { message N {} enum N { X = 0; } }", "N is defined twice in a.b.M"),
    ("message M {} enum M { X = 0; }", "already defined"),
    ("message M { message N { int32 a = 0; } }", "a.b.M.N.a has the number 0"),
    ("message M { int32 a = -1; }", "has the number -1"),
    ("message M { int32 a = 536870912; }", "has the number 536870912"),
    ("enum E {}", "the enum a.b.E has no constants"),
    ("enum E { A = 0; A = 1; }", "A is defined twice in a.b.E"),
    (
        "message M {} service S { rpc A (M) returns (M); rpc A (M) returns (M); }",
        "A is defined twice in a.b.S",
    ),
]


@pytest.mark.parametrize(("text", "says"), UNSOUND)
def test_what_no_program_can_be_made_of_is_refused(text: str, says: str) -> None:
    """A client that downloads the schema would fail at it, so it's refused when it comes."""
    text = f'syntax = "proto3";\npackage a.b;\n{text}'
    with pytest.raises(InvalidSchema, match=says):
        protobuf(text)


def test_what_is_stored_is_read_however_it_is() -> None:
    """A topic that another registry wrote may hold what is refused today: it is served and compared."""
    for text, says in UNSOUND:
        if says != "already defined":  # which no parser lets pass
            stored = parse(SchemaType.PROTOBUF, f'syntax = "proto3";\npackage a.b;\n{text}')
            assert stored.unreadable(stored) == []
