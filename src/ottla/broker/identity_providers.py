"""The identity providers whose keys this broker holds for OAUTHBEARER, and the mechanism made of a listener's settings.

    sasl.oauthbearer.jwks.endpoint.url     whose tokens are taken: the address of its public keys
    sasl.oauthbearer.expected.…            what they have to say

Without that address a listener takes tokens only if its `sasl.jaas.config` names one of the options `unsecuredValidator…`;
then it believes what nobody has signed. Apache Kafka does so whenever no validator is named.
"""

import time
from typing import TYPE_CHECKING, Final

from ottla.config.listener_settings import ListenerSettings
from ottla.security.jwks_download import Download
from ottla.security.jwks_store import JwksStore, StoreTimes
from ottla.security.oauth_bearer import NAME, OAuthBearer
from ottla.security.oauth_claims import ClaimRules, InvalidToken, scopes_of
from ottla.security.oauth_tokens import SignedTokens, UnsecuredRules, UnsecuredTokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.broker.sasl_mechanisms import MechanismSource

JWKS_URL: Final = "sasl.oauthbearer.jwks.endpoint.url"
_UNSECURED: Final = "unsecuredValidator"


class IdentityProviders:
    """One per broker. Each address is read once, however many listeners and settings of them come and go."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, StoreTimes], JwksStore] = {}

    def keys_of(self, address: str, times: StoreTimes) -> JwksStore:
        """The keys at an address, read from now on. Raises `ValueError` for one that can't be."""
        store = self._stores.get((address, times))
        if store is None:
            store = self._stores[address, times] = JwksStore(address, Download(address), times)
            store.start()
        return store

    def close(self) -> None:
        """End reading."""
        for store in self._stores.values():
            store.close()


def oauth_mechanism(source: "MechanismSource", providers: IdentityProviders) -> OAuthBearer:
    """OAUTHBEARER for a listener. Raises `InvalidMechanismError`."""
    from ottla.broker.sasl_mechanisms import InvalidMechanismError  # noqa: PLC0415 - it imports this

    # Whoever may alter settings must not be able to name the keys that everyone's tokens are checked by, nor make the broker
    # call an address of his: `listener.name.…` before a name that is read-only lets it through.
    settings = ListenerSettings(source.settings.config.with_dynamic({}), source.settings.listener_name)
    address = str(settings.mechanism_value(NAME, JWKS_URL) or "")
    entry = source.jaas_entry(NAME)
    unsecured = {
        name: value
        for name, value in ({} if entry is None else entry.options).items()
        if name.startswith(_UNSECURED)
    }
    if address:
        if unsecured:
            raise InvalidMechanismError(
                source.setting_name(NAME), f"options {_UNSECURED}… can't stand beside {JWKS_URL}"
            )
        try:
            store = providers.keys_of(address, _times(settings))
        except ValueError as error:
            raise InvalidMechanismError(JWKS_URL, str(error)) from None
        return OAuthBearer(SignedTokens(store.find, _claim_rules(settings), time.time).verify)
    if not unsecured:
        raise InvalidMechanismError(
            JWKS_URL,
            f"{NAME} needs it: where the identity provider publishes its keys. To take tokens that nobody has signed, as "
            f"tests do, name an option {_UNSECURED}… in {source.setting_name(NAME)}",
        )
    try:
        rules = unsecured_rules(unsecured)
    except ValueError as error:
        raise InvalidMechanismError(source.setting_name(NAME), str(error)) from None
    return OAuthBearer(UnsecuredTokens(rules, time.time).verify)


def unsecured_rules(options: "Mapping[str, str]") -> UnsecuredRules:
    """The options of Apache's validator of unsecured tokens. Raises `ValueError`."""
    rules = UnsecuredRules()
    for name, value in options.items():
        match name.removeprefix(_UNSECURED):
            case "PrincipalClaimName":
                rules = rules._replace(principal_claim=value)
            case "ScopeClaimName":
                rules = rules._replace(scope_claim=value)
            case "RequiredScope":
                try:
                    rules = rules._replace(required_scopes=scopes_of([*value.split()], name))
                except InvalidToken:
                    raise ValueError(
                        f"option {name} has to be different scopes with blanks between"
                    ) from None
            case "AllowableClockSkewMs":
                if not value.isascii() or not value.isdigit():
                    raise ValueError(f"option {name} has to be a number of milliseconds")
                rules = rules._replace(clock_skew_ms=int(value))
            case _:
                raise ValueError(f"there is no option {name}")
    return rules


def _claim_rules(settings: ListenerSettings) -> ClaimRules:
    def text(name: str) -> str | None:
        return str(settings.mechanism_value(NAME, name) or "").strip() or None

    audiences = settings.mechanism_value(NAME, "sasl.oauthbearer.expected.audience")
    return ClaimRules(
        issuer=text("sasl.oauthbearer.expected.issuer"),
        audiences=frozenset(audiences) if isinstance(audiences, tuple) else frozenset(),
        clock_skew_s=_number(settings, "sasl.oauthbearer.clock.skew.seconds"),
        subject_claim=text("sasl.oauthbearer.sub.claim.name") or "sub",
        scope_claim=text("sasl.oauthbearer.scope.claim.name") or "scope",
    )


def _times(settings: ListenerSettings) -> StoreTimes:
    return StoreTimes(
        refresh_s=_number(settings, "sasl.oauthbearer.jwks.endpoint.refresh.ms") / 1000,
        retry_backoff_s=_number(settings, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms") / 1000,
        retry_backoff_max_s=_number(settings, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms") / 1000,
    )


def _number(settings: ListenerSettings, name: str) -> int:
    value = settings.mechanism_value(NAME, name)
    assert isinstance(value, int), name
    return value
