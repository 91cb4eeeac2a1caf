"""Who may do what with which subject: every endpoint, over HTTP, with the rules of the registry's own topic."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer

from brokers import Broker
from conditions import until
from ottla.registry.acls import EVERYTHING, Operation, acl_key, acl_value, rules_for
from ottla.registry.rest import dispatch
from ottla.registry.rest.authorization import ACCESS
from ottla.registry.rest.routing import ROUTES
from registries import RegistryProcess, Reply, record

OWN = "orders-value"
OTHER = "payments-value"
STAGED = ":.staging:orders-value"
SECRET = ":.secret:plans-value"
USERS = ("root", "nobody", "alice", "bob", "carol")
BODY = {"schema": record("Order", ("id", "long"))}
DEK = {"subject": OWN, "algorithm": "AES256_GCM", "encryptedKeyMaterial": "AAAA"}
TIE = {"associationType": "value", "subject": OWN, "lifecycle": "WEAK"}
RESOURCE = {"resourceName": "orders", "resourceNamespace": "lkc-1", "resourceId": "lkc-1:orders"}
TIED = {**RESOURCE, "associations": [TIE]}
TIED_IN_BATCH = {"requests": [{**RESOURCE, "associations": [{**TIE, "opType": "CREATE"}]}]}


class Row(NamedTuple):
    """What an endpoint asks for: a right, or none."""

    needs: Operation | None
    path: str
    body: object = None


READ, WRITE, DELETE = Operation.SUBJECT_READ, Operation.SUBJECT_WRITE, Operation.SUBJECT_DELETE
LEVEL, SET_LEVEL = Operation.SUBJECT_COMPATIBILITY_READ, Operation.SUBJECT_COMPATIBILITY_WRITE
ALL_LEVELS, SET_ALL_LEVELS = Operation.GLOBAL_COMPATIBILITY_READ, Operation.GLOBAL_COMPATIBILITY_WRITE
LIST = Operation.GLOBAL_READ

_SUBJECT = f"/subjects/{OWN}"
_KEKS = "/dek-registry/v1/keks"
_DEK = f"{_KEKS}/kek/deks/{OWN}"

ROWS: Mapping[tuple[str, str], Row] = {
    ("GET", "/"): Row(None, "/"),
    ("POST", "/"): Row(None, "/", {}),
    ("GET", "/v1/metadata/id"): Row(None, "/v1/metadata/id"),
    ("GET", "/v1/metadata/version"): Row(None, "/v1/metadata/version"),
    ("GET", "/v1/metadata/deployment"): Row(None, "/v1/metadata/deployment"),
    ("GET", "/schemas/types"): Row(None, "/schemas/types"),
    ("GET", "/subjects"): Row(LIST, "/subjects"),
    ("GET", "/schemas"): Row(LIST, "/schemas"),
    ("GET", "/contexts"): Row(LIST, "/contexts"),
    ("DELETE", "/contexts/{context}"): Row(DELETE, "/contexts/.own"),
    ("POST", "/subjects/{subject}"): Row(READ, _SUBJECT, BODY),
    ("DELETE", "/subjects/{subject}"): Row(DELETE, f"{_SUBJECT}?permanent=true"),
    ("GET", "/subjects/{subject}/metadata"): Row(READ, f"{_SUBJECT}/metadata?key=a&value=b"),
    ("GET", "/subjects/{subject}/versions"): Row(READ, f"{_SUBJECT}/versions"),
    ("POST", "/subjects/{subject}/versions"): Row(WRITE, f"{_SUBJECT}/versions", BODY),
    ("GET", "/subjects/{subject}/versions/{version}"): Row(READ, f"{_SUBJECT}/versions/1"),
    ("GET", "/subjects/{subject}/versions/{version}/schema"): Row(READ, f"{_SUBJECT}/versions/1/schema"),
    ("GET", "/subjects/{subject}/versions/{version}/referencedby"): Row(
        READ, f"{_SUBJECT}/versions/1/referencedby"
    ),
    ("DELETE", "/subjects/{subject}/versions/{version}"): Row(DELETE, f"{_SUBJECT}/versions/9"),
    ("POST", "/subjects/{subject}/versions/{version}/tags"): Row(WRITE, f"{_SUBJECT}/versions/9/tags", {}),
    ("POST", "/compatibility/subjects/{subject}/versions/{version}"): Row(
        WRITE, f"/compatibility{_SUBJECT}/versions/1", BODY
    ),
    ("POST", "/compatibility/subjects/{subject}/versions"): Row(
        WRITE, f"/compatibility{_SUBJECT}/versions", BODY
    ),
    ("GET", "/schemas/ids/{id}"): Row(READ, "/schemas/ids/1"),
    ("GET", "/schemas/ids/{id}/schema"): Row(READ, "/schemas/ids/1/schema"),
    ("GET", "/schemas/ids/{id}/subjects"): Row(READ, "/schemas/ids/1/subjects"),
    ("GET", "/schemas/ids/{id}/versions"): Row(READ, "/schemas/ids/1/versions"),
    ("GET", "/schemas/guids/{guid}"): Row(READ, "/schemas/guids/GUID"),
    ("GET", "/schemas/guids/{guid}/ids"): Row(READ, "/schemas/guids/GUID/ids"),
    ("GET", "/config"): Row(ALL_LEVELS, "/config"),
    ("PUT", "/config"): Row(SET_ALL_LEVELS, "/config", {"compatibility": "BACKWARD"}),
    ("DELETE", "/config"): Row(SET_ALL_LEVELS, "/config"),
    ("GET", "/config/{subject}"): Row(LEVEL, f"/config/{OWN}"),
    ("PUT", "/config/{subject}"): Row(SET_LEVEL, f"/config/{OWN}", {"compatibility": "BACKWARD"}),
    ("DELETE", "/config/{subject}"): Row(SET_LEVEL, f"/config/{OWN}"),
    ("GET", "/mode"): Row(ALL_LEVELS, "/mode"),
    ("PUT", "/mode"): Row(SET_ALL_LEVELS, "/mode", {"mode": "READWRITE"}),
    ("DELETE", "/mode"): Row(SET_ALL_LEVELS, "/mode"),
    ("GET", "/mode/{subject}"): Row(LEVEL, f"/mode/{OWN}"),
    ("PUT", "/mode/{subject}"): Row(SET_LEVEL, f"/mode/{OWN}", {"mode": "READWRITE"}),
    ("DELETE", "/mode/{subject}"): Row(SET_LEVEL, f"/mode/{OWN}"),
    ("GET", "/associations/subjects/{subject}"): Row(READ, f"/associations/subjects/{OWN}"),
    ("GET", "/associations/resources/{resourceId}"): Row(None, "/associations/resources/none"),
    ("GET", "/associations/resources/{resourceNamespace}/{resourceName}"): Row(
        None, "/associations/resources/lkc-1/none"
    ),
    ("POST", "/associations:batchGet"): Row(
        None, "/associations:batchGet", {"requests": [{"resourceId": "none"}]}
    ),
    ("POST", "/associations"): Row(WRITE, "/associations", TIED),
    ("PUT", "/associations/resources/{resourceId}"): Row(WRITE, "/associations/resources/lkc-1:orders", TIED),
    ("POST", "/associations:batchMutate"): Row(WRITE, "/associations:batchMutate", TIED_IN_BATCH),
    ("DELETE", "/associations/resources/{resourceId}"): Row(None, "/associations/resources/none"),
    ("GET", _KEKS): Row(LIST, _KEKS),
    ("GET", f"{_KEKS}/{{name}}"): Row(None, f"{_KEKS}/kek"),
    ("POST", _KEKS): Row(SET_ALL_LEVELS, _KEKS, {}),
    ("PUT", f"{_KEKS}/{{name}}"): Row(SET_ALL_LEVELS, f"{_KEKS}/none", {}),
    ("DELETE", f"{_KEKS}/{{name}}"): Row(SET_ALL_LEVELS, f"{_KEKS}/none"),
    ("POST", f"{_KEKS}/{{name}}/undelete"): Row(SET_ALL_LEVELS, f"{_KEKS}/none/undelete", {}),
    ("POST", f"{_KEKS}/{{name}}/test"): Row(SET_ALL_LEVELS, f"{_KEKS}/none/test", {}),
    ("GET", f"{_KEKS}/{{name}}/deks"): Row(LIST, f"{_KEKS}/kek/deks"),
    ("POST", f"{_KEKS}/{{name}}/deks"): Row(WRITE, f"{_KEKS}/none/deks", DEK),
    ("POST", f"{_KEKS}/{{name}}/deks/{{subject}}"): Row(WRITE, _DEK, DEK),
    ("GET", f"{_KEKS}/{{name}}/deks/{{subject}}"): Row(READ, _DEK),
    ("GET", f"{_KEKS}/{{name}}/deks/{{subject}}/versions"): Row(READ, f"{_DEK}/versions"),
    ("GET", f"{_KEKS}/{{name}}/deks/{{subject}}/versions/{{version}}"): Row(READ, f"{_DEK}/versions/1"),
    ("DELETE", f"{_KEKS}/{{name}}/deks/{{subject}}"): Row(DELETE, _DEK),
    ("POST", f"{_KEKS}/{{name}}/deks/{{subject}}/undelete"): Row(DELETE, f"{_DEK}/undelete", {}),
    ("DELETE", f"{_KEKS}/{{name}}/deks/{{subject}}/versions/{{version}}"): Row(DELETE, f"{_DEK}/versions/1"),
    ("POST", f"{_KEKS}/{{name}}/deks/{{subject}}/versions/{{version}}/undelete"): Row(
        DELETE, f"{_DEK}/versions/1/undelete", {}
    ),
}
"""By the router's own names of the endpoints. Those that change something are asked for what isn't there."""


SERVED = {(route.method, route.path) for route in ROUTES}


def only(operation: Operation) -> str:
    """A user with just this right."""
    return f"only-{operation}".lower()


def all_but(operation: Operation) -> str:
    """A user with all rights but this."""
    return f"all-but-{operation}".lower()


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{user}-secret".encode()).decode()}


class Guarded:
    """A registry with rights, asked by its users."""

    def __init__(self, process: RegistryProcess, broker: Broker, topic: str) -> None:
        self.process = process
        self.broker = broker
        self.topic = topic

    def ask(self, user: str, method: str, path: str, body: object = None) -> Reply:
        return self.process.ask(method, path, body, basic(user))

    def get(self, user: str, path: str) -> Reply:
        return self.ask(user, "GET", path)

    def register(self, user: str, subject: str, **body: object) -> Reply:
        return self.ask(user, "POST", f"/subjects/{subject}/versions", {**BODY, **body})


def write_rules(broker: Broker, topic: str, rules: Sequence[tuple[str, str | None, Sequence[str]]]) -> None:
    """Into the topic, as `ottla schema acl add` does."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    for principal, subject, names in rules:
        for rule in rules_for(principal, subject, names):
            producer.produce(topic, acl_value(rule.operations), acl_key(*rule.place), partition=0)
    assert producer.flush(30) == 0


