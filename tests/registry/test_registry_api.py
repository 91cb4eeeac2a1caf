"""The REST API over real HTTP: each endpoint, what it answers and with which status and error code it refuses."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from registries import RegistryProcess, record

STRING, LONG, INT = '"string"', '"long"', '"int"'
VERSIONED = "application/vnd.schemaregistry.v1+json"


@pytest.fixture
def context(unique_name: Callable[[str], str]) -> str:
    """A context of this test's own."""
    return "." + unique_name("context").replace("-", "")


@pytest.fixture
def for_all(registry: RegistryProcess) -> Iterator[RegistryProcess]:
    """The registry for a test that changes what holds for all: put back at its end."""
    yield registry
    registry.delete("/mode")
    registry.delete("/config")


def body(text: str, **fields: object) -> dict[str, object]:
    return {"schema": text, **fields}


# Subjects and versions


def test_a_schema_is_registered_told_and_found(registry: RegistryProcess, subject: str) -> None:
    """By version, by id, by GUID, by content; once only."""
    text = record("R", ("a", "int"))
    reply = registry.post(f"/subjects/{subject}/versions", body(text))
    schema_id = reply.body["id"]
    guid = str(uuid.UUID(bytes=hashlib.md5(text.encode()).digest()))
    answered = reply.body
    assert answered.pop("ts") > 1_600_000_000_000
    assert answered == {"id": schema_id, "version": 1, "guid": guid, "schema": text}
    assert registry.register(subject, text) == schema_id
    assert registry.register(f"{subject}-too", text) == schema_id
    told = registry.get(f"/subjects/{subject}/versions/1").body
    assert told.pop("ts") > 1_600_000_000_000
    assert told == {"subject": subject, "version": 1, "id": schema_id, "guid": guid, "schema": text}
    for version in ("latest", "-1"):
        assert registry.get(f"/subjects/{subject}/versions/{version}").body["version"] == 1
    assert registry.get(f"/subjects/{subject}/versions/1/schema").content.decode() == text
    assert registry.get(f"/schemas/ids/{schema_id}").body["schema"] == text
    assert registry.get(f"/schemas/ids/{schema_id}/schema").content.decode() == text
    assert registry.get(f"/schemas/guids/{guid}").body["schema"] == text
    assert registry.get(f"/schemas/guids/{guid}/ids").body == [{"context": ".", "id": schema_id}]
    assert registry.get(f"/schemas/ids/{schema_id}/subjects").body == [subject, f"{subject}-too"]
    assert registry.get(f"/schemas/ids/{schema_id}/versions").body == [
        {"subject": subject, "version": 1},
        {"subject": f"{subject}-too", "version": 1},
    ]
    found = registry.post(f"/subjects/{subject}", body(text)).body
    assert (found["id"], found["version"], found["schema"]) == (schema_id, 1, text)
    assert registry.get(f"/schemas/ids/{schema_id}?fetchMaxId=true").body["maxId"] >= schema_id


def test_another_spelling_is_the_same_schema(registry: RegistryProcess, subject: str) -> None:
    """What is stored is the canonical text."""
    schema_id = registry.register(subject, '{ "type" : "string" }')
    assert registry.register(subject, STRING) == schema_id
    assert registry.get(f"/subjects/{subject}/versions/latest").body["schema"] == STRING


def test_subjects_are_listed_by_prefix_and_page(registry: RegistryProcess, subject: str) -> None:
    """Those deleted softly only on request."""
    for letter in "cab":
        registry.register(f"{subject}-{letter}", STRING)
    registry.delete(f"/subjects/{subject}-b")
    names = [f"{subject}-{letter}" for letter in "abc"]
    listed = lambda query: registry.get(f"/subjects?subjectPrefix={subject}-{query}").body  # noqa: E731
    assert listed("") == [names[0], names[2]]
    assert listed("&deleted=true") == names
    assert listed("&deletedOnly=true") == [names[1]]
    assert listed("&deleted=true&offset=1&limit=1") == [names[1]]
    assert listed("&deleted=true&limit=-1&offset=2") == [names[2]]
    assert set(names) - {names[1]} <= set(registry.get("/subjects").body)


def test_names_may_hold_anything_that_is_encoded(registry: RegistryProcess, subject: str) -> None:
    """A slash, blanks, letters of any language."""
    name = f"{subject}/Überschuß ☃ 100%"
    registry.register(name, STRING)
    assert registry.get(f"/subjects/{quote(name, safe='')}/versions").body == [1]
    assert name in registry.get("/subjects").body


