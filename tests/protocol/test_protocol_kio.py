"""A second judge, from the Python world: what `kio` reads out of our bytes, it writes as the same bytes."""

import importlib
import io
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kio.serial import entity_reader, entity_writer
from message_values import every_message, field_values

from ottla.protocol.codec import encode
from ottla.protocol.declare import Array, Field, Message, Primitive, Request, Struct
from ottla.protocol.errors import ErrorCode

# Where kio has types narrower than the wire (an enum of errors, dates, durations), a value has to fit those: it is a
# client for sensible brokers. Apache's own codecs are asked about every value in test_protocol_oracle.py.
MILLISECONDS_IN_KIO = st.integers(0, 2**31 - 1)


def kio_module(message: type[Message], version: int) -> ModuleType | None:
    """kio's module for `message` in `version`, or None where it has none."""
    api = message.__module__.rpartition(".")[2]
    kind = "request" if issubclass(message, Request) else "response"
    try:
        return importlib.import_module(f"kio.schema.{api}.v{version}.{kind}")
    except ModuleNotFoundError:
        return None


def sensible(struct: type[Struct], version: int) -> st.SearchStrategy[Struct]:
    """Values that fit kio's types."""
    return st.builds(struct, **{each.name: sensible_field(each, version) for each in struct.__fields__})


def sensible_field(each: Field, version: int) -> st.SearchStrategy[object]:
    if version not in each.versions:
        return field_values(each, version)
    if isinstance(each.type, Primitive):
        if each.name.endswith("error_code"):
            return st.sampled_from([int(code) for code in ErrorCode])
        if each.type.name in ("int32", "int64") and ("time" in each.name or each.name.endswith("_ms")):
            return MILLISECONDS_IN_KIO
        return field_values(each, version)
    if isinstance(each.type, Array):
        element = each.type.element
        if isinstance(element, type):
            return st.lists(sensible(element, version), max_size=3)
        return field_values(each, version)
    return sensible(each.type, version)


KNOWN = [
    (message, version)
    for message in every_message()
    for version in range(message.versions.low, message.versions.high + 1)
    if message.__name__.endswith(("Request", "Response")) and kio_module(message, version) is not None
]


def test_kio_knows_most_of_them() -> None:
    """The comparison below is not an empty one."""
    assert len(KNOWN) > 400


@pytest.mark.parametrize(("message", "version"), KNOWN, ids=lambda each: getattr(each, "__name__", each))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_kio_reads_and_writes_the_same_bytes(
    message: type[Message], version: int, data: st.DataObject
) -> None:
    """Our bytes through kio's reader and writer come out unchanged."""
    module = kio_module(message, version)
    assert module is not None
    theirs = getattr(module, message.__name__)
    encoded = encode(data.draw(sensible(message, version)), version)
    read, size = entity_reader(theirs)(encoded, 0)
    assert size == len(encoded)
    written = io.BytesIO()
    entity_writer(theirs)(written, read)
    assert written.getvalue().hex() == encoded.hex()
