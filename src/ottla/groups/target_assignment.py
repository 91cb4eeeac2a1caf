"""How a group's partitions are divided: what an assignor is told, and what it answers.

Apache: org.apache.kafka.coordinator.group.modern.TargetAssignmentBuilder, GroupSpecImpl; …group.api.assignor.
"""

from collections.abc import Callable, Collection, Mapping
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


class MemberSpec(NamedTuple):
    """A member, as an assignor sees it."""

    instance_id: str | None
    topic_ids: Collection[Uuid]
    """Those of its subscription that exist, in ascending order."""
    assignment: Assignment
    """Its part of the target assignment so far."""


class GroupSpec(NamedTuple):
    """A group, as an assignor sees it.

    Members come in the order of joining. Where Apache follows the order of a hash map, topics and partitions here come in
    ascending order: the same group is always divided in the same way.
    """

    members: Mapping[str, MemberSpec]
    subscription_type: SubscriptionType
    owners: Mapping[Uuid, Mapping[int, str]]
    """The target assignment so far, the other way round."""
    is_assignable: Callable[[Uuid, int], bool] | None = None
    """Which partitions may be given to anyone; None: all. Share groups wait for a partition's state first."""


PartitionCount = Callable[[Uuid], int]
"""How many partitions a topic has; -1 if it is not known."""


class Assignor(Protocol):
    """A way to divide partitions. Keeps nothing from one time to the next."""

    @property
    def name(self) -> str: ...

    def assign(self, group: GroupSpec, partition_count: PartitionCount) -> Mapping[str, Assignment]:
        """The whole new target assignment; a member that is left out gets nothing. Raises AssignorError."""
