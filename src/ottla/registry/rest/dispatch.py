"""What all requests have in common: content types, the guard, the primary, errors.

    content types ─▶ endpoint ─▶ guard ─▶ here, or for a write the primary ─▶ answer

A read that needs no waiting is answered without a task or a future.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from inspect import isawaitable
from typing import Final, Protocol

from ottla.registry.errors import RegistryError, forwarding_failed, no_leader
from ottla.registry.registry import Registry
from ottla.registry.rest import compatibility, schemas, server, settings, subjects, tags
from ottla.registry.rest.large_schemas import LARGE_BODY_BYTES, parse_ahead
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

ENDPOINTS: Final = (subjects, tags, schemas, compatibility, settings, server)
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

    def _answer(self, request: Request) -> Answer | Awaitable[Answer]:
        content_type = answer_type(request.headers.get("accept"))
        if request.method == "OPTIONS":
            return _options(request)
        found = find(request)
        if request.body:
            _check_body_type(request.headers.get("content-type"))
        if self._guard is not None or found.writes or len(request.body) >= LARGE_BODY_BYTES:
            return self._awaited(found, request, content_type)
        answer = found.handler(self._registry, request)
        if isinstance(answer, Answer):
            answer.content_type = answer.content_type or content_type
            return answer
        return self._awaited(found, request, content_type)

    async def _awaited(self, found: Route, request: Request, content_type: str) -> Answer:
        try:
            if self._guard is not None:
                refusal = self._guard(request, found)
                if isawaitable(refusal):
                    await refusal
            if len(request.body) >= LARGE_BODY_BYTES:
                await parse_ahead(self._registry, found, request)
            answer = await self._written(found, request) if found.writes else None
            if answer is None:
                answered = found.handler(self._registry, request)
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
            answer = subjects.registered_already(registry, request, as_sent=registry.is_primary)
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
