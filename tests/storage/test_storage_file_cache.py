"""The cache of open files."""

import threading

from ottla.storage.disk import MemoryDisk, OpenMode
from ottla.storage.file_cache import FileCache, LogDirectoryPath, LogFile


def make(capacity: int, files: int) -> tuple[FileCache, list[LogFile]]:
    disk = MemoryDisk()
    disk.mkdir("/d")
    directory = LogDirectoryPath("/d")
    return FileCache(disk, capacity), [LogFile(directory, f"{number}.log") for number in range(files)]


def test_no_more_files_than_the_capacity_stay_open() -> None:
    """A thousand files through a cache of ten: ten are open, each takes its bytes."""
    cache, files = make(10, 1000)
    for _ in range(2):
        for number, log_file in enumerate(files):
            cache.acquire(log_file).write_all(b"%d" % number, 0)
            log_file.release()
            assert len(cache) <= 10
    assert sum(log_file.file is not None for log_file in files) == len(cache) == 10
    with cache.pinned(files[7]) as file:
        assert file.read_all() == b"7"


def test_a_file_in_use_is_not_closed() -> None:
    """Neither the loop's file nor a pinned one goes, though the cache is over its capacity."""
    cache, files = make(1, 5)
    used = cache.acquire(files[0])
    with cache.pinned(files[1]) as pinned:
        for log_file in files[2:]:
            cache.acquire(log_file)
            log_file.release()
        assert files[0].file is used
        assert files[1].file is pinned
    files[0].release()
    with cache.pinned(files[2]):
        pass
    assert len(cache) <= 1


def test_a_file_that_was_there_is_not_made_anew() -> None:
    """Opening a file that has been deleted meanwhile is an error, not an empty file in its place."""
    cache, files = make(1, 2)
    cache.acquire(files[0])
    files[0].release()
    cache.close(files[0])
    cache.disk.unlink(files[0].path)
    try:
        cache.acquire(files[0])
    except FileNotFoundError:
        pass
    else:
        raise AssertionError("an empty file was made")
    assert not cache.disk.exists(files[0].path)


def test_threads_that_open_and_close_each_other_s_files_never_meet_a_closed_one() -> None:
    """Four threads and the loop share a cache of two: every read finds the bytes of its own file."""

    class Closable(MemoryDisk):
        """Reading a closed file is an error here."""

    disk = Closable()
    disk.mkdir("/d")
    cache = FileCache(disk, 2)
    directory = LogDirectoryPath("/d")
    files = [LogFile(directory, f"{number}.log") for number in range(8)]
    for number, log_file in enumerate(files):
        made = disk.open(log_file.path, OpenMode.WRITE)
        made.write_all(bytes([number]) * 10, 0)
    wrong: list[str] = []

    def read(offset: int) -> None:
        for turn in range(2_000):
            number = (turn * 3 + offset) % 8
            with cache.pinned(files[number]) as file:
                view = memoryview(bytearray(10))
                file.pread_into(view, 0)
                if bytes(view) != bytes([number]) * 10:
                    wrong.append(f"file {number} gave {bytes(view)!r}")

    threads = [threading.Thread(target=read, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(2_000):
        log_file = files[turn % 8]
        file = cache.acquire(log_file)
        view = memoryview(bytearray(10))
        file.pread_into(view, 0)
        if bytes(view) != bytes([turn % 8]) * 10:
            wrong.append(f"the loop's file {turn % 8} gave {bytes(view)!r}")
        log_file.release()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(cache) <= 8


def test_closing_waits_until_the_loop_has_let_go() -> None:
    """A removed segment's files are closed on another thread: the loop must not find another file under their number."""
    cache, files = make(5, 1)
    cache.acquire(files[0])
    closing = threading.Thread(target=cache.close, args=(files[0],))
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    assert len(cache) == 1
    files[0].release()
    closing.join(10)
    assert not closing.is_alive()
    assert (files[0].file, len(cache)) == (None, 0)
