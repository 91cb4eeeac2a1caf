"""Passwords as Apache Kafka 3.9 keeps them in ZooKeeper: ours are read by it (tests/apache), and its own here."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.config.password_encoder import CIPHERS, KEY_FACTORIES, KEY_LENGTHS_BITS, is_encoded
from ottla.security.password_encoding import (
    PasswordEncoder,
    PasswordEncoding,
    UndecodablePassword,
)

SECRET = "encoder secret, æ"
QUICK = PasswordEncoding(iterations=1024)


def encoder(encoding: PasswordEncoding = QUICK, secret: str = SECRET) -> PasswordEncoder:
    return PasswordEncoder(secret, encoding, os.urandom)


@settings(max_examples=30)
@given(st.text(max_size=200))
def test_what_was_encoded_is_decoded(password: str) -> None:
    """Whatever it is, and to another text each time."""
    encoded = encoder().encode(password)
    assert is_encoded(encoded)
    assert encoder().decode(encoded) == password
    assert encoder().encode(password) != encoded


@pytest.mark.parametrize("key_length_bits", KEY_LENGTHS_BITS)
@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("key_factory", KEY_FACTORIES)
def test_each_way_is_read_by_whoever_has_the_secret(
    key_factory: str, cipher: str, key_length_bits: int
) -> None:
    """A text tells how it was made: other settings than the reader's are no hindrance."""
    encoded = encoder(PasswordEncoding(key_factory, cipher, key_length_bits, 1024)).encode("hunter2")
    parts = dict(each.split(":", 1) for each in encoded.split(","))
    assert parts["keyFactoryAlgorithm"] == key_factory
    assert parts["cipherAlgorithm"] == cipher
    assert parts["keyLength"] == str(key_length_bits)
    assert encoder().decode(encoded) == "hunter2"


def test_lengths_are_java_s() -> None:
    """Counted in UTF-16, by which Java finds out whether it has decoded the right thing."""
    assert ",passwordLength:3," in encoder().encode("a\U0001f511")


@pytest.mark.parametrize("cipher", CIPHERS)
def test_another_secret_reads_nothing(cipher: str) -> None:
    """Nor does the error quote anything."""
    encoded = encoder(QUICK._replace(cipher=cipher)).encode("hunter2")
    with pytest.raises(UndecodablePassword, match="could not be decoded") as refused:
        encoder(secret="another").decode(encoded)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("iterations:1024", "iterations:x"),
        ("keyFactoryAlgorithm:PBKDF2WithHmacSHA512", "keyFactoryAlgorithm:None"),
        ("cipherAlgorithm:AES/CBC/PKCS5Padding", "cipherAlgorithm:DES/CBC/PKCS5Padding"),
        ("keyLength:128", "keyLength:17"),
        ("passwordLength:7", "passwordLength:8"),
        ("initializationVector:", "initializationVector:!"),
        ("salt:", "pepper:"),
    ],
)
def test_a_text_that_was_tampered_with_is_refused(old: str, new: str) -> None:
    """By the one error that there is."""
    encoded = encoder().encode("hunter2")
    assert old in encoded
    with pytest.raises(UndecodablePassword):
        encoder().decode(encoded.replace(old, new))


@settings(max_examples=100)
@given(st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    """And told apart from what is encoded."""
    assert not is_encoded(text)
    with pytest.raises(UndecodablePassword):
        encoder().decode(text)
