"""How brokers are reached, over TLS or not, and as whom: made of a client's properties, by librdkafka's names or Java's.

    security.protocol     plaintext, ssl, sasl_plaintext, sasl_ssl
    TLS                   ssl.ca.location … or ssl.truststore.*, ssl.certificate.location … or ssl.keystore.*
    PLAIN, SCRAM          sasl.username and sasl.password, or those of sasl.jaas.config
    OAUTHBEARER           sasl.oauthbearer.token.endpoint.url: an identity provider's, or file:///… with a token
    GSSAPI                sasl.kerberos.service.name; sasl.kerberos.keytab and .principal, or those of sasl.jaas.config

What a property says wrong is told by its name, never with a secret in it.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ottla.client.sasl import MECHANISMS, Credentials, Login

Properties = Mapping[str, object]

PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
DEFAULT_TIMEOUT_MS = 10_000
"""For an identity provider to answer in."""

_OFF = ("false", "0", "no", "off", "f", "n")


class AccessError(ValueError):
    """Properties that lead to no broker: which one to mend, and why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class Access(NamedTuple):
    """The way to brokers. Shows no secret."""

    tls: ssl.SSLContext | None = None
    login: Login | None = None


PLAIN_ACCESS = Access()
"""Neither TLS nor a log-in."""


def access_of(properties: Properties) -> Access:
    """The way that the properties describe; others among them are passed over. Reads the files that they name.

    Raises `AccessError`.
    """
    protocol = _text(properties, "security.protocol", default="plaintext").lower()
    if protocol not in PROTOCOLS:
        raise AccessError("security.protocol", f"{protocol!r} is none of {', '.join(PROTOCOLS)}")
    return Access(
        tls=tls_context(properties) if protocol.endswith("ssl") else None,
        login=_login(properties) if protocol.startswith("sasl") else None,
    )


def tls_context(properties: Properties) -> ssl.SSLContext:
    """Whom to believe, and what to show. Raises `AccessError`."""
    # Here and below: what a plain connection would not need is not loaded for it.
    from ottla.security.key_stores import StoreError, StoreSettings  # noqa: PLC0415
    from ottla.security.tls import client_tls  # noqa: PLC0415
    from ottla.security.tls_settings import TlsSettings  # noqa: PLC0415

    certificates = _text(properties, "ssl.keystore.certificate.chain", "ssl.certificate.pem") or _file(
        properties, "ssl.certificate.location"
    )
    authorities = _text(properties, "ssl.ca.location")
    settings = TlsSettings(
        keystore=StoreSettings(
            subject="keystore",
            type=_text(properties, "ssl.keystore.type", default="PKCS12"),
            location=_text(properties, "ssl.keystore.location"),
            password=_secret(properties, "ssl.keystore.password"),
            key_password=_secret(properties, "ssl.key.password"),
            certificates=certificates or None,
            key=_text(properties, "ssl.keystore.key", "ssl.key.pem") or _file(properties, "ssl.key.location"),
        ),
        truststore=StoreSettings(
            subject="truststore",
            type="PEM" if authorities else _text(properties, "ssl.truststore.type", default="JKS"),
            location=""
            if authorities == "probe"
            else authorities or _text(properties, "ssl.truststore.location"),
            password=_secret(properties, "ssl.truststore.password"),
            certificates=_secret(properties, "ssl.truststore.certificates", "ssl.ca.pem"),
        ),
    )
    try:
        context = client_tls(settings)
    except StoreError as error:
        raise AccessError(_given(properties, error.setting, "ssl.ca.location"), error.reason) from None
    if _text(properties, "ssl.endpoint.identification.algorithm", default="https").lower() in ("", "none"):
        context.check_hostname = False
    if _text(properties, "enable.ssl.certificate.verification", default="true").lower() in _OFF:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _login(properties: Properties) -> Login:
    mechanism = _text(properties, "sasl.mechanism", "sasl.mechanisms", default="GSSAPI")
    options = _jaas_options(properties)
    if mechanism in MECHANISMS:
        return Credentials(
            mechanism,
            _text(properties, "sasl.username") or options.get("username", ""),
            _text(properties, "sasl.password") or options.get("password", ""),
        )
    if mechanism == "OAUTHBEARER":
        return _oauth_login(properties, options)
    if mechanism == "GSSAPI":
        return _kerberos_login(properties, options)
    known = (*MECHANISMS, "OAUTHBEARER", "GSSAPI")
    raise AccessError("sasl.mechanism", f"{mechanism!r} is none of {', '.join(known)}")


