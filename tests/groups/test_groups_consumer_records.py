"""The records of consumer groups and their metadata hash, byte for byte those of Apache Kafka 4.1.1.

The facts were printed by ConsumerGroupRecords.java.
"""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.cluster.image import (
    EMPTY_IMAGE,
    BrokerRegistration,
    ImageDraft,
    MetadataImage,
    PartitionState,
)
from ottla.coordination.results import CoordinatorRecord
from ottla.groups import consumer_group_records as records_of
from ottla.groups.consumer_group import ConsumerGroup, ResolvedRegex
from ottla.groups.consumer_group_member import ClassicMembership, ConsumerGroupMember
from ottla.groups.consumer_group_replaying import ConsumerGroupReplaying
from ottla.groups.member import Protocol
from ottla.groups.modern_group import MemberState
from ottla.groups.registry import Groups, Undo
from ottla.groups.topic_metadata import TopicMetadata
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.types import Uuid

_LINES = [
    line.split(" ")
    for line in (Path(__file__).parent / "apache-4.1.1-consumer-group-records.txt")
    .read_text(encoding="utf-8")
    .splitlines()
]
APACHE = {
    name: CoordinatorRecord(bytes.fromhex(rest[0]), None if rest[1] == "-" else bytes.fromhex(rest[1]))
    for name, *rest in _LINES
    if not name.startswith("hash")
}
HASHES = {name: int(rest[0]) for name, *rest in _LINES if name.startswith("hash")}

GROUP = "g-é"


def topic_id(number: int) -> Uuid:
    return Uuid(bytes(15) + bytes([number]))


PARTITIONS = {topic_id(2): frozenset({7}), topic_id(1): frozenset({3, 0})}
MEMBER = ConsumerGroupMember(
    member_id="m-1",
    member_epoch=5,
    previous_member_epoch=4,
    instance_id="i",
    rack_id="r",
    rebalance_timeout_ms=60_000,
    client_id="c",
    client_host="/127.0.0.1",
    subscribed_topic_names=frozenset({"a", "b"}),
    subscribed_topic_regex="t-.*",
    server_assignor_name="range",
    state=MemberState.UNREVOKED_PARTITIONS,
    assigned_partitions=PARTITIONS,
    partitions_pending_revocation={topic_id(3): frozenset({1})},
)
BARE = ConsumerGroupMember("m-2")
CLASSIC = ConsumerGroupMember(
    "m-3",
    subscribed_topic_regex=None,
    classic=ClassicMembership(10_000, (Protocol("range", b"\1\2"), Protocol("sticky", b""))),
)
REGEX = ResolvedRegex(frozenset({"t-1", "t-2"}), 12, 1_700_000_000_123)

WRITTEN = {
    "member": records_of.member_record(GROUP, MEMBER),
    "member-bare": records_of.member_record(GROUP, BARE),
    "member-classic": records_of.member_record(GROUP, CLASSIC),
    "member-gone": records_of.member_tombstone(GROUP, "m-1"),
    "epoch": records_of.group_epoch_record(GROUP, 7, -3),
    "epoch-without-hash": records_of.group_epoch_record(GROUP, 7, 0),
    "epoch-gone": records_of.group_epoch_tombstone(GROUP),
    "topics-gone": records_of.partition_metadata_tombstone(GROUP),
    "target": records_of.target_assignment_record(GROUP, "m-1", PARTITIONS),
    "target-nothing": records_of.target_assignment_record(GROUP, "m-1", {}),
    "target-gone": records_of.target_assignment_tombstone(GROUP, "m-1"),
    "target-epoch": records_of.target_assignment_epoch_record(GROUP, 8),
    "target-epoch-gone": records_of.target_assignment_epoch_tombstone(GROUP),
    "current": records_of.current_assignment_record(GROUP, MEMBER),
    "current-bare": records_of.current_assignment_record(GROUP, BARE),
    "current-gone": records_of.current_assignment_tombstone(GROUP, "m-1"),
    "regex": records_of.regex_record(GROUP, "t-.*", *REGEX),
    "regex-gone": records_of.regex_tombstone(GROUP, "t-.*"),
}


def test_every_fact_is_checked() -> None:
    assert WRITTEN.keys() == APACHE.keys()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_record_is_written_as_apache_writes_it(name: str) -> None:
    assert WRITTEN[name] == APACHE[name]


class Replayed:
    """What Apache's records become."""

    def __init__(self) -> None:
        self.groups = Groups()
        self.replays = ConsumerGroupReplaying(self.groups).replays()

    def replay(self, *names: str, undo: Undo | None = None) -> None:
        for name in names:
            record = APACHE[name]
            self.replays[int.from_bytes(record.key[:2], "big")](record.key, record.value, undo)

    @property
    def group(self) -> ConsumerGroup:
        group = self.groups.get(GROUP)
        assert isinstance(group, ConsumerGroup)
        return group


ALIVE = ("member", "member-bare", "member-classic", "epoch", "target", "target-epoch", "current", "regex")