def test_deletion_is_soft_first(registry: RegistryProcess, subject: str) -> None:
    """The id stays readable; the number is not given again; only then for good."""
    registry.put(f"/config/{subject}", {"compatibility": "NONE"})
    text, other = record("Kept", ("a", "int")), record("Gone", ("a", "int"))
    schema_id = registry.register(subject, text)
    other_id = registry.register(subject, other)
    path = f"/subjects/{subject}/versions"
    assert registry.delete(f"{path}/1?permanent=true").error == (404, 40407)
    assert registry.delete(f"{path}/1").body == 1
    assert registry.delete(f"{path}/1").error == (404, 40406)
    assert registry.get(path).body == [2]
    assert registry.get(f"{path}?deleted=true").body == [1, 2]
    assert registry.get(f"{path}?deletedOnly=true").body == [1]
    assert registry.get(f"{path}?deletedAsNegative=true").body == [-1, 2]
    assert registry.get(f"{path}/1").error == (404, 40402)
    assert registry.get(f"{path}/1?deleted=true").body["deleted"] is True
    assert registry.get(f"/schemas/ids/{schema_id}").body["schema"] == text
    assert registry.get(f"/schemas/ids/{schema_id}/versions").body == []
    assert registry.post(f"/subjects/{subject}", body(text)).error == (404, 40403)
    assert registry.post(f"/subjects/{subject}?deleted=true", body(text)).body["version"] == 1
    assert registry.register(subject, text) == schema_id
    assert registry.get(f"{path}?deleted=true").body == [2, 3]
    assert registry.delete(f"/subjects/{subject}?permanent=true").error == (404, 40405)
    assert registry.delete(f"/subjects/{subject}").body == [2, 3]
    assert registry.delete(f"/subjects/{subject}").error == (404, 40404)
    assert registry.get(f"/config/{subject}").body == {"compatibilityLevel": "NONE"}
    assert registry.get(path).error == (404, 40401)
    assert registry.delete(f"/subjects/{subject}?permanent=true").body == [2, 3]
    assert registry.get(f"/config/{subject}").error == (404, 40408)
    assert registry.get(f"/schemas/ids/{other_id}").error == (404, 40403)
    assert registry.delete(f"/subjects/{subject}").error == (404, 40401)
    assert registry.register(subject, record("New", ("a", "int"))) > other_id


def test_references_are_resolved_and_hold_what_they_name(registry: RegistryProcess, subject: str) -> None:
    """A version that others refer to can't be deleted; one that isn't there can't be referred to."""
    base, user = f"{subject}-base", f"{subject}-user"
    registry.register(base, record("Base", ("a", "int")))
    reference = {"name": "Base", "subject": base, "version": 1}
    text = record("User", ("base", "Base"))
    user_id = registry.register(user, text, references=[reference])
    told = registry.get(f"/subjects/{user}/versions/1").body
    assert told["references"] == [reference]
    assert registry.get(f"/subjects/{base}/versions/1/referencedby").body == [user_id]
    refused = registry.delete(f"/subjects/{base}/versions/1")
    assert refused.error == (422, 42206)
    assert refused.body["message"] == (
        f"One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject={base},version=1}}."
    )
    assert registry.delete(f"/subjects/{base}").error == (422, 42206)
    missing = body(text, references=[{**reference, "version": 9}])
    assert registry.post(f"/subjects/{user}/versions", missing).error == (422, 42201)
    registry.delete(f"/subjects/{user}")
    assert registry.get(f"/subjects/{base}/versions/1/referencedby").body == []
    assert registry.delete(f"/subjects/{base}").status == 200
    latest = registry.post(
        f"/subjects/{user}-2/versions", body(text, references=[{**reference, "version": -1}])
    )
    assert latest.error == (422, 42201)


