"""Whose a request is: certificates, log-ins, nobody; paths that need none; the cluster's own rules; files that change meanwhile."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from brokers import Broker
from certificates import PASSWORD, Authority
from conditions import until
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.registry.acls import acl_key, acl_value, rules_for
from ottla.registry.rest.access import SkippedPaths
from ottla.security.acl import AclOperation, PatternType, PermissionType, ResourceType
from registries import RegistryProcess, record
from wire.wire_client import WireClient

PLUGIN = "io.confluent.kafka.schemaregistry.security"
RULES = f"{PLUGIN}.authorizer.schemaregistryacl.SchemaRegistryAclAuthorizer"
TOPICS = f"{PLUGIN}.authorizer.topicacl.SimpleTopicAclAuthorizer"
ORDER = {"schema": record("Order", ("id", "long"))}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def users(folder: Path, text: str) -> dict[str, str]:
    """Settings of a registry that asks for users, who stand in a file."""
    (folder / "users").write_text(text)
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (folder / "jaas").write_text(f'Props {{ {module} required file="{folder / "users"}"; }};\n')
    return {
        "authentication.method": "BASIC",
        "authentication.realm": "Props",
        "java.security.auth.login.config": str(folder / "jaas"),
    }


@pytest.fixture
def place(unique_name: Callable[[str], str]) -> dict[str, str]:
    """A topic and a group of a registry's own."""
    name = unique_name("plugin")
    return {"kafkastore.topic": f"_schemas-{name}", "schema.registry.group.id": name}


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        ("/v1/metadata/version", True),
        ("/v1/metadata/version/", False),
        ("/v1/metadata", False),
        ("/schemas", True),
        ("/schemas/ids/1", True),
        ("/schemas2", False),
        ("/a.css", True),
        ("/subjects", False),
    ],
)
def test_which_paths_need_no_log_in(path: str, skipped: bool) -> None:
    """One, all below one, all that end so."""
    assert (path in SkippedPaths(("/v1/metadata/version", "/schemas/*", "*.css"))) is skipped
    assert path in SkippedPaths(("/*",))
    assert path not in SkippedPaths(())


def test_paths_without_a_log_in_and_users_that_change(
    broker: Broker, tmp_path: Path, place: dict[str, str]
) -> None:
    """Who logs in there all the same has to be right. A user's new password holds without a restart, a broken file changes nothing."""
    settings = {
        **place,
        **users(tmp_path, "alice: first-secret,admin\n"),
        "authentication.skip.paths": "/schemas/*,/v1/metadata/version",
    }
    with RegistryProcess(broker.bootstrap_servers, tmp_path / "output.log", settings) as registry:
        assert registry.get("/schemas/types").status == 200
        assert registry.get("/subjects").error == (401, 40101)
        assert registry.get("/schemas/types", **basic("alice", "wrong")).error == (401, 40101)
        assert registry.get("/subjects", **basic("alice", "first-secret")).status == 200

        def status(password: str) -> int:
            return registry.get("/subjects", **basic("alice", password)).status

        (tmp_path / "users").write_text("alice: second-secret,admin\n")
        until(lambda: status("second-secret"), lambda seen: seen == 200)
        assert status("first-secret") == 401
        (tmp_path / "users").write_text("alice: CRYPT:third-secret\n")
        until(registry.log, lambda log: "stays in use" in log)
        assert status("second-secret") == 200
        assert "secret" not in registry.log()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority()


@pytest.fixture
def stores(tmp_path: Path, authority: Authority) -> Path:
    """An authority's certificate, the registry's, those of two clients."""
    authority.write_pem(tmp_path / "authority.pem")
    authority.issue("registry").write_pkcs12(tmp_path / "registry.p12")
    for name in ("alice", "root"):
        authority.issue(name).write_pem(tmp_path / f"{name}.pem")
    return tmp_path


