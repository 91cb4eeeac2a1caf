"""`ottla schema`: list, show, register, check, compare and delete schemas; dump and restore a registry."""

import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from difflib import unified_diff
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ottla.cli.commands.schema_acl import schema_acl
from ottla.cli.confirmation import confirm
from ottla.cli.connection import (
    DEFAULT_TIMEOUT_S,
    JsonOption,
    PropertyFileOption,
    TimeoutOption,
    read_property_file,
    split_assignment,
)
from ottla.cli.errors import CommandError, UsageError
from ottla.cli.output import (
    console,
    counted,
    print_fields,
    print_json,
    print_table,
    say,
    visible,
    visible_lines,
)
from ottla.cli.progress import counting
from ottla.cli.requests.registry_copies import read_copy, read_registry, restore, write_copy
from ottla.cli.requests.registry_http import DEFAULT_REGISTRY, Registry
from ottla.cli.requests.schemas import (
    ALL_CONTEXTS,
    NewSchema,
    SchemaReference,
    SchemaVersion,
    all_versions,
    check_schema,
    delete_versions,
    register_schema,
    schema_by_id,
    subject_version,
)
from ottla.cli.shared_options import with_options

schema = typer.Typer(
    help="List, show, register, check, compare and delete schemas; dump and restore a registry.",
    no_args_is_help=True,
)
schema.add_typer(schema_acl, name="acl")


class SchemaType(StrEnum):
    """The types as they are typed."""

    AVRO = "avro"
    JSON = "json"
    PROTOBUF = "protobuf"


TYPES_BY_SUFFIX = {".avsc": SchemaType.AVRO, ".json": SchemaType.JSON, ".proto": SchemaType.PROTOBUF}

RegistryOption = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="URL",
        envvar="OTTLA_REGISTRY",
        help="Where the registry is.",
        rich_help_panel="Connection",
    ),
]
SubjectArgument = Annotated[str, typer.Argument(metavar="SUBJECT", help="Name of the subject.")]
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The schema: .avsc, .json or .proto; - reads standard input.")
]
TypeOption = Annotated[
    SchemaType | None, typer.Option("--type", help="The schema's type, if the file's name does not tell.")
]
ReferencesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="NAME=SUBJECT:VERSION",
        help="What the schema refers to: the name in its text, and where it is registered. May be repeated.",
    ),
]
NormalizeOption = Annotated[
    bool, typer.Option("--normalize", help="Take spellings of one meaning for one schema.")
]

CONNECTION_OPTIONS = (
    ("url", RegistryOption, DEFAULT_REGISTRY),
    ("property_file", PropertyFileOption, None),
    ("timeout_s", TimeoutOption, DEFAULT_TIMEOUT_S),
)


def register(application: typer.Typer) -> None:
    """Add the command to the application."""
    application.add_typer(schema, name="schema")


