"""An identity provider's keys, kept at hand: log-ins look at what was read last, a thread of its own reads anew.

    start ──▶ read ──▶ wait `refresh` ──▶ read ──▶ …
                ╰ failed: wait `retry backoff`, doubled each time up to its greatest; the keys that are known stay

A token whose key isn't known asks for a reading out of turn, at most one in `retry backoff max`, so that tokens with invented
key ids can't make the broker flood the identity provider. Its log-in waits for that reading, `MAX_WAITING` at a time, and all of
the first ones for the very first; not longer than `MAX_WAIT_S`, and never for one that isn't due.

Source: `RefreshingHttpsJwks`, where such a token is refused and the next one gets in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from ottla.security.jwks import InvalidJwks, KeySet, VerificationKey, parse_jwks
from ottla.security.jwks_download import DownloadFailed

_log = logging.getLogger(__name__)

MAX_WAIT_S: Final = 3.0
"""How long one log-in waits for a reading."""
MAX_WAITING: Final = 2
"""Log-ins that wait at a time: they hold threads, which others need."""
STARTING_S: Final = 10.0
"""For so long after the start all may wait for the first reading: many clients come back at once then."""
_LONGEST_WAIT_S: Final = 1e6
CLOSING_S: Final = 1.0
"""How long `close` waits for the thread; it ends with the process at the latest."""


class Source(Protocol):
    """Where a JWK set is read from."""

    def fetch(self) -> bytes:
        """The document. Raises `DownloadFailed`."""

    def cancel(self) -> None:
        """Make a `fetch` under way fail soon. From any thread."""


class StoreTimes(NamedTuple):
    """`sasl.oauthbearer.jwks.endpoint.…`, in seconds."""

    refresh_s: float = 3_600.0
    retry_backoff_s: float = 0.1
    retry_backoff_max_s: float = 10.0


class JwksStore:
    """The keys of one address. `start` and `close` once each; `find` in any thread."""

    def __init__(
        self,
        address: str,
        source: Source,
        times: StoreTimes,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`address` is for the log."""
        self._address = address
        self._source = source
        self._times = times
        self._now_s = now_s
        self._keys = KeySet()
        self._changed = threading.Condition()
        self._readings = 0
        """Attempts, whatever came of them."""
        self._last_reading_s = 0.0
        self._is_due = True
        """A reading is wanted, or under way."""
        self._waiting = 0
        self._started_s = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
        self._started_s = self._now_s()
        self._thread = threading.Thread(target=self._run, name="ottla-jwks", daemon=True)
        self._thread.start()

    def find(self, key_id: str | None, algorithm: str) -> list[VerificationKey]:
        """The keys that can have signed a token of this header. May wait."""
        found = self._keys.candidates(key_id, algorithm)
        if found:
            return found
        with self._changed:
            if self._now_s() - self._last_reading_s >= self._times.retry_backoff_max_s:
                self._is_due = True
                self._changed.notify_all()
            if self._is_due and self._may_wait():
                before = self._readings
                self._waiting += 1
                self._changed.wait_for(lambda: self._readings > before or self._closed, MAX_WAIT_S)
                self._waiting -= 1
        return self._keys.candidates(key_id, algorithm)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.cancel()
        if self._thread is not None:
            self._thread.join(CLOSING_S)

    def _may_wait(self) -> bool:
        is_starting = self._readings == 0 and self._now_s() - self._started_s < STARTING_S
        return is_starting or self._waiting < MAX_WAITING

    def _run(self) -> None:
        failures = 0
        while not self._closed:
            failures = 0 if self._read() else failures + 1
            delay_s = self._times.refresh_s
            if failures:
                # The exponent is bounded, or it would overflow after days without the identity provider.
                doubled_s = self._times.retry_backoff_s * 2 ** min(failures - 1, 30)
                delay_s = min(doubled_s, self._times.retry_backoff_max_s)
            with self._changed:
                self._readings += 1
                self._last_reading_s = self._now_s()
                self._is_due = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed or self._is_due, min(delay_s, _LONGEST_WAIT_S))
                self._is_due = True

    def _read(self) -> bool:
        try:
            keys = parse_jwks(self._source.fetch())
        except (DownloadFailed, InvalidJwks) as error:
            if not self._closed:
                _log.warning("The keys of %s could not be read: %s", self._address, error)
            return False
        if keys.keys != self._keys.keys:
            _log.info("%d keys were read from %s", len(keys.keys), self._address)
        self._keys = keys
        return True
