"""The broker: its rooms put together, started, kept going and stopped.

    config ──▶ logs (locked, loaded) ──▶ listeners (bound) ──▶ metadata (open, registered) ──▶ replicas ──▶ serving

It runs on whatever loop calls `start`, several of them in one process if need be, and touches nothing that belongs to the
process: no signals, no loop policy, no logging set-up, no garbage collector. `process` does that for the command.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ottla.broker.addresses import address_of, advertised
from ottla.broker.authorization import make_authorizer
from ottla.broker.client_telemetry import ClientTelemetry
from ottla.broker.configs import Configs
from ottla.broker.connection import Connection
from ottla.broker.context import RequestContext
from ottla.broker.coordinators import make_groups, make_marker_writer, make_transactions
from ottla.broker.delayed import Timers
from ottla.broker.directory_failures import DirectoryFailures
from ottla.broker.dispatch import served_by
from ottla.broker.features import Features
from ottla.broker.fetch_sessions import FetchSessionCache
from ottla.broker.group_shell import GroupShell
from ottla.broker.handlers import registered
from ottla.broker.handlers.metadata import MetadataAnswers
from ottla.broker.listener import ConnectionCounts, Listener
from ottla.broker.loop_lag import LoopLag
from ottla.broker.marker_writing import MarkerWriter
from ottla.broker.metadata_following import MetadataFollowing, delta_to
from ottla.broker.metrics_sources import register
from ottla.broker.producer_ids import ProducerIds
from ottla.broker.pushed_metrics import PushedMetrics
from ottla.broker.receive import ReceiveMemory
from ottla.broker.room_settings import (
    connection_limits,
    listen_backlog,
    log_store_settings,
    metadata_settings,
    token_key,
)
from ottla.broker.routes import Routes
from ottla.broker.sending import FileReads
from ottla.broker.shares import Shares
from ottla.broker.threads import Threads
from ottla.broker.throttling import AddressQuota, Throttling
from ottla.broker.topic_counters import TopicCounters, TopicCountersByName
from ottla.broker.topic_creation import TopicCreation
from ottla.broker.transaction_shell import TransactionShell
from ottla.broker.transactional_writes import TransactionalWrites
from ottla.broker.turns import Turns
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.image import ConfigType, MetadataImage
from ottla.cluster.metadata import Metadata
from ottla.cluster.tree import Tree
from ottla.config.broker_config import BrokerConfig
from ottla.config.topic_config import TopicConfig, topic_config
from ottla.config.validators import InvalidSettingError
from ottla.groups.share_group_requests import ShareGroupRequests
from ottla.metrics.page import page
from ottla.metrics.registry import Registry
from ottla.protocol.errors import KafkaError
from ottla.protocol.types import TopicPartition, Uuid, random_uuid, uuid_text
from ottla.replication.replicas import Replicas
from ottla.storage.disk import Disk, MemoryDisk, PosixDisk
from ottla.storage.log_store import LogStore
from ottla.storage.partition_log import PartitionLog

if TYPE_CHECKING:
    from ottla.broker.http import HealthPages
    from ottla.broker.login import Logins
    from ottla.broker.schema_validation import SchemaValidation
    from ottla.broker.tokens import Tokens
    from ottla.security.authorizer import Authorizer

_log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_SESSION_EVICTION_MS = 120_000
"""Apache's `min.incremental.fetch.session.eviction.ms`, which is fixed."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class BrokerServer:
    """One broker. `start` and `stop` are called once each, on the same loop."""

    loop: asyncio.AbstractEventLoop
    timers: Timers
    threads: Threads
    turns: Turns
    metadata: Metadata
    logs: LogStore
    replicas: Replicas
    groups: GroupShell
    transactional_writes: TransactionalWrites
    marker_writer: MarkerWriter
    transactions: TransactionShell
    share_groups: ShareGroupRequests
    shares: Shares
    producer_ids: ProducerIds
    fetch_sessions: FetchSessionCache
    loop_lag: LoopLag
    configs: Configs

    def __init__(
        self,
        config: BrokerConfig,
        *,
        disk: Disk | None = None,
        tree: Tree | None = None,
        now_ms: Callable[[], int] = _wall_clock_ms,
    ) -> None:
        """`disk`: where logs lie, the machine's disks if None; with a `MemoryDisk` the metadata is in memory as well,
        unless a `tree` is given."""
        self.config = config
        self.now_ms = now_ms
        self.node_id = config.node_id
        self.listeners: list[Listener] = []
        self.routes = Routes(served_by(config, registered.all_registrations()))
        self.logins: Logins | None = None
        """None without a listener on which clients log in by SASL."""
        self._excluded_settings: set[tuple[str, str]] = set()
        self.metadata_answers = MetadataAnswers()
        self.topic_creation = TopicCreation(self)
        self.topics = TopicCountersByName()
        self.features = Features(config)
        self.throttling: Throttling | None = None
        """None while there is no quota for users and clients."""
        self.authorizer: Authorizer | None = make_authorizer(config, now_ms)
        """None without one: then everything is allowed."""
        self.tokens: Tokens | None = None
        """None without a secret by which delegation tokens are made."""
        self._schema_validation: SchemaValidation | None = None
        self.address_quota = AddressQuota(config)
        self.telemetry = ClientTelemetry(_telemetry_max_bytes(config), lambda: random_uuid(os.urandom(16)))
        self.pushed_metrics = PushedMetrics()
        self.ready = False
        """Whether clients are served."""
        self.metrics = Registry()
        self.pages: HealthPages | None = None
        self.on_all_directories_failed: Callable[[], None] | None = None
        """Called when there is no log directory left to serve from; Apache's broker ends itself then."""
        self._unknown_topics = TopicCounters()
        self.bygone_topics = TopicCounters()
        """The traffic of topics that were deleted, in one sum."""
        self._disk = PosixDisk() if disk is None else disk
        self._tree = tree
        self._tick_timer: asyncio.TimerHandle | None = None
        self._high_watermarks_due_ms = 0
        self._directory_failures = DirectoryFailures(self)
        self._following = MetadataFollowing(self)
        self._stopped = False

    # Starting.

    async def start(self) -> None:
        """Serve. Returns when clients are answered.

        Raises what keeps it from starting: `OSError` for an address in use, storage's `DirectoryError`, cluster's
        `TreeUnavailable` and `InconsistentClusterId`, `InvalidConfigurationError` for certificates that can't be used. What
        was begun is undone then.
        """
        self.loop = asyncio.get_running_loop()
        try:
            await self._start()
        except BaseException:
            await self.stop(0)
            raise

    async def _start(self) -> None:
        config = self.config
        self.timers = Timers(self.loop)
        self.threads = Threads(self.loop)
        self.turns = Turns(self.loop)
        self.loop_lag = LoopLag(self.loop)
        self.fetch_sessions = FetchSessionCache(
            config.max_incremental_fetch_session_cache_slots, _SESSION_EVICTION_MS, _random_int
        )
        self.logs = LogStore(config.log_dirs, self._disk, log_store_settings(config), self._post)
        await self.in_thread(self.logs.acquire)
        if not config.node_id_given and self.logs.broker_id is not None:
            self.config = config = config.with_given({"node.id": str(self.logs.broker_id)})
        self.node_id = config.node_id
        await self._open_pages()
        await self._bind()
        await self._open_metadata()
        for listener in self.listeners:
            await listener.open_tls(self.config, self.threads)
        self._open_tokens()
        await self._open_logins()
        await self._load_logs()
        await self.configs.encode_passwords_anew()
        register(self.metrics, self)
        for listener in self.listeners:
            await listener.serve()
        self.loop_lag.start()
        self._tick()
        self.ready = True
        _log.info("[KafkaServer id=%d] started", self.node_id)

    async def _bind(self) -> None:
        config = self.config
        memory = ReceiveMemory(config.queued_max_request_bytes)
        reads = FileReads(self.loop, self.threads, self.turns)
        counts = ConnectionCounts(connection_limits(config))
        versions_file = str(config.get("ottla.client.versions.file") or "")
        versions = None
        if versions_file:
            from ottla.broker.client_versions import ClientVersions  # noqa: PLC0415 - only tests note them

            versions = ClientVersions(versions_file)
        for endpoint in config.listeners:
            listener = Listener(
                self,
                endpoint.listener_name,
                endpoint.security_protocol,
                routes=self.routes,
                memory=memory,
                reads=reads,
                counts=counts,
                log=_log,
            )
            if versions is not None:
                listener.make_connection = versions.connection
            self.listeners.append(listener)
            await listener.bind(endpoint.host, endpoint.port, listen_backlog(config))

    def _open_tokens(self) -> None:
        key = token_key(self.config)
        if key is not None:
            from ottla.broker.tokens import Tokens  # noqa: PLC0415 - few brokers have them

            self.tokens = Tokens(self, key)
            self.tokens.take(self.metadata.image)
            self.tokens.known.index()

    async def _open_logins(self) -> None:
        """Raises `InvalidConfigurationError`."""
        with_sasl = [each for each in self.listeners if each.security_protocol.startswith("SASL")]
        if with_sasl:
            from ottla.broker.login import Logins  # noqa: PLC0415 - few brokers have such listeners

            self.logins = Logins(self, await self.metadata.kept_secret())
            self.logins.check()
        for listener in with_sasl:
            listener.logins = self.logins

    async def _open_metadata(self) -> None:
        config = self.config
        if self._tree is None:
            in_memory = isinstance(self._disk, MemoryDisk)
            path = ":memory:" if in_memory else os.path.join(config.metadata_dir, "metadata.sqlite")  # noqa: PTH118 - a Path costs more to import than to do without
            self._tree = EmbeddedTree(path, now_ms=self.now_ms)
        self.configs = Configs(self)
        self.metadata = Metadata(
            self._tree,
            metadata_settings(config),
            self.configs,
            random_bytes=os.urandom,
            now_ms=self.now_ms,
        )
        self.producer_ids = ProducerIds(self.metadata.allocate_producer_ids)
        image = await self.metadata.open(self.logs.cluster_id)
        await self.configs.learn_passwords()
        self._following.begin(image)
        await self.in_thread(lambda: self.logs.claim(self.node_id, image.cluster_id))

    async def _load_logs(self) -> None:
        self.replicas = Replicas(self.node_id, self.logs, self.topic_config, self.now_ms)
        self.groups = make_groups(self)
        self.shares = Shares(self)
        self.share_groups = ShareGroupRequests(self.groups.service, self.shares.persister)
        self.transactional_writes = TransactionalWrites(self)
        self.marker_writer = make_marker_writer(self)
        self.transactions = make_transactions(self)
        self.logs.on_directory_change = self._directory_failures.changed
        self.logs.bound_retention(self._high_watermark_of)
        now_ms = self.now_ms()
        await self.in_thread(
            lambda: self.logs.load(
                self.topic_config,
                now_ms=now_ms,
                on_loaded=self.replicas.log_loaded,
            ),
        )
        await self.metadata.register(
            advertised(self.listeners, self.config),
            rack=self.config.broker_rack,
            features=self.features.supported,
        )
        image = self.metadata.image
        self.features.take(image)
        if self.authorizer is not None:
            self.authorizer.apply(image.acls, image.acls)
        self._set_strays_aside(image)
        everything = delta_to(image)
        self.groups.metadata_changed(image, everything)
        for _ in self.replicas.apply(image, everything):
            await asyncio.sleep(0)
        self.metadata.subscribe(self._following.changed)

    def _set_strays_aside(self, image: MetadataImage) -> None:
        """Logs of topics that were deleted while this broker was down: a new topic of that name must not meet them."""

        def is_ours(log: TopicPartition, topic_id: Uuid | None) -> bool:
            topic, state = image.topics.get(log.topic), image.partition(*log)
            if topic is None or state is None or self.node_id not in state.replicas:
                return False
            return topic_id in (None, topic.topic_id)

        for log in self.logs.strays(is_ours):
            self.logs.mark_stray(log)

    async def _open_pages(self) -> None:
        """At once, so that a start which takes long can be told from a broker that has died."""
        address = self.config.ottla_metrics_listener
        if address:
            from ottla.broker.http import HealthPages  # noqa: PLC0415 - most brokers have no such page

            host, _, port = address.rpartition(":")
            self.pages = HealthPages(is_ready=lambda: self.ready, metrics=lambda: page(self.metrics))
            await self.pages.open(host.strip("[]"), int(port))

    # Stopping.

    async def stop(self, timeout_s: float | None = None) -> None:
        """End service in order: no new connections, requests in hand answered, groups let go, logs flushed and marked clean.

        After `timeout_s` (`ottla.shutdown.timeout.ms` if None) connections are cut. Never raises; what could not be
        done is logged, and recovery does it at the next start.
        """
        if self._stopped:
            return
        self._stopped = True
        was_ready, self.ready = self.ready, False
        if timeout_s is None:
            timeout_s = self.config.ottla_shutdown_timeout_ms / 1000
        if self._tick_timer is not None:
            self._tick_timer.cancel()
        if was_ready:
            _log.info("[KafkaServer id=%d] shutting down", self.node_id)
            self.loop_lag.stop()
        await asyncio.gather(*(listener.close(timeout_s) for listener in self.listeners))
        if self.pages is not None:
            await self.pages.close()
        if self.logins is not None:
            self.logins.close()
        if self._schema_validation is not None:
            self._schema_validation.close()
        for part in ("shares", "groups", "transactions", "fetch_sessions", "timers"):
            if hasattr(self, part):
                getattr(self, part).close()
        if hasattr(self, "producer_ids"):
            await self.producer_ids.close()
        await self._close_logs_and_metadata(clean=was_ready)
        if hasattr(self, "threads"):
            self.threads.close()
        if was_ready:
            _log.info("[KafkaServer id=%d] shut down completed", self.node_id)

    async def _close_logs_and_metadata(self, *, clean: bool) -> None:
        if hasattr(self, "replicas"):
            self.logs.checkpoint_high_watermarks(self.replicas.high_watermarks())
        if hasattr(self, "logs"):
            registration = (
                self.metadata.image.brokers.get(self.node_id) if hasattr(self, "metadata") else None
            )
            epoch = -1 if registration is None else registration.epoch
            try:
                await self.in_thread(lambda: self.logs.close(clean=clean, broker_epoch=epoch))
            except (KafkaError, OSError):
                _log.exception("The logs could not be closed in order; they are recovered at the next start")
        if hasattr(self, "metadata"):
            await self.metadata.close()

    async def in_thread(self, function: Callable[[], None]) -> None:
        """Wait for `function` on a thread; raises what it raises."""
        await self.threads.result(function)

    def _post(self, function: Callable[[], None]) -> None:
        """For storage's threads: run `function` on the loop."""
        with contextlib.suppress(RuntimeError):  # the loop has closed, and with it whoever wanted to know
            self.loop.call_soon_threadsafe(function)

    # What handlers ask for.

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return sum(len(listener.connections) for listener in self.listeners)

    def port(self, listener_name: str | None = None) -> int:
        """The port that a listener is bound to; the first one's by default."""
        for listener in self.listeners:
            if listener_name in (None, listener.name):
                return listener.port
        raise KeyError(listener_name)

    def address_of(self, broker_id: int, context: RequestContext) -> tuple[str, int] | None:
        """Host and port by which the client of `context` can reach a broker; None if there is no such broker for it."""
        return address_of(self, broker_id, context.connection)

    def topic_config(self, topic: str) -> TopicConfig:
        """The settings that hold for a topic now.

        A tree taken over from Kafka 3.9 may hold values that 4.1 excludes (`segment.bytes` below 1 MiB): the default
        holds instead, for one topic's setting must not keep the broker from starting.
        """
        settings = dict(self.metadata.image.config(ConfigType.TOPIC, topic))
        while True:
            try:
                return topic_config(self.config.topic_defaults, settings)
            except InvalidSettingError as error:
                del settings[error.name]
                if (topic, error.name) not in self._excluded_settings:
                    self._excluded_settings.add((topic, error.name))
                    _log.warning("topic %s: %s; the broker's default holds instead", topic, error)

    def topic_counters(self, topic: str) -> TopicCounters:
        """The topic's counters; those of topics that don't exist are one, or clients could make as many as they like."""
        counters = self.topics.get(topic)
        if counters is None:
            if self.metadata.image.topic(topic) is None:
                return self._unknown_topics
            counters = self.topics[topic]
        return counters

    def bygone_traffic(self, read: Callable[[TopicCounters], int]) -> int:
        """What has passed through topics that don't exist, or no more: the sum over all topics must not fall."""
        return read(self._unknown_topics) + read(self.bygone_topics)

    @property
    def schema_validation(self) -> "SchemaValidation":
        """Made for the first topic that wants it: nobody else pays for an HTTP client."""
        if self._schema_validation is None:
            from ottla.broker.schema_validation import schema_validation  # noqa: PLC0415

            self._schema_validation = schema_validation(self.config)
        return self._schema_validation

    # Keeping going.

    def _high_watermark_of(self, log: PartitionLog) -> int:
        partition = self.replicas.partitions.get(log.topic_partition)
        return log.log_end_offset if partition is None else partition.high_watermark

    def _tick(self) -> None:
        self._tick_timer = self.loop.call_later(_TICK_SECONDS, self._tick)
        now_ms = self.now_ms()
        self.logs.tick(now_ms)
        self.transactional_writes.tick(now_ms)
        if self.tokens is not None:
            self.tokens.tick(now_ms)
        if now_ms >= self._high_watermarks_due_ms:
            self._high_watermarks_due_ms = now_ms + self.config.replica_high_watermark_checkpoint_interval_ms
            self.logs.checkpoint_high_watermarks(self.replicas.high_watermarks())
        if self.throttling is not None:
            self.throttling.expire(now_ms)
        self.address_quota.rate.expire(now_ms)
        for gone in self.telemetry.expire(now_ms):
            self.pushed_metrics.forget(uuid_text(gone.uuid))

    def each_connection(self) -> list[Connection]:
        """Every connection, for tests and metrics."""
        return [connection for listener in self.listeners for connection in listener.connections]


def _telemetry_max_bytes(config: BrokerConfig) -> int:
    value = config.get("telemetry.max.bytes")
    assert isinstance(value, int)
    return value


def _random_int() -> int:
    return int.from_bytes(os.urandom(4), "big") >> 1
