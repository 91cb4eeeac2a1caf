"""Delegation tokens by Apache's own command and clients: made, shown, prolonged, ended, and used to log in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apache_tools import ApacheTools
from conditions import until
from sasl_broker import PLAIN_USERS, SaslBroker, sasl_broker

COMMAND = "org.apache.kafka.tools.DelegationTokenCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@pytest.fixture(scope="module")
def tokens_broker(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker with delegation tokens."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and has no delegation tokens")
    made = sasl_broker(
        broker_kind, tmp_path_factory.mktemp("tokens"), {"delegation.token.secret.key": "the master key"}
    )
    with made.broker:
        yield made


def properties(directory: Path, mechanism: str, jaas: str) -> str:
    """A file for `--command-config`."""
    file = directory / f"{mechanism}.properties"
    file.write_text(
        f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\nsasl.jaas.config={jaas}\n"
    )
    return str(file)


def test_the_life_of_a_token(
    tokens_broker: SaslBroker, apache_tools: ApacheTools, tmp_path: Path, unique_name: Callable[[str], str]
) -> None:
    """Alice makes a token that Bob may prolong; whoever has it makes a topic; she ends it, and it lets nobody in."""
    servers = ("--bootstrap-server", tokens_broker.sasl_servers)
    login = f'{PLAIN} required username="alice" password="{PLAIN_USERS["alice"]}";'
    alice = ("--command-config", properties(tmp_path, "PLAIN", login))
    lifetime = ("--max-life-time-period", "-1")
    made = apache_tools.run(
        COMMAND, *servers, *alice, "--create", *lifetime, "--renewer-principal", "User:bob"
    )
    row = re.search(
        r"^(\S{22})\s+(\S{88})\s+User:alice\s+User:alice\s+\[User:bob\]", made.stdout, re.MULTILINE
    )
    assert row is not None, made.stdout
    token_id, secret = row.groups()
    shown = until(
        lambda: (
            apache_tools.run(
                COMMAND, *servers, *alice, "--describe", "--owner-principal", "User:alice"
            ).stdout
        ),
        lambda text: token_id in text,
    )
    assert secret in shown

    jaas = f'{SCRAM} required username="{token_id}" password="{secret}" tokenauth="true";'
    holder = ("--command-config", properties(tmp_path, "SCRAM-SHA-256", jaas))
    topic = unique_name("made-by-a-token")
    apache_tools.run(TOPICS, *servers, *holder, "--create", "--topic", topic)
    assert topic in apache_tools.run(TOPICS, *servers, *holder, "--list").stdout
    refused = apache_tools.run(COMMAND, *servers, *holder, "--create", *lifetime, expect=1)
    assert "Delegation Token requests are not allowed" in refused.stdout + refused.stderr

    period = ("--renew-time-period", "-1")
    renewed = apache_tools.run(COMMAND, *servers, *alice, "--renew", "--hmac", secret, *period)
    assert "Completed renew operation" in renewed.stdout
    period = ("--expiry-time-period", "-1")
    apache_tools.run(COMMAND, *servers, *alice, "--expire", "--hmac", secret, *period)
    until(
        lambda: apache_tools.run(COMMAND, *servers, *alice, "--describe").stdout,
        lambda text: token_id not in text,
    )
    outside = apache_tools.run(TOPICS, *servers, *holder, "--list", expect=1)
    assert "SaslAuthenticationException" in outside.stdout + outside.stderr
