"""What the settings of a registry's security mean together, under their names of every version; and what is passed on to its brokers."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ottla.config.sources import Given
from ottla.registry.cluster_login import cluster_login
from ottla.registry.rest.forwarding import HttpForwarder
from ottla.registry.rest.messages import Request
from ottla.registry.secured import SecurityError, principals
from ottla.registry.security_settings import EXTENSION_CLASS, RULES_AUTHORIZER
from ottla.registry.settings import InvalidSettingsError, RegistrySettings, build, from_environment

SERVERS = {"kafkastore.bootstrap.servers": "PLAINTEXT://one:9092,two:9092"}
BOTH = "http://127.0.0.1:0,https://127.0.0.1:0"


def settings(**given: str) -> RegistrySettings:
    """Of settings whose dots are written as underscores."""
    named = {name.replace("_", "."): value for name, value in given.items()}
    return build(Given(name, value, "the test") for name, value in {**SERVERS, **named}.items())


@pytest.mark.parametrize(
    ("name", "protocol", "listener"),
    [
        ("inter_instance_protocol", "https", 1),
        ("inter_instance_protocol", "http", 0),
        ("schema_registry_inter_instance_protocol", "https", 1),
        ("host_name", "registry", 0),
    ],
)
def test_by_which_listener_others_reach_it(name: str, protocol: str, listener: int) -> None:
    """The first, or the one that has the protocol."""
    assert settings(listeners=BOTH, **{name: protocol}).own_listener == listener


def test_the_older_way_to_ask_for_certificates() -> None:
    """`ssl.client.auth=true`; the newer one goes before it."""
    assert settings(ssl_client_auth="true").text("ssl.client.authentication") == "REQUIRED"
    newer = settings(ssl_client_auth="true", ssl_client_authentication="REQUESTED")
    assert newer.text("ssl.client.authentication") == "REQUESTED"


@pytest.mark.parametrize("prefix", ["", "CONFLUENT_"])
def test_names_of_every_version_in_the_environment(prefix: str) -> None:
    """As Confluent's image is given them."""
    given = from_environment(
        {
            "SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS": "one:9092",
            "SCHEMA_REGISTRY_SCHEMA_REGISTRY_RESOURCE_EXTENSION_CLASS": f"{EXTENSION_CLASS},com.example.Other",
            f"SCHEMA_REGISTRY_{prefix}SCHEMA_REGISTRY_AUTHORIZER_CLASS": RULES_AUTHORIZER,
            f"SCHEMA_REGISTRY_{prefix}SCHEMA_REGISTRY_ANONYMOUS_PRINCIPAL": "true",
        }
    )
    built = build(given)
    asked = principals(built.values)
    assert asked is not None
    assert asked.anonymous
    assert built.acl_topic == "_schemas_acl"
    assert len(built.warnings) == 1
    assert "com.example.Other" in built.warnings[0]


def test_rules_that_make_names_are_checked() -> None:
    """At the start."""
    rules = {"confluent.schema.registry.auth.ssl.principal.mapping.rules": "RULE:^CN=(.*"}
    built = build(
        Given(name, value, "the test")
        for name, value in {
            **SERVERS,
            **rules,
            "resource.extension.class": EXTENSION_CLASS,
            "confluent.schema.registry.anonymous.principal": "true",
        }.items()
    )
    with pytest.raises(SecurityError, match=r"mapping\.rules"):
        principals(built.values)


def test_faults_are_told_together() -> None:
    """One a line, by setting."""
    with pytest.raises(InvalidSettingsError) as refused:
        settings(inter_instance_protocol="https", kafkastore_sasl_mechanism="NTLM")
    assert len(str(refused.value).splitlines()) == 2


def test_what_is_passed_on_to_the_client_of_the_brokers(tmp_path: Path) -> None:
    """Java's names that librdkafka has too; secrets are in none of its texts."""
    built = settings(
        kafkastore_client_id="registry-1",
        kafkastore_retry_backoff_ms="300",
        kafkastore_security_protocol="SASL_PLAINTEXT",
        kafkastore_sasl_mechanism="SCRAM-SHA-512",
        kafkastore_sasl_jaas_config='x.Scram required username="u" password="hunter2";',
    )
    login = cluster_login(built.values, built.bootstrap_servers)
    assert login.librdkafka == {
        "bootstrap.servers": "one:9092,two:9092",
        "client.id": "registry-1",
        "retry.backoff.ms": "300",
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "hunter2",
    }
    assert "hunter2" not in repr(login) + repr(login.login)


def test_headers_that_are_passed_on_to_the_registry_that_writes() -> None:
    """Those that the setting names; never those that are said of one connection alone."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    sent = {"x-team": "payments", "x-other": "no", "host": "registry", "content-length": "9", "accept": "*/*"}

    async def forward() -> int:
        forwarder = HttpForwarder(
            connect_timeout_s=10, read_timeout_s=30, headers=("X-Team", "Host", "Content-Length")
        )
        try:
            request = Request("PUT", "/config", "", sent, b"{}")
            return (await forwarder.forward(f"http://127.0.0.1:{server.server_port}", request)).status
        finally:
            await forwarder.close()

    try:
        assert asyncio.run(forward()) == 200
    finally:
        server.shutdown()
        server.server_close()
    assert seen[0]["x-team"] == "payments"
    assert "x-other" not in seen[0]
    assert seen[0]["host"] == f"127.0.0.1:{server.server_port}"
    assert seen[0]["content-length"] == "2"
    assert seen[0]["x-forward"] == "false"
