"""A classic group as data: its members, generation and protocol, and the checks that need nothing else.

Members keep the order of joining. What survives a change of coordinator is in the group's record (records.py): the
generation, the protocol, the leader and each member with its subscription and assignment. The rest is soft state: who
waits for a join or a sync, and which member ids were handed out but not used yet (`pending_join_members`).

Apache: org.apache.kafka.coordinator.group.classic.ClassicGroup.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from ottla.coordination.results import CoordinatorRecord, Reply
from ottla.groups.member import ClassicMember, Protocol
from ottla.groups.states import VALID_PREVIOUS_STATES, ClassicGroupState, GroupType
from ottla.groups.subscription import subscribed_topics
from ottla.protocol.codec import encode_versioned
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.messages.group_metadata_record import GroupMetadataKey
from ottla.protocol.messages.join_group import JoinGroupResponse, JoinGroupResponseMember
from ottla.protocol.messages.list_groups import ListedGroup
from ottla.protocol.messages.sync_group import SyncGroupResponse

CONSUMER_PROTOCOL_TYPE = "consumer"
"""The protocol type of Kafka's consumers, whose metadata the coordinator can read (ConsumerProtocol)."""

_log = logging.getLogger(__name__)


class OffsetExpiration(NamedTuple):
    """From when on the age of a group's unused offsets counts: `since_ms`, or each offset's commit where it is None."""

    since_ms: int | None


