"""A log's directory as a crash left it comes out of recovery sound, with all that was whole in it."""

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.records.control import ControlType, build_end_txn_marker
from ottla.records.record import Record, build_batch
from ottla.storage import producer_snapshot
from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.producer_state import ProducerState
from ottla.storage.recovery import RecoveryJob, bytes_to_recover, recover_log

LOG = "/data/orders-0"
NOW = 1_000_000


def batch(offset, count=1, *, epoch=0, producer=-1, sequence=-1, timestamp=None, transactional=False):
    stamp = 1000 + offset if timestamp is None else timestamp
    return bytes(
        build_batch(
            [Record(0, stamp, b"key", b"value-%d" % n) for n in range(count)],
            base_offset=offset,
            leader_epoch=epoch,
            producer_id=producer,
            producer_epoch=0 if producer >= 0 else -1,
            base_sequence=sequence,
            transactional=transactional,
        )
    )


def segment(base, *batches):
    return {f"{base:020d}.log": b"".join(batches)}


def make(*parts):
    """A disk with a log of these files."""
    disk = MemoryDisk()
    disk.mkdir(LOG)
    for files in parts:
        for name, content in files.items():
            disk.open(f"{LOG}/{name}", OpenMode.CREATE).write_all(content, 0)
    return disk


def recover(disk, recovery_point=0, log_start_offset=0, on_progress=None):
    job = RecoveryJob(
        directory=LOG,
        recovery_point=recovery_point,
        log_start_offset=log_start_offset,
        index_interval_bytes=100,
        producer_id_expiration_ms=86_400_000,
        now_ms=NOW,
    )
    return recover_log(disk, RecoveryJob.from_json(job.to_json()), on_progress)


def content(disk, name):
    return disk.read_file(f"{LOG}/{name}")


def log(base):
    return f"{base:020d}.log"


def snapshot(disk, offset):
    state = ProducerState()
    rows = producer_snapshot.read_snapshot(disk, f"{LOG}/{offset:020d}.snapshot")
    state.restore(rows, offset, now_ms=NOW, expiration_ms=86_400_000)
    return state


def test_a_sound_log_stays_as_it_is():
    """All batches are kept, indexes and the producers' snapshot made."""
    batches = [batch(n, producer=7, sequence=n) for n in range(20)]
    disk = make(segment(0, *batches[:10]), segment(10, *batches[10:]))
    result = recover(disk)
    assert (result.log_start_offset, result.log_end_offset) == (0, 20)
    assert (result.truncated_bytes, result.segments_removed) == (0, 0)
    assert content(disk, log(0)) == b"".join(batches[:10])
    assert content(disk, log(10)) == b"".join(batches[10:])
    for base in (0, 10):
        assert len(content(disk, f"{base:020d}.index")) % 8 == 0
        assert len(content(disk, f"{base:020d}.index")) > 0
        assert int.from_bytes(content(disk, f"{base:020d}.timeindex")[-12:-4]) == 1000 + base + 9
    assert snapshot(disk, 20).last_sequences() == {7: (0, 19, 19)}
    assert snapshot(disk, 10).last_sequences() == {7: (0, 9, 9)}
    assert content(disk, "leader-epoch-checkpoint") == b"0\n1\n0 0\n"


def test_recovering_twice_changes_nothing():
    """The result of recovery is a sound log."""
    disk = make(segment(0, *[batch(n) for n in range(9)]), segment(9, batch(9), b"\0" * 50))
    recover(disk)
    before = {path: bytes(inode.content) for path, inode in disk.files.items()}
    result = recover(disk)
    assert result.truncated_bytes == 0
    assert {path: bytes(inode.content) for path, inode in disk.files.items()} == before


@pytest.mark.parametrize("cut", range(1, len(batch(0, 2)) + 1))
def test_every_byte_of_the_last_batch_cut(cut, caplog):
    """A torn last batch goes, wherever it was torn, with one line in the log; all before it stays."""
    whole = [batch(0), batch(1, 3), batch(4, 2)]
    disk = make(segment(0, b"".join(whole)[:-cut]))
    with caplog.at_level(logging.WARNING):
        result = recover(disk)
    assert result.log_end_offset == 4
    assert content(disk, log(0)) == b"".join(whole[:2])
    assert result.truncated_bytes == len(whole[2]) - cut
    assert len(caplog.records) == (cut < len(whole[2]))
    assert all(log(0) in line and "cut" in line for line in caplog.messages)


