"""A share group whose broker is killed again and again: nothing is lost, and nothing confirmed comes again."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

from share_client import ACCEPT, REJECT, RELEASE, ShareMember, enable_share_groups, initialize_state, topic_id
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import share_acknowledge as acknowledging
from ottla.records.record import Record

RECORDS, KILLS, SEED = 400, 4, 20_932
SETTINGS = {
    "share.coordinator.state.topic.num.partitions": "2",
    "share.coordinator.snapshot.update.records.per.snapshot": "10",
    "group.share.delivery.count.limit": "10",
}


class Work:
    """What a member has done so far, over all lives of the broker."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.done: set[int] = set()
        """Accepted or rejected, and told so."""
        self.unsure: set[int] = set()
        """Accepted or rejected, but the broker was killed before it said so."""

    def fetch(self, member: ShareMember) -> list[int]:
        """Acquired offsets, none of which may have been confirmed before."""
        error, rows = member.fetch_all(max_wait_ms=300, max_records=self.chance.randint(1, 30))
        if error is not ErrorCode.NONE:
            member.epoch = 0
        offsets = sorted(offset for row in rows.values() for offset in row.offsets)
        assert not self.done & set(offsets), "confirmed, and delivered again"
        return offsets

    def types(self, offsets: list[int]) -> list[int]:
        return [self.chance.choices((ACCEPT, RELEASE, REJECT), (8, 2, 1))[0] for _ in offsets]

    def step(self, member: ShareMember, *, cut_off: Callable[[], None] | None = None) -> int:
        """Fetch and acknowledge; with `cut_off` the broker dies between the acknowledgement and its answer. How many
        records came."""
        offsets = self.fetch(member)
        for _, run in itertools.groupby(enumerate(offsets), lambda each: each[1] - each[0]):
            piece = [offset for _, offset in run]
            types = self.types(piece)
            final = {offset for offset, kind in zip(piece, types, strict=True) if kind != RELEASE}
            self.unsure |= final
            if cut_off is not None:
                self._send_only(member, piece, types)
                cut_off()
                break
            if member.acknowledge((piece[0], piece[-1], types)) is ErrorCode.NONE:
                self.unsure -= final
                self.done |= final
        return len(offsets)

    def _send_only(self, member: ShareMember, piece: list[int], types: list[int]) -> None:
        batch = acknowledging.AcknowledgementBatch(
            first_offset=piece[0], last_offset=piece[-1], acknowledge_types=types
        )
        row = acknowledging.AcknowledgePartition(partition_index=0, acknowledgement_batches=[batch])
        topic = acknowledging.AcknowledgeTopic(topic_id=member.topic, partitions=[row])
        request = acknowledging.ShareAcknowledgeRequest(
            group_id=member.group,
            member_id=member.member_id,
            share_session_epoch=member.epoch,
            topics=[topic],
        )
        member.wire.send(request, acknowledging.ShareAcknowledgeResponse, 1)


def test_nothing_is_lost_and_nothing_confirmed_comes_again(
    start_broker: Callable[..., ProcessBroker], topic: str
) -> None:
    """Every record is done with in the end, whatever the broker was doing when it was killed."""
    chance = Random(SEED)
    work = Work(chance)
    broker = start_broker(SETTINGS)
    with WireClient(broker.host, broker.port) as wire:
        enable_share_groups(wire)
        wire.create_topic(topic)
        name = topic_id(wire, topic)
        initialize_state(wire, "g", name)
        for number in range(RECORDS):
            wire.produce_records(topic, Record(0, 0, None, b"%d" % number))
    for life in range(1, KILLS + 1):
        with WireClient(broker.host, broker.port) as wire:
            _work_until_killed(broker, work, ShareMember(wire, "g", name, life), done=life * 60)
        broker.start()
    with WireClient(broker.host, broker.port) as wire:
        member = ShareMember(wire, "g", name, KILLS + 1)
        until(lambda: (work.step(member), len(work.done | work.unsure)), lambda seen: seen == (0, RECORDS))


def _work_until_killed(broker: ProcessBroker, work: Work, member: ShareMember, *, done: int) -> None:
    killed: list[bool] = []

    def kill() -> None:
        broker.kill()
        killed.append(True)

    until(lambda: (work.step(member), len(work.done)), lambda seen: seen[1] >= done)
    until(lambda: work.step(member, cut_off=kill), lambda _: bool(killed))
