"""What `password.encoder.…` may name: how passwords among the dynamic settings are encoded where they are kept.

Apache leaves it to Java's providers what there is; here it is what they all have, and what nobody should do without.
Source: Apache's PasswordEncoderConfigs of 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ottla.config.values import Value

KEY_FACTORIES: Final[Mapping[str, str]] = {
    f"PBKDF2WithHmacSHA{size}": f"sha{size}" for size in (1, 224, 256, 384, 512)
}
"""Java's names of the ways from a secret to a key, with the hash of each."""
DEFAULT_KEY_FACTORY: Final = "PBKDF2WithHmacSHA512"

CBC: Final = "AES/CBC/PKCS5Padding"
GCM: Final = "AES/GCM/NoPadding"
CIPHERS: Final = (CBC, GCM)
KEY_LENGTHS_BITS: Final = (128, 192, 256)


def is_encoded(text: str) -> bool:
    """Whether a stored text has the form of an encoded password (`security/password_encoding`); no password of a person's choice has."""
    return "encryptedPassword:" in text and "cipherAlgorithm:" in text


def faults(values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """(setting, rule) for each that can't be used; none while there is no secret."""
    if values["password.encoder.secret"] is None:
        return
    key_factory = values["password.encoder.keyfactory.algorithm"]
    if key_factory is not None and key_factory not in KEY_FACTORIES:
        yield "password.encoder.keyfactory.algorithm", f"has to be one of {', '.join(KEY_FACTORIES)}"
    if values["password.encoder.cipher.algorithm"] not in CIPHERS:
        yield "password.encoder.cipher.algorithm", f"has to be {' or '.join(CIPHERS)}"
    if values["password.encoder.key.length"] not in KEY_LENGTHS_BITS:
        yield "password.encoder.key.length", f"has to be one of {', '.join(map(str, KEY_LENGTHS_BITS))}"
