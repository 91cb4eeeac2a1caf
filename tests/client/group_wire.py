"""Plays a transcript of tests/groups over the wire against a broker, each of its clients on a connection of its own.

Answers are compared with those the transcript tells, line by line. What a broker is free to choose is bound at first
sight and held to from then on: member ids end in random text, lists of members come in any order. Groups get names of
their own. `settings`, `log` and comments are passed over, and `tick` waits for the answers it is to bring about.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "groups"))

from group_transcript import Run, Words

from ottla.client.connection import BrokerConnection, open_connection
from ottla.protocol.declare import Request, Response
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse
from ottla.protocol.messages.heartbeat import HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupResponse
from ottla.protocol.messages.list_groups import ListGroupsResponse
from ottla.protocol.messages.offset_commit import OffsetCommitResponse
from ottla.protocol.messages.offset_delete import OffsetDeleteResponse
from ottla.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from ottla.protocol.messages.sync_group import SyncGroupResponse

ANSWER_TIMEOUT_S = 20.0
SETTLE_S = 0.05
"""That a broker holds a request shows nowhere, so it can't be polled for: this is ample for one to arrive."""

_MEMBER = re.compile(r"(?<![\w-])([abcdis])-(\d+)(?![\w-])")
_SERVICE = SimpleNamespace(
    join_group=JoinGroupResponse,
    sync_group=SyncGroupResponse,
    heartbeat=HeartbeatResponse,
    leave_group=LeaveGroupResponse,
    offset_commit=OffsetCommitResponse,
    offset_fetch=OffsetFetchResponse,
    offset_delete=OffsetDeleteResponse,
    describe_groups=DescribeGroupsResponse,
    list_groups=ListGroupsResponse,
    delete_groups=DeleteGroupsResponse,
)


class WireTranscript(Run):
    """One transcript against the broker at `host` and `port`; `suffix` makes its groups its own."""

    def __init__(self, host: str, port: int, suffix: str) -> None:
        self.world: Any = SimpleNamespace(service=_SERVICE)
        self.output = []
        self._where = (host, port)
        self._suffix = suffix
        self._asked: list[tuple[str, Request, type[Response], int, Callable[[Any], str]]] = []
        self._connections: list[BrokerConnection] = []
        self._idle: dict[str, BrokerConnection] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._answers: list[str] = []
        self._untyped: set[str] = set()
        """Clients whose last join was of a version whose answer tells neither protocol type nor instance ids."""
        self._ids: dict[str, str] = {}
        """The member id that the broker gave, by the transcript's."""

    async def play(self, text: str) -> None:
        """Raises AssertionError at the first answer that differs."""
        try:
            for command, expected in _blocks(text):
                await self._play_one(command, expected)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(connection.close() for connection in self._connections))

    async def _play_one(self, command: str, expected: list[str]) -> None:
        self._asked.clear()
        self.command(_MEMBER.sub(lambda found: self._ids.get(found[0], found[0]), command))
        for who, request, response, version, show in self._asked:
            if response is JoinGroupResponse:
                (self._untyped.add if version < 7 else self._untyped.discard)(who)
            connection = self._idle.pop(who, None) or await self._connect()
            exchange = self._exchange(who, connection, request, response, version, show)
            self._tasks.append(asyncio.create_task(exchange))
        awaited = [line for line in expected if not line.endswith(": waits")]
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while len(self._answers) < len(awaited):  # noqa: ASYNC110 — the deadline is around it
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError(f"> {command}\nexpected {awaited}\ncame {self._answers}") from None
        if len(awaited) < len(expected):
            await asyncio.sleep(SETTLE_S)
        self._compare(command, awaited)

    async def _connect(self) -> BrokerConnection:
        connection = await open_connection(*self._where, client_id="c")
        self._connections.append(connection)
        return connection

    async def _exchange(
        self,
        who: str,
        connection: BrokerConnection,
        request: Request,
        response: type[Response],
        version: int,
        show: Callable[[Any], str],
    ) -> None:
        self._own_groups(request)
        answer = await connection.send(request, response, max_version=version, timeout_s=60)
        if isinstance(answer, ListGroupsResponse):
            answer.groups = [group for group in answer.groups if group.group_id.endswith(self._suffix)]
        self._answers.append(f"{who}: {show(answer)}".replace(self._suffix, ""))
        self._idle[who] = connection

    def _own_groups(self, request: Any) -> None:
        if isinstance(request, DescribeGroupsRequest):
            request.groups = [group + self._suffix for group in request.groups]
        elif isinstance(request, DeleteGroupsRequest):
            request.groups_names = [group + self._suffix for group in request.groups_names]
        elif isinstance(request, OffsetFetchRequest):
            for group in request.groups:
                group.group_id += self._suffix
        elif getattr(request, "group_id", ""):
            request.group_id += self._suffix

    def _compare(self, command: str, expected: list[str]) -> None:
        came, self._answers = self._answers, []
        for line in expected:
            self._bind(line, came)
        told = sorted(self._canonical(line) for line in expected)
        assert sorted(self._canonical(line) for line in came) == told, f"> {command}\n{came}"

    def _bind(self, line: str, came: list[str]) -> None:
        """Learn which id the broker gave where the transcript's answer to the same client has one."""
        who = line.split(":", maxsplit=1)[0]
        told = re.search(r" member=(\S+)", line)
        given = next(
            (
                found
                for each in came
                if each.startswith(f"{who}:")
                for found in [re.search(r" member=(\S+)", each)]
                if found
            ),
            None,
        )
        if told and given:
            self._ids.setdefault(told[1], given[1])

    def _canonical(self, line: str) -> str:
        """The line with the broker's ids, its lists in order."""
        line = _MEMBER.sub(lambda found: self._ids.get(found[0], found[0]), line)
        if line.split(":")[0] in self._untyped and " gen=" in line:
            line = re.sub(r" type=\S+|@\w+", "", line)
        line = re.sub(
            r" members=(\S+)", lambda found: " members=" + ",".join(sorted(found[1].split(","))), line
        )
        head, *members = line.split(" [")
        words = head.split(" ")
        if words[0] in ("list:", "delete:", "fetch:"):
            words[1:] = sorted(words[1:])
        return " [".join([" ".join(words), *sorted(members)])

    def _ask(
        self, words: Words, who: str, method: Any, request: Any, version: int, show: Callable[[Any], str]
    ) -> None:
        self._asked.append((words.text("as", who), request, method, version, show))

    def _settings(self, words: Words) -> None:
        """The broker has the settings that the transcripts played here want."""

    def _tick(self, words: Words) -> None:
        """Time passes by itself."""

    def _log(self, words: Words) -> None:
        """What is in the log can't be seen from here."""


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    blocks: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("> "):
            blocks.append((line[2:], []))
        elif line.strip() and not line.startswith("#"):
            blocks[-1][1].append(line)
    return [(command, [] if command == "log" else answers) for command, answers in blocks]