def settings_of(name: str, folder: Path, users: Sequence[str]) -> dict[str, str]:
    """A registry that asks for users and rights."""
    (folder / "users").write_text("".join(f"{user}: {user}-secret,user\n" for user in users))
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (folder / "jaas").write_text(f'Props {{ {module} required file="{folder / "users"}"; }};\n')
    plugin = "io.confluent.kafka.schemaregistry.security"
    return {
        "kafkastore.topic": f"_schemas-{name}",
        "schema.registry.group.id": name,
        "dek.registry.topic": f"_deks-{name}",
        "authentication.method": "BASIC",
        "authentication.realm": "Props",
        "java.security.auth.login.config": str(folder / "jaas"),
        "schema.registry.resource.extension.class": f"{plugin}.SchemaRegistrySecurityResourceExtension",
        "confluent.schema.registry.auth.mechanism": "JETTY_AUTH",
        "confluent.schema.registry.authorizer.class": (
            f"{plugin}.authorizer.schemaregistryacl.SchemaRegistryAclAuthorizer"
        ),
    }


@pytest.fixture(scope="module")
def guarded(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory, unique_name: Callable[[str], str]
) -> Iterator[Guarded]:
    """`root` may everything; each right has a user with nothing else, and one with everything else."""
    folder, name = tmp_path_factory.mktemp("guarded"), unique_name("guarded")
    users = [*USERS, *map(only, Operation), *map(all_but, Operation)]
    settings = settings_of(name, folder, users)
    topic = f"{settings['kafkastore.topic']}_acl"
    with RegistryProcess(broker.bootstrap_servers, folder / "output.log", settings) as process:
        made = Guarded(process, broker, topic)
        rights: list[tuple[str, str | None, list[str]]] = [("root", EVERYTHING, ["*"])]
        for operation in Operation:
            others = [each for each in Operation if each is not operation]
            for user, held in ((only(operation), [operation]), (all_but(operation), others)):
                of_subject = [str(each) for each in held if not each.is_global]
                of_all = [str(each) for each in held if each.is_global]
                rights += [(user, subject, of_subject) for subject in (OWN, ":.own:") if of_subject]
                rights += [(user, None, of_all)] if of_all else []
        rights += [
            ("alice", "orders-*", ["SUBJECT_READ", "SUBJECT_WRITE"]),
            ("alice", None, ["GLOBAL_READ"]),
            ("bob", ":.staging:*", ["*"]),
            ("bob", None, ["GLOBAL_SUBJECTS_READ"]),
            ("carol", "alias-value", ["*"]),
            ("carol", "carols-value", ["*"]),
        ]
        write_rules(broker, topic, rights)
        until(lambda: made.get("root", "/subjects").status, lambda status: status == 200)
        until(
            lambda: made.get("carol", "/subjects/carols-value/versions").status, lambda status: status == 404
        )
        until(lambda: made.register("root", OWN).status, lambda status: status == 200)
        assert made.register("root", OTHER, schema=record("Payment", ("id", "long"))).status == 200
        assert made.register("root", STAGED, schema=record("Staged", ("id", "long"))).status == 200
        assert made.register("root", SECRET, schema=record("Plan", ("id", "long"))).status == 200
        yield made


