"""Passwords among a broker's dynamic settings, encoded under `password.encoder.secret` as Apache Kafka 3.9 keeps them in ZooKeeper.

    keyFactoryAlgorithm:PBKDF2WithHmacSHA512,cipherAlgorithm:AES/CBC/PKCS5Padding,keyLength:128,iterations:4096,
    salt:…,initializationVector:…,encryptedPassword:…,passwordLength:12

in any order, bytes in base64; `authenticationTagLength` besides where the cipher is AES/GCM/NoPadding. Each text tells how it was
made, so that what was set with other settings can be read as long as the secret is the same.

Source: `EncryptingPasswordEncoder` of 3.9.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.config.password_encoder import CBC, DEFAULT_KEY_FACTORY, GCM, KEY_FACTORIES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import modes

_SALT_BYTES: Final = 256
_IV_BYTES: Final[Mapping[str, int]] = {CBC: 16, GCM: 12}
_TAG_BITS: Final = 128


class PasswordEncoding(NamedTuple):
    """How a password is encoded."""

    key_factory: str = DEFAULT_KEY_FACTORY
    cipher: str = CBC
    key_length_bits: int = 128
    iterations: int = 4096


class UndecodablePassword(ValueError):  # noqa: N818 - what it is
    """A text that is no encoded password, or one of another secret. Quotes nothing."""


class PasswordEncoder:
    """Encodes and decodes under one secret. Each call takes milliseconds: for a thread."""

    __slots__ = ("_encoding", "_random_bytes", "_secret")

    def __init__(self, secret: str, encoding: PasswordEncoding, random_bytes: Callable[[int], bytes]) -> None:
        self._secret = secret.encode()
        self._encoding = encoding
        self._random_bytes = random_bytes

    def encode(self, password: str) -> str:
        """As it is to be stored; another text each time."""
        key_factory, cipher, key_length_bits, iterations = self._encoding
        salt = self._random_bytes(_SALT_BYTES)
        iv = self._random_bytes(_IV_BYTES[cipher])
        key = self._key(key_factory, salt, iterations, key_length_bits)
        parts = {
            "keyFactoryAlgorithm": key_factory,
            "cipherAlgorithm": cipher,
            "keyLength": str(key_length_bits),
            "salt": _base64(salt),
            "iterations": str(iterations),
            "encryptedPassword": _base64(_encrypted(cipher, key, iv, password.encode())),
            "passwordLength": str(_java_length(password)),
            "initializationVector": _base64(iv),
        }
        if cipher == GCM:
            parts["authenticationTagLength"] = str(_TAG_BITS)
        return ",".join(f"{name}:{value}" for name, value in parts.items())

    def decode(self, text: str) -> str:
        """The password. Raises `UndecodablePassword`."""
        try:
            parts = dict(_part(each) for each in text.split(","))
            cipher = parts["cipherAlgorithm"]
            key = self._key(
                parts["keyFactoryAlgorithm"],
                base64.b64decode(parts["salt"], validate=True),
                int(parts["iterations"]),
                int(parts["keyLength"]),
            )
            iv = base64.b64decode(parts["initializationVector"], validate=True)
            encrypted = base64.b64decode(parts["encryptedPassword"], validate=True)
            tag_bits = int(parts.get("authenticationTagLength", _TAG_BITS))
            password = _decrypted(cipher, key, iv, encrypted, tag_bits).decode()
        except (KeyError, ValueError):
            raise UndecodablePassword("Password could not be decoded") from None
        if parts.get("passwordLength") != str(_java_length(password)):
            raise UndecodablePassword("Password could not be decoded, sanity check of length failed")
        return password

    def _key(self, key_factory: str, salt: bytes, iterations: int, length_bits: int) -> bytes:
        digest = KEY_FACTORIES[key_factory]
        return hashlib.pbkdf2_hmac(digest, self._secret, salt, iterations, length_bits // 8)


def _encrypted(cipher: str, key: bytes, iv: bytes, clear: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - few brokers encode passwords
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 - likewise

    if cipher == GCM:
        return AESGCM(key).encrypt(iv, clear, None)
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), _cbc(iv)).encryptor()
    return encryptor.update(padder.update(clear) + padder.finalize()) + encryptor.finalize()


def _decrypted(cipher: str, key: bytes, iv: bytes, encrypted: bytes, tag_bits: int) -> bytes:
    """Raises `ValueError`."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - few brokers encode passwords
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.ciphers.algorithms import AES  # noqa: PLC0415 - likewise
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 - likewise

    if cipher == GCM:
        if tag_bits != _TAG_BITS:
            raise ValueError("a shorter tag than Java's own is not served")
        try:
            return AESGCM(key).decrypt(iv, encrypted, None)
        except InvalidTag:
            raise ValueError("another secret") from None
    if cipher != CBC:
        raise ValueError("a cipher that is not served")
    decryptor = Cipher(AES(key), _cbc(iv)).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _cbc(iv: bytes) -> modes.CBC:
    from cryptography.hazmat.primitives.ciphers.modes import CBC as CipherBlockChaining  # noqa: PLC0415, N811 - as above

    return CipherBlockChaining(iv)


def _part(text: str) -> tuple[str, str]:
    name, _, value = text.strip().rpartition(":")
    return name.strip(), value.strip()


def _java_length(text: str) -> int:
    """In UTF-16, as Java counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
