"""What all requests have in common: content types, the guard, the primary, errors.

    content types ─▶ endpoint ─▶ guard ─▶ here, or for a write the primary ─▶ answer

A request that needs no waiting, a read or the registration of what is registered already, is answered without a task or a future.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from inspect import isawaitable
from typing import Final, Protocol

from ottla.registry.errors import RegistryError, forwarding_failed, no_leader
from ottla.registry.long_work import TakesLong
from ottla.registry.registry import Registry
from ottla.registry.rest import (
    associations,
    compatibility,
    dek_registry,
    schemas,
    server,
    settings,
    subjects,
    tags,
)
from ottla.registry.rest.bodies import LARGE_BODY_BYTES
from ottla.registry.rest.messages import (
    ANSWER_TYPES,
    BODY_TYPES,
    DEFAULT_TYPE,
    Answer,
    Request,
    error_answer,
    http_error,
)
from ottla.registry.rest.routing import Route, allowed, find

ENDPOINTS: Final = (subjects, tags, schemas, compatibility, settings, associations, dek_registry, server)
"""The modules whose routes are served: importing them declares these."""

FORWARDED_HEADER: Final = "x-forward"
"""Set to false on what one registry passes on to another, which then doesn't pass it on again."""

PRIMARY_TIMEOUT_S: Final = 10.0
"""How long a write waits for a primary to be elected."""

_log = logging.getLogger("ottla.registry")


class Forwarder(Protocol):
    """Passes a request on to another registry."""

    async def forward(self, url: str, request: Request) -> Answer: ...


Guard = Callable[[Request, Route], "Awaitable[None] | None"]
"""Looks at each request before it is answered; raises RegistryError to refuse it. Logins and access rules are its matter."""


