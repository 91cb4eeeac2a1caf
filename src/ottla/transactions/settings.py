"""The broker's settings that the transaction coordinator goes by, under their own names in snake case."""

from dataclasses import dataclass
from typing import Final

TRANSACTION_VERSION_1: Final = 1
"""Records carry tagged fields (KIP-890)."""
TRANSACTION_VERSION_2: Final = 2
"""Every transaction has an epoch of its own, and partitions are added by writing to them (KIP-890)."""


@dataclass(frozen=True, slots=True)
class TransactionSettings:
    """All durations in milliseconds."""

    transaction_max_timeout_ms: int = 900_000
    transactional_id_expiration_ms: int = 604_800_000
    abort_timed_out_transaction_cleanup_interval_ms: int = 10_000
    remove_expired_transaction_cleanup_interval_ms: int = 3_600_000
    two_phase_commit_enable: bool = False
