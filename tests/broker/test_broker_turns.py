"""The loop's turns: nobody holds it, everybody gets his."""

import asyncio

from ottla.broker import turns as turns_module
from ottla.broker.turns import ARRIVALS_SECONDS, Turns


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(turns_module, "now", lambda: self.seconds)

    def work(self, seconds: float) -> None:
        self.seconds += seconds


def test_work_upon_work_makes_a_turn_late(monkeypatch):
    """A pause in between begins a new one."""
    clock = Clock(monkeypatch)
    turns = Turns(asyncio.new_event_loop())
    late = []
    for _ in range(8):
        late.append(turns.is_late(clock.seconds))
        clock.work(0.001)
        turns.worked()
    assert late == [False] * 5 + [True] * 3
    clock.work(0.01)
    assert not turns.is_late(clock.seconds)
    turns._loop.close()


def test_what_it_takes_to_receive_megabytes_is_no_pause(monkeypatch):
    """One client's pipeline, read megabyte by megabyte without a look at the other sockets, ends its turn like other work."""
    clock = Clock(monkeypatch)
    turns = Turns(asyncio.new_event_loop())
    late = []
    for _ in range(8):
        late.append(turns.is_late(clock.seconds, 1 << 20))
        clock.work(0.0005)
        turns.worked()
        clock.work(0.0008)
    assert late == [False] * 4 + [True] * 4
    clock.work(0.0015)
    assert not turns.is_late(clock.seconds, 1 << 20)
    turns._loop.close()


def test_what_is_put_off_is_done_in_order_a_few_milliseconds_a_turn(monkeypatch):
    """Others run in between; an error concerns its own work alone."""
    clock = Clock(monkeypatch)
    done: list[object] = []
    complained: list[object] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complained.append(context["exception"]))
        turns = Turns(loop)

        def work(number: int) -> None:
            done.append(number)
            clock.work(0.002)
            if number == 3:
                raise ValueError

        for number in range(6):
            turns.put_off(lambda number=number: work(number))
        while len([each for each in done if each != "other"]) < 6:
            await asyncio.sleep(0)
            done.append("other")

    asyncio.run(run())
    assert done == [0, 1, "other", 2, 3, "other", 4, 5, "other"]
    assert len(complained) == 1


def test_after_the_queue_has_run_arrivals_are_served_at_once(monkeypatch):
    """They are not put off behind those who were."""
    clock = Clock(monkeypatch)

    async def run() -> bool:
        turns = Turns(asyncio.get_running_loop())
        turns.is_late(clock.seconds)
        clock.work(ARRIVALS_SECONDS * 2)
        turns.worked()
        assert turns.is_late(clock.seconds)
        turns.put_off(lambda: clock.work(0.001))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return turns.is_late(clock.seconds)

    assert not asyncio.run(run())


def test_work_that_waited_for_other_work_is_a_crowd(monkeypatch):
    """What follows at once was there already; what comes after a pause comes alone."""
    clock = Clock(monkeypatch)
    turns = Turns(asyncio.new_event_loop())
    assert not turns.is_crowded(clock.seconds)
    turns.worked()
    clock.work(0.000_005)
    assert turns.is_crowded(clock.seconds)
    clock.work(0.000_1)
    assert not turns.is_crowded(clock.seconds)
    turns._loop.close()


def test_what_is_sent_last_is_sent_in_order_and_none_keeps_the_others(monkeypatch):
    """In the loop's next round, all of it; an error concerns its own answer alone."""
    Clock(monkeypatch)
    sent: list[int] = []
    complained: list[object] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complained.append(context["exception"]))
        turns = Turns(loop)

        def send(number: int) -> None:
            if number == 1:
                raise ConnectionError
            sent.append(number)

        for number in range(4):
            turns.send_last(lambda number=number: send(number))
        assert sent == []
        await asyncio.sleep(0)
        turns.send_last(lambda: send(9))
        await asyncio.sleep(0)

    asyncio.run(run())
    assert sent == [0, 2, 3, 9]
    assert len(complained) == 1
