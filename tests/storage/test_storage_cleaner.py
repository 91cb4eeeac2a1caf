"""Compaction: what is planned, what stays of a log's records, and the log after the swap, as a consumer sees it."""

import errno
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_disks import FaultyDisk
from store_fixture import NOW as STORE_NOW
from store_fixture import ORDERS, create, open_store

from ottla.config.topic_config import TopicConfig
from ottla.records.batch import iterate_batches
from ottla.records.control import ControlType, build_end_txn_marker
from ottla.records.record import Codec, Record, build_batch, iterate_records
from ottla.storage.cleaner import (
    CleanableSegment,
    LogFacts,
    group_segments,
    is_worth_cleaning,
    plan_cleaning,
)
from ottla.storage.cleaning import CleaningError, CleaningJob, CleaningRound, Throttle
from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.job_process import JobProcess
from ottla.storage.offset_map import ENTRY_BYTES, OffsetMap
from ottla.storage.txn_index import AbortedEntry

LOG = "/data/t-0"
DAY = 86_400_000
NOW = 1_700_000_000_000


def facts(base, size=100, index=8, time_index=12, largest=NOW - DAY, first=NOW - DAY):
    return CleanableSegment(base, size, index, time_index, largest, first, NOW - DAY)


def plan(segments, checkpoint=None, *, start=0, end=None, stable=None, now=NOW, **config):
    end = segments[-1].base_offset + 10 if end is None else end
    config = TopicConfig(cleanup_policy=frozenset({"compact"}), **config)
    log = LogFacts(segments, config, start, end, end if stable is None else stable)
    planned = plan_cleaning(log, checkpoint, now)
    return planned, is_worth_cleaning(planned, config)


SEGMENTS = [facts(0), facts(10), facts(20), facts(30)]


@pytest.mark.parametrize(
    ("checkpoint", "options", "dirty", "uncleanable", "ratio", "worth"),
    [
        (None, {}, 0, 30, 1.0, True),  # all but the active segment
        (10, {}, 10, 30, 2 / 3, True),
        (20, {}, 20, 30, 1 / 3, False),
        (30, {}, 30, 30, 0.0, False),
        (
            10,
            {"stable": 25},
            10,
            20,
            0.5,
            False,
        ),  # a transaction is open; the ratio must be above the setting
        (10, {"stable": 25, "min_cleanable_dirty_ratio": 0.4}, 10, 20, 0.5, True),
        (20, {"max_compaction_lag_ms": 1}, 20, 30, 1 / 3, True),  # overdue
        (30, {"max_compaction_lag_ms": 1}, 30, 30, 0.0, False),  # overdue, but nothing to clean
        (99, {}, 0, 30, 1.0, True),  # a checkpoint beyond the log's end
        (5, {"start": 10}, 10, 30, 2 / 3, True),  # and one before its start
    ],
)
def test_plan(checkpoint, options, dirty, uncleanable, ratio, worth):
    """How far is clean, how far can be cleaned, and whether that is worth a round."""
    planned, is_worth = plan(SEGMENTS, checkpoint, **options)
    assert planned.first_dirty_offset == dirty
    assert planned.first_uncleanable_offset == uncleanable
    assert planned.cleanable_ratio == pytest.approx(ratio)
    assert is_worth is worth
    assert planned.checkpoint_is_wrong == (checkpoint in (99, 5))


def test_young_records_are_left_alone():
    """min.compaction.lag.ms: the first segment with a younger record ends what is cleaned."""
    segments = [facts(0), facts(10, largest=NOW - 500), facts(20), facts(30)]
    assert plan(segments, min_compaction_lag_ms=1000)[0].first_uncleanable_offset == 10
    assert plan(segments, min_compaction_lag_ms=400)[0].first_uncleanable_offset == 30


