"""`ottla schema acl`: who may do what with which subject of a registry."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ottla.cli.connection import Connection, JsonOption, on_cluster
from ottla.cli.errors import UsageError
from ottla.cli.output import counted, print_json, print_table, say
from ottla.cli.requests.schema_rules import DEFAULT_TOPIC, add_rules, remove_rules, rules_in
from ottla.registry.acls import EVERYTHING, AclRule, InvalidRuleError, Operation, rules_for

schema_acl = typer.Typer(
    help="Who may do what with which subject, where the registry asks for rights: list, add and remove rules. They are written "
    "to the registry's topic, so the cluster has to be reached, not the registry.",
    no_args_is_help=True,
)

TopicOption = Annotated[
    str,
    typer.Option(
        "--acl-topic",
        metavar="TOPIC",
        help="Where the registry has its rules: `confluent.schema.registry.acl.topic`.",
    ),
]
OperationsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="OPERATION...",
        help=f"What may be done, with blanks or colons between: {', '.join(Operation)}; {EVERYTHING} for all.",
    ),
]
PrincipalOption = Annotated[
    str, typer.Option("--principal", "-p", metavar="NAME", help="Whom the rule is about; `*` means everyone.")
]
SubjectsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--subject",
        "-s",
        metavar="SUBJECT",
        help="A subject, `orders-*` for all that begin so, `*` for all. May be repeated.",
    ),
]
TopicsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--topic", "-t", metavar="TOPIC", help="The subjects of a topic's keys and values. May be repeated."
    ),
]


@schema_acl.command("list", epilog="Example: ottla schema acl list --principal alice")
@on_cluster
def list_(
    connection: Connection,
    principal: Annotated[
        str | None, typer.Option("--principal", "-p", metavar="NAME", help="Only rules about this principal.")
    ] = None,
    acl_topic: TopicOption = DEFAULT_TOPIC,
    as_json: JsonOption = False,
) -> None:
    """Show the rules."""
    rules = [rule for rule in rules_in(connection, acl_topic).rules() if principal in (None, rule.principal)]
    show(rules, as_json=as_json)


@schema_acl.command(
    epilog="Examples: ottla schema acl add SUBJECT_READ:SUBJECT_WRITE --principal alice --subject orders-value · "
    "ottla schema acl add GLOBAL_READ --principal alice · ottla schema acl add '*' --principal admin --subject '*'"
)
@on_cluster
def add(
    connection: Connection,
    operations: OperationsArgument,
    principal: PrincipalOption,
    subjects: SubjectsOption = None,
    topics: TopicsOption = None,
    acl_topic: TopicOption = DEFAULT_TOPIC,
    as_json: JsonOption = False,
) -> None:
    """Let somebody do something; global operations need no subject."""
    changed = add_rules(connection, acl_topic, meant(operations, principal, subjects, topics))
    show(changed, as_json=as_json)


@schema_acl.command(
    epilog="Example: ottla schema acl remove SUBJECT_WRITE --principal alice --subject orders-value"
)
@on_cluster
def remove(
    connection: Connection,
    operations: OperationsArgument,
    principal: PrincipalOption,
    subjects: SubjectsOption = None,
    topics: TopicsOption = None,
    acl_topic: TopicOption = DEFAULT_TOPIC,
    as_json: JsonOption = False,
) -> None:
    """Take away what a rule allows; the rest of it stays."""
    changed = remove_rules(connection, acl_topic, meant(operations, principal, subjects, topics))
    show([rule for rule in changed if rule.operations], as_json=as_json)
    if not as_json:
        say(f"{counted(len(changed), 'rule')} changed")


def meant(
    operations: Sequence[str],
    principal: str,
    subjects: Sequence[str] | None,
    topics: Sequence[str] | None,
) -> list[AclRule]:
    """The rules that a command line names, each place once."""
    names = [name for words in operations for name in words.split(":") if name]
    places: list[str | None] = [*(subjects or ())]
    places += [f"{topic}-{part}" for topic in topics or () for part in ("key", "value")]
    try:
        rules = [rule for place in places or [None] for rule in rules_for(principal, place, names)]
    except InvalidRuleError as error:
        raise UsageError(
            str(error), where="ottla schema acl", remedy="`ottla schema acl add --help` has examples"
        ) from None
    return list({rule.place: rule for rule in rules}.values())


def show(rules: Sequence[AclRule], *, as_json: bool) -> None:
    """A table, or a list of objects."""
    if as_json:
        print_json(
            [
                {"principal": rule.principal, "subject": rule.subject, "operations": sorted(rule.operations)}
                for rule in rules
            ]
        )
    else:
        print_table(
            ("PRINCIPAL", "SUBJECT", "OPERATIONS"),
            [(rule.principal, rule.subject, " ".join(sorted(rule.operations))) for rule in rules],
        )
