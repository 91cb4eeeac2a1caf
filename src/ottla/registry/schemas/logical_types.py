"""What a schema of any language says as the columns of a table: the logical types of Confluent's policy LOGICAL.

    Typed ─ LogicalType ─┬─ STRUCT: LogicalField … ─ Typed
            + nullable   ├─ ARRAY, MULTISET: element ─ Typed
                         ├─ MAP: key, element ─ Typed
                         └─ the others: length, or precision and scale

Types that contain themselves are one object that leads back to itself. The names of the kinds are those of SQL's types in
Apache Flink.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final, NamedTuple

MAX_LENGTH: Final = 2**31 - 1
"""Of text and bytes for which no length is given."""


class LogicalKind(StrEnum):
    """The kinds of types; a union is a STRUCT of which one field is set."""

    BOOLEAN = "BOOLEAN"
    TINYINT = "TINYINT"
    SMALLINT = "SMALLINT"
    INT = "INT"
    BIGINT = "BIGINT"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    CHAR = "CHAR"
    VARCHAR = "VARCHAR"
    ENUM = "ENUM"
    BINARY = "BINARY"
    VARBINARY = "VARBINARY"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    TIMESTAMP_LTZ = "TIMESTAMP_LTZ"
    VARIANT = "VARIANT"
    ARRAY = "ARRAY"
    MULTISET = "MULTISET"
    MAP = "MAP"
    STRUCT = "STRUCT"


class Default(Enum):
    """What is read where a field was not written: nothing is said, null, or a value."""

    NONE = "none"
    NULL = "null"
    VALUE = "value"


class LogicalType:
    """A type; which of the attributes mean something its kind decides. A struct's fields are added as they are read."""

    __slots__ = ("element", "fields", "key", "kind", "length", "precision", "scale")

    def __init__(
        self,
        kind: LogicalKind,
        *,
        length: int = MAX_LENGTH,
        precision: int = 0,
        scale: int = 0,
        key: Typed | None = None,
        element: Typed | None = None,
    ) -> None:
        self.kind = kind
        self.length = length
        self.precision = precision
        self.scale = scale
        self.key = key
        self.element = element
        self.fields: list[LogicalField] = []

    def __str__(self) -> str:
        match self.kind:
            case LogicalKind.DECIMAL:
                return f"DECIMAL({self.precision}, {self.scale})"
            case LogicalKind.TIME | LogicalKind.TIMESTAMP | LogicalKind.TIMESTAMP_LTZ:
                return f"{self.kind}({self.precision})"
            case LogicalKind.CHAR | LogicalKind.VARCHAR | LogicalKind.BINARY | LogicalKind.VARBINARY:
                return self.kind if self.length == MAX_LENGTH else f"{self.kind}({self.length})"
        return self.kind


class Typed(NamedTuple):
    """A use of a type, and whether null may stand there."""

    type: LogicalType
    nullable: bool = False


class LogicalField(NamedTuple):
    """A column, or a branch of a union, all of which may be null."""

    name: str
    typed: Typed
    default: Default = Default.NONE


def text_of(shortest: object, longest: object) -> LogicalType:
    """CHAR where both lengths are one, else VARCHAR; what is no length says nothing."""
    return _sized(LogicalKind.CHAR, LogicalKind.VARCHAR, shortest, longest)


def bytes_of(shortest: object, longest: object) -> LogicalType:
    """BINARY where both lengths are one, else VARBINARY."""
    return _sized(LogicalKind.BINARY, LogicalKind.VARBINARY, shortest, longest)


def _sized(fixed: LogicalKind, varying: LogicalKind, shortest: object, longest: object) -> LogicalType:
    if not isinstance(longest, int):
        return LogicalType(varying)
    return LogicalType(fixed if shortest == longest else varying, length=longest)
