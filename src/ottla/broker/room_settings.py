"""What each room needs of the broker's settings, in the room's own terms."""

import resource
from typing import Final

from ottla.broker.listener import ConnectionLimits
from ottla.cluster.rules import MetadataSettings
from ottla.config.broker_config import BrokerConfig
from ottla.config.checks import CONSUMER_ASSIGNORS
from ottla.config.values import Password
from ottla.groups.settings import (
    ConsumerGroupSettings,
    GroupSettings,
    ShareGroupSettings,
    StreamsGroupSettings,
)
from ottla.storage.store_settings import LogStoreSettings
from ottla.transactions.settings import TransactionSettings

_MOST_LOG_DESCRIPTORS: Final = 1_000
_OTHER_DESCRIPTORS: Final = 64
"""For the metadata's file, the pages, listeners, checkpoints, helper processes, and files that threads have open."""


def _descriptors() -> tuple[int, int]:
    """How many files the logs may keep open, and how many connections fit beside them, by the process's own limit.

    Were connections allowed to use all of them up, the logs could not open their files.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _MOST_LOG_DESCRIPTORS, 2**31 - 1
    logs = min(_MOST_LOG_DESCRIPTORS, allowed // 3)
    return logs, max(allowed - logs - _OTHER_DESCRIPTORS, 1)


def _if_given(config: BrokerConfig, name: str) -> int:
    value = config.get(name)
    return value if config.is_given(name) and isinstance(value, int) else -1


def _number(config: BrokerConfig, name: str) -> int:
    value = config.get(name)
    assert isinstance(value, int), name
    return value


def connection_limits(config: BrokerConfig) -> ConnectionLimits:
    overrides = config.get("max.connections.per.ip.overrides")
    pairs = [each.rpartition(":") for each in str(overrides or "").split(",") if ":" in each]
    return ConnectionLimits(
        max_connections=config.max_connections,
        max_descriptors=_descriptors()[1],
        max_connections_per_ip=config.max_connections_per_ip,
        per_ip_overrides={host.strip(): int(count) for host, _, count in pairs},
        creation_rate=_number(config, "max.connection.creation.rate"),
        max_idle_ms=config.connections_max_idle_ms,
        max_request_bytes=config.socket_request_max_bytes,
        # With a buffer that grows to megabytes, consuming by sendfile took 0.36 CPU-seconds a GB instead of 0.22, and
        # two thirds of the speed. Receiving is another matter: there the kernel's own sizing doubles it.
        send_buffer_bytes=config.socket_send_buffer_bytes,
        receive_buffer_bytes=_if_given(config, "socket.receive.buffer.bytes"),
    )


_LISTEN_BACKLOG: Final = 1_024


def listen_backlog(config: BrokerConfig) -> int:
    """How many connections wait in the kernel for the loop's next turn.

    Apache's default of 50 is for a thread that does nothing but accept: two thousand clients that come at once overflow
    it, and the kernel lets each of those try again after a second.
    """
    given = _if_given(config, "socket.listen.backlog.size")
    return _LISTEN_BACKLOG if given < 0 else given


def log_store_settings(config: BrokerConfig) -> LogStoreSettings:
    return LogStoreSettings(
        descriptors_max=_descriptors()[0],
        flush_scheduler_interval_ms=config.log_flush_scheduler_interval_ms,
        flush_offset_checkpoint_interval_ms=config.log_flush_offset_checkpoint_interval_ms,
        flush_start_offset_checkpoint_interval_ms=config.log_flush_start_offset_checkpoint_interval_ms,
        high_watermark_checkpoint_interval_ms=config.replica_high_watermark_checkpoint_interval_ms,
        retention_check_interval_ms=config.log_retention_check_interval_ms,
        recovery_processes=config.num_recovery_threads_per_data_dir,
        producer_id_expiration_ms=config.producer_id_expiration_ms,
        producer_id_expiration_check_interval_ms=config.producer_id_expiration_check_interval_ms,
        cleaner_enable=config.log_cleaner_enable,
        cleaner_threads=config.log_cleaner_threads,
        cleaner_dedupe_buffer_bytes=config.log_cleaner_dedupe_buffer_size,
        cleaner_io_buffer_bytes=config.log_cleaner_io_buffer_size,
        cleaner_io_max_bytes_per_second=config.log_cleaner_io_max_bytes_per_second,
        cleaner_backoff_ms=config.log_cleaner_backoff_ms,
        max_decompressed_bytes=config.ottla_decompressed_batch_max_bytes,
    )


def group_settings(config: BrokerConfig) -> GroupSettings:
    return GroupSettings(
        group_min_session_timeout_ms=config.group_min_session_timeout_ms,
        group_max_session_timeout_ms=config.group_max_session_timeout_ms,
        group_initial_rebalance_delay_ms=config.group_initial_rebalance_delay_ms,
        group_max_size=config.group_max_size,
        offset_metadata_max_bytes=config.offset_metadata_max_bytes,
        offsets_retention_ms=config.offsets_retention_minutes * 60_000,
        offsets_retention_check_interval_ms=config.offsets_retention_check_interval_ms,
        offset_commit_timeout_ms=config.offsets_commit_timeout_ms,
        consumer=_consumer_group_settings(config),
        streams=StreamsGroupSettings(
            session_timeout_ms=_number(config, "group.streams.session.timeout.ms"),
            heartbeat_interval_ms=_number(config, "group.streams.heartbeat.interval.ms"),
            max_size=_number(config, "group.streams.max.size"),
            num_standby_replicas=_number(config, "group.streams.num.standby.replicas"),
        ),
        share=ShareGroupSettings(
            session_timeout_ms=_number(config, "group.share.session.timeout.ms"),
            heartbeat_interval_ms=_number(config, "group.share.heartbeat.interval.ms"),
            max_size=_number(config, "group.share.max.size"),
        ),
    )


def _consumer_group_settings(config: BrokerConfig) -> ConsumerGroupSettings:
    policy = str(config.get("group.consumer.migration.policy")).lower()
    assignors = config.get("group.consumer.assignors")
    assert isinstance(assignors, tuple)
    return ConsumerGroupSettings(
        assignors=tuple(CONSUMER_ASSIGNORS[each] for each in assignors) or ("uniform",),
        session_timeout_ms=_number(config, "group.consumer.session.timeout.ms"),
        heartbeat_interval_ms=_number(config, "group.consumer.heartbeat.interval.ms"),
        max_size=_number(config, "group.consumer.max.size"),
        upgrade_enabled=policy in ("upgrade", "bidirectional"),
        downgrade_enabled=policy in ("downgrade", "bidirectional"),
        regex_refresh_interval_ms=_number(config, "group.consumer.regex.refresh.interval.ms"),
    )


def transaction_settings(config: BrokerConfig) -> TransactionSettings:
    return TransactionSettings(
        transaction_max_timeout_ms=config.transaction_max_timeout_ms,
        transactional_id_expiration_ms=config.transactional_id_expiration_ms,
        abort_timed_out_transaction_cleanup_interval_ms=_number(
            config, "transaction.abort.timed.out.transaction.cleanup.interval.ms"
        ),
        remove_expired_transaction_cleanup_interval_ms=_number(
            config, "transaction.remove.expired.transaction.cleanup.interval.ms"
        ),
        two_phase_commit_enable=config.get("transaction.two.phase.commit.enable") is True,
    )


def metadata_settings(config: BrokerConfig) -> MetadataSettings:
    """`num.partitions` and what else the controller decides by."""
    return MetadataSettings(
        broker_id=config.node_id,
        default_partitions=config.num_partitions,
        default_replication_factor=config.default_replication_factor,
        delete_topic_enable=config.delete_topic_enable,
        unstable_features=config.get("unstable.feature.versions.enable") is True,
        has_authorizer=bool(config.get("authorizer.class.name")),
        has_tokens=token_key(config) is not None,
    )


def token_key(config: BrokerConfig) -> str | None:
    """What delegation tokens are signed with; None: this broker has none."""
    for name in ("delegation.token.secret.key", "delegation.token.master.key"):
        value = config.get(name)
        if isinstance(value, Password) and value.secret:
            return value.secret
    return None
