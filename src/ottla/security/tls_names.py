"""The distinguished name of a certificate's subject, as Java prints it: `CN=alice,OU=Billing,O=Acme\\, Inc.,C=SE`.

ACLs name these texts, so that not a blank may differ. Read from the DER of the name:

    Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value }

the last entry comes first in the text. A type that RFC 2253 has no keyword for (an e-mail address) stands as its number, its
value as the hexadecimal digits of its DER.

Source: RFC 2253, `X500Principal.getName()`, which is `sun.security.x509.AVA.toRFC2253String`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_KEYWORDS: Final = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}

_TEXT_TAGS: Final = frozenset({0x0C, 0x13, 0x14, 0x16, 0x1B, 0x1E})
"""UTF8String, PrintableString, T61String, IA5String, GeneralString, BMPString."""

_VERSION_TAG: Final = 0xA0
"""Of the one field of a certificate that may be missing before its subject (RFC 5280, 4.1)."""
_SUBJECT: Final = 4
"""Behind serial number, algorithm, issuer and validity."""
_ESCAPED: Final = frozenset(',=+<>#;"\\')
_BLANKS: Final = " \r"


class _Element(NamedTuple):
    tag: int
    content: bytes
    whole: bytes


def subject_of(certificate_der: bytes) -> str:
    """The subject of a certificate that OpenSSL has read; raises `ValueError` if these bytes are none.

    Not by a library, which has opinions about names, and prints them.
    """
    (certificate,) = _elements(certificate_der)
    to_be_signed, *_ = _elements(certificate.content)
    fields = list(_elements(to_be_signed.content))
    if fields and fields[0].tag == _VERSION_TAG:
        del fields[0]
    if len(fields) <= _SUBJECT:
        raise ValueError("a certificate has no subject")
    return distinguished_name(fields[_SUBJECT].whole)


def distinguished_name(name_der: bytes) -> str:
    """The text of a DER-encoded Name; raises `ValueError`."""
    (name,) = _elements(name_der)
    parts = ["+".join(map(_attribute, _elements(each.content))) for each in _elements(name.content)]
    return ",".join(reversed(parts))


def _attribute(attribute: _Element) -> str:
    kind, value = _elements(attribute.content)
    number = _dotted(kind.content)
    keyword = _KEYWORDS.get(number)
    if keyword is None or value.tag not in _TEXT_TAGS:
        return f"{keyword or number}=#{value.whole.hex()}"
    return f"{keyword}={_escaped(value.content.decode('utf-8', 'replace'))}"


def _escaped(text: str) -> str:
    inside = text.strip(_BLANKS)
    start = len(text) - len(text.lstrip(_BLANKS)) if inside else len(text)
    before, after = text[:start], text[start + len(inside) :]
    middle = "".join("\\00" if c == "\0" else f"\\{c}" if c in _ESCAPED else c for c in inside)
    return "".join((*(f"\\{c}" for c in before), middle, *(f"\\{c}" for c in after)))


def _dotted(encoded: bytes) -> str:
    numbers: list[int] = []
    number = 0
    for byte in encoded:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        raise ValueError("a DER object identifier is empty")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _elements(data: bytes) -> Iterator[_Element]:
    """What stands one after the other in a DER encoding: tag, length, content."""
    at = 0
    while at < len(data):
        if len(data) - at < 2:
            raise ValueError("a DER element is cut short")
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[at + 2 : start], "big")
        end = start + length
        if end > len(data):
            raise ValueError("a DER element is cut short")
        yield _Element(tag, data[start:end], data[at:end])
        at = end
