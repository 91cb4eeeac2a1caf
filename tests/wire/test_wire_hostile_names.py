"""Names that clients make up: none becomes a path, none is taken for another, and none that a topic can't have is made one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from wire_client import WireClient

from brokers import ProcessBroker
from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    EntityData,
    EntryData,
    OpData,
)
from ottla.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from ottla.protocol.messages.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
)
from ottla.protocol.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from sasl_client import set_scram_password

NOT_YET = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
)
PATHS = [
    "..",
    ".",
    "",
    "../outside",
    "a/../../outside",
    "/tmp/outside",
    "a\0b",
    "..\\outside",
    "%2e%2e%2foutside",
]
NO_TOPICS = [*PATHS, "a\nb", "a\x1b[2J", "größe", "a b", "a" * 250, "a;b", "$(touch outside)"]


@pytest.mark.parametrize("name", NO_TOPICS, ids=ascii)
def test_no_topic_is_called_so(wire: WireClient, name: str) -> None:
    """Neither when it is asked for nor when clients use it."""
    topic = CreatableTopic(name=name, num_partitions=1, replication_factor=1)
    [result] = wire.ask(CreateTopicsRequest(topics=[topic]), CreateTopicsResponse, 5).topics
    assert result.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    request = MetadataRequest(topics=[MetadataRequestTopic(name=name)], allow_auto_topic_creation=True)
    [found] = wire.ask(request, MetadataResponse, 9).topics
    assert found.error_code in (ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    [again] = wire.ask(request, MetadataResponse, 9).topics
    assert again.error_code == found.error_code


def test_names_leave_no_file_elsewhere(start_broker: Callable[..., ProcessBroker]) -> None:
    """Of groups, transactional ids, users and clients, which may have any characters: what they are kept under stays in the
    broker's own directories."""
    broker = start_broker()
    outside = broker.directory.parent
    with WireClient(broker.host, broker.port, client_id="../../outside") as wire:
        wire.create_topic("t")
        before = {each.name for each in outside.iterdir()} | {"outside"}
        for name in PATHS[3:]:
            wire.find_coordinator(name)
            assert commit(wire, name, "t", 1) == ErrorCode.NONE
            find_transaction_coordinator(wire, name)
            request = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=1_000)
            until(
                lambda request=request: wire.ask(request, InitProducerIdResponse, 4).error_code,
                lambda code: code == ErrorCode.NONE,
            )
            if "\0" not in name:  # of what has one, no node of ZooKeeper's could be made either
                set_scram_password(wire, "SCRAM-SHA-256", name, "secret")
                for kind in ("user", "client-id"):
                    limit_to(wire, kind, name, 1e9)
    broker.stop()
    assert {each.name for each in outside.iterdir()} <= before
    kept = {each.name for each in broker.data.iterdir()}
    assert not any("outside" in name for name in kept)
    assert not list(broker.directory.rglob("outside*"))
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        for name in PATHS[3:]:
            assert committed(wire, name, "t") == 1


def find_transaction_coordinator(wire: WireClient, transactional_id: str) -> None:
    request = FindCoordinatorRequest(key_type=1, coordinator_keys=[transactional_id])
    until(
        lambda: wire.ask(request, FindCoordinatorResponse, 4).coordinators[0].error_code,
        lambda code: code == ErrorCode.NONE,
    )


def limit_to(wire: WireClient, kind: str, name: str, bytes_per_second: float) -> None:
    entry = EntryData(
        entity=[EntityData(entity_type=kind, entity_name=name)],
        ops=[OpData(key="producer_byte_rate", value=bytes_per_second, remove=False)],
    )
    [result] = wire.ask(AlterClientQuotasRequest(entries=[entry]), AlterClientQuotasResponse, 1).entries
    assert result.error_code == ErrorCode.NONE, result


def commit(wire: WireClient, group: str, topic: str, offset: int) -> int:
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
    request = OffsetCommitRequest(
        group_id=group, topics=[OffsetCommitRequestTopic(name=topic, partitions=[partition])]
    )
    return until(  # Apache's coordinator hears of a new topic a little after its metadata does
        lambda: wire.ask(request, OffsetCommitResponse, 8).topics[0].partitions[0].error_code,
        lambda code: code not in NOT_YET,
    )


def committed(wire: WireClient, group: str, topic: str) -> int:
    wanted = OffsetFetchRequestGroup(
        group_id=group, topics=[OffsetFetchRequestTopics(name=topic, partition_indexes=[0])]
    )

    def offset() -> int:
        [answer] = wire.ask(OffsetFetchRequest(groups=[wanted]), OffsetFetchResponse, 8).groups
        return answer.topics[0].partitions[0].committed_offset if not answer.error_code else -2

    return until(offset, lambda found: found != -2)


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")),
        ("paypal", "p\u0430ypal"),  # a Cyrillic letter
        ("group", "GROUP"),
        ("group", "group "),
        ("group", "group\u200b"),
        ("stra\u00dfe", "strasse"),
        ("\ufb01le", "file"),
    ],
    ids=ascii,
)
def test_names_that_look_alike_are_not_the_same(
    wire: WireClient, topic: str, unique_name: Callable[[str], str], name: str, alike: str
) -> None:
    """A group's offsets are those of its own name, code point for code point."""
    suffix = unique_name("-alike")
    wire.create_topic(topic)
    for group, offset in ((name + suffix, 1), (alike + suffix, 2)):
        wire.find_coordinator(group)
        assert commit(wire, group, topic, offset) == ErrorCode.NONE
    assert [committed(wire, group + suffix, topic) for group in (name, alike)] == [1, 2]
