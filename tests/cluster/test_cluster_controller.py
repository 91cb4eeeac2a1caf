"""What the controller decides: tables of requests and answers, with Apache Kafka 4.1.1's codes and texts."""

from __future__ import annotations

import pytest
from controller_cases import FENCE, after, controller, image_of, state

from ottla.cluster.changes import (
    ConfigChange,
    ConfigOperation,
    NewPartitions,
    NewTopic,
    ProducerIdBlock,
)
from ottla.cluster.decision import MAX_OPERATIONS_PER_MULTI
from ottla.cluster.image import (
    DEFAULT_ENTITY,
    BrokerRegistration,
    ConfigResource,
    ConfigType,
    ImageDraft,
)
from ottla.cluster.tree import Check, Create, Delete, SetData
from ottla.protocol.errors import ErrorCode
from ottla.protocol.types import ZERO_UUID, Uuid

# Creating topics.

CREATE = [
    (NewTopic(""), "INVALID_TOPIC_EXCEPTION", "Topic name is invalid: the empty string is not allowed"),
    (NewTopic("."), "INVALID_TOPIC_EXCEPTION", "Topic name is invalid: '.' is not allowed"),
    (NewTopic(".."), "INVALID_TOPIC_EXCEPTION", "Topic name is invalid: '..' is not allowed"),
    (
        NewTopic("a" * 250),
        "INVALID_TOPIC_EXCEPTION",
        f"Topic name is invalid: the length of '{'a' * 250}' is longer than the max allowed length 249",
    ),
    (
        NewTopic("a b"),
        "INVALID_TOPIC_EXCEPTION",
        (
            "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' "
            "and '-'"
        ),
    ),
    (NewTopic("a\n"), "INVALID_TOPIC_EXCEPTION", None),
    (NewTopic("here"), "TOPIC_ALREADY_EXISTS", "Topic 'here' already exists."),
    (
        NewTopic("dotted.name"),
        "INVALID_TOPIC_EXCEPTION",
        "Topic 'dotted.name' collides with existing topic: dotted_name",
    ),
    (
        NewTopic("__cluster_metadata"),
        "INVALID_REQUEST",
        "Creation of internal topic __cluster_metadata is prohibited.",
    ),
    (
        NewTopic("t", 0),
        "INVALID_PARTITIONS",
        "Number of partitions was set to an invalid non-positive value.",
    ),
    (
        NewTopic("t", -2),
        "INVALID_PARTITIONS",
        "Number of partitions was set to an invalid non-positive value.",
    ),
    (
        NewTopic("t", 1, 0),
        "INVALID_REPLICATION_FACTOR",
        "Replication factor must be larger than 0, or -1 to use the default value.",
    ),
    (
        NewTopic("t", 1, 4),
        "INVALID_REPLICATION_FACTOR",
        (
            "Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because "
            "only 3 broker(s) are registered."
        ),
    ),
    (
        NewTopic("t", 10_001),
        "POLICY_VIOLATION",
        "Excessively large number of partitions per request.",
    ),
    (
        NewTopic("t", -1, 1, assignments={0: [0]}),
        "INVALID_REQUEST",
        "A manual partition assignment was specified, but replication factor was not set to -1.",
    ),
    (
        NewTopic("t", 1, assignments={0: [0]}),
        "INVALID_REQUEST",
        "A manual partition assignment was specified, but numPartitions was not set to -1.",
    ),
    (
        NewTopic("t", assignments={0: []}),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes an empty replica list.",
    ),
    (
        NewTopic("t", assignments={0: [0, 9]}),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes broker 9, but no such broker is registered.",
    ),
    (
        NewTopic("t", assignments={0: [1, 0, 1]}),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes the broker 1 more than once.",
    ),
    (
        NewTopic("t", assignments={0: [0, 1], 1: [2]}),
        "INVALID_REPLICA_ASSIGNMENT",
        (
            "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with "
            "previous partitions, which have 2 replica(s)."
        ),
    ),
    (
        NewTopic("t", assignments={0: [0], 2: [1]}),
        "INVALID_REPLICA_ASSIGNMENT",
        "partitions should be a consecutive 0-based integer sequence",
    ),
    (NewTopic("t", configs={"bad": "1"}), "INVALID_CONFIG", "Unknown config name bad of t"),
]


