"""`/dek-registry/v1/keks`: keys by which clients encrypt, and the DEKs of shared ones opened.

A DEK's subject may be another's name for it: `aliasForDeks` in the subject's settings.
Confluent: DekRegistryResource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry import json_fields
from ottla.registry.dek.changes import LATEST, KekUpdate, Versions, found_dek, kms_type_named, updated
from ottla.registry.dek.errors import invalid_key, key_not_found
from ottla.registry.dek.records import Algorithm, Dek, DekId, Kek
from ottla.registry.errors import FieldError, RegistryError, invalid_version
from ottla.registry.json_fields import JsonObject
from ottla.registry.modes import Mode
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Answer, Request, http_error, json_answer, page
from ottla.registry.rest.routing import route
from ottla.registry.rest.subjects import version_number
from ottla.registry.subjects import normalized

if TYPE_CHECKING:
    from ottla.registry.dek.dek_registry import DekRegistry

KEKS: Final = "/dek-registry/v1/keks"
KEK: Final = f"{KEKS}/{{name}}"
DEKS: Final = f"{KEK}/deks"
DEK: Final = f"{DEKS}/{{subject}}"
DEK_VERSIONS: Final = f"{DEK}/versions"
DEK_VERSION: Final = f"{DEK_VERSIONS}/{{version}}"

NAME_MAX_CHARACTERS: Final = 256
FIRST_VERSION: Final = 1
HIGHEST_VERSION: Final = 2**31 - 1


async def opened(registry: Registry) -> DekRegistry:
    """The keys, which the first request reads; raises 50001."""
    if registry.keys is None:
        raise http_error(404, "Not Found")
    return await registry.keys.opened()


# What a request means


def checked_name(name: str | None) -> str:
    """A KEK's name; raises 42271."""
    if not name or len(name) > NAME_MAX_CHARACTERS or not (name[0].isalpha() or name[0] == "_"):
        raise invalid_key("name")
    if not all(each.isalnum() or each in "_-" for each in name):
        raise invalid_key("name")
    return name


def checked_subject(registry: Registry, subject: str | None) -> str:
    """The subject whose DEK is meant; raises 42271."""
    if not subject or any(ord(each) < 32 or 127 <= ord(each) < 160 for each in subject):
        raise invalid_key("subject")
    subject = normalized(subject)
    config = registry.state.config(subject)
    return config.alias_for_deks if config is not None and config.alias_for_deks else subject


def algorithm_named(text: str | None, refusal: RegistryError) -> Algorithm:
    """AES256_GCM where none is named."""
    if text is None:
        return Algorithm.AES256_GCM
    if text not in Algorithm.__members__:
        raise refusal
    return Algorithm(text)


def algorithm_of(request: Request) -> Algorithm:
    """As the query names it; another one is not found, as Jersey has it."""
    return algorithm_named(request.text("algorithm") or None, http_error(404, "Not Found"))


def kek_named(request: Request) -> str:
    return checked_name(request.parameters["name"])


def dek_of(registry: Registry, request: Request, version: int) -> DekId:
    """One version of the path's DEK."""
    name, subject = kek_named(request), checked_subject(registry, request.parameters["subject"])
    return DekId(name, subject, algorithm_of(request), version)


def versions_of(registry: Registry, request: Request, version: int | None) -> Versions:
    return Versions(*dek_of(registry, request, LATEST)[:3], version)


def kek_in(body: JsonObject) -> Kek:
    """The KEK that a body wants created; raises 42271."""
    name = checked_name(json_fields.text(body, "name"))
    kms_type, kms_key_id = json_fields.text(body, "kmsType"), json_fields.text(body, "kmsKeyId")
    if not kms_key_id:
        raise invalid_key("kmsKeyId")
    if not kms_type:
        raise invalid_key("kmsType")
    return Kek(
        name,
        kms_type_named(kms_type),
        kms_key_id,
        json_fields.text_map(body, "kmsProps"),
        json_fields.text(body, "doc"),
        bool(json_fields.boolean(body, "shared")),
        bool(json_fields.boolean(body, "deleted")),
    )


