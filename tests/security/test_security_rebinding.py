"""By which names a service on loopback may be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.security.rebinding import is_loopback, may_lead_here


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("localhost", True),
        ("LOCALHOST.:8081", True),
        ("a.localhost:1", True),
        ("printer.local", True),
        ("registry.internal:8081", True),
        ("registry.home.arpa", True),
        ("registry", True),
        ("", True),
        ("127.0.0.1:8081", True),
        ("[::1]:8081", True),
        ("[::ffff:127.0.0.1]", True),
        ("attacker.com", False),
        ("attacker.com:8081", False),
        ("attacker.com.:8081", False),
        ("localhost.attacker.com", False),
        ("127.0.0.1.nip.io", False),
        ("notlocal.example.com", False),
        ("evillocal.net:80", False),
        ("[attacker.com]", False),
        ("attacker.com:80:80", False),
        ("127.1.2", False),
    ],
)
def test_names(host: str, may: bool) -> None:
    """Addresses, single labels and what is outside the public DNS; nothing that somebody could own there."""
    assert may_lead_here(host) is may


def test_own_names() -> None:
    """Those that the settings give, and no longer ones."""
    own = frozenset({"registry.example.com"})
    assert may_lead_here("Registry.Example.com:8081", own)
    assert not may_lead_here("x.registry.example.com", own)
    assert not may_lead_here("registry.example.com")


@given(st.ip_addresses())
def test_every_address_is_one(address: object) -> None:
    """Whoever writes an address has asked no DNS."""
    assert may_lead_here(f"[{address}]:1" if ":" in str(address) else f"{address}:1")


@given(st.text(max_size=60))
def test_any_text_is_decided(host: str) -> None:
    """A header can be anything."""
    assert may_lead_here(host) in (True, False)


def test_loopback() -> None:
    """What a listener can be bound to that only this machine reaches."""
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "", "::", "10.0.0.1", "registry", "192.0.2.1")))
