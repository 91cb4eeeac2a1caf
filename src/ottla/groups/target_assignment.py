"""How a group's partitions are divided: what an assignor is told, and what it answers.

Apache: org.apache.kafka.coordinator.group.modern.TargetAssignmentBuilder, GroupSpecImpl; …group.api.assignor.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from ottla.groups.modern_group import Assignment
from ottla.protocol.types import Uuid


class AssignorError(Exception):
    """An assignor cannot divide these partitions among these members. The request that asked for it fails."""


class SubscriptionType(Enum):
    """Whether all members subscribe to the same topics."""

    HOMOGENEOUS = "homogeneous"
    HETEROGENEOUS = "heterogeneous"


class GroupSpec(NamedTuple):
    """A group, as an assignor sees it.

    Topics and partitions come in ascending order, where Apache follows the order of a hash map: the same group is always divided
    in the same way. Members are asked about one by one: a group of thousands is divided anew with every member that
    joins, and mostly there is nothing to know of a member but what it has.
    """

    member_ids: Sequence[str]
    """In the order of Java's hash map, as Apache goes through them."""
    topic_ids_of: Callable[[str], Sequence[Uuid]]
    """Those of a member's subscription that exist, in ascending order."""
    instance_id_of: Callable[[str], str | None]
    assignments: Mapping[str, Assignment]
    """Each member's part of the target assignment so far; one that joins has none."""
    sizes: Mapping[str, int]
    """How many partitions each of `assignments` has."""
    subscription_type: SubscriptionType
    owners: Mapping[Uuid, Mapping[int, str]]
    """The target assignment so far, the other way round."""


PartitionCount = Callable[[Uuid], int]
"""How many partitions a topic has; -1 if it is not known."""


class Assignor(Protocol):
    """A way to divide partitions. Keeps nothing from one time to the next."""

    @property
    def name(self) -> str: ...

    def assign(self, group: GroupSpec, partition_count: PartitionCount) -> Mapping[str, Assignment]:
        """The new target assignment. A member that has a part already and keeps all of it may be left out. Raises AssignorError."""
