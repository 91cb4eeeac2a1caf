"""Whatever bytes come from outside: a message or one `ProtocolError`, in time and memory bounded by the frame."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_values import every_message, structs

from ottla.protocol.codec import decode, decode_versioned, encode
from ottla.protocol.declare import Message, RecordKey, Request, Struct
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.framing import decode_request_header, encode_request, encode_response, peek
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.controlled_shutdown import ControlledShutdownRequest
from ottla.protocol.messages.fetch import (
    FetchableTopicResponse,
    FetchResponse,
    LeaderIdAndEpoch,
    PartitionData,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.offset_commit_record import OffsetCommitKey, OffsetCommitValue
from ottla.protocol.messages.produce import ProduceRequest

MESSAGES = every_message()
REQUESTS = [message for message in MESSAGES if issubclass(message, Request)]
RELAXED = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def accepts_or_refuses(message: type[Message], version: int, hostile: bytes) -> None:
    """Decodes; anything but a message or a ProtocolError fails the test."""
    try:
        decoded = decode(message, version, hostile)
    except ProtocolError:
        return
    assert isinstance(decoded, message)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@RELAXED
@given(data=st.data())
def test_random_bytes(message: type[Message], data: st.DataObject) -> None:
    """Random bytes in any version."""
    version = data.draw(st.integers(message.versions.low, message.versions.high))
    accepts_or_refuses(message, version, data.draw(st.binary(max_size=200)))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
@RELAXED
@given(data=st.data())
def test_truncated_and_mutated_bytes(message: type[Message], data: st.DataObject) -> None:
    """A good message with a piece overwritten, then cut."""
    version = data.draw(st.integers(message.versions.low, message.versions.high))
    encoded = bytearray(encode(data.draw(structs(message, version)), version))
    at = data.draw(st.integers(0, len(encoded)))
    piece = data.draw(
        st.binary(max_size=5) | st.sampled_from([b"\xff" * 5, b"\x7f\xff\xff\xff", b"\x80" * 6])
    )
    encoded[at : at + len(piece)] = piece
    accepts_or_refuses(message, version, bytes(encoded[: data.draw(st.integers(0, len(encoded)))]))


@pytest.mark.parametrize("message", REQUESTS, ids=lambda message: message.__name__)
def test_every_proper_prefix_is_refused(message: type[Message]) -> None:
    """A default message cut at each byte: never taken for a whole one, since each field is needed."""
    for version in range(message.versions.low, message.versions.high + 1):
        encoded = encode(message(), version)
        for size in range(len(encoded)):
            with pytest.raises(ProtocolError):
                decode(message, version, encoded[:size])


CLAIMS = [
    pytest.param(MetadataRequest, 1, b"\x7f\xff\xff\xff", id="array of 2^31-1"),
    pytest.param(MetadataRequest, 9, b"\xff\xff\xff\xff\x0f", id="compact array of 2^32-2"),
    pytest.param(MetadataRequest, 9, b"\x80\x80\x80\x80\x80\x01", id="varint of 6 bytes"),
    pytest.param(ProduceRequest, 3, b"\x7f\xff" + b"x" * 20, id="string of 32767"),
    pytest.param(MetadataRequest, 9, b"\x01\x00\x00\x00\xff\xff\xff\xff\x0f", id="2^32-1 tagged fields"),
    pytest.param(
        MetadataRequest, 9, b"\x01\x00\x00\x00\x01\x63\xff\xff\xff\xff\x0f", id="tagged field of 2^32-1"
    ),
    pytest.param(ApiVersionsRequest, 3, b"\x00\x02x\x00", id="null where null is not allowed"),
]


@pytest.mark.parametrize(("message", "version", "hostile"), CLAIMS)
def test_a_length_that_the_frame_cannot_hold_allocates_nothing(
    message: type[Message], version: int, hostile: bytes
) -> None:
    """A few bytes that claim gigabytes cost a few kilobytes and an error."""
    with pytest.raises(ProtocolError):
        decode(message, version, hostile)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            decode(message, version, hostile)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("message", "version"),
    [
        (lambda text: ProduceRequest(transactional_id=text), 9),
        (lambda text: FindCoordinatorRequest(coordinator_keys=[text]), 4),
    ],
    ids=["field", "element"],
)
def test_a_string_has_a_bound_in_flexible_versions_too(
    message: Callable[[str], Message], version: int
) -> None:
    """32,767 bytes: strings are hashed, compared, kept as keys and put into records, where the frame's size is no bound."""
    longest = message("x" * 32_767)
    assert decode(type(longest), version, encode(longest, version)) == longest
    longer = encode(message("x" * 32_768), version)
    with pytest.raises(ProtocolError, match="takes 32768 bytes; 32767 is the most"):
        decode(type(longest), version, longer)


def test_unknown_tagged_fields_are_skipped() -> None:
    """A newer client's tagged field does not disturb (KIP-482); a tag given twice, or out of order, does."""
    known = encode(MetadataRequest(topics=None), 9)
    assert known.endswith(b"\x00")
    assert decode(MetadataRequest, 9, known[:-1] + b"\x01\x07\x02ab") == MetadataRequest(topics=None)
    with pytest.raises(ProtocolError, match="out of order"):
        decode(MetadataRequest, 9, known[:-1] + b"\x02\x07\x00\x07\x00")