def tls(stores: Path) -> dict[str, str]:
    """Settings of a registry with https."""
    return {
        "listeners": "https://127.0.0.1:0,http://127.0.0.1:0",
        "ssl.keystore.location": str(stores / "registry.p12"),
        "ssl.keystore.password": PASSWORD,
        "ssl.keystore.type": "PKCS12",
        "ssl.truststore.location": str(stores / "authority.pem"),
        "ssl.truststore.type": "PEM",
    }


def ask(
    registry: RegistryProcess, stores: Path, client: str | None, method: str, path: str, body: object = None
) -> tuple[int, dict[str, object], bytes]:
    """Status, answer and the server's certificate; `client` is whose certificate is shown."""
    context = ssl.create_default_context(cafile=str(stores / "authority.pem"))
    if client is not None:
        context.load_cert_chain(stores / f"{client}.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", registry.port, timeout=30, context=context)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, {"Content-Type": "application/json"})
        shown = connection.sock.getpeercert(binary_form=True) or b""
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), shown
    finally:
        connection.close()


def test_principals_by_certificate(
    broker: Broker, stores: Path, place: dict[str, str], tmp_path: Path
) -> None:
    """A rule makes a short name of the one in it; who shows none is ANONYMOUS, where there may be such.

    A registry that passes a write on asks for the rights of whose it is, and shows its own certificate to the one that writes.
    """
    settings = {
        **place,
        **tls(stores),
        "ssl.client.authentication": "REQUESTED",
        "resource.extension.class": f"{PLUGIN}.SchemaRegistrySecurityResourceExtension",
        "confluent.schema.registry.authorizer.class": RULES,
        "confluent.schema.registry.auth.ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
        "confluent.schema.registry.anonymous.principal": "true",
        "confluent.schema.registry.acl.topic": f"{place['kafkastore.topic']}-rules",
    }
    with RegistryProcess(broker.bootstrap_servers, tmp_path / "output.log", settings) as registry:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for principal, subject, names in (
            ("root", "*", ["*"]),
            ("alice", "orders", ["SUBJECT_READ", "SUBJECT_WRITE"]),
            ("registry", "*", ["*"]),
            ("ANONYMOUS", None, ["GLOBAL_READ"]),
        ):
            for rule in rules_for(principal, subject, names):
                topic = settings["confluent.schema.registry.acl.topic"]
                producer.produce(topic, acl_value(rule.operations), acl_key(*rule.place))
        assert producer.flush(30) == 0
        until(lambda: ask(registry, stores, None, "GET", "/subjects")[0], lambda status: status == 200)

        def post(client: str | None, subject: str) -> int:
            return ask(registry, stores, client, "POST", f"/subjects/{subject}/versions", ORDER)[0]

        until(lambda: post("root", "others"), lambda status: status == 200)
        assert [post(each, "orders") for each in ("alice", "root", None)] == [200, 200, 403]
        assert [post(each, "others") for each in ("alice", None)] == [403, 403]
        passing_on = {**settings, "leader.eligibility": "false"}
        with RegistryProcess(broker.bootstrap_servers, tmp_path / "second.log", passing_on) as second:
            path = "/config/orders"
            level = {"compatibility": "FULL"}
            until(lambda: ask(second, stores, "root", "PUT", path, level)[0], lambda status: status == 200)
            assert ask(second, stores, "alice", "PUT", path, level)[0] == 403


