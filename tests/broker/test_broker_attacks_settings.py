"""Settings as a way in: what somebody with ALTER_CONFIGS may set reads no file, loads no class, calls no address."""

import pytest

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.security.acl import AclOperation, ResourceType
from ottla.security.principal import KafkaPrincipal
from sasl_broker import sasl_broker
from sasl_client import SaslClient
from wire.wire_client import WireClient

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
JAAS = "listener.name.inside.plain.sasl.jaas.config"
SETTINGS = {
    "listeners": "PLAINTEXT://127.0.0.1:0,INSIDE://127.0.0.1:0",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INSIDE:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "connection.failed.authentication.delay.ms": "0",
}


def alter(client, value: str, name: str = JAAS) -> int:
    """Set the broker's setting; the error."""
    configs = [AlterableConfig(name=name, config_operation=0, value=value)]
    resource = AlterConfigsResource(resource_type=4, resource_name="1", configs=configs)
    request = IncrementalAlterConfigsRequest(resources=[resource])
    return client.ask(request, IncrementalAlterConfigsResponse, 1).responses[0].error_code


def gets_in(broker, user: str, password: str) -> bool:
    """Whether PLAIN lets somebody in."""
    with SaslClient("127.0.0.1", broker.call(lambda server: server.port("INSIDE"))) as client:
        return client.plain(user, password).error_code == ErrorCode.NONE


def test_a_reference_that_a_client_sets_is_not_followed(tmp_path):
    """CVE-2024-31141's way: the broker's files and environment are for whoever starts it."""
    (tmp_path / "secrets").write_text("password=from-a-file\n")
    secret = f"${{file:{tmp_path / 'secrets'}:password}}"
    provider = "org.apache.kafka.common.config.provider.FileConfigProvider"
    jaas = "listener.name.sasl_plaintext.plain.sasl.jaas.config"
    made = sasl_broker(
        "ottla",
        tmp_path,
        {
            "config.providers": "file",
            "config.providers.file.class": provider,
            jaas: f'{PLAIN} required user_alice="{secret}";',
        },
    )

    def gets_in(user: str, password: str) -> bool:
        with SaslClient(made.broker.host, made.sasl_port) as client:
            return client.plain(user, password).error_code == ErrorCode.NONE

    with made.broker, WireClient(made.broker.host, made.broker.port) as client:
        assert gets_in("alice", "from-a-file")
        entry = f'{PLAIN} required user_eve="{secret}" user_bob="b";'
        assert alter(client, entry, jaas) == ErrorCode.NONE
        until(lambda: gets_in("bob", "b"))
        assert not gets_in("eve", "from-a-file")


@pytest.mark.parametrize(
    "module",
    [
        "com.sun.security.auth.module.JndiLoginModule",
        "com.sun.security.auth.module.LdapLoginModule",
        "eve.Module",
        "os.system",
    ],
)
def test_login_modules_are_names_only(start_broker, connect, module):
    """CVE-2023-25194, CVE-2025-27818: no class is loaded, no directory called; nobody gets in by it."""
    broker = start_broker({**SETTINGS, JAAS: f'{PLAIN} required user_alice="a";'})
    entry = f'{module} required user.provider.url="ldap://127.0.0.1:1/x" user_eve="e" debug=true;'
    alter(connect(broker), entry)
    assert not gets_in(broker, "eve", "e")


@pytest.mark.parametrize(
    "name",
    [
        "authorizer.class.name",
        "listener.security.protocol.map",
        "log.dirs",
        "sasl.server.max.receive.size",
        "delegation.token.secret.key",
    ],
)
def test_what_guards_the_broker_is_set_at_its_start_only(broker, connect, name):
    """Nobody switches the authorizer off over the network."""
    assert alter(connect(broker), "x", name) in (ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_CONFIG)


@pytest.mark.parametrize(
    "name", ["super.users", "listener.name.inside.super.users", "allow.everyone.if.no.acl.found"]
)
def test_nobody_makes_a_super_user_of_himself(start_broker, connect, name):
    """What the authorizer was given at the start holds."""
    broker = start_broker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
    )
    alter(connect(broker), "true" if "acl" in name else "User:eve", name)

    def eve_may(server) -> bool:
        return server.authorizer.authorize(
            KafkaPrincipal("User", "eve"), "192.0.2.1", AclOperation.READ, ResourceType.TOPIC, "t"
        )

    assert not broker.call(eve_may)
