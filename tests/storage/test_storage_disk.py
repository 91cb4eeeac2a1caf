"""Disks behave alike, whether the machine's or memory's, and the tests' disks lose exactly what was not synced."""

import errno
import os

import pytest
from storage_disks import FaultyDisk, RecordingDisk

from ottla.storage.disk import MemoryDisk, OpenMode, PosixDisk


@pytest.fixture(params=["posix", "memory", "recording", "faulty"])
def disk_and_root(request, tmp_path):
    if request.param == "posix":
        return PosixDisk(), str(tmp_path)
    disk = {"memory": MemoryDisk, "recording": RecordingDisk, "faulty": lambda: FaultyDisk(MemoryDisk())}[
        request.param
    ]()
    disk.mkdir("/data")
    return disk, "/data"


def test_files_are_written_and_read_at_positions(disk_and_root):
    """Writes beyond the end leave zeros; reads stop at the end."""
    disk, root = disk_and_root
    file = disk.open(f"{root}/a", OpenMode.CREATE)
    assert file.pwritev([b"abc", bytearray(b"def")], 4) == 6
    file.write_all(memoryview(b"xy"), 0)
    file.fsync()
    assert file.size() == disk.size(f"{root}/a") == 10
    assert file.read_all() == disk.read_file(f"{root}/a") == b"xy\0\0abcdef"
    view = memoryview(bytearray(20))
    assert file.pread_into(view, 8) == 2
    assert file.pread_into(view, 10) == 0
    file.truncate(3)
    file.truncate(5)
    assert file.read_all() == b"xy\0\0\0"
    file.close()


def test_nowait_reads_what_is_cached_or_says_so(disk_and_root):
    """A read that may not wait gives bytes or `BlockingIOError`, never rubbish."""
    disk, root = disk_and_root
    file = disk.open(f"{root}/a", OpenMode.CREATE)
    file.write_all(b"abc", 0)
    view = memoryview(bytearray(3))
    try:
        assert file.pread_into(view, 0, nowait=True) == 3
    except BlockingIOError:
        return
    finally:
        file.close()
    assert bytes(view) == b"abc"


def test_open_modes(disk_and_root):
    """READ needs the file and cannot write, WRITE keeps what is there, CREATE empties it."""
    disk, root = disk_and_root
    with pytest.raises(FileNotFoundError):
        disk.open(f"{root}/a", OpenMode.READ)
    with pytest.raises(FileNotFoundError):
        disk.open(f"{root}/none/a", OpenMode.CREATE)
    file = disk.open(f"{root}/a", OpenMode.WRITE)
    file.write_all(b"abc", 0)
    file.close()
    file = disk.open(f"{root}/a", OpenMode.READ)
    assert file.read_all() == b"abc"
    with pytest.raises(OSError):
        file.pwrite(b"x", 0)
    file.close()
    disk.open(f"{root}/a", OpenMode.CREATE).close()
    assert disk.read_file(f"{root}/a") == b""


def test_names(disk_and_root):
    """Directories are made with their parents, renamed with their contents and removed with them."""
    disk, root = disk_and_root
    disk.mkdir(f"{root}/x/y")
    disk.mkdir(f"{root}/x/y")
    disk.replace_file(f"{root}/x/y/f", b"1")
    disk.rename(f"{root}/x", f"{root}/z")
    assert disk.listdir(root) == ["z"]
    assert disk.is_directory(f"{root}/z/y")
    assert disk.read_file(f"{root}/z/y/f") == b"1"
    disk.replace_file(f"{root}/z/y/f", b"2")
    disk.rename(f"{root}/z/y/f", f"{root}/z/g")
    assert disk.listdir(f"{root}/z") == ["g", "y"]
    assert disk.unlink_if_exists(f"{root}/z/g")
    assert not disk.unlink_if_exists(f"{root}/z/g")
    with pytest.raises(FileNotFoundError):
        disk.unlink(f"{root}/z/g")
    with pytest.raises(FileNotFoundError):
        disk.rename(f"{root}/none", f"{root}/some")
    disk.remove_tree(f"{root}/z")
    disk.remove_tree(f"{root}/z")
    assert not disk.exists(f"{root}/z")
    with pytest.raises(FileNotFoundError):
        disk.listdir(f"{root}/z")


def test_an_open_file_outlives_its_name(disk_and_root):
    """Fetches still read segments that retention has removed."""
    disk, root = disk_and_root
    file = disk.open(f"{root}/a", OpenMode.CREATE)
    file.write_all(b"abc", 0)
    disk.rename(f"{root}/a", f"{root}/b")
    disk.unlink(f"{root}/b")
    assert file.read_all() == b"abc"
    file.close()