@pytest.mark.parametrize(("topic", "error", "message"), CREATE)
def test_topics_that_cannot_be_made(topic: NewTopic, error: str, message: str | None) -> None:
    """Each fault has Apache's code and sentence, names the topic, and writes nothing."""
    image = image_of(here=[state((0,))], dotted_name=[state((0,))])
    decision = controller().create_topics(image, [topic])
    (outcome,) = decision.outcomes
    assert outcome.name == topic.name
    assert outcome.error.name == error
    assert outcome.topic_id == ZERO_UUID
    if message is not None:
        assert outcome.message == message
    assert decision.steps == []
    assert not decision.draft.touched


def test_a_topic_is_made_with_everything_in_one_step() -> None:
    """Config, topic, partitions and states, behind the fence; the image has the same."""
    image = image_of([0, 1])
    decision = controller().create_topics(image, [NewTopic("t", 2, 2, configs={"a": "b"})])
    (outcome,) = decision.outcomes
    assert (outcome.error, outcome.partitions, outcome.replication_factor) == (ErrorCode.NONE, 2, 2)
    assert outcome.configs == {"a": "b"}
    (step,) = decision.steps
    assert step[0] == FENCE
    assert [(type(operation), operation.path) for operation in step[1:]] == [
        (Create, "/config/topics/t"),
        (Create, "/brokers/topics/t"),
        (Create, "/brokers/topics/t/partitions"),
        (Create, "/brokers/topics/t/partitions/0"),
        (Create, "/brokers/topics/t/partitions/0/state"),
        (Create, "/brokers/topics/t/partitions/1"),
        (Create, "/brokers/topics/t/partitions/1/state"),
    ]
    made, delta = after(decision)
    topic = made.topics["t"]
    assert made.topic_by_id(outcome.topic_id) is topic
    assert delta.created_topics == (topic,)
    assert delta.changed_partitions == {"t": frozenset({0, 1})}
    for partition in topic.partitions.values():
        assert partition.leader == partition.replicas[0]
        assert partition.isr == partition.replicas
        assert (partition.leader_epoch, partition.partition_epoch, partition.controller_epoch) == (0, 0, 5)


def test_defaults_fill_what_is_not_said() -> None:
    """-1 means num.partitions and default.replication.factor."""
    (outcome,) = controller().create_topics(image_of(), [NewTopic("t")]).outcomes
    assert (outcome.partitions, outcome.replication_factor) == (2, 1)


def test_an_assignment_by_hand_is_kept() -> None:
    """Replicas in the order given; the dead can't be named."""
    decision = controller().create_topics(image_of(), [NewTopic("t", assignments={1: [2, 0], 0: [1, 2]})])
    partitions = after(decision)[0].topics["t"].partitions
    assert [(p, s.replicas, s.leader) for p, s in partitions.items()] == [(0, (1, 2), 1), (1, (2, 0), 2)]


def test_a_topic_asked_for_twice_is_refused_twice() -> None:
    """The others of the request are made."""
    decision = controller().create_topics(image_of(), [NewTopic("a"), NewTopic("b"), NewTopic("a")])
    assert [(o.name, o.error.name, o.message) for o in decision.outcomes] == [
        ("a", "INVALID_REQUEST", "Duplicate topic name."),
        ("b", "NONE", None),
        ("a", "INVALID_REQUEST", "Duplicate topic name."),
    ]
    assert list(after(decision)[0].topics) == ["b"]


def test_validating_answers_and_changes_nothing() -> None:
    """The outcome tells what would be made; no operation, no image."""
    image = image_of(t=[state((0,))])
    for decision in (
        controller().create_topics(image, [NewTopic("x", 3)], validate_only=True),
        controller().create_partitions(image, [NewPartitions("t", 3)], validate_only=True),
        controller().alter_configs(
            image,
            [ConfigChange(ConfigResource(ConfigType.TOPIC, "t"), [("a", ConfigOperation.SET, "b")])],
            validate_only=True,
        ),
    ):
        assert [outcome.error for outcome in decision.outcomes] == [ErrorCode.NONE]
        assert decision.steps == []
        assert not decision.draft.touched


