"""A file hands its bytes to a socket without copying them, where they are in the page cache."""

import os
import random
import socket

import pytest

from conditions import until
from ottla.storage.disk import MemoryDisk, OpenMode, PosixDisk

SIZE = 1024 * 1024


@pytest.fixture
def content():
    return random.Random(3).randbytes(SIZE)


@pytest.fixture
def file(tmp_path, content):
    made = PosixDisk().open(str(tmp_path / "a"), OpenMode.CREATE)
    made.write_all(content, 0)
    yield made
    made.close()


@pytest.fixture
def sockets():
    sending, receiving = socket.socketpair()
    sending.setblocking(False)
    with sending, receiving:
        yield sending, receiving


def test_what_was_written_is_sent_until_the_socket_is_full(file, content, sockets):
    """From any position; a full socket says so."""
    sending, receiving = sockets
    assert file.is_cached(5, SIZE - 5)
    taken = 0
    with pytest.raises(BlockingIOError):
        while True:
            taken += file.send_to(sending.fileno(), 5 + taken, SIZE - 5 - taken)
    received = bytearray()
    while len(received) < taken:
        received += receiving.recv(SIZE)
    assert received == content[5 : 5 + taken]


def test_a_range_beyond_the_end_is_not_sent(file):
    """Reading it tells what is missing."""
    assert file.is_cached(SIZE - 1, 1)
    assert not file.is_cached(SIZE - 1, 2)


def test_a_range_that_left_the_page_cache_is_not_sent(file, tmp_path):
    """sendfile would wait for the disk."""

    def is_cached() -> bool:
        file.fsync()
        with (tmp_path / "a").open("rb") as other:
            os.posix_fadvise(other.fileno(), 0, SIZE, os.POSIX_FADV_DONTNEED)
        return file.is_cached(0, SIZE)

    until(is_cached, lambda cached: not cached)


def test_what_is_no_file_of_the_machine_is_not_sent():
    """It is read."""
    disk = MemoryDisk()
    disk.mkdir("/data")
    file = disk.open("/data/a", OpenMode.CREATE)
    file.write_all(b"abc", 0)
    assert not file.is_cached(0, 3)
