"""Tokens of an identity provider, as clients of the services that speak HTTP bring them: `Authorization: Bearer …` (RFC 6750)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from ottla.security.jwks_download import Download
from ottla.security.jwks_store import JwksStore, StoreTimes
from ottla.security.oauth_claims import ClaimRules, InvalidToken
from ottla.security.oauth_tokens import MAX_TOKEN_CHARACTERS, SignedTokens
from ottla.security.rest_login import ANY_ROLE, NotAllowed, Refused

_SCHEME: Final = "bearer"


class BearerLogin:
    """Verifies tokens, and that one of their scopes is among the roles; `*` is any. Reads the keys from now on, until `close`."""

    __slots__ = ("_keys", "_roles", "_tokens")

    def __init__(self, address: str, rules: ClaimRules, roles: Iterable[str]) -> None:
        """Raises ValueError for an address that keys can't be read from."""
        self._keys = JwksStore(address, Download(address), StoreTimes())
        self._tokens = SignedTokens(self._keys.find, rules, time.time)
        self._roles = frozenset(roles)
        self._keys.start()

    def user(self, authorization: str) -> str:
        """Who sends this header; raises `Refused` and `NotAllowed`. May wait for keys: called on a thread."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != _SCHEME or len(token) > MAX_TOKEN_CHARACTERS:
            raise Refused
        try:
            verified = self._tokens.verify(token.strip())
        except InvalidToken:
            raise Refused from None
        # Providers send them in one text, with blanks between (RFC 9068), or as a list.
        scopes = {scope for scopes in verified.scopes for scope in scopes.split()}
        if not ANY_ROLE & self._roles and not self._roles & scopes:
            raise NotAllowed
        return verified.principal_name

    def close(self) -> None:
        """End reading."""
        self._keys.close()
