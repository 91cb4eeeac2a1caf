"""The rules of who may do what with a subject: what they mean, how their records look, and what the cluster's rules make of it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.registry.acls import (
    EVERYTHING,
    GLOBAL_OPERATIONS,
    SUBJECT_OPERATIONS,
    AclRule,
    AclRules,
    InvalidRuleError,
    MalformedAclError,
    Operation,
    acl_key,
    acl_value,
    decode_acl,
    operation,
    rules_for,
)
from ottla.registry.topic_acls import TopicAcls, TopicRight, TopicRule, super_users, topic_of

READ, WRITE = Operation.SUBJECT_READ, Operation.SUBJECT_WRITE


def rules(*given_rules: tuple[str, str | None, str]) -> AclRules:
    """Of principal, subject and operations with colons between."""
    made = AclRules()
    for principal, subject, names in given_rules:
        for rule in rules_for(principal, subject, names.split(":")):
            made.apply(rule)
    return made


@pytest.mark.parametrize(
    ("principal", "wanted", "subject", "allowed"),
    [
        ("alice", READ, "orders-value", True),
        ("alice", WRITE, "orders-value", True),
        ("alice", Operation.SUBJECT_DELETE, "orders-value", False),
        ("alice", READ, "orders-valu", False),
        ("alice", READ, "orders-value2", False),
        ("alice", READ, "ORDERS-value", False),
        ("alice", Operation.GLOBAL_READ, None, False),
        ("Alice", READ, "orders-value", False),
        ("bob", READ, "orders-value", True),
        ("bob", READ, "orders-", True),
        ("bob", READ, "order", False),
        ("bob", READ, ":.staging:orders-value", False),
        ("bob", Operation.GLOBAL_READ, None, True),
        ("carol", READ, ":.staging:orders", True),
        ("carol", READ, ":.staging:", True),
        ("carol", READ, "orders", False),
        ("root", Operation.SUBJECT_DELETE, ":.staging:anything", True),
        ("root", Operation.GLOBAL_COMPATIBILITY_WRITE, None, True),
        ("root", READ, EVERYTHING, True),
        ("alice", READ, EVERYTHING, False),
        ("anyone", Operation.SUBJECT_COMPATIBILITY_READ, "public-value", True),
        ("alice", Operation.SUBJECT_COMPATIBILITY_READ, "public-value", True),
        ("anyone", READ, "public-value", False),
        ("", READ, "orders-value", False),
    ],
)
def test_what_rules_allow(principal: str, wanted: Operation, subject: str | None, allowed: bool) -> None:
    """A subject by its name, by its beginning, or all; everybody's rules hold for each."""
    held = rules(
        ("alice", "orders-value", "SUBJECT_READ:SUBJECT_WRITE"),
        ("bob", "orders-*", "SUBJECT_READ"),
        ("bob", None, "GLOBAL_SUBJECTS_READ"),
        ("carol", ":.staging:*", "SUBJECT_READ"),
        ("root", EVERYTHING, "*"),
        (EVERYTHING, "public-value", "SUBJECT_COMPATIBILITY_READ"),
    )
    for _ in range(2):
        assert held.allows(principal, wanted, subject) is allowed


def test_a_rule_that_is_taken_away_allows_nothing_any_more() -> None:
    """Though it was asked for before."""
    held = rules(("alice", "orders", "SUBJECT_READ"))
    assert held.allows("alice", READ, "orders")
    held.apply(AclRule("alice", "orders", frozenset()))
    assert not held.allows("alice", READ, "orders")
    assert len(held) == 0
    held.apply(AclRule("alice", "orders", frozenset()))
    assert held.rules() == []


def test_all_operations_on_all_subjects_are_all_there_are() -> None:
    """As the original's tool has it; on one subject they are the subject's."""
    by_place = {rule.place: rule.operations for rule in rules_for("root", EVERYTHING, ["*"])}
    assert by_place == {("root", EVERYTHING): SUBJECT_OPERATIONS, ("root", None): GLOBAL_OPERATIONS}
    assert rules_for("a", "s", ["*"]) == [AclRule("a", "s", SUBJECT_OPERATIONS)]
    assert rules_for("a", None, ["*"]) == [AclRule("a", None, GLOBAL_OPERATIONS)]
    assert operation("global_subjects_read") is Operation.GLOBAL_READ


@pytest.mark.parametrize(
    ("principal", "subject", "names", "told"),
    [
        ("a", "s", ["SUBJECT_RED"], "SUBJECT_RED"),
        ("a", None, ["SUBJECT_READ"], "need a subject"),
        ("", "s", ["SUBJECT_READ"], "principal"),
        ("a", "", ["SUBJECT_READ"], "subject"),
        ("a", "s", [], "operation"),
    ],
)
def test_rules_that_can_not_be(principal: str, subject: str | None, names: list[str], told: str) -> None:
    """Are told by what is wrong with them."""
    with pytest.raises(InvalidRuleError, match=told):
        rules_for(principal, subject, names)


