"""The states of a transactional id's transaction, and which may follow which.

              AddPartitionsToTxn              EndTxn              all markers written
    Empty ─────────────────────▶ Ongoing ─────────────▶ PrepareCommit ─────────▶ CompleteCommit ─┐
      ▲                           ▲  │ ▲                 PrepareAbort ──────────▶ CompleteAbort ─┤
      │                           └──┘ │                   ▲   ▲                                 │
      │ InitProducerId                 └───────────────────│───│──────── AddPartitionsToTxn ─────┤
      └────────────────────────────────────────────────────│───┴─ abort of nothing (version 2) ──┤
                                                           │                                     │
              Ongoing ─▶ PrepareEpochFence ────────────────┘         expired: Dead ◀─────────────┘

PrepareEpochFence (a newer instance, or a timeout, takes the producer's epoch away) is over before anyone can see it; it is
kept because tools may ask for it by name.

Apache: org.apache.kafka.coordinator.transaction.TransactionState.
"""

from enum import IntEnum
from typing import Final


class TransactionState(IntEnum):
    """The value is the number that stands in the log."""

    EMPTY = 0
    """A producer has its id, and no transaction yet."""
    ONGOING = 1
    """Partitions were added."""
    PREPARE_COMMIT = 2
    """Decided: it commits. Markers are on their way to its partitions."""
    PREPARE_ABORT = 3
    """Decided: it aborts. Markers are on their way to its partitions."""
    COMPLETE_COMMIT = 4
    """Every partition has its marker."""
    COMPLETE_ABORT = 5
    """Every partition has its marker."""
    DEAD = 6
    """The transactional id has expired; its tombstone is on its way."""
    PREPARE_EPOCH_FENCE = 7
    """The producer's epoch is being raised, to abort its transaction."""

    @property
    def state_name(self) -> str:
        """As ListTransactions and DescribeTransactions show it."""
        return STATE_NAMES[self]


STATE_NAMES: Final = {
    state: "".join(word.capitalize() for word in state.name.split("_")) for state in TransactionState
}
STATES_BY_NAME: Final = {name: state for state, name in STATE_NAMES.items()}

_COMPLETE: Final = frozenset({TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT})

VALID_PREVIOUS_STATES: Final[dict[TransactionState, frozenset[TransactionState]]] = {
    TransactionState.EMPTY: _COMPLETE | {TransactionState.EMPTY},
    TransactionState.ONGOING: _COMPLETE | {TransactionState.ONGOING, TransactionState.EMPTY},
    TransactionState.PREPARE_COMMIT: frozenset({TransactionState.ONGOING}),
    TransactionState.PREPARE_ABORT: _COMPLETE
    | {TransactionState.ONGOING, TransactionState.PREPARE_EPOCH_FENCE, TransactionState.EMPTY},
    TransactionState.COMPLETE_COMMIT: frozenset({TransactionState.PREPARE_COMMIT}),
    TransactionState.COMPLETE_ABORT: frozenset({TransactionState.PREPARE_ABORT}),
    TransactionState.DEAD: _COMPLETE | {TransactionState.EMPTY},
    TransactionState.PREPARE_EPOCH_FENCE: frozenset({TransactionState.ONGOING}),
}

IDLE_STATES: Final = _COMPLETE | {TransactionState.EMPTY}
"""No transaction is open: the transactional id may expire, or a new transaction begin."""
PREPARED_STATES: Final = frozenset({TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT})
"""Decided and not done: after a restart the markers are written again."""