def test_values_that_a_version_cannot_carry() -> None:
    """A field without a place is refused by name; one that may be left out is left out."""
    with pytest.raises(UnsupportedVersionError, match="allow_auto_topic_creation"):
        encode(MetadataRequest(allow_auto_topic_creation=False), 1)
    assert decode(MetadataResponse, 0, encode(MetadataResponse(cluster_id="left out"), 0)).cluster_id is None
    with pytest.raises(UnsupportedVersionError, match="no version 99"):
        encode(MetadataRequest(), 99)


def test_values_that_the_wire_cannot_hold() -> None:
    """Out of range, too long, None or of another type: a ValueError that names the message."""
    with pytest.raises(ValueError, match="ProduceRequest version 9"):
        encode(ProduceRequest(acks=40_000), 9)
    with pytest.raises(ValueError, match="transactional_id takes 40000 bytes"):
        encode(ProduceRequest(transactional_id="x" * 40_000), 3)
    with pytest.raises(ValueError, match="topic_data is None"):
        encode(ProduceRequest(topic_data=None), 9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wrong type"):
        encode(ProduceRequest(transactional_id=5), 9)  # type: ignore[arg-type]


def test_coordinator_records_say_their_type_first() -> None:
    """The two bytes in front: the record type for a key, the version for a value."""
    from ottla.protocol.codec import encode_versioned

    key, value = OffsetCommitKey(group="g", topic="t", partition=3), OffsetCommitValue(offset=7, metadata="m")
    assert encode_versioned(key)[:2] == b"\x00\x01"
    assert decode_versioned(OffsetCommitKey, encode_versioned(key)) == key
    assert encode_versioned(value, 3)[:2] == b"\x00\x03"
    assert decode_versioned(OffsetCommitValue, encode_versioned(value, 3)) == value
    with pytest.raises(UnsupportedVersionError, match="record type 1, not 2"):
        decode_versioned(OffsetCommitKey, b"\x00\x02" + encode(key, 0))
    with pytest.raises(ProtocolError):
        decode_versioned(OffsetCommitValue, b"\x00")
    assert issubclass(OffsetCommitKey, RecordKey)


class FileRange:
    """Record batches that are elsewhere."""

    size_in_bytes = 1000


def test_batches_that_are_not_in_memory_stay_out_of_line() -> None:
    """The frame counts their bytes, and tells where these belong."""
    partition = PartitionData(partition_index=1, records=FileRange())
    response = FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=[partition])])
    frame, [(position, source)] = encode_response(response, 12, 99)
    in_memory = PartitionData(partition_index=1, records=bytes(1000))
    whole, nothing = encode_response(
        FetchResponse(responses=[FetchableTopicResponse(topic="t", partitions=[in_memory])]), 12, 99
    )
    assert nothing == []
    assert source is partition.records
    assert bytes(frame[:position]) + bytes(1000) + bytes(frame[position:]) == whole


def test_headers() -> None:
    """Flexible requests have the longer header; ApiVersions is answered with the short one, in every version."""
    frame = memoryview(encode_request(MetadataRequest(), 12, 5, "me"))[4:]
    assert peek(frame).correlation_id == 5
    header, end = decode_request_header(frame, MetadataRequest, 12)
    assert (header.client_id, bytes(frame[end:])) == ("me", encode(MetadataRequest(), 12))
    assert encode_response(ApiVersionsResponse(), 4, 5)[0][8:] == encode(ApiVersionsResponse(), 4)
    assert encode_response(MetadataResponse(), 12, 5)[0][8:9] == b"\x00"
    assert len(encode_request(ControlledShutdownRequest(), 0, 5, "me")) == 4 + 8 + len(
        encode(ControlledShutdownRequest(), 0)
    )
    with pytest.raises(ProtocolError):
        peek(memoryview(b"1234567"))


def test_structs_are_values() -> None:
    """They compare by their fields, print them, and share no default list."""
    one, other = MetadataRequest(), MetadataRequest()
    assert one == other
    assert one.topics is not None
    one.topics.append(MetadataRequest.__fields__[0].type.element(name="t"))  # type: ignore[union-attr]
    assert one != other
    assert one != "MetadataRequest"
    assert "name='t'" in repr(one)
    assert isinstance(one, Struct)
    with pytest.raises(TypeError):
        MetadataRequest(no_such_field=1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        one.no_such_field = 1  # type: ignore[attr-defined]


def test_a_shared_default_cannot_be_changed() -> None:
    """Small structs share one default, which refuses to be written to and says what to do; a struct of one's own is free."""
    partition = PartitionData()
    with pytest.raises(AttributeError, match="assign a new one"):
        partition.current_leader.leader_id = 3
    assert partition.current_leader == LeaderIdAndEpoch()
    assert repr(partition.current_leader) == repr(LeaderIdAndEpoch())
    partition.current_leader = LeaderIdAndEpoch(leader_id=3)
    partition.current_leader.leader_epoch = 4
    assert PartitionData().current_leader == LeaderIdAndEpoch(leader_id=-1, leader_epoch=-1)