@pytest.mark.parametrize(
    ("segments", "limit", "groups"),
    [
        ([(0, 50), (10, 50), (20, 50)], 100, [[0, 10], [20]]),
        ([(0, 50), (10, 51), (20, 50)], 100, [[0], [10], [20]]),
        ([(0, 200), (10, 10)], 100, [[0], [10]]),
        ([(0, 0), (2**31, 0), (2**31 + 5, 10)], 100, [[0, 2**31], [2**31 + 5]]),
        ([(0, 10), (2**31 - 5, 10), (2**31 + 5, 10)], 100, [[0], [2**31 - 5, 2**31 + 5]]),
    ],
)
def test_segments_are_put_together_as_they_fit(segments, limit, groups):
    """By bytes, and by offsets that the index of one segment can hold."""
    grouped = group_segments(
        [facts(base, size) for base, size in segments],
        segment_bytes=limit,
        index_bytes=1000,
        first_uncleanable_offset=segments[-1][0] + 10,
    )
    assert [[segment.base_offset for segment in group] for group in grouped] == groups


def test_offset_map_is_bounded():
    """A full map takes no new key, but later offsets of those it has."""
    offsets = OffsetMap(ENTRY_BYTES * 10)
    assert offsets.capacity == 9
    assert all(offsets.put(b"%d" % n * 20, n) for n in range(9))
    assert not offsets.put(b"new", 10)
    assert offsets.put(b"3" * 20, 11)
    assert (offsets.get(b"3" * 20), offsets.get(b"new"), len(offsets)) == (11, -1, 9)


# -- a round over files


def data(
    offset, *records, producer=-1, sequence=-1, transactional=False, codec=Codec.NONE, timestamp=NOW - DAY
):
    return bytes(
        build_batch(
            [Record(0, timestamp, key, value) for key, value in records],
            base_offset=offset,
            codec=codec,
            producer_id=producer,
            producer_epoch=0 if producer >= 0 else -1,
            base_sequence=sequence,
            transactional=transactional,
        )
    )


def marker(offset, producer, kind):
    return bytes(
        build_end_txn_marker(
            kind,
            producer_id=producer,
            producer_epoch=0,
            coordinator_epoch=0,
            timestamp_ms=NOW - DAY,
            base_offset=offset,
        )
    )


def clean(
    *segments,
    dirty=0,
    producers=(),
    aborted=(),
    now=NOW,
    buffer=1 << 20,
    end=None,
    retention=1000,
    disk=None,
    limit=1 << 20,
):
    """Compact segments given as lists of batches; the batches that are left, the round and its groups."""
    disk = disk or MemoryDisk()
    disk.mkdir(LOG)
    described = []
    for batches in segments:
        headers = [header for header, _ in iterate_batches(b"".join(batches))]
        base = headers[0].base_offset
        if not disk.exists(f"{LOG}/{base:020d}.log"):
            disk.open(f"{LOG}/{base:020d}.log", OpenMode.CREATE).write_all(b"".join(batches), 0)
        described.append(facts(base, sum(map(len, batches))))
        last = headers[-1].next_offset
    cleaning = CleaningRound(
        disk,
        CleaningJob.from_json(
            CleaningJob(
                directory=LOG,
                segments=tuple(described),
                first_dirty_offset=dirty,
                first_uncleanable_offset=last if end is None else end,
                aborted=tuple(aborted),
                producers=tuple(producers),
                now_ms=now,
                segment_bytes=limit,
                segment_index_bytes=1000,
                index_interval_bytes=100,
                delete_retention_ms=retention,
                dedupe_buffer_bytes=buffer,
                io_max_bytes_per_second=1e12,
                max_decompressed_bytes=1 << 20,
            ).to_json()
        ),
    )
    cleaning.map_keys()
    groups = list(cleaning.clean())
    left = [
        (header, bytes(view))
        for group in groups
        for header, view in iterate_batches(disk.read_file(f"{LOG}/{group.base_offset:020d}.log.cleaned"))
    ]
    return left, cleaning, groups


def records(left):
    return [
        (record.offset, record.key, record.value)
        for header, batch in left
        if not header.is_control
        for record in iterate_records(batch)
    ]


