"""What Ottla's own services need of a Kafka cluster and the ecosystem's clients have not.

Membership of a group of any protocol type (`membership.py`: Connect's workers and the registry's instances elect and
assign among themselves), and admin calls that confluent-kafka lacks (`admin.py`). Both stand on `brokers.py`, which
finds brokers and coordinators, and `connection.py`, one connection. Records themselves go through confluent-kafka.

It works with any Kafka cluster and imports no broker.
"""
