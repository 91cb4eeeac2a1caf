"""What the broker does when a log directory fails: its partitions lose their leader, and the cluster is told."""

import asyncio
import logging
from typing import TYPE_CHECKING

from ottla.protocol.errors import KafkaError
from ottla.protocol.types import TopicPartition
from ottla.storage.log_directory import DirectoryState, LogDirectory

if TYPE_CHECKING:
    from ottla.broker.server import BrokerServer

_log = logging.getLogger(__name__)


class DirectoryFailures:
    """Hears of the log directories of one broker. On the loop."""

    def __init__(self, broker: "BrokerServer") -> None:
        self._broker = broker
        self._reports: set[asyncio.Task[None]] = set()
        """The loop itself keeps only weak references to tasks. Bounded by the directories."""

    def changed(self, directory: LogDirectory) -> None:
        """A directory has another state. A full one serves on, and needs nothing here."""
        if directory.state is not DirectoryState.OFFLINE:
            return
        broker = self._broker
        failed = broker.logs.logs_in(directory)
        _log.error("Log directory %s failed: %d partitions on it are offline", directory.path, len(failed))
        broker.replicas.directory_failed(failed)
        if all(each.state is DirectoryState.OFFLINE for each in broker.logs.directories):
            _log.critical("Every log directory has failed: %s", ", ".join(broker.config.log_dirs))
            if broker.on_all_directories_failed is not None:
                broker.on_all_directories_failed()
        reporting = broker.loop.create_task(self._report(failed))
        self._reports.add(reporting)
        reporting.add_done_callback(self._reports.discard)

    async def _report(self, failed: list[TopicPartition]) -> None:
        try:
            await self._broker.metadata.report_offline_replicas(self._broker.node_id, failed)
        except KafkaError as error:
            _log.error("The cluster could not be told: %s", error)
