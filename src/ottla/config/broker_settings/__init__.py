"""Every setting of a broker, a family a module. Put together in `ottla.config.catalogue`.

A `Setting` stands here once, with all that is known of it: Apache's name, type, default, valid values, importance and
way of updating, and what it means. Tests compare them with what Apache Kafka 4.1.1 declares (3.9.1 for ZooKeeper).
"""
