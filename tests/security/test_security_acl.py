"""Access rules as such: which can be kept, and what a filter of rules takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.security.acl import (
    SUPPORTED_OPERATIONS,
    AclBinding,
    AclEntry,
    AclFilter,
    AclNode,
    AclOperation,
    EntryFilter,
    PatternFilter,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
    check_binding,
)

GOOD = AclBinding(
    ResourcePattern(ResourceType.TOPIC, "orders", PatternType.LITERAL),
    AclEntry("User:alice", "*", AclOperation.READ, PermissionType.ALLOW),
)

NO_COLON = (
    "Could not parse principal from `{}` "
    "(no colon is present separating the principal type from the principal name)"
)


def with_pattern(
    resource_type: ResourceType = ResourceType.TOPIC,
    name: str = "orders",
    pattern_type: PatternType = PatternType.LITERAL,
) -> AclBinding:
    return GOOD._replace(pattern=ResourcePattern(resource_type, name, pattern_type))


@pytest.mark.parametrize(
    ("binding", "fault"),
    [
        (with_pattern(ResourceType.ANY), "Invalid resourceType ANY"),
        (with_pattern(ResourceType.UNKNOWN), "Invalid resourceType UNKNOWN"),
        (with_pattern(name=""), "Invalid empty resource name"),
        (with_pattern(pattern_type=PatternType.ANY), "Invalid patternType ANY"),
        (with_pattern(pattern_type=PatternType.MATCH), "Invalid patternType MATCH"),
        (with_pattern(pattern_type=PatternType.UNKNOWN), "Invalid patternType UNKNOWN"),
        (
            with_pattern(ResourceType.CLUSTER, "other"),
            "The only valid name for the CLUSTER resource is kafka-cluster",
        ),
        (
            with_pattern(ResourceType.CLUSTER, "*"),
            "The only valid name for the CLUSTER resource is kafka-cluster",
        ),
        (
            GOOD._replace(entry=GOOD.entry._replace(operation=AclOperation.ANY)),
            "Invalid operation ANY",
        ),
        (
            GOOD._replace(entry=GOOD.entry._replace(operation=AclOperation.UNKNOWN)),
            "Invalid operation UNKNOWN",
        ),
        (
            GOOD._replace(entry=GOOD.entry._replace(permission=PermissionType.ANY)),
            "Invalid permissionType ANY",
        ),
        (
            GOOD._replace(entry=GOOD.entry._replace(principal="alice")),
            NO_COLON.format("alice"),
        ),
    ],
)
def test_a_rule_that_can_t_be_kept(binding: AclBinding, fault: str) -> None:
    """Each with what is wrong about it."""
    with pytest.raises(KafkaError) as refused:
        check_binding(binding)
    assert (refused.value.code, refused.value.message) == (ErrorCode.INVALID_REQUEST, fault)


@pytest.mark.parametrize(
    "binding",
    [
        GOOD,
        with_pattern(name="*"),
        with_pattern(ResourceType.CLUSTER, "kafka-cluster"),
        with_pattern(ResourceType.GROUP, "a/b", PatternType.PREFIXED),
        with_pattern(ResourceType.USER, "User:bob"),
        GOOD._replace(entry=GOOD.entry._replace(operation=AclOperation.IDEMPOTENT_WRITE)),
        GOOD._replace(entry=GOOD.entry._replace(host="nowhere")),
    ],
)
def test_a_rule_that_can(binding: AclBinding) -> None:
    """Also about operations that its resource doesn't know, and about hosts that don't exist."""
    check_binding(binding)


def test_operations_of_resources() -> None:
    """What can be asked of each kind; `ALL` and nothing else is left out of all."""
    asked = frozenset[AclOperation]().union(*SUPPORTED_OPERATIONS.values())
    assert set(AclOperation) - asked == {AclOperation.UNKNOWN, AclOperation.ANY, AclOperation.ALL}
    assert SUPPORTED_OPERATIONS.keys() == set(ResourceType) - {ResourceType.UNKNOWN, ResourceType.ANY}


@pytest.mark.parametrize(
    ("name", "pattern_type", "taken"),
    [
        (None, PatternType.ANY, {"L:foo", "L:foobar", "L:*", "P:foo", "P:f"}),
        (None, PatternType.MATCH, {"L:foo", "L:foobar", "L:*", "P:foo", "P:f"}),
        (None, PatternType.PREFIXED, {"P:foo", "P:f"}),
        ("foo", PatternType.LITERAL, {"L:foo"}),
        ("foo", PatternType.PREFIXED, {"P:foo"}),
        ("foo", PatternType.ANY, {"L:foo", "P:foo"}),
        ("foo", PatternType.MATCH, {"L:foo", "L:*", "P:foo", "P:f"}),
        ("foobar", PatternType.MATCH, {"L:foobar", "L:*", "P:foo", "P:f"}),
        ("*", PatternType.LITERAL, {"L:*"}),
        ("*", PatternType.MATCH, {"L:*"}),
        ("g", PatternType.MATCH, {"L:*"}),
        ("foo", PatternType.UNKNOWN, set()),
    ],
)
def test_which_patterns_a_filter_takes(name: str | None, pattern_type: PatternType, taken: set[str]) -> None:
    """`ANY` asks for the name as it is written in rules, `MATCH` for what would hold for a resource of that name."""
    kinds = {"L": PatternType.LITERAL, "P": PatternType.PREFIXED}
    acls = {
        ResourcePattern(ResourceType.TOPIC, text[2:], kinds[text[0]]): AclNode((GOOD.entry,))
        for text in ("L:foo", "L:foobar", "L:*", "P:foo", "P:f")
    }
    for resource_type in (ResourceType.TOPIC, ResourceType.ANY):
        wanted = PatternFilter(resource_type, name, pattern_type)
        found = {f"{pattern.pattern_type.name[0]}:{pattern.name}" for pattern in wanted.among(acls)}
        assert found == taken
    assert not list(PatternFilter(ResourceType.GROUP, name, pattern_type).among(acls))


@pytest.mark.parametrize(
    ("entry_filter", "matches"),
    [
        (EntryFilter(None, None, AclOperation.ANY, PermissionType.ANY), True),
        (EntryFilter("User:alice", "*", AclOperation.READ, PermissionType.ALLOW), True),
        (EntryFilter("User:*", None, AclOperation.ANY, PermissionType.ANY), False),
        (EntryFilter(None, "192.0.2.1", AclOperation.ANY, PermissionType.ANY), False),
        (EntryFilter(None, None, AclOperation.ALL, PermissionType.ANY), False),
        (EntryFilter(None, None, AclOperation.DESCRIBE, PermissionType.ANY), False),
        (EntryFilter(None, None, AclOperation.ANY, PermissionType.DENY), False),
        (EntryFilter(None, None, AclOperation.UNKNOWN, PermissionType.ANY), False),
    ],
)
def test_which_entries_a_filter_takes(entry_filter: EntryFilter, matches: bool) -> None:
    """Word by word: what an operation implies, or `User:*` stands for, doesn't count here."""
    assert entry_filter.matches(GOOD.entry) is matches


