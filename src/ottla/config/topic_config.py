"""The settings of one topic as plain values, as the log reads them.

One frozen value for a topic: the broker's defaults with the topic's own settings over them. Attribute names are
Apache's topic settings with the dots turned into underscores, so `retention_ms` is `retention.ms`. A new value is made
whenever a setting changes; nobody keeps one in parts.

Source: Apache's LogConfig. The rules (ranges, valid values) stand with the declarations in `topic_settings`; this class
takes what it is given, so that a test may ask for a segment of a hundred bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ottla.config.definition import Setting
from ottla.config.subject_names import TOPIC_NAME
from ottla.config.topic_settings import DEFAULTS_FROM, SETTINGS
from ottla.config.values import LONG_MAX, Value


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """What holds for the logs of one topic; the defaults here are Apache Kafka 4.1.1's."""

    segment_bytes: int = 1_073_741_824
    """A segment is closed before a batch would make it larger than this."""
    segment_ms: int = 604_800_000
    """A segment is closed once its first record is older than this, even when not full."""
    segment_jitter_ms: int = 0
    """At most this much is taken off `segment_ms`, at random by segment, so that logs don't all roll at once."""
    segment_index_bytes: int = 10_485_760
    """Size of the offset index at which a segment is closed; the time index holds as many entries."""
    index_interval_bytes: int = 4_096
    """Bytes of batches between two index entries."""
    retention_ms: int = 604_800_000
    """Closed segments whose largest timestamp is older are deleted; -1 keeps them by time for ever."""
    retention_bytes: int = -1
    """The oldest segments go while a partition stays at least this large without them; -1 sets no limit."""
    cleanup_policy: frozenset[str] = frozenset({"delete"})
    """`delete`, `compact`, or both."""
    max_message_bytes: int = 1_048_588
    """The largest batch that is accepted, as it lies on disk (compressed, with its header)."""
    message_timestamp_type: str = "CreateTime"
    """`CreateTime` keeps the producer's timestamps, `LogAppendTime` writes the broker's."""
    message_timestamp_before_max_ms: int = LONG_MAX
    """How far in the past a producer's timestamp may lie."""
    message_timestamp_after_max_ms: int = 3_600_000
    """How far in the future a producer's timestamp may lie."""
    compression_type: str = "producer"
    """`producer` keeps the batch's own codec; `uncompressed` or a codec's name makes the broker compress anew."""
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    flush_messages: int = LONG_MAX
    """Records appended since the last fsync that bring about the next one."""
    flush_ms: int = LONG_MAX
    """Time since the last fsync that brings about the next one."""
    delete_retention_ms: int = 86_400_000
    """How long a tombstone stays readable in a compacted log."""
    min_compaction_lag_ms: int = 0
    """A record stays as it is for at least this long."""
    max_compaction_lag_ms: int = LONG_MAX
    """A record is offered to compaction after at most this long."""
    min_cleanable_dirty_ratio: float = 0.5
    """Share of the log not yet compacted at which compaction begins."""
    file_delete_delay_ms: int = 60_000
    """How long a deleted segment's files stay under the suffix `.deleted`."""
    preallocate: bool = False
    """Whether a new segment's file is made at full size."""
    min_insync_replicas: int = 1
    """Replicas that must have a batch before `acks=all` is answered."""
    unclean_leader_election_enable: bool = False
    """Whether a replica that is behind may become leader when none in sync is left, losing records."""
    remote_storage_enable: bool = False
    """Tiered storage; not served."""
    remote_log_copy_disable: bool = False
    remote_log_delete_on_disable: bool = False
    local_retention_ms: int = -2
    """Like `retention_ms` for the local part of a tiered topic; -2 means the same as `retention_ms`."""
    local_retention_bytes: int = -2
    """Like `retention_bytes` for the local part of a tiered topic; -2 means the same as `retention_bytes`."""
    leader_replication_throttled_replicas: tuple[str, ...] = ()
    """`partition:broker` pairs whose leader side is throttled; `*` alone means all."""
    follower_replication_throttled_replicas: tuple[str, ...] = ()
    """`partition:broker` pairs whose follower side is throttled; `*` alone means all."""

    confluent_key_schema_validation: bool = False
    """Whether the schemas that keys name must be registered."""
    confluent_key_subject_name_strategy: str = TOPIC_NAME
    """Under which subject: one of `subject_names.STRATEGIES`."""
    confluent_value_schema_validation: bool = False
    confluent_value_subject_name_strategy: str = TOPIC_NAME

    @property
    def validates_schemas(self) -> bool:
        """Whether the schemas that records name must be registered."""
        return self.confluent_key_schema_validation or self.confluent_value_schema_validation

    @property
    def compact(self) -> bool:
        """Whether records are kept by key."""
        return "compact" in self.cleanup_policy

    @property
    def delete(self) -> bool:
        """Whether segments are deleted by age and size."""
        return "delete" in self.cleanup_policy


_SETTINGS: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
_INTERNAL_SEGMENT_BYTES = "internal.segment.bytes"


def topic_defaults(broker_values: Mapping[str, Value]) -> TopicConfig:
    """The settings of a topic that sets none, out of a broker's values by name."""
    changes: dict[str, Any] = {}
    for topic_name, sources in DEFAULTS_FROM.items():
        value = first_given(broker_values, sources)
        if value is not None:
            changes[_attribute(topic_name)] = _shaped(topic_name, value)
    return dataclasses.replace(TopicConfig(), **changes)


def first_given(broker_values: Mapping[str, Value], sources: tuple[tuple[str, int], ...]) -> Value:
    """The first of some broker settings that has a value, in the topic's unit."""
    for broker_name, factor in sources:
        value = broker_values[broker_name]
        if value is not None:
            return value * factor if isinstance(value, int) and factor != 1 else value
    return None


def topic_config(defaults: TopicConfig, overrides: Mapping[str, str]) -> TopicConfig:
    """A topic's settings: its own, as texts by Apache's name, over the defaults.

    Raises `InvalidSettingError` for a value that isn't right; names that aren't topic settings are passed over, since
    a log directory or a tree written by another version may hold some.
    """
    changes: dict[str, Any] = {}
    for name, text in overrides.items():
        if name in _SETTINGS:
            changes[_attribute(name)] = _shaped(name, _SETTINGS[name].parse(text))
    internal = changes.pop(_attribute(_INTERNAL_SEGMENT_BYTES), None)
    if internal is not None:
        changes["segment_bytes"] = internal
    return dataclasses.replace(defaults, **changes)


def _attribute(topic_name: str) -> str:
    return topic_name.replace(".", "_")


def _shaped(topic_name: str, value: Value) -> object:
    if topic_name == "cleanup.policy" and isinstance(value, tuple):
        return frozenset(value)
    if topic_name == "retention.ms" and isinstance(value, int):
        # A broker's retention may be any negative number, in any unit; all mean "for ever".
        return max(value, -1)
    return value
