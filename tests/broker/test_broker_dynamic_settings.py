"""Dynamic settings that a broker finds in the tree when it starts."""

import asyncio
from pathlib import Path

from ottla.broker.server import BrokerServer
from ottla.cluster import paths, znodes
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.tree import Create
from ottla.config.broker_config import broker_config
from ottla.storage.disk import MemoryDisk


def test_one_that_can_t_hold_does_not_take_the_others_along(tmp_path: Path) -> None:
    """Another version may have stored it: it is passed over, the rest holds, and the broker starts."""

    async def scenario() -> None:
        tree = EmbeddedTree(str(tmp_path / "metadata.sqlite"))
        await tree.open()
        node = f"{paths.CONFIG}/brokers/1"
        stored = {"log.cleaner.backoff.ms": "5", "log.cleaner.threads": "-3", "max.connections": "77"}
        await tree.multi([*map(Create, paths.ancestors(node)), Create(node, znodes.encode_config(stored))])
        await tree.close()
        config = broker_config({"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": "/logs"})
        broker = BrokerServer(config, disk=MemoryDisk(), tree=EmbeddedTree(str(tmp_path / "metadata.sqlite")))
        await broker.start()
        try:
            assert broker.config.max_connections == 77
            assert broker.config.log_cleaner_backoff_ms == 5
            assert broker.config.log_cleaner_threads == 1
        finally:
            await broker.stop()

    asyncio.run(scenario())
