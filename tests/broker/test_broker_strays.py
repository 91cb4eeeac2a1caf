"""Logs in a log directory that the cluster knows nothing of: a topic was deleted while its files could not be."""

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
