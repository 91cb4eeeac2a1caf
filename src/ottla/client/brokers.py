"""The brokers of a cluster: found from any bootstrap address, connected to when needed.

One connection a broker is shared by short requests; `dedicated` opens another for requests that wait.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from enum import IntEnum
from typing import Self, TypeVar

from ottla.client.connection import BrokerConnection, open_connection
from ottla.client.errors import BrokerUnreachableError, ClientError
from ottla.client.sasl import Login, LoginError
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse

AnyResponse = TypeVar("AnyResponse", bound=Response)

MAX_ATTEMPTS = 5
"""How often a request to a coordinator is tried before its last error is raised."""
FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 1.0

_log = logging.getLogger(__name__)


class CoordinatorType(IntEnum):
    """Whose coordinator FindCoordinator looks for."""

    GROUP = 0
    TRANSACTION = 1
    SHARE = 2


RETRIED = frozenset(
    {
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
    }
)
"""Errors after which the coordinator is looked for again."""


def backoff_s(attempt: int) -> float:
    """How long to wait after the attempt of that number, counted from 0: longer each time, to a limit."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(attempt, 10), MAX_BACKOFF_S)


class Brokers:
    """A cluster as seen through `bootstrap_servers` ("host:port,host:port")."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        client_id: str = "ottla",
        tls: ssl.SSLContext | None = None,
        credentials: Login | None = None,
        connect_timeout_s: float = 10.0,
    ) -> None:
        self._bootstrap = [_address(server) for server in bootstrap_servers.split(",") if server.strip()]
        if not self._bootstrap:
            raise ValueError(
                f"bootstrap servers are host:port, several with commas; found {bootstrap_servers!r}"
            )
        self._client_id = client_id
        self._tls = tls
        self._credentials = credentials
        self._connect_timeout_s = connect_timeout_s
        self._connections: dict[tuple[str, int], BrokerConnection] = {}
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.close() for connection in connections))

    async def dedicated(self, host: str, port: int) -> BrokerConnection:
        """A connection of the caller's own, to close when done."""
        return await open_connection(
            host,
            port,
            client_id=self._client_id,
            tls=self._tls,
            credentials=self._credentials,
            timeout_s=self._connect_timeout_s,
        )

    async def to(self, host: str, port: int) -> BrokerConnection:
        """The shared connection to a broker."""
        async with self._opening:
            connection = self._connections.get((host, port))
            if connection is None or not connection.is_open:
                if connection is not None:
                    await connection.close()
                connection = await self.dedicated(host, port)
                self._connections[host, port] = connection
            return connection

    async def any(self) -> BrokerConnection:
        """A connection to whichever bootstrap server answers first in order. `LoginError` where one answers, and none lets us in."""
        errors: list[str] = []
        refusal: LoginError | None = None
        for host, port in self._bootstrap:
            try:
                return await self.to(host, port)
            except LoginError as error:
                refusal = error
            except ClientError as error:
                errors.append(str(error))
        if refusal is not None:
            raise refusal
        raise BrokerUnreachableError(
            ",".join(f"{host}:{port}" for host, port in self._bootstrap), "; ".join(errors)
        )

    async def send(self, request: Request, response: type[AnyResponse]) -> AnyResponse:
        """Ask any broker."""
        return await (await self.any()).send(request, response)

    async def metadata(self, topics: Sequence[str] | None = ()) -> MetadataResponse:
        """Brokers and controller, and of `topics` their partitions; None means all topics. Creates none."""
        request = MetadataRequest(
            topics=None if topics is None else [MetadataRequestTopic(name=name) for name in topics],
            allow_auto_topic_creation=False,
        )
        return await self.send(request, MetadataResponse)

    async def to_node(self, node_id: int) -> BrokerConnection:
        """The shared connection to the broker of that id. KafkaError BROKER_NOT_AVAILABLE if there is none."""
        for broker in (await self.metadata()).brokers:
            if broker.node_id == node_id:
                return await self.to(broker.host, broker.port)
        raise KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, f"the cluster has no broker {node_id}")

    async def to_controller(self) -> BrokerConnection:
        """The shared connection to the broker that clients are told is the controller."""
        return await self.to_node((await self.metadata()).controller_id)

    async def coordinator(self, key: str, kind: CoordinatorType = CoordinatorType.GROUP) -> tuple[str, int]:
        """Host and port of the coordinator of a group or transactional id. Raises KafkaError while there is none."""
        request = FindCoordinatorRequest(key_type=kind)
        connection = await self.any()
        if connection.version_of(FindCoordinatorRequest) >= 4:
            request.coordinator_keys = [key]
            answer = await connection.send(request, FindCoordinatorResponse)
            found = answer.coordinators[0]
            _check(found.error_code, found.error_message)
            return found.host, found.port
        request.key = key
        answer = await connection.send(request, FindCoordinatorResponse)
        _check(answer.error_code, answer.error_message)
        return answer.host, answer.port

    async def send_to_coordinator(
        self, group_id: str, request: Request, response: type[AnyResponse]
    ) -> AnyResponse:
        """Ask the group's coordinator, looking for it again while it moves or loads.

        Looks at the answer's `error_code` for that, if it has one.
        """
        for attempt in range(MAX_ATTEMPTS):
            last = attempt == MAX_ATTEMPTS - 1
            try:
                connection = await self.to(*await self.coordinator(group_id))
                answer = await connection.send(request, response)
            except (ClientError, KafkaError) as error:
                if last or (isinstance(error, KafkaError) and error.code not in RETRIED):
                    raise
                _log.debug("Group %s: asking its coordinator again: %s", group_id, error)
            else:
                if last or getattr(answer, "error_code", ErrorCode.NONE) not in RETRIED:
                    return answer
            await asyncio.sleep(backoff_s(attempt))
        raise AssertionError("the last attempt returns or raises")


def _address(server: str) -> tuple[str, int]:
    host, separator, port = server.strip().rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"a bootstrap server is host:port, found {server!r}")
    return host.strip("[]"), int(port)


def _check(error_code: int, message: str | None) -> None:
    if error_code != ErrorCode.NONE:
        raise KafkaError(ErrorCode(error_code), message or None)
