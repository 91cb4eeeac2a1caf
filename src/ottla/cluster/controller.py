"""The controller: decides what a request to change the cluster's metadata means, without doing it.

Each method takes the current image and the request and returns a `Decision`; the shell (`metadata`) carries it out
against the tree. No I/O, no clock, no randomness of its own. Everything it writes is fenced by the version of
`/controller_epoch`: once another broker has become controller, nothing of ours is written any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from ottla.cluster import acl_nodes, paths, token_nodes, znodes
from ottla.cluster.acl_bindings import AclBinding, ResourcePattern
from ottla.cluster.acl_changes import AclOutcome, create_acls, delete_acls
from ottla.cluster.changes import (
    ConfigChange,
    ConfigOutcome,
    ElectionOutcome,
    ElectionType,
    IsrChange,
    IsrOutcome,
    NewPartitions,
    NewTopic,
    PartitionsOutcome,
    ProducerIdBlock,
    TopicOutcome,
)
from ottla.cluster.decision import Decision
from ottla.cluster.elections import after_loss, change_isr, elect
from ottla.cluster.features import FeatureUpdate, choose
from ottla.cluster.image import (
    DEFAULT_ENTITY,
    NO_STATE_YET,
    NOTHING_FINALIZED,
    ConfigResource,
    ConfigType,
    ImageDraft,
    MetadataImage,
    PartitionState,
)
from ottla.cluster.quota_changes import QuotaAlteration, QuotaOutcome, alter_quotas
from ottla.cluster.reassignments import Reassignment, ReassignmentOutcome, reassigned
from ottla.cluster.rules import ConfigRules, MetadataSettings
from ottla.cluster.scram_changes import ScramAlteration, ScramOutcome, alter_scram
from ottla.cluster.token_changes import TokenChange
from ottla.cluster.topic_changes import Charge, TopicChanges, assignments, free_of_charge
from ottla.cluster.tree import Check, Create, Delete, Operation, SetData
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid

_T = TypeVar("_T")

PRODUCER_ID_BLOCK_SIZE: Final = 1_000
MAX_PRODUCER_ID: Final = 2**63 - 1


class Controller:
    """`epoch_version` is the version of the node `/controller_epoch` that this controller's election made."""

    __slots__ = ("_announce_configs", "_fence", "_rules", "_topics")

    def __init__(
        self,
        settings: MetadataSettings,
        rules: ConfigRules,
        random_bytes: Callable[[int], bytes],
        *,
        epoch_version: int,
        announce_configs: bool = False,
    ) -> None:
        """`announce_configs`: other brokers share the tree and are told of changed configs as Apache's brokers are."""
        self._rules = rules
        self._topics = TopicChanges(settings, rules, random_bytes)
        self._fence = Check(paths.CONTROLLER_EPOCH, epoch_version)
        self._announce_configs = announce_configs

    def create_topics(
        self,
        image: MetadataImage,
        topics: Sequence[NewTopic],
        *,
        validate_only: bool = False,
        charge: Charge = free_of_charge,
    ) -> Decision[TopicOutcome]:
        return self._fenced(self._topics.create(image, topics, validate_only=validate_only, charge=charge))

    def create_partitions(
        self,
        image: MetadataImage,
        topics: Sequence[NewPartitions],
        *,
        validate_only: bool = False,
        charge: Charge = free_of_charge,
    ) -> Decision[PartitionsOutcome]:
        return self._fenced(self._topics.grow(image, topics, validate_only=validate_only, charge=charge))

    def delete_topics(
        self,
        image: MetadataImage,
        names: Sequence[str] = (),
        ids: Sequence[Uuid] = (),
        *,
        charge: Charge = free_of_charge,
    ) -> Decision[TopicOutcome]:
        return self._fenced(self._topics.delete(image, names, ids, charge=charge))

    def alter_configs(
        self, image: MetadataImage, changes: Sequence[ConfigChange], *, validate_only: bool = False
    ) -> Decision[ConfigOutcome]:
        decision: Decision[ConfigOutcome] = Decision(ImageDraft(image))
        asked = Counter(change.resource for change in changes)
        for change in changes:
            if asked[change.resource] > 1:
                outcome = ConfigOutcome(
                    change.resource, ErrorCode.INVALID_REQUEST, "Each resource must appear at most once."
                )
            else:
                outcome = self._alter_one(image, decision, change)
            decision.outcomes.append(outcome)
        if validate_only:
            decision.discard()
        return self._fenced(decision)

    def alter_client_quotas(
        self, image: MetadataImage, alterations: Sequence[QuotaAlteration], *, validate_only: bool = False
    ) -> Decision[QuotaOutcome]:
        return self._fenced(alter_quotas(image, alterations, self._announcement, validate_only=validate_only))

    def alter_scram_credentials(
        self, image: MetadataImage, alterations: Sequence[ScramAlteration]
    ) -> Decision[ScramOutcome]:
        return self._fenced(alter_scram(image, alterations, self._announcement))

    def create_acls(self, image: MetadataImage, bindings: Iterable[AclBinding]) -> Decision[AclOutcome]:
        return self._fenced(create_acls(image, bindings, self._acl_announcement))

    def delete_acls(self, image: MetadataImage, bindings: Iterable[AclBinding]) -> Decision[None]:
        return self._fenced(delete_acls(image, bindings, self._acl_announcement))

    def change_tokens(self, image: MetadataImage, change: TokenChange[_T]) -> Decision[_T]:
        return self._fenced(change(image, self._token_announcement))

    def elect_leaders(
        self,
        image: MetadataImage,
        election: ElectionType,
        partitions: Sequence[TopicPartition] | None = None,
    ) -> Decision[ElectionOutcome]:
        decision: Decision[ElectionOutcome] = Decision(ImageDraft(image))
        elected: dict[TopicPartition, PartitionState] = {}
        for partition in dict.fromkeys(_all_partitions(image) if partitions is None else partitions):
            try:
                state = _existing(image, partition)
                elected[partition] = elect(state, election, _liveness(image, state))
            except KafkaError as error:
                if partitions is None and error.code is ErrorCode.ELECTION_NOT_NEEDED:
                    continue
                decision.outcomes.append(ElectionOutcome(partition, error.code, error.message))
            else:
                decision.outcomes.append(ElectionOutcome(partition))
        _write_states(image, decision, elected)
        return self._fenced(decision)

    def reassign(
        self,
        image: MetadataImage,
        reassignments: Sequence[Reassignment],
        *,
        allow_replication_factor_change: bool,
    ) -> Decision[ReassignmentOutcome]:
        decision: Decision[ReassignmentOutcome] = Decision(ImageDraft(image))
        moved: dict[TopicPartition, PartitionState] = {}
        for each in reassignments:
            try:
                state = reassigned(
                    image, each, allow_replication_factor_change=allow_replication_factor_change
                )
            except KafkaError as error:
                decision.outcomes.append(ReassignmentOutcome(each.partition, error.code, error.message))
                continue
            decision.outcomes.append(ReassignmentOutcome(each.partition))
            if state is not image.partition(*each.partition):
                state = state._replace(partition_epoch=state.partition_epoch + 1)
                moved[each.partition] = after_loss(state, _serves(image, state))
        for name in dict.fromkeys(partition.topic for partition in moved):
            states = {**image.topics[name].partitions}
            states.update({number: state for (topic, number), state in moved.items() if topic == name})
            node = znodes.encode_topic(image.topics[name].topic_id, assignments(states))
            decision.add_step([SetData(paths.topic(name), node)])
        _write_states(image, decision, moved)
        return self._fenced(decision)

    def alter_isr(
        self, image: MetadataImage, broker_id: int, changes: Sequence[IsrChange]
    ) -> Decision[IsrOutcome]:
        decision: Decision[IsrOutcome] = Decision(ImageDraft(image))
        changed: dict[TopicPartition, PartitionState] = {}
        for change in changes:
            try:
                state = image.partition(*change.partition)
                if state is None:
                    raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)  # noqa: TRY301 - one way out for all
                altered = change_isr(state, broker_id, change, image)
            except KafkaError as error:
                decision.outcomes.append(IsrOutcome(change.partition, error.code))
                continue
            if altered is not state:
                changed[change.partition] = altered
            decision.outcomes.append(
                IsrOutcome(
                    change.partition,
                    leader=altered.leader,
                    leader_epoch=altered.leader_epoch,
                    isr=altered.isr,
                    partition_epoch=altered.partition_epoch,
                    recovering=altered.recovering,
                )
            )
        _write_states(image, decision, changed)
        return self._fenced(decision)

    def elect_where_needed(self, image: MetadataImage) -> Decision[None]:
        """After brokers came or went, and when a controller starts: first leaders, new leaders, ISRs without the dead."""
        return self._reelect(image, _all_partitions(image))

    def change_offline_replicas(
        self,
        image: MetadataImage,
        broker_id: int,
        *,
        failed: Collection[TopicPartition] = (),
        healed: Collection[TopicPartition] = (),
    ) -> Decision[None]:
        """A broker's log directory failed, or serves again."""
        moved: dict[TopicPartition, PartitionState] = {}
        for partition in sorted({*failed, *healed}):
            state = image.partition(*partition)
            if state is None or broker_id not in state.replicas:
                continue
            offline = {*state.offline_replicas} - {broker_id}
            if partition in failed:
                offline.add(broker_id)
            moved[partition] = state._replace(offline_replicas=tuple(sorted(offline)))
        return self._reelect(image, moved, moved)

    def allocate_producer_ids(
        self,
        image: MetadataImage,
        broker_id: int,
        current: ProducerIdBlock | None,
        version: int | None,
    ) -> Decision[ProducerIdBlock]:
        """`current` is the last block given to any broker, `version` its node's (None: there is no node)."""
        first = 0 if current is None else current.first + current.size
        if first > MAX_PRODUCER_ID - PRODUCER_ID_BLOCK_SIZE:
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "All producer ids are used up.")
        block = ProducerIdBlock(first, PRODUCER_ID_BLOCK_SIZE)
        data = znodes.encode_producer_id_block(broker_id, block)
        path = paths.LATEST_PRODUCER_ID_BLOCK
        write: Operation = Create(path, data) if version is None else SetData(path, data, version)
        return self._fenced(Decision(ImageDraft(image), [block], [[write]]))

    def finish_deletions(self, image: MetadataImage, leftovers: Sequence[str]) -> Decision[None]:
        """Take the rest of half-deleted topics out of the tree, and every name out of `/admin/delete_topics`.

        `leftovers` are paths, leaves first.
        """
        decision: Decision[None] = Decision(ImageDraft(image))
        operations = [Delete(path) for path in leftovers]
        for name in sorted(image.deleting_topics):
            resource = ConfigResource(ConfigType.TOPIC, name)
            if resource in image.configs:
                operations.append(Delete(paths.config(resource)))
                decision.draft.remove_config(resource)
            operations.append(Delete(paths.deletion(name)))
        if operations:
            decision.add_step(operations)
            decision.draft.set_deleting_topics(frozenset())
        return self._fenced(decision)

    def give_ids(self, image: MetadataImage) -> Decision[None]:
        """Topics made by a Kafka before 2.8 have none."""
        return self._fenced(self._topics.give_ids(image))

    def finalize_features(
        self, image: MetadataImage, wanted: Mapping[str, int], version: int | None
    ) -> Decision[None]:
        """Set each feature to the level that was chosen, else to the wanted one, or to the highest that every live
        broker supports.

        `version` is that of the node of our features, None if there is none yet.
        """
        levels = {
            name: min(level, *(b.features.get(name, (0, 0))[1] for b in image.brokers.values()))
            for name, level in {**wanted, **image.chosen_features}.items()
        }
        decision: Decision[None] = Decision(ImageDraft(image))
        if version is None or _above_zero(levels) != image.finalized_features:
            _write_features(decision, levels, image.chosen_features, version)
        return self._fenced(decision)

    def update_features(
        self,
        image: MetadataImage,
        updates: Sequence[FeatureUpdate],
        controller_id: int,
        *,
        validate_only: bool = False,
    ) -> Decision[None]:
        """All of the updates or none. Raises INVALID_UPDATE_VERSION."""
        decision: Decision[None] = Decision(ImageDraft(image))
        newly = choose(image.finalized_features, updates, image.brokers.values(), controller_id)
        if newly and not validate_only:
            epoch = image.finalized_features_epoch
            _write_features(
                decision,
                {**image.finalized_features, **newly},
                {**image.chosen_features, **newly},
                None if epoch == NOTHING_FINALIZED else epoch,
            )
        return self._fenced(decision)

    def _alter_one(
        self, image: MetadataImage, decision: Decision[ConfigOutcome], change: ConfigChange
    ) -> ConfigOutcome:
        resource = change.resource
        try:
            _check_resource(image, resource)
            current = image.configs.get(resource, {})
            if change.replace_all is not None:
                values = self._rules.validate(resource, change.replace_all)
            else:
                values = self._rules.alter(resource, current, change.operations)
        except KafkaError as error:
            return ConfigOutcome(resource, error.code, error.message)
        if values == current:
            return ConfigOutcome(resource)
        data = znodes.encode_config(values)
        path = paths.config(resource)
        write = SetData(path, data) if resource in image.configs else Create(path, data)
        decision.add_to_last_step([write, *self._announcement(resource)])
        decision.draft.put_config(resource, values)
        return ConfigOutcome(resource)

    def _announcement(self, resource: ConfigResource) -> list[Operation]:
        """By which other brokers hear that a config has changed."""
        if not self._announce_configs:
            return []
        entity_path = paths.config(resource).removeprefix(f"{paths.CONFIG}/")
        return [Create(paths.config_change(), znodes.encode_config_change(entity_path), sequence=True)]

    def _acl_announcement(self, pattern: ResourcePattern) -> list[Operation]:
        """By which other brokers hear that a pattern's access rules have changed."""
        if not self._announce_configs:
            return []
        path, data = acl_nodes.change(pattern)
        return [Create(path, data, sequence=True)]

    def _token_announcement(self, token_id: str) -> list[Operation]:
        """By which other brokers hear that a delegation token has changed."""
        if not self._announce_configs:
            return []
        path, data = token_nodes.change(token_id)
        return [Create(path, data, sequence=True)]

    def _reelect(
        self,
        image: MetadataImage,
        partitions: Iterable[TopicPartition],
        moved: Mapping[TopicPartition, PartitionState] | None = None,
    ) -> Decision[None]:
        """`moved` holds states that differ from the image already, in what isn't written to the tree."""
        decision: Decision[None] = Decision(ImageDraft(image))
        changed: dict[TopicPartition, PartitionState] = dict(moved or {})
        everywhere = image.config(ConfigType.BROKER, DEFAULT_ENTITY)
        for partition in partitions:
            state = changed.get(partition) or _existing(image, partition)
            unclean = partial(self._unclean_allowed, image, partition.topic, everywhere)
            elected = after_loss(state, _liveness(image, state), unclean=unclean)
            if elected is not state and elected != state:
                changed[partition] = elected
        _write_states(image, decision, changed)
        return self._fenced(decision)

    def _unclean_allowed(self, image: MetadataImage, topic: str, everywhere: Mapping[str, str]) -> bool:
        return self._rules.unclean_election_allowed(image.config(ConfigType.TOPIC, topic), everywhere)

    def _fenced(self, decision: Decision[_T]) -> Decision[_T]:
        decision.fence(self._fence)
        return decision


