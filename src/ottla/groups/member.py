"""One member of a classic group, and the protocols it offers.

Apache: org.apache.kafka.coordinator.group.classic.ClassicGroupMember.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ottla.coordination.results import Reply
from ottla.protocol.messages.join_group import JoinGroupResponse
from ottla.protocol.messages.sync_group import SyncGroupResponse

EMPTY_ASSIGNMENT = b""


class Protocol(NamedTuple):
    """A way to divide work that a member can take part in (an assignor), with what it tells the others for it."""

    name: str
    metadata: bytes


@dataclass(slots=True, eq=False)
class ClassicMember:
    """What the group knows of a member. Waiting replies are soft state: they are not in the log."""

    member_id: str
    group_instance_id: str | None
    """Of a static member: who it is across restarts. None: a dynamic member."""
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    protocol_type: str
    protocols: tuple[Protocol, ...]
    """In the member's order of preference, each name once."""
    assignment: bytes = EMPTY_ASSIGNMENT
    join_reply: Reply[JoinGroupResponse] | None = None
    sync_reply: Reply[SyncGroupResponse] | None = None
    is_new: bool = False
    """In its first join: it has no generation to send heartbeats for yet, so they are not expected."""

    @property
    def is_static(self) -> bool:
        return self.group_instance_id is not None

    @property
    def is_awaiting_join(self) -> bool:
        return self.join_reply is not None

    @property
    def is_awaiting_sync(self) -> bool:
        return self.sync_reply is not None

    @property
    def has_satisfied_heartbeat(self) -> bool:
        """Whether it is known to be alive without heartbeats, as one of its requests is held here."""
        return not self.is_new and (self.is_awaiting_join or self.is_awaiting_sync)

    def metadata(self, protocol_name: str | None) -> bytes:
        for protocol in self.protocols:
            if protocol.name == protocol_name:
                return protocol.metadata
        raise ValueError(f"member {self.member_id} does not support protocol {protocol_name}")

    def vote(self, candidates: Collection[str]) -> str:
        """The first of its protocols that is a candidate."""
        for protocol in self.protocols:
            if protocol.name in candidates:
                return protocol.name
        raise ValueError(f"member {self.member_id} supports none of the protocols {sorted(candidates)}")


def distinct_protocols(protocols: Iterable[Protocol]) -> tuple[Protocol, ...]:
    """The first protocol of each name. A name given twice would be counted as two members' support."""
    by_name: dict[str, Protocol] = {}
    for protocol in protocols:
        by_name.setdefault(protocol.name, protocol)
    return tuple(by_name.values())
