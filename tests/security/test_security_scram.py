"""SCRAM's server side: RFC 5802's rules, its test vectors, and the tricks it has to see through."""

import base64
import hashlib
import hmac
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.cluster.scram_changes import Mechanism
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
)
from ottla.security.principal import KafkaPrincipal
from ottla.security.scram import CLIENT_NONCE_MAX, ScramMechanism, TokenProof
from ottla.security.scram_credentials import derived_credential, parse_credential

FACTS = ConnectionFacts("1", "SASL", "SASL_PLAINTEXT", "127.0.0.1")
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
KINDS = list(Mechanism)
NONCES = map(str, itertools.count(100_000))


def stored(kind: Mechanism, password: bytes, iterations: int = 4_096) -> str:
    credential = derived_credential(kind, password, SALT, iterations)
    parts = {"salt": SALT, "stored_key": credential.stored_key, "server_key": credential.server_key}
    told = ",".join(f"{name}={base64.b64encode(value).decode()}" for name, value in parts.items())
    return f"{told},iterations={iterations}"


def mechanism(
    kind: Mechanism = Mechanism.SCRAM_SHA_256, *, new_nonce=NONCES.__next__, iterations=4_096
) -> ScramMechanism:
    users = {"user": stored(kind, b"pencil", iterations), "a,b=c": stored(kind, b"pencil")}
    tokens = {"token-id": TokenProof("alice", b"pencil", 1_234)}
    return ScramMechanism(kind, users.get, tokens.get, secret=b"of this test", new_nonce=new_nonce)


class Client:
    """The other side, with a lie at any place."""

    def __init__(self, kind: Mechanism, password: bytes = b"pencil") -> None:
        self.kind = kind
        self.password = password

    def final(
        self,
        first_bare: str,
        server_first: str,
        *,
        channel: str = "biws",
        nonce: str | None = None,
        extra: str = "",
    ) -> bytes:
        told = dict(part.split("=", 1) for part in server_first.split(","))
        salted = hashlib.pbkdf2_hmac(
            self.kind.digest, self.password, base64.b64decode(told["s"]), int(told["i"])
        )
        client_key = hmac.digest(salted, b"Client Key", self.kind.digest)
        without_proof = f"c={channel},r={told['r'] if nonce is None else nonce}{extra}"
        signed = f"{first_bare},{server_first},{without_proof}".encode()
        stored_key = hashlib.new(self.kind.digest, client_key).digest()
        signature = hmac.digest(stored_key, signed, self.kind.digest)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self.expected = b"v=" + base64.b64encode(
            hmac.digest(hmac.digest(salted, b"Server Key", self.kind.digest), signed, self.kind.digest)
        )
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def test_the_example_of_rfc_7677():
    """Messages and keys of the RFC's own exchange."""
    exchange = mechanism(new_nonce=lambda: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").new_exchange(FACTS)
    assert exchange.step(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert exchange.step(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ) == Authenticated(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", KafkaPrincipal("User", "user"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("header", "name", "user", "channel"),
    [
        ("n,,", "user", "user", "biws"),
        ("n,,", "a=2Cb=3Dc", "a,b=c", "biws"),
        ("n,a=user,", "user", "user", base64.b64encode(b"n,a=user,").decode()),
        ("n,a=user,", "user", "user", "biws"),
    ],
)
def test_a_user_with_the_right_password_is_let_in(kind, header, name, user, channel):
    """And the server proves that it knows the credential."""
    exchange, client = mechanism(kind).new_exchange(FACTS), Client(kind)
    bare = f"n={name},r=abcdef"
    challenge = exchange.step(f"{header}{bare}".encode())
    assert isinstance(challenge, Challenge)
    outcome = exchange.step(client.final(bare, challenge.token.decode(), channel=channel))
    assert outcome == Authenticated(client.expected, KafkaPrincipal("User", user))


@pytest.mark.parametrize("kind", KINDS)
def test_a_delegation_token_lets_its_owner_in(kind):
    """The user is the token's id; its credential is made in a thread. The session ends with the token."""
    exchange, client = mechanism(kind).new_exchange(FACTS), Client(kind)
    bare = "n=token-id,r=abcdef,tokenauth=true"
    work = exchange.step(f"n,,{bare}".encode())
    assert isinstance(work, InThread)
    challenge = work.function()
    assert isinstance(challenge, Challenge)
    outcome = exchange.step(client.final(bare, challenge.token.decode()))
    assert isinstance(outcome, Authenticated)
    assert (outcome.principal.name, outcome.principal.token_authenticated) == ("alice", True)
    assert outcome.expires_at_ms == 1_234


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("n,,n=nobody,r=abcdef", "nobody"),
        ("n,,n=token-id,r=abcdef", "token-id"),
        ("n,,n=user,r=abcdef,tokenauth=true", "user"),
    ],
)
def test_who_does_not_exist_is_challenged_like_others(first, name):
    """The same salt each time, Kafka's usual iterations, and failure at the proof: nobody can try out names.
    A token's id is no user's name and the other way round."""

    def challenge(exchange) -> str:
        outcome = exchange.step(first.encode())
        outcome = outcome.function() if isinstance(outcome, InThread) else outcome
        assert isinstance(outcome, Challenge)
        return outcome.token.decode()

    salts = set()
    for _ in range(2):
        exchange = mechanism().new_exchange(FACTS)
        told = challenge(exchange)
        salts.add(told.split(",")[1])
        assert told.endswith(",i=4096")
    assert len(salts) == 1
    with pytest.raises(AuthenticationFailed) as refused:
        exchange.step(Client(Mechanism.SCRAM_SHA_256).final(first[3:], told))
    assert refused.value.message_for_client is None
    assert repr(name) in refused.value.reason_for_log


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"n",
        b"n,,n=user",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"y,,n=user,r=abc",
        b"p=tls-unique,,n=user,r=abc",
        b"n,,m=must,n=user,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=us,er,r=abc",
        b"n,,n=user,r=a b",
        b"n,,r=abc,n=user",
        "n,,n=üser,r=abc".encode(),
        b"n,,n=user\0,r=abc",
        b"n,,n=user,r=" + b"a" * (CLIENT_NONCE_MAX + 1),
        b"n,,n=" + b"u" * 20_000 + b",r=abc",
    ],
)
def test_first_messages_of_another_form_are_refused(first):
    """Channel bindings, which are not offered; extensions that must be understood; nonces without end."""
    with pytest.raises(AuthenticationFailed) as refused:
        mechanism().new_exchange(FACTS).step(first)
    assert refused.value.message_for_client is None