class Dispatch:
    """Answers requests to one registry."""

    def __init__(self, registry: Registry, forwarder: Forwarder, guard: Guard | None = None) -> None:
        self._registry = registry
        self._forwarder = forwarder
        self._guard = guard

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """The answer, or what to await for it. Never raises."""
        try:
            return self._answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return _failed(request, error)

    def at_once(self, request: Request) -> Answer | None:
        """The answer to a request for which it is enough to look; None: `answer` it. Never raises."""
        if self._guard is not None or request.method == "OPTIONS" or len(request.body) >= LARGE_BODY_BYTES:
            return None
        try:
            content_type = answer_type(request.headers.get("accept"))
            found = self._found(request)
            if found.handler is subjects.register and self._registry.is_primary:
                answer: Answer | Awaitable[Answer] | None = subjects.registered_already(
                    self._registry, request, as_sent=True
                )
                request.is_new = answer is None
            elif found.writes:
                return None
            else:
                answer = self._registry.work.attempt(lambda: found.handler(self._registry, request), {})
        except TakesLong:
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return _failed(request, error)
        if not isinstance(answer, Answer):
            if isinstance(answer, Coroutine):
                answer.close()
            return None
        answer.content_type = answer.content_type or content_type
        return answer

    def _found(self, request: Request) -> Route:
        """The endpoint; raises 404, 405 and 415."""
        found = find(request)
        if request.body:
            content_type_sent = request.headers.get("content-type")
            if content_type_sent is None and "origin" in request.headers:
                # A page of any site may have a browser send a body without a type, unasked; JSON it may not.
                raise http_error(415, "Unsupported Media Type")
            _check_body_type(content_type_sent)
        return found

    def _answer(self, request: Request) -> Answer | Awaitable[Answer]:
        content_type = answer_type(request.headers.get("accept"))
        if request.method == "OPTIONS":
            return _options(request)
        found = self._found(request)
        if self._guard is not None or found.writes or len(request.body) >= LARGE_BODY_BYTES:
            return self._awaited(found, request, content_type)
        try:
            answer = self._registry.work.attempt(lambda: found.handler(self._registry, request), {})
        except TakesLong as lacking:
            return self._awaited(found, request, content_type, lacking)
        if isinstance(answer, Answer):
            answer.content_type = answer.content_type or content_type
            return answer
        return self._completed(answer, request, content_type)

    async def _completed(self, coming: Awaitable[Answer], request: Request, content_type: str) -> Answer:
        try:
            answer = await coming
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = _failed(request, error)
        answer.content_type = answer.content_type or content_type
        return answer

    async def _awaited(
        self, found: Route, request: Request, content_type: str, lacking: TakesLong | None = None
    ) -> Answer:
        registry = self._registry
        try:
            if self._guard is not None:
                refusal = self._guard(request, found)
                if isawaitable(refusal):
                    await refusal
            if len(request.body) >= LARGE_BODY_BYTES:
                await registry.work.run(request.read_json)
            answer = await self._written(found, request) if found.writes else None
            if answer is None:
                answered = await registry.work.decided(lambda: found.handler(registry, request), lacking)
                answer = answered if isinstance(answered, Answer) else await answered
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            answer = _failed(request, error)
        answer.content_type = answer.content_type or content_type
        return answer

    async def _written(self, found: Route, request: Request) -> Answer | None:
        """The primary's answer to a write, or one that needs no write; None if this is the primary."""
        registry = self._registry
        if found.handler is subjects.register:
            # The primary parses a schema that is new once, and not before it has to.
            as_sent = registry.is_primary
            answer = None
            if not (as_sent and request.is_new):
                answer = await registry.work.decided(
                    lambda: subjects.registered_already(registry, request, as_sent=as_sent)
                )
            if answer is not None:
                return answer
        if registry.is_primary:
            return None
        # Who forwards may know of the election before the one elected has caught up.
        if not await registry.settled(PRIMARY_TIMEOUT_S):
            raise no_leader()
        if registry.is_primary or registry.primary_url is None:
            return None
        if request.headers.get(FORWARDED_HEADER) == "false":
            raise no_leader()
        return await self._forwarded(registry.primary_url, request)

    async def _forwarded(self, url: str, request: Request) -> Answer:
        """What the primary answers; 50003 as soon as it is the primary no longer, for it may never answer then."""
        term = self._registry.term
        answer = asyncio.ensure_future(self._forwarder.forward(url, request))

        def give_up(_: object) -> None:
            answer.cancel()

        term.add_done_callback(give_up)
        try:
            return await answer
        except asyncio.CancelledError:
            if not term.done():
                raise
            raise forwarding_failed(f"The primary at {url} was replaced before it answered") from None
        finally:
            term.remove_done_callback(give_up)
            answer.cancel()


@lru_cache(maxsize=256)
def answer_type(accept: str | None) -> str:
    """Which of our content types a client likes best; raises 406 if none."""
    best, best_weight = None, 0.0
    for part in (accept or "*/*").split(","):
        name, *parameters = (each.strip() for each in part.lower().split(";"))
        weight = _weight(parameters)
        if name in {"*/*", "application/*"}:
            name = DEFAULT_TYPE
        if name in ANSWER_TYPES and weight > best_weight:
            best, best_weight = name, weight
    if best is None:
        raise http_error(406, "Not Acceptable")
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=256)
def _check_body_type(content_type: str | None) -> None:
    """Raise 415 for a body of another type than JSON's; none is taken for it."""
    if content_type is not None and content_type.split(";")[0].strip().lower() not in BODY_TYPES:
        raise http_error(415, "Unsupported Media Type")


def _options(request: Request) -> Answer:
    methods = allowed(request)
    if not methods:
        raise http_error(404, "Not Found")
    names = ["HEAD", *methods, "OPTIONS"] if "GET" in methods else [*methods, "OPTIONS"]
    return Answer(headers=(("allow", ",".join(names)),))


def _failed(request: Request, error: Exception) -> Answer:
    if isinstance(error, RegistryError):
        answer = error_answer(error)
    else:
        _log.exception("%s %s failed", request.method, request.target, exc_info=error)
        answer = error_answer(RegistryError(500, "Internal Server Error"))
    answer.content_type = DEFAULT_TYPE
    return answer
