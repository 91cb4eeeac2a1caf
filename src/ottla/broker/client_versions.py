"""Which clients ask for which API in which version: a line in a file for each that is new, when a setting asks for it.

Good to know before an upgrade takes old versions away. A line is a JSON object::

    {"software": "librdkafka", "software_version": "2.10.0", "client_id": "orders", "api_key": 1, "api_version": 12}

`software` is what the client tells in ApiVersions since version 3 (KIP-511), null before it has. Connections of a broker
without the setting know nothing of this: those with it are of another class.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from ottla.broker.connection import Connection

if TYPE_CHECKING:
    from ottla.broker.listener import Listener

LINES_MAX: Final = 10_000
"""Client ids can be anything: beyond so many lines of one broker none is written."""

_API: Final = Struct(">hh")
_UNKNOWN: Final = "unknown"

_log = logging.getLogger(__name__)


class ClientVersions:
    """The file, and what this broker has written into it. Several brokers may share one: lines are appended whole."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._seen: set[tuple[str, str, str | None, int, int]] = set()
        self._full = False

    def connection(self, listener: Listener) -> Connection:
        """A connection whose requests are noted."""
        return _NotedConnection(listener, self)

    def note(self, connection: _NotedConnection, api_key: int, api_version: int) -> None:
        """Write a line if it is a new one. A file that can't be written is told of in the log, once."""
        info = connection.info
        name, version = info.client_software_name, info.client_software_version
        key = (name, version, connection.client_id, api_key, api_version)
        if self._full or key in self._seen:
            return
        self._seen.add(key)
        self._full = len(self._seen) >= LINES_MAX
        line = {
            "software": None if name == _UNKNOWN else name,
            "software_version": None if name == _UNKNOWN else version,
            "client_id": connection.client_id,
            "api_key": api_key,
            "api_version": api_version,
        }
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            _log.warning("ottla.client.versions.file can't be written: %s", error)
            self._full = True


class _NotedConnection(Connection):
    __slots__ = ("_versions",)

    def __init__(self, listener: Listener, versions: ClientVersions) -> None:
        super().__init__(listener)
        self._versions = versions

    @property
    def client_id(self) -> str | None:
        return self._client_id

    def _handle(self, frame: memoryview, started: float) -> float:
        if self.login is not None and self.login.awaits_bare_token:
            return super()._handle(frame, started)
        api_key, api_version = _API.unpack_from(frame)
        ended = super()._handle(frame, started)
        if not self.closing:
            self._versions.note(self, api_key, api_version)
        return ended
