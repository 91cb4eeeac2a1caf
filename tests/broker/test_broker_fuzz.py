"""Frames that are nearly right: whatever comes, the broker answers or hangs up, and serves on."""

import random
import struct

import pytest
from test_broker_produce import batch, make_topic

from ottla.broker.dispatch import REGISTRATIONS
from ottla.broker.handlers.registered import all_registrations
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import encode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData

MUTATIONS = 60
"""Of each API in its highest version."""


def example(api_key: ApiKey) -> object:
    """A request that means something, where an empty one would not."""
    match api_key:
        case ApiKey.PRODUCE:
            data = [
                TopicProduceData(
                    name="t", partition_data=[PartitionProduceData(index=0, records=batch(b"v"))]
                )
            ]
            return ProduceRequest(acks=1, timeout_ms=100, topic_data=data)
        case ApiKey.FETCH:
            partition = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
            return FetchRequest(max_bytes=1000, topics=[FetchTopic(topic="t", partitions=[partition])])
        case ApiKey.JOIN_GROUP:
            protocols = [JoinGroupRequestProtocol(name="range", metadata=b"\0\1\0\0\0\0")]
            return JoinGroupRequest(
                group_id="g",
                session_timeout_ms=6000,
                rebalance_timeout_ms=100,
                protocol_type="consumer",
                protocols=protocols,
            )
        case ApiKey.OFFSET_COMMIT:
            topic = OffsetCommitRequestTopic(
                name="t", partitions=[OffsetCommitRequestPartition(partition_index=0, committed_offset=1)]
            )
            return OffsetCommitRequest(group_id="g", topics=[topic])
        case _:
            return REGISTRATIONS[api_key].request_class()


VERSIONS = {ApiKey.PRODUCE: 12, ApiKey.FETCH: 12}
"""Where the highest version names topics by ids."""


def mutated(body: bytes, source: random.Random) -> bytes:
    """Some bytes changed, cut, doubled or put in."""
    content = bytearray(body)
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(content) + 1)
        match source.randrange(5):
            case 0:
                content[place : place + 1] = bytes([source.randrange(256)])
            case 1:
                del content[place : place + source.randint(1, 8)]
            case 2:
                content[place:place] = source.randbytes(source.randint(1, 8))
            case 3:
                content[place : place + 4] = source.choice(
                    (b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", bytes(4))
                )
            case 4:
                content += content[place : place + 16]
    return bytes(content)


@pytest.mark.parametrize(
    "registration", all_registrations(), ids=lambda registration: registration.api_key.name
)
def test_mutated_requests(start_broker, connect, caplog, registration):
    """Without an error that nobody foresaw. The seed is the API's key: a failure comes again."""
    broker = start_broker({"num.partitions": "1", "group.min.session.timeout.ms": "1"})
    make_topic(broker, "t")
    source = random.Random(int(registration.api_key))
    version = VERSIONS.get(registration.api_key, registration.highest_version)
    body = encode(example(registration.api_key), version)
    head = struct.pack(">hhih", registration.api_key, version, 1, -1)
    if version in registration.request_class.flexible:
        head += b"\0"
    for _ in range(MUTATIONS):
        client = connect(broker)
        frame = head + mutated(body, source)
        client.socket.sendall(struct.pack(">i", len(frame)) + frame)
        client.socket.close()
    assert connect(broker).ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == 0
    assert [each.getMessage() for each in caplog.records if each.exc_info] == []
