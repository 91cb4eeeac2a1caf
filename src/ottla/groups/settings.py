"""Values the group coordinator is configured with, and who asks: plain values, so that this room imports no config.

Names are Apache's settings with underscores; defaults are Apache Kafka 4.1.1's. A type of group has a value of its own.
"""

from collections.abc import Callable
from typing import NamedTuple


class ConsumerGroupSettings(NamedTuple):
    """`group.consumer.*`: consumer groups whose assignment the broker makes (KIP-848)."""

    assignors: tuple[str, ...] = ("uniform", "range")
    """Those offered, by name; the first is taken when members ask for none."""
    session_timeout_ms: int = 45_000
    """A member not heard for so long is out; `consumer.session.timeout.ms` of a group comes before."""
    heartbeat_interval_ms: int = 5_000
    """How often members are told to send heartbeats; `consumer.heartbeat.interval.ms` of a group comes before."""
    max_size: int = 2_147_483_647
    """Members a group may have; one more is answered GROUP_MAX_SIZE_REACHED."""
    upgrade_enabled: bool = True
    """`group.consumer.migration.policy`: a classic group with members becomes a consumer group when a member of the new
    protocol joins."""
    downgrade_enabled: bool = True
    """Likewise: a consumer group becomes a classic one when its last member of the new protocol leaves."""
    regex_refresh_interval_ms: int = 600_000
    """How old the topics found for a regular expression may get."""


class ShareGroupSettings(NamedTuple):
    """`group.share.*`: share groups (KIP-932)."""

    session_timeout_ms: int = 45_000
    """A member not heard for so long is out; `share.session.timeout.ms` of a group comes before."""
    heartbeat_interval_ms: int = 5_000
    """How often members are told to send heartbeats; `share.heartbeat.interval.ms` of a group comes before."""
    max_size: int = 200
    """Members a group may have; one more is answered GROUP_MAX_SIZE_REACHED."""


class StreamsGroupSettings(NamedTuple):
    """`group.streams.*`: streams groups (KIP-1071)."""

    session_timeout_ms: int = 45_000
    """A member not heard for so long is out; `streams.session.timeout.ms` of a group comes before."""
    heartbeat_interval_ms: int = 5_000
    """How often members are told to send heartbeats; `streams.heartbeat.interval.ms` of a group comes before."""
    max_size: int = 2_147_483_647
    """Members a group may have; one more is answered GROUP_MAX_SIZE_REACHED."""
    num_standby_replicas: int = 0
    """Copies of each task's state; `streams.num.standby.replicas` of a group comes before."""


class GroupSettings(NamedTuple):
    """The coordinator's settings; every shard of one broker holds the same value and may be given a new one."""

    group_min_session_timeout_ms: int = 6_000
    """Shortest session timeout a member may ask for; below it JoinGroup answers INVALID_SESSION_TIMEOUT."""
    group_max_session_timeout_ms: int = 1_800_000
    """Longest session timeout a member may ask for."""
    group_initial_rebalance_delay_ms: int = 3_000
    """How long an empty group waits for more members before its first generation; 0 starts at once."""
    group_max_size: int = 2_147_483_647
    """Members a classic group may have; one more is answered GROUP_MAX_SIZE_REACHED."""
    group_new_member_join_timeout_ms: int = 300_000
    """A member in its first join sends no heartbeat yet; this long it is waited for. Fixed in Apache."""
    offset_metadata_max_bytes: int = 4_096
    """Longest commit metadata, in UTF-16 code units as Java's String.length counts them."""
    offsets_retention_ms: int = 7 * 24 * 60 * 60 * 1000
    """`offsets.retention.minutes`: age at which an offset nobody can use any more is removed."""
    offsets_retention_check_interval_ms: int = 600_000
    """How often expired offsets and empty groups are looked for."""
    offset_commit_timeout_ms: int = 5_000
    """`offsets.commit.timeout.ms`: how long the shell waits for records to be committed before it calls
    `append_timed_out`."""
    consumer: ConsumerGroupSettings = ConsumerGroupSettings()
    share: ShareGroupSettings = ShareGroupSettings()
    streams: StreamsGroupSettings = StreamsGroupSettings()


class GroupRequestContext(NamedTuple):
    """Who sent a request.

    `client_host` is written into group records and shown by DescribeGroups: Java's text of an address, that is with a
    slash in front ("/127.0.0.1"). A null client id is the empty string.
    """

    client_id: str
    client_host: str
    api_version: int
    may_describe: Callable[[str], bool] | None = None
    """Whether the client may know of a topic; None: of every one. Asked of topics that a regular expression matches."""
