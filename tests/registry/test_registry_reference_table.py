"""What a Confluent registry offers, row by row as a client sees it: endpoints, parameters, bodies, features, error codes, records.

A row is a sequence of requests and what each is answered with. `{s}` stands for a subject of the row's own, `{c}` for a context
of its own. An answer is expected as a whole, in part (`Part`), as status and error code, or as an error with its message (`Says`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any, Final, NamedTuple
from uuid import UUID

import pytest
from confluent_kafka import Consumer, TopicPartition

from brokers import Broker
from registries import RegistryProcess, record

STRING, LONG = '"string"', '"long"'
ORDER = record("Order", ("item", "string"))
WITH_COUNT = record("Order", ("item", "string"), ("count", "int"), count=1)
UNREADABLE = record("Order", ("price", "long"))
TAGGED = (
    '{"type":"record","name":"Order","fields":[{"name":"item","type":"string","confluent:tags":["PII"]}]}'
)
PROTO = 'syntax = "proto3";\n\nmessage Order {\n  string item = 1;\n}\n'
JSON_SCHEMA = '{"type":"object","properties":{"item":{"type":"string"}}}'
REORDERED = '{"properties":{"item":{"type":"string"}},"type":"object"}'
RULE: Final = {
    "name": "check",
    "kind": "CONDITION",
    "mode": "WRITE",
    "type": "CEL",
    "expr": "true",
    "disabled": False,
}
GUID_OF_STRING = str(UUID(bytes=md5(STRING.encode()).digest()))


class Part(NamedTuple):
    """An object with at least these members, or a list of such objects."""

    members: Any


class Among(NamedTuple):
    """A list with at least these items."""

    items: Any


class Says(NamedTuple):
    """An error with exactly this message."""

    status: int
    code: int
    message: str


class Without(NamedTuple):
    """An object without this member."""

    member: str


Step = tuple[str, object, object]
"""A request (method and path), its body, and its answer: a status alone is enough where it has no body."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    steps: Sequence[Step]


def get(path: str, answer: object) -> Step:
    return f"GET {path}", None, answer


def delete(path: str, answer: object) -> Step:
    return f"DELETE {path}", None, answer


def post(path: str, body: object, answer: object) -> Step:
    return f"POST {path}", body, answer


def put(path: str, body: object, answer: object) -> Step:
    return f"PUT {path}", body, answer


def registered(text: str = STRING, subject: str = "{s}", **fields: object) -> Step:
    """Registers a schema."""
    return post(f"/subjects/{subject}/versions", {"schema": text, **fields}, Part({}))


NONE: Final = put("/config/{s}", {"compatibility": "NONE"}, {"compatibility": "NONE"})
"""The subject takes any schema."""

