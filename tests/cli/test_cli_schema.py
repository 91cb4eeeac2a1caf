"""`ottla schema` against a running registry: what people and scripts see, and a registry copied into another one."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from brokers import Broker
from ottla.cli.commands.schema import diff_style
from ottla.cli.main import main
from ottla.cli.requests.registry_copies import read_copy, read_registry
from ottla.cli.requests.registry_http import Registry
from ottla.cli.requests.schemas import SchemaReference, SchemaVersion, in_order_of_references
from registries import RegistryProcess

ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
LONGER = {**ORDER, "fields": [*ORDER["fields"], {"name": "note", "type": "string", "default": ""}]}
BROKEN = {**ORDER, "fields": [*ORDER["fields"], {"name": "note", "type": "string"}]}
MONEY = 'syntax = "proto3";\npackage money;\n\nmessage Amount {\n  int64 cents = 1;\n}\n'
PRICE = 'syntax = "proto3";\n\nimport "money.proto";\n\nmessage Price {\n  money.Amount amount = 1;\n}\n'


@pytest.fixture(scope="module")
def start(
    broker: Broker, tmp_path_factory: pytest.TempPathFactory, unique_name: Callable[[str], str]
) -> Iterator[Callable[[], RegistryProcess]]:
    """Starts registries, each with a topic of its own."""
    started: list[RegistryProcess] = []

    def run() -> RegistryProcess:
        name = unique_name("cli-registry")
        place = {"kafkastore.topic": f"_schemas-{name}", "schema.registry.group.id": name}
        output = tmp_path_factory.mktemp("registry") / "output.log"
        started.append(RegistryProcess(broker.bootstrap_servers, output, place))
        return started[-1].start()

    yield run
    for each in started:
        each.kill()


@pytest.fixture(scope="module")
def url(start: Callable[[], RegistryProcess]) -> str:
    """A registry that the tests of this module share, each with subjects of its own."""
    return start().url


@pytest.fixture
def ottla(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Runs `ottla WORDS` on the shared registry, in a folder with the schemas above; answers what was printed."""
    for name, text in (
        ("order.avsc", json.dumps(ORDER)),
        ("longer.avsc", json.dumps(LONGER)),
        ("broken.avsc", json.dumps(BROKEN)),
        ("money.proto", MONEY),
        ("price.proto", PRICE),
        ("order.json", '{"type": "object"}'),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(words: str, *, exit_code: int = 0, registry: str = url) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = main([*words.split(), "--registry", registry])
        out, err = capfd.readouterr()
        assert code == exit_code, (out, err)
        return subprocess.CompletedProcess(words, code, out, err)

    return run


def test_a_schema_is_registered_shown_and_listed(ottla, unique_name: Callable[[str], str]) -> None:
    """The way of a schema from a file into the registry and back onto the screen."""
    subject = unique_name("orders")
    made = json.loads(ottla(f"schema register {subject} order.avsc --json").stdout)
    assert made == {"subject": subject, "version": 1, "id": made["id"], "type": "AVRO"}
    again = ottla(f"schema register {subject} order.avsc").stdout
    assert again == f"AVRO schema is version 1 of {subject}, id {made['id']}.\n"
    shown = ottla(f"schema show {subject}").stdout
    assert shown.startswith(f"Subject  {subject}\nVersion  1\nId       {made['id']}\nType     AVRO\n\n{{\n")
    assert json.loads(shown[shown.index("{") :]) == ORDER
    by_id = json.loads(ottla(f"schema show --id {made['id']} --json").stdout)
    assert {"subject": subject, "version": 1} in by_id["versions"]
    listed = json.loads(ottla(f"schema list --prefix {subject} --json").stdout)
    assert listed == [made]
    table = ottla(f"schema list --prefix {subject}").stdout.splitlines()
    assert table[0].split() == ["SUBJECT", "VERSION", "ID", "TYPE"]
    assert table[1].split() == [subject, "1", str(made["id"]), "AVRO"]


def test_a_schema_is_checked_and_what_is_in_the_way_is_told(ottla, unique_name: Callable[[str], str]) -> None:
    """A script sees it by the exit code; registering fails with the same words."""
    subject = unique_name("checked")
    ottla(f"schema register {subject} order.avsc")
    assert (
        ottla(f"schema check {subject} longer.avsc").stdout
        == f"The schema may follow the latest version of {subject}.\n"
    )
    refused = ottla(f"schema check {subject} broken.avsc --against all", exit_code=1).stdout
    assert refused.startswith(f"The schema may not follow the versions of {subject}:\n")
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in refused
    verdict = json.loads(ottla(f"schema check {subject} broken.avsc --json", exit_code=1).stdout)
    assert verdict["is_compatible"] is False
    error = ottla(f"schema register {subject} broken.avsc", exit_code=1).stderr
    assert "incompatible" in error
    assert "ottla schema check" in error


def test_versions_are_compared_line_by_line(ottla, unique_name: Callable[[str], str]) -> None:
    """As diff shows files: schemas written on one line are spread first."""
    subject = unique_name("compared")
    ottla(f"schema register {subject} order.avsc")
    ottla(f"schema register {subject} longer.avsc")
    lines = ottla(f"schema diff {subject} 1").stdout.splitlines()
    assert lines[:2] == [f"--- {subject} 1", f"+++ {subject} 2"]
    assert '+      "name": "note",' in lines
    assert not [line for line in lines[2:] if line.startswith("-") and "}" not in line]
    told = json.loads(ottla(f"schema diff {subject} 2 1 --json").stdout)
    assert told["versions"] == [2, 1]
    assert '-      "name": "note",' in told["diff"]
    assert "have the same text" in ottla(f"schema diff {subject} 2 latest").stderr


def test_a_diff_has_colours() -> None:
    """Red is gone, green is new."""
    assert [diff_style(line) for line in ("--- a", "+++ b", "@@ 1", "-x", "+x", " x", "")] == [
        "bold", "bold", "cyan", "red", "green", "", "",
    ]  # fmt: skip


def test_a_schema_refers_to_another(ottla, unique_name: Callable[[str], str]) -> None:
    """What is referred to can't be deleted, and the error tells what to do."""
    money, price = unique_name("money"), unique_name("price")
    ottla(f"schema register {money} money.proto")
    reference = f"--reference money.proto={money}:1"
    assert "version 1" in ottla(f"schema register {price} price.proto {reference}").stdout
    shown = ottla(f"schema show {price}").stdout
    assert f"Refers to  money.proto = {money} 1" in shown
    assert shown.endswith(PRICE)
    error = ottla(f"schema delete {money} --yes", exit_code=1).stderr
    assert "delete what refers to it first" in error
    missing = ottla(
        f"schema register {price} price.proto --reference money.proto={money}:9", exit_code=1
    ).stderr
    assert "error:" in missing


def test_a_subject_is_deleted_and_then_for_good(ottla, unique_name: Callable[[str], str]) -> None:
    """In two steps, as data may still need the schema."""
    subject = unique_name("deleted")
    ottla(f"schema register {subject} order.avsc")
    ottla(f"schema register {subject} longer.avsc")
    assert (
        ottla(f"schema delete {subject} --version 1 --yes").stdout == f"Deleted version 1 of {subject}: 1.\n"
    )
    early = ottla(f"schema delete {subject} --permanent --yes", exit_code=1).stderr
    assert "without --permanent first" in early
    assert json.loads(ottla(f"schema delete {subject} --yes --json").stdout)["deleted"] == [2]
    assert "ottla schema list" in ottla(f"schema show {subject}", exit_code=1).stderr
    assert subject in ottla(f"schema list --prefix {subject} --deleted").stdout
    assert ottla(f"schema show {subject} 2 --deleted").stdout
    assert "for good: 1, 2." in ottla(f"schema delete {subject} --permanent --yes").stdout
    assert ottla(f"schema list --prefix {subject} --deleted").stdout == ""


@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        ("schema show", 2, ["a subject or an id", "--id"]),
        ("schema show no-such-subject", 1, ["no-such-subject", "ottla schema list"]),
        ("schema register s nothing.avsc", 2, ["cannot be read: No such file", "nothing.avsc"]),
        ("schema register s order.txt", 2, ["type of schema", "--type avro"]),
        ("schema register s order.avsc --reference x", 2, ["not of the form KEY=VALUE", "--reference"]),
        ("schema register s order.avsc --reference x=y:z", 2, ["'z' is no version"]),
        ("schema delete s", 2, ["no terminal to ask at", "--yes"]),
        ("schema dump order.avsc", 2, ["is there already", "--overwrite"]),
        ("schema restore order.avsc", 2, ["no copy of a registry", "order.avsc line 1"]),
    ],
)  # fmt: skip
def test_wrong_input_is_told(ottla, words: str, exit_code: int, told: list[str]) -> None:
    """What, where, and what to do."""
    error = ottla(words, exit_code=exit_code).stderr
    for text in told:
        assert text in error


