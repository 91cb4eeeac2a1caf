"""Authorization, delegation tokens, quotas."""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Importance, Setting, Type
from ottla.config.validators import NonNullString, Range

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="authorizer.class.name",
        type=Type.STRING,
        default="",
        valid=NonNullString(),
        importance=Importance.LOW,
        doc="Class of the authorizer, by either name that Apache Kafka has for one: "
        "`org.apache.kafka.metadata.authorizer.StandardAuthorizer` or `kafka.security.authorizer.AclAuthorizer`. With it clients "
        "may do what access rules allow, and `super.users` (`User:alice;User:bob`) everything; "
        "`allow.everyone.if.no.acl.found` opens what no rule is about. Empty lets everyone do everything.",
    ),
    Setting(
        name="delegation.token.secret.key",
        type=Type.PASSWORD,
        default=None,
        doc="Secret, the same on every broker, that signs delegation tokens. Without it there are none.",
    ),
    Setting(
        name="delegation.token.master.key",
        type=Type.PASSWORD,
        default=None,
        doc="Older name of `delegation.token.secret.key`.",
    ),
    Setting(
        name="delegation.token.expiry.time.ms",
        type=Type.LONG,
        default=86_400_000,
        valid=Range(1),
        doc="Milliseconds until a delegation token has to be renewed.",
    ),
    Setting(
        name="delegation.token.max.lifetime.ms",
        type=Type.LONG,
        default=604_800_000,
        valid=Range(1),
        doc="Milliseconds after which a delegation token can't be renewed any more.",
    ),
    Setting(
        name="delegation.token.expiry.check.interval.ms",
        type=Type.LONG,
        default=3_600_000,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Milliseconds between two deletions of expired delegation tokens.",
    ),
    Setting(
        name="password.encoder.secret",
        type=Type.PASSWORD,
        default=None,
        doc="Secret by which passwords among the dynamic settings are encoded where they are kept, as Apache Kafka 3.9 does in "
        "ZooKeeper. Without it they are kept as they are, in a file of the broker's user alone.",
    ),
    Setting(
        name="password.encoder.old.secret",
        type=Type.PASSWORD,
        default=None,
        doc="The previous `password.encoder.secret`, given for one start, which encodes anew what is kept.",
    ),
    Setting(
        name="password.encoder.keyfactory.algorithm",
        type=Type.STRING,
        default=None,
        importance=Importance.LOW,
        doc="How a key is made of the secret: PBKDF2WithHmacSHA1, 224, 256, 384 or 512; not set, 512.",
    ),
    Setting(
        name="password.encoder.cipher.algorithm",
        type=Type.STRING,
        default="AES/CBC/PKCS5Padding",
        importance=Importance.LOW,
        doc="Cipher that encodes passwords: AES/CBC/PKCS5Padding or AES/GCM/NoPadding.",
    ),
    Setting(
        name="password.encoder.key.length",
        type=Type.INT,
        default=128,
        valid=Range(8),
        importance=Importance.LOW,
        doc="Length of the key in bits: 128, 192 or 256.",
    ),
    Setting(
        name="password.encoder.iterations",
        type=Type.INT,
        default=4096,
        valid=Range(1024),
        importance=Importance.LOW,
        doc="Rounds that make a key of the secret.",
    ),
    Setting(
        name="client.quota.callback.class",
        type=Type.CLASS,
        default=None,
        importance=Importance.LOW,
        doc="Java class that decides on quotas; there are none to load, so naming one is refused.",
    ),
    Setting(
        name="quota.window.num",
        type=Type.INT,
        default=11,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Windows kept for measuring clients' quotas.",
    ),
    Setting(
        name="quota.window.size.seconds",
        type=Type.INT,
        default=1,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Length in seconds of a window of clients' quotas.",
    ),
    Setting(
        name="controller.quota.window.num",
        type=Type.INT,
        default=11,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Windows kept for measuring quotas on changes of metadata.",
    ),
    Setting(
        name="controller.quota.window.size.seconds",
        type=Type.INT,
        default=1,
        valid=Range(1),
        importance=Importance.LOW,
        doc="Length in seconds of a window of quotas on changes of metadata.",
    ),
    Setting(
        name="replication.quota.window.num",
        type=Type.INT,
        default=11,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Windows kept for measuring throttled replication.",
    ),
    Setting(
        name="replication.quota.window.size.seconds",
        type=Type.INT,
        default=1,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Length in seconds of a window of throttled replication.",
    ),
    Setting(
        name="alter.log.dirs.replication.quota.window.num",
        type=Type.INT,
        default=11,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.NO_MOVE_QUOTA,
        doc="Windows kept for measuring throttled moves between log directories.",
    ),
    Setting(
        name="alter.log.dirs.replication.quota.window.size.seconds",
        type=Type.INT,
        default=1,
        valid=Range(1),
        importance=Importance.LOW,
        without_effect=reasons.NO_MOVE_QUOTA,
        doc="Length in seconds of a window of throttled moves between log directories.",
    ),
)