# fmt: off
# One request and its answer a line, where it fits.
ENDPOINTS = [
    Row("GET /", [get("/", {})]),
    Row("POST /", [post("/", {}, {}), post("/", {"a": "b"}, {})]),
    Row(
        "GET /schemas: subjectPrefix",
        [
            registered(subject="{s}-a"),
            registered(subject="{s}-b"),
            get("/schemas?subjectPrefix={s}-", Part([{"subject": "{s}-a"}, {"subject": "{s}-b"}])),
            get("/schemas?subjectPrefix={s}-b", Part([{"subject": "{s}-b", "version": 1, "schema": STRING}])),
            get("/schemas?subjectPrefix=:*:{s}-b", Part([{"subject": "{s}-b"}])),
            get("/schemas?subjectPrefix={s}-c", []),
        ],
    ),
    Row(
        "GET /schemas: aliases",
        [
            registered(),
            put("/config/{s}-other-name", {"alias": "{s}"}, {"alias": "{s}"}),
            put("/config/x-{s}", {"alias": "{s}"}, {"alias": "{s}"}),
            get("/schemas?subjectPrefix={s}&aliases=true", Part([{"aliases": ["{s}-other-name"]}])),
            get("/schemas?subjectPrefix={s}", Part([Without("aliases")])),
            get("/schemas?subjectPrefix=x-{s}&aliases=true", Part([{"subject": "{s}", "aliases": ["x-{s}"]}])),
            get("/schemas?subjectPrefix=x-{s}", []),
        ],
    ),
    Row(
        "GET /schemas: deleted, latestOnly",
        [
            NONE,
            registered(STRING),
            registered(LONG),
            delete("/subjects/{s}/versions/1", 1),
            get("/schemas?subjectPrefix={s}", Part([{"version": 2}])),
            get("/schemas?subjectPrefix={s}&deleted=true", Part([{"version": 1, "deleted": True}, {"version": 2}])),
            get("/schemas?subjectPrefix={s}&deleted=true&latestOnly=true", Part([{"version": 2}])),
        ],
    ),
    Row(
        "GET /schemas: ruleType",
        [
            registered(subject="{s}-a", ruleSet={"domainRules": [RULE]}),
            registered(subject="{s}-b"),
            get("/schemas?subjectPrefix={s}-&ruleType=CEL", Part([{"subject": "{s}-a"}])),
            get("/schemas?subjectPrefix={s}-&ruleType=JSONATA", []),
        ],
    ),
    Row(
        "GET /schemas: offset, limit",
        [
            *(registered(subject=f"{{s}}-{letter}") for letter in "abc"),
            get("/schemas?subjectPrefix={s}-&offset=1", Part([{"subject": "{s}-b"}, {"subject": "{s}-c"}])),
            get("/schemas?subjectPrefix={s}-&offset=1&limit=1", Part([{"subject": "{s}-b"}])),
            get("/schemas?subjectPrefix={s}-&limit=0&offset=2", Part([{"subject": "{s}-c"}])),
            get("/schemas?limit=many", (404, 404)),
        ],
    ),
    Row(
        "GET /schemas/ids/{id}: subject",
        [
            registered(subject=":{c}:{s}"),
            get("/schemas/ids/1?subject=:{c}:", Part({"schema": STRING})),
            get("/schemas/ids/1?subject=:{c}:{s}", Part({"subject": ":{c}:{s}", "version": 1})),
            get("/schemas/ids/1?subject={s}", Part({"subject": ":{c}:{s}", "schema": STRING})),
            get("/schemas/ids/1?subject=:{c}:other", Says(404, 40403, "Schema 1 not found")),
            get("/schemas/ids/1?subject=:{c}:&fetchMaxId=true", Part({"maxId": 1})),
        ],
    ),
    Row(
        "GET /schemas/ids/{id}: format, findTags",
        [
            registered(TAGGED, ":{c}:{s}"),
            get(
                "/schemas/ids/1?subject=:{c}:&findTags=PII",
                Part(
                    {"schemaTags": [{"schemaEntity": {"entityPath": "Order.item", "entityType": "sr_field"}, "tags": ["PII"]}]}
                ),
            ),
            get("/schemas/ids/1?subject=:{c}:&findTags=GDPR", Without("schemaTags")),
            get("/schemas/ids/1?subject=:{c}:", Without("schemaTags")),
            get("/schemas/ids/1?subject=:{c}:&format=resolved", Part({"schema": TAGGED})),
        ],
    ),
    Row(
        "GET /schemas/ids/{id}: referenceFormat",
        [
            registered(ORDER, ":{c}:{s}"),
            registered(
                record("Basket", ("first", "Order")),
                ":{c}:{s}-basket",
                references=[{"name": "Order", "subject": "{s}", "version": 1}],
            ),
            get("/schemas/ids/2?subject=:{c}:", Part({"references": [{"name": "Order", "subject": "{s}", "version": 1}]})),
            get(
                "/schemas/ids/2?subject=:{c}:&referenceFormat=qualified",
                Part({"references": [{"name": "Order", "subject": ":{c}:{s}", "version": 1}]}),
            ),
            get(
                "/subjects/:{c}:{s}-basket/versions/1?referenceFormat=QUALIFIED",
                Part({"references": [{"name": "Order", "subject": ":{c}:{s}", "version": 1}]}),
            ),
            get(
                "/subjects/:{c}:{s}-basket/versions/1?format=resolved",
                Part({"schema": ('{"type":"record","name":"Basket","fields":[{"name":"first","type":' + ORDER + "}]}")}),
            ),
        ],
    ),
    Row(
        "GET /schemas/ids/{id}/schema",
        [registered(ORDER, ":{c}:{s}"), get("/schemas/ids/1/schema?subject=:{c}:", json.loads(ORDER))],
    ),
    Row(
        "GET /schemas/ids/{id}/subjects: subject, deleted, offset, limit",
        [
            registered(subject=":{c}:a"),
            registered(subject=":{c}:b"),
            get("/schemas/ids/1/subjects?subject=:{c}:", [":{c}:a", ":{c}:b"]),
            get("/schemas/ids/1/subjects?subject=:{c}:&offset=1&limit=1", [":{c}:b"]),
            delete("/subjects/:{c}:a", [1]),
            get("/schemas/ids/1/subjects?subject=:{c}:", [":{c}:b"]),
            get("/schemas/ids/1/subjects?subject=:{c}:&deleted=true", [":{c}:a", ":{c}:b"]),
        ],
    ),
    Row(
        "GET /schemas/ids/{id}/versions: subject, deleted, offset, limit",
        [
            registered(subject=":{c}:a"),
            registered(subject=":{c}:b"),
            get("/schemas/ids/1/versions?subject=:{c}:&limit=1", [{"subject": ":{c}:a", "version": 1}]),
            delete("/subjects/:{c}:b", [1]),
            get("/schemas/ids/1/versions?subject=:{c}:", [{"subject": ":{c}:a", "version": 1}]),
            get("/schemas/ids/1/versions?subject=:{c}:&deleted=true&offset=1", [{"subject": ":{c}:b", "version": 1}]),
        ],
    ),
    Row(
        "GET /schemas/guids/{guid} and its ids",
        [
            registered(subject=":{c}:{s}"),
            get(f"/schemas/guids/{GUID_OF_STRING}", Part({"schema": STRING, "guid": GUID_OF_STRING})),
            get(f"/schemas/guids/{GUID_OF_STRING}/ids", Among([{"context": "{c}", "id": 1}])),
            get("/schemas/guids/none", Says(404, 40403, "Schema none not found")),
        ],
    ),
    Row("GET /schemas/types", [get("/schemas/types", ["JSON", "PROTOBUF", "AVRO"])]),
    Row(
        "GET /subjects: subjectPrefix, deleted, deletedOnly, offset, limit",
        [
            *(registered(subject=f"{{s}}-{letter}") for letter in "abc"),
            registered(subject=":{c}:{s}-d"),
            delete("/subjects/{s}-b", [1]),
            get("/subjects?subjectPrefix={s}", ["{s}-a", "{s}-c"]),
            get("/subjects?subjectPrefix=:.:{s}", ["{s}-a", "{s}-c"]),
            get("/subjects?subjectPrefix=:*:{s}", [":{c}:{s}-d", "{s}-a", "{s}-c"]),
            get("/subjects?subjectPrefix=:{c}:", [":{c}:{s}-d"]),
            get("/subjects?subjectPrefix={s}&deleted=true", ["{s}-a", "{s}-b", "{s}-c"]),
            get("/subjects?subjectPrefix={s}&deletedOnly=true", ["{s}-b"]),
            get("/subjects?subjectPrefix={s}&deleted=true&offset=1&limit=1", ["{s}-b"]),
            get("/subjects?subjectPrefix={s}&deleted=true&offset=-1&limit=-1", ["{s}-a", "{s}-b", "{s}-c"]),
            get("/subjects", Among(["{s}-a", ":{c}:{s}-d"])),
        ],
    ),
    Row(
        "POST /subjects/{s}: normalize, deleted",
        [
            post("/subjects/{s}/versions?normalize=true", {"schema": JSON_SCHEMA, "schemaType": "JSON"}, Part({})),
            post("/subjects/{s}?normalize=true", {"schema": REORDERED, "schemaType": "JSON"}, Part({"version": 1})),
            post("/subjects/{s}", {"schema": REORDERED + " ", "schemaType": "XML"}, (422, 42201)),
            delete("/subjects/{s}", [1]),
            post(
                "/subjects/{s}?normalize=true",
                {"schema": REORDERED, "schemaType": "JSON"},
                Says(404, 40401, "Subject '{s}' not found."),
            ),
            post(
                "/subjects/{s}?normalize=true&deleted=true", {"schema": REORDERED, "schemaType": "JSON"}, Part({"version": 1})
            ),
        ],
    ),
    Row(
        "DELETE /subjects/{s}: permanent",
        [
            registered(),
            delete(
                "/subjects/{s}?permanent=true",
                Says(404, 40405, "Subject '{s}' was not deleted first before being permanently deleted"),
            ),
            delete("/subjects/{s}", [1]),
            delete(
                "/subjects/{s}", Says(404, 40404, "Subject '{s}' was soft deleted.Set permanent=true to delete permanently")
            ),
            delete("/subjects/{s}?permanent=true", [1]),
            delete("/subjects/{s}?permanent=true", Says(404, 40401, "Subject '{s}' not found.")),
        ],
    ),
    Row(
        "GET /subjects/{s}/metadata: key*, value*, deleted",
        [
            NONE,
            registered(STRING, metadata={"properties": {"team": "a", "tier": "1"}}),
            registered(LONG, metadata={"properties": {"team": "b", "tier": "1"}}),
            get("/subjects/{s}/metadata?key=tier&value=1", Part({"version": 2})),
            get("/subjects/{s}/metadata?key=tier&value=1&key=team&value=a", Part({"version": 1})),
            get("/subjects/{s}/metadata?key=team&value=c", Says(404, 40403, "Schema not found")),
            delete("/subjects/{s}/versions/2", 2),
            get("/subjects/{s}/metadata?key=team&value=b", (404, 40403)),
            get("/subjects/{s}/metadata?key=team&value=b&deleted=true", Part({"version": 2})),
            get("/subjects/{s}-x/metadata?key=team&value=b", (404, 40401)),
        ],
    ),
    Row(
        "GET /subjects/{s}/versions: deleted, deletedOnly, deletedAsNegative, offset, limit",
        [
            NONE,
            registered(STRING),
            registered(LONG),
            registered(ORDER),
            delete("/subjects/{s}/versions/2", 2),
            get("/subjects/{s}/versions", [1, 3]),
            get("/subjects/{s}/versions?deleted=true", [1, 2, 3]),
            get("/subjects/{s}/versions?deletedOnly=true", [2]),
            get("/subjects/{s}/versions?deletedAsNegative=true", [1, -2, 3]),
            get("/subjects/{s}/versions?deleted=true&offset=1&limit=1", [2]),
        ],
    ),
    Row(
        "POST /subjects/{s}/versions: normalize, force",
        [
            post("/subjects/{s}/versions?normalize=true", {"schema": JSON_SCHEMA, "schemaType": "JSON"}, Part({"version": 1})),
            post("/subjects/{s}/versions?normalize=true", {"schema": REORDERED, "schemaType": "JSON"}, Part({"version": 1})),
            registered(ORDER, "{s}-2"),
            post("/subjects/{s}-2/versions", {"schema": UNREADABLE}, (409, 40901)),
            post("/subjects/{s}-2/versions?force=true", {"schema": UNREADABLE}, Part({"version": 2})),
        ],
    ),
    Row(
        "GET /subjects/{s}/versions/{v}: latest, -1, deleted",
        [
            NONE,
            registered(STRING),
            registered(LONG),
            *(get(f"/subjects/{{s}}/versions/{each}", Part({"version": 2})) for each in ("2", "latest", "-1")),
            delete("/subjects/{s}/versions/latest", 2),
            get("/subjects/{s}/versions/latest", Part({"version": 1})),
            get("/subjects/{s}/versions/2", Says(404, 40402, "Version 2 not found.")),
            get("/subjects/{s}/versions/2?deleted=true", Part({"deleted": True, "schema": LONG})),
            get("/subjects/{s}/versions/2/schema?deleted=true", "long"),
        ],
    ),
    Row(
        "GET /subjects/{s}/versions/{v}: format",
        [
            registered(PROTO, schemaType="PROTOBUF"),
            get("/subjects/{s}/versions/1?format=ignore_extensions", Part({"schemaType": "PROTOBUF"})),
            get("/subjects/{s}/versions/1?format=serialized", Part({"schemaType": "PROTOBUF"})),
            get("/subjects/{s}/versions/1?format=", Part({"schema": PROTO})),
        ],
    ),
    Row(
        "GET /subjects/{s}/versions/{v}/referencedby: deleted, offset, limit",
        [
            registered(ORDER, ":{c}:o"),
            *(
                registered(
                    record(name, ("first", "Order")),
                    f":{{c}}:{name}",
                    references=[{"name": "Order", "subject": ":{c}:o", "version": 1}],
                )
                for name in ("A", "B")
            ),
            get("/subjects/:{c}:o/versions/1/referencedby", [2, 3]),
            get("/subjects/:{c}:o/versions/latest/referencedby?offset=1&limit=1", [3]),
            delete("/subjects/:{c}:A", [1]),
            get("/subjects/:{c}:o/versions/1/referencedby", [3]),
            get("/subjects/:{c}:o/versions/1/referencedby?deleted=true", [2, 3]),
            get("/subjects/:{c}:o/versions/2/referencedby", (404, 40402)),
        ],
    ),
    Row(
        "DELETE /subjects/{s}/versions/{v}: permanent",
        [
            registered(),
            delete(
                "/subjects/{s}/versions/1?permanent=true",
                Says(404, 40407, "Subject '{s}' Version 1 was not deleted first before being permanently deleted"),
            ),
            delete("/subjects/{s}/versions/1", 1),
            delete(
                "/subjects/{s}/versions/1",
                Says(404, 40406, "Subject '{s}' Version 1 was soft deleted.Set permanent=true to delete permanently"),
            ),
            delete("/subjects/{s}/versions/1?permanent=true", 1),
            delete("/subjects/{s}/versions/1", (404, 40401)),
        ],
    ),
    Row(
        "POST /subjects/{s}/versions/{v}/tags",
        [
            registered(ORDER),
            post(
                "/subjects/{s}/versions/1/tags",
                {
                    "tagsToAdd": [{"schemaEntity": {"entityPath": "Order.item", "entityType": "sr_field"}, "tags": ["PII"]}],
                    "rulesToMerge": {"domainRules": [RULE]},
                },
                Part(
                    {
                        "version": 2,
                        "schema": TAGGED,
                        "ruleSet": {"domainRules": [RULE]},
                        "metadata": {"properties": {"confluent:version": "2"}},
                    }
                ),
            ),
            post("/subjects/{s}/versions/2/tags", {"rulesToRemove": ["check"]}, Part({"version": 3})),
            post("/subjects/{s}/versions/1/tags", {"newVersion": 9}, (422, 42201)),
            post("/subjects/{s}/versions/9/tags", {}, (404, 40402)),
        ],
    ),
    Row(
        "POST /compatibility/subjects/{s}/versions/{v}: normalize, verbose",
        [
            registered(ORDER),
            post("/compatibility/subjects/{s}/versions/1", {"schema": WITH_COUNT}, {"is_compatible": True}),
            post("/compatibility/subjects/{s}/versions/latest", {"schema": UNREADABLE}, {"is_compatible": False}),
            post(
                "/compatibility/subjects/{s}/versions/1?verbose=true&normalize=true",
                {"schema": WITH_COUNT},
                {"is_compatible": True, "messages": []},
            ),
            post("/compatibility/subjects/{s}/versions/2", {"schema": ORDER}, (404, 40402)),
            post("/compatibility/subjects/{s}-x/versions/1", {"schema": ORDER}, (404, 40401)),
            post("/compatibility/subjects/{s}/versions/zero", {"schema": ORDER}, (422, 42202)),
        ],
    ),
    Row(
        "POST /compatibility/subjects/{s}/versions",
        [
            put("/config/{s}", {"compatibility": "BACKWARD_TRANSITIVE"}, Part({})),
            registered(record("Transitive", ("a", "int"))),
            registered(record("Transitive", ("a", "int"), ("b", "int"), b=1)),
            post(
                "/compatibility/subjects/{s}/versions", {"schema": record("Transitive", ("b", "int"))}, {"is_compatible": False}
            ),
            post(
                "/compatibility/subjects/{s}/versions",
                {"schema": record("Transitive", ("b", "int"), b=2)},
                {"is_compatible": True},
            ),
        ],
    ),
    Row(
        "GET, PUT, DELETE /config/{s}: defaultToGlobal",
        [
            get("/config/{s}", Says(404, 40408, "Subject '{s}' does not have subject-level compatibility configured")),
            get("/config/{s}?defaultToGlobal=true", {"compatibilityLevel": "BACKWARD"}),
            put("/config/{s}", {"compatibility": "none"}, {"compatibility": "NONE"}),
            get("/config/{s}", {"compatibilityLevel": "NONE"}),
            delete("/config/{s}", {"compatibilityLevel": "NONE"}),
            delete("/config/{s}", Says(404, 40401, "Subject '{s}' not found.")),
        ],
    ),
    Row(
        "GET, PUT, DELETE /mode/{s}: defaultToGlobal, force",
        [
            get("/mode/{s}", Says(404, 40409, "Subject '{s}' does not have subject-level mode configured")),
            get("/mode/{s}?defaultToGlobal=true", {"mode": "READWRITE"}),
            registered(),
            put("/mode/{s}", {"mode": "IMPORT"}, Says(422, 42205, "Cannot import since found existing subjects")),
            put("/mode/{s}?force=true", {"mode": "IMPORT"}, {"mode": "IMPORT"}),
            get("/mode/{s}", {"mode": "IMPORT"}),
            delete("/mode/{s}", {"mode": "IMPORT"}),
            delete("/mode/{s}", Says(404, 40401, "Subject '{s}' not found.")),
        ],
    ),
    Row(
        "DELETE /mode: recursive",
        [
            put("/mode/:{c}:a", {"mode": "READONLY"}, Part({})),
            put("/mode/:{c}:", {"mode": "READONLY"}, Part({})),
            delete("/mode/:{c}:?recursive=true", {"mode": "READONLY"}),
            get("/mode/:{c}:a", (404, 40409)),
        ],
    ),
    Row(
        "GET /contexts, DELETE /contexts/{c}: offset, limit, contextPrefix",
        [
            registered(subject=":{c}:{s}"),
            get("/contexts?limit=1", ["."]),
            get("/contexts?contextPrefix={c}", ["{c}"]),
            get("/contexts?contextPrefix={c}&offset=1", []),
            delete("/contexts/{c}", Says(422, 42211, "The specified context '{c}' is not empty.")),
            delete("/subjects/:{c}:{s}", [1]),
            delete("/contexts/{c}", (422, 42211)),
            delete("/subjects/:{c}:{s}?permanent=true", [1]),
            delete("/contexts/{c}", 204),
            delete("/contexts/{c}", 204),
            get("/contexts?contextPrefix={c}", []),
        ],
    ),
    Row(
        "any path under /contexts/{c}",
        [
            post("/contexts/{c}/subjects/{s}/versions", {"schema": ORDER}, Part({"id": 1})),
            get("/contexts/{c}/subjects", [":{c}:{s}"]),
            get("/contexts/{c}/subjects/{s}/versions", [1]),
            get("/contexts/{c}/schemas", Part([{"subject": ":{c}:{s}"}])),
            get("/contexts/{c}/schemas/ids/1", Part({"schema": ORDER})),
            get("/contexts/{c}/schemas/ids/1/subjects", [":{c}:{s}"]),
            post("/contexts/{c}/subjects/{s}", {"schema": ORDER}, Part({"subject": ":{c}:{s}"})),
            post("/contexts/{c}/compatibility/subjects/{s}/versions/latest", {"schema": UNREADABLE}, {"is_compatible": False}),
            put("/contexts/{c}/config/{s}", {"compatibility": "NONE"}, Part({})),
            get("/config/:{c}:{s}", {"compatibilityLevel": "NONE"}),
            put("/contexts/{c}/mode", {"mode": "READONLY"}, Part({})),
            get("/mode/:{c}:", {"mode": "READONLY"}),
            get("/contexts/{c}/mode/{s}?defaultToGlobal=true", {"mode": "READONLY"}),
            get("/contexts/{c}/associations/subjects/{s}", []),
        ],
    ),
    Row(
        "GET /v1/metadata",
        [
            get("/v1/metadata/id", Part({"scope": Part({"path": []})})),
            get("/v1/metadata/version", Part({"commitId": ""})),
            get("/v1/metadata/deployment", Part({})),
        ],
    ),
    Row("a subject with a slash", [registered(subject="{s}%2Fa"), get("/subjects?subjectPrefix={s}", ["{s}/a"])]),
    Row("exporters are not in the open source", [get("/exporters", (404, 404))]),
]

