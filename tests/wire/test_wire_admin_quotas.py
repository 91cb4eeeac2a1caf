"""Quotas of users, clients and addresses: what DescribeClientQuotas and AlterClientQuotas answer, and what they do."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from wire_client import WireClient

from brokers import Broker, ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import alter_client_quotas as altering
from ottla.protocol.messages import describe_client_quotas as describing
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.messages.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import (
    PartitionProduceData,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.records.record import Record, build_batch

USER, CLIENT, IP = "user", "client-id", "ip"
EXACT, DEFAULT, SPECIFIED = 0, 1, 2
Parts = Sequence[tuple[str, str | None]]
NONE: tuple[ErrorCode, str | None] = (ErrorCode.NONE, None)


def alter(
    wire: WireClient,
    parts: Parts,
    *ops: tuple[str, float | None],
    validate_only: bool = False,
    version: int = 1,
) -> tuple[int, str | None]:
    entry = altering.EntryData(
        entity=[altering.EntityData(entity_type=kind, entity_name=name) for kind, name in parts],
        ops=[altering.OpData(key=key, value=value or 0.0, remove=value is None) for key, value in ops],
    )
    request = altering.AlterClientQuotasRequest(entries=[entry], validate_only=validate_only)
    [answer] = wire.ask(request, altering.AlterClientQuotasResponse, version).entries
    return answer.error_code, answer.error_message


def ask(
    wire: WireClient, *components: tuple[str, int, str | None], strict: bool = False
) -> describing.DescribeClientQuotasResponse:
    rows = [
        describing.ComponentData(entity_type=kind, match_type=match, match=name)
        for kind, match, name in components
    ]
    request = describing.DescribeClientQuotasRequest(components=rows, strict=strict)
    return wire.ask(request, describing.DescribeClientQuotasResponse, 1)


def describe(
    wire: WireClient, *components: tuple[str, int, str | None], strict: bool = False
) -> dict[tuple[tuple[str, str | None], ...], dict[str, float]]:
    answer = ask(wire, *components, strict=strict)
    assert answer.error_code == ErrorCode.NONE
    return {
        tuple((part.entity_type, part.entity_name) for part in entry.entity): {
            each.key: each.value for each in entry.values
        }
        for entry in answer.entries or ()
    }


@pytest.fixture
def quotas(wire: WireClient) -> Iterator[Callable[..., None]]:
    """Sets quotas and takes them away after the test."""
    given: list[tuple[Parts, list[str]]] = []

    def give(parts: Parts, **limits: float) -> None:
        assert alter(wire, parts, *limits.items()) == NONE
        given.append((parts, list(limits)))
        name = [(kind, DEFAULT if each is None else EXACT, each) for kind, each in parts]
        until(lambda: describe(wire, *name, strict=True), bool)

    yield give
    for parts, names in given:
        assert alter(wire, parts, *((name, None) for name in names)) == NONE


def test_every_kind_of_entity_is_stored_and_found(wire: WireClient, quotas: Callable[..., None]) -> None:
    """Names with any character; filters by name, for the default and for any; strict ones want no other part."""
    odd = "ä b/*+%~"
    for parts in (((USER, odd),), ((USER, odd), (CLIENT, "c")), ((USER, odd), (CLIENT, None))):
        quotas(parts, producer_byte_rate=1e9, request_percentage=12.5)
    found = describe(wire, (USER, EXACT, odd))
    assert [sorted(each) for each in found] == [sorted(each) for each in found if (USER, odd) in each]
    assert len(found) == 3
    assert list(describe(wire, (USER, EXACT, odd), strict=True).values()) == [
        {"producer_byte_rate": 1e9, "request_percentage": 12.5}
    ]
    assert len(describe(wire, (USER, EXACT, odd), (CLIENT, SPECIFIED, None), strict=True)) == 2
    assert len(describe(wire, (USER, EXACT, odd), (CLIENT, DEFAULT, None), strict=True)) == 1
    assert describe(wire, strict=True) == {}


OK = ("producer_byte_rate", 1000.0)
RATE = ("connection_creation_rate", 5.0)
REFUSED: list[tuple[Parts, tuple[str, float | None], str]] = [
    ((), OK, "Invalid empty client quota entity"),
    (((USER, ""),), OK, "Empty user not supported"),
    ((("group", "x"),), OK, "Unhandled client quota entity type: group"),
    (((IP, "1.2.3.4"), (USER, "x")), OK, "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"),
    (((IP, "not an ip"),), RATE, "not an ip is not a valid IP or resolvable host."),
    (((IP, "1.2.3.4"),), OK, "Invalid configuration key producer_byte_rate"),
    (((USER, "x"),), RATE, "Invalid configuration key connection_creation_rate"),
    (((USER, "x"),), ("SCRAM-SHA-256", 1.0), "Invalid configuration key SCRAM-SHA-256"),
    (((USER, "x"),), ("producer_byte_rate", -1.0), "Quota producer_byte_rate must be greater than 0"),
    (((USER, "x"),), ("request_percentage", -0.5), "Quota request_percentage must be greater than 0"),
    (((USER, "x"),), ("producer_byte_rate", 1.5), "producer_byte_rate cannot be a fractional value."),
    (((USER, "x"),), ("consumer_byte_rate", 1e30), "Proposed value for consumer_byte_rate is too large for a LONG."),
    (((IP, "1.2.3.4"),), ("connection_creation_rate", 1e10), "Proposed value for connection_creation_rate is too large for an INT."),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "operation", "message"), REFUSED, ids=[each[2][:30] for each in REFUSED])
def test_what_can_t_be_set(
    wire: WireClient, parts: Parts, operation: tuple[str, float | None], message: str
) -> None:
    """INVALID_REQUEST with Apache's words, for the entity alone."""
    assert alter(wire, parts, operation) == (ErrorCode.INVALID_REQUEST, message)


