"""One bit flipped in a file of a log that was closed cleanly: the right records are read, or an error, never others."""

import pytest
from store_fixture import NOW, ORDERS, append, create, open_store, values

from ottla.config.topic_config import TopicConfig
from ottla.storage.disk import MemoryDisk

CONFIG = TopicConfig(segment_bytes=3000, index_interval_bytes=100, retention_ms=-1)
RECORDS = 80


@pytest.fixture(scope="module")
def files():
    """What a clean stop leaves of a log with two segments."""
    disk = MemoryDisk()
    store = open_store(disk, config=CONFIG)
    log = create(store, config=CONFIG)
    for number in range(RECORDS):
        append(log, b"v%d" % number, timestamp=NOW + number)
    store.close(clean=True)
    return {path: bytes(inode.content) for path, inode in disk.files.items()}


def flipped(files, path, position, bit):
    disk = MemoryDisk()
    disk.mkdir("/data/orders-0")
    for name, content in files.items():
        disk.replace_file(name, content)
    disk.files[path].content[position] ^= 1 << bit
    return disk


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
def test_a_flipped_bit_in_an_index_costs_time_only(files, suffix):
    """Offsets and times are found as before; a clean stop has the next start make the index anew."""
    places = [
        (path, position)
        for path, content in files.items()
        if path.endswith(suffix)
        for position in range(len(content))
    ]
    assert len(places) > 200
    for number, (path, position) in enumerate(places[::3]):
        bit = number % 8
        name = f"bit {bit} of byte {position} of {path}"
        store = open_store(flipped(files, path, position, bit), config=CONFIG)
        log = store.get(ORDERS)
        for offset in range(0, RECORDS, 7):
            assert values(log, offset)[0] == b"v%d" % offset, name
            assert log.offset_for_timestamp(NOW + offset).offset == offset, name
        assert log.offset_of_max_timestamp().offset == RECORDS - 1, name
        assert append(log, b"next", timestamp=NOW + RECORDS).base_offset == RECORDS, name
        disk = store._disk
        store.close(clean=True)
        if number % 10 == 0:
            again = open_store(disk, config=CONFIG)
            assert values(again.get(ORDERS)) == [*[b"v%d" % n for n in range(RECORDS)], b"next"], name
            again.close(clean=False)


@pytest.mark.parametrize(
    "name",
    [
        "orders-0/leader-epoch-checkpoint",
        "orders-0/partition.metadata",
        f"orders-0/{RECORDS:020d}.snapshot",
        "recovery-point-offset-checkpoint",
        ".kafka_cleanshutdown",
    ],
)
def test_a_flipped_bit_beside_the_segments_loses_no_record(files, name):
    """Checkpoints fall back to what loses nothing, snapshots and epochs are made anew from the batches."""
    path = f"/data/{name}"
    for position in range(len(files[path])):
        bit = position % 8
        store = open_store(flipped(files, path, position, bit), config=CONFIG)
        store.await_loaded(10)
        store.loop.run()
        log = store.get(ORDERS)
        assert values(log) == [b"v%d" % n for n in range(RECORDS)], f"bit {bit} of byte {position} of {path}"
        assert append(log, b"next", timestamp=NOW).base_offset == RECORDS
        store.close(clean=False)
