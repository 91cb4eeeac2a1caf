"""From a .proto text to its elements: proto2, proto3 and editions, by recursive descent.

A parser of our own, because the text has to come out again as Square's wire would write it: with the order of
declarations, options as they were spelled, and the liberties wire takes (a default or a tag is not checked here). The
Python packages that parse .proto either need protoc's binary or build on ANTLR, which is slow and recurses as deep as
the text wants.

Source: the language specifications of proto2, proto3 and editions; wire's `ProtoParser` for what it accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ottla.registry.schemas.protobuf_elements import (
    MAX_TAG,
    Bare,
    Enum,
    EnumConstant,
    Extend,
    Extensions,
    Field,
    Group,
    Message,
    OneOf,
    Option,
    ProtoFile,
    Range,
    Rpc,
    Service,
)
from ottla.registry.schemas.protobuf_options import read_option, read_options
from ottla.registry.schemas.protobuf_tokens import TokenReader

MAX_DEPTH: Final = 64
"""How deep messages may nest. protoc's own limit is 32."""

SYNTAXES: Final = ("proto2", "proto3")


def parse_file(text: str) -> ProtoFile:
    """The elements of a .proto text; raises SyntaxFault."""
    return _Parser(text).file()


class _Parser:
    """Reads one file. What is read of a declaration is kept in lists that live as long as the declaration."""

    __slots__ = ("_depth", "_reader", "_syntax")

    def __init__(self, text: str) -> None:
        self._reader = TokenReader(text)
        self._syntax: str | None = None
        self._depth = 0

    def file(self) -> ProtoFile:
        reader = self._reader
        package: str | None = None
        imports: dict[str, list[str]] = {"": [], "public": [], "weak": []}
        options: list[Option] = []
        types: list[Message | Enum] = []
        extends: list[Extend] = []
        services: list[Service] = []
        type_names: set[str] = set()
        service_names: set[str] = set()
        first = True
        while not reader.at_end:
            if reader.take(";"):
                continue
            match reader.word():
                case "syntax" | "edition" as word:
                    self._read_syntax(word, first=first)
                case "package":
                    package = reader.word()
                    reader.require(";")
                case "import":
                    kind = "" if reader.at_string else reader.word()
                    if kind not in imports:
                        raise reader.fault("expected quoted string")
                    imports[kind].append(reader.string())
                    reader.require(";")
                case "option":
                    options.append(self._option())
                case "message" | "enum" as word:
                    types.append(self._message() if word == "message" else self._enum())
                    self._note(types[-1].name, type_names)
                case "extend":
                    extends.append(self._extend())
                case "service":
                    services.append(self._service())
                    self._note(services[-1].name, service_names)
                case word:
                    reader.step_back()
                    raise reader.fault(f"unexpected label: {word}")
            first = False
        return ProtoFile(
            self._syntax,
            package,
            tuple(imports[""]),
            tuple(imports["public"]),
            tuple(imports["weak"]),
            tuple(options),
            tuple(types),
            tuple(extends),
            tuple(services),
        )

    def _note(self, name: str, names: set[str]) -> None:
        if name in names:
            raise self._reader.fault(f"{name} is already defined")
        names.add(name)

    def _read_syntax(self, word: str, *, first: bool) -> None:
        reader = self._reader
        if self._syntax is not None:
            raise reader.fault("too many syntax definitions")
        if not first:
            raise reader.fault(f"'{word}' element must be the first declaration in a file")
        reader.require("=")
        syntax = reader.string()
        if not (syntax in SYNTAXES if word == "syntax" else syntax.isdecimal() and len(syntax) == 4):
            raise reader.fault(f"unexpected {word} {syntax[:40]}")
        self._syntax = syntax
        reader.require(";")

    def _option(self) -> Option:
        option = read_option(self._reader, "=")
        self._reader.require(";")
        return option

    def _body(self, read: Callable[[str], None]) -> None:
        """Reads `{ … }`, each declaration by `read`, which is given its first word."""
        reader = self._reader
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise reader.fault(f"declarations nest more than {MAX_DEPTH} deep")
        reader.require("{")
        while not reader.take("}"):
            if not reader.take(";"):
                read(reader.word())
        self._depth -= 1

    def _message(self) -> Message:
        return self._message_called(self._reader.word())

    def _message_called(self, name: str) -> Message:
        fields: list[Field] = []
        oneofs: list[OneOf] = []
        groups: list[Group] = []
        types: list[Message | Enum] = []
        options: list[Option] = []
        reserved: list[tuple[Range, ...]] = []
        extensions: list[Extensions] = []
        extends: list[Extend] = []

        def read(word: str) -> None:
            match word:
                case "option":
                    options.append(self._option())
                case "reserved":
                    reserved.append(self._reserved())
                case "message":
                    types.append(self._message())
                case "enum":
                    types.append(self._enum())
                case "extend":
                    extends.append(self._extend())
                case "oneof":
                    oneofs.append(self._oneof())
                case "extensions":
                    extensions.append(self._extensions())
                case _:
                    element = self._field(word)
                    if isinstance(element, Group):
                        groups.append(element)
                    else:
                        fields.append(element)

        self._body(read)
        return Message(
            name,
            tuple(fields),
            tuple(oneofs),
            tuple(groups),
            tuple(types),
            tuple(options),
            tuple(reserved),
            tuple(extensions),
            tuple(extends),
        )

    def _enum(self) -> Enum:
        name = self._reader.word()
        constants: list[EnumConstant] = []
        options: list[Option] = []
        reserved: list[tuple[Range, ...]] = []

        def read(word: str) -> None:
            if word == "option":
                options.append(self._option())
            elif word == "reserved":
                reserved.append(self._reserved())
            else:
                constants.append(self._constant(word))

        self._body(read)
        return Enum(name, tuple(constants), tuple(options), tuple(reserved))

    def _constant(self, name: str) -> EnumConstant:
        reader = self._reader
        if name[0].isdigit():
            reader.step_back()
            raise reader.fault("field and constant names cannot start with a digit")
        reader.require("=")
        tag = reader.integer()
        options = read_options(reader)
        reader.require(";")
        return EnumConstant(name, tag, options)

    def _extend(self) -> Extend:
        name = self._reader.word()
        fields: list[Field] = []
        groups: list[Group] = []

        def read(word: str) -> None:
            element = self._field(word)
            if isinstance(element, Group):
                groups.append(element)
            else:
                fields.append(element)

        self._body(read)
        return Extend(name, tuple(fields), tuple(groups))

    def _oneof(self) -> OneOf:
        name = self._reader.word()
        fields: list[Field] = []
        groups: list[Group] = []
        options: list[Option] = []

        def read(word: str) -> None:
            if word == "option":
                options.append(self._option())
            elif word == "group":
                groups.append(self._group(None))
            else:
                fields.append(self._field_of(None, self._type(word)))

        self._body(read)
        return OneOf(name, tuple(fields), tuple(groups), tuple(options))

    def _field(self, word: str) -> Field | Group:
        reader = self._reader
        label: str | None = None
        if word in ("required", "optional", "repeated"):
            label = word
            if word == "required" and self._syntax == "proto3":
                raise reader.fault("'required' label forbidden in proto3 field declarations")
            word = reader.word()
        elif self._syntax in (None, "proto2") and word != "map":
            reader.step_back()
            raise reader.fault(f"unexpected label: {word}")
        if word == "group":
            return self._group(label)
        type_name = self._type(word)
        if label is not None and type_name.startswith("map<"):
            raise reader.fault("'map' type cannot have label")
        return self._field_of(label, type_name)

    def _type(self, word: str) -> str:
        reader = self._reader
        if word != "map" or reader.peek() != "<":
            return word
        reader.require("<")
        key = reader.word()
        reader.require(",")
        value = reader.word()
        reader.require(">")
        return f"map<{key}, {value}>"

    def _field_of(self, label: str | None, type_name: str) -> Field:
        reader = self._reader
        name = reader.name()
        reader.require("=")
        tag = reader.integer()
        options = read_options(reader)
        reader.require(";")
        default, options = _strip("default", options)
        json_name, options = _strip("json_name", options)
        return Field(label, type_name, name, tag, options, default, json_name)

    def _group(self, label: str | None) -> Group:
        reader = self._reader
        name = reader.word()
        reader.require("=")
        tag = reader.integer()
        options = read_options(reader)
        return Group(label, name, tag, self._message_called(name), options)

    def _ranges(self) -> tuple[Range, ...]:
        reader = self._reader
        ranges: list[Range] = []
        while True:
            if reader.at_string:
                ranges.append(reader.string())
            elif reader.peek()[0].isalpha() or reader.peek()[0] == "_":
                ranges.append(reader.word())  # editions write reserved names without quotes
            else:
                ranges.append(self._range())
            if not reader.take(","):
                return tuple(ranges)

    def _range(self) -> Range:
        reader = self._reader
        start = reader.integer()
        if reader.peek() in (",", ";", "["):
            return start
        if reader.word() != "to":
            raise reader.fault("expected ',', ';', or 'to'")
        if reader.take("max"):
            return start, MAX_TAG
        return start, reader.integer()

    def _reserved(self) -> tuple[Range, ...]:
        ranges = self._ranges()
        self._reader.require(";")
        return ranges

    def _extensions(self) -> Extensions:
        ranges = self._ranges()
        options = read_options(self._reader)
        self._reader.require(";")
        return Extensions(ranges, options)

    def _service(self) -> Service:
        reader = self._reader
        name = reader.word()
        rpcs: list[Rpc] = []
        options: list[Option] = []

        def read(word: str) -> None:
            if word == "option":
                options.append(self._option())
            elif word == "rpc":
                rpcs.append(self._rpc())
            else:
                reader.step_back()
                raise reader.fault(f"unexpected label: {word}")

        self._body(read)
        return Service(name, tuple(rpcs), tuple(options))

    def _rpc(self) -> Rpc:
        reader = self._reader
        name = reader.word()
        request_streams, request = self._message_of_rpc()
        if reader.word() != "returns":
            reader.step_back()
            raise reader.fault("expected 'returns'")
        response_streams, response = self._message_of_rpc()
        options: list[Option] = []

        def read(word: str) -> None:
            if word != "option":
                raise reader.fault(f"unexpected label: {word}")
            options.append(self._option())

        if reader.peek() == "{":
            self._body(read)
        else:
            reader.require(";")
        return Rpc(name, request, response, request_streams, response_streams, tuple(options))

    def _message_of_rpc(self) -> tuple[bool, str]:
        reader = self._reader
        reader.require("(")
        word = reader.word()
        streams = word == "stream" and reader.peek() != ")"
        if streams:
            word = reader.word()
        reader.require(")")
        return streams, word


def _strip(name: str, options: tuple[Option, ...]) -> tuple[str | None, tuple[Option, ...]]:
    found = [option for option in options if option.name == name and not option.parenthesized]
    if not found:
        return None, options
    value = found[-1].value
    text = value.text if isinstance(value, Bare) else str(value)
    return text, tuple(option for option in options if option not in found)
