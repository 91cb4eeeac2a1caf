"""Who may do what: a decision from super users, rules and what holds without any.

    1  a super user may
    2  a rule that matches and denies: no
    3  a rule that matches and allows the operation, or one that implies it: yes
    4  rules about the resource, none of which matches: no
    5  no rule about the resource: `allow.everyone.if.no.acl.found`

Decisions are those of `StandardAuthorizerData` and, for a type as a whole, `Authorizer.authorizeByResourceType` of Apache 4.1.
A decision that was made before costs a look-up, until a rule changes. No I/O; whoever writes the audit log is given in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final, NamedTuple, Protocol, TypeAlias

from ottla.cluster.acl_bindings import (
    ANYONE,
    ANYWHERE,
    EVERY_RESOURCE,
    AclBinding,
    AclNode,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.protocol.api_keys import ApiKey
from ottla.security.acl import granted_by
from ottla.security.acl_index import AclIndex
from ottla.security.principal import KafkaPrincipal

MAX_CACHED_DECISIONS: Final = 10_000
"""At one more all are forgotten: what is asked for again is soon there again."""
MAX_CACHED_NAME_LENGTH: Final = 256
"""Longer names are decided anew each time, so that what clients make up cannot fill the memory; no topic's name is longer."""

_ANY_NAME: Final = "hardcode"
"""A resource that stands for those without rules, by the name that Apache gives it."""

_ALLOW: Final = PermissionType.ALLOW
_DENY: Final = PermissionType.DENY
_ALL: Final = AclOperation.ALL
_PREFIXED: Final = PatternType.PREFIXED

_Question: TypeAlias = tuple[str, str, str, AclOperation, ResourceType, str]
"""The principal's type and name, host, operation, the resource's type and name."""


class Decision(NamedTuple):
    """What was decided, and because of what."""

    is_allowed: bool
    rule: AclBinding | str
    """The rule that decided, or the name of what holds besides rules."""


class Audit(Protocol):
    """Writes down who was let in and who was not; `security/audit_log.py`."""

    @property
    def wants_allowed(self) -> bool:
        """Whether it has any use for what was allowed."""

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
        """Called within the decision; must not wait."""


