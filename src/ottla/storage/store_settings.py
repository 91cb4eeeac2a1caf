"""What a broker sets for all its logs together."""

from __future__ import annotations

from typing import NamedTuple

from ottla.config.values import LONG_MAX
from ottla.storage.log_cleaner import CleanerSettings


class LogStoreSettings(NamedTuple):
    """The broker's `log.*` settings that are not a topic's; defaults are Apache Kafka 4.1.1's."""

    flush_scheduler_interval_ms: int = LONG_MAX
    """Without effect: `flush.ms` is looked at in every tick."""
    flush_offset_checkpoint_interval_ms: int = 60_000
    flush_start_offset_checkpoint_interval_ms: int = 60_000
    """The lesser of the two intervals holds for both files."""
    high_watermark_checkpoint_interval_ms: int = 5_000
    """For whoever calls `checkpoint_high_watermarks`."""
    retention_check_interval_ms: int = 300_000
    recovery_processes: int = 2
    """Logs recovered at once after a crash, each in a process of its own."""
    producer_id_expiration_ms: int = 86_400_000
    producer_id_expiration_check_interval_ms: int = 600_000
    descriptors_max: int = 1_000
    """Files of segments and indexes held open at once."""
    cleaner_enable: bool = True
    cleaner_threads: int = 1
    """Logs compacted at once, each in a process of its own."""
    cleaner_dedupe_buffer_bytes: int = 134_217_728
    cleaner_io_buffer_bytes: int = 524_288
    """Without effect: the helper reads and writes in chunks of its own."""
    cleaner_io_max_bytes_per_second: float = 1.7976931348623157e308
    cleaner_backoff_ms: int = 15_000
    max_decompressed_bytes: int = 256 * 1024 * 1024
    """Bound on what one batch may decompress to when it is compacted."""

    @property
    def checkpoint_interval_ms(self) -> int:
        return min(self.flush_offset_checkpoint_interval_ms, self.flush_start_offset_checkpoint_interval_ms)

    @property
    def cleaner(self) -> CleanerSettings:
        """What the cleaner needs of them."""
        return CleanerSettings(
            enable=self.cleaner_enable,
            threads=self.cleaner_threads,
            dedupe_buffer_bytes=self.cleaner_dedupe_buffer_bytes,
            io_max_bytes_per_second=self.cleaner_io_max_bytes_per_second,
            backoff_ms=self.cleaner_backoff_ms,
            max_decompressed_bytes=self.max_decompressed_bytes,
        )
