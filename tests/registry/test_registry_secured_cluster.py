"""A registry on a cluster that asks for a log-in, and speaks TLS alone: every protocol, every mechanism, every kind of store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from brokers import OttlaBroker, free_port
from certificates import KEY_PASSWORD, PASSWORD, Authority, Identity, convert_to_java, one_line
from conditions import until
from identity_provider import AUDIENCE, IdentityProvider
from registries import RegistryProcess
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import set_scram_password
from wire.wire_client import WireClient

_MODULES = "org.apache.kafka.common.security"
SCRAM = f"{_MODULES}.scram.ScramLoginModule"
PLAIN = f"{_MODULES}.plain.PlainLoginModule"
OAUTH = f"{_MODULES}.oauthbearer.OAuthBearerLoginModule"
ORDER = '{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}'


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """Gives tokens to brokers' clients."""
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def cluster(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """One broker that knows the user `registry`; sessions are short."""
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("cluster"),
        {
            "listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms": "4000",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.sasl_ssl.oauthbearer.sasl.jaas.config": f"{OAUTH} required;",
            "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": f"{OAUTH} required;",
            "sasl.oauthbearer.jwks.endpoint.url": provider.jwks_url,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
        },
        tls=True,
    )
    with made.broker:
        with WireClient(made.broker.host, made.broker.port) as wire:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                set_scram_password(wire, mechanism, "registry", "hunter2")
        yield made


def registry(
    servers: str, output: Path, name: str, login: Mapping[str, str], password: str = "hunter2"
) -> RegistryProcess:
    """One that logs in, not started. `PASSWORD` stands in the log-in for what nobody may read."""
    settings = {f"kafkastore.{name}": value.replace("PASSWORD", password) for name, value in login.items()}
    own = {"kafkastore.topic": f"_schemas-{name}", "schema.registry.group.id": name}
    return RegistryProcess(servers, output, {**settings, **own})


def works(running: RegistryProcess) -> None:
    """It reads its topic by librdkafka, is elected by our own client, writes; and tells no secret."""
    try:
        running.start()
        reply = until(
            lambda: running.post("/subjects/orders/versions", {"schema": ORDER}),
            lambda seen: seen.status == 200,
        )
        assert reply.body["id"] == 1
        for secret in ("hunter2", PASSWORD, KEY_PASSWORD, "PRIVATE KEY"):
            assert secret not in running.log()
    finally:
        running.close()


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [
        ("SASL_SSL", "PLAIN"),
        ("SASL_SSL", "SCRAM-SHA-256"),
        ("SASL_SSL", "SCRAM-SHA-512"),
        ("SASL_SSL", "OAUTHBEARER"),
        ("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        ("SASL_PLAINTEXT", "OAUTHBEARER"),
    ],
)
def test_it_logs_in_is_elected_and_writes(
    cluster: SaslBroker, provider: IdentityProvider, tmp_path: Path, mechanism: str, protocol: str
) -> None:
    """By each mechanism, over TLS and without."""
    login = {
        "PLAIN": f'{PLAIN} required username="alice" password="alice-secret";',
        "OAUTHBEARER": f'{OAUTH} required clientId="registry" clientSecret="registry" scope="kafka";',
    }.get(mechanism, f'{SCRAM} required username="registry" password="PASSWORD";')
    settings = {
        "security.protocol": protocol,
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": login,
        "sasl.oauthbearer.token.endpoint.url": provider.token_url,
        "ssl.truststore.location": str(cluster.authority),
    }
    servers = cluster.sasl_ssl_servers if protocol == "SASL_SSL" else cluster.sasl_servers
    works(registry(servers, tmp_path / "output.log", f"{protocol}-{mechanism}".lower(), settings))


class TlsCluster(NamedTuple):
    """A broker that wants certificates of its clients, and who may sign these."""

    servers: str
    authority: Authority
    client: Identity


@pytest.fixture(scope="module")
def tls_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsCluster]:
    folder, authority, port = tmp_path_factory.mktemp("tls"), Authority(), free_port()
    authority.write_pem(folder / "authority.pem")
    broker = OttlaBroker(folder / "broker")
    broker.settings |= {
        "listeners": f"{broker.settings['listeners']},SSL://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL",
        "ssl.client.auth": "required",
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(authority.issue("broker").write_pkcs12(folder / "broker.p12")),
        "ssl.keystore.password": PASSWORD,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
    }
    with broker:
        yield TlsCluster(f"127.0.0.1:{port}", authority, authority.issue("registry"))


def stores(kind: str, cluster: TlsCluster, folder: Path) -> dict[str, str]:
    """The registry's settings for stores of a kind."""
    authority, client = cluster.authority, cluster.client
    if kind == "PEM text":
        return {
            "ssl.truststore.certificates": one_line(authority.pem()),
            "ssl.keystore.certificate.chain": one_line(client.chain_pem()),
            "ssl.keystore.key": one_line(client.key_pem(KEY_PASSWORD)),
            "ssl.key.password": KEY_PASSWORD,
        }
    if kind == "PEM":
        return {
            "ssl.truststore.location": str(authority.write_pem(folder / "authority.pem")),
            "ssl.keystore.location": str(client.write_pem(folder / "client.pem", KEY_PASSWORD)),
            "ssl.key.password": KEY_PASSWORD,
        }
    keys = client.write_pkcs12(folder / "client.p12")
    if kind == "JKS":
        keys = convert_to_java(keys, folder / "client.jks", kind)
    return {
        "ssl.truststore.location": str(authority.write_java(folder / "authority.store", kind)),
        "ssl.truststore.password": PASSWORD,
        "ssl.keystore.location": str(keys),
        "ssl.keystore.password": PASSWORD,
        "ssl.keystore.type": kind,
    }


@pytest.mark.parametrize("kind", ["PEM text", "PEM", "PKCS12", "JKS"])
def test_it_shows_a_certificate_of_its_own(tls_cluster: TlsCluster, tmp_path: Path, kind: str) -> None:
    """Out of each kind of store that Java's clients read."""
    settings = {"security.protocol": "SSL", **stores(kind, tls_cluster, tmp_path)}
    works(registry(tls_cluster.servers, tmp_path / "output.log", kind.lower().replace(" ", "-"), settings))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sasl.mechanism": "GSSAPI"}, "kafkastore.sasl.mechanism: GSSAPI needs a librdkafka with Kerberos"),
        ({"sasl.mechanism": "PLAIN"}, "kafkastore.sasl.jaas.config: PLAIN needs username"),
        ({"sasl.mechanism": "PLAIN", "sasl.jaas.config": 'x required password="PASSWORD"'}, "jaas.config"),
        ({"sasl.mechanism": "OAUTHBEARER"}, "sasl.oauthbearer.token.endpoint.url"),
        ({"sasl.mechanism": "DIGEST-MD5"}, "kafkastore.sasl.mechanism"),
        (
            {"security.protocol": "SSL", "ssl.keystore.location": "/nowhere.p12"},
            "kafkastore.ssl.keystore.location",
        ),
    ],
    ids=["kerberos", "user", "jaas", "tokens", "mechanism", "store"],
)
def test_one_that_can_not_log_in_that_way_says_so(
    cluster: SaslBroker, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    """By the setting to mend, and with no secret."""
    given = {"security.protocol": "SASL_SSL", "ssl.truststore.location": str(cluster.authority), **settings}
    running = registry(cluster.sasl_ssl_servers, tmp_path / "output.log", "refused", given)
    with pytest.raises(RuntimeError, match=told) as refused:
        running.start()
    assert "hunter2" not in str(refused.value)
