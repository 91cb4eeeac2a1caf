"""`ottla doctor`: what is wrong with an address, a port, a disk, a version, a configuration."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ottla.cli.addresses import parse_addresses
from ottla.cli.checks.findings import Finding, Level
from ottla.cli.output import counted, print_json, visible


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.command(epilog="Example: ottla doctor kafka.example.org:9092")(doctor)


def doctor(
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="[HOST:PORT]",
            help="Look closely at this address. Default: 127.0.0.1:9092, unless --config or --data is given.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help="Look at a broker's settings, its ports and directories."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting on top of the file. May be repeated."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", "-d", metavar="DIR", help="Look at a log directory. May be repeated."),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait for an answer.")
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Say what is wrong, and what to do. Exit code 1 if anything does not work."""
    from ottla.cli.checks.machine import check_machine

    findings = list(check_machine())
    looks_at_broker = config is not None or bool(settings) or bool(data)
    if config is not None or settings:
        findings += examine_configuration(config, settings or [])
    findings += examine_directories(data or ())
    if address is not None or not looks_at_broker:
        findings += examine_addresses(address or "127.0.0.1:9092", timeout_s)
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        show_findings(findings)
    if any(one.level is Level.FAULT for one in findings):
        raise typer.Exit(1)


def examine_configuration(file: Path | None, settings: list[str]) -> Iterable[Finding]:
    """Settings, and the ports and directories they name."""
    from ottla.cli.checks.configuration import check_ports, load_configuration
    from ottla.cli.checks.directories import check_directory

    config, findings = load_configuration(file, settings)
    yield from findings
    if config is not None:
        yield from check_ports(config)
        for directory in config.log_dirs:
            yield from check_directory(Path(directory), config.node_id if config.node_id_given else None)


def examine_directories(directories: Iterable[Path]) -> Iterable[Finding]:
    """Log directories named by hand."""
    for directory in directories:
        from ottla.cli.checks.directories import check_directory

        yield from check_directory(directory)


def examine_addresses(addresses: str, timeout_s: float) -> Iterable[Finding]:
    """Bootstrap addresses."""
    from ottla.cli.checks.address import check_address

    for one in parse_addresses(addresses):
        yield from check_address(one, timeout_s)


def show_findings(findings: list[Finding]) -> None:
    """Findings for people, the bad ones in colour, and a closing line."""
    marks = {Level.FINE: "  ok   ", Level.WARNING: "  warn ", Level.FAULT: "  FAULT"}
    colours = {Level.FINE: "", Level.WARNING: "\033[33m", Level.FAULT: "\033[31m"}
    coloured = sys.stdout.isatty()
    for one in findings:
        before, after = (
            (colours[one.level], "\033[0m") if coloured and one.level is not Level.FINE else ("", "")
        )
        print(f"{before}{marks[one.level]}{after}  {one.subject}: {visible(one.what)}")
        if one.remedy is not None:
            print(f"           {visible(one.remedy)}")
    counts = {level: sum(one.level is level for one in findings) for level in Level}
    print()
    if not counts[Level.FAULT] and not counts[Level.WARNING]:
        print("All is well.")
    else:
        print(f"{counted(counts[Level.FAULT], 'fault')}, {counted(counts[Level.WARNING], 'warning')}.")
