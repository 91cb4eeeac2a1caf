"""`Broker`: a Kafka broker as an object of a test."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

START_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 10.0
HOST = "127.0.0.1"

DEFAULTS: Mapping[str, str] = {
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
}
"""Where a test wants other than Apache's defaults: no waiting for members that will not come, no 50 empty partitions."""

Setting = str | int | float | bool


class BrokerStartError(RuntimeError):
    """The broker did not start. The message tells why."""


class RunningBroker(Protocol):
    """A broker behind a `Broker`: on a thread, or in a process. Started once; `restart` follows `stop` or `kill`."""

    def start(self, settings: Mapping[str, str]) -> int:
        """Serve, and answer the port."""

    def stop(self) -> None:
        """End in order, keep the data."""

    def kill(self) -> None:
        """End without order, keep what was written."""

    def close(self) -> None:
        """Let go of everything, data in memory and temporary files too."""

    def abandon(self) -> None:
        """In a child after a fork: let go of the parent's connections, do nothing else."""


class Broker:
    """A Kafka broker for tests, on a free port of 127.0.0.1. Use it in a `with`, or call `start` and `close`.

    `data`: directory for its data; None keeps it in memory (with `process=True`, in a temporary directory).
    `process`: run it in a process of its own, so that `kill` is a real SIGKILL and no interpreter is shared.
    `port`: 0 takes a free one, the same again after a restart.
    `settings`: broker settings under Apache Kafka's names; as keywords with underscores too:
    `Broker(auto_create_topics_enable=False)` is `auto.create.topics.enable=false`.

    After a fork, the child's copy is inert: its methods do nothing, the parent's broker goes on.
    """

    def __init__(
        self,
        *,
        data: str | os.PathLike[str] | None = None,
        process: bool = False,
        port: int = 0,
        settings: Mapping[str, Setting] | None = None,
        **named_settings: Setting,
    ) -> None:
        by_keyword = {name.replace("_", "."): value for name, value in named_settings.items()}
        given = {**(settings or {}), **by_keyword}
        self._settings = {**DEFAULTS, **{name: _text(value) for name, value in given.items()}}
        self._data = None if data is None else Path(data).absolute()
        self._in_process = process
        self._port = port
        self._running: RunningBroker | None = None
        self._serving = False
        self._owner = os.getpid()

    def __repr__(self) -> str:
        where = self.bootstrap_servers if self._serving else "not running"
        return f"<ottla.testing.Broker {where}>"

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, as clients take it. Raises RuntimeError before the first start."""
        if not self._port:
            raise RuntimeError(
                "the broker has not been started: use `with Broker() as broker`, or broker.start()"
            )
        return f"{HOST}:{self._port}"

    @property
    def host(self) -> str:
        """Where it listens."""
        return HOST

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start if none was given."""
        return self._port

    def start(self) -> Self:
        """Serve; returns when clients are answered. Raises `BrokerStartError` with the reason if it cannot."""
        if self._serving or self._forked():
            return self
        if self._running is None:
            self._running = self._make()
            _remember(self)
        listeners = {"listeners": f"PLAINTEXT://{HOST}:{self._port}"}
        self._port = self._running.start({**listeners, **self._settings})
        self._serving = True
        return self

    def stop(self) -> None:
        """End in order: what was acknowledged is on disk. `start` or `restart` goes on with the same data and port."""
        if self._running is not None and self._serving and not self._forked():
            self._serving = False
            self._running.stop()

    def kill(self) -> None:
        """End at once. In a process this is SIGKILL; on a thread connections are cut and nothing is flushed or marked."""
        if self._running is not None and self._serving and not self._forked():
            self._serving = False
            self._running.kill()

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same data and port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it, and let go of everything: threads, descriptors, data in memory, temporary files."""
        if self._running is None or self._forked():
            return
        try:
            self.stop()
        finally:
            running, self._running = self._running, None
            running.close()

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        *,
        replication_factor: int = 1,
        configs: Mapping[str, Setting] | None = None,
    ) -> None:
        """Make a topic, which clients see at once. Raises `ottla.protocol.errors.KafkaError` if the broker refuses."""
        from ottla.testing.topics import create_topic

        texts = {key: _text(value) for key, value in (configs or {}).items()}
        create_topic(self.host, self.port, name, partitions, replication_factor, texts, REQUEST_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self) -> RunningBroker:
        if self._in_process:
            from ottla.testing.separate import SeparateBroker

            return SeparateBroker(self._data, START_TIMEOUT_S)
        from ottla.testing.embedded import EmbeddedBroker

        return EmbeddedBroker(self._data, START_TIMEOUT_S)

    def _forked(self) -> bool:
        return os.getpid() != self._owner

    def _abandon(self) -> None:
        if self._running is not None:
            self._running.abandon()


def _text(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_brokers: weakref.WeakSet[Broker] = weakref.WeakSet()
_registered = False


def _remember(broker: Broker) -> None:
    global _registered
    _brokers.add(broker)
    if not _registered:
        _registered = True
        os.register_at_fork(after_in_child=_abandon_all)


def _abandon_all() -> None:
    for broker in list(_brokers):
        broker._abandon()
    _brokers.clear()