class ClassicGroup:
    """One classic group. Methods keep its parts consistent; when to call them is decided in joining and rebalance."""

    type = GroupType.CLASSIC

    def __init__(
        self,
        group_id: str,
        state: ClassicGroupState,
        *,
        now_ms: int,
        generation_id: int = 0,
        protocol_type: str | None = None,
        protocol_name: str | None = None,
        leader_id: str | None = None,
    ) -> None:
        self.group_id = group_id
        self.state = state
        self.previous_state = ClassicGroupState.DEAD
        self.state_timestamp_ms = now_ms
        """When the state last changed; -1: unknown (a record older than that field)."""
        self.protocol_type = protocol_type
        self.protocol_name = protocol_name
        self.generation_id = generation_id
        self.leader_id = leader_id
        self.members: dict[str, ClassicMember] = {}
        self.static_members: dict[str, str] = {}
        """Member id by group instance id."""
        self.pending_join_members: set[str] = set()
        """Member ids handed out with MEMBER_ID_REQUIRED whose JoinGroup has not come yet."""
        self.pending_sync_members: set[str] = set()
        """Members of this generation that have not sent SyncGroup yet."""
        self.awaiting_join_count = 0
        self.new_member_added = False
        """A member came during the initial delay, so that it is worth waiting for more."""
        self.subscribed_topics: frozenset[str] | None = None
        """Topics of all members' subscriptions; None: not known, or no consumers."""
        self._supported_protocols: dict[str, int] = {}

    # What the group is.

    @property
    def member_count(self) -> int:
        return len(self.members)

    @property
    def is_empty(self) -> bool:
        return self.state is ClassicGroupState.EMPTY

    @property
    def state_name(self) -> str:
        return self.state.value

    @property
    def expires(self) -> bool:
        return True

    def listed(self) -> ListedGroup:
        return ListedGroup(
            group_id=self.group_id,
            protocol_type=self.protocol_type or "",
            group_state=self.state.value,
            group_type=self.type.value,
        )

    @property
    def is_simple(self) -> bool:
        """Whether it only stores offsets for consumers that assign partitions themselves."""
        return self.protocol_type is None and self.is_empty and not self.pending_join_members

    @property
    def uses_consumer_protocol(self) -> bool:
        return self.protocol_type == CONSUMER_PROTOCOL_TYPE

    @property
    def has_all_members_joined(self) -> bool:
        return len(self.members) == self.awaiting_join_count and not self.pending_join_members

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest of the members'."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    @property
    def can_rebalance(self) -> bool:
        return self.state in VALID_PREVIOUS_STATES[ClassicGroupState.PREPARING_REBALANCE]

    def is_leader(self, member_id: str) -> bool:
        return self.leader_id is not None and self.leader_id == member_id

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether an offset of `topic` may be in use. Consumers whose subscription is unknown may use any."""
        if self.subscribed_topics is None:
            return self.uses_consumer_protocol
        return topic in self.subscribed_topics

    def offset_expiration(self) -> OffsetExpiration | None:
        """How offsets of topics it is not subscribed to expire; None: they don't, as members may use them."""
        if self.protocol_type is None:
            return OffsetExpiration(since_ms=None)
        if self.is_empty:
            return OffsetExpiration(
                since_ms=None if self.state_timestamp_ms == -1 else self.state_timestamp_ms
            )
        if (
            self.uses_consumer_protocol
            and self.subscribed_topics is not None
            and self.state is ClassicGroupState.STABLE
        ):
            return OffsetExpiration(since_ms=None)
        return None

    def supports_protocols(self, protocol_type: str, protocols: Sequence[Protocol]) -> bool:
        """Whether a member with these can be in the group: its type fits, and some protocol is everyone's."""
        if self.is_empty:
            return bool(protocol_type) and bool(protocols)
        return self.protocol_type == protocol_type and any(
            self._supported_protocols.get(protocol.name, 0) == len(self.members) for protocol in protocols
        )

    # Who may do what.

    def check_member(self, member_id: str, group_instance_id: str | None, operation: str) -> None:
        """Raise UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID if another member took over the instance id."""
        if group_instance_id is not None:
            current = self.static_members.get(group_instance_id)
            if current is None:
                raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
            if current != member_id:
                _log.info(
                    "Group %s: %s of member %s with group.instance.id %s is fenced by member %s",
                    self.group_id,
                    operation,
                    member_id,
                    group_instance_id,
                    current,
                )
                raise KafkaError(ErrorCode.FENCED_INSTANCE_ID)
        if member_id not in self.members:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)

    def check_offset_commit(
        self,
        member_id: str,
        group_instance_id: str | None,
        generation_id: int,
        *,
        transactional: bool,
        api_version: int,  # noqa: ARG002
    ) -> None:
        """Raise the error with which a commit of these credentials is refused, if it is.

        Without any (generation -1, no member) only a group without members takes it; a transactional commit may
        always come without, as its producer is fenced by its epoch (KIP-447).
        """
        if self.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        if generation_id < 0 and self.is_empty:
            return
        if generation_id >= 0 or member_id or group_instance_id is not None:
            self.check_member(member_id, group_instance_id, "a commit")
            if generation_id != self.generation_id:
                raise KafkaError(ErrorCode.ILLEGAL_GENERATION)
        elif not transactional and not self.is_empty:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID)
        if not transactional and self.state is ClassicGroupState.COMPLETING_REBALANCE:
            # The member knows the new generation but not its assignment: what it commits is of the old one.
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS)

    def check_offset_fetch(self, _member_id: str | None = None, _member_epoch: int = -1) -> None:
        if self.state is ClassicGroupState.DEAD:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {self.group_id} is in dead state.")

    def check_offset_delete(self) -> None:
        """Offsets of a group with members can be deleted only where its subscription can be read."""
        self.check_offset_fetch()
        if not self.is_empty and not self.uses_consumer_protocol:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def check_delete(self) -> None:
        self.check_offset_fetch()
        if not self.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP)

    def tombstones(self) -> list[CoordinatorRecord]:
        return [CoordinatorRecord(encode_versioned(GroupMetadataKey(group=self.group_id)), None)]

    # Members come and go.

    def add(self, member: ClassicMember, reply: Reply[JoinGroupResponse] | None) -> None:
        """Take in a member whose protocols fit (`supports_protocols`), with the reply it waits for."""
        if member.group_instance_id is not None:
            if member.group_instance_id in self.static_members:
                raise RuntimeError(
                    f"group {self.group_id} has a member for {member.group_instance_id} already"
                )
            self.static_members[member.group_instance_id] = member.member_id
        if not self.members:
            self.protocol_type = member.protocol_type
        if not self.supports_protocols(member.protocol_type, member.protocols):
            raise RuntimeError(f"group {self.group_id} supports none of the protocols of {member.member_id}")
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self._count_protocols(member, 1)
        self._set_join_reply(member, reply)
        self.pending_join_members.discard(member.member_id)

    def remove(self, member_id: str) -> None:
        """Drop a member, pending or full; unknown ids are ignored. The longest-standing member follows a leader."""
        member = self.members.pop(member_id, None)
        if member is not None:
            self._count_protocols(member, -1)
            self._set_join_reply(member, None)
            if member.group_instance_id is not None:
                self.static_members.pop(member.group_instance_id, None)
        if self.is_leader(member_id):
            self.leader_id = next(iter(self.members), None)
        self.pending_join_members.discard(member_id)
        self.pending_sync_members.discard(member_id)

    def update_member(
        self,
        member: ClassicMember,
        protocols: tuple[Protocol, ...],
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        reply: Reply[JoinGroupResponse] | None,
    ) -> None:
        self._count_protocols(member, -1)
        member.protocols = protocols
        self._count_protocols(member, 1)
        member.rebalance_timeout_ms = rebalance_timeout_ms
        member.session_timeout_ms = session_timeout_ms
        self._set_join_reply(member, reply)

    def replace_static_member(
        self, group_instance_id: str, old_member_id: str, new_member_id: str
    ) -> ClassicMember:
        """Give the member of an instance id a new member id; whoever waits under the old one is fenced."""
        old = self.members.pop(old_member_id)
        self.complete_join(
            old,
            JoinGroupResponse(
                member_id=old_member_id, protocol_name=None, error_code=ErrorCode.FENCED_INSTANCE_ID
            ),
        )
        self.complete_sync(
            old, SyncGroupResponse(protocol_name=None, error_code=ErrorCode.FENCED_INSTANCE_ID)
        )
        new = ClassicMember(
            member_id=new_member_id,
            group_instance_id=old.group_instance_id,
            client_id=old.client_id,
            client_host=old.client_host,
            rebalance_timeout_ms=old.rebalance_timeout_ms,
            session_timeout_ms=old.session_timeout_ms,
            protocol_type=old.protocol_type,
            protocols=old.protocols,
            assignment=old.assignment,
        )
        self.members[new_member_id] = new
        if self.is_leader(old_member_id):
            self.leader_id = new_member_id
        self.static_members[group_instance_id] = new_member_id
        return new

    def not_yet_rejoined(self) -> list[ClassicMember]:
        return [member for member in self.members.values() if not member.is_awaiting_join]

    def elect_joined_leader(self) -> bool:
        """Make sure that the leader is one who joined. False: nobody did, or there is no leader."""
        if self.leader_id is None:
            return False
        if self.members[self.leader_id].is_awaiting_join:
            return True
        for member in self.members.values():
            if member.is_awaiting_join:
                _log.info(
                    "Group %s: leader %s did not rejoin in time, %s leads now",
                    self.group_id,
                    self.leader_id,
                    member.member_id,
                )
                self.leader_id = member.member_id
                return True
        return False

    # Waiting requests.

    def complete_join(self, member: ClassicMember, response: JoinGroupResponse) -> bool:
        if member.join_reply is None:
            return False
        member.join_reply.complete(response)
        self._set_join_reply(member, None)
        return True

    def complete_sync(self, member: ClassicMember, response: SyncGroupResponse) -> bool:
        if member.sync_reply is None:
            return False
        member.sync_reply.complete(response)
        member.sync_reply = None
        return True

    # Generations.

    def transition_to(self, state: ClassicGroupState, now_ms: int) -> None:
        if self.state not in VALID_PREVIOUS_STATES[state]:
            raise RuntimeError(f"group {self.group_id} can't go from {self.state.value} to {state.value}")
        self.previous_state = self.state
        self.state = state
        self.state_timestamp_ms = now_ms

    def init_next_generation(self, now_ms: int) -> None:
        """Begin a generation with the members there are, or become empty."""
        self.generation_id += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.compute_subscribed_topics()
        self.transition_to(
            ClassicGroupState.COMPLETING_REBALANCE if self.members else ClassicGroupState.EMPTY, now_ms
        )
        self.pending_sync_members.clear()

    def select_protocol(self) -> str:
        """The protocol that most members prefer among those everyone supports."""
        candidates = {name for name, count in self._supported_protocols.items() if count == len(self.members)}
        votes: dict[str, int] = {}
        for member in self.members.values():
            choice = member.vote(candidates)
            votes[choice] = votes.get(choice, 0) + 1
        return max(votes, key=votes.__getitem__)

    def compute_subscribed_topics(self) -> None:
        if not self.uses_consumer_protocol:
            self.subscribed_topics = None
        elif not self.members:
            self.subscribed_topics = frozenset()
        elif self.protocol_name is None:
            self.subscribed_topics = None
        else:
            metadata = [member.metadata(self.protocol_name) for member in self.members.values()]
            self.subscribed_topics = subscribed_topics(metadata)

    def joined_members(self) -> list[JoinGroupResponseMember]:
        """What the leader is told of the members, to assign from."""
        return [
            JoinGroupResponseMember(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                metadata=member.metadata(self.protocol_name),
            )
            for member in self.members.values()
        ]

    def _set_join_reply(self, member: ClassicMember, reply: Reply[JoinGroupResponse] | None) -> None:
        self.awaiting_join_count += (reply is not None) - member.is_awaiting_join
        member.join_reply = reply

    def _count_protocols(self, member: ClassicMember, step: int) -> None:
        for protocol in member.protocols:
            count = self._supported_protocols.get(protocol.name, 0) + step
            if count:
                self._supported_protocols[protocol.name] = count
            else:
                self._supported_protocols.pop(protocol.name, None)
