"""The parts that wait and remember: pending answers, timers, fetch sessions, unfinished frames."""

import asyncio
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.broker.delayed import Timers
from ottla.broker.fetch_sessions import FetchSession, FetchSessionCache
from ottla.broker.pending import Pending
from ottla.broker.receive import Backlog, ReceiveMemory
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID


class TestPending:
    def test_it_is_settled_once(self):
        """By the first who does."""
        pending: Pending[int] = Pending()
        heard = []
        pending.then(lambda settled: heard.append(settled.result()))
        assert pending.complete(1)
        assert not pending.complete(2)
        assert not pending.fail(ValueError())
        assert heard == [1]

    def test_a_settled_one_continues_at_once(self):
        """Whoever asks late hears all the same."""
        pending: Pending[int] = Pending()
        pending.complete(7)
        heard = []
        pending.then(lambda settled: heard.append(settled.result()))
        assert heard == [7]

    def test_an_error_is_raised_by_the_result(self):
        """As if the handler had raised it."""
        pending: Pending[int] = Pending()
        pending.fail(KafkaError(ErrorCode.INVALID_REQUEST))
        with pytest.raises(KafkaError):
            pending.result()

    def test_a_cancelled_one_lets_go_and_stays_silent(self):
        """`on_cancel` runs once; nobody is told."""
        let_go, heard = [], []
        pending: Pending[int] = Pending(lambda: let_go.append(1))
        pending.then(heard.append)
        pending.cancel()
        pending.cancel()
        pending.complete(1)
        assert (let_go, heard) == ([1], [])

    def test_it_follows_another(self):
        """Answer or error."""
        for settle in (lambda each: each.complete(3), lambda each: each.fail(ValueError("x"))):
            first: Pending[int] = Pending()
            second: Pending[int] = Pending()
            first.then(second.follow)
            settle(first)
            assert second.settled


