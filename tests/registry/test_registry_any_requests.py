"""Any requests in any order, to every endpoint: none fails inside, and the topic tells all that they have changed."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from ottla.registry.records import decode
from ottla.registry.registry import Registry
from ottla.registry.rest.dispatch import Dispatch
from ottla.registry.rest.messages import Answer, Request
from ottla.registry.rest.routing import ROUTES, Route
from ottla.registry.state import Conflict, RegistryState
from registries import record

REQUESTS = 4_000
"""A tenth of them write."""

SUBJECTS = ["a", "b", ":.c:a", ":.n:t-value"]
ODD_NAMES = ["", ":.c:", ":*:", ":.:a", "__GLOBAL", ":.__GLOBAL:", "a/b", "\0", "x" * 300, ".c", "☃", "-1"]
SCHEMAS = ['"string"', '"long"', record("R", ("a", "int")), record("R", ("a", "int"), ("b", "int"), b=1)]
ODD_SCHEMAS = [
    '{"type":"object"}',
    'syntax = "proto3"; message M { int32 a = 1; }',
    "",
    "{",
    "[]",
    '"\ud800"',
]
ATOMS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**70,
    1.5,
    "",
    "\ud800",
    "STRONG",
    "IMPORT",
    "FULL",
    [],
    {},
]
PLACES = {
    "version": ["1", "2", "latest", "-1", "0", "x"],
    "id": ["1", "2", "x"],
    "guid": ["x", "473287f8-298d-ba71-63a8-97908962c0d3"],
    "resourceId": ["i", "j"],
    "resourceNamespace": ["n", "-"],
    "resourceName": ["t", "u"],
    "context": [".c", ".", ""],
}
MEMBERS = [
    *("schema", "schemaType", "references", "metadata", "ruleSet", "id", "version", "propagateSchemaTags"),
    *("schemaTagsToAdd", "tagsToAdd", "tagsToRemove", "rulesToMerge", "rulesToRemove", "newVersion"),
    *("compatibility", "alias", "normalize", "validateFields", "compatibilityGroup", "compatibilityPolicy"),
    *("defaultMetadata", "overrideRuleSet", "mode", "resourceName", "resourceId", "resourceType"),
    *("associations", "associationType", "lifecycle", "frozen", "requests", "opType", "subject"),
]
PARAMETERS = [
    *(
        "subject",
        "format",
        "referenceFormat",
        "findTags",
        "fetchMaxId",
        "deleted",
        "deletedOnly",
        "permanent",
    ),
    *(
        "normalize",
        "verbose",
        "force",
        "offset",
        "limit",
        "subjectPrefix",
        "aliases",
        "latestOnly",
        "lifecycle",
    ),
    *(
        "associationType",
        "context",
        "dryRun",
        "cascadeLifecycle",
        "defaultToGlobal",
        "recursive",
        "key",
        "value",
    ),
]
VALUES = ["true", "true", "false", "", "1", "-1", "x", ":.c:", ":*:", "resolved", "qualified", "STRONG", "*"]
RULE = {"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"}


class Remembering:
    """A topic that is as quick as can be, and keeps what is written."""

    def __init__(self, state: RegistryState) -> None:
        self._state = state
        self.records: list[tuple[bytes, bytes | None]] = []

    async def append(self, writes: Sequence[tuple[bytes, bytes | None]]) -> list[Conflict]:
        found = [self._state.apply(decode(key, value, 1), key) for key, value in writes]
        self.records += writes
        return [conflict for conflict in found if conflict is not None]

    def compacted(self) -> list[tuple[bytes, bytes | None]]:
        """As the broker leaves it: the last of each key, and deletions gone with what they delete."""
        last = {key: at for at, (key, _) in enumerate(self.records)}
        return [
            (key, value)
            for at, (key, value) in enumerate(self.records)
            if last[key] == at and value is not None
        ]


class NowhereElse:
    """There is one registry."""

    async def forward(self, url: str, request: Request) -> Answer:
        raise AssertionError(f"passed on to {url}: {request.target}")


async def ask(dispatch: Dispatch, method: str, path: str, body: object = None) -> Answer:
    target, _, query = path.partition("?")
    answer = dispatch.answer(
        Request(method, target, query, {}, b"" if body is None else json.dumps(body).encode())
    )
    return answer if isinstance(answer, Answer) else await answer


class Client:
    """Makes requests up."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        own = [each for each in ROUTES if not each.path.startswith("/dek-registry")]
        writes = [each for each in own if each.path.endswith("/versions") or "associations" in each.path]
        self._routes = own + 6 * [each for each in writes if each.method in {"POST", "PUT"}]

    def request(self) -> tuple[str, str, object]:
        route = self._random.choice(self._routes)
        path = re.sub(r"\{(\w+)\}", self._place, route.path)
        if self._often(0.1):
            path = f"/contexts/{self._random.choice(['.c', 'c', '.', '%20'])}{path}"
        if self._often(0.4):
            named = [(self._random.choice(PARAMETERS), self._random.choice(VALUES)) for _ in range(2)]
            path += "?" + "&".join(f"{name}={quote(value)}" for name, value in named)
        return route.method, path, self._body(route) if route.method in {"POST", "PUT"} else None

    def _often(self, share: float) -> bool:
        return self._random.random() < share

    def _place(self, match: re.Match[str]) -> str:
        names = PLACES.get(match[1]) or (ODD_NAMES if self._often(0.1) else SUBJECTS)
        return quote(self._random.choice(names), safe=":")

    def _body(self, route: Route) -> object:
        if self._often(0.05):
            return self._anything()
        body = self._sound_body(route.path)
        if self._often(0.15):
            body[self._random.choice(MEMBERS)] = self._anything()
        return body

    def _anything(self, depth: int = 0) -> Any:
        if depth > 2 or self._often(0.6):
            return self._random.choice([*ATOMS, *ODD_NAMES, *SCHEMAS])
        inner = [self._anything(depth + 1) for _ in range(self._random.randrange(4))]
        return inner if self._often(0.5) else {self._random.choice(MEMBERS): each for each in inner}

    def _sound_body(self, path: str) -> dict[str, Any]:
        choose = self._random.choice
        if "batch" in path:
            return {"requests": [self._associations() for _ in range(2)]}
        if "associations" in path:
            return self._associations()
        if "mode" in path:
            return {"mode": choose(["READWRITE", "READWRITE", "READWRITE", "IMPORT", "READONLY", "FORWARD"])}
        if "config" in path:
            settings = [
                ("compatibility", "NONE"),
                ("alias", "b"),
                ("normalize", True),
                ("validateFields", True),
            ]
            return dict([choose([*settings, ("defaultRuleSet", {"domainRules": [RULE]})])])
        return self._schema()

    def _schema(self) -> dict[str, Any]:
        choose = self._random.choice
        body: dict[str, Any] = {"schema": choose(ODD_SCHEMAS if self._often(0.1) else SCHEMAS)}
        if self._often(0.1):
            body["schemaType"] = choose(["AVRO", "JSON", "PROTOBUF", "XML"])
        if self._often(0.2):
            body["references"] = [{"name": "R", "subject": choose(SUBJECTS), "version": choose([1, 2, -1])}]
        if self._often(0.2):
            body["metadata"] = {"properties": {choose(["a", "confluent:reserved"]): choose(["a", "b"])}}
        if self._often(0.05):
            body |= {"id": choose([1, 5]), "version": choose([1, 7])}
        return body

    def _associations(self) -> dict[str, Any]:
        choose = self._random.choice
        wanted = {
            "subject": choose([None, *SUBJECTS]),
            "associationType": choose(["key", "value"]),
            "lifecycle": choose(["STRONG", "WEAK", None]),
            "frozen": choose([None, None, True, False]),
            "schema": choose([None, self._schema()]),
            "opType": choose(["CREATE", "UPSERT", "DELETE"]),
        }
        named = {
            "resourceName": choose(["t", "u"]),
            "resourceNamespace": "n",
            "resourceId": choose(["i", "j"]),
        }
        return {**named, "associations": [wanted]}


