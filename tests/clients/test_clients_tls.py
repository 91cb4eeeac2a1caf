"""Real clients over TLS: whom they trust, how they say who they are, in which formats they keep their keys."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer

from apache_tools import ApacheTools
from brokers import ApacheBroker, OttlaBroker, free_port
from certificates import PASSWORD, Authority, convert_to_java
from conditions import until
from conversation import assert_all_came_once_in_order, create_topic, produce, read_topic

KINDS = {"ottla": OttlaBroker, "apache": ApacheBroker}


class Secured(NamedTuple):
    """A broker with several listeners of TLS, and the files of its clients."""

    plain: str
    ssl: str
    mutual: str
    """Asks for certificates."""
    foreign: str
    """Its certificate is for another host."""
    expired: str
    login: str
    """TLS, and users log in by PLAIN."""
    directory: Path

    def path(self, name: str) -> str:
        return str(self.directory / name)


@pytest.fixture(scope="module")
def secured(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The broker under test with four TLS listeners: each keeps its keys in another format."""
    if broker_kind not in KINDS:
        pytest.skip("these tests start a broker with listeners of its own")
    directory = tmp_path_factory.mktemp("tls")
    authority, strangers = Authority(), Authority("Strangers")
    _write_clients(directory, authority, strangers)
    broker = KINDS[broker_kind](directory / "broker")
    ports = {name: free_port() for name in ("SSL", "MUTUAL", "FOREIGN", "EXPIRED", "LOGIN")}
    broker.settings["listeners"] += "".join(f",{name}://127.0.0.1:{port}" for name, port in ports.items())
    known = broker.settings.get("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT")
    broker.settings["listener.security.protocol.map"] = known + "".join(
        f",{name}:{'SASL_SSL' if name == 'LOGIN' else 'SSL'}" for name in ports
    )
    for name, settings in _stores(directory, authority).items():
        for setting, value in settings.items():
            broker.settings[f"listener.name.{name.lower()}.ssl.{setting}"] = value
    broker.settings["listener.name.login.sasl.enabled.mechanisms"] = "PLAIN"
    broker.settings["listener.name.login.plain.sasl.jaas.config"] = (
        f"org.apache.kafka.common.security.plain.PlainLoginModule required user_alice='{PASSWORD}';"
    )
    with broker:
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        yield Secured(
            broker.bootstrap_servers,
            addresses["SSL"],
            addresses["MUTUAL"],
            addresses["FOREIGN"],
            addresses["EXPIRED"],
            addresses["LOGIN"],
            directory,
        )


def _stores(directory: Path, authority: Authority) -> dict[str, dict[str, str]]:
    own = authority.issue("broker")
    keys = own.write_pkcs12(directory / "broker.p12")
    foreign = authority.issue("broker", hosts=("elsewhere.example",))
    expired = authority.issue("broker", valid_from_days=-9, valid_for_days=-1)
    return {
        "SSL": {
            "keystore.type": "PKCS12",
            "keystore.location": str(keys),
            "keystore.password": PASSWORD,
        },
        "MUTUAL": {
            "keystore.location": str(convert_to_java(keys, directory / "broker.jks", "JKS")),
            "keystore.password": PASSWORD,
            "truststore.location": str(authority.write_java(directory / "authority.jks", "JKS")),
            "truststore.password": PASSWORD,
            "client.auth": "required",
        },
        "FOREIGN": {
            "keystore.type": "PEM",
            "keystore.location": str(foreign.write_pem(directory / "foreign.pem")),
        },
        "LOGIN": {
            "keystore.type": "PKCS12",
            "keystore.location": str(keys),
            "keystore.password": PASSWORD,
        },
        "EXPIRED": {
            "keystore.type": "PEM",
            "keystore.certificate.chain": _in_properties(expired.chain_pem()),
            "keystore.key": _in_properties(expired.key_pem()),
        },
    }


def _in_properties(pem: str) -> str:
    return pem.replace("\n", "\\n")


def _write_clients(directory: Path, authority: Authority, strangers: Authority) -> None:
    authority.write_pem(directory / "ca.pem")
    strangers.write_pem(directory / "strangers.pem")
    for name, identity in (("alice", authority.issue("alice")), ("mallory", strangers.issue("mallory"))):
        (directory / f"{name}.crt").write_text(identity.chain_pem())
        (directory / f"{name}.key").write_text(identity.key_pem())
        # In clear: Kafka's reader of encrypted keys doesn't work on Java 17 with what is used today (PBES2).
        identity.write_pem(directory / f"{name}.pem")
        identity.write_pkcs12(directory / f"{name}.p12")
    convert_to_java(directory / "alice.p12", directory / "alice.jks", "JKS")
    authority.write_java(directory / "trust.jks", "JKS")
    authority.write_java(directory / "trust.p12", "PKCS12")


def librdkafka(secured: Secured, name: str | None = None, ca: str = "ca.pem") -> dict[str, str]:
    """librdkafka's settings for TLS, with a certificate of somebody's."""
    settings = {"security.protocol": "ssl", "ssl.ca.location": secured.path(ca)}
    if name is not None:
        settings["ssl.certificate.location"] = secured.path(f"{name}.crt")
        settings["ssl.key.location"] = secured.path(f"{name}.key")
    return settings


