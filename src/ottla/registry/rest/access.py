"""Who may come in: users with passwords, or tokens, asked for before anything of a request is read but its head.

401 with 40101    nobody is logged in, or not by this password
403 with 40301    a user that has none of the roles in `authentication.roles`
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from ottla.registry.errors import RegistryError
from ottla.registry.rest.asgi import Asgi, Message, Receive, Send
from ottla.registry.rest.messages import DEFAULT_TYPE, error_answer
from ottla.security.rest_login import NotAllowed, Refused

_UNAUTHORIZED: Final = RegistryError(40101, "Unauthorized")
_FORBIDDEN: Final = RegistryError(40301, "Forbidden")


class Login(Protocol):
    """Knows who sends an `Authorization`."""

    def user(self, authorization: str) -> str:
        """Raises `Refused` and `NotAllowed`."""


class LoggedIn:
    """An ASGI application in front of the registry's own. `waits`: the log-in may take its time, and gets a thread."""

    def __init__(
        self, application: Asgi, login: Login, *, realm: str, lets_options_through: bool, waits: bool = False
    ) -> None:
        self._waits = waits
        self._application = application
        self._login = login
        quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
        self._challenge = f'{"Bearer" if waits else "Basic"} realm="{quoted}"'.encode("latin-1", "replace")
        self._lets_options_through = lets_options_through

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._waits:
                refusal = await asyncio.to_thread(self._refusal, scope)
            else:
                refusal = self._refusal(scope)
            if refusal is not None:
                await self._refuse(refusal, scope, send)
                return
        await self._application(scope, receive, send)

    def _refusal(self, scope: Message) -> RegistryError | None:
        if scope["method"] == "OPTIONS" and self._lets_options_through:
            # A browser asks in this way, without credentials, whether its page may send any.
            return None
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            self._login.user(given[0].decode("latin-1") if len(given) == 1 else "")
        except Refused:
            return _UNAUTHORIZED
        except NotAllowed:
            return _FORBIDDEN
        return None

    async def _refuse(self, refusal: RegistryError, scope: Message, send: Send) -> None:
        body = error_answer(refusal).body
        headers = [(b"content-type", DEFAULT_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        if refusal is _UNAUTHORIZED:
            headers.append((b"www-authenticate", self._challenge))
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
