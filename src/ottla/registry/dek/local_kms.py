"""A key made from a secret that the registry is given: for one's own machine, and for tests.

    key        = HKDF-SHA256(secret, no salt, no info), 16 bytes      RFC 5869
    encrypted  = IV (12 bytes) · AES-128-GCM(key, IV, plain) · tag (16 bytes)

As Confluent's LocalKmsClient and Tink's AES128_GCM_RAW have it, so that clients with the same secret read each other's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ottla.registry.dek.kms_errors import KmsError

KEY_BYTES: Final = 16
IV_BYTES: Final = 12
TAG_BYTES: Final = 16


class LocalKms:
    """Encrypts by one secret; decrypts also what was encrypted by earlier ones."""

    __slots__ = ("_keys",)

    def __init__(self, secret: str, old_secrets: Sequence[str] = ()) -> None:
        self._keys = [_key_of(each) for each in (secret, *old_secrets)]

    def encrypt(self, plain: bytes) -> bytes:
        iv = os.urandom(IV_BYTES)
        return iv + self._keys[0].encrypt(iv, plain, b"")

    def decrypt(self, encrypted: bytes) -> bytes:
        """Raises KmsError for what was encrypted by none of the secrets."""
        if len(encrypted) < IV_BYTES + TAG_BYTES:
            raise KmsError("decryption failed: the ciphertext is too short")
        for key in self._keys:
            try:
                return key.decrypt(encrypted[:IV_BYTES], encrypted[IV_BYTES:], b"")
            except InvalidTag:
                continue
        raise KmsError("decryption failed")


def _key_of(secret: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"").derive(
        secret.encode("utf-8", "surrogatepass")
    )
    return AESGCM(derived)