# confluent-kafka


@pytest.mark.parametrize("name", [None, "alice"])
def test_confluent_kafka_produces_and_consumes(secured: Secured, topic: str, name: str | None) -> None:
    """With TLS, and with TLS in both directions; what it wrote is there for everyone."""
    address = secured.ssl if name is None else secured.mutual
    create_topic(secured.plain, topic)
    settings = librdkafka(secured, name)
    produce(address, topic, 500, **{key.replace(".", "_"): value for key, value in settings.items()})
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest", **settings}
    )
    consumer.subscribe([topic])
    got = 0
    while got < 500:
        messages = consumer.consume(500, 30)
        assert messages, f"{got} records came"
        got += len([each for each in messages if each.error() is None])
    consumer.close()
    assert_all_came_once_in_order(read_topic(secured.plain, topic), 500)


@pytest.mark.parametrize(
    ("listener", "name", "ca", "said"),
    [
        ("ssl", None, "strangers.pem", "SSL handshake failed"),
        ("foreign", None, "ca.pem", "SSL handshake failed"),
        ("expired", None, "ca.pem", "SSL handshake failed"),
        # With TLS 1.3 a client's handshake is over before the broker has seen its certificate.
        ("mutual", None, "ca.pem", "alert"),
        ("mutual", "mallory", "ca.pem", "alert"),
    ],
)
def test_confluent_kafka_is_refused(
    secured: Secured, listener: str, name: str | None, ca: str, said: str
) -> None:
    """It doesn't trust the broker, finds another host's or an old one, has no certificate or the wrong one."""
    errors: list[KafkaError] = []
    admin = AdminClient(
        {
            "bootstrap.servers": getattr(secured, listener),
            "error_cb": errors.append,
            **librdkafka(secured, name, ca),
        }
    )

    def told() -> str:
        admin.poll(0.05)
        return " ".join(each.str() for each in errors)

    until(told, lambda text: said in text)
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.1)


# aiokafka and kafka-python


def python_context(secured: Secured, name: str | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=secured.path("ca.pem"))
    if name is not None:
        made.load_cert_chain(secured.path(f"{name}.crt"), secured.path(f"{name}.key"))
    return made


@pytest.mark.parametrize("name", [None, "alice"])
def test_aiokafka_produces_and_consumes(secured: Secured, topic: str, name: str | None) -> None:
    """With TLS in one and in both directions."""
    create_topic(secured.plain, topic)
    settings = {
        "bootstrap_servers": secured.ssl if name is None else secured.mutual,
        "security_protocol": "SSL",
        "ssl_context": python_context(secured, name),
    }

    async def talk() -> list[str]:
        async with AIOKafkaProducer(**settings) as producer:
            for number in range(100):
                await producer.send(topic, b"v%d" % number)
        async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **settings) as consumer:
            return [(await asyncio.wait_for(consumer.getone(), 30)).value.decode() for _ in range(100)]

    assert sorted(asyncio.run(talk())) == sorted(f"v{number}" for number in range(100))


def test_kafka_python_produces_and_consumes(secured: Secured, topic: str) -> None:
    """With TLS in both directions."""
    create_topic(secured.plain, topic)
    settings = {
        "bootstrap_servers": secured.mutual,
        "security_protocol": "SSL",
        "ssl_context": python_context(secured, "alice"),
    }
    producer = KafkaProducer(**settings)
    for number in range(100):
        producer.send(topic, b"v%d" % number)
    producer.flush(30)
    producer.close()
    consumer = KafkaConsumer(
        topic, auto_offset_reset="earliest", consumer_timeout_ms=30_000, group_id=None, **settings
    )
    values = []
    for record in consumer:
        values.append(record.value.decode())
        if len(values) == 100:
            break
    consumer.close()
    assert sorted(values) == sorted(f"v{number}" for number in range(100))


# Apache's Java clients

JAVA_STORES: Mapping[str, Mapping[str, str]] = {
    "JKS": {
        "ssl.truststore.location": "trust.jks",
        "ssl.truststore.password": PASSWORD,
        "ssl.keystore.location": "alice.jks",
        "ssl.keystore.password": PASSWORD,
    },
    "PKCS12": {
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.location": "trust.p12",
        "ssl.truststore.password": PASSWORD,
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": "alice.p12",
        "ssl.keystore.password": PASSWORD,
    },
    "PEM": {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "ca.pem",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": "alice.pem",
    },
}


def java_properties(secured: Secured, path: Path, settings: Mapping[str, str]) -> str:
    """A client's properties; names of files become paths."""
    path.write_text(
        "security.protocol=SSL\n"
        + "".join(
            f"{name}={secured.path(value) if name.endswith('location') else value}\n"
            for name, value in settings.items()
        )
    )
    return str(path)