def test_every_endpoint_has_a_row() -> None:
    """In the guard's table and in this test's: one that has none is nobody's."""
    assert dispatch.ENDPOINTS
    assert set(ROWS) == SERVED
    assert set(ACCESS) == set(ROWS)


@pytest.mark.parametrize("endpoint", sorted(SERVED), ids=" ".join)
def test_what_an_endpoint_asks_for(guarded: Guarded, endpoint: tuple[str, str]) -> None:
    """Who has the right alone is let through, whatever else comes of it; who has all others is not."""
    method, _ = endpoint
    needs, path, body = ROWS[endpoint]
    if "GUID" in path:
        guid = guarded.get("root", f"/subjects/{OWN}/versions/1").body["guid"]
        path = path.replace("GUID", guid)
    if needs is None:
        assert guarded.ask("nobody", method, path, body).status not in {401, 403}
        return
    assert guarded.ask("nobody", method, path, body).error == (403, 40301)
    assert guarded.ask(all_but(needs), method, path, body).error == (403, 40301)
    let_in = guarded.ask(only(needs), method, path, body)
    assert let_in.status not in {401, 403, 405, 406, 415, 500}, let_in
    assert guarded.process.ask(method, path, body).error == (401, 40101)


def test_refusals_name_operation_and_subject(guarded: Guarded) -> None:
    """In the original's words."""
    assert guarded.register("alice", OTHER).body == {
        "error_code": 40301,
        "message": f"User is denied operation Write on Subject: {OTHER}",
    }
    told = guarded.get("alice", f"/subjects/{OTHER}/versions").body["message"]
    assert told == f"User is denied operation Read on Subject: {OTHER}"
    told = guarded.ask("alice", "PUT", f"/config/{OWN}", {"compatibility": "NONE"}).body["message"]
    assert told == f"User is denied operation WriteCompatibility on Subject: {OWN}"


