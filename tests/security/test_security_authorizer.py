"""Who may do what, by rules: the authorizer against a model that does without any index or memory."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ottla.protocol.api_keys import ApiKey
from ottla.security.acl import (
    AclBinding,
    AclEntry,
    AclNode,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.security.authorizer import (
    MAX_CACHED_DECISIONS,
    MAX_CACHED_NAME_LENGTH,
    Authorizer,
    Decision,
)
from ottla.security.principal import KafkaPrincipal

TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
LITERAL, PREFIXED = PatternType.LITERAL, PatternType.PREFIXED
ALLOW, DENY = PermissionType.ALLOW, PermissionType.DENY
READ, WRITE, DESCRIBE, ALL = (
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.DESCRIBE,
    AclOperation.ALL,
)
ALICE = KafkaPrincipal("User", "alice")
HERE = "192.0.2.1"


def binding(
    name: str,
    operation: AclOperation = READ,
    permission: PermissionType = ALLOW,
    *,
    pattern_type: PatternType = LITERAL,
    principal: str = "User:alice",
    host: str = "*",
    resource_type: ResourceType = TOPIC,
) -> AclBinding:
    return AclBinding(
        ResourcePattern(resource_type, name, pattern_type), AclEntry(principal, host, operation, permission)
    )


def nodes(bindings: Iterable[AclBinding]) -> dict[ResourcePattern, AclNode]:
    entries: dict[ResourcePattern, list[AclEntry]] = {}
    for pattern, entry in bindings:
        entries.setdefault(pattern, []).append(entry)
    return {pattern: AclNode(tuple(dict.fromkeys(those))) for pattern, those in entries.items()}


def authorizer(*bindings: AclBinding, super_users: Sequence[str] = (), everyone: bool = False) -> Authorizer:
    made = Authorizer(super_users=super_users, allow_everyone_if_no_acl_found=everyone)
    rules = nodes(bindings)
    made.apply(rules, rules)
    return made


# What rules mean, one by one.


@pytest.mark.parametrize(
    ("rule_name", "pattern_type", "asked", "allowed"),
    [
        ("orders", LITERAL, "orders", True),
        ("orders", LITERAL, "orders-eu", False),
        ("orders", PREFIXED, "orders", True),
        ("orders", PREFIXED, "orders-eu", True),
        ("orders", PREFIXED, "order", False),
        ("*", LITERAL, "anything", True),
        ("*", LITERAL, "*", True),
        ("*", PREFIXED, "anything", False),
        ("*", PREFIXED, "*anything", True),
        ("Orders", LITERAL, "orders", False),
    ],
)
def test_which_resources_a_pattern_is_about(
    rule_name: str, pattern_type: PatternType, asked: str, allowed: bool
) -> None:
    """The name itself, all that begin with it, or all there are; nothing but the literal `*` is a wildcard."""
    rules = authorizer(binding(rule_name, pattern_type=pattern_type))
    assert rules.authorize(ALICE, HERE, READ, TOPIC, asked) is allowed
    assert rules.authorize(ALICE, HERE, READ, GROUP, asked) is False


@pytest.mark.parametrize("granted", list(AclOperation)[2:])
@pytest.mark.parametrize("asked", list(AclOperation)[3:])
def test_what_an_operation_implies(granted: AclOperation, asked: AclOperation) -> None:
    """READ, WRITE, DELETE and ALTER imply DESCRIBE, ALTER_CONFIGS implies DESCRIBE_CONFIGS; a denial implies nothing."""
    implied = {
        DESCRIBE: {READ, WRITE, AclOperation.DELETE, AclOperation.ALTER},
        AclOperation.DESCRIBE_CONFIGS: {AclOperation.ALTER_CONFIGS},
    }.get(asked, set())
    allows = authorizer(binding("t", granted))
    assert allows.authorize(ALICE, HERE, asked, TOPIC, "t") is (granted in {asked, ALL} | implied)
    denies = authorizer(binding("t", granted, DENY), binding("t", ALL, ALLOW))
    assert denies.authorize(ALICE, HERE, asked, TOPIC, "t") is (granted not in {asked, ALL})


@pytest.mark.parametrize(
    ("principal", "rule_principal", "rule_host", "allowed"),
    [
        (ALICE, "User:alice", "*", True),
        (ALICE, "User:alice", HERE, True),
        (ALICE, "User:alice", "192.0.2.2", False),
        (ALICE, "User:*", "*", True),
        (ALICE, "User:al", "*", False),
        (ALICE, "Group:alice", "*", False),
        (KafkaPrincipal("Group", "alice"), "Group:alice", "*", True),
        (KafkaPrincipal("Group", "alice"), "User:*", "*", True),
        (KafkaPrincipal("Group", "alice"), "Group:*", "*", False),
        (KafkaPrincipal("User", "a:b"), "User:a:b", "*", True),
        (KafkaPrincipal("User", "alice", token_authenticated=True), "User:alice", "*", True),
    ],
)
def test_whom_a_rule_is_about(
    principal: KafkaPrincipal, rule_principal: str, rule_host: str, allowed: bool
) -> None:
    """`User:*` is everyone of whatever type; no other principal is a pattern, and no host but `*`."""
    rules = authorizer(binding("t", principal=rule_principal, host=rule_host))
    assert rules.authorize(principal, HERE, READ, TOPIC, "t") is allowed


def test_a_denial_wins() -> None:
    """However general it is, and however particular what allows."""
    allow = binding("orders-eu")
    for denial in (
        binding("*", permission=DENY),
        binding("o", permission=DENY, pattern_type=PREFIXED),
        binding("orders-eu", ALL, DENY, principal="User:*"),
    ):
        assert authorizer(allow, denial).authorize(ALICE, HERE, READ, TOPIC, "orders-eu") is False


def test_a_super_user_may_do_everything() -> None:
    """Whatever is denied; a name that only looks like hers may not."""
    rules = authorizer(binding("*", ALL, DENY, principal="User:*"), super_users=["User:alice"])
    assert rules.authorize(ALICE, HERE, WRITE, TOPIC, "t")
    assert rules.authorize_by_resource_type(ALICE, HERE, WRITE, TOPIC)
    assert not rules.authorize(KafkaPrincipal("User", "Alice"), HERE, WRITE, TOPIC, "t")
    assert not rules.authorize(KafkaPrincipal("Group", "alice"), HERE, WRITE, TOPIC, "t")


def test_everyone_may_where_no_rule_is() -> None:
    """`allow.everyone.if.no.acl.found`: any rule about a resource, even another's or of another operation, closes it."""
    rules = authorizer(binding("closed", principal="User:bob"), everyone=True)
    assert rules.authorize(ALICE, HERE, WRITE, TOPIC, "open")
    assert not rules.authorize(ALICE, HERE, WRITE, TOPIC, "closed")
    assert rules.authorize(KafkaPrincipal("User", "bob"), HERE, DESCRIBE, TOPIC, "closed")
    assert not authorizer().authorize(ALICE, HERE, WRITE, TOPIC, "open")


