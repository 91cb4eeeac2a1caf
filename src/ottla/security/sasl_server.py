"""The log-in of one connection by SASL: which request may come when, what it is answered, how long its session lasts.

    FIRST_REQUEST ── ApiVersions ──▶ HANDSHAKE                 each of both: SaslHandshake ▼
    AUTHENTICATE   SaslAuthenticate carries the tokens (handshake version 1)
    BARE_TOKENS    tokens come without a request around them (handshake version 0)
    WORKING        a token is being worked on in a thread
    COMPLETE ── SaslHandshake, once a second at most ──▶ the same again, where a session would end (KIP-368)
    FAILED         whatever is wrong ends here, and the connection with it

No I/O and no clock: a shell gives requests, tokens and the time in, and carries out what comes back. Connections whose first
bytes are a GSSAPI token, as 0.9's clients sent them, are refused: Apache Kafka 4 does so too.

Source: `SaslServerAuthenticator`, `KafkaChannel`; the texts a client gets are theirs.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

from ottla.protocol.api_keys import ApiKey
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    Exchange,
    InThread,
    Mechanism,
    Outcome,
)
from ottla.security.principal import KafkaPrincipal

MIN_REAUTHENTICATION_INTERVAL_MS: Final = 1_000
"""Between two beginnings of a re-authentication; fixed, as at Apache."""


class State(enum.Enum):
    """What is expected of the client."""

    FIRST_REQUEST = "HANDSHAKE_OR_VERSIONS_REQUEST"
    HANDSHAKE = "HANDSHAKE_REQUEST"
    AUTHENTICATE = "AUTHENTICATE"
    BARE_TOKENS = "AUTHENTICATE without requests"
    BAD_MECHANISM = "REAUTH_BAD_MECHANISM"
    WORKING = "WORKING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.FIRST_REQUEST: frozenset(
        {State.FIRST_REQUEST, State.HANDSHAKE, State.AUTHENTICATE, State.BARE_TOKENS, State.FAILED}
    ),
    State.HANDSHAKE: frozenset({State.AUTHENTICATE, State.BARE_TOKENS, State.FAILED}),
    State.AUTHENTICATE: frozenset({State.AUTHENTICATE, State.WORKING, State.COMPLETE, State.FAILED}),
    State.BARE_TOKENS: frozenset({State.BARE_TOKENS, State.WORKING, State.COMPLETE, State.FAILED}),
    State.WORKING: frozenset({State.AUTHENTICATE, State.BARE_TOKENS, State.COMPLETE, State.FAILED}),
    State.BAD_MECHANISM: frozenset({State.FAILED}),
    State.COMPLETE: frozenset(
        {State.AUTHENTICATE, State.BARE_TOKENS, State.BAD_MECHANISM, State.FAILED},
    ),
    State.FAILED: frozenset(),
}


class LoginRefused(Exception):  # noqa: N818 - it is an outcome; nothing is wrong with the broker
    """The connection has to end. `message` is for the client, None where it gets none; the text is the log's."""

    def __init__(self, message: str | None, reason: str) -> None:
        super().__init__(reason)
        self.message = message


class UnsupportedMechanism(LoginRefused):
    """The client asks for a mechanism that its listener has not."""


class Progress(NamedTuple):
    """What a token has led to."""

    token: bytes
    """For the client."""
    is_complete: bool
    session_lifetime_ms: int = 0
    """After so long the client must have authenticated anew; 0 with `is_bounded` false: never."""
    is_bounded: bool = False


