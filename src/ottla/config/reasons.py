"""Why some of Apache Kafka's settings change nothing here, told once in the log when one of them is given.

They are accepted all the same, so that a `server.properties` or a compose file made for Apache's image starts.
"""

from __future__ import annotations

from typing import Final

NO_THREADS: Final = "the broker runs on one event loop, without thread pools to size"
NO_QUEUE: Final = "there is no queue between network and handlers; queued.max.request.bytes bounds what waits"
NO_PURGATORY: Final = "what waits is removed at once when it is done"
NO_JAVA: Final = "there are no Java classes to load"
NO_KRAFT: Final = "there are no KRaft roles; metadata lives in a tree of ZooKeeper's kind"
NO_TIERED: Final = "tiered storage is not served"
NO_CONTROL_PLANE: Final = "requests from the controller share the listener between brokers"
NO_ID_GENERATION: Final = "node.id is the number that is given, or the one found in the log directories"
NO_PROTOCOL_CHOICE: Final = "the protocol between brokers is that of Apache Kafka 3.9"
ONE_START: Final = "all listeners open together once the broker is ready"
ONE_CONTROLLER: Final = "a failed log directory is told to the controller at once, or with the next contact"
NO_LIMIT_OF_GROUPS: Final = "share groups are not counted, as in Apache Kafka 4.1"
ONE_SHARE_ASSIGNOR: Final = "share groups have one assignor, simple"
ONE_COORDINATOR: Final = "there is one group coordinator"
RETIRED: Final = "Apache Kafka 4 dropped it"
METRICS_PAGE: Final = "metrics are on the page of ottla.metrics.listener"
NO_LINGER: Final = "what a coordinator writes is appended at once"
NO_LOAD_FACTOR: Final = "log.cleaner.dedupe.buffer.size alone bounds the map of keys"
LOADED_IN_PIECES: Final = "a coordinator's topic is loaded a mebibyte at a time"
NO_MOVE_QUOTA: Final = "moves between log directories go as fast as the disks"
NO_TICKETS: Final = "a broker reads tickets by its key table and has none of its own to renew"
ONLY_CLIENTS: Final = "only clients fetch tokens of an identity provider; a broker checks them"
NOT_YET_CLUSTER: Final = "a broker stands alone: clusters are not served yet"
NOT_YET_ZOOKEEPER: Final = "clusters on ZooKeeper are not served yet"
