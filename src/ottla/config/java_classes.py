"""Settings that name a Java class which decides something: who gets in, who someone is, what may be made.

There are no Java classes to load. Apache's own stand for what is built in here and may be named, as many a `server.properties` does;
any other would be counted on and not be there, so a start that names one is refused, and so is a change.

Source: the defaults in Apache's SaslConfigs, SslConfigs, BrokerSecurityConfigs, and the classes its manual tells people to name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ottla.config.sources import Given

_AUTHENTICATION: Final = "org.apache.kafka.common.security.authenticator."
_OAUTH: Final = "org.apache.kafka.common.security.oauthbearer."

_SERVER_CALLBACK_HANDLERS: Final = frozenset(
    {
        f"{_AUTHENTICATION}SaslServerCallbackHandler",
        f"{_OAUTH}OAuthBearerValidatorCallbackHandler",
        f"{_OAUTH}secured.OAuthBearerValidatorCallbackHandler",
        f"{_OAUTH}internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
        "org.apache.kafka.common.security.plain.internals.PlainServerCallbackHandler",
        "org.apache.kafka.common.security.scram.internals.ScramServerCallbackHandler",
    }
)

_LOGIN_CALLBACK_HANDLERS: Final = frozenset(
    {
        f"{_AUTHENTICATION}AbstractLogin$DefaultLoginCallbackHandler",
        f"{_OAUTH}OAuthBearerLoginCallbackHandler",
        f"{_OAUTH}secured.OAuthBearerLoginCallbackHandler",
        f"{_OAUTH}internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler",
    }
)

SERVED: Final[Mapping[str, frozenset[str]]] = {
    "alter.config.policy.class.name": frozenset(),
    "client.quota.callback.class": frozenset(),
    "create.topic.policy.class.name": frozenset(),
    "principal.builder.class": frozenset({f"{_AUTHENTICATION}DefaultKafkaPrincipalBuilder"}),
    "sasl.login.callback.handler.class": _LOGIN_CALLBACK_HANDLERS,
    "sasl.login.class": frozenset(
        {
            f"{_AUTHENTICATION}DefaultLogin",
            f"{_OAUTH}internals.OAuthBearerRefreshingLogin",
            "org.apache.kafka.common.security.kerberos.KerberosLogin",
        }
    ),
    "sasl.oauthbearer.jwt.retriever.class": frozenset(
        {
            f"{_OAUTH}DefaultJwtRetriever",
            f"{_OAUTH}ClientCredentialsJwtRetriever",
            f"{_OAUTH}FileJwtRetriever",
            f"{_OAUTH}JwtBearerJwtRetriever",
        }
    ),
    "sasl.oauthbearer.jwt.validator.class": frozenset(
        {
            f"{_OAUTH}DefaultJwtValidator",
            f"{_OAUTH}BrokerJwtValidator",
            f"{_OAUTH}ClientJwtValidator",
        }
    ),
    "sasl.server.callback.handler.class": _SERVER_CALLBACK_HANDLERS,
    "security.providers": frozenset(),
    "ssl.engine.factory.class": frozenset({"org.apache.kafka.common.security.ssl.DefaultSslEngineFactory"}),
}
"""By setting: the classes that may be named."""


def faults(given: Mapping[str, Given]) -> Iterator[tuple[str, str]]:
    """(name as given, rule) for each class that is not there; for a listener and a mechanism alone as for all."""
    for name, value in given.items():
        served = _served(name)
        text = value.text.strip()
        if served is not None and text and text not in served:
            also = f"; what is built in goes by {', '.join(sorted(served))}" if served else ""
            yield name, f"there are no Java classes to load{also}"


def _served(name: str) -> frozenset[str] | None:
    if name in SERVED:
        return SERVED[name]
    if not name.startswith("listener.name."):
        return None
    return next((classes for setting, classes in SERVED.items() if name.endswith(f".{setting}")), None)
