"""A broker's start with OAUTHBEARER and GSSAPI: what it refuses, and how it copes with an identity provider that is not there."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from conditions import until
from identity_provider import AUDIENCE, IdentityProvider, SigningKey, send, unsigned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import SaslClient
from wire.wire_client import WireClient

OAUTH_JAAS = "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
GSSAPI_JAAS = "listener.name.sasl_plaintext.gssapi.sasl.jaas.config"
KERBEROS = "com.sun.security.auth.module.Krb5LoginModule"
URL = "sasl.oauthbearer.jwks.endpoint.url"


def gets_in(made: SaslBroker, token: str) -> bool:
    """Whether a token lets its bearer in."""
    with SaslClient(made.broker.host, made.sasl_port) as client:
        client.handshake("OAUTHBEARER")
        answer = client.authenticate(f"n,,\x01auth=Bearer {token}\x01\x01".encode())
        if answer.error_code == ErrorCode.NONE and answer.auth_bytes:
            answer = client.authenticate(b"\x01")
        return answer.error_code == ErrorCode.NONE


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sasl.enabled.mechanisms": "OAUTHBEARER"}, "OAUTHBEARER needs it"),
        (
            {"sasl.enabled.mechanisms": "OAUTHBEARER", OAUTH_JAAS: f"{OAUTH} required;"},
            "OAUTHBEARER needs it",
        ),
        ({"sasl.enabled.mechanisms": "OAUTHBEARER", URL: "/etc/jwks.json"}, "it must begin with"),
        ({"sasl.enabled.mechanisms": "OAUTHBEARER", URL: "http://u:hunter2@host/"}, "user or password"),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                URL: "http://127.0.0.1:1/",
                OAUTH_JAAS: f'{OAUTH} required unsecuredValidatorRequiredScope="a";',
            },
            "can't stand beside",
        ),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                OAUTH_JAAS: f'{OAUTH} required unsecuredValidatorAllowableClockSkewMs="-1";',
            },
            "number of milliseconds",
        ),
        (
            {
                "sasl.enabled.mechanisms": "OAUTHBEARER",
                OAUTH_JAAS: f'{OAUTH} required unsecuredValidatorNothing="1";',
            },
            "no option",
        ),
        (
            {
                "sasl.enabled.mechanisms": "GSSAPI",
                GSSAPI_JAAS: f'{KERBEROS} required keyTab="/absent.keytab" principal="kafka/h@R";',
            },
            "/absent.keytab",
        ),
        (
            {
                "sasl.enabled.mechanisms": "GSSAPI",
                "sasl.kerberos.service.name": "other",
                GSSAPI_JAAS: f'{KERBEROS} required keyTab="/absent.keytab" principal="kafka/h@R";',
            },
            "not of the service other",
        ),
        (
            {"sasl.enabled.mechanisms": "GSSAPI", "sasl.kerberos.principal.to.local.rules": "RULE:nonsense"},
            "Invalid rule",
        ),
    ],
)
def test_a_start_that_is_refused(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    """By the setting's name, and what has to be done; never are unsigned tokens taken without being asked for."""
    made = sasl_broker("ottla", tmp_path, settings)
    with pytest.raises(RuntimeError, match=told) as failed:
        made.broker.start()
    assert "Traceback" not in str(failed.value)


def test_unsecured_tokens_where_they_are_asked_for(tmp_path: Path) -> None:
    """As Apache's tests of clients do."""
    jaas = f'{OAUTH} required unsecuredValidatorRequiredScope="kafka";'
    made = sasl_broker("ottla", tmp_path, {"sasl.enabled.mechanisms": "OAUTHBEARER", OAUTH_JAAS: jaas})
    with made.broker:
        claims: dict[str, object] = {"sub": "alice", "exp": time.time() + 600, "scope": "kafka"}
        assert gets_in(made, unsigned(claims))
        assert not gets_in(made, unsigned({**claims, "scope": "other"}))
        assert not gets_in(made, SigningKey().sign(claims))


def test_an_identity_provider_that_comes_later(tmp_path: Path) -> None:
    """The broker starts without it, turns tokens away, and takes them as soon as it is there."""
    with IdentityProvider() as provider:
        provider.answer_keys_with(lambda handler: send(handler, b"down", 503))
        settings = {
            "sasl.enabled.mechanisms": "OAUTHBEARER,PLAIN",
            URL: provider.jwks_url,
            "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": "100",
            "sasl.oauthbearer.expected.audience": AUDIENCE,
        }
        made = sasl_broker("ottla", tmp_path, settings)
        with made.broker:
            assert not gets_in(made, provider.token())
            provider.answer_keys_with(None)
            until(lambda: gets_in(made, provider.token()))
            assert "503" in made.broker.output.read_text()


def test_another_identity_provider_while_the_broker_runs(tmp_path: Path) -> None:
    """Whose tokens are taken is decided at the start: nobody who may alter settings makes himself the provider."""
    with IdentityProvider() as provider, IdentityProvider() as attacker:
        settings = {
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            URL: provider.jwks_url,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
        }
        made = sasl_broker("ottla", tmp_path, settings)
        with made.broker, WireClient(made.broker.host, made.broker.port) as wire:
            for prefix in ("", "listener.name.sasl_plaintext.", "listener.name.sasl_plaintext.oauthbearer."):
                config = AlterableConfig(name=prefix + URL, config_operation=0, value=attacker.jwks_url)
                resource = AlterConfigsResource(resource_type=4, resource_name="1", configs=[config])
                request = IncrementalAlterConfigsRequest(resources=[resource])
                wire.ask(request, IncrementalAlterConfigsResponse, 1)
                assert not gets_in(made, attacker.token())
                until(lambda: gets_in(made, provider.token()))
            assert attacker.times_read == 0


def test_an_identity_provider_that_says_nothing(tmp_path: Path) -> None:
    """Log-ins by other mechanisms go on, and the broker ends when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = {"sasl.enabled.mechanisms": "OAUTHBEARER,PLAIN", URL: f"http://127.0.0.1:{port}/jwks"}
        made = sasl_broker("ottla", tmp_path, settings)
        with made.broker:
            token = SigningKey().sign({"sub": "alice"})
            waiting = [SaslClient(made.broker.host, made.sasl_port) for _ in range(20)]
            for client in waiting:
                client.handshake("OAUTHBEARER")
                request = SaslAuthenticateRequest(auth_bytes=f"n,,\x01auth=Bearer {token}\x01\x01".encode())
                client.send(request, SaslAuthenticateResponse, 2)
            with SaslClient(made.broker.host, made.sasl_port) as client:
                assert client.plain("alice", "alice-secret").error_code == ErrorCode.NONE
            for client in waiting:
                client.hang_up()


def test_keys_in_a_file(tmp_path: Path) -> None:
    """Read anew when a token shows a key that wasn't there."""
    file = tmp_path / "jwks.json"
    provider = IdentityProvider()
    provider.close()
    file.write_bytes(provider.keys())
    settings = {
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        URL: file.as_uri(),
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": "100",
        "sasl.oauthbearer.expected.audience": AUDIENCE,
    }
    made = sasl_broker("ottla", tmp_path / "broker", settings)
    with made.broker:
        until(lambda: gets_in(made, provider.token()))
        provider.rotate()
        file.write_bytes(provider.keys())
        until(lambda: gets_in(made, provider.token()))
