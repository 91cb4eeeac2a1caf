"""A partition's role, epochs, ISR and high watermark, on a real log in memory."""

import pytest

from ottla.cluster.image import ImageDraft, MetadataImage, PartitionState
from ottla.config.topic_config import TopicConfig
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid
from ottla.records.record import Record, build_batch
from ottla.replication.partition import ACKS_ALL, IsolationLevel, Partition, Role
from ottla.replication.replicas import Replicas
from ottla.storage.disk import MemoryDisk
from ottla.storage.log_store import LogStore
from ottla.storage.store_settings import LogStoreSettings

NOW_MS = 1_700_000_000_000
BROKER = 1
TOPIC_ID = Uuid(b"t" * 16)
NAME = TopicPartition("t", 0)


def state(leader: int = BROKER, *, epoch: int = 0, isr: tuple[int, ...] = (BROKER,)) -> PartitionState:
    return PartitionState(replicas=isr, isr=isr, leader=leader, leader_epoch=epoch, partition_epoch=epoch)


def batch(count: int = 1) -> memoryview:
    return memoryview(build_batch([Record(0, NOW_MS, b"k", b"v")] * count))


class Noted:
    """A watcher that writes down what it hears."""

    def __init__(self) -> None:
        self.moves: list[tuple[str, int]] = []

    def partition_moved(self, partition: Partition) -> None:
        self.moves.append((partition.role.value, partition.high_watermark))


@pytest.fixture
def store():
    made = LogStore(["/logs"], MemoryDisk(), LogStoreSettings(), post=lambda function: function())
    made.acquire()
    made.claim(BROKER, "cluster")
    made.load(lambda topic: TopicConfig(), now_ms=NOW_MS)
    yield made
    made.close(clean=True)


@pytest.fixture
def partition(store) -> Partition:
    made = Partition(NAME, TOPIC_ID, BROKER)
    made.attach(store.create(NAME, TOPIC_ID, TopicConfig()))
    made.become(state())
    return made


def code_of(function) -> ErrorCode:
    with pytest.raises(KafkaError) as raised:
        function()
    return raised.value.code


def test_with_one_replica_what_is_written_is_committed(partition):
    """The high watermark is the log's end as soon as the append returns."""
    result = partition.append(batch(3), acks=ACKS_ALL, now_ms=NOW_MS)
    assert (result.base_offset, result.last_offset) == (0, 2)
    assert partition.high_watermark == 3
    assert partition.is_acknowledged(2, ACKS_ALL)


def test_with_a_follower_in_the_isr_it_is_committed_when_the_follower_has_it(partition):
    """acks=1 is answered at once, acks=all is not; readers see what is committed."""
    partition.append(batch(2), acks=1, now_ms=NOW_MS)
    partition.become(state(epoch=1, isr=(BROKER, 2)))
    result = partition.append(batch(1), acks=ACKS_ALL, now_ms=NOW_MS)
    assert partition.high_watermark == 2
    assert partition.is_acknowledged(result.last_offset, 1)
    assert not partition.is_acknowledged(result.last_offset, ACKS_ALL)
    fetched = partition.fetch(2, 1000, isolation=IsolationLevel.READ_UNCOMMITTED, min_one_batch=True)
    assert fetched.slice is None
    fetched = partition.fetch(2, 1000, isolation=IsolationLevel.LOG_END, min_one_batch=True)
    assert fetched.slice is not None
    partition.become(state(epoch=1))
    assert partition.high_watermark == 3


def test_min_insync_replicas_stops_acks_all_alone(store):
    """NOT_ENOUGH_REPLICAS, and nothing is written."""
    partition = Partition(NAME, TOPIC_ID, BROKER)
    partition.attach(store.create(NAME, TOPIC_ID, TopicConfig(min_insync_replicas=2)))
    partition.become(state())
    assert (
        code_of(lambda: partition.append(batch(), acks=ACKS_ALL, now_ms=NOW_MS))
        == ErrorCode.NOT_ENOUGH_REPLICAS
    )
    assert partition.append(batch(), acks=1, now_ms=NOW_MS).base_offset == 0


