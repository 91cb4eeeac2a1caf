"""One connection to a broker, and the finding of brokers and coordinators."""

import asyncio
from collections.abc import Callable

import pytest

from brokers import Broker
from ottla.client.brokers import Brokers
from ottla.client.connection import open_connection
from ottla.client.errors import (
    ApiNotSupportedError,
    BrokerUnreachableError,
    ConnectionLostError,
    RequestTimedOutError,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.leader_and_isr import LeaderAndIsrRequest
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.produce import ProduceRequest


def test_answers_find_their_requests(broker: Broker) -> None:
    """Many requests at once on one connection, more than may be in flight."""

    async def ask() -> None:
        connection = await open_connection(broker.host, broker.port)
        try:
            answers = await asyncio.gather(
                *(connection.send(MetadataRequest(topics=[]), MetadataResponse) for _ in range(250))
            )
        finally:
            await connection.close()
        assert {len(answer.brokers) for answer in answers} == {1}
        assert not connection.is_open

    asyncio.run(ask())


def test_a_version_both_sides_speak_is_chosen(broker: Broker) -> None:
    """The highest in common, or the one the caller stops at; an API that is not served is told."""

    async def ask() -> None:
        connection = await open_connection(broker.host, broker.port)
        try:
            assert connection.version_of(MetadataRequest) == 13
            assert connection.version_of(MetadataRequest, max_version=4) == 4
            with pytest.raises(ApiNotSupportedError, match="PRODUCE in versions 0 to"):
                connection.version_of(ProduceRequest, max_version=2)
            with pytest.raises(ApiNotSupportedError, match="does not serve LEADER_AND_ISR"):
                connection.version_of(LeaderAndIsrRequest)
        finally:
            await connection.close()

    asyncio.run(ask())


def test_the_coordinator_of_a_group_is_found(broker: Broker, unique_name: Callable[[str], str]) -> None:
    """By any bootstrap server, even if the first of them is not there."""

    async def ask() -> None:
        async with Brokers(f"127.0.0.1:1,{broker.bootstrap_servers}") as brokers:
            metadata = await brokers.metadata()
            assert [(each.host, each.port) for each in metadata.brokers] == [(broker.host, broker.port)]
            for _ in range(300):
                try:
                    found = await brokers.coordinator(unique_name("group"))
                    break
                except KafkaError as error:
                    assert error.code is ErrorCode.COORDINATOR_NOT_AVAILABLE
                    await asyncio.sleep(0.1)
            assert found == (broker.host, broker.port)

    asyncio.run(ask())


def test_nobody_at_the_address_is_told() -> None:
    """What, where, and what to look at."""

    async def ask() -> None:
        with pytest.raises(
            BrokerUnreachableError, match=r"127\.0\.0\.1:1 cannot be reached: .*broker running"
        ):
            await open_connection("127.0.0.1", 1)
        async with Brokers("127.0.0.1:1,127.0.0.1:2") as brokers:
            with pytest.raises(BrokerUnreachableError, match=r"127\.0\.0\.1:2"):
                await brokers.metadata()

    asyncio.run(ask())


@pytest.mark.parametrize("servers", ["", "localhost", "localhost:port", ","])
def test_bootstrap_servers_that_are_none_are_refused(servers: str) -> None:
    """Before anything is sent."""

    async def make() -> None:
        with pytest.raises(ValueError, match="host:port"):
            Brokers(servers)

    asyncio.run(make())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\x7f\xff\xff\xff", id="a length no broker sends"),
        pytest.param(b"\xff\xff\xff\xff", id="a negative length"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"", id="a closed connection"),
        pytest.param(b"\0\0\0\x06\0\0\0\x01\0", id="an answer cut short"),
    ],
)
def test_what_is_no_broker_is_found_out(answer: bytes) -> None:
    """The connection ends with an error, and no memory is taken on the word of a length."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConnectionLostError, match=f"127.0.0.1:{port}"):
                await open_connection("127.0.0.1", port)

    asyncio.run(ask())


def test_a_broker_that_is_silent_is_given_up() -> None:
    """After the time limit; the connection is not used again, since a late answer would be another's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(RequestTimedOutError, match=r"API_VERSIONS within 0\.05 s"):
                await open_connection("127.0.0.1", port, timeout_s=0.05)

    asyncio.run(ask())
