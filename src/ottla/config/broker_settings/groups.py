"""Consumer groups, of the classic and of the newer protocol, and committed offsets."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import EachOneOf, OneOfIgnoringCase, Range
from ottla.config.values import INT_MAX

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="group.min.session.timeout.ms",
        type=Type.INT,
        default=6000,
        doc="Shortest session timeout in milliseconds that a member may ask for.",
    ),
    Setting(
        name="group.max.session.timeout.ms",
        type=Type.INT,
        default=1_800_000,
        doc="Longest session timeout in milliseconds that a member may ask for.",
    ),
    Setting(
        name="group.initial.rebalance.delay.ms",
        type=Type.INT,
        default=3000,
        doc=(
            "Milliseconds that a new group waits for more members before its first assignment; every member "
            "that joins starts the wait anew, within the rebalance timeout."
        ),
    ),
    Setting(
        name="group.max.size",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(1),
        doc="Members that a group takes at most.",
    ),
    Setting(
        name="group.coordinator.rebalance.protocols",
        type=Type.LIST,
        default=("classic", "consumer", "streams"),
        valid=EachOneOf(("consumer", "classic", "share", "streams")),
        doc="Group protocols that are served, of `classic`, `consumer`, `share` and `streams`.",
    ),
    Setting(
        name="group.coordinator.threads",
        type=Type.INT,
        default=4,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.NO_THREADS,
        doc="Threads of the group coordinator.",
    ),
    Setting(
        name="group.coordinator.append.linger.ms",
        type=Type.INT,
        default=5,
        valid=Range(0),
        without_effect=reasons.NO_LINGER,
        doc=(
            "Milliseconds that the coordinator gathers writes before it appends them; -1 adapts, 0 appends at"
            " once."
        ),
    ),
    Setting(
        name="group.coordinator.new.enable",
        type=Type.BOOLEAN,
        default=False,
        internal=True,
        without_effect=reasons.ONE_COORDINATOR,
        doc="Whether the newer of Apache's coordinators runs.",
    ),
    Setting(
        name="group.consumer.assignors",
        type=Type.LIST,
        default=("uniform", "range"),
        doc=(
            "Assignors of the KIP-848 protocol that the broker offers, the first being the default; `uniform`"
            " and `range` are built in."
        ),
    ),
    Setting(
        name="group.consumer.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Milliseconds between two heartbeats of a member (KIP-848).",
    ),
    Setting(
        name="group.consumer.min.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Smallest `consumer.heartbeat.interval.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.consumer.max.heartbeat.interval.ms",
        type=Type.INT,
        default=15_000,
        valid=Range(1),
        doc="Largest `consumer.heartbeat.interval.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.consumer.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Milliseconds without a heartbeat after which a member is out (KIP-848).",
    ),
    Setting(
        name="group.consumer.min.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Smallest `consumer.session.timeout.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.consumer.max.session.timeout.ms",
        type=Type.INT,
        default=60_000,
        valid=Range(1),
        doc="Largest `consumer.session.timeout.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.consumer.max.size",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(1),
        doc=(
            "Members that a group of the KIP-848 protocol takes at most; classic groups have "
            "`group.max.size`."
        ),
    ),
    Setting(
        name="group.consumer.migration.policy",
        type=Type.STRING,
        default="bidirectional",
        valid=OneOfIgnoringCase(("DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL")),
        doc=(
            "Whether a group with members may change from the classic to the KIP-848 protocol (`upgrade`), "
            "back (`downgrade`), both ways or neither. An empty group always may."
        ),
    ),
    Setting(
        name="group.consumer.regex.refresh.interval.ms",
        type=Type.INT,
        default=600_000,
        valid=Range(10_000),
        internal=True,
        doc="Milliseconds between two looks for topics that match subscribed regular expressions.",
    ),
    Setting(
        name="group.streams.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Milliseconds between two heartbeats of a member of a streams group (KIP-1071).",
    ),
    Setting(
        name="group.streams.min.heartbeat.interval.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        doc="Smallest `streams.heartbeat.interval.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.streams.max.heartbeat.interval.ms",
        type=Type.INT,
        default=15_000,
        valid=Range(1),
        doc="Largest `streams.heartbeat.interval.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.streams.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Milliseconds without a heartbeat after which a member of a streams group is out.",
    ),
    Setting(
        name="group.streams.min.session.timeout.ms",
        type=Type.INT,
        default=45_000,
        valid=Range(1),
        doc="Smallest `streams.session.timeout.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.streams.max.session.timeout.ms",
        type=Type.INT,
        default=60_000,
        valid=Range(1),
        doc="Largest `streams.session.timeout.ms` that a group may set, in milliseconds.",
    ),
    Setting(
        name="group.streams.max.size",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(1),
        doc="Members that a streams group takes at most.",
    ),
    Setting(
        name="group.streams.num.standby.replicas",
        type=Type.INT,
        default=0,
        valid=Range(0),
        doc="Standby copies of each stateful task.",
    ),
    Setting(
        name="group.streams.max.standby.replicas",
        type=Type.INT,
        default=2,
        valid=Range(0),
        doc="Largest `streams.num.standby.replicas` that a group may set.",
    ),
    Setting(
        name="offset.metadata.max.bytes",
        type=Type.INT,
        default=4096,
        importance=Importance.HIGH,
        doc="Longest text in bytes that a commit may attach to an offset.",
    ),
    Setting(
        name="offsets.commit.timeout.ms",
        type=Type.INT,
        default=5000,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Milliseconds that a commit waits for the replicas of the offsets topic before it fails.",
    ),
    Setting(
        name="offsets.commit.required.acks",
        type=Type.SHORT,
        default=-1,
        importance=Importance.HIGH,
        without_effect=reasons.RETIRED,
        doc="Replicas that must hold a commit before it is answered; always all in sync.",
    ),
    Setting(
        name="offsets.load.buffer.size",
        type=Type.INT,
        default=5_242_880,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.LOADED_IN_PIECES,
        doc=(
            "Bytes read at a time when a partition of the offsets topic is loaded; a larger batch is read "
            "whole."
        ),
    ),
    Setting(
        name="offsets.retention.minutes",
        type=Type.INT,
        default=10_080,
        valid=Range(1),
        importance=Importance.HIGH,
        doc=(
            "Minutes that the offsets of a group without members are kept. For a consumer that assigns "
            "partitions to itself, counted from its last commit."
        ),
    ),
    Setting(
        name="offsets.retention.check.interval.ms",
        type=Type.LONG,
        default=600_000,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Milliseconds between two looks for offsets to forget.",
    ),
    Setting(
        name="offsets.topic.num.partitions",
        type=Type.INT,
        default=50,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Partitions of the offsets topic; never to be changed once the topic exists.",
    ),
    Setting(
        name="offsets.topic.replication.factor",
        type=Type.SHORT,
        default=3,
        valid=Range(1),
        importance=Importance.HIGH,
        doc=(
            "Replicas of the offsets topic. While fewer brokers live, it has as many as there are, and is "
            "raised as brokers join."
        ),
    ),
    Setting(
        name="offsets.topic.segment.bytes",
        type=Type.INT,
        default=104_857_600,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Segment size in bytes of the offsets topic; small, so that it is compacted and loaded quickly.",
    ),
    Setting(
        name="offsets.topic.compression.codec",
        type=Type.INT,
        default=0,
        importance=Importance.HIGH,
        doc="Codec in which the offsets topic is stored, by number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.",
    ),
)
