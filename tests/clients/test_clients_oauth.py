"""Clients of each kind with a token of an identity provider: confluent-kafka, aiokafka, kafka-python and Apache's Java."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import aiokafka
import kafka
import pytest
from aiokafka.abc import AbstractTokenProvider
from confluent_kafka import KafkaError, Producer
from kafka.net.sasl.oauth import AbstractTokenProvider as PythonTokenProvider

from apache_tools import ApacheTools
from conditions import until
from conversation import create_topic
from identity_provider import AUDIENCE, IdentityProvider
from sasl_broker import SaslBroker, sasl_broker

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
HANDLERS = "org.apache.kafka.common.security.oauthbearer"


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """The identity provider."""
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def allowed_urls(provider: IdentityProvider) -> Iterator[None]:
    """Apache's programs speak to identity providers only that this names."""
    with pytest.MonkeyPatch.context() as environment:
        urls = f"{provider.jwks_url},{provider.token_url}"
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={urls}"
        environment.setenv("JDK_JAVA_OPTIONS", allowed)
        yield


@pytest.fixture(scope="module")
def oauth(
    broker_kind: str,
    provider: IdentityProvider,
    allowed_urls: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SaslBroker]:
    """A broker that takes its tokens."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and knows no identity provider of ours")
    prefix = "listener.name.sasl_plaintext.oauthbearer"
    settings = {
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{prefix}.sasl.jaas.config": f"{MODULE} required;",
        f"{prefix}.sasl.server.callback.handler.class": f"{HANDLERS}.OAuthBearerValidatorCallbackHandler",
        # Without it Apache 4.1 checks no signature.
        "sasl.oauthbearer.jwt.validator.class": f"{HANDLERS}.BrokerJwtValidator",
        "sasl.oauthbearer.jwks.endpoint.url": provider.jwks_url,
        "sasl.oauthbearer.expected.audience": AUDIENCE,
    }
    made = sasl_broker(broker_kind, tmp_path_factory.mktemp("oauth"), settings)
    with made.broker:
        yield made


def test_confluent_kafka(oauth: SaslBroker, provider: IdentityProvider, topic: str) -> None:
    """Its callback brings the token."""
    create_topic(oauth.broker.bootstrap_servers, topic)
    errors: list[KafkaError] = []

    def producer(token: str) -> Producer:
        return Producer(
            {
                "bootstrap.servers": oauth.sasl_servers,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanisms": "OAUTHBEARER",
                "oauth_cb": lambda _: (token, time.time() + 300),
                "error_cb": errors.append,
            }
        )

    good = producer(provider.token())
    good.produce(topic, b"confluent")
    assert good.flush(30) == 0
    bad = producer(provider.token(aud="other"))
    until(lambda: (bad.poll(0.1), [each for each in errors if each.code() == KafkaError._AUTHENTICATION])[1])
    assert "invalid_token" in str(errors)


def test_aiokafka(oauth: SaslBroker, provider: IdentityProvider, topic: str) -> None:
    """Its provider object does."""
    create_topic(oauth.broker.bootstrap_servers, topic)

    class Provider(AbstractTokenProvider):
        def __init__(self, token: str) -> None:
            self._token = token

        async def token(self) -> str:
            return self._token

    async def send(token: str, request_timeout_ms: int = 30_000) -> None:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=oauth.sasl_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="OAUTHBEARER",
            sasl_oauth_token_provider=Provider(token),
            request_timeout_ms=request_timeout_ms,
        )
        try:
            await producer.start()
            await producer.send_and_wait(topic, b"aiokafka")
        finally:
            await producer.stop()

    asyncio.run(send(provider.token()))
    with pytest.raises(aiokafka.errors.KafkaError):
        asyncio.run(send(provider.token(aud="other"), 2_000))


def test_kafka_python(oauth: SaslBroker, provider: IdentityProvider, topic: str) -> None:
    """Likewise."""
    create_topic(oauth.broker.bootstrap_servers, topic)

    class Provider(PythonTokenProvider):
        def token(self) -> str:
            return provider.token()

    producer = kafka.KafkaProducer(
        bootstrap_servers=oauth.sasl_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauth_token_provider=Provider(),
    )
    try:
        producer.send(topic, b"kafka-python").get(30)
    finally:
        producer.close()


def test_apache_s_clients(
    oauth: SaslBroker, provider: IdentityProvider, allowed_urls: None, tmp_path: Path, topic: str
) -> None:
    """They fetch the token themselves, by client credentials (KIP-768); with wrong ones they get none."""

    def properties(secret: str) -> str:
        file = tmp_path / f"{secret}.properties"
        login = f'{MODULE} required clientId="alice" clientSecret="{secret}" scope="kafka";'
        settings = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.jaas.config": login,
            "sasl.login.callback.handler.class": f"{HANDLERS}.OAuthBearerLoginCallbackHandler",
            "sasl.oauthbearer.token.endpoint.url": provider.token_url,
        }
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return str(file)

    command = ("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", oauth.sasl_servers)
    with ApacheTools("4.1.1") as tools:
        good = ("--command-config", properties("alice"))
        tools.run(*command, *good, "--create", "--topic", topic)
        assert topic in tools.run(*command, *good, "--list").stdout
        bad = ("--command-config", properties("wrong"))
        tools.run(*command, *bad, "--list", expect=1)


def test_confluent_kafka_beyond_the_life_of_its_first_token(
    oauth: SaslBroker, provider: IdentityProvider, topic: str
) -> None:
    """It brings another one in time, and nothing it sends is lost."""
    create_topic(oauth.broker.bootstrap_servers, topic)
    given: list[float] = []

    def token(_: object) -> tuple[str, float]:
        expires_s = time.time() + 4
        given.append(expires_s)
        return provider.token(exp=expires_s), expires_s

    failed: list[object] = []
    producer = Producer(
        {
            "bootstrap.servers": oauth.sasl_servers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": token,
            "on_delivery": lambda error, _: failed.append(error) if error else None,
        }
    )
    sent = 0
    while not given or time.time() < given[0] + 2:
        producer.produce(topic, str(sent))
        sent += 1
        producer.poll(0.1)
    assert producer.flush(30) == 0
    assert (failed, len(given) > 1) == ([], True)