def test_the_same_twice_is_refused(wire: WireClient, unique_name: Callable[[str], str]) -> None:
    """Whether it is the quota or the entity."""
    user = unique_name("user")
    message = f"Ignoring duplicate entity ClientQuotaEntity(entries={{user={user}}})"
    assert alter(wire, [(USER, user)], OK, OK) == (ErrorCode.INVALID_REQUEST, message)
    assert describe(wire, (USER, EXACT, user)) == {}


def test_validate_only_and_removal(wire: WireClient, unique_name: Callable[[str], str]) -> None:
    """What is only validated changes nothing; taking away what isn't there is no error."""
    user = [(USER, unique_name("user"))]
    assert alter(wire, user, OK, validate_only=True) == NONE
    assert describe(wire, (USER, EXACT, user[0][1])) == {}
    assert alter(wire, user, ("producer_byte_rate", None)) == NONE
    assert alter(wire, user, OK, version=0) == NONE
    until(lambda: describe(wire, (USER, EXACT, user[0][1])), lambda seen: len(seen) == 1)
    assert alter(wire, user, ("producer_byte_rate", None)) == NONE
    until(lambda: describe(wire, (USER, EXACT, user[0][1])), lambda seen: seen == {})


@pytest.mark.parametrize(
    ("components", "code", "message"),
    [
        ([(USER, EXACT, None)], ErrorCode.INVALID_REQUEST, "Request specified MATCH_TYPE_EXACT, but set match string to null."),
        ([(USER, DEFAULT, "x")], ErrorCode.INVALID_REQUEST, "Request specified MATCH_TYPE_DEFAULT, but also specified a match string."),
        ([(USER, SPECIFIED, "x")], ErrorCode.INVALID_REQUEST, "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string."),
        ([(USER, 7, None)], ErrorCode.INVALID_REQUEST, "Unknown match type 7"),
        ([("", EXACT, "x")], ErrorCode.INVALID_REQUEST, "Invalid empty entity type."),
        ([("group", EXACT, "x")], ErrorCode.UNSUPPORTED_VERSION, "Unsupported entity type group"),
        ([(USER, EXACT, "a"), (USER, EXACT, "b")], ErrorCode.INVALID_REQUEST, "Entity type user cannot appear more than once in the filter."),
        ([(USER, SPECIFIED, None), (IP, SPECIFIED, None)], ErrorCode.INVALID_REQUEST, "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component."),
    ],
)  # fmt: skip
def test_filters_that_mean_nothing(
    wire: WireClient, components: list[tuple[str, int, str | None]], code: ErrorCode, message: str
) -> None:
    """Refused as a whole, without entries."""
    answer = ask(wire, *components)
    assert (answer.error_code, answer.error_message, answer.entries) == (code, message, None)


# What quotas do.


@pytest.fixture
def limited(broker: Broker, unique_name: Callable[[str], str]) -> Iterator[WireClient]:
    """A connection with a client id of its own."""
    with WireClient(broker.host, broker.port, client_id=unique_name("limited")) as client:
        yield client


def produce(wire: WireClient, topic: str, size: int) -> ProduceResponse:
    batch = build_batch([Record(0, int(time.time() * 1000), None, b"x" * size)])
    data = TopicProduceData(name=topic, partition_data=[PartitionProduceData(index=0, records=batch)])
    request = ProduceRequest(acks=-1, timeout_ms=10_000, topic_data=[data])
    return wire.ask(request, ProduceResponse, 9)


def fetch(wire: WireClient, topic: str) -> FetchResponse:
    wanted = FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1 << 20)
    request = FetchRequest(
        max_wait_ms=0, max_bytes=1 << 20, topics=[FetchTopic(topic=topic, partitions=[wanted])]
    )
    return wire.ask(request, FetchResponse, 11)


