"""What is wrong with a listener's TLS settings that can be told without reading a file.

Source: Apache's DefaultSslEngineFactory (`createKeystore`, `createTruststore`). That there is a keystore at all is asked for
besides: without one no client could ever connect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ottla.config.values import Value

Lookup: TypeAlias = Callable[[str], Value]
"""What holds for the listener, by the setting's plain name."""

_TYPES = ("JKS", "PKCS12", "PEM")


def tls_faults(listener: str, value: Lookup) -> Iterator[tuple[str, str]]:
    """(setting, rule) for each; `listener` as it is written in `listeners`."""
    yield from _types(value)
    yield from _keystore(listener, value)
    yield from _truststore(value)


def _types(value: Lookup) -> Iterator[tuple[str, str]]:
    for name in ("ssl.keystore.type", "ssl.truststore.type"):
        if str(value(name)).upper() not in _TYPES:
            yield name, f"has to be one of {', '.join(_TYPES)}"


def _keystore(listener: str, value: Lookup) -> Iterator[tuple[str, str]]:
    name = "ssl.keystore.location"
    kind, location = str(value("ssl.keystore.type")).upper(), value(name)
    password, key = value("ssl.keystore.password"), value("ssl.keystore.key")
    chain = value("ssl.keystore.certificate.chain")
    if key is not None or chain is not None:
        if kind != "PEM":
            yield (
                "ssl.keystore.type",
                f"SSL private key can be specified only for PEM, but key store type is {kind}.",
            )
        if chain is None:
            yield "ssl.keystore.key", "SSL private key is specified, but certificate chain is not specified."
        if key is None:
            yield (
                "ssl.keystore.certificate.chain",
                "SSL certificate chain is specified, but private key is not specified",
            )
        if location:
            yield name, "Both SSL key store location and separate private key are specified."
    elif not location:
        yield name, f"has to be set: {listener} speaks TLS and has no certificate to show"
    elif kind != "PEM" and password is None:
        yield (
            "ssl.keystore.password",
            "SSL key store is specified, but key store password is not specified.",
        )
    if kind == "PEM" and password is not None:
        yield (
            "ssl.keystore.password",
            "SSL key store password cannot be specified with PEM format, only key password may be specified.",
        )


def _truststore(value: Lookup) -> Iterator[tuple[str, str]]:
    kind, location = str(value("ssl.truststore.type")).upper(), value("ssl.truststore.location")
    password, certificates = value("ssl.truststore.password"), value("ssl.truststore.certificates")
    if certificates is not None:
        if kind != "PEM":
            yield (
                "ssl.truststore.type",
                f"SSL trust store certs can be specified only for PEM, but trust store type is {kind}.",
            )
        if location:
            yield (
                "ssl.truststore.location",
                "Both SSL trust store location and separate trust certificates are specified.",
            )
    elif not location and password is not None:
        yield (
            "ssl.truststore.password",
            "SSL trust store is not specified, but trust store password is specified.",
        )
    if kind == "PEM" and password is not None:
        yield "ssl.truststore.password", "SSL trust store password cannot be specified for PEM format."
