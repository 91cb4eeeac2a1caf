"""Options of .proto files: reading them, and bringing several spellings of one option to one.

```
deprecated = true                          Bare
java_package = "org.example"               str
(my.option).part.inner = 3                 Option in Option in Option
(my.option) = { part: { inner: 3 } }       dict
(my.list) = [1, 2]                         list
```
The values are in protobuf's text format, as far as wire's `OptionReader` reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ottla.registry.schemas.protobuf_elements import Bare, Option, OptionValue
from ottla.registry.schemas.protobuf_tokens import TokenReader

MAX_OPTION_DEPTH: Final = 100

_CLOSING: Final = {"{": "}", "<": ">"}
_OPENING: Final = frozenset({*_CLOSING, "["})
"""What may follow a name at once, without the colon between."""


def read_options(reader: TokenReader) -> tuple[Option, ...]:
    """Reads `[a = 1, (b) = 2]`; none where there is no bracket."""
    if not reader.take("["):
        return ()
    options = []
    while True:
        options.append(read_option(reader, "="))
        if reader.take("]"):
            return tuple(options)
        if not reader.take(","):
            raise reader.fault("expected ',' or ']'")


def read_option(reader: TokenReader, separator: str, depth: int = 0) -> Option:
    """Reads a name, `separator` and a value. Between `:` and a message the separator may be left out."""
    parenthesized = reader.peek() == "("
    name, inner = _read_path(reader)
    if separator == ":" and reader.peek() in _OPENING:
        reader.take(":")
    elif not reader.take(separator):
        raise reader.fault(f"expected '{separator}' in option")
    value = _read_value(reader, depth)
    for part in reversed(inner):
        value = Option(part, value)
    return Option(name, value, parenthesized)


def _read_path(reader: TokenReader) -> tuple[str, list[str]]:
    if reader.take("("):
        name = reader.word()
        reader.require(")")
    elif reader.take("["):
        name = f"[{_read_extension_name(reader)}]"
    else:
        name = reader.word()
        # `features.(pb.cpp).string_type`: the word ends with the dot before the parenthesis.
        if not (name.endswith(".") and reader.peek() == "("):
            return name, []
        name = name[:-1]
        return name, _read_inner(reader, starts=True)
    return name, _read_inner(reader, starts=False)


def _read_extension_name(reader: TokenReader) -> str:
    name = reader.word()
    while reader.take("/"):
        name = f"{name}/{reader.word()}"
    reader.require("]")
    return name


def _read_inner(reader: TokenReader, *, starts: bool) -> list[str]:
    parts: list[str] = []
    while True:
        if starts and reader.take("("):
            parts.append(f"({reader.word()})")
            reader.require(")")
            starts = False
        elif reader.peek()[0] == ".":
            word = reader.word()
            starts = word.endswith(".")
            parts += [part for part in word.split(".") if part]
        else:
            return parts


def _read_value(reader: TokenReader, depth: int) -> OptionValue:
    if depth > MAX_OPTION_DEPTH:
        raise reader.fault(f"options nest more than {MAX_OPTION_DEPTH} deep")
    if reader.at_string:
        return reader.string()
    if reader.peek() in _CLOSING:
        return _read_map(reader, depth, _CLOSING[reader.mark()])
    if reader.take("["):
        return _read_list(reader, depth)
    return Bare(reader.word())


def _read_list(reader: TokenReader, depth: int) -> list[OptionValue]:
    values: list[OptionValue] = []
    while not reader.take("]"):
        values.append(_read_value(reader, depth + 1))
        if not reader.take(",") and reader.peek() != "]":
            raise reader.fault("expected ',' or ']'")
    return values


def _read_map(reader: TokenReader, depth: int, closing: str) -> dict[str, OptionValue]:
    values: dict[str, OptionValue] = {}
    while not reader.take(closing):
        option = read_option(reader, ":", depth + 1)
        if isinstance(option.value, Option):
            nested = values.setdefault(option.name, {})
            if isinstance(nested, dict):
                nested[option.value.name] = option.value.value
        elif option.name not in values:
            values[option.name] = option.value
        else:
            values[option.name] = _joined(values[option.name], option.value)
        if not reader.take(","):
            reader.take(";")
    return values


def _joined(first: OptionValue, second: OptionValue) -> list[OptionValue]:
    start = first if isinstance(first, list) else [first]
    return [*start, *(second if isinstance(second, list) else [second])]


def as_message(option: Option) -> Option:
    """The option with a path spelled out: `(a).b.c = 1` as `(a) = { b: { c: 1 } }`."""
    if not isinstance(option.value, Option):
        return option
    return option._replace(value=_path_as_dict(option.value))


def _path_as_dict(option: Option) -> dict[str, OptionValue]:
    name, value = option.name, option.value
    if name.startswith("("):
        name = f"[{name[1:-1]}]"
    return {name: _path_as_dict(value) if isinstance(value, Option) else value}


def merged(options: Iterable[Option]) -> Option:
    """One option of several with one name: messages are joined, what both have becomes a list; else the last holds."""
    first, *others = map(as_message, options)
    for other in others:
        if isinstance(first.value, dict) and isinstance(other.value, dict):
            first = other._replace(value=_merged_values(first.value, other.value))
        else:
            first = other
    return first


def _merged_values(first: dict[str, OptionValue], second: dict[str, OptionValue]) -> dict[str, OptionValue]:
    result = dict(first)
    for key, value in second.items():
        if key in result:
            each_once: list[OptionValue] = []
            for one in _joined(result[key], value):
                if one not in each_once:
                    each_once.append(one)
            result[key] = each_once
        else:
            result[key] = value
    return result