class SaslServer:
    """One connection's log-in, and its re-authentications."""

    __slots__ = (
        "_began_again_ms",
        "_exchange",
        "_facts",
        "_is_bounded",
        "_max_session_ms",
        "_mechanisms",
        "_previous",
        "_resumes",
        "mechanism",
        "principal",
        "state",
    )

    def __init__(
        self, mechanisms: Mapping[str, Mechanism], max_session_ms: Mapping[str, int], facts: ConnectionFacts
    ) -> None:
        """`mechanisms` in the order in which clients are told of them; `max_session_ms` is `connections.max.reauth.ms` by
        mechanism, 0 for no limit."""
        self._mechanisms = mechanisms
        self._max_session_ms = max_session_ms
        self._facts = facts
        self._exchange: Exchange | None = None
        self._previous: KafkaPrincipal | None = None
        self._began_again_ms: int | None = None
        self._is_bounded = False
        self._resumes = State.AUTHENTICATE
        self.state = State.FIRST_REQUEST
        self.mechanism = ""
        """The one that is, or was, used."""
        self.principal: KafkaPrincipal | None = None
        """Who logged in; None before the first log-in is complete."""

    @property
    def is_again(self) -> bool:
        """Whether the log-in that is on, or was the last, is a re-authentication."""
        return self._previous is not None

    @property
    def enabled(self) -> list[str]:
        """Names of the mechanisms."""
        return list(self._mechanisms)

    def expect(self, api_key: ApiKey) -> None:
        """A request of this API has come while the log-in is on. Raises `LoginRefused`.

        `message` is set then if the client is to be told; before its handshake it is not.
        """
        asked = api_key.name
        if self.state in (State.FIRST_REQUEST, State.HANDSHAKE):
            if api_key not in (ApiKey.API_VERSIONS, ApiKey.SASL_HANDSHAKE):
                raise self._failed(None, f"Unexpected Kafka request of type {asked} during SASL handshake.")
            if api_key is ApiKey.API_VERSIONS and self.state is State.HANDSHAKE:
                raise self._failed(
                    None,
                    f"Unexpected ApiVersions request received during SASL authentication state {self.state.value}",
                )
        elif api_key is not ApiKey.SASL_AUTHENTICATE:
            message = f"Unexpected Kafka request of type {asked} during SASL authentication."
            raise self._failed(message, message)

    def versions_told(self) -> None:
        """ApiVersions has been answered."""
        self._move(State.HANDSHAKE)

    def begin(self, mechanism: str, handshake_version: int) -> None:
        """A handshake. Raises `UnsupportedMechanism`."""
        known = self._mechanisms.get(mechanism)
        if known is None:
            reason = f"Unsupported SASL mechanism {mechanism[:100]!r}"
            self._move(State.FAILED)
            raise UnsupportedMechanism(None, reason)
        tokens = State.AUTHENTICATE if handshake_version >= 1 else State.BARE_TOKENS
        if self._previous is not None and mechanism != self.mechanism:
            # Apache takes the handshake and refuses what follows it.
            self._move(State.BAD_MECHANISM)
            return
        self.mechanism = mechanism
        self._exchange = known.new_exchange(self._facts)
        self._move(tokens)

    def may_begin_again(self, now_ms: int) -> bool:
        """Whether a handshake would be taken for a re-authentication's by now: sessions without an end need none."""
        if self.state is not State.COMPLETE or not self._is_bounded:
            return False
        began = self._began_again_ms
        return began is None or now_ms - began >= MIN_REAUTHENTICATION_INTERVAL_MS

    def begin_again(self, mechanism: str, handshake_version: int, now_ms: int) -> None:
        """A re-authentication's handshake, where `may_begin_again`. Raises `UnsupportedMechanism`."""
        self._began_again_ms = now_ms
        self._previous = self.principal
        self.begin(mechanism, handshake_version)

    def step(self, token: bytes, now_ms: int) -> Progress | InThread:
        """The client's token. Raises `LoginRefused`. After `InThread` comes `conclude` or `refuse`."""
        exchange = self._exchange
        if self.state is State.BAD_MECHANISM or exchange is None:
            raise self._failed(
                None,
                "another SASL mechanism was requested by the client for re-authentication than "
                f"{self.mechanism}",
            )
        self._resumes = self.state
        try:
            outcome = exchange.step(token)
        except AuthenticationFailed as failure:
            raise self.refuse(failure) from None
        if isinstance(outcome, InThread):
            self._move(State.WORKING)
            return outcome
        return self.conclude(outcome, now_ms)

    def conclude(self, outcome: Outcome, now_ms: int) -> Progress:
        """What a step came to. Raises `LoginRefused`."""
        if isinstance(outcome, Challenge):
            self._move(self._resumes)
            return Progress(outcome.token, is_complete=False)
        assert isinstance(outcome, Authenticated)
        self._ensure_unchanged(outcome.principal)
        self._exchange = None
        self.principal = outcome.principal
        self._move(State.COMPLETE)
        return self._completed(outcome, now_ms)

    def refuse(self, failure: AuthenticationFailed) -> LoginRefused:
        """A step has failed; the refusal to raise."""
        message = failure.message_for_client
        if message is None:
            message = (
                f"Authentication failed during {self._purpose} due to invalid credentials with SASL mechanism "
                f"{self.mechanism}"
            )
        return self._failed(message, f"{self._purpose} failed: {failure.reason_for_log}")

    def _ensure_unchanged(self, principal: KafkaPrincipal) -> None:
        before = self._previous
        if before is not None and before != principal:
            message = (
                f"Cannot change principals during re-authentication from {before.principal_type}.{before.name}: "
                f"{principal.principal_type}.{principal.name}"
            )
            raise self._failed(message, repr(message))

    def _completed(self, outcome: Authenticated, now_ms: int) -> Progress:
        limits = [] if outcome.expires_at_ms is None else [max(outcome.expires_at_ms - now_ms, 0)]
        longest = self._max_session_ms.get(self.mechanism, 0)
        if longest > 0:
            limits.append(longest)
        self._is_bounded = bool(limits)
        return Progress(
            outcome.token,
            is_complete=True,
            session_lifetime_ms=min(limits, default=0),
            is_bounded=self._is_bounded,
        )

    @property
    def _purpose(self) -> str:
        return "re-authentication" if self.is_again else "authentication"

    def _failed(self, message: str | None, reason: str) -> LoginRefused:
        self._exchange = None
        self._move(State.FAILED)
        return LoginRefused(message, reason)

    def _move(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], f"{self.state} to {state}"
        self.state = state