@pytest.mark.parametrize("kind", JAVA_STORES)
def test_java_clients_produce_and_consume(
    secured: Secured, apache_tools: ApacheTools, topic: str, tmp_path: Path, kind: str
) -> None:
    """With their keys in each of Java's formats, TLS in both directions."""
    create_topic(secured.plain, topic)
    config = java_properties(secured, tmp_path / "client.properties", JAVA_STORES[kind])
    apache_tools.run(
        "org.apache.kafka.tools.ConsoleProducer",
        *("--bootstrap-server", secured.mutual, "--topic", topic, "--producer.config", config),
        stdin="".join(f"v{number}\n" for number in range(100)),
    )
    read = apache_tools.run(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", secured.mutual, "--topic", topic, "--consumer.config", config),
        *("--from-beginning", "--max-messages", "100", "--timeout-ms", "30000"),
    )
    assert sorted(read.stdout.split()) == sorted(f"v{number}" for number in range(100))


@pytest.mark.parametrize(
    ("listener", "changes"),
    [
        (
            "ssl",
            {
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": "strangers.pem",
                "ssl.truststore.password": None,
            },
        ),
        ("mutual", {"ssl.keystore.location": None, "ssl.keystore.password": None}),
        ("mutual", {"ssl.keystore.location": "mallory.p12"}),
        ("foreign", {}),
        ("expired", {}),
    ],
)
def test_java_clients_are_refused(
    secured: Secured,
    apache_tools: ApacheTools,
    tmp_path: Path,
    listener: str,
    changes: Mapping[str, str | None],
) -> None:
    """As librdkafka is, and told so: a failed authentication, not a broker that hangs up."""
    merged = {**JAVA_STORES["JKS"], **changes}
    settings = {name: value for name, value in merged.items() if value is not None}
    config = java_properties(secured, tmp_path / "client.properties", settings)
    ended = apache_tools.run(
        "org.apache.kafka.tools.TopicCommand",
        *("--bootstrap-server", getattr(secured, listener), "--command-config", config, "--list"),
        expect=1,
    )
    assert "SslAuthenticationException" in ended.stdout + ended.stderr


def test_a_java_client_checks_the_host_only_if_asked(
    secured: Secured, apache_tools: ApacheTools, tmp_path: Path
) -> None:
    """`ssl.endpoint.identification.algorithm` empty: another host's certificate will do."""
    config = java_properties(
        secured,
        tmp_path / "client.properties",
        {**JAVA_STORES["JKS"], "ssl.endpoint.identification.algorithm": ""},
    )
    apache_tools.run(
        "org.apache.kafka.tools.TopicCommand",
        *("--bootstrap-server", secured.foreign, "--command-config", config, "--list"),
    )


# TLS and SASL


def test_users_log_in_over_tls(
    secured: Secured, apache_tools: ApacheTools, topic: str, tmp_path: Path
) -> None:
    """librdkafka and Java, by PLAIN; nobody with another password."""
    create_topic(secured.plain, topic)

    def settings(password: str) -> dict[str, str]:
        return {
            **librdkafka(secured),
            "security.protocol": "sasl_ssl",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "alice",
            "sasl.password": password,
        }

    told = {key.replace(".", "_"): value for key, value in settings(PASSWORD).items()}
    produce(secured.login, topic, 100, **told)
    assert_all_came_once_in_order(read_topic(secured.plain, topic), 100)
    errors: list[KafkaError] = []
    refused = AdminClient(
        {"bootstrap.servers": secured.login, "error_cb": errors.append, **settings("guessed")}
    )

    def failures() -> list[str]:
        refused.poll(0.05)
        return [each.name() for each in errors]

    until(failures, lambda names: "_AUTHENTICATION" in names)
    path = tmp_path / "client.properties"
    path.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
        f"username='alice' password='{PASSWORD}';\n"
        f"ssl.truststore.location={secured.path('trust.jks')}\nssl.truststore.password={PASSWORD}\n"
    )
    listed = apache_tools.run(
        "org.apache.kafka.tools.TopicCommand",
        *("--bootstrap-server", secured.login, "--command-config", str(path), "--list"),
    )
    assert topic in listed.stdout.split()


# openssl


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-tls1_3",), "TLSv1.3"),
        (("-tls1_2",), "TLSv1.2"),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "TLS_CHACHA20_POLY1305_SHA256"),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "alert protocol version"),
    ],
)
def test_openssl_speaks_what_is_enabled(secured: Secured, options: tuple[str, ...], said: str) -> None:
    """TLS 1.2 and 1.3 by default, with the library's suites."""
    told = subprocess.run(
        ["openssl", "s_client", "-connect", secured.ssl, "-CAfile", secured.path("ca.pem"), *options],
        check=False,
        input="",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert said in told.stdout + told.stderr


def test_nobody_makes_the_broker_work_by_renegotiating(secured: Secured) -> None:
    """Each new handshake on a connection of TLS 1.2 would cost the broker more than the client: asking for one ends it."""
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", secured.ssl, "-CAfile", secured.path("ca.pem"), "-tls1_2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as client:
        watchdog = threading.Timer(60, client.kill)
        watchdog.start()
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write("R\n")
        client.stdin.flush()
        _, _, said = client.stdout.read().partition("RENEGOTIATING")
        watchdog.cancel()
        client.kill()
    assert said
    assert "verify return" not in said
