"""Topics that the broker makes without an administrator: those a client asks for, and its own."""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ottla.broker.internal_topics import (
    GROUP_METADATA_TOPIC,
    INTERNAL_TOPICS,
    SHARE_GROUP_STATE_TOPIC,
    TRANSACTION_STATE_TOPIC,
)
from ottla.cluster.changes import NewTopic
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_log = logging.getLogger(__name__)

_CREATION_ERRORS_TOLD = frozenset((ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.INVALID_REPLICATION_FACTOR))


class TopicCreation:
    """Used on the loop's thread. A topic that two clients ask for at once is made once."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker
        self._creating: dict[str, asyncio.Task[ErrorCode]] = {}
        self._creating_for_streams: dict[str, asyncio.Task[None]] = {}
        """Bounded by the internal topics of the groups' topologies: members ask with each heartbeat until they exist."""

    async def missing(self, names: list[str]) -> dict[str, ErrorCode]:
        """Make topics that a client asked for, with the broker's defaults; what to answer for those that can't be."""
        errors: dict[str, ErrorCode] = {}
        ordinary = []
        for name in names:
            if name in INTERNAL_TOPICS:
                error = await self.internal(name)
                if error is not ErrorCode.NONE:
                    errors[name] = error
            elif name not in ordinary:
                ordinary.append(name)
        try:
            outcomes = await self._broker.metadata.create_topics([NewTopic(name) for name in ordinary])
        except KafkaError as error:
            _log.warning("Topics %s could not be made: %s", ", ".join(ordinary), error)
            return errors | dict.fromkeys(ordinary, ErrorCode.LEADER_NOT_AVAILABLE)
        for outcome in outcomes:
            if outcome.error in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS) or outcome.name is None:
                continue
            told = outcome.error in _CREATION_ERRORS_TOLD
            errors[outcome.name] = outcome.error if told else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return errors

    def for_streams(self, topics: Iterable[NewTopic]) -> None:
        """Make the internal topics of a streams group, those not being made already. Nobody waits: who needs them asks
        again."""
        new = [topic for topic in topics if topic.name not in self._creating_for_streams]
        if not new:
            return
        task = self._broker.loop.create_task(self._create_for_streams(new))
        for topic in new:
            self._creating_for_streams[topic.name] = task

        def forget(_: object) -> None:
            for topic in new:
                self._creating_for_streams.pop(topic.name, None)

        task.add_done_callback(forget)

    async def _create_for_streams(self, topics: list[NewTopic]) -> None:
        try:
            outcomes = await self._broker.metadata.create_topics(topics)
        except KafkaError as error:
            _log.warning("Internal topics of a streams group could not be made: %s", error)
            return
        for outcome in outcomes:
            if outcome.error not in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS):
                _log.warning(
                    "Internal topic %s of a streams group could not be made: %s",
                    outcome.name,
                    outcome.message,
                )

    async def internal(self, name: str) -> ErrorCode:
        """Make one of the broker's own topics if it isn't there; NONE when it is there afterwards."""
        if self._broker.metadata.image.topic(name) is not None:
            return ErrorCode.NONE
        make = {
            GROUP_METADATA_TOPIC: self._offsets_topic,
            SHARE_GROUP_STATE_TOPIC: self._share_state_topic,
            TRANSACTION_STATE_TOPIC: self._transaction_topic,
        }.get(name)
        if make is None:
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        task = self._creating.get(name)
        if task is None:
            task = self._creating[name] = self._broker.loop.create_task(self._create(make()))
            task.add_done_callback(lambda _: self._creating.pop(name, None))
        return await asyncio.shield(task)

    def _offsets_topic(self) -> NewTopic:
        config = self._broker.config
        return NewTopic(
            GROUP_METADATA_TOPIC,
            partitions=config.offsets_topic_num_partitions,
            replication_factor=self._replicas(config.offsets_topic_replication_factor),
            configs={
                "cleanup.policy": "compact",
                "segment.bytes": str(config.offsets_topic_segment_bytes),
                "compression.type": "producer",
            },
            internal=True,
        )

    def _transaction_topic(self) -> NewTopic:
        replicas = self._replicas(self._broker.config.transaction_state_log_replication_factor)
        return NewTopic(
            TRANSACTION_STATE_TOPIC,
            partitions=self._broker.config.transaction_state_log_num_partitions,
            replication_factor=replicas,
            configs={
                "cleanup.policy": "compact",
                "compression.type": "uncompressed",
                # With fewer brokers than the setting asks for, nothing could be written.
                "min.insync.replicas": str(min(self._number("transaction.state.log.min.isr"), replicas)),
                "segment.bytes": str(self._number("transaction.state.log.segment.bytes")),
                "unclean.leader.election.enable": "false",
            },
            internal=True,
        )

    def _share_state_topic(self) -> NewTopic:
        return NewTopic(
            SHARE_GROUP_STATE_TOPIC,
            partitions=self._number("share.coordinator.state.topic.num.partitions"),
            replication_factor=self._replicas(
                self._number("share.coordinator.state.topic.replication.factor")
            ),
            configs={
                "cleanup.policy": "delete",
                "compression.type": "producer",
                "segment.bytes": str(self._number("share.coordinator.state.topic.segment.bytes")),
                "min.insync.replicas": str(
                    self._replicas(self._number("share.coordinator.state.topic.min.isr"))
                ),
                "retention.ms": "-1",
            },
            internal=True,
        )

    def _number(self, setting: str) -> int:
        value = self._broker.config.get(setting)
        assert isinstance(value, int), setting
        return value

    def _replicas(self, wanted: int) -> int:
        """As many as wanted, or as many as there are brokers."""
        return max(1, min(wanted, len(self._broker.metadata.image.brokers)))

    async def _create(self, topic: NewTopic) -> ErrorCode:
        try:
            (outcome,) = await self._broker.metadata.create_topics([topic])
        except KafkaError as error:
            return error.code
        return ErrorCode.NONE if outcome.error is ErrorCode.TOPIC_ALREADY_EXISTS else outcome.error
