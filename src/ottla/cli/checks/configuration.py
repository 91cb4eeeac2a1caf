"""A broker's settings: every fault in them, and whether their ports are free."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from ottla.cli.checks.findings import Finding, fault, fine, warning
from ottla.config.broker_config import BrokerConfig, build
from ottla.config.checks import InvalidConfigurationError
from ottla.config.endpoints import Endpoint
from ottla.config.sources import SourceError, from_arguments, read_properties_file


def load_configuration(file: Path | None, settings: list[str]) -> tuple[BrokerConfig | None, list[Finding]]:
    """The settings as the broker would read them, and what is wrong with them; None where it would not start."""
    subject = "settings" if file is None else str(file)
    try:
        given = [*(read_properties_file(file) if file else ()), *from_arguments(settings)]
        config = build(given)
    except SourceError as error:
        return None, [fault(subject, str(error), "give a readable file of key=value lines")]
    except InvalidConfigurationError as error:
        return None, [
            fault(
                "settings", str(one), f"correct it in {one.origin}" if one.origin != "default" else "set it"
            )
            for one in error.faults
        ]
    findings = [
        warning("settings", text, "take it out, or leave it: it does no harm") for text in config.warnings
    ]
    findings.append(fine(subject, f"{len(given)} settings, with which broker {config.node_id} would start"))
    return config, findings


def check_ports(config: BrokerConfig) -> Iterator[Finding]:
    """Whether the listeners' ports are free here."""
    for endpoint in config.listeners:
        yield _check_port(endpoint)


def _check_port(endpoint: Endpoint) -> Finding:
    subject = f"port {endpoint.port}"
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
        except OSError as error:
            return fault(subject, f"{endpoint}: {_bind_reason(error)}", _bind_remedy(error, endpoint))
    return fine(subject, f"free for {endpoint}")


def _bind_reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "in use already"
    if error.errno == errno.EACCES:
        return "not allowed to this user"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return error.strerror or str(error)


def _bind_remedy(error: OSError, endpoint: Endpoint) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"stop what listens there (ss -ltnp 'sport = :{endpoint.port}' shows it), or choose another port"
        )
    if error.errno == errno.EACCES:
        return "choose a port above 1023"
    return "listen on an address of this machine, and name the outer one in advertised.listeners"
