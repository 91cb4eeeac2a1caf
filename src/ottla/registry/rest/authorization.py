"""What each endpoint asks of who calls it, where rights are by subject: the guard that `dispatch.py` has a place for.

    endpoint ─▶ its row in `ACCESS` ─▶ operation and subject ─▶ allowed, or 403 with 40301

An alias is asked for as the subject it stands for, a context's settings as `:.context:`, a schema by id as any subject that has
it, a schema that refers to others as these too, since it can be read with them. Lists show what may be read: they ask `Rights`, which
this hands to them with the request. An endpoint that has no row is nobody's.

Source: the table of operations in Confluent's documentation of its security plugin. The rows it lacks follow from what it says of
their likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from ottla.registry import json_fields
from ottla.registry.acls import EVERYTHING, SUBJECT_OPERATIONS, Operation
from ottla.registry.errors import RegistryError
from ottla.registry.json_fields import JsonObject
from ottla.registry.records import StoredSchema
from ottla.registry.registry import Registry
from ottla.registry.rest.messages import Request, path_integer
from ottla.registry.rest.routing import Route
from ottla.registry.subjects import (
    GLOBAL_SUBJECT,
    context_name,
    context_of,
    context_subject,
    in_context,
    normalized,
    qualified,
    settings_subject,
)

DENIED: Final = 40301
LARGE_BODY_BYTES: Final = 64 * 1024
"""Larger bodies are looked at for references on a thread."""

_LABELS: Final = {
    Operation.SUBJECT_READ: "Read",
    Operation.SUBJECT_WRITE: "Write",
    Operation.SUBJECT_DELETE: "Delete",
    Operation.SUBJECT_COMPATIBILITY_READ: "ReadCompatibility",
    Operation.SUBJECT_COMPATIBILITY_WRITE: "WriteCompatibility",
    Operation.GLOBAL_COMPATIBILITY_READ: "ReadCompatibility",
    Operation.GLOBAL_COMPATIBILITY_WRITE: "WriteCompatibility",
    Operation.GLOBAL_READ: "Read",
}
"""As refusals name them."""


class Authorizer(Protocol):
    """Knows the rules; answers at once."""

    def allows(self, principal: str, wanted: Operation, subject: str | None, /) -> bool:
        """Whether a principal may do this with a subject, None for global operations."""
        ...


class Rights:
    """What one principal may see."""

    __slots__ = ("_authorizer", "_principal", "sees_everything")

    def __init__(self, authorizer: Authorizer, principal: str) -> None:
        self._authorizer = authorizer
        self._principal = principal
        self.sees_everything = authorizer.allows(principal, Operation.SUBJECT_READ, EVERYTHING)

    def may(self, wanted: Operation, subject: str | None) -> bool:
        """Whether this may be done with a subject, None for global operations."""
        return self._authorizer.allows(self._principal, wanted, subject)

    def sees(self, subject: str) -> bool:
        """Whether the subject's schemas may be read."""
        return self.sees_everything or self.may(Operation.SUBJECT_READ, subject)

    def knows(self, subject: str) -> bool:
        """Whether the subject's name may be told: something may be done with it."""
        return self.sees_everything or any(self.may(each, subject) for each in SUBJECT_OPERATIONS)

    def require(self, wanted: Operation, subject: str | None) -> None:
        """Raises 40301."""
        if not self.may(wanted, subject):
            raise denied(wanted, subject)


class About(Enum):
    """What an endpoint's operation is done to."""

    NOTHING = auto()
    """Everybody may: it tells nothing of schemas."""
    EVERYTHING = auto()
    SUBJECT = auto()
    """The path's, or whom it stands for."""
    SUBMITTED = auto()
    """The path's, and those that the schema in the body refers to."""
    SETTINGS_OF = auto()
    """The path's, also a context or everything."""
    CONTEXT = auto()
    ID = auto()
    GUID = auto()
    ASSOCIATED = auto()
    """The subjects that are tied to a topic, or were."""
    ASSOCIATED_IN_BATCH = auto()
    UNTIED = auto()
    DEK = auto()
    """The path's subject, or whose keys it uses."""
    DEK_IN_BODY = auto()