def test_lists_show_what_may_be_read(guarded: Guarded) -> None:
    """Subjects, schemas, contexts, and who has an id; pages are of what is shown."""
    assert {OWN, OTHER, STAGED, SECRET} <= set(guarded.get("root", "/subjects").body)
    assert guarded.get("alice", "/subjects").body == [OWN]
    assert guarded.get("alice", "/subjects?offset=0&limit=1").body == [OWN]
    assert guarded.get("bob", "/subjects").body == [STAGED]
    assert guarded.get("only-global_read", "/subjects").body == []
    assert {each["subject"] for each in guarded.get("alice", "/schemas").body} == {OWN}
    assert guarded.get("alice", f"/schemas?subjectPrefix={OTHER}").body == []
    assert {".secret", ".staging"} <= set(guarded.get("root", "/contexts").body)
    assert guarded.get("alice", "/contexts").body == ["."]
    assert guarded.get("bob", "/contexts").body == [".", ".staging"]


def test_a_schema_by_its_id_is_for_who_may_read_a_subject_that_has_it(guarded: Guarded) -> None:
    """The one that is named, if one is; what isn't there is told to those alone who may read everything."""
    own = guarded.get("root", f"/subjects/{OWN}/versions/1").body
    other = guarded.get("root", f"/subjects/{OTHER}/versions/1").body
    assert guarded.register("root", "both-value").body["id"] == own["id"]
    assert guarded.get("alice", f"/schemas/ids/{own['id']}").status == 200
    assert guarded.get("alice", f"/schemas/ids/{own['id']}/subjects").body == [OWN]
    assert guarded.get("alice", f"/schemas/ids/{own['id']}?subject={OWN}").status == 200
    assert guarded.get("alice", f"/schemas/ids/{own['id']}?subject=both-value").error == (403, 40301)
    assert guarded.get("alice", f"/schemas/guids/{own['guid']}").status == 200
    assert guarded.get("alice", f"/schemas/ids/{other['id']}").error == (403, 40301)
    assert guarded.get("alice", f"/schemas/guids/{other['guid']}").error == (403, 40301)
    assert guarded.get("alice", "/schemas/ids/9999").error == (403, 40301)
    assert guarded.get("root", "/schemas/ids/9999").error == (404, 40403)
    assert guarded.get("bob", "/contexts/.staging/schemas/ids/1").status == 200
    assert guarded.get("alice", "/contexts/.staging/schemas/ids/1").error == (403, 40301)
    assert guarded.get("alice", "/schemas/ids/1?subject=:.secret:").error == (403, 40301)


