"""Real clients log in by SASL: with the right password they work, with a wrong one they are told so."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiokafka.errors
import kafka.errors
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from apache_tools import ApacheTools
from conditions import until
from programs import FRANZ_GO_TESTS, franz_go_package
from sasl_broker import MECHANISMS, SaslBroker, sasl_broker

SESSION_MS = 1_500
SECONDS = 30
USER, PASSWORD = "alice", "alice-secret"


@pytest.fixture(scope="module")
def sasl(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SaslBroker]:
    """A broker that knows alice by every mechanism; sessions by SCRAM-SHA-512 are short."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and has no listener with SASL")
    made = sasl_broker(
        broker_kind,
        tmp_path_factory.mktemp("sasl"),
        {"listener.name.sasl_plaintext.scram-sha-512.connections.max.reauth.ms": str(SESSION_MS)},
        tls=True,
    )
    with made.broker:
        admin = AdminClient({"bootstrap.servers": made.broker.bootstrap_servers})
        upsertions = [
            UserScramCredentialUpsertion(USER, ScramCredentialInfo(each, 4_096), PASSWORD.encode())
            for each in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        ]
        for upsertion in upsertions:
            for future in admin.alter_user_scram_credentials([upsertion]).values():
                future.result(SECONDS)
        yield made


def librdkafka(
    sasl: SaslBroker, mechanism: str, password: str = PASSWORD, **more: object
) -> dict[str, object]:
    """Its settings; in `more` underscores stand for dots."""
    return {
        "bootstrap.servers": sasl.sasl_servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.username": USER,
        "sasl.password": password,
        **{name.replace("_", "."): value for name, value in more.items()},
    }


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_confluent_kafka(sasl: SaslBroker, topic: str, mechanism: str) -> None:
    """Makes a topic, writes and reads."""
    admin = AdminClient(librdkafka(sasl, mechanism))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(SECONDS)
    producer = Producer(librdkafka(sasl, mechanism))
    producer.produce(topic, b"hello")
    assert producer.flush(SECONDS) == 0
    consumer = Consumer(librdkafka(sasl, mechanism, group_id=topic, auto_offset_reset="earliest"))
    consumer.subscribe([topic])
    message = until(lambda: consumer.poll(0.2), seconds=SECONDS)
    assert message is not None
    assert message.value() == b"hello"
    consumer.close()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_confluent_kafka_with_a_wrong_password(sasl: SaslBroker, mechanism: str) -> None:
    """librdkafka tells its user that it is the authentication."""
    errors: list[KafkaError] = []
    producer = Producer({**librdkafka(sasl, mechanism, "wrong"), "error_cb": errors.append})

    def told() -> bool:
        producer.poll(0.05)
        return any(error.code() == KafkaError._AUTHENTICATION for error in errors)

    until(told)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_confluent_kafka_over_tls(sasl: SaslBroker, topic: str, mechanism: str) -> None:
    """SASL_SSL: makes a topic and writes; with a wrong password it is told."""
    over_tls = {
        "bootstrap.servers": sasl.sasl_ssl_servers,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(sasl.authority),
    }
    admin = AdminClient({**librdkafka(sasl, mechanism), **over_tls})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(SECONDS)
    producer = Producer({**librdkafka(sasl, mechanism), **over_tls})
    producer.produce(topic, b"hello")
    assert producer.flush(SECONDS) == 0
    errors: list[KafkaError] = []
    refused = Producer({**librdkafka(sasl, mechanism, "wrong"), **over_tls, "error_cb": errors.append})

    def told() -> bool:
        refused.poll(0.05)
        return any(error.code() == KafkaError._AUTHENTICATION for error in errors)

    until(told)


def test_confluent_kafka_goes_on_over_many_sessions(sasl: SaslBroker, topic: str) -> None:
    """It logs in again before each ends (KIP-368): nothing is lost, and nobody is refused."""
    errors: list[KafkaError] = []
    settings = {**librdkafka(sasl, "SCRAM-SHA-512", linger_ms=0), "error_cb": errors.append}
    admin = AdminClient(settings)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(SECONDS)
    producer = Producer(settings)
    failures: list[object] = []

    def delivered(error: object, _: object) -> None:
        if error is not None:
            failures.append(error)

    ends = time.monotonic() + 3 * SESSION_MS / 1000
    while time.monotonic() < ends:
        producer.produce(topic, b"x", on_delivery=delivered)
        assert producer.flush(SECONDS) == 0
        producer.poll(0.02)
    assert failures == []
    assert KafkaError._AUTHENTICATION not in {error.code() for error in errors}


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_aiokafka(sasl: SaslBroker, topic: str, mechanism: str) -> None:
    """Writes and reads."""
    settings = {
        "bootstrap_servers": sasl.sasl_servers,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": USER,
        "sasl_plain_password": PASSWORD,
    }

    async def talk() -> bytes:
        async with AIOKafkaProducer(**settings) as producer:
            await producer.send_and_wait(topic, b"hello")
        async with AIOKafkaConsumer(topic, auto_offset_reset="earliest", **settings) as consumer:
            record = await asyncio.wait_for(consumer.getone(), SECONDS)
        assert record.value is not None
        return record.value

    assert asyncio.run(talk()) == b"hello"