_operations = st.frozensets(st.sampled_from(sorted(Operation)))


@given(st.text(), st.none() | st.text(), _operations)
def test_records_are_read_as_they_were_written(
    principal: str, subject: str | None, operations: frozenset[Operation]
) -> None:
    """Whatever characters names have."""
    rule = AclRule(principal, subject, operations)
    assert decode_acl(acl_key(*rule.place), acl_value(operations)) == rule


@given(st.binary() | st.just(acl_key("a", "s")), st.none() | st.binary())
def test_any_record_is_a_rule_or_malformed(key: bytes, value: bytes | None) -> None:
    """Nothing else comes of it."""
    with contextlib.suppress(MalformedAclError):
        assert isinstance(decode_acl(key, value), AclRule)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", b""),
        (b"[]", None),
        (b'{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}', b"{}"),
        (b'{"keytype":"ACL"}', b'{"operations":[]}'),
        (b'{"keytype":"ACL","principal":1}', b'{"operations":[]}'),
        (b'{"keytype":"ACL","principal":"a","subject":[]}', b'{"operations":[]}'),
        (acl_key("a", "s"), b"{}"),
        (acl_key("a", "s"), b'{"operations":["ALL"]}'),
        (acl_key("a", "s"), b'{"operations":[{}]}'),
        (acl_key("a", "s"), b"[" * 100_000),
    ],
)
def test_records_of_others(key: bytes, value: bytes | None) -> None:
    """Are no rules."""
    with pytest.raises(MalformedAclError):
        decode_acl(key, value)


@pytest.mark.parametrize(
    ("principal", "wanted", "subject", "allowed"),
    [
        ("alice", READ, "orders-value", True),
        ("alice", READ, "orders-key", True),
        ("alice", Operation.SUBJECT_COMPATIBILITY_READ, "orders-key", True),
        ("alice", WRITE, "orders-value", False),
        ("alice", READ, "orders", False),
        ("alice", READ, ":.staging:orders-value", False),
        ("alice", READ, ":.:orders-value", True),
        ("alice", Operation.GLOBAL_READ, None, False),
        ("bob", READ, "orders-value", True),
        ("bob", WRITE, "orders-value", True),
        ("bob", Operation.SUBJECT_DELETE, "orders-value", True),
        ("bob", Operation.SUBJECT_COMPATIBILITY_WRITE, "orders-value", True),
        ("bob", WRITE, "payments-value", False),
        ("carol", READ, "orders-value", False),
        ("dave", READ, "orders-value", False),
        ("erin", READ, "orders-value", False),
        ("root", Operation.GLOBAL_COMPATIBILITY_WRITE, None, True),
        ("root", WRITE, "whatever", True),
        ("anyone", READ, "public-value", True),
    ],
)
def test_what_the_clusters_rules_allow(
    principal: str, wanted: Operation, subject: str | None, allowed: bool
) -> None:
    """Reading asks for READ of the topic, changing for WRITE; denials go before; the rest is for super users."""
    acls = TopicAcls(super_users("User:root; admin"))
    acls.use(
        [
            TopicRule("orders", False, "User:alice", "*", TopicRight.READ),
            TopicRule("ord", True, "User:bob", "*", TopicRight.ALL),
            TopicRule("*", False, "User:carol", "*", TopicRight.ALL),
            TopicRule("orders", False, "User:carol", "10.0.0.1", TopicRight.READ, denies=True),
            TopicRule("orders", False, "User:dave", "10.0.0.1", TopicRight.READ),
            TopicRule("*", True, "User:erin", "*", TopicRight.ALL),
            TopicRule("public", False, "User:*", "*", TopicRight.READ),
        ]
    )
    for _ in range(2):
        assert acls.allows(principal, wanted, subject) is allowed


def test_while_the_clusters_rules_are_unknown_super_users_alone_may_anything() -> None:
    """Also if they were known before."""
    acls = TopicAcls(super_users("root"))
    assert not acls.allows("alice", READ, "orders-value")
    acls.use([TopicRule("orders", False, "User:alice", "*", TopicRight.READ)])
    assert acls.allows("alice", READ, "orders-value")
    acls.use(None)
    assert not acls.allows("alice", READ, "orders-value")
    assert acls.allows("root", READ, "orders-value")


@pytest.mark.parametrize(
    ("subject", "topic"),
    [("a-value", "a"), ("a-key", "a"), ("a-key-value", "a-key"), ("a", None), (":.c:a-value", None)],
)
def test_which_topic_a_subject_is_about(subject: str, topic: str | None) -> None:
    """By the name that serializers give it."""
    assert topic_of(subject) == topic
