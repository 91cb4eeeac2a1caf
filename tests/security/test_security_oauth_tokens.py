"""Which tokens of an identity provider let somebody in: the attacks on JWT, and what a token has to claim."""

from __future__ import annotations

import base64
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from identity_provider import SigningKey, unsigned
from ottla.security.jwks import parse_jwks
from ottla.security.oauth_claims import BearerToken, ClaimRules, InvalidToken, check_claims
from ottla.security.oauth_tokens import MAX_TOKEN_CHARACTERS, SignedTokens, UnsecuredRules, UnsecuredTokens

NOW_S = 1_700_000_000
RULES = ClaimRules(issuer="https://identity.example", audiences=frozenset({"kafka"}), clock_skew_s=30)
GOOD: dict[str, object] = {
    "iss": "https://identity.example",
    "aud": "kafka",
    "sub": "alice",
    "iat": NOW_S - 100,
    "exp": NOW_S + 100,
}
KEY = SigningKey("RS256", "rsa")
CURVE_KEY = SigningKey("ES256", "curve")
OTHER_KEY = SigningKey("RS256", "rsa")
KEYS = parse_jwks(json.dumps({"keys": [KEY.published, CURVE_KEY.published]}).encode())
TOKENS = SignedTokens(KEYS.candidates, RULES, lambda: NOW_S)


def encoded(value: object) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("key", [KEY, CURVE_KEY], ids=["RS256", "ES256"])
def test_a_token_of_the_identity_provider(key: SigningKey) -> None:
    """It says who, and until when."""
    assert TOKENS.verify(key.sign(GOOD)) == BearerToken("alice", (NOW_S + 100) * 1000)


def test_a_token_without_a_key_id() -> None:
    """Every key that fits is tried."""
    assert TOKENS.verify(CURVE_KEY.sign(GOOD, kid=None)).principal_name == "alice"


def hmac_token(secret: bytes, **header: object) -> str:
    """Signed as HS256, the secret being whatever it is."""
    signed = f"{encoded({'alg': 'HS256', **header})}.{encoded(GOOD)}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).decode().rstrip("=")
    return f"{signed}.{signature}"


PUBLIC_PEM = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEADER, CLAIMS, SIGNATURE = KEY.sign(GOOD).split(".")

CURVE_HEADER = CURVE_KEY.sign(GOOD).split(".")[0]

FORGED = {
    "no signature, alg none": unsigned(GOOD),
    "alg none in other letters": unsigned(GOOD, alg="nOnE"),
    "alg none, and the signature of another token": unsigned(GOOD) + SIGNATURE,
    "no algorithm": f"{encoded({'kid': 'rsa'})}.{CLAIMS}.{SIGNATURE}",
    "an algorithm that is no text": f"{encoded({'alg': ['RS256'], 'kid': 'rsa'})}.{CLAIMS}.{SIGNATURE}",
    "the public key as an HMAC's secret": hmac_token(PUBLIC_PEM, kid="rsa"),
    "an empty HMAC secret": hmac_token(b""),
    "another key under the same id": OTHER_KEY.sign(GOOD),
    "another key without an id": OTHER_KEY.sign(GOOD, kid=None),
    "the key in the token's own header": OTHER_KEY.sign(GOOD, jwk=OTHER_KEY.published),
    "the address of the key in the header": OTHER_KEY.sign(GOOD, jku="https://attacker.example/jwks"),
    "a certificate in the header": OTHER_KEY.sign(GOOD, x5u="https://attacker.example/x5u"),
    "the id of the key for another algorithm": OTHER_KEY.sign(GOOD, kid="curve"),
    "a key id that is a path": OTHER_KEY.sign(GOOD, kid="../../../dev/null"),
    "a key id that is SQL": OTHER_KEY.sign(GOOD, kid="x' UNION SELECT 'secret"),
    "a key id that is empty": OTHER_KEY.sign(GOOD, kid=""),
    "a key id that is long": OTHER_KEY.sign(GOOD, kid="k" * 1_001),
    "a key id that is no text": f"{encoded({'alg': 'RS256', 'kid': 1})}.{CLAIMS}.{SIGNATURE}",
    "a signature of zeros": f"{CURVE_HEADER}.{CLAIMS}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}",
    "claims that are not encoded": KEY.sign(GOOD, crit=["b64"], b64=False),
    "an extension that must be understood": KEY.sign(GOOD, crit=["exp2"], exp2=1),
    "claims changed after signing": f"{HEADER}.{encoded({**GOOD, 'sub': 'admin'})}.{SIGNATURE}",
    "header changed after signing": f"{encoded({'alg': 'RS256', 'kid': 'rsa', 'x': 1})}.{CLAIMS}.{SIGNATURE}",
    "no signature at all": f"{HEADER}.{CLAIMS}.",
    "two parts": f"{HEADER}.{CLAIMS}",
    "five parts, an encrypted one": f"{HEADER}.{CLAIMS}.{SIGNATURE}.a.b",
    "a header that is no object": f"{encoded([1])}.{CLAIMS}.{SIGNATURE}",
    "a header that isn't base64": f"***.{CLAIMS}.{SIGNATURE}",
    "nothing": "",
    "dots": "..",
    "too long": f"{HEADER}.{'A' * MAX_TOKEN_CHARACTERS}.{SIGNATURE}",
    "JSON nested deep": f"{base64.urlsafe_b64encode(b'[' * 30_000).decode()}.{CLAIMS}.{SIGNATURE}",
    "a number of many digits": f"{base64.urlsafe_b64encode(b'1' * 9_000).decode()}.{CLAIMS}.{SIGNATURE}",
}


