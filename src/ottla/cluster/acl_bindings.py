"""An access rule as a value: who may, or may not, do what to which resource, from where (KIP-11, KIP-290).

    pattern   (resource type, name, literal or prefixed)     a literal `*` stands for every resource of the type
    entry     (principal `User:alice`, host, operation, permission)

Codes on the wire: Apache's `ResourceType`, `PatternType`, `AclOperation`, `AclPermissionType`. What follows from rules is
the security room's to say (`ottla.security.acl`), which gives these names on.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

ANYONE: Final = "User:*"
"""As the principal of a rule: whoever it is, of whatever type."""
ANYWHERE: Final = "*"
"""As the host of a rule."""
EVERY_RESOURCE: Final = "*"
"""As the name of a literal pattern."""
CLUSTER_NAME: Final = "kafka-cluster"
"""The one resource of type CLUSTER."""


class ResourceType(IntEnum):
    """What a rule protects, by its code on the wire; `UNKNOWN` and `ANY` stand in filters only."""

    UNKNOWN = 0
    ANY = 1
    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5
    DELEGATION_TOKEN = 6
    USER = 7


class PatternType(IntEnum):
    """How a rule's name is meant; what `ANY` and `MATCH` ask for: `ottla.security.acl.PatternFilter`."""

    UNKNOWN = 0
    ANY = 1
    MATCH = 2
    LITERAL = 3
    PREFIXED = 4


class AclOperation(IntEnum):
    """What is done to a resource; `UNKNOWN` and `ANY` stand in filters only."""

    UNKNOWN = 0
    ANY = 1
    ALL = 2
    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    CLUSTER_ACTION = 9
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11
    IDEMPOTENT_WRITE = 12
    CREATE_TOKENS = 13
    DESCRIBE_TOKENS = 14
    TWO_PHASE_COMMIT = 15


class PermissionType(IntEnum):
    """Whether a rule grants or takes away."""

    UNKNOWN = 0
    ANY = 1
    DENY = 2
    ALLOW = 3


class ResourcePattern(NamedTuple):
    """Which resources a rule is about."""

    resource_type: ResourceType
    name: str
    pattern_type: PatternType


class AclEntry(NamedTuple):
    """Whom a rule is about, and what it says."""

    principal: str
    """`Type:name`, or `ANYONE`."""
    host: str
    """An address as the connection has it, or `ANYWHERE`."""
    operation: AclOperation
    permission: PermissionType


class AclBinding(NamedTuple):
    """A whole rule."""

    pattern: ResourcePattern
    entry: AclEntry


class AclNode(NamedTuple):
    """All entries of one pattern, as a node of the tree has them."""

    entries: tuple[AclEntry, ...]
    """Each once; never none, for then there is no node."""
    version: int = 0
    """The node's, by which a change tells whether another was before it."""