def on_registry(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function whose first argument is a `Registry`: the options that describe one are added."""
    return with_options(command, CONNECTION_OPTIONS, lambda *described: closing(connect(*described)))


def connect(url: str, property_file: Path | None, timeout_s: float) -> Registry:
    """The registry that the options, the environment and the file describe. Nothing is sent yet."""
    import os

    settings = (
        {name: str(value) for name, value in read_property_file(property_file).items()}
        if property_file
        else {}
    )
    if url == DEFAULT_REGISTRY:
        url = settings.get("schema.registry.url", settings.get("url", url)).partition(",")[0]
    user_info = settings.get("basic.auth.user.info", settings.get("schema.registry.basic.auth.user.info"))
    ca_file = settings.get("ssl.ca.location")
    return Registry(
        url,
        timeout_s,
        os.environ.get("OTTLA_REGISTRY_USER", user_info),
        os.environ.get("OTTLA_REGISTRY_TOKEN", settings.get("bearer.auth.token")),
        Path(ca_file) if ca_file else None,
    )


@schema.command("list", epilog="Example: ottla schema list --prefix orders --json")
@on_registry
def list_(
    registry: Registry,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="TEXT", help="Subjects that begin with it only.")
    ] = "",
    deleted: Annotated[
        bool, typer.Option("--deleted", help="What is deleted, yet not for good, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the subjects with their latest version, its id and its type."""
    latest = list(all_versions(registry, prefix=prefix or ALL_CONTEXTS, deleted=deleted, latest_only=True))
    latest.sort(key=lambda one: one.key)
    if as_json:
        print_json([summary_json(one) for one in latest])
    elif latest:
        print_table(
            ["SUBJECT", "#VERSION", "#ID", "TYPE"],
            [(one.subject, one.version, one.id, one.type) for one in latest],
        )
    else:
        say("There are no schemas yet; `ottla schema register SUBJECT FILE` adds one.")


def summary_json(one: SchemaVersion) -> dict[str, object]:
    """A version without its text."""
    return {"subject": one.subject, "version": one.version, "id": one.id, "type": one.type}


@schema.command(epilog="Example: ottla schema show orders-value 3")
@on_registry
def show(
    registry: Registry,
    subject: Annotated[
        str | None, typer.Argument(metavar="[SUBJECT]", help="Name of the subject.", show_default=False)
    ] = None,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="A number, or latest.")] = "latest",
    schema_id: Annotated[
        int | None, typer.Option("--id", metavar="ID", help="The schema of an id, instead of a subject's.")
    ] = None,
    text_format: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="resolved, serialized or ignore_extensions."),
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Even if it is deleted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a schema and what is known about it."""
    if (subject is None) == (schema_id is None):
        raise UsageError(
            "a subject or an id says which schema",
            where="ottla schema show",
            remedy="give SUBJECT or --id ID",
        )
    if subject is not None:
        show_version(
            subject_version(registry, subject, version, text_format=text_format, deleted=deleted), as_json
        )
        return
    found, used = schema_by_id(registry, schema_id or 0, text_format=text_format)
    if as_json:
        places = [{"subject": name, "version": number} for name, number in used]
        print_json({"id": schema_id, **asdict(found), "versions": places})
        return
    one = SchemaVersion("", 0, schema_id or 0, found.type, found.schema, found.references)
    places_text = ", ".join(f"{name} {number}" for name, number in used)
    print_fields([("Id", one.id), ("Type", one.type), ("Registered as", places_text or "nothing any more")])
    show_text(one)


def show_version(one: SchemaVersion, as_json: bool) -> None:
    """A version for people, or as JSON."""
    if as_json:
        print_json(asdict(one))
        return
    print_fields([("Subject", one.subject), ("Version", one.version), ("Id", one.id), ("Type", one.type)])
    show_text(one)


def show_text(one: SchemaVersion) -> None:
    """What the schema refers to, and its text."""
    if one.references:
        refers = ", ".join(f"{each.name} = {each.subject} {each.version}" for each in one.references)
        print_fields([("Refers to", refers)])
    print()
    print(visible_lines(one.readable))


@schema.command("register", epilog="Example: ottla schema register orders-value order.avsc")
@on_registry
def register_(
    registry: Registry,
    subject: SubjectArgument,
    file: FileArgument,
    schema_type: TypeOption = None,
    references: ReferencesOption = None,
    normalize: NormalizeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Register a schema under a subject. One that is registered already keeps its version and id."""
    version = register_schema(
        registry, subject, read_schema(file, schema_type, references), normalize=normalize
    )
    if as_json:
        print_json(summary_json(version))
    else:
        print(f"{version.type} schema is version {version.version} of {subject}, id {version.id}.")


def read_schema(file: Path, schema_type: SchemaType | None, references: list[str] | None) -> NewSchema:
    """The schema in a file, of the type that its name tells."""
    chosen = schema_type or TYPES_BY_SUFFIX.get(file.suffix.lower())
    if chosen is None:
        raise UsageError(
            "what type of schema this is cannot be told",
            where=str(file),
            remedy="add --type avro, --type json or --type protobuf",
        )
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"the schema cannot be read: {reason}", where=str(file), remedy="give a readable file"
        ) from None
    return NewSchema(chosen.value.upper(), text, tuple(parse_reference(one) for one in references or ()))


def parse_reference(text: str) -> SchemaReference:
    """Read `NAME=SUBJECT:VERSION`; a version left out is the latest."""
    name, target = split_assignment(text, "--reference")
    subject, colon, version = target.rpartition(":")
    try:
        return (
            SchemaReference(name, subject, int(version))
            if colon and subject
            else SchemaReference(name, target, -1)
        )
    except ValueError:
        raise UsageError(
            f"{version!r} is no version", where="--reference", remedy="write e.g. money.proto=money:2"
        ) from None