BODIES = [
    Row(
        "register: schema, schemaType, references; id, version, guid, schemaType, references, schema, ts",
        [
            registered(ORDER),
            post(
                "/subjects/{s}-basket/versions",
                {
                    "schema": record("Basket", ("first", "Order")),
                    "schemaType": "AVRO",
                    "references": [{"name": "Order", "subject": "{s}", "version": -1}],
                },
                Part({"version": 1, "references": [{"name": "Order", "subject": "{s}", "version": 1}]}),
            ),
            get("/subjects/{s}-basket/versions/1", Without("schemaType")),
            post("/subjects/{s}-json/versions", {"schema": JSON_SCHEMA, "schemaType": "JSON"}, Part({"schemaType": "JSON"})),
            get("/subjects/{s}-json/versions/1", Part({"schemaType": "JSON"})),
            post("/subjects/{s}-text/versions", {"schema": STRING}, Part({"guid": GUID_OF_STRING, "schema": STRING})),
        ],
    ),
    Row(
        "register: metadata, ruleSet",
        [
            registered(
                STRING,
                metadata={"tags": {"a.b": ["PII"]}, "properties": {"owner": "x"}, "sensitive": ["owner"]},
                ruleSet={"domainRules": [RULE], "migrationRules": [{**RULE, "name": "up", "mode": "UPGRADE"}]},
            ),
            get(
                "/subjects/{s}/versions/1",
                Part(
                    {
                        "metadata": {"tags": {"a.b": ["PII"]}, "properties": {"owner": "x"}, "sensitive": ["owner"]},
                        "ruleSet": {"migrationRules": [{**RULE, "name": "up", "mode": "UPGRADE"}], "domainRules": [RULE]},
                    }
                ),
            ),
        ],
    ),
    Row(
        "register: id, version in IMPORT mode",
        [
            put("/mode/:{c}:", {"mode": "IMPORT"}, Part({})),
            post("/subjects/:{c}:{s}/versions", {"schema": STRING, "id": 40, "version": 3}, Part({"id": 40, "version": 3})),
            post(
                "/subjects/:{c}:{s}/versions",
                {"schema": LONG, "id": 40, "version": 4},
                Says(422, 42205, "Overwrite new schema with id 40 is not permitted."),
            ),
            post(
                "/subjects/:{c}:{s}/versions",
                {"schema": LONG},
                Says(422, 42205, "Subject :{c}:{s} in context :{c}: is not in read-write mode"),
            ),
            delete("/mode/:{c}:", Part({})),
            post(
                "/subjects/:{c}:{s}/versions",
                {"schema": LONG, "id": 50},
                Says(422, 42205, "Subject :{c}:{s} in context :{c}: is not in import mode"),
            ),
        ],
    ),
    Row(
        "register: schemaTagsToAdd, schemaTagsToRemove",
        [
            registered(
                ORDER,
                schemaTagsToAdd=[{"schemaEntity": {"entityPath": "Order.item", "entityType": "sr_field"}, "tags": ["PII"]}],
            ),
            get("/subjects/{s}/versions/1", Part({"schema": TAGGED, "metadata": {"properties": {"confluent:version": "1"}}})),
            registered(
                TAGGED,
                schemaTagsToRemove=[{"schemaEntity": {"entityPath": "Order.item", "entityType": "sr_field"}, "tags": ["PII"]}],
            ),
            get("/subjects/{s}/versions/2", Part({"schema": ORDER})),
        ],
    ),
    Row(
        "register: propagateSchemaTags",
        [
            registered(TAGGED),
            registered(WITH_COUNT, propagateSchemaTags=True),
            get(
                "/subjects/{s}/versions/2?findTags=*",
                Part(
                    {"schemaTags": [{"schemaEntity": {"entityPath": "Order.item", "entityType": "sr_field"}, "tags": ["PII"]}]}
                ),
            ),
            registered(record("Order", ("count", "int"), count=1), propagateSchemaTags=True),
            get("/subjects/{s}/versions/3", Part({"schema": record("Order", ("count", "int"), count=1)})),
        ],
    ),
    Row(
        "register: no schema is the one before",
        [
            registered(STRING, metadata={"properties": {"a": "1"}}),
            registered("", metadata={"properties": {"a": "2"}}),
            get("/subjects/{s}/versions/2", Part({"schema": STRING, "metadata": {"properties": {"a": "2"}}})),
            registered(STRING),
            get("/subjects/{s}/versions", [1, 2]),
        ],
    ),
    Row(
        "config: each field is set, told and cleared by null",
        [
            step
            for name, value in {
                "alias": "another",
                "aliasForDeks": "another",
                "normalize": True,
                "validateFields": True,
                "validateNewSchemas": False,
                "validateRules": True,
                "compatibilityPolicy": "LENIENT",
                "compatibilityGroup": "major",
                "defaultMetadata": {"properties": {"a": "b"}},
                "overrideMetadata": {"properties": {"a": "b"}},
                "defaultRuleSet": {"domainRules": [RULE]},
                "overrideRuleSet": {"domainRules": [RULE]},
            }.items()
            for step in (
                put("/config/{s}", {name: value, "compatibility": "FULL"}, {name: value, "compatibility": "FULL"}),
                get("/config/{s}", {name: value, "compatibilityLevel": "FULL"}),
                put("/config/{s}", {name: None}, {"compatibility": "FULL"}),
                get("/config/{s}", {"compatibilityLevel": "FULL"}),
            )
        ],
    ),
    Row(
        "config: an answer tells all that is set",
        [
            put("/config/{s}", {"normalize": True}, {"normalize": True}),
            put("/config/{s}", {"compatibility": "FULL"}, {"normalize": True, "compatibility": "FULL"}),
        ],
    ),
    Row(
        "config: validateFields, validateNewSchemas",
        [
            put("/config/{s}", {"validateFields": True}, Part({})),
            registered(ORDER, metadata={"properties": {"confluent:reserved": "price"}}),
            post(
                "/subjects/{s}/versions",
                {
                    "schema": record("Order", ("item", "string"), ("price", "int"), price=1),
                    "metadata": {"properties": {"confluent:reserved": "price"}},
                },
                (409, 40901),
            ),
            put("/config/{s}-2", {"validateNewSchemas": False}, Part({})),
            registered('{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"no"}]}', "{s}-2"),
        ],
    ),
    Row(
        "config: defaults and overrides are merged at registration",
        [
            put(
                "/config/{s}",
                {
                    "defaultMetadata": {"properties": {"owner": "nobody", "tier": "1"}},
                    "overrideMetadata": {"properties": {"tier": "2"}},
                    "overrideRuleSet": {"domainRules": [RULE]},
                },
                Part({}),
            ),
            registered(STRING, metadata={"properties": {"owner": "team", "tier": "3"}}),
            get(
                "/subjects/{s}/versions/1",
                Part({"metadata": {"properties": {"owner": "team", "tier": "2"}}, "ruleSet": {"domainRules": [RULE]}}),
            ),
        ],
    ),
    Row(
        "a version's answer: subject, version, id, guid, schema, ts",
        [
            registered(),
            get("/subjects/{s}/versions/1", Part({"subject": "{s}", "version": 1, "guid": GUID_OF_STRING, "schema": STRING})),
            get("/subjects/{s}/versions/1", Without("deleted")),
            get("/subjects/{s}/versions/1", Without("references")),
        ],
    ),
]

