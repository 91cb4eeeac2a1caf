"""The façade on a real tree: what a broker sees of its metadata, across changes, restarts, crashes and full disks."""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simple_rules import SimpleRules

from ottla.cluster import paths, znodes
from ottla.cluster.changes import (
    ConfigChange,
    ConfigOperation,
    ElectionType,
    IsrChange,
    NewPartitions,
    NewTopic,
)
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.image import (
    EMPTY_IMAGE,
    ConfigResource,
    ConfigType,
    Endpoint,
    MetadataDelta,
    MetadataImage,
    TopicImage,
)
from ottla.cluster.metadata import InconsistentClusterId, Metadata
from ottla.cluster.rules import MetadataSettings
from ottla.cluster.tree import Create, Operation, OperationResult, Tree, TreeUnavailable
from ottla.cluster.tree_reader import read_tree
from ottla.cluster.zookeeper import ZooKeeperTree
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID, TopicPartition
from zookeeper_server import ZooKeeperServer

ENDPOINTS = [Endpoint("PLAINTEXT", "PLAINTEXT", "127.0.0.1", 9092)]


def metadata_on(tree: Tree, broker_id: int = 0) -> Metadata:
    return Metadata(
        tree,
        MetadataSettings(broker_id),
        SimpleRules(),
        random_bytes=os.urandom,
        now_ms=lambda: 1_700_000_000_000,
    )


@asynccontextmanager
async def serving(tree: Tree, known_cluster_id: str | None = None):
    metadata = metadata_on(tree)
    await metadata.open(known_cluster_id)
    try:
        await metadata.register(ENDPOINTS)
        yield metadata
    finally:
        await metadata.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def test_a_broker_on_its_own_is_controller_at_once() -> None:
    """After `register`: it is live, it controls, there is a cluster id, and nothing else."""

    async def scenario() -> None:
        async with serving(EmbeddedTree()) as metadata:
            image = metadata.image
            assert len(image.cluster_id) == 22
            assert (image.controller_id, image.controller_epoch) == (0, 1)
            assert image.brokers[0].endpoints == tuple(ENDPOINTS)
            assert image.brokers[0].epoch > 0
            assert image.topics == {}

    run(scenario)


def test_a_topic_made_is_in_the_image_at_once() -> None:
    """When the answer comes, image and subscribers know; a topic deleted and made again has a new id."""

    async def scenario() -> None:
        async with serving(EmbeddedTree()) as metadata:
            told: list[tuple[MetadataImage, MetadataDelta]] = []
            unsubscribe = metadata.subscribe(lambda image, delta: told.append((image, delta)))
            (made,) = await metadata.create_topics([NewTopic("t", 3, 1)])
            assert made.error is ErrorCode.NONE
            assert metadata.image.topic_by_id(made.topic_id) is metadata.image.topics["t"]
            assert [(image is metadata.image, delta.created_topics) for image, delta in told] == [
                (True, (metadata.image.topics["t"],))
            ]
            (deleted,) = await metadata.delete_topics(["t"])
            assert deleted.topic_id == made.topic_id
            assert "t" not in metadata.image.topics
            (again,) = await metadata.create_topics([NewTopic("t", 3, 1)])
            assert again.topic_id != made.topic_id
            assert len(told) == 3
            assert [image.serial for image, _ in told] == sorted({image.serial for image, _ in told})
            unsubscribe()
            await metadata.delete_topics(["t"])
            assert len(told) == 3

    run(scenario)


def test_nothing_is_told_of_what_changes_nothing() -> None:
    """A refused or merely validated request makes no new image."""

    async def scenario() -> None:
        async with serving(EmbeddedTree()) as metadata:
            before = metadata.image
            (refused,) = await metadata.create_topics([NewTopic("t", 1, 5)])
            assert refused.error is ErrorCode.INVALID_REPLICATION_FACTOR
            (valid,) = await metadata.create_topics([NewTopic("t", 1, 1)], validate_only=True)
            assert valid.error is ErrorCode.NONE
            assert metadata.image is before

    run(scenario)


