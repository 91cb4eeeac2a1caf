"""What changed between two Protobuf schemas, and which of it a reader with the later one survives.

Fields are compared by tag over the whole message, wherever they stand, because that is what is on the wire; a oneof adds
only that its fields exclude each other. Types that are referred to are compared where the two schemas may mean different
things by one name: not if both are the schemas' own (those are compared where they are defined) nor if both come from
one version of one subject.

Kinds, paths and verdicts are Confluent's (`SchemaDiff`), the groups of scalars those of protobuf's guide to updating
message types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from ottla.registry.schemas.protobuf_elements import SCALARS, Enum, Field, Message, ProtoFile, map_types
from ottla.registry.schemas.protobuf_names import NamedType, Names
from ottla.registry.schemas.schema import InvalidSchema

MAX_COMPARED_FIELDS: Final = 500_000
"""How many fields are looked at: messages that refer to each other can be reached in endlessly many ways."""

MAX_DEPTH: Final = 100
"""How many messages deep a comparison may go, by nesting or by reference."""

MAX_DIFFERENCES: Final = 20_000
"""What comes after is dropped; the verdict is known by then."""

K = TypeVar("K")


class Change(StrEnum):
    """The kinds of change."""

    PACKAGE_CHANGED = "PACKAGE_CHANGED"
    MESSAGE_ADDED = "MESSAGE_ADDED"
    MESSAGE_REMOVED = "MESSAGE_REMOVED"
    MESSAGE_MOVED = "MESSAGE_MOVED"
    ENUM_ADDED = "ENUM_ADDED"
    ENUM_REMOVED = "ENUM_REMOVED"
    ENUM_CONST_ADDED = "ENUM_CONST_ADDED"
    ENUM_CONST_CHANGED = "ENUM_CONST_CHANGED"
    ENUM_CONST_REMOVED = "ENUM_CONST_REMOVED"
    FIELD_ADDED = "FIELD_ADDED"
    FIELD_REMOVED = "FIELD_REMOVED"
    FIELD_NAME_CHANGED = "FIELD_NAME_CHANGED"
    FIELD_KIND_CHANGED = "FIELD_KIND_CHANGED"
    FIELD_SCALAR_KIND_CHANGED = "FIELD_SCALAR_KIND_CHANGED"
    FIELD_NAMED_TYPE_CHANGED = "FIELD_NAMED_TYPE_CHANGED"
    FIELD_NUMERIC_LABEL_CHANGED = "FIELD_NUMERIC_LABEL_CHANGED"
    FIELD_STRING_OR_BYTES_LABEL_CHANGED = "FIELD_STRING_OR_BYTES_LABEL_CHANGED"
    REQUIRED_FIELD_ADDED = "REQUIRED_FIELD_ADDED"
    REQUIRED_FIELD_REMOVED = "REQUIRED_FIELD_REMOVED"
    ONEOF_ADDED = "ONEOF_ADDED"
    ONEOF_REMOVED = "ONEOF_REMOVED"
    ONEOF_FIELD_ADDED = "ONEOF_FIELD_ADDED"
    ONEOF_FIELD_REMOVED = "ONEOF_FIELD_REMOVED"
    ONEOF_FIELD_MOVED_TO_TOP_LEVEL = "ONEOF_FIELD_MOVED_TO_TOP_LEVEL"
    MULTIPLE_FIELDS_MOVED_TO_ONEOF = "MULTIPLE_FIELDS_MOVED_TO_ONEOF"
    FIELD_MOVED_TO_EXISTING_ONEOF = "FIELD_MOVED_TO_EXISTING_ONEOF"


INCOMPATIBLE: Final = {
    Change.PACKAGE_CHANGED: "The package at '{path}' in the %1$s schema does not match the package in the %2$s schema",
    Change.MESSAGE_REMOVED: "The %1$s schema is missing a MESSAGE type at path '{path}' in the %2$s schema",
    Change.FIELD_KIND_CHANGED: "The type of a field at path '{path}' in the %1$s schema does not match the %2$s schema",
    Change.FIELD_SCALAR_KIND_CHANGED: "The kind of a SCALAR field at path '{path}' in the %1$s schema does not match its "
    "kind in the %2$s schema",
    Change.FIELD_NAMED_TYPE_CHANGED: "The type of a MESSAGE field at path '{path}' in the %1$s schema does not match its "
    "type in the %2$s schema",
    Change.FIELD_NUMERIC_LABEL_CHANGED: "The label for a NUMERIC field at path '{path}' in the %1$s schema does not match "
    "its label in the %2$s schema",
    # The two blanks and the colon below are the original's: clients compare these texts.
    Change.REQUIRED_FIELD_ADDED: "A required field  at path '{path}' in the %1$s schema is missing in the %2$s schema",
    Change.REQUIRED_FIELD_REMOVED: "The %1$s schema is missing a required field at path: '{path}' in the %2$s schema",
    Change.ONEOF_FIELD_REMOVED: "The %1$s schema is missing a oneof field at path '{path}' in the %2$s schema",
    Change.MULTIPLE_FIELDS_MOVED_TO_ONEOF: "Multiple fields in the oneof at path '{path}' in the %1$s schema are outside "
    "a oneof in the %2$s schema",
    Change.FIELD_MOVED_TO_EXISTING_ONEOF: "A field in the oneof at path '{path}' in the %1$s schema is outside an existing "
    "oneof in the %2$s schema",
}
"""What a reader with the later schema does not survive, and how it is told; every other change is harmless."""


class Difference(NamedTuple):
    """A change and where: `#/Message/Nested/oneof/tag`."""

    change: Change
    path: str

    @property
    def is_compatible(self) -> bool:
        return self.change not in INCOMPATIBLE

    @property
    def text(self) -> str:
        """How the registry tells it, with `%1$s` for the reader's schema and `%2$s` for the writer's."""
        description = INCOMPATIBLE.get(self.change, "").format(path=self.path)
        return f'{{errorType:"{self.change}", description:"{description}"}}'


class _Wire(StrEnum):
    """Scalars that read each other's bytes."""

    GENERAL_NUMBER = "int32 int64 uint32 uint64 bool"
    SIGNED_NUMBER = "sint32 sint64"
    STRING_OR_BYTES = "string bytes"
    FIXED32 = "fixed32 sfixed32"
    FIXED64 = "fixed64 sfixed64"
    FLOAT = "float"
    DOUBLE = "double"