FEATURES = [
    Row(
        "a global id per content and context",
        [
            registered(subject=":{c}:a"),
            post("/subjects/:{c}:b/versions", {"schema": STRING}, Part({"id": 1, "version": 1})),
            post(
                "/subjects/:{c}:b/versions",
                {"schema": STRING, "metadata": {"properties": {"a": "1"}}},
                Part({"id": 2, "version": 2}),
            ),
            post("/subjects/:{c}:c/versions", {"schema": '{"type":"string"}', "schemaType": "JSON"}, Part({"id": 3})),
        ],
    ),
    Row(
        "the same content gets its id again after a soft deletion",
        [
            registered(subject=":{c}:a"),
            delete("/subjects/:{c}:a", [1]),
            post("/subjects/:{c}:a/versions", {"schema": STRING}, Part({"id": 1, "version": 2})),
            get("/subjects/:{c}:a/versions?deleted=true", [2]),
        ],
    ),
    Row(
        "settings and mode go with the last version that is deleted for good",
        [
            NONE,
            registered(),
            delete("/subjects/{s}", [1]),
            get("/config/{s}", {"compatibilityLevel": "NONE"}),
            delete("/subjects/{s}?permanent=true", [1]),
            get("/config/{s}", (404, 40408)),
            put("/config/{s}", {"compatibility": "NONE"}, Part({})),
            registered(),
            delete("/subjects/{s}/versions/1", 1),
            get("/config/{s}", {"compatibilityLevel": "NONE"}),
            delete("/subjects/{s}/versions/1?permanent=true", 1),
            get("/config/{s}", (404, 40408)),
        ],
    ),
    Row(
        "a version that another refers to stays, for good as long as that is only deleted softly",
        [
            registered(ORDER),
            registered(
                record("Basket", ("first", "Order")),
                "{s}-basket",
                references=[{"name": "Order", "subject": "{s}", "version": 1}],
            ),
            delete("/subjects/{s}/versions/1", (422, 42206)),
            delete(
                "/subjects/{s}",
                Says(422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject={s},version=1}."),
            ),
            delete("/subjects/{s}-basket", [1]),
            delete("/subjects/{s}", [1]),
            delete("/subjects/{s}?permanent=true", (422, 42206)),
            delete("/subjects/{s}-basket?permanent=true", [1]),
            delete("/subjects/{s}?permanent=true", [1]),
        ],
    ),
    Row(
        "versions of one subject that refer to each other go together",
        [
            NONE,
            registered(ORDER),
            registered(record("Basket", ("first", "Order")), references=[{"name": "Order", "subject": "{s}", "version": 1}]),
            delete("/subjects/{s}/versions/1", (422, 42206)),
            delete("/subjects/{s}", [1, 2]),
            delete("/subjects/{s}?permanent=true", [1, 2]),
        ],
    ),
    Row(
        "aliases hold on all paths of subjects",
        [
            put("/config/{s}-a", {"alias": "{s}"}, Part({})),
            registered(ORDER, "{s}-a"),
            get("/subjects/{s}/versions", [1]),
            get("/subjects/{s}-a/versions", [1]),
            get("/subjects/{s}-a/versions/1", Part({"subject": "{s}"})),
            get("/subjects/{s}-a/versions/1/schema", json.loads(ORDER)),
            get("/subjects/{s}-a/versions/1/referencedby", []),
            post("/subjects/{s}-a", {"schema": ORDER}, Part({"subject": "{s}"})),
            post("/compatibility/subjects/{s}-a/versions/latest", {"schema": UNREADABLE}, {"is_compatible": False}),
            get("/associations/subjects/{s}-a", []),
            delete("/subjects/{s}-a/versions/1", 1),
            delete("/subjects/{s}-a?permanent=true", [1]),
            get("/subjects/{s}/versions?deleted=true", (404, 40401)),
        ],
    ),
    Row(
        "an alias of a context stands for a subject of it",
        [
            put("/config/:{c}:a", {"alias": "b"}, Part({})),
            registered(subject=":{c}:a"),
            get("/subjects?subjectPrefix=:{c}:", [":{c}:b"]),
            put("/config/:{c}:x", {"alias": ":.:{s}"}, Part({})),
            registered(subject=":{c}:x"),
            get("/subjects/{s}/versions", [1]),
        ],
    ),
    Row(
        "level and mode: the subject's before the context's",
        [
            put("/config/:{c}:", {"compatibility": "NONE"}, Part({})),
            put("/config/:{c}:a", {"compatibility": "FULL"}, Part({})),
            get("/config/:{c}:a?defaultToGlobal=true", {"compatibilityLevel": "FULL"}),
            get("/config/:{c}:b?defaultToGlobal=true", {"compatibilityLevel": "NONE"}),
            put("/mode/:{c}:", {"mode": "READONLY"}, Part({})),
            put("/mode/:{c}:a", {"mode": "READWRITE"}, Part({})),
            registered(subject=":{c}:a"),
            post(
                "/subjects/:{c}:b/versions",
                {"schema": STRING},
                Says(422, 42205, "Subject :{c}:b in context :{c}: is in read-only mode"),
            ),
        ],
    ),
    Row(
        "compatibilityGroup",
        [
            put("/config/{s}", {"compatibilityGroup": "major"}, Part({})),
            registered(ORDER, metadata={"properties": {"major": "1"}}),
            registered(UNREADABLE, metadata={"properties": {"major": "2"}}),
            post("/subjects/{s}/versions", {"schema": ORDER, "metadata": {"properties": {"major": "2"}}}, (409, 40901)),
        ],
    ),
]

