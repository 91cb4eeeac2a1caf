"""TLS as a server speaks it: an `ssl.SSLContext` out of Apache's settings, and who is at the other end of a session.

What a context is made of is read from files and decrypted, so `server_tls` is called on a thread. A context is never changed
later: renewed certificates make a new one, which new connections get.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ottla.security.key_stores import (
    KeyEntry,
    StoreError,
    StoreSettings,
    incompatibility,
    read_key_store,
    read_trust_store,
)
from ottla.security.principal import ANONYMOUS, USER_TYPE, KafkaPrincipal
from ottla.security.principal_mapping import InvalidMappingRules, PrincipalMapping
from ottla.security.tls_ciphers import FIRST_TLS_1_3_SUITE, TLS_1_3_SUITES, openssl_name
from ottla.security.tls_names import subject_of
from ottla.security.tls_rehearsal import RehearsalFailed, rehearse
from ottla.security.tls_settings import TlsSettings

_VERSIONS: Final = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}

_CLIENT_AUTH: Final = {
    "none": ssl.CERT_NONE,
    "requested": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}

FileState: TypeAlias = tuple[int, int, int] | None
"""Inode, size and time of change; None for a file that isn't there."""


class UnwantedSuite(ValueError):  # noqa: N818 - an outcome, which ends the connection
    """A client that knows no suite but one which is not allowed."""


class ServerTls(NamedTuple):
    """All that a listener needs to take connections, made from one state of its settings and files."""

    settings: TlsSettings
    context: ssl.SSLContext
    mapping: PrincipalMapping
    entries: tuple[KeyEntry, ...]
    files: tuple[FileState, ...]
    """The stores' files as they were when they were read."""
    warnings: tuple[str, ...]
    """What clients will take offence at."""
    unwanted_suites: frozenset[str]
    """Of TLS 1.3, which Python's ssl can't be kept from; the one that is named comes first."""
    peer: ssl.SSLContext | None = None
    """How another broker with the same stores would connect; made for the listener between brokers alone."""

    def check(self, session: ssl.SSLObject) -> None:
        """Raise `UnwantedSuite` when a finished handshake ended with one that the settings don't name."""
        used = session.cipher()
        if self.unwanted_suites and used is not None and used[0] in self.unwanted_suites:
            raise UnwantedSuite(f"the client knows none of the cipher suites allowed here, but {used[0]}")

    def principal(self, session: ssl.SSLObject) -> KafkaPrincipal:
        """Who is at the other end of a finished handshake; raises `NoRuleFits`."""
        certificate = session.getpeercert(binary_form=True)
        if not certificate:
            return ANONYMOUS
        return KafkaPrincipal(USER_TYPE, self.mapping.user(subject_of(certificate)))


def server_tls(settings: TlsSettings, replaced: ServerTls | None = None) -> ServerTls:
    """Read the stores and make a context; raises `StoreError`, which names the setting to mend.

    `replaced`: what is in use, whose names the new certificates must keep.
    """
    files = file_states(settings)
    try:
        mapping = PrincipalMapping(settings.principal_mapping_rules)
    except InvalidMappingRules as error:
        raise StoreError("ssl.principal.mapping.rules", str(error)) from None
    entries = read_key_store(settings.keystore)
    if replaced is not None:
        _ensure_compatible(settings, entries, replaced)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A client can't make the broker work by renegotiating, nor a compression tell what was encrypted.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _set_versions(context, settings)
    unwanted = _set_ciphers(context, settings)
    for entry in entries:
        _use(context, settings.keystore, entry)
    context.verify_mode = _CLIENT_AUTH[settings.client_auth]
    if context.verify_mode is not ssl.CERT_NONE:
        # Whatever certificate the store holds is trusted, as in Java, whether it signed itself or not.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if settings.truststore.is_set or context.verify_mode is not ssl.CERT_NONE:
        _trust(context, settings.truststore)
    now = dt.datetime.now(dt.UTC)
    warnings = tuple(problem for entry in entries if (problem := entry.problem(now)) is not None)
    peer = None
    if settings.is_between_brokers:
        peer = _peer(settings, entries[0])
        _rehearse(settings, context, peer, replaced)
    return ServerTls(settings, context, mapping, entries, files, warnings, unwanted, peer)


