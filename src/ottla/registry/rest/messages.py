"""Requests and answers, whatever server they come by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar, cast
from urllib.parse import parse_qsl

from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import Json, JsonObject, to_json

DEFAULT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
ANSWER_TYPES: Final = (DEFAULT_TYPE, "application/vnd.schemaregistry+json", "application/json")
BODY_TYPES: Final = (*ANSWER_TYPES, "application/octet-stream")

_Item = TypeVar("_Item")


class Request:
    """One request. `parts` are the path's segments, decoded each for itself, so that a subject may hold a slash."""

    __slots__ = ("_query", "body", "headers", "method", "parameters", "parts", "query_text", "target")

    def __init__(
        self, method: str, target: str, query_text: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        self.method = method
        self.target = target
        """The path as it came, encoded."""
        self.query_text = query_text
        self.headers = headers
        """By name in lower case."""
        self.body = body
        self.parts: list[str] = []
        self.parameters: dict[str, str] = {}
        """The path's variable segments by name."""
        self._query: dict[str, list[str]] | None = None

    @property
    def query(self) -> dict[str, list[str]]:
        """The values of each parameter of the query."""
        if self._query is None:
            self._query = {}
            for name, value in parse_qsl(self.query_text, keep_blank_values=True) if self.query_text else ():
                self._query.setdefault(name, []).append(value)
        return self._query

    def text(self, name: str) -> str | None:
        """A parameter of the query; None if it isn't there."""
        return self.query[name][0] if name in self.query else None

    def texts(self, name: str) -> list[str]:
        return self.query.get(name, [])

    def flag(self, name: str) -> bool:
        """Whether a parameter says true, in any case; everything else is false, as in Java."""
        return name in self.query and self.query[name][0].lower() == "true"

    def integer(self, name: str, default: int) -> int:
        """A number of the query; no number is answered with 404, as Jersey does."""
        text = self.text(name)
        return default if text is None else path_integer(text)

    def json(self) -> JsonObject:
        """The body; raises 400 for what is no JSON, 422 for no object."""
        if not self.body.strip():
            raise RegistryError(422, "The request body must not be empty")
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            raise RegistryError(400, f"The request body is no JSON: {reason}") from None
        if not isinstance(body, dict):
            raise RegistryError(422, "The request body must be a JSON object")
        return cast("JsonObject", body)


class Answer:
    """One answer. `body` is what is sent but for its compression."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
        content_type: str | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.content_type = content_type
        """None: whichever of ours the client likes best."""


def json_answer(value: Json | Mapping[str, Json], status: int = 200) -> Answer:
    return Answer(to_json(value), status)


def error_answer(error: RegistryError) -> Answer:
    return json_answer({"error_code": error.code, "message": error.message}, error.status)


def http_error(status: int, reason: str) -> RegistryError:
    """An error of HTTP alone, in Jersey's words."""
    return RegistryError(status, f"HTTP {status} {reason}")


def path_integer(text: str) -> int:
    """A number in a path or query of 32 bits; raises 404."""
    if text.removeprefix("-").isdecimal() and len(text) <= 11 and -(2**31) <= int(text) < 2**31:
        return int(text)
    raise http_error(404, "Not Found")


def page(items: Sequence[_Item], request: Request, most: int | None = None) -> Sequence[_Item]:
    """The part of a list that `offset` and `limit` ask for; no limit, or one above `most`, means `most`."""
    offset, limit = max(request.integer("offset", 0), 0), request.integer("limit", -1)
    if limit <= 0 or (most is not None and limit > most):
        return items[offset:] if most is None else items[offset : offset + most]
    return items[offset : offset + limit]
