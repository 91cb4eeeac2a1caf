"""`ottla up`: the whole platform in one terminal."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ottla.cli.addresses import Address, connection_fault
from ottla.cli.connection import split_assignment
from ottla.cli.errors import CommandError
from ottla.cli.services import HOST, SERVICES, Platform
from ottla.cli.supervision import Supervised, Supervisor, print_line


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(epilog="Example: ottla up --data ./kafka --set log.retention.hours=24")(up)


def up(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            metavar="DIR",
            help="Where everything is kept. Default: ottla in the user's data directory.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting of the broker, under Apache Kafka's name. May be repeated.",
        ),
    ] = None,
    port_offset: Annotated[
        int,
        typer.Option(
            "--port-offset",
            metavar="N",
            min=-8000,
            max=56000,
            help="Add this to every port, for a second platform on one machine.",
        ),
    ] = 0,
) -> None:
    """Run the whole platform here: Kafka on 127.0.0.1:9092, the Schema Registry on 8081. Ctrl-C stops it in order."""
    for text in settings or ():
        split_assignment(text, "--set")
    platform = Platform((data or default_data_directory()).absolute(), port_offset, tuple(settings or ()))
    make_directory(platform.data)
    check_ports(platform)
    services = {one.name: one for one in SERVICES}

    def on_ready(name: str) -> None:
        service = services[name]
        print_line("up", f"{service.what} is ready on {service.address(platform)}")

    print_line("up", f"data in {platform.data}; Ctrl-C stops everything")
    supervised = [Supervised(one.name, one.command(platform), one.ready) for one in SERVICES]
    raise typer.Exit(Supervisor(supervised, print_line, on_ready).run())


def default_data_directory() -> Path:
    """`ottla` where the system wants programs to keep a user's data."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ottla"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "ottla"


def make_directory(path: Path) -> None:
    """Make the directory, and see that it can be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"the data directory cannot be made: {error.strerror}",
            where=str(path),
            remedy="give another with --data DIR",
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise CommandError(
            "the data directory cannot be written", where=str(path), remedy="give another with --data DIR"
        )


def check_ports(platform: Platform) -> None:
    """Raise if something listens already where a service is to."""
    for service in SERVICES:
        address = Address(HOST, service.port + platform.port_offset)
        if connection_fault(address, 1.0) is None:
            raise CommandError(
                f"something listens already where {service.what} is to",
                where=str(address),
                remedy=f"stop it (`ottla doctor {address}` tells what it is), or shift all ports with --port-offset N",
            )