@settings(max_examples=300)
@given(st.data())
def test_one_flipped_bit_in_the_unflushed_part(data):
    """Of a flipped bit nothing worse follows than that the log ends before it; never another record, never an error."""
    whole = [batch(0, 2), batch(2), batch(3, 3)]
    damaged = bytearray(b"".join(whole))
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    disk = make(segment(0, damaged))
    result = recover(disk)
    ends = [0, 2, 3, 6]
    sizes = [sum(map(len, whole[:n])) for n in range(4)]
    broken = sum(size <= position for size in sizes) - 1
    within = position - sizes[broken]
    kept = content(disk, log(0))
    if within < 8 or 12 <= within < 16:
        # Base offset and leader epoch are outside of the checksum: a broker may write them in place.
        assert kept[: sizes[broken]] == b"".join(whole[:broken])
    else:
        assert result.log_end_offset == ends[broken]
        assert kept == b"".join(whole[:broken])


def test_segments_after_a_damaged_one_go():
    """Offsets have no holes: what follows the cut is removed with all its files."""
    broken = bytearray(batch(1))
    broken[-1] ^= 1
    disk = make(
        segment(0, batch(0), broken, batch(2)),
        segment(3, batch(3)),
        {"00000000000000000003.index": b"", "00000000000000000003.snapshot": b"x"},
    )
    result = recover(disk)
    assert (result.log_end_offset, result.segments_removed) == (1, 1)
    assert disk.listdir(LOG) == [
        "00000000000000000000.index",
        "00000000000000000000.log",
        "00000000000000000000.timeindex",
        "00000000000000000001.snapshot",
        "leader-epoch-checkpoint",
    ]


def test_offsets_that_do_not_rise_are_cut():
    """A base offset flipped into the past would answer fetches with other records."""
    disk = make(segment(5, batch(5), batch(6), batch(6)))
    assert recover(disk, log_start_offset=5).log_end_offset == 7
    disk = make(segment(5, batch(4), batch(5)))
    assert recover(disk, log_start_offset=5).log_end_offset == 5


def test_only_what_lies_past_the_recovery_point_is_read():
    """Time grows with the unflushed tail: flushed segments are not even opened."""
    disk = make(
        segment(0, b"never fsynced? no: never read"),
        {"00000000000000000000.index": b"", "00000000000000000000.timeindex": b""},
        {"00000000000000000010.snapshot": producer_snapshot.encode([])},
        segment(10, batch(10), batch(11)),
    )
    progress = []
    assert bytes_to_recover(disk, LOG, 11) == len(batch(10)) * 2
    result = recover(disk, 11, on_progress=progress.append)
    assert (result.log_start_offset, result.log_end_offset) == (0, 12)
    assert result.bytes_read == sum(progress) == len(batch(10)) * 2
    assert content(disk, log(0)).startswith(b"never")


