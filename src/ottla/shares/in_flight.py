"""Records in flight: ranges of offsets, each in one state, with one owner.

              acquire                     accept
    AVAILABLE ───────▶ ACQUIRED ───────────────────▶ ACKNOWLEDGED
        ▲                 │ │   reject, gap, or delivered too often
        └─────────────────┘ └───────────────────────▶ ARCHIVED
         release, lock over

A range that is acknowledged or released takes its new state at once but keeps the old one beside it until the persister has
written the change: until then nobody may acquire it, and it does not let the start offset pass. If the write fails, it goes
back.

Apache: SharePartition.RecordState, InFlightState, InFlightBatch. There a batch that is acknowledged in part gets a state per
offset; here it is cut into ranges.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

NO_MEMBER = ""


class RecordState(IntEnum):
    """By Apache's numbers, which the share coordinator's records hold."""

    AVAILABLE = 0
    """May be handed out."""
    ACQUIRED = 1
    """Handed out, and locked for the member that has it."""
    ACKNOWLEDGED = 2
    """Processed. Stays so."""
    ARCHIVED = 4
    """Given up: rejected, not there, delivered too often, or deleted from the log. Stays so."""


TRANSITIONS: Mapping[RecordState, frozenset[RecordState]] = {
    RecordState.AVAILABLE: frozenset((RecordState.ACQUIRED, RecordState.ARCHIVED)),
    RecordState.ACQUIRED: frozenset((RecordState.AVAILABLE, RecordState.ACKNOWLEDGED, RecordState.ARCHIVED)),
    RecordState.ACKNOWLEDGED: frozenset(),
    RecordState.ARCHIVED: frozenset(),
}
"""AVAILABLE goes to ARCHIVED where the log has lost the record."""


class _Before(NamedTuple):
    """What a range goes back to when its change could not be written."""

    state: RecordState
    delivery_count: int
    member_id: str


class InFlightRange:
    """Offsets `first_offset` to `last_offset`, both included."""

    __slots__ = (
        "_before",
        "delivery_count",
        "first_offset",
        "last_offset",
        "lock_deadline_ms",
        "member_id",
        "state",
    )

    def __init__(
        self,
        first_offset: int,
        last_offset: int,
        state: RecordState,
        delivery_count: int,
        member_id: str = NO_MEMBER,
        lock_deadline_ms: int = 0,
    ) -> None:
        self.first_offset = first_offset
        self.last_offset = last_offset
        self.state = state
        self.delivery_count = delivery_count
        """How often it was handed out, this time included."""
        self.member_id = member_id
        """Who has it; empty unless ACQUIRED."""
        self.lock_deadline_ms = lock_deadline_ms
        """Until when, while ACQUIRED."""
        self._before: _Before | None = None

    def __repr__(self) -> str:
        mark = "…" if self.in_transition else ""
        return f"<{self.first_offset}..{self.last_offset} {self.state.name}{mark} {self.delivery_count}>"

    @property
    def in_transition(self) -> bool:
        """Whether its latest change is still to be written."""
        return self._before is not None

    @property
    def is_available(self) -> bool:
        return self.state is RecordState.AVAILABLE and self._before is None

    @property
    def is_done(self) -> bool:
        """Whether it is acknowledged or archived for good."""
        return self._before is None and not TRANSITIONS[self.state]

    def acquire(self, member_id: str, lock_deadline_ms: int) -> None:
        self._change(RecordState.ACQUIRED, member_id)
        self.delivery_count += 1
        self.lock_deadline_ms = lock_deadline_ms

    def archive(self) -> None:
        """Give it up at once: the log has lost it, or its transaction was aborted."""
        self._change(RecordState.ARCHIVED)

    def expire(self, delivery_count_limit: int) -> None:
        """Its lock is over."""
        self._change(self._released(delivery_count_limit))

    def begin(self, state: RecordState, delivery_count_limit: int) -> None:
        """Acknowledge it as `state`, for now; AVAILABLE releases it, unless it was delivered too often."""
        before = _Before(self.state, self.delivery_count, self.member_id)
        released = state is RecordState.AVAILABLE
        self._change(self._released(delivery_count_limit) if released else state)
        self._before = before

    def begin_return(self) -> None:
        """Release it, for now, as if it had not been delivered: its member has closed its session."""
        before = _Before(self.state, self.delivery_count, self.member_id)
        self._change(RecordState.AVAILABLE)
        self.delivery_count -= 1
        self._before = before

    def commit(self) -> None:
        """The change is written."""
        self._before = None

    def roll_back(self) -> None:
        """The change could not be written: as before, lock included."""
        if self._before is not None:
            self.state, self.delivery_count, self.member_id = self._before
            self._before = None

    def split(self, first_offset: int) -> "InFlightRange":
        """Cut the part from `first_offset` on off, and return it. Not while in transition."""
        if self._before is not None:
            raise RuntimeError(f"{self!r} must not be cut before its change is written")
        rest = InFlightRange(
            first_offset,
            self.last_offset,
            self.state,
            self.delivery_count,
            self.member_id,
            self.lock_deadline_ms,
        )
        self.last_offset = first_offset - 1
        return rest

    def _released(self, delivery_count_limit: int) -> RecordState:
        too_often = self.delivery_count >= delivery_count_limit
        return RecordState.ARCHIVED if too_often else RecordState.AVAILABLE

    def _change(self, state: RecordState, member_id: str = NO_MEMBER) -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"{self!r} can't become {state.name}")
        self.state = state
        self.member_id = member_id
