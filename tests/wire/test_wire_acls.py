"""Access rules made, shown and taken away by CreateAcls, DescribeAcls and DeleteAcls, in every version."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from wire_client import WireClient

from brokers import Broker, StartBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.create_acls import AclCreation, CreateAclsRequest, CreateAclsResponse
from ottla.protocol.messages.delete_acls import (
    DeleteAclsFilter,
    DeleteAclsFilterResult,
    DeleteAclsRequest,
    DeleteAclsResponse,
)
from ottla.protocol.messages.describe_acls import DescribeAclsRequest, DescribeAclsResponse

UNKNOWN, ANY, MATCH, LITERAL, PREFIXED = range(5)
TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER = range(2, 8)
ALL, READ, WRITE, ALTER, DESCRIBE = 2, 3, 4, 7, 8
DENY, ALLOW = 2, 3
OF_A_NEWER_KAFKA = 99

NO_COLON = "(no colon is present separating the principal type from the principal name)"

Rule = tuple[int, str, int, str, str, int, int]
"""Resource type, name, pattern type, principal, host, operation, permission."""


GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:root; User:ANONYMOUS",
}


@pytest.fixture
def admin(guarded_broker: Broker) -> Iterator[WireClient]:
    """A fresh connection to it."""
    with WireClient(guarded_broker.host, guarded_broker.port) as client:
        yield client


def creation(
    name: str,
    *,
    resource_type: int = TOPIC,
    pattern_type: int = LITERAL,
    principal: str = "User:alice",
    host: str = "*",
    operation: int = READ,
    permission: int = ALLOW,
) -> AclCreation:
    return AclCreation(
        resource_type=resource_type,
        resource_name=name,
        resource_pattern_type=pattern_type,
        principal=principal,
        host=host,
        operation=operation,
        permission_type=permission,
    )


def rule(asked: AclCreation) -> Rule:
    return (
        asked.resource_type,
        asked.resource_name,
        asked.resource_pattern_type,
        asked.principal,
        asked.host,
        asked.operation,
        asked.permission_type,
    )


def create(wire: WireClient, *creations: AclCreation, version: int = 3) -> list[tuple[int, str | None]]:
    answer = wire.ask(CreateAclsRequest(creations=list(creations)), CreateAclsResponse, version)
    return [(each.error_code, each.error_message) for each in answer.results]


def describe(
    wire: WireClient,
    name: str | None = None,
    *,
    resource_type: int = ANY,
    pattern_type: int = ANY,
    principal: str | None = None,
    host: str | None = None,
    operation: int = ANY,
    permission: int = ANY,
    version: int = 3,
) -> set[Rule]:
    request = DescribeAclsRequest(
        resource_type_filter=resource_type,
        resource_name_filter=name,
        pattern_type_filter=pattern_type,
        principal_filter=principal,
        host_filter=host,
        operation=operation,
        permission_type=permission,
    )
    answer = wire.ask(request, DescribeAclsResponse, version)
    assert (answer.error_code, answer.error_message) == (ErrorCode.NONE, "")
    found = [
        (
            resource.resource_type,
            resource.resource_name,
            resource.pattern_type,
            acl.principal,
            acl.host,
            acl.operation,
            acl.permission_type,
        )
        for resource in answer.resources
        for acl in resource.acls
    ]
    patterns = [(each.resource_type, each.resource_name, each.pattern_type) for each in answer.resources]
    assert len(set(patterns)) == len(patterns)
    assert len(set(found)) == len(found)
    return set(found)


def deletion(
    name: str | None, *, resource_type: int = ANY, pattern_type: int = ANY, principal: str | None = None
) -> DeleteAclsFilter:
    return DeleteAclsFilter(
        resource_type_filter=resource_type,
        resource_name_filter=name,
        pattern_type_filter=pattern_type,
        principal_filter=principal,
        host_filter=None,
        operation=ANY,
        permission_type=ANY,
    )


def delete(wire: WireClient, *filters: DeleteAclsFilter, version: int = 3) -> list[DeleteAclsFilterResult]:
    return wire.ask(DeleteAclsRequest(filters=list(filters)), DeleteAclsResponse, version).filter_results


def matched(result: DeleteAclsFilterResult) -> set[Rule]:
    assert (result.error_code, result.error_message) == (ErrorCode.NONE, None)
    assert all((each.error_code, each.error_message) == (0, None) for each in result.matching_acls)
    return {
        (
            each.resource_type,
            each.resource_name,
            each.pattern_type,
            each.principal,
            each.host,
            each.operation,
            each.permission_type,
        )
        for each in result.matching_acls
    }


CREATED: tuple[int, str | None] = (ErrorCode.NONE, "")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_rule_is_made_shown_and_taken_away(
    admin: WireClient, unique_name: Callable[[str], str], version: int
) -> None:
    """Making it once more is no error, and makes none."""
    asked = creation(unique_name("orders"), pattern_type=PREFIXED, permission=DENY)
    assert create(admin, asked, asked, version=version) == [CREATED, CREATED]
    assert create(admin, asked, version=version) == [CREATED]
    name = asked.resource_name
    until(lambda: describe(admin, name, version=version), lambda found: found == {rule(asked)})
    [result] = delete(admin, deletion(name), version=version)
    assert matched(result) == {rule(asked)}
    until(lambda: describe(admin, name, version=version), lambda found: not found)
    [result] = delete(admin, deletion(name), version=version)
    assert matched(result) == set()


@pytest.mark.parametrize(
    ("resource_type", "name"),
    [
        (TOPIC, "no topic of this name: can be"),
        (TOPIC, "*"),
        (GROUP, "a/b/../c"),
        (GROUP, "/"),
        (GROUP, ".."),
        (GROUP, "Grüße\n\u2028"),
        (TRANSACTIONAL_ID, "x" * 2_000),
        (DELEGATION_TOKEN, "%2F"),
        (USER, "User:bob"),
        (CLUSTER, "kafka-cluster"),
    ],
)
def test_any_name_has_rules_of_its_own(admin: WireClient, resource_type: int, name: str) -> None:
    """Kept, found by name and taken away, whatever is in it."""
    asked = creation(name, resource_type=resource_type, principal="User:of:names", operation=ALL)
    assert create(admin, asked) == [CREATED]
    until(lambda: describe(admin, principal="User:of:names"), lambda found: found == {rule(asked)})
    assert describe(admin, name, resource_type=resource_type, principal="User:of:names") == {rule(asked)}
    [result] = delete(admin, deletion(name, resource_type=resource_type, principal="User:of:names"))
    assert matched(result) == {rule(asked)}
    until(lambda: describe(admin, principal="User:of:names"), lambda found: not found)


def test_what_a_filter_finds(admin: WireClient, unique_name: Callable[[str], str]) -> None:
    """By pattern, by principal, host, operation and permission."""
    stem = unique_name("find")
    literal = creation(stem)
    prefixed = creation(stem, pattern_type=PREFIXED, principal="User:bob")
    longer = creation(f"{stem}-longer", host="192.0.2.1", operation=WRITE)
    group = creation(stem, resource_type=GROUP, permission=DENY)
    wild = creation("*", principal=f"User:{stem}")
    everything = {rule(each) for each in (literal, prefixed, longer, group, wild)}
    assert create(admin, literal, prefixed, longer, group, wild) == [CREATED] * 5
    until(lambda: describe(admin) & everything, lambda found: found == everything)

    def found(name: str | None = None, **wanted: int) -> set[Rule]:
        return describe(admin, name, **wanted) & everything  # type: ignore[arg-type]

    assert found(stem) == {rule(literal), rule(prefixed), rule(group)}
    assert found(stem, resource_type=TOPIC) == {rule(literal), rule(prefixed)}
    assert found(stem, pattern_type=LITERAL) == {rule(literal), rule(group)}
    assert found(stem, pattern_type=PREFIXED) == {rule(prefixed)}
    assert found(stem, resource_type=TOPIC, pattern_type=MATCH) == {
        rule(literal),
        rule(prefixed),
        rule(wild),
    }
    assert found(f"{stem}-longer", pattern_type=MATCH) == {rule(longer), rule(prefixed), rule(wild)}
    assert found("*", pattern_type=LITERAL) == {rule(wild)}
    assert found(pattern_type=PREFIXED) == {rule(prefixed)}
    assert found(resource_type=GROUP, permission=DENY) == {rule(group)}
    assert found(operation=WRITE) == {rule(longer)}
    assert found(stem, operation=DESCRIBE) == set()
    assert found(stem, resource_type=OF_A_NEWER_KAFKA) == set()
    assert found(stem, operation=OF_A_NEWER_KAFKA) == set()
    assert describe(admin, stem, principal="User:bob") == {rule(prefixed)}
    assert describe(admin, principal="User:*", host="192.0.2.1") & everything == set()
    assert describe(admin, host="192.0.2.1") & everything == {rule(longer)}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (creation("", principal="User:a"), "Invalid empty resource name"),
        (
            creation("other", resource_type=CLUSTER),
            "The only valid name for the CLUSTER resource is kafka-cluster",
        ),
        (creation("t", resource_type=OF_A_NEWER_KAFKA), "Invalid resourceType UNKNOWN"),
        (creation("t", pattern_type=OF_A_NEWER_KAFKA), "Invalid patternType UNKNOWN"),
        (creation("t", operation=OF_A_NEWER_KAFKA), "Invalid operation UNKNOWN"),
        (creation("t", principal="alice"), f"Could not parse principal from `alice` {NO_COLON}"),
    ],
)
def test_a_rule_that_can_t_be_made(
    admin: WireClient, unique_name: Callable[[str], str], asked: AclCreation, message: str
) -> None:
    """Refused by itself: the others of the request are made."""
    good = creation(unique_name("beside"))
    outcomes = create(admin, asked, good, asked)
    assert outcomes == [(ErrorCode.INVALID_REQUEST, message), CREATED, (ErrorCode.INVALID_REQUEST, message)]
    until(lambda: describe(admin, good.resource_name), lambda found: found == {rule(good)})


@pytest.mark.parametrize(
    "asked",
    [
        creation("t", resource_type=ANY),
        creation("t", pattern_type=ANY),
        creation("t", pattern_type=MATCH),
        creation("t", operation=ANY),
        creation("t", permission=ANY),
    ],
)
def test_what_stands_in_filters_only_is_in_no_rule(
    admin: WireClient, unique_name: Callable[[str], str], asked: AclCreation
) -> None:
    """The whole request fails, as Apache's does while it puts the rules together."""
    good = creation(unique_name("not-made"))
    assert create(admin, good, asked) == [(ErrorCode.UNKNOWN_SERVER_ERROR, None)] * 2
    assert describe(admin, good.resource_name) == set()


