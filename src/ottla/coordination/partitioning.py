"""Which partition of `__consumer_offsets` a group belongs to: Java's String.hashCode, made positive, modulo the count.

Clients ask FindCoordinator, but brokers of one cluster and the log itself must agree, hence Java's arithmetic: over
UTF-16 code units, wrapping at 32 bits (org.apache.kafka.coordinator.group.GroupCoordinatorService#partitionFor).
"""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_REMEMBERED = 10_000
"""Groups and transactional ids are few, and each asks again and again: a look-up in place of 10 µs."""


@lru_cache(maxsize=_REMEMBERED)
def java_string_hash(text: str) -> int:
    """`text.hashCode()` of Java, a signed 32-bit number. Characters beyond U+FFFF count as two surrogates."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & _MASK
    return value - (1 << 32) if value >= 1 << 31 else value


def java_string_length(text: str) -> int:
    """`text.length()` of Java: UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def partition_for(group_id: str, partition_count: int) -> int:
    """The partition of `__consumer_offsets` that holds `group_id`.

    The smallest int has no positive counterpart: Kafka's Utils.abs makes it 0.
    """
    value = java_string_hash(group_id)
    return (0 if value == -(1 << 31) else abs(value)) % partition_count