class Access(NamedTuple):
    """What an endpoint asks for."""

    about: About
    operation: Operation = Operation.SUBJECT_READ


_READ, _WRITE = Operation.SUBJECT_READ, Operation.SUBJECT_WRITE
_OPEN: Final = Access(About.NOTHING)
_SUBJECT_READ: Final = Access(About.SUBJECT)
_SUBJECT_DELETE: Final = Access(About.SUBJECT, Operation.SUBJECT_DELETE)
_SUBMITTED: Final = Access(About.SUBMITTED, _WRITE)
_LIST: Final = Access(About.EVERYTHING, Operation.GLOBAL_READ)
_BY_ID: Final = Access(About.ID)
_BY_GUID: Final = Access(About.GUID)
_SETTINGS_READ: Final = Access(About.EVERYTHING, Operation.GLOBAL_COMPATIBILITY_READ)
_SETTINGS_WRITE: Final = Access(About.EVERYTHING, Operation.GLOBAL_COMPATIBILITY_WRITE)
_OWN_SETTINGS_READ: Final = Access(About.SETTINGS_OF, Operation.SUBJECT_COMPATIBILITY_READ)
_OWN_SETTINGS_WRITE: Final = Access(About.SETTINGS_OF, Operation.SUBJECT_COMPATIBILITY_WRITE)

_SHOWN: Final = _OPEN
"""What may not be read is left out of the answer."""
_KEKS: Final = "/dek-registry/v1/keks"
_KEK: Final = f"{_KEKS}/{{name}}"
_DEK: Final = f"{_KEK}/deks/{{subject}}"
_DEK_VERSION: Final = f"{_DEK}/versions/{{version}}"

ACCESS: Final[dict[tuple[str, str], Access]] = {
    ("GET", "/"): _OPEN,
    ("POST", "/"): _OPEN,
    ("GET", "/v1/metadata/id"): _OPEN,
    ("GET", "/v1/metadata/version"): _OPEN,
    ("GET", "/v1/metadata/deployment"): _OPEN,
    ("GET", "/schemas/types"): _OPEN,
    ("GET", "/subjects"): _LIST,
    ("GET", "/schemas"): _LIST,
    ("GET", "/contexts"): _LIST,
    ("DELETE", "/contexts/{context}"): Access(About.CONTEXT, Operation.SUBJECT_DELETE),
    ("POST", "/subjects/{subject}"): Access(About.SUBMITTED, _READ),
    ("DELETE", "/subjects/{subject}"): _SUBJECT_DELETE,
    ("GET", "/subjects/{subject}/metadata"): _SUBJECT_READ,
    ("GET", "/subjects/{subject}/versions"): _SUBJECT_READ,
    ("POST", "/subjects/{subject}/versions"): _SUBMITTED,
    ("GET", "/subjects/{subject}/versions/{version}"): _SUBJECT_READ,
    ("GET", "/subjects/{subject}/versions/{version}/schema"): _SUBJECT_READ,
    ("GET", "/subjects/{subject}/versions/{version}/referencedby"): _SUBJECT_READ,
    ("DELETE", "/subjects/{subject}/versions/{version}"): _SUBJECT_DELETE,
    ("POST", "/subjects/{subject}/versions/{version}/tags"): Access(About.SUBJECT, _WRITE),
    ("POST", "/compatibility/subjects/{subject}/versions/{version}"): _SUBMITTED,
    ("POST", "/compatibility/subjects/{subject}/versions"): _SUBMITTED,
    ("GET", "/schemas/ids/{id}"): _BY_ID,
    ("GET", "/schemas/ids/{id}/schema"): _BY_ID,
    ("GET", "/schemas/ids/{id}/subjects"): _BY_ID,
    ("GET", "/schemas/ids/{id}/versions"): _BY_ID,
    ("GET", "/schemas/guids/{guid}"): _BY_GUID,
    ("GET", "/schemas/guids/{guid}/ids"): _BY_GUID,
    ("GET", "/associations/subjects/{subject}"): _SUBJECT_READ,
    ("GET", "/associations/resources/{resourceId}"): _SHOWN,
    ("GET", "/associations/resources/{resourceNamespace}/{resourceName}"): _SHOWN,
    ("POST", "/associations:batchGet"): _SHOWN,
    ("POST", "/associations"): Access(About.ASSOCIATED, _WRITE),
    ("PUT", "/associations/resources/{resourceId}"): Access(About.ASSOCIATED, _WRITE),
    ("POST", "/associations:batchMutate"): Access(About.ASSOCIATED_IN_BATCH, _WRITE),
    ("DELETE", "/associations/resources/{resourceId}"): Access(About.UNTIED, _WRITE),
    ("GET", _KEKS): _LIST,
    ("GET", _KEK): _OPEN,
    ("POST", _KEKS): _SETTINGS_WRITE,
    ("PUT", _KEK): _SETTINGS_WRITE,
    ("DELETE", _KEK): _SETTINGS_WRITE,
    ("POST", f"{_KEK}/undelete"): _SETTINGS_WRITE,
    ("POST", f"{_KEK}/test"): _SETTINGS_WRITE,
    ("GET", f"{_KEK}/deks"): _LIST,
    ("POST", f"{_KEK}/deks"): Access(About.DEK_IN_BODY, _WRITE),
    ("POST", _DEK): Access(About.DEK, _WRITE),
    **{("GET", path): Access(About.DEK) for path in (_DEK, f"{_DEK}/versions", _DEK_VERSION)},
    **{
        place: Access(About.DEK, Operation.SUBJECT_DELETE)
        for path in (_DEK, _DEK_VERSION)
        for place in (("DELETE", path), ("POST", f"{path}/undelete"))
    },
    **{(method, path): _SETTINGS_WRITE for path in ("/config", "/mode") for method in ("PUT", "DELETE")},
    **{("GET", path): _SETTINGS_READ for path in ("/config", "/mode")},
    **{
        (method, f"{path}/{{subject}}"): _OWN_SETTINGS_WRITE
        for path in ("/config", "/mode")
        for method in ("PUT", "DELETE")
    },
    **{("GET", f"{path}/{{subject}}"): _OWN_SETTINGS_READ for path in ("/config", "/mode")},
}
"""By method and path, as the router has them."""


