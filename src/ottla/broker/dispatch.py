"""One registration per API, and what follows from it: decoding, the handler, encoding, the ApiVersions answer.

A handler is a plain function that a decorator registers beside its rules:

    @handles(ListOffsetsRequest, ListOffsetsResponse, versions=(1, 10))
    def list_offsets(broker, request, context):
        return ListOffsetsResponse(...)

It returns the response, or its encoded body as bytes, or a `Pending` response, or None where the protocol has no answer (Produce with acks=0). It may raise
`KafkaError`: the whole request is answered with that code, by `on_error` where the response has no `error_code` of its own.
It may raise `CloseConnection` where Apache Kafka answers by hanging up.

What is not registered is not announced, and a connection that asks for it is closed, as Apache's
`RequestContext.parseRequest` does; ApiVersions of an unknown version is the exception and is answered in version 0.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ottla.broker.access import Need, guarded
from ottla.broker.context import ConnectionInfo, RequestContext
from ottla.broker.pending import Pending
from ottla.config.broker_config import BrokerConfig
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.declare import Request, Response
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

RequestType = TypeVar("RequestType", bound=Request)
ResponseType = TypeVar("ResponseType", bound=Response)

Handler = Callable[
    ["BrokerServer", RequestType, RequestContext],
    "ResponseType | bytes | Pending[ResponseType] | Pending[ResponseType | None] | Pending[ResponseType | bytes] | Pending[bytes] | None",
]
ErrorAnswer = Callable[[RequestType, ErrorCode, str], ResponseType]


class CloseConnection(Exception):  # noqa: N818 - it is an instruction to the connection, not a fault of the broker's
    """Close the connection instead of answering; the text is the log line's reason."""


class Shortcut(Protocol):
    """Answers requests of one API in one version from their bytes, where it has seen one like it.

    Taken only while nothing else looks at requests: no client has a quota. What it answers is what the handler would; what the
    client may do is the shortcut's to look at.
    """

    def answer(
        self,
        broker: "BrokerServer",
        connection: ConnectionInfo,
        frame: memoryview,
        client_id_length: int,
        correlation_id: int,
        now_ms: int,
    ) -> "bytes | Pending[Any] | None":
        """The whole frame of the answer, or a pending response; None, and nothing done: decode and handle it.

        `frame` is the request without its size; `client_id_length` as it stands there, checked by nobody.
        """

    def learn(self, broker: "BrokerServer", frame: memoryview, request: Any, context: RequestContext) -> None:
        """A request without a shortcut was answered; perhaps the next one like it can have one."""


class Registration(NamedTuple):
    """What one handler serves.

    The type parameters are erased here: a registration is looked up by the api key that stands in the frame.
    """

    api_key: ApiKey
    request_class: type[Request]
    response_class: type[Response]
    handler: Callable[..., Any]
    lowest_version: int
    highest_version: int
    announced_from: int
    """Lower than `lowest_version` only for Produce (KAFKA-18659)."""
    on_error: Callable[..., Response] | None
    has_slices: bool
    """Whether the response may hold file slices, which leave the broker after its encoded parts."""
    unstable_from: int | None
    """This version and those above it are served with `unstable.api.versions.enable` only; None: all are stable."""
    served_if: Callable[[BrokerConfig], bool] | None
    """Whether a broker of such settings serves the API at all; None: every one does."""
    shortcut: Callable[[int], Shortcut | None] | None
    """Makes the shortcut of a version, if the API has any."""
    large_bytes: int
    """Requests above this are decoded on a thread."""
    needs: Sequence[Need]
    """Rights that all of a request depends on; the handler is behind them already."""


REGISTRATIONS: dict[ApiKey, Registration] = {}
"""Filled once, when the handlers' modules are imported; the same for every broker in the process."""


def handles(
    request_class: type[RequestType],
    response_class: type[ResponseType],
    *,
    versions: tuple[int, int],
    announced_from: int | None = None,
    on_error: "ErrorAnswer[RequestType, ResponseType] | None" = None,
    has_slices: bool = False,
    unstable_from: int | None = None,
    served_if: Callable[[BrokerConfig], bool] | None = None,
    shortcut: Callable[[int], Shortcut | None] | None = None,
    large_bytes: int = sys.maxsize,
    needs: Sequence[Need] = (),
) -> "Callable[[Handler[RequestType, ResponseType]], Handler[RequestType, ResponseType]]":
    """Register the function below as the handler of `request_class` for `versions`, both included.

    `large_bytes` is for requests of many small things, which hold the loop while they are decoded: those above it are decoded on a
    thread. `needs` are the rights that a client must have for any of it, asked for in their order before the handler is called.
    """

    def register(handler: "Handler[RequestType, ResponseType]") -> "Handler[RequestType, ResponseType]":
        api_key = request_class.api_key
        assert api_key not in REGISTRATIONS, f"{api_key.name} has two handlers"
        lowest, highest = versions
        assert request_class.versions.low <= lowest <= highest <= request_class.versions.high, api_key.name
        REGISTRATIONS[api_key] = Registration(
            api_key=api_key,
            request_class=request_class,
            response_class=response_class,
            handler=guarded(handler, needs) if needs else handler,
            lowest_version=lowest,
            highest_version=highest,
            announced_from=lowest if announced_from is None else announced_from,
            on_error=on_error,
            has_slices=has_slices,
            unstable_from=unstable_from,
            served_if=served_if,
            shortcut=shortcut,
            large_bytes=large_bytes,
            needs=tuple(needs),
        )
        return handler

    return register


def served_by(config: BrokerConfig, registrations: Iterable[Registration]) -> list[Registration]:
    """What a broker of these settings serves: unstable versions and conditional APIs left out where they are not wanted."""
    unstable = config.get("unstable.api.versions.enable") is True
    served = []
    for each in registrations:
        highest = each.highest_version
        if each.unstable_from is not None and not unstable:
            highest = min(highest, each.unstable_from - 1)
        if highest >= each.lowest_version and (each.served_if is None or each.served_if(config)):
            served.append(each._replace(highest_version=highest))
    return served


def announced_versions(registrations: Iterable[Registration]) -> list[tuple[ApiKey, int, int]]:
    """(api key, lowest, highest version) as ApiVersions tells them, in the order of the keys."""
    return sorted((each.api_key, each.announced_from, each.highest_version) for each in registrations)


def error_response(
    registration: Registration, request: Request, api_version: int, code: ErrorCode, message: str
) -> Response | None:
    """The answer that says `code` for the whole request, or None when its response has no place for one."""
    if registration.on_error is not None:
        return registration.on_error(request, code, message)
    fields = {each.name for each in registration.response_class.__fields__ if api_version in each.versions}
    if "error_code" not in fields:
        return None
    answer: dict[str, Any] = {"error_code": int(code)}
    if "error_message" in fields:
        answer["error_message"] = message
    return registration.response_class(**answer)
