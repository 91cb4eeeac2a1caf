"""`ottla cluster`: describe a cluster; move its metadata out of and into a stopped broker's directory."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.errors import UsageError
from ottla.cli.output import counted, print_fields, print_json, print_table, say
from ottla.cli.requests.cluster import cluster_detail

TREE_HELP = (
    "The metadata of a stopped broker: its directory (ottla.metadata.dir, or what `ottla up --data` was given), or "
    "zookeeper://HOST:PORT/CHROOT."
)

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


@cluster.command(
    "export", epilog="Example: ottla cluster export /var/lib/ottla/metadata --output cluster.jsonl"
)
def export_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=TREE_HELP)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here; standard output if not given."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="Copy into this tree at once, written like SOURCE, instead of a file.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --to: take the place of what the target holds.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a cluster's metadata to a file, or into another tree.

    Together with its log directories a cluster moves so between Ottla and Apache Kafka 3.9 with ZooKeeper.
    """
    from ottla.cli.metadata_trees import copy_tree, export_tree

    if to is not None and output is not None:
        raise UsageError("both --output and --to are given", where="--to", remedy="give one of them")
    if to is not None:
        moved = copy_tree(tree_address(source), tree_address(to), replace=replace)
    else:
        moved = export_tree(tree_address(source), output)
    if as_json and (output or to):
        print_json(asdict(moved))
    else:
        say(
            f"Exported cluster {moved.cluster_id}: {counted(moved.topics, 'topic')}, {counted(moved.nodes, 'node')}."
        )


@cluster.command(
    "import", epilog="Example: ottla cluster import cluster.jsonl zookeeper://127.0.0.1:2181/kafka"
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `ottla cluster export` wrote.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help=TREE_HELP)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of what the target holds.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a cluster's metadata from a file into a tree that no broker uses just now."""
    from ottla.cli.metadata_trees import import_tree

    moved = import_tree(file, tree_address(target), replace=replace)
    if as_json:
        print_json(asdict(moved))
    else:
        say(
            f"Imported cluster {moved.cluster_id}: {counted(moved.topics, 'topic')}, {counted(moved.nodes, 'node')}."
        )


def tree_address(text: str) -> str:
    """The address of a tree; of what `ottla up --data` was given, the metadata directory in it."""
    inner = Path(text) / "metadata"
    return str(inner) if "://" not in text and inner.is_dir() else text