def test_what_two_filters_match_is_told_for_both(
    admin: WireClient, unique_name: Callable[[str], str]
) -> None:
    """And one that asks for what nobody knows is refused by itself."""
    name = unique_name("both")
    mine, others = creation(name), creation(name, principal="User:bob")
    assert create(admin, mine, others) == [CREATED, CREATED]
    until(lambda: describe(admin, name), lambda found: len(found) == 2)
    unknown = deletion(name, resource_type=OF_A_NEWER_KAFKA)
    everyone, bobs, refused = delete(
        admin, deletion(name, pattern_type=LITERAL), deletion(name, principal="User:bob"), unknown
    )
    assert matched(everyone) == {rule(mine), rule(others)}
    assert matched(bobs) == {rule(others)}
    assert (refused.error_code, refused.error_message) == (
        ErrorCode.INVALID_REQUEST,
        "Unknown patternFilter.",
    )
    until(lambda: describe(admin, name), lambda found: not found)


@pytest.mark.parametrize(
    "field", ["resource_type_filter", "pattern_type_filter", "operation", "permission_type"]
)
def test_unknown_closes_the_connection(guarded_broker: Broker, field: str) -> None:
    """The code of UNKNOWN is no code of a newer Kafka: nobody may send it."""
    wanted = {
        "resource_type_filter": ANY,
        "pattern_type_filter": ANY,
        "operation": ANY,
        "permission_type": ANY,
        field: UNKNOWN,
    }
    with WireClient(guarded_broker.host, guarded_broker.port) as wire:
        wire.send(DescribeAclsRequest(**wanted), DescribeAclsResponse, 3)
        assert wire.closed_by_peer()
    with WireClient(guarded_broker.host, guarded_broker.port) as wire:
        wire.send(DeleteAclsRequest(filters=[DeleteAclsFilter(**wanted)]), DeleteAclsResponse, 3)
        assert wire.closed_by_peer()
    created = {
        field.replace("resource_type_filter", "resource_type").replace(
            "pattern_type_filter", "resource_pattern_type"
        ): UNKNOWN
    }
    asked = creation("t")
    for name, code in created.items():
        setattr(asked, name, code)
    with WireClient(guarded_broker.host, guarded_broker.port) as wire:
        wire.send(CreateAclsRequest(creations=[asked]), CreateAclsResponse, 3)
        assert wire.closed_by_peer()


