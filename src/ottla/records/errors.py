"""What can be wrong with a batch or a record.

::

    RecordsError
    ├── CorruptBatch            bytes that are no batch, or whose checksum says they were damaged
    ├── InvalidRecord           a well-formed batch that breaks a rule, or records that do not fit their batch
    │   └── UnsupportedMagic    message formats 0 and 1, which are read but never written
    ├── InvalidTimestamp        outside of the topic's bounds, or of a type that a client may not set
    ├── UnsupportedCompression  a codec number that Kafka does not have
    └── BatchTooLarge           over ``max.message.bytes``, or over the bound on decompressed bytes

This room stands on the lowest floor and does not know Kafka's error codes: the storage room gives each class its
code, in one table.
"""


class RecordsError(Exception):
    """Something is wrong with a batch or a record; the message says what and where."""


class CorruptBatch(RecordsError):
    """The bytes are not a batch: cut short, an impossible length, or a checksum that does not match."""


class InvalidRecord(RecordsError):
    """The batch is whole but breaks a rule of the format, or its records are not what its header says."""


class UnsupportedMagic(InvalidRecord):
    """The batch is of message format 0 or 1."""


class InvalidTimestamp(RecordsError):
    """A timestamp lies outside of the topic's bounds, or a client has set the LogAppendTime bit."""


class UnsupportedCompression(RecordsError):
    """The codec's number is none of Kafka's."""


class BatchTooLarge(RecordsError):
    """The batch, or what it decompresses to, is over a limit."""
