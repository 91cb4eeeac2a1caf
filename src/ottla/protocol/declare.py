"""How a message is declared: once, as data, for all of its versions.

A struct is a class whose annotated attributes are its fields, in the order of the wire. Each field says its wire
type, the versions that have it, the versions in which it may be null, its default, and its tag where it is a tagged
field (KIP-482). The class that comes out is an ordinary one with slots and keyword arguments, the same for every
version; `codec` compiles the encoder and the decoder of each version from these declarations when it is first used.

The facts are those of Apache's message definitions (`common/message/*.json`); a test compares them field by field.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar, dataclass_transform

from ottla.protocol.api_keys import ApiKey
from ottla.protocol.types import ZERO_UUID

_ALL_LATER = 32767


class Versions(NamedTuple):
    """The versions from `low` to `high`, both included; none when `high < low`."""

    low: int
    high: int

    def __contains__(self, version: object) -> bool:
        return isinstance(version, int) and self.low <= version <= self.high

    def __str__(self) -> str:
        if self.high < self.low:
            return "none"
        if self.high == _ALL_LATER:
            return f"{self.low}+"
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


NO_VERSIONS = Versions(0, -1)


def parse_versions(text: str) -> Versions:
    """The versions that Apache's notation names: `"3"`, `"0-2"`, `"4+"` or `"none"`."""
    if text == "none":
        return NO_VERSIONS
    if text.endswith("+"):
        return Versions(int(text[:-1]), _ALL_LATER)
    low, _, high = text.partition("-")
    return Versions(int(low), int(high or low))


class Primitive(NamedTuple):
    """A wire type that is no struct and no array.

    `code` is its letter in Python's `struct`, where the width is fixed; `width` its bytes, or -1.
    """

    name: str
    code: str
    width: int
    zero: object


BOOL = Primitive("bool", "?", 1, False)
INT8 = Primitive("int8", "b", 1, 0)
INT16 = Primitive("int16", "h", 2, 0)
UINT16 = Primitive("uint16", "H", 2, 0)
INT32 = Primitive("int32", "i", 4, 0)
UINT32 = Primitive("uint32", "I", 4, 0)
INT64 = Primitive("int64", "q", 8, 0)
FLOAT64 = Primitive("float64", "d", 8, 0.0)
UUID = Primitive("uuid", "16s", 16, ZERO_UUID)
STRING = Primitive("string", "", -1, "")
BYTES = Primitive("bytes", "", -1, b"")
RECORDS = Primitive("records", "", -1, None)


class Array(NamedTuple):
    """A list of `element`s."""

    element: "Primitive | type[Struct]"


def array(element: "Primitive | type[Struct]") -> Array:
    """The wire type of a list of `element`s."""
    return Array(element)


WireType = Primitive | Array | type["Struct"]


class Field:
    """One field of a struct: what the declaration said, versions parsed."""

    __slots__ = (
        "default",
        "factory",
        "flexible",
        "ignorable",
        "name",
        "nullable",
        "tag",
        "tagged",
        "type",
        "versions",
    )

    def __init__(
        self,
        wire_type: WireType,
        versions: str,
        *,
        default: object,
        factory: Callable[[], object] | None,
        nullable: str,
        tag: int | None,
        tagged: str,
        ignorable: bool,
        flexible: str | None,
    ) -> None:
        self.name = ""
        self.type = wire_type
        self.versions = parse_versions(versions)
        self.default = default
        self.factory = factory
        if isinstance(factory, StructType) and all(
            isinstance(each.type, Primitive) for each in factory.__fields__
        ):
            self.default, self.factory = _frozen_default(factory), None
        self.nullable = parse_versions(nullable)
        self.tag = tag
        self.tagged = parse_versions(tagged)
        self.ignorable = ignorable
        self.flexible = None if flexible is None else parse_versions(flexible)

    def default_value(self) -> object:
        """A fresh default: what the field holds when nothing was said, and in versions that lack it."""
        return self.default if self.factory is None else self.factory()


_UNSET = object()


def field(
    wire_type: WireType,
    versions: str,
    *,
    default: Any = _UNSET,  # the attribute's own annotation is its type
    factory: Callable[[], Any] | None = None,
    nullable: str = "none",
    tag: int | None = None,
    tagged: str = "none",
    ignorable: bool = False,
    flexible: str | None = None,
) -> Any:
    """Declare a field.

    `versions`, `nullable` and `tagged` are in Apache's notation. `default` is a value or, for lists and structs,
    `factory` makes one. An `ignorable` field is left out silently in a version that lacks it; another one raises
    `UnsupportedVersionError` there, unless it has its default. `flexible` overrides the message's own flexible
    versions for this field alone (only `client_id` of the request header does).
    """
    return Field(
        wire_type,
        versions,
        default=None if default is _UNSET else default,
        factory=factory,
        nullable=nullable,
        tag=tag,
        tagged=tagged,
        ignorable=ignorable,
        flexible=flexible,
    )


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class StructType(type):
    """Turns the declared fields into slots and a constructor."""

    __fields__: tuple[Field, ...]

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, object], **options: object
    ) -> "StructType":
        fields: list[Field] = []
        for attribute, value in list(namespace.items()):
            if isinstance(value, Field):
                value.name = attribute
                fields.append(value)
                del namespace[attribute]
        namespace["__slots__"] = tuple(field.name for field in fields)
        namespace["__fields__"] = tuple(fields)
        namespace["__match_args__"] = ()
        made = super().__new__(cls, name, bases, namespace, **options)
        if fields:
            made.__init__ = _constructor_at_first_use(made, fields)  # type: ignore[misc]
        return made