_WIRE_OF: Final = {name: wire for wire in _Wire for name in wire.value.split()}


class Side(NamedTuple):
    """One of the two schemas: its file, and its names."""

    file: ProtoFile
    names: Names


def differences(original: Side, update: Side) -> list[Difference]:
    """All that changed from `original` to `update`, in the order of the original, what is new behind it.

    Raises InvalidSchema where referenced messages are too entangled to be compared in bounded time.
    """
    found: list[Difference] = []
    budget = _Budget()
    comparison = _Comparison(
        original.names,
        update.names,
        (original.file.package or "", update.file.package or ""),
        budget,
        found,
    )
    if (original.file.package or None) != (update.file.package or None):
        comparison.add(Change.PACKAGE_CHANGED)
    comparison.compare_types(original.file.types, update.file.types)
    return found


class _Budget:
    """What one call may still spend, and what it has learnt about referenced messages."""

    __slots__ = ("_depth", "_remaining", "known")

    def __init__(self) -> None:
        self._depth = 0
        self._remaining = MAX_COMPARED_FIELDS
        self.known: dict[tuple[int, int], list[Difference]] = {}

    def enter(self, fields: int) -> None:
        """A message with so many fields is compared now, inside those entered before."""
        self._depth += 1
        self._remaining -= fields + 1
        if self._depth > MAX_DEPTH or self._remaining < 0:
            raise InvalidSchema(
                f"the messages refer to each other over more than {MAX_DEPTH} levels or in too many ways to be compared"
            )

    def leave(self) -> None:
        """It has been compared."""
        self._depth -= 1