def test_a_group_is_read_from_apache_s_records() -> None:
    """Every field of every record arrives."""
    replayed = Replayed()
    replayed.replay(*ALIVE)
    group = replayed.group
    assert group.members == {
        "m-1": MEMBER,
        "m-2": BARE._replace(instance_id=None, rack_id=None),
        "m-3": CLASSIC,
    }
    assert (group.group_epoch, group.metadata_hash, group.target_assignment_epoch) == (7, -3, 8)
    assert group.target_assignment == {"m-1": PARTITIONS}
    assert group.regexes == {"t-.*": REGEX}
    assert group.static_members == {"i": "m-1"}
    assert set(group.subscribed_topic_names) == {"a", "b", "t-1", "t-2"}
    assert (group.partition_epoch(topic_id(1), 3), group.partition_epoch(topic_id(3), 1)) == (5, 5)
    assert group.is_free(topic_id(1), 1)
    assert group.classic_member_count == 1


def test_tombstones_end_a_group() -> None:
    """A member's three, then the group's; twice is once."""
    replayed = Replayed()
    replayed.replay(*ALIVE)
    replayed.replay("current-gone", "target-gone", "member-gone")
    assert "m-1" not in replayed.group.members
    assert replayed.group.is_free(topic_id(1), 3)
    assert replayed.group.target_owners == {}
    for _ in range(2):
        replayed.replay("target-epoch-gone", "regex-gone", "topics-gone", "epoch-gone")
    assert len(replayed.groups) == 0


def test_what_is_undone_was_never() -> None:
    """Records applied and taken back leave the group as it was before."""
    replayed = Replayed()
    replayed.replay("epoch", "member-bare")
    before = vars(replayed.group).copy()
    before.update({name: dict(value) for name, value in before.items() if isinstance(value, dict)})
    undo: Undo = []
    replayed.replay(*ALIVE, "current-gone", "target-gone", "member-gone", "regex-gone", undo=undo)
    replayed.replay("target-epoch-gone", "epoch-gone", undo=undo)
    assert len(replayed.groups) == 0
    for take_back in reversed(undo):
        take_back()
    assert vars(replayed.group) == before


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(APACHE)),
    st.integers(2, 60),
    st.one_of(st.none(), st.binary(max_size=40), st.integers(0, 60)),
    st.binary(min_size=1, max_size=6),
)
def test_lying_records_are_refused_or_read(
    name: str, cut: int, value: bytes | int | None, junk: bytes
) -> None:
    """Whatever stands in the log becomes state or a ProtocolError; reading goes on after it."""
    record = APACHE[name]
    replayed = Replayed()
    replayed.replay(*ALIVE)
    replay = replayed.replays[int.from_bytes(record.key[:2], "big")]
    told = value
    if isinstance(value, int):
        told = (record.value or b"")[:value] + junk
    with suppress(ProtocolError, UnsupportedVersionError):
        replay(record.key[:cut], told, None)
    with suppress(ProtocolError, UnsupportedVersionError):
        replay(record.key, told, None)
    replayed.replay(*ALIVE)
    assert replayed.group.members["m-1"] == MEMBER


def image() -> MetadataImage:
    """The cluster of the facts."""
    draft = ImageDraft(EMPTY_IMAGE)
    for broker_id, rack in ((1, "räck-1"), (2, "räck-2"), (3, None)):
        draft.put_broker(BrokerRegistration(broker_id, 0, (), rack))
    for number in (1, 2):
        draft.put_topic(
            f"topic-{number}",
            Uuid(bytes.fromhex("8123456789abcdef") + bytes(7) + bytes([number])),
            {partition: PartitionState((2, 1, 3), (2,), 2, 0, 0) for partition in range(number * 2)},
        )
    return draft.finish()[0]


def test_the_metadata_hash_is_apache_s() -> None:
    """Of one topic, of two, of none; topics that do not exist do not count."""
    topics = TopicMetadata()
    topics.image = image()
    assert topics.hash_of(["topic-1", "gone"]) == HASHES["hash-topic-1"]
    assert topics.hash_of(["topic-2", "topic-1"]) == HASHES["hash-both"]
    assert topics.hash_of(["gone"]) == HASHES["hash-none"] == 0


def test_the_metadata_hash_sees_what_changes() -> None:
    """More partitions and other racks change it, a new leader does not."""
    topics = TopicMetadata()
    draft = ImageDraft(image())
    older, delta = draft.finish()
    topics.advance(older, delta)
    before = topics.hash_of(["topic-1"])
    draft = ImageDraft(older)
    draft.put_partitions("topic-1", {0: PartitionState((2, 1, 3), (1,), 1, 1, 1)})
    newer, delta = draft.finish()
    assert topics.advance(newer, delta) == {"topic-1"}
    assert topics.hash_of(["topic-1"]) == before
    draft = ImageDraft(newer)
    draft.put_partitions("topic-1", {2: PartitionState((2, 1, 3), (1,), 1, 1, 1)})
    newer, delta = draft.finish()
    topics.advance(newer, delta)
    grown = topics.hash_of(["topic-1"])
    draft = ImageDraft(newer)
    draft.put_broker(BrokerRegistration(3, 0, (), "räck-3"))
    topics.advance(*draft.finish())
    assert len({before, grown, topics.hash_of(["topic-1"])}) == 3