def _oauth_login(properties: Properties, options: Mapping[str, str]) -> Login:
    from ottla.client.oauth_login import ClientSecret, OAuthLogin, token_source  # noqa: PLC0415

    url = "sasl.oauthbearer.token.endpoint.url"
    address = _text(properties, url)
    if not address:
        raise AccessError(url, "OAUTHBEARER needs an identity provider, or file:///… with a token")
    names = "sasl.oauthbearer.client.credentials.client", "sasl.oauthbearer.client"
    client_id = _text(properties, *(f"{each}.id" for each in names)) or options.get("clientId", "")
    client = None
    if client_id:
        client = ClientSecret(
            client_id,
            _text(properties, *(f"{each}.secret" for each in names)) or options.get("clientSecret", ""),
            _text(properties, "sasl.oauthbearer.scope") or options.get("scope", ""),
            url_encoded=_text(properties, "sasl.oauthbearer.header.urlencode").lower() == "true",
        )
    try:
        source = token_source(
            address,
            client,
            tls=_tls_of_provider(properties, options, address),
            timeout_s=_timeout_s(properties),
        )
    except AccessError:
        raise
    except ValueError as error:
        raise AccessError(url, str(error)) from None
    try:
        return OAuthLogin(source, _extensions(properties, options))
    except ValueError as error:
        raise AccessError("sasl.oauthbearer.extensions", str(error)) from None


def _tls_of_provider(
    properties: Properties, options: Mapping[str, str], address: str
) -> ssl.SSLContext | None:
    """That of the provider is its own matter: Java has it among the options of JAAS, librdkafka as `https.ca.location`."""
    if not address.startswith("https:"):
        return None
    given = {name: value for name, value in options.items() if name.startswith("ssl.")}
    for name in ("location", "pem"):
        if _text(properties, f"https.ca.{name}"):
            given[f"ssl.ca.{name}"] = _text(properties, f"https.ca.{name}")
    return tls_context(given)


def _extensions(properties: Properties, options: Mapping[str, str]) -> dict[str, str]:
    told = {
        name.removeprefix("extension_"): value
        for name, value in options.items()
        if name.startswith("extension_")
    }
    for each in _text(properties, "sasl.oauthbearer.extensions").split(","):
        name, equals, value = each.partition("=")
        if equals:
            told[name.strip()] = value
    return told


def _kerberos_login(properties: Properties, options: Mapping[str, str]) -> Login:
    from ottla.client.kerberos_login import KerberosLogin  # noqa: PLC0415

    by_key_table = options.get("useKeyTab", "").lower() == "true"
    return KerberosLogin(
        _text(properties, "sasl.kerberos.service.name") or options.get("serviceName", "kafka"),
        _text(properties, "sasl.kerberos.principal") or options.get("principal", ""),
        _text(properties, "sasl.kerberos.keytab") or (options.get("keyTab", "") if by_key_table else ""),
    )


def _jaas_options(properties: Properties) -> Mapping[str, str]:
    from ottla.security.jaas import JaasError, jaas_entry  # noqa: PLC0415

    text = _text(properties, "sasl.jaas.config")
    if not text:
        return {}
    try:
        return jaas_entry(text).options
    except JaasError as error:
        raise AccessError("sasl.jaas.config", str(error)) from None


def _timeout_s(properties: Properties) -> float:
    name = "sasl.login.read.timeout.ms"
    text = _text(properties, name)
    if text and not text.isdecimal():
        raise AccessError(name, "it must be a number of milliseconds")
    return int(text or DEFAULT_TIMEOUT_MS) / 1000


def _text(properties: Properties, *names: str, default: str = "") -> str:
    """The first of these that is given."""
    found = next((properties[name] for name in names if properties.get(name) is not None), default)
    return str(found)


def _secret(properties: Properties, *names: str) -> str | None:
    return _text(properties, *names) or None


def _file(properties: Properties, name: str) -> str:
    path = _text(properties, name)
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise AccessError(name, f"{path} can't be read: {reason}") from None


def _given(properties: Properties, java_name: str, name: str) -> str:
    """Whichever of two names of one property was used."""
    return name if java_name not in properties and name in properties else java_name
