"""What a SASL mechanism is to the log-in: it begins an exchange per attempt, the exchange turns tokens into outcomes.

    exchange = mechanism.new_exchange(facts)
    exchange.step(client's token) -> Challenge       the client's turn again
                                  -> Authenticated   it is who it says, done
                                  -> InThread        the answer takes work that must not hold the loop
                         raises AuthenticationFailed

No exchange is used after it has raised or said `Authenticated`. Mechanisms get clock, random source and look-ups when they are made;
a step reads no file and opens no connection, except inside the function of an `InThread`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from ottla.security.principal import ANONYMOUS, KafkaPrincipal


class ConnectionFacts(NamedTuple):
    """What is known of the connection before the log-in."""

    identity: str
    """As the log names the connection."""
    listener_name: str
    security_protocol: str
    """`SASL_PLAINTEXT` or `SASL_SSL`."""
    host: str
    """The client's address, as text."""
    transport_principal: KafkaPrincipal = ANONYMOUS
    """By the certificate of the client, where it showed one."""


class Challenge(NamedTuple):
    """Bytes for the client, which has to answer them."""

    token: bytes


class Authenticated(NamedTuple):
    """The log-in is over."""

    token: bytes
    """Last bytes for the client, often none."""
    principal: KafkaPrincipal
    expires_at_ms: int | None = None
    """When the credential ends, milliseconds since 1970; the session ends with it. None: it doesn't end."""
    extensions: Mapping[str, str] = MappingProxyType({})
    """What the client told besides (KIP-342)."""


class InThread(NamedTuple):
    """The outcome of `function`, called in a thread; it may raise `AuthenticationFailed` and answers no further `InThread`."""

    function: Callable[[], Outcome]


Outcome = Challenge | Authenticated | InThread


class Exchange(Protocol):
    """One attempt to log in."""

    def step(self, token: bytes) -> Outcome:
        """The client's next token. Raises `AuthenticationFailed`."""


class Mechanism(Protocol):
    """One SASL mechanism of one listener."""

    @property
    def name(self) -> str:
        """As in `sasl.enabled.mechanisms`, such as `SCRAM-SHA-256`."""

    def new_exchange(self, facts: ConnectionFacts) -> Exchange:
        """Begin an attempt."""


class AuthenticationFailed(Exception):  # noqa: N818 - it is an outcome; nothing is wrong with the broker
    """The client isn't who it says, or breaks the mechanism's rules.

    `message_for_client` None: it gets Kafka's sentence for all such cases, which tells nothing about users.
    `reason_for_log` must hold no secret; what a client sent stands in it by `repr` only.
    """

    def __init__(self, message_for_client: str | None, reason_for_log: str) -> None:
        super().__init__(reason_for_log)
        self.message_for_client = message_for_client
        self.reason_for_log = reason_for_log
