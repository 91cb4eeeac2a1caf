"""Requests that a browser was led to send: what services on loopback have to look at, since a browser reaches them as well.

A page has the name of its server. If that name later leads to 127.0.0.1, which whoever owns it may decide, the browser lets the
page's scripts speak to what listens there, as if that were their server (DNS rebinding). The name stands in the request's `Host`:
nobody but the user's own machine or network can have named this machine so, or it is refused.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

_NOT_PUBLIC: Final = ("localhost", "local", "internal", "test", "example", "invalid", "home.arpa")
"""Domains that nobody gets in the public DNS (RFC 2606, 6761, 6762, 8375; ICANN's `internal`)."""


def is_loopback(host: str) -> bool:
    """Whether this address, or the name `localhost`, is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@lru_cache(maxsize=256)
def may_lead_here(host: str, own_names: frozenset[str] = frozenset()) -> bool:
    """Whether a `Host` is an address, a name of one label, one outside the public DNS, or one of `own_names`, in lower case."""
    name = _name(host)
    if (
        not name
        or "." not in name
        or name in own_names
        or name.endswith(tuple(f".{each}" for each in _NOT_PUBLIC))
    ):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """Without port, brackets, and the dot at its end."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, _port = host.rpartition(":")
    return (name if colon else host).lower().removesuffix(".")
