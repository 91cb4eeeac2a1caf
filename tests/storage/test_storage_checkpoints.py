"""Checkpoint files are Apache's text, replaced in one step, and refused by name when damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.types import TopicPartition
from ottla.storage.checkpoints import CheckpointError, OffsetCheckpoint
from ottla.storage.disk import MemoryDisk, OpenMode

NAME = "recovery-point-offset-checkpoint"


def checkpoint(content: bytes | None = None) -> tuple[MemoryDisk, OffsetCheckpoint]:
    disk = MemoryDisk()
    disk.mkdir("/logs")
    if content is not None:
        disk.open(f"/logs/{NAME}", OpenMode.CREATE).write_all(content, 0)
    return disk, OffsetCheckpoint(disk, "/logs", NAME)


def test_written_as_apache_writes_it():
    """Version, count, then topic, partition and offset by line."""
    disk, file = checkpoint()
    file.write({TopicPartition("orders", 0): 1217, TopicPartition("a.b_c-1", 11): 0})
    assert disk.read_file(file.path) == b"0\n2\norders 0 1217\na.b_c-1 11 0\n"
    assert disk.listdir("/logs") == [NAME]


def test_missing_file_means_no_offsets():
    """A new directory has no checkpoint."""
    assert checkpoint()[1].read() == {}


@given(
    st.dictionaries(
        st.builds(
            TopicPartition, st.from_regex(r"[a-zA-Z0-9._-]{1,30}", fullmatch=True), st.integers(0, 2**31 - 1)
        ),
        st.integers(0, 2**63 - 1),
    )
)
def test_reads_what_it_wrote(offsets):
    """Any offsets come back as they were."""
    _, file = checkpoint()
    file.write(offsets)
    assert file.read() == offsets


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1\n0\n",
        b"0\n",
        b"0\n2\na 0 1\n",
        b"0\n1\na 0 1\nb 0 1\n",
        b"0\n1\na 0\n",
        b"0\n1\na 0 x\n",
        b"0\n1\na 0 -1\n",
        b"0\n1\na 0 9223372036854775808\n",
        b"0\n1\na 0 \xff\n",
        b"0\n-1\n",
        "0\n1\na 0 ²\n".encode(),
    ],
)
def test_damage_is_named(content):
    """Nothing but the one error, which names the file."""
    _, file = checkpoint(content)
    with pytest.raises(CheckpointError, match=NAME):
        file.read()


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_flipped_bit_parses_or_is_named(position, bit):
    """Damage of one bit gives offsets or the one error, never another exception."""
    disk, file = checkpoint()
    file.write({TopicPartition("orders", partition): 1000 + partition for partition in range(4)})
    content = disk.files[file.path].content
    content[position % len(content)] ^= 1 << bit
    try:
        offsets = file.read()
    except CheckpointError as error:
        assert NAME in str(error)
    else:
        assert all(offset >= 0 for offset in offsets.values())
