"""One connection to one broker: requests go out at the best version both sides speak, answers find their requests.

A broker answers the requests of a connection in their order, so a request that waits (JoinGroup, a long fetch) holds up
all behind it: whoever sends such requests takes a connection for them alone.
"""

import asyncio
import math
import ssl
from collections.abc import Generator
from contextlib import suppress
from typing import TypeVar

from ottla.client.errors import (
    ApiNotSupportedError,
    BrokerUnreachableError,
    ConnectionLostError,
    RequestTimedOutError,
)
from ottla.client.sasl import Ask, Login, log_in_requests, next_request
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.codec import decode_from
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.framing import encode_request, response_header_version
from ottla.protocol.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.messages.response_header import ResponseHeader

MAX_RESPONSE_BYTES = 100 * 1024 * 1024
"""A longer answer is taken for something that is no Kafka broker's."""
MAX_IN_FLIGHT = 100
"""Requests sent and not answered; further ones wait their turn."""

SESSION_SHARE_USED = 0.85
"""Of a session's time, as other clients have it: what is sent near its end might come too late."""

_CORRELATION_IDS = 1 << 31

AnyResponse = TypeVar("AnyResponse", bound=Response)


class BrokerConnection:
    """Made by `open_connection`. Belongs to one event loop."""

    def __init__(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client_id: str
    ) -> None:
        self.address = address
        self._reader = reader
        self._writer = writer
        self._client_id = client_id
        self._correlation_id = 0
        self._waiting: dict[int, asyncio.Future[memoryview]] = {}
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._versions: dict[int, tuple[int, int]] = {}
        self._failure: Exception | None = None
        self._session_ends_s = math.inf
        self._reading = asyncio.create_task(self._read_answers())

    @property
    def is_open(self) -> bool:
        """Whether it can be used. Not shortly before the session of a log-in ends: then it is time for another one."""
        return self._failure is None and asyncio.get_running_loop().time() < self._session_ends_s

    async def send(
        self,
        request: Request,
        response: type[AnyResponse],
        *,
        timeout_s: float = 30.0,
        max_version: int | None = None,
    ) -> AnyResponse:
        """The answer to `request`.

        `max_version` keeps below a version whose meaning the caller does not know. Raises ConnectionLostError,
        RequestTimedOutError (which also closes the connection, as the order of answers is lost) or
        ApiNotSupportedError; an error code inside the answer is the caller's to look at.
        """
        version = self.version_of(type(request), max_version)
        return await self._exchange(request, response, version, timeout_s)

    def version_of(self, request: type[Request], max_version: int | None = None) -> int:
        """The version in which `request` would be sent. Raises ApiNotSupportedError."""
        lowest, highest = request.versions.low, request.versions.high
        if max_version is not None:
            highest = min(highest, max_version)
        served = self._versions.get(request.api_key)
        if served is None:
            raise ApiNotSupportedError(f"{self.address} does not serve {request.api_key.name}")
        lowest, highest = max(lowest, served[0]), min(highest, served[1])
        if lowest > highest:
            raise ApiNotSupportedError(
                f"{self.address} serves {request.api_key.name} in versions {served[0]} to {served[1]}, "
                f"this client speaks {request.versions}"
            )
        return highest

    async def close(self) -> None:
        """End the connection; requests that wait raise ConnectionLostError."""
        self._fail(ConnectionLostError(f"the connection to {self.address} was closed"))
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        with suppress(OSError):  # It is closed, however it came to that.
            await self._writer.wait_closed()

    async def negotiate(self, timeout_s: float) -> None:
        """Ask which versions the broker serves; an old broker is asked again in version 0 (KIP-511)."""
        version = ApiVersionsRequest.versions.high
        request = ApiVersionsRequest(client_software_name="ottla", client_software_version="0")
        answer = await self._exchange(request, ApiVersionsResponse, version, timeout_s)
        if answer.error_code == ErrorCode.UNSUPPORTED_VERSION:
            answer = await self._exchange(ApiVersionsRequest(), ApiVersionsResponse, 0, timeout_s)
        if answer.error_code != ErrorCode.NONE:
            raise ApiNotSupportedError(
                f"{self.address} does not tell its versions: {ErrorCode(answer.error_code).name}"
            )
        self._versions = {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}

    async def log_in(self, login: Login, timeout_s: float) -> None:
        """Raises `LoginError`, and what `send` raises; RequestTimedOutError also when the login itself takes too long."""
        host = self.address.rpartition(":")[0]
        requests = log_in_requests(login, host, self.address)
        answer: Response | None = None
        while True:
            asked = await self._step(requests, answer, timeout_s)
            if isinstance(asked, int):
                break
            answer = await self._exchange(asked.request, asked.response, asked.version, timeout_s)
        if asked > 0:
            self._session_ends_s = asyncio.get_running_loop().time() + asked / 1000 * SESSION_SHARE_USED

    async def _step(
        self, requests: Generator[Ask, Response, int], answer: Response | None, timeout_s: float
    ) -> Ask | int:
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.to_thread(next_request, requests, answer)
        except TimeoutError:
            raise RequestTimedOutError(
                f"the log-in at {self.address} was not ready within {timeout_s:g} s"
            ) from None

    async def _exchange(
        self, request: Request, response: type[AnyResponse], version: int, timeout_s: float
    ) -> AnyResponse:
        async with self._room:
            if self._failure is not None:
                raise ConnectionLostError(str(self._failure)) from self._failure
            self._correlation_id = (self._correlation_id + 1) % _CORRELATION_IDS
            correlation_id = self._correlation_id
            answer = asyncio.get_running_loop().create_future()
            self._waiting[correlation_id] = answer
            self._writer.write(encode_request(request, version, correlation_id, self._client_id))
            try:
                async with asyncio.timeout(timeout_s):
                    frame = await answer
            except TimeoutError:
                error = RequestTimedOutError(
                    f"{self.address} did not answer {request.api_key.name} within {timeout_s:g} s"
                )
                self._fail(error)
                raise error from None
            finally:
                self._waiting.pop(correlation_id, None)
        return _decoded(frame, response, version)

    async def _read_answers(self) -> None:
        try:
            while True:
                frame = await self._frame()
                answer = self._waiting.get(int.from_bytes(frame[:4], "big", signed=True))
                if answer is not None and not answer.done():
                    answer.set_result(frame)
        except (OSError, asyncio.IncompleteReadError, ProtocolError) as error:
            self._fail(ConnectionLostError(f"the connection to {self.address} ended: {error}"))

    async def _frame(self) -> memoryview:
        size = int.from_bytes(await self._reader.readexactly(4), "big", signed=True)
        if not 4 <= size <= MAX_RESPONSE_BYTES:
            raise ProtocolError(f"an answer of {size} bytes came: is it a Kafka broker?")
        return memoryview(await self._reader.readexactly(size))

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionLostError(str(error)))


