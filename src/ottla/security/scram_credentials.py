"""A SCRAM credential as it is kept, and what a broker says of users that have none.

    salt=…,stored_key=…,server_key=…,iterations=4096      each in base64 but the last

Who asks for a user that doesn't exist gets salt and iterations all the same, always the same ones, and fails at the proof:
otherwise anyone could try out which users there are (RFC 5802 leaves it open, Apache tells).

Source: `ScramCredentialUtils`, `ScramFormatter`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Final

from ottla.cluster.scram_changes import MIN_ITERATIONS, Mechanism

MAX_PARSED: Final = 1_024
"""Credentials that are kept as they were read; each is some 500 bytes."""

_SALT_CHARACTERS: Final = 26
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuvwxyz"
_DIGIT_OF_BYTE: Final = bytes(_DIGITS[number % len(_DIGITS)] for number in range(256))
_KEY_SIZES: Final = {each: hashlib.new(each.digest).digest_size for each in Mechanism}


class ScramCredential:
    """What proves that someone knows a password. Nothing of it shows."""

    __slots__ = ("iterations", "salt", "server_key", "stored_key")

    def __init__(self, salt: bytes, stored_key: bytes, server_key: bytes, iterations: int) -> None:
        self.salt = salt
        self.stored_key = stored_key
        self.server_key = server_key
        self.iterations = iterations

    def __repr__(self) -> str:
        return f"ScramCredential(iterations={self.iterations})"


@lru_cache(MAX_PARSED)
def parse_credential(text: str) -> ScramCredential:
    """From the form above. Raises `ValueError`, which quotes nothing."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    try:
        salt, stored_key, server_key = (
            base64.b64decode(parts[name], validate=True) for name in ("salt", "stored_key", "server_key")
        )
        return ScramCredential(salt, stored_key, server_key, int(parts["iterations"]))
    except (KeyError, ValueError):
        raise ValueError("a SCRAM credential is stored in a form that is not Kafka's") from None


def derived_credential(
    mechanism: Mechanism, password: bytes, salt: bytes, iterations: int = MIN_ITERATIONS
) -> ScramCredential:
    """What a password comes to. Takes milliseconds: for a thread."""
    salted_password = hashlib.pbkdf2_hmac(mechanism.digest, password, salt, iterations)
    client_key = hmac.digest(salted_password, b"Client Key", mechanism.digest)
    stored_key = hashlib.new(mechanism.digest, client_key).digest()
    server_key = hmac.digest(salted_password, b"Server Key", mechanism.digest)
    return ScramCredential(salt, stored_key, server_key, iterations)


def phantom_credential(secret: bytes, mechanism: Mechanism, user: str) -> ScramCredential:
    """For a user that has none: looks like one that Apache's clients make, always the same, and fits no password."""
    key_size = _KEY_SIZES[mechanism]
    # A sponge may take its key in front of the message, which other hashes may not.
    told = hashlib.shake_256(secret + f"{mechanism} {user}".encode())
    stream = told.digest(_SALT_CHARACTERS + 2 * key_size)
    salt, keys = stream[:_SALT_CHARACTERS].translate(_DIGIT_OF_BYTE), stream[_SALT_CHARACTERS:]
    return ScramCredential(salt, keys[:key_size], keys[key_size:], MIN_ITERATIONS)
