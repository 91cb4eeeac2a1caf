"""Requests and answers, whatever server they come by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final, Protocol, TypeVar, cast
from urllib.parse import parse_qsl

from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import Json, JsonObject, to_json
from ottla.registry.rest.bodies import read_object
from ottla.registry.search_limits import UNLIMITED, Limit

DEFAULT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
ANSWER_TYPES: Final = (DEFAULT_TYPE, "application/vnd.schemaregistry+json", "application/json")
BODY_TYPES: Final = (*ANSWER_TYPES, "application/octet-stream")

_Item = TypeVar("_Item")


class Visible(Protocol):
    """What may be shown of subjects; `authorization.Rights` is one."""

    def sees(self, subject: str, /) -> bool: ...

    def knows(self, subject: str, /) -> bool: ...


class Request:
    """One request. `parts` are the path's segments, decoded each for itself, so that a subject may hold a slash."""

    __slots__ = (
        "_json",
        "_query",
        "body",
        "headers",
        "is_new",
        "method",
        "parameters",
        "parts",
        "principal",
        "query_text",
        "rights",
        "target",
    )

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
        self._json: JsonObject | RegistryError | None = None
        self.is_new = False
        """Whether its schema is known to be not registered as it was sent."""
        self.principal = ""
        """Whose request it is, where anybody asks."""
        self.rights: Visible | None = None
        """What that one may see; None: everything."""

    def sees(self, subject: str) -> bool:
        """Whether the schemas of a subject may be shown."""
        return self.rights is None or self.rights.sees(subject)

    def knows(self, subject: str) -> bool:
        """Whether the name of a subject may be shown."""
        return self.rights is None or self.rights.knows(subject)

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
        """The body, which nobody may change; raises 400 for what is no JSON, 422 for no object."""
        if self._json is None:
            self.read_json()
        if isinstance(self._json, RegistryError):
            raise self._json
        return cast("JsonObject", self._json)

    def read_json(self) -> None:
        """Read the body, in whatever thread: `json` tells what came of it."""
        try:
            self._json = read_object(self.body)
        except RegistryError as error:
            self._json = error


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
    # It may quote half of a surrogate pair out of the request, which no answer of UTF-8 holds.
    message = error.message.encode("utf-8", "replace").decode()
    return json_answer({"error_code": error.code, "message": message}, error.status)


def http_error(status: int, reason: str) -> RegistryError:
    """An error of HTTP alone, in Jersey's words."""
    return RegistryError(status, f"HTTP {status} {reason}")


def path_integer(text: str) -> int:
    """A number in a path or query of 32 bits; raises 404."""
    if text.removeprefix("-").isdecimal() and len(text) <= 11 and -(2**31) <= int(text) < 2**31:
        return int(text)
    raise http_error(404, "Not Found")


def page(items: Iterable[_Item], request: Request, limit: Limit = UNLIMITED) -> list[_Item]:
    """The part of a list that `offset` and `limit` ask for; what comes after it is not even looked at."""
    offset = max(request.integer("offset", 0), 0)
    return list(islice(items, offset, offset + limit.of(request.integer("limit", -1))))
