"""Quotas: of users and clients, of addresses, and of a broker's own replication.

Source: Apache's QuotaConfig.
"""

from __future__ import annotations

from ottla.config import reasons
from ottla.config.definition import Setting, Type, UpdateMode
from ottla.config.validators import Range
from ottla.config.values import INT_MAX, LONG_MAX

USER_AND_CLIENT_QUOTAS: tuple[Setting, ...] = (
    Setting(
        name="consumer_byte_rate",
        type=Type.LONG,
        default=LONG_MAX,
        doc="Bytes a second that a user or client may fetch from one broker.",
    ),
    Setting(
        name="controller_mutation_rate",
        type=Type.DOUBLE,
        default=float(INT_MAX),
        doc="Partitions a second that a user or client may create or delete.",
    ),
    Setting(
        name="producer_byte_rate",
        type=Type.LONG,
        default=LONG_MAX,
        doc="Bytes a second that a user or client may produce to one broker.",
    ),
    Setting(
        name="request_percentage",
        type=Type.DOUBLE,
        default=float(INT_MAX),
        doc="Percentage of a broker's handling time that a user or client may take.",
    ),
)
"""Quotas of a user, a client id, or both together."""

ADDRESS_QUOTAS: tuple[Setting, ...] = (
    Setting(
        name="connection_creation_rate",
        type=Type.INT,
        default=INT_MAX,
        valid=Range(0),
        doc="New connections a second from one address.",
    ),
)
"""Quotas of one IP address."""

BROKER_QUOTAS: tuple[Setting, ...] = (
    Setting(
        name="follower.replication.throttled.rate",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Bytes a second for throttled replicas that this broker follows; only settable while it runs.",
    ),
    Setting(
        name="leader.replication.throttled.rate",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NOT_YET_CLUSTER,
        doc="Bytes a second for throttled replicas that this broker leads; only settable while it runs.",
    ),
    Setting(
        name="replica.alter.log.dirs.io.max.bytes.per.second",
        type=Type.LONG,
        default=LONG_MAX,
        valid=Range(0),
        update=UpdateMode.CLUSTER_WIDE,
        without_effect=reasons.NO_MOVE_QUOTA,
        doc="Bytes a second for moves between this broker's log directories; only settable while it runs.",
    ),
)
"""Settings of a broker that exist only while it runs: AlterConfigs takes them, a file doesn't."""
