"""OAUTHBEARER on the wire: tokens of a running identity provider, good ones, forged ones, and the provider's bad days."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from conditions import until
from identity_provider import AUDIENCE, IdentityProvider, SigningKey, send, unsigned
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.metadata import MetadataRequest, MetadataResponse
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateResponse
from sasl_broker import SaslBroker, sasl_broker
from sasl_client import SaslClient

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
HANDLER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
VALIDATOR = "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator"
REFUSED = '{"status":"invalid_token"}'


def oauth_settings(provider: IdentityProvider) -> dict[str, str]:
    """Of a broker that takes the provider's tokens."""
    prefix = "listener.name.sasl_plaintext.oauthbearer"
    return {
        "sasl.enabled.mechanisms": "OAUTHBEARER,PLAIN",
        f"{prefix}.sasl.jaas.config": f"{MODULE} required;",
        f"{prefix}.sasl.server.callback.handler.class": HANDLER,
        # Without it Apache 4.1 checks no signature.
        "sasl.oauthbearer.jwt.validator.class": VALIDATOR,
        "sasl.oauthbearer.jwks.endpoint.url": provider.jwks_url,
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": "200",
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.expected.issuer": provider.issuer,
        "sasl.oauthbearer.clock.skew.seconds": "0",
    }


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """The identity provider."""
    with IdentityProvider() as running:
        yield running


@pytest.fixture(scope="module")
def oauth(
    broker_kind: str, provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SaslBroker]:
    """A broker that takes its tokens."""
    if ":" in broker_kind:
        pytest.skip(f"--broker={broker_kind} is somebody else's, and knows no identity provider of ours")
    made = sasl_broker(broker_kind, tmp_path_factory.mktemp("oauth"), oauth_settings(provider))
    with pytest.MonkeyPatch.context() as environment:
        # Apache's brokers take keys from addresses only that this names.
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={provider.jwks_url}"
        environment.setenv("JDK_JAVA_OPTIONS", allowed)
        made.broker.start()
    try:
        until(lambda: _gets_in(made, provider.token()))
        yield made
    finally:
        made.broker.stop()


@pytest.fixture
def client(oauth: SaslBroker) -> Iterator[SaslClient]:
    """A connection that has not logged in."""
    with connected(oauth) as each:
        yield each


def connected(oauth: SaslBroker) -> SaslClient:
    """Likewise."""
    return SaslClient(oauth.broker.host, oauth.sasl_port)


def first_message(token: str, extensions: str = "", authorization_id: str = "") -> bytes:
    """What a client begins with."""
    return f"n,{authorization_id},\x01auth=Bearer {token}\x01{extensions}\x01".encode()


def log_in(client: SaslClient, message: bytes) -> SaslAuthenticateResponse:
    """Log in, or try to; the answer that decided it."""
    assert client.handshake("OAUTHBEARER").error_code == 0
    answer = client.authenticate(message)
    if answer.error_code or not answer.auth_bytes:
        return answer
    assert answer.auth_bytes.decode() == REFUSED
    return client.authenticate(b"\x01")


def test_a_good_token(client: SaslClient, provider: IdentityProvider) -> None:
    """Lets its user in for as long as it lives."""
    answer = log_in(client, first_message(provider.token(), "logicalCluster=lkc-1\x01"))
    assert (answer.error_code, answer.auth_bytes) == (ErrorCode.NONE, b"")
    assert 3_500_000 < answer.session_lifetime_ms <= 3_600_000
    assert client.ask(MetadataRequest(topics=[]), MetadataResponse, 8).controller_id == 1


