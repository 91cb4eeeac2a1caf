"""Pages that a browser shows can't have it speak to a registry: by a name of their own that leads here, or by a form."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from registries import RegistryProcess

StartRegistry = Callable[..., RegistryProcess]
SCHEMA = json.dumps({"schema": '"string"'}).encode()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("[::1]:{port}", 200),
        ("schema-registry:{port}", 200),
        ("registry.local", 200),
        ("Registry.Localhost.", 200),
        (socket.gethostname(), 200),
        ("attacker.example.com:{port}", 421),
        ("127.0.0.1.attacker.com", 421),
        ("localhost.attacker.com:{port}", 421),
        ("attacker.com.:{port}", 421),
        ("0x7f.1", 421),
    ],
)
def test_a_name_of_the_public_dns_leads_nowhere(registry: RegistryProcess, host: str, status: int) -> None:
    """DNS rebinding: the page's own name has come to lead to this machine, where the registry asks nobody who he is."""
    reply = registry.ask("GET", "/subjects", headers={"Host": host.format(port=registry.port)})
    assert reply.status == status
    if status == 421:
        assert reply.error == (421, 421)
        written = registry.ask(
            "POST", "/subjects/a/versions", SCHEMA, {"Host": host.format(port=registry.port)}
        )
        assert written.status == 421


def test_a_request_without_a_host_is_no_browsers(registry: RegistryProcess) -> None:
    """Of HTTP/1.0, which no page can have a browser send."""
    with socket.create_connection((registry.host, registry.port), 30) as connection:
        connection.sendall(b"GET /subjects HTTP/1.0\r\n\r\n")
        assert connection.recv(4_096).split()[1] == b"200"


def test_a_name_of_its_own(start_registry: StartRegistry) -> None:
    """`host.name` is what others are told to call it."""
    registry = start_registry({"host.name": "registry.example.com"})
    assert registry.get("/subjects", Host=f"registry.example.com:{registry.port}").status == 200
    assert registry.get("/subjects", Host=f"other.example.com:{registry.port}").status == 421


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_what_a_form_can_send_is_refused(
    registry: RegistryProcess, subject: str, content_type: str | None
) -> None:
    """A browser sends these to any site without asking it first; JSON it doesn't."""
    headers = {"Origin": "https://attacker.example", "Connection": "close"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /subjects/{subject}/versions HTTP/1.1\r\nHost: localhost\r\n{named}Content-Length: {len(SCHEMA)}\r\n\r\n"
    with socket.create_connection((registry.host, registry.port), 30) as connection:
        connection.sendall(head.encode() + SCHEMA)
        assert connection.recv(4_096).split()[1] == b"415"
    assert registry.get(f"/subjects/{subject}/versions").status == 404


def test_a_page_of_another_origin_is_told_nothing(registry: RegistryProcess) -> None:
    """No header lets it read the answer, nor send JSON, unless the settings name its origin."""
    origin = {"Origin": "https://attacker.example"}
    for method, asked in (("GET", "/subjects"), ("OPTIONS", "/subjects/a/versions")):
        reply = registry.ask(method, asked, headers={**origin, "Access-Control-Request-Method": "POST"})
        assert not any(name.startswith("access-control-") for name in reply.headers)


def test_only_the_origins_that_are_named(start_registry: StartRegistry) -> None:
    """As they are; none that only begins or ends so, and credentials are nobody's to send."""
    registry = start_registry({"access.control.allow.origin": "https://page.example,https://other.example"})
    for origin, allowed in [
        ("https://page.example", True),
        ("https://other.example", True),
        ("https://page.example.attacker.com", False),
        ("https://attacker-page.example", False),
        ("http://page.example", False),
        ("null", False),
        ("https://page.example,https://other.example", False),
    ]:
        reply = registry.get("/subjects", Origin=origin)
        assert reply.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize(
    "name", ["a%0d%0aSet-Cookie:%20x=1", "a%0aX-Injected:%201", "%1b[2J", "a%00b", "..%2f..%2fetc%2fpasswd"]
)
def test_names_write_no_headers(registry: RegistryProcess, name: str) -> None:
    """Whatever a subject is called, the answer's head is the registry's own."""
    for path in (
        f"/subjects/{name}/versions",
        f"/subjects/{name}/versions/latest/schema",
        f"/config/{name}",
        f"/{name}",
    ):
        reply = registry.get(path)
        assert reply.status < 500
        assert set(reply.headers) <= {"date", "content-type", "content-length", "vary", "connection"}
        assert "root:" not in reply.content.decode()
