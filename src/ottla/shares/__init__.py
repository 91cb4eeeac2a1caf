"""Share groups' state (KIP-932): which records of a topic are out with a consumer, which are done with, and that for good.

    ShareFetch, ShareAcknowledge            ReadShareGroupState, WriteShareGroupState, …
        │                                       │
    sessions.py: what a member fetches      service.py, coordinator.py: the share coordinator, over
        │                                   `__share_group_state` (records.py, state_batches.py)
    share_partition.py: the records in          ▲
    flight of one (group, partition)  ──────────┘ persister.py: the border between the two
        in_flight.py: their states

A share partition lives on the leader of its topic's partition and keeps what is in flight as ranges of offsets. It has no
I/O and no clock: it is given what the log holds, the time, and what became of a write; it gives acquired ranges and
state to write. The share coordinator is a coordinator like others (`ottla.coordination`).

Start reading in share_partition.py. The members of share groups, and who gets which partition, are `ottla.groups`' matter.

Apache: kafka.server.share.SharePartition, SharePartitionManager; org.apache.kafka.coordinator.share.ShareCoordinatorShard.
"""
