"""The Schema Registry: what Confluent's offers over REST, its state a topic of any Kafka cluster.

`state.py` is the registry as it follows from the records of `_schemas`, without I/O; `registration.py` and `changes.py`
decide what is to be written; `schemas_topic.py` reads and writes the topic, `election.py` finds out who of several
processes may; `registry.py` ties these together, `rest/` puts HTTP in front, `process.py` is the command's process.
`schemas/` knows the languages schemas are written in.

It speaks the Kafka protocol to any bootstrap address and never imports the broker.
"""