def test_ten_thousand_rules_at_most_in_a_request(
    admin: WireClient, unique_name: Callable[[str], str]
) -> None:
    """More are refused all together, and none is made."""
    stem = unique_name("many")
    asked = [creation(f"{stem}-{number}") for number in range(10_001)]
    outcomes = create(admin, *asked)
    assert {code for code, _ in outcomes} == {ErrorCode.POLICY_VIOLATION}
    assert {message for _, message in outcomes} == {"Unable to perform excessively large batch operation."}
    assert describe(admin, f"{stem}-0") == set()


def test_no_more_than_ten_thousand_are_taken_away(
    admin: WireClient, unique_name: Callable[[str], str]
) -> None:
    """By one request, which takes none away then; two take them all."""
    stem = unique_name("too-many")
    asked = [creation(f"{stem}-{number}", principal=f"User:{stem}") for number in range(10_001)]
    for part in (asked[:5_000], asked[5_000:]):
        assert set(create(admin, *part)) == {CREATED}
    until(lambda: len(describe(admin, principal=f"User:{stem}")), lambda count: count == 10_001)
    [refused] = delete(admin, deletion(None, principal=f"User:{stem}"))
    assert refused.error_code == ErrorCode.INVALID_REQUEST
    assert refused.error_message == "Cannot remove more than 10000 acls in a single delete operation."
    [one] = delete(admin, deletion(f"{stem}-0", principal=f"User:{stem}"))
    [rest] = delete(admin, deletion(None, principal=f"User:{stem}"))
    assert len(matched(one)) + len(matched(rest)) == 10_001
    until(lambda: describe(admin, principal=f"User:{stem}"), lambda found: not found)


