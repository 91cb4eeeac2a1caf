"""Secrets of a running broker: what DescribeConfigs, errors and the log tell of them, which is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ottla.broker.room_settings import token_key
from ottla.config.broker_config import broker_config
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResponse,
)
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import SaslClient
from wire.wire_client import WireClient

SECRETS = {"user": "plain-hunter2", "token": "token-hunter2", "store": "store-hunter2"}
BROKER = 4
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
JAAS = "listener.name.sasl_plaintext.plain.sasl.jaas.config"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker whose secrets are in a file, another one in the environment's place of a directory."""
    directory = tmp_path_factory.mktemp("secrets")
    file = directory / "secrets.properties"
    file.write_text("".join(f"{name}={secret}\n" for name, secret in SECRETS.items()))
    kind = "org.apache.kafka.common.config.provider.FileConfigProvider"
    made = sasl_broker(
        "ottla",
        directory / "broker",
        {
            "config.providers": "file",
            "config.providers.file.class": kind,
            "config.providers.file.param.allowed.paths": str(directory),
            JAAS: f'{PLAIN} required user_alice="${{file:{file}:user}}";',
            "delegation.token.secret.key": f"${{file:{file}:token}}",
            "ssl.keystore.password": f"${{file:{file}:store}}",
            "ssl.key.password": f"${{file:{file}:store}}",
        },
    )
    with made.broker:
        yield made


def assert_nothing_told(guarded: SaslBroker, *told: object) -> None:
    """No secret in what was answered, nor in what the broker has printed."""
    everything = f"{told!r} {guarded.broker.output.read_text()}"
    assert [secret for secret in SECRETS.values() if secret in everything] == []


def test_the_secrets_hold(guarded: SaslBroker) -> None:
    """What the file says is the password; a wrong one is not written down either."""
    with SaslClient(guarded.broker.host, guarded.sasl_port) as client:
        assert client.plain("alice", SECRETS["user"]).error_code == ErrorCode.NONE
    with SaslClient(guarded.broker.host, guarded.sasl_port) as client:
        answer = client.plain("alice", "wrong-hunter3")
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert_nothing_told(guarded, answer)
    assert "wrong-hunter3" not in guarded.broker.output.read_text()


def test_descriptions(guarded: SaslBroker) -> None:
    """Each secret is there, sensitive and without a value, in every version."""
    with WireClient(guarded.broker.host, guarded.broker.port) as wire:
        for version in range(1, 5):
            resource = DescribeConfigsResource(resource_type=BROKER, resource_name="1")
            request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
            answer = wire.ask(request, DescribeConfigsResponse, version)
            rows = {each.name: each for each in answer.results[0].configs}
            for name in (JAAS, "delegation.token.secret.key", "ssl.keystore.password"):
                assert (rows[name].value, rows[name].is_sensitive) == (None, True)
            assert_nothing_told(guarded, answer)


@pytest.mark.parametrize(
    "text",
    [
        f'{PLAIN} required user_alice="{SECRETS["user"]}"',
        f"{PLAIN} {SECRETS['user']};",
        SECRETS["user"],
        f'{PLAIN} required user_alice="{SECRETS["user"]}" = ;',
    ],
)
def test_errors_while_the_broker_runs(guarded: SaslBroker, text: str) -> None:
    """A password in a setting that can't be read; log-ins go on by the one before."""
    with WireClient(guarded.broker.host, guarded.broker.port) as wire:
        config = AlterableConfig(name=JAAS, config_operation=0, value=text)
        resource = AlterConfigsResource(resource_type=BROKER, resource_name="1", configs=[config])
        request = IncrementalAlterConfigsRequest(resources=[resource])
        answer = wire.ask(request, IncrementalAlterConfigsResponse, 1)
        assert_nothing_told(guarded, answer)
        with SaslClient(guarded.broker.host, guarded.sasl_port) as client:
            assert client.plain("alice", SECRETS["user"]).error_code == ErrorCode.NONE
        config.config_operation, config.value = 1, None
        wire.ask(request, IncrementalAlterConfigsResponse, 1)
    assert_nothing_told(guarded, answer)


def test_a_start_that_fails(tmp_path: Path) -> None:
    """Says why, and no more."""
    text = f'{PLAIN} required user_alice="{SECRETS["user"]}"'
    made = sasl_broker("ottla", tmp_path, {JAAS: text, "delegation.token.secret.key": SECRETS["token"]})
    with pytest.raises(RuntimeError) as failed:
        made.broker.start()
    assert JAAS in str(failed.value)
    assert_nothing_told(made, failed.value)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, None),
        ({"delegation.token.master.key": "older"}, "older"),
        ({"delegation.token.secret.key": "newer", "delegation.token.master.key": "older"}, "newer"),
        ({"delegation.token.secret.key": "", "delegation.token.master.key": "older"}, "older"),
        ({"delegation.token.secret.key": ""}, None),
    ],
)
def test_the_secret_of_tokens_has_an_older_name(settings, key):
    """`delegation.token.master.key` counts where the newer one is not given; an empty one is none."""
    assert token_key(broker_config(settings)) == key
