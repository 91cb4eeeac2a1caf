"""Delegation tokens, SCRAM users and encoded passwords go to Apache Kafka 3.9.1 in ZooKeeper mode, with the metadata, and back."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conditions import until
from ottla.protocol.messages.create_delegation_token import (
    CreatableRenewers,
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
)
from ottla.protocol.messages.describe_delegation_token import (
    DescribedDelegationToken,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
)
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import SaslClient, ScramConversation, set_scram_password
from wire.wire_client import WireClient
from zookeeper_server import ZooKeeperServer

MECHANISM = "SCRAM-SHA-256"


@pytest.fixture
def zookeeper(tmp_path: Path) -> Iterator[ZooKeeperServer]:
    """A ZooKeeper."""
    with ZooKeeperServer(tmp_path / "zookeeper") as server:
        yield server


def move(source: str, target: str, file: Path) -> None:
    """By the command that users have."""
    for arguments in (("export", source, "--output", str(file)), ("import", str(file), target)):
        command = [str(Path(sys.executable).with_name("ottla")), "cluster", *arguments, "--json"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)


def created(made: SaslBroker) -> CreateDelegationTokenResponse:
    """A token of Alice's that Bob may renew."""
    with SaslClient(made.broker.host, made.sasl_port) as client:
        assert client.plain("alice", "alice-secret").error_code == 0
        renewer = CreatableRenewers(principal_type="User", principal_name="bob")
        request = CreateDelegationTokenRequest(renewers=[renewer], max_lifetime_ms=-1)
        token = client.ask(request, CreateDelegationTokenResponse, 3)
        assert token.error_code == 0
        return token


def described(made: SaslBroker) -> dict[str, DescribedDelegationToken]:
    """What Alice sees, by id."""
    with SaslClient(made.broker.host, made.sasl_port) as client:
        assert client.plain("alice", "alice-secret").error_code == 0
        answer = client.ask(DescribeDelegationTokenRequest(owners=None), DescribeDelegationTokenResponse, 3)
        return {each.token_id: each for each in answer.tokens}


def gets_in(made: SaslBroker, token: CreateDelegationTokenResponse) -> bool:
    """Whether somebody who has the token is served."""
    password = base64.b64encode(token.hmac).decode()
    with SaslClient(made.broker.host, made.sasl_port) as client:
        conversation = ScramConversation(MECHANISM, token.token_id, password, extensions=",tokenauth=true")
        client.handshake(MECHANISM)
        challenged = client.authenticate(conversation.first())
        if challenged.error_code or client.authenticate(conversation.final(challenged.auth_bytes)).error_code:
            return False
        return client.ask(MetadataRequest(topics=[]), MetadataResponse, 8).controller_id == 1


def assert_known(made: SaslBroker, *tokens: CreateDelegationTokenResponse) -> None:
    """Each token is there as it was made, and lets its bearer in; and so do Carol's password and Dave's."""
    seen = until(lambda: described(made), lambda found: {each.token_id for each in tokens} <= found.keys())
    for token in tokens:
        until(lambda token=token: gets_in(made, token))
        each = seen[token.token_id]
        assert (each.principal_name, each.hmac) == ("alice", token.hmac)
        assert [renewer.principal_name for renewer in each.renewers] == ["bob"]
        assert (each.issue_timestamp, each.max_timestamp) == (
            token.issue_timestamp_ms,
            token.max_timestamp_ms,
        )
    with SaslClient(made.broker.host, made.sasl_port) as client:
        assert client.scram(MECHANISM, "carol", "carol-secret").error_code == 0
    with SaslClient(made.broker.host, made.sasl_port) as client:
        assert client.plain("dave", "dave-secret").error_code == 0


def add_user_of_plain(made: SaslBroker, *users: str) -> None:
    """Users, beside Alice, by a setting of the broker while it runs."""
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    options = " ".join(f'user_{each}="{each}-secret"' for each in ("alice", *users))
    setting = AlterableConfig(
        name="listener.name.sasl_plaintext.plain.sasl.jaas.config",
        config_operation=0,
        value=f"{module} required {options};",
    )
    resource = AlterConfigsResource(resource_type=4, resource_name="1", configs=[setting])
    with WireClient(made.broker.host, made.broker.port) as wire:
        request = IncrementalAlterConfigsRequest(resources=[resource])
        [answer] = wire.ask(request, IncrementalAlterConfigsResponse, 1).responses
    assert answer.error_code == 0, answer


def test_tokens_and_users_go_to_apache_and_back(tmp_path: Path, zookeeper: ZooKeeperServer) -> None:
    """The same secret key given, either broker goes on with what the other has made. Each reads the passwords that the other has
    encoded; a new secret encodes them anew."""
    logs = {
        "log.dirs": str(tmp_path / "logs"),
        "delegation.token.secret.key": "the master key",
        "password.encoder.secret": "the encoder's",
    }
    new_secret = {"password.encoder.secret": "another", "password.encoder.old.secret": "the encoder's"}

    first, second = str(tmp_path / "metadata-1"), str(tmp_path / "metadata-2")
    address = f"{zookeeper.address}/kafka"
    made = sasl_broker("ottla", tmp_path / "ottla-1", {**logs, "ottla.metadata.dir": first})
    with made.broker:
        with WireClient(made.broker.host, made.broker.port) as wire:
            set_scram_password(wire, MECHANISM, "carol", "carol-secret")
        add_user_of_plain(made, "dave")
        ours = created(made)
        assert_known(made, ours)

    move(first, f"zookeeper://{address}", tmp_path / "there.jsonl")
    made = sasl_broker("apache-3.9", tmp_path / "apache", {**logs, "zookeeper.connect": address})
    with made.broker:
        assert_known(made, ours)
        theirs = created(made)
        assert_known(made, ours, theirs)
        add_user_of_plain(made, "dave", "erin")

    move(f"zookeeper://{address}", second, tmp_path / "back.jsonl")
    made = sasl_broker("ottla", tmp_path / "ottla-2", {**logs, **new_secret, "ottla.metadata.dir": second})
    with made.broker:
        assert_known(made, ours, theirs)
        with SaslClient(made.broker.host, made.sasl_port) as client:
            assert client.plain("erin", "erin-secret").error_code == 0
