"""Protobuf schemas as protobuf's own descriptors, against its runtime and its compiler."""

import base64
import importlib
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
)
from google.protobuf.message import Message

from ottla.registry.schemas.parsing import parse
from ottla.registry.schemas.schema import InvalidSchema, Reference, Schema, SchemaType

PROTO2 = r"""
syntax = "proto2";
package shop.orders;
import "google/protobuf/timestamp.proto";
option java_package = "org.shop";
option optimize_for = CODE_SIZE;
message Order {
  oneof payment { string card = 30; Line line = 31; }
  required int64 id = 1;
  optional string note = 2 [default = "it's \"fine\"\n", deprecated = true, json_name = "Note"];
  optional bytes raw = 3 [default = "\001\377x\\"];
  optional Kind kind = 4 [default = FRESH];
  optional float ratio = 5 [default = -1.5];
  optional double huge = 6 [default = inf];
  optional uint32 hexadecimal = 7 [default = 0x10];
  optional bool yes = 8 [default = true];
  repeated sint32 packed = 9 [packed = true];
  repeated google.protobuf.Timestamp times = 10;
  map<string, Line> line_by_name = 11;
  optional group Extra = 40 { optional int32 x = 1; optional Line line = 2; }
  message Line { optional int32 count = 1; optional Part part = 2; message Part { optional Order order = 1; } }
  enum Kind { option allow_alias = true; NEW = 0; FRESH = 1; CRISP = 1 [deprecated = true]; reserved 5, 7 to max; reserved "OLD"; }
  extensions 1000 to 1999;
  extensions 3000;
  reserved 50 to 60, 70;
  reserved "old", "older";
  extend Order { optional Line special = 1000; }
  option deprecated = true;
}
extend Order { optional .shop.orders.Order.Kind extra_kind = 1001; }
service Orders {
  rpc Get (Order) returns (stream Order.Line) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Put (stream .shop.orders.Order) returns (orders.Order);
  option deprecated = true;
}
"""

PROTO3 = """
syntax = "proto3";
package a.b;
import public "google/protobuf/struct.proto";
message Event {
  string name = 1;
  optional int32 count = 2;
  optional google.protobuf.Value value = 3;
  map<int64, google.protobuf.Struct> some_field_2x = 4;
  map<string, Inner.Kind> kinds = 5;
  oneof choice { option deprecated_legacy = true; bool yes = 6; Inner inner = 7; }
  repeated double numbers = 8 [packed = false];
  message Inner { Kind kind = 1; enum Kind { NONE = 0; NEGATIVE = -1; } b.Event parent = 2; }
}
""".replace("option deprecated_legacy = true; ", "")

IMPORTS = {
    "google/protobuf/timestamp.proto": timestamp_pb2.DESCRIPTOR,
    "google/protobuf/struct.proto": struct_pb2.DESCRIPTOR,
}


def protobuf(text: str, references: dict[str, str] | None = None) -> Schema:
    resolved = references or {}
    return parse(
        SchemaType.PROTOBUF, text, tuple(Reference(name, name, 1) for name in resolved), resolved, new=True
    )


def described(schema: Schema) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(schema.formatted("serialized")))


