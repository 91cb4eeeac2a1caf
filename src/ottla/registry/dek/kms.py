"""What a key management service does for the registry: it encrypts and decrypts small things by a key it does not give away.

A KEK names its key as `kmsType://kmsKeyId`. Of the services, this server speaks to `local-kms` alone; keys of AWS, Azure,
Google and HashiCorp are stored and told as any others, so that clients use them, but are not shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from ottla.registry.dek.kms_errors import KmsError
from ottla.registry.dek.local_kms import LocalKms

LOCAL_KMS: Final = "local-kms"
LOCAL_SECRET_VARIABLE: Final = "LOCAL_SECRET"  # noqa: S105 - a name
LOCAL_OLD_SECRETS_VARIABLE: Final = "LOCAL_OLD_SECRETS"


class Kms(Protocol):
    """One key of a service."""

    def encrypt(self, plain: bytes) -> bytes:
        """Raises KmsError."""

    def decrypt(self, encrypted: bytes) -> bytes:
        """Raises KmsError."""


def kms_of(
    kms_type: str, kms_key_id: str, properties: Mapping[str, str], environment: Mapping[str, str]
) -> Kms:
    """The service's key; `properties` are the KEK's, and go before the process's environment. Raises KmsError."""
    if kms_type != LOCAL_KMS:
        raise KmsError(
            f"No KMS driver for {kms_type}://{kms_key_id}; this server shares keys of {LOCAL_KMS} alone"
        )
    secret = properties.get("secret") or environment.get(LOCAL_SECRET_VARIABLE)
    if not secret:
        raise KmsError("cannot load secret")
    old = properties.get("old.secrets") or environment.get(LOCAL_OLD_SECRETS_VARIABLE) or ""
    return LocalKms(secret, tuple(each for each in old.split(",") if each))