def test_epochs_fence_those_who_believe_in_other_ones(partition):
    """KIP-320."""
    partition.become(state(epoch=4))
    partition.leading_log(4)
    partition.leading_log(-1)
    assert code_of(lambda: partition.leading_log(3)) == ErrorCode.FENCED_LEADER_EPOCH
    assert code_of(lambda: partition.leading_log(5)) == ErrorCode.UNKNOWN_LEADER_EPOCH


def test_who_does_not_lead_says_why(partition, store):
    """By role: follower, offline, deleted, loading."""
    partition.become(state(leader=2, epoch=1, isr=(2, BROKER)))
    assert (
        code_of(lambda: partition.append(batch(), acks=1, now_ms=NOW_MS)) == ErrorCode.NOT_LEADER_OR_FOLLOWER
    )
    partition.leave(Role.OFFLINE)
    assert code_of(partition.leading_log) == ErrorCode.KAFKA_STORAGE_ERROR
    partition.leave(Role.DELETED)
    assert code_of(partition.leading_log) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    loading = Partition(NAME, TOPIC_ID, BROKER)
    loading.become(state())
    assert code_of(loading.leading_log) == ErrorCode.NOT_LEADER_OR_FOLLOWER


def test_watchers_hear_of_every_advance_and_every_role(partition):
    """Until they stop watching."""
    noted = Noted()
    partition.watch(noted)
    partition.watch(noted)
    partition.append(batch(2), acks=1, now_ms=NOW_MS)
    partition.become(state(leader=2, epoch=1, isr=(2, BROKER)))
    partition.leave(Role.DELETED)
    partition.unwatch(noted)
    partition.leave(Role.DELETED)
    assert noted.moves == [("leader", 2), ("follower", 2), ("deleted", 2)]


def test_the_high_watermark_never_falls_and_survives_a_restart(store):
    """A checkpointed one beyond the log's end is cut to it."""
    log = store.create(NAME, TOPIC_ID, TopicConfig())
    first = Partition(NAME, TOPIC_ID, BROKER)
    first.attach(log)
    first.become(state())
    first.append(batch(5), acks=1, now_ms=NOW_MS)
    again = Partition(NAME, TOPIC_ID, BROKER)
    again.attach(log, high_watermark=3)
    assert again.high_watermark == 3
    again.attach(log, high_watermark=99)
    assert again.high_watermark == 5


@pytest.mark.parametrize("offset", [-2, 4])
def test_records_above_the_high_watermark_cannot_be_deleted(partition, offset):
    """Nor below zero."""
    partition.append(batch(3), acks=1, now_ms=NOW_MS)
    assert code_of(lambda: partition.delete_records(offset)) == ErrorCode.OFFSET_OUT_OF_RANGE
    assert partition.delete_records(-1) == 3


def test_records_of_a_topic_that_is_only_compacted_cannot_be_deleted(store):
    """POLICY_VIOLATION."""
    partition = Partition(NAME, TOPIC_ID, BROKER)
    partition.attach(store.create(NAME, TOPIC_ID, TopicConfig(cleanup_policy=frozenset({"compact"}))))
    partition.become(state())
    assert code_of(lambda: partition.delete_records(0)) == ErrorCode.POLICY_VIOLATION


# The broker's partitions, by the images.


class Cluster:
    """Images one after the other, applied to a broker's replicas."""

    def __init__(self, store: LogStore) -> None:
        self.image = MetadataImage()
        self.config = TopicConfig()
        self.replicas = Replicas(BROKER, store, lambda topic: self.config, lambda: NOW_MS)
        self.led: list[tuple[str, bool]] = []
        self.replicas.on_leadership(
            lambda partition, leads: self.led.append((str(partition.topic_partition), leads))
        )

    def change(self, draft: ImageDraft) -> None:
        self.image, delta = draft.finish()
        for _ in self.replicas.apply(self.image, delta):
            pass

    def put(self, name: str, *states: PartitionState, topic_id: Uuid = TOPIC_ID) -> None:
        draft = ImageDraft(self.image)
        draft.put_topic(name, topic_id, dict(enumerate(states)))
        self.change(draft)

    def remove(self, name: str) -> None:
        draft = ImageDraft(self.image)
        draft.remove_topic(name)
        self.change(draft)


