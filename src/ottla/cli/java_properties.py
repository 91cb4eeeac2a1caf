"""Client properties as Apache's Java clients and tools have them (`--command-config`), in librdkafka's terms.

sasl.jaas.config          ▶ sasl.username, sasl.password (PLAIN, SCRAM)
ssl.truststore.location   ▶ ssl.ca.location, where ssl.truststore.type is PEM
bootstrap.servers, security.protocol, sasl.mechanism … mean the same to both
"""

from collections.abc import Mapping

from ottla.cli.errors import UsageError
from ottla.security.jaas import JaasError, jaas_entry


def in_librdkafkas_terms(settings: Mapping[str, str], where: str) -> dict[str, str]:
    """The same properties; those of librdkafka's own pass through. `where` they came from, for errors."""
    told = dict(settings)
    jaas = told.pop("sasl.jaas.config", None)
    if jaas is not None:
        told |= _login(jaas, where)
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
    names = {"username": "sasl.username", "password": "sasl.password"}
    return {names[option]: value for option, value in options.items() if option in names}