@pytest.mark.parametrize(
    ("address", "exit_code", "told"),
    [
        (
            "http://127.0.0.1:1",
            3,
            ["no registry can be reached", "refused", "http://127.0.0.1:1", "ottla up"],
        ),
        ("ftp://127.0.0.1", 2, ["no address of a registry"]),
        ("http://127.0.0.1:http", 2, ["no address of a registry"]),
        ("http://me:secret@127.0.0.1:1", 3, ["where: http://127.0.0.1:1\n"]),
    ],
)
def test_a_registry_that_is_not_there_is_told(ottla, address: str, exit_code: int, told: list[str]) -> None:
    """With its own exit code, and without the password."""
    error = ottla("schema list", exit_code=exit_code, registry=address).stderr
    for text in told:
        assert text in error
    assert "secret" not in error


def test_what_is_no_registry_is_told(ottla, broker: Broker) -> None:
    """A broker's port answers something else, or nothing."""
    error = ottla(
        "schema list --timeout 2", exit_code=3, registry=f"http://{broker.bootstrap_servers}"
    ).stderr
    assert "no registry can be reached" in error


def test_a_login_is_read_from_the_environment_and_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the command line; the object's text does not show it."""
    from ottla.cli.commands.schema import connect

    monkeypatch.delenv("OTTLA_REGISTRY_USER", raising=False)
    monkeypatch.delenv("OTTLA_REGISTRY_TOKEN", raising=False)
    properties = tmp_path / "client.properties"
    properties.write_text("schema.registry.url=http://other:8085/\nbasic.auth.user.info=ann:pass=word\n")
    of_file = connect("http://127.0.0.1:8081", properties, 5.0)
    assert (of_file.url, of_file.user_info) == ("http://other:8085", "ann:pass=word")
    assert "pass" not in repr(of_file)
    monkeypatch.setenv("OTTLA_REGISTRY_USER", "bob:secret")
    assert connect("http://127.0.0.1:8081", None, 5.0).user_info == "bob:secret"


