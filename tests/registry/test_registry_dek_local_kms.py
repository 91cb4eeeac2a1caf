"""Keys made by the server and encrypted by `local-kms`: the very bytes of Confluent's and Tink's libraries."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.dek.key_material import new_key_material
from ottla.registry.dek.kms import kms_of
from ottla.registry.dek.kms_errors import KmsError
from ottla.registry.dek.local_kms import LocalKms
from ottla.registry.dek.records import Algorithm, Dek, Kek
from ottla.registry.dek.shared_keys import SharedKeys
from ottla.registry.errors import RegistryError

SECRET = "a secret of the tests"
KEK = Kek("k", "local-kms", "id", {"secret": SECRET}, None, shared=True)


def derived(secret: str) -> bytes:
    """RFC 5869 by hand: without salt and info, a first block cut to 16 bytes."""
    extracted = hmac.digest(bytes(32), secret.encode(), "sha256")
    return hmac.digest(extracted, b"\x01", "sha256")[:16]


def test_a_key_is_encrypted_as_confluents_client_does() -> None:
    """An IV in front, AES-GCM by a key derived from the secret; either reads the other's."""
    encrypted = LocalKms(SECRET).encrypt(b"a key")
    assert len(encrypted) == 12 + len(b"a key") + 16
    assert AESGCM(derived(SECRET)).decrypt(encrypted[:12], encrypted[12:], None) == b"a key"
    iv = bytes(range(12))
    assert LocalKms(SECRET).decrypt(iv + AESGCM(derived(SECRET)).encrypt(iv, b"another", None)) == b"another"


def test_no_iv_comes_twice() -> None:
    """GCM is broken by that."""
    ivs = {LocalKms(SECRET).encrypt(b"")[:12] for _ in range(100)}
    assert len(ivs) == 100


def test_earlier_secrets_still_open_keys() -> None:
    """And encrypt none any more."""
    rotated = LocalKms("new", (SECRET, "older"))
    assert rotated.decrypt(LocalKms(SECRET).encrypt(b"x")) == b"x"
    assert rotated.decrypt(LocalKms("older").encrypt(b"x")) == b"x"
    assert LocalKms("new").decrypt(rotated.encrypt(b"x")) == b"x"


@given(st.binary(max_size=80))
def test_what_it_did_not_encrypt_is_refused(encrypted: bytes) -> None:
    """Of any length."""
    with pytest.raises(KmsError):
        LocalKms(SECRET).decrypt(encrypted)


def test_the_secret_comes_with_the_kek_or_from_the_environment() -> None:
    """The KEK's own goes first."""
    environment = {"LOCAL_SECRET": SECRET, "LOCAL_OLD_SECRETS": "old,older"}
    own = kms_of("local-kms", "id", {"secret": "own"}, environment)
    assert LocalKms("own").decrypt(own.encrypt(b"x")) == b"x"
    shared = kms_of("local-kms", "id", {}, environment)
    assert LocalKms(SECRET).decrypt(shared.encrypt(b"x")) == b"x"
    assert shared.decrypt(LocalKms("older").encrypt(b"x")) == b"x"
    with pytest.raises(KmsError, match="cannot load secret"):
        kms_of("local-kms", "id", {}, {})


@pytest.mark.parametrize("kms_type", ["aws-kms", "azure-kms", "gcp-kms", "hcvault", "unknown-kms", ""])
def test_another_service_is_refused_by_name(kms_type: str) -> None:
    """And what the KEK has to log in to it is not shown."""
    with pytest.raises(KmsError) as refused:
        kms_of(kms_type, "my/key", {"secret": SECRET, "token.id": SECRET}, {"LOCAL_SECRET": SECRET})
    assert f"{kms_type}://my/key" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("algorithm", "start", "length"),
    [
        (Algorithm.AES128_GCM, b"\x1a\x10", 16),
        (Algorithm.AES256_GCM, b"\x1a\x20", 32),
        (Algorithm.AES256_SIV, b"\x12\x40", 64),
    ],
)
def test_new_keys_have_tinks_form(algorithm: Algorithm, start: bytes, length: int) -> None:
    """Field and length of the protobuf message, then as many random bytes."""
    first, second = new_key_material(algorithm), new_key_material(algorithm)
    assert first[:2] == start
    assert len(first) == 2 + length
    assert first != second


def test_a_shared_key_is_made_opened_and_encrypted_anew() -> None:
    """It stays the same key."""
    keys = SharedKeys({})
    made = Dek("k", "s", Algorithm.AES256_GCM, 1, keys.new(KEK, "s", Algorithm.AES256_GCM))
    raw = keys.opened(KEK, made)
    assert b64decode(raw)[:2] == b"\x1a\x20"
    rotated = KEK._replace(kms_props={"secret": "new", "old.secrets": SECRET})
    again = made._replace(encrypted_key_material=keys.encrypted_again(rotated, made))
    assert again.encrypted_key_material != made.encrypted_key_material
    assert keys.opened(KEK._replace(kms_props={"secret": "new"}), again) == raw


@pytest.mark.parametrize(
    "material",
    [None, "", "no base64!", "\N{SNOWMAN}", b64encode(b"short").decode(), b64encode(bytes(60)).decode()],
)
def test_a_key_that_cannot_be_opened_is_refused(material: str | None) -> None:
    """With the original's code, the subject's name, and no secret."""
    with pytest.raises(RegistryError) as refused:
        SharedKeys({}).opened(KEK, Dek("k", "orders", Algorithm.AES256_GCM, 1, material))
    assert (refused.value.status, refused.value.code) == (500, 50070)
    assert "orders" in refused.value.message
    assert SECRET not in refused.value.message


def test_only_shared_keks_are_tried() -> None:
    """The others' services are the clients' matter."""
    SharedKeys({}).check(KEK)
    with pytest.raises(RegistryError) as refused:
        SharedKeys({}).check(KEK._replace(shared=False))
    assert refused.value.code == 42271
    with pytest.raises(RegistryError) as refused:
        SharedKeys({}).check(KEK._replace(kms_type="aws-kms"))
    assert refused.value.code == 50070
