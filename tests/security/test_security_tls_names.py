"""Distinguished names: the text is Java's, letter for letter."""

from __future__ import annotations

import contextlib
import subprocess
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certificates import Authority, subject
from ottla.security.tls_names import distinguished_name, subject_of

PROGRAM = """
import java.io.FileInputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.io.PrintStream;

class Subjects {
    public static void main(String[] files) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        for (String file : files) {
            X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new FileInputStream(file));
            out.println(certificate.getSubjectX500Principal().getName());
        }
    }
}
"""

NAMES = {
    "order": subject(
        (NameOID.COUNTRY_NAME, "SE"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Norrbotten"),
        (NameOID.LOCALITY_NAME, "Luleå"),
        (NameOID.ORGANIZATION_NAME, "Acme, Inc."),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Billing"),
        (NameOID.COMMON_NAME, "alice"),
    ),
    "escapes": subject(
        (NameOID.ORGANIZATION_NAME, '+plus <angle> "quote" ;semi \\back =equals #hash'),
        (NameOID.COMMON_NAME, "  blanks around  "),
    ),
    "hash-first": subject((NameOID.COMMON_NAME, "#1")),
    "no-keyword": subject(
        (NameOID.EMAIL_ADDRESS, "alice@example.com"),
        (NameOID.SERIAL_NUMBER, "17"),
        (NameOID.COMMON_NAME, "alice"),
    ),
    "directory": subject(
        (NameOID.DOMAIN_COMPONENT, "com"),
        (NameOID.DOMAIN_COMPONENT, "example"),
        (NameOID.USER_ID, "a1"),
        (NameOID.STREET_ADDRESS, "Storgatan 1"),
        (NameOID.COMMON_NAME, "alice"),
    ),
    "several-in-one": x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme")]),
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(NameOID.COMMON_NAME, "alice"),
                    x509.NameAttribute(NameOID.USER_ID, "a1"),
                ]
            ),
        ]
    ),
    "printable": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plain", _ASN1Type.PrintableString)]),
    "ia5": x509.Name([x509.NameAttribute(NameOID.DOMAIN_COMPONENT, "org", _ASN1Type.IA5String)]),
    "emoji": subject((NameOID.COMMON_NAME, "Ærøskøbing 🦦")),
    "only-blanks": subject((NameOID.COMMON_NAME, "   ")),
}


def test_names_are_written_as_java_writes_them(tmp_path: Path) -> None:
    """Every corner of RFC 2253, against `X500Principal.getName()`."""
    authority = Authority()
    files = []
    for name, value in NAMES.items():
        files.append(tmp_path / f"{name}.der")
        issued = authority.issue(value).certificate.public_bytes(serialization.Encoding.DER)
        files[-1].write_bytes(issued)
    program = tmp_path / "Subjects.java"
    program.write_text(PROGRAM)
    printed = subprocess.run(
        ["java", str(program), *map(str, files)], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    told = dict(zip(NAMES, printed.splitlines(), strict=True))
    assert {name: subject_of(file.read_bytes()) for name, file in zip(NAMES, files, strict=True)} == told


@given(st.binary(max_size=200))
def test_bytes_that_are_no_name_are_refused(data: bytes) -> None:
    """Nothing but ValueError comes of bytes from outside."""
    with contextlib.suppress(ValueError):
        distinguished_name(data)


def test_a_certificate_that_is_none_is_refused() -> None:
    """Likewise of a whole certificate."""
    with pytest.raises(ValueError):
        subject_of(b"0\x03\x02\x01\x01")


def test_a_name_of_a_form_that_nobody_has_is_a_name() -> None:
    """A library would warn of it, on standard error, in lines that are not the log's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "Sweden", _validate=False)])
        issued = Authority().issue(odd).certificate.public_bytes(serialization.Encoding.DER)
    assert subject_of(issued) == "C=Sweden"


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_are_refused(data: bytes) -> None:
    """Whatever they are."""
    with contextlib.suppress(ValueError):
        subject_of(data)
