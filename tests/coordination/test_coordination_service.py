"""What fails in one place keeps nobody else waiting: timers of other partitions, replies to others."""

from __future__ import annotations

import pytest

from ottla.coordination.coordinator import PartitionCoordinator
from ottla.coordination.results import NO_PRODUCER_ID, CoordinatorRecord, CoordinatorResult, Replies, Reply
from ottla.coordination.service import CoordinatorService


class Nothing:
    """State without any."""

    def apply(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""

    def commit(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""

    def revert(self, result: CoordinatorResult[object]) -> None:
        """Nothing."""


class Clock(PartitionCoordinator):
    """Knows only what is due when."""

    def __init__(self, partition: int, replies: Replies) -> None:
        super().__init__(partition, "clocks", replies)
        self._keep(Nothing())
        self.woken: list[int] = []

    def replay(self, offset: int, key: bytes, value: bytes | None, producer_id: int = NO_PRODUCER_ID) -> None:
        raise AssertionError("there is no log")

    def _forget(self) -> None:
        self.woken.clear()

    def wake(self, due_ms: int, *, fails: bool = False) -> None:
        def action(now_ms: int) -> list[CoordinatorRecord]:
            if fails:
                raise RuntimeError("broken")
            self.woken.append(now_ms)
            return []

        self._timers.schedule(due_ms, due_ms, action)


class Clocks(CoordinatorService[Clock]):
    def __init__(self) -> None:
        super().__init__(2, lambda partition, result: None)

    def _new_coordinator(self, partition: int, _leader_epoch: int) -> Clock:
        return Clock(partition, self._replies)


def test_a_timer_that_fails_keeps_no_other_from_its_time() -> None:
    """Neither those of other partitions nor the later ones of its own: the next run has them all."""
    service = Clocks()
    for partition in range(2):
        service.elected(partition, 0)
        service.loaded(partition, 0)
    first, second = service.coordinators()
    first.wake(9, fails=True)
    first.wake(30)
    second.wake(10)
    second.wake(20)
    with pytest.raises(RuntimeError, match="broken"):
        service.run_timers(9)
    assert service.next_timer_ms() == 10
    service.run_timers(10)
    assert (first.woken, second.woken) == ([], [10])
    assert service.next_timer_ms() == 20


def test_a_reply_that_is_not_taken_keeps_no_other_from_its_listener() -> None:
    """The fault is told when all have heard."""
    replies = Replies()
    heard: list[int] = []

    def fail(_: int) -> None:
        raise RuntimeError("broken")

    for listener in (fail, heard.append):
        reply: Reply[int] = Reply(replies)
        reply.on_complete(listener)
        reply.complete(7)
    with pytest.raises(RuntimeError, match="broken"):
        replies.deliver()
    assert heard == [7]
