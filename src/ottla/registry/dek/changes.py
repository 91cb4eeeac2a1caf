"""Creating, changing and deleting keys: what is refused, and what has to be written. No I/O.

Each function answers with the records and raises RegistryError. Confluent: AbstractDekRegistry, DekRegistryResource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from ottla.registry.dek.errors import (
    invalid_key,
    key_exists,
    key_in_use,
    key_not_found,
    key_not_soft_deleted,
    key_soft_deleted,
    too_many_keys,
)
from ottla.registry.dek.records import SECRET_PROPERTIES, Algorithm, Dek, DekId, Kek
from ottla.registry.dek.state import KeyState
from ottla.registry.registration import Write

LATEST: Final = -1

_SERVICES: Final = ("aws", "azure", "gcp")


class KekUpdate(NamedTuple):
    """What a request changes of a KEK: the fields whose names are in `given`."""

    given: frozenset[str]
    kms_props: Mapping[str, str] | None
    doc: str | None
    shared: bool


class Versions(NamedTuple):
    """The versions of a DEK that a request means: one, the latest, or all where `version` is None."""

    kek_name: str
    subject: str
    algorithm: Algorithm
    version: int | None = None


class MakesKeys(Protocol):
    """Makes and encrypts the DEKs of shared KEKs (`shared_keys.py`)."""

    def new(self, kek: Kek, subject: str, algorithm: Algorithm) -> str: ...

    def encrypted_again(self, kek: Kek, dek: Dek) -> str: ...


def kms_type_named(text: str) -> str:
    """One name for each of the known services: `AWS` is `aws-kms`."""
    return next((f"{each}-kms" for each in _SERVICES if text.lower().startswith(each)), text)


# KEKs


def create_kek(state: KeyState, kek: Kek, *, max_keys: int) -> list[Write]:
    """A new KEK, or one that was deleted softly and is the same again."""
    if state.kek_count > max_keys:
        raise too_many_keys(max_keys)
    present = state.kek(kek.name, deleted=True)
    if present is not None and (present.deleted == kek.deleted or not present.is_as(kek)):
        raise key_exists(kek.name)
    return [_written(state, kek)]


def updated(kek: Kek, update: KekUpdate) -> Kek:
    """A KEK as a request wants it."""
    if "kmsProps" in update.given:
        kek = kek._replace(kms_props=_with_secrets(update.kms_props, kek.kms_props))
    if "doc" in update.given:
        kek = kek._replace(doc=update.doc)
    if "shared" in update.given:
        kek = kek._replace(shared=update.shared)
    return kek


def _with_secrets(wanted: Mapping[str, str] | None, present: Mapping[str, str]) -> dict[str, str]:
    """What was told without its secrets comes back without them, and keeps them; a null takes all away."""
    if wanted is None:
        return {}
    secrets = {name: present[name] for name in SECRET_PROPERTIES if name in present}
    return {**secrets, **wanted}


def update_kek(state: KeyState, name: str, update: KekUpdate) -> list[Write]:
    """Change a KEK."""
    present = state.kek(name)
    if present is None:
        raise key_not_found(name)
    kek = updated(present, update)
    return [] if kek.is_as(present) else [_written(state, kek)]


def delete_kek(state: KeyState, name: str, *, permanent: bool) -> list[Write]:
    """Delete a KEK that has no DEKs, softly or for good."""
    kek = known_kek(state, name)
    if any(True for _ in state.deks(name, deleted=permanent)):
        raise key_in_use(name)
    if permanent:
        if not kek.deleted:
            raise key_not_soft_deleted(name)
        return [Write(state.key_of(kek.id), None)]
    return [] if kek.deleted else [_written(state, kek._replace(deleted=True))]


def undelete_kek(state: KeyState, name: str) -> list[Write]:
    """Take a soft deletion back."""
    kek = known_kek(state, name)
    return [_written(state, kek._replace(deleted=False))] if kek.deleted else []


def known_kek(state: KeyState, name: str) -> Kek:
    """A KEK, deleted softly or not; raises 40470."""
    kek = state.kek(name, deleted=True)
    if kek is None:
        raise key_not_found(name)
    return kek


# DEKs


def create_dek(
    state: KeyState, dek: Dek, makes_keys: MakesKeys, *, rewrap: bool, max_keys: int
) -> list[Write]:
    """A new version, one deleted softly that is the same again, or with `rewrap` one encrypted anew."""
    kek = state.kek(dek.kek_name, deleted=dek.deleted)
    if kek is None:
        raise key_not_found(dek.kek_name)
    if state.dek_count > max_keys:
        raise too_many_keys(max_keys)
    present = state.dek(dek.id)
    if present is not None and not rewrap and (present.deleted == dek.deleted or not present.is_as(dek)):
        raise key_exists(dek.subject)
    if dek.encrypted_key_material:
        if kek.shared and present is not None:
            raise key_exists(dek.subject)
        return [_written(state, dek)]
    if not kek.shared:
        raise invalid_key("encryptedKeyMaterial")
    if present is None:
        material = makes_keys.new(kek, dek.subject, dek.algorithm)
    else:
        material = makes_keys.encrypted_again(kek, present)
    return [_written(state, dek._replace(encrypted_key_material=material))]


def delete_deks(state: KeyState, versions: Versions, *, permanent: bool) -> list[Write]:
    """Delete versions, softly or for good."""
    deks = meant(state, versions)
    if permanent:
        if not all(dek.deleted for dek in deks):
            raise key_not_soft_deleted(versions.subject)
        return [Write(state.key_of(dek.id), None) for dek in deks]
    return [_written(state, dek._replace(deleted=True)) for dek in deks if not dek.deleted]


def undelete_deks(state: KeyState, versions: Versions) -> list[Write]:
    """Take soft deletions back. The KEK comes first."""
    deks = meant(state, versions)
    if known_kek(state, versions.kek_name).deleted:
        raise key_soft_deleted(versions.kek_name)
    return [_written(state, dek._replace(deleted=False)) for dek in deks if dek.deleted]


def meant(state: KeyState, versions: Versions) -> Sequence[Dek]:
    """The versions that a change is about, at least one; raises 40470."""
    known_kek(state, versions.kek_name)
    deks = state.versions(versions.kek_name, versions.subject, versions.algorithm, deleted=True)
    if versions.version == LATEST:
        deks = deks[-1:]
    elif versions.version is not None:
        deks = [dek for dek in deks if dek.version == versions.version]
    if not deks:
        raise key_not_found(versions.subject)
    return deks


def found_dek(state: KeyState, dek_id: DekId, *, deleted: bool) -> Dek:
    """The version that a request asks for, `LATEST` for the last; raises 40470."""
    if state.kek(dek_id.kek_name, deleted=deleted) is None:
        raise key_not_found(dek_id.kek_name)
    found = state.versions(dek_id.kek_name, dek_id.subject, dek_id.algorithm, deleted=deleted)
    if dek_id.version != LATEST:
        found = [dek for dek in found if dek.version == dek_id.version]
    if not found:
        raise key_not_found(dek_id.subject)
    return found[-1]


# Records


def restored(state: KeyState) -> list[Write]:
    """What holds of contested keys, to be written after what does not."""
    found = (state.key(key_id) for key_id in sorted(state.contested))
    return [_written(state, key) for key in found if key is not None]


def _written(state: KeyState, key: Kek | Dek) -> Write:
    present = state.key(key.id)
    revision = 1 if present is None else present.revision + 1
    return Write(state.key_of(key.id), key._replace(revision=revision).value())
