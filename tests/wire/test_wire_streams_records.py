"""One conversation with Ottla and with Apache Kafka 4.1.1: both leave the same records in `__consumer_offsets`.

So either can go on with what the other wrote.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streams_members import SETTINGS, Member, counting, make
from wire_client import WireClient

from brokers import ApacheBroker, OttlaBroker, ProcessBroker
from conditions import until
from ottla.groups.streams_records import (
    STREAMS_RECORD_TYPES,
    StreamsRecordType,
    group_epoch_record,
    parse_group_epoch,
    parse_streams_key,
)
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse
from ottla.protocol.messages.streams_group_heartbeat import KeyValue
from ottla.records.batch import iterate_batches
from ottla.records.record import Record, iterate_records

GROUP = "application"
OFFSETS_TOPIC = "__consumer_offsets"


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ProcessBroker]]:
    """Ottla and Apache; whose assignor, where two processes are as good as each other, goes by the hash of an address,
    which this JVM has one and the same for all."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:+UnlockExperimentalVMOptions -XX:hashCode=2")
    settings = {**SETTINGS, "group.streams.num.standby.replicas": "1"}
    with (
        OttlaBroker(tmp_path / "ottla", settings) as ottla,
        ApacheBroker(tmp_path / "apache", settings) as apache,
    ):
        yield [ottla, apache]


def converse(wire: WireClient) -> None:
    """Three members come, share tasks and copies of them, and go; then the group is deleted."""
    for topic in ("input", f"{GROUP}-words-repartition", f"{GROUP}-counts-changelog"):
        make(wire, topic, 5)
    wire.find_coordinator(GROUP)
    members = [
        Member(wire, GROUP, name, counting("input", GROUP), process_id=process, port=port)
        for name, process, port in (("one", "p", 8080), ("two", "q", None), ("three", "p", 8081))
    ]
    for member in members:
        request = member.join_request()
        request.rack_id = f"rack-of-{member.member_id}"
        request.client_tags = [KeyValue(key="zone", value="z"), KeyValue(key="cluster", value="c")]
        assert member.send(request).error_code == ErrorCode.NONE
        for _ in range(3):
            for each in members[: members.index(member) + 1]:
                assert each.beat().error_code == ErrorCode.NONE
    for member in members:
        assert member.leave().error_code == ErrorCode.NONE
        for each in members[members.index(member) + 1 :]:
            assert each.beat().error_code == ErrorCode.NONE
    [deleted] = wire.ask(DeleteGroupsRequest(groups_names=[GROUP]), DeleteGroupsResponse, 2).results
    assert deleted.error_code == ErrorCode.NONE


def records_of_the_group(wire: WireClient) -> list[tuple[str, bytes, bytes | None]]:
    """Their types, keys and values, in the order of the log."""
    found: list[Record] = []
    offset = 0
    while True:
        partition = wire.fetch(OFFSETS_TOPIC, offset)
        content = bytes(partition.records or b"")
        for header, batch in iterate_batches(content):
            found += iterate_records(batch)
            offset = header.last_offset + 1
        if offset >= partition.high_watermark:
            break
    told = []
    for record in found:
        key = bytes(record.key or b"")
        if int.from_bytes(key[:2], "big") in STREAMS_RECORD_TYPES:
            whose = parse_streams_key(key)
            if whose.group_id == GROUP:
                value = None if record.value is None else bytes(record.value)
                told.append((whose.type.name, key, without_hash(whose.type, value)))
    return told


def without_hash(record_type: StreamsRecordType, value: bytes | None) -> bytes | None:
    """The value; a metadata hash, which the topics' random ids are part of, only as 0 or 1."""
    if record_type is not StreamsRecordType.METADATA or value is None:
        return value
    epoch, metadata_hash = parse_group_epoch(value)
    return group_epoch_record(GROUP, epoch, int(metadata_hash != 0)).value


def test_the_same_conversation_leaves_the_same_records(both: list[ProcessBroker]) -> None:
    """Byte for byte and in the same order."""
    logs = []
    for broker in both:
        with WireClient(broker.host, broker.port) as wire:
            converse(wire)
            logs.append(
                until(
                    lambda wire=wire: records_of_the_group(wire),  # type: ignore[misc]
                    lambda seen: bool(seen) and seen[-1][0] == "TOPOLOGY" and seen[-1][2] is None,
                )
            )
    ottla, apache = logs
    assert [name for name, _, _ in ottla] == [name for name, _, _ in apache]
    assert ottla == apache
    assert {name for name, _, _ in ottla} == {each.name for each in StreamsRecordType}