@pytest.fixture
def cluster(store) -> Cluster:
    return Cluster(store)


def test_partitions_come_with_their_topic_and_go_with_it(cluster, store):
    """Those on other brokers don't; the logs go with the partitions."""
    cluster.put("t", state(), state(leader=2, isr=(2,)), state(leader=2, isr=(2, BROKER)))
    assert {key: each.role for key, each in cluster.replicas.partitions.items()} == {
        ("t", 0): Role.LEADER,
        ("t", 2): Role.FOLLOWER,
    }
    assert cluster.led == [("t-0", True)]
    gone = cluster.replicas.partition("t", 0)
    cluster.remove("t")
    assert cluster.replicas.partitions == {}
    assert gone.role is Role.DELETED
    assert store.get(NAME) is None
    assert cluster.led == [("t-0", True), ("t-0", False)]


def test_who_asks_for_a_partition_learns_whether_it_is_anywhere(cluster):
    """NOT_LEADER_OR_FOLLOWER on another broker, UNKNOWN_TOPIC_OR_PARTITION nowhere."""
    cluster.put("t", state(), state(leader=2, isr=(2,)))
    assert cluster.replicas.partition("t", 0).role is Role.LEADER
    assert code_of(lambda: cluster.replicas.partition("t", 1)) == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert code_of(lambda: cluster.replicas.partition("t", 2)) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert code_of(lambda: cluster.replicas.partition("u", 0)) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_topic_deleted_and_made_again_begins_empty(cluster):
    """Another id, another log; the old partition stays deleted."""
    cluster.put("t", state())
    old = cluster.replicas.partition("t", 0)
    old.append(batch(3), acks=1, now_ms=NOW_MS)
    draft = ImageDraft(cluster.image)
    draft.remove_topic("t")
    draft.put_topic("t", Uuid(b"u" * 16), {0: state()})
    cluster.change(draft)
    new = cluster.replicas.partition("t", 0)
    assert old.role is Role.DELETED
    assert (new.topic_id, new.leading_log().log_end_offset) == (Uuid(b"u" * 16), 0)


def test_thousands_of_partitions_come_in_steps(cluster):
    """The loop may serve others between two steps; who asks too soon is told to try again."""
    draft = ImageDraft(cluster.image)
    draft.put_topic("t", TOPIC_ID, dict.fromkeys(range(1_000), state()))
    image, delta = draft.finish()
    steps = cluster.replicas.apply(image, delta)
    next(steps)
    assert 0 < len(cluster.replicas.partitions) <= 100
    assert code_of(lambda: cluster.replicas.partition("t", 999)) == ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert 9 <= sum(1 for _ in steps) <= 100
    assert cluster.replicas.partition("t", 999).role is Role.LEADER


def test_settings_reach_the_logs(cluster):
    """When the image says that the topic's have changed."""
    from ottla.cluster.image import ConfigResource, ConfigType

    cluster.put("t", state())
    cluster.config = TopicConfig(retention_ms=5)
    draft = ImageDraft(cluster.image)
    draft.put_config(ConfigResource(ConfigType.TOPIC, "t"), {"retention.ms": "5"})
    cluster.change(draft)
    assert cluster.replicas.partition("t", 0).leading_log().config.retention_ms == 5


def test_a_new_leader_epoch_is_told(cluster):
    """A coordinator loads anew whenever its partition is led in a new epoch."""
    cluster.put("t", state())
    draft = ImageDraft(cluster.image)
    draft.put_partitions("t", {0: state(epoch=1)})
    cluster.change(draft)
    assert cluster.led == [("t-0", True), ("t-0", True)]
    assert cluster.replicas.partition("t", 0).leader_epoch == 1


def test_a_failed_directory_takes_its_partitions_offline(cluster, store):
    """KAFKA_STORAGE_ERROR until it is there again."""
    cluster.put("t", state())
    cluster.replicas.directory_failed([NAME])
    assert code_of(cluster.replicas.partition("t", 0).leading_log) == ErrorCode.KAFKA_STORAGE_ERROR
    cluster.replicas.directory_recovered()
    assert cluster.replicas.partition("t", 0).role is Role.LEADER
