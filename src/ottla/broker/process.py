"""The process that is a broker: what belongs to a process and not to a `BrokerServer`.

uvloop, signals, the log on stderr, the garbage collector. SIGTERM and SIGINT stop the broker in order; a second one ends the
process at once, leaving the rest to recovery.
"""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys

from ottla.broker.logging import set_up
from ottla.broker.server import BrokerServer
from ottla.cluster.metadata import InconsistentClusterId
from ottla.cluster.tree import TreeError
from ottla.config.broker_config import BrokerConfig
from ottla.config.checks import InvalidConfigurationError
from ottla.protocol.errors import KafkaError
from ottla.storage.log_directory import DirectoryError

_log = logging.getLogger("ottla.broker")

_YOUNG_OBJECTS = 50_000
"""Objects made before the collector looks at the young ones. Requests leave no cycles, so it seldom finds anything."""

EXIT_FAILED = 1


def main(config: BrokerConfig) -> int:
    """Run a broker until it is told to stop; the process's exit code."""
    handler = set_up(config.ottla_log_format, config.ottla_log_level)
    try:
        return _run(config)
    finally:
        handler.close()


def _run(config: BrokerConfig) -> int:
    for warning in config.warnings:
        _log.warning("%s", warning)
    _raise_descriptor_limit()
    try:
        import uvloop  # noqa: PLC0415 - it is optional
    except ImportError:
        _log.warning("uvloop is not installed: the broker runs on asyncio's own loop, which costs more CPU")
        return asyncio.run(_serve(config))
    return int(uvloop.run(_serve(config)))


async def _serve(config: BrokerConfig) -> int:
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        if asked_to_stop.is_set():
            os._exit(EXIT_FAILED)
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    failures: list[int] = []

    def give_up() -> None:
        failures.append(EXIT_FAILED)
        asked_to_stop.set()

    broker = BrokerServer(config)
    broker.on_all_directories_failed = give_up
    try:
        await broker.start()
    except (
        OSError,
        DirectoryError,
        TreeError,
        InconsistentClusterId,
        InvalidConfigurationError,
        KafkaError,
    ) as error:
        _log.error("The broker can't start: %s", error)
        return EXIT_FAILED
    # What lives now lives until the end; the collector, off since the start, need not look at it.
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    gc.enable()
    await asked_to_stop.wait()
    await broker.stop()
    return failures[0] if failures else 0


def _raise_descriptor_limit() -> None:
    """As many files and sockets as the machine allows this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sys.platform == "darwin":
        hard = min(hard, 10_240)  # the kernel refuses more, whatever the limit says
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
