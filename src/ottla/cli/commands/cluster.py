"""`ottla cluster`: describe a cluster; move its metadata out of and into a stopped broker's directory."""

from dataclasses import asdict

import typer

from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.output import print_fields, print_json, print_table
from ottla.cli.requests.cluster import cluster_detail

cluster = typer.Typer(help="Describe a cluster; export and import its metadata.", no_args_is_help=True)


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(cluster, name="cluster")


@cluster.command(epilog="Example: ottla cluster describe --bootstrap kafka.example.org:9092")
@on_cluster
def describe(connection: Connection, as_json: JsonOption = False) -> None:
    """Show the cluster's id, brokers and health."""
    detail = cluster_detail(connection)
    if as_json:
        print_json(asdict(detail))
        return
    print_fields(
        [
            ("Cluster", detail.cluster_id),
            ("Controller", "none" if detail.controller is None else f"broker {detail.controller}"),
            ("Topics", detail.topics),
            ("Partitions", detail.partitions),
            ("Under-replicated", detail.under_replicated),
            ("Without leader", detail.leaderless),
        ]
    )
    print()
    print_table(
        ["#BROKER", "ADDRESS", "RACK", "#LEADS", "#HOLDS"],
        [(one.broker, f"{one.host}:{one.port}", one.rack, one.leads, one.holds) for one in detail.brokers],
    )
