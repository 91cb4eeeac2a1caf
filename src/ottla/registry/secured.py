"""How the registry's own listeners are secured: what the settings of `security_settings.py` make.

    authentication.method=BASIC             users from a file, as Jetty's PropertyFileLoginModule reads it
    authentication.realm=Registry           the group in the JAAS file that names that file
    java.security.auth.login.config=…       the JAAS file; the original has it as a property of its JVM
    authentication.method=BEARER            tokens, verified by the keys at oauthbearer.jwks.endpoint.url
    listeners=https://…, ssl.keystore.*     TLS

Reads files, so it is called on a thread; `renewal.py` reads them again when they change.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from ottla.config.values import Password, Value
from ottla.registry.security_settings import CERTIFICATES, LOGIN_FILE, knows_principals

if TYPE_CHECKING:
    from ottla.security.key_stores import StoreSettings
    from ottla.security.principal_mapping import PrincipalMapping
    from ottla.security.rest_login import BasicLogin
    from ottla.security.rest_tokens import BearerLogin
    from ottla.security.tls import ServerTls
    from ottla.security.tls_settings import TlsSettings

_PROPERTY_FILE_MODULE: Final = "PropertyFileLoginModule"


class SecurityError(Exception):
    """Settings or files that a registry can't be secured by; names the setting, shows no secret."""


class Principals(NamedTuple):
    """Whose a request is."""

    mapping: PrincipalMapping | None
    """Makes the name of the one in the client's certificate; None where the log-in tells who it is."""
    anonymous: bool
    """Whether there are requests of nobody in particular."""


def principals(values: Mapping[str, Value]) -> Principals | None:
    """None where nobody asks. Raises `SecurityError`."""
    if not knows_principals(values):
        return None
    anonymous = values["confluent.schema.registry.anonymous.principal"] is True
    if values["confluent.schema.registry.auth.mechanism"] != CERTIFICATES:
        return Principals(None, anonymous)
    from ottla.security.principal_mapping import InvalidMappingRules, PrincipalMapping  # noqa: PLC0415

    name = "confluent.schema.registry.auth.ssl.principal.mapping.rules"
    try:
        return Principals(PrincipalMapping(str(values[name])), anonymous)
    except InvalidMappingRules as error:
        raise SecurityError(f"{name}: {error}") from None


def basic_login(values: Mapping[str, Value]) -> BasicLogin | None:
    """Who knows the users; None where they are not asked for. Raises `SecurityError`."""
    if values["authentication.method"] != "BASIC":
        return None
    from ottla.security.rest_login import BasicLogin, UserFileError  # noqa: PLC0415 - most registries ask nobody

    users = _users_file(values)
    try:
        return BasicLogin.from_text(
            _read(users, LOGIN_FILE), cast("tuple[str, ...]", values["authentication.roles"])
        )
    except UserFileError as error:
        raise SecurityError(f"{users}: {error}") from None


def bearer_login(values: Mapping[str, Value]) -> BearerLogin | None:
    """Who verifies tokens, to be closed at the end; None where none are asked for. Raises `SecurityError`."""
    if values["authentication.method"] != "BEARER":
        return None
    from ottla.security.oauth_claims import ClaimRules  # noqa: PLC0415
    from ottla.security.rest_tokens import BearerLogin  # noqa: PLC0415

    name = "oauthbearer.jwks.endpoint.url"
    if not values[name]:
        raise SecurityError(f"{name}: authentication.method=BEARER needs the identity provider's keys")
    issuer = values["oauthbearer.expected.issuer"]
    rules = ClaimRules(
        issuer=None if issuer is None else str(issuer),
        audiences=frozenset(cast("tuple[str, ...]", values["oauthbearer.expected.audience"])),
        subject_claim=str(values["oauthbearer.sub.claim.name"]),
    )
    try:
        return BearerLogin(str(values[name]), rules, cast("tuple[str, ...]", values["authentication.roles"]))
    except ValueError as error:
        raise SecurityError(f"{name}: {error}") from None


def login_files(values: Mapping[str, Value]) -> tuple[str, ...]:
    """The files that tell who the users are; none where they are not asked for. Raises `SecurityError`."""
    if values["authentication.method"] != "BASIC":
        return ()
    return str(values[LOGIN_FILE]), _users_file(values)


def _users_file(values: Mapping[str, Value]) -> str:
    from ottla.security.jaas import JaasError, jaas_contexts  # noqa: PLC0415

    path, realm = values[LOGIN_FILE], str(values["authentication.realm"])
    if path is None:
        raise SecurityError(f"{LOGIN_FILE}: authentication.method=BASIC needs a JAAS file")
    try:
        entries = jaas_contexts(_read(str(path), LOGIN_FILE)).get(realm, ())
    except JaasError as error:
        raise SecurityError(f"{LOGIN_FILE}: {path}: {error}") from None
    for entry in entries:
        if entry.login_module.rpartition(".")[2] == _PROPERTY_FILE_MODULE and "file" in entry.options:
            return entry.options["file"]
    raise SecurityError(
        f"authentication.realm: {path} has no group {realm!r} with a {_PROPERTY_FILE_MODULE} and its file"
    )


def _read(path: str, setting: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SecurityError(f"{setting}: {path} can't be read: {reason}") from None


def server_side(values: Mapping[str, Value]) -> ServerTls:
    """What `https` listeners speak. Raises `SecurityError`."""
    from ottla.security.key_stores import StoreError  # noqa: PLC0415
    from ottla.security.tls import server_tls  # noqa: PLC0415

    try:
        return server_tls(tls_settings(values))
    except StoreError as error:
        raise SecurityError(str(error)) from None


def client_context(values: Mapping[str, Value]) -> ssl.SSLContext:
    """How this registry speaks to the one that writes: it trusts the trust store, and shows its own certificate."""
    from ottla.security.key_stores import StoreError  # noqa: PLC0415
    from ottla.security.tls import client_tls  # noqa: PLC0415

    try:
        return client_tls(tls_settings(values))
    except StoreError as error:
        raise SecurityError(str(error)) from None


def tls_settings(values: Mapping[str, Value]) -> TlsSettings:
    """The stores and what is asked of clients."""
    from ottla.security.tls_settings import TlsSettings  # noqa: PLC0415

    return TlsSettings(
        keystore=_store_settings(values, "keystore"),
        truststore=_store_settings(values, "truststore"),
        client_auth=str(values["ssl.client.authentication"]).lower(),
        enabled_protocols=cast("tuple[str, ...]", values["ssl.enabled.protocols"]),
        cipher_suites=cast("tuple[str, ...]", values["ssl.cipher.suites"]),
    )


def _store_settings(values: Mapping[str, Value], subject: str) -> StoreSettings:
    from ottla.security.key_stores import StoreSettings  # noqa: PLC0415

    return StoreSettings(
        subject=subject,
        type=str(values[f"ssl.{subject}.type"]).upper(),
        location=str(values[f"ssl.{subject}.location"] or ""),
        password=_secret(values[f"ssl.{subject}.password"]),
        key_password=_secret(values["ssl.key.password"]) if subject == "keystore" else None,
    )


def _secret(value: Value) -> str | None:
    return value.secret if isinstance(value, Password) else None
