"""`ottla acl`: access rules."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from ottla.cli.confirmation import confirm
from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.errors import UsageError
from ottla.cli.output import counted, print_json, print_table, say
from ottla.cli.requests.acls import (
    ANY,
    CLUSTER_NAME,
    OPERATIONS,
    AccessRule,
    RuleFilter,
    access_rules,
    add_access_rules,
    remove_access_rules,
)

acl = typer.Typer(help="List, add and remove access rules (ACLs).", no_args_is_help=True)


class Pattern(StrEnum):
    """What a rule's name stands for."""

    LITERAL = "literal"
    PREFIXED = "prefixed"


class PatternChoice(StrEnum):
    """Which patterns are listed or removed."""

    ANY = "any"
    MATCH = "match"
    LITERAL = "literal"
    PREFIXED = "prefixed"


TopicsOption = Annotated[
    list[str] | None, typer.Option("--topic", metavar="NAME", help="A topic; `*` means all. May be repeated.")
]
GroupsOption = Annotated[list[str] | None, typer.Option("--group", metavar="NAME", help="A group, likewise.")]
TransactionalIdsOption = Annotated[
    list[str] | None, typer.Option("--transactional-id", metavar="ID", help="A transactional id, likewise.")
]
TokensOption = Annotated[
    list[str] | None, typer.Option("--delegation-token", metavar="ID", help="A delegation token, likewise.")
]
UsersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--user-principal",
        metavar="User:NAME",
        help="A user whom others make tokens for, or look at those of. May be repeated.",
    ),
]
ClusterOption = Annotated[bool, typer.Option("--cluster", help="The cluster as a whole.")]
PatternOption = Annotated[
    PatternChoice,
    typer.Option(
        "--pattern",
        help="How names are written in the rules; `match`: all rules that would hold for a resource of this name.",
    ),
]
PrincipalFilter = Annotated[
    str | None, typer.Option("--principal", metavar="User:NAME", help="Only rules about this principal.")
]
HostFilter = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="Only rules about this host.")
]
OperationsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OPERATION]...", help=f"What may be done: {', '.join(OPERATIONS)}."),
]


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(acl, name="acl")


@acl.command("list", epilog="Example: ottla acl list --topic orders --pattern match")
@on_cluster
def list_(
    connection: Connection,
    topics: TopicsOption = None,
    groups: GroupsOption = None,
    transactional_ids: TransactionalIdsOption = None,
    delegation_tokens: TokensOption = None,
    users: UsersOption = None,
    cluster: ClusterOption = False,
    pattern: PatternOption = PatternChoice.ANY,
    principal: PrincipalFilter = None,
    host: HostFilter = None,
    as_json: JsonOption = False,
) -> None:
    """Show rules: all of them, or those about the resources and principal that are named."""
    resources = named_resources(topics, groups, transactional_ids, delegation_tokens, users, cluster=cluster)
    wanted = filters(resources, pattern, checked_principal(principal), host)
    rules = sorted({rule for each in wanted for rule in access_rules(connection, each)})
    show_rules(rules, as_json=as_json)


