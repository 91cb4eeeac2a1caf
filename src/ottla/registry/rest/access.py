"""Who may come in: users with passwords, tokens, or certificates, asked for before anything of a request is read but its head.

401 with 40101    nobody is logged in, or not by this password; or nobody is there where each request has to be somebody's
403 with 40301    a user that has none of the roles in `authentication.roles`

Who it is stands in the scope as `principal` from there on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from ottla.registry.errors import RegistryError
from ottla.registry.rest.asgi import Asgi, Message, Receive, Send
from ottla.registry.rest.messages import DEFAULT_TYPE, error_answer
from ottla.registry.secured import Principals
from ottla.security.principal_mapping import NoRuleFits
from ottla.security.rest_login import NotAllowed, Refused

ANONYMOUS: Final = "ANONYMOUS"
"""The principal of nobody in particular."""

_UNAUTHORIZED: Final = RegistryError(40101, "Unauthorized")
_FORBIDDEN: Final = RegistryError(40301, "Forbidden")


class Login(Protocol):
    """Knows who sends an `Authorization`."""

    def user(self, authorization: str) -> str:
        """Raises `Refused` and `NotAllowed`."""


class SkippedPaths:
    """`authentication.skip.paths`: a path, `/begin/*` for all below it and itself, `*.end` for all that end so."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._exact = {each for each in patterns if not each.endswith("/*") and not each.startswith("*.")}
        self._beginnings = tuple(each[:-1] for each in patterns if each.endswith("/*"))
        self._endings = tuple(each[1:] for each in patterns if each.startswith("*."))

    def __contains__(self, path: str) -> bool:
        return (
            path in self._exact
            or f"{path}/".startswith(self._beginnings or ("\0",))
            or path.endswith(self._endings or ("\0",))
        )


class LoggedIn:
    """An ASGI application in front of the registry's own."""

    def __init__(
        self,
        application: Asgi,
        login: Login | None,
        *,
        realm: str,
        lets_options_through: bool,
        waits: bool = False,
        skipped: Sequence[str] = (),
        principals: Principals | None = None,
    ) -> None:
        """`login`: None where certificates alone tell who it is. `waits`: it may take its time, and gets a thread.
        `principals`: whose requests are; None where nobody asks."""
        self._waits = waits
        self._application = application
        self._login = login
        quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
        self._challenge = f'{"Bearer" if waits else "Basic"} realm="{quoted}"'.encode("latin-1", "replace")
        self._lets_options_through = lets_options_through
        self._skipped = SkippedPaths(skipped)
        self._principals = principals

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                if self._waits:
                    scope["principal"] = await asyncio.to_thread(self._principal, scope)
                else:
                    scope["principal"] = self._principal(scope)
            except RegistryError as refusal:
                await self._refuse(refusal, scope, send)
                return
        await self._application(scope, receive, send)

    def _principal(self, scope: Message) -> str:
        """Who it is; nobody's name is empty. Raises `RegistryError`."""
        if scope["method"] == "OPTIONS" and self._lets_options_through:
            # A browser asks in this way, without credentials, whether its page may send any.
            return ""
        user = "" if self._login is None else self._user(self._login, scope)
        principals = self._principals
        if principals is None:
            return user
        if principals.mapping is not None:
            try:
                name = _certificate_name(scope)
                user = principals.mapping.user(name) if name else ""
            except NoRuleFits:
                raise _FORBIDDEN from None
        if user:
            return user
        if not principals.anonymous:
            raise _UNAUTHORIZED
        return ANONYMOUS

    def _user(self, login: Login, scope: Message) -> str:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given and scope["path"] in self._skipped:
            return ""
        try:
            return login.user(given[0].decode("latin-1") if len(given) == 1 else "")
        except Refused:
            raise _UNAUTHORIZED from None
        except NotAllowed:
            raise _FORBIDDEN from None

    async def _refuse(self, refusal: RegistryError, scope: Message, send: Send) -> None:
        body = error_answer(refusal).body
        headers = [(b"content-type", DEFAULT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        if refusal is _UNAUTHORIZED and self._login is not None:
            headers.append((b"www-authenticate", self._challenge))
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _certificate_name(scope: Message) -> str:
    """The name in the client's certificate, as the server puts it into the scope; empty where it showed none."""
    tls = scope.get("extensions", {}).get("tls", {})
    return str(tls.get("client_cert_name") or "")
