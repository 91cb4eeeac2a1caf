"""Cipher suites by the names that Java and the IANA use, as OpenSSL wants to hear them.

    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384   ECDHE-RSA-AES256-GCM-SHA384
    TLS_RSA_WITH_AES_128_CBC_SHA            AES128-SHA

Suites of TLS 1.3 (`TLS_AES_256_GCM_SHA384`) have one name everywhere.
"""

from __future__ import annotations

import re
from typing import Final

TLS_1_3_SUITES: Final = frozenset(
    {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
)
"""Those that OpenSSL offers without being asked; it knows two more, with CCM, which must be asked for."""

FIRST_TLS_1_3_SUITE: Final = "TLS_AES_256_GCM_SHA384"
"""The one that OpenSSL likes best."""

_IANA: Final = re.compile(r"(?:TLS|SSL)_(?P<exchange>[A-Za-z0-9_]+)_WITH_(?P<cipher>[A-Z0-9_]+)")
_SIZED: Final = re.compile(r"(AES|CAMELLIA|ARIA)_(128|256)_")
_SIGNATURE_LESS: Final = {"RSA": "", "DH_anon": "ADH", "ECDH_anon": "AECDH"}


def openssl_name(suite: str) -> str:
    """OpenSSL's name of a suite up to TLS 1.2; one that is OpenSSL's already, or unknown, stays."""
    match = _IANA.fullmatch(suite)
    if match is None:
        return suite
    exchange = _SIGNATURE_LESS.get(match["exchange"], match["exchange"].replace("_", "-"))
    cipher = _SIZED.sub(r"\1\2_", match["cipher"])
    if cipher.startswith("ARIA") and exchange.endswith("-RSA") and exchange.startswith("ECDHE"):
        exchange = exchange.removesuffix("-RSA")
    # OpenSSL leaves out the mode where it is CBC, and joins what follows CCM and 3DES.
    cipher = cipher.replace("_CBC_", "_").replace("CCM_8", "CCM8").replace("3DES_EDE", "DES_CBC3")
    if cipher.startswith("CHACHA20_POLY1305"):
        cipher = "CHACHA20_POLY1305"
    return "-".join(filter(None, (exchange, cipher.replace("_", "-"))))
