"""The order in which Java's HashMap and HashSet give back what was put into them.

Apache's assignors and its count of partitions go through hash maps, and where two choices are equally good the first one
wins. Whoever wants the same result has to go the same way: by bucket, and within a bucket by age.

    bucket  (hash ^ hash >>> 16) & (capacity - 1), capacity a power of two that doubles when it is over three quarters full

Java turns a bucket of more than eight into a tree, whose order is another one; that needs a table of 64 and keys made to
collide, and is left out. Source: java.util.HashMap#putVal, #resize.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ottla.coordination.partitioning import java_string_hash

K = TypeVar("K")

_MASK = 0xFFFFFFFF
_DEFAULT_CAPACITY = 16
_LOAD_FACTOR = 0.75


def hash_order(keys: Iterable[K], hash_of: Callable[[K], int]) -> list[K]:
    """The distinct `keys`, put in one after the other, as a HashMap that began empty goes through them.

    `hash_of` is their `hashCode()`: 32 bits, signed or not.
    """
    distinct = list(dict.fromkeys(keys))
    capacity = _DEFAULT_CAPACITY
    while len(distinct) > capacity * _LOAD_FACTOR:
        capacity *= 2

    def bucket(key: K) -> int:
        code = hash_of(key) & _MASK
        return (code ^ code >> 16) & (capacity - 1)

    return sorted(distinct, key=bucket)


def string_hash_order(keys: Iterable[str]) -> list[str]:
    """`hash_order` of strings."""
    return hash_order(keys, java_string_hash)


def computed_hash_order(keys: Iterable[K], hash_of: Callable[[K], int]) -> list[K]:
    """As `hash_order`, of a map filled by `computeIfAbsent`, called with each of `keys` in turn, repeated ones as well.

    That puts a new key in front of its bucket, and looks whether the table is too full before it does, not after.
    """
    distinct: dict[K, None] = {}
    capacity = _DEFAULT_CAPACITY
    for key in keys:
        if len(distinct) > capacity * _LOAD_FACTOR:
            capacity *= 2
        distinct[key] = None

    def bucket(key: K) -> int:
        code = hash_of(key) & _MASK
        return (code ^ code >> 16) & (capacity - 1)

    newest_first = list(distinct)[::-1]
    return sorted(newest_first, key=bucket)
