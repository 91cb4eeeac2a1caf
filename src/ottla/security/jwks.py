"""The public keys of an identity provider: a JWK set (RFC 7517), and which of its keys can have signed a token.

    {"keys": [{"kty": "RSA", "kid": "…", "alg": "RS256", "use": "sig", "n": "…", "e": "AQAB"}, …]}

A key verifies the algorithms of its kind alone: RSA's and those of its own curve. Symmetric keys are passed over, or whoever
knows a public key could sign by it; so are keys for encryption, and what nobody here knows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ottla.security.oauth_claims import JsonValue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MAX_KEYS: Final = 200
"""Of one set; identity providers have two to ten."""
MAX_TRIED_KEYS: Final = 8
"""For one token: tokens without a key id are tried by every key that fits."""
MIN_RSA_BITS: Final = 2048
"""RFC 7518, 3.3."""

_OF_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_OF_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
ALGORITHMS: Final = frozenset({*_OF_RSA, *_OF_CURVES.values(), "EdDSA"})
"""All that are accepted; neither `none` nor an HMAC is among them."""


class InvalidJwks(Exception):  # noqa: N818 - the set is, whoever asked isn't at fault
    """The document is no JWK set, or has no key that could verify a signature."""


class VerificationKey(NamedTuple):
    """One key."""

    key_id: str | None
    algorithms: frozenset[str]
    key: PublicKey


class KeySet(NamedTuple):
    """The keys of one document, in its order."""

    keys: tuple[VerificationKey, ...] = ()

    def candidates(self, key_id: str | None, algorithm: str) -> list[VerificationKey]:
        """The keys that can have signed a token of this header."""
        return [each for each in self.keys if algorithm in each.algorithms and key_id in (None, each.key_id)][
            :MAX_TRIED_KEYS
        ]


def parse_jwks(document: bytes) -> KeySet:
    """The keys that can verify. Raises `InvalidJwks`. Loads the libraries; not for the loop."""
    try:
        value: JsonValue = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise InvalidJwks("it is not JSON") from error
    entries = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise InvalidJwks("it has no list of 'keys'")
    if len(entries) > MAX_KEYS:
        raise InvalidJwks(f"it has {len(entries)} keys, more than {MAX_KEYS}")
    keys = [key for entry in entries if isinstance(entry, dict) and (key := _key(entry)) is not None]
    if not keys:
        raise InvalidJwks("none of its keys can verify a signature")
    return KeySet(tuple(keys))


def _key(entry: dict[str, JsonValue]) -> VerificationKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - no broker without OAuth loads it
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    operations = entry.get("key_ops")
    if entry.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return None
    try:
        algorithms, key = _by_type(entry)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
    algorithm, key_id = entry.get("alg"), entry.get("kid")
    if isinstance(algorithm, str):
        algorithms &= {algorithm}
    if key is None or not algorithms:
        return None
    return VerificationKey(key_id if isinstance(key_id, str) else None, algorithms, key)


def _by_type(entry: dict[str, JsonValue]) -> tuple[frozenset[str], PublicKey | None]:
    """The public part alone, whatever else the entry holds."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm  # noqa: PLC0415

    match entry.get("kty"):
        case "RSA":
            rsa = RSAAlgorithm.from_jwk(json.dumps({name: entry[name] for name in ("kty", "n", "e")}))
            if isinstance(rsa, RSAPublicKey) and rsa.key_size >= MIN_RSA_BITS:
                return _OF_RSA, rsa
        case "EC":
            curve = entry["crv"]
            ec = ECAlgorithm.from_jwk(json.dumps({name: entry[name] for name in ("kty", "crv", "x", "y")}))
            if isinstance(ec, EllipticCurvePublicKey) and isinstance(curve, str) and curve in _OF_CURVES:
                return frozenset({_OF_CURVES[curve]}), ec
        case "OKP":
            okp = OKPAlgorithm.from_jwk(json.dumps({name: entry[name] for name in ("kty", "crv", "x")}))
            if isinstance(okp, Ed25519PublicKey):
                return frozenset({"EdDSA"}), okp
    return frozenset(), None
