"""A member of a classic group of any protocol type: joins, is assigned work, stays alive, rejoins, leaves.

    run ─▶ join ─▶ (leader: assign) ─▶ sync ─▶ on_assigned ─▶ heartbeat… ─▶ on_revoked ─▶ join …

What the protocols' metadata and assignments mean is the participant's business: bytes here. Used where a set of equal
processes divide work or elect one of them (Connect's workers, the registry's leader), as consumers do with partitions.

Apache: org.apache.kafka.clients.consumer.internals.AbstractCoordinator.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ottla.client.brokers import RETRIED, Brokers, backoff_s
from ottla.client.connection import BrokerConnection
from ottla.client.errors import ClientError, MembershipError
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from ottla.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)

ANSWER_MARGIN_S = 5.0
"""How much longer than the rebalance timeout an answer to a join or sync is waited for."""

_FATAL = frozenset(
    {
        ErrorCode.FENCED_INSTANCE_ID,
        ErrorCode.GROUP_AUTHORIZATION_FAILED,
        ErrorCode.GROUP_MAX_SIZE_REACHED,
        ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
        ErrorCode.INVALID_GROUP_ID,
        ErrorCode.INVALID_SESSION_TIMEOUT,
    }
)
_REJOIN_AS_NEW = frozenset({ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Generation:
    """One membership: what the group calls us, and what it agreed on."""

    member_id: str
    generation_id: int
    protocol_name: str
    leader_id: str

    @property
    def is_leader(self) -> bool:
        return self.member_id == self.leader_id


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """A member as its leader sees it."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


class Participant(Protocol):
    """What a membership is for."""

    def protocols(self) -> Sequence[tuple[str, bytes]]:
        """Names and metadata of the protocols we can work by, best first; asked at each join."""

    def assign(self, protocol_name: str, members: Sequence[JoinedMember]) -> Mapping[str, bytes]:
        """As the leader: each member's assignment by member id. Who is left out gets empty bytes."""

    async def on_assigned(self, generation: Generation, assignment: bytes) -> None:
        """A generation began, with this work for us."""

    async def on_revoked(self, generation: Generation) -> None:
        """The generation is over, or we are no member any more: stop its work. Before the next join."""