class _Comparison:
    """Compares at one place: `path` of messages, oneofs and tags, `scope` the messages of it alone.

    `entered` has the original's messages whose fields are being compared: one that contains itself ends there.
    """

    __slots__ = (
        "_budget",
        "_entered",
        "_found",
        "_original",
        "_packages",
        "_path",
        "_scope",
        "_update",
        "met_itself",
    )

    def __init__(
        self,
        original: Names,
        update: Names,
        packages: tuple[str, str],
        budget: _Budget,
        found: list[Difference],
        scope: Sequence[str] = (),
        entered: frozenset[int] = frozenset(),
    ) -> None:
        self._original = original
        self._update = update
        self._packages = packages
        self._budget = budget
        self._found = found
        self._scope = list(scope)
        self._path = list(scope)
        self._entered = set(entered)
        self.met_itself = False

    def add(self, change: Change, *below: object) -> None:
        """Note a change here, or `below` here."""
        if len(self._found) < MAX_DIFFERENCES:
            self._found.append(Difference(change, "#/" + "/".join([*self._path, *map(str, below)])))

    # Types

    def compare_types(self, original: Sequence[Message | Enum], update: Sequence[Message | Enum]) -> None:
        """Compare what is defined here, by name."""
        self._compare_messages(_messages(original), _messages(update))
        originals, updates = _enums(original), _enums(update)
        for name in _all(originals, updates):
            if name not in updates:
                self.add(Change.ENUM_REMOVED, name)
            elif name not in originals:
                self.add(Change.ENUM_ADDED, name)
            else:
                self._compare_enums(originals[name], updates[name])

    def _compare_messages(self, originals: dict[str, Message], updates: dict[str, Message]) -> None:
        original_order = {name: index for index, name in enumerate(originals)}
        update_order = {name: index for index, name in enumerate(updates)}
        for name in _all(originals, updates):
            if name not in updates:
                if originals[name].entry_type() is None:
                    self.add(Change.MESSAGE_REMOVED, name)
            elif name not in originals:
                if updates[name].entry_type() is None:
                    self.add(Change.MESSAGE_ADDED, name)
            else:
                self._path.append(name)
                self._scope.append(name)
                self._compare_message(originals[name], updates[name])
                self._path.pop()
                self._scope.pop()
                if original_order[name] != update_order[name]:
                    # Data names its message by position, but in the schema it was written with.
                    self.add(Change.MESSAGE_MOVED, name)

    def _compare_enums(self, original: Enum, update: Enum) -> None:
        originals = {constant.tag: constant.name for constant in original.constants}
        updates = {constant.tag: constant.name for constant in update.constants}
        for tag in _all(originals, updates):
            if tag not in updates:
                self.add(Change.ENUM_CONST_REMOVED, original.name, tag)
            elif tag not in originals:
                self.add(Change.ENUM_CONST_ADDED, original.name, tag)
            elif originals[tag] != updates[tag]:
                self.add(Change.ENUM_CONST_CHANGED, original.name, tag)

    def _compare_message(self, original: Message, update: Message) -> None:
        self._budget.enter(len(original.fields) + len(update.fields) + len(update.oneofs))
        if id(original) in self._entered:
            self.met_itself = True
            self.compare_types(original.types, update.types)
        else:
            self._entered.add(id(original))
            self._compare_fields(_Fields(original), _Fields(update))
            self.compare_types(original.types, update.types)
            self._entered.remove(id(original))
        self._budget.leave()

    # Fields

    def _compare_fields(self, original: _Fields, update: _Fields) -> None:
        self._find_new_exclusions(original, update)
        for name in sorted({*original.oneofs, *update.oneofs}):
            if name not in update.oneofs:
                self.add(Change.ONEOF_REMOVED, name)
            elif name not in original.oneofs:
                self.add(Change.ONEOF_ADDED, name)
        for tag in sorted({*original.by_tag, *update.by_tag}):
            if tag not in update.by_tag:
                self._removed(tag, original, update)
            elif tag not in original.by_tag:
                self._added(tag, update)
            else:
                self._kept(tag, original, update)

    def _find_new_exclusions(self, original: _Fields, update: _Fields) -> None:
        """A oneof may gather fields that could be set together before: then one would be lost."""
        for name, tags in update.oneofs.items():
            known = [tag for tag in tags if tag in original.by_tag]
            from_top_level = [tag for tag in known if tag not in original.oneof_of]
            from_oneofs = {original.oneof_of[tag] for tag in known if tag in original.oneof_of}
            if len(from_top_level) + len(from_oneofs) > 1:
                several = len(from_top_level) > 1
                self.add(
                    Change.MULTIPLE_FIELDS_MOVED_TO_ONEOF
                    if several
                    else Change.FIELD_MOVED_TO_EXISTING_ONEOF,
                    name,
                )

    def _removed(self, tag: int, original: _Fields, update: _Fields) -> None:
        oneof = original.oneof_of.get(tag)
        if oneof is None:
            required = original.by_tag[tag].label == "required"
            self.add(Change.REQUIRED_FIELD_REMOVED if required else Change.FIELD_REMOVED, tag)
            return
        # A oneof that is gone with everything in it is no loss; a member that its siblings survive is.
        gone = oneof not in update.oneofs and not any(one in update.by_tag for one in original.oneofs[oneof])
        if not gone:
            self.add(Change.ONEOF_FIELD_REMOVED, oneof, tag)

    def _added(self, tag: int, update: _Fields) -> None:
        oneof = update.oneof_of.get(tag)
        if oneof is not None:
            self.add(Change.ONEOF_FIELD_ADDED, oneof, tag)
        else:
            required = update.by_tag[tag].label == "required"
            self.add(Change.REQUIRED_FIELD_ADDED if required else Change.FIELD_ADDED, tag)

    def _kept(self, tag: int, original: _Fields, update: _Fields) -> None:
        oneof = update.oneof_of.get(tag)
        if oneof is None and tag in original.oneof_of:
            self.add(Change.ONEOF_FIELD_MOVED_TO_TOP_LEVEL, tag)
        place = [str(tag)] if oneof is None else [oneof, str(tag)]
        self._path += place
        before, after = original.by_tag[tag], update.by_tag[tag]
        if before.name != after.name:
            self.add(Change.FIELD_NAME_CHANGED)
        self._compare_type_names(before.type, after.type, before.label, after.label)
        del self._path[-len(place) :]

    # What fields hold

    def _compare_type_names(
        self, original: str, update: str, original_label: str | None, update_label: str | None
    ) -> None:
        original_type = _Type.of(original, self._original, self._packages[0], self._scope)
        update_type = _Type.of(update, self._update, self._packages[1], self._scope)
        if original_type.kind != update_type.kind:
            self.add(Change.FIELD_KIND_CHANGED)
        elif original_type.entries is not None and update_type.entries is not None:
            for before, after in zip(original_type.entries, update_type.entries, strict=True):
                self._compare_type_names(before, after, None, None)
        elif original_type.wire is not None and update_type.wire is not None:
            self._compare_scalars(original_type.wire, update_type.wire, original_label, update_label)
        else:
            self._compare_message_types(original_type, update_type)

    def _compare_scalars(
        self, original: _Wire, update: _Wire, original_label: str | None, update_label: str | None
    ) -> None:
        if original is not update:
            self.add(Change.FIELD_SCALAR_KIND_CHANGED)
        elif original_label is not None and update_label is not None and original_label != update_label:
            self.add(
                Change.FIELD_STRING_OR_BYTES_LABEL_CHANGED
                if original is _Wire.STRING_OR_BYTES
                else Change.FIELD_NUMERIC_LABEL_CHANGED
            )

    def _compare_message_types(self, original: _Type, update: _Type) -> None:
        before, after = original.found, update.found
        if before is None or after is None:
            if original.name != update.name:
                self.add(Change.FIELD_NAMED_TYPE_CHANGED)
            return
        local_name = before.local_name(original.name)
        if local_name != after.local_name(update.name):
            self.add(Change.FIELD_NAMED_TYPE_CHANGED)
        elif not _is_same_version(before, after):
            changes = self._compare_referenced(before, after, local_name)
            for change in changes[: MAX_DIFFERENCES - len(self._found)]:
                self._found.append(change)
            if not all(change.is_compatible for change in changes):
                self.add(Change.FIELD_NAMED_TYPE_CHANGED)

    def _compare_referenced(
        self, original: NamedType, update: NamedType, local_name: str
    ) -> list[Difference]:
        """Compare two messages as if they stood alone; their changes have paths of their own."""
        if not isinstance(original.element, Message) or not isinstance(update.element, Message):
            return []
        key = id(original.element), id(update.element)
        known = self._budget.known.get(key)
        if known is not None:
            return known
        changes: list[Difference] = []
        inner = _Comparison(
            self._original,
            self._update,
            (original.package, update.package),
            self._budget,
            changes,
            local_name.split("."),
            frozenset(self._entered),
        )
        inner._compare_message(original.element, update.element)
        if inner.met_itself:
            # What was found depends on where it was entered from, so it cannot be used elsewhere.
            self.met_itself = True
        else:
            self._budget.known[key] = changes
        return changes