EVERYTHING = [
    Row(
        "GET, PUT, DELETE /config",
        [
            get("/config", {"compatibilityLevel": "BACKWARD"}),
            put("/config", {"compatibility": "FULL"}, {"compatibility": "FULL"}),
            get("/config/{s}?defaultToGlobal=true", {"compatibilityLevel": "FULL"}),
            delete("/config", {"compatibilityLevel": "FULL"}),
            get("/config", {"compatibilityLevel": "BACKWARD"}),
        ],
    ),
    Row(
        "GET, PUT, DELETE /mode",
        [
            get("/mode", {"mode": "READWRITE"}),
            put("/mode", {"mode": "READONLY"}, {"mode": "READONLY"}),
            get("/mode?defaultToGlobal=true", {"mode": "READONLY"}),
            post(
                "/subjects/{s}/versions",
                {"schema": STRING},
                Says(422, 42205, "Subject {s} in context :.: is in read-only mode"),
            ),
            put("/config/{s}", {"compatibility": "NONE"}, (422, 42205)),
            delete("/mode", {"mode": "READONLY"}),
            registered(),
        ],
    ),
    Row(
        "FORWARD mode: for all only; schemas come with their ids",
        [
            put("/mode/{s}", {"mode": "FORWARD"}, Says(422, 42205, "Forward mode only supported on global level")),
            put("/mode", {"mode": "FORWARD"}, {"mode": "FORWARD"}),
            post(
                "/subjects/{s}/versions",
                {"schema": STRING},
                Says(422, 42205, "Subject {s} in context :.: is not in read-write mode"),
            ),
            post(
                "/subjects/{s}/versions",
                {"schema": ORDER, "id": 900001, "version": 2, "metadata": {"properties": {"of": "{s}"}}},
                Part({"id": 900001, "version": 2}),
            ),
            delete("/mode", {"mode": "FORWARD"}),
        ],
    ),
    Row(
        "READONLY_OVERRIDE goes before every subject's mode",
        [
            put("/mode/{s}", {"mode": "READWRITE"}, Part({})),
            put("/mode", {"mode": "READONLY_OVERRIDE"}, Part({})),
            post("/subjects/{s}/versions", {"schema": STRING}, (422, 42205)),
            get("/mode/{s}", {"mode": "READONLY_OVERRIDE"}),
        ],
    ),
    Row(
        "settings of all contexts: :.__GLOBAL:",
        [
            put("/config/:.__GLOBAL:", {"compatibility": "NONE"}, Part({})),
            get("/config/:{c}:{s}?defaultToGlobal=true", {"compatibilityLevel": "NONE"}),
            delete("/config/:.__GLOBAL:", {"compatibilityLevel": "NONE"}),
        ],
    ),
]

