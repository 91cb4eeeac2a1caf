"""Bootstrap addresses: how they are written, and whether something listens there."""

import socket
from dataclasses import dataclass

from ottla.cli.errors import UsageError

DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port of one server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addresses(text: str) -> tuple[Address, ...]:
    """Read `host:port,host:port`; a missing port is 9092, an IPv6 address stands in brackets."""
    addresses = tuple(_parse_address(part.strip()) for part in text.split(",") if part.strip())
    if not addresses:
        raise UsageError(
            "no bootstrap address given",
            where=repr(text),
            remedy="give one as host:port, e.g. 127.0.0.1:9092",
        )
    return addresses


def _parse_address(text: str) -> Address:
    # A listener's URL is what people copy from server.properties.
    plain = text.rpartition("://")[2]
    host, colon, port = plain.rpartition(":")
    if not colon or host.endswith(":") or plain.endswith("]"):
        host, port = plain, str(DEFAULT_PORT)
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(
            f"{port!r} is not a port", where=text, remedy="write host:port with a port from 1 to 65535"
        )
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or " " in host:
        raise UsageError(
            f"{host!r} is not a host name", where=text, remedy="write host:port, e.g. 127.0.0.1:9092"
        )
    return Address(host, int(port))


def connection_fault(address: Address, timeout_s: float) -> str | None:
    """Try to connect; None if it worked, else the reason in plain words."""
    try:
        socket.create_connection((address.host, address.port), timeout_s).close()
    except socket.gaierror as error:
        return f"the name cannot be resolved ({error.strerror})"
    except ConnectionRefusedError:
        return "connection refused: nothing listens on that port"
    except TimeoutError:
        return f"no answer to the connection attempt within {timeout_s:g} s"
    except OSError as error:
        return error.strerror or str(error)
    return None
