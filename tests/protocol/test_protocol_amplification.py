"""Requests that are small on the wire and large in memory: three bytes of an array can become a hundred, and a microsecond."""

from __future__ import annotations

import struct
import tracemalloc

import pytest

from ottla.protocol.codec import LARGE_BYTES, MOST_ELEMENTS, decode, encode
from ottla.protocol.compiler import struct_decoder
from ottla.protocol.errors import ProtocolError
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest
from ottla.protocol.messages.list_offsets import ListOffsetsRequest
from ottla.protocol.messages.metadata import MetadataResponse, MetadataResponseBroker
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)


def varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def topics_of_nothing(count: int) -> bytes:
    """ListOffsets version 10 with so many topics, each of an empty name and no partition."""
    return struct.pack(">ib", -1, 0) + varint(count + 1) + b"\x01\x01\x00" * count + b"\0\0\0\0" + b"\0"


def tags_of_nothing(count: int) -> bytes:
    """The same without a topic, and with so many tagged fields."""
    tags = b"".join(varint(tag) + b"\0" for tag in range(count))
    return struct.pack(">ib", -1, 0) + varint(1) + b"\0\0\0\0" + varint(count) + tags


@pytest.mark.parametrize(
    ("request_class", "version", "content"),
    [
        (ListOffsetsRequest, 10, topics_of_nothing(MOST_ELEMENTS + 1)),
        (ListOffsetsRequest, 10, tags_of_nothing(MOST_ELEMENTS + 1)),
        (DescribeGroupsRequest, 5, varint(LARGE_BYTES + 2) + b"\x01" * (LARGE_BYTES + 1) + b"\0\0"),
    ],
    ids=["structs", "tags", "strings"],
)
def test_too_many_elements_are_refused_before_they_cost_anything(
    request_class: type[ListOffsetsRequest], version: int, content: bytes
) -> None:
    """Apache's CVE-2026-111108 (arrays) and CVE-2026-111115 (tagged fields)."""
    assert len(content) > LARGE_BYTES
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="more than 1000000 elements"):
            decode(request_class, version, content)
        assert tracemalloc.get_traced_memory()[1] < LARGE_BYTES
    finally:
        tracemalloc.stop()


def commit(topics: int, partitions: int) -> OffsetCommitRequest:
    return OffsetCommitRequest(
        group_id="g",
        topics=[
            OffsetCommitRequestTopic(
                name=f"topic-{number}",
                partitions=[OffsetCommitRequestPartition(partition_index=each) for each in range(partitions)],
            )
            for number in range(topics)
        ],
    )


@pytest.mark.parametrize(
    ("topics", "partitions", "fit"),
    [(2, 4, True), (3, 3, False), (1, 9, True), (10, 0, True), (11, 0, False)],
)
def test_elements_of_all_arrays_count_together(topics: int, partitions: int, fit: bool) -> None:
    """Of those inside of others, too."""
    content = memoryview(encode(commit(topics, partitions), 8))
    read = struct_decoder(OffsetCommitRequest, 8, True, 10)
    if fit:
        assert read(content, 0, len(content))[0] == commit(topics, partitions)
    else:
        with pytest.raises(ProtocolError, match="more than 10 elements"):
            read(content, 0, len(content))


def test_a_large_request_is_read_like_a_small_one() -> None:
    """Of a client with a hundred thousand partitions."""
    request = commit(100, 1_000)
    content = encode(request, 8)
    assert len(content) > LARGE_BYTES
    assert decode(OffsetCommitRequest, 8, content) == request


def test_answers_are_as_large_as_they_are() -> None:
    """A client asked for them: no broker of ours reads any."""
    answer = MetadataResponse(brokers=[MetadataResponseBroker(node_id=1)] * 100_000)
    assert len(decode(MetadataResponse, 9, encode(answer, 9)).brokers) == 100_000