def test_the_authorization_id_of_another_user_is_refused():
    """Nobody acts for someone else."""
    with pytest.raises(AuthenticationFailed) as refused:
        mechanism().new_exchange(FACTS).step(b"n,a=admin,n=user,r=abc")
    assert refused.value.message_for_client == (
        "Authentication failed: Client requested an authorization id that is different from username"
    )


def lies(challenge: str) -> dict[str, dict[str, str]]:
    nonce = challenge.partition(",")[0].removeprefix("r=")
    return {
        "another nonce": {"nonce": "abcdef" + "A" * (len(nonce) - 6)},
        "the client's nonce alone": {"nonce": "abcdef"},
        "a longer nonce": {"nonce": nonce + "x"},
        "another channel": {"channel": base64.b64encode(b"y,,").decode()},
        "another user's channel": {"channel": base64.b64encode(b"n,a=admin,").decode()},
    }


@pytest.mark.parametrize("lie", lies("r=abcdefxyz,"))
def test_final_messages_that_lie_are_refused_though_their_proof_is_right(lie):
    """CVE-2024-56128: a nonce that is not this exchange's lets recorded messages in again."""
    exchange, client = mechanism().new_exchange(FACTS), Client(Mechanism.SCRAM_SHA_256)
    challenge = exchange.step(b"n,,n=user,r=abcdef").token.decode()
    with pytest.raises(AuthenticationFailed):
        exchange.step(client.final("n=user,r=abcdef", challenge, **lies(challenge)[lie]))


def test_a_recorded_exchange_does_not_let_in_again():
    """Each exchange has a nonce of its own."""
    first, second = mechanism().new_exchange(FACTS), mechanism().new_exchange(FACTS)
    final = Client(Mechanism.SCRAM_SHA_256).final(
        "n=user,r=abcdef", first.step(b"n,,n=user,r=abcdef").token.decode()
    )
    second.step(b"n,,n=user,r=abcdef")
    with pytest.raises(AuthenticationFailed):
        second.step(final)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_refused(kind):
    """By the proof."""
    exchange = mechanism(kind).new_exchange(FACTS)
    challenge = exchange.step(b"n,,n=user,r=abcdef").token.decode()
    with pytest.raises(AuthenticationFailed) as refused:
        exchange.step(Client(kind, b"pen").final("n=user,r=abcdef", challenge))
    assert refused.value.message_for_client is None


@pytest.mark.parametrize(
    "proof",
    ["", "AAAA", "A", "=", base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(64)).decode()],
)
def test_proofs_of_any_length_are_refused(proof):
    """An empty one must not compare equal to anything."""
    exchange = mechanism().new_exchange(FACTS)
    nonce = exchange.step(b"n,,n=user,r=abcdef").token.decode().split(",")[0]
    with pytest.raises(AuthenticationFailed):
        exchange.step(f"c=biws,{nonce},p={proof}".encode())


def test_a_credential_of_few_iterations_is_not_used():
    """A tree taken over may hold one; to guess its password would be cheap."""
    with pytest.raises(AuthenticationFailed, match="4095 iterations"):
        mechanism(iterations=4_095).new_exchange(FACTS).step(b"n,,n=user,r=abc")


@pytest.mark.parametrize(
    "text", ["", "salt=,stored_key=", "salt=!,stored_key=,server_key=,iterations=1", "iterations=many"]
)
def test_what_is_stored_in_another_form_is_called_so(text):
    """And not shown."""
    with pytest.raises(ValueError, match="not Kafka's"):
        parse_credential(text)


def test_credentials_do_not_show():
    """Whoever has the stored key can't log in by it, but who has seen an exchange and the server key can pretend to be a broker."""
    assert (
        repr(parse_credential(stored(Mechanism.SCRAM_SHA_256, b"pencil")))
        == "ScramCredential(iterations=4096)"
    )


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_let_nobody_in(first, final):
    """Nothing but a failure comes of them, at either step."""
    exchange = mechanism().new_exchange(FACTS)
    with pytest.raises(AuthenticationFailed):
        exchange.step(first)
    exchange = mechanism().new_exchange(FACTS)
    exchange.step(b"n,,n=user,r=abc")
    with pytest.raises(AuthenticationFailed):
        exchange.step(final)
