"""Client properties as Apache's Java clients and tools have them (`--command-config`), in librdkafka's terms.

sasl.jaas.config          ▶ sasl.username, sasl.password (PLAIN, SCRAM)
                            sasl.oauthbearer.client.id, .client.secret, .scope, .extensions (OAUTHBEARER)
                            sasl.kerberos.service.name, .principal, .keytab (GSSAPI)
sasl.oauthbearer.client.credentials.client.id, .secret ▶ sasl.oauthbearer.client.id, .secret
sasl.login.callback.handler.class ▶ nothing: what it does is in librdkafka
ssl.truststore.location   ▶ ssl.ca.location, where ssl.truststore.type is PEM
bootstrap.servers, security.protocol, sasl.mechanism … mean the same to both
"""

from collections.abc import Mapping

from ottla.cli.errors import UsageError
from ottla.security.jaas import JaasError, jaas_entry

_JAAS_NAMES = {
    "username": "sasl.username",
    "password": "sasl.password",
    "clientId": "sasl.oauthbearer.client.id",
    "clientSecret": "sasl.oauthbearer.client.secret",
    "scope": "sasl.oauthbearer.scope",
    "serviceName": "sasl.kerberos.service.name",
    "principal": "sasl.kerberos.principal",
    "keyTab": "sasl.kerberos.keytab",
}
_OTHER_NAMES = {
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
}
_JAVA_ALONE = (
    "sasl.client.callback.handler.class",
    "sasl.login.callback.handler.class",
    "sasl.oauthbearer.jwt.retriever.class",
)
_EXTENSION = "extension_"


def in_librdkafkas_terms(settings: Mapping[str, str], where: str) -> dict[str, str]:
    """The same properties; those of librdkafka's own pass through. `where` they came from, for errors."""
    told = {
        _OTHER_NAMES.get(name, name): value for name, value in settings.items() if name not in _JAVA_ALONE
    }
    jaas = told.pop("sasl.jaas.config", None)
    if jaas is not None:
        told = _login(jaas, where) | told
    if told.get("sasl.oauthbearer.token.endpoint.url", "").startswith("http"):
        told.setdefault("sasl.oauthbearer.method", "oidc")
    kind = told.pop("ssl.truststore.type", None)
    location = told.pop("ssl.truststore.location", None)
    if location is not None:
        if (kind or "JKS").upper() != "PEM":
            raise UsageError(
                f"a trust store of type {kind or 'JKS'} is for Java clients alone",
                where=where,
                remedy="give the certificates as PEM: ssl.ca.location=FILE",
            )
        told["ssl.ca.location"] = location
    return told


def _login(jaas: str, where: str) -> dict[str, str]:
    try:
        options = jaas_entry(jaas).options
    except JaasError as error:
        raise UsageError(
            f"sasl.jaas.config: {error}", where=where, remedy="or give sasl.username and sasl.password"
        ) from None
    told = {_JAAS_NAMES[option]: value for option, value in options.items() if option in _JAAS_NAMES}
    extensions = [
        f"{option.removeprefix(_EXTENSION)}={value}"
        for option, value in options.items()
        if option.startswith(_EXTENSION)
    ]
    if extensions:
        told["sasl.oauthbearer.extensions"] = ",".join(extensions)
    return told
