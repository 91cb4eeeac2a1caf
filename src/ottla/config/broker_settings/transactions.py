"""Producer ids and transactions."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type, UpdateMode
from ottla.config.validators import Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="producer.id.expiration.ms",
        type=Type.INT,
        default=86_400_000,
        valid=Range(1),
        importance=Importance.LOW,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Milliseconds after its last write that an idempotent producer's state is forgotten on a "
            "partition. A transaction that is still open keeps it."
        ),
    ),
    Setting(
        name="producer.id.expiration.check.interval.ms",
        type=Type.INT,
        default=600_000,
        valid=Range(1),
        importance=Importance.LOW,
        internal=True,
        doc="Milliseconds between two looks for producer ids to forget.",
    ),
    Setting(
        name="transaction.max.timeout.ms",
        type=Type.INT,
        default=900_000,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Longest transaction timeout in milliseconds that a producer may ask for.",
    ),
    Setting(
        name="transaction.abort.timed.out.transaction.cleanup.interval.ms",
        type=Type.INT,
        default=10_000,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Milliseconds between two looks for transactions to abort for having lasted too long.",
    ),
    Setting(
        name="transaction.remove.expired.transaction.cleanup.interval.ms",
        type=Type.INT,
        default=3_600_000,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Milliseconds between two looks for transactional ids to forget.",
    ),
    Setting(
        name="transaction.partition.verification.enable",
        type=Type.BOOLEAN,
        default=True,
        importance=Importance.LOW,
        update=UpdateMode.CLUSTER_WIDE,
        doc=(
            "Whether a partition checks that it belongs to a producer's transaction before it takes a record "
            "of it (KIP-890)."
        ),
    ),
    Setting(
        name="transaction.two.phase.commit.enable",
        type=Type.BOOLEAN,
        default=False,
        importance=Importance.LOW,
        doc="Whether producers may prepare a transaction and end it in another session (KIP-939).",
    ),
    Setting(
        name="transaction.state.log.load.buffer.size",
        type=Type.INT,
        default=5_242_880,
        valid=Range(1),
        importance=Importance.HIGH,
        without_effect=reasons.LOADED_IN_PIECES,
        doc="Bytes read at a time when transaction state is loaded; a larger batch is read whole.",
    ),
    Setting(
        name="transaction.state.log.min.isr",
        type=Type.INT,
        default=2,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="The `min.insync.replicas` of the transaction topic.",
    ),
    Setting(
        name="transaction.state.log.num.partitions",
        type=Type.INT,
        default=50,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Partitions of the transaction topic; never to be changed once the topic exists.",
    ),
    Setting(
        name="transaction.state.log.replication.factor",
        type=Type.SHORT,
        default=3,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Replicas of the transaction topic; as many as there are brokers while fewer live.",
    ),
    Setting(
        name="transaction.state.log.segment.bytes",
        type=Type.INT,
        default=104_857_600,
        valid=Range(1),
        importance=Importance.HIGH,
        doc=(
            "Segment size in bytes of the transaction topic; small, so that it is compacted and loaded "
            "quickly."
        ),
    ),
    Setting(
        name="transactional.id.expiration.ms",
        type=Type.INT,
        default=604_800_000,
        valid=Range(1),
        importance=Importance.HIGH,
        doc=(
            "Milliseconds without a change of state after which a transactional id is forgotten, unless a "
            "transaction of it is open."
        ),
    ),
    Setting(
        name="add.partitions.to.txn.retry.backoff.ms",
        type=Type.INT,
        default=20,
        valid=Range(1),
        importance=Importance.HIGH,
        doc="Milliseconds between two attempts of the broker to add partitions to a transaction.",
    ),
    Setting(
        name="add.partitions.to.txn.retry.backoff.max.ms",
        type=Type.INT,
        default=100,
        valid=Range(0),
        importance=Importance.HIGH,
        doc="Milliseconds for which the broker goes on trying to add partitions to a transaction.",
    ),
)
