"""`ottla broker` as help shows it. It runs by `broker_process`, without loading typer."""

from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(
        epilog="Example: ottla broker server.properties --set listeners=PLAINTEXT://:9092 --set log.retention.hours=24"
    )(broker)


def broker(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Settings, key=value a line, under Apache Kafka's names."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A setting that goes before the file. May be repeated."
        ),
    ] = None,
) -> None:
    """Run one broker in the foreground.

    Settings come from the file, then the environment, then --set; the later go before the earlier.

    In the environment, KAFKA_LOG_RETENTION_MS is log.retention.ms. SIGTERM or Ctrl-C stops it in order.
    """
    from ottla.cli.broker_process import BrokerArguments, start_broker

    raise typer.Exit(start_broker(BrokerArguments(file, tuple(settings or ()))))
