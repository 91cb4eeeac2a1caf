"""Access rules: what may be written into one, what a filter of rules matches, and what a rule means for a request.

Kafka's model of KIP-11 with prefixed patterns (KIP-290). Rules and texts: `AclControlManager`, `AclApis`,
`ResourcePatternFilter`, `AccessControlEntryFilter` of Apache 4.1; operations by resource: `AclEntry.supportedOperations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ottla.cluster.acl_bindings import (
    ANYONE,
    ANYWHERE,
    CLUSTER_NAME,
    EVERY_RESOURCE,
    AclBinding,
    AclEntry,
    AclNode,
    AclOperation,
    PatternType,
    PermissionType,
    ResourcePattern,
    ResourceType,
)
from ottla.protocol.errors import ErrorCode, KafkaError

__all__ = [
    "ANYONE",
    "ANYWHERE",
    "CLUSTER_NAME",
    "EVERY_RESOURCE",
    "IMPLIES_DESCRIBE",
    "IMPLIES_DESCRIBE_CONFIGS",
    "SUPPORTED_OPERATIONS",
    "AclBinding",
    "AclEntry",
    "AclFilter",
    "AclOperation",
    "EntryFilter",
    "PatternFilter",
    "PatternType",
    "PermissionType",
    "ResourcePattern",
    "ResourceType",
    "check_binding",
    "granted_by",
]

IMPLIES_DESCRIBE: Final = frozenset(
    {
        AclOperation.DESCRIBE,
        AclOperation.READ,
        AclOperation.WRITE,
        AclOperation.DELETE,
        AclOperation.ALTER,
    }
)
"""Whoever is allowed one of these is allowed DESCRIBE. Who is denied one is not denied DESCRIBE by that."""
IMPLIES_DESCRIBE_CONFIGS: Final = frozenset({AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS})

SUPPORTED_OPERATIONS: Final[Mapping[ResourceType, frozenset[AclOperation]]] = {
    ResourceType.TOPIC: frozenset(
        {
            AclOperation.READ,
            AclOperation.WRITE,
            AclOperation.CREATE,
            AclOperation.DESCRIBE,
            AclOperation.DELETE,
            AclOperation.ALTER,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
        }
    ),
    ResourceType.GROUP: frozenset(
        {
            AclOperation.READ,
            AclOperation.DESCRIBE,
            AclOperation.DELETE,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
        }
    ),
    ResourceType.CLUSTER: frozenset(
        {
            AclOperation.CREATE,
            AclOperation.CLUSTER_ACTION,
            AclOperation.DESCRIBE_CONFIGS,
            AclOperation.ALTER_CONFIGS,
            AclOperation.IDEMPOTENT_WRITE,
            AclOperation.ALTER,
            AclOperation.DESCRIBE,
        }
    ),
    ResourceType.TRANSACTIONAL_ID: frozenset(
        {AclOperation.DESCRIBE, AclOperation.WRITE, AclOperation.TWO_PHASE_COMMIT}
    ),
    ResourceType.DELEGATION_TOKEN: frozenset({AclOperation.DESCRIBE}),
    ResourceType.USER: frozenset({AclOperation.CREATE_TOKENS, AclOperation.DESCRIBE_TOKENS}),
}
"""What can be asked for of each kind of resource. Rules about other operations may be written and never hold."""

_OF_PATTERNS: Final = frozenset({PatternType.LITERAL, PatternType.PREFIXED})
_OF_ENTRIES: Final = frozenset({PermissionType.ALLOW, PermissionType.DENY})


class PatternFilter(NamedTuple):
    """Which patterns are meant. ANY type takes every type; no name takes every name.

    `ANY` as the pattern type takes literal and prefixed patterns of just this name; `MATCH` those that would hold for a
    resource of this name: literal, prefixed and `*`.
    """

    resource_type: ResourceType
    name: str | None
    pattern_type: PatternType

    def matches(self, pattern: ResourcePattern) -> bool:
        if self.resource_type not in (ResourceType.ANY, pattern.resource_type):
            return False
        if self.pattern_type not in (PatternType.ANY, PatternType.MATCH, pattern.pattern_type):
            return False
        if self.name is None:
            return True
        if self.pattern_type is not PatternType.MATCH:
            return self.name == pattern.name
        if pattern.pattern_type is PatternType.LITERAL:
            return pattern.name in (self.name, EVERY_RESOURCE)
        return self.name.startswith(pattern.name)

    def among(self, patterns: Mapping[ResourcePattern, AclNode]) -> Iterable[ResourcePattern]:
        """Those that match, looked up where the filter names one, or searched for."""
        is_exact = self.pattern_type in _OF_PATTERNS and self.resource_type is not ResourceType.ANY
        if is_exact and self.name is not None:
            named = ResourcePattern(self.resource_type, self.name, self.pattern_type)
            return (named,) if named in patterns else ()
        return filter(self.matches, patterns)

    @property
    def is_unknown(self) -> bool:
        return self.resource_type is ResourceType.UNKNOWN or self.pattern_type is PatternType.UNKNOWN


class EntryFilter(NamedTuple):
    """Which entries are meant; None and ANY take all."""

    principal: str | None
    host: str | None
    operation: AclOperation
    permission: PermissionType

    def matches(self, entry: AclEntry) -> bool:
        return (
            self.principal in (None, entry.principal)
            and self.host in (None, entry.host)
            and self.operation in (AclOperation.ANY, entry.operation)
            and self.permission in (PermissionType.ANY, entry.permission)
        )

    @property
    def is_unknown(self) -> bool:
        return self.operation is AclOperation.UNKNOWN or self.permission is PermissionType.UNKNOWN


class AclFilter(NamedTuple):
    """Which rules are meant: both halves have to match."""

    pattern: PatternFilter
    entry: EntryFilter

    def matches(self, binding: AclBinding) -> bool:
        return self.pattern.matches(binding.pattern) and self.entry.matches(binding.entry)

    def select(self, acls: Mapping[ResourcePattern, AclNode]) -> Iterator[AclBinding]:
        """The rules among `acls` that are meant."""
        for pattern in self.pattern.among(acls):
            for entry in acls[pattern].entries:
                if self.entry.matches(entry):
                    yield AclBinding(pattern, entry)

    def check(self) -> None:
        """Raises INVALID_REQUEST for what a deletion may not ask for."""
        if self.pattern.is_unknown:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Unknown patternFilter.")
        if self.entry.is_unknown:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Unknown entryFilter.")


def check_binding(binding: AclBinding) -> None:
    """Whether a rule can be kept. Raises INVALID_REQUEST."""
    fault = _fault(*binding)
    if fault is not None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, fault)


def _fault(pattern: ResourcePattern, entry: AclEntry) -> str | None:
    resource_type, name, pattern_type = pattern
    if resource_type is ResourceType.CLUSTER and name != CLUSTER_NAME:
        return f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
    if not name:
        return "Invalid empty resource name"
    if resource_type in (ResourceType.UNKNOWN, ResourceType.ANY):
        return f"Invalid resourceType {resource_type.name}"
    if pattern_type not in _OF_PATTERNS:
        return f"Invalid patternType {pattern_type.name}"
    if entry.operation in (AclOperation.UNKNOWN, AclOperation.ANY):
        return f"Invalid operation {entry.operation.name}"
    if entry.permission not in _OF_ENTRIES:
        return f"Invalid permissionType {entry.permission.name}"
    if ":" not in entry.principal:
        return (
            f"Could not parse principal from `{entry.principal}` "
            "(no colon is present separating the principal type from the principal name)"
        )
    return None


def granted_by(operation: AclOperation) -> frozenset[AclOperation]:
    """The operations of which one has to be allowed by a rule for `operation` to be; denials name it themselves."""
    if operation is AclOperation.DESCRIBE:
        return IMPLIES_DESCRIBE | {AclOperation.ALL}
    if operation is AclOperation.DESCRIBE_CONFIGS:
        return IMPLIES_DESCRIBE_CONFIGS | {AclOperation.ALL}
    return frozenset({operation, AclOperation.ALL})
