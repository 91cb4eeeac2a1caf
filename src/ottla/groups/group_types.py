"""How a type of group is added to the coordinator: consumer groups, share groups, streams groups.

A type is a `Group` (registry.py: what offsets, listing and deletion see of one) and a `GroupTypeMachine`, its rules. Each
coordinator of a partition has one machine of each type, made from the `GroupParts` they all share; coordinator.py
names them (`GroupCoordinator.consumer_groups`, `.share_groups`, `.streams_groups`), and its `_machines` drives them:

    records        `replays()` says what each type of record becomes, when loading and when an operation is applied.
                   In the latter case `undo` takes how to take the change back; state changes by nothing else
    requests       methods of the machine that decide: they read groups, change nothing, and answer a `Decision` (records to
                   append, and the response), or raise KafkaError. They are called through
                   `GroupCoordinatorService.perform_write` (answered when the records are committed), `perform_read` and
                   `perform_read_each`, so that service.py needs no method for each; consumer_group_requests.py is the example
    timers         `parts.timers.schedule(key, deadline_ms, action)`; the action gives records (`Undoable` ones
                   if it changed more). A key begins with the type's name. What is due after loading is scheduled by `begin`
    the topics     `parts.topics` has the image of now; `topics_changed` tells which moved: the groups that use them look again
                   at their next heartbeat (`ModernGroup.request_metadata_refresh`)
    listing, deletion, expiration   by the group's own `listed`, `state_name`, `check_delete`, `tombstones`, `expires`
    settings       a NamedTuple of the type's own in `GroupSettings` (settings.py), filled in broker/room_settings.py;
                   what is set for one group: `parts.topics.group_setting(group_id, "share.session.timeout.ms", default)`

Record types: 0 to 2 offsets and classic groups (records.py), 3 to 8 and 16 consumer groups, 10 to 15 share groups, 17 to 23
streams groups (9 is nobody's). Groups of one id exclude each other: `parts.groups` (registry.Groups) holds all types.

Shared pieces: modern_group.py (epochs, members, target assignment, subscribed topics), target_assignment.py (assignors),
topic_metadata.py (topics, metadata hash).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from ottla.coordination.coordinator import CoordinatorTimers
from ottla.coordination.results import CoordinatorRecord
from ottla.groups.registry import Groups, Undo
from ottla.groups.settings import GroupSettings
from ottla.groups.topic_metadata import TopicMetadata

T = TypeVar("T")

Replay = Callable[[bytes, bytes | None, Undo | None], None]
"""Applies one record: its key (with the two bytes of type), its value (None: a tombstone) and where to note how it is
undone (None while loading). Raises ProtocolError for one that can't be read."""

Task = Callable[[], object]
Then = Callable[[object, int], Collection[CoordinatorRecord]]
"""Told what the task gave, or the exception it ended in, and now_ms. Gives records to append."""


class Elsewhere(Protocol):
    """Runs what would hold the coordinator up: `task` in a thread of the shell's, and later `then` back here.

    The task reads immutable values only. Nothing comes of it when the coordinator has resigned meanwhile.
    """

    def __call__(self, task: Task, then: Then) -> None: ...


class Decision(NamedTuple, Generic[T]):
    """What a machine answers to a request that writes."""

    records: Sequence[CoordinatorRecord]
    """In one batch; none: the response is given at once."""
    response: T
    """Given when the records are committed."""
    undo: Undo = []  # noqa: RUF012 - shared by decisions that have none, and never changed
    """For changes made beside the records."""


class Undoable(list[CoordinatorRecord]):
    """Records that a timer gives, with the way back for what it changed beside them."""

    __slots__ = ("undo",)

    def __init__(self, records: Sequence[CoordinatorRecord], undo: Undo) -> None:
        super().__init__(records)
        self.undo = undo


class GroupParts(NamedTuple):
    """What all machines of one coordinator share."""

    settings: GroupSettings
    groups: Groups
    timers: CoordinatorTimers
    topics: TopicMetadata
    new_uuid: Callable[[], str]
    """A random UUID as text, for member ids."""
    elsewhere: Elsewhere


class GroupTypeMachine(ABC):
    """The rules of one type of group, for the groups of one coordinator."""

    @abstractmethod
    def replays(self) -> Mapping[int, Replay]:
        """What becomes of records, by their type."""

    def begin(self, now_ms: int) -> None:  # noqa: B027
        """The log is replayed: schedule what is due for its groups."""

    def topics_changed(self, names: frozenset[str]) -> None:  # noqa: B027
        """These topics were created, deleted or have other partitions now."""

    def dismiss(self) -> None:  # noqa: B027
        """This broker coordinates no more: answer what waits here with NOT_COORDINATOR."""
