"""The types of groups, the states of a classic group, and which state may follow which.

    Empty ──────────────▶ PreparingRebalance ◀──────────────┐
      ▲   first member     │        ▲                       │ a member joins, leaves or fails
      │                    │        │ a member joins        │
      └────────────────────┤        │ or fails              │
        nobody is left     ▼        │                       │
                      CompletingRebalance ───────────────▶ Stable
                         the leader's assignment was stored
    any ───▶ Dead: deleted, or this broker coordinates it no more

Apache: org.apache.kafka.coordinator.group.classic.ClassicGroupState, Group.GroupType.
"""

from enum import Enum


class GroupType(Enum):
    """The protocol a group follows; the value is the name ListGroups shows and filters by."""

    CLASSIC = "classic"
    CONSUMER = "consumer"
    SHARE = "share"
    STREAMS = "streams"
    UNKNOWN = "unknown"

    @classmethod
    def parse(cls, name: str) -> "GroupType":
        """The type called `name`, in any case; UNKNOWN (which no group has) for any other name."""
        try:
            return cls(name.lower())
        except ValueError:
            return cls.UNKNOWN


class ClassicGroupState(Enum):
    """A state of a classic group; the value is the name that ListGroups and DescribeGroups show."""

    EMPTY = "Empty"
    """No members; offsets may remain until they expire. Also groups that only ever stored offsets."""
    PREPARING_REBALANCE = "PreparingRebalance"
    """Members are told to rejoin, and joins are held until all came or time is up."""
    COMPLETING_REBALANCE = "CompletingRebalance"
    """A generation began; its leader's assignment is waited for, and syncs are held."""
    STABLE = "Stable"
    """Every member can have its assignment."""
    DEAD = "Dead"
    """Gone from this coordinator; whoever still holds the object must look again."""


VALID_PREVIOUS_STATES: dict[ClassicGroupState, frozenset[ClassicGroupState]] = {
    ClassicGroupState.EMPTY: frozenset({ClassicGroupState.PREPARING_REBALANCE}),
    ClassicGroupState.PREPARING_REBALANCE: frozenset(
        {ClassicGroupState.STABLE, ClassicGroupState.COMPLETING_REBALANCE, ClassicGroupState.EMPTY}
    ),
    ClassicGroupState.COMPLETING_REBALANCE: frozenset({ClassicGroupState.PREPARING_REBALANCE}),
    ClassicGroupState.STABLE: frozenset({ClassicGroupState.COMPLETING_REBALANCE}),
    ClassicGroupState.DEAD: frozenset(ClassicGroupState),
}
