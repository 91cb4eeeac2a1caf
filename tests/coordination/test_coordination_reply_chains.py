"""Replies that wait for other replies."""

from ottla.coordination.reply_chains import ReplyChains
from ottla.coordination.results import Replies, Reply


class Coordinator:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self._replies = Replies()

    def ask(self) -> Reply[int]:
        return Reply(self._replies)

    def answer(self, reply: Reply[int], value: int) -> None:
        reply.complete(value)
        self._replies.deliver()


def test_a_chain_of_answers_that_are_there_is_there_at_once() -> None:
    """No turn is needed."""
    chains = ReplyChains()
    chained = chains.then(chains.answered(1), lambda value: chains.mapped(chains.answered(value), str))
    assert chained.done
    assert chained.value == "1"


def test_the_second_is_asked_when_the_first_has_answered() -> None:
    """And the listener hears the second's answer, once."""
    chains, coordinator = ReplyChains(), Coordinator()
    first, second = coordinator.ask(), coordinator.ask()
    asked: list[int] = []
    heard: list[int] = []

    def follow(value: int) -> Reply[int]:
        asked.append(value)
        return second

    chains.then(first, follow).on_complete(heard.append)
    assert asked == []
    coordinator.answer(first, 1)
    assert (asked, heard) == ([1], [])
    coordinator.answer(second, 2)
    assert heard == [2]


def test_gathered_replies_keep_their_order() -> None:
    """Whoever answers last completes it; of none it is there at once."""
    chains, coordinator = ReplyChains(), Coordinator()
    replies = [coordinator.ask() for _ in range(3)]
    gathered = chains.gathered(replies)
    for position in (2, 0, 1):
        assert not gathered.done
        coordinator.answer(replies[position], position)
    assert gathered.value == [0, 1, 2]
    assert chains.gathered([]).value == []


def test_listeners_run_after_one_another() -> None:
    """A listener that completes another chain does not find the first one half told."""
    chains, coordinator = ReplyChains(), Coordinator()
    first, second = coordinator.ask(), coordinator.ask()
    told: list[str] = []
    chains.mapped(second, str).on_complete(lambda _: told.append("second"))

    def complete_second(_: str) -> None:
        coordinator.answer(second, 2)
        told.append("first")

    chains.mapped(first, str).on_complete(complete_second)
    coordinator.answer(first, 1)
    assert told == ["first", "second"]
