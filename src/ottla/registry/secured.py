"""How the registry's own listeners are secured: its settings under the original's names, and what they make.

    authentication.method=BASIC             users from a file, as Jetty's PropertyFileLoginModule reads it
    authentication.realm=Registry           the group in the JAAS file that names that file
    java.security.auth.login.config=…       the JAAS file; the original has it as a property of its JVM
    authentication.method=BEARER            tokens, verified by the keys at oauthbearer.jwks.endpoint.url
    listeners=https://…, ssl.keystore.*     TLS

Reads files, so it is called on a thread.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import OneOf, OneOfIgnoringCase
from ottla.config.values import Password, Value

if TYPE_CHECKING:
    from ottla.security.key_stores import StoreSettings
    from ottla.security.rest_login import BasicLogin
    from ottla.security.rest_tokens import BearerLogin
    from ottla.security.tls_settings import TlsSettings

LOGIN_FILE: Final = "java.security.auth.login.config"
_JVM_LOGIN_FILE: Final = re.compile(rf"-D{re.escape(LOGIN_FILE)}=(\S+)")
_PROPERTY_FILE_MODULE: Final = "PropertyFileLoginModule"


def _store(subject: str, use: str) -> tuple[Setting, ...]:
    name = f"ssl.{subject}"
    return (
        Setting(name=f"{name}.location", type=Type.STRING, default=None, doc=use, importance=Importance.HIGH),
        Setting(name=f"{name}.password", type=Type.PASSWORD, default=None, doc=f"Opens `{name}.location`."),
        Setting(
            name=f"{name}.type",
            type=Type.STRING,
            default="JKS",
            valid=OneOfIgnoringCase(("JKS", "PKCS12", "PEM")),
            doc="JKS, PKCS12 (either is seen by itself) or PEM.",
        ),
    )


SECURITY_SETTINGS: Final = (
    Setting(
        name="authentication.method",
        type=Type.STRING,
        default="NONE",
        valid=OneOf(("NONE", "BASIC", "BEARER")),
        doc="BASIC asks each request for a user and a password, BEARER for a token of an identity provider.",
        importance=Importance.HIGH,
    ),
    Setting(
        name="authentication.realm",
        type=Type.STRING,
        default="",
        doc=f"The group in the file of `{LOGIN_FILE}` that tells where the users are.",
    ),
    Setting(
        name="authentication.roles",
        type=Type.LIST,
        default=("*",),
        doc="Users with one of these roles, or tokens with one of these scopes, may come in, with commas; `*` is every one.",
    ),
    Setting(
        name=LOGIN_FILE,
        type=Type.STRING,
        default=None,
        doc=(
            "A JAAS file with a `PropertyFileLoginModule` whose `file` holds `user: password,role,…`. Also read from "
            f"`SCHEMA_REGISTRY_OPTS=-D{LOGIN_FILE}=…`, as the original has it."
        ),
    ),
    Setting(
        name="oauthbearer.jwks.endpoint.url",
        type=Type.STRING,
        default=None,
        doc="Where the identity provider publishes the keys that tokens are verified by.",
    ),
    Setting(
        name="oauthbearer.expected.issuer",
        type=Type.STRING,
        default=None,
        doc="Who has to have issued a token; anyone when not set.",
    ),
    Setting(
        name="oauthbearer.expected.audience",
        type=Type.LIST,
        default=(),
        doc="For whom a token has to be, one of these; for nobody in particular when empty.",
    ),
    Setting(
        name="oauthbearer.sub.claim.name",
        type=Type.STRING,
        default="sub",
        doc="The claim that names the user.",
    ),
    *_store("keystore", "A file of the certificate, with its key, that `https` listeners show."),
    Setting(name="ssl.key.password", type=Type.PASSWORD, default=None, doc="Opens the key in the key store."),
    *_store(
        "truststore",
        "A file of the authorities that sign clients' certificates and those of other registries.",
    ),
    Setting(
        name="ssl.client.authentication",
        type=Type.STRING,
        default="NONE",
        valid=OneOfIgnoringCase(("NONE", "REQUESTED", "REQUIRED")),
        doc="Whether clients show a certificate of their own.",
    ),
    Setting(
        name="ssl.enabled.protocols",
        type=Type.LIST,
        default=("TLSv1.2", "TLSv1.3"),
        doc="Versions of TLS that are spoken.",
    ),
    Setting(
        name="ssl.cipher.suites",
        type=Type.LIST,
        default=(),
        doc="Cipher suites that are allowed; OpenSSL's choice when empty.",
    ),
)


class SecurityError(Exception):
    """Settings or files that a registry can't be secured by; names the setting, shows no secret."""


def login_file_of_jvm(options: str) -> str | None:
    """The JAAS file out of a JVM's options, as `SCHEMA_REGISTRY_OPTS` has them."""
    found = _JVM_LOGIN_FILE.search(options)
    return None if found is None else found.group(1)


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


def server_context(values: Mapping[str, Value]) -> ssl.SSLContext:
    """What `https` listeners speak. Raises `SecurityError`."""
    from ottla.security.key_stores import StoreError  # noqa: PLC0415
    from ottla.security.tls import server_tls  # noqa: PLC0415

    try:
        return server_tls(_tls_settings(values)).context
    except StoreError as error:
        raise SecurityError(str(error)) from None


def client_context(values: Mapping[str, Value]) -> ssl.SSLContext:
    """How this registry speaks to the one that writes: it trusts the trust store, and shows its own certificate."""
    from ottla.security.key_stores import StoreError  # noqa: PLC0415
    from ottla.security.tls import client_tls  # noqa: PLC0415

    try:
        return client_tls(_tls_settings(values))
    except StoreError as error:
        raise SecurityError(str(error)) from None


def _tls_settings(values: Mapping[str, Value]) -> TlsSettings:
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
