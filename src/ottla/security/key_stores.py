"""Key stores and trust stores: the broker's own certificates with their keys, and the certificates it trusts.

    ssl.keystore.type=PEM     a file, or text in `ssl.keystore.certificate.chain` and `ssl.keystore.key`
    PKCS12, JKS               a file; which of the two it is, is seen in its first bytes, as Java does

Reads files and derives keys from passwords, which takes up to a tenth of a second: called on a thread. What is wrong is told by
setting, and never with a secret in it.

Source: KIP-651, Apache's DefaultSslEngineFactory.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

from ottla.security import java_key_store
from ottla.security.java_key_store import JavaKeyStoreError

STORE_MAX_BYTES: Final = 4 << 20
"""No store is larger; a path that names something else isn't read into memory whole."""

_PEM: Final = re.compile(r"-+BEGIN ([A-Z0-9 ]+?)-+(.*?)-+END \1-+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The settings of one store."""

    subject: str
    """`keystore` or `truststore`: what stands in the names of its settings."""
    type: str
    """PEM, PKCS12 or JKS."""
    location: str
    """Path of the file; empty for none."""
    password: str | None = field(default=None, repr=False)
    key_password: str | None = field(default=None, repr=False)
    certificates: str | None = field(default=None, repr=False)
    """PEM text in place of a file."""
    key: str | None = field(default=None, repr=False)
    """The private key's PEM text, beside `certificates`."""

    @property
    def is_set(self) -> bool:
        """Whether there is such a store."""
        return bool(self.location or self.certificates)

    def setting(self, name: str) -> str:
        """The full name of one of its settings."""
        return f"ssl.{self.subject}.{name}"


class StoreError(Exception):
    """A store that can't be used: which setting to mend, and why."""

    def __init__(self, setting: str, reason: str) -> None:
        self.setting = setting
        self.reason = reason
        super().__init__(f"{setting}: {reason}")


class KeyEntry(NamedTuple):
    """A private key and the certificates that speak for it."""

    key: PrivateKeyTypes
    chain: tuple[x509.Certificate, ...]
    """Its own first, then who signed it."""

    def problem(self, now: dt.datetime) -> str | None:
        """Why clients will refuse it at this time; None when they won't on this account."""
        own = self.chain[0]
        name = own.subject.rfc4514_string()
        if own.not_valid_after_utc < now:
            return f"the certificate of {name} expired at {own.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if own.not_valid_before_utc > now:
            return (
                f"the certificate of {name} is not valid before {own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            )
        return None


def read_key_store(store: StoreSettings) -> tuple[KeyEntry, ...]:
    """The keys, at least one; raises `StoreError`."""
    if store.certificates is not None:
        entries = [_key_of_pem(store, store.key or "", store.certificates, ("certificate.chain", "key"))]
    else:
        data = _file(store)
        if store.type.upper() == "PEM":
            text = _text(store, data)
            entries = [_key_of_pem(store, text, text, ("location", "location"))]
        elif data.startswith(java_key_store.MAGIC):
            entries = _keys_of_java(store, data)
        else:
            entries = _keys_of_pkcs12(store, data)
    for entry in entries:
        _check_pair(store, entry)
    return tuple(entries)


def read_trust_store(store: StoreSettings) -> tuple[x509.Certificate, ...]:
    """The trusted certificates, at least one; raises `StoreError`."""
    if store.certificates is not None:
        return _certificates_of_pem(store, store.certificates, "certificates")
    data = _file(store)
    if store.type.upper() == "PEM":
        return _certificates_of_pem(store, _text(store, data), "location")
    if data.startswith(java_key_store.MAGIC):
        held = _java(store, data)
        trusted = tuple(
            _certificate(store, each) for each in (*held.trusted, *(k.chain[0] for k in held.keys if k.chain))
        )
    else:
        trusted = _trusted_of_pkcs12(_pkcs12(store, data))
    if not trusted:
        raise StoreError(store.setting("location"), f"{store.location} holds no trusted certificate")
    return trusted


def _file(store: StoreSettings) -> bytes:
    try:
        with Path(store.location).open("rb") as file:
            data = file.read(STORE_MAX_BYTES + 1)
    except OSError as error:
        raise StoreError(
            store.setting("location"), f"{store.location} can't be read: {error.strerror}"
        ) from None
    if len(data) > STORE_MAX_BYTES:
        raise StoreError(store.setting("location"), f"{store.location} is too large for a {store.subject}")
    return data


# PEM


def _text(store: StoreSettings, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise StoreError(
            store.setting("type"), f"{store.location} is no PEM file; is it PKCS12 or JKS?"
        ) from None


def _blocks(text: str) -> list[tuple[str, str]]:
    """(label, block) of everything between BEGIN and END lines.

    In a properties file the lines of a PEM text often end up as one, with blanks in between: the base64 is cut anew. A block
    with headers (an old encrypted key) needs its lines, and stays as it is.
    """
    blocks = []
    for match in _PEM.finditer(text):
        label, body = match.groups()
        if ":" not in body:
            letters = "".join(body.split())
            body = "".join(f"\n{letters[at : at + 64]}" for at in range(0, len(letters), 64)) + "\n"
        blocks.append((label, f"-----BEGIN {label}-----{body}-----END {label}-----\n"))
    return blocks


def _certificates_of_pem(store: StoreSettings, text: str, name: str) -> tuple[x509.Certificate, ...]:
    blocks = [block for label, block in _blocks(text) if label == "CERTIFICATE"]
    if not blocks:
        raise StoreError(store.setting(name), "No matching CERTIFICATE entries in PEM file")
    try:
        return tuple(x509.load_pem_x509_certificate(block.encode()) for block in blocks)
    except ValueError:
        raise StoreError(store.setting(name), "a certificate in it can't be read") from None


def _key_of_pem(store: StoreSettings, key_text: str, chain_text: str, names: tuple[str, str]) -> KeyEntry:
    chain_name, key_name = names
    chain = _certificates_of_pem(store, chain_text, chain_name)
    blocks = [block for label, block in _blocks(key_text) if label.endswith("PRIVATE KEY")]
    if not blocks:
        raise StoreError(store.setting(key_name), "No matching PRIVATE KEY entries in PEM file")
    if len(blocks) > 1:
        raise StoreError(store.setting(key_name), f"Expected one private key, but found {len(blocks)}")
    password = store.key_password
    is_encrypted = "ENCRYPTED" in blocks[0]
    if password and not is_encrypted:
        raise StoreError("ssl.key.password", "is set, and the private key is not encrypted")
    try:
        key = serialization.load_pem_private_key(
            blocks[0].encode(), password.encode() if password and is_encrypted else None
        )
    except TypeError:
        raise StoreError("ssl.key.password", "has to be set: the private key is encrypted") from None
    except (ValueError, UnsupportedAlgorithm):
        if is_encrypted:
            raise StoreError("ssl.key.password", "the private key can't be decrypted with it") from None
        raise StoreError(store.setting(key_name), "the private key can't be read") from None
    return KeyEntry(key, chain)


# PKCS #12


def _pkcs12(store: StoreSettings, data: bytes) -> pkcs12.PKCS12KeyAndCertificates:
    password = None if store.password is None else store.password.encode()
    try:
        return pkcs12.load_pkcs12(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if data.lstrip().startswith(b"-----BEGIN"):
            raise StoreError(
                store.setting("type"), f"{store.location} is PEM, and the type says {store.type}"
            ) from None
        raise StoreError(
            store.setting("password"), f"{store.location} can't be opened with it, or is damaged"
        ) from None


def _keys_of_pkcs12(store: StoreSettings, data: bytes) -> list[KeyEntry]:
    held = _pkcs12(store, data)
    if held.key is None or held.cert is None:
        raise StoreError(
            store.setting("location"), f"{store.location} holds no private key with its certificate"
        )
    others = [each.certificate for each in held.additional_certs]
    return [KeyEntry(held.key, _chain(held.cert.certificate, others))]


def _chain(own: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """From a certificate to who signed it, and so on as far as the others reach."""
    chain = [own]
    while len(chain) <= len(others):
        last = chain[-1]
        signer = next((each for each in others if each.subject == last.issuer and each not in chain), None)
        if signer is None:
            break
        chain.append(signer)
    return tuple(chain)


def _trusted_of_pkcs12(held: pkcs12.PKCS12KeyAndCertificates) -> tuple[x509.Certificate, ...]:
    """The certificates that stand alone. Of a key with its chain only the key's own is trusted, as in Java: whoever signed
    the broker's certificate doesn't vouch for its clients by that."""
    others = [each.certificate for each in held.additional_certs]
    if held.cert is None:
        return tuple(others)
    chain = _chain(held.cert.certificate, others)
    return (chain[0], *(each for each in others if each not in chain))


# JKS


def _java(store: StoreSettings, data: bytes) -> java_key_store.JavaKeyStore:
    try:
        return java_key_store.read_java_key_store(data, store.password)
    except JavaKeyStoreError as error:
        raise StoreError(store.setting("password"), f"{store.location}: {error}") from None


def _keys_of_java(store: StoreSettings, data: bytes) -> list[KeyEntry]:
    entries = []
    for each in _java(store, data).keys:
        try:
            plain = java_key_store.unprotected(each, store.key_password or store.password or "")
            key = serialization.load_der_private_key(plain, None)
        except JavaKeyStoreError as error:
            raise StoreError("ssl.key.password", f"{store.location}: {error}") from None
        except (ValueError, UnsupportedAlgorithm):
            raise StoreError(
                store.setting("location"), f"{store.location}: the key {each.alias!r} can't be read"
            ) from None
        entries.append(KeyEntry(key, tuple(_certificate(store, der) for der in each.chain)))
    if not entries:
        raise StoreError(store.setting("location"), f"{store.location} holds no private key")
    return entries


def _certificate(store: StoreSettings, der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise StoreError(
            store.setting("location"), f"{store.location}: a certificate in it can't be read"
        ) from None


# What the broker shows


def _check_pair(store: StoreSettings, entry: KeyEntry) -> None:
    where = store.setting("certificate.chain" if store.certificates is not None else "location")
    if not entry.chain:
        raise StoreError(where, "there is no certificate for the private key")
    if entry.key.public_key() != entry.chain[0].public_key():
        raise StoreError(where, "the first certificate is not that of the private key")


def incompatibility(
    new: Iterable[KeyEntry], old: Iterable[KeyEntry], *, allow_dn_changes: bool, allow_san_changes: bool
) -> str | None:
    """Why renewed keys may not replace those in use, by `ssl.allow.dn.changes` and `ssl.allow.san.changes`; None if they may.

    Source: Apache's SslFactory (`CertificateEntries.ensureCompatible`): a name that goes would cut off clients that check it.
    """
    for fresh, held in zip(new, old, strict=False):
        own, before = fresh.chain[0], held.chain[0]
        if not allow_dn_changes and own.subject != before.subject:
            return (
                f"Keystore DistinguishedName does not match: existing={before.subject.rfc4514_string()}, "
                f"new={own.subject.rfc4514_string()} (ssl.allow.dn.changes)"
            )
        missing = _alternative_names(before) - _alternative_names(own)
        if not allow_san_changes and missing:
            return f"Keystore SubjectAltNames do not match: the new certificate lacks {', '.join(sorted(missing))} (ssl.allow.san.changes)"
    return None


def _alternative_names(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(getattr(name, "value", name)) for name in names}