def denied(wanted: Operation, subject: str | None) -> RegistryError:
    """The refusal, in the plugin's words where they are known."""
    what = "this registry" if subject is None else f"Subject: {subject}"
    return RegistryError(DENIED, f"User is denied operation {_LABELS[wanted]} on {what}")


class SubjectAuthorization:
    """Implements `dispatch.Guard`."""

    def __init__(self, registry: Registry, authorizer: Authorizer) -> None:
        self._registry = registry
        self._authorizer = authorizer

    def __call__(self, request: Request, route: Route) -> Awaitable[None] | None:
        """Raises 40301."""
        access = ACCESS.get((route.method, route.path))
        if access is None:
            raise RegistryError(DENIED, "User cannot access the resource.")
        rights = Rights(self._authorizer, request.principal)
        request.rights = rights
        if access.about is About.NOTHING:
            return None
        if access.about is About.SUBMITTED:
            subject = _path_subject(self._registry, request)
            rights.require(access.operation, subject)
            return _check_references(request, rights, subject)
        for wanted, subject_asked in _ASKED[access.about](self._registry, request, access.operation, rights):
            rights.require(wanted, subject_asked)
        return None


Asked = Iterable[tuple[Operation, str | None]]


def _path_subject(registry: Registry, request: Request) -> str:
    return registry.state.alias_target(normalized(request.parameters["subject"]))


def _of_everything(_registry: Registry, _request: Request, wanted: Operation, _rights: Rights) -> Asked:
    return [(wanted, None)]


def _of_subject(registry: Registry, request: Request, wanted: Operation, _rights: Rights) -> Asked:
    return [(wanted, _path_subject(registry, request))]


def _of_settings(_registry: Registry, request: Request, wanted: Operation, _rights: Rights) -> Asked:
    """The default context's settings, and those of all contexts, are those of everything."""
    subject = settings_subject(request.parameters["subject"])
    if subject is not None and subject != GLOBAL_SUBJECT:
        return [(wanted, subject)]
    if wanted is Operation.SUBJECT_COMPATIBILITY_READ:
        return [(Operation.GLOBAL_COMPATIBILITY_READ, None)]
    return [(Operation.GLOBAL_COMPATIBILITY_WRITE, None)]