@pytest.mark.parametrize("attack", FORGED)
def test_forged_tokens(attack: str) -> None:
    """None lets anybody in, and what the log gets is one short line without the signature."""
    with pytest.raises(InvalidToken) as refused:
        TOKENS.verify(FORGED[attack])
    assert len(str(refused.value)) < 1_000
    assert "\n" not in str(refused.value)
    assert SIGNATURE not in str(refused.value)


def test_claims_of_one_name_twice() -> None:
    """Readers disagree on which one holds, so none does."""
    text = json.dumps(GOOD).replace('"sub": "alice"', '"sub": "alice", "sub": "admin"')
    token = jwt.PyJWS().encode(text.encode(), KEY.private, algorithm="RS256", headers={"kid": "rsa"})
    with pytest.raises(InvalidToken, match="claims can't be read"):
        TOKENS.verify(token)


def test_a_weak_key_verifies_nothing() -> None:
    """An RSA key below 2,048 bits isn't taken out of the set, and symmetric keys neither."""
    weak = SigningKey("RS256", "weak")
    weak.private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    symmetric = {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256"}
    encrypting = {**OTHER_KEY.published, "use": "enc", "kid": "enc"}
    document = {"keys": [weak.published, symmetric, encrypting, KEY.published, {"kty": "RSA"}, 1]}
    keys = parse_jwks(json.dumps(document).encode())
    assert [each.key_id for each in keys.keys] == ["rsa"]


CLAIM_FAULTS: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "https://attacker.example"},
    "no issuer": {"iss": None},
    "an issuer that is a list": {"iss": ["https://identity.example"]},
    "another audience": {"aud": "other"},
    "no audience": {"aud": None},
    "a list of other audiences": {"aud": ["a", "b"]},
    "an audience that contains ours": {"aud": "kafkaesque"},
    "an audience that is an object": {"aud": {"kafka": 1}},
    "expired": {"exp": NOW_S - 31},
    "expires this second": {"exp": NOW_S - 30},
    "never expires": {"exp": None},
    "an end that is a text": {"exp": str(NOW_S + 100)},
    "an end that is true": {"exp": True},
    "an end beyond all dates": {"exp": 2**63},
    "a negative end": {"exp": -1},
    "not issued": {"iat": None},
    "expires before it is issued": {"iat": NOW_S + 101},
    "not yet": {"nbf": NOW_S + 31},
    "a beginning that is a text": {"nbf": "soon"},
    "nobody": {"sub": None},
    "a blank": {"sub": "  "},
    "a number": {"sub": 7},
    "scopes twice": {"scope": ["a", "a"]},
    "a blank scope": {"scope": ["a", " "]},
}


