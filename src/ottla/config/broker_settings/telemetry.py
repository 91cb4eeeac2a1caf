"""Metrics of the broker and those that clients send."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="auto.include.jmx.reporter",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Whether metrics are offered by JMX without being asked for.",
    ),
    Setting(
        name="kafka.metrics.polling.interval.secs",
        type=Type.INT,
        default=10,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Seconds between two calls of the classes in `kafka.metrics.reporters`.",
    ),
    Setting(
        name="kafka.metrics.reporters",
        type=Type.LIST,
        default=(),
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Java classes that report the older kind of metrics.",
    ),
    Setting(
        name="metric.reporters",
        type=Type.LIST,
        default=("org.apache.kafka.common.metrics.JmxReporter",),
        importance=Importance.LOW,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.METRICS_PAGE,
        doc="Java classes that report metrics.",
    ),
    Setting(
        name="metrics.num.samples",
        type=Type.INT,
        default=2,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Samples kept for a rate.",
    ),
    Setting(
        name="metrics.recording.level",
        type=Type.STRING,
        default="INFO",
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Finest level of metrics that is recorded.",
    ),
    Setting(
        name="metrics.sample.window.ms",
        type=Type.LONG,
        default=30_000,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.METRICS_PAGE,
        doc="Length in milliseconds of a sample.",
    ),
    Setting(
        name="telemetry.max.bytes",
        type=Type.INT,
        default=1_048_576,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Largest push of metrics in bytes that is taken from a client, uncompressed (KIP-714).",
    ),
)