class Authorizer:
    """See the module. Belongs to the loop."""

    __slots__ = (
        "_audit",
        "_by_type",
        "_decisions",
        "_index",
        "_super_users",
        "_without_rules",
        "refusals",
        "version",
    )

    def __init__(
        self,
        *,
        super_users: Iterable[str] = (),
        allow_everyone_if_no_acl_found: bool = False,
        audit: Audit | None = None,
    ) -> None:
        """`super_users` as `Type:name`."""
        self.version = 0
        """Rises with every change of a rule: what was decided at another version has to be asked again."""
        self.refusals = 0
        """How often something was asked for and denied."""
        self._index = AclIndex()
        self._super_users = frozenset(super_users)
        self._without_rules = (
            Decision(True, "DefaultAllow") if allow_everyone_if_no_acl_found else _DEFAULT_DENY
        )
        self._audit = audit
        self._decisions: dict[_Question, Decision] = {}
        self._by_type: dict[tuple[KafkaPrincipal, str, AclOperation, ResourceType], bool] = {}

    @property
    def rules(self) -> int:
        """How many there are. Counts them."""
        return len(self._index)

    def apply(self, acls: Mapping[ResourcePattern, AclNode], changed: Iterable[ResourcePattern]) -> None:
        """Take over what `acls` now has for the patterns that changed; nothing: there are no rules of that pattern left."""
        for pattern in changed:
            node = acls.get(pattern)
            self._index.put(pattern, () if node is None else node.entries)
        self.version += 1
        self._decisions.clear()
        self._by_type.clear()

    def authorize(
        self,
        principal: KafkaPrincipal,
        host: str,
        operation: AclOperation,
        resource_type: ResourceType,
        name: str,
        *,
        audit: bool = True,
        request: ApiKey | None = None,
        references: int = 1,
    ) -> bool:
        """Whether `principal`, connected from the address `host`, may do this to this resource.

        Hot path: once for each topic of a request (benchmark row `acl_produce`). Without `audit` nothing is written down:
        for those who only want to know what there is, and ask for nothing. `request` and `references` (how often the
        request names the resource) stand in the audit log.
        """
        # A principal's own hash and comparison are Python's; of its parts they are C's.
        key = principal.principal_type, principal.name, host, operation, resource_type, name
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._decide(key)
        if audit:
            if not decision.is_allowed:
                self.refusals += 1
            if self._audit is not None and (not decision.is_allowed or self._audit.wants_allowed):
                resource = ResourcePattern(resource_type, name, PatternType.LITERAL)
                self._audit.note(principal, host, operation, resource, decision, request, references)
        return decision.is_allowed

    def authorize_by_resource_type(
        self, principal: KafkaPrincipal, host: str, operation: AclOperation, resource_type: ResourceType
    ) -> bool:
        """Whether there is, or could be, any resource of the type to which `principal` may do this.

        What would be allowed of it must not be denied as a whole: a denied `*` denies all, a denied literal that same
        literal, a denied prefix all literals and prefixes that begin with it.
        """
        key = principal, host, operation, resource_type
        allowed = self._by_type.get(key)
        if allowed is None:
            allowed = self.authorize(
                principal, host, operation, resource_type, _ANY_NAME, audit=False
            ) or self._any_allowed(principal, host, operation, resource_type)
            if len(self._by_type) >= MAX_CACHED_DECISIONS:
                self._by_type.clear()
            self._by_type[key] = allowed
        return allowed

    def _decide(self, key: _Question) -> Decision:
        principal_type, principal_name, host, operation, resource_type, name = key
        who = f"{principal_type}:{principal_name}"
        if who in self._super_users:
            decision = _SUPER_USER
        else:
            decision = self._by_rules(who, host, operation, resource_type, name)
        if len(name) <= MAX_CACHED_NAME_LENGTH:
            if len(self._decisions) >= MAX_CACHED_DECISIONS:
                self._decisions.clear()
            self._decisions[key] = decision
        return decision

    def _by_rules(
        self, who: str, host: str, operation: AclOperation, resource_type: ResourceType, name: str
    ) -> Decision:
        patterns = self._index.about(resource_type, name)
        if not patterns:
            return self._without_rules
        granted = granted_by(operation)
        decision = _DEFAULT_DENY
        for pattern, principal in product(patterns, (who, ANYONE)):
            for entry in self._index.of_principal(pattern, principal):
                if entry.host not in (host, ANYWHERE):
                    continue
                if entry.permission is _DENY:
                    if entry.operation in (operation, _ALL):
                        return Decision(False, AclBinding(pattern, entry))
                elif entry.operation in granted:
                    decision = Decision(True, AclBinding(pattern, entry))
        return decision

    def _any_allowed(
        self, principal: KafkaPrincipal, host: str, operation: AclOperation, resource_type: ResourceType
    ) -> bool:
        allowed: list[ResourcePattern] = []
        denied: set[ResourcePattern] = set()
        for pattern, entry in self._index.concerning(resource_type, str(principal)):
            # Only rules about the operation itself count here: what implies it doesn't (KIP-679).
            if entry.host in (host, ANYWHERE) and entry.operation in (operation, _ALL):
                if entry.permission is _ALLOW:
                    allowed.append(pattern)
                else:
                    denied.add(pattern)
        if _everything(resource_type) in denied:
            return False
        return any(not _is_dominated(pattern, denied) for pattern in allowed)


_SUPER_USER: Final = Decision(True, "SuperUser")
_DEFAULT_DENY: Final = Decision(False, "DefaultDeny")


def _everything(resource_type: ResourceType) -> ResourcePattern:
    return ResourcePattern(resource_type, EVERY_RESOURCE, PatternType.LITERAL)


def _is_dominated(pattern: ResourcePattern, denied: set[ResourcePattern]) -> bool:
    """Whether all that a pattern allows is denied by another of a set that doesn't hold `*`."""
    if pattern == _everything(pattern.resource_type):
        return False
    if pattern.pattern_type is PatternType.LITERAL and pattern in denied:
        return True
    return any(
        ResourcePattern(pattern.resource_type, pattern.name[:length], _PREFIXED) in denied
        for length in range(1, len(pattern.name) + 1)
    )