@pytest.mark.parametrize("codec", list(Codec))
def test_the_last_value_of_each_key_stays(codec):
    """Earlier ones go, offsets stay, and so does the batch's shape: base offset, last offset, codec."""
    left, cleaning, _ = clean(
        [data(0, (b"a", b"1"), (b"b", b"1"), (b"a", b"2"), codec=codec), data(3, (b"c", b"1"), codec=codec)],
        [data(4, (b"b", b"2"), codec=codec), data(5, (b"d", b"1"), codec=codec)],
    )
    assert records(left) == [(2, b"a", b"2"), (3, b"c", b"1"), (4, b"b", b"2"), (5, b"d", b"1")]
    first = left[0][0]
    assert (first.base_offset, first.last_offset, first.record_count, first.codec) == (0, 2, 1, codec)
    assert cleaning.end_offset == 6


def test_records_without_a_key_go():
    """Nobody can say which is the last of them; such are only in logs that became compacted later."""
    left, _, _ = clean([data(0, (None, b"x"), (b"a", b"1")), data(2, (b"z", b""))])
    assert records(left) == [(1, b"a", b"1"), (2, b"z", b"")]


def test_a_tombstone_gets_its_horizon_first_and_goes_later():
    """delete.retention.ms counts from the first round that sees the tombstone (KIP-534)."""
    segments = [data(0, (b"a", b"1")), data(1, (b"a", None), (b"b", b"1"))], [data(3, (b"end", b""))]
    left, _, _ = clean(*segments, retention=1000)
    assert records(left) == [(1, b"a", None), (2, b"b", b"1"), (3, b"end", b"")]
    assert left[0][0].delete_horizon_ms == NOW + 1000
    assert [record.timestamp_ms for record in iterate_records(left[0][1])] == [NOW - DAY, NOW - DAY]
    again = [batch for _, batch in left[:-1]], [left[-1][1]]
    before, _, _ = clean(*again, now=NOW + 999, retention=1000)
    assert before == left
    after, _, _ = clean(*again, now=NOW + 1000)
    assert records(after) == [(2, b"b", b"1"), (3, b"end", b"")]
    assert after[0][0].delete_horizon_ms == NOW + 1000


def test_the_last_batch_of_a_live_producer_stays_empty():
    """Its sequence number and epoch are the producer's state: a later duplicate must be known as one."""
    segments = (
        [data(0, (b"a", b"1"), producer=7, sequence=5), data(1, (b"a", b"2"), producer=8, sequence=0)],
        [data(2, (b"a", b"3"))],
    )
    left, _, _ = clean(*segments, producers=[(7, 0, 0)])
    assert [(h.producer_id, h.base_sequence, h.record_count, h.last_offset) for h, _ in left] == [
        (7, 5, 0, 0),
        (-1, -1, 1, 2),
    ]
    again, _, _ = clean([left[0][1]], [left[1][1]], producers=[(7, 0, 0)])
    assert again == left
    gone, _, _ = clean([left[0][1]], [left[1][1]])
    assert [header.base_offset for header, _ in gone] == [2]


def test_the_last_batch_of_the_round_stays_empty():
    """So that the log's end is known when its last records were removed."""
    left, _, _ = clean([data(0, (b"a", b"1"))], [data(1, (None, b"x"))])
    assert [(header.last_offset, header.record_count) for header, _ in left] == [(0, 1), (1, 0)]


def test_aborted_records_go_and_their_marker_follows():
    """Records of an aborted transaction go at once; the marker one round later, after delete.retention.ms."""
    batches = [
        data(0, (b"a", b"1")),
        data(1, (b"a", b"aborted"), producer=7, sequence=0, transactional=True),
        marker(2, 7, ControlType.ABORT),
        data(3, (b"end", b"")),
    ]
    entry = AbortedEntry(7, 1, 2, 3)
    disk = MemoryDisk()
    left, _, _ = clean(batches, aborted=[entry], disk=disk)
    assert records(left) == [(0, b"a", b"1"), (3, b"end", b"")]
    assert [header.base_offset for header, _ in left] == [0, 2, 3]
    assert len(disk.read_file(f"{LOG}/{0:020d}.txnindex.cleaned")) == 34
    second, _, _ = clean([batch for _, batch in left], aborted=[entry])
    assert second[1][0].delete_horizon_ms == NOW + 1000
    third_disk = MemoryDisk()
    third, _, _ = clean([batch for _, batch in second], aborted=[entry], now=NOW + 1000, disk=third_disk)
    assert [header.base_offset for header, _ in third] == [0, 3]
    assert not third_disk.exists(f"{LOG}/{0:020d}.txnindex.cleaned")


