"""The way in: whatever a client sends before it is somebody, it is refused, and nobody gets in without the secret."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json

import pytest
from fuzzing import fuzz

from identity_provider import SigningKey, unsigned
from ottla.cluster.scram_changes import Mechanism
from ottla.protocol.api_keys import ApiKey
from ottla.security.jaas import JaasError, jaas_entries, jaas_entry
from ottla.security.jwks import InvalidJwks, parse_jwks
from ottla.security.kerberos_names import NoUserName, UserNames, parse_kerberos_principal, parse_rule
from ottla.security.mechanisms import AuthenticationFailed, ConnectionFacts, InThread
from ottla.security.oauth_bearer import OAuthBearer
from ottla.security.oauth_claims import ClaimRules, InvalidToken
from ottla.security.oauth_tokens import SignedTokens
from ottla.security.plain import PlainMechanism
from ottla.security.principal import parse_principal
from ottla.security.principal_mapping import InvalidMappingRules, NoRuleFits, PrincipalMapping
from ottla.security.sasl_server import LoginRefused, SaslServer, State, UnsupportedMechanism
from ottla.security.scram import ScramMechanism
from ottla.security.scram_credentials import derived_credential, parse_credential

FACTS = ConnectionFacts("1", "SASL", "SASL_PLAINTEXT", "127.0.0.1")
NOW_S = 1_700_000_000
CREDENTIAL = derived_credential(Mechanism.SCRAM_SHA_256, b"pencil", b"salt of a user", 4_096)
STORED = (
    f"salt={base64.b64encode(b'salt of a user').decode()},"
    f"stored_key={base64.b64encode(CREDENTIAL.stored_key).decode()},"
    f"server_key={base64.b64encode(CREDENTIAL.server_key).decode()},iterations=4096"
)
KEY = SigningKey("ES256", "key")
STRANGER = SigningKey("ES256", "key")
CLAIMS: dict[str, object] = {"iss": "i", "aud": "kafka", "sub": "eve", "iat": NOW_S - 9, "exp": NOW_S + 99}
JWKS = json.dumps({"keys": [KEY.published]}).encode()
TOKENS = SignedTokens(
    parse_jwks(JWKS).candidates,
    ClaimRules(issuer="i", audiences=frozenset({"kafka"}), clock_skew_s=30),
    lambda: NOW_S,
)
NONCES = map(str, itertools.count(100_000))
MECHANISMS = {
    each.name: each
    for each in (
        PlainMechanism(jaas_entry('org.PlainLoginModule required user_alice="4#pR$0_unguessable";')),
        ScramMechanism(
            Mechanism.SCRAM_SHA_256,
            {"alice": STORED}.get,
            None,
            secret=b"of this test",
            new_nonce=NONCES.__next__,
        ),
        OAuthBearer(TOKENS.verify),
    )
}
MESSAGES = (
    b"\0alice\0wrong",
    b"alice\0alice\0wrong",
    b"n,,n=alice,r=abcdef",
    b"n,a=alice,n=alice,r=abcdef,tokenauth=true",
    b"c=biws,r=abcdef100000,p=" + base64.b64encode(bytes(32)),
    b"n,,\x01auth=Bearer " + STRANGER.sign(CLAIMS).encode() + b"\x01\x01",
    b"n,a=eve,\x01auth=bearer " + unsigned(CLAIMS).encode() + b"\x01k=v\x01\x01",
    b"\x01",
    b"",
)
WORDS = (
    b",",
    b"\0",
    b"\x01",
    b"r=",
    b"p=",
    b"n=",
    b"a=",
    b"=2C",
    b"biws",
    b"Bearer ",
    b".",
    b"tokenauth=true",
)


def step(login: SaslServer, token: bytes) -> None:
    """A token, a thread's work done on the spot."""
    outcome = login.step(token, 1_000)
    while isinstance(outcome, InThread):
        try:
            done = outcome.function()
        except AuthenticationFailed as failure:
            raise login.refuse(failure) from failure
        outcome = login.conclude(done, 1_000)


@pytest.mark.parametrize("name", MECHANISMS)
@pytest.mark.parametrize("version", [0, 1])
def test_messages_of_a_mechanism(name: str, version: int) -> None:
    """Two after each other: SCRAM's and OAUTHBEARER's second one is another state."""

    def target(content: bytes) -> None:
        for first in (None, b"n,,n=alice,r=abcdef", b"n,,\x01auth=Bearer a.b.c\x01\x01"):
            login = SaslServer(MECHANISMS, {}, FACTS)
            login.begin(name, version)
            with contextlib.suppress(LoginRefused):
                if first is not None:
                    step(login, first)
                step(login, content)
            assert login.state is not State.COMPLETE

    fuzz(target, MESSAGES, WORDS)


