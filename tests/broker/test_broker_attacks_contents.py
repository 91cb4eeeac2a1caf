"""Contents that cost far more than they weigh: bombs of each codec, regular expressions that explode."""

import threading

import pytest
from test_broker_produce import make_topic, produce

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.records.batch import Codec, write_crc
from ottla.records.compression import compress
from ottla.records.record import Record, build_batch

LIMIT_BYTES = 2 << 20
BOMB_BYTES = 64 << 20
NOT_YET = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)
COMPRESSED = [each for each in Codec if each is not Codec.NONE]


def bomb(codec: Codec) -> bytes:
    """A batch of one record, that says so, whose payload grows to 64 MB."""
    empty = build_batch([Record(0, 0, b"k", b"v")], codec=codec)
    batch = empty[:61] + compress(codec, bytes(BOMB_BYTES))
    batch[8:12] = (len(batch) - 12).to_bytes(4)
    write_crc(batch)
    return bytes(batch)


@pytest.mark.parametrize("codec", COMPRESSED, ids=lambda codec: codec.name)
def test_a_bomb_is_refused_and_others_are_served(start_broker, connect, codec):
    """Where the broker has to look at records, it stops at ottla.decompressed.batch.max.bytes."""
    broker = start_broker(
        {
            "ottla.decompressed.batch.max.bytes": str(LIMIT_BYTES),
            "message.max.bytes": str(BOMB_BYTES),
            "socket.request.max.bytes": str(BOMB_BYTES),
        }
    )
    make_topic(broker, "compacted", cleanup_policy="compact")
    attacker, other = connect(broker), connect(broker)
    rows = []
    thread = threading.Thread(target=lambda: rows.extend(produce(attacker, "compacted", bomb(codec))))
    thread.start()
    while thread.is_alive():
        assert other.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE
        thread.join(0.01)
    [row] = rows
    assert row.error_code == ErrorCode.MESSAGE_TOO_LARGE
    good = bytes(build_batch([Record(0, 0, b"k", b"v")], codec=codec))
    [row] = produce(attacker, "compacted", good)
    assert (row.error_code, row.base_offset) == (ErrorCode.NONE, 0)


@pytest.mark.parametrize("codec", COMPRESSED, ids=lambda codec: codec.name)
def test_a_bomb_nobody_has_to_look_into_is_bytes(start_broker, connect, codec):
    """An ordinary topic keeps it as it came: it grows at whoever consumes it, as with Apache Kafka."""
    broker = start_broker({"message.max.bytes": str(BOMB_BYTES), "socket.request.max.bytes": str(BOMB_BYTES)})
    make_topic(broker, "t")
    [row] = produce(connect(broker), "t", bomb(codec))
    assert row.error_code == ErrorCode.NONE


def subscribed(client, group: str, regex: str):
    """A new member of a consumer group (KIP-848) that subscribes by an expression."""
    request = ConsumerGroupHeartbeatRequest(
        group_id=group,
        member_id=group,
        member_epoch=0,
        rebalance_timeout_ms=10_000,
        subscribed_topic_regex=regex,
        topic_partitions=[],
    )
    return until(
        lambda: client.ask(request, ConsumerGroupHeartbeatResponse, 1),
        lambda answer: answer.error_code not in NOT_YET,
    )


@pytest.fixture
def coordinator(start_broker, connect):
    """A broker that coordinates groups, or will soon."""
    broker = start_broker({"offsets.topic.num.partitions": "1"})
    request = FindCoordinatorRequest(key_type=0, coordinator_keys=["g"])
    connect(broker).ask(request, FindCoordinatorResponse, 4)
    return broker


@pytest.mark.parametrize(
    "regex",
    ["(a+)+b", "(a|aa)+b", "(.*a){20}b", "([a-zA-Z]+)*b", "(a?){200}a{200}b", "(" * 900 + "a" + ")" * 900],
)
def test_expressions_that_explode_elsewhere_are_matched_at_once(coordinator, connect, regex):
    """RE2 takes time linear in a topic's name; a backtracking engine would not come back from the first."""
    make_topic(coordinator, "a" * 249)
    client = connect(coordinator)
    answer = subscribed(client, "g", regex)
    assert answer.error_code == ErrorCode.NONE
    assert client.ask(ApiVersionsRequest(), ApiVersionsResponse, 0).error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    "regex",
    [
        "((((a{100}){100}){100}){100})",
        "\\p{L}{1000}" * 50,
        "[^\\x00-\\x{10FFFF}]{999}{999}",
    ],
    ids=["repeated", "unicode", "empty"],
)
def test_expressions_that_would_be_huge_are_refused(coordinator, connect, regex):
    """By RE2's bound of memory; nothing else happens."""
    client = connect(coordinator)
    assert subscribed(client, "g", regex).error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
    assert subscribed(client, "g", "fine").error_code == ErrorCode.NONE
