"""SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), the server's side.

    client   n,[a=authorization id],n=user,r=client nonce[,tokenauth=true]
    server   r=client nonce + server nonce,s=salt,i=iterations
    client   c=base64 of the part up to the second comma,r=the whole nonce,p=proof
    server   v=signature

    proof = client key XOR HMAC(stored key, the first three messages without `n,…,` and `,p=…`)
    it is right when H(client key) is the stored key

No password is seen: a log-in costs three hashes, so it runs on the loop. With `tokenauth=true` the user is a delegation
token's id and the password its HMAC (KIP-48).

Source: `ScramSaslServer`, `ScramMessages`. Stricter than these: an extension that must be understood (`m=`) is refused, and
the channel binding has to be the one that the first message began with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

from ottla.cluster.scram_changes import MIN_ITERATIONS, Mechanism
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
    Outcome,
)
from ottla.security.principal import USER_TYPE, KafkaPrincipal
from ottla.security.scram_credentials import (
    ScramCredential,
    derived_credential,
    parse_credential,
    phantom_credential,
)

CLIENT_NONCE_MAX: Final = 1_024
"""Characters of a client's nonce; clients send some thirty. All of it comes back in every message."""
MESSAGE_MAX: Final = 16_384
"""Bytes of a message."""

_SASL_NAME = r"(?:[\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+"
_VALUE = r"[\x01-\x2b\x2d-\x7f]+"
_NONCE = r"[\x21-\x2b\x2d-\x7e]+"
_EXTENSIONS = rf"(?P<extensions>(?:,[A-Za-z]+={_VALUE})*)"
_FIRST: Final = re.compile(
    rf"(?P<header>n,(?:a=(?P<authorization_id>{_SASL_NAME}))?,)"
    rf"(?P<bare>n=(?P<name>{_SASL_NAME}),r=(?P<nonce>{_NONCE}){_EXTENSIONS})"
)
_FINAL: Final = re.compile(
    rf"(?P<without_proof>c=(?P<channel>[A-Za-z0-9+/=]+),r=(?P<nonce>{_NONCE}){_EXTENSIONS}),p=(?P<proof>[A-Za-z0-9+/=]+)"
)


class TokenProof:
    """A delegation token that is in force."""

    __slots__ = ("expires_at_ms", "owner", "password")

    def __init__(self, owner: str, password: bytes, expires_at_ms: int) -> None:
        self.owner = owner
        """User name of its owner, who the connection then belongs to."""
        self.password = password
        self.expires_at_ms = expires_at_ms


TokenLookup = Callable[[str], TokenProof | None]
"""By a token's id; None for one that doesn't exist or is over. Called where `step` is, not on a thread."""


class ScramMechanism:
    """One of both mechanisms."""

    __slots__ = ("_credential_of", "_digest", "_mechanism", "_secret", "_token_of", "name", "new_nonce")

    def __init__(
        self,
        mechanism: Mechanism,
        credential_of: Callable[[str], str | None],
        token_of: TokenLookup | None,
        *,
        secret: bytes,
        new_nonce: Callable[[], str],
    ) -> None:
        """`credential_of` gives a user's credential as it is stored; `token_of` None: no token is valid.
        `secret` decides what users are told that don't exist; `new_nonce` gives the server's part of the nonce, which must
        be new and without commas."""
        self.name = mechanism.setting
        self._mechanism = mechanism
        self._digest = mechanism.digest
        self._credential_of = credential_of
        self._token_of = token_of
        self._secret = secret
        self.new_nonce = new_nonce

    def new_exchange(self, facts: ConnectionFacts) -> ScramExchange:  # noqa: ARG002 - it is the same for all
        return ScramExchange(self)

    def user(self, name: str) -> _Claimed:
        """Who claims to be this user, with what the proof is to be checked against. Raises `ValueError`."""
        stored = self._credential_of(name)
        # Made for those who exist as well, or the time would tell.
        phantom = phantom_credential(self._secret, self._mechanism, name)
        credential = phantom if stored is None else parse_credential(stored)
        return _Claimed(name, KafkaPrincipal(USER_TYPE, name), credential, None, is_known=stored is not None)

    def token_holder(self, token_id: str) -> Callable[[], _Claimed]:
        """What makes, on a thread, who claims to have this delegation token: its credential takes thousands of rounds.

        They are spent on unknown tokens as well, or the time would tell.
        """
        found = None if self._token_of is None else self._token_of(token_id)
        phantom = phantom_credential(self._secret, self._mechanism, token_id)
        password = phantom.server_key if found is None else found.password
        principal = KafkaPrincipal(USER_TYPE, "" if found is None else found.owner, token_authenticated=True)
        expires_at_ms = None if found is None else found.expires_at_ms

        def claimed() -> _Claimed:
            credential = derived_credential(self._mechanism, password, phantom.salt)
            return _Claimed(token_id, principal, credential, expires_at_ms, is_known=found is not None)

        return claimed

    def mac(self, key: bytes, message: str) -> bytes:
        return hmac.digest(key, message.encode(), self._digest)

    def hash(self, message: bytes) -> bytes:
        return hashlib.new(self._digest, message).digest()


