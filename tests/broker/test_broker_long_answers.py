"""Lists without a bound: nobody waits while one is made, and it says what a short one would."""

import asyncio
from collections.abc import Iterator

import pytest

from conditions import until
from ottla.broker import long_answers
from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.long_answers import Pieces, answer_in_pieces
from ottla.broker.pending import Pending
from ottla.broker.threads import Threads
from ottla.broker.turns import Turns
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    EntityData,
    EntryData,
    OpData,
)
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.describe_producers import (
    DescribeProducersRequest,
    DescribeProducersResponse,
    TopicRequest,
)
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.list_transactions import ListTransactionsRequest, ListTransactionsResponse
from ottla.storage.producer_state import ROW

PRODUCERS, IDS = 3_000, 200


class Room:
    """What a long answer needs of a broker."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.turns, self.threads = Turns(loop), Threads(loop)


@pytest.fixture
def piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece has a turn of its own."""
    monkeypatch.setattr(long_answers, "PIECE_SECONDS", 0.0)


def context() -> RequestContext:
    info = object.__new__(ConnectionInfo)
    return RequestContext(ApiKey.DESCRIBE_PRODUCERS, 0, 1, "client", info, 0)


def pieces(count: int, begun: list[int]) -> Pieces[DescribeProducersResponse]:
    for number in range(count):
        begun.append(number)
        yield
    return DescribeProducersResponse(throttle_time_ms=count)


def test_a_short_answer_is_there_at_once() -> None:
    """As if the handler had returned it."""

    async def run() -> None:
        answer = answer_in_pieces(Room(), context(), pieces(3, []))  # type: ignore[arg-type]
        assert isinstance(answer, DescribeProducersResponse)

    asyncio.run(run())


@pytest.mark.usefixtures("piece_by_piece")
def test_a_long_one_gives_the_loop_back_after_each_piece() -> None:
    """Others have their turn in between; its bytes are the answer's."""

    async def run() -> None:
        room, begun = Room(), list[int]()
        answer = answer_in_pieces(room, context(), pieces(5, begun))  # type: ignore[arg-type]
        assert isinstance(answer, Pending)
        seen = []
        while not answer.settled:
            seen.append(len(begun))
            await asyncio.sleep(0)
        body = answer.result()
        assert isinstance(body, bytes)
        assert decode(DescribeProducersResponse, 0, body).throttle_time_ms == 5
        assert {1, 2, 3, 4, 5} <= set(seen)
        room.threads.close()

    asyncio.run(run())


@pytest.mark.usefixtures("piece_by_piece")
def test_nothing_goes_on_for_a_client_that_left() -> None:
    """Its list is not made to the end."""

    async def run() -> None:
        begun: list[int] = []
        answer = answer_in_pieces(Room(), context(), pieces(1_000, begun))  # type: ignore[arg-type]
        assert isinstance(answer, Pending)
        answer.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        assert begun == [0]

    asyncio.run(run())


@pytest.mark.usefixtures("piece_by_piece")
def test_what_a_later_piece_raises_is_the_answer_s() -> None:
    """The connection finds it where it looks for the answer."""

    def failing() -> Pieces[DescribeProducersResponse]:
        yield
        raise ValueError("no more")

    async def run() -> None:
        answer = answer_in_pieces(Room(), context(), failing())  # type: ignore[arg-type]
        assert isinstance(answer, Pending)
        settled = asyncio.Event()
        answer.then(lambda _: settled.set())
        await settled.wait()
        with pytest.raises(ValueError, match="no more"):
            answer.result()

    asyncio.run(run())


def rows() -> Iterator[tuple[int, bytes]]:
    """Producers that nobody has to be for a test: id, and epoch, sequence, offset, delta, time, coordinator, transaction."""
    for producer_id in range(PRODUCERS, 0, -1):
        yield producer_id, ROW.pack(1, producer_id, 0, 0, 1_700_000_000_000, -1, -1)


def make_producers(server) -> None:
    log = server.replicas.partition("t", 0).leading_log()
    log.producers.restore(rows(), 0, now_ms=0, expiration_ms=1 << 60)


@pytest.fixture
def room_with_many(start_broker, connect):
    """A broker with many producers and transactional ids, and a client of it."""
    broker = start_broker({"transaction.state.log.num.partitions": "3"})
    client = connect(broker)
    topics = [CreatableTopic(name="t", num_partitions=1, replication_factor=1)]
    created = client.ask(CreateTopicsRequest(topics=topics), CreateTopicsResponse, 5)
    assert created.topics[0].error_code == ErrorCode.NONE
    broker.call(make_producers)
    find = FindCoordinatorRequest(key_type=1, coordinator_keys=["tx-0"])
    client.ask(find, FindCoordinatorResponse, 4)
    for number in range(IDS):
        request = InitProducerIdRequest(transactional_id=f"tx-{number}", transaction_timeout_ms=60_000)
        until(
            lambda request=request: (
                client.ask(request, InitProducerIdResponse, 4).error_code == ErrorCode.NONE
            )
        )
    return broker, client


def test_long_lists_say_what_short_ones_would(room_with_many, connect, monkeypatch):
    """All producers of a partition and all transactional ids, filtered ones too; and who is held back is told in them."""
    broker, client = room_with_many
    describe = DescribeProducersRequest(topics=[TopicRequest(name="t", partition_indexes=[0, 7])])
    every = ListTransactionsRequest()
    some = ListTransactionsRequest(transactional_id_pattern="tx-.7")

    def asked(client):
        return [
            client.ask(describe, DescribeProducersResponse, 0),
            client.ask(every, ListTransactionsResponse, 2),
            client.ask(some, ListTransactionsResponse, 2),
        ]

    at_once = asked(client)
    monkeypatch.setattr(long_answers, "PIECE_SECONDS", 0.0)
    assert asked(client) == at_once
    producers, transactions, found = at_once
    [here, missing] = producers.topics[0].partitions
    assert [each.producer_id for each in here.active_producers] == list(range(1, PRODUCERS + 1))
    assert missing.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert len(transactions.transaction_states) == IDS
    assert {each.transactional_id for each in found.transaction_states} == {
        f"tx-{tens}7" for tens in range(1, 10)
    }

    entity = [EntityData(entity_type="client-id", entity_name="greedy")]
    limit = [OpData(key="request_percentage", value=0.00001)]
    entries = [EntryData(entity=entity, ops=limit)]
    client.ask(AlterClientQuotasRequest(entries=entries), AlterClientQuotasResponse, 1)
    greedy = connect(broker, client_id="greedy")
    greedy.ask(some, ListTransactionsResponse, 2)
    told = greedy.ask(describe, DescribeProducersResponse, 0)
    assert told.throttle_time_ms > 0
    told.throttle_time_ms = 0
    assert told == producers