@schema.command(epilog="Example: ottla schema check orders-value order.avsc --against all")
@on_registry
def check(
    registry: Registry,
    subject: SubjectArgument,
    file: FileArgument,
    schema_type: TypeOption = None,
    references: ReferencesOption = None,
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="VERSION", help="A number, latest, or all that the level asks for."
        ),
    ] = "latest",
    normalize: NormalizeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell whether a schema could be registered, and if not, what is in the way. Exits with 1 then."""
    new = read_schema(file, schema_type, references)
    verdict = check_schema(registry, subject, new, against, normalize=normalize)
    if as_json:
        print_json(asdict(verdict))
    elif verdict.is_compatible:
        print(f"The schema may follow {against_text(against)} of {subject}.")
    else:
        print(f"The schema may not follow {against_text(against)} of {subject}:")
        for message in verdict.messages:
            print(f"  {visible(message)}")
    if not verdict.is_compatible:
        raise typer.Exit(1)


def against_text(against: str) -> str:
    """Which versions a schema was checked against, in words."""
    return {"all": "the versions", "latest": "the latest version"}.get(against, f"version {against}")


@schema.command(epilog="Example: ottla schema diff orders-value 3 4")
@on_registry
def diff(
    registry: Registry,
    subject: SubjectArgument,
    first: Annotated[str, typer.Argument(metavar="VERSION", help="A number, or latest.")],
    second: Annotated[str, typer.Argument(metavar="[VERSION]", help="A number, or latest.")] = "latest",
    context: Annotated[
        int, typer.Option("--context", metavar="LINES", min=0, help="How many lines around a change.")
    ] = 3,
    as_json: JsonOption = False,
) -> None:
    """Show what is different between two versions, line by line, in colours on a terminal."""
    before, after = (subject_version(registry, subject, one, deleted=True) for one in (first, second))
    lines = list(
        unified_diff(
            before.readable.splitlines(),
            after.readable.splitlines(),
            f"{subject} {before.version}",
            f"{subject} {after.version}",
            n=context,
            lineterm="",
        )
    )
    if as_json:
        print_json({"subject": subject, "versions": [before.version, after.version], "diff": lines})
    elif lines:
        print_diff(lines)
    else:
        say(f"Versions {before.version} and {after.version} of {subject} have the same text.")


def print_diff(lines: list[str]) -> None:
    """Lines of a diff: what is gone in red, what is new in green."""
    from rich.text import Text

    out = console()
    for line in lines:
        out.print(Text(visible_lines(line), style=diff_style(line)), soft_wrap=True)


def diff_style(line: str) -> str:
    """The colour of a line."""
    if line.startswith(("---", "+++")):
        return "bold"
    return {"-": "red", "+": "green", "@": "cyan"}.get(line[:1], "")


@schema.command(epilog="Example: ottla schema delete orders-value --version 3 --yes")
@on_registry
def delete(
    registry: Registry,
    subject: SubjectArgument,
    version: Annotated[
        str | None, typer.Option("--version", metavar="VERSION", help="This one only: a number, or latest.")
    ] = None,
    permanent: Annotated[
        bool, typer.Option("--permanent", help="For good: what is deleted already, its ids with it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete a version or a whole subject. Data can still be read until it is deleted with --permanent as well."""
    what = f"all versions of {subject}" if version is None else f"version {version} of {subject}"
    confirm(f"Delete {what}{' for good' if permanent else ''}?", yes=yes)
    gone = delete_versions(registry, subject, version, permanent=permanent)
    if as_json:
        print_json({"subject": subject, "deleted": gone, "permanent": permanent})
    else:
        print(f"Deleted {what}{' for good' if permanent else ''}: {', '.join(map(str, gone))}.")


@schema.command(epilog="Example: ottla schema dump registry.jsonl")
@on_registry
def dump(
    registry: Registry,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write; - writes to standard output.")
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Even if the file is there already.")
    ] = False,
) -> None:
    """Write all of a registry to one file: schemas, ids, levels and modes."""
    to_screen = str(file) == "-"
    if not to_screen and file.exists() and not overwrite:
        raise UsageError(
            "the file is there already", where=str(file), remedy="name another, or add --overwrite"
        )
    with counting("reading") as count:
        copy = read_registry(registry, lambda: count.add(1, 0))
    if to_screen:
        write_copy(copy, registry.url, sys.stdout)
    else:
        try:
            with file.open("w", encoding="utf-8") as out:
                write_copy(copy, registry.url, out)
        except OSError as error:
            raise CommandError(f"the file cannot be written: {error.strerror}", where=str(file)) from None
        say(f"Wrote {counted(len(copy.versions), 'schema version')} to {file}.")


@schema.command("restore", epilog="Example: ottla schema restore registry.jsonl --registry http://new:8081")
@on_registry
def restore_(
    registry: Registry,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `ottla schema dump` wrote; - reads it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if the registry holds schemas already; they stay.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a dumped registry into this one, with the same ids and versions."""
    try:
        if str(file) == "-":
            copy = read_copy(sys.stdin, "standard input")
        else:
            with file.open(encoding="utf-8") as lines:
                copy = read_copy(lines, str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the copy cannot be read: {reason}", where=str(file)) from None
    if not force and next(all_versions(registry, prefix=ALL_CONTEXTS, deleted=True), None) is not None:
        raise CommandError(
            "the registry is not empty",
            where=registry.url,
            remedy="restore into a new one; --force adds to what is there",
        )
    with counting("restoring", total=len(copy.versions)) as count:
        restore(registry, copy, force=force, report=lambda _: count.add(1, 0))
    if as_json:
        print_json(
            {
                "schemas": len(copy.versions),
                "deleted": len(copy.deleted),
                "configs": len(copy.configs),
                "modes": len(copy.modes),
            }
        )
    else:
        print(f"Restored {counted(len(copy.versions), 'schema version')} into {registry.url}.")
