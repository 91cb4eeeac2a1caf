"""The settings of topics, and the broker settings that give their defaults.

Source: Apache's LogConfig and ServerTopicConfigSynonyms.
"""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Setting, Type
from ottla.config.subject_names import STRATEGIES, TOPIC_NAME
from ottla.config.validators import CODECS, EachOneOf, GzipLevel, OneOf, Range, ThrottledReplicas
from ottla.config.values import LONG_MAX

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="cleanup.policy",
        type=Type.LIST,
        default=("delete",),
        valid=EachOneOf(("compact", "delete")),
        doc=(
            "What becomes of old records: `delete` removes segments by age and size, `compact` keeps the last"
            " record of each key; both can be given."
        ),
    ),
    Setting(
        name="compression.gzip.level",
        type=Type.INT,
        default=-1,
        valid=GzipLevel(),
        doc="Level when the broker compresses with gzip; -1 is the library's own choice.",
    ),
    Setting(
        name="compression.lz4.level",
        type=Type.INT,
        default=9,
        valid=Range(1, 17),
        doc="Level when the broker compresses with lz4.",
    ),
    Setting(
        name="compression.type",
        type=Type.STRING,
        default="producer",
        valid=OneOf(CODECS),
        doc=(
            "Codec in which the topic is stored; `producer` keeps what the producer chose, `uncompressed` "
            "stores records plain."
        ),
    ),
    Setting(
        name="compression.zstd.level",
        type=Type.INT,
        default=3,
        valid=Range(-131_072, 22),
        doc="Level when the broker compresses with zstd.",
    ),
    Setting(
        name="confluent.key.schema.validation",
        type=Type.BOOLEAN,
        default=False,
        listed=False,
        doc=(
            "Whether the schemas that keys name must be registered under the topic's subject, in the registry of "
            "`confluent.schema.registry.url`. Records of others are refused."
        ),
    ),
    Setting(
        name="confluent.key.subject.name.strategy",
        type=Type.STRING,
        default=TOPIC_NAME,
        valid=OneOf(STRATEGIES),
        listed=False,
        doc="Under which subject the schemas of keys are to be registered.",
    ),
    Setting(
        name="confluent.value.schema.validation",
        type=Type.BOOLEAN,
        default=False,
        listed=False,
        doc="Like `confluent.key.schema.validation` for values.",
    ),
    Setting(
        name="confluent.value.subject.name.strategy",
        type=Type.STRING,
        default=TOPIC_NAME,
        valid=OneOf(STRATEGIES),
        listed=False,
        doc="Under which subject the schemas of values are to be registered.",
    ),
    Setting(
        name="delete.retention.ms",
        type=Type.LONG,
        default=86_400_000,
        valid=Range(0),
        doc=(
            "Milliseconds that a tombstone stays readable in a compacted topic; also the time a reader from "
            "the beginning has to see every deletion."
        ),
    ),
    Setting(
        name="file.delete.delay.ms",
        type=Type.LONG,
        default=60_000,
        valid=Range(0),
        doc="Milliseconds between the deletion of a segment and the removal of its files.",
    ),
    Setting(
        name="flush.messages",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(1),
        doc=(
            "Records that may gather in a partition before it is flushed to disk; 1 flushes after every "
            "batch."
        ),
    ),
    Setting(
        name="flush.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        doc="Milliseconds that a record may wait before it is flushed to disk.",
    ),
    Setting(
        name="follower.replication.throttled.replicas",
        type=Type.LIST,
        default=(),
        valid=ThrottledReplicas(),
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Replicas whose following is throttled, as `partition:broker` separated by commas, or `*` for "
            "all."
        ),
    ),
    Setting(
        name="index.interval.bytes",
        type=Type.INT,
        default=4096,
        valid=Range(0),
        doc="Bytes of records between two entries of an index.",
    ),
    Setting(
        name="internal.segment.bytes",
        type=Type.INT,
        default=None,
        internal=True,
        doc="Segment size in bytes below what `segment.bytes` allows, for tests.",
    ),
    Setting(
        name="leader.replication.throttled.replicas",
        type=Type.LIST,
        default=(),
        valid=ThrottledReplicas(),
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Replicas whose leading is throttled, as `partition:broker` separated by commas, or `*` for all.",
    ),
    Setting(
        name="local.retention.bytes",
        type=Type.LONG,
        default=-2,
        valid=Range(-2),
        without_effect=reasons.NO_TIERED,
        doc=(
            "Bytes of a partition that stay on local disk when the topic is tiered; -2 means "
            "`retention.bytes`."
        ),
    ),
    Setting(
        name="local.retention.ms",
        type=Type.LONG,
        default=-2,
        valid=Range(-2),
        without_effect=reasons.NO_TIERED,
        doc="Milliseconds that records stay on local disk when the topic is tiered; -2 means `retention.ms`.",
    ),
    Setting(
        name="max.compaction.lag.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(1),
        doc="Milliseconds after which a record is due for compaction, whatever the share of new ones.",
    ),
    Setting(
        name="max.message.bytes",
        type=Type.INT,
        default=1_048_588,
        valid=Range(0),
        doc="Largest batch of records in bytes that is accepted, compressed as it came.",
    ),
    Setting(
        name="message.timestamp.after.max.ms",
        type=Type.LONG,
        default=3_600_000,
        valid=Range(0),
        doc=(
            "Milliseconds that a producer's timestamp may lie ahead of the broker's clock. Without meaning "
            "for `LogAppendTime`."
        ),
    ),
    Setting(
        name="message.timestamp.before.max.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        doc=(
            "Milliseconds that a producer's timestamp may lie behind the broker's clock. Without meaning for "
            "`LogAppendTime`."
        ),
    ),
    Setting(
        name="message.timestamp.type",
        type=Type.STRING,
        default="CreateTime",
        valid=OneOf(("CreateTime", "LogAppendTime")),
        doc=(
            "Which timestamp records keep: the producer's (`CreateTime`) or the broker's at the append "
            "(`LogAppendTime`)."
        ),
    ),
    Setting(
        name="min.cleanable.dirty.ratio",
        type=Type.DOUBLE,
        default=0.5,
        valid=Range(0, 1),
        doc=(
            "Share of the log, from 0 to 1, that must be new since the last pass of compaction before the "
            "next one begins. Less cleans more often, at the price of more writing."
        ),
    ),
    Setting(
        name="min.compaction.lag.ms",
        type=Type.LONG,
        default=0,
        valid=Range(0),
        doc="Milliseconds that a record stays uncompacted at least.",
    ),
    Setting(
        name="min.insync.replicas",
        type=Type.INT,
        default=1,
        valid=Range(1),
        doc=(
            "Replicas that must hold a batch before a producer with `acks=all` gets its answer; with fewer in"
            " sync it gets NOT_ENOUGH_REPLICAS."
        ),
    ),
    Setting(
        name="preallocate",
        type=Type.BOOLEAN,
        default=False,
        doc="Whether a new segment's file gets its full size at once.",
    ),
    Setting(
        name="remote.log.copy.disable",
        type=Type.BOOLEAN,
        default=False,
        without_effect=reasons.NO_TIERED,
        doc="Whether a tiered topic stops copying to remote storage.",
    ),
    Setting(
        name="remote.log.delete.on.disable",
        type=Type.BOOLEAN,
        default=False,
        without_effect=reasons.NO_TIERED,
        doc="Whether remote data goes when tiering is turned off.",
    ),
    Setting(
        name="remote.storage.enable",
        type=Type.BOOLEAN,
        default=False,
        without_effect=reasons.NO_TIERED,
        doc="Whether the topic is tiered.",
    ),
    Setting(
        name="retention.bytes",
        type=Type.LONG,
        default=-1,
        doc=(
            "Bytes that each partition keeps at least before its oldest segments are deleted; -1 sets no "
            "limit."
        ),
    ),
    Setting(
        name="retention.ms",
        type=Type.LONG,
        default=604_800_000,
        valid=Range(-1),
        doc=(
            "Milliseconds that records are kept at least before their segment is deleted; -1 keeps them for "
            "ever."
        ),
    ),
    Setting(
        name="segment.bytes",
        type=Type.INT,
        default=1_073_741_824,
        valid=Range(1_048_576),
        doc=(
            "Size in bytes at which the log goes on in a new segment. Retention and compaction work on whole "
            "segments."
        ),
    ),
    Setting(
        name="segment.index.bytes",
        type=Type.INT,
        default=10_485_760,
        valid=Range(4),
        doc="Largest size in bytes of an offset index; a full one makes the log go on in a new segment.",
    ),
    Setting(
        name="segment.jitter.ms",
        type=Type.LONG,
        default=0,
        valid=Range(0),
        doc=(
            "Largest random part in milliseconds that is taken off `segment.ms`, so that topics don't all "
            "roll at once."
        ),
    ),
    Setting(
        name="segment.ms",
        type=Type.LONG,
        default=604_800_000,
        valid=Range(1),
        doc=(
            "Age in milliseconds at which the log goes on in a new segment, full or not, so that retention "
            "and compaction can reach its records."
        ),
    ),
    Setting(
        name="unclean.leader.election.enable",
        type=Type.BOOLEAN,
        default=False,
        doc=(
            "Whether a replica that lags may lead when none in sync is left. The partition works again, "
            "records may be lost."
        ),
    ),
)

