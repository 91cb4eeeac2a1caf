"""New data encryption keys, in the form in which Tink's libraries take them: the protobuf message of the key's type.

    AesGcmKey  ─▶ 1a  10 or 20  key_value       field 3: 16 or 32 bytes
    AesSivKey  ─▶ 12  40        key_value       field 2: two keys of 32 bytes

The version, field 1, is 0 and left out. Tink: aes_gcm.proto, aes_siv.proto.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from ottla.registry.dek.records import Algorithm

LENGTH_DELIMITED: Final = 2


class _Form(NamedTuple):
    field: int
    key_bytes: int


_FORMS: Final = {
    Algorithm.AES128_GCM: _Form(3, 16),
    Algorithm.AES256_GCM: _Form(3, 32),
    Algorithm.AES256_SIV: _Form(2, 64),
}


def new_key_material(algorithm: Algorithm) -> bytes:
    """A random key."""
    form = _FORMS[algorithm]
    return bytes((form.field << 3 | LENGTH_DELIMITED, form.key_bytes)) + os.urandom(form.key_bytes)