@pytest.mark.parametrize(
    ("bindings", "allowed"),
    [
        ([], False),
        ([binding("t", WRITE)], True),
        ([binding("t", READ)], False),
        ([binding("t", ALL)], True),
        ([binding("t", WRITE, host="192.0.2.9")], False),
        ([binding("t", WRITE), binding("t", WRITE, DENY)], False),
        ([binding("t", WRITE), binding("t", ALL, DENY, principal="User:*")], False),
        ([binding("t", WRITE), binding("t", WRITE, DENY, principal="User:bob")], True),
        ([binding("t", WRITE), binding("u", WRITE, DENY)], True),
        ([binding("t", WRITE), binding("*", WRITE, DENY)], False),
        ([binding("*", WRITE), binding("t", WRITE, DENY, pattern_type=PREFIXED)], True),
        ([binding("tea", WRITE), binding("t", WRITE, DENY, pattern_type=PREFIXED)], False),
        ([binding("t", WRITE), binding("tea", WRITE, DENY, pattern_type=PREFIXED)], True),
        ([binding("tea", WRITE, pattern_type=PREFIXED), binding("tea", WRITE, DENY)], True),
        (
            [
                binding("tea", WRITE, pattern_type=PREFIXED),
                binding("te", WRITE, DENY, pattern_type=PREFIXED),
            ],
            False,
        ),
        (
            [
                binding("te", WRITE, pattern_type=PREFIXED),
                binding("tea", WRITE, DENY, pattern_type=PREFIXED),
            ],
            True,
        ),
        ([binding("h", WRITE, pattern_type=PREFIXED)], True),
    ],
)
def test_whether_any_resource_of_a_type_is_allowed(bindings: list[AclBinding], allowed: bool) -> None:
    """What is allowed must not be denied as a whole: by the same literal, a prefix of it, or `*`."""
    assert authorizer(*bindings).authorize_by_resource_type(ALICE, HERE, WRITE, TOPIC) is allowed