def test_what_is_not_there_is_told_apart(registry: RegistryProcess, subject: str) -> None:
    """Subject, version, schema, and numbers that are none."""
    registry.register(subject, STRING)
    for method, path, error in [
        ("GET", f"/subjects/{subject}-x/versions", (404, 40401)),
        ("GET", f"/subjects/{subject}-x/versions/1", (404, 40401)),
        ("GET", f"/subjects/{subject}/versions/7", (404, 40402)),
        ("GET", f"/subjects/{subject}/versions/0", (422, 42202)),
        ("GET", f"/subjects/{subject}/versions/x", (422, 42202)),
        ("GET", f"/subjects/{subject}/versions/-2", (422, 42202)),
        ("DELETE", f"/subjects/{subject}/versions/7", (404, 40402)),
        ("DELETE", f"/subjects/{subject}-x/versions/7", (404, 40401)),
        ("DELETE", f"/subjects/{subject}-x", (404, 40401)),
        ("GET", "/schemas/ids/999999", (404, 40403)),
        ("GET", "/schemas/ids/999999/versions", (404, 40403)),
        ("GET", "/schemas/ids/x", (404, 404)),
        ("GET", "/schemas/ids/99999999999", (404, 404)),
        ("GET", "/schemas/guids/no-guid", (404, 40403)),
        ("GET", f"/schemas/guids/{uuid.uuid4()}/ids", (404, 40403)),
        ("GET", "/subjects?offset=x", (404, 404)),
        ("GET", "/no/such/path", (404, 404)),
        ("PUT", "/subjects", (405, 405)),
        ("GET", f"/config/{subject}", (404, 40408)),
        ("GET", f"/mode/{subject}", (404, 40409)),
        ("DELETE", f"/config/{subject}", (404, 40401)),
        ("DELETE", f"/mode/{subject}", (404, 40401)),
    ]:
        assert registry.ask(method, path).error == error, path
    assert registry.post(f"/subjects/{subject}-x", body(STRING)).error == (404, 40401)
    assert registry.post(f"/subjects/{subject}", body(LONG)).error == (404, 40403)
    told = registry.get(f"/subjects/{subject}/versions/0").body["message"]
    assert told == (
        "The specified version '0' is not a valid version id. Allowed values are between [1, 2^31-1] and the "
        'string "latest"'
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", (422, 422)),
        (b"{", (400, 400)),
        (b"[" * 100_000, (400, 400)),
        (b"[]", (422, 422)),
        (b"{}", (422, 42201)),
        (b'{"schema":"  "}', (422, 42201)),
        (b'{"schema":{}}', (422, 422)),
        (b'{"schema":"\\"no such type\\""}', (422, 42201)),
        (b'{"schema":"{"}', (422, 42201)),
        (b'{"schema":"\\"int\\"","schemaType":"XML"}', (422, 42201)),
        (b'{"schema":"\\"int\\"","references":"r"}', (422, 422)),
        (b'{"schema":"\\"int\\"","references":[1]}', (422, 422)),
        (b'{"schema":"\\"int\\"","id":"x"}', (422, 422)),
        (b'{"schema":"\\"int\\"","id":7}', (422, 42205)),
        (b'{"schema":"\\"int\\"","version":7}', (422, 42201)),
        (b'{"schema":"\\"int\\"","metadata":[]}', (422, 422)),
        (b'{"schema":"\\"int\\"","ruleSet":{"domainRules":[{"type":"CEL"}]}}', (422, 42210)),
        (b'{"schema":"\\"int\\"","ruleSet":{"domainRules":[{"name":"a"}]}}', (422, 42210)),
        (b'{"schema":"\\"int\\"","ruleSet":{"domainRules":[{"name":"1","type":"CEL"}]}}', (422, 42210)),
        (b'{"schema":"\\"int\\"","ruleSet":{"domainRules":[{"name":"a","type":"T","mode":"UPGRADE"}]}}', (422, 42210)),
        (b'{"schema":"\\"int\\"","ruleSet":{"domainRules":[{"name":"a","type":"T","mode":"NO"}]}}', (422, 422)),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(
    registry: RegistryProcess, subject: str, content: bytes, error: tuple[int, int]
) -> None:
    """With the code that tells what is wrong with it."""
    assert registry.post(f"/subjects/{subject}/versions", content).error == error


def test_names_that_are_none_are_refused(registry: RegistryProcess) -> None:
    """Control characters, and the names that stand for everything."""
    for name in ("a%00b", "a%0Ab", "__GLOBAL", "__EMPTY"):
        reply = registry.post(f"/subjects/{name}/versions", body(STRING))
        assert reply.error == (422, 42208), name


def test_fields_that_are_not_known_are_passed_over(registry: RegistryProcess, subject: str) -> None:
    """Later clients send more than this registry knows."""
    assert registry.post(f"/subjects/{subject}/versions", body(STRING, something={"new": 1})).status == 200


def test_a_large_schema_is_refused_by_its_size(registry: RegistryProcess, subject: str) -> None:
    """The broker takes no record that long."""
    text = record("R", ("a", "int"))[:-1] + f',"doc":"{"x" * 1_200_000}"}}'
    assert registry.post(f"/subjects/{subject}/versions", body(text)).error == (422, 42209)


# Compatibility


def test_a_schema_that_breaks_readers_is_refused(registry: RegistryProcess, subject: str) -> None:
    """With the reason, the version and the settings in the message, as Confluent words them."""
    first = record("R", ("a", "int"))
    second = record("R", ("a", "int"), ("b", "int"))
    registry.register(subject, first)
    reply = registry.post(f"/subjects/{subject}/versions", body(second))
    assert reply.error == (409, 40901)
    message = reply.body["message"]
    assert message.startswith(
        f'Schema being registered is incompatible with an earlier schema for subject "{subject}", details: ['
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'"
    )
    assert message.endswith(
        f", {{oldSchemaVersion: 1}}, {{oldSchema: '{first}'}}, "
        "{validateFields: 'false', compatibility: 'BACKWARD'}]"
    )
    assert registry.post(f"/subjects/{subject}/versions?force=true", body(second)).status == 200


def test_compatibility_is_checked_without_registering(registry: RegistryProcess, subject: str) -> None:
    """Against one version or all; with reasons on request."""
    registry.register(subject, record("R", ("a", "int")))
    good, bad = record("R", ("a", "int"), ("b", "int"), b=1), record("R", ("b", "int"))
    path = f"/compatibility/subjects/{subject}/versions"
    for place in (path, f"{path}/latest", f"{path}/1"):
        assert registry.post(place, body(good)).body == {"is_compatible": True}
        assert registry.post(place, body(bad)).body == {"is_compatible": False}
        assert registry.post(f"{place}?verbose=true", body(good)).body == {
            "is_compatible": True,
            "messages": [],
        }
        verbose = registry.post(f"{place}?verbose=true", body(bad)).body
        assert not verbose["is_compatible"]
        assert verbose["messages"][0].startswith("{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'")
    assert registry.post(f"{path}/9", body(good)).error == (404, 40402)
    assert registry.post(f"/compatibility/subjects/{subject}-x/versions/1", body(good)).error == (404, 40401)
    assert registry.post(f"/compatibility/subjects/{subject}-x/versions/latest", body(good)).body == {
        "is_compatible": True
    }
    assert registry.post(f"{path}/1", body("{")).error == (422, 42201)
    assert registry.post(f"{path}/1?verbose=true", body("{")).body["is_compatible"] is False
    assert registry.get(f"/subjects/{subject}/versions").body == [1]


@pytest.mark.parametrize(
    ("level", "added", "removed"),
    [
        ("NONE", True, True),
        ("BACKWARD", False, True),
        ("BACKWARD_TRANSITIVE", False, True),
        ("FORWARD", True, False),
        ("FORWARD_TRANSITIVE", True, False),
        ("FULL", False, False),
        ("FULL_TRANSITIVE", False, False),
    ],
)
def test_levels_decide_who_must_read_whose_data(
    registry: RegistryProcess, subject: str, level: str, added: bool, removed: bool
) -> None:
    """A field without default may be added, or removed, or neither."""
    registry.put(f"/config/{subject}", {"compatibility": level.lower()})
    registry.register(subject, record("R", ("a", "int"), ("b", "int")))
    path = f"/compatibility/subjects/{subject}/versions/latest"
    more = record("R", ("a", "int"), ("b", "int"), ("c", "int"))
    assert registry.post(path, body(more)).body == {"is_compatible": added}
    assert registry.post(path, body(record("R", ("a", "int")))).body == {"is_compatible": removed}


def test_groups_keep_versions_apart(registry: RegistryProcess, subject: str) -> None:
    """Only versions with the same value of the property are compared."""
    registry.put(f"/config/{subject}", {"compatibilityGroup": "major"})
    one = {"properties": {"major": "1"}}
    two = {"properties": {"major": "2"}}
    registry.register(subject, record("R", ("a", "int")), metadata=one)
    registry.register(subject, record("R", ("b", "int")), metadata=two)
    path = f"/subjects/{subject}/versions"
    assert registry.post(path, body(record("R", ("c", "int")), metadata=two)).error == (409, 40901)
    assert (
        registry.post(path, body(record("R", ("c", "int")), metadata={"properties": {"major": "3"}})).status
        == 200
    )


# Settings and modes


def test_settings_are_set_told_and_taken_away(registry: RegistryProcess, subject: str) -> None:
    """Field by field; a null takes one away."""
    path = f"/config/{subject}"
    assert registry.put(path, {"compatibility": "full", "normalize": True}).body == {
        "normalize": True,
        "compatibility": "FULL",
    }
    assert registry.get(path).body == {"normalize": True, "compatibilityLevel": "FULL"}
    registry.put(path, {"normalize": None, "compatibilityGroup": "g"})
    assert registry.get(path).body == {"compatibilityLevel": "FULL", "compatibilityGroup": "g"}
    assert registry.put(path, {"compatibility": "SOME"}).error == (422, 42203)
    assert registry.put(path, {"normalize": 3}).error == (422, 422)
    assert registry.put(path, []).error == (422, 422)
    assert registry.delete(path).body == {"compatibilityLevel": "FULL", "compatibilityGroup": "g"}
    assert registry.get(path).error == (404, 40408)
    assert registry.get(f"{path}?defaultToGlobal=true").body == {"compatibilityLevel": "BACKWARD"}


def test_settings_for_all_hold_where_there_are_no_others(for_all: RegistryProcess, subject: str) -> None:
    """And are the server's own once they are taken away."""
    assert for_all.get("/config").body == {"compatibilityLevel": "BACKWARD"}
    for_all.put("/config", {"compatibility": "FORWARD"})
    assert for_all.get(f"/config/{subject}?defaultToGlobal=true").body == {"compatibilityLevel": "FORWARD"}
    assert for_all.delete("/config").body == {"compatibilityLevel": "FORWARD"}
    assert for_all.get("/config").body == {"compatibilityLevel": "BACKWARD"}


def test_modes_decide_what_may_be_written(registry: RegistryProcess, subject: str) -> None:
    """Read-only, and importing with ids and versions of one's own."""
    assert registry.get("/mode").body == {"mode": "READWRITE"}
    assert registry.put(f"/mode/{subject}", {"mode": "SOME"}).error == (422, 42204)
    assert registry.put(f"/mode/{subject}", {"mode": "forward"}).error == (422, 42205)
    registry.put(f"/mode/{subject}", {"mode": "READONLY"})
    path = f"/subjects/{subject}/versions"
    refused = registry.post(path, body(STRING))
    assert refused.error == (422, 42205)
    assert refused.body["message"] == f"Subject {subject} in context :.: is in read-only mode"
    assert registry.put(f"/config/{subject}", {"compatibility": "NONE"}).error == (422, 42205)
    assert registry.put(f"/mode/{subject}", {"mode": "IMPORT"}).body == {"mode": "IMPORT"}
    highest = registry.get(f"/schemas/ids/{registry.register(f'{subject}-o', LONG)}?fetchMaxId=true").body[
        "maxId"
    ]
    wanted = highest + 100
    assert registry.post(path, body(STRING)).error == (422, 42205)
    reply = registry.post(path, body(INT, id=wanted, version=5)).body
    assert (reply["id"], reply["version"]) == (wanted, 5)
    assert registry.post(path, body('"float"', id=wanted, version=6)).error == (422, 42205)
    assert registry.get(path).body == [5]
    assert registry.delete(f"/mode/{subject}").body == {"mode": "IMPORT"}
    assert registry.get(f"/mode/{subject}?defaultToGlobal=true").body == {"mode": "READWRITE"}
    assert registry.put(f"/mode/{subject}", {"mode": "IMPORT"}).error == (422, 42205)
    assert registry.put(f"/mode/{subject}?force=true", {"mode": "IMPORT"}).status == 200
    assert registry.register(f"{subject}-p", '"bytes"') > wanted


def test_an_override_for_all_goes_before_every_subjects_mode(for_all: RegistryProcess, subject: str) -> None:
    """READONLY_OVERRIDE."""
    for_all.put(f"/mode/{subject}", {"mode": "READWRITE"})
    for_all.put("/mode", {"mode": "READONLY_OVERRIDE"})
    assert for_all.get(f"/mode/{subject}").body == {"mode": "READONLY_OVERRIDE"}
    assert for_all.post(f"/subjects/{subject}/versions", body(STRING)).error == (422, 42205)
    for_all.delete("/mode")
    assert for_all.register(subject, STRING)


def test_an_alias_is_another_name(registry: RegistryProcess, subject: str) -> None:
    """For reading and registering; its own settings stay its own."""
    registry.put(f"/config/{subject}-alias", {"alias": subject})
    registry.register(f"{subject}-alias", STRING)
    assert registry.get(f"/subjects/{subject}/versions").body == [1]
    assert registry.get(f"/subjects/{subject}-alias/versions/latest").body["subject"] == subject
    assert registry.get(f"/config/{subject}-alias").body == {"alias": subject}
    listed = registry.get(f"/schemas?subjectPrefix={subject}&aliases=true").body
    assert [each["aliases"] for each in listed] == [[f"{subject}-alias"]]


# Contexts, data contracts, lists


def test_contexts_keep_schemas_apart(registry: RegistryProcess, subject: str, context: str) -> None:
    """By qualified names and by their own paths; ids begin anew; one that is empty can be forgotten."""
    name = f":{context}:{subject}"
    assert registry.register(name, STRING) == 1
    under = f"/contexts/{context}"
    assert registry.post(f"{under}/subjects/{subject}/versions", body(STRING)).body["id"] == 1
    assert registry.get(f"{under}/subjects").body == [name]
    assert registry.get(f"{under}/subjects/{subject}/versions/1").body["subject"] == name
    assert registry.get(f"{under}/schemas/ids/1").body["schema"] == STRING
    assert registry.get(f"/schemas/ids/1?subject=:{context}:").body["schema"] == STRING
    assert registry.get(f"{under}/schemas/ids/2").error == (404, 40403)
    assert registry.get(f"/subjects/{subject}/versions/1").body["subject"] == name
    assert context in registry.get("/contexts").body
    assert registry.get("/contexts").body[0] == "."
    registry.put(f"{under}/config", {"compatibility": "NONE"})
    assert registry.get(f"/config/:{context}:").body == {"compatibilityLevel": "NONE"}
    assert registry.get(f"/config/{quote(name)}?defaultToGlobal=true").body == {"compatibilityLevel": "NONE"}
    registry.put(f"{under}/mode", {"mode": "READONLY"})
    assert registry.post(f"{under}/subjects/{subject}/versions", body(LONG)).error == (422, 42205)
    registry.delete(f"{under}/mode")
    assert registry.delete(f"/contexts/{context}").error == (422, 42211)
    registry.delete(f"/subjects/{name}")
    registry.delete(f"/subjects/{name}?permanent=true")
    assert registry.delete(f"/contexts/{context}").status == 204
    assert context not in registry.get("/contexts").body


def test_data_contracts_are_kept_and_completed(registry: RegistryProcess, subject: str) -> None:
    """Metadata and rules given, inherited, added by settings; found by their properties."""
    rule = {
        "name": "check",
        "kind": "CONDITION",
        "mode": "WRITE",
        "type": "CEL",
        "expr": "true",
        "disabled": False,
    }
    registry.put(
        f"/config/{subject}",
        {
            "defaultMetadata": {"properties": {"owner": "nobody", "tier": "1"}},
            "overrideRuleSet": {"domainRules": [rule]},
        },
    )
    reply = registry.post(
        f"/subjects/{subject}/versions", body(STRING, metadata={"properties": {"owner": "team"}})
    ).body
    assert reply["metadata"] == {"properties": {"owner": "team", "tier": "1"}}
    assert reply["ruleSet"] == {"domainRules": [rule]}
    told = registry.get(f"/subjects/{subject}/versions/1").body
    assert told["metadata"] == reply["metadata"]
    assert told["ruleSet"] == reply["ruleSet"]
    second = registry.post(
        f"/subjects/{subject}/versions", body("", metadata={"properties": {"owner": "others"}})
    ).body
    assert (second["version"], second["schema"]) == (2, STRING)
    assert second["id"] != reply["id"]
    found = registry.get(f"/subjects/{subject}/metadata?key=owner&value=team").body
    assert found["version"] == 1
    assert registry.get(f"/subjects/{subject}/metadata?key=owner&value=x").error == (404, 40403)
    assert len(registry.get(f"/schemas?subjectPrefix={subject}&ruleType=CEL").body) == 2


def test_all_schemas_are_listed_page_by_page(registry: RegistryProcess, subject: str) -> None:
    """All versions or the latest of each subject."""
    for number in range(3):
        registry.register(f"{subject}-{number}", STRING)
        registry.register(f"{subject}-{number}", '["string","null"]')
    path = f"/schemas?subjectPrefix={subject}-"
    assert [each["version"] for each in registry.get(path).body] == [1, 2] * 3
    assert [each["version"] for each in registry.get(f"{path}&latestOnly=true").body] == [2] * 3
    page = registry.get(f"{path}&offset=1&limit=2").body
    assert [(each["subject"], each["version"]) for each in page] == [(f"{subject}-0", 2), (f"{subject}-1", 1)]


# HTTP


def test_content_types_are_the_clients_choice_among_ours(registry: RegistryProcess) -> None:
    """And the versioned one where it has none."""
    for accept, expected in [
        ("*/*", VERSIONED),
        ("application/json", "application/json"),
        ("application/vnd.schemaregistry+json", "application/vnd.schemaregistry+json"),
        ("application/json;q=0.5, application/vnd.schemaregistry.v1+json", VERSIONED),
        ("text/html, */*;q=0.1", VERSIONED),
    ]:
        assert registry.get("/subjects", Accept=accept).headers["content-type"] == expected
    assert registry.get("/subjects", Accept="text/plain").error == (406, 406)
    for content_type, status in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/octet-stream", 200),
        ("text/plain", 415),
    ]:
        reply = registry.ask("POST", "/", b"{}", {"Content-Type": content_type})
        assert reply.status == status, content_type


