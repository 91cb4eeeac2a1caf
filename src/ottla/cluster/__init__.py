"""What the cluster knows about itself: brokers, topics, partitions' leaders, configs, features.

The truth lies in a tree of ZooKeeper's model (`tree`), laid out as Apache Kafka 3.9 lays it out (`paths`,
`znodes`): in an SQLite file for a single broker (`embedded`), in a real ZooKeeper for many (`zookeeper`).
The tree is read into an immutable value (`image`), a new one per change; the controller (`controller`) decides,
without I/O, which tree operations a change means; `metadata` carries them out and tells its subscribers.

This room never touches a log or a connection: what an image means for the partitions of a broker is the business
of the rooms above. Start reading at `metadata`, then `image`, then `controller`.
"""