ERRORS = [
    Row("40401", [get("/subjects/{s}/versions", Says(404, 40401, "Subject '{s}' not found."))]),
    Row("40402", [registered(), get("/subjects/{s}/versions/7", Says(404, 40402, "Version 7 not found."))]),
    Row(
        "40403",
        [
            get("/schemas/ids/123456789", Says(404, 40403, "Schema 123456789 not found")),
            registered(),
            post("/subjects/{s}", {"schema": LONG}, Says(404, 40403, "Schema not found")),
        ],
    ),
    Row("40410", [delete("/associations/resources/{s}", Says(404, 40410, "Association for '{s}' not found."))]),
    Row("40901", [registered(ORDER), post("/subjects/{s}/versions", {"schema": UNREADABLE}, (409, 40901))]),
    Row(
        "42201",
        [
            post("/subjects/{s}/versions", {"schema": ""}, Says(422, 42201, "Empty schema")),
            post("/subjects/{s}/versions", {}, Says(422, 42201, "Empty schema")),
            post("/subjects/{s}/versions", {"schema": "{"}, (422, 42201)),
            post(
                "/subjects/{s}/versions", {"schema": STRING, "schemaType": "XML"}, Says(422, 42201, "Invalid schema type XML")
            ),
            post(
                "/subjects/{s}/versions",
                {"schema": STRING, "version": 3},
                Says(422, 42201, "Version is not one more than previous version"),
            ),
        ],
    ),
    Row(
        "42202",
        [
            registered(),
            *(
                get(
                    f"/subjects/{{s}}/versions/{version}",
                    Says(
                        422,
                        42202,
                        f"The specified version '{version}' is not a valid version id. Allowed values are between "
                        '[1, 2^31-1] and the string "latest"',
                    ),
                )
                for version in ("0", "-2", "newest", "2147483648")
            ),
        ],
    ),
    Row(
        "42203",
        [
            put(
                "/config/{s}",
                {"compatibility": "MOSTLY"},
                Says(
                    422,
                    42203,
                    "Invalid compatibility level. Valid values are none, backward, forward, full, "
                    "backward_transitive, forward_transitive, and full_transitive",
                ),
            )
        ],
    ),
    Row(
        "42204",
        [
            put(
                "/mode/{s}",
                {"mode": "SLEEP"},
                Says(422, 42204, "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, and FORWARD."),
            )
        ],
    ),
    Row(
        "42208",
        [
            post("/subjects/a%01b/versions", {"schema": STRING}, (422, 42208)),
            post(
                "/subjects/__GLOBAL/versions",
                {"schema": STRING},
                Says(422, 42208, "The specified subject '__GLOBAL' is not a valid."),
            ),
            put("/config/__EMPTY", {"compatibility": "NONE"}, (422, 42208)),
            put("/mode/a%0Ab", {"mode": "READWRITE"}, (422, 42208)),
        ],
    ),
    Row(
        "42210",
        [
            post(
                "/subjects/{s}/versions",
                {"schema": STRING, "ruleSet": {"domainRules": [{"type": "CEL"}]}},
                Says(422, 42210, "Missing rule name"),
            ),
            put(
                "/config/{s}",
                {"defaultRuleSet": {"migrationRules": [{**RULE, "mode": "READ"}]}},
                Says(422, 42210, "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN"),
            ),
        ],
    ),
    Row(
        "422 and 400 of HTTP",
        [
            *(
                post("/subjects/{s}/versions", {"schema": STRING, name: value}, Says(
                    422, 422, f"{name} has half of a surrogate pair, which no text can hold"
                ))
                for name, value in {
                    "metadata": {"properties": {"a": "\ud800"}},
                    "ruleSet": {"domainRules": [{**RULE, "doc": "\udfff"}]},
                    "references": [{"name": "\ud800", "subject": "s", "version": 1}],
                }.items()
            ),
            put("/config/{s}", {"compatibilityGroup": "\ud800"}, (422, 422)),
            post("/associations", {"resourceName": "\ud800"}, (422, 422)),
            post("/subjects/{s}/versions", {"schema": 1, "references": 2}, (422, 422)),
            post("/subjects/{s}/versions", b"{", (400, 400)),
            get("/nothing/here", (404, 404)),
            delete("/subjects", (405, 405)),
        ],
    ),
]
# fmt: on