def test_who_may_not_alter_the_cluster_may_not_change_rules(start_broker: StartBroker) -> None:
    """`allow.everyone.if.no.acl.found` ends where a rule is: this one locks its maker out, but for looking."""
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    broker = start_broker(settings)
    allow = creation("kafka-cluster", resource_type=CLUSTER, principal="User:*", operation=ALL)
    lock = creation(
        "kafka-cluster", resource_type=CLUSTER, principal="User:ANONYMOUS", operation=ALTER, permission=DENY
    )
    with WireClient(broker.host, broker.port) as wire:
        assert create(wire, allow) == [CREATED]
        until(lambda: describe(wire), lambda found: found == {rule(allow)})
        assert create(wire, lock) == [CREATED]
        refused = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        outcomes = until(lambda: create(wire, allow, allow), lambda seen: seen[0][0] != ErrorCode.NONE)
        assert [code for code, _ in outcomes] == [refused, refused]
        assert [each.error_code for each in delete(wire, deletion(None))] == [refused]
        assert describe(wire) == {rule(allow), rule(lock)}


def test_rules_outlive_a_restart(start_broker: StartBroker) -> None:
    """They hold again before the first request is answered."""
    broker = start_broker(GUARDED)
    asked = creation("kept", pattern_type=PREFIXED)
    with WireClient(broker.host, broker.port) as wire:
        assert create(wire, asked) == [CREATED]
        until(lambda: describe(wire), lambda found: found == {rule(asked)})
    broker.kill()
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        until(lambda: describe(wire), lambda found: found == {rule(asked)})