def update_in(body: JsonObject) -> KekUpdate:
    props = None if body.get("kmsProps") is None else json_fields.text_map(body, "kmsProps")
    shared = bool(json_fields.boolean(body, "shared"))
    return KekUpdate(frozenset(body), props, json_fields.text(body, "doc"), shared)


def dek_in(registry: Registry, request: Request, subject: str | None) -> Dek:
    """The DEK that a body wants created under a subject; raises 42271."""
    body = request.json()
    version = json_fields.integer(body, "version")
    if version is None:
        version = FIRST_VERSION
    if not FIRST_VERSION <= version <= HIGHEST_VERSION:
        raise invalid_version(str(version))
    algorithm = algorithm_named(
        json_fields.text(body, "algorithm"), FieldError(f"algorithm has to be one of {', '.join(Algorithm)}")
    )
    return Dek(
        kek_named(request),
        checked_subject(registry, json_fields.text(body, "subject") if subject is None else subject),
        algorithm,
        version,
        json_fields.text(body, "encryptedKeyMaterial") or None,
        bool(json_fields.boolean(body, "deleted")),
    )


# KEKs


@route("GET", KEKS)
async def list_keks(registry: Registry, request: Request) -> Answer:
    """Names of KEKs, sorted; with `subjectPrefix` of those that have a DEK of such a subject."""
    state, deleted = (await opened(registry)).state, request.flag("deleted")
    prefixes = request.texts("subjectPrefix")
    names = state.kek_names_with(prefixes, deleted=deleted) if prefixes else state.kek_names(deleted=deleted)
    return json_answer(list(page(names, request)))


@route("POST", KEKS, writes=True)
async def create_kek(registry: Registry, request: Request) -> Answer:
    """Creates a KEK, or undeletes the same one; with `testSharing` only if a shared one's service can be used."""
    kek, keys = kek_in(request.json()), await opened(registry)
    if kek.shared and request.flag("testSharing"):
        keys.shared_keys.check(kek)
    return json_answer((await keys.create_kek(kek)).as_json())


@route("GET", KEK)
async def tell_kek(registry: Registry, request: Request) -> Answer:
    """A KEK, without the secrets among its properties."""
    name = kek_named(request)
    kek = (await opened(registry)).state.kek(name, deleted=request.flag("deleted"))
    if kek is None:
        raise key_not_found(name)
    return json_answer(kek.as_json())


@route("PUT", KEK, writes=True)
async def update_kek(registry: Registry, request: Request) -> Answer:
    """Changes properties, description and sharing: the fields that are given."""
    name, update = kek_named(request), update_in(request.json())
    keys = await opened(registry)
    kek = keys.state.kek(name)
    if kek is None:
        raise key_not_found(name)
    wanted = updated(kek, update)
    if wanted.shared and request.flag("testSharing"):
        keys.shared_keys.check(wanted)
    return json_answer((await keys.update_kek(name, update)).as_json())


@route("DELETE", KEK, writes=True)
async def delete_kek(registry: Registry, request: Request) -> Answer:
    """Deletes a KEK without DEKs; `permanent` one that is deleted softly already."""
    name = kek_named(request)
    await (await opened(registry)).delete_kek(name, permanent=request.flag("permanent"))
    return Answer(status=204)


@route("POST", f"{KEK}/undelete", writes=True)
async def undelete_kek(registry: Registry, request: Request) -> Answer:
    """Takes the soft deletion of a KEK back."""
    name = kek_named(request)
    await (await opened(registry)).undelete_kek(name)
    return Answer(status=204)


@route("POST", f"{KEK}/test")
async def check_kek(registry: Registry, request: Request) -> Answer:
    """Whether this server can encrypt by a shared KEK's service."""
    name, keys = kek_named(request), await opened(registry)
    kek = keys.state.kek(name)
    if kek is None:
        raise key_not_found(name)
    keys.shared_keys.check(kek)
    return json_answer(kek.as_json())


# DEKs


@route("GET", DEKS)
async def list_dek_subjects(registry: Registry, request: Request) -> Answer:
    """The subjects that have a DEK of a KEK, sorted."""
    name, deleted = kek_named(request), request.flag("deleted")
    state = (await opened(registry)).state
    if state.kek(name, deleted=deleted) is None:
        raise key_not_found(name)
    subjects = [each for each in state.subjects(name, deleted=deleted) if request.knows(each)]
    return json_answer(list(page(subjects, request)))


