"""The states of one partition's coordinator (Apache: CoordinatorRuntime.CoordinatorState)."""

from enum import Enum


class CoordinatorState(Enum):
    """The state of one partition's coordinator."""

    LOADING = "loading"
    """The partition's log is being replayed: COORDINATOR_LOAD_IN_PROGRESS."""
    ACTIVE = "active"
    """Requests are served."""
    FAILED = "failed"
    """The log could not be replayed: NOT_COORDINATOR until elected anew."""
    CLOSED = "closed"
    """Another broker leads the partition: NOT_COORDINATOR."""