def test_aiokafka_over_tls(sasl: SaslBroker, topic: str) -> None:
    """SASL_SSL."""

    async def write() -> int:
        async with AIOKafkaProducer(
            bootstrap_servers=sasl.sasl_ssl_servers,
            security_protocol="SASL_SSL",
            ssl_context=ssl.create_default_context(cafile=sasl.authority),
            sasl_mechanism="SCRAM-SHA-256",
            sasl_plain_username=USER,
            sasl_plain_password=PASSWORD,
        ) as producer:
            return int((await producer.send_and_wait(topic, b"hello")).offset)

    assert asyncio.run(write()) == 0


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_aiokafka_with_a_wrong_password(sasl: SaslBroker, mechanism: str) -> None:
    """It does not get in."""
    client = {
        "bootstrap_servers": sasl.sasl_servers,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": USER,
        "sasl_plain_password": "wrong",
    }

    async def try_it() -> None:
        admin = AIOKafkaAdminClient(**client)
        try:
            await admin.start()
        finally:
            await admin.close()

    with pytest.raises(aiokafka.errors.KafkaError):
        asyncio.run(try_it())


def kafka_python(sasl: SaslBroker, mechanism: str, password: str = PASSWORD) -> dict[str, object]:
    """Its settings."""
    return {
        "bootstrap_servers": sasl.sasl_servers,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": USER,
        "sasl_plain_password": password,
    }


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_kafka_python(sasl: SaslBroker, topic: str, mechanism: str) -> None:
    """Writes and reads."""
    producer = KafkaProducer(**kafka_python(sasl, mechanism))
    assert producer.send(topic, b"hello").get(SECONDS).topic == topic
    producer.close()
    consumer = KafkaConsumer(topic, auto_offset_reset="earliest", **kafka_python(sasl, mechanism))
    found = until(lambda: consumer.poll(timeout_ms=200))
    assert [record.value for records in found.values() for record in records] == [b"hello"]
    consumer.close()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_kafka_python_with_a_wrong_password(sasl: SaslBroker, mechanism: str) -> None:
    """It does not get in."""
    with pytest.raises(kafka.errors.KafkaError):
        KafkaAdminClient(**kafka_python(sasl, mechanism, "wrong"), bootstrap_timeout_ms=1_000)


