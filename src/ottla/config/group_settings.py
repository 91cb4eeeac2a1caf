"""The settings of single groups and of client-metrics subscriptions.

Source: Apache's GroupConfig and ClientMetricsConfigs.
"""

from __future__ import annotations

from ottla.config.definition import Setting, Type
from ottla.config.validators import OneOf, Range, ShareOffsetReset

GROUP_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="consumer.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Milliseconds between two heartbeats of a member.",
    ),
    Setting(
        name="consumer.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Milliseconds without a heartbeat after which a member is out.",
    ),
    Setting(
        name="share.auto.offset.reset",
        type=Type.STRING,
        default="latest",
        valid=ShareOffsetReset(),
        doc=(
            "Where a share group begins on a partition it hasn't read: `latest`, `earliest`, or a time back "
            "from now, as `by_duration:PT1H`."
        ),
    ),
    Setting(
        name="share.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Milliseconds between two heartbeats of a member of a share group.",
    ),
    Setting(
        name="share.isolation.level",
        type=Type.STRING,
        default="read_uncommitted",
        valid=OneOf(("read_committed", "read_uncommitted")),
        doc=(
            "Whether records of aborted transactions are withheld (`read_committed`) or all are delivered "
            "(`read_uncommitted`)."
        ),
    ),
    Setting(
        name="share.record.lock.duration.ms",
        type=Type.INT,
        default=30_000,
        valid=Range(1000),
        doc="Milliseconds that a delivered record stays reserved for its consumer.",
    ),
    Setting(
        name="share.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Milliseconds without a heartbeat after which a member of a share group is out.",
    ),
    Setting(
        name="streams.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Milliseconds between two heartbeats of a member of a streams group.",
    ),
    Setting(
        name="streams.num.standby.replicas",
        type=Type.INT,
        default=0,
        valid=Range(0),
        doc="Standby copies of each stateful task.",
    ),
    Setting(
        name="streams.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Milliseconds without a heartbeat after which a member of a streams group is out.",
    ),
)
"""What AlterConfigs takes for a resource of type GROUP."""

CLIENT_METRICS_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="interval.ms",
        type=Type.INT,
        default=300_000,
        doc="Milliseconds between two pushes of a client that matches; from 100 to 3600000.",
    ),
    Setting(
        name="match",
        type=Type.LIST,
        default=(),
        doc="Clients that are meant, as `name=regular expression` separated by commas; empty means all.",
    ),
    Setting(
        name="metrics",
        type=Type.LIST,
        default=(),
        doc="Prefixes of the metrics to push; `*` means all, empty none.",
    ),
)
"""What it takes for one of type CLIENT_METRICS (KIP-714)."""