def test_an_alias_is_the_subject_it_stands_for(guarded: Guarded) -> None:
    """Who may set one's own alias doesn't get at others' schemas by it."""
    set_alias = guarded.ask("carol", "PUT", "/config/alias-value", {"alias": OTHER})
    assert set_alias.status == 200
    for method, path, body in (
        ("GET", "/subjects/alias-value/versions/latest", None),
        ("POST", "/subjects/alias-value", BODY),
        ("POST", "/subjects/alias-value/versions", BODY),
        ("DELETE", "/subjects/alias-value", None),
    ):
        assert guarded.ask("carol", method, path, body).error == (403, 40301), path
    assert guarded.get("root", "/subjects/alias-value/versions/1").body["subject"] == OTHER


def test_a_schema_can_not_be_read_through_a_reference(guarded: Guarded) -> None:
    """Referring to a subject asks for reading it: `format=resolved` would show it."""
    text = json.dumps({"type": "record", "name": "Mine", "fields": [{"name": "p", "type": "Payment"}]})
    references = [{"name": "Payment", "subject": OTHER, "version": 1}]
    body = {"schema": text, "references": references}
    for path in (
        "/subjects/carols-value/versions",
        "/subjects/carols-value",
        "/compatibility/subjects/carols-value/versions",
        "/compatibility/subjects/carols-value/versions/latest",
    ):
        refused = guarded.ask("carol", "POST", path, body)
        assert refused.error == (403, 40301), path
        assert refused.body["message"].endswith(f"Subject: {OTHER}")
    staged = {**body, "references": [{**references[0], "subject": "plans-value"}]}
    refused = guarded.ask("bob", "POST", "/subjects/:.staging:mine/versions", staged)
    assert refused.error != (403, 40301)
    secret = {**body, "references": [{**references[0], "subject": SECRET}]}
    assert guarded.ask("bob", "POST", "/subjects/:.staging:mine/versions", secret).error == (403, 40301)
    assert guarded.ask("root", "POST", "/subjects/carols-value/versions", body).status == 200


@pytest.mark.parametrize("path", ["/config", "/mode"])
def test_everybodys_settings_under_another_name(guarded: Guarded, path: str) -> None:
    """The default context's and those of all contexts are no subject's, however they are spelled."""
    body = {"compatibility": "NONE"} if path == "/config" else {"mode": "READONLY"}
    users = ("bob", only(SET_LEVEL), all_but(SET_ALL_LEVELS))
    for spelled in (f"{path}/:.:", f"{path}/:.__GLOBAL:", f"/contexts/.{path}", f"/contexts/:.:{path}"):
        for user in users:
            assert guarded.ask(user, "PUT", spelled, body).error == (403, 40301), (user, spelled)
    assert guarded.ask("bob", "PUT", f"{path}/:.staging:", body).status == 200
    assert guarded.ask("bob", "DELETE", f"/contexts/.staging{path}").status == 200
    assert guarded.ask("alice", "PUT", f"/contexts/.staging{path}", body).error == (403, 40301)