def _ids(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]


@pytest.fixture
def run(registry: RegistryProcess, unique_name: Callable[[str], str]) -> Callable[[Row], None]:
    """Goes through a row with names of its own."""
    name = unique_name("row")
    names = {"{s}": name, "{c}": f".{name.replace('-', '')}"}

    def run(row: Row) -> None:
        for request, body, answer in row.steps:
            method, path = _named(request, names).split(" ", 1)
            sent = body if isinstance(body, bytes) else _named(body, names)
            reply = registry.ask(method, path, sent)
            expected = _named(answer, names)
            where = f"{method} {path}: {reply.status} {reply.content[:500]!r}"
            if isinstance(expected, Says):
                assert (reply.error, reply.body["message"]) == (expected[:2], expected.message), where
            elif isinstance(expected, tuple) and not hasattr(expected, "_fields"):
                assert reply.error == expected, where
            elif expected == reply.status == 204:
                assert reply.content == b"", where
            else:
                assert reply.status == 200, where
                assert _fits(reply.body, expected), f"{where}, and not {expected!r}"

    return run


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """With a row's own names in place of what stands for them."""
    if isinstance(value, str):
        for sign, name in names.items():
            value = value.replace(sign, name)
        return value
    if isinstance(value, dict):
        return {_named(key, names): _named(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_named(each, names) for each in value))
    return value


def _fits(found: Any, expected: Any) -> bool:
    """Whether an answer is as expected."""
    match expected:
        case Without(member):
            return member not in found
        case Among(items):
            return all(each in found for each in items)
        case Part(members) if isinstance(members, dict):
            return all(name in found and _fits(found[name], each) for name, each in members.items())
        case Part(members):
            return len(found) == len(members) and all(map(_fits, found, map(_in_part, members)))
    return bool(found == expected)


def _in_part(expected: Any) -> Any:
    return Part(expected) if isinstance(expected, dict) else expected


@pytest.mark.parametrize("row", ENDPOINTS, ids=_ids(ENDPOINTS))
def test_endpoints_and_their_parameters(run: Callable[[Row], None], row: Row) -> None:
    """Method, path, query."""
    run(row)


@pytest.mark.parametrize("row", BODIES, ids=_ids(BODIES))
def test_bodies(run: Callable[[Row], None], row: Row) -> None:
    """Fields of requests and answers."""
    run(row)


@pytest.mark.parametrize("row", FEATURES, ids=_ids(FEATURES))
def test_features(run: Callable[[Row], None], row: Row) -> None:
    """What several endpoints have to do with."""
    run(row)


@pytest.mark.parametrize("row", ERRORS, ids=_ids(ERRORS))
def test_error_codes(run: Callable[[Row], None], row: Row) -> None:
    """With their messages."""
    run(row)


@pytest.fixture
def for_all(registry: RegistryProcess) -> Iterator[None]:
    """For a test that changes what holds for all: put back at its end."""
    yield
    for path in ("/mode", "/config", "/config/:.__GLOBAL:"):
        registry.delete(path)