def _ensure_compatible(settings: TlsSettings, entries: tuple[KeyEntry, ...], replaced: ServerTls) -> None:
    """Raise `StoreError` for stores that may not take the place of those in use."""
    if settings.truststore.is_set and not replaced.settings.truststore.is_set:
        raise StoreError(
            settings.truststore.setting("location"),
            "Cannot add SSL truststore to an existing listener for which no truststore was configured.",
        )
    reason = incompatibility(
        entries,
        replaced.entries,
        allow_dn_changes=settings.allow_dn_changes,
        allow_san_changes=settings.allow_san_changes,
    )
    if reason is not None:
        raise StoreError(settings.keystore.setting("location"), reason)


def _peer(settings: TlsSettings, entry: KeyEntry) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _set_versions(context, settings)
    _use(context, settings.keystore, entry)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    _trust(context, settings.truststore)
    return context


def _rehearse(
    settings: TlsSettings, context: ssl.SSLContext, peer: ssl.SSLContext, replaced: ServerTls | None
) -> None:
    """Raise `StoreError` where brokers with these stores, or these and those in use, could not connect to each other."""
    pairs = [(context, peer)]
    if replaced is not None and replaced.peer is not None:
        pairs = [(replaced.context, peer), (context, replaced.peer)]
    try:
        for server, client in pairs:
            rehearse(server, client)
    except RehearsalFailed as failure:
        if _trusts_itself(settings):
            return  # Java asks no more of a certificate that the trust store itself holds, not even the date
        raise StoreError(
            settings.keystore.setting("location"),
            "A client SSLEngine created with the provided settings can't connect to a server SSLEngine created with those "
            f"settings: {failure}; brokers would refuse each other on this listener",
        ) from None


def _trusts_itself(settings: TlsSettings) -> bool:
    if not settings.truststore.is_set:
        return False
    return read_key_store(settings.keystore)[0].chain[0] in read_trust_store(settings.truststore)


def client_tls(settings: TlsSettings) -> ssl.SSLContext:
    """How a service speaks to another of its kind: it trusts the trust store, or the system, shows its own certificate if it has one,
    and wants the other's to bear the name it was reached by. Raises `StoreError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_versions(context, settings)
    if settings.truststore.is_set:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        _trust(context, settings.truststore)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if settings.keystore.is_set:
        _use(context, settings.keystore, read_key_store(settings.keystore)[0])
    return context


def file_states(settings: TlsSettings) -> tuple[FileState, ...]:
    """By which a change of the stores' files is seen; costs a look at each."""
    return tuple(_state(store.location) for store in (settings.keystore, settings.truststore))


def _state(path: str) -> FileState:
    if not path:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _set_versions(context: ssl.SSLContext, settings: TlsSettings) -> None:
    name = "ssl.enabled.protocols"
    words = settings.enabled_protocols or ("TLSv1.2", settings.protocol)
    unknown = [word for word in words if word not in _VERSIONS]
    if unknown:
        raise StoreError(name, f"{unknown[0]} is none of {', '.join(_VERSIONS)}")
    versions = [_VERSIONS[word] for word in words]
    oldest, newest = min(versions), max(versions)
    if any(oldest < each < newest and each not in versions for each in _VERSIONS.values()):
        raise StoreError(
            name, f"{','.join(words)} leaves out a version between others, which OpenSSL can't do"
        )
    context.minimum_version, context.maximum_version = oldest, newest


