"""What every coordinator over an internal topic shares: groups, transactions, share-group state.

A coordinator keeps state whose truth is a partition of an internal topic. It is a state machine without I/O:

    request ─▶ operation ─▶ CoordinatorResult: records to append, and a reply (results.py)
                   │ the records are applied at once: the next operation builds on them (appends.py)
                   ▼
    the broker's shell appends them in one batch ─▶ committed: the reply is told · failed: undone, newest first

`PartitionCoordinator` (coordinator.py) is one partition's part of that, `CoordinatorService` (service.py) all partitions
that this broker leads: start reading there. Timers (timers.py) are handed out and in; nothing here has a clock. A request
that goes to several coordinators is a chain of replies (reply_chains.py).

Apache: org.apache.kafka.coordinator.common.runtime.
"""
