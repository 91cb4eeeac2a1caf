"""Associations over HTTP: which subject describes the keys or values of which topic."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.common.schema_registry_client import (
    AssociationCreateOrUpdateInfo,
    AssociationCreateOrUpdateRequest,
)
from confluent_kafka.serialization import MessageField, SerializationContext

from apache_jars import ROOT
from registries import RegistryProcess, Reply, record

ORDER = record("Order", ("item", "string"))
WITH_COUNT = record("Order", ("item", "string"), ("count", "int"), count=1)
UNREADABLE = record("Order", ("price", "long"))
CLUSTER = "lkc-1"

Body = dict[str, Any]


@pytest.fixture
def resource(unique_name: Callable[[str], str]) -> Body:
    """A topic of this test's own, as bodies name it."""
    name = unique_name("orders")
    return {
        "resourceName": name,
        "resourceNamespace": CLUSTER,
        "resourceId": f"{CLUSTER}:{name}",
        "resourceType": "topic",
    }


@pytest.fixture
def place(resource: Body) -> str:
    """The path of that topic by its id."""
    return f"/associations/resources/{resource['resourceId']}"


def asked(resource: Body, *associations: Body) -> Body:
    return {**resource, "associations": list(associations)}


def wanted(subject: str | None, association_type: str = "value", **fields: object) -> Body:
    named = {} if subject is None else {"subject": subject}
    return {**named, "associationType": association_type, **fields}


def own_subject(resource: Body, association_type: str = "value") -> str:
    return f":.{CLUSTER}:{resource['resourceName']}-{association_type}"


def subjects(reply: Reply) -> list[tuple[str, str]]:
    return [(each["associationType"], each["subject"]) for each in reply.body]