FORGERIES = {
    "unsigned": lambda provider: unsigned(provider.claims()),
    "signed by another": lambda provider: SigningKey("RS256", provider.key.key_id).sign(provider.claims()),
    "of an unknown key": lambda provider: SigningKey("RS256", "unknown").sign(provider.claims()),
    "for others": lambda provider: provider.token(aud="other"),
    "for nobody in particular": lambda provider: provider.token(aud=None),
    "of another issuer": lambda provider: provider.token(iss="https://attacker.example"),
    "expired": lambda provider: provider.token(exp=int(time.time()) - 60, iat=int(time.time()) - 120),
    "that never expires": lambda provider: provider.token(exp=None),
    "of no time": lambda provider: provider.token(iat=None),
    "not yet": lambda provider: provider.token(nbf=int(time.time()) + 600),
    "of nobody": lambda provider: provider.token(sub=None),
    "of a blank": lambda provider: provider.token(sub=" "),
    "with a long key id": lambda provider: provider.key.sign(provider.claims(), kid="k" * 5_000),
    "that is no token": lambda _: "abc",
    "of 60 KB": lambda provider: provider.token(groups="x" * 60_000, aud="other"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token(client: SaslClient, provider: IdentityProvider, forgery: str) -> None:
    """The client is told that it is invalid, not why, and hung up on."""
    answer = log_in(client, first_message(FORGERIES[forgery](provider)))
    assert (answer.error_code, answer.error_message) == (ErrorCode.SASL_AUTHENTICATION_FAILED, REFUSED)
    assert client.closed_by_peer()


@pytest.mark.parametrize("message", [b"", b"n,,", b"n,,\x01auth=Bearer\x01\x01", b"\0alice\0secret"])
def test_messages_that_are_none(client: SaslClient, message: bytes) -> None:
    """Kafka's sentence for all of them."""
    answer = log_in(client, message)
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message == (
        "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
    )
    assert client.closed_by_peer()


def test_an_authorization_id_that_is_not_the_token_s(client: SaslClient, provider: IdentityProvider) -> None:
    """Nobody acts as somebody else."""
    answer = log_in(client, first_message(provider.token(), authorization_id="a=admin"))
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert "(admin)" in (answer.error_message or "")
    assert "(alice)" in (answer.error_message or "")


def test_a_session_ends_with_its_token(client: SaslClient, provider: IdentityProvider) -> None:
    """A request that comes later is not answered."""
    answer = log_in(client, first_message(provider.token(exp=time.time() + 6)))
    assert answer.error_code == ErrorCode.NONE
    assert 0 < answer.session_lifetime_ms <= 6_000
    until(lambda: _is_cut(client))


def _is_cut(client: SaslClient) -> bool:
    try:
        client.ask(MetadataRequest(topics=[]), MetadataResponse, 8)
    except (ConnectionError, OSError):
        return True
    return False


def test_a_session_is_prolonged_by_the_same_user(client: SaslClient, provider: IdentityProvider) -> None:
    """With another token; not by anyone else's."""
    assert log_in(client, first_message(provider.token())).error_code == ErrorCode.NONE
    assert log_in(client, first_message(provider.token())).error_code == ErrorCode.NONE
    assert client.ask(MetadataRequest(topics=[]), MetadataResponse, 8).controller_id == 1


def test_another_user_can_t_take_a_session_over(client: SaslClient, provider: IdentityProvider) -> None:
    """With however good a token."""
    assert log_in(client, first_message(provider.token())).error_code == ErrorCode.NONE
    answer = log_in(client, first_message(provider.token(sub="mallory")))
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert "Cannot change principals" in (answer.error_message or "")


def _gets_in(oauth: SaslBroker, token: str) -> bool:
    with connected(oauth) as client:
        return log_in(client, first_message(token)).error_code == ErrorCode.NONE


def test_new_keys_while_the_provider_is_up_and_old_ones_while_it_is_down(
    oauth: SaslBroker, provider: IdentityProvider
) -> None:
    """A new key is found as soon as a token shows it; what is known holds while nobody answers."""
    provider.rotate()
    until(lambda: _gets_in(oauth, provider.token()))
    provider.answer_keys_with(lambda handler: send(handler, b"down", 503))
    try:
        assert not _gets_in(oauth, SigningKey("RS256", "unknown").sign(provider.claims()))
        assert _gets_in(oauth, provider.token())
    finally:
        provider.answer_keys_with(None)