@route("POST", DEKS, writes=True)
async def create_dek(registry: Registry, request: Request) -> Answer:
    """Creates a DEK of the subject that the body names; of a shared KEK, a key that the server makes."""
    return await _create_dek(registry, request, None)


@route("POST", DEK, writes=True)
async def create_dek_of_subject(registry: Registry, request: Request) -> Answer:
    """Creates a DEK of the path's subject; with `rewrap` one that is there is encrypted anew."""
    return await _create_dek(registry, request, request.parameters["subject"])


async def _create_dek(registry: Registry, request: Request, subject: str | None) -> Answer:
    dek, keys = dek_in(registry, request, subject), await opened(registry)
    created = await keys.create_dek(dek, rewrap=request.flag("rewrap"))
    if registry.state.mode_in_scope(dek.subject) is Mode.IMPORT:
        return json_answer(created.as_json())
    return json_answer(_told(keys, created))


def _told(keys: DekRegistry, dek: Dek) -> JsonObject:
    """A DEK, opened if its KEK is shared."""
    kek = keys.state.kek(dek.kek_name, deleted=True)
    opened_key = keys.shared_keys.opened(kek, dek) if kek is not None and kek.shared else None
    return dek.as_json(opened_key)


@route("GET", DEK)
async def tell_first_dek(registry: Registry, request: Request) -> Answer:
    """The first version of a DEK, opened if its KEK is shared."""
    dek_id, keys = dek_of(registry, request, FIRST_VERSION), await opened(registry)
    return json_answer(_told(keys, found_dek(keys.state, dek_id, deleted=request.flag("deleted"))))


@route("GET", DEK_VERSIONS)
async def list_dek_versions(registry: Registry, request: Request) -> Answer:
    """Numbers of a DEK's versions in ascending order."""
    name, subject, algorithm, _ = dek_of(registry, request, LATEST)
    state, deleted = (await opened(registry)).state, request.flag("deleted")
    if state.kek(name, deleted=deleted) is None:
        raise key_not_found(name)
    numbers = [dek.version for dek in state.versions(name, subject, algorithm, deleted=deleted)]
    return json_answer(list(page(numbers, request)))


@route("GET", DEK_VERSION)
async def tell_dek_version(registry: Registry, request: Request) -> Answer:
    """A version of a DEK, opened if its KEK is shared."""
    dek_id = dek_of(registry, request, version_number(request.parameters["version"]))
    keys = await opened(registry)
    return json_answer(_told(keys, found_dek(keys.state, dek_id, deleted=request.flag("deleted"))))


@route("DELETE", DEK, writes=True)
async def delete_dek(registry: Registry, request: Request) -> Answer:
    """Deletes all versions of a DEK; `permanent` those that are deleted softly already."""
    versions = versions_of(registry, request, None)
    await (await opened(registry)).delete_deks(versions, permanent=request.flag("permanent"))
    return Answer(status=204)


@route("DELETE", DEK_VERSION, writes=True)
async def delete_dek_version(registry: Registry, request: Request) -> Answer:
    """Deletes a version of a DEK; `permanent` one that is deleted softly already."""
    versions = versions_of(registry, request, version_number(request.parameters["version"]))
    await (await opened(registry)).delete_deks(versions, permanent=request.flag("permanent"))
    return Answer(status=204)


@route("POST", f"{DEK}/undelete", writes=True)
async def undelete_dek(registry: Registry, request: Request) -> Answer:
    """Takes the soft deletion of all versions of a DEK back."""
    await (await opened(registry)).undelete_deks(versions_of(registry, request, None))
    return Answer(status=204)


@route("POST", f"{DEK_VERSION}/undelete", writes=True)
async def undelete_dek_version(registry: Registry, request: Request) -> Answer:
    """Takes the soft deletion of a version of a DEK back."""
    versions = versions_of(registry, request, version_number(request.parameters["version"]))
    await (await opened(registry)).undelete_deks(versions)
    return Answer(status=204)