def test_a_subject_of_another_context_is_not_found_by_its_bare_name(guarded: Guarded) -> None:
    """As it is where nobody asks for rights."""
    assert guarded.get("root", "/subjects/plans-value/versions/1").status == 200
    write_rules(guarded.broker, guarded.topic, [("nobody", "plans-value", ["SUBJECT_READ", "SUBJECT_WRITE"])])
    answer = until(
        lambda: guarded.get("nobody", "/subjects/plans-value/versions/1"), lambda seen: seen.status != 403
    )
    assert answer.error == (404, 40401)
    body = {"schema": record("Plan", ("id", "long"))}
    assert guarded.ask("nobody", "POST", "/subjects/plans-value", body).error == (404, 40403)
    assert guarded.ask("nobody", "POST", "/subjects/plans-value/versions/1/tags", {}).status == 404


def test_a_subject_is_tied_and_untied_by_who_may_write_it(guarded: Guarded) -> None:
    """And deleted with its tie by who may delete it; lists show the ties of what may be read."""
    name = {"resourceName": "tied", "resourceNamespace": "lkc-1", "resourceId": "lkc-1:tied"}
    tie = {"associationType": "value", "subject": OTHER, "lifecycle": "STRONG"}
    assert guarded.ask("alice", "POST", "/associations", {**name, "associations": [tie]}).error == (
        403,
        40301,
    )
    assert guarded.ask("root", "POST", "/associations", {**name, "associations": [tie]}).status == 200
    path = "/associations/resources/lkc-1:tied"
    assert [each["subject"] for each in guarded.get("root", path).body] == [OTHER]
    assert guarded.get("alice", path).body == []
    retied = {**name, "associations": [{**tie, "subject": OWN}]}
    assert guarded.ask("alice", "PUT", path, retied).error == (403, 40301)
    assert guarded.ask("alice", "DELETE", path).error == (403, 40301)
    assert guarded.ask("root", "DELETE", path).status == 204


def test_a_tie_s_schema_refers_to_its_subject_s_context(guarded: Guarded) -> None:
    """Whatever the request's is: it is there that rights are asked for."""
    rules = [("carol", ":.staging:carols", ["SUBJECT_WRITE"]), ("carol", "plans-value", ["SUBJECT_READ"])]
    write_rules(guarded.broker, guarded.topic, rules)
    until(lambda: guarded.register("carol", ":.staging:carols").status, lambda status: status == 200)
    reference = {"name": "Plan", "subject": "plans-value", "version": 1}
    tie = {"subject": ":.staging:carols", "lifecycle": "WEAK", "schema": {**BODY, "references": [reference]}}
    refused = guarded.ask("carol", "POST", "/associations", {**RESOURCE, "associations": [tie]})
    assert refused.error == (403, 40301)
    assert refused.body["message"].endswith("Subject: :.staging:plans-value")


def test_rules_are_added_and_taken_away_while_it_runs(guarded: Guarded) -> None:
    """By the command line, in the words of the original's tool; the next request is asked by them."""

    def acl(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("ottla")), "schema", "acl", *words]
        command += ["--acl-topic", guarded.topic, "--bootstrap", guarded.broker.bootstrap_servers, "--json"]
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert guarded.get("nobody", f"/subjects/{OTHER}/versions").error == (403, 40301)
    added = json.loads(acl("add", "SUBJECT_READ:SUBJECT_WRITE", "-p", "nobody", "--topic", "payments"))
    assert {each["subject"] for each in added} == {"payments-key", OTHER}
    until(lambda: guarded.get("nobody", f"/subjects/{OTHER}/versions").status, lambda status: status == 200)
    acl("remove", "SUBJECT_READ", "--principal", "nobody", "--subject", OTHER)
    until(lambda: guarded.get("nobody", f"/subjects/{OTHER}/versions").status, lambda status: status == 403)
    left = {
        (each["principal"], each["subject"]): each["operations"]
        for each in json.loads(acl("list", "--principal", "nobody"))
    }
    assert left["nobody", OTHER] == ["SUBJECT_WRITE"]
