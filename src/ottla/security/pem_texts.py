"""Key stores and trust stores of any format as PEM text, for libraries that take nothing else. The text holds secrets.

Reads files: for a thread. Raises `StoreError`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ottla.security.key_stores import StoreSettings, read_key_store, read_trust_store


def trusted_pem(store: StoreSettings) -> str:
    """The certificates of a trust store."""
    return _pem(read_trust_store(store))


def key_pem(store: StoreSettings) -> tuple[str, str]:
    """The key of a key store, not encrypted, and the certificates that speak for it."""
    entry = read_key_store(store)[0]
    key = entry.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key.decode(), _pem(entry.chain)


def _pem(certificates: Sequence[x509.Certificate]) -> str:
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)
