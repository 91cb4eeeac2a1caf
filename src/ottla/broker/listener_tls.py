"""A listener's TLS: what holds for new connections, and the look-out for renewed certificates.

Files are looked at every few seconds and read again when one has changed, on a thread like all that reads files; so are
settings that were altered. What can't be used is told in the log, once for each state of the files, and what was in use stays in
use.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ottla.broker.threads import Threads
from ottla.broker.tls_layer import RECEIVE_BYTES, TlsLayer
from ottla.broker.turns import Turns, now
from ottla.config.checks import Fault, InvalidConfigurationError
from ottla.config.endpoints import SecurityProtocol
from ottla.config.listener_settings import ListenerSettings
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.security.key_stores import StoreError
from ottla.security.principal import ANONYMOUS, KafkaPrincipal
from ottla.security.tls import FileState, ServerTls, file_states, server_tls
from ottla.security.tls_settings import TlsSettings, tls_settings

if TYPE_CHECKING:
    from ottla.broker.connection import Connection
    from ottla.broker.listener import Listener

LOOK_SECONDS: Final = 5.0
"""So late at most a renewed file is seen; Apache waits to be told by AlterConfigs."""

SHAKING_SECONDS: Final = 0.001
"""How long handshakes go on before others have their turn; one step takes up to two milliseconds."""

_log = logging.getLogger(__name__)


class ListenerTls:
    """Used from the loop's thread. `open` comes first."""

    current: ServerTls
    """What new connections get."""

    def __init__(
        self,
        settings: ListenerSettings,
        protocol: SecurityProtocol,
        threads: Threads,
        turns: Turns,
        look_seconds: float,
    ) -> None:
        self.received = memoryview(bytearray(RECEIVE_BYTES))
        """Memory into which all connections of the listener receive."""
        self.succeeded: int = 0
        """Handshakes by which clients got in; where they log in by SASL it is the log-in that counts."""
        self.failed: int = 0
        """Handshakes that failed, or took too long."""
        self._protocol = protocol
        self._threads = threads
        self._turns = turns
        self._shaking: deque[Callable[[], None]] = deque()
        """Steps of handshakes that are due; a connection has one at most."""
        self._look_seconds = look_seconds
        self._take(settings)
        self._refused: tuple[TlsSettings, tuple[FileState, ...]] | None = None
        """What was found unusable: it isn't read again before something changes."""
        self._timer: asyncio.TimerHandle | None = None
        self._loading = False
        self._closed = False

    def _take(self, settings: ListenerSettings) -> None:
        self._listener_settings = settings
        self._settings = tls_settings(settings, self._protocol)

    async def open(self) -> None:
        """Read the stores for the first time; raises `InvalidConfigurationError`."""
        settings = self._settings
        try:
            self._use(await self._threads.result(lambda: server_tls(settings)))
        except StoreError as error:
            raise InvalidConfigurationError([self._fault(error)]) from None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._look_seconds, self._look, loop)

    async def check(self, settings: ListenerSettings) -> None:
        """Whether these settings could be taken in place of those that hold. Nothing is changed.

        Raises `KafkaError` INVALID_REQUEST, as Apache's broker answers AlterConfigs then.
        """
        wanted, current = tls_settings(settings, self._protocol), self.current
        if wanted == self._settings:
            return
        try:
            await self._threads.result(lambda: server_tls(wanted, current))
        except StoreError as error:
            raise KafkaError(
                ErrorCode.INVALID_REQUEST,
                f"Validation of dynamic config update of SSLFactory failed: {error}",
            ) from None

    def take(self, settings: ListenerSettings) -> None:
        """The broker's settings have changed, these perhaps among them."""
        self._take(settings)
        if self._settings != self.current.settings:
            self._load()

    def layer(self, listener: "Listener", connection: "Connection") -> TlsLayer:
        """What stands between the socket of a new connection and the connection."""
        return TlsLayer(listener, connection, self.current, self.received, self.shake)

    def shake(self, step: Callable[[], None]) -> None:
        """Do a step of a handshake when its turn has come."""
        if not self._shaking:
            self._turns.put_off(self._shake_some)
        self._shaking.append(step)

    def _shake_some(self) -> None:
        """All that is due queues as one: or what others put off would wait for hundreds of handshakes, not for a few."""
        ends = now() + SHAKING_SECONDS
        try:
            while self._shaking and now() < ends:
                self._shaking.popleft()()
        finally:
            if self._shaking:
                self._turns.put_off(self._shake_some)

    def principal(self, made: ServerTls, session: ssl.SSLObject) -> KafkaPrincipal:
        """A handshake is over: who the client is by its certificate. Raises `NoRuleFits` and `UnwantedSuite`.

        Where clients log in by SASL it is that which says who they are.
        """
        made.check(session)
        if self._protocol is not SecurityProtocol.SSL:
            return ANONYMOUS
        principal = made.principal(session)
        self.succeeded += 1
        return principal

    def close(self) -> None:
        """Look out no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._load()
        self._timer = loop.call_later(self._look_seconds, self._look, loop)

    def _load(self) -> None:
        """Make what holds anew if its settings or files are others than those in use."""
        if self._loading or self._closed:
            return
        self._loading = True
        settings, current, refused = self._settings, self.current, self._refused

        def load() -> ServerTls | tuple[StoreError, tuple[FileState, ...]] | None:
            files = file_states(settings)
            if (settings, files) in ((current.settings, current.files), refused):
                return None
            try:
                return server_tls(settings, current)
            except StoreError as error:
                return error, files

        def done(outcome: ServerTls | tuple[StoreError, tuple[FileState, ...]] | Exception | None) -> None:
            self._loading = False
            if isinstance(outcome, ServerTls):
                self._use(outcome)
                _log.info("Listener %s has new certificates", self._listener_settings.listener_name)
            elif isinstance(outcome, tuple):
                error, files = outcome
                self._refused = (settings, files)
                _log.error(
                    "Listener %s keeps the certificates it has: %s",
                    self._listener_settings.listener_name,
                    self._fault(error),
                )
            elif isinstance(outcome, Exception):
                _log.error(
                    "Listener %s: certificates could not be looked at",
                    self._listener_settings.listener_name,
                    exc_info=outcome,
                )
            if self._settings != settings:  # they changed meanwhile
                self._load()

        self._threads.run(load, done)

    def _use(self, made: ServerTls) -> None:
        self.current = made
        self._refused = None
        for problem in made.warnings:
            _log.error(
                "Listener %s: %s; clients that check it will refuse to connect",
                self._listener_settings.listener_name,
                problem,
            )

    def _fault(self, error: StoreError) -> Fault:
        settings = self._listener_settings
        fault = Fault(settings.full_name(error.setting), error.reason)
        return fault.given_as(settings.config.given)
