"""The power goes at every step: what was fsynced is there, what is there is whole, and the log goes on.

The journal of writes, fsyncs and renames is replayed up to each step with every subset of the unsynced lost where these are
few, with a sample of subsets where they are many, and with the last write torn.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_disks import RecordingDisk
from store_fixture import NOW, ORDERS, append, create, open_store, values
from test_storage_cleaner import COMPACT, clean, compact_now, contents, data, marker, put

from ottla.config.topic_config import TopicConfig
from ottla.records.batch import iterate_batches
from ottla.records.control import ControlType
from ottla.records.record import Record, build_batch, iterate_records
from ottla.storage.disk import MemoryDisk
from ottla.storage.recovery import RecoveryJob, recover_log
from ottla.storage.segment_swap import CLEANED_SUFFIX, FILE_SUFFIXES, swap_in
from ottla.storage.txn_index import ENTRY as TXN_ENTRY
from ottla.storage.txn_index import AbortedEntry

LOG = "/data/t-0"


def batch(offset, key, value):
    return bytes(build_batch([Record(0, NOW, key, value)], base_offset=offset))


def job(recovery_point):
    return RecoveryJob(
        directory=LOG,
        recovery_point=recovery_point,
        log_start_offset=0,
        index_interval_bytes=4096,
        producer_id_expiration_ms=1,
        now_ms=NOW,
    )


def recovered(disk, recovery_point=0):
    """The records of the log after recovery, and what its transaction indexes hold."""
    recover_log(disk, job(recovery_point))
    names = disk.listdir(LOG)
    assert not [name for name in names if name.endswith((".swap", ".cleaned", ".deleted"))], names
    found = []
    for name in names:
        if name.endswith(".log"):
            for _, view in iterate_batches(disk.read_file(f"{LOG}/{name}")):
                found += [(record.offset, record.key, record.value) for record in iterate_records(view)]
    aborts = {name: disk.read_file(f"{LOG}/{name}") for name in names if name.endswith(".txnindex")}
    return found, aborts


@pytest.mark.parametrize("old_aborts", [True, False])
@pytest.mark.parametrize("new_aborts", [True, False])
def test_a_swap_leaves_the_old_segments_or_the_new_one(old_aborts, new_aborts):
    """.cleaned to .swap to live: with every loss at every step, one or the other, never a mixture, indexes included."""
    start = MemoryDisk()
    start.mkdir(LOG)
    old = [(0, b"a", b"1"), (1, b"b", b"1"), (2, b"a", b"2"), (3, b"b", b"2"), (4, b"z", b"")]
    new = [(2, b"a", b"2"), (3, b"b", b"2"), (4, b"z", b"")]
    files = {
        "00000000000000000000.log": batch(*old[0]) + batch(*old[1]),
        "00000000000000000002.log": batch(*old[2]) + batch(*old[3]),
        "00000000000000000004.log": batch(*old[4]),
        "00000000000000000000.log.cleaned": batch(*old[2]) + batch(*old[3]),
        "00000000000000000000.index.cleaned": b"",
        "00000000000000000000.timeindex.cleaned": b"",
    }
    for base in (0, 2, 4):
        files[f"{base:020d}.index"] = files[f"{base:020d}.timeindex"] = b""
    if old_aborts:
        files["00000000000000000000.txnindex"] = b"o" * 34
        files["00000000000000000002.txnindex"] = b"p" * 34
    if new_aborts:
        files["00000000000000000000.txnindex.cleaned"] = b"n" * 34
    for name, content in files.items():
        start.replace_file(f"{LOG}/{name}", content)
    old_state = {name: content for name, content in files.items() if name.endswith(".txnindex")}
    new_state = {"00000000000000000000.txnindex": b"n" * 34} if new_aborts else {}

    disk = RecordingDisk(start)
    begin = len(disk.journal)
    swap_in(disk, LOG, 0, [0, 2])
    seen = set()
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=300):
        found, aborts = recovered(crashed, 4)
        if found == old:
            assert aborts == old_state, name
        else:
            assert found == new, name
            assert aborts == new_state, name
        seen.add(len(found))
    assert seen == {len(old), len(new)}
    assert recovered(disk, 4) == (new, new_state)


def test_a_round_and_its_swap_keep_the_aborted_transactions():
    """The transaction index is rebuilt by nobody: with the cleaned segment comes its own, with the old ones theirs."""
    disk = RecordingDisk()
    entry = AbortedEntry(7, 1, 2, 3)
    batches = [
        data(0, (b"a", b"1")),
        data(1, (b"a", b"aborted"), producer=7, sequence=0, transactional=True),
        marker(2, 7, ControlType.ABORT),
        data(3, (b"end", b"")),
    ]
    disk.mkdir(LOG)
    disk.replace_file(f"{LOG}/{0:020d}.log", b"".join(batches))
    disk.replace_file(f"{LOG}/{0:020d}.txnindex", TXN_ENTRY.pack(0, *entry))
    disk.replace_file(f"{LOG}/{4:020d}.log", b"")
    disk.sync_everything()
    begin = len(disk.journal)
    left, _, _ = clean(batches, aborted=[entry], disk=disk)
    assert len(left) == 3
    swap_in(disk, LOG, 0, [0])
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=60):
        recover_log(crashed, job(4))
        assert crashed.read_file(f"{LOG}/{0:020d}.txnindex") == TXN_ENTRY.pack(0, *entry), name


def test_a_crash_while_a_start_completes_a_swap_is_completed_by_the_next():
    """Starting again is itself interrupted, at every step."""
    start = MemoryDisk()
    start.mkdir(LOG)
    for name, content in {
        "00000000000000000000.log": batch(0, b"a", b"1"),
        "00000000000000000001.log": batch(1, b"a", b"2"),
        "00000000000000000002.log": batch(2, b"z", b""),
        "00000000000000000000.log.swap": batch(1, b"a", b"2"),
        "00000000000000000000.index.swap": b"",
        "00000000000000000000.timeindex.swap": b"",
        "00000000000000000000.txnindex.swap": b"n" * 34,
        "00000000000000000000.txnindex": b"o" * 34,
    }.items():
        start.replace_file(f"{LOG}/{name}", content)
    disk = RecordingDisk(start)
    begin = len(disk.journal)
    expected = recovered(disk, 2)
    assert expected == (
        [(1, b"a", b"2"), (2, b"z", b"")],
        {"00000000000000000000.txnindex": b"n" * 34},
    )
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=40):
        assert recovered(crashed, 2) == expected, name


def check(crashed, written, durable, config, name):
    """Open the store on what a crash left: nothing that was not written, all that was durable, and it goes on.

    Of segments that were never fsynced a disk may keep the later one and lose the earlier one, name and all. As with
    Apache the log then has a gap, or begins later; what is there stands at its own offsets.
    """
    store = open_store(crashed, config=config)
    log = store.get(ORDERS)
    found = [(offset, value) for offset, _, value in contents(log)] if log is not None else []
    assert found == [(offset, written[offset]) for offset, _ in found], name
    assert [offset for offset, _ in found[:durable]] == list(range(durable)), name
    if durable:
        assert log.epochs.epoch_for_offset(0) == 0, name
    log = create(store, config=config)
    offset = append(log, b"after").base_offset
    settle(store)
    assert offset >= max(durable, found[-1][0] + 1 if found else 0), name
    assert log.offset_for_timestamp(NOW) is not None, name
    expected = [*[value for _, value in found], b"after"]
    assert values(log) == expected, name
    store.close(clean=True)
    again = open_store(crashed, config=config)
    assert values(again.get(ORDERS)) == expected, name
    again.close(clean=False)


def settle(store):
    store.directories[0].drain(10)
    store.loop.run()


def test_appends_rolls_and_flushes():
    """Each segment of two batches is fsynced when it is rolled: from then on its records outlive any crash."""
    config = TopicConfig(segment_bytes=180)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    disk.sync_everything()
    marks = []
    written = []
    for number in range(6):
        value = b"value-%d" % number
        begin = len(disk.journal)
        append(log, value)
        written.append(value)
        settle(store)
        marks.append((begin, len(disk.journal), log.recovery_point))
    assert log.recovery_point == 4
    durable = 0
    count = 0
    for begin, end, recovery_point in marks:
        for name, crashed in disk.crashes(begin + 1, end, subsets=6, seed=begin):
            check(crashed, written, durable, config, name)
            count += 1
        durable = recovery_point
        store.checkpoint()
    assert count > 100
    store.close(clean=False)


def test_flush_messages_one_acknowledges_only_what_outlives_a_crash():
    """flush.messages=1: what may be read has been fsynced, file, name and directory."""
    config = TopicConfig(flush_messages=1, segment_bytes=300)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    written = []
    for number in range(5):
        value = b"value-%d" % number
        append(log, value)
        written.append(value)
        settle(store)
        assert log.log_end_offset == number + 1
        end = len(disk.journal)
        for name, crashed in disk.crashes(end, end, subsets=12, seed=number):
            check(crashed, written, number + 1, config, name)
    store.close(clean=False)


def test_a_flush_after_a_kill_covers_what_was_recovered():
    """After a kill -9 recovery reads from the page cache what no disk may have: the next flush must fsync that, too."""
    config = TopicConfig(segment_bytes=180)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    written = [b"value-%d" % number for number in range(6)]
    for value in written[:5]:
        append(log, value)
    store.directories[0].drain(10)
    # Of the log nothing was durable, though rolling has moved its recovery point: the checkpoint was not written.
    disk.journal = [step for step in disk.journal if step.kind != "fsync" or "orders" not in step.label]
    store.close(clean=False)
    again = open_store(disk, config=config)
    log = again.get(ORDERS)
    append(log, written[5])
    log.flush()
    assert log.recovery_point == 6
    again.checkpoint()
    settle(again)
    end = len(disk.journal)
    count = 0
    for name, crashed in disk.crashes(end, end, subsets=64):
        check(crashed, written, 6, config, name)
        count += 1
    assert count > 1
    again.close(clean=False)


def test_a_clean_stop():
    """The mark is only there when everything else is: at each step of stopping, all records are found again."""
    config = TopicConfig(segment_bytes=200)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    written = [b"value-%d" % number for number in range(5)]
    for value in written:
        append(log, value)
    settle(store)
    durable = log.recovery_point
    begin = len(disk.journal)
    store.close(clean=True)
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=10):
        marked = (
            crashed.exists("/data/.kafka_cleanshutdown") and crashed.size("/data/.kafka_cleanshutdown") > 0
        )
        check(crashed, written, len(written) if marked else durable, config, name)


def test_starting_after_a_clean_stop_takes_the_mark_away_before_anything_else():
    """A mark that came back would make the start after that trust a torn log."""
    disk = RecordingDisk()
    store = open_store(disk)
    append(create(store), b"first")
    store.close(clean=True)
    again = open_store(disk)
    begin = len(disk.journal)
    append(again.get(ORDERS), b"second")
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=64):
        assert not crashed.exists("/data/.kafka_cleanshutdown"), name
        check(crashed, [b"first", b"second"], 1, TopicConfig(), name)
    again.close(clean=False)


def test_retention_crashed_at_each_step():
    """All that retention keeps is there. Deleted segments may come back, in any number, at their own offsets."""
    config = TopicConfig(segment_bytes=180, retention_ms=1000, file_delete_delay_ms=0)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    for number in range(8):
        append(log, b"value-%d" % number, timestamp=NOW + number * 1000)
    settle(store)
    log.flush()
    store.checkpoint()
    settle(store)
    disk.sync_everything()
    begin = len(disk.journal)
    store.retention_due(NOW + 6_500)
    store.retention_due(NOW + 6_500)
    settle(store)
    assert log.log_start_offset == 6
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=16):
        after = open_store(crashed, config=config)
        found = after.get(ORDERS)
        offsets = [int(value[-1:]) for value in values(found)]
        assert offsets == sorted(set(offsets)), name
        assert offsets[-2:] == [6, 7], name
        assert found.log_start_offset <= offsets[0], name
        after.close(clean=False)
    store.close(clean=False)


def test_compaction_crashed_at_each_step():
    """Whatever is lost: the last value of each key is there, and offsets do not go back."""
    disk = RecordingDisk()
    store = open_store(disk, config=COMPACT)
    log = create(store, config=COMPACT)
    for number in range(40):
        put(log, b"k%d" % (number % 3), b"%d" % number)
    settle(store)
    log.flush()
    store.checkpoint()
    settle(store)
    before = contents(log)
    begin = len(disk.journal)
    compact_now(store)
    settle(store)
    after = contents(log)
    assert len(after) < len(before)
    latest = {key: value for _, key, value in before}
    steps = range(begin, len(disk.journal), 3)
    for step in steps:
        for name, crashed in disk.crashes(step, step, subsets=5):
            again = open_store(crashed, config=COMPACT)
            found = contents(again.get(ORDERS))
            assert {key: value for _, key, value in found} == latest, name
            assert set(after) <= set(found) <= set(before), name
            assert [offset for offset, _, _ in found] == sorted({offset for offset, _, _ in found}), name
            assert append(again.get(ORDERS), b"next", key=b"k").base_offset == 40, name
            again.close(clean=False)
    store.close(clean=False)


def test_a_deleted_topic_crashed_at_each_step():
    """Its log is there whole, or gone; the new topic of that name is never given the old one's records."""
    disk = RecordingDisk()
    store = open_store(disk)
    log = create(store)
    append(log, b"old")
    log.flush()
    disk.sync_everything()
    begin = len(disk.journal)
    store.delete(ORDERS, NOW)
    new_id = bytes(range(1, 17))
    append(create(store, topic_id=new_id), b"new")
    store.tick(NOW + 10**9)
    settle(store)
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=20):
        again = open_store(crashed)
        found = again.get(ORDERS)
        if found is not None:
            if again.topic_id(ORDERS) == new_id:
                assert values(found) in ([], [b"new"]), name
            elif again.topic_id(ORDERS) is not None:
                assert values(found) in ([], [b"old"]), name
        again.close(clean=False)
    store.close(clean=False)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["append", "append", "append", "big", "flush", "checkpoint", "roll", "restart", "kill"]
        ),
        min_size=3,
        max_size=14,
    ),
    st.integers(0, 2**32),
    st.data(),
)
def test_any_history_crashed_anywhere(history, seed, data):
    """Random appends, rolls, flushes, checkpoints and restarts; a crash at a random step with random losses."""
    config = TopicConfig(segment_bytes=400)
    disk = RecordingDisk()
    store = open_store(disk, config=config)
    log = create(store, config=config)
    written, durable_at = [], [(0, 0)]
    for number, action in enumerate(history):
        match action:
            case "append" | "big":
                value = b"%d" % number + b"x" * (250 if action == "big" else 0)
                append(log, value)
                written.append(value)
            case "flush":
                log.flush()
            case "checkpoint":
                store.checkpoint()
            case "roll":
                if written:
                    log.roll(NOW)
            case "restart" | "kill":
                store.close(clean=action == "restart")
                store = open_store(disk, config=config)
                log = store.get(ORDERS) or create(store, config=config)
        settle(store)
        durable_at.append((len(disk.journal), log.recovery_point))
    store.close(clean=False)
    step = data.draw(st.integers(0, len(disk.journal)))
    durable = max(point for end, point in durable_at if end <= step)
    for name, crashed in disk.crashes(step, step, subsets=6, seed=seed):
        if crashed.is_directory("/data"):
            check(crashed, written, durable, config, name)
        else:
            assert durable == 0, name


def test_names_of_the_swap_are_the_segments():
    """The swap sees to every file that a segment has."""
    assert set(FILE_SUFFIXES) == {".log", ".index", ".timeindex", ".txnindex"}
    assert CLEANED_SUFFIX == ".cleaned"
