"""Kafka's messages: one module per API, the request beside its response; one per record of a coordinator.

Structs and fields have Apache's names, fields in snake case. The class of a message is the same for all its versions: a
field that a version lacks is left at its default when that version is read, and must be at it (or be ignorable) when that
version is written.
"""
