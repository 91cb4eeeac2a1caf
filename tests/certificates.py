"""Certificates for tests: an authority of the test's own, and whoever it vouches for, in every format of store."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

PASSWORD: Final = "store secret"
KEY_PASSWORD: Final = "key secret"
DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A private key and the certificates that speak for it, its own first."""

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    def chain_pem(self) -> str:
        """The certificates as PEM."""
        return "".join(pem(each) for each in self.chain)

    def key_pem(self, password: str | None = None) -> str:
        """The key as PKCS #8 in PEM, encrypted under a password if there is one."""
        encryption = (
            serialization.NoEncryption()
            if password is None
            else serialization.BestAvailableEncryption(password.encode())
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ).decode()

    def write_pem(self, path: Path, password: str | None = None) -> Path:
        """Key and certificates in one file, as `ssl.keystore.location` of type PEM names it."""
        path.write_text(self.key_pem(password) + self.chain_pem())
        return path

    def write_pkcs12(self, path: Path, password: str = PASSWORD) -> Path:
        """Key and certificates as PKCS #12."""
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"own",
                self.key,
                self.certificate,
                self.chain[1:],
                serialization.BestAvailableEncryption(password.encode()),
            )
        )
        return path


class Authority:
    """Signs certificates."""

    def __init__(self, name: str = "Test authority") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = subject((NameOID.COMMON_NAME, name))
        now = dt.datetime.now(dt.UTC)
        self.certificate = (
            _builder(self.name, self.name, self.key.public_key(), now - DAY, now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def issue(
        self,
        name: x509.Name | str,
        *,
        hosts: Sequence[str] = ("localhost", "127.0.0.1"),
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
        valid_from_days: float = -1,
        valid_for_days: float = 30,
    ) -> Identity:
        """Somebody's certificate; a str is a common name."""
        own = ec.generate_private_key(ec.SECP256R1()) if key is None else key
        if isinstance(name, str):
            name = subject((NameOID.COMMON_NAME, name))
        now = dt.datetime.now(dt.UTC)
        certificate = (
            _builder(
                name,
                self.name,
                own.public_key(),
                now + valid_from_days * DAY,
                now + valid_for_days * DAY,
            )
            .add_extension(
                x509.SubjectAlternativeName([_general_name(each) for each in hosts]), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return Identity(own, (certificate, self.certificate))

    def pem(self) -> str:
        """Its certificate."""
        return pem(self.certificate)

    def write_pem(self, path: Path) -> Path:
        """A trust store of type PEM."""
        path.write_text(self.pem())
        return path

    def write_java(self, path: Path, kind: str, password: str = PASSWORD) -> Path:
        """A trust store as Java's keytool makes it, JKS or PKCS12."""
        source = path.with_suffix(".pem")
        source.write_text(self.pem())
        keytool(
            "-importcert", "-noprompt", "-alias", "ca", "-file", source, "-keystore", path, kind, password
        )
        return path


def convert_to_java(source: Path, path: Path, kind: str, password: str = PASSWORD) -> Path:
    """A PKCS #12 key store as keytool writes it in another format."""
    keytool(
        *("-importkeystore", "-noprompt", "-srckeystore", source, "-srcstoretype", "PKCS12"),
        *("-srcstorepass", password, "-destkeystore", path, kind, password),
    )
    return path


def keytool(*arguments: object) -> None:
    """Runs Java's keytool; the last two arguments are the type and the password of the store it writes."""
    *words, kind, password = map(str, arguments)
    target = "dest" if "-importkeystore" in words else ""
    subprocess.run(
        ["keytool", *words, f"-{target}storetype", kind, f"-{target}storepass", password],
        check=True,
        capture_output=True,
    )


def subject(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    """A distinguished name, in the order of the certificate."""
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])


def pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def one_line(text: str) -> str:
    """PEM as it stands in a properties file: without line ends."""
    return " ".join(text.split("\n")).strip()


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    start: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
