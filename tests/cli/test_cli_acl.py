"""`ottla acl`: rules listed, made and taken away at a broker with an authorizer."""

from __future__ import annotations

import json

import pytest

from brokers import Broker
from conditions import until


@pytest.fixture
def ottla(shell, guarded_broker: Broker):
    """Runs `ottla acl …`; the output, which `until` may be asked for again."""

    def run(words: str, code: int = 0) -> str:
        done = shell(f"ottla acl {words}", guarded_broker.bootstrap_servers)
        assert done.returncode == code, done.stdout
        return str(done.stdout)

    def clear() -> None:
        run("remove --all --yes")
        until(lambda: run("list --json"), lambda shown: json.loads(shown) == [])

    clear()
    yield run
    clear()


def listed(text: str) -> set[tuple[str, ...]]:
    return {tuple(one.values()) for one in json.loads(text)}


def test_rules_are_made_listed_and_taken_away(ottla) -> None:
    """Each operation on each resource from each host is a rule."""
    made = listed(
        ottla("add User:alice read describe --topic orders --group reports --host 192.0.2.1 --json")
    )
    assert made == {
        (kind, name, "literal", "User:alice", "192.0.2.1", operation, "allow")
        for kind, name in (("topic", "orders"), ("group", "reports"))
        for operation in ("read", "describe")
    }
    until(lambda: ottla("list --json"), lambda shown: listed(shown) == made)
    assert "4 rules taken away." in ottla("remove --principal User:alice --yes")


def test_what_people_see(ottla) -> None:
    """A table; nothing where there is nothing, but a word about it."""
    assert "There are no such rules." in ottla("list")
    ottla("add User:* write --topic orders- --prefixed --deny")
    shown = until(lambda: ottla("list --topic orders-eu --pattern match"), lambda text: "orders-" in text)
    assert [line.split() for line in shown.splitlines()] == [
        ["RESOURCE", "NAME", "PATTERN", "PRINCIPAL", "HOST", "OPERATION", "PERMISSION"],
        ["topic", "orders-", "prefixed", "User:*", "*", "write", "deny"],
    ]
    assert "There are no such rules." in ottla("list --topic orders-eu")


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (
            "--producer --idempotent --topic t --transactional-id x",
            {
                ("topic", "t", "write"),
                ("topic", "t", "describe"),
                ("topic", "t", "create"),
                ("transactional-id", "x", "write"),
                ("transactional-id", "x", "describe"),
                ("cluster", "kafka-cluster", "idempotent-write"),
            },
        ),
        (
            "--consumer --topic t --group g",
            {("topic", "t", "read"), ("topic", "t", "describe"), ("group", "g", "read")},
        ),
        ("all --cluster", {("cluster", "kafka-cluster", "all")}),
        ("DESCRIBE_CONFIGS --topic *", {("topic", "*", "describe-configs")}),
    ],
)
def test_what_producers_and_consumers_need(ottla, words: str, rules: set[tuple[str, ...]]) -> None:
    """The rules that Apache's `kafka-acls --producer` and `--consumer` make."""
    made = listed(ottla(f"add User:app {words} --json"))
    assert {(one[0], one[1], one[5]) for one in made} == rules
    assert {(one[2], one[3], one[4], one[6]) for one in made} == {("literal", "User:app", "*", "allow")}
    until(lambda: ottla("list --json"), lambda shown: listed(shown) == made)


def test_only_what_is_named_is_taken_away(ottla) -> None:
    """By resource, operation and pattern."""
    ottla("add User:alice read write --topic t --topic u")
    ottla("add User:alice read --topic t --prefixed")
    until(lambda: ottla("list --json"), lambda shown: len(json.loads(shown)) == 5)
    gone = listed(ottla("remove read --topic t --yes --json"))
    assert gone == {("topic", "t", "literal", "User:alice", "*", "read", "allow")}
    gone = listed(ottla("remove --topic t --pattern any --yes --json"))
    assert {(one[2], one[5]) for one in gone} == {("literal", "write"), ("prefixed", "read")}
    assert "0 rules taken away." in ottla("remove --topic t --yes")


def test_nobody_is_there_to_ask(ottla) -> None:
    """What would go is shown, and stays."""
    ottla("add User:alice read --topic kept")
    until(lambda: ottla("list --json"), lambda shown: len(json.loads(shown)) == 1)
    shown = ottla("remove --topic kept", code=2)
    assert "kept" in shown
    assert "add --yes if it is meant" in shown
    assert len(json.loads(ottla("list --json"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("add User:alice --topic t", ["nothing to make a rule of", "ottla acl add User:alice read"]),
        ("add User:alice read", ["nothing to make a rule of"]),
        ("add alice read --topic t", ["'alice' is no principal", "write User:alice"]),
        ("add User:alice fly --topic t", ["'fly' is no operation", "idempotent-write"]),
        ("add User:alice describe-tokens --user-principal bob", ["'bob' is no principal", "write User:bob"]),
        ("add User:alice --idempotent --topic t", ["--idempotent goes with --producer"]),
        ("remove --yes", ["nothing says which rules", "--all"]),
        ("list --pattern some", ["--pattern", "match"]),
    ],
)
def test_what_can_t_be_meant(ottla, words: str, said: list[str]) -> None:
    """Wrong input ends with exit code 2 and a way out."""
    shown = " ".join(ottla(words, code=2).split())
    for each in said:
        assert each in shown


def test_without_an_authorizer(shell, cli_broker: Broker) -> None:
    """The broker says so, the command what to do."""
    done = shell("ottla acl list", cli_broker.bootstrap_servers)
    assert done.returncode == 1
    assert "SECURITY_DISABLED" in done.stdout
    assert "authorizer.class.name" in done.stdout


def test_rules_about_tokens_and_users(ottla) -> None:
    """The resources of delegation tokens (KIP-48, KIP-373), with the operations that they alone have."""
    words = "add User:alice create-tokens describe-tokens --user-principal User:bob --json"
    made = listed(ottla(words)) | listed(ottla("add User:alice describe --delegation-token * --json"))
    assert made == {
        ("user", "User:bob", "literal", "User:alice", "*", "create-tokens", "allow"),
        ("user", "User:bob", "literal", "User:alice", "*", "describe-tokens", "allow"),
        ("delegation-token", "*", "literal", "User:alice", "*", "describe", "allow"),
    }
    until(lambda: ottla("list --json"), lambda shown: listed(shown) == made)
    assert len(listed(ottla("list --user-principal User:bob --json"))) == 2
    assert len(listed(ottla("list --delegation-token t --pattern match --json"))) == 1
    assert "2 rules taken away." in ottla("remove --user-principal User:bob --yes")
    assert "1 rule taken away." in ottla("remove describe --delegation-token * --yes")


def test_two_phase_commit(ottla) -> None:
    """An operation of transactional ids that is newer than confluent-kafka's names."""
    made = listed(ottla("add User:app two-phase-commit --transactional-id x --json"))
    assert {(one[0], one[5]) for one in made} == {("transactional-id", "two-phase-commit")}
