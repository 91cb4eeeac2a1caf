"""Key stores and trust stores: read in each format, and each thing wrong with one told by its setting, without a secret."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from certificates import (
    KEY_PASSWORD,
    PASSWORD,
    Authority,
    Identity,
    convert_to_java,
    keytool,
    one_line,
)
from ottla.security.java_key_store import MAGIC, JavaKeyStoreError, read_java_key_store
from ottla.security.key_stores import (
    STORE_MAX_BYTES,
    StoreError,
    StoreSettings,
    incompatibility,
    read_key_store,
    read_trust_store,
)

AUTHORITY = Authority()
BROKER = AUTHORITY.issue("broker")


def keystore(kind: str, location: object = "", **others: str) -> StoreSettings:
    return StoreSettings(subject="keystore", type=kind, location=str(location), **others)


def truststore(kind: str, location: object = "", **others: str) -> StoreSettings:
    return StoreSettings(subject="truststore", type=kind, location=str(location), **others)


def assert_is_broker(store: StoreSettings, identity: Identity = BROKER) -> None:
    (entry,) = read_key_store(store)
    assert entry.chain == identity.chain
    assert entry.key.public_key() == identity.certificate.public_key()


# Key stores


def test_a_pem_file_is_read(tmp_path: Path) -> None:
    """Key and certificates in one file, the key in clear."""
    assert_is_broker(keystore("PEM", BROKER.write_pem(tmp_path / "broker.pem")))


def test_an_encrypted_pem_key_is_read(tmp_path: Path) -> None:
    """With `ssl.key.password`."""
    path = BROKER.write_pem(tmp_path / "broker.pem", KEY_PASSWORD)
    assert_is_broker(keystore("PEM", path, key_password=KEY_PASSWORD))


def test_pem_text_in_the_settings_is_read() -> None:
    """`ssl.keystore.certificate.chain` and `ssl.keystore.key`, encrypted."""
    assert_is_broker(
        keystore(
            "PEM",
            certificates=BROKER.chain_pem(),
            key=BROKER.key_pem(KEY_PASSWORD),
            key_password=KEY_PASSWORD,
        )
    )


def test_pem_text_without_line_ends_is_read() -> None:
    """As it comes out of a properties file whose lines are joined."""
    assert_is_broker(
        keystore("PEM", certificates=one_line(BROKER.chain_pem()), key=one_line(BROKER.key_pem()))
    )


def test_an_old_encrypted_key_is_read(tmp_path: Path) -> None:
    """OpenSSL's own format of old, whose headers need their lines."""
    identity = AUTHORITY.issue("broker", key=rsa.generate_private_key(65537, 2048))
    old = identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(KEY_PASSWORD.encode()),
    )
    path = tmp_path / "broker.pem"
    path.write_text(old.decode() + identity.chain_pem())
    assert_is_broker(keystore("PEM", path, key_password=KEY_PASSWORD), identity)


@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_a_pkcs12_file_is_read(tmp_path: Path, kind: str) -> None:
    """Under either name, for JKS is the default and Java looks into the file."""
    assert_is_broker(keystore(kind, BROKER.write_pkcs12(tmp_path / "broker.p12"), password=PASSWORD))


@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_what_keytool_writes_is_read(tmp_path: Path, kind: str) -> None:
    """Java's own PKCS #12 and its old format."""
    source = BROKER.write_pkcs12(tmp_path / "source.p12")
    assert_is_broker(keystore(kind, convert_to_java(source, tmp_path / "store", kind), password=PASSWORD))


def test_a_java_key_with_a_password_of_its_own_is_read(tmp_path: Path) -> None:
    """`ssl.key.password` beside `ssl.keystore.password`."""
    path = tmp_path / "broker.jks"
    keytool(
        *("-genkeypair", "-alias", "own", "-keyalg", "RSA", "-dname", "CN=broker", "-keypass", KEY_PASSWORD),
        *("-keystore", path, "JKS", PASSWORD),
    )
    (entry,) = read_key_store(keystore("JKS", path, password=PASSWORD, key_password=KEY_PASSWORD))
    assert entry.chain[0].subject.rfc4514_string() == "CN=broker"
    with pytest.raises(StoreError, match=r"ssl\.key\.password: .*'own' is wrong"):
        read_key_store(keystore("JKS", path, password=PASSWORD))


# What can be wrong with them


