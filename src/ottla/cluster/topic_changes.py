"""Topics made, grown and deleted: what each means for the tree and the image.

A topic is there once its node is; what follows (a node per partition and its state) may take several steps, and a
partition without a state is elected when the next controller starts. A topic is gone once its name stands under
`/admin/delete_topics`; a controller that starts finishes such deletions. Small changes are one step altogether.

Rules, order of checks and texts: `ReplicationControlManager` and `ControllerApis` of 4.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from ottla.cluster import paths, znodes
from ottla.cluster.changes import NewPartitions, NewTopic, PartitionsOutcome, TopicOutcome
from ottla.cluster.decision import MAX_OPERATIONS_PER_MULTI, Decision
from ottla.cluster.elections import first_election
from ottla.cluster.image import (
    NO_STATE_YET,
    ConfigResource,
    ConfigType,
    ImageDraft,
    MetadataImage,
    PartitionState,
    TopicImage,
)
from ottla.cluster.replica_placement import place_replicas
from ottla.cluster.rules import ConfigRules, MetadataSettings
from ottla.cluster.topic_names import CollisionIndex, why_invalid
from ottla.cluster.tree import Create, Delete, Operation, SetData
from ottla.cluster.znodes import ReplicaAssignment
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import ZERO_UUID, Uuid, random_uuid

MAX_PARTITIONS_PER_REQUEST: Final = 10_000
RESERVED_NAME: Final = "__cluster_metadata"

Charge: TypeAlias = Callable[[int], None]
"""Told how many partitions a change is about to make or delete; it may refuse with THROTTLING_QUOTA_EXCEEDED (KIP-599)."""


def free_of_charge(partitions: int) -> None:
    """Let every change pass."""


class TopicChanges:
    """Decides on topics; keeps no state between two calls."""

    __slots__ = ("_random_below", "_random_bytes", "_rules", "_settings")

    def __init__(
        self, settings: MetadataSettings, rules: ConfigRules, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._random_bytes = random_bytes
        self._random_below: Callable[[int], int] = lambda bound: int.from_bytes(random_bytes(8)) % bound

    def create(
        self,
        image: MetadataImage,
        topics: Sequence[NewTopic],
        *,
        validate_only: bool,
        charge: Charge = free_of_charge,
    ) -> Decision[TopicOutcome]:
        decision: Decision[TopicOutcome] = Decision(ImageDraft(image))
        if sum(self._partitions_wanted(topic) for topic in topics) > MAX_PARTITIONS_PER_REQUEST:
            too_many = "Excessively large number of partitions per request."
            decision.outcomes = [
                TopicOutcome(topic.name, error=ErrorCode.POLICY_VIOLATION, message=too_many)
                for topic in topics
            ]
            return decision
        asked = Counter(topic.name for topic in topics)
        collisions = CollisionIndex(image.topics)
        for topic in topics:
            try:
                _check_name(image, topic.name, collisions, times_asked=asked[topic.name])
                outcome, operations = self._create_one(image, decision.draft, topic, charge)
            except KafkaError as error:
                outcome = TopicOutcome(topic.name, error=error.code, message=error.message)
            else:
                _add(decision, operations)
            decision.outcomes.append(outcome)
        if validate_only:
            decision.discard()
        return decision

    def grow(
        self,
        image: MetadataImage,
        topics: Sequence[NewPartitions],
        *,
        validate_only: bool,
        charge: Charge = free_of_charge,
    ) -> Decision[PartitionsOutcome]:
        decision: Decision[PartitionsOutcome] = Decision(ImageDraft(image))
        asked = Counter(topic.topic for topic in topics)
        for topic in topics:
            if asked[topic.topic] > 1:
                outcome = PartitionsOutcome(topic.topic, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
            else:
                outcome = self._grow_one(image, decision, topic, charge)
            decision.outcomes.append(outcome)
        if validate_only:
            decision.discard()
        return decision

    def delete(
        self,
        image: MetadataImage,
        names: Sequence[str],
        ids: Sequence[Uuid],
        *,
        charge: Charge = free_of_charge,
    ) -> Decision[TopicOutcome]:
        decision: Decision[TopicOutcome] = Decision(ImageDraft(image))
        names_asked, ids_asked = Counter(names), Counter(ids)
        named_twice = {name for name in names if (t := image.topics.get(name)) and t.topic_id in ids_asked}
        for name in names:
            if names_asked[name] > 1:
                outcome = _refused(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
            else:
                outcome = self._delete_one(decision, image.topics.get(name), name, charge)
            decision.outcomes.append(outcome)
        for topic_id in ids:
            name_of_id = image.topic_names.get(topic_id)
            if ids_asked[topic_id] > 1:
                outcome = _refused(None, ErrorCode.INVALID_REQUEST, "Duplicate topic id.", topic_id)
            elif name_of_id is None:
                outcome = _refused(None, ErrorCode.UNKNOWN_TOPIC_ID, None, topic_id)
            elif name_of_id in named_twice:
                why = "The provided topic name maps to an ID that was already supplied."
                outcome = _refused(None, ErrorCode.INVALID_REQUEST, why, topic_id)
            else:
                outcome = self._delete_one(decision, image.topics[name_of_id], name_of_id, charge)
            decision.outcomes.append(outcome)
        return decision

    def give_ids(self, image: MetadataImage) -> Decision[None]:
        decision: Decision[None] = Decision(ImageDraft(image))
        for name, topic in image.topics.items():
            if topic.topic_id == ZERO_UUID:
                topic_id = self._unused_id(image)
                decision.draft.put_topic(name, topic_id, topic.partitions)
                node = znodes.encode_topic(topic_id, assignments(topic.partitions))
                decision.add_to_last_step([SetData(paths.topic(name), node)])
        return decision

    def _partitions_wanted(self, topic: NewTopic) -> int:
        if topic.assignments:
            return len(topic.assignments)
        return self._settings.default_partitions if topic.partitions == -1 else max(topic.partitions, 0)

    def _create_one(
        self, image: MetadataImage, draft: ImageDraft, topic: NewTopic, charge: Charge
    ) -> tuple[TopicOutcome, list[Operation]]:
        resource = ConfigResource(ConfigType.TOPIC, topic.name)
        configs = self._rules.validate(resource, topic.configs)
        if topic.assignments:
            replicas = _manual_replicas(image, topic)
        else:
            replicas = self._automatic_replicas(image, topic)
        charge(len(replicas))
        topic_id = self._unused_id(image)
        states = _new_states(image, replicas)
        draft.put_topic(topic.name, topic_id, states)
        draft.put_config(resource, configs)
        config_path = paths.config(resource)
        # A config may be left over from a topic of Kafka before 0.9, or have been set ahead of the topic.
        config_data = znodes.encode_config(configs)
        operations: list[Operation] = [
            SetData(config_path, config_data)
            if resource in image.configs
            else Create(config_path, config_data),
            Create(paths.topic(topic.name), znodes.encode_topic(topic_id, assignments(states))),
            Create(paths.partitions(topic.name)),
            *partition_nodes(topic.name, states),
        ]
        outcome = TopicOutcome(
            topic.name,
            topic_id,
            partitions=len(replicas),
            replication_factor=len(replicas[0]),
            configs=configs,
        )
        return outcome, operations

    def _automatic_replicas(self, image: MetadataImage, topic: NewTopic) -> Mapping[int, tuple[int, ...]]:
        if topic.replication_factor < -1 or topic.replication_factor == 0:
            raise KafkaError(
                ErrorCode.INVALID_REPLICATION_FACTOR,
                "Replication factor must be larger than 0, or -1 to use the default value.",
            )
        if topic.partitions < -1 or topic.partitions == 0:
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value."
            )
        factor = topic.replication_factor
        if factor == -1:
            factor = self._settings.default_replication_factor
        return place_replicas(
            image.brokers.values(), self._partitions_wanted(topic), factor, self._random_below
        )

    def _unused_id(self, image: MetadataImage) -> Uuid:
        while True:
            topic_id = random_uuid(self._random_bytes(16))
            if topic_id not in image.topic_names:
                return topic_id

    def _grow_one(
        self,
        image: MetadataImage,
        decision: Decision[PartitionsOutcome],
        change: NewPartitions,
        charge: Charge,
    ) -> PartitionsOutcome:
        topic = image.topics.get(change.topic)
        try:
            if topic is None:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)  # noqa: TRY301 - one way out for all
            replicas = self._replicas_to_add(image, topic, change)
            charge(len(replicas))
        except KafkaError as error:
            return PartitionsOutcome(change.topic, error.code, error.message)
        states = _new_states(image, replicas)
        decision.draft.put_partitions(change.topic, states)
        grown = {**topic.partitions, **states}
        operations: list[Operation] = [
            SetData(paths.topic(change.topic), znodes.encode_topic(topic.topic_id, assignments(grown))),
            *partition_nodes(change.topic, states),
        ]
        _add(decision, operations)
        return PartitionsOutcome(change.topic)

    def _replicas_to_add(
        self, image: MetadataImage, topic: TopicImage, change: NewPartitions
    ) -> Mapping[int, tuple[int, ...]]:
        present = len(topic.partitions)
        if change.count == present:
            raise KafkaError(ErrorCode.INVALID_PARTITIONS, f"Topic already has {present} partition(s).")
        if change.count < present:
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS,
                f"The topic {change.topic} currently has {present} partition(s); "
                f"{change.count} would not be an increase.",
            )
        added = change.count - present
        if added > MAX_PARTITIONS_PER_REQUEST:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request."
            )
        beside = topic.partitions[0].replicas
        if change.assignments is None:
            return place_replicas(
                image.brokers.values(),
                added,
                len(beside),
                self._random_below,
                first_partition=present,
                beside=beside,
            )
        if len(change.assignments) != added:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"Attempted to add {added} additional partition(s), but only {len(change.assignments)} "
                "assignment(s) were specified.",
            )
        for replicas in change.assignments:
            check_replicas(image, replicas, len(beside))
        return {present + index: tuple(replicas) for index, replicas in enumerate(change.assignments)}

    def _delete_one(
        self, decision: Decision[TopicOutcome], topic: TopicImage | None, name: str, charge: Charge
    ) -> TopicOutcome:
        if not self._settings.delete_topic_enable:
            return _refused(name, ErrorCode.TOPIC_DELETION_DISABLED, None)
        if topic is None:
            return _refused(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None)
        try:
            charge(len(topic.partitions))
        except KafkaError as error:
            return _refused(name, error.code, error.message)
        resource = ConfigResource(ConfigType.TOPIC, name)
        decision.draft.remove_topic(name)
        decision.draft.remove_config(resource)
        operations = deletion_nodes(topic, has_config=resource in decision.draft.older.configs)
        if len(operations) <= MAX_OPERATIONS_PER_MULTI:
            decision.add_to_last_step(operations)
        else:
            decision.add_step([Create(paths.deletion(name))])
            decision.add_step([*operations, Delete(paths.deletion(name))])
        return TopicOutcome(name, topic.topic_id, partitions=len(topic.partitions))


def partition_nodes(name: str, states: Mapping[int, PartitionState]) -> Iterable[Operation]:
    """The nodes of new partitions; one that could not get a leader yet has no state node."""
    for partition, state in states.items():
        yield Create(paths.partition(name, partition))
        if state.partition_epoch != NO_STATE_YET:
            yield Create(paths.state(name, partition), znodes.encode_state(state))


def deletion_nodes(topic: TopicImage, *, has_config: bool) -> list[Operation]:
    """Everything a topic has in the tree, leaves first."""
    operations: list[Operation] = []
    for partition, state in topic.partitions.items():
        if state.partition_epoch != NO_STATE_YET:
            operations.append(Delete(paths.state(topic.name, partition)))
        operations.append(Delete(paths.partition(topic.name, partition)))
    operations.append(Delete(paths.partitions(topic.name)))
    operations.append(Delete(paths.topic(topic.name)))
    if has_config:
        operations.append(Delete(paths.config(ConfigResource(ConfigType.TOPIC, topic.name))))
    return operations


def _add(decision: Decision[TopicOutcome] | Decision[PartitionsOutcome], operations: list[Operation]) -> None:
    if len(operations) <= MAX_OPERATIONS_PER_MULTI:
        decision.add_to_last_step(operations)
    else:
        decision.add_step(operations)


def _check_name(image: MetadataImage, name: str, collisions: CollisionIndex, *, times_asked: int) -> None:
    if times_asked > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    if name == RESERVED_NAME:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Creation of internal topic {RESERVED_NAME} is prohibited."
        )
    if (reason := why_invalid(name)) is not None:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, reason)
    if name in image.topics or name in image.deleting_topics:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    if (other := collisions.colliding(name)) is not None:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic '{name}' collides with existing topic: {other}"
        )


def _manual_replicas(image: MetadataImage, topic: NewTopic) -> Mapping[int, tuple[int, ...]]:
    if topic.replication_factor != -1:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but replication factor was not set to -1.",
        )
    if topic.partitions != -1:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment was specified, but numPartitions was not set to -1.",
        )
    factor: int | None = None
    for replicas in topic.assignments.values():
        check_replicas(image, replicas, factor)
        factor = len(replicas)
    if set(topic.assignments) != set(range(len(topic.assignments))):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "partitions should be a consecutive 0-based integer sequence",
        )
    return {partition: tuple(replicas) for partition, replicas in sorted(topic.assignments.items())}


def check_replicas(image: MetadataImage, replicas: Sequence[int], factor: int | None) -> None:
    """Raise INVALID_REPLICA_ASSIGNMENT unless these are different live brokers, `factor` of them if it is given."""
    beginning = "The manual partition assignment includes"
    why = None
    previous = None
    if not replicas:
        why = f"{beginning} an empty replica list."
    for broker in sorted(replicas):
        if broker not in image.brokers:
            why = why or f"{beginning} broker {broker}, but no such broker is registered."
        if broker == previous:
            why = why or f"{beginning} the broker {broker} more than once."
        previous = broker
    if why is None and factor is not None and len(replicas) != factor:
        why = (
            f"{beginning} a partition with {len(replicas)} replica(s), but this is not consistent with previous "
            f"partitions, which have {factor} replica(s)."
        )
    if why is not None:
        raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, why)


def _new_states(image: MetadataImage, replicas: Mapping[int, tuple[int, ...]]) -> dict[int, PartitionState]:
    """The first state of each partition; those with the same replicas share it, for there may be thousands."""
    known = {each: _new_state(image, each) for each in set(replicas.values())}
    return {partition: known[each] for partition, each in replicas.items()}


def _new_state(image: MetadataImage, replicas: tuple[int, ...]) -> PartitionState:
    state = first_election(replicas, image.brokers.__contains__)
    return state._replace(controller_epoch=image.controller_epoch)


def assignments(states: Mapping[int, PartitionState]) -> dict[int, ReplicaAssignment]:
    """What a topic's node says of its partitions' replicas."""
    return {
        partition: ReplicaAssignment(state.replicas, state.adding_replicas, state.removing_replicas)
        for partition, state in states.items()
    }


def _refused(
    name: str | None, error: ErrorCode, message: str | None, topic_id: Uuid | None = None
) -> TopicOutcome:
    outcome = TopicOutcome(name, error=error, message=message or error.message)
    return outcome if topic_id is None else outcome._replace(topic_id=topic_id)