@pytest.mark.parametrize("fault", CLAIM_FAULTS)
def test_claims_that_let_nobody_in(fault: str) -> None:
    """However well they are signed."""
    claims = {name: value for name, value in {**GOOD, **CLAIM_FAULTS[fault]}.items() if value is not None}
    with pytest.raises(InvalidToken):
        TOKENS.verify(KEY.sign(claims))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["other", "kafka"]},
        {"exp": NOW_S - 29},
        {"exp": NOW_S + 0.5},
        {"nbf": NOW_S + 30},
        {"scope": "a b"},
        {"scope": ["a", "b"]},
        {"scope": 7},
        {"sub": " alice "},
    ],
    ids=str,
)
def test_claims_at_their_bounds(change: dict[str, object]) -> None:
    """Clocks may differ by `sasl.oauthbearer.clock.skew.seconds`; one audience of many is enough."""
    assert TOKENS.verify(KEY.sign({**GOOD, **change})).principal_name == "alice"


def test_without_expectations() -> None:
    """Any issuer will do; a token for somebody in particular won't, for who it is for hasn't been said to be us."""
    lax = SignedTokens(KEYS.candidates, ClaimRules(), lambda: NOW_S)
    free = {name: value for name, value in GOOD.items() if name not in ("aud", "iss")}
    assert lax.verify(KEY.sign(free)).principal_name == "alice"
    assert lax.verify(KEY.sign({**free, "iss": "anyone"})).principal_name == "alice"
    with pytest.raises(InvalidToken, match=r"expected\.audience"):
        lax.verify(KEY.sign(GOOD))


def test_other_claim_names() -> None:
    """`sasl.oauthbearer.sub.claim.name` says which claim names the user."""
    rules = RULES._replace(subject_claim="email")
    tokens = SignedTokens(KEYS.candidates, rules, lambda: NOW_S)
    assert tokens.verify(KEY.sign({**GOOD, "email": "a@example.com"})).principal_name == "a@example.com"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "iat", "exp", "nbf", "scope", "x"]), JSON, max_size=8
    )
)
def test_any_claims_hold_or_are_refused(claims: dict[str, object]) -> None:
    """Nothing else comes of them."""
    merged = {**GOOD, **claims}
    try:
        token = check_claims(merged, RULES, NOW_S)  # type: ignore[arg-type]
    except InvalidToken:
        return
    assert token.principal_name
    assert token.expires_at_ms > (NOW_S - 31) * 1000


@given(token=st.text() | st.from_regex(r"[-_A-Za-z0-9]*\.[-_A-Za-z0-9]*\.[-_A-Za-z0-9]*", fullmatch=True))
def test_any_text_is_refused(token: str) -> None:
    """As a token, by both kinds of verifiers."""
    for tokens in (TOKENS, UnsecuredTokens(UnsecuredRules(), time.time)):
        with pytest.raises(InvalidToken):
            tokens.verify(token)


def test_unsecured_tokens() -> None:
    """Where a listener's owner asks for them: nobody has signed them, and who shows a signed one is refused."""
    rules = UnsecuredRules(required_scopes=frozenset({"kafka"}), clock_skew_ms=1000)
    tokens = UnsecuredTokens(rules, lambda: NOW_S)
    claims: dict[str, object] = {"sub": "alice", "exp": NOW_S + 5, "iat": NOW_S, "scope": "other kafka"}
    assert tokens.verify(unsigned(claims)).principal_name == "alice"
    for change in ({"scope": "other"}, {"exp": NOW_S - 1}, {"iat": NOW_S + 2}, {"sub": ""}, {"sub": 1}):
        with pytest.raises(InvalidToken):
            tokens.verify(unsigned({**claims, **change}))
    with pytest.raises(InvalidToken, match="signed"):
        tokens.verify(KEY.sign(claims))
