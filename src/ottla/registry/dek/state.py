"""The keys as they follow from the records of `_dek_registry_keys`, one after the other. No I/O.

    keks: name ─▶ Kek            deks: name of the KEK ─▶ (subject, algorithm) ─▶ version ─▶ Dek

A primary that does not know yet that it is replaced may write a value where the new one just wrote another. If the second
took the first's place, what was encrypted by the first could never be read again. So the first in the topic stays: each
value has a revision, one more than that of the value it was decided by, and one that is not above the present value's has no
effect. Its key is then contested, as its last record in the topic is not what holds; the primary writes what holds after it.
Records of the original have no revision, and always hold.

What compaction leaves gives the same keys: of a key's records it takes the earlier, and a value that finds none before it
holds, so that what was written after a contested record decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ottla.registry.dek.records import Algorithm, Dek, DekId, Kek, KekId, KeyId, KeyRecord, key_bytes


class KeyState:
    """Made empty; grows by `apply`."""

    def __init__(self) -> None:
        self._keks: dict[str, Kek] = {}
        self._deks: dict[str, dict[tuple[str, Algorithm], dict[int, Dek]]] = {}
        self._key_bytes: dict[KeyId, bytes] = {}
        """The keys of records where they are not those that we would write."""
        self.contested: set[KeyId] = set()
        """Keys whose last record in the topic is not what holds."""
        self.dek_count = 0
        """All versions of all DEKs, those deleted softly included."""

    @property
    def kek_count(self) -> int:
        return len(self._keks)

    # KEKs

    def kek(self, name: str, *, deleted: bool = False) -> Kek | None:
        """A KEK; `deleted` also finds what is deleted softly."""
        found = self._keks.get(name)
        return found if found is not None and (deleted or not found.deleted) else None

    def kek_names(self, *, deleted: bool = False) -> list[str]:
        """All names, sorted."""
        return sorted(name for name, kek in self._keks.items() if deleted or not kek.deleted)

    def kek_names_with(self, subject_prefixes: Sequence[str], *, deleted: bool = False) -> list[str]:
        """The KEKs that have a DEK of a subject with one of the prefixes."""
        prefixes = tuple(subject_prefixes)
        return sorted(
            name
            for name in self._deks
            if any(dek.subject.startswith(prefixes) for dek in self.deks(name, deleted=deleted))
        )

    # DEKs

    def dek(self, dek_id: DekId) -> Dek | None:
        """A version, deleted softly or not."""
        return self._of(dek_id.kek_name, dek_id.subject, dek_id.algorithm).get(dek_id.version)

    def deks(self, kek_name: str, *, deleted: bool = False) -> Iterator[Dek]:
        """All versions of all DEKs of a KEK."""
        return (
            dek
            for versions in self._deks.get(kek_name, {}).values()
            for dek in versions.values()
            if deleted or not dek.deleted
        )

    def versions(
        self, kek_name: str, subject: str, algorithm: Algorithm, *, deleted: bool = False
    ) -> list[Dek]:
        """The versions of a DEK in ascending order."""
        found: Iterable[tuple[int, Dek]] = sorted(self._of(kek_name, subject, algorithm).items())
        return [dek for _, dek in found if deleted or not dek.deleted]

    def subjects(self, kek_name: str, *, deleted: bool = False) -> list[str]:
        """The subjects that a KEK has DEKs of, sorted."""
        return sorted({dek.subject for dek in self.deks(kek_name, deleted=deleted)})

    def _of(self, kek_name: str, subject: str, algorithm: Algorithm) -> dict[int, Dek]:
        return self._deks.get(kek_name, {}).get((subject, algorithm), {})

    # Records

    def key(self, key_id: KeyId) -> Kek | Dek | None:
        """What holds for a key, deleted softly or not."""
        return self._keks.get(key_id.name) if isinstance(key_id, KekId) else self.dek(key_id)

    def key_of(self, key_id: KeyId) -> bytes:
        """The key of its record: the one that it has in the topic."""
        return self._key_bytes.get(key_id) or key_bytes(key_id)

    def apply(self, record: KeyRecord, key: bytes = b"") -> KeyId | None:
        """Take the next record of the topic in; tells whose, if it has no effect as another one came first."""
        key_id, new = record
        current = self.key(key_id)
        if new is None:
            self._forget(key_id)
            return None
        if current is not None and 0 < new.revision <= current.revision:
            if _is_again(new, current):
                # Two that put the same right. A key that is contested stays so: without the record that holds, which
                # compaction may take, this one would have no more effect than the one that it follows.
                return None
            self.contested.add(key_id)
            return key_id
        self.contested.discard(key_id)
        if not new.revision:
            new = new._replace(revision=1 if current is None else current.revision + 1)
        self._keep(new)
        if key and key != key_bytes(key_id):
            self._key_bytes[key_id] = key
        return None

    def _keep(self, key: Kek | Dek) -> None:
        if isinstance(key, Kek):
            self._keks[key.name] = key
            return
        subjects = self._deks.setdefault(key.kek_name, {})
        versions = subjects.setdefault((key.subject, key.algorithm), {})
        self.dek_count += key.version not in versions
        versions[key.version] = key

    def _forget(self, key_id: KeyId) -> None:
        self.contested.discard(key_id)
        self._key_bytes.pop(key_id, None)
        if isinstance(key_id, KekId):
            self._keks.pop(key_id.name, None)
            return
        versions = self._of(key_id.kek_name, key_id.subject, key_id.algorithm)
        if versions.pop(key_id.version, None) is None:
            return
        self.dek_count -= 1
        if not versions:
            subjects = self._deks[key_id.kek_name]
            del subjects[key_id.subject, key_id.algorithm]
            if not subjects:
                del self._deks[key_id.kek_name]


def _is_again(new: Kek | Dek, current: Kek | Dek) -> bool:
    """Whether both say the same, whenever that was."""
    return new._replace(timestamp_ms=0, revision=0) == current._replace(timestamp_ms=0, revision=0)
