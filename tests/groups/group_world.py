"""A group coordinator with a log, a clock and clients in memory: what the tests of groups drive.

`GroupWorld` is the shell of service.py's contract, with switches: appends are committed at once, held until
`commit_log`, or refused. Member ids end in 1, 2, 3… instead of a UUID.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ottla.coordination.results import CoordinatorRecord, CoordinatorResult, Reply
from ottla.groups.group_types import Task
from ottla.groups.service import GroupCoordinatorService
from ottla.groups.settings import GroupRequestContext, GroupSettings
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.errors import ErrorCode

START_MS = 1_700_000_000_000


class GroupWorld:
    """One broker that leads all partitions of `__consumer_offsets`."""

    def __init__(self, settings: GroupSettings | None = None, *, partition_count: int = 1) -> None:
        self.settings = settings or GroupSettings()
        self.partition_count = partition_count
        self.now_ms = START_MS
        self.logs: list[list[CoordinatorRecord]] = [[] for _ in range(partition_count)]
        self.held: list[tuple[int, CoordinatorResult[object]]] = []
        self.hold = False
        self.refuse_with: ErrorCode | None = None
        self.topics = TopicMetadata()
        self.tasks: list[tuple[Task, Callable[[object, int], None]]] = []
        """Left to be done elsewhere."""
        self._leader_epoch = itertools.count()
        self._ids = itertools.count(1)
        self.service = self._new_service()
        self.elect()

    def _new_service(self) -> GroupCoordinatorService:
        return GroupCoordinatorService(
            self.settings,
            self.partition_count,
            lambda: str(next(self._ids)),
            self._append,
            run_task=lambda task, done: self.tasks.append((task, done)),
            topics=self.topics,
        )

    def elect(self) -> None:
        """Lead every partition: replay its log and serve."""
        for partition in range(self.partition_count):
            self.start_loading(partition)
            self.service.loaded(partition, self.now_ms)

    def start_loading(self, partition: int) -> None:
        self.service.elected(partition, next(self._leader_epoch))
        for offset, record in enumerate(self.logs[partition]):
            self.service.replay(partition, offset, record.key, record.value)

    def restart(self) -> None:
        """A new process: only the logs survive."""
        self.held.clear()
        self.service = self._new_service()
        self.elect()

    def resign(self) -> None:
        for partition in range(self.partition_count):
            self.service.resigned(partition, self.now_ms)
        self.held.clear()

    def _append(self, partition: int, result: CoordinatorResult[object]) -> None:
        if self.refuse_with is not None:
            self.service.append_failed(partition, result, self.refuse_with, self.now_ms)
            return
        self.logs[partition].extend(result.records)
        if self.hold:
            self.held.append((partition, result))
        else:
            self.service.append_committed(partition, result, self.now_ms)

    def run_tasks(self) -> None:
        """Do what was left to be done elsewhere."""
        tasks, self.tasks = self.tasks, []
        for task, done in tasks:
            done(task(), self.now_ms)

    def commit_log(self) -> None:
        while self.held:
            partition, result = self.held.pop(0)
            self.service.append_committed(partition, result, self.now_ms)

    def time_out_log(self) -> None:
        for partition, result in self.held:
            self.service.append_timed_out(partition, result, self.now_ms)

    def fail_held(self, error: ErrorCode) -> None:
        """The oldest held append turns out not to be written, nor anything after it."""
        partition, result = self.held[0]
        for held_partition, held_result in self.held:
            del self.logs[held_partition][-len(held_result.records) :]
        self.held.clear()
        self.service.append_failed(partition, result, error, self.now_ms)

    def advance(self, milliseconds: int) -> None:
        """Let time pass, stopping at each timer."""
        until_ms = self.now_ms + milliseconds
        while (due_ms := self.service.next_timer_ms()) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.service.run_timers(self.now_ms)
        self.now_ms = until_ms

    def call(
        self,
        method: Callable[..., Reply[Any]],
        request: object,
        *,
        version: int,
        client_id: str = "c",
        host: str = "/127.0.0.1",
    ) -> Reply[Any]:
        """One request of a client; `method` is one of the service's."""
        return method(request, GroupRequestContext(client_id, host, version), self.now_ms)