def _constructor_at_first_use(struct: "StructType", fields: list[Field]) -> Callable[..., None]:
    """Writes the constructor when one is called for: a broker imports 300 structs at its start, and makes few of them."""

    def __init__(self: object, **values: object) -> None:  # noqa: N807
        struct.__init__ = _constructor(fields)  # type: ignore[misc]
        struct.__init__(self, **values)  # type: ignore[misc]

    return __init__


def _constructor(fields: list[Field]) -> Callable[..., None]:
    """An `__init__` with a keyword for each field; written out, because a loop over fields costs ten times as much."""
    names: dict[str, object] = {"_unset": _UNSET}
    parameters, lines = [], []
    for number, each in enumerate(fields):
        if each.factory is None:
            names[f"_default{number}"] = each.default
            parameters.append(f"{each.name}=_default{number}")
            lines.append(f"    self.{each.name} = {each.name}")
        else:
            names[f"_make{number}"] = each.factory
            parameters.append(f"{each.name}=_unset")
            lines.append(f"    self.{each.name} = _make{number}() if {each.name} is _unset else {each.name}")
    exec(f"def __init__(self, *, {', '.join(parameters)}):\n" + "\n".join(lines), names)  # noqa: S102 - our own declarations
    made = names["__init__"]
    assert callable(made)
    return made


def _frozen_default(struct: "StructType") -> object:
    """One default for all holders of a small struct, which therefore cannot be changed.

    A partition of a fetch answer has three such fields, nearly always at their default: making and comparing three
    objects cost more than all of its other fields.
    """

    def refuse(_self: object, name: str, _value: object) -> None:
        raise AttributeError(
            f"{name}: this {struct.__name__} is a default that others hold too; assign a new one"
        )

    frozen = type.__new__(
        StructType, struct.__name__, (struct,), {"__slots__": (), "__fields__": struct.__fields__}
    )
    shared = frozen()
    setattr(frozen, "__setattr__", refuse)  # noqa: B010 - a checker does not let a method be assigned
    return shared


class Struct(metaclass=StructType):
    """A part of a message. Compares by its fields, like a value, but is mutable while a handler fills it."""

    __fields__: ClassVar[tuple[Field, ...]]
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Struct) or other.__fields__ is not self.__fields__:
            return NotImplemented
        return all(getattr(self, each.name) == getattr(other, each.name) for each in self.__fields__)

    def __repr__(self) -> str:
        values = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in self.__fields__)
        return f"{type(self).__name__}({values})"


class Message(Struct):
    """The outermost struct of something that travels or is stored by itself.

    `versions`: those of Apache 4.1, or of 3.9 where 4.x dropped the message. `flexible`: the versions that use compact
    lengths and tagged fields (KIP-482). `latest_unstable`: the highest version is not yet settled, and announced only
    with `unstable.api.versions.enable`.
    """

    versions: ClassVar[Versions] = NO_VERSIONS
    flexible: ClassVar[Versions] = NO_VERSIONS
    latest_unstable: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, versions: str = "none", flexible: str = "none", latest_unstable: bool = False
    ) -> None:
        cls.versions = parse_versions(versions)
        cls.flexible = parse_versions(flexible)
        cls.latest_unstable = latest_unstable


class Request(Message):
    """What a client, or another broker, asks."""

    api_key: ClassVar[ApiKey]

    def __init_subclass__(
        cls,
        *,
        api_key: ApiKey,
        versions: str = "none",
        flexible: str = "none",
        latest_unstable: bool = False,
        deprecated: str = "none",
    ) -> None:
        super().__init_subclass__(versions=versions, flexible=flexible, latest_unstable=latest_unstable)
        cls.api_key = api_key
        cls.deprecated = parse_versions(deprecated)

    deprecated: ClassVar[Versions] = NO_VERSIONS


class Response(Message):
    """The answer to the request of the same API, in the same version."""

    api_key: ClassVar[ApiKey]

    def __init_subclass__(cls, *, api_key: ApiKey, versions: str = "none", flexible: str = "none") -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.api_key = api_key


class RecordKey(Message):
    """The key of a coordinator's record. Two bytes in front of it tell its `record_type`; it has one version."""

    record_type: ClassVar[int]

    def __init_subclass__(cls, *, record_type: int, versions: str = "0", flexible: str = "none") -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.record_type = record_type


class RecordValue(Message):
    """The value of a coordinator's record. Two bytes in front of it tell its version."""

    record_type: ClassVar[int]

    def __init_subclass__(cls, *, record_type: int, versions: str = "0", flexible: str = "none") -> None:
        super().__init_subclass__(versions=versions, flexible=flexible)
        cls.record_type = record_type


class Data(Message):
    """Something that travels inside another message, or is stored, with its version known from elsewhere."""


AnyMessage = TypeVar("AnyMessage", bound=Message)