def test_an_association_is_made_and_found(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """By its subject, by the topic's id, by the topic's name in its cluster or in any."""
    registry.register(subject, ORDER)
    made = registry.post("/associations", asked(resource, wanted(subject, lifecycle="WEAK")))
    told = {"subject": subject, "associationType": "value", "lifecycle": "WEAK", "frozen": False}
    assert (made.status, made.body) == (200, {**resource, "associations": [told]})
    name = resource["resourceName"]
    for path in (
        f"/associations/subjects/{subject}",
        place,
        f"/associations/resources/{CLUSTER}/{name}",
        f"/associations/resources/-/{name}",
    ):
        (found,) = registry.get(path).body
        assert len(found.pop("guid")) == 36, path
        assert found == {**resource, **told}, path
    assert registry.get(f"/associations/resources/other/{name}").body == []
    assert registry.get(f"/associations/subjects/{subject}-x").body == []
    assert registry.get(f"{place}-x").body == []


def test_schemas_come_with_associations(registry: RegistryProcess, resource: Body, place: str) -> None:
    """And are registered under the subjects; one that is not named is the topic's own, in its cluster's context."""
    body = asked(
        resource,
        wanted(None, "key", schema={"schema": '"string"'}),
        wanted(None, schema={"schema": ORDER}),
    )
    reply = registry.post("/associations", body).body
    assert [(each["lifecycle"], each["schema"]["version"]) for each in reply["associations"]] == [
        ("STRONG", 1),
        ("STRONG", 1),
    ]
    assert [each["schema"]["schema"] for each in reply["associations"]] == ['"string"', ORDER]
    for association_type, text in (("key", '"string"'), ("value", ORDER)):
        subject = own_subject(resource, association_type)
        assert registry.get(f"/subjects/{subject}/versions/latest").body["schema"] == text
    listed = registry.get(place)
    assert subjects(listed) == [("key", own_subject(resource, "key")), ("value", own_subject(resource))]
    again = registry.post("/associations", body).body
    assert [each["subject"] for each in again["associations"]] == [
        each["subject"] for each in reply["associations"]
    ]
    assert registry.get(place).body == listed.body


def test_lists_are_narrowed(registry: RegistryProcess, resource: Body, place: str, subject: str) -> None:
    """By type, lifecycle and page."""
    registry.register(subject, ORDER)
    registry.post(
        "/associations",
        asked(resource, wanted(subject, lifecycle="WEAK"), wanted(None, "key", schema={"schema": '"int"'})),
    )

    def types(query: str) -> list[str]:
        return [each["associationType"] for each in registry.get(f"{place}?{query}").body]

    assert types("") == ["key", "value"]
    assert types("associationType=value") == ["value"]
    assert types("associationType=value&associationType=key") == ["key", "value"]
    assert types("lifecycle=STRONG") == ["key"]
    assert types("lifecycle=WEAK&associationType=key") == []
    assert types("resourceType=topic&offset=1") == ["value"]
    assert types("limit=1") == ["key"]
    assert types("resourceType=table") == []
    assert registry.get(f"{place}?lifecycle=ETERNAL").error == (404, 404)


def test_schemas_are_listed_by_the_associations_of_their_subjects(
    registry: RegistryProcess, resource: Body, subject: str
) -> None:
    """`GET /schemas` with the type of the resource, of the association, or the lifecycle."""
    for name in ("a", "b", "c"):
        registry.register(f"{subject}-{name}", ORDER)
    registry.post(
        "/associations",
        asked(
            resource,
            wanted(f"{subject}-a", "key", lifecycle="WEAK"),
            wanted(f"{subject}-b", lifecycle="STRONG"),
        ),
    )
    path = f"/schemas?subjectPrefix={subject}-"

    def listed(query: str) -> list[str]:
        return [each["subject"][-1] for each in registry.get(f"{path}&{query}").body]

    assert listed("") == ["a", "b", "c"]
    assert listed("resourceType=topic") == ["a", "b"]
    assert listed("associationType=key") == ["a"]
    assert listed("associationType=key&associationType=value") == ["a", "b"]
    assert listed("lifecycle=STRONG") == ["b"]
    assert listed("lifecycle=STRONG&lifecycle=WEAK&latestOnly=true") == ["a", "b"]
    assert listed("resourceType=table") == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resourceName": ""}, "resourceName"),
        ({"resourceName": None}, "resourceName"),
        ({"resourceName": "a\nb"}, "resourceName"),
        ({"resourceNamespace": None}, "resourceNamespace"),
        ({"resourceId": ""}, "resourceId"),
        ({"resourceType": "table"}, "resourceType"),
        ({"associations": []}, "associations"),
        ({"associations": None}, "associations"),
        ({"associations": [{"associationType": "header"}]}, "associationType"),
        ({"associations": [{"subject": "__GLOBAL"}]}, "subject"),
        ({"associations": [{"lifecycle": "LONG"}]}, "lifecycle"),
        ({"associations": [{"frozen": True, "subject": "s"}]}, "subject"),
        ({"associations": [{"frozen": True, "lifecycle": "WEAK"}]}, "frozen"),
        ({"associations": [{"frozen": True}, {"associationType": "key", "frozen": False}]}, "frozen"),
        ({"associations": [{"frozen": True}]}, "schema"),
        ({"associations": [{"lifecycle": "WEAK"}]}, "subject"),
        ({"associations": [{}, {}]}, "associationType"),
    ],
)
def test_what_cannot_be_is_told_by_field(
    registry: RegistryProcess, resource: Body, change: Body, field: str
) -> None:
    """42212, with the field's name."""
    reply = registry.post("/associations", {**resource, "associations": [{}], **change})
    assert reply.error == (422, 42212)
    assert reply.body["message"].startswith(
        f"The association specified an invalid value for property: '{field}', detail: "
    )


def test_bodies_that_are_none_are_refused(registry: RegistryProcess, resource: Body) -> None:
    """As everywhere."""
    for path in ("/associations", "/associations:batchGet", "/associations:batchMutate"):
        assert registry.post(path, b"").error == (422, 422)
        assert registry.post(path, b"{").error == (400, 400)
        assert registry.post(path, []).error == (422, 422)
    assert registry.post("/associations", {**resource, "associations": [1]}).error == (422, 422)
    assert registry.post("/associations:batchGet", {}).error == (422, 42212)
    assert registry.post("/associations:batchMutate", {"requests": []}).error == (422, 42212)
    assert registry.ask("PUT", "/associations").error == (405, 405)