def test_requests_in_any_order() -> None:
    """Each byte is a request: no order of them gets past the log-in."""
    names = [*MECHANISMS, "GSSAPI", ""]

    def target(content: bytes) -> None:
        login = SaslServer(MECHANISMS, dict.fromkeys(MECHANISMS, 60_000), FACTS)
        with contextlib.suppress(LoginRefused, UnsupportedMechanism):
            for each in content[:20]:
                kind, argument = divmod(each, 64)
                if kind == 0:
                    login.expect(ApiKey(argument))
                elif kind == 1 and login.state in (State.FIRST_REQUEST, State.HANDSHAKE):
                    login.begin(names[argument % len(names)], argument & 1)
                elif kind == 2 and login.state in (State.AUTHENTICATE, State.BARE_TOKENS):
                    step(login, MESSAGES[argument % len(MESSAGES)])
                elif kind == 3:
                    assert not login.may_begin_again(argument * 10_000)
        assert login.state is not State.COMPLETE

    fuzz(target, [b"\x12\x11\x41\x80", b"\x41\x82\x84", b"\x42\x86\x87"])


def test_tokens_of_identity_providers() -> None:
    """Tokens that somebody else signed, and the provider's own with anything changed that counts."""
    good = KEY.sign(CLAIMS)
    seeds = [good, STRANGER.sign(CLAIMS), unsigned(CLAIMS), KEY.sign({**CLAIMS, "exp": 1})]

    def target(content: bytes) -> None:
        token = content.decode("latin-1")
        try:
            holder = TOKENS.verify(token)
        except InvalidToken:
            return
        assert token.rpartition(".")[0] == good.rpartition(".")[0], (
            "base64 has more ways to write a signature"
        )
        assert holder.principal_name == "eve"

    fuzz(target, [each.encode() for each in seeds], [b".", b"=", b"eyJhbGciOiJub25lIn0"])


def test_keys_of_identity_providers() -> None:
    """A JWK set is a file or an answer from outside."""

    def target(content: bytes) -> None:
        with contextlib.suppress(InvalidJwks):
            parse_jwks(content)

    fuzz(target, [JWKS, json.dumps({"keys": [SigningKey().published]}).encode()], [b'"kty"', b"null"])


def test_jaas_entries() -> None:
    """Entries or the one error, which quotes nothing that may be a password."""
    seed = (
        b"""org.PlainLoginModule required user_alice="4#pR$0" useKeyTab=true; // end\n/* x */ m optional;"""
    )

    def target(content: bytes) -> None:
        with contextlib.suppress(JaasError):
            list(jaas_entries(content.decode("utf-8", "replace")))

    fuzz(target, [seed], [b'"', b"\\", b";", b"=", b"/*", b"//", b"\\777"])


def test_rules_for_principals() -> None:
    """Of certificates and of Kerberos: rules or the setting's error; a name that comes of them, or nobody."""
    seeds = [b"RULE:^CN=(.*?),OU=.*$/$1/L,DEFAULT", b"RULE:[2:$1@$0](.*@A)s/a(b)/$1/gU", b"DEFAULT"]

    def target(content: bytes) -> None:
        text = content.decode("utf-8", "replace")
        with contextlib.suppress(InvalidMappingRules, NoRuleFits):
            PrincipalMapping(text).user("CN=alice,OU=x")
        with contextlib.suppress(ValueError):
            parse_rule(text)
        with contextlib.suppress(NoUserName):
            parse_kerberos_principal(text)
        with contextlib.suppress(NoUserName, ValueError):
            UserNames([text], "A").of("alice/host@A")
        with contextlib.suppress(ValueError):
            parse_principal(text)

    fuzz(target, seeds, [b"RULE:", b"/", b"$9", b"(?<n>", b"(a+)+$", b"[1:$1]", b"\\"])


def test_stored_credentials() -> None:
    """What stands in the tree: a credential or a ValueError, which shows nothing of it."""

    def target(content: bytes) -> None:
        try:
            parse_credential(content.decode("utf-8", "replace"))
        except ValueError as error:
            assert STORED[5:20] not in str(error)

    fuzz(target, [STORED.encode()], [b"iterations=", b"salt=", b","])
