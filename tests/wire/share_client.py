"""A member of a share group that sends exactly what a test says, over a `WireClient`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wire_client import WireClient

from conditions import until
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages import share_acknowledge as acknowledging
from ottla.protocol.messages import share_fetch as fetching
from ottla.protocol.messages.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.messages.initialize_share_group_state import (
    InitializeShareGroupStateRequest,
    InitializeShareGroupStateResponse,
    InitializeStateData,
)
from ottla.protocol.messages.initialize_share_group_state import PartitionData as InitializedPartition
from ottla.protocol.messages.read_share_group_state import (
    PartitionData,
    PartitionResult,
    ReadShareGroupStateRequest,
    ReadShareGroupStateResponse,
    ReadStateData,
)
from ottla.protocol.messages.update_features import (
    FeatureUpdateKey,
    UpdateFeaturesRequest,
    UpdateFeaturesResponse,
)
from ottla.protocol.types import Uuid, random_uuid, uuid_text
from ottla.records.batch import iterate_batches
from ottla.records.record import iterate_records

GAP, ACCEPT, RELEASE, REJECT = 0, 1, 2, 3


def enable_share_groups(wire: WireClient) -> None:
    """Finalize `share.version` 1."""
    key = FeatureUpdateKey(feature="share.version", max_version_level=1, upgrade_type=1)
    answer = wire.ask(
        UpdateFeaturesRequest(timeout_ms=10_000, feature_updates=[key]), UpdateFeaturesResponse, 1
    )
    assert answer.error_code == ErrorCode.NONE, answer


def topic_id(wire: WireClient, topic: str) -> Uuid:
    return wire.topic(topic).topic_id


def initialize_state(
    wire: WireClient,
    group: str,
    topic: Uuid,
    *,
    partition: int = 0,
    start_offset: int = 0,
    state_epoch: int = 0,
) -> None:
    """Begin the group's state as its coordinator would."""
    key = f"{group}:{uuid_text(topic)}:{partition}"
    until(
        lambda: wire.ask(
            FindCoordinatorRequest(key_type=2, coordinator_keys=[key]), FindCoordinatorResponse, 6
        ).coordinators[0],
        lambda found: found.error_code == ErrorCode.NONE,
    )
    row = InitializedPartition(partition=partition, state_epoch=state_epoch, start_offset=start_offset)
    request = InitializeShareGroupStateRequest(
        group_id=group, topics=[InitializeStateData(topic_id=topic, partitions=[row])]
    )
    until(
        lambda: wire.ask(request, InitializeShareGroupStateResponse, 0).results[0].partitions[0],
        lambda result: result.error_code == ErrorCode.NONE,
    )


def read_state(
    wire: WireClient, group: str, topic: Uuid, *, partition: int = 0, leader_epoch: int = 1000
) -> PartitionResult:
    """The group's state as the share coordinator has it; a leader epoch that fences whoever led before."""
    row = PartitionData(partition=partition, leader_epoch=leader_epoch)
    request = ReadShareGroupStateRequest(
        group_id=group, topics=[ReadStateData(topic_id=topic, partitions=[row])]
    )
    return wire.ask(request, ReadShareGroupStateResponse, 0).results[0].partitions[0]


@dataclass
class Fetched:
    """What one partition's row of an answer says."""

    error: ErrorCode
    acknowledge_error: ErrorCode
    ranges: list[tuple[int, int, int]]
    """First offset, last offset, delivery count, as the answer has them."""
    values: dict[int, bytes] = field(default_factory=dict)
    """Offset → value of all records that came, acquired or not."""

    @property
    def offsets(self) -> dict[int, int]:
        """Acquired offset → delivery count."""
        return {offset: count for first, last, count in self.ranges for offset in range(first, last + 1)}


