"""What the room needs of the broker's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShareCoordinatorSettings:
    """Of the share coordinator, by Apache's names behind `share.coordinator.`, with Apache's defaults."""

    snapshot_update_records_per_snapshot: int = 500
    cold_partition_snapshot_interval_ms: int = 300_000
    write_timeout_ms: int = 5_000


@dataclass(frozen=True, slots=True)
class SharePartitionSettings:
    """Of share partitions, by Apache's names behind `group.share.`, with Apache's defaults."""

    delivery_count_limit: int = 5
    """A record handed out so often and still not acknowledged is given up."""
    partition_max_record_locks: int = 2_000
    """While so many records lie between the start offset and the last one handed out, none beyond that is."""
