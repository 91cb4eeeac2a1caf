"""The transaction coordinator: who a transactional id belongs to, which partitions its transaction has, how that ends.

State machines over `__transaction_state`, one per partition of it: requests in, records and markers to write out. A
change of state holds from when its record is committed; until then the transactional id is busy
(CONCURRENT_TRANSACTIONS). Nothing here touches a socket, a file or a clock.

Start with `states`, then `metadata` (what a transactional id has), `coordinator` (what is done with it) and `service` (the face
that the broker sees). `verification` is the leader's side: has a producer said that it writes to this partition (KIP-890)?
"""
