"""Our own client logs in by Kerberos, at a broker with a real KDC behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kerberos import REALM, KerberosRealm
from ottla.client.access import access_of
from ottla.client.brokers import Brokers
from ottla.client.one_request import ask
from ottla.client.sasl import LoginError
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from sasl_broker import SaslBroker, sasl_broker

MODULE = "com.sun.security.auth.module.Krb5LoginModule"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerberosRealm]:
    """A realm that this process and its brokers find."""
    with (
        KerberosRealm(tmp_path_factory.mktemp("realm")) as running,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name in ("KRB5_CONFIG", "KRB5RCACHEDIR"):
            environment.setenv(name, running.environment[name])
        yield running


@pytest.fixture(scope="module")
def kerberized(realm: KerberosRealm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker that takes tickets, known as localhost."""
    keys = realm.key_table("kafka/localhost")
    login = (
        f'{MODULE} required useKeyTab=true storeKey=true keyTab="{keys}" principal="kafka/localhost@{REALM}";'
    )
    made = sasl_broker(
        "ottla",
        tmp_path_factory.mktemp("kerberized"),
        {
            "sasl.enabled.mechanisms": "GSSAPI",
            "listener.name.sasl_plaintext.gssapi.sasl.jaas.config": login,
            "sasl.kerberos.service.name": "kafka",
        },
    )
    broker = made.broker
    broker.settings["advertised.listeners"] = (
        f"PLAINTEXT://{broker.host}:{broker.port},SASL_PLAINTEXT://localhost:{made.sasl_port}"
    )
    with made.broker:
        yield made


def asked(kerberized: SaslBroker, properties: Mapping[str, str], host: str = "localhost") -> int:
    access = access_of({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI", **properties})
    request = MetadataRequest(topics=[])
    return ask(host, kerberized.sasl_port, request, MetadataResponse, 9, 30, access).controller_id


def test_by_a_key_table(kerberized: SaslBroker, realm: KerberosRealm) -> None:
    """Under librdkafka's names and in Java's words; nobody else's ticket is touched."""
    keys = str(realm.key_table("alice"))
    principal = f"alice@{REALM}"
    assert asked(kerberized, {"sasl.kerberos.keytab": keys, "sasl.kerberos.principal": principal}) == 1
    login = f'{MODULE} required useKeyTab=true keyTab="{keys}" principal="{principal}" serviceName="kafka";'
    assert asked(kerberized, {"sasl.jaas.config": login}) == 1


def test_by_the_ticket_of_a_user(
    kerberized: SaslBroker, realm: KerberosRealm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As kinit left it; on connections that are kept."""
    monkeypatch.setenv("KRB5CCNAME", realm.ticket("alice")["KRB5CCNAME"])
    access = access_of({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"})

    async def controller() -> int:
        async with Brokers(f"localhost:{kerberized.sasl_port}", credentials=access.login) as brokers:
            return (
                await (await brokers.to_controller()).send(MetadataRequest(), MetadataResponse)
            ).controller_id

    assert asyncio.run(controller()) == 1


@pytest.mark.parametrize(
    "wrong", ["no ticket", "another service", "no key table"], ids=lambda wrong: wrong.replace(" ", "-")
)
def test_what_lets_nobody_in(
    kerberized: SaslBroker, realm: KerberosRealm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    """Told in Kerberos' words, in one line."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/nobody.cache")
    properties = {
        "no ticket": {},
        "another service": {
            "sasl.kerberos.service.name": "other",
            "sasl.kerberos.keytab": str(realm.key_table("alice")),
            "sasl.kerberos.principal": f"alice@{REALM}",
        },
        "no key table": {"sasl.kerberos.keytab": str(tmp_path / "none"), "sasl.kerberos.principal": "alice"},
    }[wrong]
    with pytest.raises(LoginError, match="Kerberos: ") as refused:
        asked(kerberized, properties)
    assert "\n" not in str(refused.value)
