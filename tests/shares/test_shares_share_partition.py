"""Single situations of a share partition that random walks seldom meet."""

from __future__ import annotations

import pytest
from share_world import KEY

from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.shares.settings import SharePartitionSettings
from ottla.shares.share_partition import (
    MAX_IN_FLIGHT_RANGES,
    Acknowledgement,
    LogBatch,
    SharePartition,
    SharePartitionState,
)
from ottla.shares.state_batches import StateBatch

ACCEPT, RELEASE = 1, 2


def loaded(*batches: StateBatch, start_offset: int = 0, locks: int = 100) -> SharePartition:
    share = SharePartition(KEY, 0, SharePartitionSettings(partition_max_record_locks=locks))
    share.begin_loading()
    share.loaded(0, start_offset, batches)
    return share


def acquire(share: SharePartition, *batches: LogBatch, max_records: int = 500) -> list[tuple[int, int, int]]:
    return list(
        share.acquire(
            "m",
            batches,
            fetch_offset=share.next_fetch_offset,
            batch_size=500,
            max_records=max_records,
            lock_deadline_ms=1,
        )
    )


def test_what_was_done_with_when_it_was_written_does_not_come_again() -> None:
    """In the middle of a batch of the log as little as at its beginning (Apache 4.1.1 begins the batch anew)."""
    share = loaded(StateBatch(0, 1, 1, 2), StateBatch(3, 3, 1, 2), StateBatch(4, 4, 1, 0))
    assert (share.start_offset, share.next_fetch_offset, share.next_offset) == (2, 2, 5)
    assert acquire(share, LogBatch(0, 5)) == [(2, 2, 1), (4, 4, 2), (5, 5, 1)]


def test_a_start_in_the_middle_of_a_batch_is_kept_to() -> None:
    """A group may begin there, by time or by an administrator's word."""
    share = loaded(start_offset=7)
    assert acquire(share, LogBatch(0, 9)) == [(7, 9, 1)]
    assert share.start_offset == 7


@pytest.mark.parametrize(
    "batch",
    [StateBatch(3, 9, 1, 2), StateBatch(8, 7, 1, 2), StateBatch(6, 6, 1, 3)],
    ids=["before the start", "backwards", "unknown state"],
)
def test_state_that_cannot_be_is_refused(batch: StateBatch) -> None:
    share = SharePartition(KEY, 0, SharePartitionSettings())
    share.begin_loading()
    with pytest.raises(KafkaError) as refused:
        share.loaded(0, 5, [batch])
    assert refused.value.code is ErrorCode.UNKNOWN_SERVER_ERROR
    assert share.state is SharePartitionState.FAILED
    assert not share.can_acquire


def test_locks_that_were_written_are_nobodys() -> None:
    """The share coordinator keeps none, but another broker might have written one."""
    assert acquire(loaded(StateBatch(0, 2, 1, 1)), LogBatch(0, 2)) == [(0, 2, 2)]


def test_a_fenced_share_partition_gives_nothing() -> None:
    share = loaded()
    share.fence()
    assert acquire(share, LogBatch(0, 9)) == []
    share.loaded(0, 0, [])
    assert share.state is SharePartitionState.FENCED


def test_ranges_in_flight_are_bounded() -> None:
    """A batch may claim any number of records: cut into more ranges than one record of state holds, it is refused whole."""
    share = loaded()
    count = MAX_IN_FLIGHT_RANGES + 1
    assert acquire(share, LogBatch(0, 2**31 - 1), max_records=1) == [(0, 2**31 - 1, 1)]
    alternating = [ACCEPT, RELEASE] * count
    with pytest.raises(KafkaError) as refused:
        share.acknowledge("m", [Acknowledgement(0, len(alternating) - 1, alternating)])
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert share.in_flight_ranges == 1
    write = share.acknowledge("m", [Acknowledgement(0, count - 2, alternating[: count - 1])])
    assert write is not None
    assert len(write.batches) == count - 1
    again = Acknowledgement(count * 2, count * 2, [ACCEPT])
    with pytest.raises(KafkaError):
        share.acknowledge("m", [again])


def test_a_full_window_is_not_left_behind_by_released_records() -> None:
    """A fetch that begins with one of them takes what is within the window alone."""
    share = loaded(locks=10)
    log = [LogBatch(offset, offset) for offset in range(30)]
    assert acquire(share, *log, max_records=10) == [(0, 9, 1)]
    write = share.acknowledge("m", [Acknowledgement(4, 4, [RELEASE])])
    assert write is not None
    share.written(write)
    assert share.can_acquire
    assert acquire(share, *log[4:]) == [(4, 4, 2)]
    assert not share.can_acquire
