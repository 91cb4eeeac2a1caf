"""The group coordinator: groups of every type, and committed offsets.

For each partition of `__consumer_offsets` that this broker leads there is one `GroupCoordinator` (coordinator.py). It
takes requests, records and the time; it gives records, replies and the time of its next timer. It imports no asyncio,
socket, file, clock or random, and never writes the log: the broker's shell does that. `GroupCoordinatorService`
(service.py) sends each request to the right partition and puts answers of several together; start reading there.

A group has a type (states.py); how a type is added is told in group_types.py. What is shared by all types, offsets, lies in
offsets.py and offset_requests.py. The classic type lies in classic_group.py (the data), joining.py, rebalance.py and
membership.py (the rules); consumer groups of KIP-848 in consumer_groups.py and the modules beside it that begin alike,
share groups in share_groups.py, streams groups in streams_groups.py.
"""
