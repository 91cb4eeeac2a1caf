"""The bytes of a JWK set: from a file, or from an identity provider by HTTP.

A download has a greatest size and a greatest time, whatever the other side does, and can be broken off. Redirections are
refused: an address that the broker was not given could be one inside its network.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

MAX_BYTES: Final = 524_288
"""Of a JWK set, as in Apache's library (jose4j)."""
TIMEOUT_S: Final = 20.0
"""For all of a download; in that library, for each read."""
_PIECE: Final = 65_536
_SCHEMES: Final = ("https", "http", "file")


class DownloadFailed(Exception):  # noqa: N818 - it is an outcome
    """There are no bytes. The text is for the log; it has no credentials of the address."""


def checked_address(address: str) -> SplitResult:
    """An address that can be read from. Raises `ValueError`, which says what it must be."""
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"it must begin with one of {', '.join(f'{each}://' for each in _SCHEMES)}")
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise ValueError("a file's address is file:// and an absolute path: it begins with three slashes")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError("it has no host")
    if "@" in parts.netloc:
        raise ValueError("it must not hold a user or password")
    _ = parts.port  # raises for what is no number
    return parts


class Download:
    """Reads one address, time and again. `fetch` is for a thread; `cancel` may be called from another one."""

    def __init__(self, address: str, timeout_s: float = TIMEOUT_S) -> None:
        """Raises `ValueError`."""
        self._parts = checked_address(address)
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._is_cut = False

    def fetch(self) -> bytes:
        """The document. Raises `DownloadFailed`."""
        if self._parts.scheme == "file":
            return self._read_file()
        self._is_cut = False
        connection = self._connection = self._connect()
        overdue = threading.Timer(self._timeout_s, self.cancel)
        overdue.daemon = True
        overdue.start()
        try:
            return self._request(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DownloadFailed(f"{type(error).__name__}: {str(error)[:200]!r}") from error
        finally:
            overdue.cancel()
            self._connection = self._socket = None
            connection.close()

    def cancel(self) -> None:
        """Make a `fetch` under way fail soon."""
        self._is_cut = True
        # A connection gives its socket away to the response, and has it alone while it is being opened.
        connection = self._connection
        using = self._socket or (None if connection is None else connection.sock)
        if using is not None:
            with contextlib.suppress(OSError):
                using.shutdown(socket.SHUT_RDWR)

    def _read_file(self) -> bytes:
        try:
            with Path(unquote(self._parts.path)).open("rb") as file:
                document = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise DownloadFailed(str(error)) from error
        return _bounded(document)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)

    def _request(self, connection: http.client.HTTPConnection) -> bytes:
        connection.connect()
        self._socket = connection.sock
        query = f"?{self._parts.query}" if self._parts.query else ""
        connection.request(
            "GET",
            (self._parts.path or "/") + query,
            headers={"Accept": "application/json", "User-Agent": "ottla", "Connection": "close"},
        )
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise DownloadFailed(f"the answer is {response.status} {response.reason[:100]!r}, expected 200")
        document = bytearray()
        while piece := response.read1(_PIECE):
            document += piece
            _bounded(document)
        if self._is_cut:  # which looks like the end of a document whose length wasn't told
            raise DownloadFailed(f"it was broken off, after {self._timeout_s:.0f} s at the latest")
        if response.length:
            raise DownloadFailed(f"it ends {response.length} bytes too early")
        return bytes(document)


def _bounded(document: bytes | bytearray) -> bytes:
    if len(document) > MAX_BYTES:
        raise DownloadFailed(f"it is larger than {MAX_BYTES} bytes")
    return bytes(document)
