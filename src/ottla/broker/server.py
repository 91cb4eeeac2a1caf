"""The broker: its rooms put together, started, kept going and stopped.

    config ──▶ logs (locked, loaded) ──▶ listeners (bound) ──▶ metadata (open, registered) ──▶ replicas ──▶ serving

It runs on whatever loop calls `start`, several of them in one process if need be, and touches nothing that belongs to the
process: no signals, no loop policy, no logging set-up, no garbage collector. `process` does that for the command.
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ottla.broker.authorization import make_authorizer
from ottla.broker.client_telemetry import ClientTelemetry
from ottla.broker.configs import Configs
from ottla.broker.connection import Connection
from ottla.broker.context import RequestContext
from ottla.broker.delayed import Timers
from ottla.broker.dispatch import served_by
from ottla.broker.features import Features
from ottla.broker.fetch_sessions import FetchSessionCache
from ottla.broker.group_shell import GroupShell
from ottla.broker.handlers import registered
from ottla.broker.handlers.metadata import MetadataAnswers
from ottla.broker.internal_topics import GROUP_METADATA_TOPIC, TRANSACTION_STATE_TOPIC
from ottla.broker.listener import ConnectionCounts, Listener
from ottla.broker.loop_lag import LoopLag
from ottla.broker.marker_writing import MarkerWriter
from ottla.broker.metrics_sources import register
from ottla.broker.producer_ids import ProducerIds
from ottla.broker.pushed_metrics import PushedMetrics
from ottla.broker.receive import ReceiveMemory
from ottla.broker.room_settings import (
    connection_limits,
    group_settings,
    listen_backlog,
    log_store_settings,
    metadata_settings,
    token_key,
    transaction_settings,
)
from ottla.broker.routes import Routes
from ottla.broker.sending import FileReads
from ottla.broker.shares import Shares
from ottla.broker.threads import Threads
from ottla.broker.throttling import AddressQuota, Throttling, has_client_quotas
from ottla.broker.topic_counters import TopicCounters, TopicCountersByName
from ottla.broker.topic_creation import TopicCreation
from ottla.broker.transaction_shell import NoOtherBrokers, TransactionShell
from ottla.broker.transactional_writes import TransactionalWrites
from ottla.broker.turns import Turns
from ottla.cluster.embedded import EmbeddedTree
from ottla.cluster.features import TRANSACTION_VERSION
from ottla.cluster.image import (
    DEFAULT_ENTITY,
    ConfigResource,
    ConfigType,
    Endpoint,
    MetadataDelta,
    MetadataImage,
)
from ottla.cluster.metadata import Metadata
from ottla.cluster.tree import Tree
from ottla.config.broker_config import BrokerConfig
from ottla.config.checks import InvalidConfigurationError
from ottla.config.dynamic import usable
from ottla.config.topic_config import TopicConfig, topic_config
from ottla.config.validators import InvalidSettingError
from ottla.groups.share_group_requests import ShareGroupRequests
from ottla.metrics.page import page
from ottla.metrics.registry import Registry
from ottla.protocol.errors import KafkaError
from ottla.protocol.types import TopicPartition, Uuid, random_uuid, uuid_text
from ottla.records.batch import Codec
from ottla.replication.replicas import Replicas
from ottla.storage.disk import Disk, MemoryDisk, PosixDisk
from ottla.storage.log_directory import DirectoryState, LogDirectory
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
        self._bygone_topics = TopicCounters()
        self._disk = PosixDisk() if disk is None else disk
        self._tree = tree
        self._tick_timer: asyncio.TimerHandle | None = None
        self._high_watermarks_due_ms = 0
        self._reports: set[asyncio.Task[None]] = set()
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
        self._take_broker_configs(image)
        self._take_quotas(image)
        self._take_subscriptions(image)
        await self.in_thread(lambda: self.logs.claim(self.node_id, image.cluster_id))

    async def _load_logs(self) -> None:
        self.replicas = Replicas(self.node_id, self.logs, self.topic_config, self.now_ms)
        self.groups = GroupShell(
            self.replicas,
            group_settings(self.config),
            partition_count=self._partitions_of(
                GROUP_METADATA_TOPIC, self.config.offsets_topic_num_partitions
            ),
            new_uuid=lambda: _java_uuid(random_uuid(os.urandom(16))),
            now_ms=self.now_ms,
            codec=Codec(self.config.offsets_topic_compression_codec),
            max_decompressed_bytes=self.config.ottla_decompressed_batch_max_bytes,
        )
        self.shares = Shares(self)
        self.share_groups = ShareGroupRequests(self.groups.service, self.shares.persister)
        self._make_transactions()
        self.logs.on_directory_change = self._directory_changed
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
            self._advertised(), rack=self.config.broker_rack, features=self.features.supported
        )
        image = self.metadata.image
        self.features.take(image)
        if self.authorizer is not None:
            self.authorizer.apply(image.acls, image.acls)
        self._set_strays_aside(image)
        self.groups.metadata_changed(image, _everything(image))
        for _ in self.replicas.apply(image, _everything(image)):
            await asyncio.sleep(0)
        self.metadata.subscribe(self._metadata_changed)

    def _make_transactions(self) -> None:
        config = self.config
        self.transactional_writes = TransactionalWrites(self)
        self.marker_writer = MarkerWriter(
            self.replicas,
            self.groups.service,
            self.transactional_writes.verifications,
            self.timers,
            now_ms=self.now_ms,
            timeout_ms=config.request_timeout_ms,
        )
        self.transactions = TransactionShell(
            self.replicas,
            transaction_settings(config),
            self.marker_writer,
            NoOtherBrokers(),
            partition_count=self._partitions_of(
                TRANSACTION_STATE_TOPIC, config.transaction_state_log_num_partitions
            ),
            new_producer_id=self.producer_ids.next_or_refuse,
            transaction_version=lambda: self.features.level(TRANSACTION_VERSION),
            image=lambda: self.metadata.image,
            now_ms=self.now_ms,
            commit_timeout_ms=config.request_timeout_ms,
            max_decompressed_bytes=config.ottla_decompressed_batch_max_bytes,
        )

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

    def _advertised(self) -> list[Endpoint]:
        """The addresses written into the metadata; clients of a listener that advertises none get their socket's."""
        set_by_name = {each.listener_name: each for each in self.config.advertised_listeners}
        advertised = []
        for listener in self.listeners:
            told = set_by_name.get(listener.name)
            host = listener.host if told is None else told.host
            port = listener.port if told is None or told.port <= 0 else told.port
            if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
                host = socket.gethostname()
            advertised.append(Endpoint(listener.name, listener.security_protocol, host, port))
        return advertised

    def _partitions_of(self, internal_topic: str, setting: int) -> int:
        """How many it has, or will have when it is made."""
        topic = self.metadata.image.topic(internal_topic)
        return len(topic.partitions) if topic is not None else setting

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
        """Host and port by which the client of `context` can reach a broker; None if there is no such broker for it.

        This broker is, where no address is advertised, at the address by which the client came.
        """
        connection = context.connection
        if broker_id == self.node_id:
            for each in self.config.advertised_listeners:
                if each.listener_name == connection.listener_name:
                    port = each.port if each.port > 0 else connection.local_port
                    return each.host or connection.local_host, port
            return connection.local_host, connection.local_port
        registration = self.metadata.image.brokers.get(broker_id)
        endpoint = None if registration is None else registration.endpoint(connection.listener_name)
        return None if endpoint is None else (endpoint.host, endpoint.port)

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
        return read(self._unknown_topics) + read(self._bygone_topics)

    @property
    def schema_validation(self) -> "SchemaValidation":
        """Made for the first topic that wants it: nobody else pays for an HTTP client."""
        if self._schema_validation is None:
            from ottla.broker.schema_validation import schema_validation  # noqa: PLC0415

            self._schema_validation = schema_validation(self.config)
        return self._schema_validation

    # Keeping going.

    def _metadata_changed(self, image: MetadataImage, delta: MetadataDelta) -> Iterator[None]:
        if self.tokens is not None:
            self.tokens.take(image)
        if self.authorizer is not None and delta.changed_acls:
            self.authorizer.apply(image.acls, delta.changed_acls)
        if any(each.type is ConfigType.BROKER for each in delta.changed_configs):
            self._take_broker_configs(image)
        if delta.changed_features:
            self.features.take(image)
        if has_client_quotas(delta.changed_configs):
            self._take_quotas(image)
        if any(each.type is ConfigType.CLIENT_METRICS for each in delta.changed_configs):
            self._take_subscriptions(image)
        yield from self.replicas.apply(image, delta)
        self.groups.metadata_changed(image, delta)
        self.shares.metadata_changed(image, delta)
        for topic in delta.deleted_topics:
            gone = self.topics.pop(topic.name, None)
            if gone is not None:
                self._bygone_topics.add(gone)

    def _take_broker_configs(self, image: MetadataImage) -> None:
        """Lay what is set dynamically, for all brokers and for this one, over what was given at the start."""
        dynamic = {
            **image.configs.get(ConfigResource(ConfigType.BROKER, DEFAULT_ENTITY), {}),
            **self.configs.opened(
                image.configs.get(ConfigResource(ConfigType.BROKER, str(self.node_id)), {})
            ),
        }
        if dict(self.config.dynamic) == dynamic:
            return
        try:
            self.config = self.config.with_dynamic(dynamic)
        except InvalidConfigurationError as error:
            # Another version may have stored what this one refuses; the rest holds all the same.
            kept, refused = usable(self.config, dynamic)
            _log.error("Dynamic settings are passed over: %s: %s", ", ".join(refused), error)
            self.config = self.config.with_dynamic(kept)
        for listener in self.listeners:
            listener.counts.limits = connection_limits(self.config)
            listener.counts.serve_next()
            listener.take(self.config)

    def _take_quotas(self, image: MetadataImage) -> None:
        self.address_quota.take(image.configs)
        throttling = self.throttling or Throttling(self.config)
        self.throttling = throttling if throttling.take(image.configs) else None
        for listener in self.listeners:
            listener.throttling = self.throttling

    def _take_subscriptions(self, image: MetadataImage) -> None:
        self.telemetry.take(
            (resource.name, values)
            for resource, values in image.configs.items()
            if resource.type is ConfigType.CLIENT_METRICS
        )

    def _directory_changed(self, directory: LogDirectory) -> None:
        """A log directory failed: its partitions lose their leader. A full one serves on, and needs nothing here."""
        if directory.state is not DirectoryState.OFFLINE:
            return
        failed = self.logs.logs_in(directory)
        _log.error("Log directory %s failed: %d partitions on it are offline", directory.path, len(failed))
        self.replicas.directory_failed(failed)
        if all(each.state is DirectoryState.OFFLINE for each in self.logs.directories):
            _log.critical("Every log directory has failed: %s", ", ".join(self.config.log_dirs))
            if self.on_all_directories_failed is not None:
                self.on_all_directories_failed()
        reporting = self.loop.create_task(self._report_offline(failed))
        self._reports.add(reporting)
        reporting.add_done_callback(self._reports.discard)

    async def _report_offline(self, failed: list[TopicPartition]) -> None:
        try:
            await self.metadata.report_offline_replicas(self.node_id, failed)
        except KafkaError as error:
            _log.error("The cluster could not be told: %s", error)

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


def _everything(image: MetadataImage) -> MetadataDelta:
    """The delta from nothing to `image`."""
    return MetadataDelta(
        created_topics=tuple(image.topics.values()),
        changed_partitions={name: frozenset(topic.partitions) for name, topic in image.topics.items()},
        changed_brokers=frozenset(image.brokers),
        changed_controller=True,
        changed_features=True,
    )


def _java_uuid(uuid: Uuid) -> str:
    """As `java.util.UUID` prints it, which is how Apache's member ids end."""
    digits = uuid.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