class ShareMember:
    """One member; its session's epoch counts up by itself."""

    def __init__(self, wire: WireClient, group: str, topic: Uuid, seed: int) -> None:
        self.wire = wire
        self.group = group
        self.topic = topic
        self.member_id = uuid_text(random_uuid(seed.to_bytes(16, "big")))
        self.epoch = 0

    def _next_epoch(self, given: int | None) -> int:
        epoch = self.epoch if given is None else given
        self.epoch = 0 if epoch == -1 else epoch + 1
        return epoch

    def fetch_request(
        self,
        *,
        acknowledge: Iterable[tuple[int, int, Sequence[int]]] = (),
        partitions: Sequence[int] = (0,),
        epoch: int | None = None,
        max_wait_ms: int = 5_000,
        min_bytes: int = 1,
        max_records: int = 500,
        batch_size: int = 500,
        forget: Sequence[int] = (),
    ) -> fetching.ShareFetchRequest:
        batches = [
            fetching.AcknowledgementBatch(first_offset=first, last_offset=last, acknowledge_types=list(types))
            for first, last, types in acknowledge
        ]
        rows = [
            fetching.FetchPartition(
                partition_index=partition, acknowledgement_batches=batches if partition == 0 else []
            )
            for partition in partitions
        ]
        forgotten = [fetching.ForgottenTopic(topic_id=self.topic, partitions=list(forget))]
        return fetching.ShareFetchRequest(
            group_id=self.group,
            member_id=self.member_id,
            share_session_epoch=self._next_epoch(epoch),
            max_wait_ms=max_wait_ms,
            min_bytes=min_bytes,
            max_bytes=1 << 20,
            max_records=max_records,
            batch_size=batch_size,
            topics=[fetching.FetchTopic(topic_id=self.topic, partitions=rows)],
            forgotten_topics_data=forgotten if forget else [],
        )

    def fetch_all(self, **options: object) -> tuple[ErrorCode, dict[int, Fetched]]:
        """The answer's own error, and its rows by partition."""
        answer = self.wire.ask(self.fetch_request(**options), fetching.ShareFetchResponse, 1)  # type: ignore[arg-type]
        rows = {row.partition_index: _fetched(row) for topic in answer.responses for row in topic.partitions}
        return ErrorCode(answer.error_code), rows

    def fetch(self, **options: object) -> Fetched:
        """Partition 0's row; an empty one if the answer does not speak of it."""
        error, rows = self.fetch_all(**options)
        assert error is ErrorCode.NONE, error
        return rows.get(0, Fetched(ErrorCode.NONE, ErrorCode.NONE, []))

    def fetch_until(self, count: int, **options: object) -> Fetched:
        """Fetch until so many records are acquired in one answer."""
        return until(lambda: self.fetch(**options), lambda seen: len(seen.offsets) >= count)

    def acknowledge(
        self, *batches: tuple[int, int, Sequence[int]], epoch: int | None = None, partition: int = 0
    ) -> ErrorCode:
        """The row's error, or that of the whole answer."""
        said = [
            acknowledging.AcknowledgementBatch(
                first_offset=first, last_offset=last, acknowledge_types=list(types)
            )
            for first, last, types in batches
        ]
        row = acknowledging.AcknowledgePartition(partition_index=partition, acknowledgement_batches=said)
        request = acknowledging.ShareAcknowledgeRequest(
            group_id=self.group,
            member_id=self.member_id,
            share_session_epoch=self._next_epoch(epoch),
            topics=[acknowledging.AcknowledgeTopic(topic_id=self.topic, partitions=[row])],
        )
        answer = self.wire.ask(request, acknowledging.ShareAcknowledgeResponse, 1)
        if answer.error_code or not answer.responses:
            return ErrorCode(answer.error_code)
        return ErrorCode(answer.responses[0].partitions[0].error_code)

    def close(self) -> ErrorCode:
        """End the session."""
        request = acknowledging.ShareAcknowledgeRequest(
            group_id=self.group, member_id=self.member_id, share_session_epoch=-1
        )
        self.epoch = 0
        return ErrorCode(self.wire.ask(request, acknowledging.ShareAcknowledgeResponse, 1).error_code)


def _fetched(row: fetching.PartitionData) -> Fetched:
    values = {
        record.offset: bytes(record.value or b"")
        for header, batch in iterate_batches(bytes(row.records or b""))
        if not header.is_control
        for record in iterate_records(batch, max_decompressed_bytes=1 << 20)
    }
    ranges = [(each.first_offset, each.last_offset, each.delivery_count) for each in row.acquired_records]
    return Fetched(ErrorCode(row.error_code), ErrorCode(row.acknowledge_error_code), ranges, values)