def _of_context(_registry: Registry, request: Request, wanted: Operation, _rights: Rights) -> Asked:
    context = context_name(request.parameters["context"])
    return [(wanted, context_subject(context) or f":{context}:")]


def _of_id(registry: Registry, request: Request, _wanted: Operation, rights: Rights) -> Asked:
    """Whoever may read one subject that has it; the one that `subject` names, if that has it."""
    schema_id = path_integer(request.parameters["id"])
    named = request.text("subject")
    subject = None if named is None else registry.state.alias_target(normalized(named))
    holders = registry.state.find_id(schema_id, subject)
    name = "" if subject is None else qualified(subject).name
    own = [each for each in holders if name and qualified(each.subject).name == name]
    _require_one(rights, own or holders, f"Schema: {schema_id}")
    return ()


def _of_guid(registry: Registry, request: Request, _wanted: Operation, rights: Rights) -> Asked:
    guid = request.parameters["guid"]
    try:
        places = registry.state.ids_of_guid(UUID(guid).bytes)
    except ValueError:
        places = []
    holders = [each for place in places for each in registry.state.with_id(*place)]
    _require_one(rights, holders, f"Schema: {guid}")
    return ()


def _of_associated(registry: Registry, request: Request, _wanted: Operation, _rights: Rights) -> Asked:
    from ottla.registry.rest.association_rights import changed  # noqa: PLC0415 - few ask

    return changed(registry, request)


def _of_associated_in_batch(
    registry: Registry, request: Request, _wanted: Operation, _rights: Rights
) -> Asked:
    from ottla.registry.rest.association_rights import changed_in_batch  # noqa: PLC0415

    return changed_in_batch(registry, request)


def _of_untied(registry: Registry, request: Request, _wanted: Operation, _rights: Rights) -> Asked:
    from ottla.registry.rest.association_rights import deleted  # noqa: PLC0415

    return deleted(registry, request)


def _of_dek(registry: Registry, request: Request, wanted: Operation, _rights: Rights) -> Asked:
    from ottla.registry.rest.dek_registry import checked_subject  # noqa: PLC0415 - few ask

    return [(wanted, checked_subject(registry, request.parameters["subject"]))]


def _of_dek_in_body(registry: Registry, request: Request, wanted: Operation, _rights: Rights) -> Asked:
    from ottla.registry.rest.dek_registry import checked_subject  # noqa: PLC0415

    return [(wanted, checked_subject(registry, json_fields.text(request.json(), "subject")))]


def _require_one(rights: Rights, holders: Iterable[StoredSchema], what: str) -> None:
    """What doesn't exist is told to be so to those alone who may read everything: others would learn what does."""
    if not rights.sees_everything and not any(rights.sees(each.subject) for each in holders):
        raise RegistryError(DENIED, f"User is denied operation Read on {what}")


_ASKED: Final[Mapping[About, Callable[[Registry, Request, Operation, Rights], Asked]]] = {
    About.EVERYTHING: _of_everything,
    About.SUBJECT: _of_subject,
    About.SETTINGS_OF: _of_settings,
    About.CONTEXT: _of_context,
    About.ID: _of_id,
    About.GUID: _of_guid,
    About.ASSOCIATED: _of_associated,
    About.ASSOCIATED_IN_BATCH: _of_associated_in_batch,
    About.UNTIED: _of_untied,
    About.DEK: _of_dek,
    About.DEK_IN_BODY: _of_dek_in_body,
}


def _check_references(request: Request, rights: Rights, subject: str) -> Awaitable[None] | None:
    if rights.sees_everything:
        return None
    if len(request.body) < LARGE_BODY_BYTES:
        _require_references(request.json(), rights, subject)
        return None
    return _check_large(request, rights, subject)


async def _check_large(request: Request, rights: Rights, subject: str) -> None:
    _require_references(await asyncio.to_thread(request.json), rights, subject)


def _require_references(body: JsonObject, rights: Rights, subject: str) -> None:
    context = context_of(subject)
    for reference in json_fields.objects(body, "references") or ():
        named = json_fields.text(reference, "subject")
        if named is not None:
            rights.require(Operation.SUBJECT_READ, normalized(in_context(context, named)))