def test_many_partitions_take_several_steps() -> None:
    """Each short enough for ZooKeeper, each fenced; the topic's own node comes in the first."""
    decision = controller().create_topics(image_of(), [NewTopic("t", 5_000)])
    assert all(len(step) <= MAX_OPERATIONS_PER_MULTI + 1 and step[0] == FENCE for step in decision.steps)
    assert "/brokers/topics/t" in [operation.path for operation in decision.steps[0]]
    assert sum(len(step) - 1 for step in decision.steps) == 3 + 2 * 5_000


def test_small_topics_share_a_step() -> None:
    """Ten topics in one request are one transaction, so one fsync."""
    decision = controller().create_topics(image_of(), [NewTopic(f"t{i}") for i in range(10)])
    assert len(decision.steps) == 1


# Growing topics.

GROW = [
    (NewPartitions("none", 5), "UNKNOWN_TOPIC_OR_PARTITION", None),
    (NewPartitions("t", 2), "INVALID_PARTITIONS", "Topic already has 2 partition(s)."),
    (
        NewPartitions("t", 1),
        "INVALID_PARTITIONS",
        "The topic t currently has 2 partition(s); 1 would not be an increase.",
    ),
    (
        NewPartitions("t", 4, [[0, 1]]),
        "INVALID_REPLICA_ASSIGNMENT",
        "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
    ),
    (
        NewPartitions("t", 3, [[0]]),
        "INVALID_REPLICA_ASSIGNMENT",
        (
            "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with "
            "previous partitions, which have 2 replica(s)."
        ),
    ),
    (
        NewPartitions("t", 3, [[0, 9]]),
        "INVALID_REPLICA_ASSIGNMENT",
        "The manual partition assignment includes broker 9, but no such broker is registered.",
    ),
]


@pytest.mark.parametrize(("change", "error", "message"), GROW)
def test_topics_that_cannot_grow(change: NewPartitions, error: str, message: str | None) -> None:
    """Each fault has Apache's code and sentence and names the topic."""
    image = image_of(t=[state((0, 1)), state((1, 0))])
    decision = controller().create_partitions(image, [change])
    (outcome,) = decision.outcomes
    assert (outcome.topic, outcome.error.name) == (change.topic, error)
    if message is not None:
        assert outcome.message == message
    assert decision.steps == []


def test_a_topic_grows() -> None:
    """New partitions follow on the old ones, in the same number of replicas, or as assigned."""
    image = image_of(t=[state((0, 1))])
    decision = controller().create_partitions(image, [NewPartitions("t", 3, [[2, 0], [1, 2]])])
    assert isinstance(decision.steps[0][1], SetData)
    grown, delta = after(decision)
    assert [s.replicas for s in grown.topics["t"].partitions.values()] == [(0, 1), (2, 0), (1, 2)]
    assert delta.changed_partitions == {"t": frozenset({1, 2})}
    assert delta.created_topics == ()
    automatic, _ = after(controller().create_partitions(image, [NewPartitions("t", 9)]))
    assert {len(s.replicas) for s in automatic.topics["t"].partitions.values()} == {2}


# Deleting topics.


def test_deleting_takes_everything_of_the_topic() -> None:
    """By name and by id; states, partitions, topic and config go, leaves first."""
    image = image_of(a=[state((0,))], b=[state((0,))])
    decision = controller().delete_topics(image, ["a"], [Uuid(b"b" * 16)])
    assert [(o.name, o.topic_id, o.error) for o in decision.outcomes] == [
        ("a", b"a" * 16, ErrorCode.NONE),
        ("b", b"b" * 16, ErrorCode.NONE),
    ]
    (step,) = decision.steps
    assert step[:6] == [
        FENCE,
        Delete("/brokers/topics/a/partitions/0/state"),
        Delete("/brokers/topics/a/partitions/0"),
        Delete("/brokers/topics/a/partitions"),
        Delete("/brokers/topics/a"),
        Delete("/config/topics/a"),
    ]
    gone, delta = after(decision)
    assert gone.topics == gone.topic_names == gone.configs == {}
    assert [topic.name for topic in delta.deleted_topics] == ["a", "b"]