def test_committed_records_count_and_their_marker_stays_with_them():
    """A commit's marker stays as long as records of its transaction do."""
    batches = [
        data(0, (b"a", b"1")),
        data(1, (b"a", b"committed"), producer=7, sequence=0, transactional=True),
        marker(2, 7, ControlType.COMMIT),
        data(3, (b"end", b"")),
    ]
    left, _, _ = clean(batches)
    assert records(left) == [(1, b"a", b"committed"), (3, b"end", b"")]
    second, _, _ = clean([batch for _, batch in left], now=NOW + 10 * DAY)
    assert second == left


def test_a_full_map_leaves_the_rest_for_the_next_round():
    """Bounded memory: the round ends where the map is full, and nothing beyond is touched."""
    batches = [data(n, (b"k%d" % (n % 50), b"%d" % n)) for n in range(100)]
    left, cleaning, _ = clean(batches[:60], batches[60:], buffer=int(ENTRY_BYTES * 20 / 0.9) + 1)
    assert cleaning.end_offset == 20
    assert [offset for offset, _, _ in records(left)] == list(range(60))
    again, cleaning, _ = clean(batches[:60], batches[60:])
    assert [offset for offset, _, _ in records(again)] == list(range(50, 100))


def test_damage_and_old_formats_stop_the_round():
    """The log is left as it lies, by name."""
    broken = bytearray(data(0, (b"a", b"1")))
    broken[-1] ^= 1
    with pytest.raises(CleaningError, match="checksum"):
        clean([bytes(broken)], [data(1, (b"a", b"2"))])


def test_the_clean_head_is_kept_but_for_keys_that_came_again():
    """Only dirty keys are mapped; records of the head stay unless one of these."""
    left, _, _ = clean([data(0, (b"a", b"1")), data(1, (b"b", b"1"))], [data(2, (b"a", b"2"))], dirty=2)
    assert records(left) == [(1, b"b", b"1"), (2, b"a", b"2")]


