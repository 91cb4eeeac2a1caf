"""The groups of one coordinator by id, and what every type of group offers to the parts that all types share."""

from collections.abc import Callable, Iterator
from typing import Protocol

from ottla.coordination.results import CoordinatorRecord
from ottla.groups.classic_group import ClassicGroup, OffsetExpiration
from ottla.groups.states import ClassicGroupState, GroupType
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.list_groups import ListedGroup

Undo = list[Callable[[], None]]


class Group(Protocol):
    """A group of any type, as offsets, expiration, listing and deletion see it.

    The `check_...` methods raise the KafkaError with which the operation is refused.
    """

    @property
    def group_id(self) -> str: ...

    @property
    def type(self) -> GroupType: ...

    @property
    def is_empty(self) -> bool: ...

    @property
    def member_count(self) -> int: ...

    @property
    def state_name(self) -> str:
        """As ListGroups shows and filters by it."""

    def listed(self) -> ListedGroup: ...

    @property
    def expires(self) -> bool:
        """Whether it goes by itself when it is empty and has no offsets left."""

    def is_subscribed_to(self, topic: str) -> bool: ...

    def offset_expiration(self) -> OffsetExpiration | None: ...

    def check_offset_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id: int,
        *,
        transactional: bool,
        api_version: int,
    ) -> None:
        """`generation_id` is the member epoch where the group has those. `api_version`: of OffsetCommit."""

    def check_offset_fetch(self, member_id: str | None, member_epoch: int) -> None:
        """No member id and epoch -1: the request is not a member's."""

    def check_offset_delete(self) -> None: ...

    def check_delete(self) -> None: ...

    def tombstones(self) -> list[CoordinatorRecord]:
        """What removes it from the log, offsets apart."""


class Groups:
    """Groups by id."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: dict[str, Group] = {}

    def __contains__(self, group_id: str) -> bool:
        return group_id in self._by_id

    def __iter__(self) -> Iterator[Group]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def ids(self) -> list[str]:
        return list(self._by_id)

    def find(self, group_id: str) -> Group | None:
        return self._by_id.get(group_id)

    def find_classic(self, group_id: str) -> ClassicGroup | None:
        group = self._by_id.get(group_id)
        return group if isinstance(group, ClassicGroup) else None

    def get(self, group_id: str) -> Group:
        """The group; KafkaError GROUP_ID_NOT_FOUND if there is none."""
        group = self._by_id.get(group_id)
        if group is None:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
        return group

    def get_classic(self, group_id: str) -> ClassicGroup:
        """The classic group; GROUP_ID_NOT_FOUND also if a group of another type has the id."""
        group = self.get(group_id)
        if not isinstance(group, ClassicGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a classic group.")
        return group

    def add_classic(self, group_id: str, now_ms: int, undo: Undo | None = None) -> ClassicGroup:
        """A new empty group. `undo` is told how to take it back."""
        group = ClassicGroup(group_id, ClassicGroupState.EMPTY, now_ms=now_ms)
        self.put(group, undo)
        return group

    def put(self, group: Group, undo: Undo | None = None) -> None:
        self._note(group.group_id, undo)
        self._by_id[group.group_id] = group

    def remove(self, group_id: str, undo: Undo | None = None) -> Group | None:
        self._note(group_id, undo)
        return self._by_id.pop(group_id, None)

    def clear(self) -> None:
        self._by_id.clear()

    def _note(self, group_id: str, undo: Undo | None) -> None:
        if undo is None:
            return
        previous = self._by_id.get(group_id)

        def restore() -> None:
            if previous is None:
                self._by_id.pop(group_id, None)
            else:
                self._by_id[group_id] = previous

        undo.append(restore)