TOLD: list[str] = [
    *(
        "/schemas?deleted=true&aliases=true",
        "/subjects?deleted=true",
        "/subjects",
        "/contexts",
        "/config",
        "/mode",
    ),
    *(
        f"{path}/{quote(name)}"
        for path in ("/config", "/mode")
        for name in [*SUBJECTS, ":.c:", ":.__GLOBAL:"]
    ),
    *(f"/associations/resources/{each}" for each in ("i", "j")),
    *(f"/associations/subjects/{quote(name)}" for name in SUBJECTS),
    *(f"/subjects/{quote(name)}/versions/1/referencedby?deleted=true" for name in SUBJECTS),
]


@pytest.mark.parametrize("seed", range(4))
def test_no_request_fails_inside_and_all_is_in_the_topic(seed: int) -> None:
    """Every answer is the client's to understand, in UTF-8; a registry that reads the topic afterwards, compacted or not,
    answers as the one that wrote it, and gives no id a second time."""

    async def run() -> None:
        state = RegistryState()
        topic, client = Remembering(state), Client(seed)
        registry = Registry(state, topic)
        await registry.lead("http://127.0.0.1:8081")
        dispatch = Dispatch(registry, NowhereElse())
        for _ in range(REQUESTS):
            method, path, body = client.request()
            answer = await ask(dispatch, method, path, body)
            assert answer.status < 500, f"{method} {path} {body!r}: {answer.body!r}"
            assert answer.body.decode() or answer.status == 204
        assert len(topic.records) > REQUESTS / 20
        told = await all_told(dispatch)
        for records in (topic.records, topic.compacted()):
            read = RegistryState()
            for key, value in records:
                read.apply(decode(key, value, 1), key)
            assert await all_told(Dispatch(Registry(read, Remembering(read)), NowhereElse())) == told
            assert read.highest_ids() == state.highest_ids()

    asyncio.run(run())


async def all_told(dispatch: Dispatch) -> dict[str, tuple[int, bytes]]:
    answers = {path: await ask(dispatch, "GET", path) for path in TOLD}
    return {path: (answer.status, answer.body) for path, answer in answers.items()}
