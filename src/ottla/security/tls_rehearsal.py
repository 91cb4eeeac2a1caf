"""A TLS handshake with nobody outside: whether two ends made of the broker's own stores would understand each other.

The listener between brokers is held to this: there every broker is client and server by the same stores, and one whose certificate
its own trust store refuses (because it has expired, say) would be refused by all others.

Source: `SslFactory.SslEngineValidator`.
"""

from __future__ import annotations

import ssl
from typing import Final

MAX_FLIGHTS: Final = 20
"""Turns of both ends; a handshake takes three."""


class RehearsalFailed(Exception):  # noqa: N818 - an outcome
    """One end refuses the other; the text says why."""


def rehearse(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Raises `RehearsalFailed`. Takes milliseconds: for a thread. No name is compared: `client` has `check_hostname` off."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        for _ in range(MAX_FLIGHTS):
            # A client is through with TLS 1.3 before the server has looked at its certificate: both have to be.
            ready = [_step(each) for each in ends]
            if all(ready):
                return
    except ssl.SSLCertVerificationError as error:
        raise RehearsalFailed(error.verify_message) from None
    except ssl.SSLError as error:
        raise RehearsalFailed((error.reason or str(error)).lower().replace("_", " ")) from None
    raise RehearsalFailed("the handshake does not end")


def _step(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