def pool_with(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pool.DescriptorPool:
    """A pool that checked and linked the file."""
    pool = descriptor_pool.DescriptorPool()
    for path in file.dependency:
        pool.AddSerializedFile(IMPORTS[path].serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


@pytest.mark.parametrize(("text", "message"), [(PROTO2, "shop.orders.Order"), (PROTO3, "a.b.Event")])
def test_the_runtime_links_the_descriptor(text: str, message: str) -> None:
    """Every name is resolved and every number fits, so that a client can make messages of it."""
    found = pool_with(described(protobuf(text))).FindMessageTypeByName(message)
    made = message_factory.GetMessageClass(found)()
    assert found.file.package == message.rpartition(".")[0]
    if message == "a.b.Event":
        made.count = 0
        made.some_field_2x[5]["x"] = 1.5
        made.inner.kind = -1
        assert made.HasField("count")
        assert made.WhichOneof("choice") == "inner"
    else:
        assert made.note == 'it\'s "fine"\n'
        assert made.raw == b"\x01\xffx\\"
        assert made.kind == 1
        assert made.huge == float("inf")
        assert made.hexadecimal == 16
        made.extra.x = 5
        assert (
            made.SerializePartialToString() == b"\xc3\x02\x08\x05\xc4\x02"
        )  # a group's marks around its field


@pytest.mark.parametrize(
    "text",
    [
        PROTO2.replace("optional group Extra = 40 { optional int32 x = 1; optional Line line = 2; }", ""),
        PROTO3,
    ],
)
def test_a_descriptor_comes_back_as_the_same_schema(text: str) -> None:
    """What a client registers as bytes and what it registers as text have one normalized text."""
    schema = protobuf(text)
    again = protobuf(schema.formatted("serialized"))
    head = "" if "proto3" in text else 'syntax = "proto2";\n'
    assert head + again.normalized == head + schema.normalized
    assert described(again) == described(schema)


def test_maps_of_a_descriptor_stay_spelled_out_in_the_text() -> None:
    """The original keeps them so: a client finds the messages of its descriptor by their positions."""
    text = protobuf(protobuf(PROTO3).formatted("serialized")).canonical
    assert "repeated .a.b.Event.SomeField2xEntry some_field_2x = 4;" in text
    assert "option map_entry = true;" in text


def test_the_runtimes_own_files_are_read() -> None:
    """What Python's clients register: the serialized descriptors of compiled modules."""
    for module in (struct_pb2, timestamp_pb2, descriptor_pb2):
        schema = protobuf(base64.b64encode(module.DESCRIPTOR.serialized_pb).decode())
        linked = described(schema)
        original = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        assert [one.name for one in linked.message_type] == [one.name for one in original.message_type]
        assert schema.unreadable(protobuf(schema.normalized)) == []


def test_metadata_of_confluent_goes_into_the_descriptor_and_out_of_it() -> None:
    """Tags and documentation are what data contracts find in options; custom options of others are left out."""
    schema = protobuf(
        """syntax = "proto3"; import "confluent/meta.proto"; import "other.proto";
        message M { option (confluent.message_meta).doc = "a message";
          string a = 1 [(confluent.field_meta) = { tags: ["PII"], params: [{ key: "scale", value: "2" }] }, (other) = 5]; }"""
    )
    again = protobuf(schema.formatted("serialized")).canonical
    assert '(confluent.message_meta) = {\n    doc: "a message"\n  };' in again
    assert 'tags: [\n      "PII"\n    ]' in again
    assert 'value: "2",\n        key: "scale"' in again
    assert "other)" not in again


def test_editions_have_their_year_and_features() -> None:
    """`edition` is in the descriptor as a number, features as options."""
    file = described(
        protobuf(
            'edition = "2023"; option features.field_presence = IMPLICIT; message M { string a = 1; repeated int32 b = 2; }'
        )
    )
    assert (file.syntax, descriptor_pb2.Edition.Name(file.edition)) == ("editions", "EDITION_2023")
    assert file.options.features.field_presence == descriptor_pb2.FeatureSet.IMPLICIT
    assert pool_with(file).FindMessageTypeByName("M").fields_by_name["a"].has_presence is False
    again = protobuf(base64.b64encode(file.SerializeToString()).decode()).canonical
    assert again.startswith('edition = "2023";')


@pytest.mark.parametrize(
    "text", ["AAAA", "", base64.b64encode(b"\x0a\xff\xff\xff\xff\x0f").decode(), "Zm9v", "=", "a" * 7]
)
def test_what_is_neither_text_nor_descriptor_is_refused(text: str) -> None:
    """One clear error, whichever of the two the sender meant."""
    if not text:
        assert protobuf(text).canonical == ""
        return
    with pytest.raises(InvalidSchema):
        protobuf(text)


def test_a_descriptor_cannot_smuggle_text_into_names() -> None:
    """A name that is no word would be read as something else by the next who asks for the text."""
    file = descriptor_pb2.FileDescriptorProto(name="x", syntax="proto3")
    file.message_type.add(name="M { } message N")
    schema = protobuf(base64.b64encode(file.SerializeToString()).decode())
    assert protobuf(schema.canonical).canonical == schema.canonical
    file.message_type[0].name = 'M"'
    with pytest.raises(InvalidSchema):
        protobuf(base64.b64encode(file.SerializeToString()).decode())


def compiled(text: str, folder: Path) -> descriptor_pb2.FileDescriptorProto:
    """What protoc makes of the text; imports come from the runtime's own files, whose sources not all packages have."""
    known = descriptor_pb2.FileDescriptorSet()
    for imported in IMPORTS.values():
        known.file.add().ParseFromString(imported.serialized_pb)
    (folder / "known").write_bytes(known.SerializeToString())
    (folder / "default").write_text(text)
    words = [f"--descriptor_set_in={folder}/known", f"--descriptor_set_out={folder}/set"]
    subprocess.run(
        ["protoc", f"--proto_path={folder}", *words, "default"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    files = descriptor_pb2.FileDescriptorSet.FromString((folder / "set").read_bytes())
    return files.file[0]


def in_order(file: descriptor_pb2.FileDescriptorProto) -> str:
    """A descriptor's text; fields sorted by number and nested types by name, whose order the elements do not keep."""

    def sort(message: descriptor_pb2.DescriptorProto) -> None:
        fields = sorted(message.field, key=lambda field: field.number)
        nested = sorted(message.nested_type, key=lambda one: one.name)
        del message.field[:], message.nested_type[:]
        for field in fields:
            # protoc writes the name in JSON for each, we where the author gave one.
            if field.json_name == camel(field.name):
                field.ClearField("json_name")
            message.field.append(field)
        for one in nested:
            sort(one)
            message.nested_type.append(one)

    for one in file.message_type:
        sort(one)
    for field in [*file.extension, *(field for one in file.message_type for field in one.extension)]:
        field.ClearField("json_name")
    return text_format.MessageToString(file)


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@pytest.mark.parametrize("text", [PROTO2, PROTO3])
def test_the_descriptor_is_protocs(text: str, tmp_path: Path) -> None:
    """The same text through protobuf's own compiler."""
    assert shutil.which("protoc"), "tests/debian-packages installs protobuf-compiler"
    assert in_order(described(protobuf(text))) == in_order(compiled(text, tmp_path))


@pytest.mark.parametrize("text", [PROTO2, PROTO3])
def test_protoc_reads_the_canonical_text(text: str, tmp_path: Path) -> None:
    """It is a .proto file still, and means the same."""
    canonical = compiled(protobuf(text).canonical, tmp_path)
    assert in_order(canonical) == in_order(compiled(text, tmp_path))


def without_options_of_others(message: Message) -> None:
    """Takes out the options that other files define, which we leave out."""
    for part in message.DESCRIPTOR.fields:
        if part.name == "options" and message.HasField("options"):
            message.options.DiscardUnknownFields()
            for option, _ in list(message.options.ListFields()):
                if option.is_extension:
                    message.options.ClearExtension(option)
            if not message.options.ListFields():
                message.ClearField("options")
        elif part.message_type is not None and part.is_repeated:
            for inner in getattr(message, part.name):
                without_options_of_others(inner)


def google_files() -> dict[str, str]:
    """The sources of Google's common types and APIs by their paths, as their package brings them."""
    files = metadata.files("googleapis-common-protos") or []
    return {str(file): file.read_text() for file in files if file.suffix == ".proto"}


def test_googles_own_files_are_read_as_protoc_read_them() -> None:
    """Sixty files that people wrote, with comments, options and all, against the modules that protoc made of them."""
    texts = google_files()
    assert len(texts) > 50
    for path, text in texts.items():
        others = {name: other for name, other in texts.items() if name != path}
        schema = protobuf(text, others)
        module = importlib.import_module(f"{path.removesuffix('.proto').replace('/', '.')}_pb2")
        ours, protocs = described(schema), descriptor_pb2.FileDescriptorProto()
        protocs.ParseFromString(module.DESCRIPTOR.serialized_pb)
        protocs.name = ours.name
        for file in (ours, protocs):
            without_options_of_others(file)
        # Line by line, since protoc keeps fields of oneofs between the others.
        assert sorted(in_order(ours).splitlines()) == sorted(in_order(protocs).splitlines()), path
        assert protobuf(schema.canonical, others).canonical == schema.canonical
        assert protobuf(schema.normalized, others).normalized == schema.normalized