def test_a_restart_finds_everything_again(tmp_path: Path) -> None:
    """Ids, assignments, configs and leader epochs stay; the broker and controller epochs rise."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        async with serving(EmbeddedTree(path)) as metadata:
            await metadata.create_topics([NewTopic("t", 3, 1, configs={"a": "b"}), NewTopic("gone")])
            await metadata.delete_topics(["gone"])
            await metadata.alter_configs(
                [ConfigChange(ConfigResource(ConfigType.GROUP, "g"), [("x", ConfigOperation.SET, "y")])]
            )
            before = metadata.image
        async with serving(EmbeddedTree(path), before.cluster_id) as metadata:
            after = metadata.image
            assert after.topics == before.topics
            assert after.configs == before.configs
            assert after.cluster_id == before.cluster_id
            assert after.controller_epoch == before.controller_epoch + 1
            assert after.brokers[0].epoch > before.brokers[0].epoch

    run(scenario)


def test_logs_of_another_cluster_are_refused(tmp_path: Path) -> None:
    """Of a strange cluster, or when the metadata is gone: an error that says what to do, and no new cluster id."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        with pytest.raises(InconsistentClusterId, match=r"is empty.*ottla cluster import"):
            await metadata_on(EmbeddedTree(path)).open("abcdefghijklmnopqrstuv")
        async with serving(EmbeddedTree(path)) as metadata:
            cluster_id = metadata.image.cluster_id
        with pytest.raises(InconsistentClusterId, match=f"cluster {cluster_id}"):
            await metadata_on(EmbeddedTree(path)).open("abcdefghijklmnopqrstuv")
        async with serving(EmbeddedTree(path), cluster_id):
            pass

    run(scenario)


def test_the_same_broker_twice_is_refused() -> None:
    """Two processes with one broker id in one tree: the second is told so."""

    async def scenario() -> None:
        tree = EmbeddedTree()
        async with serving(tree):
            second = metadata_on(tree)
            with pytest.raises(KafkaError) as refused:
                await second.register(ENDPOINTS)
            assert refused.value.code is ErrorCode.DUPLICATE_BROKER_REGISTRATION

    run(scenario)


def test_a_deposed_controller_writes_nothing() -> None:
    """Once another has raised the controller epoch, every change is NOT_CONTROLLER."""

    async def scenario() -> None:
        tree = EmbeddedTree()
        async with serving(tree) as metadata:
            await tree.set(paths.CONTROLLER_EPOCH, b"9")
            for _ in range(2):
                with pytest.raises(KafkaError) as refused:
                    await metadata.create_topics([NewTopic("t")])
                assert refused.value.code is ErrorCode.NOT_CONTROLLER
            assert await tree.exists(paths.topic("t")) is None
            assert metadata.image.topics == {}

    run(scenario)


def test_a_caller_that_gives_up_does_not_stop_the_change() -> None:
    """A connection that closes while its topic is made: the topic is made, and the next change finds it."""

    async def scenario() -> None:
        async with serving(EmbeddedTree()) as metadata:
            task = asyncio.ensure_future(metadata.create_topics([NewTopic("t", 500, 1)]))
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            (outcome,) = await metadata.create_topics([NewTopic("t")])
            assert outcome.error is ErrorCode.TOPIC_ALREADY_EXISTS
            assert len(metadata.image.topics["t"].partitions) == 500

    run(scenario)


def test_producer_ids_are_given_once(tmp_path: Path) -> None:
    """Blocks follow each other across restarts, and on one that Apache's broker left empty."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        tree = EmbeddedTree(path)
        async with serving(tree) as metadata:
            await tree.create(paths.LATEST_PRODUCER_ID_BLOCK)
            assert (await metadata.allocate_producer_ids()).first == 0
            assert (await metadata.allocate_producer_ids()).first == 1_000
        async with serving(EmbeddedTree(path)) as metadata:
            blocks = await asyncio.gather(*(metadata.allocate_producer_ids() for _ in range(3)))
            assert [block.first for block in blocks] == [2_000, 3_000, 4_000]

    run(scenario)


def test_features_are_finalized_when_brokers_support_them(tmp_path: Path) -> None:
    """The levels of Apache Kafka 4.1.1; none while a broker without them, such as one of 3.9, was the controller's."""
    path = str(tmp_path / "metadata.sqlite")

    async def scenario() -> None:
        async with serving(EmbeddedTree(path)) as metadata:
            assert metadata.image.finalized_features == {}
        metadata = metadata_on(EmbeddedTree(path))
        await metadata.open()
        await metadata.register(ENDPOINTS, features={"group.version": (0, 1), "transaction.version": (0, 2)})
        assert metadata.image.finalized_features == {"group.version": 1, "transaction.version": 2}
        assert metadata.image.finalized_features_epoch == 1
        await metadata.close()

    run(scenario)


