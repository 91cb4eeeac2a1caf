"""Members of a group that are nothing but frames on a socket, a thousand in one process.

Classic members join as librdkafka's do: a first JoinGroup that is told its member id, a second one that waits for all,
SyncGroup (the leader's with everybody's assignment), heartbeats. Members of the next generation (KIP-848) send a
ConsumerGroupHeartbeat with all they are, then short ones, until the assignment they own is the one they are given.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from benchmarks.wire import AnyResponse, Connection
from ottla.protocol.codec import encode_versioned
from ottla.protocol.declare import Request
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)
from ottla.protocol.messages.consumer_protocol_assignment import ConsumerProtocolAssignment
from ottla.protocol.messages.consumer_protocol_subscription import ConsumerProtocolSubscription
from ottla.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from ottla.protocol.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from ottla.protocol.messages.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from ottla.protocol.types import random_uuid, uuid_text

JOIN_VERSION, SYNC_VERSION, HEARTBEAT_VERSION, CONSUMER_HEARTBEAT_VERSION = 9, 5, 4, 1
PATIENCE_SECONDS: Final = 120
QUIET_SECONDS: Final = 0.05


class Crowd:
    """Connections that ask together and wait for each other."""

    def __init__(self, address: str, count: int) -> None:
        self.connections = [Connection(address, PATIENCE_SECONDS) for _ in range(count)]

    def ask(
        self, requests: Sequence[Request], response: type[AnyResponse], version: int
    ) -> list[AnyResponse]:
        """Sends each connection its request, then collects the answers in the order in which they come."""
        answers: dict[int, AnyResponse] = {}
        with selectors.DefaultSelector() as selector:
            for number, (connection, request) in enumerate(zip(self.connections, requests, strict=True)):
                connection.send(request, version)
                selector.register(connection.socket, selectors.EVENT_READ, number)
            while len(answers) < len(requests):
                ready = selector.select(PATIENCE_SECONDS)
                if not ready:
                    raise RuntimeError(f"{len(requests) - len(answers)} members have no answer")
                for key, _ in ready:
                    answers[key.data] = self.connections[key.data].receive(response, version)
                    selector.unregister(key.fileobj)
        return [answers[number] for number in range(len(requests))]

    def close(self) -> None:
        """Closes all."""
        for each in self.connections:
            each.close()


def settle_classic(crowd: Crowd, group: str, topic: str) -> Callable[[], None]:
    """Joins everybody; what a round of heartbeats is."""
    subscription = encode_versioned(ConsumerProtocolSubscription(topics=[topic]), 1)
    protocol = JoinGroupRequestProtocol(name="range", metadata=subscription)
    joining = [
        JoinGroupRequest(
            group_id=group,
            session_timeout_ms=45_000,
            rebalance_timeout_ms=60_000,
            protocol_type="consumer",
            protocols=[protocol],
        )
        for _ in crowd.connections
    ]
    for request, answer in zip(joining, crowd.ask(joining, JoinGroupResponse, JOIN_VERSION), strict=True):
        request.member_id = answer.member_id
    joined = join_together(crowd, joining)
    leader = next(each for each in joined if each.leader == each.member_id)
    empty = encode_versioned(ConsumerProtocolAssignment(), 1)
    everybody = [
        SyncGroupRequestAssignment(member_id=each.member_id, assignment=empty) for each in leader.members
    ]
    syncing = [
        SyncGroupRequest(
            group_id=group,
            generation_id=each.generation_id,
            member_id=each.member_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=everybody if each is leader else [],
        )
        for each in joined
    ]
    _none_failed(each.error_code for each in crowd.ask(syncing, SyncGroupResponse, SYNC_VERSION))
    beats = [
        HeartbeatRequest(group_id=group, generation_id=each.generation_id, member_id=each.member_id)
        for each in joined
    ]
    return lambda: _none_failed(
        each.error_code for each in crowd.ask(beats, HeartbeatResponse, HEARTBEAT_VERSION)
    )


def join_together(crowd: Crowd, joining: Sequence[JoinGroupRequest]) -> list[JoinGroupResponse]:
    """The answers of the one generation that has everybody.

    The first to come are a generation of their own, for nobody waits for the others. A client would hear of those by its
    next heartbeat; here who was answered asks again as soon as no more answers come.
    """
    joined: dict[int, JoinGroupResponse] = {}
    asking = set(range(len(joining)))
    deadline = time.monotonic() + PATIENCE_SECONDS
    for number in asking:
        crowd.connections[number].send(joining[number], JOIN_VERSION)
    with selectors.DefaultSelector() as selector:
        for number, connection in enumerate(crowd.connections):
            selector.register(connection.socket, selectors.EVENT_READ, number)
        while time.monotonic() < deadline:
            ready = selector.select(QUIET_SECONDS)
            for key, _ in ready:
                answer = crowd.connections[key.data].receive(JoinGroupResponse, JOIN_VERSION)
                _none_failed([answer.error_code])
                joined[key.data] = answer
                asking.discard(key.data)
            generations = {each.generation_id for each in joined.values()}
            if not asking and len(generations) == 1:
                return [joined[number] for number in range(len(joining))]
            if not ready:
                for number in set(range(len(joining))) - asking:
                    crowd.connections[number].send(joining[number], JOIN_VERSION)
                    asking.add(number)
    raise RuntimeError(f"{len(asking)} members wait for a generation of all")


def settle_consumer(crowd: Crowd, group: str, topic: str) -> Callable[[], None]:
    """Joins everybody and heartbeats until each owns what it is given; what a round of heartbeats is."""
    beats = [
        ConsumerGroupHeartbeatRequest(
            group_id=group,
            member_id=uuid_text(random_uuid(os.urandom(16))),
            member_epoch=0,
            rebalance_timeout_ms=60_000,
            subscribed_topic_names=[topic],
            server_assignor="uniform",
            topic_partitions=[],
        )
        for _ in crowd.connections
    ]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answers = crowd.ask(beats, ConsumerGroupHeartbeatResponse, CONSUMER_HEARTBEAT_VERSION)
        _none_failed(each.error_code for each in answers)
        changed = any(
            answer.assignment is not None or answer.member_epoch != beat.member_epoch
            for beat, answer in zip(beats, answers, strict=True)
        )
        for beat, answer in zip(beats, answers, strict=True):
            _follow(beat, answer)
        if not changed and len({each.member_epoch for each in answers}) == 1:
            break
        if time.monotonic() > deadline:
            raise RuntimeError("the members do not settle on an epoch")

    def beat_once() -> None:
        found = crowd.ask(beats, ConsumerGroupHeartbeatResponse, CONSUMER_HEARTBEAT_VERSION)
        _none_failed(each.error_code for each in found)

    return beat_once


def _follow(beat: ConsumerGroupHeartbeatRequest, answer: ConsumerGroupHeartbeatResponse) -> None:
    """The next heartbeat: short, but for the partitions that the member owns from now on."""
    beat.member_epoch = answer.member_epoch
    beat.rebalance_timeout_ms = -1
    beat.subscribed_topic_names = beat.server_assignor = None
    beat.topic_partitions = None
    if answer.assignment is not None:
        beat.topic_partitions = [
            TopicPartitions(topic_id=each.topic_id, partitions=each.partitions)
            for each in answer.assignment.topic_partitions
        ]


def _none_failed(codes: Iterable[int]) -> None:
    failed = {ErrorCode(code) for code in codes if code}
    if failed:
        raise RuntimeError(f"members were refused with {failed}")
