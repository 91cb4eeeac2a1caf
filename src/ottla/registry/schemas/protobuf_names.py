"""What a name means in a .proto file: the scopes from the inside to the outside, then the files it may use.

A name without a leading dot is looked for in the innermost message first, then in each that encloses it, in the package
and in each part of the package, as protobuf's specification tells. Which of the files are imported doesn't matter: all
files that the schema refers to and those that are built in (`protobuf_known_files.py`) can be used, as in Confluent's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ottla.registry.schemas.protobuf_elements import Enum, Extend, Field, Message, ProtoFile
from ottla.registry.schemas.schema import InvalidSchema, Reference

MAX_FULL_NAME_CHARACTERS: Final = 1024
"""Full names repeat those around them: without a bound they could take a thousand times the text's memory."""

OWN_FILE: Final = Reference("", "", -1)
"""Where a type of the schema itself comes from."""


class NamedType(NamedTuple):
    """A message or enum, the package it lies in, and the reference that brought it: None for what came by another
    reference's references or is built in."""

    element: Message | Enum
    package: str
    reference: Reference | None

    def local_name(self, full_name: str) -> str:
        """The name without its package."""
        return full_name.removeprefix(f"{self.package}.") if self.package else full_name


class FileNames:
    """The types and extensions of one file by their full names."""

    __slots__ = ("extensions", "types")

    def __init__(self) -> None:
        self.types: dict[str, NamedType] = {}
        self.extensions: dict[str, Field] = {}

    def add(self, file: ProtoFile, reference: Reference | None) -> None:
        """Add what `file` defines; a name that is there already is replaced."""
        package = file.package or ""
        prefix = f"{package}." if package else ""
        self._add_extensions(prefix, file.extends)
        groups = [group.body for extend in file.extends for group in extend.groups]
        waiting: list[tuple[str, Message | Enum]] = [
            (prefix, one) for one in reversed([*file.types, *groups])
        ]
        while waiting:
            scope, element = waiting.pop()
            full_name = scope + element.name
            if len(full_name) > MAX_FULL_NAME_CHARACTERS:
                raise InvalidSchema(
                    f"the name {full_name[:80]}… has more than {MAX_FULL_NAME_CHARACTERS} characters"
                )
            self.types[full_name] = NamedType(element, package, reference)
            if isinstance(element, Message):
                self._add_extensions(f"{full_name}.", element.extends)
                waiting += [(f"{full_name}.", one) for one in reversed(element.nested)]

    def _add_extensions(self, scope: str, extends: Iterable[Extend]) -> None:
        for extend in extends:
            for field in extend.fields:
                self.extensions[scope + field.name] = field


class Names:
    """All names that a schema can use."""

    __slots__ = ("_built_in", "_names")

    def __init__(
        self,
        file: ProtoFile,
        dependencies: Iterable[tuple[ProtoFile, Reference | None]] = (),
        built_in: Callable[[str], FileNames | None] = lambda _: None,
    ) -> None:
        self._names = FileNames()
        self._built_in = built_in
        for dependency, reference in dependencies:
            self._names.add(dependency, reference)
        self._names.add(file, OWN_FILE)

    def find(self, full_name: str) -> NamedType | None:
        """The type of that full name, without a leading dot."""
        found = self._names.types.get(full_name)
        if found is None and (built_in := self._built_in(full_name)) is not None:
            found = built_in.types.get(full_name)
        return found

    def find_extension(self, full_name: str) -> Field | None:
        """The field that extends some message under that full name."""
        found = self._names.extensions.get(full_name)
        if found is None and (built_in := self._built_in(full_name)) is not None:
            found = built_in.extensions.get(full_name)
        return found

    def resolve(self, name: str, package: str, scope: Sequence[str]) -> str | None:
        """The full name that `name` has where it is written: inside the messages `scope` of `package`."""
        return _resolve(self.find, name, package, scope)

    def resolve_extension(self, name: str, package: str, scope: Sequence[str]) -> str | None:
        """The same for the name of an option."""
        return _resolve(self.find_extension, name, package, scope)


def _resolve(
    find: Callable[[str], object | None], name: str, package: str, scope: Sequence[str]
) -> str | None:
    if name.startswith("."):
        return name[1:] if find(name[1:]) is not None else None
    outer = ".".join((package, *scope) if package else scope)
    while outer:
        full_name = f"{outer}.{name}"
        if find(full_name) is not None:
            return full_name
        outer = outer.rpartition(".")[0]
    return name if find(name) is not None else None
