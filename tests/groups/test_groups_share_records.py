"""The records of share groups, byte for byte those of Apache Kafka 4.1.1 (facts printed by ShareGroupRecords.java)."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.coordination.results import CoordinatorRecord
from ottla.groups import share_group_records as records
from ottla.groups.modern_group import MemberState
from ottla.groups.registry import Groups, Undo
from ottla.groups.share_group import ShareGroup
from ottla.groups.share_group_member import ShareGroupMember
from ottla.groups.share_group_replaying import ShareGroupReplaying
from ottla.groups.share_group_state_partitions import InitializedTopic, StatePartitions
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.types import Uuid

APACHE = {
    name: CoordinatorRecord(bytes.fromhex(key), None if value == "-" else bytes.fromhex(value))
    for name, key, value in (
        line.split(" ")
        for line in (Path(__file__).parent / "apache-4.1.1-share-group-records.txt").read_text().splitlines()
    )
}
A, B, C, D = (Uuid(number.to_bytes(16, "big")) for number in range(1, 5))
GROUP = "g-é"
ASSIGNED = {A: frozenset({0, 3}), B: frozenset({7})}
MEMBER = ShareGroupMember(
    "m-1", 5, 4, "räck", "c", "/127.0.0.1", frozenset({"a", "b"}), MemberState.STABLE, ASSIGNED
)
STATE = StatePartitions(
    {A: InitializedTopic("ä", frozenset({0, 1}))},
    {A: InitializedTopic("ä", frozenset({2})), B: InitializedTopic("b", frozenset({0}))},
    frozenset({C, D}),
)

OURS = {
    "member": records.member_record(GROUP, MEMBER),
    "bare-member": records.member_record(
        GROUP, ShareGroupMember("m-2", subscribed_topic_names=frozenset({"a"}))
    ),
    "member-gone": records.member_tombstone(GROUP, "m-1"),
    "group": records.group_record(GROUP, 7, -3),
    "group-gone": records.group_tombstone(GROUP),
    "target-epoch": records.target_epoch_record(GROUP, 6),
    "target-epoch-gone": records.target_epoch_tombstone(GROUP),
    "target": records.target_assignment_record(GROUP, "m-1", ASSIGNED),
    "target-gone": records.target_assignment_tombstone(GROUP, "m-1"),
    "current": records.current_assignment_record(GROUP, MEMBER),
    "current-gone": records.current_assignment_tombstone(GROUP, "m-1"),
    "state": records.state_partitions_record(GROUP, STATE, {C: "c"}.get),
    "state-gone": records.state_partitions_tombstone(GROUP),
}


def replayed(groups: Groups, names: Iterable[str], undo: Undo | None = None) -> ShareGroup | None:
    """The group after Apache's records of these names."""
    by_type = ShareGroupReplaying(groups, lambda *_: None).by_type()
    for record in (APACHE[name] for name in names):
        by_type[int.from_bytes(record.key[:2], "big")](record.key, record.value, undo)
    found = groups.find(GROUP)
    assert found is None or isinstance(found, ShareGroup)
    return found


@pytest.mark.parametrize("name", APACHE)
def test_records_are_written_as_apache_writes_them(name: str) -> None:
    """Key and value."""
    assert OURS[name] == APACHE[name]


def test_apaches_records_become_a_group() -> None:
    """In the order in which a coordinator writes them."""
    group = replayed(Groups(), ["member", "group", "target", "target-epoch", "current", "state"])
    assert group is not None
    assert group.members == {"m-1": MEMBER}
    assert (group.group_epoch, group.metadata_hash, group.target_assignment_epoch) == (7, -3, 6)
    assert group.target_assignment == {"m-1": ASSIGNED}
    assert group.state_partitions == STATE
    assert group.subscribed_topic_names.keys() == {"a", "b"}


def test_tombstones_take_all_of_it_away() -> None:
    """A member's, then the group's; for a group that is gone they mean nothing."""
    groups = Groups()
    whole = ["member", "group", "target", "target-epoch", "current", "state"]
    group = replayed(groups, [*whole, "current-gone", "target-gone", "member-gone"])
    assert group is not None
    assert group.is_empty
    assert group.target_assignment == {}
    gone = ["target-epoch-gone", "state-gone", "group-gone"]
    assert replayed(groups, gone) is None
    assert replayed(groups, [name for name in APACHE if name.endswith("-gone")]) is None


def test_what_was_replayed_is_undone_newest_first() -> None:
    """Back to the group before, and to none."""
    groups, undo = Groups(), Undo()
    replayed(groups, ["member", "group", "state"])
    before = groups.find(GROUP)
    assert isinstance(before, ShareGroup)
    then = (dict(before.members), before.group_epoch, before.state_partitions)
    replayed(groups, ["target", "target-epoch", "current", "state-gone", "bare-member"], undo)
    replayed(groups, ["current-gone", "member-gone", "group-gone"], undo)
    for take_back in reversed(undo):
        take_back()
    group = groups.find(GROUP)
    assert group is before
    assert (before.members, before.group_epoch, before.state_partitions) == then
    assert (before.target_assignment, before.target_assignment_epoch) == ({}, 0)


@given(st.sampled_from(range(10, 16)), st.binary(max_size=64), st.none() | st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(record_type: int, key: bytes, value: bytes | None) -> None:
    """Whatever lies in the log: state, or the one error."""
    replay = ShareGroupReplaying(Groups(), lambda *_: None).by_type()[record_type]
    with suppress(ProtocolError, UnsupportedVersionError):
        replay(record_type.to_bytes(2, "big") + key, value, None)
