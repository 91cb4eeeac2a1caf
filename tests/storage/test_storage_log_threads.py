"""Reading on threads while the loop appends, rolls, deletes and truncates."""

import random
import threading

from log_fixture import NOW_MS, LogRoom

from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.records.batch import iterate_batches
from ottla.records.record import iterate_records
from ottla.storage.disk import PosixDisk
from ottla.storage.file_slice import SliceGone
from ottla.storage.partition_log import PartitionLog


def read_at_random(
    log: PartitionLog, seed: int, stop: threading.Event, wrong: list[str], counts: list[int]
) -> None:
    """Read from random offsets: what comes must be the records that belong there."""
    chance = random.Random(seed)
    while not stop.is_set():
        offset = chance.randint(log.log_start_offset, max(log.log_end_offset, log.log_start_offset))
        try:
            found = log.read(offset, chance.choice((1, 500, 5_000)))
            if found.slice is None:
                continue
            content = found.slice.read_all()
            chance.random() < 0.2 and log.offset_for_timestamp(NOW_MS + offset)
        except SliceGone:
            continue
        except KafkaError as error:
            if error.code not in (ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR):
                wrong.append(f"{offset}: {error}")
            continue
        for place, (header, batch) in enumerate(iterate_batches(content)):
            if place == 0 and header.last_offset < offset:
                wrong.append(f"asked for {offset}, got {header.base_offset}")
            for record in iterate_records(batch):
                if record.value != b"%d" % record.offset:
                    wrong.append(f"offset {record.offset} holds {record.value!r}")
        counts[0] += 1


def test_threads_read_right_records_or_none_whatever_the_loop_does(tmp_path) -> None:
    """Few descriptors, small segments, deletions and truncations all the time: never a foreign or torn record."""
    config = TopicConfig(segment_bytes=2_000, index_interval_bytes=100, file_delete_delay_ms=0)
    room = LogRoom(config, disk=PosixDisk(), path=str(tmp_path), descriptors=5)
    log = room.log
    stop = threading.Event()
    wrong: list[str] = []
    counts = [0]
    threads = [
        threading.Thread(target=read_at_random, args=(log, seed, stop, wrong, counts), daemon=True)
        for seed in range(2)
    ]
    for thread in threads:
        thread.start()
    try:
        churn(room, random.Random(7))
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not wrong
    assert counts[0] > 100
    room.close()


def churn(room: LogRoom, chance: random.Random) -> None:
    log = room.log
    for turn in range(700):
        # The value is the offset that the record gets, also when it is written anew after a truncation.
        next_offset = log.next_offset
        room.append(
            *[b"%d" % offset for offset in range(next_offset, next_offset + chance.randint(1, 5))],
            timestamps=[NOW_MS + next_offset] * 5,
        )
        if turn % 50 == 49:
            log.truncate_to(max(log.next_offset - chance.randint(0, 30), log.log_start_offset))
        if turn % 70 == 69:
            log.delete_oldest_segments(chance.randint(1, 5), NOW_MS)
            log.unlink_doomed(NOW_MS)
        if turn % 100 == 99:
            room.settle()