def test_a_subject_must_have_a_schema(registry: RegistryProcess, resource: Body, subject: str) -> None:
    """40907 without one, or with one that is deleted; 40901 and 42201 for one that may not be registered."""
    registry.register(f"{subject}-gone", ORDER)
    registry.delete(f"/subjects/{subject}-gone")
    for name in (subject, f"{subject}-gone"):
        reply = registry.post("/associations", asked(resource, wanted(name)))
        assert reply.error == (409, 40907)
        assert reply.body["message"] == f"No active (non-deleted) version exists for subject '{name}'"
    registry.register(subject, ORDER)
    for text, error in [(UNREADABLE, (409, 40901)), ("{", (422, 42201)), ("", (422, 42201))]:
        body = asked(resource, wanted(subject, schema={"schema": text}))
        assert registry.post("/associations", body).error == error
    assert registry.get(f"/subjects/{subject}/versions").body == [1]
    assert registry.get(f"/associations/subjects/{subject}").body == []


def test_a_strong_association_has_its_subject_alone(
    registry: RegistryProcess, resource: Body, subject: str
) -> None:
    """40905 for another beside it, 40904 for one that would be strong beside others."""
    registry.register(subject, ORDER)
    other = {**resource, "resourceName": "other", "resourceId": f"{resource['resourceId']}-other"}
    third = {**resource, "resourceName": "third", "resourceId": f"{resource['resourceId']}-third"}
    weak, strong = wanted(subject, lifecycle="WEAK"), wanted(subject, lifecycle="STRONG")
    assert registry.post("/associations", asked(resource, strong)).status == 200
    refused = registry.post("/associations", asked(other, weak))
    assert refused.error == (409, 40905)
    assert refused.body["message"] == f"A strong association already exists for subject '{subject}'"
    assert registry.post("/associations", asked(other, strong)).error == (409, 40904)
    path = f"/associations/resources/{resource['resourceId']}"
    assert registry.put(path, asked(resource, weak)).body["associations"][0]["lifecycle"] == "WEAK"
    assert registry.post("/associations", asked(other, weak)).status == 200
    assert registry.post("/associations", asked(third, strong)).error == (409, 40904)
    assert registry.put(path, asked(resource, strong)).error == (409, 40904)
    assert [each["resourceName"] for each in registry.get(f"/associations/subjects/{subject}").body] == (
        sorted([resource["resourceName"], "other"])
    )


