"""Java's own key store format, JKS, which `keytool` made until Java 9. Reading only.

    0xFEEDFEED | version (2; 1 knows one certificate type) | count | entries | SHA-1
    entry 1, a private key:  1 | alias | created ms int64 | length | key | chain's length | certificates
    entry 2, trusted:        2 | alias | created ms int64 | certificate
    certificate:             type ("X.509"; absent in version 1) | length | DER
    alias, type:             length uint16 | UTF-8

all big-endian int32 where nothing else is said. The SHA-1 is over the password (UTF-16), the words "Mighty Aphrodite" and all
that stands before. A key is an EncryptedPrivateKeyInfo of Sun's own algorithm (1.3.6.1.4.1.42.2.17.1.1):

    salt 20 | PKCS #8 xor SHA-1(password + salt), SHA-1(password + the one before), ... | SHA-1(password + PKCS #8)

No kept library reads it; it is simple enough, and what it is weak in (SHA-1, one round) is the format's own.

Source: `sun.security.provider.JavaKeyStore` and `KeyProtector`.
"""

from __future__ import annotations

import hashlib
import hmac
from struct import Struct, error
from typing import Final, NamedTuple

MAGIC: Final = b"\xfe\xed\xfe\xed"

_DIGEST_BYTES: Final = 20
_WHITENER: Final = b"Mighty Aphrodite"
_HEAD: Final = Struct(">4sii")
_INT: Final = Struct(">i")
_SHORT: Final = Struct(">H")
_SUN_ALGORITHM: Final = bytes.fromhex("060a2b060104012a02110101")
"""The object identifier's DER."""


class JavaKeyStoreError(ValueError):
    """Not such a store, a damaged one, or another password."""


class JavaKey(NamedTuple):
    """A private key with its chain."""

    alias: str
    protected: bytes
    """EncryptedPrivateKeyInfo, in DER."""
    chain: tuple[bytes, ...]
    """Certificates in DER, its own first."""


class JavaKeyStore(NamedTuple):
    """What a file holds."""

    keys: tuple[JavaKey, ...]
    trusted: tuple[bytes, ...]
    """Certificates in DER."""


def read_java_key_store(data: bytes, password: str | None) -> JavaKeyStore:
    """Read a whole file; without a password its digest isn't checked, as in Java. Raises `JavaKeyStoreError`."""
    if password is not None:
        made = hashlib.sha1(_utf16(password) + _WHITENER + data[:-_DIGEST_BYTES], usedforsecurity=False)
        if not hmac.compare_digest(made.digest(), data[-_DIGEST_BYTES:]):
            raise JavaKeyStoreError("the password is wrong, or the file was tampered with")
    try:
        return _read(data)
    except (error, UnicodeDecodeError):
        raise JavaKeyStoreError("the file is damaged") from None


def unprotected(key: JavaKey, password: str) -> bytes:
    """The private key as PKCS #8 in DER; raises `JavaKeyStoreError`."""
    protected = _octets_of_sun(key.protected)
    salt, check = protected[:_DIGEST_BYTES], protected[-_DIGEST_BYTES:]
    hidden = protected[_DIGEST_BYTES:-_DIGEST_BYTES]
    secret, digest, stream = _utf16(password), salt, b""
    while len(stream) < len(hidden):
        digest = hashlib.sha1(secret + digest, usedforsecurity=False).digest()
        stream += digest
    plain = bytes(a ^ b for a, b in zip(hidden, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + plain, usedforsecurity=False).digest(), check):
        raise JavaKeyStoreError(f"the password of the key {key.alias!r} is wrong")
    return plain


def _utf16(password: str) -> bytes:
    return password.encode("utf-16-be")


def _octets_of_sun(info: bytes) -> bytes:
    """The encrypted octets: what stands behind the algorithm, the info's last element."""
    at = info.find(_SUN_ALGORITHM)
    if not 0 < at < 16:
        raise JavaKeyStoreError("the key is protected by an algorithm that isn't the format's own")
    at += len(_SUN_ALGORITHM)
    at += 2 if info[at : at + 2] == b"\x05\x00" else 0
    if info[at : at + 1] != b"\x04" or len(info) < at + 2:
        raise JavaKeyStoreError("the key is damaged")
    at += 2 + (info[at + 1] & 0x7F if info[at + 1] & 0x80 else 0)
    if len(info) - at < 2 * _DIGEST_BYTES:
        raise JavaKeyStoreError("the key is damaged")
    return info[at:]


class _Reader:
    """A cursor over the bytes; `struct.error` where they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def integer(self) -> int:
        (value,) = _INT.unpack(self.octets(4))
        return int(value)

    def text(self) -> str:
        (length,) = _SHORT.unpack(self.octets(2))
        return self.octets(length).decode("utf-8")

    def octets(self, length: int) -> bytes:
        end = self._at + length
        if length < 0 or end > len(self._data):
            raise error("the file ends too soon")
        found = self._data[self._at : end]
        self._at = end
        return found


def _read(data: bytes) -> JavaKeyStore:
    magic, version, count = _HEAD.unpack_from(data)
    if magic != MAGIC or version not in (1, 2):
        raise JavaKeyStoreError("the file is no Java key store")
    reader = _Reader(data[_HEAD.size : -_DIGEST_BYTES])
    keys: list[JavaKey] = []
    trusted: list[bytes] = []
    for _ in range(count):
        kind, alias = reader.integer(), reader.text()
        reader.octets(8)
        if kind == 1:
            protected = reader.octets(reader.integer())
            chain = tuple(_certificate(reader, version) for _ in range(reader.integer()))
            keys.append(JavaKey(alias, protected, chain))
        elif kind == 2:
            trusted.append(_certificate(reader, version))
        else:
            raise JavaKeyStoreError(f"the entry {alias!r} is of an unknown kind, {kind}")
    return JavaKeyStore(tuple(keys), tuple(trusted))


def _certificate(reader: _Reader, version: int) -> bytes:
    if version == 2:
        reader.text()
    return reader.octets(reader.integer())