def _write_features(
    decision: Decision[None], levels: Mapping[str, int], chosen: Mapping[str, int], version: int | None
) -> None:
    finalized = _above_zero(levels)
    data = znodes.encode_features(finalized, chosen)
    write = Create(paths.FEATURES, data) if version is None else SetData(paths.FEATURES, data, version)
    decision.draft.set_features(finalized, chosen, 0 if version is None else version + 1)
    decision.add_step([write])


def _above_zero(levels: Mapping[str, int]) -> dict[str, int]:
    return {name: level for name, level in levels.items() if level > 0}


def _write_states(
    image: MetadataImage,
    decision: Decision[_T],
    changed: Mapping[TopicPartition, PartitionState],
) -> None:
    by_topic: dict[str, dict[int, PartitionState]] = {}
    operations: list[Operation] = []
    for (topic, partition), changed_state in changed.items():
        older = image.topics[topic].partitions[partition]
        state = changed_state
        if state.partition_epoch != older.partition_epoch:
            state = state._replace(controller_epoch=image.controller_epoch)
            path, data = paths.state(topic, partition), znodes.encode_state(state)
            if older.partition_epoch == NO_STATE_YET:
                operations.append(Create(path, data))
            else:
                operations.append(SetData(path, data, older.partition_epoch))
        by_topic.setdefault(topic, {})[partition] = state
    for topic, states in by_topic.items():
        decision.draft.put_partitions(topic, states)
    decision.add_step(operations)


