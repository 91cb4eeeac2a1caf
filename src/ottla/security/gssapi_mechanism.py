"""GSSAPI: the client shows a Kerberos ticket for this broker's service (RFC 4752).

    client   token ─▶ gss_accept_sec_context ─▶ token, until the context stands         most often one each
    client   nothing
    server   wrapped: 1 byte security layers (1: none), 3 bytes greatest size (0)
    client   wrapped: 1 byte the layer it takes, 3 bytes its greatest size, then whom it wants to act as

Whom it wants to act as is passed over, as at Apache: a connection belongs to whom the ticket names.

Python's `gssapi` package is loaded by the first listener that has this mechanism. Every step runs in a thread: MIT Kerberos
reads the key table and writes its replay cache in it.

Source: `SaslServerCallbackHandler`, Java's `GssKrb5Server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.security.kerberos_names import NoUserName, UserNames
from ottla.security.mechanisms import (
    Authenticated,
    AuthenticationFailed,
    Challenge,
    ConnectionFacts,
    InThread,
    Outcome,
)
from ottla.security.principal import USER_TYPE, KafkaPrincipal

if TYPE_CHECKING:
    import gssapi

NAME: Final = "GSSAPI"
MAX_STEPS: Final = 8
"""Tokens of one attempt; Kerberos has one, or two with a clock that is off."""

_NO_LAYER: Final = 1


class KerberosUnusable(Exception):  # noqa: N818 - it says why the mechanism can't be
    """The package is missing, or the key table can't be read. The text says what to do."""


class Gssapi:
    """The mechanism of one listener."""

    name = NAME

    def __init__(self, credentials: gssapi.Credentials, user_names: UserNames) -> None:
        self._credentials = credentials
        self._user_names = user_names

    def new_exchange(self, _facts: ConnectionFacts) -> GssapiExchange:
        return GssapiExchange(self._credentials, self._user_names)


class GssapiExchange:
    """One attempt."""

    __slots__ = ("_context", "_credentials", "_layers_offered", "_steps", "_user_names")

    def __init__(self, credentials: gssapi.Credentials, user_names: UserNames) -> None:
        self._credentials = credentials
        self._user_names = user_names
        self._context: gssapi.SecurityContext | None = None
        self._layers_offered = False
        self._steps = 0

    def step(self, token: bytes) -> Outcome:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise AuthenticationFailed(None, f"more than {MAX_STEPS} tokens")
        return InThread(lambda: self._checked(token))

    def _checked(self, token: bytes) -> Outcome:
        from gssapi.raw.misc import GSSError  # noqa: PLC0415 - see the module

        try:
            return self._outcome(token)
        except GSSError as error:
            raise AuthenticationFailed(None, _one_line(error)) from error
        except NoUserName as error:
            raise AuthenticationFailed(None, str(error)) from error

    def _outcome(self, token: bytes) -> Outcome:
        import gssapi  # noqa: PLC0415 - see the module

        context = self._context
        if context is None:
            if not token:
                raise AuthenticationFailed(None, "the first token is empty")
            context = self._context = gssapi.SecurityContext(creds=self._credentials, usage="accept")
            # Else an error is told by the next step only, after the client has been sent a token that looks like progress.
            context.__DEFER_STEP_ERRORS__ = False  # type: ignore[attr-defined]
        if not context.complete:
            answer = context.step(token)
            if answer or not context.complete:
                return Challenge(answer or b"")
        elif self._layers_offered:
            return self._concluded(context, token)
        elif token:
            raise AuthenticationFailed(None, "a token came where an empty answer has to")
        self._layers_offered = True
        return Challenge(context.wrap(bytes((_NO_LAYER, 0, 0, 0)), encrypt=False).message)

    def _concluded(self, context: gssapi.SecurityContext, token: bytes) -> Authenticated:
        choice = context.unwrap(token).message
        if len(choice) < 4 or choice[0] != _NO_LAYER:
            raise AuthenticationFailed(None, "the client wants a security layer, of which none is offered")
        user_name = self._user_names.of(str(context.initiator_name))
        return Authenticated(b"", KafkaPrincipal(USER_TYPE, user_name))


def acceptor(principal: str, key_table: str) -> gssapi.Credentials:
    """The service's keys, by which tickets are read. Reads the key table. Raises `KerberosUnusable`.

    `principal` empty: any service of the key table; `key_table` empty: the machine's own (`KRB5_KTNAME`, /etc/krb5.keytab).
    """
    _ensure_installed()
    import gssapi  # noqa: PLC0415 - see the module
    from gssapi.raw.misc import GSSError  # noqa: PLC0415

    name_type = gssapi.NameType.kerberos_principal
    name = gssapi.Name(principal, name_type) if principal else None
    store: dict[bytes | str, bytes | str] | None = {"keytab": f"FILE:{key_table}"} if key_table else None
    try:
        return gssapi.Credentials(name=name, usage="accept", store=store)
    except GSSError as error:
        whose = principal or "any service"
        place = key_table or "the machine's key table"
        raise KerberosUnusable(f"no key of {whose} could be read from {place}: {_one_line(error)}") from error


def default_realm() -> str:
    """As krb5.conf names it; empty when it doesn't."""
    _ensure_installed()
    import gssapi  # noqa: PLC0415 - see the module
    from gssapi.raw.misc import GSSError  # noqa: PLC0415

    try:
        name = gssapi.Name("anyone", gssapi.NameType.user).canonicalize(gssapi.MechType.kerberos)
    except GSSError:
        return ""
    return str(name).rpartition("@")[2]


def _ensure_installed() -> None:
    try:
        import gssapi  # noqa: F401, PLC0415 - see the module
    except ImportError as error:
        raise KerberosUnusable(
            f"GSSAPI needs Python's gssapi package ({error}): pip install 'ottla[kerberos]'"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