class _Fields:
    """The fields of a message by tag, those of its oneofs among them."""

    __slots__ = ("by_tag", "oneof_of", "oneofs")

    def __init__(self, message: Message) -> None:
        self.by_tag: dict[int, Field] = {field.tag: field for field in message.fields}
        self.oneofs: dict[str, list[int]] = {}
        self.oneof_of: dict[int, str] = {}
        for oneof in message.oneofs:
            self.oneofs[oneof.name] = [field.tag for field in oneof.fields]
            for field in oneof.fields:
                self.by_tag[field.tag] = field
                self.oneof_of[field.tag] = oneof.name


class _Type(NamedTuple):
    """What a field's type comes to: a scalar's `wire` (enums are numbers), a map's `entries`, or a message.

    `name` is the full one where the type was `found`, as written where it was not.
    """

    name: str
    found: NamedType | None = None
    wire: _Wire | None = None
    entries: tuple[str, str] | None = None

    @property
    def kind(self) -> str:
        return "SCALAR" if self.wire is not None else "MAP" if self.entries is not None else "MESSAGE"

    @classmethod
    def of(cls, written: str, names: Names, package: str, scope: Sequence[str]) -> _Type:
        if written in SCALARS:
            return cls(written, wire=_WIRE_OF[written])
        entries = map_types(written)
        if entries is not None:
            return cls(written, entries=entries)
        full_name = names.resolve(written, package, scope)
        found = None if full_name is None else names.find(full_name)
        if full_name is None or found is None:
            return cls(written)
        if isinstance(found.element, Enum):
            return cls(full_name, found, wire=_Wire.GENERAL_NUMBER)
        entry_type = found.element.entry_type()
        return cls(full_name, found, entries=None if entry_type is None else map_types(entry_type))


def _is_same_version(original: NamedType, update: NamedType) -> bool:
    before, after = original.reference, update.reference
    return (
        before is not None
        and after is not None
        and (before.subject, before.version) == (after.subject, after.version)
    )


def _messages(types: Iterable[Message | Enum]) -> dict[str, Message]:
    return {one.name: one for one in types if isinstance(one, Message)}


def _enums(types: Iterable[Message | Enum]) -> dict[str, Enum]:
    return {one.name: one for one in types if isinstance(one, Enum)}


def _all(first: Iterable[K], second: Iterable[K]) -> list[K]:
    return list(dict.fromkeys([*first, *second]))