DEFAULTS_FROM: dict[str, tuple[tuple[str, int], ...]] = {
    "cleanup.policy": (("log.cleanup.policy", 1),),
    "compression.gzip.level": (("compression.gzip.level", 1),),
    "compression.lz4.level": (("compression.lz4.level", 1),),
    "compression.type": (("compression.type", 1),),
    "compression.zstd.level": (("compression.zstd.level", 1),),
    "delete.retention.ms": (("log.cleaner.delete.retention.ms", 1),),
    "file.delete.delay.ms": (("log.segment.delete.delay.ms", 1),),
    "flush.messages": (("log.flush.interval.messages", 1),),
    "flush.ms": (("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)),
    "index.interval.bytes": (("log.index.interval.bytes", 1),),
    "local.retention.bytes": (("log.local.retention.bytes", 1),),
    "local.retention.ms": (("log.local.retention.ms", 1),),
    "max.compaction.lag.ms": (("log.cleaner.max.compaction.lag.ms", 1),),
    "max.message.bytes": (("message.max.bytes", 1),),
    "message.timestamp.after.max.ms": (("log.message.timestamp.after.max.ms", 1),),
    "message.timestamp.before.max.ms": (("log.message.timestamp.before.max.ms", 1),),
    "message.timestamp.type": (("log.message.timestamp.type", 1),),
    "min.cleanable.dirty.ratio": (("log.cleaner.min.cleanable.ratio", 1),),
    "min.compaction.lag.ms": (("log.cleaner.min.compaction.lag.ms", 1),),
    "min.insync.replicas": (("min.insync.replicas", 1),),
    "preallocate": (("log.preallocate", 1),),
    "retention.bytes": (("log.retention.bytes", 1),),
    "retention.ms": (
        ("log.retention.ms", 1),
        ("log.retention.minutes", 60_000),
        ("log.retention.hours", 3_600_000),
    ),
    "segment.bytes": (("log.segment.bytes", 1),),
    "segment.index.bytes": (("log.index.size.max.bytes", 1),),
    "segment.jitter.ms": (("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)),
    "segment.ms": (("log.roll.ms", 1), ("log.roll.hours", 3_600_000)),
    "unclean.leader.election.enable": (("unclean.leader.election.enable", 1),),
}
"""Of each topic setting the broker settings that give its default, the first that has a value being used, with the
factor that turns the broker's unit into the topic's."""
