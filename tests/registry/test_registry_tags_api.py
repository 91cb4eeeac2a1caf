"""Tags inside schemas over HTTP: found, changed while registering, changed in a new version."""

import json

from registries import RegistryProcess

PLAIN = {"type": "record", "name": "acme.Order", "fields": [{"name": "email", "type": "string"}]}


def tagged(*tags: str) -> dict:
    [field] = PLAIN["fields"]
    return {**PLAIN, "fields": [{**field, "confluent:tags": [*tags]}]}


def about(path: str, kind: str, *tags: str) -> dict:
    return {"schemaEntity": {"entityPath": path, "entityType": kind}, "tags": [*tags]}


def test_tags_are_found(registry: RegistryProcess, subject: str) -> None:
    """By version and by id: places with a tag that was asked for, or with any."""
    schema_id = registry.register(subject, json.dumps(tagged("PII", "EU")))
    found = [about("acme.Order.email", "sr_field", "PII", "EU")]
    for path in (f"/subjects/{subject}/versions/1", f"/schemas/ids/{schema_id}"):
        assert registry.get(f"{path}?findTags=PII").body["schemaTags"] == found
        assert registry.get(f"{path}?findTags=*").body["schemaTags"] == found
        assert "schemaTags" not in registry.get(f"{path}?findTags=A&findTags=B").body
        assert "schemaTags" not in registry.get(path).body


def test_tags_are_changed_while_registering(registry: RegistryProcess, subject: str) -> None:
    """What is registered has them inside; a place that isn't there is refused."""
    path = f"/subjects/{subject}/versions"
    sent = {"schema": json.dumps(PLAIN), "schemaTagsToAdd": [about("acme.Order.email", "sr_field", "PII")]}
    assert json.loads(registry.post(path, sent).body["schema"])["fields"] == tagged("PII")["fields"]
    wrong = {**sent, "schemaTagsToAdd": [about("acme.Order.phone", "sr_field", "PII")]}
    refused = registry.post(path, wrong)
    assert (refused.status, refused.body["error_code"]) == (422, 42201)
    assert "acme.Order.phone" in refused.body["message"]
    assert registry.post(path, {**sent, "schemaTagsToAdd": [{"tags": ["PII"]}]}).status == 422
    kind = {**sent, "schemaTagsToAdd": [about("acme.Order.email", "message", "PII")]}
    assert registry.post(path, kind).status == 422


def test_a_version_with_other_tags_and_rules(registry: RegistryProcess, subject: str) -> None:
    """A new version each time: the schema of the one named, changed as the body says."""
    rules = [
        {"name": name, "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "true"} for name in "ab"
    ]
    registry.post(
        f"/subjects/{subject}/versions",
        {"schema": json.dumps(tagged("PII")), "ruleSet": {"domainRules": rules[:1]}},
    )
    reply = registry.post(
        f"/subjects/{subject}/versions/1/tags",
        {
            "tagsToAdd": [about("acme.Order", "sr_record", "OWNED")],
            "tagsToRemove": [about(".acme.Order.email", "sr_field", "PII")],
            "rulesToMerge": {"domainRules": rules[1:]},
            "rulesToRemove": ["a"],
        },
    )
    assert reply.status == 200
    assert reply.body["version"] == 2
    assert json.loads(reply.body["schema"])["confluent:tags"] == ["OWNED"]
    assert "PII" not in reply.body["schema"]
    assert reply.body["metadata"]["properties"] == {"confluent:version": "2"}
    assert [rule["name"] for rule in reply.body["ruleSet"]["domainRules"]] == ["b"]
    told = registry.get(f"/subjects/{subject}/versions/latest?findTags=OWNED").body
    assert told["schemaTags"] == [about("acme.Order", "sr_record", "OWNED")]
    again = registry.post(
        f"/subjects/{subject}/versions/latest/tags", {"newVersion": 3, "metadata": {"properties": {"a": "b"}}}
    )
    assert again.body["metadata"]["properties"] == {"a": "b", "confluent:version": "3"}
    assert registry.post(f"/subjects/{subject}/versions/9/tags", {}).body["error_code"] == 40402
    assert registry.post(f"/subjects/{subject}-not/versions/1/tags", {}).body["error_code"] == 40401