class GroupMembership:
    """Keeps one participant in a group. `run` until cancelled, then `leave`."""

    def __init__(
        self,
        brokers: Brokers,
        group_id: str,
        protocol_type: str,
        participant: Participant,
        *,
        group_instance_id: str | None = None,
        session_timeout_ms: int = 45_000,
        rebalance_timeout_ms: int = 300_000,
        heartbeat_interval_ms: int = 3_000,
    ) -> None:
        """The heartbeat interval should be at most a third of the session timeout."""
        self.group_id = group_id
        self.generation: Generation | None = None
        self._brokers = brokers
        self._protocol_type = protocol_type
        self._participant = participant
        self._group_instance_id = group_instance_id
        self._session_timeout_ms = session_timeout_ms
        self._rebalance_timeout_ms = rebalance_timeout_ms
        self._heartbeat_interval_s = heartbeat_interval_ms / 1000
        self._answer_timeout_s = rebalance_timeout_ms / 1000 + ANSWER_MARGIN_S
        self._member_id = ""
        self._connection: BrokerConnection | None = None
        self._rejoin = asyncio.Event()

    def rejoin(self) -> None:
        """Join again soon, because our metadata changed; as the leader also to assign anew."""
        self._rejoin.set()

    async def run(self) -> None:
        """Be a member until cancelled. Raises MembershipError when the group refuses us for good.

        Lost connections and moving coordinators are waited out, however long that takes.
        """
        attempt = 0
        try:
            while True:
                try:
                    connection = await self._connected()
                    assignment = await self._join(connection)
                    attempt = 0
                    if assignment is not None and self.generation is not None:
                        await self._participant.on_assigned(self.generation, assignment)
                        await self._stay(connection)
                        await self._give_up()
                except (ClientError, KafkaError) as error:
                    if isinstance(error, MembershipError):
                        raise
                    _log.info("Group %s: trying again: %s", self.group_id, error)
                    await self._give_up()
                    await self._disconnect()
                    await asyncio.sleep(backoff_s(attempt))
                    attempt += 1
        finally:
            await self._give_up()

    async def leave(self) -> None:
        """Leave the group, so that others need not wait for our session to end. A static member only disconnects."""
        try:
            if self._member_id and self._group_instance_id is None:
                connection = await self._connected()
                identity = MemberIdentity(member_id=self._member_id)
                request = LeaveGroupRequest(
                    group_id=self.group_id, members=[identity], member_id=self._member_id
                )
                if connection.version_of(LeaveGroupRequest) >= 3:
                    request.member_id = ""
                else:
                    request.members = []
                await connection.send(request, LeaveGroupResponse)
        except (ClientError, KafkaError) as error:
            _log.info("Group %s: could not say goodbye: %s", self.group_id, error)
        finally:
            self._member_id = ""
            await self._disconnect()

    async def _connected(self) -> BrokerConnection:
        """A connection of our own to the coordinator: a join would hold up whatever else used it."""
        if self._connection is None or not self._connection.is_open:
            await self._disconnect()
            self._connection = await self._brokers.dedicated(*await self._brokers.coordinator(self.group_id))
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _give_up(self) -> None:
        generation, self.generation = self.generation, None
        if generation is not None:
            await self._participant.on_revoked(generation)

    async def _join(self, connection: BrokerConnection) -> bytes | None:
        """Our assignment of a new generation; None if the group wants us to join again."""
        self._rejoin.clear()
        protocols = [
            JoinGroupRequestProtocol(name=name, metadata=metadata)
            for name, metadata in self._participant.protocols()
        ]
        request = JoinGroupRequest(
            group_id=self.group_id,
            session_timeout_ms=self._session_timeout_ms,
            rebalance_timeout_ms=self._rebalance_timeout_ms,
            member_id=self._member_id,
            group_instance_id=self._group_instance_id,
            protocol_type=self._protocol_type,
            protocols=protocols,
        )
        joined = await connection.send(request, JoinGroupResponse, timeout_s=self._answer_timeout_s)
        if joined.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self._member_id = joined.member_id
            return None
        if not self._accepted(joined.error_code):
            return None
        self._member_id = joined.member_id
        generation = Generation(
            joined.member_id, joined.generation_id, joined.protocol_name or "", joined.leader
        )
        assignments = self._assignments(generation, joined)
        return await self._sync(connection, generation, assignments)

    def _assignments(
        self, generation: Generation, joined: JoinGroupResponse
    ) -> list[SyncGroupRequestAssignment]:
        if not generation.is_leader or joined.skip_assignment:
            return []
        members = [
            JoinedMember(member.member_id, member.group_instance_id, member.metadata)
            for member in joined.members
        ]
        assigned = self._participant.assign(generation.protocol_name, members)
        return [
            SyncGroupRequestAssignment(member_id=member_id, assignment=assignment)
            for member_id, assignment in assigned.items()
        ]

    async def _sync(
        self,
        connection: BrokerConnection,
        generation: Generation,
        assignments: list[SyncGroupRequestAssignment],
    ) -> bytes | None:
        request = SyncGroupRequest(
            group_id=self.group_id,
            generation_id=generation.generation_id,
            member_id=generation.member_id,
            group_instance_id=self._group_instance_id,
            protocol_type=self._protocol_type,
            protocol_name=generation.protocol_name,
            assignments=assignments,
        )
        synced = await connection.send(request, SyncGroupResponse, timeout_s=self._answer_timeout_s)
        if not self._accepted(synced.error_code):
            return None
        self.generation = generation
        return synced.assignment

    async def _stay(self, connection: BrokerConnection) -> None:
        """Send heartbeats until the group rebalances or we want it to."""
        generation = self.generation
        while generation is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat_interval_s):
                    await self._rejoin.wait()
            if self._rejoin.is_set():
                return
            request = HeartbeatRequest(
                group_id=self.group_id,
                generation_id=generation.generation_id,
                member_id=generation.member_id,
                group_instance_id=self._group_instance_id,
            )
            answer = await connection.send(
                request, HeartbeatResponse, timeout_s=self._session_timeout_ms / 1000
            )
            if not self._accepted(answer.error_code):
                return

    def _accepted(self, error_code: int) -> bool:
        """Whether an answer is no error. False: join again. Raises for errors that need more than that."""
        code = ErrorCode(error_code)
        if code is ErrorCode.NONE:
            return True
        if code in _FATAL:
            raise MembershipError(self.group_id, code)
        if code in _REJOIN_AS_NEW:
            self._member_id = ""
        elif code in RETRIED or code is not ErrorCode.REBALANCE_IN_PROGRESS:
            raise KafkaError(code)
        return False