def test_a_registry_is_copied_into_another(
    ottla, start: Callable[[], RegistryProcess], tmp_path: Path
) -> None:
    """Ids, versions, references, levels, contexts and what is deleted: a copy of the copy is the same file."""
    with (
        contextlib.closing(Registry(start().url)) as source,
        contextlib.closing(Registry(start().url)) as target,
    ):
        fill_and_copy(ottla, source, target, tmp_path / "registry.jsonl")


def fill_and_copy(ottla, source: Registry, target: Registry, file: Path) -> None:
    def register(subject: str, text: str, schema_type: str = "AVRO", **more: object) -> None:
        source.post("subjects", subject, "versions", body={"schema": text, "schemaType": schema_type, **more})

    register("orders", json.dumps(ORDER))
    register("money", MONEY, "PROTOBUF")
    register("orders", json.dumps(LONGER))
    money = [{"name": "money.proto", "subject": "money", "version": 1}]
    register("a-price", PRICE, "PROTOBUF", references=money, metadata={"properties": {"owner": "shop"}})
    register(":.other:orders", json.dumps(ORDER))
    register("gone", '{"type": "object"}', "JSON")
    register("wide", '"string"')
    source.delete("subjects", "orders", "versions", "1")
    source.delete("subjects", "gone")
    source.put("config", body={"compatibility": "FULL"})
    source.put("config", "wide", body={"compatibility": "NONE"})
    source.put("mode", "wide", body={"mode": "READONLY"})

    assert "Wrote 7 schema versions" in ottla(f"schema dump {file}", registry=source.url).stderr
    told = json.loads(ottla(f"schema restore {file} --json", registry=target.url).stdout)
    assert (told["schemas"], told["deleted"]) == (7, 2)
    assert read_registry(target) == read_registry(source)
    assert read_copy(file.read_text().splitlines(), "file") == read_registry(source)
    texts = [one.get("schemas", "ids", "1", "schema") for one in (source, target)]
    assert texts[0] == texts[1]
    # New schemas get new ids, and what was forbidden still is.
    made = target.post("subjects", "more", "versions", body={"schema": '"long"'})
    assert made["id"] > max(
        one.id for one in read_registry(source).versions if not one.subject.startswith(":.")
    )
    assert "42205" in ottla_error(target, "wide")
    full = ottla(f"schema restore {file}", exit_code=1, registry=target.url).stderr
    assert "not empty" in full


