"""`ottla config`: settings of topics, brokers and groups."""

from collections.abc import Iterable
from dataclasses import asdict
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated

import typer

from ottla.cli.connection import Connection, JsonOption, on_cluster, split_assignment
from ottla.cli.errors import CommandError, UsageError
from ottla.cli.output import print_fields, print_json, print_table, say, visible
from ottla.cli.requests.cluster import cluster_detail
from ottla.cli.requests.configs import ConfigValue, alter_config, describe_config
from ottla.cli.requests.topics import require_topics, topic_summaries

config = typer.Typer(help="Read and change settings of topics, brokers and groups.", no_args_is_help=True)


class Kind(StrEnum):
    """What has settings."""

    TOPIC = "topic"
    BROKER = "broker"
    GROUP = "group"


ALL = "all"
KindArgument = Annotated[
    Kind, typer.Argument(metavar="topic|broker|group", help="What the settings belong to.")
]
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of the topic or group, id of the broker; `all` means all brokers."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Let the broker check the request, change nothing.")
]


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(config, name="config")


@config.command("list", epilog="Example: ottla config list topic")
@on_cluster
def list_(connection: Connection, kind: KindArgument, as_json: JsonOption = False) -> None:
    """Show everything of a kind with the settings that were made on it."""
    made = {
        name or ALL: {
            one.name: one.value for one in describe_config(connection, kind, name) if one.is_set_here
        }
        for name in resource_names(connection, kind)
    }
    if as_json:
        print_json(made)
        return
    print_table(
        [kind.upper(), "SETTINGS"],
        [
            (name, ", ".join(f"{key}={value}" for key, value in one.items()) or None)
            for name, one in made.items()
        ],
    )


def resource_names(connection: Connection, kind: Kind) -> list[str]:
    """The names there are; the empty one stands for all brokers."""
    if kind is Kind.TOPIC:
        return [one.name for one in topic_summaries(connection)]
    if kind is Kind.BROKER:
        return ["", *(str(one.broker) for one in cluster_detail(connection).brokers)]
    from ottla.cli.requests.groups import group_summaries

    return [one.group for one in group_summaries(connection)]


@config.command(epilog="Example: ottla config describe topic orders retention.ms --synonyms")
@on_cluster
def describe(
    connection: Connection,
    kind: KindArgument,
    name: NameArgument,
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[SETTING]...", help="Only these settings.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also what stands at its default.")] = False,
    synonyms: Annotated[
        bool,
        typer.Option("--synonyms", help="Where else a value could come from, the one that counts first."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show settings, where each value comes from, and what it overrides."""
    values = describe_config(connection, kind, checked_name(connection, kind, name))
    if settings:
        values = [named_setting(values, setting, f"{kind} {name}") for setting in settings]
    elif not everything:
        values = [one for one in values if not one.is_default]
    if as_json:
        print_json([asdict(one) for one in values])
    elif not values:
        say(f"All settings of {kind} {name} are at their defaults; --all shows them.")
    else:
        show_values(values, synonyms=synonyms)


def checked_name(connection: Connection, kind: Kind, name: str) -> str:
    """The name as the request has it; raises where a topic does not exist or a broker id is no number."""
    if kind is Kind.TOPIC:
        require_topics(connection, [name])
    if kind is Kind.BROKER:
        if name == ALL:
            return ""
        brokers = {str(one.broker) for one in cluster_detail(connection).brokers}
        if name not in brokers:
            raise UsageError(
                f"there is no broker {name}",
                where=connection.bootstrap,
                remedy=f"choose from {', '.join(sorted(brokers))}, or all",
            )
    return name


def named_setting(values: Iterable[ConfigValue], setting: str, where: str) -> ConfigValue:
    """The setting of that name."""
    by_name = {one.name: one for one in values}
    if setting in by_name:
        return by_name[setting]
    close = get_close_matches(setting, by_name, n=1)
    raise CommandError(
        f"there is no setting {setting}",
        where=where,
        remedy=f"did you mean {close[0]}?" if close else f"`ottla config describe {where} --all` shows all",
    )


def show_values(values: list[ConfigValue], *, synonyms: bool) -> None:
    """Settings for people."""
    if not synonyms:
        print_table(["SETTING", "VALUE", "FROM"], [(one.name, shown(one), one.source) for one in values])
        return
    for number, one in enumerate(values):
        if number:
            print()
        print_fields(
            [
                ("Setting", one.name),
                ("Value", shown(one)),
                ("From", one.source),
                ("Can be changed", "no" if one.is_read_only else "yes"),
            ]
        )
        for synonym in one.synonyms:
            print(
                f"  {synonym.source}: {synonym.name}={'-' if synonym.value is None else visible(synonym.value)}"
            )


def shown(value: ConfigValue) -> str | None:
    """A value, or that it is hidden."""
    return "(hidden)" if value.is_sensitive and value.value is None else value.value


@config.command("set", epilog="Example: ottla config set topic orders retention.ms=86400000")
@on_cluster
def set_(
    connection: Connection,
    kind: KindArgument,
    name: NameArgument,
    assignments: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="Settings and their values.")
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set settings: all of them, or on an error none."""
    assign = dict(split_assignment(text, "ottla config set") for text in assignments)
    alter_config(
        connection, kind, checked_name(connection, kind, name), assign=assign, unset=(), validate_only=dry_run
    )
    if as_json:
        print_json({"kind": kind, "name": name, "set": assign, "dry_run": dry_run})
        return
    for key, value in assign.items():
        print(f"{key} {'could be' if dry_run else 'is now'} {value}.")


@config.command(epilog="Example: ottla config unset topic orders retention.ms")
@on_cluster
def unset(
    connection: Connection,
    kind: KindArgument,
    name: NameArgument,
    settings: Annotated[
        list[str], typer.Argument(metavar="KEY...", help="Settings that go back to their defaults.")
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take settings back: what lies below counts again."""
    resource = checked_name(connection, kind, name)
    values = describe_config(connection, kind, resource)
    if kind is not Kind.GROUP:
        for setting in settings:
            named_setting(values, setting, f"{kind} {name}")
    alter_config(connection, kind, resource, assign={}, unset=settings, validate_only=dry_run)
    if as_json:
        print_json({"kind": kind, "name": name, "unset": [*settings], "dry_run": dry_run})
        return
    for setting in settings:
        print(f"{setting} {'could be' if dry_run else 'is'} back to its default.")