async def open_connection(
    host: str,
    port: int,
    *,
    client_id: str = "ottla",
    tls: ssl.SSLContext | None = None,
    credentials: Login | None = None,
    timeout_s: float = 10.0,
) -> BrokerConnection:
    """A connection whose broker has told its versions and, with `credentials`, has let us in.

    Raises BrokerUnreachableError, LoginError and what `send` raises.
    """
    address = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    except TimeoutError:
        raise BrokerUnreachableError(address, f"no answer within {timeout_s:g} s") from None
    except OSError as error:
        raise BrokerUnreachableError(address, error.strerror or str(error)) from error
    connection = BrokerConnection(address, reader, writer, client_id)
    try:
        await connection.negotiate(timeout_s)
        if credentials is not None:
            await connection.log_in(credentials, timeout_s)
    except BaseException:
        await connection.close()
        raise
    return connection


def _decoded(frame: memoryview, response: type[AnyResponse], version: int) -> AnyResponse:
    header_version = response_header_version(response, version)
    if response.api_key is ApiKey.API_VERSIONS and _error_code(frame) == ErrorCode.UNSUPPORTED_VERSION:
        version = 0  # A broker that does not know the version answers in version 0.
    _, body = decode_from(ResponseHeader, header_version, frame, 0)
    return decode_from(response, version, frame, body)[0]


def _error_code(frame: memoryview) -> int:
    return int.from_bytes(frame[4:6], "big", signed=True)
