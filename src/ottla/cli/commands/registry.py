"""`ottla registry` as help shows it. It runs by `registry_process`, without loading typer."""

from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(
        epilog="Example: ottla registry --bootstrap localhost:9092 --set listeners=http://0.0.0.0:8081"
    )(registry)


def registry(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="Settings, key=value a line, under Confluent Schema Registry's names."
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--bootstrap",
            "-b",
            metavar="HOST:PORT",
            help="Brokers of the Kafka cluster, several with commas: kafkastore.bootstrap.servers.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting that goes before the file. May be repeated."
        ),
    ] = None,
) -> None:
    """Run one Schema Registry in the foreground.

    Settings come from the file, then the environment, then --set; the later go before the earlier.

    In the environment, SCHEMA_REGISTRY_KAFKASTORE_TOPIC is kafkastore.topic. SIGTERM or Ctrl-C stops it in order.
    """
    from ottla.cli.registry_process import RegistryArguments, start_registry

    raise typer.Exit(start_registry(RegistryArguments(file, bootstrap, tuple(settings or ()))))