def test_what_older_kafkas_left_is_completed(tmp_path: Path) -> None:
    """Topics without ids get one, partitions without state a leader, and half a deletion is finished."""

    async def scenario() -> None:
        tree = EmbeddedTree(str(tmp_path / "metadata.sqlite"))
        async with serving(tree):
            pass
        await tree.open()
        await tree.multi(
            [
                Create(paths.topic("old"), b'{"version":1,"partitions":{"0":[0],"1":[0]}}'),
                Create(paths.topic("older"), b'{"version":1,"partitions":{"0":[0]}}'),
                Create(paths.topic("half"), b'{"version":1,"partitions":{"0":[0],"1":[0]}}'),
                Create(paths.partitions("half")),
                Create(paths.partition("half", 1)),
                Create(paths.state("half", 1), b"x"),
                Create(paths.config(ConfigResource(ConfigType.TOPIC, "half"))),
                Create(paths.deletion("half")),
                Create(paths.deletion("never-was")),
            ]
        )
        await tree.close()
        metadata = metadata_on(tree)
        await metadata.open()
        await metadata.register(ENDPOINTS)
        image = metadata.image
        assert list(image.topics) == ["old", "older"]
        assert ZERO_UUID not in {topic.topic_id for topic in image.topics.values()}
        assert len(image.topic_names) == 2
        assert [state.leader for state in image.topics["old"].partitions.values()] == [0, 0]
        assert image.configs == {}
        assert image.deleting_topics == frozenset()
        assert await tree.exists(paths.topic("half")) is None
        assert await tree.children(paths.DELETE_TOPICS) == []
        assert await what_is_read(tree) == comparable(image)
        await metadata.close()

    run(scenario)