@pytest.mark.parametrize("damage", ["missing", b"\0" * 7])
def test_impossible_indexes_of_flushed_segments_are_rebuilt(damage):
    """A missing or torn index costs a read of its segment."""
    disk = make(segment(0, *[batch(n) for n in range(10)]), segment(10, batch(10)))
    recover(disk)
    expected = content(disk, "00000000000000000000.index"), content(disk, "00000000000000000000.timeindex")
    for suffix in ("index", "timeindex"):
        path = f"{LOG}/00000000000000000000.{suffix}"
        if damage == "missing":
            disk.unlink(path)
        else:
            disk.open(path, OpenMode.CREATE).write_all(damage, 0)
        recover(disk, 11)
        assert (
            content(disk, "00000000000000000000.index"),
            content(disk, "00000000000000000000.timeindex"),
        ) == expected


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_snapshot_is_made_anew_from_the_batches(data):
    """One flipped bit in a snapshot: an older one is taken, and the batches after it."""
    disk = make(
        segment(0, *[batch(n, producer=n % 3, sequence=n // 3) for n in range(9)]),
        segment(9, *[batch(n, producer=n % 3, sequence=n // 3) for n in range(9, 12)]),
    )
    recover(disk)
    expected = snapshot(disk, 12).last_sequences()
    for offset in data.draw(st.sampled_from([(9,), (9, 12)])):
        inode = disk.files[f"{LOG}/{offset:020d}.snapshot"]
        position = data.draw(st.integers(0, len(inode.content) - 1))
        inode.content[position] ^= 1 << data.draw(st.integers(0, 7))
    recover(disk, 10)
    assert snapshot(disk, 12).last_sequences() == expected == {0: (0, 3, 9), 1: (0, 3, 10), 2: (0, 3, 11)}


@pytest.mark.parametrize("content_", [b"", b"0\n1\n5\n", b"0\n9\n0 0\n"])
def test_damaged_leader_epochs_are_read_from_the_batches(content_):
    """The epochs of all segments come back, those below the recovery point included."""
    disk = make(
        segment(0, batch(0, epoch=1), batch(1, epoch=1), batch(2, epoch=4)),
        segment(3, batch(3, epoch=4), batch(4, epoch=6)),
        {"leader-epoch-checkpoint": content_},
    )
    recover(disk, 3)
    assert content(disk, "leader-epoch-checkpoint") == b"0\n3\n1 0\n4 2\n6 4\n"


def test_epochs_of_lost_records_go():
    """An epoch whose first record was torn away is not claimed."""
    disk = make(
        segment(0, batch(0, epoch=1), batch(1, epoch=2)[:-1]),
        {"leader-epoch-checkpoint": b"0\n2\n1 0\n2 1\n"},
    )
    recover(disk)
    assert content(disk, "leader-epoch-checkpoint") == b"0\n1\n1 0\n"


def test_epochs_of_compacted_records_stay():
    """An epoch of which no batch is left is still known: followers and consumers ask where it ended."""
    epochs = b"0\n3\n0 0\n1 4\n2 6\n"
    disk = make(segment(0, batch(7, epoch=2)), {"leader-epoch-checkpoint": epochs})
    recover(disk)
    assert content(disk, "leader-epoch-checkpoint") == epochs


def test_aborted_transactions_are_found_again():
    """The transaction index is made from the markers; an open transaction is open again."""
    abort = build_end_txn_marker(
        ControlType.ABORT, producer_id=5, producer_epoch=0, coordinator_epoch=1, timestamp_ms=1, base_offset=2
    )
    disk = make(
        segment(
            0,
            batch(0, producer=5, sequence=0, transactional=True),
            batch(1, producer=6, sequence=0, transactional=True),
            abort,
        ),
        {"00000000000000000000.txnindex": b"old"},
    )
    recover(disk)
    entry = content(disk, "00000000000000000000.txnindex")
    assert [int.from_bytes(entry[at : at + 8]) for at in (2, 10, 18, 26)] == [5, 0, 2, 1]
    state = snapshot(disk, 3)
    assert state.first_unstable_offset(3) == 1
    assert state.has_open_transaction(6, 0)


def test_a_log_that_ends_before_its_start_begins_anew():
    """DeleteRecords was acknowledged and checkpointed, the records before it were lost: the offsets don't go back."""
    disk = make(segment(0, batch(0), batch(1)))
    result = recover(disk, log_start_offset=100)
    assert (result.log_start_offset, result.log_end_offset) == (100, 100)
    assert disk.listdir(LOG) == ["00000000000000000100.snapshot"]


def test_left_overs_of_the_cleaner_are_seen_to():
    """Deleted and cleaned files go, a complete swap is carried through."""
    name = "00000000000000000000"
    disk = make(
        segment(0, batch(0), batch(1), batch(2)),
        segment(3, batch(3)),
        {f"{name}.log.swap": batch(1), f"{name}.index.swap": b"", f"{name}.timeindex.swap": b""},
        {"00000000000000000009.log.deleted": b"x", "00000000000000000005.log.cleaned": b"x"},
    )
    result = recover(disk, log_start_offset=0)
    assert content(disk, log(0)) == batch(1)
    assert result.log_end_offset == 4
    assert not [name for name in disk.listdir(LOG) if name.endswith(("swap", "cleaned", "deleted"))]


def test_an_empty_directory_is_an_empty_log():
    """A partition whose first write did not reach the disk."""
    result = recover(make(), log_start_offset=0)
    assert (result.log_start_offset, result.log_end_offset) == (0, 0)
