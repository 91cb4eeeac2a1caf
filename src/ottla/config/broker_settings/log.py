"""The log on disk: directories, segments, retention, flushing, and the defaults of every topic."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import CODECS, METADATA_VERSIONS, EachOneOf, GzipLevel, OneOf, Range
from ottla.config.values import LONG_MAX

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="auto.create.topics.enable",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.HIGH,
        doc="Whether a topic that doesn't exist is made when a client asks for its metadata and allows it.",
    ),
    Setting(
        name="delete.topic.enable",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.HIGH,
        doc="Whether topics can be deleted.",
    ),
    Setting(
        name="num.partitions",
        type=Type.INT,
        default=1,
        valid=Range(1),
        doc="Partitions of a topic that is made without saying how many.",
    ),
    Setting(
        name="default.replication.factor",
        type=Type.INT,
        default=1,
        doc="Replicas of a topic that is made without saying how many, automatic creation included.",
    ),
    Setting(
        name="create.topic.policy.class.name",
        type=Type.CLASS,
        default=None,
        importance=Importance.LOW,
        doc="Java class that may refuse a new topic; there are none to load, so naming one is refused.",
    ),
    Setting(
        name="alter.config.policy.class.name",
        type=Type.CLASS,
        default=None,
        importance=Importance.LOW,
        doc="Java class that may refuse a change of settings; there are none to load, so naming one is refused.",
    ),
    Setting(
        name="log.dir",
        type=Type.STRING,
        default="/tmp/kafka-logs",  # noqa: S108 - Apache's default
        importance=Importance.HIGH,
        doc="Directory for the logs, used when `log.dirs` isn't set.",
    ),
    Setting(
        name="log.dirs",
        type=Type.STRING,
        default=None,
        importance=Importance.HIGH,
        doc=(
            "Directories for the logs, separated by commas; a new partition goes where the fewest are. When "
            "not set, `log.dir`."
        ),
    ),
    Setting(
        name="log.dir.failure.timeout.ms",
        type=Type.LONG,
        default=30_000,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.ONE_CONTROLLER,
        doc=(
            "Milliseconds after which a broker stops if it can't tell the controller that a log directory "
            "failed."
        ),
    ),
    Setting(
        name="log.initial.task.delay.ms",
        type=Type.LONG,
        default=30_000,
        valid=Range(0),
        importance=Importance.LOW,
        internal=True,
        doc="Milliseconds after the start before retention, flushing and the checkpoints first run.",
    ),
    Setting(
        name="log.segment.bytes",
        type=Type.INT,
        default=1_073_741_824,
        valid=Range(1_048_576),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Size in bytes at which a log goes on in a new segment; what `segment.bytes` is for a topic that "
            "doesn't set it."
        ),
    ),
    Setting(
        name="log.roll.ms",
        type=Type.LONG,
        default=None,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Age in milliseconds at which a log goes on in a new segment, full or not. When not set, "
            "`log.roll.hours`."
        ),
    ),
    Setting(
        name="log.roll.hours",
        type=Type.INT,
        default=168,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Age in hours at which a log goes on in a new segment; stands behind `log.roll.ms`.",
    ),
    Setting(
        name="log.roll.jitter.ms",
        type=Type.LONG,
        default=None,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Largest random part in milliseconds that is taken off `log.roll.ms`. When not set, "
            "`log.roll.jitter.hours`."
        ),
    ),
    Setting(
        name="log.roll.jitter.hours",
        type=Type.INT,
        default=0,
        valid=Range(0),
        importance=Importance.HIGH,
        doc=(
            "Largest random part in hours that is taken off the rolling age; stands behind "
            "`log.roll.jitter.ms`."
        ),
    ),
    Setting(
        name="log.retention.ms",
        type=Type.LONG,
        default=None,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds that records are kept at least; -1 keeps them for ever. When not set, "
            "`log.retention.minutes`."
        ),
    ),
    Setting(
        name="log.retention.minutes",
        type=Type.INT,
        default=None,
        importance=Importance.HIGH,
        doc=(
            "Minutes that records are kept at least; stands behind `log.retention.ms`. When not set, "
            "`log.retention.hours`."
        ),
    ),
    Setting(
        name="log.retention.hours",
        type=Type.INT,
        default=168,
        importance=Importance.HIGH,
        doc=(
            "Hours that records are kept at least; stands behind `log.retention.ms` and "
            "`log.retention.minutes`."
        ),
    ),
    Setting(
        name="log.retention.bytes",
        type=Type.LONG,
        default=-1,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Bytes that a partition keeps at least before its oldest segments are deleted; -1 sets no limit.",
    ),
    Setting(
        name="log.retention.check.interval.ms",
        type=Type.LONG,
        default=300_000,
        valid=Range(1),
        doc="Milliseconds between two looks for segments to delete.",
    ),
    Setting(
        name="log.local.retention.ms",
        type=Type.LONG,
        default=-2,
        valid=Range(-2),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_TIERED,
        doc=(
            "Milliseconds that a tiered topic's records stay on local disk; -2 means as long as they are kept"
            " at all."
        ),
    ),
    Setting(
        name="log.local.retention.bytes",
        type=Type.LONG,
        default=-2,
        valid=Range(-2),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_TIERED,
        doc=(
            "Bytes of a tiered topic's partition that stay on local disk; -2 means as many as are kept at "
            "all."
        ),
    ),
    Setting(
        name="log.cleanup.policy",
        type=Type.LIST,
        default=("delete",),
        valid=EachOneOf(("compact", "delete")),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "What becomes of old records: `delete` by age and size, `compact` to the last record of each key,"
            " or both."
        ),
    ),
    Setting(
        name="log.index.interval.bytes",
        type=Type.INT,
        default=4096,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Bytes of records between two entries of an index. Smaller makes look-ups more exact and indexes "
            "larger."
        ),
    ),
    Setting(
        name="log.index.size.max.bytes",
        type=Type.INT,
        default=10_485_760,
        valid=Range(4),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Largest size in bytes of an offset index; a full one makes the log go on in a new segment.",
    ),
    Setting(
        name="log.flush.interval.messages",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Records that may gather in a partition before it is flushed to disk.",
    ),
    Setting(
        name="log.flush.interval.ms",
        type=Type.LONG,
        default=None,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds that a record may wait before it is flushed to disk. When not set, "
            "`log.flush.scheduler.interval.ms`."
        ),
    ),
    Setting(
        name="log.flush.scheduler.interval.ms",
        type=Type.LONG,
        default=LONG_MAX,
        importance=Importance.HIGH,
        doc="Milliseconds between two looks for logs to flush.",
    ),
    Setting(
        name="log.flush.offset.checkpoint.interval.ms",
        type=Type.INT,
        default=60_000,
        valid=Range(0),
        importance=Importance.HIGH,
        doc=(
            "Milliseconds between two writes of the recovery points, from which a start after a crash checks "
            "the logs."
        ),
    ),
    Setting(
        name="log.flush.start.offset.checkpoint.interval.ms",
        type=Type.INT,
        default=60_000,
        valid=Range(0),
        importance=Importance.HIGH,
        doc="Milliseconds between two writes of the offsets at which logs begin.",
    ),
    Setting(
        name="log.segment.delete.delay.ms",
        type=Type.LONG,
        default=60_000,
        valid=Range(0),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Milliseconds between the deletion of a segment and the removal of its files.",
    ),
    Setting(
        name="log.preallocate",
        type=Type.BOOLEAN,
        default=False,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Whether a new segment's file gets its full size at once.",
    ),
    Setting(
        name="log.message.timestamp.type",
        type=Type.STRING,
        default="CreateTime",
        valid=OneOf(("CreateTime", "LogAppendTime")),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Which timestamp records keep: the producer's (`CreateTime`) or the broker's at the append "
            "(`LogAppendTime`)."
        ),
    ),
    Setting(
        name="log.message.timestamp.before.max.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds that a producer's timestamp may lie behind the broker's clock; older records are "
            "refused. Without meaning for `LogAppendTime`."
        ),
    ),
    Setting(
        name="log.message.timestamp.after.max.ms",
        type=Type.LONG,
        default=3_600_000,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds that a producer's timestamp may lie ahead of the broker's clock; later records are "
            "refused. Without meaning for `LogAppendTime`."
        ),
    ),
    Setting(
        name="log.message.timestamp.difference.max.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.RETIRED,
        doc=(
            "Milliseconds that a producer's timestamp may differ from the broker's clock. Give "
            "`log.message.timestamp.before.max.ms` and `log.message.timestamp.after.max.ms` instead."
        ),
    ),
    Setting(
        name="log.message.format.version",
        type=Type.STRING,
        default="3.0-IV1",
        valid=OneOf(METADATA_VERSIONS),
        without_effect=reasons.RETIRED,
        doc="Format in which records are stored. There is only the one of version 2.",
    ),
    Setting(
        name="log.message.downconversion.enable",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.LOW,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.RETIRED,
        doc="Whether records are rewritten in an older format for old clients. They never are.",
    ),
    Setting(
        name="message.max.bytes",
        type=Type.INT,
        default=1_048_588,
        valid=Range(0),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Largest batch of records in bytes that is accepted, compressed as it came; what "
            "`max.message.bytes` is for a topic that doesn't set it."
        ),
    ),
    Setting(
        name="compression.type",
        type=Type.STRING,
        default="producer",
        valid=OneOf(CODECS),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Codec in which records are stored; `producer` keeps what the producer chose, `uncompressed` "
            "stores them plain."
        ),
    ),
    Setting(
        name="compression.gzip.level",
        type=Type.INT,
        default=-1,
        valid=GzipLevel(),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Level when the broker compresses with gzip; -1 is the library's own choice.",
    ),
    Setting(
        name="compression.lz4.level",
        type=Type.INT,
        default=9,
        valid=Range(1, 17),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Level when the broker compresses with lz4.",
    ),
    Setting(
        name="compression.zstd.level",
        type=Type.INT,
        default=3,
        valid=Range(-131_072, 22),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Level when the broker compresses with zstd.",
    ),
    Setting(
        name="min.insync.replicas",
        type=Type.INT,
        default=1,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Replicas that must hold a batch before a producer with `acks=all` gets its answer; with fewer in"
            " sync it gets an error."
        ),
    ),
    Setting(
        name="unclean.leader.election.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Whether a replica that lags may lead when none in sync is left. The partition works again, "
            "records may be lost."
        ),
    ),
    Setting(
        name="unclean.leader.election.interval.ms",
        type=Type.LONG,
        default=300_000,
        valid=Range(1),
        internal=True,
        without_effect=reasons.NO_KRAFT,
        doc="Milliseconds between two looks for partitions that need an unclean election.",
    ),
    Setting(
        name="num.recovery.threads.per.data.dir",
        type=Type.INT,
        default=2,
        valid=Range(1),
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Helper processes that check the logs of one directory after a crash, at most.",
    ),
    Setting(
        name="max.request.partition.size.limit",
        type=Type.INT,
        default=2000,
        valid=Range(1),
        doc="Partitions that one DescribeTopicPartitions answer holds at most.",
    ),
)
