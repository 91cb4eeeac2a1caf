"""Our bytes are Apache's bytes: every message, every version, on made-up values, both ways."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_values import apache_class, every_message, message_as_json, structs

from java_oracle import JavaOracle, OracleError
from ottla.protocol.codec import decode, encode
from ottla.protocol.declare import Message

MESSAGES = every_message()


def oracle_for(message: type[Message], new: JavaOracle, old: JavaOracle) -> JavaOracle:
    """4.1.1's codecs, or 3.9.1's for what 4.x dropped, whole or in part."""
    versions = new.versions.get(apache_class(message))
    return new if versions == tuple(message.versions) else old


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_bytes_equal_apaches(
    java_oracle: JavaOracle, java_oracle_3_9: JavaOracle, message: type[Message], data: st.DataObject
) -> None:
    """A value of each version, encoded by us and by Apache, is the same bytes; decoded again it is the value."""
    versions = range(message.versions.low, message.versions.high + 1)
    values = [data.draw(structs(message, version), label=f"version {version}") for version in versions]
    ours = [encode(value, version) for value, version in zip(values, versions, strict=True)]
    for value, version, encoded in zip(values, versions, ours, strict=True):
        assert decode(message, version, encoded) == value
    oracle = oracle_for(message, java_oracle, java_oracle_3_9)
    theirs = oracle.encode_many(
        (apache_class(message), version, message_as_json(value, version))
        for value, version in zip(values, versions, strict=True)
    )
    for version, encoded, expected in zip(versions, ours, theirs, strict=True):
        assert not isinstance(expected, OracleError), f"version {version}: {expected}"
        assert encoded.hex() == expected.hex(), f"version {version}"