keys = st.sampled_from([None, b"a", b"b", b"c", b"a long key of more than sixteen bytes"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(
            st.lists(st.tuples(keys, st.sampled_from([None, b"", b"v"])), min_size=1, max_size=3),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(200, 600),
)
def test_any_log_keeps_exactly_the_last_of_each_key(log, limit):
    """Against a dictionary: the last record of each key, in order, at its offset; tombstones still there."""
    offset, segments, last = 0, [], {}
    for contents in log:
        batches = []
        for batch in contents:
            batches.append(data(offset, *batch))
            for key, value in batch:
                if key is not None:
                    last[key] = (offset, key, value)
                offset += 1
        segments.append(batches)
    left, cleaning, groups = clean(*segments, limit=limit)
    assert records(left) == sorted(last.values())
    assert cleaning.end_offset == offset
    bases = [base for group in groups for base in group.replaced]
    assert bases == sorted(set(bases))
    assert sum(group.size_bytes for group in groups) == sum(len(batch) for _, batch in left)


def test_throttle_keeps_the_rate():
    """log.cleaner.io.max.bytes.per.second, on a clock of the test's."""
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    throttle = Throttle(1000, lambda: now[0], sleep)
    for _ in range(10):
        throttle.passed(500)
    assert now[0] == pytest.approx(5.0)
    now[0] += 100
    throttle.passed(500)
    assert sum(slept) == pytest.approx(5.0)


# -- the whole: a store whose logs are compacted


COMPACT = TopicConfig(
    cleanup_policy=frozenset({"compact"}),
    segment_bytes=1000,
    min_cleanable_dirty_ratio=0.01,
    file_delete_delay_ms=0,
)


def put(log, key, value, timestamp=STORE_NOW):
    batch = build_batch([Record(0, timestamp, key, value)])
    return log.append_as_leader(memoryview(batch), leader_epoch=0, now_ms=timestamp)


def contents(log):
    offset, found = log.log_start_offset, []
    while (result := log.read(offset, 1 << 20)).slice is not None:
        for header, batch in iterate_batches(result.slice.read_all()):
            found += [(record.offset, record.key, record.value) for record in iterate_records(batch)]
            offset = header.next_offset
    return found


def compact_now(store, at=STORE_NOW):
    done = store.cleaner.rounds_done
    store.directories[0].drain(10)
    store.loop.run()
    store.tick(at)
    store.loop.run_until(lambda: store.cleaner.rounds_done > done)


def test_a_compacted_log_is_read_on_and_appended_to(disk_and_path):
    """The swap happens under readers: slices given before it still read, offsets and look-ups go on, a restart agrees."""
    disk, path = disk_and_path
    store = open_store(disk, path, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k%d" % (number % 7), b"%d" % number)
    before = contents(log)
    reading = log.read(0, 1 << 20).slice
    size = log.size_in_bytes
    compact_now(store)
    assert log.size_in_bytes < size / 2
    active = log.active_segment.base_offset
    last = {key: (offset, key, value) for offset, key, value in before if offset < active}
    expected = sorted(last.values()) + [record for record in before if record[0] >= active]
    # The last record of each key in the closed part, and all of the active segment.
    assert contents(log) == expected
    assert len(list(iterate_batches(reading.read_all()))) > 0
    assert store.cleaner.first_dirty_offset(ORDERS) == active
    put(log, b"k1", b"after")
    found = log.offset_for_timestamp(STORE_NOW)
    assert found.offset == expected[0][0]
    store.tick(STORE_NOW + 1)
    store.retention_due(STORE_NOW + 1)
    store.loop.run_until(lambda: not [n for n in disk.listdir(f"{path}/orders-0") if n.endswith(".deleted")])
    store.close(clean=True)
    assert disk.read_file(f"{path}/cleaner-offset-checkpoint") == b"0\n1\norders 0 %d\n" % active
    again = open_store(disk, path, config=COMPACT)
    assert contents(again.get(ORDERS)) == [*expected, (100, b"k1", b"after")]
    assert again.cleaner.first_dirty_offset(ORDERS) == active
    again.close(clean=True)


def test_a_second_round_takes_what_came_since(disk_and_path):
    """The head stays small however often keys are written."""
    disk, path = disk_and_path
    store = open_store(disk, path, config=COMPACT)
    log = create(store, config=COMPACT)
    for round_number in range(3):
        for number in range(60):
            put(log, b"k%d" % (number % 3), b"%d" % (round_number * 60 + number))
        compact_now(store, STORE_NOW + round_number * 60_000)
    closed = [record for record in contents(log) if record[0] < log.active_segment.base_offset]
    assert len(closed) == 3
    store.close(clean=True)


def test_a_topic_deleted_under_a_round_leaves_nothing(disk_and_path):
    """The round gives up quietly; no directory goes offline, no file stays."""
    disk, path = disk_and_path
    store = open_store(disk, path, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k", b"%d" % number)
    store.directories[0].drain(10)
    store.loop.run()
    store.tick(STORE_NOW)
    store.delete(ORDERS, STORE_NOW)
    deadline = time.monotonic() + 20
    while [name for name in disk.listdir(path) if name.startswith("orders")] and time.monotonic() < deadline:
        store.loop.run()
        store.tick(STORE_NOW + 1)
        store.directories[0].drain(10)
    assert not [name for name in disk.listdir(path) if name.startswith("orders")]
    assert store.directories[0].is_online
    store.close(clean=True)


def test_a_stop_in_the_middle_of_a_round_leaves_a_whole_log(disk_and_path):
    """However far it was: what is read after the restart is the log before or after the round."""
    disk, path = disk_and_path
    store = open_store(disk, path, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k%d" % (number % 7), b"%d" % number)
    store.directories[0].drain(10)
    store.loop.run()
    store.tick(STORE_NOW)
    store.close(clean=True)
    again = open_store(disk, path, config=COMPACT)
    found = contents(again.get(ORDERS))
    assert found[-1] == (99, b"k1", b"99")
    latest = {key: value for _, key, value in found}
    assert latest == {b"k%d" % n: b"%d" % max(m for m in range(100) if m % 7 == n) for n in range(7)}
    again.close(clean=True)


def test_an_uncleanable_log_is_named_once_and_served_on(caplog):
    """A damaged batch stops the compaction of this log alone."""
    disk = MemoryDisk()
    store = open_store(disk, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k", b"%d" % number)
    disk.files["/data/orders-0/00000000000000000000.log"].content[100] ^= 1
    store.directories[0].drain(10)
    for second in range(3):
        store.loop.run()
        store.tick(STORE_NOW + second * 60_000)
        store.loop.run_until(lambda: not store.cleaner._rounds)
    assert len([line for line in caplog.messages if "not compacted any more" in line]) == 1
    put(log, b"k", b"served")
    assert store.directories[0].is_online
    store.close(clean=True)


def test_no_room_to_compact_is_waited_for(caplog):
    """The log is served and compacted once there is room; the directory takes appends all the while."""
    disk = FaultyDisk(MemoryDisk())
    store = open_store(disk, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k", b"%d" % number)
    store.directories[0].drain(10)
    store.loop.run()
    disk.fail_all(errno.ENOSPC, "write", containing=".cleaned")
    store.tick(STORE_NOW)
    store.loop.run_until(lambda: not store.cleaner._rounds)
    assert "no room to compact" in caplog.text
    assert store.directories[0].is_online
    assert not [name for name in disk.listdir("/data/orders-0") if name.endswith(".cleaned")]
    put(log, b"k", b"more")
    disk.heal()
    store.tick(STORE_NOW + 1)
    assert store.cleaner.rounds_done == 0
    compact_now(store, STORE_NOW + 60_000)
    assert len(contents(log)) < 30
    store.close(clean=True)


def test_a_helper_tells_the_disks_error(tmp_path):
    """An errno comes across, so that the broker knows a lack of room from a broken disk."""
    helper = JobProcess("ottla.storage.cleaner_process")
    job = CleaningJob(
        directory=str(tmp_path / "none"),
        segments=(facts(0),),
        first_dirty_offset=0,
        first_uncleanable_offset=10,
        aborted=(),
        producers=(),
        now_ms=NOW,
        segment_bytes=1000,
        segment_index_bytes=1000,
        index_interval_bytes=100,
        delete_retention_ms=1,
        dedupe_buffer_bytes=1000,
        io_max_bytes_per_second=1e9,
        max_decompressed_bytes=1000,
    )
    try:
        with pytest.raises(FileNotFoundError, match="none"):
            list(helper.request(job.to_json()))
        assert helper.is_alive
    finally:
        helper.close()
    assert not helper.is_alive


@pytest.mark.parametrize("after", range(0, 12, 3))
def test_a_swap_that_fails_takes_the_directory_offline(after):
    """Half of the files have other names: the next start completes or undoes it, and all keys are there."""
    disk = FaultyDisk(MemoryDisk())
    store = open_store(disk, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(100):
        put(log, b"k%d" % (number % 7), b"%d" % number)
    store.directories[0].drain(10)
    store.loop.run()
    latest = {key: value for _, key, value in contents(log)}
    disk.fail_once("rename", errno.ENOSPC, containing="orders-0", after=after)
    store.tick(STORE_NOW)
    store.loop.run_until(lambda: not store.cleaner._rounds)
    assert not store.directories[0].is_online
    store.close(clean=True)
    again = open_store(disk.below, config=COMPACT)
    found = contents(again.get(ORDERS))
    assert {key: value for _, key, value in found} == latest
    assert put(again.get(ORDERS), b"k", b"next").base_offset == 100
    again.close(clean=True)
