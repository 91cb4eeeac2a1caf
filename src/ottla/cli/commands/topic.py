"""`ottla topic`: list, create, describe, alter and delete topics."""

from dataclasses import asdict
from typing import Annotated

import typer

from ottla.cli.confirmation import confirm
from ottla.cli.connection import Connection, JsonOption, on_cluster, split_assignment
from ottla.cli.errors import UsageError
from ottla.cli.output import print_fields, print_json, print_table, say
from ottla.cli.requests.configs import alter_config
from ottla.cli.requests.topics import (
    NewTopic,
    TopicDetail,
    add_partitions,
    create_topic,
    delete_topic,
    require_topics,
    topic_detail,
    topic_summaries,
)

topic = typer.Typer(help="List, create, describe, alter and delete topics.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="TOPIC", help="Name of the topic.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the topic. May be repeated."),
]


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(topic, name="topic")


@topic.command("list", epilog="Example: ottla topic list --internal --json")
@on_cluster
def list_(
    connection: Connection,
    internal: Annotated[
        bool, typer.Option("--internal", help="Kafka's own topics too (their names start with __).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the topics with the number of their partitions and replicas."""
    topics = [one for one in topic_summaries(connection) if internal or not one.is_internal]
    if as_json:
        print_json([asdict(one) for one in topics])
    elif topics:
        print_table(
            ["TOPIC", "#PARTITIONS", "#REPLICAS", "#UNDER-REPLICATED"],
            [(one.name, one.partitions, one.replication_factor, one.under_replicated) for one in topics],
        )
    else:
        say("There are no topics yet; `ottla topic create NAME` makes one.")


@topic.command(epilog="Example: ottla topic create orders --partitions 12 --set cleanup.policy=compact")
@on_cluster
def create(
    connection: Connection,
    names: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names of the topics to make.")],
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions", "-p", min=1, help="Partitions of each; the broker's default if not given."
        ),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option("--replicas", "-r", min=1, help="Replicas of each; the broker's default if not given."),
    ] = None,
    settings: SetOption = None,
    assignment: Annotated[
        str | None,
        typer.Option(
            metavar="IDS,IDS,...", help="Brokers by hand: 1:2,2:3 is two partitions of two replicas."
        ),
    ] = None,
    if_not_exists: Annotated[
        bool, typer.Option("--if-not-exists", help="Be content if the topic is there already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the broker check the request, make nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make topics."""
    if assignment is not None and (partitions or replicas):
        raise UsageError(
            "--assignment says already how many partitions and replicas there are",
            where="--partitions / --replicas",
            remedy="give either --assignment or the numbers",
        )
    by_hand = None if assignment is None else parse_assignment(assignment)
    configs = dict(split_assignment(text, "--set") for text in settings or ())
    existing = {one.name for one in topic_summaries(connection)} if if_not_exists else set()
    made = [name for name in names if name not in existing]
    for name in made:
        create_topic(
            connection,
            NewTopic(name, partitions or -1, replicas or -1, configs, by_hand),
            validate_only=dry_run,
        )
    if as_json:
        print_json({"created": [] if dry_run else [*made], "existing": sorted(existing & set(names))})
        return
    for name in names:
        if name in existing:
            print(f"Topic {name} is there already.")
        else:
            print(f"Topic {name} could be created." if dry_run else f"Created topic {name}.")


def parse_assignment(text: str) -> tuple[tuple[int, ...], ...]:
    """Read `1:2,2:3`: partitions apart by commas, their brokers by colons."""
    try:
        return tuple(tuple(int(broker) for broker in partition.split(":")) for partition in text.split(","))
    except ValueError:
        raise UsageError(
            f"{text!r} is not an assignment of brokers to partitions",
            where="--assignment",
            remedy="write broker ids with : between replicas and , between partitions, e.g. 1:2,2:3",
        ) from None


@topic.command(epilog="Example: ottla topic describe orders")
@on_cluster
def describe(
    connection: Connection,
    names: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names of the topics.")],
    as_json: JsonOption = False,
) -> None:
    """Show a topic's partitions, their leaders and offsets, and the settings that were made."""
    details = [topic_detail(connection, name) for name in names]
    if as_json:
        print_json([detail_json(detail) for detail in details])
        return
    for number, detail in enumerate(details):
        if number:
            print()
        show_detail(detail)


def detail_json(detail: TopicDetail) -> dict[str, object]:
    """A topic as `--json` shows it."""
    return {
        "name": detail.name,
        "topic_id": detail.topic_id,
        "is_internal": detail.is_internal,
        "partitions": [asdict(one) for one in detail.partitions],
        "configs": {one.name: one.value for one in detail.configs},
    }


def show_detail(detail: TopicDetail) -> None:
    """A topic for people."""
    settings = ", ".join(f"{one.name}={one.value}" for one in detail.configs)
    print_fields(
        [
            ("Topic", detail.name),
            ("Id", detail.topic_id),
            ("Partitions", len(detail.partitions)),
            ("Settings", settings or "all as the broker has them"),
        ]
    )
    print()
    print_table(
        ["#PARTITION", "#LEADER", "REPLICAS", "IN SYNC", "#EARLIEST", "#LATEST"],
        [
            (
                one.partition,
                "none" if one.leader is None else one.leader,
                ",".join(map(str, one.replicas)),
                ",".join(map(str, one.isr)),
                None if one.offsets is None else one.offsets.earliest,
                None if one.offsets is None else one.offsets.latest,
            )
            for one in detail.partitions
        ],
    )


@topic.command(epilog="Example: ottla topic alter orders --partitions 24 --set retention.ms=86400000")
@on_cluster
def alter(
    connection: Connection,
    name: NameArgument,
    partitions: Annotated[
        int | None, typer.Option("--partitions", "-p", min=1, help="New number of partitions, more than now.")
    ] = None,
    settings: SetOption = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="KEY", help="Back to the default. May be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the broker check the request, change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add partitions to a topic, change its settings."""
    assign = dict(split_assignment(text, "--set") for text in settings or ())
    if partitions is None and not assign and not unset:
        raise UsageError(
            "nothing to change",
            where="ottla topic alter",
            remedy="give --partitions, --set KEY=VALUE or --unset KEY",
        )
    require_topics(connection, [name])
    done = "could be" if dry_run else "is now"
    lines = []
    if assign or unset:
        alter_config(connection, "topic", name, assign=assign, unset=unset or (), validate_only=dry_run)
        lines += [f"{key} {done} {value}." for key, value in assign.items()]
        lines += [f"{key} {'could be' if dry_run else 'is'} back to its default." for key in unset or ()]
    if partitions is not None:
        add_partitions(connection, name, partitions, validate_only=dry_run)
        lines.append(f"Topic {name} {'could have' if dry_run else 'has now'} {partitions} partitions.")
    if as_json:
        print_json(
            {
                "topic": name,
                "partitions": partitions,
                "set": assign,
                "unset": list(unset or ()),
                "dry_run": dry_run,
            }
        )
        return
    for line in lines:
        print(line)


@topic.command(epilog="Example: ottla topic delete orders --yes")
@on_cluster
def delete(
    connection: Connection,
    names: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names of the topics.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    if_exists: Annotated[
        bool, typer.Option("--if-exists", help="Be content if a topic is not there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete topics with all their records."""
    if if_exists:
        known = {one.name for one in topic_summaries(connection)}
        names = [name for name in names if name in known]
    else:
        require_topics(connection, names)
    if names:
        confirm(f"Delete {', '.join(names)} and every record?", yes=yes)
    for name in names:
        delete_topic(connection, name)
        if not as_json:
            print(f"Deleted topic {name}.")
    if as_json:
        print_json({"deleted": [*names]})
