"""How a broker logs in to the registry by which it validates: users, tokens, certificates; and what it says when it can't."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from brokers import Broker
from certificates import PASSWORD, Authority
from identity_provider import AUDIENCE, IdentityProvider
from ottla.broker.registry_login import TokenClient, registry_login
from ottla.broker.schema_registry import RegistryUnavailable, SchemaRegistry
from ottla.config.broker_config import broker_config
from registries import RegistryProcess, record

SUBJECT = "orders-value"
LOOK_UP_S = 30


class Secured:
    """A registry that asks for something, and the addresses by which brokers reach it."""

    def __init__(self, process: RegistryProcess, scheme: str) -> None:
        self.process = process
        self.address = f"{scheme}://127.0.0.1:{process.port}"

    def look_up(self, settings: Mapping[str, str], address: str | None = None) -> frozenset[str]:
        """The subjects of schema 1, as a broker with these settings is told."""
        login = registry_login(broker_config(settings))
        asked = SchemaRegistry([address or self.address], login, timeout_s=LOOK_UP_S)
        return asked.look_up(1, with_names=False).subjects

    def refused(self, settings: Mapping[str, str], told: str) -> None:
        """The broker isn't let in, says why, and tells no secret."""
        with pytest.raises(RegistryUnavailable, match=told) as refused:
            self.look_up(settings)
        for secret in ("-secret", PASSWORD, "hunter2"):
            assert secret not in str(refused.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker-login")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    made = Authority()
    made.write_pem(folder / "authority.pem")
    made.issue("registry").write_pkcs12(folder / "registry.p12")
    made.issue("broker").write_pkcs12(folder / "broker.p12")
    return made


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def place(broker: Broker, folder: Path, unique_name: Callable[[str], str]) -> dict[str, str]:
    """Where schema 1 is registered, by a registry that asked for nothing."""
    name = unique_name("broker-login")
    settings = {"kafkastore.topic": f"_schemas-{name}", "schema.registry.group.id": name}
    with RegistryProcess(broker.bootstrap_servers, folder / "open.log", settings) as registry:
        registry.register(SUBJECT, record("Order", ("id", "long")))
    return settings


@pytest.fixture(scope="module")
def by_certificate(
    broker: Broker, folder: Path, authority: Authority, place: dict[str, str]
) -> Iterator[Secured]:
    """https, certificates of clients wanted, users with passwords besides."""
    module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule"
    (folder / "users").write_text("broker: broker-secret\n")
    (folder / "jaas").write_text(f'Props {{ {module} required file="{folder / "users"}"; }};\n')
    settings = {
        **place,
        "listeners": "https://127.0.0.1:0",
        "authentication.method": "BASIC",
        "authentication.realm": "Props",
        "java.security.auth.login.config": str(folder / "jaas"),
        "ssl.client.auth": "true",
        "ssl.keystore.location": str(folder / "registry.p12"),
        "ssl.keystore.password": PASSWORD,
        "ssl.keystore.type": "PKCS12",
        "ssl.truststore.location": str(folder / "authority.pem"),
        "ssl.truststore.type": "PEM",
    }
    with RegistryProcess(broker.bootstrap_servers, folder / "certificates.log", settings) as running:
        yield Secured(running, "https")


@pytest.fixture(scope="module")
def by_token(
    broker: Broker, folder: Path, provider: IdentityProvider, place: dict[str, str]
) -> Iterator[Secured]:
    """Tokens alone."""
    settings = {
        **place,
        "authentication.method": "BEARER",
        "oauthbearer.jwks.endpoint.url": provider.jwks_url,
        "oauthbearer.expected.issuer": provider.issuer,
        "oauthbearer.expected.audience": AUDIENCE,
    }
    with RegistryProcess(broker.bootstrap_servers, folder / "tokens.log", settings) as running:
        yield Secured(running, "http")


def stores(folder: Path, **changed: str) -> dict[str, str]:
    """The broker's settings for https with a certificate of its own."""
    settings = {
        "confluent.ssl.truststore.location": str(folder / "authority.pem"),
        "confluent.ssl.truststore.type": "PEM",
        "confluent.ssl.keystore.location": str(folder / "broker.p12"),
        "confluent.ssl.keystore.password": PASSWORD,
        "confluent.ssl.keystore.type": "PKCS12",
        "confluent.basic.auth.credentials.source": "USER_INFO",
        "confluent.basic.auth.user.info": "broker:broker-secret",
    }
    return {**settings, **{name.replace("_", "."): value for name, value in changed.items()}}


def test_by_certificate_and_password(by_certificate: Secured, folder: Path) -> None:
    """A user in the address goes before the one in the settings."""
    assert by_certificate.look_up(stores(folder)) == {SUBJECT}
    address = by_certificate.address.replace("https://", "https://broker:broker-secret@")
    settings = stores(folder, confluent_basic_auth_user_info="other:other-secret")
    assert by_certificate.look_up(settings, address) == {SUBJECT}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"confluent_basic_auth_user_info": "broker:guessed-secret"}, "answers 401"),
        ({"confluent_ssl_truststore_location": ""}, "certificate verify failed|CERTIFICATE_VERIFY_FAILED"),
        ({"confluent_ssl_keystore_location": ""}, "cannot be asked"),
        ({"confluent_ssl_keystore_password": "hunter2"}, "confluent.ssl.keystore"),
        ({"confluent_ssl_truststore_location": "/nowhere.pem"}, "confluent.ssl.truststore.location"),
    ],
    ids=["password", "trust", "certificate", "store", "file"],
)
def test_what_lets_no_broker_in_by_certificate(
    by_certificate: Secured, folder: Path, changed: dict[str, str], told: str
) -> None:
    """Each is told by what was refused or by the setting."""
    by_certificate.refused(stores(folder, **changed), told)


