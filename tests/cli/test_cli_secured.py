"""Commands at a cluster that wants a log-in: what confluent-kafka does for them, and what they ask over connections of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conditions import until
from identity_provider import AUDIENCE, IdentityProvider
from sasl_broker import SaslBroker, sasl_broker

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """Gives tokens."""
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def secured(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker where alice may do everything and bob nothing."""
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("secured"),
        {
            "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
            "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": f"{MODULE} required;",
            "sasl.oauthbearer.jwks.endpoint.url": provider.jwks_url,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:alice",
        },
        tls=True,
    )
    with made.broker:
        yield made


def by_password(directory: Path, secured: SaslBroker, user: str, protocol: str) -> str:
    """A file as Apache's tools have it; its path."""
    file = directory / f"{user}.properties"
    file.write_text(
        f"security.protocol={protocol}\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={PLAIN} required username="{user}" password="{user}-secret";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={secured.authority}\n"
    )
    return str(file)


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_rules_and_settings_for_all(shell, secured: SaslBroker, tmp_path: Path, protocol: str) -> None:
    """Made, shown and taken away by who may; who may not is told so, where there is nothing to see as well."""
    servers = secured.sasl_ssl_servers if protocol == "SASL_SSL" else secured.sasl_servers
    alice, bob = (by_password(tmp_path, secured, user, protocol) for user in ("alice", "bob"))

    def ottla(words: str, file: str, code: int = 0) -> str:
        done = shell(f"ottla {words} --command-config {file}", servers)
        assert done.returncode == code, done.stdout
        return str(done.stdout)

    ottla("acl add User:carol read --topic t", alice)
    until(lambda: json.loads(ottla("acl list --json", alice)))
    assert "CLUSTER_AUTHORIZATION_FAILED" in ottla("acl list", bob, 1)
    ottla("acl remove --all --yes", alice)
    until(lambda: json.loads(ottla("acl list --json", alice)), lambda rules: rules == [])
    assert "CLUSTER_AUTHORIZATION_FAILED" in ottla("acl list", bob, 1)
    ottla("config set broker all log.cleaner.threads=2", alice)
    shown = until(
        lambda: ottla("config describe broker all", alice), lambda text: "log.cleaner.threads" in text
    )
    assert "secret" not in shown
    ottla("config unset broker all log.cleaner.threads", alice)
    assert "CLUSTER_AUTHORIZATION_FAILED" in ottla("config set broker all log.cleaner.threads=2", bob, 1)


def test_a_wrong_password_is_told(shell, secured: SaslBroker, tmp_path: Path) -> None:
    """As such, not as a cluster that nobody can reach."""
    file = Path(by_password(tmp_path, secured, "alice", "SASL_PLAINTEXT"))
    file.write_text(file.read_text().replace("alice-secret", "hunter2"))
    done = shell(f"ottla acl list --command-config {file}", secured.sasl_servers)
    assert done.returncode == 1
    assert "Invalid username or password" in done.stdout
    assert "sasl.*" in done.stdout
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize("source", ["file", "provider"])
@pytest.mark.parametrize("command", ["topic list", "acl list"])
def test_tokens(
    shell, secured: SaslBroker, provider: IdentityProvider, tmp_path: Path, source: str, command: str
) -> None:
    """Of an identity provider or out of a file, in a file of Java's properties: by librdkafka and without it."""
    token = tmp_path / "token"
    token.write_text(provider.token(sub="alice"))
    endpoint = token.as_uri() if source == "file" else provider.token_url
    file = tmp_path / "java.properties"
    file.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=OAUTHBEARER\n"
        f"sasl.oauthbearer.token.endpoint.url={endpoint}\n"
        "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n"
        f'sasl.jaas.config={MODULE} required clientId="alice" clientSecret="alice";\n'
    )
    done = shell(f"ottla {command} --command-config {file}", secured.sasl_servers)
    assert done.returncode == 0, done.stdout