def java_client(directory: Path, mechanism: str, password: str = PASSWORD) -> str:
    """A file with the properties of Apache's clients."""
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    properties = directory / f"{mechanism}.properties"
    properties.write_text(
        "security.protocol=SASL_PLAINTEXT\n"
        f"sasl.mechanism={mechanism}\n"
        f"sasl.jaas.config=org.apache.kafka.common.security.{module} required "
        f'username="{USER}" password="{password}";\n'
    )
    return str(properties)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_apaches_java_clients(
    apache_tools: ApacheTools, sasl: SaslBroker, topic: str, mechanism: str, tmp_path: Path
) -> None:
    """Admin client, producer and consumer, as Apache's console tools run them."""
    properties = java_client(tmp_path, mechanism)
    address = ("--bootstrap-server", sasl.sasl_servers)
    topics = "org.apache.kafka.tools.TopicCommand"
    apache_tools.run(topics, *address, "--command-config", properties, "--create", "--topic", topic)
    apache_tools.run(
        "org.apache.kafka.tools.ConsoleProducer",
        *(*address, "--producer.config", properties, "--topic", topic),
        stdin="one\ntwo\n",
    )
    read = apache_tools.run(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *(*address, "--consumer.config", properties, "--topic", topic),
        *("--from-beginning", "--max-messages", "2"),
    )
    assert read.stdout.split() == ["one", "two"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_java_client_over_tls(
    apache_tools: ApacheTools, sasl: SaslBroker, topic: str, mechanism: str, tmp_path: Path
) -> None:
    """SASL_SSL."""
    properties = Path(java_client(tmp_path, mechanism))
    with properties.open("a") as file:
        file.write("security.protocol=SASL_SSL\nssl.truststore.type=PEM\n")
        file.write(f"ssl.truststore.location={sasl.authority}\n")
    tool = (
        "org.apache.kafka.tools.TopicCommand",
        *("--bootstrap-server", sasl.sasl_ssl_servers, "--command-config", str(properties)),
    )
    apache_tools.run(*tool, "--create", "--topic", topic)
    assert topic in apache_tools.run(*tool, "--list").stdout.split()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_java_client_with_a_wrong_password(
    apache_tools: ApacheTools, sasl: SaslBroker, mechanism: str, tmp_path: Path
) -> None:
    """It is an AuthenticationException in Apache's words."""
    failed = apache_tools.run(
        "org.apache.kafka.tools.TopicCommand",
        *("--bootstrap-server", sasl.sasl_servers),
        *("--command-config", java_client(tmp_path, mechanism, "wrong"), "--list"),
        expect=1,
    )
    said = (
        "Authentication failed"
        if mechanism == "PLAIN"
        else f"invalid credentials with SASL mechanism {mechanism}"
    )
    assert said in failed.stdout + failed.stderr


def test_a_java_producer_over_many_sessions(
    apache_tools: ApacheTools, sasl: SaslBroker, topic: str, tmp_path: Path
) -> None:
    """Apache's client logs in again by itself."""
    lines = 3 * SESSION_MS // 100
    result = apache_tools.run(
        "org.apache.kafka.tools.ProducerPerformance",
        *("--producer-props", f"bootstrap.servers={sasl.sasl_servers}"),
        *("--producer.config", java_client(tmp_path, "SCRAM-SHA-512")),
        *("--topic", topic, "--num-records", str(lines), "--throughput", "10", "--record-size", "10"),
    )
    assert f"{lines} records sent" in result.stdout
    assert "uthentication" not in result.stderr


def test_users_made_by_apaches_config_command(
    apache_tools: ApacheTools, sasl: SaslBroker, topic: str
) -> None:
    """kafka-configs.sh gives a user a password, and takes it away."""
    user = f"user-{topic}"[:60]
    change = (
        "kafka.admin.ConfigCommand",
        *("--bootstrap-server", sasl.broker.bootstrap_servers, "--alter"),
        *("--entity-type", "users", "--entity-name", user),
    )
    apache_tools.run(*change, "--add-config", "SCRAM-SHA-256=[iterations=8192,password=made-by-tool]")
    settings = librdkafka(sasl, "SCRAM-SHA-256", "made-by-tool") | {"sasl.username": user}

    def gets_in() -> bool:
        try:
            AdminClient(settings).list_topics(timeout=2)
        except KafkaException:
            return False
        return True

    until(gets_in)
    apache_tools.run(*change, "--delete-config", "SCRAM-SHA-256")
    until(lambda: not gets_in())


def test_franz_go(sasl: SaslBroker) -> None:
    """Its own tests of SCRAM, right and wrong."""
    ended = subprocess.run(
        [FRANZ_GO_TESTS, "-test.v", "-test.run=TestSCRAM", "-test.timeout=60s"],
        cwd=franz_go_package(),
        env={
            **os.environ,
            "KGO_SEEDS": sasl.broker.bootstrap_servers,
            "KGO_TEST_RF": "1",
            "KGO_LOG_LEVEL": "none",
            "KGO_TEST_SCRAM": f"{USER}:{PASSWORD}:256",
            "KGO_TEST_SCRAM_SEEDS": sasl.sasl_servers,
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output[-3_000:]
    assert "--- PASS: TestSCRAMAuth " in output
    assert "--- PASS: TestSCRAMAuthBadCredentials" in output


def test_the_command_line(sasl: SaslBroker, tmp_path: Path) -> None:
    """`ottla topic list` with the properties of its client, right and wrong, and with a file of Apache's tools."""

    def run(password: str, timeout_s: int) -> subprocess.CompletedProcess[str]:
        properties = librdkafka(sasl, "SCRAM-SHA-256", password)
        del properties["bootstrap.servers"]
        return subprocess.run(
            [
                str(Path(sys.executable).with_name("ottla")),
                *("topic", "list", "--bootstrap", sasl.sasl_servers, "--timeout", str(timeout_s)),
                *(part for name, value in properties.items() for part in ("-X", f"{name}={value}")),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    listed = subprocess.run(
        [
            str(Path(sys.executable).with_name("ottla")),
            *("topic", "list", "--bootstrap", sasl.sasl_servers),
            *("--command-config", java_client(tmp_path, "SCRAM-SHA-512")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert run(PASSWORD, 20).returncode == 0
    refused = run("wrong", 5)  # librdkafka goes on trying for as long
    assert refused.returncode != 0
    assert "invalid credentials with SASL mechanism SCRAM-SHA-256" in refused.stderr
    assert "wrong" not in refused.stderr