def token_client(provider: IdentityProvider, **changed: str) -> dict[str, str]:
    """The broker's settings for tokens that it fetches."""
    settings = {
        "confluent.bearer.auth.credentials.source": "OAUTHBEARER",
        "confluent.bearer.auth.issuer.endpoint.url": provider.token_url,
        "confluent.bearer.auth.client.id": "broker",
        "confluent.bearer.auth.client.secret": "broker",
        "confluent.bearer.auth.scope": "schemas",
        "confluent.bearer.auth.logical.cluster": "lsrc-1",
        "confluent.bearer.auth.identity.pool.id": "pool-1",
    }
    return {**settings, **{name.replace("_", "."): value for name, value in changed.items()}}


def test_by_tokens(by_token: Secured, provider: IdentityProvider) -> None:
    """One that stands in the settings, and those that the identity provider gives."""
    static = {
        "confluent.bearer.auth.credentials.source": "STATIC_TOKEN",
        "confluent.bearer.auth.token": provider.token(),
    }
    assert by_token.look_up(static) == {SUBJECT}
    assert by_token.look_up(token_client(provider)) == {SUBJECT}


def test_a_token_is_fetched_once_and_again_when_it_is_refused(provider: IdentityProvider) -> None:
    """Logging in twice asks the provider once."""
    login = registry_login(broker_config(token_client(provider)))
    deadline = time.monotonic() + LOOK_UP_S
    before = provider.tokens_given
    first = login.headers("", deadline)
    assert first["target-sr-cluster"] == "lsrc-1"
    assert first["Confluent-Identity-Pool-Id"] == "pool-1"
    assert login.headers("", deadline) == first
    assert provider.tokens_given == before + 1
    login.refused()
    login.headers("", deadline)
    assert provider.tokens_given == before + 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"confluent_bearer_auth_client_secret": "hunter2"}, "the identity provider 127.0.0.1 answers 401"),
        ({"confluent_bearer_auth_issuer_endpoint_url": "http://127.0.0.1:1/"}, "cannot be asked"),
        ({"confluent_bearer_auth_issuer_endpoint_url": ""}, "cannot be asked"),
        (
            {
                "confluent_bearer_auth_credentials_source": "STATIC_TOKEN",
                "confluent_bearer_auth_token": "a b",
            },
            "confluent.bearer.auth.token holds something else than a token",
        ),
        (
            {
                "confluent_bearer_auth_credentials_source": "STATIC_TOKEN",
                "confluent_bearer_auth_token": "a.b",
            },
            "answers 401",
        ),
    ],
    ids=["secret", "nobody", "unset", "no-token", "token"],
)
def test_what_lets_no_broker_in_by_token(
    by_token: Secured, provider: IdentityProvider, changed: dict[str, str], told: str
) -> None:
    """Each is told."""
    by_token.refused(token_client(provider, **changed), told)


def test_secrets_do_not_show() -> None:
    """Where a client is printed."""
    assert "hunter2" not in repr(TokenClient("http://provider", "broker", "hunter2"))