def test_a_big_deletion_is_announced_first() -> None:
    """Its name stands under /admin/delete_topics until the last step is through."""
    image = image_of(t=[state((0,)) for _ in range(5_000)])
    steps = controller().delete_topics(image, ["t"]).steps
    assert steps[0] == [FENCE, Create("/admin/delete_topics/t")]
    assert steps[-1][-1] == Delete("/admin/delete_topics/t")
    assert all(len(step) <= MAX_OPERATIONS_PER_MULTI + 1 for step in steps)


def test_deletions_that_are_refused() -> None:
    """Unknown, named twice, named by name and id."""
    image = image_of(a=[state((0,))], b=[state((0,))])
    a, b, unknown = Uuid(b"a" * 16), Uuid(b"b" * 16), Uuid(b"u" * 16)
    decision = controller().delete_topics(image, ["x", "b", "b"], [unknown, a, a, b])
    assert [(o.name, o.topic_id, o.error.name, o.message) for o in decision.outcomes] == [
        ("x", ZERO_UUID, "UNKNOWN_TOPIC_OR_PARTITION", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION.message),
        ("b", ZERO_UUID, "INVALID_REQUEST", "Duplicate topic name."),
        ("b", ZERO_UUID, "INVALID_REQUEST", "Duplicate topic name."),
        (None, unknown, "UNKNOWN_TOPIC_ID", ErrorCode.UNKNOWN_TOPIC_ID.message),
        (None, a, "INVALID_REQUEST", "Duplicate topic id."),
        (None, a, "INVALID_REQUEST", "Duplicate topic id."),
        (None, b, "INVALID_REQUEST", "The provided topic name maps to an ID that was already supplied."),
    ]
    assert decision.steps == []


def test_deletion_can_be_switched_off() -> None:
    """delete.topic.enable=false: TOPIC_DELETION_DISABLED for every topic."""
    decision = controller(delete_topic_enable=False).delete_topics(image_of(a=[state((0,))]), ["a"])
    assert [outcome.error for outcome in decision.outcomes] == [ErrorCode.TOPIC_DELETION_DISABLED]


def test_a_topic_made_again_has_another_id() -> None:
    """And between the two images it is both deleted and created."""
    first = image_of()
    chief = controller()
    with_topic, _ = after(chief.create_topics(first, [NewTopic("t")]))
    without, _ = after(chief.delete_topics(with_topic, ["t"]))
    again, _ = after(chief.create_topics(without, [NewTopic("t")]))
    assert again.topics["t"].topic_id != with_topic.topics["t"].topic_id


# Configs.


def config_change(
    kind: ConfigType, name: str, *operations: tuple[str, ConfigOperation, str | None]
) -> ConfigChange:
    return ConfigChange(ConfigResource(kind, name), operations)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            config_change(ConfigType.TOPIC, "none", ("a", ConfigOperation.SET, "1")),
            "UNKNOWN_TOPIC_OR_PARTITION",
            "The topic 'none' does not exist.",
        ),
        (
            config_change(ConfigType.BROKER, "x", ("a", ConfigOperation.SET, "1")),
            "INVALID_REQUEST",
            "Invalid broker name x",
        ),
        (
            config_change(ConfigType.BROKER, "9", ("a", ConfigOperation.SET, "1")),
            "BROKER_ID_NOT_REGISTERED",
            "No broker with id 9 found.",
        ),
        (
            config_change(ConfigType.TOPIC, "t", ("bad", ConfigOperation.SET, "1")),
            "INVALID_CONFIG",
            "Unknown config name bad of t",
        ),
    ],
)
def test_configs_that_cannot_be_set(change: ConfigChange, error: str, message: str) -> None:
    """The outcome names the entity; nothing is written."""
    decision = controller().alter_configs(image_of(t=[state((0,))]), [change])
    (outcome,) = decision.outcomes
    assert (outcome.resource, outcome.error.name, outcome.message) == (change.resource, error, message)
    assert decision.steps == []


