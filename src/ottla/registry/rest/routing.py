"""From method and path to the function that answers.

Paths are matched segment by segment before they are decoded: `/subjects/a%2Fb/versions` is the subject `a/b`. This is why
no framework's router is used here: they match the decoded path. Confluent's own rewriting comes first:

    /contexts/.staging/subjects/orders/…    ─▶ /subjects/:.staging:orders/…
    /contexts/.staging/schemas/ids/1        ─▶ /schemas/ids/1?subject=:.staging:
    /contexts/.staging/subjects             ─▶ /subjects?subjectPrefix=:.staging:
    /contexts/.staging/config               ─▶ /config/:.staging:
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol
from urllib.parse import unquote

from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, http_error
from ottla.registry.subjects import DEFAULT_CONTEXT, context_name, context_subject, in_context, normalized


class Handler(Protocol):
    """Answers a request: at once, or when it is awaited."""

    __name__: str

    def __call__(self, registry: Registry, request: Request, /) -> Answer | Awaitable[Answer]: ...


class Route(NamedTuple):
    """An endpoint. `writes`: only the primary answers it, others pass it on."""

    method: str
    path: str
    handler: Handler
    writes: bool


@dataclass(slots=True)
class _Node:
    by_text: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    name: str = ""
    routes: dict[str, Route] = field(default_factory=dict)


ROUTES: Final[list[Route]] = []
"""Every endpoint, in the order of declaration: the documentation's table is made from it."""

_ROOT: Final = _Node()


def route(method: str, path: str, *, writes: bool = False) -> Callable[[Handler], Handler]:
    """Declare that a function answers `method` at `path`, whose variable segments are written `{subject}`."""

    def declare(handler: Handler) -> Handler:
        found = Route(method, path, handler, writes)
        node = _ROOT
        for segment in path.strip("/").split("/"):
            node = _child(node, segment)
        node.routes[method] = found
        ROUTES.append(found)
        return handler

    return declare


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith("{"):
        return node.by_text.setdefault(segment, _Node())
    if node.variable is None:
        node.variable = _Node(name=segment[1:-1])
    return node.variable


def find(request: Request) -> Route:
    """The endpoint of a request, whose parameters are filled in; raises 404 or 405."""
    parts = [unquote(part) for part in request.target.strip("/").split("/")]
    if parts[0] == "contexts" and len(parts) > 2:
        parts = _out_of_context(parts, request)
    request.parts = parts
    node: _Node | None = _ROOT
    for part in parts:
        assert node is not None
        found = node.by_text.get(part)
        if found is None and node.variable is not None:
            found = node.variable
            request.parameters[found.name] = part
        node = found
        if node is None:
            raise http_error(404, "Not Found")
    assert node is not None
    method = "GET" if request.method == "HEAD" else request.method
    if method not in node.routes:
        raise http_error(405, "Method Not Allowed") if node.routes else http_error(404, "Not Found")
    return node.routes[method]


def allowed(request: Request) -> list[str]:
    """The methods that the path has, for OPTIONS."""
    methods = []
    for method in ("GET", "POST", "PUT", "DELETE"):
        try:
            find(Request(method, request.target, "", {}, b""))
        except Exception:  # noqa: BLE001, S112 - 404 or 405
            continue
        methods.append(method)
    return methods


def _out_of_context(parts: list[str], request: Request) -> list[str]:
    """The path as it is without `/contexts/{context}` in front."""
    context = context_name(parts[1])
    rest = parts[2:]
    subject = context_subject(context) or f":{DEFAULT_CONTEXT}:"
    match rest[0]:
        case "subjects" | "compatibility" | "config" | "mode" | "schemas":
            pass
        case "associations" | "associations:batchMutate" | "associations:batchGet":
            request.query.setdefault("context", [context])
            if rest[1:2] == ["subjects"] and len(rest) > 2:
                rest[2] = in_context(context, rest[2])
            return rest
        case "dek-registry":
            # KEKs lie in no context; the subjects of their DEKs do.
            return [*rest[:5], *(in_context(context, each) for each in rest[5:6]), *rest[6:]]
        case _:
            raise http_error(404, "Not Found")
    at = 2 if rest[0] == "compatibility" else 1
    if rest[0] in {"subjects", "compatibility", "config", "mode"} and len(rest) > at:
        rest[at] = in_context(context, rest[at])
    elif rest[0] in {"config", "mode"} and context != DEFAULT_CONTEXT:
        rest.append(subject)
    elif rest in (["subjects"], ["schemas"]):
        prefix = request.text("subjectPrefix") or ""
        request.query["subjectPrefix"] = [prefix if prefix.startswith(":") else subject + prefix]
    elif rest[0] == "schemas":
        given = request.text("subject") or ""
        request.query["subject"] = [given if given.startswith(":") else normalized(subject + given)]
    return rest
