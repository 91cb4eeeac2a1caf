"""Kerberos clients and a real KDC (MIT's, on loopback): librdkafka by kcat, Apache's Java tools, and the rules for names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from apache_tools import ApacheTools
from conversation import create_topic
from kerberos import REALM, KerberosRealm
from sasl_broker import SaslBroker, sasl_broker

MODULE = "com.sun.security.auth.module.Krb5LoginModule"
RULES = "RULE:[1:$1](mapped)s/mapped/boss/,DEFAULT"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KerberosRealm]:
    """A realm with a service for brokers on this machine."""
    with KerberosRealm(tmp_path_factory.mktemp("realm")) as running:
        yield running


@pytest.fixture(scope="module")
def kerberized(
    broker_kind: str, realm: KerberosRealm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SaslBroker]:
    """A broker that takes the realm's tickets; what is written by `boss` is allowed, all else may only be looked at."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and has no key in our realm")
    keys = realm.key_table("kafka/localhost")
    login = (
        f'{MODULE} required useKeyTab=true storeKey=true keyTab="{keys}" principal="kafka/localhost@{REALM}";'
    )
    made = sasl_broker(
        broker_kind,
        tmp_path_factory.mktemp("kerberized"),
        {
            "sasl.enabled.mechanisms": "GSSAPI",
            "listener.name.sasl_plaintext.gssapi.sasl.jaas.config": login,
            "sasl.kerberos.service.name": "kafka",
            "sasl.kerberos.principal.to.local.rules": RULES,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:boss",
        },
    )
    broker = made.broker
    broker.settings["advertised.listeners"] = (
        f"PLAINTEXT://{broker.host}:{broker.port},SASL_PLAINTEXT://localhost:{made.sasl_port}"
    )
    with pytest.MonkeyPatch.context() as environment:
        for name, value in realm.environment.items():
            environment.setenv(name, value)
        environment.setenv("JDK_JAVA_OPTIONS", f"-Djava.security.krb5.conf={realm.krb5_conf}")
        broker.start()
    yield made
    broker.stop()


def kcat(kerberized: SaslBroker, environment: Mapping[str, str], *arguments: str, **how: object) -> str:
    """Runs kcat over the listener with Kerberos; what it printed, errors too."""
    settings = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanisms": "GSSAPI",
        "sasl.kerberos.service.name": "kafka",
        "sasl.kerberos.kinit.cmd": "true",
        "message.timeout.ms": "20000",
    }
    options = [part for name, value in settings.items() for part in ("-X", f"{name}={value}")]
    command = ["kcat", "-b", f"localhost:{kerberized.sasl_port}", *options, *arguments]
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env=dict(environment), **how
    )
    return ended.stdout + ended.stderr


def test_librdkafka_with_a_ticket(kerberized: SaslBroker, realm: KerberosRealm, topic: str) -> None:
    """Writes as the user that the rules make of its principal; another user gets in, and may not write."""
    create_topic(kerberized.broker.bootstrap_servers, topic)
    kcat(kerberized, realm.ticket("mapped"), "-P", "-t", topic, input="by the boss\n")
    read = [
        "kcat",
        "-b",
        kerberized.broker.bootstrap_servers,
        "-C",
        "-t",
        topic,
        "-o",
        "beginning",
        "-e",
        "-q",
    ]
    shown = subprocess.run(read, check=True, capture_output=True, text=True, timeout=60).stdout
    assert shown == "by the boss\n"
    refused = kcat(kerberized, realm.ticket("alice"), "-P", "-t", topic, input="by alice\n")
    assert "uthorization failed" in refused or "authorized" in refused.lower(), refused


def test_who_has_no_ticket(kerberized: SaslBroker, realm: KerberosRealm) -> None:
    """Doesn't get in."""
    nobody = {**realm.environment, "KRB5CCNAME": f"FILE:{realm.directory}/nobody.cache"}
    shown = kcat(kerberized, nobody, "-L", "-m", "2")
    assert "ERROR" in shown or "Failed" in shown


def test_apache_s_tools(kerberized: SaslBroker, realm: KerberosRealm, tmp_path: Path, topic: str) -> None:
    """With a key table of their own."""

    def properties(principal: str) -> str:
        keys = realm.key_table(principal)
        login = (
            f'{MODULE} required useKeyTab=true storeKey=true keyTab="{keys}" principal="{principal}@{REALM}";'
        )
        file = tmp_path / f"{principal}.properties"
        file.write_text(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=GSSAPI\nsasl.kerberos.service.name=kafka\n"
            f"sasl.jaas.config={login}\n"
        )
        return str(file)

    servers = ("--bootstrap-server", f"localhost:{kerberized.sasl_port}")
    command = ("org.apache.kafka.tools.TopicCommand", *servers)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JDK_JAVA_OPTIONS", f"-Djava.security.krb5.conf={realm.krb5_conf}")
        with ApacheTools("4.1.1") as tools:
            boss = ("--command-config", properties("mapped"))
            tools.run(*command, *boss, "--create", "--topic", topic)
            assert topic in tools.run(*command, *boss, "--list").stdout
            other = ("--command-config", properties("carol"))
            assert topic not in tools.run(*command, *other, "--list").stdout