@pytest.mark.usefixtures("for_all")
@pytest.mark.parametrize("row", EVERYTHING, ids=_ids(EVERYTHING))
def test_what_holds_for_all(run: Callable[[Row], None], row: Row) -> None:
    """Level and mode of the whole registry."""
    run(row)


def test_an_id_tells_no_subject_unless_it_is_asked_for_by_one(
    registry: RegistryProcess, unique_name: Callable[[str], str]
) -> None:
    """It may be many subjects'."""
    subject = unique_name("by-id")
    schema_id = registry.register(subject, ORDER)
    told = registry.get(f"/schemas/ids/{schema_id}").body
    assert told.keys() == {"guid", "schema", "ts"}
    asked_for = registry.get(f"/schemas/ids/{schema_id}?subject={subject}").body
    assert (asked_for["subject"], asked_for["version"]) == (subject, 1)


def test_one_answer_lists_a_thousand_schemas(start_registry: Callable[..., RegistryProcess]) -> None:
    """Not more, whatever the limit; subjects are all listed."""
    registry, prefix = start_registry(), "many"
    for number in range(1_001):
        registry.register(f"{prefix}-{number}", STRING)
    path = f"/schemas?subjectPrefix={prefix}-"
    for query, listed in [("", 1_000), ("&limit=5000", 1_000), ("&limit=999", 999), ("&offset=1000", 1)]:
        assert len(registry.get(path + query).body) == listed, query
    assert len(registry.get(f"/subjects?subjectPrefix={prefix}-").body) == 1_001


def test_lists_are_as_long_as_the_settings_say(start_registry: Callable[..., RegistryProcess]) -> None:
    """By default, and at most; and fields are checked where nothing else is set."""
    registry = start_registry(
        {
            "subject.search.default.limit": "2",
            "subject.search.max.limit": "3",
            "schema.search.default.limit": "1",
            "subject.version.search.max.limit": "1",
            "context.search.default.limit": "1",
            "schema.validate.fields": "true",
        }
    )
    for number in range(5):
        registry.register(f":.c:s{number}", ORDER)
    for query, listed in [("", 2), ("?limit=3", 3), ("?limit=4", 2), ("?limit=0", 2), ("?offset=4", 1)]:
        assert len(registry.get(f"/subjects{query}").body) == listed, query
    assert len(registry.get("/schemas").body) == 1
    assert len(registry.get("/schemas?limit=2").body) == 2
    assert registry.get("/contexts").body == ["."]
    assert len(registry.get("/schemas/ids/1/subjects?subject=:.c:").body) == 2
    assert len(registry.get("/schemas/ids/1/versions?subject=:.c:&limit=1").body) == 1
    taken = {"properties": {"confluent:reserved": "item"}}
    registry.register("s", record("Order", ("count", "int"), count=1), metadata=taken)
    refused = registry.post("/subjects/s/versions", {"schema": ORDER, "metadata": taken})
    assert refused.error == (409, 40901)
    assert "FIELD_CONFLICTS_WITH_RESERVED_FIELD" in refused.body["message"]


def test_records_are_the_originals(
    broker: Broker, start_registry: Callable[..., RegistryProcess], unique_name: Callable[[str], str]
) -> None:
    """Keys to the byte, values field by field, deletions as nulls."""
    topic, subject = unique_name("_schemas-records"), "s"
    registry = start_registry({"kafkastore.topic": topic})
    registry.put(f"/config/{subject}", {"compatibility": "NONE"})
    registry.put(f"/mode/{subject}", {"mode": "READWRITE"})
    registry.register(subject, STRING)
    registry.register(f":.c:{subject}", JSON_SCHEMA, schemaType="JSON")
    registry.post(
        "/associations",
        {
            "resourceName": "t",
            "resourceNamespace": "n",
            "resourceId": "i",
            "associations": [{"subject": subject, "lifecycle": "WEAK"}],
        },
    )
    registry.delete("/associations/resources/i")
    registry.delete(f"/subjects/{subject}/versions/1")
    registry.delete(f"/subjects/{subject}/versions/1?permanent=true")
    registry.delete(f"/subjects/:.c:{subject}")
    found = [
        (key, value)
        for key, value in _records(broker.bootstrap_servers, topic)
        if b'"keytype":"NOOP"' not in key
    ]
    association_key = (
        b'{"keytype":"ASSOC","tenant":"default","resourceName":"t","resourceNamespace":"n",'
        b'"resourceType":"topic","associationType":"value","subject":"s","magic":0}'
    )
    config_key = b'{"keytype":"CONFIG","subject":"s","magic":0}'
    mode_key = b'{"keytype":"MODE","subject":"s","magic":0}'
    schema_key = b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}'
    assert [key for key, _ in found] == [
        config_key,
        mode_key,
        schema_key,
        b'{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}',
        b'{"keytype":"SCHEMA","subject":":.c:s","version":1,"magic":1}',
        association_key,
        association_key,
        schema_key,
        schema_key,
        mode_key,
        config_key,
        b'{"keytype":"DELETE_SUBJECT","subject":":.c:s","magic":0}',
    ]
    values: list[Any] = [None if value is None else json.loads(value) for _, value in found]
    assert values[:2] == [
        {"subject": "s", "compatibilityLevel": "NONE"},
        {"subject": "s", "mode": "READWRITE"},
    ]
    assert list(values[2]) == ["subject", "version", "id", "md5", "schema", "deleted"]
    assert values[3] == {"tenant": "default", "context": ".c"}
    assert list(values[4]) == ["subject", "version", "id", "md5", "schemaType", "schema", "deleted"]
    association = values[5]
    assert UUID(association.pop("guid"))
    assert association.pop("createTs") > 1_600_000_000_000
    assert association == {
        "subject": "s",
        "tenant": "default",
        "resourceName": "t",
        "resourceNamespace": "n",
        "resourceId": "i",
        "resourceType": "topic",
        "associationType": "value",
        "lifecycle": "WEAK",
        "frozen": False,
    }
    assert values[6] is None
    assert values[7]["deleted"] is True
    assert values[8:11] == [None, None, None]
    assert values[11] == {"subject": ":.c:s", "version": 1}


def _records(bootstrap_servers: str, topic: str) -> list[tuple[bytes, bytes | None]]:
    """All records of the topic's only partition."""
    place = TopicPartition(topic, 0, 0)
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "none", "enable.partition.eof": False}
    )
    try:
        _, end = consumer.get_watermark_offsets(place, 30)
        consumer.assign([place])
        found: list[tuple[bytes, bytes | None]] = []
        last = -1
        while last < end - 1:
            message = consumer.poll(30)
            assert message is not None
            assert message.error() is None
            last = message.offset() or 0
            found.append((message.key() or b"", message.value()))
    finally:
        consumer.close()
    return found
