"""The .proto files that need no reference: protobuf's own, Google's common types and Confluent's.

| path | from |
|---|---|
| google/protobuf/*.proto | the `protobuf` package |
| google/type/*.proto | the `googleapis-common-protos` package |
| confluent/meta.proto, confluent/type/*.proto | here: what clients put into options, and how they write decimals |

All are loaded by the first schema that uses a name of theirs.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final, cast

from ottla.registry.schemas.protobuf_elements import ProtoFile
from ottla.registry.schemas.protobuf_names import FileNames
from ottla.registry.schemas.protobuf_parser import parse_file

META_PATH: Final = "confluent/meta.proto"

CONFLUENT_FILES: Final = {
    META_PATH: """
syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
option go_package = "../confluent";
message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
  repeated Rule rules = 4;
}
message Rule {
  string name = 1;
  string doc = 2;
  string expr = 3;
  string sql = 4;
}
extend .google.protobuf.FileOptions { Meta file_meta = 1088; }
extend .google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend .google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend .google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend .google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
""",
    "confluent/type/decimal.proto": """
syntax = "proto3";
package confluent.type;
message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
""",
    "confluent/type/variant.proto": """
syntax = "proto3";
package confluent.type;
message Variant {
  bytes metadata = 1;
  bytes value = 2;
}
""",
}

GOOGLE_PROTOBUF: Final = (
    "any",
    "api",
    "descriptor",
    "duration",
    "empty",
    "field_mask",
    "source_context",
    "struct",
    "timestamp",
    "type",
    "wrappers",
)
GOOGLE_TYPE: Final = (
    "calendar_period",
    "color",
    "date",
    "datetime",
    "dayofweek",
    "decimal",
    "expr",
    "fraction",
    "interval",
    "latlng",
    "money",
    "month",
    "phone_number",
    "postal_address",
    "quaternion",
    "timeofday",
)
_PACKAGES: Final = {"google.protobuf": GOOGLE_PROTOBUF, "google.type": GOOGLE_TYPE}


def names_in(full_name: str) -> FileNames | None:
    """The names of the built-in package that `full_name` begins with; None where there is none."""
    head, _, rest = full_name.partition(".")
    if head == "confluent":
        return confluent_names()
    if head == "google":
        package = f"google.{rest.partition('.')[0]}"
        return google_names(package) if package in _PACKAGES else None
    return None


@cache
def confluent_names() -> FileNames:
    """What `confluent/*.proto` define."""
    names = FileNames()
    for path in CONFLUENT_FILES:
        names.add(confluent_file(path), None)
    return names


@cache
def confluent_file(path: str) -> ProtoFile:
    """One of `CONFLUENT_FILES`."""
    return parse_file(CONFLUENT_FILES[path])


@cache
def google_names(package: str) -> FileNames:
    """What the files of `google.protobuf` or `google.type` define."""
    from ottla.registry.schemas.protobuf_descriptor_reading import file_from_bytes  # noqa: PLC0415 - loads `protobuf`

    names = FileNames()
    for name in _PACKAGES[package]:
        names.add(file_from_bytes(_descriptor_bytes(package, name)), None)
    return names


def _descriptor_bytes(package: str, name: str) -> bytes:
    module = import_module(f"{package}.{name}_pb2")
    return cast("bytes", module.DESCRIPTOR.serialized_pb)