def test_a_producer_over_its_quota_is_told_and_then_not_read(
    wire: WireClient, limited: WireClient, quotas: Callable[..., None], topic: str
) -> None:
    """The answer comes at once, the next one only when the time has passed (KIP-219); others are not held up."""
    wire.create_topic(topic)
    quotas([(CLIENT, limited.client_id)], producer_byte_rate=10_000)
    assert produce(limited, topic, 50_000).throttle_time_ms == 0, "a burst within the windows"
    before = time.monotonic()
    answer = produce(limited, topic, 68_000)
    took_ms = (time.monotonic() - before) * 1000
    assert took_ms < answer.throttle_time_ms, "it is answered before it is held back"
    assert answer.responses[0].partition_responses[0].error_code == ErrorCode.NONE
    assert 200 < answer.throttle_time_ms < 3_000
    assert produce(wire, topic, 10).throttle_time_ms == 0
    limited.ask(MetadataRequest(topics=[]), MetadataResponse, 12)
    assert time.monotonic() - before >= answer.throttle_time_ms / 1000 - 0.05


def test_a_consumer_over_its_quota_gets_nothing_but_the_time(
    wire: WireClient, limited: WireClient, quotas: Callable[..., None], topic: str
) -> None:
    """And all of it later."""
    wire.create_topic(topic)
    produce(wire, topic, 60_000)
    assert fetch(limited, topic).throttle_time_ms == 0
    quotas([(CLIENT, limited.client_id)], consumer_byte_rate=10_000)
    first = fetch(limited, topic)
    assert first.throttle_time_ms == 0
    assert first.responses[0].partitions[0].records
    held = fetch(limited, topic)
    assert held.throttle_time_ms > 0
    assert held.error_code == ErrorCode.NONE
    assert not any(each.records for row in held.responses for each in row.partitions)


def test_requests_that_take_too_much_time_are_held_back(
    limited: WireClient, quotas: Callable[..., None]
) -> None:
    """A share of one loop's (at Apache: one thread's) time; at most a window's length at once."""
    quotas([(CLIENT, limited.client_id)], request_percentage=0.0001)
    seen = until(
        lambda: limited.ask(MetadataRequest(topics=[]), MetadataResponse, 12).throttle_time_ms,
        lambda throttle_time_ms: throttle_time_ms > 0,
    )
    assert seen <= 1_000


def create(wire: WireClient, version: int, *names: str) -> CreateTopicsResponse:
    topics = [CreatableTopic(name=name, num_partitions=6, replication_factor=1) for name in names]
    return wire.ask(CreateTopicsRequest(topics=topics), CreateTopicsResponse, version)


def test_topics_made_too_fast_are_refused(
    broker: Broker, limited: WireClient, quotas: Callable[..., None], unique_name: Callable[[str], str]
) -> None:
    """Whoever knows THROTTLING_QUOTA_EXCEEDED gets it, for what lies beyond the burst; older clients are let through."""
    quotas([(CLIENT, limited.client_id)], controller_mutation_rate=1.0)
    names = [unique_name("made") for _ in range(5)]
    answer = create(limited, 6, *names[:3])
    codes = sorted(each.error_code for each in answer.topics)
    assert codes == [ErrorCode.NONE, ErrorCode.NONE, ErrorCode.THROTTLING_QUOTA_EXCEEDED]
    [refused] = [each for each in answer.topics if each.error_code]
    assert refused.error_message is None
    assert 0 < answer.throttle_time_ms <= 1_500
    older = create(limited, 5, names[3])
    assert older.topics[0].error_code == ErrorCode.NONE
    assert older.throttle_time_ms > 0
    with_ids = DeleteTopicsRequest(topics=[DeleteTopicState(name=names[3])], timeout_ms=10_000)
    with WireClient(broker.host, broker.port, client_id=limited.client_id) as another:
        deleted = another.ask(with_ids, DeleteTopicsResponse, 6)
    assert deleted.responses[0].error_code == ErrorCode.THROTTLING_QUOTA_EXCEEDED


def test_an_address_that_connects_too_often_is_cut(start_broker: Callable[..., ProcessBroker]) -> None:
    """Connections beyond the rate are accepted, not served, and closed after a while (KIP-612)."""
    broker = start_broker({"quota.window.num": "2"})
    with WireClient(broker.host, broker.port) as wire:
        assert alter(wire, [(IP, "127.0.0.1")], ("connection_creation_rate", 2.0)) == NONE
        until(lambda: describe(wire, (IP, EXACT, "127.0.0.1")), lambda seen: len(seen) == 1)

        def cut() -> bool:
            with WireClient(broker.host, broker.port) as another:
                another.send(MetadataRequest(topics=[]), MetadataResponse, 12)
                return another.closed_by_peer()

        until(cut, bool)
        wire.ask(MetadataRequest(topics=[]), MetadataResponse, 12)