# Against the model.


class NaiveAuthorizer:
    """Every rule looked at for every question, in the order of Apache's `StandardAuthorizer`."""

    def __init__(self, super_users: Sequence[str], everyone: bool) -> None:
        self.bindings: set[AclBinding] = set()
        self.super_users = super_users
        self.everyone = everyone

    def authorize(
        self,
        principal: KafkaPrincipal,
        host: str,
        operation: AclOperation,
        resource_type: ResourceType,
        name: str,
    ) -> bool:
        if str(principal) in self.super_users:
            return True
        about = [each for each in self.bindings if self._matches(each.pattern, resource_type, name)]
        mine = [each.entry for each in about if self._concerns(each.entry, principal, host)]
        if any(each.permission is DENY and each.operation in (operation, ALL) for each in mine):
            return False
        implying = {
            DESCRIBE: (DESCRIBE, READ, WRITE, AclOperation.DELETE, AclOperation.ALTER),
            AclOperation.DESCRIBE_CONFIGS: (AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
        }.get(operation, (operation,))
        if any(each.permission is ALLOW and each.operation in (*implying, ALL) for each in mine):
            return True
        return self.everyone and not about

    def authorize_by_resource_type(
        self, principal: KafkaPrincipal, host: str, operation: AclOperation, resource_type: ResourceType
    ) -> bool:
        if self.authorize(principal, host, operation, resource_type, "hardcode"):
            return True
        mine = [
            each
            for each in self.bindings
            if each.pattern.resource_type is resource_type
            and self._concerns(each.entry, principal, host)
            and each.entry.operation in (operation, ALL)
        ]
        denied = {each.pattern[1:] for each in mine if each.entry.permission is DENY}
        allowed = {each.pattern[1:] for each in mine if each.entry.permission is ALLOW}
        if ("*", LITERAL) in denied:
            return False
        if ("*", LITERAL) in allowed:
            return True
        for name, pattern_type in allowed:
            if pattern_type is LITERAL and (name, LITERAL) in denied:
                continue
            if not any(kind is PREFIXED and name.startswith(prefix) for prefix, kind in denied):
                return True
        return False

    @staticmethod
    def _matches(pattern: ResourcePattern, resource_type: ResourceType, name: str) -> bool:
        if pattern.resource_type is not resource_type:
            return False
        if pattern.pattern_type is LITERAL:
            return pattern.name in (name, "*")
        return name.startswith(pattern.name)

    @staticmethod
    def _concerns(entry: AclEntry, principal: KafkaPrincipal, host: str) -> bool:
        return entry.principal in (str(principal), "User:*") and entry.host in (host, "*")


resource_names = st.text("abh*", min_size=1, max_size=4)
patterns = st.builds(
    ResourcePattern, st.sampled_from([TOPIC, GROUP]), resource_names, st.sampled_from([LITERAL, PREFIXED])
)
entries = st.builds(
    AclEntry,
    st.sampled_from(["User:alice", "User:bob", "User:*"]),
    st.sampled_from(["*", HERE, "192.0.2.2"]),
    st.sampled_from([ALL, READ, WRITE, DESCRIBE, AclOperation.ALTER_CONFIGS]),
    st.sampled_from([ALLOW, DENY]),
)
all_bindings = st.builds(AclBinding, patterns, entries)
principals = st.sampled_from(
    [
        ALICE,
        KafkaPrincipal("User", "alice", token_authenticated=True),
        KafkaPrincipal("User", "bob"),
        KafkaPrincipal("Group", "alice"),
        KafkaPrincipal("User", "root"),
    ]
)
hosts = st.sampled_from([HERE, "192.0.2.2"])
operations = st.sampled_from([READ, WRITE, DESCRIBE, AclOperation.DESCRIBE_CONFIGS])


class RulesChange(RuleBasedStateMachine):
    """Rules come and go; every answer is the model's, whether it was given before or not."""

    @initialize(everyone=st.booleans(), first=st.lists(all_bindings, max_size=12))
    def start(self, everyone: bool, first: list[AclBinding]) -> None:
        self.model = NaiveAuthorizer(["User:root"], everyone)
        self.model.bindings = set(first)
        self.authorizer = Authorizer(super_users=["User:root"], allow_everyone_if_no_acl_found=everyone)
        rules = nodes(first)
        self.authorizer.apply(rules, rules)

    @rule(changed=st.lists(all_bindings, min_size=1, max_size=3))
    def change(self, changed: list[AclBinding]) -> None:
        self.model.bindings ^= set(changed)
        version = self.authorizer.version
        self.authorizer.apply(nodes(self.model.bindings), {each.pattern for each in changed})
        assert self.authorizer.version > version

    @rule(principal=principals, host=hosts, operation=operations, name=resource_names)
    def ask(self, principal: KafkaPrincipal, host: str, operation: AclOperation, name: str) -> None:
        for resource_type in (TOPIC, GROUP):
            question = principal, host, operation, resource_type, name
            assert self.authorizer.authorize(*question) is self.model.authorize(*question)

    @rule(principal=principals, host=hosts, operation=operations)
    def ask_of_a_type(self, principal: KafkaPrincipal, host: str, operation: AclOperation) -> None:
        question = principal, host, operation, TOPIC
        allowed = self.model.authorize_by_resource_type(*question)
        assert self.authorizer.authorize_by_resource_type(*question) is allowed

    @invariant()
    def alice_reads_what_the_model_lets_her(self) -> None:
        question = ALICE, HERE, READ, TOPIC, "ab"
        assert self.authorizer.authorize(*question) is self.model.authorize(*question)


TestRulesChange = RulesChange.TestCase
TestRulesChange.settings = settings(deadline=None)


@settings(deadline=None)
@given(
    st.lists(all_bindings, max_size=8), principals, hosts, operations, st.lists(resource_names, max_size=9)
)
def test_decisions_are_the_model_s(
    bindings: list[AclBinding],
    principal: KafkaPrincipal,
    host: str,
    operation: AclOperation,
    asked: list[str],
) -> None:
    """Any rules, any question, asked twice."""
    model = NaiveAuthorizer([], everyone=False)
    model.bindings = set(bindings)
    rules = authorizer(*bindings)
    for name in [*asked, *asked]:
        question = principal, host, operation, TOPIC, name
        assert rules.authorize(*question) is model.authorize(*question)


# What is remembered.


def test_what_is_remembered_is_bounded() -> None:
    """Names that clients make up fill the memory neither by their number nor by their length."""
    rules = authorizer(binding("t"))
    for number in range(MAX_CACHED_DECISIONS + 10):
        assert not rules.authorize(ALICE, HERE, READ, TOPIC, f"no-{number}")
    assert len(rules._decisions) <= MAX_CACHED_DECISIONS
    remembered = len(rules._decisions)
    assert not rules.authorize(ALICE, HERE, READ, TOPIC, "x" * (MAX_CACHED_NAME_LENGTH + 1))
    assert len(rules._decisions) == remembered
    assert rules.authorize(ALICE, HERE, READ, TOPIC, "t")


class Written(list[tuple[str, str, bool, object]]):
    """An audit log that keeps what it is told."""

    wants_allowed = False

    def note(
        self,
        principal: KafkaPrincipal,
        host: str,
        operation: AclOperation,
        resource: ResourcePattern,
        decision: Decision,
        request: ApiKey | None,
        references: int,
    ) -> None:
        assert (host, operation, references) == (HERE, READ, 1)
        self.append((str(principal), resource.name, decision.is_allowed, decision.rule))
        assert request in (None, ApiKey.FETCH)


def test_what_is_written_down() -> None:
    """Every refusal, remembered or not, unless it is only asked for knowledge; what was allowed where that is wanted."""
    audit = Written()
    rules = Authorizer(audit=audit)
    allowed = binding("t")
    rules.apply(nodes([allowed]), [allowed.pattern])
    for _ in range(2):
        rules.authorize(ALICE, HERE, READ, TOPIC, "secret", request=ApiKey.FETCH)
    rules.authorize(ALICE, HERE, READ, TOPIC, "secret", audit=False)
    rules.authorize(ALICE, HERE, READ, TOPIC, "t")
    rules.authorize_by_resource_type(ALICE, HERE, WRITE, TOPIC)
    assert audit == [("User:alice", "secret", False, "DefaultDeny")] * 2
    audit.wants_allowed = True
    rules.authorize(ALICE, HERE, READ, TOPIC, "t", request=ApiKey.FETCH)
    assert audit[2:] == [("User:alice", "t", True, allowed)]
