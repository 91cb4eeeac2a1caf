"""The broker's door to the cluster's metadata: the current image, and changes to it.

    metadata = Metadata(EmbeddedTree(path), settings, rules, random_bytes=os.urandom, now_ms=now_ms)
    await metadata.open()                          # reads the tree; `metadata.image` holds topics and configs
    await metadata.register(endpoints, rack=None)  # this broker is live, a controller is elected
    metadata.subscribe(replicas.apply)             # called on the loop, in order: (image, delta)
    outcomes = await metadata.create_topics([NewTopic("t", 3, 1)])
    await metadata.close()

Changes are carried out one after the other; each is durable in the tree, published in `metadata.image` and told to
every subscriber before its answer is given. Errors that concern one topic, partition or entity stand in its outcome;
a `KafkaError` is raised only when nothing could be done at all (the tree is gone, this broker isn't the controller).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from ottla.cluster import acl_nodes, paths, token_nodes, znodes
from ottla.cluster.acl_bindings import AclBinding
from ottla.cluster.acl_changes import AclOutcome
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
from ottla.cluster.controller import Controller
from ottla.cluster.decision import MAX_OPERATIONS_PER_MULTI, Decision
from ottla.cluster.features import FeatureUpdate, production_levels
from ottla.cluster.image import (
    EMPTY_IMAGE,
    NO_STATE_YET,
    BrokerRegistration,
    Endpoint,
    ImageDraft,
    MetadataDelta,
    MetadataImage,
)
from ottla.cluster.quota_changes import QuotaAlteration, QuotaOutcome
from ottla.cluster.reassignments import Reassignment, ReassignmentOutcome
from ottla.cluster.rules import ConfigRules, MetadataSettings
from ottla.cluster.scram_changes import ScramAlteration, ScramOutcome
from ottla.cluster.token_changes import TokenChange
from ottla.cluster.topic_changes import Charge, free_of_charge
from ottla.cluster.tree import BadVersion, Create, NodeExists, Operation, SetData, Tree, TreeError
from ottla.cluster.tree_reader import Reading, read_tree
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.types import TopicPartition, Uuid, random_uuid, uuid_text

Subscriber: TypeAlias = Callable[[MetadataImage, MetadataDelta], Iterator[None] | None]
"""Called on the loop. One with much to do answers an iterator over the steps of its work: between two steps the loop serves
others, and the change is answered after the last one."""

T = TypeVar("T")

SECRET_BYTES: Final = 32

MAX_WAITING_CHANGES: Final = 10_000
"""Changes that may wait for the one under way; one more is refused with REQUEST_TIMED_OUT."""


class InconsistentClusterId(Exception):  # noqa: N818 - as Apache's InconsistentClusterIdException
    """The log directories belong to another cluster than the metadata does."""


class Metadata:
    """See the module. All methods belong to the loop that called `open`."""

    def __init__(
        self,
        tree: Tree,
        settings: MetadataSettings,
        rules: ConfigRules,
        *,
        random_bytes: Callable[[int], bytes],
        now_ms: Callable[[], int],
    ) -> None:
        self.image: MetadataImage = EMPTY_IMAGE
        self._tree = tree
        self._settings = settings
        self._rules = rules
        self._random_bytes = random_bytes
        self._now_ms = now_ms
        self._subscribers: list[Subscriber] = []
        self._controller: Controller | None = None
        self._reading: Reading | None = None
        self._broken_off = False
        self._changing = asyncio.Lock()
        self._waiting = 0

    async def open(self, known_cluster_id: str | None = None) -> MetadataImage:
        """Open the tree and read it, making the cluster id if there is none yet.

        `known_cluster_id` is what the log directories say (`meta.properties`). Raises `InconsistentClusterId` if the
        tree is of another cluster or empty, so that logs aren't taken for strays of deleted topics; `TreeUnavailable`;
        `MalformedNode`.
        """
        await self._tree.open()
        try:
            await self._lay_foundations(known_cluster_id)
            self._reading = await read_tree(self._tree, self.image)
            self.image, _ = self._reading.draft.finish()
        except BaseException:
            await self._tree.close()
            raise
        return self.image

    async def kept_secret(self) -> bytes:
        """Random bytes that the cluster's brokers have in common and that outlive them: for what must be the same after a
        restart and unknown outside. Raises `TreeError`."""
        (found,) = await self._tree.get_many([paths.SECRET])
        if found is None:
            with contextlib.suppress(NodeExists):  # another broker was first
                await self._create_missing({paths.SECRET: self._random_bytes(SECRET_BYTES)})
            (found,) = await self._tree.get_many([paths.SECRET])
            assert found is not None
        return found[0]

    async def register(
        self,
        endpoints: Sequence[Endpoint],
        *,
        rack: str | None = None,
        features: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Make this broker known and take part in the election of the controller.

        With one broker, when this returns, it is the controller and every partition has its leader, unless the
        partition's replicas are other brokers' only. Raises DUPLICATE_BROKER_REGISTRATION if another live broker
        has this id.
        """
        async with self._changing:
            registration = await self._register_broker(
                BrokerRegistration(self._settings.broker_id, -1, tuple(endpoints), rack, features or {})
            )
            controller_epoch, epoch_version = await self._become_controller()
            self._controller = Controller(
                self._settings,
                self._rules,
                self._random_bytes,
                epoch_version=epoch_version,
                announce_configs=self._tree.shared,
            )
            if self._tree.shared or self._reading is None:
                reading = await read_tree(self._tree, self.image)
            else:
                # Nobody but us has written since `open`; thousands of topics are not read a second time.
                reading = self._reading._replace(draft=ImageDraft(self.image))
                reading.draft.put_broker(registration)
                reading.draft.set_controller(self._settings.broker_id, controller_epoch)
            self._reading = None
            await self._bring_in_order(self._controller, reading)

    async def close(self) -> None:
        """Leave the cluster; waits for the change under way."""
        async with self._changing:
            self._controller = None
            await self._tree.close()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every new image from now on; returns what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    async def create_topics(
        self,
        topics: Sequence[NewTopic],
        *,
        validate_only: bool = False,
        charge: Charge = free_of_charge,
    ) -> list[TopicOutcome]:
        """One outcome for each topic, in the order asked; a name asked for twice is refused both times.

        `charge` is asked for each topic that could be made, here and below likewise.
        """
        return await self._change(
            lambda controller: controller.create_topics(
                self.image, topics, validate_only=validate_only, charge=charge
            )
        )

    async def delete_topics(
        self,
        names: Sequence[str] = (),
        ids: Sequence[Uuid] = (),
        *,
        charge: Charge = free_of_charge,
    ) -> list[TopicOutcome]:
        """Names first, then ids. When it returns, the tree and the image know the topics no more."""
        return await self._change(
            lambda controller: controller.delete_topics(self.image, names, ids, charge=charge)
        )

    async def create_partitions(
        self,
        topics: Sequence[NewPartitions],
        *,
        validate_only: bool = False,
        charge: Charge = free_of_charge,
    ) -> list[PartitionsOutcome]:
        """Grow topics; one outcome for each, in the order asked."""
        return await self._change(
            lambda controller: controller.create_partitions(
                self.image, topics, validate_only=validate_only, charge=charge
            )
        )

    async def alter_configs(
        self, changes: Sequence[ConfigChange], *, validate_only: bool = False
    ) -> list[ConfigOutcome]:
        """Set and unset configs; one outcome for each entity, in the order asked."""
        return await self._change(
            lambda controller: controller.alter_configs(self.image, changes, validate_only=validate_only)
        )

    async def alter_client_quotas(
        self, alterations: Sequence[QuotaAlteration], *, validate_only: bool = False
    ) -> list[QuotaOutcome]:
        """Set and take away quotas; one outcome for each entity."""
        return await self._change(
            lambda controller: controller.alter_client_quotas(
                self.image, alterations, validate_only=validate_only
            )
        )

    async def alter_scram_credentials(self, alterations: Sequence[ScramAlteration]) -> list[ScramOutcome]:
        """Set and take away credentials; one outcome for each user."""
        return await self._change(
            lambda controller: controller.alter_scram_credentials(self.image, alterations)
        )

    async def create_acls(self, bindings: Sequence[AclBinding]) -> list[AclOutcome]:
        """Keep rules that may be kept; one outcome for each. When it returns, they hold."""
        return await self._change(lambda controller: controller.create_acls(self.image, bindings))

    async def delete_acls(self, bindings: Sequence[AclBinding]) -> None:
        """Take away those rules that are there. When it returns, they don't hold any more."""
        await self._change(lambda controller: controller.delete_acls(self.image, bindings))

    async def change_tokens(self, change: TokenChange[T]) -> list[T]:
        """Make, prolong or end delegation tokens, as a function of `token_changes` says; raises what it raises."""
        return await self._change(lambda controller: controller.change_tokens(self.image, change))

    async def elect_leaders(
        self, election: ElectionType, partitions: Sequence[TopicPartition] | None = None
    ) -> list[ElectionOutcome]:
        """`None`: every partition; then only those for which an election was needed have an outcome."""
        return await self._change(
            lambda controller: controller.elect_leaders(self.image, election, partitions)
        )

    async def reassign(
        self, reassignments: Sequence[Reassignment], *, allow_replication_factor_change: bool = True
    ) -> list[ReassignmentOutcome]:
        """Move partitions to other replicas; one outcome for each, in the order asked."""
        return await self._change(
            lambda controller: controller.reassign(
                self.image,
                reassignments,
                allow_replication_factor_change=allow_replication_factor_change,
            )
        )

    async def update_features(self, updates: Sequence[FeatureUpdate], *, validate_only: bool = False) -> None:
        """All of them or none. Raises INVALID_UPDATE_VERSION."""
        await self._change(
            lambda controller: controller.update_features(
                self.image, updates, self._settings.broker_id, validate_only=validate_only
            )
        )

    async def alter_isr(self, broker_id: int, changes: Sequence[IsrChange]) -> list[IsrOutcome]:
        """What a leader asks for in AlterPartition."""
        return await self._change(lambda controller: controller.alter_isr(self.image, broker_id, changes))

    async def report_offline_replicas(self, broker_id: int, partitions: Sequence[TopicPartition]) -> None:
        """These replicas' log directory has failed: they lose their lead."""
        await self._change(
            lambda controller: controller.change_offline_replicas(self.image, broker_id, failed=partitions)
        )

    async def report_online_replicas(self, broker_id: int, partitions: Sequence[TopicPartition]) -> None:
        """These replicas' log directory serves again."""
        await self._change(
            lambda controller: controller.change_offline_replicas(self.image, broker_id, healed=partitions)
        )

    async def allocate_producer_ids(self) -> ProducerIdBlock:
        """A block of 1,000 ids that nobody was given before, nor will be."""
        return await self._serially(self._allocate_producer_ids)

    # How a change is carried out.

    async def _change(self, decide: Callable[[Controller], Decision[T]]) -> list[T]:
        async def run() -> list[T]:
            controller = self._active_controller()
            if self._broken_off:
                await self._bring_in_order(controller, await read_tree(self._tree, self.image))
            decision = decide(controller)
            await self._carry_out(decision)
            return decision.outcomes

        return await self._serially(run)

    async def _serially(self, function: Callable[[], Awaitable[T]]) -> T:
        """One change at a time, and each to its end: a caller that stops waiting doesn't stop the change."""
        if self._waiting >= MAX_WAITING_CHANGES:
            raise KafkaError(
                ErrorCode.REQUEST_TIMED_OUT, f"{MAX_WAITING_CHANGES} changes of metadata are waiting already"
            )

        async def run() -> T:
            async with self._changing:
                return await function()

        self._waiting += 1
        task = asyncio.ensure_future(run())
        task.add_done_callback(self._changed)
        return await asyncio.shield(task)

    def _changed(self, task: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not task.cancelled():
            task.exception()  # whoever asked may be gone; asyncio shall not complain that nobody looked

    async def _carry_out(self, decision: Decision[T]) -> None:
        try:
            for step in decision.steps:
                await self._tree.multi(step)
        except TreeError as error:
            raise await self._after_failure(error) from error
        if decision.draft.touched:
            await self._publish(*decision.draft.finish())

    async def _after_failure(self, error: TreeError) -> KafkaError:
        """Some steps may have been done: the tree is asked what holds now."""
        if isinstance(error, BadVersion) and error.path == paths.CONTROLLER_EPOCH:
            self._controller = None
            return KafkaError(ErrorCode.NOT_CONTROLLER)
        self._broken_off = True
        with contextlib.suppress(TreeError):
            reading = await read_tree(self._tree, self.image)
            await self._publish(*reading.draft.finish())
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"The change of metadata failed: {error}")

    async def _publish(self, image: MetadataImage, delta: MetadataDelta) -> None:
        self.image = image
        for subscriber in tuple(self._subscribers):
            for _ in subscriber(image, delta) or ():
                await asyncio.sleep(0)

    def _active_controller(self) -> Controller:
        if self._controller is None:
            raise KafkaError(ErrorCode.NOT_CONTROLLER)
        return self._controller

    async def _allocate_producer_ids(self) -> ProducerIdBlock:
        path = paths.LATEST_PRODUCER_ID_BLOCK
        controller = self._active_controller()
        (node,) = await self._tree.get_many([path])
        # Apache makes the node empty and fills it at the first allocation.
        current = None if node is None or not node[0] else znodes.decode_producer_id_block(path, node[0])
        version = None if node is None else node[1].version
        decision = controller.allocate_producer_ids(self.image, self._settings.broker_id, current, version)
        await self._carry_out(decision)
        return decision.outcomes[0]

    # How a broker starts.

    async def _lay_foundations(self, known_cluster_id: str | None) -> None:
        """The nodes that everything else hangs on; none is touched that is there."""
        (cluster_id_node,) = await self._tree.get_many([paths.CLUSTER_ID])
        cluster_id = ""
        if cluster_id_node is not None:
            cluster_id = znodes.decode_cluster_id(paths.CLUSTER_ID, cluster_id_node[0])
        if known_cluster_id is not None and known_cluster_id != cluster_id:
            raise InconsistentClusterId(_why_inconsistent(known_cluster_id, cluster_id))
        wanted = dict.fromkeys(paths.PERSISTENT, b"")
        if self._settings.has_authorizer:
            wanted |= dict.fromkeys(acl_nodes.PERSISTENT, b"")
        if self._settings.has_tokens:
            wanted |= dict.fromkeys(token_nodes.PERSISTENT, b"")
        wanted[paths.CLUSTER_ID] = znodes.encode_cluster_id(
            cluster_id or uuid_text(random_uuid(self._random_bytes(16)))
        )
        wanted[paths.CONTROLLER_EPOCH] = znodes.encode_controller_epoch(0)
        wanted[paths.FEATURE] = znodes.encode_apache_features()
        await self._create_missing(wanted)

    async def _create_missing(self, wanted: Mapping[str, bytes]) -> None:
        ordered: dict[str, bytes] = {}
        for path, data in wanted.items():
            ordered.update((ancestor, b"") for ancestor in paths.ancestors(path) if ancestor not in ordered)
            ordered[path] = data
        present = await self._tree.get_many(list(ordered))
        missing: list[Operation] = [
            Create(path, data)
            for (path, data), node in zip(ordered.items(), present, strict=True)
            if node is None
        ]
        for start in range(0, len(missing), MAX_OPERATIONS_PER_MULTI):
            await self._tree.multi(missing[start : start + MAX_OPERATIONS_PER_MULTI])

    async def _register_broker(self, registration: BrokerRegistration) -> BrokerRegistration:
        """Returns the registration with its epoch."""
        path = paths.broker(registration.broker_id)
        data = znodes.encode_broker(registration, self._now_ms())
        try:
            await self._tree.create(path, data, ephemeral=True)
        except NodeExists as error:
            raise KafkaError(
                ErrorCode.DUPLICATE_BROKER_REGISTRATION,
                f"A live broker is registered under id {registration.broker_id} already.",
            ) from error
        _, stat = await self._tree.get(path)
        return registration._replace(epoch=stat.czxid)

    async def _become_controller(self) -> tuple[int, int]:
        """Returns the controller epoch, and the version that its node now has."""
        data, stat = await self._tree.get(paths.CONTROLLER_EPOCH)
        epoch = znodes.decode_controller_epoch(paths.CONTROLLER_EPOCH, data) + 1
        registration = znodes.encode_controller(self._settings.broker_id, self._now_ms())
        await self._tree.multi(
            [
                Create(paths.CONTROLLER, registration, ephemeral=True),
                SetData(paths.CONTROLLER_EPOCH, znodes.encode_controller_epoch(epoch), stat.version),
            ]
        )
        return epoch, stat.version + 1

    async def _bring_in_order(self, controller: Controller, reading: Reading) -> None:
        """Complete what another controller, or a change that failed, left half done."""
        await self._publish(*reading.draft.finish())
        await self._carry_out(controller.finish_deletions(self.image, reading.left_by_deletions))
        await self._carry_out(controller.give_ids(self.image))
        await self._create_missing(
            {
                paths.partition(name, partition): b""
                for name, topic in self.image.topics.items()
                for partition, state in topic.partitions.items()
                if state.partition_epoch == NO_STATE_YET
            }
        )
        await self._carry_out(controller.elect_where_needed(self.image))
        await self._carry_out(
            controller.finalize_features(
                self.image,
                production_levels(unstable=self._settings.unstable_features),
                reading.features_version,
            )
        )
        self._broken_off = False


def _why_inconsistent(of_logs: str, of_tree: str) -> str:
    return (
        f"the log directories belong to cluster {of_logs}, but the metadata "
        + (f"is that of cluster {of_tree}" if of_tree else "is empty")
        + "; let ottla.metadata.dir (or zookeeper.connect) point to the metadata that belongs to them, or bring it "
        "over with `ottla cluster import`"
    )
