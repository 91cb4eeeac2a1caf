"""Apache Kafka 4.1.1's `kafka-acls`: rules added, listed and removed by every option it has."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from apache_tools import ApacheTools
from brokers import Broker
from conditions import until

ACLS = "org.apache.kafka.tools.AclCommand"

PATTERN = re.compile(
    r"ResourcePattern\(resourceType=(?P<type>\w+), name=(?P<name>.*), patternType=(?P<pattern>\w+)\)"
)
ENTRY = re.compile(
    r"\(principal=(?P<principal>.*), host=(?P<host>.*), operation=(?P<operation>\w+), "
    r"permissionType=(?P<permission>\w+)\)"
)

Rule = tuple[str, str, str, str, str, str, str]


class Acls:
    """The tool at one broker."""

    def __init__(self, tools: ApacheTools, broker: Broker) -> None:
        self._tools = tools
        self._address = ("--bootstrap-server", broker.bootstrap_servers)

    def run(self, *arguments: str, expect: int = 0) -> str:
        result = self._tools.run(ACLS, *self._address, *arguments, expect=expect)
        return result.stdout + result.stderr

    def listed(self, *arguments: str) -> set[Rule]:
        """What `--list` prints, rule by rule."""
        found: set[Rule] = set()
        pattern: tuple[str, ...] = ()
        for line in self._tools.run(ACLS, *self._address, "--list", *arguments).stdout.splitlines():
            if heading := PATTERN.search(line):
                pattern = heading.group("type", "name", "pattern")
            elif entry := ENTRY.search(line):
                found.add((*pattern, *entry.groups()))  # type: ignore[arg-type]
        return found


@pytest.fixture
def acls(apache_tools: ApacheTools, guarded_broker: Broker) -> Acls:
    """`kafka-acls` at a broker with an authorizer."""
    return Acls(apache_tools, guarded_broker)


def everyone(kind: str, name: str, *operations: str, pattern: str = "LITERAL") -> set[Rule]:
    return {(kind, name, pattern, "User:app", "*", operation, "ALLOW") for operation in operations}


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (
            "--producer --topic {name}",
            lambda name: everyone("TOPIC", name, "WRITE", "DESCRIBE", "CREATE"),
        ),
        (
            "--producer --idempotent --topic {name} --transactional-id {name}",
            lambda name: (
                everyone("TOPIC", name, "WRITE", "DESCRIBE", "CREATE")
                | everyone("TRANSACTIONAL_ID", name, "WRITE", "DESCRIBE")
                | everyone("CLUSTER", "kafka-cluster", "IDEMPOTENT_WRITE")
            ),
        ),
        (
            "--consumer --topic {name} --group {name} --resource-pattern-type prefixed",
            lambda name: (
                everyone("TOPIC", name, "READ", "DESCRIBE", pattern="PREFIXED")
                | everyone("GROUP", name, "READ", pattern="PREFIXED")
            ),
        ),
        (
            "--operation Read --operation AlterConfigs --topic {name} --group {name}",
            lambda name: (
                everyone("TOPIC", name, "READ", "ALTER_CONFIGS")
                | everyone("GROUP", name, "READ", "ALTER_CONFIGS")
            ),
        ),
        ("--operation All --topic {name}", lambda name: everyone("TOPIC", name, "ALL")),
        (
            "--operation Describe --delegation-token {name}",
            lambda name: everyone("DELEGATION_TOKEN", name, "DESCRIBE"),
        ),
        (
            "--operation CreateTokens --operation DescribeTokens --user-principal User:{name}",
            lambda name: everyone("USER", f"User:{name}", "CREATE_TOKENS", "DESCRIBE_TOKENS"),
        ),
        (
            "--operation ClusterAction --cluster",
            lambda _: everyone("CLUSTER", "kafka-cluster", "CLUSTER_ACTION"),
        ),
    ],
)
def test_rules_come_and_go(
    acls: Acls, unique_name: Callable[[str], str], arguments: str, rules: Callable[[str], set[Rule]]
) -> None:
    """What `--add` makes, `--list` shows and `--remove` with the same options takes away."""
    name = unique_name("acls")
    chosen = ["--allow-principal", "User:app", *arguments.format(name=name).split()]
    acls.run("--add", *chosen)
    until(lambda: acls.listed("--principal", "User:app"), lambda found: found == rules(name))
    acls.run("--remove", "--force", *chosen)
    until(lambda: acls.listed("--principal", "User:app"), lambda found: found == set())


def test_hosts_and_denials(acls: Acls, unique_name: Callable[[str], str]) -> None:
    """A rule for each principal at each of its hosts."""
    name = unique_name("acls-hosts")
    acls.run(
        "--add",
        *("--topic", name, "--operation", "Read"),
        *("--allow-principal", "User:a", "--allow-principal", "User:CN=b,OU=x"),
        *("--allow-host", "192.0.2.1", "--allow-host", "2001:db8:0:0:0:0:0:1"),
        *("--deny-principal", "User:*", "--deny-host", "198.51.100.3"),
    )
    rules = {
        ("TOPIC", name, "LITERAL", principal, host, "READ", "ALLOW")
        for principal in ("User:a", "User:CN=b,OU=x")
        for host in ("192.0.2.1", "2001:db8:0:0:0:0:0:1")
    } | {("TOPIC", name, "LITERAL", "User:*", "198.51.100.3", "READ", "DENY")}
    until(lambda: acls.listed("--topic", name), lambda found: found == rules)
    acls.run("--remove", "--force", "--topic", name)
    until(lambda: acls.listed("--topic", name), lambda found: found == set())


def test_what_would_hold_for_a_name(acls: Acls, unique_name: Callable[[str], str]) -> None:
    """`--resource-pattern-type match` and `any` list rules under other names, and remove them."""
    name = unique_name("acls-match")
    principal = ("--allow-principal", f"User:{name}")
    acls.run("--add", *principal, "--operation", "Read", "--topic", f"{name}-eu")
    acls.run(
        *("--add", *principal, "--operation", "Read"),
        *("--topic", name, "--resource-pattern-type", "prefixed"),
    )
    acls.run("--add", *principal, "--operation", "Read", "--topic", "*")
    held = [
        ("TOPIC", f"{name}-eu", "LITERAL"),
        ("TOPIC", name, "PREFIXED"),
        ("TOPIC", "*", "LITERAL"),
    ]
    rules = {(*pattern, f"User:{name}", "*", "READ", "ALLOW") for pattern in held}

    def listed(*arguments: str) -> set[Rule]:
        return acls.listed(*arguments) & rules

    of_eu = ("--topic", f"{name}-eu", "--resource-pattern-type")
    until(lambda: listed(*of_eu, "match"), lambda found: found == rules)
    assert {one[1] for one in listed(*of_eu, "any")} == {f"{name}-eu"}
    assert listed(*of_eu, "prefixed") == set()
    assert {one[1] for one in listed("--topic", name, "--resource-pattern-type", "any")} == {name}
    acls.run("--remove", "--force", *of_eu[:2], "--resource-pattern-type", "match")
    until(lambda: listed("--principal", f"User:{name}"), lambda found: found == set())


def test_what_the_broker_refuses(acls: Acls) -> None:
    """The tool shows the broker's words."""
    said = acls.run(*("--add", "--allow-principal", "User:a", "--operation", "Read", "--topic", ""), expect=1)
    assert "Invalid empty resource name" in said
