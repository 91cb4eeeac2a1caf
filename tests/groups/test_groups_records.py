"""The records of groups and offsets, byte for byte those of Apache Kafka 4.1.1 (facts printed by GroupRecords.java)."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.coordination.partitioning import java_string_hash, java_string_length, partition_for
from ottla.groups.classic_group import ClassicGroup
from ottla.groups.member import ClassicMember, Protocol
from ottla.groups.records import (
    GroupKey,
    OffsetAndMetadata,
    OffsetKey,
    group_metadata_record,
    group_metadata_tombstone,
    new_group_metadata_record,
    offset_commit_record,
    offset_commit_tombstone,
    parse_group,
    parse_key,
    parse_offset_commit,
)
from ottla.groups.states import ClassicGroupState
from ottla.protocol.errors import ProtocolError, UnsupportedVersionError
from ottla.protocol.types import Uuid

_LINES = [
    line.split(" ")
    for line in (Path(__file__).parent / "apache-4.1.1-group-records.txt").read_text().splitlines()
]
APACHE = {name: bytes.fromhex(rest[0]) for name, *rest in _LINES if name != "hash"}
HASHES = [
    (group, int(code), int(partition))
    for name, group, code, partition in (line for line in _LINES if line[0] == "hash")
]

COMMITTED_MS = 1_700_000_000_123
METADATA = "m\U0001d11e"


def stable_group() -> ClassicGroup:
    """The group of the facts."""
    group = ClassicGroup(
        "g-é",
        ClassicGroupState.STABLE,
        now_ms=1_700_000_000_456,
        generation_id=3,
        protocol_type="consumer",
        protocol_name="range",
        leader_id="m-1",
    )
    members = [
        ClassicMember(
            "m-1", "i", "c", "/127.0.0.1", 60_000, 10_000, "consumer", (Protocol("range", b"\1\2"),), b"\3"
        ),
        ClassicMember("m-2", None, "c2", "/::1", 30_000, 20_000, "consumer", (Protocol("range", b""),)),
    ]
    for member in members:
        group.add(member, None)
    return group


def test_offsets_are_written_as_apache_writes_them() -> None:
    """Version 4 as a rule, version 1 with a retention of its own, the topic's id as a tagged field."""
    record = offset_commit_record(
        "g-é", "topic", 7, OffsetAndMetadata(1234567890123, 5, METADATA, COMMITTED_MS)
    )
    assert record.key == APACHE["offset-key"]
    assert record.value == APACHE["offset-value-4"]
    expiring = OffsetAndMetadata(1234567890123, 5, METADATA, COMMITTED_MS, COMMITTED_MS + 3_600_000)
    assert offset_commit_record("g-é", "topic", 7, expiring).value == APACHE["offset-value-1"]
    topic_id = Uuid(bytes(7) + b"\1" + bytes(7) + b"\2")
    with_id = OffsetAndMetadata(42, -1, "", 1, topic_id=topic_id)
    assert offset_commit_record("g", "t", 0, with_id).value == APACHE["offset-value-topic-id"]
    tombstone = offset_commit_tombstone("g-é", "topic", 7)
    assert (tombstone.key, tombstone.value) == (APACHE["offset-key"], None)


@pytest.mark.parametrize("version", range(5))
def test_offsets_of_every_version_are_read(version: int) -> None:
    """Each version of the value gives back what it can hold."""
    offset = parse_offset_commit(APACHE["offset-key"], APACHE[f"offset-value-{version}"], 17)
    assert (offset.committed_offset, offset.metadata, offset.commit_timestamp_ms) == (
        1234567890123,
        METADATA,
        COMMITTED_MS,
    )
    assert offset.leader_epoch == (5 if version >= 3 else -1)
    assert offset.expire_timestamp_ms == (COMMITTED_MS + 3_600_000 if version == 1 else -1)
    assert offset.position == 17


def test_offsets_of_old_brokers_are_read() -> None:
    """Key type 0 with its own value."""
    assert parse_key(APACHE["legacy-key"]) == OffsetKey("g", "t", 1)
    offset = parse_offset_commit(APACHE["legacy-key"], APACHE["legacy-value"], 0)
    assert (offset.committed_offset, offset.metadata, offset.commit_timestamp_ms) == (9, "old", 77)


def test_groups_are_written_as_apache_writes_them() -> None:
    """Version 3 with members, without, and the tombstone."""
    group = stable_group()
    record = group_metadata_record(group, {"m-1": b"\3", "m-2": b""})
    assert record.key == APACHE["group-key"]
    assert record.value == APACHE["group-value-3"]
    empty = ClassicGroup("g-é", ClassicGroupState.EMPTY, now_ms=9)
    assert new_group_metadata_record(empty).value == APACHE["group-value-new"]
    assert group_metadata_tombstone("g-é").key == APACHE["group-key"]


@pytest.mark.parametrize("version", range(5))
def test_groups_of_every_version_are_read(version: int) -> None:
    """A record with members is a stable group; what older versions lack is filled in as Apache does."""
    assert parse_key(APACHE["group-key"]) == GroupKey("g-é")
    group = parse_group("g-é", APACHE[f"group-value-{version}"])
    assert group.state is ClassicGroupState.STABLE
    assert (group.protocol_type, group.protocol_name, group.leader_id, group.generation_id) == (
        "consumer",
        "range",
        "m-1",
        3,
    )
    assert group.state_timestamp_ms == (1_700_000_000_456 if version >= 2 else -1)
    first = group.members["m-1"]
    assert first.group_instance_id == ("i" if version >= 3 else None)
    assert first.rebalance_timeout_ms == (60_000 if version >= 1 else 10_000)
    assert (first.metadata("range"), first.assignment) == (b"\1\2", b"\3")
    assert group.static_members == ({"i": "m-1"} if version >= 3 else {})


def test_a_group_record_without_members_is_an_empty_group() -> None:
    """The first record of a group: no type yet, no generation."""
    group = parse_group("g", APACHE["group-value-new"])
    assert group.is_empty
    assert group.is_simple
    assert group.generation_id == 0


def test_records_of_other_group_types_are_told_apart() -> None:
    """Key types from 3 on are another state machine's."""
    assert parse_key(b"\0\3\0\1g") is None


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever lies in the log: a value, or the one error."""
    for read in (
        lambda: parse_key(data),
        lambda: parse_offset_commit(APACHE["offset-key"], data, 0),
        lambda: parse_group("g", data),
    ):
        with suppress(ProtocolError, UnsupportedVersionError):
            read()


def test_a_group_record_that_contradicts_itself_is_refused() -> None:
    """Two members of one id, or of one instance id."""
    value = APACHE["group-value-3"]
    for before, after in ((b"m-2", b"m-1"), (b"\xff\xff\0\2c2", b"\0\1i\0\1c")):
        assert before in value
        with pytest.raises(ProtocolError):
            parse_group("g", value.replace(before, after))


@pytest.mark.parametrize(("group_id", "code", "partition"), HASHES)
def test_groups_belong_to_the_partition_that_java_gives_them(
    group_id: str, code: int, partition: int
) -> None:
    """String.hashCode over UTF-16 code units, the smallest int becoming partition 0."""
    assert java_string_hash(group_id) == code
    assert partition_for(group_id, 50) == partition


def test_lengths_are_counted_as_java_counts_them() -> None:
    """A character outside the basic plane is two."""
    assert java_string_length("aé\U0001d11e") == 4
