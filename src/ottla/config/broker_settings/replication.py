"""Replicas, leaders, and how brokers leave."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import METADATA_VERSIONS, OneOf, Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="replica.lag.time.max.ms",
        type=Type.LONG,
        default=30_000,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "A follower that hasn't reached the leader's end within this many milliseconds leaves the in-sync"
            " replicas."
        ),
    ),
    Setting(
        name="replica.socket.timeout.ms",
        type=Type.INT,
        default=30_000,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Milliseconds a follower waits for the network; at least `replica.fetch.wait.max.ms`.",
    ),
    Setting(
        name="replica.socket.receive.buffer.bytes",
        type=Type.INT,
        default=65_536,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Size in bytes of the receive buffer of a follower's connection.",
    ),
    Setting(
        name="replica.fetch.max.bytes",
        type=Type.INT,
        default=1_048_576,
        valid=Range(0),
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Bytes that a follower asks for from one partition; a larger batch still comes whole.",
    ),
    Setting(
        name="replica.fetch.wait.max.ms",
        type=Type.INT,
        default=500,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Milliseconds a leader may hold a follower's fetch open; below `replica.lag.time.max.ms`, else "
            "quiet topics lose replicas."
        ),
    ),
    Setting(
        name="replica.fetch.backoff.ms",
        type=Type.INT,
        default=1000,
        valid=Range(0),
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Milliseconds to wait after a failed fetch from a leader.",
    ),
    Setting(
        name="replica.fetch.min.bytes",
        type=Type.INT,
        default=1,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Bytes that a leader gathers before it answers a follower, within `replica.fetch.wait.max.ms`.",
    ),
    Setting(
        name="replica.fetch.response.max.bytes",
        type=Type.INT,
        default=10_485_760,
        valid=Range(0),
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Bytes that a follower asks for in one fetch over all partitions; a larger first batch still "
            "comes whole."
        ),
    ),
    Setting(
        name="replica.high.watermark.checkpoint.interval.ms",
        type=Type.LONG,
        default=5000,
        importance=Importance.HIGH,
        doc="Milliseconds between two writes of the high watermarks to disk.",
    ),
    Setting(
        name="replica.selector.class",
        type=Type.STRING,
        default=None,
        without_effect=reasons.NO_JAVA,
        doc="Java class that picks the replica a consumer reads from.",
    ),
    Setting(
        name="num.replica.fetchers",
        type=Type.INT,
        default=1,
        importance=Importance.HIGH,
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_THREADS,
        doc="Fetcher threads for each leader that is followed.",
    ),
    Setting(
        name="num.replica.alter.log.dirs.threads",
        type=Type.INT,
        default=None,
        importance=Importance.HIGH,
        without_effect=reasons.NO_THREADS,
        doc="Threads that move partitions between log directories.",
    ),
    Setting(
        name="auto.leader.rebalance.enable",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Whether leadership goes back to the preferred replicas by itself, looked at every "
            "`leader.imbalance.check.interval.seconds`."
        ),
    ),
    Setting(
        name="leader.imbalance.check.interval.seconds",
        type=Type.LONG,
        default=300,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Seconds between two looks for partitions not led by their preferred replica.",
    ),
    Setting(
        name="leader.imbalance.per.broker.percentage",
        type=Type.INT,
        default=10,
        importance=Importance.HIGH,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc=(
            "Percentage of a broker's preferred partitions that may be led elsewhere before leadership is "
            "moved back."
        ),
    ),
    Setting(
        name="controlled.shutdown.enable",
        type=Type.BOOLEAN,
        default=True,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Whether a broker hands over its leaderships before it stops.",
    ),
    Setting(
        name="controlled.shutdown.max.retries",
        type=Type.INT,
        default=3,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Attempts to hand over before the broker stops anyway.",
    ),
    Setting(
        name="controlled.shutdown.retry.backoff.ms",
        type=Type.LONG,
        default=5000,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Milliseconds between two attempts to hand over.",
    ),
    Setting(
        name="controller.socket.timeout.ms",
        type=Type.INT,
        default=30_000,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Milliseconds the controller waits for a broker on the network.",
    ),
    Setting(
        name="inter.broker.protocol.version",
        type=Type.STRING,
        default="3.9-IV0",
        valid=OneOf(METADATA_VERSIONS),
        without_effect=reasons.NO_PROTOCOL_CHOICE,
        doc="Version of the protocol that brokers speak among themselves.",
    ),
    Setting(
        name="fetch.max.bytes",
        type=Type.INT,
        default=57_671_680,
        valid=Range(1024),
        doc="Bytes that a fetch answer holds at most, whatever the client asks for; at least 1024.",
    ),
    Setting(
        name="max.incremental.fetch.session.cache.slots",
        type=Type.INT,
        default=1000,
        valid=Range(0),
        doc=(
            "Fetch sessions that are kept at a time; a client without one sends its whole list of partitions "
            "each time."
        ),
    ),
    Setting(
        name="fetch.purgatory.purge.interval.requests",
        type=Type.INT,
        default=1000,
        without_effect=reasons.NO_PURGATORY,
        doc="Finished fetches that may gather before the waiting ones are swept.",
    ),
    Setting(
        name="producer.purgatory.purge.interval.requests",
        type=Type.INT,
        default=1000,
        without_effect=reasons.NO_PURGATORY,
        doc="Finished produces that may gather before the waiting ones are swept.",
    ),
    Setting(
        name="delete.records.purgatory.purge.interval.requests",
        type=Type.INT,
        default=1,
        without_effect=reasons.NO_PURGATORY,
        doc="Finished deletions of records that may gather before the waiting ones are swept.",
    ),
    Setting(
        name="eligible.leader.replicas.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.HIGH,
        without_effect=reasons.NO_KRAFT,
        doc="Whether KRaft remembers replicas that are safe to elect outside the in-sync set (KIP-966).",
    ),
)