def _set_ciphers(context: ssl.SSLContext, settings: TlsSettings) -> frozenset[str]:
    """The suites of TLS 1.3 that are not wanted and can't be left out.

    Python's ssl offers all three whatever is set. With the broker's order a client that knows AES-256 gets it, which comes
    first: so where that is wanted, only a client that would have found nothing ends up with an unwanted one.
    """
    if not settings.cipher_suites:
        return frozenset()
    name = "ssl.cipher.suites"
    newer = {suite for suite in settings.cipher_suites if suite in TLS_1_3_SUITES}
    older = [suite for suite in settings.cipher_suites if suite not in newer]
    if newer and FIRST_TLS_1_3_SUITE not in newer and context.maximum_version is ssl.TLSVersion.TLSv1_3:
        raise StoreError(
            name,
            f"names {', '.join(sorted(newer))} of TLS 1.3's suites and not {FIRST_TLS_1_3_SUITE}, which Python's ssl module "
            "can't leave out: add it, or name none of TLS 1.3, which is not spoken then",
        )
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if not newer:
        _limit(context, name, newest=ssl.TLSVersion.TLSv1_2)
    elif not older:
        _limit(context, name, oldest=ssl.TLSVersion.TLSv1_3)
        return TLS_1_3_SUITES - newer
    for suite in older:
        try:
            context.set_ciphers(openssl_name(suite))
        except ssl.SSLError:
            raise StoreError(name, f"Unsupported CipherSuite: {suite}") from None
    context.set_ciphers(":".join(map(openssl_name, older)))
    return TLS_1_3_SUITES - newer


def _limit(
    context: ssl.SSLContext,
    name: str,
    *,
    oldest: ssl.TLSVersion | None = None,
    newest: ssl.TLSVersion | None = None,
) -> None:
    """Leave out the versions for which no suite is named, as Java does by itself."""
    if newest is not None:
        context.maximum_version = min(context.maximum_version, newest)
    if oldest is not None:
        context.minimum_version = max(context.minimum_version, oldest)
    if context.minimum_version > context.maximum_version:
        raise StoreError(name, "names no suite for the versions in ssl.enabled.protocols")


def _use(context: ssl.SSLContext, store: StoreSettings, entry: KeyEntry) -> None:
    """Python's ssl takes keys from files alone, so it gets one that no name leads to, encrypted for this one time."""
    password = secrets.token_hex(16)
    pem = entry.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    ) + _pem(entry.chain)
    try:
        with _passing_file(pem) as path:
            context.load_cert_chain(path, password=password)
    except ssl.SSLError as error:
        where = store.setting("certificate.chain" if store.certificates is not None else "location")
        raise StoreError(where, f"OpenSSL refuses the certificate or its key: {error.reason}") from None


@contextlib.contextmanager
def _passing_file(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        descriptor = os.memfd_create("ottla-tls")
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as named:
            named.write(content)
            named.flush()
            yield named.name


def _trust(context: ssl.SSLContext, store: StoreSettings) -> None:
    if not store.is_set:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(cadata=_pem(read_trust_store(store)).decode())
    except ssl.SSLError as error:
        raise StoreError(
            store.setting("location"), f"OpenSSL refuses a certificate: {error.reason}"
        ) from None


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


FAILURES: Final = {
    "HTTP_REQUEST": "an HTTP request; this port speaks Kafka's protocol over TLS",
    "WRONG_VERSION_NUMBER": "no TLS: is security.protocol of the client PLAINTEXT or SASL_PLAINTEXT?",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client showed no certificate (ssl.client.auth=required)",
    "UNSUPPORTED_PROTOCOL": "the client speaks none of the versions in ssl.enabled.protocols",
    "NO_SHARED_CIPHER": "the client knows none of the cipher suites allowed here",
    "TLSV1_ALERT_UNKNOWN_CA": "the client doesn't trust this broker's certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client doesn't take this broker's certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client doesn't take this broker's certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "for the client, this broker's certificate has expired",
}


def failure(error: ssl.SSLError) -> str:
    """What went wrong in a handshake, for the log: nothing of what the peer sent stands in it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the client's certificate is refused: {error.verify_message}"
    reason = error.reason or type(error).__name__
    return FAILURES.get(reason, reason.lower().replace("_", " "))
