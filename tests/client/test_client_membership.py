"""Members of a group of a protocol type of their own: elected, assigned, rebalanced, fenced."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from brokers import Broker, ProcessBroker
from ottla.client.brokers import Brokers
from ottla.client.errors import MembershipError
from ottla.client.membership import Generation, GroupMembership, JoinedMember
from ottla.protocol.errors import ErrorCode

DEADLINE_S = 40


class Worker:
    """Shares the letters a, b, c… of its group out; remembers what it was told."""

    def __init__(self, name: str, letters: bytes = b"abcdef") -> None:
        self.name = name
        self.letters = letters
        self.assignment: bytes | None = None
        self.generation: Generation | None = None
        self.revoked: list[int] = []
        self.task: asyncio.Task[None] | None = None

    def protocols(self) -> Sequence[tuple[str, bytes]]:
        return [("letters", self.letters), ("none", b"")]

    def assign(self, protocol_name: str, members: Sequence[JoinedMember]) -> Mapping[str, bytes]:
        assert protocol_name == "letters"
        letters = bytes(sorted({letter for member in members for letter in member.metadata}))
        ordered = sorted(member.member_id for member in members)
        return {member_id: letters[index :: len(ordered)] for index, member_id in enumerate(ordered)}

    async def on_assigned(self, generation: Generation, assignment: bytes) -> None:
        self.generation = generation
        self.assignment = assignment

    async def on_revoked(self, generation: Generation) -> None:
        self.assignment = None
        self.revoked.append(generation.generation_id)


def membership(brokers: Brokers, group: str, worker: Worker, instance: str | None = None) -> GroupMembership:
    return GroupMembership(
        brokers,
        group,
        "workers",
        worker,
        group_instance_id=instance,
        session_timeout_ms=6_000,
        rebalance_timeout_ms=10_000,
        heartbeat_interval_ms=100,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 — a deadline bounds it, and no event tells
            await asyncio.sleep(0.01)


async def end(member: GroupMembership, task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await member.leave()


def shared_out(*workers: Worker) -> bool:
    """Whether the workers hold all letters between them, in one generation, each letter once."""
    if any(worker.assignment is None for worker in workers):
        return False
    generations = {worker.generation.generation_id for worker in workers if worker.generation}
    held = b"".join(worker.assignment or b"" for worker in workers)
    return len(generations) == 1 and sorted(held) == sorted(workers[0].letters)


def run(scenario: Callable[[Brokers], Awaitable[None]], bootstrap_servers: str) -> None:
    async def body() -> None:
        async with Brokers(bootstrap_servers) as brokers:
            await scenario(brokers)

    asyncio.run(body())


def test_members_share_their_work_out(broker: Broker, unique_name: Callable[[str], str]) -> None:
    """Three share, one leaves, two share; one changes what it can do, and all are assigned anew."""
    group = unique_name("workers")

    async def scenario(brokers: Brokers) -> None:
        workers = [Worker(name) for name in "xyz"]
        members = [membership(brokers, group, worker) for worker in workers]
        tasks = [asyncio.create_task(member.run()) for member in members]
        await until(lambda: shared_out(*workers))
        assert sum(worker.generation.is_leader for worker in workers if worker.generation) == 1

        await end(members[2], tasks[2])
        assert workers[2].assignment is None
        await until(lambda: shared_out(*workers[:2]))
        assert workers[0].revoked

        for worker in workers[:2]:
            worker.letters = b"abcdefgh"
        members[0].rejoin()
        members[1].rejoin()
        await until(lambda: shared_out(*workers[:2]))
        for member, task in zip(members[:2], tasks[:2], strict=True):
            await end(member, task)

    run(scenario, broker.bootstrap_servers)


def test_a_static_member_comes_back_without_a_rebalance(
    broker: Broker, unique_name: Callable[[str], str]
) -> None:
    """It finds its assignment again; the other member notices nothing. Its former self is fenced."""
    group = unique_name("workers")

    async def scenario(brokers: Brokers) -> None:
        first, second = Worker("first"), Worker("second")
        members = [membership(brokers, group, first, "one"), membership(brokers, group, second, "two")]
        tasks = [asyncio.create_task(member.run()) for member in members]
        await until(lambda: shared_out(first, second))
        assert first.generation is not None
        generation_id, held = first.generation.generation_id, second.assignment

        await end(members[1], tasks[1])
        again = Worker("again")
        member = membership(brokers, group, again, "two")
        task = asyncio.create_task(member.run())
        await until(lambda: again.assignment == held)
        assert again.generation is not None
        assert again.generation.generation_id == generation_id == first.generation.generation_id

        usurper = Worker("usurper")
        usurping = membership(brokers, group, usurper, "two")
        usurping_task = asyncio.create_task(usurping.run())
        with pytest.raises(MembershipError) as fenced:
            await asyncio.wait_for(task, DEADLINE_S)
        assert fenced.value.code is ErrorCode.FENCED_INSTANCE_ID
        await until(lambda: usurper.assignment == held)
        await end(usurping, usurping_task)
        await member.leave()
        await end(members[0], tasks[0])

    run(scenario, broker.bootstrap_servers)


def test_a_member_of_another_kind_is_refused(broker: Broker, unique_name: Callable[[str], str]) -> None:
    """The group's protocol type is that of its first member."""
    group = unique_name("workers")

    async def scenario(brokers: Brokers) -> None:
        worker = Worker("worker")
        member = membership(brokers, group, worker)
        task = asyncio.create_task(member.run())
        await until(lambda: worker.assignment is not None)
        stranger = GroupMembership(brokers, group, "connect", Worker("stranger"), session_timeout_ms=6_000)
        with pytest.raises(MembershipError) as refused:
            await asyncio.wait_for(stranger.run(), DEADLINE_S)
        assert refused.value.code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        await stranger.leave()
        await end(member, task)

    run(scenario, broker.bootstrap_servers)


def test_members_outlive_their_broker(
    start_broker: Callable[[], ProcessBroker], unique_name: Callable[[str], str]
) -> None:
    """Killed and started again: the group is there, and its members find back to it."""
    broker = start_broker()
    group = unique_name("workers")

    async def scenario(brokers: Brokers) -> None:
        workers = [Worker("x"), Worker("y")]
        members = [membership(brokers, group, worker) for worker in workers]
        tasks = [asyncio.create_task(member.run()) for member in members]
        await until(lambda: shared_out(*workers))
        await asyncio.to_thread(broker.kill)
        await until(lambda: all(worker.assignment is None for worker in workers))
        await asyncio.to_thread(broker.start)
        await until(lambda: shared_out(*workers))
        for member, task in zip(members, tasks, strict=True):
            await end(member, task)

    run(scenario, broker.bootstrap_servers)
