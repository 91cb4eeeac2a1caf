"""Which partition of an internal topic a group, a transactional id or a share partition belongs to: Java's String.hashCode,
made positive, modulo the count.

Clients ask FindCoordinator, but brokers of one cluster and the log itself must agree, hence Java's arithmetic: over
UTF-16 code units, wrapping at 32 bits (org.apache.kafka.coordinator.group.GroupCoordinatorService#partitionFor).
"""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_REMEMBERED = 10_000
"""Groups and transactional ids are few, and each asks again and again: a look-up in place of 10 µs."""


_LONGEST_REMEMBERED = 512
"""Characters. Clients choose the names: what is kept of them has a bound."""


def java_string_hash(text: str) -> int:
    """`text.hashCode()` of Java, a signed 32-bit number. Characters beyond U+FFFF count as two surrogates."""
    return _remembered_hash(text) if len(text) <= _LONGEST_REMEMBERED else _hash(text)


def _hash(text: str) -> int:
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & _MASK
    return value - (1 << 32) if value >= 1 << 31 else value


_remembered_hash = lru_cache(maxsize=_REMEMBERED)(_hash)


def java_string_length(text: str) -> int:
    """`text.length()` of Java: UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def partition_for(key: str, partition_count: int) -> int:
    """The partition of the internal topic that holds what is kept of `key`: a group's id, say.

    The smallest int has no positive counterpart: Kafka's Utils.abs makes it 0.
    """
    value = java_string_hash(key)
    return (0 if value == -(1 << 31) else abs(value)) % partition_count
