"""The order in which Java's HashMap and HashSet give back what was put into them.

Apache's assignors and its count of partitions go through hash maps, and where two choices are equally good the first one
wins. Whoever wants the same result has to go the same way: by bucket, and within a bucket by age.

    bucket  (hash ^ hash >>> 16) & (capacity - 1), capacity a power of two that doubles when it is over three quarters full

Java turns a bucket of more than eight into a tree, whose order is another one; that needs a table of 64 and keys made to
collide, and is left out. Source: java.util.HashMap#putVal, #resize.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
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
    return bucket_order(distinct, hash_of, capacity_for(len(distinct)))


def capacity_for(count: int) -> int:
    """How many buckets a HashMap has that began empty and was given so many keys."""
    capacity = _DEFAULT_CAPACITY
    while count > capacity * _LOAD_FACTOR:
        capacity *= 2
    return capacity


def bucket_order(distinct: Iterable[K], hash_of: Callable[[K], int], capacity: int) -> list[K]:
    """The keys as a HashMap of so many buckets goes through them. Any part of them has the same order in such a map."""

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
    return bucket_order(list(distinct)[::-1], hash_of, capacity)


class StringHashOrder:
    """Strings in the `string_hash_order` of all of them, kept while they come and go.

    For whoever needs it again and again: the hash of a string is computed once, and nothing is sorted anew but where the number
    of buckets changes.
    """

    __slots__ = ("_capacity", "_codes", "_count", "_places")

    def __init__(self) -> None:
        self._capacity = _DEFAULT_CAPACITY
        self._codes: dict[str, tuple[int, int]] = {}
        """The hash of each, and how many came before it."""
        self._places: list[tuple[int, int, str]] = []
        """Bucket, how many came before, and the string; in order."""
        self._count = 0

    def __iter__(self) -> Iterator[str]:
        return (key for _, _, key in self._places)

    def copy(self) -> "StringHashOrder":
        copied = StringHashOrder()
        copied._capacity, copied._count = self._capacity, self._count
        copied._codes, copied._places = self._codes.copy(), self._places.copy()
        return copied

    def add(self, key: str) -> None:
        """No matter if it is there already."""
        if key in self._codes:
            return
        code = java_string_hash(key) & _MASK
        self._codes[key] = code ^ code >> 16, self._count
        self._count += 1
        if not self._is_resized():
            insort(self._places, self._place(key))

    def discard(self, key: str) -> None:
        """No matter if it is not there."""
        if key not in self._codes:
            return
        place = self._place(key)
        del self._codes[key]
        if not self._is_resized():
            del self._places[bisect_left(self._places, place)]

    def _place(self, key: str) -> tuple[int, int, str]:
        code, before = self._codes[key]
        return code & (self._capacity - 1), before, key

    def _is_resized(self) -> bool:
        """Whether all had to be placed anew, since their number asks for more buckets now, or for fewer."""
        capacity = capacity_for(len(self._codes))
        if capacity == self._capacity:
            return False
        self._capacity = capacity
        self._places = sorted(self._place(each) for each in self._codes)
        return True