@acl.command(
    epilog="Examples: ottla acl add User:alice read --topic orders --group reports · "
    "ottla acl add User:alice --producer --topic orders- --prefixed"
)
@on_cluster
def add(
    connection: Connection,
    principal: Annotated[
        str, typer.Argument(metavar="User:NAME", help="Whom the rule is about; `User:*` means everyone.")
    ],
    operations: OperationsArgument = None,
    topics: TopicsOption = None,
    groups: GroupsOption = None,
    transactional_ids: TransactionalIdsOption = None,
    delegation_tokens: TokensOption = None,
    users: UsersOption = None,
    cluster: ClusterOption = False,
    prefixed: Annotated[
        bool, typer.Option("--prefixed", help="Names stand for all that begin with them.")
    ] = False,
    hosts: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="ADDRESS", help="From where; anywhere if not given. May be repeated."),
    ] = None,
    deny: Annotated[bool, typer.Option("--deny", help="Forbid, which wins over whatever allows.")] = False,
    producer: Annotated[
        bool, typer.Option("--producer", help="What producers need: write, describe and create on topics.")
    ] = False,
    consumer: Annotated[
        bool,
        typer.Option("--consumer", help="What consumers need: read and describe on topics, read on groups."),
    ] = False,
    idempotent: Annotated[
        bool, typer.Option("--idempotent", help="With --producer: idempotent-write on the cluster too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make rules: each operation on each resource, from each host."""
    resources = named_resources(topics, groups, transactional_ids, delegation_tokens, users, cluster=cluster)
    pairs = [
        *((checked_operation(each), resource) for each in operations or () for resource in resources),
        *_producer_needs(resources, idempotent=idempotent, wanted=producer),
        *_consumer_needs(resources, wanted=consumer),
    ]
    if not pairs:
        raise UsageError(
            "there is nothing to make a rule of",
            where="ottla acl add",
            remedy="name operations and resources, e.g. `ottla acl add User:alice read --topic orders`, or use "
            "--producer or --consumer with the topics",
        )
    pattern = Pattern.PREFIXED if prefixed else Pattern.LITERAL
    rules = sorted(
        {
            AccessRule(
                resource_type=resource_type,
                name=name,
                pattern=Pattern.LITERAL if resource_type == "cluster" else pattern,
                principal=checked_principal(principal) or "",
                host=host,
                operation=operation,
                permission="deny" if deny else "allow",
            )
            for operation, (resource_type, name) in pairs
            for host in hosts or ["*"]
        }
    )
    add_access_rules(connection, rules)
    show_rules(rules, as_json=as_json)


@acl.command(epilog="Example: ottla acl remove --topic orders --principal User:alice")
@on_cluster
def remove(
    connection: Connection,
    operations: OperationsArgument = None,
    topics: TopicsOption = None,
    groups: GroupsOption = None,
    transactional_ids: TransactionalIdsOption = None,
    delegation_tokens: TokensOption = None,
    users: UsersOption = None,
    cluster: ClusterOption = False,
    pattern: PatternOption = PatternChoice.LITERAL,
    principal: PrincipalFilter = None,
    host: HostFilter = None,
    everything: Annotated[bool, typer.Option("--all", help="All rules that there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take rules away: all that match what is given."""
    resources = named_resources(topics, groups, transactional_ids, delegation_tokens, users, cluster=cluster)
    if not everything and not resources and principal is None and host is None and not operations:
        raise UsageError(
            "nothing says which rules to take away",
            where="ottla acl remove",
            remedy="name a resource or a principal; --all takes away every rule",
        )
    chosen = pattern if resources else PatternChoice.ANY
    wanted = [
        each
        for operation in map(checked_operation, operations or [ANY])
        for each in filters(resources, chosen, checked_principal(principal), host, operation)
    ]
    if not yes:
        doomed = sorted({rule for each in wanted for rule in access_rules(connection, each)})
        if not doomed:
            show_rules([], as_json=as_json)
            return
        if not as_json:
            show_rules(doomed, as_json=False)
        confirm(f"Take {counted(len(doomed), 'rule')} away?", yes=False)
    removed = remove_access_rules(connection, wanted)
    if as_json:
        print_json([asdict(one) for one in removed])
    else:
        print(f"{counted(len(removed), 'rule')} taken away.")


def named_resources(
    topics: Sequence[str] | None,
    groups: Sequence[str] | None,
    transactional_ids: Sequence[str] | None,
    delegation_tokens: Sequence[str] | None,
    users: Sequence[str] | None,
    *,
    cluster: bool,
) -> list[tuple[str, str]]:
    """Type and name of each resource, as they were given."""
    return [
        *(("topic", name) for name in topics or ()),
        *(("group", name) for name in groups or ()),
        *(("transactional-id", name) for name in transactional_ids or ()),
        *(("delegation-token", name) for name in delegation_tokens or ()),
        *(("user", name if name == "*" else checked_principal(name) or "") for name in users or ()),
        *([("cluster", CLUSTER_NAME)] if cluster else []),
    ]


def filters(
    resources: Sequence[tuple[str, str]],
    pattern: PatternChoice,
    principal: str | None,
    host: str | None,
    operation: str = ANY,
) -> list[RuleFilter]:
    """A filter for each resource, or one for all there are."""
    named: Sequence[tuple[str, str | None]] = resources or [(ANY, None)]
    return [
        RuleFilter(resource_type, name, pattern, principal, host, operation) for resource_type, name in named
    ]


def checked_operation(operation: str) -> str:
    """The operation in our spelling; raises for a word that is none."""
    word = operation.lower().replace("_", "-")
    if word not in (*OPERATIONS, ANY):
        raise UsageError(
            f"{operation!r} is no operation", where="OPERATION", remedy=f"one of {', '.join(OPERATIONS)}"
        )
    return word


def checked_principal(principal: str | None) -> str | None:
    """Raises unless it has a type."""
    if principal is not None and not all(principal.partition(":")):
        raise UsageError(
            f"{principal!r} is no principal", where="User:NAME", remedy=f"write User:{principal.strip(':')}"
        )
    return principal


def show_rules(rules: Sequence[AccessRule], *, as_json: bool) -> None:
    """Rules for people, or for scripts."""
    if as_json:
        print_json([asdict(one) for one in rules])
    elif not rules:
        say("There are no such rules.")
    else:
        print_table(
            ["RESOURCE", "NAME", "PATTERN", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION"],
            [
                (
                    one.resource_type,
                    one.name,
                    one.pattern,
                    one.principal,
                    one.host,
                    one.operation,
                    one.permission,
                )
                for one in rules
            ],
        )


def _producer_needs(
    resources: Sequence[tuple[str, str]], *, idempotent: bool, wanted: bool
) -> Iterator[tuple[str, tuple[str, str]]]:
    """As Apache's `kafka-acls --producer` makes them."""
    if idempotent and not wanted:
        raise UsageError(
            "--idempotent goes with --producer",
            where="ottla acl add",
            remedy="or name the operation: `ottla acl add User:alice idempotent-write --cluster`",
        )
    for resource in resources if wanted else ():
        if resource[0] == "topic":
            yield from ((operation, resource) for operation in ("write", "describe", "create"))
        elif resource[0] == "transactional-id":
            yield from ((operation, resource) for operation in ("write", "describe"))
    if idempotent:
        yield "idempotent-write", ("cluster", CLUSTER_NAME)


def _consumer_needs(
    resources: Sequence[tuple[str, str]], *, wanted: bool
) -> Iterator[tuple[str, tuple[str, str]]]:
    """As Apache's `kafka-acls --consumer` makes them."""
    for resource in resources if wanted else ():
        if resource[0] == "topic":
            yield from ((operation, resource) for operation in ("read", "describe"))
        elif resource[0] == "group":
            yield "read", resource