class BreakingTree(EmbeddedTree):
    """Fails at the `break_at`-th multi from now on and, if `for_good`, at every later one."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.break_at: int | None = None
        self.for_good = False
        self.writes = 0

    async def multi(self, operations: Sequence[Operation]) -> list[OperationResult]:
        if self.break_at is not None:
            if self.writes == self.break_at or (self.for_good and self.writes > self.break_at):
                self.writes += 1
                raise TreeUnavailable("disk", "no space left")
            self.writes += 1
        return await super().multi(operations)


CHANGES: dict[str, Callable[[Metadata], Awaitable[Any]]] = {
    "create": lambda metadata: metadata.create_topics([NewTopic("new", 600, 1)]),
    "grow": lambda metadata: metadata.create_partitions([NewPartitions("big", 1_200)]),
    "delete": lambda metadata: metadata.delete_topics(["big"]),
}


@pytest.mark.parametrize("for_good", [False, True], ids=["one write fails", "the process dies"])
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_broken_off_at_any_step_can_be_gone_on_from(
    change: str, for_good: bool, tmp_path: Path
) -> None:
    """Long changes take several writes: whichever of them fails, the image says what the tree says, the next change or
    the next start brings everything in order, and what was acknowledged before is untouched."""
    counter = itertools.count()

    async def once(break_at: int) -> int:
        path = str(tmp_path / f"{next(counter)}.sqlite")
        tree = BreakingTree(path)
        metadata = metadata_on(tree)
        await metadata.open()
        await metadata.register(ENDPOINTS)
        await metadata.create_topics([NewTopic("big", 600, 1), NewTopic("small")])
        small = metadata.image.topics["small"]
        tree.break_at, tree.for_good = break_at, for_good
        try:
            await CHANGES[change](metadata)
        except KafkaError as error:
            assert error.code is ErrorCode.KAFKA_STORAGE_ERROR
            tree.break_at = None
            assert await what_is_read(tree) == comparable(metadata.image)
            if not for_good:
                await check_all_is_well(metadata, small)
        await metadata.close()
        async with serving(EmbeddedTree(path)) as again:
            await check_all_is_well(again, small)
        return tree.writes

    async def scenario() -> None:
        break_at = 0
        while await once(break_at) > break_at:
            break_at += 1
        assert break_at >= 2

    run(scenario)


async def check_all_is_well(metadata: Metadata, small: TopicImage) -> None:
    """What was half done is completed by the next change, and then everything can be done again."""
    await metadata.allocate_producer_ids()
    await metadata.elect_leaders(ElectionType.PREFERRED)
    assert await what_is_read(metadata._tree) == comparable(metadata.image)
    assert metadata.image.topics["small"] == small
    assert metadata.image.deleting_topics == frozenset()
    for topic in metadata.image.topics.values():
        assert [p.leader for p in topic.partitions.values()] == [0] * len(topic.partitions)
    for name in ("new", "big"):
        if name in metadata.image.topics:
            await metadata.delete_topics([name])
        (made,) = await metadata.create_topics([NewTopic(name)])
        assert made.error is ErrorCode.NONE


def comparable(image: MetadataImage) -> MetadataImage:
    """Without what only this process knows. An entity with nothing set is kept: its node is there."""
    topics = {
        name: TopicImage(
            name,
            topic.topic_id,
            {p: state._replace(offline_replicas=()) for p, state in topic.partitions.items()},
        )
        for name, topic in sorted(image.topics.items())
    }
    return replace(image, serial=0, topics=topics)


async def what_is_read(tree: Tree) -> MetadataImage:
    reading = await read_tree(tree, EMPTY_IMAGE)
    return comparable(reading.draft.finish()[0])


names = st.sampled_from(["a", "b", "c.d", "c_d"])
settings_names = st.sampled_from(["x", "y", "unclean"])
changes = st.one_of(
    st.tuples(st.just("create"), st.lists(st.tuples(names, st.integers(-1, 3)), min_size=1, max_size=3)),
    st.tuples(st.just("delete"), st.lists(names, min_size=1, max_size=2)),
    st.tuples(st.just("grow"), st.lists(st.tuples(names, st.integers(1, 5)), min_size=1, max_size=2)),
    st.tuples(
        st.just("config"),
        st.lists(
            st.tuples(
                st.sampled_from([ConfigType.TOPIC, ConfigType.BROKER, ConfigType.USER, ConfigType.GROUP]),
                st.sampled_from(["a", "b", "0", "<default>"]),
                settings_names,
                st.sampled_from(["1", "true", None]),
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    st.tuples(st.just("isr"), st.tuples(names, st.integers(0, 2), st.integers(0, 2))),
    st.tuples(st.just("elect"), st.sampled_from(list(ElectionType))),
    st.tuples(st.just("fail"), st.lists(st.tuples(names, st.integers(0, 2)), max_size=3)),
    st.tuples(st.just("heal"), st.lists(st.tuples(names, st.integers(0, 2)), max_size=3)),
    st.tuples(st.just("ids"), st.none()),
)


async def apply(metadata: Metadata, kind: str, what: Any) -> None:
    if kind == "create":
        await metadata.create_topics([NewTopic(name, partitions) for name, partitions in what])
    elif kind == "delete":
        await metadata.delete_topics(what)
    elif kind == "grow":
        await metadata.create_partitions([NewPartitions(name, count) for name, count in what])
    elif kind == "config":
        await metadata.alter_configs(
            [
                ConfigChange(
                    ConfigResource(kind, name),
                    [(key, ConfigOperation.DELETE if value is None else ConfigOperation.SET, value)],
                )
                for kind, name, key, value in what
            ]
        )
    elif kind == "isr":
        name, partition, epoch = what
        await metadata.alter_isr(0, [IsrChange(TopicPartition(name, partition), epoch, epoch, [0])])
    elif kind == "elect":
        await metadata.elect_leaders(what)
    elif kind == "fail":
        await metadata.report_offline_replicas(0, [TopicPartition(*partition) for partition in what])
    elif kind == "heal":
        await metadata.report_online_replicas(0, [TopicPartition(*partition) for partition in what])
    else:
        await metadata.allocate_producer_ids()


def follow(followed: dict[str, TopicImage], image: MetadataImage, delta: MetadataDelta) -> None:
    """What a subscriber does who looks at nothing but the delta."""
    for topic in delta.deleted_topics:
        del followed[topic.name]
    for topic in delta.created_topics:
        assert topic.name not in followed
        followed[topic.name] = topic
    for name, partitions in delta.changed_partitions.items():
        states = {p: image.topics[name].partitions[p] for p in partitions}
        merged = {**followed[name].partitions, **states}
        followed[name] = followed[name]._replace(partitions=dict(sorted(merged.items())))


@settings(max_examples=120, deadline=None)
@given(st.lists(changes, max_size=20))
def test_image_tree_and_deltas_tell_the_same(program: list[tuple[str, Any]]) -> None:
    """Any changes in any order: the tree read anew is the image, and whoever follows the deltas has it too.

    Leader epochs and partition epochs of a topic never go back; every partition led is led by a live broker.
    """

    async def scenario() -> None:
        tree = EmbeddedTree()
        async with serving(tree) as metadata:
            followed: dict[str, TopicImage] = {}
            metadata.subscribe(lambda image, delta: follow(followed, image, delta))
            for kind, what in program:
                before = metadata.image
                await apply(metadata, kind, what)
                assert await what_is_read(tree) == comparable(metadata.image)
                assert followed == metadata.image.topics
                check_epochs(before, metadata.image)

    run(scenario)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=st.lists(changes, max_size=12))
def test_all_of_it_holds_on_zookeeper(program: list[tuple[str, Any]], zookeeper: ZooKeeperServer) -> None:
    """The same controller and façade on a real ZooKeeper: the same image as on the embedded tree, except for ids."""

    async def scenario() -> None:
        address = f"{zookeeper.address}/{uuid.uuid4().hex}"
        tree = ZooKeeperTree(address, make_root=True)
        async with serving(tree) as there, serving(EmbeddedTree()) as here:
            for kind, what in program:
                await apply(there, kind, what)
                await apply(here, kind, what)
                assert await what_is_read(tree) == comparable(there.image)
                assert without_ids(there.image) == without_ids(here.image)

    run(scenario)


def without_ids(image: MetadataImage) -> tuple[object, ...]:
    topics = {name: dict(topic.partitions) for name, topic in sorted(image.topics.items())}
    return topics, dict(image.configs), image.controller_epoch, image.finalized_features


def check_epochs(before: MetadataImage, after: MetadataImage) -> None:
    for topic in after.topics.values():
        older = before.topic_by_id(topic.topic_id)
        for partition, state in topic.partitions.items():
            assert state.leader == -1 or state.leader in after.brokers
            was = older and older.partitions.get(partition)
            if was:
                assert state.leader_epoch >= was.leader_epoch
                assert state.partition_epoch >= was.partition_epoch
                assert (state.leader == was.leader) or state.leader_epoch > was.leader_epoch


def test_a_tree_that_another_program_filled_wrongly_is_named(tmp_path: Path) -> None:
    """A node with unreadable bytes stops the start with its path, instead of a topic silently missing."""

    async def scenario() -> None:
        tree = EmbeddedTree(str(tmp_path / "metadata.sqlite"))
        async with serving(tree):
            await tree.create(paths.topic("t"), b"?")
        with pytest.raises(znodes.MalformedNode, match="/brokers/topics/t"):
            await metadata_on(tree).open()

    run(scenario)


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    """The same for everyone who asks, also after a restart; another cluster has another one."""

    async def secrets(name: str) -> set[bytes]:
        metadata = metadata_on(EmbeddedTree(str(tmp_path / name)))
        await metadata.open()
        try:
            return {await metadata.kept_secret() for _ in range(2)}
        finally:
            await metadata.close()

    first, again, other = (asyncio.run(secrets(name)) for name in ("one", "one", "other"))
    assert first == again
    assert [len(each) for each in first] == [32]
    assert first.isdisjoint(other)
