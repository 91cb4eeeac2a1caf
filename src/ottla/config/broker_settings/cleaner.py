"""Compaction."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Setting, Type, UpdateMode
from ottla.config.validators import Range
from ottla.config.values import DOUBLE_MAX, LONG_MAX

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="log.cleaner.enable",
        type=Type.BOOLEAN,
        default=True,
        doc=(
            "Whether logs are compacted. Without it, compacted topics (committed offsets among them) grow "
            "without end."
        ),
    ),
    Setting(
        name="log.cleaner.threads",
        type=Type.INT,
        default=1,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Logs that are compacted at a time.",
    ),
    Setting(
        name="log.cleaner.io.max.bytes.per.second",
        type=Type.DOUBLE,
        default=DOUBLE_MAX,
        update=UpdateMode.CLUSTER_WIDE,
        doc="Bytes a second, read and written, that all of compaction may take together.",
    ),
    Setting(
        name="log.cleaner.dedupe.buffer.size",
        type=Type.LONG,
        default=134_217_728,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Bytes of memory for the map from keys to last offsets, over all logs compacted at a time; more "
            "lets one pass cover more of a log."
        ),
    ),
    Setting(
        name="log.cleaner.io.buffer.size",
        type=Type.INT,
        default=524_288,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Bytes of memory for reading and writing during compaction, over all logs compacted at a time.",
    ),
    Setting(
        name="log.cleaner.io.buffer.load.factor",
        type=Type.DOUBLE,
        default=0.9,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_LOAD_FACTOR,
        doc="Share of the map of keys that is filled at most, from 0 to 1.",
    ),
    Setting(
        name="log.cleaner.backoff.ms",
        type=Type.LONG,
        default=15_000,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Milliseconds to wait when no log needs compaction.",
    ),
    Setting(
        name="log.cleaner.min.cleanable.ratio",
        type=Type.DOUBLE,
        default=0.5,
        valid=Range(0, 1),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Share of a log, from 0 to 1, that must be new since the last pass before the next one begins.",
    ),
    Setting(
        name="log.cleaner.delete.retention.ms",
        type=Type.LONG,
        default=86_400_000,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds that a tombstone stays readable, so that a reader from the beginning sees every "
            "deletion."
        ),
    ),
    Setting(
        name="log.cleaner.min.compaction.lag.ms",
        type=Type.LONG,
        default=0,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Milliseconds that a record stays uncompacted at least.",
    ),
    Setting(
        name="log.cleaner.max.compaction.lag.ms",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(1),
        update=UpdateMode.CLUSTER_WIDE,
        doc="Milliseconds after which a record is due for compaction, whatever the share of new ones.",
    ),
)
