"""Log-ins by SASL on the loop: `security/sasl_server` decides, this gives it frames and carries out what it says.

A connection of a listener with SASL has a `Login`. Until that is over every frame goes through it: requests that may come go
on to their handlers (`handlers/sasl.py`, which ask back here), all else ends the connection. Then it costs a comparison a
request, which finds out when a session's time is over (KIP-368).

Bounds on those who have not logged in: frames of `sasl.server.max.receive.size`, unfinished ones in memory of their own
(`LOGIN_MEMORY_BYTES`, so that they take none from clients), `ottla.login.timeout.ms`, threads of their own. A refusal is told after
`connection.failed.authentication.delay.ms`, in which nothing more is read.
"""

import logging
import math
from collections.abc import Callable, Mapping
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.broker.pending import Pending
from ottla.broker.receive import ReceiveMemory
from ottla.broker.sasl_mechanisms import InvalidMechanismError, MechanismSource, make_mechanisms
from ottla.broker.threads import Threads
from ottla.broker.turns import now
from ottla.config.checks import InvalidConfigurationError
from ottla.config.listener_settings import ListenerSettings
from ottla.protocol.api_keys import ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.sasl_authenticate import SaslAuthenticateResponse
from ottla.protocol.messages.sasl_handshake import SaslHandshakeResponse
from ottla.security.mechanisms import AuthenticationFailed, ConnectionFacts, InThread, Mechanism, Outcome
from ottla.security.sasl_server import LoginRefused, Progress, SaslServer, State, UnsupportedMechanism

if TYPE_CHECKING:
    from ottla.broker.connection import Connection
    from ottla.broker.identity_providers import IdentityProviders
    from ottla.broker.server import BrokerServer
    from ottla.config.broker_config import BrokerConfig

LOGIN_MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Of unfinished frames of all who have not logged in; at the limit, frames that do not come in one piece wait."""

_log = logging.getLogger(__name__)

_unpack_api_key = Struct(">h").unpack_from


class LoginRules(NamedTuple):
    """One listener's settings."""

    mechanisms: Mapping[str, Mechanism]
    max_session_ms: Mapping[str, int]
    failure_delay_s: float
    max_frame_bytes: int
    timeout_s: float


class LoginCounts:
    """How log-ins of one listener went; `again` are re-authentications."""

    __slots__ = ("expired", "failed", "failed_again", "succeeded", "succeeded_again")

    def __init__(self) -> None:
        self.succeeded: int = 0
        self.succeeded_again: int = 0
        self.failed: int = 0
        self.failed_again: int = 0
        self.expired: int = 0
        """Sessions that were over when a request came."""


class Logins:
    """What the log-ins of one broker have in common. Used on the loop."""

    def __init__(self, broker: "BrokerServer", secret: bytes) -> None:
        """`secret`: the cluster's own, the same after a restart; decides what users are told that don't exist."""
        self._broker = broker
        self._secret = secret
        self._config: BrokerConfig | None = None
        self._rules: dict[str, LoginRules] = {}
        self.loop = broker.loop
        self.memory = ReceiveMemory(LOGIN_MEMORY_BYTES)
        self.threads = Threads(broker.loop)
        self._identity_providers: IdentityProviders | None = None
        self.now_ms = broker.now_ms
        self.counts: dict[str, LoginCounts] = {}
        """By the listener's name."""

    def check(self) -> None:
        """Make the mechanisms of all listeners with SASL. Raises `InvalidConfigurationError`."""
        config = self._broker.config
        rules, faults = {}, []
        for endpoint in config.listeners:
            if endpoint.security_protocol.startswith("SASL"):
                try:
                    rules[endpoint.listener_name] = self._made(
                        ListenerSettings(config, endpoint.listener_name)
                    )
                except InvalidMechanismError as error:
                    faults.append(error.fault.given_as(config.given))
        if faults:
            raise InvalidConfigurationError(faults)
        self._rules, self._config = rules, config
        for listener_name in rules:
            self.counts.setdefault(listener_name, LoginCounts())

    def begin(self, connection: "Connection") -> "Login":
        """A connection is there; it has to log in."""
        if self._config is not self._broker.config:
            self._take_changes()
        listener_name = connection.info.listener_name
        return Login(connection, self, self._rules[listener_name], self.counts[listener_name])

    def identity_providers(self) -> "IdentityProviders":
        """Whose tokens are taken; made for the first listener that takes any."""
        if self._identity_providers is None:
            from ottla.broker.identity_providers import IdentityProviders  # noqa: PLC0415 - it loads HTTP

            self._identity_providers = IdentityProviders()
        return self._identity_providers

    def close(self) -> None:
        """End the threads."""
        if self._identity_providers is not None:
            self._identity_providers.close()
        self.threads.close()

    def _take_changes(self) -> None:
        try:
            self.check()
        except InvalidConfigurationError as error:
            self._config = self._broker.config  # once is enough to say it
            _log.error("Log-ins go on by the settings of before: %s", error)

    def _made(self, settings: ListenerSettings) -> LoginRules:
        mechanisms = make_mechanisms(MechanismSource(self._broker, settings, self._secret))
        longest = {name: settings.mechanism_value(name, "connections.max.reauth.ms") for name in mechanisms}
        return LoginRules(
            mechanisms,
            {name: value for name, value in longest.items() if isinstance(value, int)},
            settings.number("connection.failed.authentication.delay.ms") / 1000,
            settings.number("sasl.server.max.receive.size"),
            settings.number("ottla.login.timeout.ms") / 1000,
        )