def ottla_error(registry: Registry, subject: str) -> str:
    """The code of the refusal to write to the subject."""
    from ottla.cli.requests.registry_http import RegistryError

    with pytest.raises(RegistryError) as refused:
        registry.post("subjects", subject, "versions", body={"schema": '"int"'})
    return str(refused.value.code)


def version(subject: str, number: int, schema_id: int, *references: tuple[str, int]) -> SchemaVersion:
    return SchemaVersion(
        subject,
        number,
        schema_id,
        "AVRO",
        "",
        tuple(SchemaReference(name, name, at) for name, at in references),
    )


@pytest.mark.parametrize(
    ("versions", "order"),
    [
        ([version("a", 1, 2), version("b", 1, 1)], ["b 1", "a 1"]),
        ([version("a", 1, 1, ("b", 1)), version("b", 1, 2)], ["b 1", "a 1"]),
        ([version("a", 2, 1), version("a", 1, 2)], ["a 1", "a 2"]),
        ([version("a", 1, 1, ("b", 2)), version("b", 2, 3), version("b", 1, 4)], ["b 1", "b 2", "a 1"]),
        ([version("a", 1, 1, ("b", 1)), version("b", 1, 2, ("a", 1))], ["b 1", "a 1"]),
        ([version("a", 1, 1, ("gone", 1))], ["a 1"]),
        ([version(":.c:a", 1, 1, ("b", 1)), version(":.c:b", 1, 2), version("b", 1, 3)],
         [":.c:b 1", ":.c:a 1", "b 1"]),
    ],
)  # fmt: skip
def test_schemas_are_restored_after_what_they_refer_to(
    versions: Sequence[SchemaVersion], order: list[str]
) -> None:
    """Else by id; a circle, which no registry lets anyone make, has some order."""
    assert [f"{one.subject} {one.version}" for one in in_order_of_references(versions)] == order


def test_a_chain_of_references_of_any_length_has_an_order() -> None:
    """No recursion: ten thousand schemas each refer to the next."""
    chain = [version(str(n), 1, n, (str(n + 1), 1)) for n in range(10_000)]
    assert in_order_of_references(chain) == chain[::-1]