def test_head_options_and_compression(registry: RegistryProcess, subject: str) -> None:
    """HEAD is GET without a body; long answers are compressed on request; so may requests be."""
    text = record("R", *((f"field{number}", "int") for number in range(100)))
    packed = gzip.compress(json.dumps(body(text)).encode())
    reply = registry.ask(
        "POST",
        f"/subjects/{subject}/versions",
        packed,
        {"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    assert reply.status == 200
    plain = registry.get(f"/subjects/{subject}/versions/1")
    head = registry.ask("HEAD", f"/subjects/{subject}/versions/1")
    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-length"] == plain.headers["content-length"]
    unpacked = registry.ask("GET", f"/subjects/{subject}/versions/1", headers={"Accept-Encoding": "gzip"})
    assert unpacked.headers["content-encoding"] == "gzip"
    assert gzip.decompress(unpacked.content) == plain.content
    options = registry.ask("OPTIONS", f"/subjects/{subject}/versions")
    assert options.headers["allow"] == "HEAD,GET,POST,OPTIONS"
    broken = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert registry.ask("POST", f"/subjects/{subject}/versions", b"no gzip", broken).error == (400, 400)


def test_a_body_without_end_is_refused(registry: RegistryProcess, subject: str) -> None:
    """Sent in pieces that never stop, or packed so that it would unpack to no end."""
    bomb = gzip.compress(b" " * (64 << 20))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert registry.ask("POST", f"/subjects/{subject}/versions", bomb, headers).error == (413, 413)
    connection = http.client.HTTPConnection(registry.host, registry.port, timeout=60)
    connection.putrequest("POST", f"/subjects/{subject}/versions")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    try:
        for _ in range(40):
            connection.send(piece)
    except OSError:
        pass
    else:
        assert connection.getresponse().status == 413
    connection.close()
    assert registry.get("/subjects").status == 200


def test_the_server_tells_who_it_is(registry: RegistryProcess) -> None:
    """Cluster, version, languages."""
    told = registry.get("/v1/metadata/id").body["scope"]
    assert told["path"] == []
    assert len(told["clusters"]["kafka-cluster"]) == 22
    assert told["clusters"]["schema-registry-cluster"].startswith("registry-")
    assert registry.get("/v1/metadata/version").body.keys() == {"version", "commitId"}
    assert registry.get("/schemas/types").body == ["JSON", "PROTOBUF", "AVRO"]
    assert registry.get("/").body == {}
    assert registry.post("/", {}).body == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 2**31},
        {"version": -(2**31) - 1},
        {"references": [{"name": "a", "subject": "s", "version": 2**40}]},
    ],
)
def test_a_number_that_is_no_java_int_is_refused(
    registry: RegistryProcess, unique_name: Callable[[str], str], fields: dict[str, object]
) -> None:
    """Ids and versions have 32 bits in records and on values."""
    reply = registry.post(f"/subjects/{unique_name('wide')}/versions", {"schema": '"int"', **fields})
    assert reply.error == (422, 422)
    assert "integer of 32 bits" in reply.body["message"]