def test_space_and_times(disk_and_root):
    """Free space is not above the total; a file's time can be set."""
    disk, root = disk_and_root
    space = disk.space(root)
    assert 0 < space.usable_bytes <= space.total_bytes
    disk.open(f"{root}/a", OpenMode.CREATE).close()
    assert disk.modified_ms(f"{root}/a") > 1_000_000_000_000
    disk.set_modified_ms(f"{root}/a", 1_234_567)
    assert disk.modified_ms(f"{root}/a") == 1_234_567


def test_memory_lock_is_exclusive():
    """Within one process, where POSIX record locks do not exclude, memory's do."""
    disk = MemoryDisk()
    lock = disk.lock("/l")
    with pytest.raises(BlockingIOError):
        disk.lock("/l")
    lock.release()
    disk.lock("/l").release()


def written(path="/data/f"):
    disk = RecordingDisk()
    disk.mkdir("/data")
    disk.sync_everything()
    return disk, len(disk.journal)


def files(disk):
    return {path: bytes(inode.content) for path, inode in disk.files.items()}


def test_an_unsynced_write_may_be_lost_a_synced_one_never():
    """The journal knows what a crash can take."""
    disk, start = written()
    file = disk.open("/data/f", OpenMode.CREATE)
    file.write_all(b"abc", 0)
    seen = [files(crashed) for _, crashed in disk.crashes(start, len(disk.journal))]
    assert (
        {} in seen and {"/data/f": b""} in seen and {"/data/f": b"abc"} in seen and {"/data/f": b"a"} in seen
    )
    file.fsync()
    disk.fsync_directory("/data")
    end = len(disk.journal)
    assert [files(crashed) for _, crashed in disk.crashes(end, end)] == [{"/data/f": b"abc"}]


def test_names_may_overtake_each_other():
    """Of two unsynced renames only the second may have come through."""
    disk, _start = written()
    for name in "ab":
        disk.open(f"/data/{name}", OpenMode.CREATE)
    disk.sync_everything()
    disk.rename("/data/a", "/data/c")
    disk.rename("/data/b", "/data/d")
    end = len(disk.journal)
    seen = [sorted(crashed.files) for _, crashed in disk.crashes(end, end)]
    assert sorted(seen) == sorted(
        [["/data/a", "/data/b"], ["/data/b", "/data/c"], ["/data/a", "/data/d"], ["/data/c", "/data/d"]]
    )


def test_replacing_a_file_leaves_the_old_or_the_new_one():
    """The way all checkpoints are written, crashed at each step with each loss."""
    disk, _start = written()
    disk.replace_file("/data/f", b"old")
    begin = len(disk.journal)
    disk.replace_file("/data/f", b"the new one")
    count = 0
    for name, crashed in disk.crashes(begin, len(disk.journal), subsets=256):
        assert crashed.read_file("/data/f") in (b"old", b"the new one"), name
        count += 1
    assert count > 10
    assert crashed.read_file("/data/f") == b"the new one"


def test_without_the_fsync_the_new_file_can_be_empty():
    """The test above can fail: a replacement that forgets its fsync is caught."""
    disk, _start = written()
    disk.replace_file("/data/f", b"old")
    begin = len(disk.journal)
    faulty = FaultyDisk(disk)
    faulty.fault = lambda operation, _path: "forget" if operation == "fsync" else None
    faulty.replace_file("/data/f", b"new")
    seen = {
        crashed.read_file("/data/f") for _, crashed in disk.crashes(begin, len(disk.journal), subsets=256)
    }
    assert b"" in seen


def test_faults_come_where_they_are_asked_for():
    """Failed once, failed always, torn, short."""
    disk = FaultyDisk(MemoryDisk())
    disk.fail_once("write", errno.EIO, containing="f", after=1)
    file = disk.open("/f", OpenMode.CREATE)
    file.write_all(b"a", 0)
    with pytest.raises(OSError) as raised:
        file.write_all(b"b", 1)
    assert raised.value.errno == errno.EIO
    file.write_all(b"c", 1)
    disk.fail_all(errno.ENOSPC, "write", "create")
    for operation in (lambda: file.write_all(b"d", 2), lambda: disk.open("/g", OpenMode.CREATE)):
        with pytest.raises(OSError) as raised:
            operation()
        assert raised.value.errno == errno.ENOSPC
    disk.fault = lambda operation, _path: "tear" if operation == "write" else None
    with pytest.raises(OSError):
        file.write_all(b"defg", 2)
    disk.fault = lambda operation, _path: "short" if operation == "write" else None
    file.write_all(b"12345", 4)
    assert disk.read_file("/f") == b"acde12345"


def test_posix_files_are_not_inherited(tmp_path):
    """Helper processes get no descriptor of the broker's."""
    disk = PosixDisk()
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    file = disk.open(f"{tmp_path}/a", OpenMode.CREATE)
    for descriptor in set(os.listdir("/proc/self/fd")) - before if before else ():
        try:
            assert not os.get_inheritable(int(descriptor))
        except OSError:
            continue
    file.close()