def _all_partitions(image: MetadataImage) -> Iterable[TopicPartition]:
    for name, topic in image.topics.items():
        for partition in topic.partitions:
            yield TopicPartition(name, partition)


def _existing(image: MetadataImage, partition: TopicPartition) -> PartitionState:
    topic = image.topics.get(partition.topic)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such topic as {partition.topic}")
    if partition.partition not in topic.partitions:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"No such partition as {partition}")
    return topic.partitions[partition.partition]


def _liveness(image: MetadataImage, state: PartitionState) -> Callable[[int], bool]:
    return lambda replica: replica in image.brokers and replica not in state.offline_replicas


def _serves(image: MetadataImage, state: PartitionState) -> Callable[[int], bool]:
    """Whether a broker is alive and one of the partition's replicas."""
    is_live = _liveness(image, state)
    return lambda replica: replica in state.replicas and is_live(replica)


def _check_resource(image: MetadataImage, resource: ConfigResource) -> None:
    if resource.type is ConfigType.TOPIC and resource.name not in image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{resource.name}' does not exist.")
    if resource.type is ConfigType.BROKER and resource.name != DEFAULT_ENTITY:
        if not resource.name.isdecimal():
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Invalid broker name {resource.name}")
        if int(resource.name) not in image.brokers:
            raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"No broker with id {resource.name} found.")
