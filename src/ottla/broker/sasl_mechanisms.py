"""The SASL mechanisms of a listener, made of its settings. What a mechanism needs is imported when a listener has it."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.cluster.quota_entities import QuotaEntity
from ottla.cluster.scram_changes import Mechanism as ScramKind
from ottla.config.checks import Fault
from ottla.config.listener_settings import ListenerSettings
from ottla.config.values import Password
from ottla.security.mechanisms import Mechanism

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer
    from ottla.security.jaas import JaasEntry

JAAS_CONFIG: Final = "sasl.jaas.config"
JAAS_FILE: Final = "ottla.jaas.file"
JAAS_CONTEXT: Final = "KafkaServer"

_LOGIN_MODULES: Final = {
    "PLAIN": ".PlainLoginModule",
    "SCRAM-SHA-256": ".ScramLoginModule",
    "SCRAM-SHA-512": ".ScramLoginModule",
    "OAUTHBEARER": ".OAuthBearerLoginModule",
    "GSSAPI": ".Krb5LoginModule",
}
"""How the classes end by which a file's entries tell their mechanism."""


class InvalidMechanismError(ValueError):
    """Settings with which a mechanism can't be; holds the fault to tell at a start."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")
        self.fault = Fault(name, rule)


class MechanismSource:
    """Where one listener's mechanisms come from: its settings, and the broker that keeps their users."""

    __slots__ = ("broker", "secret", "settings")

    def __init__(self, broker: "BrokerServer", settings: ListenerSettings, secret: bytes) -> None:
        self.broker = broker
        self.settings = settings
        self.secret = secret
        """The same for all listeners: decides what users are told that don't exist."""

    def jaas_entry(self, mechanism: str) -> "JaasEntry | None":
        """The listener's entry for a mechanism, or that of the broker's file; None without. Raises `InvalidMechanismError`."""
        value = self.settings.mechanism_value(mechanism, JAAS_CONFIG)
        if not isinstance(value, Password) or not value.secret.strip():
            return self._entry_of_file(mechanism)
        from ottla.security.jaas import JaasError, jaas_entry  # noqa: PLC0415

        try:
            return jaas_entry(value.secret)
        except JaasError as error:
            raise InvalidMechanismError(self.setting_name(mechanism), str(error)) from None

    def _entry_of_file(self, mechanism: str) -> "JaasEntry | None":
        path = self.settings.text(JAAS_FILE)
        if not path:
            return None
        from ottla.security.jaas import JaasError, jaas_contexts  # noqa: PLC0415

        try:
            contexts = jaas_contexts(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidMechanismError(JAAS_FILE, f"it can't be read: {error.strerror}") from None
        except (JaasError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, JaasError) else "it is not UTF-8"
            raise InvalidMechanismError(JAAS_FILE, reason) from None
        own = contexts.get(f"{self.settings.listener_name.lower()}.{JAAS_CONTEXT}")
        for entry in own if own is not None else contexts.get(JAAS_CONTEXT, ()):
            if entry.login_module.endswith(_LOGIN_MODULES.get(mechanism, ".")):
                return entry
        return None

    def setting_name(self, mechanism: str) -> str:
        """Where a mechanism's JAAS entry belongs."""
        return f"listener.name.{self.settings.listener_name.lower()}.{mechanism.lower()}.{JAAS_CONFIG}"


def make_mechanisms(source: MechanismSource) -> dict[str, Mechanism]:
    """All that `sasl.enabled.mechanisms` names for the listener, in its order. Raises `InvalidMechanismError`."""
    enabled = source.settings.words("sasl.enabled.mechanisms")
    if not enabled:
        raise InvalidMechanismError(
            "sasl.enabled.mechanisms",
            f"listener {source.settings.listener_name} speaks SASL and has no mechanism for it",
        )
    return {name: _made(name, source) for name in enabled}


def _made(name: str, source: MechanismSource) -> Mechanism:
    make = _MAKERS.get(name)
    if make is None:
        raise InvalidMechanismError(
            "sasl.enabled.mechanisms", f"{name} is not served, only {', '.join(_MAKERS)}"
        )
    return make(source)


def _plain(source: MechanismSource) -> Mechanism:
    from ottla.security.plain import PlainMechanism  # noqa: PLC0415

    entry = source.jaas_entry("PLAIN")
    if entry is None:
        raise InvalidMechanismError(
            source.setting_name("PLAIN"), "PLAIN needs it: its options user_NAME=PASSWORD are the users"
        )
    return PlainMechanism(entry)


def _scram(source: MechanismSource, kind: ScramKind) -> Mechanism:
    from ottla.security.scram import ScramMechanism  # noqa: PLC0415

    broker = source.broker

    def credential_of(user: str) -> str | None:
        return broker.metadata.image.configs.get(QuotaEntity(user=user).resource(), {}).get(kind.setting)

    token_of = None if broker.tokens is None else broker.tokens.proof_of
    return ScramMechanism(kind, credential_of, token_of, secret=source.secret, new_nonce=_nonce)


def _nonce() -> str:
    return base64.b64encode(os.urandom(24)).decode()


def _oauth(source: MechanismSource) -> Mechanism:
    from ottla.broker.identity_providers import oauth_mechanism  # noqa: PLC0415

    assert source.broker.logins is not None
    return oauth_mechanism(source, source.broker.logins.identity_providers())


def _gssapi(source: MechanismSource) -> Mechanism:
    from ottla.broker.kerberos_listener import gssapi_mechanism  # noqa: PLC0415

    return gssapi_mechanism(source)


_MAKERS: Final[dict[str, Callable[[MechanismSource], Mechanism]]] = {
    "PLAIN": _plain,
    "SCRAM-SHA-256": lambda source: _scram(source, ScramKind.SCRAM_SHA_256),
    "SCRAM-SHA-512": lambda source: _scram(source, ScramKind.SCRAM_SHA_512),
    "OAUTHBEARER": _oauth,
    "GSSAPI": _gssapi,
}
"""By name; to add one, add its maker."""
