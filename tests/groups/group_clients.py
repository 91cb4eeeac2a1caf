"""Consumers as the coordinator sees them: each acts by what it was last told, and may lag, crash and come back."""

from __future__ import annotations

from typing import Any

from group_world import GroupWorld

from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.heartbeat import HeartbeatRequest
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from ottla.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from ottla.protocol.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment

GROUP = "g"
PARTITIONS = 4
SESSION_MS = 10_000
REBALANCE_MS = 20_000


class SimulatedConsumer:
    """One consumer of GROUP. `state` is out, joining, joined, syncing or owning."""

    def __init__(self, name: str, world: GroupWorld, instance_id: str | None) -> None:
        self.name = name
        self.world = world
        self.instance_id = instance_id
        self.member_id = ""
        self.generation_id = -1
        self.state = "out"
        self.members: list[str] = []
        self.assignment = b""
        self.topics = b"t"
        self.incarnation = 0
        self.seen: list[tuple[int, str, bytes]] = []
        """Assignments it was given: generation, member id, assignment."""

    def act(self) -> None:
        """Do what a consumer would do next."""
        if self.state == "out":
            self.join()
        elif self.state == "joined":
            self.sync()
        elif self.state == "owning":
            self.heartbeat()

    def join(self) -> None:
        request = JoinGroupRequest(
            group_id=GROUP,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocols=[
                JoinGroupRequestProtocol(
                    name="range", metadata=b"\0\0\0\0\0\1\0\1" + self.topics + b"\xff\xff\xff\xff"
                )
            ],
        )
        self.state = "joining"
        self._ask(self.world.service.join_group, request, 9, self._joined)

    def _joined(self, response: Any) -> None:
        if response.error_code == ErrorCode.NONE:
            self.member_id = response.member_id
            self.generation_id = response.generation_id
            self.members = [member.member_id for member in response.members]
            self.state = "joined"
            if response.skip_assignment:
                self.members = []
        elif response.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = response.member_id
            self.state = "out"
        else:
            self.lost(response.error_code)

    def sync(self) -> None:
        assignments = [
            SyncGroupRequestAssignment(
                member_id=member,
                assignment=bytes(
                    partition for partition in range(PARTITIONS) if partition % len(self.members) == index
                ),
            )
            for index, member in enumerate(self.members)
        ]
        request = SyncGroupRequest(
            group_id=GROUP,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=assignments,
        )
        self.state = "syncing"
        self._ask(self.world.service.sync_group, request, 5, self._synced)

    def _synced(self, response: Any) -> None:
        if response.error_code == ErrorCode.NONE:
            self.assignment = response.assignment
            self.state = "owning"
            self.seen.append((self.generation_id, self.member_id, self.assignment))
        else:
            self.lost(response.error_code)

    def heartbeat(self) -> None:
        request = HeartbeatRequest(
            group_id=GROUP,
            generation_id=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
        )
        self._ask(self.world.service.heartbeat, request, 4, self._heard)

    def _heard(self, response: Any) -> None:
        if response.error_code != ErrorCode.NONE:
            self.lost(response.error_code)

    def commit(self, partition: int, offset: int) -> list[ErrorCode]:
        """Commit with what it believes to be; gives a list the answer will be in."""
        request = OffsetCommitRequest(
            group_id=GROUP,
            generation_id_or_member_epoch=self.generation_id,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            topics=[
                OffsetCommitRequestTopic(
                    name="t",
                    partitions=[
                        OffsetCommitRequestPartition(partition_index=partition, committed_offset=offset)
                    ],
                )
            ],
        )
        answer: list[ErrorCode] = []
        self._ask(
            self.world.service.offset_commit,
            request,
            9,
            lambda response: answer.append(ErrorCode(response.topics[0].partitions[0].error_code)),
        )
        return answer

    def leave(self) -> None:
        identity = MemberIdentity(member_id=self.member_id, group_instance_id=self.instance_id)
        request = LeaveGroupRequest(group_id=GROUP, members=[identity])
        self._ask(self.world.service.leave_group, request, 5, lambda _: None)
        self.crash()

    def crash(self) -> None:
        """Forget everything; answers to what was asked before reach nobody."""
        self.incarnation += 1
        self.member_id = ""
        self.generation_id = -1
        self.state = "out"

    def lost(self, error: int) -> None:
        """What a consumer does about an error: join again, under its id if it still may."""
        self.state = "out"
        if error in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID, ErrorCode.ILLEGAL_GENERATION):
            self.member_id = ""
            self.generation_id = -1

    def _ask(self, method: Any, request: object, version: int, then: Any) -> None:
        incarnation = self.incarnation
        reply = self.world.call(method, request, version=version, client_id=self.name)
        reply.on_complete(lambda response: then(response) if incarnation == self.incarnation else None)
