"""The files that a registry's security is made of, looked at every few seconds and read again when one has changed.

    users, JAAS file     the next request is asked by the new ones
    key and trust store  new connections get the new certificate, connections that stand keep theirs

What can't be read is told in the log, once for each state of the files, and what was in use stays in use.

Source: Jetty's hot reload of user files; `ssl.keystore.reload` and `ssl.keystore.watch.location` of the original.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.config.values import Value
from ottla.registry.secured import (
    SecurityError,
    basic_login,
    client_context,
    login_files,
    server_side,
    tls_settings,
)

if TYPE_CHECKING:
    from ottla.security.rest_login import BasicLogin
    from ottla.security.tls import ServerTls

LOOK_S: Final = 2.0
"""So late at most a change is seen."""

FileStates = tuple[tuple[int, int, int] | None, ...]
"""Of each file its inode, size and time of change; None where there is none."""

_log = logging.getLogger("ottla.registry")


class RenewedLogin:
    """Asks the users as they are now. Implements `access.Login`."""

    def __init__(self, login: BasicLogin) -> None:
        self.current = login

    def user(self, authorization: str) -> str:
        """Raises `Refused` and `NotAllowed`."""
        return self.current.user(authorization)


class RenewedTls:
    """TLS for listeners that get one context for all their time."""

    def __init__(self, made: ServerTls, client: ssl.SSLContext) -> None:
        self.context = made.context
        """What a listener is given. Handshakes go on with the newest one's certificate and trust."""
        self.client = client
        """How this registry speaks to another one now."""
        self._current = made
        # OpenSSL calls it at each client's hello, whether that names a server or not.
        self.context.sni_callback = self._choose

    def renew(self, made: ServerTls, client: ssl.SSLContext) -> None:
        """Use these for new connections."""
        self._current = made
        self.client = client

    def _choose(
        self, session: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        if self._current.context is not self.context:
            session.context = self._current.context


class _Watched:
    """Files, and what is to be done when one of them is another than before."""

    def __init__(self, files: Callable[[], Iterable[str]], what: str) -> None:
        self._files = files
        self._what = what
        self._seen = self._states()

    def look(self, renew: Callable[[], None]) -> None:
        states = self._states()
        if states == self._seen:
            return
        self._seen = states
        try:
            renew()
        except SecurityError as error:
            _log.error("The %s can't be used, what was in use stays in use: %s", self._what, error)
        else:
            _log.info("The %s was read again", self._what)

    def _states(self) -> FileStates:
        try:
            return tuple(_state(each) for each in self._files() if each)
        except SecurityError:
            return ()


class Renewal:
    """Made before the files are read, so that no change is missed."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        """Looks at the files for the first time: on a thread."""
        self._values = values
        self._users = _Watched(lambda: login_files(values), "users' file")
        self._stores = _Watched(lambda: _store_files(values), "TLS store")

    async def run(self, login: RenewedLogin | None, tls: RenewedTls | None) -> None:
        """Look, on a thread, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self._look, login, tls)

    def _look(self, login: RenewedLogin | None, tls: RenewedTls | None) -> None:
        values = self._values
        if login is not None:
            self._users.look(lambda: _renew_login(values, login))
        if tls is not None and values["ssl.keystore.reload"] is True:
            self._stores.look(lambda: _renew_tls(values, tls))


def _renew_login(values: Mapping[str, Value], login: RenewedLogin) -> None:
    made = basic_login(values)
    if made is not None:
        login.current = made


def _renew_tls(values: Mapping[str, Value], tls: RenewedTls) -> None:
    tls.renew(server_side(values), client_context(values))


def _store_files(values: Mapping[str, Value]) -> list[str]:
    settings = tls_settings(values)
    watched = str(values["ssl.keystore.watch.location"] or "")
    return [settings.keystore.location, settings.truststore.location, watched]


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