class _Claimed:
    """Someone who has yet to prove it."""

    __slots__ = ("credential", "expires_at_ms", "is_known", "name", "principal")

    def __init__(
        self,
        name: str,
        principal: KafkaPrincipal,
        credential: ScramCredential,
        expires_at_ms: int | None,
        *,
        is_known: bool,
    ) -> None:
        self.name = name
        self.principal = principal
        self.credential = credential
        self.expires_at_ms = expires_at_ms
        self.is_known = is_known


class ScramExchange:
    """Two steps: first message, final message."""

    __slots__ = ("_channel", "_claimed", "_client_first", "_mechanism", "_nonce", "_server_first")

    def __init__(self, mechanism: ScramMechanism) -> None:
        self._mechanism = mechanism
        self._claimed: _Claimed | None = None
        self._channel = b""
        self._client_first = ""
        self._server_first = ""
        self._nonce = ""

    def step(self, token: bytes) -> Outcome:
        if len(token) > MESSAGE_MAX:
            raise _failed(f"a message of {len(token)} bytes")
        try:
            message = token.decode("ascii")
        except UnicodeDecodeError:
            raise _failed("a message that is not ASCII") from None
        return self._first(message) if self._claimed is None else self._final(message, self._claimed)

    def _first(self, message: str) -> Outcome:
        match = _FIRST.fullmatch(message)
        if match is None:
            raise _failed("a first message that has not the form of SCRAM's, or asks for a channel binding")
        if len(match["nonce"]) > CLIENT_NONCE_MAX:
            raise _failed(f"a nonce of {len(match['nonce'])} characters")
        self._channel = match["header"].encode()
        self._client_first = match["bare"]
        self._nonce = match["nonce"] + self._mechanism.new_nonce()
        name = _plain_name(match["name"])
        if _plain_name(match["authorization_id"] or match["name"]) != name:
            message_for_client = (
                "Authentication failed: Client requested an authorization id that is different from username"
            )
            raise AuthenticationFailed(message_for_client, f"SCRAM: {message_for_client}")
        if _asks_for_token(match["extensions"]):
            claim = self._mechanism.token_holder(name)
            return InThread(lambda: self._challenge(claim()))
        try:
            claimed = self._mechanism.user(name)
        except ValueError as error:
            raise _failed(f"user {name[:100]!r}: {error}") from None
        return self._challenge(claimed)

    def _challenge(self, claimed: _Claimed) -> Challenge:
        credential = claimed.credential
        if credential.iterations < MIN_ITERATIONS:
            raise _failed(
                f"the credential of {claimed.name[:100]!r} has {credential.iterations} iterations, fewer than "
                f"{MIN_ITERATIONS}: set it anew"
            )
        self._claimed = claimed
        salt = base64.b64encode(credential.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={credential.iterations}"
        return Challenge(self._server_first.encode())

    def _final(self, message: str, claimed: _Claimed) -> Authenticated:
        match = _FINAL.fullmatch(message)
        if match is None:
            raise _failed("a final message that has not the form of SCRAM's")
        if not hmac.compare_digest(match["nonce"], self._nonce):
            raise _failed("a final message with another nonce than this exchange's")
        # Clients that name an authorization id are known to write the header as if they had not.
        if _from_base64(match["channel"]) not in (self._channel, b"n,,"):
            raise _failed("a channel binding other than the first message's")
        signed = f"{self._client_first},{self._server_first},{match['without_proof']}"
        if (
            not self._is_proof(_from_base64(match["proof"]), signed, claimed.credential)
            or not claimed.is_known
        ):
            raise _failed(f"no such user or a wrong password: {claimed.name[:100]!r}")
        signature = self._mechanism.mac(claimed.credential.server_key, signed)
        answer = b"v=" + base64.b64encode(signature)
        return Authenticated(answer, claimed.principal, claimed.expires_at_ms)

    def _is_proof(self, proof: bytes, signed: str, credential: ScramCredential) -> bool:
        signature = self._mechanism.mac(credential.stored_key, signed)
        if len(proof) != len(signature):
            return False
        client_key = (int.from_bytes(proof) ^ int.from_bytes(signature)).to_bytes(len(proof))
        return hmac.compare_digest(self._mechanism.hash(client_key), credential.stored_key)


def _plain_name(sasl_name: str) -> str:
    return sasl_name.replace("=2C", ",").replace("=3D", "=")


def _asks_for_token(extensions: str) -> bool:
    told = dict(each.partition("=")[::2] for each in extensions.split(",") if each)
    return told.get("tokenauth", "").lower() == "true"


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _failed("a final message whose base64 is broken") from None


def _failed(reason: str) -> AuthenticationFailed:
    return AuthenticationFailed(None, f"SCRAM: {reason}")