def test_configs_are_set_and_unset() -> None:
    """A node is made or set; what is set is what the image has; the same again writes nothing."""
    image = image_of(t=[state((0,))])
    changes = [
        config_change(
            ConfigType.TOPIC, "t", ("a", ConfigOperation.SET, "1"), ("b", ConfigOperation.SET, "2")
        ),
        config_change(ConfigType.BROKER, DEFAULT_ENTITY, ("c", ConfigOperation.SET, "3")),
        config_change(ConfigType.GROUP, "g", ("d", ConfigOperation.SET, "4")),
    ]
    decision = controller().alter_configs(image, changes)
    assert [type(operation) for operation in decision.steps[0]] == [Check, SetData, Create, Create]
    assert decision.steps[0][3].path == "/ottla/config/groups/g"
    altered, delta = after(decision)
    assert altered.config(ConfigType.TOPIC, "t") == {"a": "1", "b": "2"}
    assert altered.config(ConfigType.BROKER, DEFAULT_ENTITY) == {"c": "3"}
    assert delta.changed_configs == {change.resource for change in changes}
    assert controller().alter_configs(altered, changes).steps == []
    removal = config_change(ConfigType.TOPIC, "t", ("a", ConfigOperation.DELETE, None))
    assert after(controller().alter_configs(altered, [removal]))[0].config(ConfigType.TOPIC, "t") == {
        "b": "2"
    }


def test_the_older_way_replaces_everything() -> None:
    """AlterConfigs: what isn't named is no longer set."""
    image = image_of(t=[state((0,))])
    image, _ = after(
        controller().alter_configs(
            image, [config_change(ConfigType.TOPIC, "t", ("a", ConfigOperation.SET, "1"))]
        )
    )
    change = ConfigChange(ConfigResource(ConfigType.TOPIC, "t"), replace_all={"b": "2"})
    assert after(controller().alter_configs(image, [change]))[0].config(ConfigType.TOPIC, "t") == {"b": "2"}


def test_an_entity_named_twice_is_refused_twice() -> None:
    """Which of the two should hold?"""
    change = config_change(ConfigType.TOPIC, "t", ("a", ConfigOperation.SET, "1"))
    decision = controller().alter_configs(image_of(t=[state((0,))]), [change, change])
    assert [outcome.error.name for outcome in decision.outcomes] == ["INVALID_REQUEST"] * 2


def test_other_brokers_are_told_of_configs() -> None:
    """In a shared tree a changed config is announced under the name that Apache's brokers read."""
    change = config_change(ConfigType.TOPIC, "t", ("a", ConfigOperation.SET, "1"))
    decision = controller(announce_configs=True).alter_configs(image_of(t=[state((0,))]), [change])
    assert decision.steps[0][-1] == Create(
        "/config/changes/config_change_", b'{"version":2,"entity_path":"topics/t"}', sequence=True
    )


# Producer ids and features.


def test_producer_ids_never_overlap() -> None:
    """The next block follows the last one, whatever its size was; two brokers can't both write it."""
    image = image_of()
    first = controller().allocate_producer_ids(image, 0, None, None)
    assert first.outcomes == [ProducerIdBlock(0, 1_000)]
    assert isinstance(first.steps[0][1], Create)
    second = controller().allocate_producer_ids(image, 1, ProducerIdBlock(5_000, 500), 8)
    assert second.outcomes == [ProducerIdBlock(5_500, 1_000)]
    write = second.steps[0][1]
    assert isinstance(write, SetData)
    assert write.version == 8


def test_features_are_what_every_broker_supports() -> None:
    """The lowest of the brokers' highest levels, at most the wanted; a broker that says nothing has none."""
    draft = ImageDraft(image_of([]))
    draft.put_broker(BrokerRegistration(0, 1, (), features={"a": (0, 3), "b": (0, 1)}))
    draft.put_broker(BrokerRegistration(1, 2, (), features={"a": (0, 2)}))
    image, _ = draft.finish()
    decision = controller().finalize_features(image, {"a": 9, "b": 1}, None)
    finalized, delta = after(decision)
    assert finalized.finalized_features == {"a": 2}
    assert finalized.finalized_features_epoch == 0
    assert delta.changed_features
    assert controller().finalize_features(finalized, {"a": 9, "b": 1}, 0).steps == []
