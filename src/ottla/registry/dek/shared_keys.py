"""DEKs of shared KEKs: made here, encrypted and opened by the KEK's service."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping

from ottla.registry.dek.errors import invalid_key, not_decrypted, not_encrypted
from ottla.registry.dek.key_material import new_key_material
from ottla.registry.dek.kms import Kms, kms_of
from ottla.registry.dek.kms_errors import KmsError
from ottla.registry.dek.records import Algorithm, Dek, Kek

TEST_SUBJECT = "__TEST"


class SharedKeys:
    """`environment` is the process's, where a service's secret may be."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def new(self, kek: Kek, subject: str, algorithm: Algorithm) -> str:
        """A new key, encrypted, in base64; raises 50070."""
        return self._encrypted(kek, subject, new_key_material(algorithm))

    def encrypted_again(self, kek: Kek, dek: Dek) -> str:
        """The same key, encrypted by what the KEK is now; raises 50070."""
        return self._encrypted(kek, dek.subject, self._decrypted(kek, dek))

    def opened(self, kek: Kek, dek: Dek) -> str:
        """The key itself in base64; raises 50070."""
        return b64encode(self._decrypted(kek, dek)).decode()

    def check(self, kek: Kek) -> None:
        """Raise 50070 unless the KEK's service encrypts for this server, 42271 for a KEK that is not shared."""
        if not kek.shared:
            raise invalid_key("shared")
        self.new(kek, TEST_SUBJECT, Algorithm.AES256_GCM)

    def _encrypted(self, kek: Kek, subject: str, plain: bytes) -> str:
        try:
            return b64encode(self._kms(kek).encrypt(plain)).decode()
        except KmsError as error:
            raise not_encrypted(subject, str(error)) from None

    def _decrypted(self, kek: Kek, dek: Dek) -> bytes:
        try:
            return self._kms(kek).decrypt(b64decode(dek.encrypted_key_material or "", validate=True))
        except ValueError:
            raise not_decrypted(dek.subject, "its encryptedKeyMaterial is no base64") from None
        except KmsError as error:
            raise not_decrypted(dek.subject, str(error)) from None

    def _kms(self, kek: Kek) -> Kms:
        return kms_of(kek.kms_type, kek.kms_key_id, kek.kms_props, self._environment)