def test_a_certificate_is_renewed_while_it_runs(
    broker: Broker, stores: Path, authority: Authority, place: dict[str, str], tmp_path: Path
) -> None:
    """New connections get the new one; what can't be read is told, and changes nothing."""
    with RegistryProcess(
        broker.bootstrap_servers, tmp_path / "output.log", {**place, **tls(stores)}
    ) as registry:

        def shown() -> bytes:
            return ask(registry, stores, None, "GET", "/schemas/types")[2]

        first = shown()
        (stores / "registry.p12").write_bytes(b"not a store")
        until(registry.log, lambda log: "stays in use" in log)
        assert shown() == first
        authority.issue("renewed").write_pkcs12(stores / "registry.p12")
        until(shown, lambda certificate: certificate != first)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"confluent.schema.registry.authorizer.class": RULES},
            "auth.mechanism: SSL needs an https listener",
        ),
        (
            {
                "confluent.schema.registry.authorizer.class": RULES,
                "confluent.schema.registry.auth.mechanism": "JETTY_AUTH",
            },
            "JETTY_AUTH needs authentication.method",
        ),
        ({"confluent.schema.registry.authorizer.class": "com.example.Other"}, "authorizer.class"),
        ({"inter.instance.protocol": "https"}, "no listener has the protocol https"),
        (
            {
                "confluent.schema.registry.authorizer.class": TOPICS,
                "confluent.schema.registry.anonymous.principal": "true",
            },
            "the cluster has no authorizer",
        ),
    ],
    ids=["certificates", "log-ins", "class", "protocol", "no-authorizer"],
)
def test_settings_by_which_nobody_would_be_kept_out_do_not_start(
    broker: Broker, tmp_path: Path, place: dict[str, str], settings: dict[str, str], told: str
) -> None:
    """It tells what is missing."""
    with pytest.raises(RuntimeError, match=told):
        RegistryProcess(broker.bootstrap_servers, tmp_path / "output.log", {**place, **settings}).start()


@pytest.fixture
def asked_by_topic(
    guarded_broker: Broker, tmp_path: Path, place: dict[str, str]
) -> Iterator[RegistryProcess]:
    """A registry whose rights are those of the cluster."""
    names = ("reader", "writer", "root")
    settings = {
        **place,
        **users(tmp_path, "".join(f"{name}: {name}-secret\n" for name in names)),
        "schema.registry.resource.extension.class": f"{PLUGIN}.SchemaRegistrySecurityResourceExtension",
        "confluent.schema.registry.auth.mechanism": "JETTY_AUTH",
        "confluent.schema.registry.authorizer.class": TOPICS,
        "confluent.topic.acl.super.users": "root;User:other",
    }
    with RegistryProcess(guarded_broker.bootstrap_servers, tmp_path / "output.log", settings) as registry:
        yield registry


def test_the_clusters_rules_about_the_topic_decide(
    asked_by_topic: RegistryProcess, guarded_broker: Broker, unique_name: Callable[[str], str]
) -> None:
    """READ to read its schemas, WRITE to write them; what is made while it runs holds soon; the rest is for super users."""
    registry, topic = asked_by_topic, unique_name("topic")

    def status(user: str, method: str, path: str, body: object = None) -> int:
        return registry.ask(method, path, body, basic(user, f"{user}-secret")).status

    path = f"/subjects/{topic}-value"
    assert until(lambda: status("root", "POST", f"{path}/versions", ORDER), lambda seen: seen == 200)
    assert [status(user, "GET", f"{path}/versions") for user in ("reader", "writer")] == [403, 403]
    creations = [
        AclCreation(
            resource_type=ResourceType.TOPIC,
            resource_name=topic,
            resource_pattern_type=PatternType.LITERAL,
            principal=f"User:{user}",
            host="*",
            operation=operation,
            permission_type=PermissionType.ALLOW,
        )
        for user, operation in (("reader", AclOperation.READ), ("writer", AclOperation.WRITE))
    ]
    with WireClient(guarded_broker.host, guarded_broker.port) as wire:
        answer = wire.ask(CreateAclsRequest(creations=creations), CreateAclsResponse, 3)
    assert [each.error_code for each in answer.results] == [0, 0]
    until(lambda: status("reader", "GET", f"{path}/versions"), lambda seen: seen == 200)
    assert status("reader", "GET", "/schemas/ids/1") == 200
    assert status("reader", "POST", f"{path}/versions", ORDER) == 403
    assert status("writer", "POST", f"{path}/versions", ORDER) == 200
    assert status("writer", "GET", f"{path}/versions") == 403
    assert status("writer", "PUT", f"/config/{topic}-value", {"compatibility": "NONE"}) == 200
    assert [status(user, "GET", "/subjects") for user in ("reader", "root")] == [403, 200]
    assert [status(user, "PUT", "/config", {"compatibility": "FULL"}) for user in ("writer", "root")] == [
        403,
        200,
    ]
