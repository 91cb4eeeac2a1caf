"""Elements as text: the canonical one, which is stored and compared, and the normalized one.

Canonical is what Confluent's registry writes (`ProtobufSchemaUtils`): parts in this order, parts of one kind as the author
ordered them, an empty line between kinds, two spaces a level (those between the parts of a nested message too):

| of a file | of a message |
|---|---|
| syntax, package, imports, options, messages, enums, extends, services | reserved, options, fields, oneofs, groups, extensions, extends, messages, enums |

Normalized besides: no `syntax = "proto2"`, imports, options, fields, constants and ranges sorted, types by their full
names with a leading dot, entries of maps written as maps, numbers in one form. Messages keep their order, since
serialized data names its message by position. Types that nothing defines are told by InvalidSchema then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Final

from ottla.registry.schemas.protobuf_elements import (
    MAX_TAG,
    SCALARS,
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
    OptionValue,
    ProtoFile,
    Range,
    Rpc,
    Service,
    map_types,
)
from ottla.registry.schemas.protobuf_names import Names
from ottla.registry.schemas.protobuf_option_text import list_text, option_text
from ottla.registry.schemas.protobuf_options import as_message, merged
from ottla.registry.schemas.schema import InvalidSchema

CONFLUENT_OPTIONS: Final = "confluent."
"""The options that stay where extensions are to be left out: they are no business of the message's users."""


def file_text(file: ProtoFile, *, ignore_extensions: bool = False) -> str:
    """The canonical text; without extensions and the options they define where those are to be ignored."""
    writer = _Writer(file, None, ignore_extensions=ignore_extensions)
    return writer.text()


def normalized_text(file: ProtoFile, names: Names) -> str:
    """The text that all spellings of the file share. Raises InvalidSchema for a type that is defined nowhere."""
    return _Writer(file, names, ignore_extensions=False).text()