def _no_key(directory: Path) -> StoreSettings:
    path = directory / "chain.pem"
    path.write_text(BROKER.chain_pem())
    return keystore("PEM", path)


def _two_keys(directory: Path) -> StoreSettings:
    path = directory / "two.pem"
    path.write_text(BROKER.key_pem() + BROKER.key_pem() + BROKER.chain_pem())
    return keystore("PEM", path)


def _foreign_key(directory: Path) -> StoreSettings:
    path = directory / "foreign.pem"
    path.write_text(AUTHORITY.issue("other").key_pem() + BROKER.chain_pem())
    return keystore("PEM", path)


def _no_certificate(directory: Path) -> StoreSettings:
    path = directory / "key.pem"
    path.write_text(BROKER.key_pem())
    return keystore("PEM", path)


def _damaged_certificate(directory: Path) -> StoreSettings:
    path = directory / "damaged.pem"
    path.write_text(BROKER.key_pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return keystore("PEM", path)


def _too_large(directory: Path) -> StoreSettings:
    path = directory / "large.pem"
    path.write_bytes(bytes(STORE_MAX_BYTES + 1))
    return keystore("PEM", path)


def _trust_as_keys(directory: Path) -> StoreSettings:
    return keystore("JKS", AUTHORITY.write_java(directory / "trust.jks", "JKS"), password=PASSWORD)


def _damaged_java(directory: Path) -> StoreSettings:
    path = directory / "damaged.jks"
    path.write_bytes(MAGIC + b"\0\0\0\2")
    return keystore("JKS", path, password=PASSWORD)


WRONG: dict[str, tuple[Callable[[Path], StoreSettings], str, str]] = {
    "no such file": (
        lambda d: keystore("PEM", d / "nothing.pem"),
        "ssl.keystore.location",
        "nothing.pem can't be read: No such file",
    ),
    "directory": (lambda d: keystore("PEM", d), "ssl.keystore.location", "can't be read: Is a directory"),
    "too large": (_too_large, "ssl.keystore.location", "too large"),
    "no key": (_no_key, "ssl.keystore.location", "No matching PRIVATE KEY entries in PEM file"),
    "two keys": (_two_keys, "ssl.keystore.location", "Expected one private key, but found 2"),
    "another's key": (_foreign_key, "ssl.keystore.location", "not that of the private key"),
    "no certificate": (
        _no_certificate,
        "ssl.keystore.location",
        "No matching CERTIFICATE entries in PEM file",
    ),
    "damaged certificate": (_damaged_certificate, "ssl.keystore.location", "can't be read"),
    "encrypted, no password": (
        lambda d: keystore("PEM", BROKER.write_pem(d / "broker.pem", KEY_PASSWORD)),
        "ssl.key.password",
        "has to be set: the private key is encrypted",
    ),
    "encrypted, wrong password": (
        lambda d: keystore("PEM", BROKER.write_pem(d / "broker.pem", KEY_PASSWORD), key_password=PASSWORD),
        "ssl.key.password",
        "can't be decrypted with it",
    ),
    "PKCS12, wrong password": (
        lambda d: keystore("PKCS12", BROKER.write_pkcs12(d / "broker.p12"), password=KEY_PASSWORD),
        "ssl.keystore.password",
        "broker.p12 can't be opened with it, or is damaged",
    ),
    "PKCS12 said to be PEM": (
        lambda d: keystore("PEM", BROKER.write_pkcs12(d / "broker.p12")),
        "ssl.keystore.type",
        "broker.p12 is no PEM file",
    ),
    "PEM said to be PKCS12": (
        lambda d: keystore("PKCS12", BROKER.write_pem(d / "broker.pem"), password=PASSWORD),
        "ssl.keystore.type",
        "broker.pem is PEM, and the type says PKCS12",
    ),
    "JKS, wrong password": (
        lambda d: keystore(
            "JKS",
            convert_to_java(BROKER.write_pkcs12(d / "broker.p12"), d / "broker.jks", "JKS"),
            password=KEY_PASSWORD,
        ),
        "ssl.keystore.password",
        "broker.jks: the password is wrong, or the file was tampered with",
    ),
    "JKS of certificates": (_trust_as_keys, "ssl.keystore.location", "holds no private key"),
    "JKS cut short": (_damaged_java, "ssl.keystore.password", "the password is wrong, or the file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_by_setting(tmp_path: Path, case: str) -> None:
    """What, where, and nothing of a secret."""
    make, setting, reason = WRONG[case]
    store = make(tmp_path)
    with pytest.raises(StoreError) as raised:
        read_key_store(store)
    assert raised.value.setting == setting
    assert reason in raised.value.reason
    for secret in (PASSWORD, KEY_PASSWORD, BROKER.key_pem().splitlines()[1]):
        assert secret not in str(raised.value)
        assert secret not in repr(store)


# Trust stores


def test_pem_certificates_are_trusted(tmp_path: Path) -> None:
    """From a file and from the settings."""
    expected = (AUTHORITY.certificate, BROKER.certificate)
    text = AUTHORITY.pem() + "\n" + one_line(BROKER.chain_pem().partition("-----END CERTIFICATE-----\n")[0])
    text += " -----END CERTIFICATE-----"
    path = tmp_path / "trust.pem"
    path.write_text(text)
    assert read_trust_store(truststore("PEM", path)) == expected
    assert read_trust_store(truststore("PEM", certificates=text)) == expected


@pytest.mark.parametrize("kind", ["PKCS12", "JKS"])
def test_certificates_that_keytool_wrote_are_trusted(tmp_path: Path, kind: str) -> None:
    """Java's trust stores."""
    path = AUTHORITY.write_java(tmp_path / "trust", kind)
    assert read_trust_store(truststore(kind, path, password=PASSWORD)) == (AUTHORITY.certificate,)


def test_a_java_trust_store_needs_no_password(tmp_path: Path) -> None:
    """Then its integrity isn't checked, as in Java."""
    path = AUTHORITY.write_java(tmp_path / "trust", "JKS")
    assert read_trust_store(truststore("JKS", path)) == (AUTHORITY.certificate,)


def test_whoever_signed_the_broker_is_not_trusted_for_that(tmp_path: Path) -> None:
    """A key store used as a trust store stands for its own certificate, not for everyone its authority signs."""
    path = BROKER.write_pkcs12(tmp_path / "broker.p12")
    assert read_trust_store(truststore("PKCS12", path, password=PASSWORD)) == (BROKER.certificate,)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_java_store_or_are_refused(data: bytes) -> None:
    """Nothing but this error comes of a damaged file."""
    for prefix in (b"", MAGIC + b"\0\0\0\2", MAGIC + b"\0\0\0\2\0\0\0\1\0\0\0\2"):
        try:
            read_java_key_store(prefix + data, None)
        except JavaKeyStoreError:
            continue


# Renewed certificates


def test_a_renewed_certificate_may_lose_no_name() -> None:
    """Clients that check it would be cut off; what it gains is nobody's harm."""

    def renewed(identity: Identity, *, dn: bool = False, san: bool = False) -> str | None:
        fresh = read_key_store(keystore("PEM", certificates=identity.chain_pem(), key=identity.key_pem()))
        return incompatibility(fresh, held, allow_dn_changes=dn, allow_san_changes=san)

    held = read_key_store(keystore("PEM", certificates=BROKER.chain_pem(), key=BROKER.key_pem()))
    assert renewed(AUTHORITY.issue("broker")) is None
    assert renewed(AUTHORITY.issue("broker", hosts=("localhost", "127.0.0.1", "more.example"))) is None
    assert "SubjectAltNames" in str(renewed(AUTHORITY.issue("broker", hosts=("localhost",))))
    assert "DistinguishedName" in str(renewed(AUTHORITY.issue("other")))
    assert renewed(AUTHORITY.issue("other", hosts=("x",)), dn=True, san=True) is None


def test_a_certificate_whose_time_is_over_is_told() -> None:
    """And one whose time has not come."""
    now = dt.datetime.now(dt.UTC)
    past = AUTHORITY.issue("broker", valid_from_days=-10, valid_for_days=-1)
    coming = AUTHORITY.issue("broker", valid_from_days=1)
    for identity, said in ((past, "expired at"), (coming, "not valid before")):
        (entry,) = read_key_store(keystore("PEM", certificates=identity.chain_pem(), key=identity.key_pem()))
        assert said in str(entry.problem(now))
    (entry,) = read_key_store(keystore("PEM", certificates=BROKER.chain_pem(), key=BROKER.key_pem()))
    assert entry.problem(now) is None


def test_settings_are_compared_by_their_secrets_too() -> None:
    """A changed password is a change."""
    one = keystore("PKCS12", "x", password=PASSWORD)
    assert one != replace(one, password=KEY_PASSWORD)
