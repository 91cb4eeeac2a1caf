"""Numbers in records at the ends of their range: each batch is taken or refused, and what was taken is found after a restart."""

from __future__ import annotations

from collections.abc import Callable

from wire_client import WireClient

from brokers import ProcessBroker
from ottla.protocol.errors import ErrorCode
from ottla.protocol.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.records.batch import iterate_batches, write_crc
from ottla.records.record import Record, build_batch

MOST, LEAST = 2**63 - 1, -(2**63)
TIMES = (MOST, MOST - 1, 2**53, 0, -1, -2, LEAST)
ASKED = (*TIMES, -3, -4, -5, -6)


def stamped(timestamp: int) -> bytes:
    """A batch of one record whose times are this one, wherever it can stand."""
    batch = bytearray(build_batch([Record(0, 0, b"k", b"v")]))
    batch[27:35] = batch[35:43] = timestamp.to_bytes(8, "big", signed=True)
    write_crc(batch)
    return bytes(batch)


def test_times_at_the_ends_of_their_range(start_broker: Callable[..., ProcessBroker]) -> None:
    """Retention, indexes by time, look-ups and recovery live with any of them."""
    broker = start_broker({"log.retention.check.interval.ms": "1000"})
    taken = []
    with WireClient(broker.host, broker.port) as wire:
        wire.create_topic(
            "t", message_timestamp_after_max_ms=str(MOST), retention_ms=str(MOST), segment_ms=str(MOST)
        )
        wire.produce_records("t", Record(0, 1, b"k", b"v"))
        for timestamp in TIMES:
            answer = wire.produce("t", stamped(timestamp))
            assert answer.error_code in (ErrorCode.NONE, ErrorCode.INVALID_TIMESTAMP), timestamp
            if answer.error_code == ErrorCode.NONE:
                taken.append(timestamp)
        assert 0 in taken
        end = look_up(wire, -1)
        assert end == 1 + len(taken)
        for timestamp in ASKED:
            assert -1 <= look_up(wire, timestamp) <= end
    broker.kill()
    broker.start()
    with WireClient(broker.host, broker.port) as wire:
        held = wire.fetch("t", 0).records
        kept = [header.max_timestamp for header, _ in iterate_batches(held)][1:]
        # Apache keeps no time before 1970 in a header.
        assert all(each in (timestamp, -1) for each, timestamp in zip(kept, taken, strict=True))
        for timestamp in ASKED:
            assert -1 <= look_up(wire, timestamp) <= end


def look_up(wire: WireClient, timestamp: int) -> int:
    """The offset for a time; -1 for none, or where such a time means nothing to the broker."""
    partition = ListOffsetsPartition(partition_index=0, timestamp=timestamp)
    request = ListOffsetsRequest(replica_id=-1, topics=[ListOffsetsTopic(name="t", partitions=[partition])])
    [topic] = wire.ask(request, ListOffsetsResponse, 7).topics
    return topic.partitions[0].offset