def test_post_makes_and_put_changes(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """40903 for a POST of something else than what is there; a PUT changes the lifecycle, and nothing else."""
    registry.register(subject, ORDER)
    registry.register(f"{subject}-2", ORDER)
    weak, strong = wanted(subject, lifecycle="WEAK"), wanted(subject, lifecycle="STRONG")
    assert registry.put(place, {**asked(resource, weak), "resourceId": "another"}).error == (422, 42212)
    without_id = {name: value for name, value in resource.items() if name != "resourceId"}
    assert registry.put(place, asked(without_id, weak)).status == 200
    (before,) = registry.get(place).body
    assert registry.post("/associations", asked(resource, weak)).status == 200
    refused = registry.post("/associations", asked(resource, strong))
    assert refused.error == (409, 40903)
    assert refused.body["message"] == (
        f"An association of type 'value' already exists for resource '{resource['resourceName']}'"
    )
    new_schema = asked(resource, wanted(subject, schema={"schema": WITH_COUNT}))
    assert registry.post("/associations", new_schema).error == (409, 40903)
    assert registry.put(place, new_schema).body["associations"][0]["schema"]["version"] == 2
    assert registry.post("/associations", new_schema).status == 200
    assert registry.put(place, asked(resource, strong)).status == 200
    (after,) = registry.get(place).body
    assert after == {**before, "lifecycle": "STRONG"}
    for change in (wanted(f"{subject}-2"), wanted(subject, frozen=True)):
        assert registry.put(place, asked(resource, change)).error == (422, 42212)


def test_a_frozen_association_keeps_its_schema(registry: RegistryProcess, resource: Body, place: str) -> None:
    """It is made with it, refuses another, and goes only with its subject."""
    subject = own_subject(resource)
    frozen = asked(resource, wanted(None, frozen=True, schema={"schema": ORDER}))
    assert registry.post("/associations", frozen).body["associations"][0]["frozen"] is True
    path = f"/subjects/{subject}/versions"
    assert registry.post(path, {"schema": ORDER}).body["version"] == 1
    refused = registry.post(path, {"schema": WITH_COUNT})
    assert refused.error == (409, 40908)
    assert refused.body["message"] == f"The association of type  'value' is frozen for subject '{subject}'"
    thawed = asked(resource, wanted(None, frozen=False))
    assert registry.put(place, thawed).error == (422, 42212)
    key = asked(resource, wanted(None, "key", frozen=False, schema={"schema": '"string"'}))
    assert registry.post("/associations", key).error == (422, 42212)
    assert registry.delete(place).error == (409, 40908)
    assert registry.delete(f"{place}?cascadeLifecycle=true").status == 204
    assert registry.get(path).error == (404, 40401)
    registry.register(subject, ORDER)
    again = registry.post("/associations", frozen)
    assert again.error == (422, 42212)
    assert "schemas already exist" in again.body["message"]


def test_a_subject_lives_as_long_as_its_associations(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """Not deleted under them: 40904 for all of it or for good, 40907 for its last version."""
    registry.register(subject, ORDER)
    registry.register(subject, WITH_COUNT)
    registry.post("/associations", asked(resource, wanted(subject, lifecycle="WEAK")))
    path = f"/subjects/{subject}"
    assert registry.delete(path).error == (409, 40904)
    assert registry.delete(f"{path}/versions/1").body == 1
    assert registry.delete(f"{path}/versions/1?permanent=true").error == (409, 40904)
    assert registry.delete(f"{path}/versions/2").error == (409, 40907)
    assert registry.delete(place).status == 204
    assert registry.delete(f"{path}/versions/2").body == 2
    assert registry.delete(f"{path}?permanent=true").body == [1, 2]


def test_deleting_spares_the_subject_unless_told(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """`cascadeLifecycle` takes the subjects of strong associations along, for good, and none of the weak ones'."""
    registry.register(subject, ORDER)
    both = asked(
        resource,
        wanted(subject, "key", lifecycle="WEAK"),
        wanted(None, schema={"schema": ORDER}),
    )
    registry.post("/associations", both)
    assert registry.delete(f"{place}?associationType=value&dryRun=true").status == 204
    assert registry.delete(f"{place}?associationType=value").status == 204
    assert subjects(registry.get(place)) == [("key", subject)]
    own = f"/subjects/{own_subject(resource)}/versions"
    assert registry.get(own).body == [1]
    registry.post("/associations", both)
    assert registry.delete(f"{place}?cascadeLifecycle=true").status == 204
    assert registry.get(f"{own}?deleted=true").error == (404, 40401)
    assert registry.get(f"/subjects/{subject}/versions").body == [1]
    gone = registry.delete(place)
    assert gone.error == (404, 40410)
    assert gone.body["message"] == f"Association for '{resource['resourceId']}' not found."


def test_a_subject_that_others_refer_to_is_not_taken_along(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """42206, and all stays."""
    registry.post("/associations", asked(resource, wanted(None, schema={"schema": ORDER})))
    name = own_subject(resource)
    reference = {"name": "Order", "subject": name, "version": 1}
    registry.register(f":.{CLUSTER}:{subject}", record("Basket", ("first", "Order")), references=[reference])
    assert registry.delete(f"{place}?cascadeLifecycle=true").error == (422, 42206)
    assert subjects(registry.get(place)) == [("value", name)]
    assert registry.get(f"/subjects/{name}/versions").body == [1]


def test_a_dry_run_writes_nothing(registry: RegistryProcess, resource: Body, place: str) -> None:
    """It needs no id of the topic, and refuses what would be refused."""
    without_id = {name: value for name, value in resource.items() if name != "resourceId"}
    body = asked(without_id, wanted(None, schema={"schema": ORDER}))
    assert registry.post("/associations", body).error == (422, 42212)
    reply = registry.post("/associations?dryRun=true", body)
    assert (reply.status, reply.body) == (200, without_id)
    assert registry.get(place).body == []
    assert registry.get(f"/subjects/{own_subject(resource)}/versions").error == (404, 40401)
    missing = asked(without_id, wanted("no-such-subject"))
    assert registry.post("/associations?dryRun=true", missing).error == (409, 40907)


def test_modes_and_aliases_hold_for_associations(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """Nothing is associated with a subject that is read-only, nor taken from it; an alias is its subject."""
    registry.register(subject, ORDER)
    registry.put(f"/config/{subject}-alias", {"alias": subject})
    registry.put(f"/mode/{subject}", {"mode": "READONLY"})
    refused = registry.post("/associations", asked(resource, wanted(f"{subject}-alias")))
    assert refused.error == (422, 42205)
    assert refused.body["message"] == f"Subject {subject} in context . is in read-only mode"
    registry.delete(f"/mode/{subject}")
    made = registry.post("/associations", asked(resource, wanted(f"{subject}-alias")))
    assert made.body["associations"][0]["subject"] == subject
    assert subjects(registry.get(f"/associations/subjects/{subject}-alias")) == [("value", subject)]
    registry.put(f"/mode/{subject}", {"mode": "READONLY"})
    assert registry.delete(place).error == (422, 42205)
    registry.delete(f"/mode/{subject}")


def test_a_context_may_be_given(registry: RegistryProcess, resource: Body, subject: str) -> None:
    """As a parameter, or as the path in front; it holds for subjects that name none."""
    context = ".associated"
    registry.register(f":{context}:{subject}", ORDER)
    body = asked(resource, wanted(subject))
    assert registry.post("/associations", body).error == (409, 40907)
    made = registry.post(f"/associations?context=:{context}:", body)
    assert made.body["associations"][0]["subject"] == f":{context}:{subject}"
    assert registry.post(f"/contexts/{context}/associations", body).body == made.body
    (found,) = registry.get(f"/contexts/{context}/associations/subjects/{subject}").body
    assert found["resourceId"] == resource["resourceId"]


def test_a_batch_changes_each_resource_for_itself(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """What is refused is told in its place, with its own code; the others go on."""
    registry.register(subject, ORDER)
    other = {**resource, "resourceName": "o", "resourceId": f"{resource['resourceId']}-o"}
    key = wanted(None, "key", schema={"schema": '"string"'})
    reply = registry.post(
        "/associations:batchMutate",
        {
            "requests": [
                asked(resource, {"opType": "CREATE", **key}, {"opType": "CREATE", **wanted(subject)}),
                asked(other, {"opType": "CREATE", **wanted("no-such-subject")}),
                {**other, "resourceId": None, "associations": [{"opType": "DELETE"}]},
                asked(other, {"opType": "TURN", **wanted(subject)}),
                asked(other, {"opType": "CREATE", **wanted(subject, schema={"schema": "{"})}),
            ]
        },
    )
    assert reply.status == 200
    first, *refused = reply.body["results"]
    assert [each["associationType"] for each in first["result"]["associations"]] == ["key", "value"]
    assert first["result"]["associations"][0]["schema"]["version"] == 1
    assert [each["error"]["error_code"] for each in refused] == [40907, 42212, 42212, 42212]
    changed = registry.post(
        "/associations:batchMutate",
        {
            "requests": [
                asked(
                    resource,
                    {"opType": "DELETE", "associationType": "key"},
                    {"opType": "UPSERT", **wanted(subject, lifecycle="STRONG")},
                )
            ]
        },
    ).body["results"]
    assert [each["lifecycle"] for each in changed[0]["result"]["associations"]] == ["STRONG"]
    assert subjects(registry.get(place)) == [("value", subject)]
    too_many = {"requests": [asked(resource, {"opType": "DELETE"})] * 1_001}
    assert registry.post("/associations:batchMutate", too_many).error == (422, 42213)


def test_a_batch_looks_up_many_resources(
    registry: RegistryProcess, resource: Body, place: str, subject: str
) -> None:
    """By id or by name; with the latest schemas where they are asked for."""
    registry.register(subject, ORDER)
    registry.register(subject, WITH_COUNT)
    registry.post("/associations", asked(resource, wanted(subject, lifecycle="WEAK")))
    name = resource["resourceName"]
    body = {
        "requests": [
            {"resourceId": resource["resourceId"]},
            {"resourceName": name, "resourceNamespace": CLUSTER, "associationTypes": ["value"]},
            {"resourceId": resource["resourceId"], "lifecycle": "STRONG"},
            {},
        ]
    }
    results = registry.post("/associations:batchGet", body).body["results"]
    told = {"subject": subject, "associationType": "value", "lifecycle": "WEAK", "frozen": False}
    assert results[0] == results[1] == {"result": {**resource, "associations": [told]}}
    assert "associations" not in results[2]["result"]
    assert results[3]["error"]["error_code"] == 500
    with_schemas = registry.post("/associations:batchGet?includeSchemas=true", body).body["results"]
    assert with_schemas[0]["result"]["associations"][0]["schema"]["version"] == 2


def test_of_many_that_want_a_subject_for_themselves_one_gets_it(
    registry: RegistryProcess, resource: Body, subject: str
) -> None:
    """All at once, with schemas and without, over and over; what is refused has registered nothing."""

    def ask(number: int) -> tuple[int, int]:
        own = {**resource, "resourceName": f"t{number}", "resourceId": f"{resource['resourceId']}-{number}"}
        text = record(f"Order{number}", ("item", "string"))
        name = f"{subject}-{number % 3}"
        reply = registry.post(
            "/associations", asked(own, wanted(name, lifecycle="STRONG", schema={"schema": text}))
        )
        return number % 3, reply.status if reply.status == 200 else reply.body["error_code"]

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, range(36)))
    for name in range(3):
        codes = [code for each, code in answers if each == name]
        assert codes.count(200) == 1
        assert set(codes) == {200, 40904}
        assert len(registry.get(f"/associations/subjects/{subject}-{name}").body) == 1
        assert registry.get(f"/subjects/{subject}-{name}/versions").body == [1]


def test_the_pages_example_runs(registry: RegistryProcess, unique_name: Callable[[str], str]) -> None:
    """Made, found, deleted by curl."""
    page = (ROOT / "docs" / "registry.md").read_text()
    (shell,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    topic = unique_name("orders")
    shell = shell.replace("127.0.0.1:8081", f"{registry.host}:{registry.port}").replace("orders", topic)
    shell = shell.replace("sales", f"{topic}-sales")
    ended = subprocess.run(
        ["bash", "-e", "-c", shell], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert f'[{{"subject":"{topic}-sales","guid":"' in ended.stdout
    assert registry.get(f"/associations/subjects/{topic}-sales").body == []
    assert registry.get(f"/subjects/{topic}-sales/versions").body == [1]


@pytest.fixture
def client(registry: RegistryProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


def test_confluents_client_writes_by_the_associated_subject(
    registry: RegistryProcess, client: SchemaRegistryClient, resource: Body, subject: str
) -> None:
    """Its calls for associations, and its serializer, which looks for the subject of a topic by them."""
    topic = resource["resourceName"]
    client.register_schema(subject, Schema(ORDER, "AVRO"))
    made = client.create_association(
        AssociationCreateOrUpdateRequest(
            resource_name=topic,
            resource_namespace=CLUSTER,
            resource_id=resource["resourceId"],
            resource_type="topic",
            associations=[
                AssociationCreateOrUpdateInfo(subject=subject, association_type="value", lifecycle="WEAK")
            ],
        )
    )
    assert made.associations is not None
    assert [each.subject for each in made.associations] == [subject]
    (found,) = client.get_associations_by_resource_name(topic, "-", "topic", ["value"])
    assert (found.subject, found.resource_id) == (subject, resource["resourceId"])
    place = SerializationContext(topic, MessageField.VALUE)
    serialize = AvroSerializer(client, conf={"auto.register.schemas": False, "use.latest.version": True})
    value = serialize({"item": "pen"}, place)
    assert AvroDeserializer(client)(value, place) == {"item": "pen"}
    assert registry.get(f"/subjects/{topic}-value/versions").error == (404, 40401)
    client.delete_associations(resource["resourceId"], "topic", ["value"])
    assert client.get_associations_by_resource_name(topic, CLUSTER) == []
