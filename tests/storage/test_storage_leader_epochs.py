"""The epochs of a log: where each began and ended, through appends, truncation and restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.storage.checkpoints import CheckpointError
from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.leader_epochs import EpochEntry, LeaderEpochCache

PATH = "/log/leader-epoch-checkpoint"


def epochs(*entries: tuple[int, int]) -> LeaderEpochCache:
    return LeaderEpochCache(EpochEntry(*entry) for entry in entries)


@pytest.mark.parametrize(
    ("requested", "answer"),
    [
        (-1, (-1, -1)),
        (0, (0, 10)),  # before the first known epoch: itself, and where the first known one began
        (2, (2, 20)),
        (3, (2, 20)),  # wrote nothing: the epoch before it
        (5, (5, 30)),
        (8, (8, 99)),  # the current one: the log's end
        (9, (-1, -1)),  # unknown here
    ],
)
def test_end_offset_for(requested, answer):
    """As Apache's endOffsetFor, case by case."""
    assert epochs((2, 10), (5, 20), (8, 30)).end_offset_for(requested, 99) == answer


def test_end_offset_of_an_empty_log_is_unknown():
    """Without epochs nothing is known."""
    assert epochs().end_offset_for(0, 10) == (-1, -1)


@pytest.mark.parametrize(
    ("epoch", "start", "entries"),
    [
        (8, 40, [(2, 10), (5, 20), (8, 30)]),  # the same epoch goes on
        (9, 40, [(2, 10), (5, 20), (8, 30), (9, 40)]),
        (9, 30, [(2, 10), (5, 20), (9, 30)]),  # epoch 8 wrote nothing after all
        (9, 15, [(2, 10), (9, 15)]),
        (4, 40, [(2, 10), (4, 40)]),
        (1, 0, [(1, 0)]),
    ],
)
def test_assign(epoch, start, entries):
    """A new epoch drops those that contradict it."""
    cache = epochs((2, 10), (5, 20), (8, 30))
    assert cache.assign(epoch, start) == (entries != [(2, 10), (5, 20), (8, 30)])
    assert list(cache.entries) == entries


@pytest.mark.parametrize(
    ("end", "entries"),
    [
        (31, [(2, 10), (5, 20), (8, 30)]),
        (30, [(2, 10), (5, 20)]),
        (11, [(2, 10)]),
        (10, []),
    ],
)
def test_truncate_from_end(end, entries):
    """Epochs that began at or after the new end are gone."""
    cache = epochs((2, 10), (5, 20), (8, 30))
    assert cache.truncate_from_end(end) == (len(entries) < 3)
    assert list(cache.entries) == entries


@pytest.mark.parametrize(
    ("start", "entries"),
    [
        (9, [(2, 10), (5, 20), (8, 30)]),
        (10, [(2, 10), (5, 20), (8, 30)]),
        (15, [(2, 15), (5, 20), (8, 30)]),
        (20, [(5, 20), (8, 30)]),
        (99, [(8, 99)]),
    ],
)
def test_truncate_from_start(start, entries):
    """The epoch that holds the new start begins there."""
    cache = epochs((2, 10), (5, 20), (8, 30))
    assert cache.truncate_from_start(start) == (entries != [(2, 10), (5, 20), (8, 30)])
    assert list(cache.entries) == entries


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100)), max_size=12), st.integers(0, 110))
def test_entries_rise_and_answer_by_offset(assignments, offset):
    """Whatever is assigned, epochs and starts rise strictly, and an offset belongs to the last epoch begun by then."""
    cache = epochs(*assignments)
    entries = list(cache.entries)
    assert entries == sorted(entries)
    assert (
        len({entry.epoch for entry in entries})
        == len({entry.start_offset for entry in entries})
        == len(entries)
    )
    expected = [entry.epoch for entry in entries if entry.start_offset <= offset]
    assert cache.epoch_for_offset(offset) == (expected[-1] if expected else None)


def test_written_as_apache_writes_it_and_only_when_changed():
    """Version, count, then epoch and start offset by line."""
    disk = MemoryDisk()
    disk.mkdir("/log")
    cache = epochs((0, 0), (5, 1217))
    cache.write_if_dirty(disk, PATH)
    assert disk.read_file(PATH) == b"0\n2\n0 0\n5 1217\n"
    read = LeaderEpochCache.load(disk, PATH)
    assert read.entries == cache.entries
    disk.unlink(PATH)
    cache.write_if_dirty(disk, PATH)
    read.write_if_dirty(disk, PATH)
    assert not disk.exists(PATH)


@pytest.mark.parametrize(
    "content", [b"", b"0\n1\n5\n", b"0\n2\n5 0\n4 9\n", b"0\n1\n-3 0\n", b"0\n1\n1 2 3\n"]
)
def test_damage_is_named(content):
    """A file out of order or out of shape raises the one error."""
    disk = MemoryDisk()
    disk.mkdir("/log")
    disk.open(PATH, OpenMode.CREATE).write_all(content, 0)
    with pytest.raises(CheckpointError, match="leader-epoch-checkpoint"):
        LeaderEpochCache.load(disk, PATH)