class SimulatedLoop:
    """The clock and the one timer that `Timers` needs of a loop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.armed: list[tuple[float, object, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback):
        handle = SimulatedHandle()
        self.armed.append((when, callback, handle))
        return handle

    def advance(self, seconds: float) -> None:
        self.now += seconds
        while due := [each for each in self.armed if each[0] <= self.now and not each[2].cancelled]:
            self.armed = [each for each in self.armed if each not in due]
            for _, callback, _ in due:
                callback()


class SimulatedHandle:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class TestTimers:
    @given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=60))
    @settings(deadline=None)
    def test_each_is_called_once_in_order_unless_cancelled(self, wanted):
        """Against a list of what is due when."""
        loop = SimulatedLoop()
        timers = Timers(loop)
        called: list[int] = []
        made = [
            timers.after(delay_ms, lambda delay_ms=delay_ms: called.append(delay_ms))
            for delay_ms, _ in wanted
        ]
        for timer, (_, cancelled) in zip(made, wanted, strict=True):
            if cancelled:
                timer.cancel()
        expected = sorted(delay_ms for delay_ms, cancelled in wanted if not cancelled)
        assert len(timers) == len(expected)
        for _ in range(60):
            loop.advance(0.01)
            limit_ms = loop.now * 1000 + 1.5
            assert called == expected[: len(called)]
            assert all(delay_ms > limit_ms - 3 for delay_ms in expected[len(called) :])
        assert called == expected
        assert len(timers) == 0

    def test_cancelled_entries_do_not_pile_up(self):
        """A hundred thousand long polls that ended early leave next to nothing."""
        timers = Timers(SimulatedLoop())
        for _ in range(100_000):
            timers.after(60_000, lambda: None).cancel()
        assert len(timers._heap) < 5_000

    def test_on_a_real_loop(self):
        """Not before their time, and soon after."""

        async def run() -> float:
            loop = asyncio.get_running_loop()
            timers = Timers(loop)
            done = loop.create_future()
            timers.after(5_000, lambda: None)
            started = loop.time()
            timers.after(30, lambda: done.set_result(loop.time() - started))
            try:
                return await asyncio.wait_for(done, 5)
            finally:
                timers.close()

        assert 0.025 < asyncio.run(run()) < 4

    def test_one_that_fails_keeps_nobody_waiting(self):
        """Not those that are due with it, nor those that are due later: the loop is told, and goes on."""
        told: list[object] = []

        def fail() -> None:
            raise RuntimeError("broken")

        async def run() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
            timers = Timers(loop)
            done = [loop.create_future() for _ in range(2)]
            timers.after(0, fail)
            timers.after(0, lambda: done[0].set_result(None))
            timers.after(20, lambda: done[1].set_result(None))
            try:
                await asyncio.wait_for(asyncio.gather(*done), 5)
            finally:
                timers.close()

        asyncio.run(run())
        assert [str(each) for each in told] == ["broken"]


def session(partitions: int = 1, **options) -> FetchSession:
    made = FetchSession(uses_topic_ids=False, **options)
    for number in range(partitions):
        made.put(("t", number), "t", ZERO_UUID, 0, 1, -1, -1)
    return made


def cache(slots: int = 2, eviction_ms: int = 1000) -> FetchSessionCache:
    generator = random.Random(4)
    return FetchSessionCache(slots, eviction_ms, lambda: generator.getrandbits(31))


class TestFetchSessionCache:
    def test_ids_are_found_again_and_epochs_count_up(self):
        """From 1, with INVALID_FETCH_SESSION_EPOCH for any other."""
        kept = cache()
        made = session()
        assert kept.enter(made, 0)
        for epoch in (1, 2, 3):
            assert kept.take(made.identity, epoch, 0, uses_topic_ids=False) is made
        with pytest.raises(KafkaError) as raised:
            kept.take(made.identity, 3, 0, uses_topic_ids=False)
        assert raised.value.code == ErrorCode.INVALID_FETCH_SESSION_EPOCH

    def test_the_epoch_wraps_to_1(self):
        """0 and -1 mean something else."""
        made = session()
        made.epoch = 2**31 - 1
        made.next_epoch()
        assert made.epoch == 1

    def test_a_stale_session_makes_room(self):
        """One that was not used for the eviction time; the least recently used first."""
        kept = cache()
        first, second, third = session(), session(), session()
        assert kept.enter(first, 0)
        assert kept.enter(second, 500)
        assert not kept.enter(third, 900)
        assert kept.enter(third, 1001)
        assert (first.identity, kept.evictions) == (0, 1)
        assert second.identity

    def test_a_larger_session_takes_the_place_of_a_smaller_old_one(self):
        """Once that has lived for the eviction time, though it is in use."""
        kept = cache(1)
        small = session(1)
        kept.enter(small, 0)
        kept.take(small.identity, 1, 1500, uses_topic_ids=False)
        assert kept.enter(session(5), 1600)
        assert small.identity == 0

    def test_a_smaller_one_does_not(self):
        """Or they would push each other out for ever."""
        kept = cache(1)
        large = session(5)
        kept.enter(large, 0)
        kept.take(large.identity, 1, 1500, uses_topic_ids=False)
        assert not kept.enter(session(1), 1600)

    def test_a_followers_session_takes_the_place_of_a_consumers(self):
        """At any age; never the other way round."""
        kept = cache(1)
        consumer = session(100)
        kept.enter(consumer, 0)
        follower = session(1, privileged=True)
        assert kept.enter(follower, 1)
        assert consumer.identity == 0
        assert not kept.enter(session(500), 2)

    def test_partitions_are_counted(self, monkeypatch):
        """Over all sessions, as they come, change and go; past the bound there is no session."""
        monkeypatch.setattr("ottla.broker.fetch_sessions.MAX_CACHED_PARTITIONS", 10)
        kept = cache(5)
        first = session(6)
        assert kept.enter(first, 0)
        assert not kept.enter(session(5), 0)
        assert kept.enter(session(4), 0)
        assert kept.partition_count == 10
        kept.remove(first.identity)
        assert kept.partition_count == 4


class TestReceiveMemory:
    @given(st.integers(1, 600_000), st.lists(st.integers(1, 70_000), min_size=1, max_size=80), st.data())
    @settings(max_examples=25, deadline=None)
    def test_a_frame_arrives_whole_however_it_is_cut(self, size, pieces, data):
        """And never takes more memory than four times what has come."""
        memory = ReceiveMemory()
        frame = struct.pack(">i", size) + data.draw(st.randoms()).randbytes(size)
        position = min(len(frame) - 1, pieces[0])
        backlog = Backlog(memory, memoryview(frame)[:position])
        turn = 0
        while not backlog.whole:
            room = backlog.room()
            assert len(room) > 0
            piece = min(len(room), pieces[turn % len(pieces)], len(frame) - position)
            room[:piece] = frame[position : position + piece]
            backlog.received(piece)
            position += piece
            turn += 1
            assert len(backlog.view) <= max(4 * backlog.length, 512)
        assert bytes(backlog.view[: backlog.length]) == frame
        backlog.release()
        assert memory.reserved_bytes == 0

    def test_spares_are_used_again_and_are_few(self):
        """A megabyte that worked once need not be made anew."""
        memory = ReceiveMemory()
        held = [memory.take(700_000, 1_000_000) for _ in range(20)]
        for each in held:
            memory.give_back(each)
        assert len(memory._spares) == 4
        assert memory.take(10, 1_000_000) in held

    def test_those_who_wait_for_memory_are_called_when_there_is_some(self):
        """Once each, unless they have gone."""
        memory = ReceiveMemory(100)
        called = []
        stays, goes = lambda: called.append(1), lambda: called.append(2)
        memory.reserve(150)
        assert memory.exhausted
        memory.when_available(stays)
        memory.when_available(goes)
        memory.forget(goes)
        memory.release(20)
        assert called == []
        memory.release(100)
        assert called == [1]
