"""What an append is asked to be, and what it answers."""

from enum import Enum
from typing import NamedTuple


class AppendOrigin(Enum):
    """Who writes a batch; decides which of the producer's checks apply. Source: Apache's ``AppendOrigin``."""

    CLIENT = "client"
    """A produce request: all checks, duplicates found."""
    COORDINATOR = "coordinator"
    """A coordinator of this broker: may write control batches, its sequence numbers are not checked."""
    REPLICATION = "replication"
    """A follower copying its leader: what the leader has taken is taken."""


class AppendResult(NamedTuple):
    """Where a batch stands in the log now, or stood before if it is a ``duplicate``.

    The offsets are assigned when this is answered; the bytes may still wait for the log directory's thread:
    ``PartitionLog.log_end_offset`` passes ``last_offset`` when they are written.
    """

    base_offset: int
    last_offset: int
    log_append_time_ms: int
    """-1 unless the topic's ``message.timestamp.type`` is LogAppendTime."""
    max_timestamp: int
    log_start_offset: int
    duplicate: bool = False
    """The producer had sent this batch before; nothing was written, the offsets are those of the first time."""
