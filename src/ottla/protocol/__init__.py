"""Kafka's wire: every message in every version, as data, and the codec compiled from it.

Knows layouts only. It opens no connection, keeps no state and decides nothing; whatever bytes it is given, the outcome is
a message or a `ProtocolError`.

Start with `declare` (how a message is declared), look at one in `messages/` (`produce.py`, say), then read `codec`.
`framing` is what stands around a message on a connection, `errors` the one table of error codes.
"""
