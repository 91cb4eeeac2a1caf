"""Delegation tokens as proofs (KIP-48): the secret of each, and which one a secret belongs to.

    secret   = HMAC-SHA-512(key: delegation.token.secret.key, message: token id)      64 bytes, given to the requester
    password = base64(secret)                                                         what a client logs in by, with SCRAM

All brokers have the same key, so each knows every token's secret without it being kept or sent between them.

Source: `DelegationTokenManager.createHmac`, `DelegationTokenCache`.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from ottla.cluster.delegation_token import DelegationToken


class DelegationTokens:
    """The tokens that there are. Used from one thread; `take` keeps it in step with the metadata.

    Which secret is whose is found out when somebody asks by one: a change of one token would else cost a look at all.
    """

    __slots__ = ("_by_secret", "_indexed", "_key", "_secrets", "_tokens")

    def __init__(self, key: str) -> None:
        """`key` is `delegation.token.secret.key`."""
        self._key = key.encode()
        self._tokens: Mapping[str, DelegationToken] = {}
        self._indexed: Mapping[str, DelegationToken] = self._tokens
        self._secrets: dict[str, bytes] = {}
        self._by_secret: dict[bytes, str] = {}

    def __repr__(self) -> str:
        return f"DelegationTokens({len(self._tokens)} tokens)"

    def take(self, tokens: Mapping[str, DelegationToken]) -> None:
        """`tokens` are all that there are now, by id."""
        self._tokens = tokens

    def index(self) -> None:
        """Compute the secrets of tokens that are new."""
        tokens = self._tokens
        if self._indexed is tokens:
            return
        for gone in self._secrets.keys() - tokens.keys():
            del self._by_secret[self._secrets.pop(gone)]
        for token_id in tokens.keys() - self._secrets.keys():
            secret = self.secret_of(token_id)
            self._secrets[token_id] = secret
            self._by_secret[secret] = token_id
        self._indexed = tokens

    def secret_of(self, token_id: str) -> bytes:
        """The secret of a token with this id, whether there is one or not."""
        return self._secrets.get(token_id) or hmac.digest(self._key, token_id.encode(), "sha512")

    def by_secret(self, secret: bytes) -> DelegationToken | None:
        """The token that `secret` is of."""
        if secret not in self._by_secret:
            self.index()
        return self._tokens.get(self._by_secret.get(secret, ""))

    def in_force(self, token_id: str, now_ms: int) -> DelegationToken | None:
        """The token by which somebody may log in now; None if there is none of this id, or it is over."""
        token = self._tokens.get(token_id)
        return None if token is None or token.is_over(now_ms) else token

    def password_of(self, token: DelegationToken) -> bytes:
        """What a client that has the token gives as its password."""
        return base64.b64encode(self.secret_of(token.token_id))
