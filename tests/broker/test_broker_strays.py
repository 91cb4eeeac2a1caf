"""Log directories that do not agree with the metadata: files of deleted topics, and a disk that is gone at the start."""

from test_broker_fetch import fetch, rows, values
from test_broker_produce import batch, make_topic, produce

from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import TopicPartition
from ottla.storage.disk import PosixDisk
from ottla.storage.log_names import format_partition_metadata


def test_a_new_topic_does_not_meet_the_files_of_an_old_one(start_broker, connect, tmp_path):
    """They are set aside, kept under the suffix -stray; the new topic of that name begins at offset 0."""
    path = tmp_path / "logs"
    settings = {"log.dirs": str(path)}
    first = start_broker(settings, disk=PosixDisk())
    make_topic(first, "kept", 1)
    assert produce(connect(first), "kept", batch(b"kept"))[0].error_code == ErrorCode.NONE
    first.stop()
    ghost = path / "ghost-0"
    ghost.mkdir()
    (ghost / "partition.metadata").write_bytes(format_partition_metadata(bytes(range(16))))
    (ghost / "00000000000000000000.log").write_bytes(
        (path / "kept-0" / "00000000000000000000.log").read_bytes()
    )

    broker = start_broker(settings, disk=PosixDisk())
    assert not ghost.exists()
    assert len([each for each in path.iterdir() if each.name.endswith("-stray")]) == 1
    make_topic(broker, "ghost", 1)
    client = connect(broker)
    answer = produce(client, "ghost", batch(b"new"))[0]
    assert (answer.error_code, answer.base_offset) == (ErrorCode.NONE, 0)
    assert broker.call(lambda server: server.logs.get(TopicPartition("kept", 0)).log_end_offset) == 1
    for topic, value in (("ghost", b"new"), ("kept", b"kept")):
        assert values(rows(fetch(client, (topic, 0, 0)))[topic, 0]) == [value]


def test_a_directory_that_is_lost_at_the_start(start_broker, connect, tmp_path):
    """Its partitions are not made anew and empty elsewhere; the others, and new topics, are served."""
    paths = [tmp_path / "a", tmp_path / "b"]
    settings = {"log.dirs": ",".join(map(str, paths)), "ottla.metadata.dir": str(tmp_path / "metadata")}
    first = start_broker(settings, disk=PosixDisk())
    make_topic(first, "t", 2)
    client = connect(first)
    for number in (0, 1):
        assert produce(client, "t", *[None] * number, batch(b"old"))[number].error_code == ErrorCode.NONE
    places = [
        first.call(lambda server, n=number: server.logs.directory_of(TopicPartition("t", n)).path)
        for number in (0, 1)
    ]
    lost, kept = places.index(str(paths[0])), places.index(str(paths[1]))
    first.stop()
    paths[0].rename(tmp_path / "unmounted")
    paths[0].write_bytes(b"no directory any more")

    broker = start_broker(settings, disk=PosixDisk())
    client = connect(broker)
    assert produce(client, "t", *[None] * kept, batch(b"new"))[kept].error_code == ErrorCode.NONE
    refused = produce(client, "t", *[None] * lost, batch(b"new"))[lost].error_code
    assert refused in (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    make_topic(broker, "fresh", 2)
    for number in (0, 1):
        assert produce(client, "fresh", *[None] * number, batch(b"new"))[number].error_code == ErrorCode.NONE
    broker.stop()

    paths[0].unlink()
    (tmp_path / "unmounted").rename(paths[0])
    again = start_broker(settings, disk=PosixDisk())
    client = connect(again)
    for number, expected in ((lost, [b"old"]), (kept, [b"old", b"new"])):
        assert values(rows(fetch(client, ("t", number, 0)))["t", number]) == expected
