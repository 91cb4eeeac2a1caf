"""The compiler of codecs: from a struct's declaration and a version to Python functions that read and write it.

For each (struct, version) one decoder and one encoder are written as Python source when first used: a flat function
without loops over fields, in which a run of fixed-width fields is a single `struct` call and the structs of an array stand
in the loop itself. So decoding costs what a hand-written parser would, and there is no second place that knows a layout.

A length or a count is believed only as far as the frame reaches, so nothing larger than the frame itself is ever allocated.

The lengths, by KIP-482: classic strings have an int16 in front, classic bytes and arrays an int32, -1 for null.
Flexible versions use unsigned varints of length + 1, 0 for null, and end each struct with its tagged fields.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import Struct as Packing
from struct import unpack_from
from typing import cast

from ottla.protocol.declare import (
    BOOL,
    BYTES,
    INT8,
    RECORDS,
    STRING,
    Array,
    Field,
    Primitive,
    Struct,
    WireType,
)
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.types import RecordsSource

Slices = list[tuple[int, RecordsSource]]
"""Record batches left out of line: each with the position, in the encoded bytes, at which its own bytes belong."""

Decoder = Callable[[memoryview, int, int], tuple[Struct, int]]
"""`(view, position, end) -> (struct, position behind it)`; raises `ProtocolError`, or `IndexError` and `struct.error` where
the bytes end early."""

Encoder = Callable[[Struct, bytearray, Slices], None]
"""`(struct, encoded, slices)`: appends to both."""

_MAX_VARINT_SHIFT = 28
_MAX_INT16 = 0x7FFF

_struct_decoders: dict[tuple[type[Struct], int, bool, int | None], Decoder] = {}
_struct_encoders: dict[tuple[type[Struct], int, bool], Encoder] = {}


def struct_decoder(
    struct: type[Struct], version: int, flexible: bool, most_elements: int | None = None
) -> Decoder:
    """What reads `struct` in `version`; compiled once.

    `most_elements`: of all its arrays together; None for as many as the bytes can hold.
    """
    key = (struct, version, flexible, most_elements)
    decoder = _struct_decoders.get(key)
    if decoder is None:
        source = _DecoderSource(struct, version, flexible, most_elements)
        decoder = _struct_decoders[key] = cast("Decoder", source.compile())
    return decoder


def struct_encoder(struct: type[Struct], version: int, flexible: bool) -> Encoder:
    """What writes `struct` in `version`; compiled once."""
    key = (struct, version, flexible)
    encoder = _struct_encoders.get(key)
    if encoder is None:
        encoder = _struct_encoders[key] = cast("Encoder", _EncoderSource(struct, version, flexible).compile())
    return encoder


def minimum_size(wire_type: WireType, version: int, flexible: bool) -> int:
    """The fewest bytes that a value of `wire_type` takes: what bounds the count of an array by the bytes left."""
    if isinstance(wire_type, Primitive):
        if wire_type.width >= 0:
            return wire_type.width
        return 1 if flexible else 2 if wire_type is STRING else 4
    if isinstance(wire_type, Array):
        return 1 if flexible else 4
    return (1 if flexible else 0) + sum(
        1
        if not isinstance(each.type, Primitive | Array) and version in each.nullable
        else minimum_size(each.type, version, flexible)
        for each in wire_type.__fields__
        if version in each.versions and version not in each.tagged
    )


class _Source:
    """Python source under construction for one struct in one version."""

    def __init__(self, struct: type[Struct], version: int, flexible: bool) -> None:
        self.struct = struct
        self.version = version
        self.flexible = flexible
        self.names: dict[str, object] = {
            "ProtocolError": ProtocolError,
            "Unsupported": UnsupportedVersionError,
        }
        self.lines: list[str] = []
        self.depth = 1
        self.level = 0
        """How many arrays of structs stand around the struct that is being written; tells its local names from theirs."""

    @property
    def made(self) -> str:
        """The local name of the struct that is being written."""
        return f"made{self.level}"

    @contextmanager
    def inside(self, element: type[Struct]) -> Iterator[None]:
        """Write the body of `element`, an array's, within the loop over its elements."""
        outer, self.struct = self.struct, element
        self.level += 1
        self.depth += 1
        yield
        self.depth -= 1
        self.level -= 1
        self.struct = outer

    def add(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def bind(self, value: object, name: str) -> str:
        """A name under which the source finds `value`."""
        unique = f"{name}_{len(self.names)}"
        self.names[unique] = value
        return unique

    def where(self, each: Field) -> str:
        return f"{self.struct.__name__}.{each.name}"

    def present(self) -> list[Field]:
        return [
            each
            for each in self.struct.__fields__
            if self.version in each.versions and self.version not in each.tagged
        ]

    def tagged(self) -> list[Field]:
        found = [
            each
            for each in self.struct.__fields__
            if self.flexible and self.version in each.versions and self.version in each.tagged
        ]
        return sorted(found, key=lambda each: each.tag or 0)

    def is_flexible(self, each: Field) -> bool:
        return self.flexible if each.flexible is None else self.version in each.flexible

    def is_nullable(self, each: Field) -> bool:
        return self.version in each.nullable

    def finish(self, head: str) -> object:
        source = head + "\n" + "\n".join(self.lines)
        exec(compile(source, f"<{self.struct.__name__} version {self.version}>", "exec"), self.names)  # noqa: S102 - our own declarations
        return self.names["coded"]


def _fixed_runs(fields: list[Field]) -> list[list[Field]]:
    """The fields in order, neighbours of fixed width together: each such run is one `struct` call."""
    runs: list[list[Field]] = []
    for each in fields:
        fixed = isinstance(each.type, Primitive) and each.type.width >= 0
        if fixed and runs and _is_fixed(runs[-1][0]):
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def _is_fixed(each: Field) -> bool:
    return isinstance(each.type, Primitive) and each.type.width >= 0


def _packing(fields: list[Field]) -> Packing:
    return Packing(">" + "".join(each.type.code for each in fields if isinstance(each.type, Primitive)))


class _DecoderSource(_Source):
    """Writes `coded(view, at, end) -> (struct, position behind it)`. `made0` is the struct, `at` the position."""

    def __init__(self, struct: type[Struct], version: int, flexible: bool, most_elements: int | None) -> None:
        super().__init__(struct, version, flexible)
        self.most_elements = most_elements

    def compile(self) -> object:
        if self.most_elements is not None:
            self.add("taken = 0")
        self.names["new"] = self.struct.__new__
        self.names["read_varint"] = _read_varint
        self.add_body()
        self.add(f"return {self.made}, at")
        return self.finish("def coded(view, at, end):")

    def add_body(self) -> None:
        """Reads one struct."""
        made = self.made
        self.add(f"{made} = new({self.bind(self.struct, 'struct')})")
        present, tagged = self.present(), self.tagged()
        for each in self.struct.__fields__:
            if each not in present:
                self.add_default(each)
        for run in _fixed_runs(present):
            if _is_fixed(run[0]):
                self.add_fixed(run)
            else:
                self.add_variable(run[0], f"{made}.{run[0].name}")
        if self.flexible:
            self.add_tagged(tagged)

    def add_default(self, each: Field) -> None:
        value = each.factory if each.factory is not None else each.default
        name = self.bind(value, each.name)
        self.add(f"{self.made}.{each.name} = {name}" + ("()" if each.factory is not None else ""))

    def add_fixed(self, run: list[Field]) -> None:
        packing = _packing(run)
        if len(run) == 1 and run[0].type == INT8:
            self.add("number = view[at]")
            self.add(f"{self.made}.{run[0].name} = number if number < 128 else number - 256")
        elif len(run) == 1 and run[0].type == BOOL:
            self.add(f"{self.made}.{run[0].name} = view[at] != 0")
        else:
            targets = ", ".join(f"{self.made}.{each.name}" for each in run)
            comma = "," if len(run) == 1 else ""
            self.add(f"{targets}{comma} = {self.bind(packing.unpack_from, 'unpack')}(view, at)")
        self.add(f"at += {packing.size}")

    def add_variable(self, each: Field, target: str) -> None:
        if isinstance(each.type, Array):
            self.add_array(each, each.type, target)
        elif isinstance(each.type, Primitive):
            self.add_sized(
                each.type, self.is_flexible(each), self.is_nullable(each), target, self.where(each)
            )
        else:
            self.add_struct(each, each.type, target)

    def add_length(self, width: int, flexible: bool) -> None:
        """Leaves a length in `size`, negative for null, and `at` behind it."""
        if flexible:
            self.add("size = view[at]")
            self.add("at += 1")
            self.add("if size > 127:")
            self.add("    more = view[at]")
            self.add("    if more < 128:")  # two bytes: up to 16 KB
            self.add("        size = size & 127 | more << 7")
            self.add("        at += 1")
            self.add("    else:")
            self.add("        size, at = read_varint(view, at, size)")
            self.add("size -= 1")
        elif width == 2:
            self.add("size = view[at] << 8 | view[at + 1]")
            self.add("at += 2")
            self.add("if size > 32767:")
            self.add("    size = -1")
        else:
            self.names["int32"] = _INT32.unpack_from
            self.add("size, = int32(view, at)")
            self.add("at += 4")

    def add_sized(
        self, wire_type: Primitive, flexible: bool, nullable: bool, target: str, where: str
    ) -> None:
        self.add_length(2 if wire_type is STRING else 4, flexible)
        self.add("if size < 0:")
        self.add(
            f"    {target} = None"
            if nullable
            else f"    raise ProtocolError('{where} is null, which version {self.version} does not allow')"
        )
        self.add("else:")
        self.depth += 1
        if wire_type is STRING and flexible:
            # The length would have room for more; Apache's generated decoders refuse it all the same.
            self.add(f"if size > {_MAX_INT16}:")
            self.add(f"    raise ProtocolError(f'{where} takes {{size}} bytes; {_MAX_INT16} is the most')")
        self.add("stop = at + size")
        self.add("if stop > end:")
        self.add(f"    raise ProtocolError(f'{where} claims {{size}} bytes where {{end - at}} are left')")
        if wire_type is STRING:
            self.add(f"{target} = str(view[at:stop], 'utf-8', 'replace')")
        elif wire_type is BYTES:
            self.add(f"{target} = bytes(view[at:stop])")
        else:
            self.add(f"{target} = view[at:stop]")
        self.add("at = stop")
        self.depth -= 1

    def add_struct(self, each: Field, struct: type[Struct], target: str) -> None:
        nested = self.bind(struct_decoder(struct, self.version, self.flexible, self.most_elements), "nested")
        if not self.is_nullable(each):
            self.add(f"{target}, at = {nested}(view, at, end)")
            return
        # A nullable struct has a byte in front, negative for null (KIP-893); a tagged one an unsigned varint, 0 for null.
        self.add("if view[at] == 0:" if self.version in each.tagged else "if view[at] > 127:")
        self.add("    at += 1")
        self.add(f"    {target} = None")
        self.add("else:")
        self.add(f"    {target}, at = {nested}(view, at + 1, end)")

    def add_count(self, counted: str) -> None:
        """Stops at too many elements. `least` bytes of a frame become a hundred of memory, and take a microsecond."""
        if self.most_elements is not None:
            self.add(f"taken += {counted}")
            self.add(f"if taken > {self.most_elements}:")
            self.add(
                f"    raise ProtocolError('{self.struct.__name__} and what stands around it has more than "
                f"{self.most_elements} elements')"
            )

    def add_array(self, each: Field, wire_type: Array, target: str) -> None:
        where, element, flexible = self.where(each), wire_type.element, self.is_flexible(each)
        self.add_length(4, flexible)
        self.add("if size < 0:")
        self.add(
            f"    {target} = None"
            if self.is_nullable(each)
            else f"    raise ProtocolError('{where} is null, which version {self.version} does not allow')"
        )
        self.add("else:")
        self.depth += 1
        least = max(1, minimum_size(element, self.version, flexible))
        self.add(f"if size * {least} > end - at:")
        self.add(
            f"    raise ProtocolError(f'{where} claims {{size}} elements where {{end - at}} bytes are left')"
        )
        self.add_count("size")
        if isinstance(element, Primitive) and element.width >= 0:
            self.names["unpack_from"] = unpack_from
            if element.name == "uuid":
                self.add(f"{target} = list(unpack_from('>' + '16s' * size, view, at))")
            else:
                self.add(f"{target} = list(unpack_from(f'>{{size}}{element.code}', view, at))")
            self.add(f"at += size * {element.width}")
        else:
            elements = f"elements{self.level}"
            self.add(f"{elements} = []")
            self.add(f"{target} = {elements}")
            # the length of an element that is itself sized would overwrite `size`: the count is taken first
            self.add("for _ in range(size):")
            if isinstance(element, Primitive):
                self.depth += 1
                self.add_sized(element, flexible, False, "element", where)
                self.add(f"{elements}.append(element)")
                self.depth -= 1
            elif isinstance(element, Array):
                raise TypeError(f"{where}: an array of arrays has no place in Kafka's messages")
            else:
                with self.inside(element):
                    self.add_body()
                    self.add(f"{elements}.append({self.made})")
        self.depth -= 1

    def add_tagged(self, tagged: list[Field]) -> None:
        self.add("count = view[at]")
        self.add("at += 1")
        self.add("if count:")
        self.depth += 1
        self.add("if count > 127:")
        self.add("    count, at = read_varint(view, at, count)")
        self.add("if count * 2 > end - at:")
        self.add(
            f"    raise ProtocolError(f'{self.struct.__name__} claims {{count}} tagged fields where {{end - at}} "
            "bytes are left')"
        )
        self.add_count("count")
        # Fields of a tagged struct's own come in between: these three have to be told from theirs.
        outer_end, last_tag = f"outer_end{self.level}", f"last_tag{self.level}"
        self.add(f"{outer_end} = end")
        self.add(f"{last_tag} = -1")
        self.add("for _ in range(count):")
        self.depth += 1
        self.add("tag, at = read_varint(view, at + 1, view[at])")
        self.add(f"if tag <= {last_tag}:")
        self.add(f"    raise ProtocolError('{self.struct.__name__} has its tagged fields out of order')")
        self.add(f"{last_tag} = tag")
        self.add("extent, at = read_varint(view, at + 1, view[at])")
        self.add("end = at + extent")
        self.add(f"if end > {outer_end}:")
        self.add(
            f"    raise ProtocolError(f'{self.struct.__name__} tag {{tag}} claims {{extent}} bytes where "
            f"{{{outer_end} - at}} are left')"
        )
        for number, each in enumerate(tagged):
            self.add(f"{'if' if number == 0 else 'elif'} tag == {each.tag}:")
            self.depth += 1
            self.add_one_tagged(each)
            self.depth -= 1
        self.add("at = end" if not tagged else "else:")
        if tagged:
            self.add("    at = end")
        self.add("if at != end:")
        self.add(f"    raise ProtocolError(f'{self.struct.__name__} tag {{tag}} does not end where it says')")
        self.depth -= 1
        self.add(f"end = {outer_end}")
        self.depth -= 1

    def add_one_tagged(self, each: Field) -> None:
        if _is_fixed(each):
            self.add_fixed([each])
        else:
            self.add_variable(each, f"{self.made}.{each.name}")


class _EncoderSource(_Source):
    """Writes `coded(made0, out, slices)`, which appends to `out`."""

    def compile(self) -> object:
        self.names["varint"] = _varint
        self.add_body("out")
        self.add("return")
        return self.finish(f"def coded({self.made}, out, slices):")

    def add_body(self, out: str) -> None:
        """Writes one struct."""
        made = self.made
        present, tagged = self.present(), self.tagged()
        for each in self.struct.__fields__:
            if each not in present and each not in tagged and not each.ignorable:
                self.add_absent(each)
        for run in _fixed_runs(present):
            if _is_fixed(run[0]):
                values = ", ".join(f"{made}.{each.name}" for each in run)
                self.add(f"{out} += {self.bind(_packing(run).pack, 'pack')}({values})")
            else:
                self.add(f"value = {made}.{run[0].name}")
                self.add_variable(run[0], "value", out)
        if self.flexible:
            self.add_tagged(tagged, out)

    def differs(self, each: Field, value: str) -> str:
        """An expression: does `value` differ from the field's default?"""
        if each.default is None and each.factory is None:
            return f"{value} is not None"
        if each.factory is list:
            return value if self.is_nullable(each) is False else f"{value} is None or {value}"
        default = self.bind(each.default_value(), "default")
        if isinstance(each.type, Primitive):
            return f"{value} != {default}"
        return f"{value} is not {default} and {value} != {default}"

    def add_absent(self, each: Field) -> None:
        self.add(f"if {self.differs(each, f'{self.made}.{each.name}')}:")
        self.add(
            f"    raise Unsupported(f'{self.where(each)} is {{{self.made}.{each.name}!r}}, for which version "
            f"{self.version} has no place')"
        )

    def add_variable(self, each: Field, value: str, out: str) -> None:
        if isinstance(each.type, Array):
            self.add_array(each, each.type, value, out)
        elif isinstance(each.type, Primitive):
            self.add_sized(
                each.type, self.is_flexible(each), self.is_nullable(each), value, out, self.where(each)
            )
        else:
            nested = self.bind(struct_encoder(each.type, self.version, self.flexible), "nested")
            if self.is_nullable(each):
                self.add(f"if {value} is None:")
                self.add(f"    {out}.append({0 if self.version in each.tagged else 255})")
                self.add("else:")
                self.add(f"    {out}.append(1)")
                self.add(f"    {nested}({value}, {out}, slices)")
            else:
                self.add(f"{nested}({value}, {out}, slices)")

    def add_null(self, width: int, flexible: bool, nullable: bool, value: str, out: str, where: str) -> None:
        self.add(f"if {value} is None:")
        if nullable:
            null = b"\0" if flexible else b"\xff" * width
            self.add(f"    {out} += {null!r}")
        else:
            self.add(f"    raise ValueError('{where} is None, which version {self.version} does not allow')")
        self.add("else:")

    def add_sized(
        self, wire_type: Primitive, flexible: bool, nullable: bool, value: str, out: str, where: str
    ) -> None:
        width = 2 if wire_type is STRING else 4
        self.add_null(width, flexible, nullable, value, out, where)
        self.depth += 1
        if wire_type is RECORDS:
            self.names["in_memory"] = (bytes, bytearray, memoryview)
            self.add(f"held = isinstance({value}, in_memory)")
            self.add(f"size = len({value}) if held else {value}.size_in_bytes")
        else:
            if wire_type is STRING:
                self.add(f"{value} = {value}.encode('utf-8', 'replace')")
            self.add(f"size = len({value})")
        if flexible:
            self.add("if size < 127:")
            self.add(f"    {out}.append(size + 1)")
            self.add("else:")
            self.add(f"    {out} += varint(size + 1)")
        else:
            if wire_type is STRING:
                self.add(f"if size > {_MAX_INT16}:")
                self.add(f"    raise ValueError(f'{where} takes {{size}} bytes; {_MAX_INT16} is the most')")
            self.add(f"{out} += size.to_bytes({width}, 'big')")
        if wire_type is RECORDS:
            self.add("if held:")
            self.add(f"    {out} += {value}")
            self.add("else:")
            self.add(f"    slices.append((len({out}), {value}))")
        else:
            self.add(f"{out} += {value}")
        self.depth -= 1

    def add_array(self, each: Field, wire_type: Array, value: str, out: str) -> None:
        where, element, flexible = self.where(each), wire_type.element, self.is_flexible(each)
        self.add_null(4, flexible, self.is_nullable(each), value, out, where)
        self.depth += 1
        self.add(f"size = len({value})")
        if flexible:
            self.add(f"if size < 127: {out}.append(size + 1)")
            self.add(f"else: {out} += varint(size + 1)")
        else:
            self.add(f"{out} += size.to_bytes(4, 'big')")
        if isinstance(element, Primitive) and element.width >= 0:
            self.names["Packing"] = Packing
            code = "'16s' * size" if element.name == "uuid" else f"f'{{size}}{element.code}'"
            self.add(f"{out} += Packing('>' + {code}).pack(*{value})")
        elif isinstance(element, Primitive):
            self.add(f"for element in {value}:")
            self.depth += 1
            self.add_sized(element, flexible, False, "element", out, where)
            self.depth -= 1
        elif isinstance(element, Array):
            raise TypeError(f"{where}: an array of arrays has no place in Kafka's messages")
        else:
            self.add(f"for made{self.level + 1} in {value}:")
            with self.inside(element):
                self.add_body(out)
        self.depth -= 1

    def add_tagged(self, tagged: list[Field], out: str) -> None:
        if not tagged:
            self.add(f"{out}.append(0)")
            return
        # Most tagged fields are at their default most of the time: then the section is one zero byte.
        parts, part = f"parts{self.level}", f"part{self.level}"
        self.add(f"{parts} = []")
        for each in tagged:
            self.add(f"value = {self.made}.{each.name}")
            self.add(f"if {self.differs(each, 'value')}:")
            self.depth += 1
            self.add(f"{part} = bytearray()")
            if _is_fixed(each):
                self.add(f"{part} += {self.bind(_packing([each]).pack, 'pack')}(value)")
            else:
                self.add_variable(each, "value", part)
            self.add(f"{parts}.append(({each.tag}, {part}))")
            self.depth -= 1
        self.add(f"if {parts}:")
        self.add(f"    {out} += varint(len({parts}))")
        self.add(f"    for tag, {part} in {parts}:")
        self.add(f"        {out} += varint(tag)")
        self.add(f"        {out} += varint(len({part}))")
        self.add(f"        {out} += {part}")
        self.add("else:")
        self.add(f"    {out}.append(0)")


_INT32 = Packing(">i")


def _read_varint(view: memoryview, at: int, first: int) -> tuple[int, int]:
    """The unsigned varint whose first byte, `first`, stood right before `at`: 7 bits a byte, lowest first."""
    value = first & 127
    shift = 7
    while first > 127:
        if shift > _MAX_VARINT_SHIFT:
            raise ProtocolError("an unsigned varint is longer than 5 bytes")
        first = view[at]
        at += 1
        value |= (first & 127) << shift
        shift += 7
    return value & 0xFFFFFFFF, at


def _varint(value: int) -> bytes:
    if value < 128:
        return _ONE_BYTE[value]
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_ONE_BYTE = [bytes([value]) for value in range(128)]