class Login:
    """One connection's log-in."""

    __slots__ = ("_connection", "_counts", "_deadline", "_logins", "_rules", "_server", "ends_at")

    def __init__(
        self, connection: "Connection", logins: Logins, rules: LoginRules, counts: LoginCounts
    ) -> None:
        info = connection.info
        self._connection: Connection | None = connection
        self._logins = logins
        self._rules = rules
        self._counts = counts
        self._server = SaslServer(
            rules.mechanisms,
            rules.max_session_ms,
            ConnectionFacts(
                info.identity, info.listener_name, info.security_protocol, info.host, info.principal
            ),
        )
        self.ends_at = -math.inf
        """When the session is over, in the loop's seconds; before and while the client logs in it always is."""
        self._deadline = logins.loop.call_later(rules.timeout_s, self._too_slow)
        connection.receive_into(logins.memory)
        connection.limit_frames(rules.max_frame_bytes)
        info.login = self

    @property
    def is_complete(self) -> bool:
        """Whether the client has logged in, and isn't doing so again."""
        return self._server.state is State.COMPLETE

    @property
    def awaits_bare_token(self) -> bool:
        """Whether the next frame is no request."""
        return self._server.state in (State.BARE_TOKENS, State.BAD_MECHANISM)

    def admits(self, frame: memoryview, started: float) -> bool:
        """Whether the request in `frame` may go to its handler; else it has been dealt with."""
        if self._server.state is State.COMPLETE:
            return self._is_prolonged(frame)
        if self.awaits_bare_token:
            self._bare_token(bytes(frame))
            return False
        connection = self._connected()
        (number,) = _unpack_api_key(frame)
        try:
            api_key = ApiKey(number)
            self._server.expect(api_key)
        except ValueError:
            connection.close(f"it asks for API {number} before it has logged in")
            return False
        except LoginRefused as refused:
            self._turn_away(frame, refused, started)
            return False
        if api_key is ApiKey.API_VERSIONS and connection.serves(frame):
            self._server.versions_told()
        return True

    def drop(self) -> None:
        """The connection is gone."""
        self._connection = None
        self._deadline.cancel()

    # For the handlers.

    def handshake(
        self, mechanism: str, version: int
    ) -> SaslHandshakeResponse | Pending[SaslHandshakeResponse]:
        """Begin, or begin again."""
        server, now_ms = self._server, self._logins.now_ms()
        try:
            if server.state is not State.COMPLETE:
                server.begin(mechanism, version)
            elif server.may_begin_again(now_ms):
                server.begin_again(mechanism, version, now_ms)
                self._begin_again()
            else:
                return SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE)
        except UnsupportedMechanism as refused:
            pending: Pending[SaslHandshakeResponse] = Pending()
            answer = SaslHandshakeResponse(
                error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=server.enabled
            )
            self._end_later(refused, lambda: pending.complete(answer))
            return pending
        if server.state is not State.AUTHENTICATE:
            self._connected().limit_frames(self._rules.max_frame_bytes, smallest=0)
        return SaslHandshakeResponse(mechanisms=server.enabled)

    def authenticate(self, token: bytes) -> SaslAuthenticateResponse | Pending[SaslAuthenticateResponse]:
        """The client's token."""
        outcome = self._step(token)
        if isinstance(outcome, Progress):
            return _told(outcome)
        pending: Pending[SaslAuthenticateResponse] = Pending()

        def answer(concluded: Progress | LoginRefused) -> None:
            if isinstance(concluded, LoginRefused):
                self._end_later(concluded, lambda: pending.complete(_refusal(concluded)))
            else:
                pending.complete(_told(concluded))

        if isinstance(outcome, InThread):
            self._work(outcome, answer)
        else:
            answer(outcome)
        return pending

    # Tokens.

    def _bare_token(self, token: bytes) -> None:
        """One of a handshake of version 0: it is no request and gets no answer but the next token."""
        outcome = self._step(token)
        if isinstance(outcome, InThread):
            self._connected().wait()
            self._work(outcome, self._answer_bare_later)
        else:
            self._answer_bare(outcome)

    def _answer_bare_later(self, outcome: Progress | LoginRefused) -> None:
        self._answer_bare(outcome)
        if isinstance(outcome, Progress):
            self._connected().let_on()

    def _answer_bare(self, outcome: Progress | LoginRefused) -> None:
        if isinstance(outcome, Progress):
            self._connected().send_token(outcome.token)
        else:
            self._connected().wait()
            self._end_later(outcome, _nothing)

    def _step(self, token: bytes) -> Progress | InThread | LoginRefused:
        try:
            outcome = self._server.step(token, self._logins.now_ms())
        except LoginRefused as refused:
            return refused
        except Exception as error:  # noqa: BLE001 - a mechanism's own fault refuses its client, and nobody else
            return self._concluded(error)
        return outcome if isinstance(outcome, InThread) else self._taken(outcome)

    def _work(self, work: InThread, done: Callable[[Progress | LoginRefused], None]) -> None:
        def worked(outcome: Outcome | Exception) -> None:
            if self._connection is not None:
                done(self._concluded(outcome))

        self._logins.threads.run(work.function, worked)

    def _concluded(self, outcome: Outcome | Exception) -> Progress | LoginRefused:
        server = self._server
        if isinstance(outcome, AuthenticationFailed):
            return server.refuse(outcome)
        if isinstance(outcome, Exception):
            _log.error("%s of %s failed", server.mechanism, self._connected().info.identity, exc_info=outcome)
            return server.refuse(AuthenticationFailed(None, "its mechanism failed"))
        try:
            return self._taken(server.conclude(outcome, self._logins.now_ms()))
        except LoginRefused as refused:
            return refused

    def _taken(self, progress: Progress) -> Progress:
        if progress.is_complete:
            self._complete(progress)
        return progress

    # The connection's states.

    def _complete(self, progress: Progress) -> None:
        connection, principal = self._connected(), self._server.principal
        assert principal is not None
        self._deadline.cancel()
        if self._server.is_again:
            self._counts.succeeded_again += 1
        else:
            self._counts.succeeded += 1
        connection.info.principal = principal
        connection.receive_into(None)
        connection.limit_frames(None)
        self.ends_at = now() + progress.session_lifetime_ms / 1000 if progress.is_bounded else math.inf

    def _begin_again(self) -> None:
        self.ends_at = -math.inf
        self._deadline = self._logins.loop.call_later(self._rules.timeout_s, self._too_slow)
        self._connected().limit_frames(self._rules.max_frame_bytes)

    def _is_prolonged(self, frame: memoryview) -> bool:
        """Its session is over, and all that may come is the handshake for a new one."""
        (number,) = _unpack_api_key(frame)
        if number == ApiKey.SASL_HANDSHAKE and self._server.may_begin_again(self._logins.now_ms()):
            return True
        self._counts.expired += 1
        self._connected().close(
            "its session is over (connections.max.reauth.ms, or its credential has expired)"
        )
        return False

    def _turn_away(self, frame: memoryview, refused: LoginRefused, started: float) -> None:
        connection = self._connected()
        if refused.message is None:
            self._count_failure()
            connection.close(str(refused))
            return
        error = KafkaError(ErrorCode.ILLEGAL_SASL_STATE, refused.message)
        pending: Pending[Any] = Pending()
        if connection.put_off(frame, pending, started):
            self._end_later(refused, lambda: pending.fail(error))

    def _end_later(self, refused: LoginRefused, answer: Callable[[], object]) -> None:
        """Close after the delay that makes guessing slow, telling the client then and not before."""
        self._count_failure()

        def end() -> None:
            answer()
            if self._connection is not None:
                self._connection.close(str(refused))

        self._logins.loop.call_later(self._rules.failure_delay_s, end)

    def _too_slow(self) -> None:
        self._count_failure()
        self._connected().close(
            f"it has not logged in within {self._rules.timeout_s:g} s (ottla.login.timeout.ms)"
        )

    def _count_failure(self) -> None:
        if self._server.is_again:
            self._counts.failed_again += 1
        else:
            self._counts.failed += 1

    def _connected(self) -> "Connection":
        assert self._connection is not None, "the log-in of a connection that is gone"
        return self._connection


def _told(progress: Progress) -> SaslAuthenticateResponse:
    return SaslAuthenticateResponse(
        auth_bytes=progress.token, session_lifetime_ms=progress.session_lifetime_ms
    )


def _refusal(refused: LoginRefused) -> SaslAuthenticateResponse:
    return SaslAuthenticateResponse(
        error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message=refused.message
    )


def _nothing() -> None:
    """A bare token that was wrong gets no answer."""