names = st.text("ab*", max_size=3)
rules = st.dictionaries(
    st.builds(
        ResourcePattern,
        st.sampled_from([ResourceType.TOPIC, ResourceType.GROUP]),
        st.text("ab*", min_size=1, max_size=3),
        st.sampled_from([PatternType.LITERAL, PatternType.PREFIXED]),
    ),
    st.just(AclNode((GOOD.entry, GOOD.entry._replace(host="192.0.2.1")))),
)


@settings(deadline=None)
@given(
    rules,
    st.builds(PatternFilter, st.sampled_from(ResourceType), st.none() | names, st.sampled_from(PatternType)),
)
def test_what_is_looked_up_is_what_matches(
    acls: dict[ResourcePattern, AclNode], pattern_filter: PatternFilter
) -> None:
    """A filter that names its pattern finds it without a search, and finds the same."""
    wanted = AclFilter(pattern_filter, EntryFilter(None, "*", AclOperation.ANY, PermissionType.ANY))
    everything = [AclBinding(pattern, entry) for pattern, node in acls.items() for entry in node.entries]
    assert list(wanted.select(acls)) == [each for each in everything if wanted.matches(each)]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        (PatternFilter(ResourceType.UNKNOWN, None, PatternType.ANY), "Unknown patternFilter."),
        (PatternFilter(ResourceType.ANY, None, PatternType.UNKNOWN), "Unknown patternFilter."),
    ],
)
def test_a_deletion_asks_for_what_is_known(wanted: PatternFilter, fault: str) -> None:
    """What a newer Kafka's client may mean is not guessed."""
    with pytest.raises(KafkaError, match=fault):
        AclFilter(wanted, EntryFilter(None, None, AclOperation.ANY, PermissionType.ANY)).check()
    with pytest.raises(KafkaError, match=r"Unknown entryFilter\."):
        AclFilter(
            PatternFilter(ResourceType.ANY, None, PatternType.ANY),
            EntryFilter(None, None, AclOperation.UNKNOWN, PermissionType.ANY),
        ).check()
