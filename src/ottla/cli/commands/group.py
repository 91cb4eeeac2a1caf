"""`ottla group`: list, describe, reset and delete consumer groups."""

import re
import time
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from ottla.cli.confirmation import confirm
from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.errors import CommandError, UsageError
from ottla.cli.output import print_fields, print_json, print_table, say
from ottla.cli.positions import parse_position
from ottla.cli.requests.groups import (
    GroupDetail,
    PartitionLag,
    commit_offsets,
    committed_offsets,
    delete_group,
    existing_ranges,
    group_detail,
    group_summaries,
    require_group,
)
from ottla.cli.requests.offsets import Partition
from ottla.cli.requests.positions import resolve_position
from ottla.cli.requests.topics import require_topics

group = typer.Typer(help="List, describe, reset and delete consumer groups.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's committed offset before and after a reset; None where nothing was committed."""

    topic: str
    partition: int
    before: int | None
    after: int


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(group, name="group")


@group.command("list", epilog="Example: ottla group list --json")
@on_cluster
def list_(connection: Connection, as_json: JsonOption = False) -> None:
    """Show the groups with their state."""
    groups = group_summaries(connection)
    if as_json:
        print_json([asdict(one) for one in groups])
    elif groups:
        print_table(["GROUP", "STATE", "TYPE"], [(one.group, one.state, one.type) for one in groups])
    else:
        say("There are no groups yet; `ottla consume TOPIC --group NAME` makes one.")


@group.command(epilog="Example: ottla group describe billing --members")
@on_cluster
def describe(
    connection: Connection,
    names: Annotated[list[str], typer.Argument(metavar="GROUP...", help="Names of the groups.")],
    members: Annotated[bool, typer.Option("--members", help="The members and what each reads.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show how far a group is in each partition, and who reads it."""
    details = [group_detail(connection, name) for name in names]
    if as_json:
        print_json([detail_json(detail) for detail in details])
        return
    for number, detail in enumerate(details):
        if number:
            print()
        show_detail(detail, members=members)


def detail_json(detail: GroupDetail) -> dict[str, object]:
    """A group as `--json` shows it."""
    return {
        **asdict(detail),
        "members": [
            {
                **asdict(one),
                "partitions": [{"topic": topic, "partition": number} for topic, number in one.partitions],
            }
            for one in detail.members
        ],
        "partitions": [{**asdict(one), "lag": one.lag} for one in detail.partitions],
        "lag": total_lag(detail.partitions),
    }


def total_lag(partitions: tuple[PartitionLag, ...]) -> int:
    """Records that the group has yet to read, where it is known."""
    return sum(one.lag or 0 for one in partitions)


def show_detail(detail: GroupDetail, *, members: bool) -> None:
    """A group for people."""
    print_fields(
        [
            ("Group", detail.group),
            ("State", detail.state),
            ("Type", detail.type),
            ("Assignor", detail.assignor or None),
            ("Coordinator", detail.coordinator),
            ("Members", len(detail.members)),
            ("Lag", total_lag(detail.partitions)),
        ]
    )
    print()
    if members:
        show_members(detail)
    elif detail.partitions:
        clients = {one.member: one.client for one in detail.members}
        print_table(
            ["TOPIC", "#PARTITION", "#COMMITTED", "#LATEST", "#LAG", "CLIENT"],
            [
                (one.topic, one.partition, one.committed, one.latest, one.lag, clients.get(one.member or ""))
                for one in detail.partitions
            ],
        )
    else:
        say("The group has committed nothing and reads nothing.")


def show_members(detail: GroupDetail) -> None:
    """A group's members for people."""
    if not detail.members:
        say("The group has no members just now.")
        return
    print_table(
        ["CLIENT", "HOST", "MEMBER", "PARTITIONS"],
        [
            (
                one.client,
                one.host,
                one.instance or one.member,
                ", ".join(f"{topic}-{number}" for topic, number in one.partitions) or None,
            )
            for one in detail.members
        ],
    )


@group.command(epilog="Example: ottla group reset billing --topic orders --to 2026-11-23T12:00:00Z --dry-run")
@on_cluster
def reset(
    connection: Connection,
    name: Annotated[
        str, typer.Argument(metavar="GROUP", help="Name of the group. It must have no members just now.")
    ],
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            "-t",
            metavar="TOPIC[:PARTITION,...]",
            help="Only this topic, or these partitions of it. May be repeated. Default: all that the group committed.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="POSITION",
            help="earliest, latest, an offset (42), records before the end (-10), a time (2026-11-23T12:00:00Z, "
            "@milliseconds) or an age (5m, 36h, 7d).",
        ),
    ] = None,
    shift: Annotated[
        int | None,
        typer.Option("--shift", metavar="N", help="So many records on, or with -N back, from where it is."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Move a group's committed offsets."""
    if (to is None) == (shift is None):
        raise UsageError(
            "where to?", where="ottla group reset", remedy="give --to POSITION or --shift N, one of them"
        )
    chosen = [parse_topic(text) for text in topics or ()]
    if not chosen or shift is not None:
        require_group(connection, name)
    committed = committed_offsets(connection, name)
    partitions = choose_partitions(connection, chosen, committed, name)
    if to is not None:
        position = parse_position(to, "--to", lambda: time.time_ns() // 1_000_000)
        after = resolve_position(connection, position, partitions)
    else:
        after = shifted(connection, partitions, committed, shift or 0)
    moves = [Move(*one, committed.get(one), after[one]) for one in sorted(partitions)]
    if not dry_run:
        commit_offsets(connection, name, after)
    show_moves(name, moves, dry_run=dry_run, as_json=as_json)


def parse_topic(text: str) -> tuple[str, tuple[int, ...]]:
    """Read `topic` or `topic:0,1`."""
    topic, colon, numbers = text.partition(":")
    if not topic or (colon and not re.fullmatch(r"\d{1,9}(,\d{1,9})*", numbers)):
        raise UsageError(
            f"{text!r} names no topic and partitions", where="--topic", remedy="write orders, or orders:0,1"
        )
    return topic, tuple(int(number) for number in numbers.split(",")) if colon else ()


def choose_partitions(
    connection: Connection,
    chosen: list[tuple[str, tuple[int, ...]]],
    committed: dict[Partition, int],
    name: str,
) -> list[Partition]:
    """The partitions that `--topic` means; without any, all that the group committed."""
    if not chosen:
        if not committed:
            raise CommandError(
                f"group '{name}' has committed nothing yet",
                where=connection.bootstrap,
                remedy="say which topics it shall read from there with --topic",
            )
        return [one for one, held in existing_ranges(connection, committed).items() if held is not None]
    known = require_topics(connection, [topic for topic, _ in chosen])
    partitions: list[Partition] = []
    for topic, numbers in chosen:
        missing = sorted(set(numbers) - set(known[topic]))
        if missing:
            raise UsageError(
                f"topic {topic} has no partition {missing[0]}",
                where="--topic",
                remedy=f"it has partitions 0 to {len(known[topic]) - 1}",
            )
        partitions += [(topic, number) for number in numbers or known[topic]]
    return partitions


def shifted(
    connection: Connection, partitions: list[Partition], committed: dict[Partition, int], shift: int
) -> dict[Partition, int]:
    """The offsets so many records on or back, but never outside of what the partition holds."""
    after = {}
    for one, held in existing_ranges(connection, partitions).items():
        if one not in committed:
            raise CommandError(
                "nothing is committed there to shift from",
                where=f"partition {one[0]}-{one[1]}",
                remedy="use --to for this partition",
            )
        if held is not None:
            after[one] = min(max(committed[one] + shift, held.earliest), held.latest)
    return after


def show_moves(name: str, moves: list[Move], *, dry_run: bool, as_json: bool) -> None:
    """What a reset changed, or would change."""
    if as_json:
        print_json({"group": name, "dry_run": dry_run, "partitions": [asdict(one) for one in moves]})
        return
    print_table(
        ["TOPIC", "#PARTITION", "#BEFORE", "#AFTER", "#CHANGE"],
        [
            (
                one.topic,
                one.partition,
                one.before,
                one.after,
                None if one.before is None else f"{one.after - one.before:+d}",
            )
            for one in moves
        ],
    )
    if dry_run:
        say("Nothing was changed: this was a dry run.")


@group.command(epilog="Example: ottla group delete billing --yes")
@on_cluster
def delete(
    connection: Connection,
    names: Annotated[
        list[str], typer.Argument(metavar="GROUP...", help="Names of the groups. They must have no members.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete groups with all that they committed."""
    for name in names:
        require_group(connection, name)
    confirm(f"Delete {', '.join(names)} and all committed offsets?", yes=yes)
    for name in names:
        delete_group(connection, name)
        if not as_json:
            print(f"Deleted group {name}.")
    if as_json:
        print_json({"deleted": [*names]})
