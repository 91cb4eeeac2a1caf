"""Topics that the broker makes without an administrator: those a client asks for, and its own."""

import asyncio
import logging
from typing import TYPE_CHECKING

from ottla.broker.internal_topics import GROUP_METADATA_TOPIC, INTERNAL_TOPICS
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

    async def internal(self, name: str) -> ErrorCode:
        """Make one of the broker's own topics if it isn't there; NONE when it is there afterwards."""
        if self._broker.metadata.image.topic(name) is not None:
            return ErrorCode.NONE
        if name != GROUP_METADATA_TOPIC:
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        task = self._creating.get(name)
        if task is None:
            task = self._creating[name] = self._broker.loop.create_task(self._create_offsets_topic())
            task.add_done_callback(lambda _: self._creating.pop(name, None))
        return await asyncio.shield(task)

    async def _create_offsets_topic(self) -> ErrorCode:
        config = self._broker.config
        live = len(self._broker.metadata.image.brokers)
        topic = NewTopic(
            GROUP_METADATA_TOPIC,
            partitions=config.offsets_topic_num_partitions,
            replication_factor=max(1, min(config.offsets_topic_replication_factor, live)),
            configs={
                "cleanup.policy": "compact",
                "segment.bytes": str(config.offsets_topic_segment_bytes),
                "compression.type": "producer",
            },
            internal=True,
        )
        try:
            (outcome,) = await self._broker.metadata.create_topics([topic])
        except KafkaError as error:
            return error.code
        return ErrorCode.NONE if outcome.error is ErrorCode.TOPIC_ALREADY_EXISTS else outcome.error