class _Writer:
    """Writes one file line by line; `_scope` names the messages around what is being written."""

    __slots__ = ("_file", "_ignore_extensions", "_indent", "_lines", "_names", "_package", "_scope")

    def __init__(self, file: ProtoFile, names: Names | None, *, ignore_extensions: bool) -> None:
        self._file = file
        self._names = names
        self._ignore_extensions = ignore_extensions
        self._package = file.package or ""
        self._scope: list[str] = []
        self._indent = ""
        self._lines: list[str] = []

    def text(self) -> str:
        file = self._file
        if file.syntax is not None and (self._names is None or file.syntax != "proto2"):
            self._line(f'{"edition" if file.is_edition else "syntax"} = "{file.syntax}";')
        if file.package is not None:
            self._line(f"package {file.package};")
        if file.imports or file.public_imports or file.weak_imports:
            self._line("")
            for kind, paths in (
                ("", file.imports),
                ("public ", file.public_imports),
                ("weak ", file.weak_imports),
            ):
                for path in self._sorted_paths(paths):
                    self._line(f'import {kind}"{path}";')
        self._write_options_of_block(file.options, "")
        self._write_types(file.types, "")
        if file.extends and not self._ignore_extensions:
            self._line("")
            for extend in self._extends(file.extends):
                self._write_extend(extend)
        if file.services:
            self._line("")
            for service in file.services:
                self._write_service(service)
        return "".join(f"{line}\n" for line in self._lines)

    def _line(self, text: str) -> None:
        self._lines.append(self._indent + text)

    def _sorted_paths(self, paths: Sequence[str]) -> Sequence[str]:
        return paths if self._names is None else sorted(set(paths))

    @contextmanager
    def _block(self, head: str) -> Iterator[_Block]:
        """`head {`, the lines written inside, `}`; `head {}` where nothing is."""
        block = _Block(self)
        at = len(self._lines)
        self._line(f"{head} {{")
        self._indent += "  "
        yield block
        self._indent = self._indent[2:]
        if block.started:
            self._line("}")
        else:
            self._lines[at] += "}"

    def _write_options_of_block(self, options: Sequence[Option], opening: str | _Block) -> None:
        kept = self._options(options)
        if kept:
            self._open(opening)
            for option in kept:
                self._write_multi(f"option {option_text(option, self._normalizes)};")

    def _open(self, opening: str | _Block) -> None:
        if isinstance(opening, str):
            self._line(opening)
        else:
            opening.part()

    def _write_multi(self, text: str) -> None:
        for line in text.split("\n"):
            self._line(line)

    @property
    def _normalizes(self) -> bool:
        return self._names is not None

    def _write_types(self, types: Sequence[Message | Enum], opening: str | _Block) -> None:
        kept = [
            one
            for one in types
            if not (self._normalizes and isinstance(one, Message) and one.entry_type() is not None)
        ]
        if kept:
            self._open(opening)
            for one in kept:
                if isinstance(one, Message):
                    self._write_message(one)
            for one in kept:
                if isinstance(one, Enum):
                    self._write_enum(one)

    def _write_message(self, message: Message) -> None:
        self._write_body(f"message {message.name}", message)

    def _write_body(self, head: str, message: Message) -> None:
        self._scope.append(message.name)
        with self._block(head) as block:
            self._write_reserved(message.reserved, block)
            self._write_options_of_block(message.options, block)
            self._write_fields(message.fields, block)
            if message.oneofs:
                block.part()
                for oneof in self._oneofs(message.oneofs):
                    self._write_oneof(oneof)
            self._write_groups(message.groups, block)
            if message.extensions and not self._ignore_extensions:
                block.part()
                for extensions in self._extensions(message.extensions):
                    self._line(
                        f"extensions {self._ranges_text(extensions.values)}{self._bracketed(extensions.options)};"
                    )
            if message.extends and not self._ignore_extensions:
                block.part()
                for extend in self._extends(message.extends):
                    self._write_extend(extend)
            self._write_types(message.types, block)
        self._scope.pop()

    def _write_reserved(self, reserved: Sequence[tuple[Range, ...]], block: _Block) -> None:
        if reserved:
            block.part()
            for ranges in self._ranges(reserved):
                self._line(f"reserved {self._ranges_text(ranges)};")

    def _ranges(self, ranges: Sequence[tuple[Range, ...]]) -> Sequence[tuple[Range, ...]]:
        if not self._normalizes:
            return ranges
        return sorted(((one,) for several in ranges for one in several), key=lambda one: _range_key(one[0]))

    def _extensions(self, extensions: Sequence[Extensions]) -> Sequence[Extensions]:
        if not self._normalizes:
            return extensions
        each = [Extensions((value,), one.options) for one in extensions for value in one.values]
        return sorted(each, key=lambda one: _range_key(one.values[0])[0])

    def _ranges_text(self, ranges: Iterable[Range]) -> str:
        return ", ".join(map(self._range_text, ranges))

    def _range_text(self, value: Range) -> str:
        match value:
            case int():
                return str(value)
            case str():
                return value if self._file.is_edition else f'"{value}"'
            case (start, end):
                if start == end and self._normalizes:
                    return str(start)
                return f"{start} to {end if end < MAX_TAG else 'max'}"

    def _write_fields(self, fields: Sequence[Field], block: _Block) -> None:
        if fields:
            block.part()
            for field in sorted(fields, key=_tag) if self._normalizes else fields:
                self._write_field(field)

    def _write_field(self, field: Field) -> None:
        label, type_name = field.label, field.type
        if self._normalizes:
            type_name = self._full_type(type_name)
            if type_name.startswith("map<"):
                label = None
        options = list(field.options)
        if field.default is not None:
            options.append(Option("default", _default_value(type_name, field.default)))
        if field.json_name is not None:
            options.append(Option("json_name", field.json_name))
        before = "" if label is None else f"{label} "
        self._write_multi(f"{before}{type_name} {field.name} = {field.tag}{self._bracketed(options)};")

    def _full_type(self, type_name: str) -> str:
        names = self._names
        if names is None or type_name in SCALARS:
            return type_name
        if map_types(type_name) is None:
            full_name = self._resolved(names, type_name)
            found = names.find(full_name)
            entry = found.element.entry_type() if found and isinstance(found.element, Message) else None
            if entry is None:
                return f".{full_name}"
            type_name = entry
        key, value = map_types(type_name) or ("", "")
        if value not in SCALARS and (full_value := names.resolve(value, self._package, self._scope)):
            value = f".{full_value}"
        return f"map<{key}, {value}>"

    def _resolved(self, names: Names, type_name: str) -> str:
        full_name = names.resolve(type_name, self._package, self._scope)
        if full_name is None:
            raise InvalidSchema(f"Could not resolve type: {type_name}")
        return full_name

    def _full_message(self, type_name: str) -> str:
        return type_name if self._names is None else f".{self._resolved(self._names, type_name)}"

    def _oneofs(self, oneofs: Sequence[OneOf]) -> Sequence[OneOf]:
        if not self._normalizes:
            return oneofs
        each = [one._replace(fields=tuple(sorted(one.fields, key=_tag))) for one in oneofs if one.fields]
        return sorted(each, key=lambda one: one.fields[0].tag)

    def _write_oneof(self, oneof: OneOf) -> None:
        with self._block(f"oneof {oneof.name}") as block:
            self._write_options_of_block(oneof.options, block)
            self._write_fields(oneof.fields, block)
            self._write_groups(oneof.groups, block)

    def _write_groups(self, groups: Sequence[Group], block: _Block) -> None:
        if groups:
            block.part()
            for group in sorted(groups, key=_tag) if self._normalizes else groups:
                before = "" if group.label is None else f"{group.label} "
                options = self._bracketed(group.options).replace("\n", f"\n{self._indent}")
                self._write_body(f"{before}group {group.name} = {group.tag}{options}", group.body)

    def _extends(self, extends: Sequence[Extend]) -> Sequence[Extend]:
        if not self._normalizes:
            return extends
        merged: dict[str, Extend] = {}
        for extend in extends:
            if extend.fields or extend.groups:
                name = self._full_message(extend.name)
                known = merged.get(name, Extend(name, ()))
                merged[name] = Extend(name, known.fields + extend.fields, known.groups + extend.groups)
        return list(merged.values())

    def _write_extend(self, extend: Extend) -> None:
        with self._block(f"extend {extend.name}") as block:
            self._write_fields(extend.fields, block)
            self._write_groups(extend.groups, block)

    def _write_enum(self, enum: Enum) -> None:
        with self._block(f"enum {enum.name}") as block:
            self._write_reserved(enum.reserved, block)
            if not enum.reserved and (enum.options or enum.constants):
                block.part()
            for option in self._options(enum.options):
                self._write_multi(f"option {option_text(option, self._normalizes)};")
            for constant in sorted(enum.constants, key=_constant_key) if self._normalizes else enum.constants:
                self._write_multi(f"{constant.name} = {constant.tag}{self._bracketed(constant.options)};")

    def _write_service(self, service: Service) -> None:
        with self._block(f"service {service.name}") as block:
            self._write_options_of_block(service.options, block)
            if service.rpcs:
                block.part()
                for rpc in service.rpcs:
                    self._write_rpc(rpc)

    def _write_rpc(self, rpc: Rpc) -> None:
        request, response = self._full_message(rpc.request), self._full_message(rpc.response)
        head = (
            f"rpc {rpc.name} ({'stream ' if rpc.request_streams else ''}{request}) "
            f"returns ({'stream ' if rpc.response_streams else ''}{response})"
        )
        options = self._options(rpc.options)
        if not options:
            self._line(f"{head};")
            return
        self._line(f"{head} {{")
        for option in options:
            text = f"option {option_text(option, self._normalizes)};"
            for line in text.split("\n"):
                self._line(f"  {line}")
        self._line("};")

    def _bracketed(self, options: Sequence[Option]) -> str:
        kept = self._options(options)
        return f" {list_text(list(kept), self._normalizes)}" if kept else ""

    def _options(self, options: Sequence[Option]) -> Sequence[Option]:
        if self._ignore_extensions:
            options = [
                one for one in options if not one.parenthesized or one.name.startswith(CONFLUENT_OPTIONS)
            ]
        if self._names is None or not options:
            return options
        return self._normalized_options(self._names, options)

    def _normalized_options(self, names: Names, options: Sequence[Option]) -> list[Option]:
        resolved = [self._resolved_option(names, option) for option in options]
        resolved.sort(key=_option_name)
        result: list[Option] = []
        for name, group in groupby(resolved, key=_option_name):
            same = list(group)
            extension = names.find_extension(name.removeprefix("."))
            if extension is not None and extension.label != "repeated":
                same = [merged(same)]
            result += same
        return [self._sorted_option(names, option) for option in result]

    def _resolved_option(self, names: Names, option: Option) -> Option:
        if option.parenthesized:
            full_name = names.resolve_extension(option.name, self._package, self._scope)
            if full_name is not None:
                return as_message(option._replace(name=full_name))
        return option

    def _sorted_option(self, names: Names, option: Option) -> Option:
        value = option.value
        if isinstance(value, list):
            return option._replace(value=[self._sorted_value(names, one) for one in value])
        return option._replace(value=self._sorted_value(names, value))

    def _sorted_value(self, names: Names, value: OptionValue) -> OptionValue:
        match value:
            case dict():
                entries: dict[str, OptionValue] = {}
                for key, one in value.items():
                    if one != []:
                        entries.setdefault(self._sorted_key(names, key), self._sorted_value(names, one))
                return dict(sorted(entries.items()))
            case list() if len(value) == 1:
                return self._sorted_value(names, value[0])
            case list():
                return [self._sorted_value(names, one) for one in value]
            case Option():
                return self._sorted_option(names, value)
            case _:
                return value

    def _sorted_key(self, names: Names, key: str) -> str:
        if key.startswith("[") and "/" not in key:
            full_name = names.resolve_extension(key[1:-1], self._package, self._scope)
            if full_name is not None:
                return f"[{full_name}]"
        return key


class _Block:
    """What stands between braces: the first part follows the opening line, the others an empty one."""

    __slots__ = ("_writer", "started")

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self.started = False

    def part(self) -> None:
        """Another kind of declaration begins."""
        writer = self._writer
        if self.started:
            writer._lines.append(writer._indent[2:])
        self.started = True


def _tag(element: Field | Group) -> int:
    return element.tag


def _option_name(option: Option) -> str:
    return option.name


def _constant_key(constant: EnumConstant) -> tuple[int, str]:
    return constant.tag, constant.name


def _range_key(value: Range) -> tuple[int, str]:
    match value:
        case int():
            return value, str(value)
        case str():
            return 2**31 - 1, value
        case (start, end):
            return start, f"{start}..{end}"


def _default_value(type_name: str, default: str) -> OptionValue:
    if type_name == "bytes":
        # Confluent's leaves these without quotes, which protoc doesn't read.
        return Bare(f'"{"".join(map(_escaped_byte, default))}"')
    return default if type_name == "string" else Bare(default or "0")


def _escaped_byte(character: str) -> str:
    plain = " " <= character <= "~" and character not in "\"'\\"
    return character if plain or ord(character) > 255 else f"\\{ord(character):03o}"
