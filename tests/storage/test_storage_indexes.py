"""Offset, time and transaction index against plain lists."""

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ottla.storage import index_file
from ottla.storage.disk import MemoryDisk
from ottla.storage.file_cache import FileCache, LogDirectoryPath, LogFile
from ottla.storage.index_file import CorruptIndexError
from ottla.storage.offset_index import OffsetIndex
from ottla.storage.time_index import TimeIndex
from ottla.storage.txn_index import AbortedEntry, TxnIndex

BASE = 1_000


class Room:
    """A directory in memory for one index."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.disk.mkdir("/d")
        self.cache = FileCache(self.disk, 4)

    def file(self, name: str) -> LogFile:
        return LogFile(LogDirectoryPath("/d"), name)


rising = st.lists(st.integers(1, 50), max_size=60).map(
    lambda steps: [sum(steps[: place + 1]) for place in range(len(steps))]
)


@settings(max_examples=120)
@given(rising, st.integers(0, 60), st.data())
def test_offset_index_finds_what_a_list_finds(offsets: list[int], written: int, data: st.DataObject) -> None:
    """Wherever the entries are, in the file, in memory or in both, and after a cut."""
    room = Room()
    index = OffsetIndex(room.cache, room.file("x.index"), BASE)
    for place, offset in enumerate(offsets):
        index.append(BASE + offset, offset * 100)
        if place + 1 == written:
            index.write_out()

    def check(known: list[int]) -> None:
        assert len(index) == len(known)
        for asked in range((known[-1] if known else 0) + 3):
            place = bisect_right(known, asked)
            assert index.lookup(BASE + asked) == (known[place - 1] * 100 if place else 0)
            later = [offset for offset in known if offset * 100 >= asked * 100]
            assert index.offset_at_or_after(asked * 100) == (BASE + later[0] if later else None)

    check(offsets)
    cut = data.draw(st.integers(0, (offsets[-1] if offsets else 0) + 2))
    index.truncate_to(BASE + cut)
    kept = [offset for offset in offsets if offset < cut]
    check(kept)
    index.write_out()
    loaded = OffsetIndex(room.cache, index.log_file, BASE)
    loaded.load(room.disk.size("/d/x.index"))
    index = loaded
    check(kept)


@settings(max_examples=120)
@given(rising, st.integers(0, 60), st.integers(0, 3_000))
def test_time_index_finds_what_a_list_finds(times: list[int], written: int, cut: int) -> None:
    """Floor by time, cut by offset; a time that does not rise is left out."""
    room = Room()
    index = TimeIndex(room.cache, room.file("x.timeindex"), BASE)
    for place, time in enumerate(times):
        index.append_if_later(time, BASE + 2 * place)
        index.append_if_later(time, BASE + 2 * place + 1)
        if place + 1 == written:
            index.write_out()
    index.truncate_to(BASE + cut)
    kept = [time for place, time in enumerate(times) if 2 * place < cut]
    assert len(index) == len(kept)
    for asked in range((times[-1] if times else 0) + 3):
        place = bisect_right(kept, asked)
        assert index.lookup(asked) == BASE + (2 * (place - 1) if place else 0)
    assert index.largest() == ((kept[-1], BASE + 2 * (len(kept) - 1)) if kept else (-1, BASE))
    index.append_if_later((kept[-1] if kept else 0) + 1, BASE + 4_000)
    assert len(index) == len(kept) + 1


def test_entries_stand_in_the_files_as_apache_writes_them() -> None:
    """Big-endian, relative to the base offset."""
    room = Room()
    offset_index = OffsetIndex(room.cache, room.file("a"), BASE)
    offset_index.append(BASE + 1, 0x1234)
    time_index = TimeIndex(room.cache, room.file("b"), BASE)
    time_index.append_if_later(0x0102030405, BASE + 2)
    txn_index = TxnIndex(room.cache, room.file("c"))
    txn_index.append(AbortedEntry(1, 2, 3, 4))
    for index in (offset_index, time_index, txn_index):
        index.write_out()
    assert room.disk.read_file("/d/a").hex() == "0000000100001234"
    assert room.disk.read_file("/d/b").hex() == "000000010203040500000002"
    assert room.disk.read_file("/d/c").hex() == "0000" + "".join(f"{number:016x}" for number in (1, 2, 3, 4))


def test_a_long_index_on_disk_is_searched_by_few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand entries: every look-up is right and reads a handful of times."""
    room = Room()
    index = OffsetIndex(room.cache, room.file("x.index"), 0)
    for number in range(1, 100_001):
        index.append(number * 10, number * 4_000)
    index.write_out()
    reads = []
    original = index_file.IndexFile._read

    def counting(self, place: int, count: int, *, nowait: bool) -> bytearray:
        reads.append(count)
        return original(self, place, count, nowait=nowait)

    monkeypatch.setattr(index_file.IndexFile, "_read", counting)
    for asked in (0, 9, 10, 11, 499_995, 999_999, 1_000_000, 5_000_000):
        reads.clear()
        assert index.lookup(asked) == min(asked // 10, 100_000) * 4_000
        assert len(reads) <= 12


@pytest.mark.parametrize("size", [1, 7, 9])
def test_a_torn_index_is_corrupt(size: int) -> None:
    """A file that ends inside an entry is not used."""
    room = Room()
    index = OffsetIndex(room.cache, room.file("x.index"), 0)
    with pytest.raises(CorruptIndexError):
        index.load(size)


def test_an_index_that_ends_with_zeros_is_corrupt() -> None:
    """Apache makes its index files large at first and trims them when it stops: not after kill -9."""
    room = Room()
    index = OffsetIndex(room.cache, room.file("x.index"), 0)
    index.append(5, 100)
    index.write_out()
    index.write(1, bytes(80))
    loaded = OffsetIndex(room.cache, index.log_file, 0)
    loaded.load(88)
    with pytest.raises(CorruptIndexError):
        loaded.check()


def test_written_entries_leave_memory_unless_the_index_was_cut_meanwhile() -> None:
    """What a thread has written is dropped from memory; if a truncation came between, nothing is lost."""
    room = Room()
    index = OffsetIndex(room.cache, room.file("x.index"), 0)
    for number in range(1, 10):
        index.append(number, number * 100)
    place, content = index.pending()
    index.append(10, 1000)
    index.write(place, content)
    index.mark_written(place, content)
    assert index.pending() == (9, content[:0] + (10).to_bytes(4) + (1000).to_bytes(4))
    place, content = index.pending()
    index.truncate_to(5)
    index.append(5, 777)
    index.mark_written(place, content)
    assert [index.entry_at(number) for number in range(len(index))][-2:] == [(4, 400), (5, 777)]


def test_aborted_transactions_are_found_by_overlap_until_the_last_stable_offset() -> None:
    """Only those that overlap the range; an entry whose last stable offset covers it ends the search."""
    room = Room()
    index = TxnIndex(room.cache, room.file("x.txnindex"))
    entries = [AbortedEntry(1, 0, 10, 5), AbortedEntry(2, 5, 20, 11), AbortedEntry(3, 30, 40, 41)]
    for entry in entries:
        index.append(entry)
    assert index.overlapping(0, 5) == ([entries[0]], True)
    assert index.overlapping(0, 12) == (entries[:2], True)
    assert index.overlapping(0, 50) == (entries, False)
    assert index.overlapping(15, 31) == (entries[1:], True)
    assert index.overlapping(41, 100) == ([], False)
    index.truncate_to(20)
    assert list(index.aborted()) == entries[:1]
